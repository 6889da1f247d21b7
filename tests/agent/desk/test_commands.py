"""`jishi-agent sign` and `card` against a real agent that has no connection and a meter that is not there."""

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import cli
from agent.commands.operator import OPERATOR_VARIABLE
from agent.config import load
from agent.desk.client import ask
from agent.simulator.cards import PtyReader
from protocol.entry import Declaration, decode
from tests.agent.enrolled import enrol_in
from tests.agent.test_uplink_broker import eventually
from tests.agent.watchers.pty_bench import PtyBench

CARD, OTHER = "100086F444", "62E3086CED"

Captured = pytest.CaptureFixture[str]


class Agent:
    """An agent as a process of its own, and the commands that are typed beside it."""

    def __init__(self, directory: Path, port: int) -> None:
        self.state_dir = directory / "pc" / "state"
        self.configuration = enrol_in(directory / "pc", broker_port=9, port=directory / "none")
        text = self.configuration.read_text("utf-8")
        desk = f"[desk]\nport = {port}\n\n[[watcher]]"
        self.configuration.write_text(text.replace("[[watcher]]", desk, 1), encoding="utf-8")
        self._log = (directory / "agent.log").open("ab")
        self.start()

    def start(self) -> None:
        program = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
        command = [*program, "run", "-c", str(self.configuration)]
        (self.state_dir / "desk.token").unlink(missing_ok=True)
        self.process = subprocess.Popen(command, stderr=self._log)
        eventually(lambda: self.run("sign", "show") == 0, within_s=30)

    def run(self, *words: str) -> int:
        command, deed, *rest = words
        return cli.main([command, deed, "-c", str(self.configuration), *rest])

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.state_dir / "status.json").read_text("utf-8"))
        return found

    def declared(self) -> list[Declaration]:
        lines = [line for path in self.state_dir.glob("journal/1/*.log") for line in path.read_bytes().splitlines()[1:]]
        bodies = [decode(line.partition(b" ")[2]).body for line in lines]
        return [body for body in bodies if isinstance(body, Declaration)]

    def hint(self) -> str:
        return str(ask(load(self.configuration), "GET", "/api/desk")["hint"])

    def waits_for_a_card(self) -> bool:
        return bool(ask(load(self.configuration), "GET", "/api/cards/assign")["waiting"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self._log.close()


@pytest.fixture
def agent(tmp_path: Path, free_port: int, capsys: Captured) -> Iterator[Agent]:
    made = Agent(tmp_path, free_port)
    capsys.readouterr()
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[PtyBench[PtyReader]]:
    made = PtyBench(tmp_path / "ttyCARD", PtyReader)
    yield made
    made.unplug()


@pytest.fixture
def typed(capsys: Captured) -> Callable[[], str]:
    """What a command printed, on either stream."""
    return lambda: "".join(capsys.readouterr())


def test_signing_in_and_out_offline_stands_in_the_journal_when_the_command_returns(
    agent: Agent, typed: Callable[[], str]
) -> None:
    sign_in = ("--asset", "A001", "--operator", "张三", "--purpose", "service-order", "--order", "SO-2026-17")
    assert agent.run("sign", "in", *sign_in) == 0
    assert "signed in at A001: service-order SO-2026-17, since 20" in typed()
    assert [(body.purpose, body.order, body.how) for body in agent.declared()] == [
        ("service-order", "SO-2026-17", "command")
    ]
    agent.kill()
    agent.start()
    typed()
    assert agent.run("sign", "show", "--json") == 0
    (present,) = json.loads(typed())["present"]
    assert (present["operator"], present["how"]) == ("张三", "command")
    eventually(lambda: "张三" in str(agent.status()["desk"]))
    assert agent.run("sign", "out") == 0
    assert "signed out at A001: 20" in typed()
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20) == 0
    assert [body.action for body in agent.declared()] == ["in", "out"]
    assert "张" not in "".join(path.read_text("utf-8") for path in agent.state_dir.glob("journal/1/*.log"))


def test_a_name_need_not_stand_in_the_command_line(
    agent: Agent, typed: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPERATOR_VARIABLE, "Anna")
    assert agent.run("sign", "in") == 0
    monkeypatch.delenv(OPERATOR_VARIABLE)
    monkeypatch.setattr("sys.stdin", io.StringIO("Bo\n"))
    assert agent.run("sign", "in") == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("Anna\n"))
    assert agent.run("sign", "out", "--operator", "-") == 0
    typed()
    assert agent.run("sign", "show") == 0
    assert "Bo  own-research, since" in typed()
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert agent.run("sign", "in") == 1
    assert "the operator's name is missing" in typed()


