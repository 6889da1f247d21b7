"""Dry contacts at a simulated device server, looked at by the real child process."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from agent.clock import SystemClock
from agent.config import load
from agent.errors import ConfigurationError
from agent.reading import Block, BlockBuilder, Channel, Sample
from agent.simulator.contacts import ContactServer
from agent.simulator.contacts import Fault as ServerFault
from agent.watchers import serial_watcher
from agent.watchers.contact import ContactSettings, ContactWatcher
from agent.watchers.watcher import Fault, Seen
from tests.agent.watchers.bench import Ears

HEAD = '[agent]\nid = "em-01"\nstate_dir = "state"\n[collector]\nurl = "http://127.0.0.1:8321"\n[[watcher]]\n'


class Bench:
    """A device server that can be unplugged; its port stays the same."""

    def __init__(self) -> None:
        self.server = ContactServer()
        self.port = self.server.port
        self.url = f"{self.server.url}?timeout=0.5"
        self._start()

    def plug(self) -> None:
        self.server = ContactServer(self.port)
        self._start()

    def unplug(self) -> None:
        self.server.stopping = True
        self._thread.join(10)
        self.server.close()

    def close_contacts(self, *lines: Any) -> None:
        self.server.closed = frozenset(lines)

    def suffer(self, fault: ServerFault | None) -> None:
        self.server.fault = fault

    def _start(self) -> None:
        self._thread = threading.Thread(target=self.server.serve)
        self._thread.start()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.unplug()


@pytest.fixture
def watch(bench: Bench) -> Iterator[Callable[..., Ears]]:
    started: list[Ears] = []

    def start(**settings: Any) -> Ears:
        started.append(Ears(ContactWatcher(settings_for(bench.url, **settings), SystemClock())))
        return started[-1]

    yield start
    for ears in started:
        ears.stop()


def settings_for(port: str, **settings: Any) -> ContactSettings:
    table = {"name": "beam", "kind": "contact", "asset": "A001", "port": port, "poll_s": 0.2, "debounce_ms": 30}
    given = settings if {"cts", "dsr", "dcd", "ri"} & set(settings) else {"cts": {}, **settings}
    return msgspec.convert({**table, **given}, ContactSettings)


def is_word(word: str, channel: str = "contact") -> Callable[[Sample], bool]:
    return lambda sample: (sample.channel, sample.value) == (channel, word)


def test_a_contact_that_closes_and_opens_is_told_with_the_moment_before(
    bench: Bench, watch: Callable[..., Ears]
) -> None:
    ears = watch()
    ears.wait(Sample, is_word("open"))
    bench.close_contacts("cts")
    closed = ears.wait(Sample, is_word("closed"))
    bench.close_contacts()
    ears.wait(Sample, is_word("open"))
    words = [sample.value for sample in ears.samples()]
    assert words == sorted(words[: words.index("closed")], reverse=True) + words[words.index("closed") :]
    last_open = ears.samples()[words.index("closed") - 1]
    assert 0 < closed.at.mono_ms - last_open.at.mono_ms < 1000
    assert isinstance(ears.said[0], Seen)
    assert ("contacts", "contact on cts") in ears.said[0].particulars
    assert not [said for said in ears.said if isinstance(said, Fault)]


def test_samples_are_in_the_order_of_their_time(bench: Bench, watch: Callable[..., Ears]) -> None:
    ears = watch()
    for lines in ((), ("cts",), (), ("cts",)):
        bench.close_contacts(*lines)
        for _ in range(2):
            ears.wait(Sample, is_word("closed" if lines else "open"))
    times = [sample.at.mono_ms for sample in ears.samples()]
    assert times == sorted(set(times))
    builder = BlockBuilder("beam", Channel("contact", "state", 200))
    blocks = [one for sample in ears.samples() for one in builder.add(sample)] + builder.close()
    assert (
        "".join(word[0] for block in blocks if isinstance(block, Block) for word in block.reading.states or ())
        == "ococ"
    )


def test_each_line_is_a_channel_and_a_sense_may_be_inverted(bench: Bench, watch: Callable[..., Ears]) -> None:
    bench.close_contacts("cts", "ri")
    ears = watch(
        cts={"channel": "beam"},
        dsr={"channel": "shutter", "invert": True},
        dcd={"channel": "vacuum"},
        ri={"channel": "water"},
    )
    ears.wait(Sample, is_word("closed", "water"))
    bench.close_contacts("dsr", "dcd")
    ears.wait(Sample, is_word("open", "water"))
    ears.wait(Sample, is_word("open", "shutter"))
    last = {sample.channel: sample.value for sample in ears.samples()}
    assert last == {"beam": "open", "shutter": "open", "vacuum": "closed", "water": "open"}


@pytest.mark.parametrize(("supply", "word"), [("dtr", "closed"), ("none", "open")])
def test_a_contact_is_fed_by_the_lines_that_are_configured(
    bench: Bench, watch: Callable[..., Ears], supply: str, word: str
) -> None:
    bench.close_contacts("cts")
    ears = watch(supply=supply)
    ears.wait(Sample)
    assert ears.wait(Sample).value == word


def test_chatter_is_unobserved_with_the_reason(bench: Bench, watch: Callable[..., Ears]) -> None:
    ears = watch(most_changes=4)
    ears.wait(Sample)
    chattering = threading.Event()

    def chatter() -> None:
        while not chattering.wait(0.06):
            bench.close_contacts(*(() if bench.server.closed else ("cts",)))

    thread = threading.Thread(target=chatter)
    thread.start()
    told = ears.heard(Fault)
    chattering.set()
    thread.join()
    assert told.reason == (
        "unobserved because contact contact changed more than 4 times in 10 s: a loose wire, or alternating voltage on "
        "the line; mend it, or raise debounce_ms or most_changes"
    )


def test_a_server_that_goes_is_said_at_once_and_seen_again_within_five_seconds(
    bench: Bench, watch: Callable[..., Ears]
) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.unplug()
    told = ears.heard(Fault)
    assert told.reason.startswith(f"unobserved because {bench.url} failed (")
    assert told.reason.endswith("is the device server reachable, and is nobody else at its port?")
    bench.plug()
    bench.close_contacts("cts")
    ears.wait(Sample, is_word("closed"), within_s=5)
    assert "closed" not in [sample.value for sample in ears.samples() if sample.at < told.at]


def test_a_server_that_hangs_is_not_taken_for_a_steady_contact(bench: Bench, watch: Callable[..., Ears]) -> None:
    ears = watch()
    ears.wait(Sample)
    bench.suffer("hang")
    told = ears.heard(Fault)
    assert "timeout while waiting for option 'control'" in told.reason
    last = ears.samples()[-1]
    assert told.at.mono_ms > last.at.mono_ms
    bench.suffer(None)
    ears.wait(Sample)


def test_a_server_that_does_not_tell_its_lines_is_named_with_the_remedy(
    bench: Bench, watch: Callable[..., Ears]
) -> None:
    bench.suffer("mute")
    ears = watch()
    told = ears.heard(Fault)
    assert told.reason.startswith(f"unobserved because the device server at {bench.url} does not tell its modem lines")
    assert "append ?poll_modem" in told.reason
    assert not ears.samples()


def test_noise_as_data_does_no_harm(bench: Bench, watch: Callable[..., Ears]) -> None:
    bench.suffer("garbage")
    ears = watch()
    for _ in range(5):
        ears.wait(Sample, is_word("open"))
    assert not [said for said in ears.said if isinstance(said, Fault)]


def test_a_pseudo_terminal_has_no_modem_lines_and_that_is_said() -> None:
    master, slave = os.openpty()
    port = os.ttyname(slave)
    ears = Ears(ContactWatcher(settings_for(port), SystemClock()))
    assert ears.heard(Fault).reason == (
        f"unobserved because {port} has no modem lines, as a pseudo-terminal has none: use a serial port that has "
        "them, or a device server by rfc2217://"
    )
    ears.stop()
    os.close(master)
    os.close(slave)


def test_a_child_that_hangs_is_replaced(watch: Callable[..., Ears], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_watcher, "CHILD_PATIENCE_S", -2.5)
    ears = watch()
    ears.wait(Sample)
    [child] = [one for one in psutil.Process().children() if "agent.watchers.contact_port" in one.cmdline()]
    child.send_signal(signal.SIGSTOP)
    assert "its process said nothing for" in ears.heard(Fault).reason
    ears.wait(Sample)
    assert not child.is_running()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('port = "/dev/ttyS0"', "watcher[0].cts: no contact is configured; add a table [watcher.cts]"),
        (
            'port = "/dev/ttyS0"\n[watcher.cts]\n[watcher.ri]',
            "watcher[0].channel: two contacts have one name (contact, contact)",
        ),
        ('port = "socket://h:1"\n[watcher.cts]', "watcher[0].port: socket:// carries no modem lines; use rfc2217://"),
        ('port = "/dev/ttyUSB*"\n[watcher.cts]', "watcher[0].port: nothing here answers a question, so name one port"),
        (
            'port = "/dev/ttyS0"\n[watcher.cts]\nchanel = "b"',
            "watcher[0].cts.chanel: unknown key; did you mean channel?",
        ),
        ('port = "/dev/ttyS0"\n[watcher.cts]\nchannel = ""', "watcher[0].cts.channel: expected"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, table: str, says: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(f'{HEAD}name = "beam"\nkind = "contact"\n{table}\n')
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert says in str(caught.value)
