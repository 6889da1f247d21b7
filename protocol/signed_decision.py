"""A decision about time in doubt, signed by whoever approved it with a key of his own; bytes <-> frozen values. Pure.

A signed note (note.py) by a person's key, `<domain>/person/<word>`. Its text has two lines, the second being the exact
bytes of the fact (facts.py), so that the signature is over what counts and nothing else:

    jishi-decision/v1
    {"kind":"decision","v":1,"at":1764554716036,"by":"li.ming","asset":"A001",…,"approver":"wang.fang",…}

Whose key it is, the collector's registry says (two registrars and a proof), and an auditor's own file of keys.
Source: evidence.md section 5.
"""

from protocol import facts
from protocol.errors import MalformedFact, excerpt
from protocol.facts import Decision
from protocol.keys import SigningKey, VerifierKey
from protocol.note import sign
from protocol.person_key import open_signed
from protocol.topics import parse_person

KIND = "jishi-decision/v1"


def decision_text(decision: Decision) -> str:
    """Return the text that the approver signs; ValueError for what is no fact."""
    return f"{KIND}\n{facts.encode(decision).decode()}\n"


def parse_decision(text: str) -> Decision:
    """Read the text of a note; MalformedFact for any other than the canonical form."""
    lines = text.split("\n")
    if len(lines) != 3 or lines[0] != KIND or lines[2]:
        raise MalformedFact(f"a decision to be signed has two lines, the first {KIND!r}, not {excerpt(text)}")
    fact = facts.decode(lines[1].encode("utf-8", "surrogatepass"))
    if not isinstance(fact, Decision):
        raise MalformedFact(f"a decision is expected, not what is said here: {excerpt(lines[1])}")
    return fact


def sign_decision(text: str, key: SigningKey) -> bytes:
    """Return the signed note; MalformedFact for a text that is no decision, MalformedName for a key of no person."""
    parse_person(key.name)
    parse_decision(text)
    return sign(text, key)


def open_decision(raw: bytes, key: VerifierKey) -> Decision:
    """Return the decision that this person's key signed; BadSignature, MalformedFact, MalformedName, MalformedNote."""
    return parse_decision(open_signed(raw, key))
