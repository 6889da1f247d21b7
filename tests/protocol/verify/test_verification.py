"""A bundle is VALID as it was written and never otherwise; each lie ends in a sentence that says what and where."""

import hashlib
import json
import random
from collections.abc import Callable
from functools import cache

import pytest

from protocol import registered, tiles
from protocol.brackets import Log
from protocol.chain import Recomputed
from protocol.entry import Entry, Reading
from protocol.interval import day_bounds_ms
from protocol.keys import ED25519, SigningKey
from protocol.note import Checkpoint, cosign, sign_checkpoint
from protocol.verify import words
from protocol.verify.opening import open_bundle
from protocol.verify.run import Run
from protocol.verify.trust import parse_trust
from protocol.verify.unreceipted import unreceipted
from protocol.verify.verdicts import Verdict
from protocol.verify.verification import Result
from tests.protocol.bundles import (
    AGENT,
    ASSET,
    DOMAIN,
    EXPORT,
    FIRST,
    LOG,
    MEMBERS,
    POLICY,
    POLICY_SHA,
    RECEIPT,
    STRANGER,
    Memory,
    World,
    trust_text,
)
from tests.protocol.verify.verifying import TRUST, Files, found, run, told

TILE = "agents/em-01/1/tile/entries/000.p/160"
RECEIPTS = "agents/em-01/1/receipts/000"
CHECKPOINT = "collector/2026-1/checkpoint"


@cache
def world() -> World:
    return World()


@cache
def honest() -> Files:
    return world().files()


def resealed(change: Callable[[Files], None], **members: str) -> Result:
    """The bundle with a change that somebody signed who has the export key."""
    files = dict(honest())
    change(files)
    return run(world().sealed(files, **members))


def test_an_honest_bundle_is_valid_in_every_check_day_and_log() -> None:
    result = run(world().sealed())
    assert result.verdict is Verdict.VALID, told(result)
    assert [check.verdict for check in result.checks] == [Verdict.VALID] * 14
    assert [day.verdict for day in result.days] == [Verdict.VALID] * 2
    assert [agent.verdict for agent in result.agents] == [Verdict.VALID]
    assert all(day.shown.is_recomputed for day in result.days)
    assert result.days[0].shown.record.external_s == 7200
    assert result.signers == [str(EXPORT.verifier)]


def test_a_bundle_of_days_in_the_middle_of_a_log_is_valid() -> None:
    middle = World(days=3, block_s=600, batch=30, before_days=3)
    files = middle.files()
    assert b"\n256\n" in files["agents/em-01/1/frontier"]
    result = run(middle.sealed())
    assert result.verdict is Verdict.VALID, told(result)


def test_without_keys_of_ones_own_nothing_is_valid_and_the_remedy_is_told() -> None:
    result = run(world().sealed(), None)
    assert result.verdict is Verdict.INCOMPLETE
    assert found(result) == {"no-trust"}
    assert "--trust keys.txt" in told(result)