def test_what_is_refused_is_said_with_the_remedy(agent: Agent, typed: Callable[[], str]) -> None:
    assert agent.run("sign", "in", "--operator", "Anna", "--asset", "A009") == 1
    assert "known: A001" in typed()
    assert agent.run("sign", "out") == 1
    assert "nobody is signed in at A001" in typed()
    with pytest.raises(SystemExit) as wrong:
        agent.run("sign", "in", "--operator", "Anna", "--purpose", "fun")
    assert wrong.value.code == 2
    assert agent.declared() == []


def test_cards_are_listed_and_removed_and_wait_for_a_reader(
    agent: Agent, typed: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agent.run("card", "list") == 0
    assert typed() == ""
    assert agent.run("card", "remove", "0123") == 1
    assert "jishi-agent card list shows them" in typed()
    answers = iter([{"waiting": True, "card": ""}, {"waiting": False, "card": "", "hint": ""}])
    monkeypatch.setattr("agent.desk.client.ask", lambda *_, **__: next(answers))
    monkeypatch.setattr("agent.commands.card.ASK_EVERY_S", 0)
    assert agent.run("card", "assign", "--operator", "Anna") == 1
    assert "no card was presented within a minute" in typed()


def test_a_card_at_a_real_reader_is_assigned_and_signs_its_holder_in_and_out(
    agent: Agent, reader: PtyBench[PtyReader], typed: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.kill()
    with agent.configuration.open("a", encoding="utf-8") as file:
        file.write(f'\n[[watcher]]\nname = "desk1"\nkind = "card-reader"\nasset = "A001"\nport = "{reader.link}"\n')
    agent.start()
    eventually(lambda: "'port': 'open'" in str(agent.status()), within_s=20)
    asks = threading.Thread(target=lambda: (eventually(agent.waits_for_a_card), reader.device.present(CARD)))
    monkeypatch.setenv(OPERATOR_VARIABLE, "张三")
    asks.start()
    assert agent.run("card", "assign", "--purpose", "teaching") == 0
    asks.join()
    assert "is 张三's, for teaching" in typed()
    assert agent.declared() == [], "to assign a card is not to use it"
    for times in (1, 2):
        reader.device.present(OTHER, for_s=1.5)  # longer than the other one must be away to count anew
        eventually(lambda: "it is nobody's" in agent.hint())
        reader.device.present(CARD, for_s=1.5)
        eventually(lambda times=times: len(agent.declared()) == times)  # type: ignore[misc]
        eventually(lambda: not agent.hint())
    assert [(body.action, body.how, body.purpose) for body in agent.declared()] == [
        ("in", "card", "teaching"),
        ("out", "card", None),
    ]
    kept = b"".join(path.read_bytes() for path in agent.state_dir.rglob("*") if path.is_file())
    assert CARD.encode() not in kept
    assert OTHER.encode() not in kept


def test_an_agent_that_does_not_run_or_has_no_desk_is_said(agent: Agent, typed: Callable[[], str]) -> None:
    agent.kill()
    assert agent.run("sign", "show") == 1
    assert "is the agent running? (jishi-agent status)" in typed()
    (agent.state_dir / "desk.token").unlink()
    assert agent.run("sign", "show") == 1
    assert "the agent's desk has not run yet" in typed()
    text = agent.configuration.read_text("utf-8")
    agent.configuration.write_text(text.replace("[desk]", "[desks]"), encoding="utf-8")
    assert agent.run("sign", "show") == 2
    assert "did you mean desk?" in typed()
    lines = [line for line in text.splitlines() if not line.startswith(("[desk]", "port = "))]
    agent.configuration.write_text("\n".join([*lines, 'port = "/dev/ttyUSB0"']), encoding="utf-8")
    assert agent.run("sign", "show") == 1
    assert "add a [desk] table to its configuration" in typed()
