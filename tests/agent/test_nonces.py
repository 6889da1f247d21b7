"""The nonce of an on-site check: durable, answered once, with and without an agent that runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent import cli, hatch
from agent.clock import Instant
from agent.errors import AgentError
from agent.hatch import Hatch
from agent.identity import Identity, parse_enrolment
from agent.journal import Journal
from agent.nonces import SLIP, NonceBook, journal_nonce
from protocol import entry
from protocol.entry import Inspect
from protocol.errors import MalformedSlip
from protocol.merkle import leaf_hash, root
from protocol.slip import Slip, open_slip, parse_slip
from tests.agent.conftest import AGENT_KEY, BOOT, RECEIPT_KEY, add
from tests.agent.enrolled import answer, enrol_in
from tests.agent.manual_clock import ManualClock
from tests.agent.tending import tending

Open = Callable[..., Journal]
NONCE, OTHER = "0f1e2d3c" * 4, "ffffffff" * 4


@pytest.fixture
def who(directory: Path) -> Identity:
    return Identity(parse_enrolment(answer(9), agent_id="em-01"), AGENT_KEY, RECEIPT_KEY.verifier, directory)


def ask(who: Identity, nonce: str = NONCE) -> Slip:
    return journal_nonce(who, nonce, clock=ManualClock(), patience_s=5)


def hatch_of(journal: Journal, *, refuses: bool = False) -> Hatch:
    """The hatch of an agent that journals nonces, or whose journal takes nothing."""

    def write(body: entry.Body) -> entry.Entry | None:
        if refuses:
            return None
        at = Instant(1_764_554_400_000, 5_000)
        index = journal.append(body, at, boot=BOOT)
        return entry.make(body, index=index, wall_ms=at.wall_ms, mono_ms=at.mono_ms, boot=BOOT)

    return Hatch(journal, lambda _: None, NonceBook(journal, AGENT_KEY, write).answer)


@pytest.mark.parametrize("runs", [True, False])
def test_the_slip_is_over_what_stands_in_the_journal(open_journal: Open, who: Identity, runs: bool) -> None:
    journal = open_journal()
    add(journal, 5)
    if runs:
        with tending(hatch_of(journal)):
            slip = ask(who)
    else:
        journal.close()
        slip = ask(who)
        journal = open_journal()
    told = open_slip(slip, AGENT_KEY.verifier)
    assert (told.nonce, told.entry.index, told.checkpoint.size) == (NONCE, 5, 6)
    assert journal.entries(5, 6) == (slip.entry,)
    assert told.checkpoint.root == root(map(leaf_hash, journal.entries(0, 6)))


def test_asked_again_it_answers_the_same(open_journal: Open, who: Identity) -> None:
    journal = open_journal()
    with tending(hatch_of(journal)):
        first = ask(who)
        add(journal, 3)
        assert ask(who) == first
        assert ask(who, OTHER) != first
    assert [entry.decode(raw).body for raw in journal.entries(0, journal.size)].count(Inspect(NONCE)) == 1


@pytest.mark.parametrize("nonce", ["", "hello", "0F" * 16, "0f" * 16 + "\n"])
def test_a_malformed_nonce_is_refused_and_nothing_journalled(open_journal: Open, who: Identity, nonce: str) -> None:
    journal = open_journal()
    with tending(hatch_of(journal)), pytest.raises(MalformedSlip):
        ask(who, nonce)
    assert journal.size == 0


@pytest.mark.parametrize("nonce", ["x", "hello", "0F" * 16])
def test_a_malformed_nonce_in_the_hatch_is_taken_away_and_not_journalled(
    open_journal: Open, who: Identity, nonce: str
) -> None:
    journal = open_journal()
    wanted = who.journal / hatch.INSPECT_WANTED
    wanted.write_text(nonce, "utf-8")
    hatch_of(journal).look()
    assert (journal.size, wanted.exists()) == (0, False)


def test_a_journal_that_takes_nothing_is_said(open_journal: Open, who: Identity) -> None:
    with tending(hatch_of(open_journal(), refuses=True)), pytest.raises(AgentError, match="did not journal"):
        ask(who)


def test_a_slip_of_another_journal_is_not_handed_out(open_journal: Open, who: Identity) -> None:
    journal = open_journal()
    with tending(hatch_of(journal)):
        ask(who)
    held = (who.journal / SLIP).read_bytes()
    with tending(hatch_of(journal, refuses=True)), pytest.raises(AgentError, match="did not journal"):
        ask(who, OTHER)
    assert (who.journal / SLIP).read_bytes() == held


def test_the_command_writes_the_slip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = enrol_in(tmp_path / "agent", broker_port=9, port=tmp_path / "port")
    out = tmp_path / "a.slip"
    assert cli.main(["inspect", NONCE, "-c", str(config), "--out", str(out)]) == 0
    slip = parse_slip(out.read_bytes())
    assert open_slip(slip, AGENT_KEY.verifier).entry.index == 1
    assert slip.code in capsys.readouterr().out
    assert cli.main(["inspect", NONCE, "-c", str(config), "--out", str(out)]) == 0
    assert cli.main(["inspect", OTHER, "-c", str(config), "--out", str(out)]) == 1
    assert cli.main(["inspect", "hello", "-c", str(config)]) == 1
    assert "32 lower-case hex digits" in capsys.readouterr().err


def test_a_stick_that_cannot_be_written_is_told_and_the_slip_can_be_had_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = enrol_in(tmp_path / "agent", broker_port=9, port=tmp_path / "port")
    assert cli.main(["inspect", NONCE, "-c", str(config), "--out", str(tmp_path / "stick" / "a.slip")]) == 1
    told = capsys.readouterr()
    assert "the nonce is journalled" in told.err
    assert "index 1" in told.out, "it can be copied by hand"
    (tmp_path / "full.slip").touch()  # what a full stick left
    assert cli.main(["inspect", NONCE, "-c", str(config), "--out", str(tmp_path / "full.slip")]) == 0
    slip = parse_slip((tmp_path / "full.slip").read_bytes())
    assert open_slip(slip, AGENT_KEY.verifier).entry.index == 1
    assert slip.code in told.out