@pytest.mark.parametrize("key, word, verdict", [
    (SigningKey(f"{DOMAIN}/export/2", ED25519, b"s" * 32), "manifest-unknown", Verdict.INCOMPLETE),
    (STRANGER, "manifest-signature", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_manifest_of_another_key(key, word, verdict) -> None:
    result = run(world().sealed(key=key))
    assert (result.verdict, found(result)) == (verdict, {word})


def test_the_wrong_file_of_keys_shows_nothing_and_accuses_nobody() -> None:
    other = [
        SigningKey(f"other.example/{kind}/1", algorithm, b"x" * 32)
        for kind, algorithm in (("export", 1), ("receipt", 4))
    ]
    other.append(SigningKey("other.example/log/2026-1", ED25519, b"y" * 32))
    result = run(world().sealed(), parse_trust(trust_text(*other)))
    assert result.verdict is Verdict.INCOMPLETE
    assert {"manifest-unknown", "checkpoint-unknown"} <= found(result)
    assert all(day.verdict is not Verdict.VALID for day in result.days)


def test_an_agents_key_that_the_inspector_knows_otherwise() -> None:
    other = SigningKey(AGENT.name, ED25519, b"z" * 32)
    result = run(world().sealed(), parse_trust(trust_text(EXPORT, LOG, RECEIPT, other)))
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"key-differs"})
    assert run(world().sealed(), parse_trust(trust_text(EXPORT, LOG, RECEIPT, AGENT))).verdict is Verdict.VALID


# files


@pytest.mark.parametrize("path", sorted(honest()))
def test_a_file_that_is_missing(path) -> None:
    files = dict(world().sealed())
    del files[path]
    result = run(files)
    assert result.verdict is Verdict.INCOMPLETE, told(result)
    assert any(f.word == "file-missing" and f.where == path for f in result.checks[0].findings)


@pytest.mark.parametrize("path", sorted(set(honest()) - {"README.en.txt"}))
def test_a_file_that_nobody_names_any_more(path) -> None:
    result = resealed(lambda files: files.pop(path))
    assert result.verdict is Verdict.INCOMPLETE, told(result)


def early_receipts_only(files: Files) -> None:
    """None behind that of the second day's noon."""
    midnight = world().receipted[0][2] + 5 * 43_200_000
    raws = tiles.parse_entries(files[RECEIPTS])
    kept = [raw for raw, (_, _, at_ms) in zip(raws, world().receipted, strict=True) if at_ms < midnight]
    assert 4 < len(kept) < len(raws) - 1
    files[RECEIPTS] = tiles.pack_entries(kept)


def better_grades(files: Files) -> None:
    lines = files["hours/grades.jsonl"].splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"C"', b'"B"')
    files["hours/grades.jsonl"] = b"".join(lines)


def test_grades_of_which_the_receipts_are_missing_cannot_be_shown() -> None:
    result = resealed(early_receipts_only)
    assert (result.verdict, result.checks[12].verdict) == (Verdict.INCOMPLETE, Verdict.INCOMPLETE), told(result)
    assert [finding.day for finding in result.checks[12].findings] == ["2026-03-03"]


def test_a_better_grade_of_a_morning_stays_a_lie_where_the_evenings_receipts_are_missing() -> None:
    assert b'"C"' in honest()["hours/grades.jsonl"].splitlines()[1]
    result = resealed(lambda files: (early_receipts_only(files), better_grades(files)))
    assert (result.verdict, result.checks[12].verdict) == (Verdict.CONTRADICTED, Verdict.CONTRADICTED)
    assert "grade-differs" in found(result)


@pytest.mark.parametrize(("size", "since"), [(6, None), (5, 46_800), (4, 0)])
def test_what_lies_before_the_first_reading_rests_on_its_receipt(size, since) -> None:
    noon = day_bounds_ms(FIRST)[0] + 43_200_000
    reading = Reading("meter1", "power", 0, (3_600_000,), (1,), (1,), (1,))
    blocks = [(AGENT.name, Entry(4 + n, noon + n * 3_600_000, 0, "5f3a9c01", reading), reading) for n in (0, 1)]
    lacking = unreceipted(Recomputed(FIRST, None, blocks=blocks), {AGENT.name: Log(True, [(0, size, noon)])})
    assert (None if lacking is None else lacking.since) == since


def test_a_lie_beside_a_file_that_is_missing_stays_a_lie() -> None:
    files = dict(honest())
    edit("hours/hours.csv", line(1, b",30000,", b",36000,"))(files)
    files = world().sealed(files)
    del files[RECEIPTS]
    result = run(files)
    assert (result.verdict, result.checks[13].verdict) == (Verdict.CONTRADICTED, Verdict.CONTRADICTED)
    assert "grade-unshown" in found(result)


class OfTwoPolicies(World):
    """The instrument's own policy, and another one for all instruments."""

    general = json.dumps({**MEMBERS, "name": "all", "prepare_ms": 0}).encode()
    sha256 = hashlib.sha256(general).hexdigest()

    def _registered(self) -> list[bytes]:
        said = registered.PolicyInForce("", "", "2020-01-01", self.sha256, 2)
        return [*super()._registered(), registered.encode(said)]

    def history(self):
        said = [registered.decode(raw) for raw in self.statements]
        return registered.history_of(said, {POLICY_SHA: POLICY, self.sha256: self.general}, ASSET)

    def files(self) -> Files:
        return {**super().files(), f"policy/{self.sha256}.json": self.general}


def test_a_policy_that_is_missing_is_not_taken_for_the_one_that_holds_without_it() -> None:
    files = OfTwoPolicies().sealed()
    assert run(files).verdict is Verdict.VALID
    del files[f"policy/{POLICY_SHA}.json"]
    result = run(files)
    assert result.verdict is Verdict.INCOMPLETE, told(result)
    assert {"file-missing", "policy-missing", "evidence-missing"} <= found(result)


def test_a_file_that_was_put_in() -> None:
    result = run({**world().sealed(), "hours/extra.txt": b"x"})
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"file-extra"})
    result = resealed(lambda files: files.update({"hours/extra.txt": b"x"}))
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"path-unknown"})


