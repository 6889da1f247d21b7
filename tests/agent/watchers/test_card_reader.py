"""A card reader on a pseudo-terminal, listened to by the real child process."""

import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent import status
from agent.beacons import BeaconView
from agent.clock import SystemClock
from agent.config import load
from agent.disk import Disk
from agent.errors import ConfigurationError
from agent.journal import Journal
from agent.reading import Sample
from agent.recorder import Recorder
from agent.scratch import Scratch
from agent.simulator.cards import Fault as ReaderFault
from agent.simulator.cards import PtyReader
from agent.simulator.contacts import ContactServer
from agent.uplink import UplinkView
from agent.watchers.card_reader import CardReader, CardReaderSettings
from agent.watchers.child import ChildLost
from agent.watchers.watcher import Card, Fault, Seen
from tests.agent.manual_clock import ManualClock
from tests.agent.simulator.served import serving
from tests.agent.watchers.bench import Ears
from tests.agent.watchers.pty_bench import PtyBench

CARD, OTHER = "100086F444", "62E3086CED"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[PtyBench[PtyReader]]:
    bench = PtyBench(tmp_path / "ttyCARD", PtyReader)
    yield bench
    bench.unplug()


@pytest.fixture
def watch(bench: PtyBench[PtyReader]) -> Iterator[Callable[..., Ears]]:
    started: list[Ears] = []

    def start(**settings: Any) -> Ears:
        started.append(Ears(reader_at(bench.link, **settings)))
        return started[-1]

    yield start
    for ears in started:
        ears.stop()


def reader_at(port: Path | str, **settings: Any) -> CardReader:
    table = {"name": "desk1", "kind": "card-reader", "asset": "A001", "port": str(port), "poll_s": 0.2, **settings}
    return CardReader(msgspec.convert(table, CardReaderSettings), SystemClock())


def cards_of(ears: Ears) -> list[str]:
    return [said.number for said in ears.said if isinstance(said, Card)]


