"""Checks 4 to 6 of a bundle: what hours follow from besides entries, and by whose word it is known. Pure.

The collector's log comes first: facts, statements of the registry and policies count where a leaf of it names them, and
the agents' keys are those of its enrolments.
"""

from functools import partial
from operator import itemgetter

from protocol import facts as facts_
from protocol import registered
from protocol.errors import ForeignBytesError, MalformedFact, MalformedLeaf, TooLarge
from protocol.facts import Decision
from protocol.keys import VerifierKey, parse_vkey
from protocol.note import MAX_NOTE_BYTES
from protocol.policy import MAX_POLICY_BYTES, parse_policy
from protocol.registered import Enrolment, PersonKey, PolicyInForce, Revocation
from protocol.signed_decision import open_decision
from protocol.topics import parse_origin
from protocol.verify import words
from protocol.verify.layout import FACTS, PROOFS, STATEMENTS, parse_proof
from protocol.verify.log_proofs import MAX_CHECKPOINT_BYTES, check_proof, open_head
from protocol.verify.revoked import Revoked
from protocol.verify.run import Run, State
from protocol.verify.said_book import SaidBook
from protocol.verify.signed import UnknownSigner, open_by

MAX_STATEMENTS = 200_000


# 4 the collector's log


def check_log(run: Run, state: State) -> None:
    run.begin(words.LOG)
    names = state.manifest.logs()
    if not names:
        run.note(words.LOG, "checkpoint-missing", "collector/")
    for log in names:
        path = f"collector/{log}/checkpoint"
        if path not in state.held:
            run.note(words.LOG, "checkpoint-missing", path)
            continue
        try:
            raw = state.held.read(path, most=MAX_CHECKPOINT_BYTES)
            state.heads[log] = open_head(raw, state.trust, domain=state.manifest.domain, log=log)
            run.count(words.LOG, "checkpoints")
        except UnknownSigner as error:
            run.note(words.LOG, "checkpoint-unknown", path, why=str(error))
        except ForeignBytesError as error:
            run.note(words.LOG, "checkpoint-false", path, why=str(error))


# 5 facts and registry


def check_facts(run: Run, state: State) -> None:
    run.begin(words.FACTS)
    _read_proofs(run, state)
    _read_policies(run, state)
    proved = set(state.proved)
    state.book = SaidBook(state.manifest.asset)
    seen: set[str] = set()
    for place, raw in run.lines(state.held, FACTS):
        sha256 = facts_.identity(raw)
        if _is_repeated(run, place, sha256, seen):
            continue
        if not _is_proved(run, state, place, ("fact", sha256), proved):
            continue
        try:
            fact = facts_.decode(raw)
            state.book.add(facts_.target_of(sha256), fact)
            run.count(words.FACTS, "facts")
        except ForeignBytesError as error:
            run.note(words.FACTS, "fact-form", place, why=str(error))
    _check_signed(run, state)
    _read_statements(run, state, proved)
    _check_signers(run, state)
    for kind, sha256 in sorted(proved):
        run.note(words.FACTS, "fact-missing", PROOFS, kind=kind, sha256=sha256)


def _check_signed(run: Run, state: State) -> None:
    """A decision counts by the signature of whoever approved it: over that very fact, by a person's key."""
    assert state.book is not None, "facts were read before"
    notes = state.manifest.decisions()
    for ref in sorted(ref for ref, fact in state.book if isinstance(fact, Decision)):
        path = notes.pop(ref.removeprefix("fact:"), None)
        if path is None:
            run.note(words.FACTS, "decision-unsigned", FACTS, ref=ref)
        elif path in state.held:
            _check_note(run, state, path, ref)
    for path in notes.values():
        run.note(words.FACTS, "decision-spare", path)


def _check_note(run: Run, state: State, path: str, ref: str) -> None:
    try:
        signed, key = open_by(state.held.read(path, most=MAX_NOTE_BYTES), state.trust.person, open_decision)
        if facts_.target_of(facts_.identity(facts_.encode(signed))) != ref:
            raise MalformedFact("it signs another decision than the one whose name it bears")
        state.signed_by[ref] = key
        run.count(words.FACTS, "signed decisions")
    except UnknownSigner as error:
        run.note(words.FACTS, "decision-signer", path, why=str(error))
    except ForeignBytesError as error:
        run.note(words.FACTS, "decision-false", path, why=str(error))


def _check_signers(run: Run, state: State) -> None:
    """Whose key it is that signed a decision, by the registry's word, and that it counted when the log took it in."""
    assert state.book is not None, "facts were read before"
    owners = {each.vkey: each.name for each in state.statements if isinstance(each, PersonKey)}
    paths = state.manifest.decisions()
    for ref, fact in sorted(state.book, key=itemgetter(0)):
        key = state.signed_by.get(ref)
        if key is None or not isinstance(fact, Decision):
            continue
        sha256 = ref.removeprefix("fact:")
        path, owner = paths[sha256], owners.get(str(key))
        revoked = state.revoked.get(key.name)
        if owner is None:
            run.note(words.FACTS, "decision-owner", path, key=key.name)
        elif owner != fact.approver:
            run.note(words.FACTS, "decision-person", path, owner=owner, approver=fact.approver)
        if revoked is not None and _order(*state.proved["fact", sha256]) > _order(revoked.log, revoked.leaf):
            run.note(words.FACTS, "decision-revoked", path, key=key.name)