def test_no_manifest_and_no_form_of_one() -> None:
    assert found(run(dict(honest()))) == {"no-manifest"}
    assert found(run({**honest(), "MANIFEST": b"jishi-bundle/v1\n"})) == {"manifest-form"}
    assert run({}).verdict is not Verdict.VALID


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", "c:\\x", "hours/ä", "a/.", "..", "x" * 201]
)
def test_paths_that_lead_elsewhere_are_no_manifest(path) -> None:
    result = resealed(lambda files: files.update({path: b"x"}))
    assert (result.verdict, found(result)) == (Verdict.CONTRADICTED, {"manifest-form"})


def test_a_manifest_that_claims_sizes_beyond_all_sense_reads_nothing() -> None:
    files = world().sealed()
    text = world().manifest(honest()).replace(f" {len(honest()[TILE])} {TILE}", f" 999999999999 {TILE}")
    from protocol.note import sign

    result = run({**files, "MANIFEST": sign(text, EXPORT)})
    assert found(result) == {"manifest-form"}
    assert "at most" in told(result)


# what is in them


def edit(path: str, change: Callable[[list[bytes]], None]) -> Callable[[Files], None]:
    """Change the lines of a file."""

    def apply(files: Files) -> None:
        lines = files[path].splitlines(keepends=True)
        change(lines)
        files[path] = b"".join(lines)

    return apply


def entries(change: Callable[[list[bytes]], None], path: str = TILE) -> Callable[[Files], None]:
    def apply(files: Files) -> None:
        raws = list(tiles.parse_entries(files[path]))
        change(raws)
        files[path] = tiles.pack_entries(raws)

    return apply


def altered(raws: list[bytes]) -> None:
    place = next(place for place in range(60, len(raws)) if b'"w":[3000]' in raws[place])
    raws[place] = raws[place].replace(b"[3000]", b"[3001]")


def swapped(raws: list[bytes]) -> None:
    raws[1], raws[2] = raws[2], raws[1]


def of_another_log(raws: list[bytes]) -> None:
    other = SigningKey(f"{DOMAIN}/a/em-02/1", ED25519, b"o" * 32)
    raws[0] = cosign(sign_checkpoint(Checkpoint(other.name, 24, b"\0" * 32), other), RECEIPT, time_s=1_772_000_000)


def forged_by_the_agent(raws: list[bytes]) -> None:
    """The agent's own key alone: no collector signed it."""
    raws[-1] = cosign(
        sign_checkpoint(Checkpoint(AGENT.name, 160, b"\1" * 32), AGENT),
        SigningKey(RECEIPT.name, 4, b"q" * 32),
        time_s=1_772_000_000,
    )


