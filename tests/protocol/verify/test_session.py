"""A session shown without the rest of its day: valid by itself, and no lie about it is."""

from datetime import timedelta
from functools import cache

import pytest

from protocol.verify.trust import parse_trust
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import verify
from tests.protocol.bundles import FIRST, Memory, World, trust_text
from tests.protocol.verify.verifying import found, told

DAY = FIRST + timedelta(days=1)
START, END = 9 * 3600, 17 * 3600
DIRECTORY = "agents/em-01/1/"


@cache
def world() -> World:
    return World()


@cache
def honest():
    return world().session(DAY, START, END, 8 * 3600)


def run(files, *, without=()):
    sealed = world().sealed(files, scope="selective", **{"from": DAY.isoformat(), "to": DAY.isoformat()})
    return verify(Memory({path: raw for path, raw in sealed.items() if path not in without}), parse_trust(trust_text()))


def test_a_session_is_valid_and_nothing_else_of_the_day_is_in_it() -> None:
    result = run(honest())
    assert result.verdict is Verdict.VALID, told(result)
    assert result.days == []
    assert not [path for path in honest() if path.startswith("hours/") or path == "facts/facts.jsonl"]
    assert result.checks[11].counts["seconds of run"] == 8 * 3600


def shown_entries():
    return sorted(path for path in honest() if "/entries/" in path)


def change(path, old, new):
    return {**honest(), path: honest()[path].replace(old, new)}


@pytest.mark.parametrize("files, word", [
    (lambda: change("session.json", b'"run_s":28800', b'"run_s":28801'), "session-differs"),
    (lambda: change("session.json", b"A001", b"A002"), "session-form"),
    (lambda: change("session.json", b"2026-03-03", b"2026-03-02"), "session-form"),
    (lambda: change("session.json", b"{", b"{ "), "session-form"),
    (lambda: change(shown_entries()[3], b'"t":', b'"t":1'), "session-entry"),
    (lambda: {**honest(), shown_entries()[3]: honest()[shown_entries()[4]]}, "session-entry"),
    (lambda: {path: raw for path, raw in honest().items() if path != shown_entries()[3]}, "session-entry"),
    (lambda: {path: raw for path, raw in honest().items() if path != "session.json"}, "part-missing"),
    (lambda: {**honest(), f"{DIRECTORY}receipts/000": b"\0\1x"}, "receipts-form"),
])  # fmt: skip
def test_a_lie_about_a_session(files, word) -> None:
    result = run(files())
    assert result.verdict is not Verdict.VALID
    assert word in found(result), told(result)


def test_an_entry_without_its_proof_is_not_shown() -> None:
    proof = next(path for path in sorted(honest()) if "/proofs/" in path)
    result = run({path: raw for path, raw in honest().items() if path != proof})
    assert result.verdict is Verdict.CONTRADICTED
    assert "session-entry" in found(result)


def test_a_proof_without_its_entry_is_false() -> None:
    result = run({path: raw for path, raw in honest().items() if path != shown_entries()[3]})
    assert result.verdict is Verdict.CONTRADICTED
    assert "session-entry" in found(result)


@pytest.mark.parametrize("path", sorted(honest()))
def test_a_file_of_a_session_that_is_named_and_missing_accuses_nobody(path) -> None:
    result = run(honest(), without=[path])
    assert result.verdict is Verdict.INCOMPLETE, told(result)
    assert result.checks[0].findings[0].where == path
