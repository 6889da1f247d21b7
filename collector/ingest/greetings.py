"""Judges how agents begin: the hello of one that continues its journal, the request of one that needs the next epoch.

Both end in a welcome, which grants the agent how much it may have under way, or in a refusal that says what is held.
"""

from functools import partial

from collector.ingest import answers
from collector.ingest.accept import Fork, Refused, judge_hello
from collector.ingest.adjudication import doubt
from collector.ingest.fork_proofs import prove_by_note
from collector.ingest.held import HeldJournal
from collector.ingest.prepare import Greeting, Succession
from collector.ingest.work import Answer, Work
from collector.registry import epochs
from collector.registry.policies import hints_for_agent
from collector.store.queries import load
from protocol.epoch import Taken, pack_taken
from protocol.interval import local_day
from protocol.message import Hello
from protocol.note import Checkpoint

_SQL = load("ingest")


def greet(work: Work, greeting: Greeting, journal: HeldJournal | None) -> Answer:
    """Judges a hello by the checkpoint in it; `journal` is what is held of the log that it names."""
    work.counts["hellos"] += 1
    note = greeting.hello.note
    judged = judge_hello(
        journal.held if journal else None,
        note,
        agent_id=greeting.agent_id,
        root_at=lambda size: work.root_at(journal, size),
    )
    if journal is None or isinstance(judged, Refused):
        assert isinstance(judged, Refused), "a hello of an unknown origin is refused"
        return partial(answers.refuse, judged, journal, log=greeting.origin)
    if isinstance(judged, Fork):
        work.keep(note, b"", journal=journal, outcome=judged)
        return doubt(work, note, journal, judged)
    return _welcome(work, greeting, journal, judged=judged)


def succeed(work: Work, succession: Succession) -> Answer:
    """Opens the next epoch of an agent whose journal cannot go on, and greets it as after a hello."""
    work.counts["epochs_asked"] += 1
    begun = epochs.begin(
        work.connection,
        succession.asked.request,
        agent_id=succession.agent_id,
        compare=partial(_compare, work),
        now=work.now,
    )
    if isinstance(begun, Taken):
        return partial(pack_taken, begun)
    if isinstance(begun, epochs.NotBegun):
        return partial(answers.refuse, Refused(*begun), None, log=succession.origin)
    old = work.find_journal(begun.request.old.origin)
    if old is not None and begun.fits is False:
        work.keep(succession.asked.request, b"", journal=old, outcome=Fork(begun.request.old.size))
        prove_by_note(work, old, succession.asked.request)
    hello = Hello(succession.asked.nonce, succession.asked.note)
    greeting = Greeting(succession.agent_id, succession.origin, hello)
    return greet(work, greeting, work.find_journal(succession.origin))


def _welcome(work: Work, greeting: Greeting, journal: HeldJournal, *, judged: Checkpoint) -> Answer:
    work.see(greeting.agent_id, judged.size)
    held = journal.held.size
    window = work.grants.ask(greeting.agent_id, size=judged.size, held=held, now_ms=work.now_ms)
    if not window:
        work.counts["hellos_busy"] += 1
        return partial(answers.refuse, answers.BUSY, journal, log=greeting.origin)
    return partial(
        answers.welcome,
        greeting.hello,
        journal,
        window=window,
        hints=hints_for_agent(work.connection, greeting.agent_id, day=local_day(work.now_ms)),
        spread_s=_spread_s(work),
        now_ms=work.now_ms,
        beacon=work.beacon(),
    )


def _compare(work: Work, origin: str, size: int, root: bytes) -> tuple[int, bool | None]:
    """What is held of a log, and whether a tree of this size and root is its beginning."""
    journal = work.find_journal(origin)
    assert journal is not None, "only a known log ends"
    held = journal.held.size
    return held, None if size > held else work.root_at(journal, size) == root


def _spread_s(work: Work) -> int:
    """Over how long agents are to come back; they are counted once for all hellos of a transaction."""
    if work.spread_s is None:
        row = work.connection.execute(_SQL.count_agents).fetchone()
        work.spread_s = answers.spread_for(0 if row is None else row[0])
    return work.spread_s