def another_tree(raws: list[bytes]) -> None:
    """The collector signed two trees of one size: both signatures are true, and one of the trees is not this."""
    raws[-1] = cosign(sign_checkpoint(Checkpoint(AGENT.name, 160, b"\1" * 32), AGENT), RECEIPT, time_s=1_772_700_000)


def backwards(raws: list[bytes]) -> None:
    checkpoint = Checkpoint(AGENT.name, len(world().entries), world()._agent.root())
    raws[-1] = cosign(sign_checkpoint(checkpoint, AGENT), RECEIPT, time_s=1_700_000_000)


def grown(files: Files) -> None:
    """More run in a record, its sums kept right."""
    lines = files["hours/records.jsonl"].splitlines(keepends=True)
    record = json.loads(lines[1])
    for _start, _end, state in record["spans"]:
        if state == "unobserved":
            raise AssertionError("the world is observed")
    record["hand_s"] += 3600
    lines[1] = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    files["hours/records.jsonl"] = b"".join(lines)


def line(number: int, old: bytes, new: bytes) -> Callable[[list[bytes]], None]:
    def apply(lines: list[bytes]) -> None:
        assert old in lines[number], lines[number]
        lines[number] = lines[number].replace(old, new, 1)

    return apply


def drop(number: int) -> Callable[[list[bytes]], None]:
    return lambda lines: lines.pop(number)


def names_exchanged(lines: list[bytes]) -> None:
    """Each of two proofs under the name of the other's fact."""
    one, other = (json.loads(line)["sha256"].encode() for line in lines[:2])
    lines[0] = lines[0].replace(b'"sha256":"' + one, b'"sha256":"' + other, 1)
    lines[1] = lines[1].replace(b'"sha256":"' + other, b'"sha256":"' + one, 1)


def twice(number: int) -> Callable[[list[bytes]], None]:
    return lambda lines: lines.insert(number, lines[number])