def test_each_presentation_is_said_once(bench: PtyBench[PtyReader], watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    for number in (CARD, OTHER):
        bench.device.present(number, for_s=0.5)
        said = ears.wait(Card, lambda card, number=number: card.number == number)  # type: ignore[misc]
        assert said.watcher == "desk1"
    ears.wait(Sample, lambda sample: sample.at.mono_ms > said.at.mono_ms + 500)
    assert cards_of(ears) == [CARD, OTHER]


def test_a_reader_without_cards_is_listened_to_and_status_says_since_when(watch: Callable[..., Ears]) -> None:
    ears = watch()
    assert {ears.wait(Sample).value, ears.wait(Sample).value} == {"open"}
    seen = ears.said[0]
    assert isinstance(seen, Seen)
    particulars = dict(seen.particulars)
    assert particulars["format"] == "rdm6300"
    assert 0 <= seen.at.wall_ms - int(particulars["listening_since_ms"]) < 5000


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("checksum", "unobserved because 3 frames in a row with a wrong checksum"),
        ("garbage", "bytes and no card among them: check baudrate, and if the reader speaks rdm6300"),
        ("half", "bytes and no card among them"),
        ("flood", "bytes and no card among them"),
    ],
)
def test_a_reader_in_trouble_is_unobserved_and_believed_again_with_the_next_card(
    bench: PtyBench[PtyReader], watch: Callable[..., Ears], fault: ReaderFault, says: str
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.device.fault = fault
    bench.device.present(CARD, for_s=60)
    assert says in ears.heard(Fault).reason
    assert cards_of(ears) == []
    bench.device.fault = None
    assert ears.wait(Card).number == CARD
    ears.wait(Sample)


def test_an_unplugged_reader_is_said_and_listened_to_again_within_five_seconds(
    bench: PtyBench[PtyReader], watch: Callable[..., Ears]
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.unplug()
    assert ears.heard(Fault).reason.endswith("was the adapter unplugged?")
    bench.plug()
    ears.wait(Sample, within_s=5)
    bench.device.present(CARD)
    assert ears.wait(Card).number == CARD


def test_a_device_server_that_hangs_is_not_taken_for_a_reader_without_cards() -> None:
    with serving(ContactServer()) as server:
        ears = Ears(reader_at(f"{server.url}?timeout=0.5"))
        ears.wait(Sample)
        server.fault = "hang"
        assert "timeout while waiting for option 'control'" in ears.heard(Fault).reason
        server.fault = None
        ears.wait(Sample)
        ears.stop()


def test_a_child_that_dies_is_replaced(bench: PtyBench[PtyReader], watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    child_of().send_signal(signal.SIGKILL)
    assert ears.heard(Fault).reason == "unobserved because its process ended with exit code -9"
    ears.wait(Sample)


def child_of() -> psutil.Process:
    return next(child for child in psutil.Process().children() if "agent.watchers.card_port" in child.cmdline())


# The clear number is for the desk alone


def test_the_number_reaches_neither_journal_nor_status_nor_log_nor_command_line(
    bench: PtyBench[PtyReader],
    open_journal: Callable[..., Journal],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    journal, clock, watcher = open_journal(), SystemClock(), reader_at(bench.link)
    scratch = Scratch(journal.directory, disk=Disk())
    recorder = Recorder(journal, scratch, clock=clock, watchers=[watcher])
    recorder.begin(version="0.1.0", configuration=None)
    ears = Ears(watcher)
    for _ in range(3):
        ears.wait(Sample)
    bench.device.present(CARD, for_s=0.2)
    ears.wait(Card)
    bench.device.fault = "checksum"
    bench.device.present(OTHER, for_s=60)
    told = ears.heard(Fault)
    bench.device.fault = None
    ears.wait(Card)
    ears.wait(Sample)
    command_line = child_of().cmdline()
    ears.stop()
    for said in ears.said:
        recorder.take(said)
    recorder.tick()
    composed = status.compose(
        "em-01",
        journal,
        recorder=recorder,
        uplink=UplinkView("offline", 0, "", None),
        beacon=BeaconView("", 0, 0, ""),
        failures={},
        now=clock.now(),
    )
    recorder.end("test")
    recorder.run()
    scratch.close()
    written = b"".join(path.read_bytes() for path in journal.directory.rglob("*") if path.is_file())
    assert b'"open"' in written
    assert b"wrong checksum" in written
    shown = f"{written!r}{told}{composed}{caplog.text}{capfd.readouterr()}{command_line}{journal.findings}"
    for number in (CARD, OTHER):
        for part in (number, number[4:], str(int(number, 16) & 0xFFFFFFFF)):  # a damaged frame keeps the end
            assert part not in shown


@pytest.mark.parametrize("raw", [b'{"wall_ms":1,"mono_ms":1,"card":"100086F4', b'{"card":"100086F444"}', b"\xff"])
def test_a_line_of_the_child_that_is_none_is_not_quoted(raw: bytes) -> None:
    watcher = reader_at(Path("/dev/null"))
    with pytest.raises(ChildLost) as caught:
        watcher.take(raw, lambda said: None)
    assert str(caught.value) == "its process said something that is no line of it"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('port = "/dev/ttyUSB*"', "watcher[0].port: nothing here answers a question, so name one port"),
        ('port = "/dev/ttyUSB0"\nformat = "rdm630"', "watcher[0].format: expected 'rdm6300' or 'em4100-ascii' or"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, table: str, says: str) -> None:
    path = tmp_path / "agent.toml"
    head = '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:8321"\n[[watcher]]\n'
    path.write_text(f'{head}name = "desk1"\nkind = "card-reader"\n{table}\n')
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert says in str(caught.value)


def test_cards_between_two_looks_keep_their_own_times() -> None:
    said: list[Any] = []
    watcher = CardReader(
        msgspec.convert({"name": "d", "kind": "card-reader", "port": "x"}, CardReaderSettings), ManualClock()
    )
    for mono_ms, number in ((1000, CARD), (1001, OTHER)):
        line = {"wall_ms": 1_764_554_400_000 + mono_ms, "mono_ms": mono_ms, "card": number}
        watcher.take(msgspec.json.encode(line), said.append)
    assert [(one.at.mono_ms, one.number) for one in said if isinstance(one, Card)] == [(1000, CARD), (1001, OTHER)]