def _order(log: str, index: int) -> tuple[int, ...]:
    """The place of a leaf among those of all logs, which follow each other by year and number."""
    return (*map(int, log.split("-")), index)


def _read_statements(run: Run, state: State, proved: set[tuple[str, str]]) -> None:
    named: set[str] = set()
    seen: set[str] = set()
    for place, raw in run.lines(state.held, STATEMENTS):
        if _is_repeated(run, place, registered.identity(raw), seen):
            continue
        if not _is_proved(run, state, place, ("registered", registered.identity(raw)), proved):
            continue
        try:
            statement = registered.decode(raw)
            if len(state.statements) == MAX_STATEMENTS:
                raise TooLarge(f"a bundle has at most {MAX_STATEMENTS} statements of the registry")
            if isinstance(statement, PolicyInForce):
                named.add(statement.sha256)
                if statement.sha256 not in state.policies:
                    run.note(words.FACTS, "policy-missing", place, sha256=statement.sha256)
                    continue
            state.statements.append(statement)
            if isinstance(statement, Revocation):
                log, index = state.proved["registered", registered.identity(raw)]
                state.revoked.setdefault(statement.origin, Revoked(statement.at, log, index))
            run.count(words.FACTS, "statements")
        except ForeignBytesError as error:
            run.note(words.FACTS, "fact-form", place, why=str(error))
    for sha256 in sorted(set(state.policies) - named):
        run.note(words.FACTS, "policy-spare", f"policy/{sha256}.json")


def _is_repeated(run: Run, place: str, sha256: str, seen: set[str]) -> bool:
    if sha256 in seen:
        run.note(words.FACTS, "fact-twice", place)
        return True
    seen.add(sha256)
    return False


def _is_proved(run: Run, state: State, place: str, named: tuple[str, str], unseen: set[tuple[str, str]]) -> bool:
    if named not in state.proved:
        run.note(words.FACTS, "fact-unproved", place, sha256=named[1])
        return False
    unseen.discard(named)
    return True


def _read_proofs(run: Run, state: State) -> None:
    for place, raw in run.lines(state.held, PROOFS):
        try:
            proof = parse_proof(raw)
        except ForeignBytesError as error:
            run.note(words.FACTS, "proof-form", place, why=str(error))
            continue
        if proof.log not in state.heads:
            run.note(words.FACTS, "proof-missing", place, why=f"log {proof.log} has no checkpoint to lead to")
            continue
        try:
            named = check_proof(proof, state.heads), proof.sha256
            if named in state.proved:
                run.note(words.FACTS, "proof-twice", place)
                continue
            state.proved[named] = proof.log, proof.index
            run.count(words.FACTS, "proofs")
        except ForeignBytesError as error:
            run.note(words.FACTS, "proof-false", place, why=str(error))


def _read_policies(run: Run, state: State) -> None:
    for sha256, path in state.manifest.policies().items():
        if path not in state.held:
            continue
        try:
            raw = state.held.read(path, most=MAX_POLICY_BYTES)
            policy = parse_policy(raw)
            if policy.sha256 != sha256:
                raise MalformedLeaf(f"its SHA-256 is {policy.sha256}")
            state.policies[sha256] = raw
            run.count(words.FACTS, "policies")
        except ForeignBytesError as error:
            run.note(words.FACTS, "policy-changed", path, why=str(error))


# 6 agents' keys


def check_keys(run: Run, state: State) -> None:
    run.begin(words.KEYS)
    enrolled: dict[str, set[str]] = {}
    for statement in state.statements:
        if isinstance(statement, Enrolment):
            enrolled.setdefault(statement.origin, set()).add(statement.vkey)
    directories = state.manifest.journals()
    if not directories:
        run.note(words.KEYS, "no-agents", "agents/")
    for directory in directories:
        origin = state.manifest.origin(directory)
        key = _key_of(run, state, origin, enrolled.get(origin, set()), directory)
        if key is not None:
            state.agent_keys[origin] = key
            run.count(words.KEYS, "keys")


def _key_of(run: Run, state: State, origin: str, vkeys: set[str], directory: str) -> VerifierKey | None:
    note = partial(run.note, words.KEYS, origin=origin)
    if not vkeys:
        note("not-enrolled", directory)
        return None
    if len(vkeys) > 1:
        note("enrolled-twice", directory)
        return None
    try:
        key = parse_vkey(next(iter(vkeys)))
        if key.name != origin or parse_origin(origin)[0] != state.manifest.domain:
            raise MalformedLeaf(f"it is named {key.name}")
    except ForeignBytesError as error:
        note("key-form", directory, why=str(error))
        return None
    pinned = [each for each in state.trust.agent if each.name == origin] if state.trust.is_pinned else []
    if pinned and key not in pinned:
        note("key-differs", directory, found=str(key))
    return key