LIES = {
    "an entry altered": (entries(altered), {"root"}),
    "an entry left out": (entries(drop(60)), {"tile-form"}),
    "two entries swapped": (entries(swapped), {"root"}),
    "receipts swapped": (entries(swapped, RECEIPTS), {"receipt-order"}),
    "a receipt twice": (entries(twice(1), RECEIPTS), {"receipt-order"}),
    "a receipt of another log": (entries(of_another_log, RECEIPTS), {"receipt-agent"}),
    "a receipt that the collector never gave": (entries(forged_by_the_agent, RECEIPTS), {"receipt-unknown"}),
    "a receipt over another tree": (entries(another_tree, RECEIPTS), {"root"}),
    "a receipt of an earlier time": (entries(backwards, RECEIPTS), {"receipt-time"}),
    "the last receipt left out": (entries(drop(-1), RECEIPTS), {"not-receipted"}),
    "all receipts left out": (lambda files: files.update({RECEIPTS: b""}), {"no-receipt"}),
    "another frontier": (lambda files: files.update({"agents/em-01/1/frontier": b"jishi-frontier/v1\n256\n" + b"A" * 43 + b"=\n"}), {"journal-form"}),
    "a fact altered": (edit("facts/facts.jsonl", line(0, b"SO-1", b"SO-2")), {"fact-unproved"}),
    "a fact left out": (edit("facts/facts.jsonl", drop(1)), {"fact-missing"}),
    "a correction left out with its proof": (
        lambda files: (edit("facts/facts.jsonl", drop(3))(files), edit("facts/proofs.jsonl", drop(3))(files)),
        {"evidence-missing"},
    ),
    "a fact twice": (edit("facts/facts.jsonl", twice(0)), {"fact-twice"}),
    "a statement twice": (edit("facts/registered.jsonl", twice(1)), {"fact-twice"}),
    "a fact twice that nothing proves": (
        lambda files: (edit("facts/facts.jsonl", twice(0))(files), edit("facts/proofs.jsonl", drop(0))(files)),
        {"fact-twice", "fact-unproved"},
    ),
    "a proof twice": (edit("facts/proofs.jsonl", twice(1)), {"proof-twice"}),
    "a statement left out": (edit("facts/registered.jsonl", drop(2)), {"fact-missing"}),
    "an enrolment left out": (edit("facts/registered.jsonl", drop(5)), {"not-enrolled"}),
    "another owner": (edit("facts/registered.jsonl", line(2, b"12100000400000624D", b"91440300708461136T")), {"fact-unproved"}),
    "a proof left out": (edit("facts/proofs.jsonl", drop(0)), {"fact-unproved"}),
    "a proof of another place": (edit("facts/proofs.jsonl", line(0, b'"index":1', b'"index":2')), {"proof-false"}),
    "proofs under each other's names": (edit("facts/proofs.jsonl", names_exchanged), {"proof-false"}),
    "another policy under the name": (lambda files: files.update({f"policy/{POLICY_SHA}.json": b'{"v":1}'}), {"policy-changed"}),
    "a policy left out": (lambda files: files.pop(f"policy/{POLICY_SHA}.json"), {"policy-missing"}),
    "a checkpoint without a time": (lambda files: files.update({CHECKPOINT: sign_checkpoint(world().log_checkpoint, LOG)}), {"checkpoint-unknown"}),
    "a checkpoint of another log": (
        lambda files: files.update({CHECKPOINT: cosign(sign_checkpoint(Checkpoint(LOG.name, 3, b"\0" * 32), LOG), RECEIPT, time_s=1)}),
        {"proof-false"},
    ),
    "consistency left out": (lambda files: files.update({"collector/2026-1/consistency.jsonl": b""}), {"consistency-missing"}),
    "consistency twice": (edit("collector/2026-1/consistency.jsonl", twice(1)), {"consistency-twice"}),
    "consistency of another tree": (edit("collector/2026-1/consistency.jsonl", line(1, b'"size":', b'"size":1')), {"consistency-false"}),
    "more hours in a record": (grown, {"record-differs", "closing-differs"}),
    "a record left out": (edit("hours/records.jsonl", drop(1)), {"record-missing"}),
    "the day before left out": (edit("hours/records.jsonl", drop(0)), {"evidence-missing", "record-missing"}),
    "records in another order": (edit("hours/records.jsonl", lambda lines: lines.reverse()), {"record-form"}),
    "a record twice": (edit("hours/records.jsonl", twice(1)), {"record-form"}),
    "a closing left out": (edit("hours/closed.jsonl", drop(1)), {"day-not-closed"}),
    "a closing twice": (edit("hours/closed.jsonl", twice(1)), {"closing-twice"}),
    "a closing altered": (edit("hours/closed.jsonl", line(1, b'"revision":1', b'"revision":2')), {"closing-false"}),
    "a better grade": (edit("hours/grades.jsonl", line(0, b'"C"', b'"B"')), {"grade-form"}),
    "something behind the grades": (edit("hours/grades.jsonl", lambda lines: lines.append(b"x\n")), {"grade-form"}),
    "a grade of a day that has no record": (edit("hours/grades.jsonl", lambda lines: lines.append(lines[-1].replace(b"2026-03-03", b"2026-03-09"))), {"grade-of-another"}),
    "something behind the closings": (edit("hours/closed.jsonl", lambda lines: lines.append(b"x\n")), {"closing-false"}),
    "a grade left out": (edit("hours/grades.jsonl", drop(0)), {"grade-missing"}),
    "grades swapped": (edit("hours/grades.jsonl", lambda lines: lines.reverse()), {"grade-form", "grade-missing"}),
    "more hours in the table": (edit("hours/hours.csv", line(1, b",30000,", b",36000,")), {"table-differs"}),
    "a line too many in the table": (edit("hours/hours.csv", twice(2)), {"table-differs"}),
    "no last line feed": (lambda files: files.update({"hours/records.jsonl": files["hours/records.jsonl"][:-1]}), {"lines-form"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_that_bears_the_export_keys_signature(name) -> None:
    change, expected = LIES[name]
    result = resealed(change)
    assert result.verdict is not Verdict.VALID
    assert expected <= found(result), told(result)
    worst = max(words.verdict_of(word) for word in expected)
    assert result.verdict >= worst
    assert "{" not in told(result).replace('{"', ""), "a sentence whose values are missing"


@pytest.mark.parametrize(
    "members",
    [
        {"from": "2026-03-01"},
        {"to": "2026-03-04"},
        {"asset": "A002"},
        {"domain": "other.example"},
        {"scope": "selective"},
    ],
)
def test_a_manifest_that_says_another_thing_of_the_same_files(members) -> None:
    assert resealed(lambda _: None, **members).verdict is not Verdict.VALID


def test_a_day_is_told_apart_from_the_others() -> None:
    result = resealed(edit("hours/grades.jsonl", drop(1)))
    assert [day.verdict for day in result.days] == [Verdict.VALID, Verdict.INCOMPLETE]


def test_a_log_that_breaks_concerns_the_days_that_rest_on_it() -> None:
    result = resealed(entries(altered))
    assert [agent.verdict for agent in result.agents] == [Verdict.CONTRADICTED]
    assert all(day.verdict is Verdict.CONTRADICTED for day in result.days)


def test_a_foreign_bundle_of_a_collector_with_the_same_names() -> None:
    """Every key is another, every name the same: nothing fits."""
    files = dict(world().sealed())
    other = [replace_key(key) for key in (EXPORT, LOG, RECEIPT)]
    result = run(files, parse_trust(trust_text(*other)))
    assert result.verdict is Verdict.CONTRADICTED
    assert {"manifest-signature", "checkpoint-false"} <= found(result)


def replace_key(key: SigningKey) -> SigningKey:
    return SigningKey(key.name, key.algorithm, hashlib.sha256(key.seed).digest())


# bits


def test_no_bit_of_any_byte_of_a_small_bundle_can_be_turned() -> None:
    """Every byte of every file, and all bits of the manifest, by the checks that open a bundle (1 to 3).

    No finding is ever taken back: the verdict of the whole is the worst of all, and none of them is VALID.
    """
    small = World(days=1, beacon_s=14_400, before_days=0)
    files = small.sealed()
    assert run(files).verdict is Verdict.VALID
    opened = 0
    for path, raw in files.items():
        for at in range(len(raw)):
            for bit in range(8) if path == "MANIFEST" else [at % 8]:
                turned = bytearray(raw)
                turned[at] ^= 1 << bit
                opening = Run(lambda _number: None)
                open_bundle(opening, Memory({**files, path: bytes(turned)}), TRUST)
                assert any(check.findings for check in opening.ledger.checks()), (path, at, bit)
                opened += 1
    assert opened > 20_000


def test_no_bit_of_the_evidence_can_be_turned_with_the_key_either() -> None:
    """Whoever holds the export key signs what he likes; what he signs must still be shown."""
    chosen = random.Random(6)
    paths = [path for path in sorted(honest()) if not path.startswith(("README", "keys/"))]
    for path in paths:
        raw = honest()[path]
        for at in sorted(chosen.sample(range(len(raw)), min(len(raw), 25))):
            turned = bytearray(raw)
            turned[at] ^= 1 << chosen.randrange(8)
            result = run(world().sealed({**honest(), path: bytes(turned)}))
            assert result.verdict is not Verdict.VALID, (path, at)


def test_every_word_has_sentences_whose_values_are_known() -> None:
    for word, (verdict, zh, en) in words.SENTENCES.items():
        assert verdict is not Verdict.VALID
        fields = [{name for _, name, _, _ in __import__("string").Formatter().parse(text) if name} for text in (zh, en)]
        assert fields[0] == fields[1], word
