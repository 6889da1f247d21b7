"""The desk as the agent runs it: on its own, told in the status, and never in the recording's way."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from agent.config import DeskSettings
from agent.desk import service as service_module
from agent.desk.cards import Holder
from agent.desk.client import ask
from agent.desk.service import DeskService
from agent.reading import Sample
from agent.watchers.watcher import Card
from tests.agent.desk.conftest import IDLE_MS, WATCHERS, Room
from tests.agent.test_status import a_status
from tests.agent.test_uplink_broker import eventually

Start = Callable[..., DeskService]


@pytest.fixture
def start(room: Room, monkeypatch: pytest.MonkeyPatch, free_port: int) -> Iterator[Start]:
    """Starts a desk on a free port (or another); what is awaited is awaited briefly."""
    monkeypatch.setattr(service_module, "TURN_S", 0.01)
    monkeypatch.setattr(service_module, "TRY_AGAIN_S", 0.05)
    started: list[DeskService] = []

    def start_it(port: int = free_port, *, begin: bool = True) -> DeskService:
        made = DeskService(
            DeskSettings(port=port),
            state_dir=room.state_dir,
            journal=room.journal,
            recorder=room.recorder,
            watchers=WATCHERS,
            clock=room.clock,
            glance=a_status,
        )
        if begin:
            made.start()
        started.append(made)
        return made

    yield start_it
    for one in started:
        one.stop()


def is_up(service: DeskService) -> Callable[[], bool]:
    return lambda: service.status()["page"] is not None


def test_the_page_and_the_token_are_there_while_it_runs(room: Room, start: Start, free_port: int) -> None:
    service = start()
    eventually(is_up(service))
    assert service.status() == {
        "page": f"http://127.0.0.1:{free_port}/", "problem": "", "hint": "", "failures": 0, "present": [],
    }  # fmt: skip
    assert (room.state_dir / "desk.token").stat().st_mode & 0o007 == 0
    service.stop()
    assert not is_up(service)()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", free_port))


def test_cards_go_to_the_desk_and_all_else_to_the_recorder(room: Room, start: Start) -> None:
    service = start()
    eventually(is_up(service))
    service.emit(Card("reader1", room.clock.now(), "0A001B2C3D"))
    eventually(lambda: "it is nobody's" in service.status()["hint"])
    service.emit(Sample("meter1", "power", room.clock.advance(1000), 5000, None))
    room.recorder.open_blocks()
    assert room.recorder.observed["meter1"].values == {"power_mw": 5000}
    assert "0A001B2C3D" not in str(room.bodies())


def test_a_flood_of_cards_holds_nobody_up(room: Room, start: Start) -> None:
    service = start(begin=False)  # its thread is as slow as can be
    for number in range(1000):
        service.emit(Card("reader1", room.clock.now(), str(number)))
    service.emit(Sample("meter1", "power", room.clock.advance(1000), 5000, None))
    room.recorder.open_blocks()
    assert room.recorder.observed["meter1"].values == {"power_mw": 5000}


def test_a_port_that_is_taken_is_told_and_cards_work_all_the_same(room: Room, start: Start, free_port: int) -> None:
    room.readers.assign_next(Holder("Anna", "teaching"))
    room.present("0A001B2C3D")
    with socket.create_server(("127.0.0.1", free_port)):
        service = start()
        eventually(lambda: "set another port in [desk]" in service.status()["problem"])
        service.emit(Card("reader1", room.clock.advance(60_000), "0A001B2C3D"))
        eventually(lambda: [one["operator"] for one in service.status()["present"]] == ["Anna"])
    room.clock.advance(1000)
    eventually(is_up(service))
    assert service.status()["problem"] == ""


def test_a_damaged_file_is_told_and_put_right_without_a_restart(room: Room, start: Start) -> None:
    salt = (room.state_dir / "salt").read_bytes()
    (room.state_dir / "salt").write_bytes(b"short")
    service = start()
    eventually(lambda: "put the right file back" in service.status()["problem"])
    assert service.status()["failures"] > 0
    (room.state_dir / "salt").write_bytes(salt)
    eventually(is_up(service))
    assert service.status()["problem"] == ""


def test_a_mistake_of_ours_is_told_and_tried_again(room: Room, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("agent.desk.desk.Desk.look_for_forgotten", lambda self: 1 // 0)
        service = start()
        eventually(lambda: "ZeroDivisionError" in service.status()["problem"])
    eventually(is_up(service))


def test_who_forgot_to_sign_out_is_found_by_itself(room: Room, start: Start) -> None:
    room.give_policy()
    service = start()
    eventually(is_up(service))
    asked = ask_of(room, service)
    assert asked("POST", "/api/sign-in", asset="A001", operator="Anna", purpose="teaching")["entry"] > 0
    room.measure(50, for_ms=IDLE_MS)
    eventually(lambda: service.status()["present"] == [])
    assert room.said()[-1].how == "forgotten"


def ask_of(room: Room, service: DeskService) -> Callable[..., dict[str, object]]:
    """How a command would ask this desk."""
    from types import SimpleNamespace

    configuration = SimpleNamespace(desk=service._settings, state_dir=room.state_dir)
    return lambda method, path, **members: ask(configuration, method, path, **members)  # type: ignore[arg-type]


def test_an_agent_without_a_desk_loads_nothing_of_it() -> None:
    loaded = "import sys, agent.run; print([name for name in sys.modules if name in ('http.server', 'agent.desk')])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
