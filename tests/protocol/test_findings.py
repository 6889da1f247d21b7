"""Findings of an on-site check: one byte string each, by a person's key, and nothing else."""

import msgspec
import pytest

from protocol import person_key
from protocol.errors import BadSignature, ForeignBytesError, MalformedFindings, MalformedName
from protocol.findings import Findings, Nonced, Row, Sample, Step, encode, open_findings, parse_findings, sign_findings
from protocol.keys import COSIGNATURE, ED25519, SigningKey
from protocol.note import sign

WANG = SigningKey("jishi.example/person/wang", ED25519, b"w" * 32)
LI = SigningKey("jishi.example/person/li", ED25519, b"l" * 32)
T = 1_764_554_716_000
ROW = Row(day="2026-03-02", stratum="external", record="ab" * 32, effective_s=7200, external_s=3600, found="match")
FOUND = Findings(
    v=1,
    asset="A001",
    place="B-204",
    plate="SU8010 № 0042",
    inspectors=("王敏",),
    hosts=("Li",),
    begun=T,
    ended=T + 3_600_000,
    clock_ms=-1200,
    nonce=Nonced(nonce="0f" * 16, log="jishi.example/a/em-01/1", index=1242),
    steps=(Step(do="off", at=T, host=T - 1200), Step(do="end", at=T + 600_000)),
    sample=Sample(manifest="cd" * 32, seed="4 2 6", rows=(ROW,)),
    verdict="in-order",
    remarks="门禁与记录一致",
)


def test_what_was_signed_is_what_is_read() -> None:
    raw = sign_findings(FOUND, WANG)
    assert open_findings(raw, WANG.verifier) == FOUND
    assert person_key.read_signers(raw) == (WANG.name,)


def test_the_text_is_two_lines_that_anybody_can_read() -> None:
    assert encode(FOUND).startswith('jishi-findings/v1\n{"v":1,"asset":"A001","place":"B-204",')
    assert encode(FOUND).count("\n") == 2


def test_another_persons_key_does_not_open_it() -> None:
    with pytest.raises(BadSignature):
        open_findings(sign_findings(FOUND, WANG), LI.verifier)


def test_a_changed_word_is_noticed() -> None:
    raw = sign_findings(FOUND, WANG)
    with pytest.raises(BadSignature):
        open_findings(raw.replace(b"in-order", b"questions"), WANG.verifier)


@pytest.mark.parametrize("name", ["jishi.example/a/em-01/1", "jishi.example/log/2026-1", "jishi.example/person/Wang"])
def test_only_a_persons_key_signs_findings(name: str) -> None:
    key = SigningKey(name, ED25519, b"w" * 32)
    with pytest.raises(MalformedName):
        sign_findings(FOUND, key)
    with pytest.raises(MalformedName):
        open_findings(sign(encode(FOUND), key), key.verifier)


def test_a_key_for_receipts_signs_none() -> None:
    key = SigningKey(WANG.name, COSIGNATURE, b"w" * 32)
    with pytest.raises(BadSignature):
        open_findings(sign_findings(FOUND, WANG), key.verifier)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"v":1', '"v":2'),
        lambda text: text.replace('"v":1', '"v": 1'),
        lambda text: text.replace('"asset":"A001"', '"asset":"A001","asset":"A001"'),
        lambda text: text.replace('"hosts":["Li"],', '"hosts":["Li"],"more":1,'),
        lambda text: text.replace("/v1\n", "/v2\n"),
        lambda text: text + "\n",
        lambda text: text.replace("B-204", "B\\u0007"),
        lambda text: text.replace('"verdict":"in-order"', '"verdict":"fine"'),
        lambda text: text.replace("1242", "-1"),
        lambda text: text.replace("0f0f", "0F0f", 1),
        lambda text: text.replace("2026-03-02", "2026-3-2"),
        lambda text: text.replace("2026-03-02", "2026-02-30"),
        lambda text: text.replace('"remarks":"门禁与记录一致"', '"remarks":""'),
    ],
)
def test_any_other_form_is_refused(change: object) -> None:
    text = change(encode(FOUND))  # type: ignore[operator]
    assert text != encode(FOUND)
    with pytest.raises(MalformedFindings):
        parse_findings(text)


@pytest.mark.parametrize(
    "change",
    [
        {"ended": T - 1},
        {"steps": (Step(do="on", at=T + 2), Step(do="off", at=T + 1))},
        {"steps": (Step(do="on", at=T - 1),)},
        {"steps": (Step(do="on", at=T + 3_600_001),)},
        {"inspectors": ()},
    ],
)
def test_what_cannot_have_been_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        encode(msgspec.structs.replace(FOUND, **change))


def test_a_lone_surrogate_is_one_family_of_error() -> None:
    with pytest.raises(ForeignBytesError):
        parse_findings('jishi-findings/v1\n{"v":1,"asset":"\ud800"}\n')


def test_a_day_stands_once_in_a_sample() -> None:
    with pytest.raises(ValueError, match="each once"):
        Sample(manifest="cd" * 32, seed="s", rows=(ROW, ROW))
