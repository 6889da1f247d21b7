"""How an instrument is asked for its state, and which state its answer means. Pure.

    scpi     STAT:OPER:COND?<LF>   16<LF>     bit 4 (MEASuring): run
    ascii    STATUS?<CR><LF>       IDLE<CR>   standby

A question is only ever a question: each of its parts has a `?`, or the profile says that it is one all the same. An
answer is one line of text. It means a state by the first pattern that it matches from end to end, or by the first mask
that has a bit in common with the number that it is. What means nothing is told, never guessed.

Sources of `scpi`: IEEE 488.2-1992 (a query ends in `?`, NR1 is a decimal integer, a line feed ends both); SCPI-1999,
the OPERation status register (bits 0 CALibrating, 3 SWEeping, 4 MEASuring, 5 and 6 waiting for trigger and arm) and its
query STATus:OPERation:CONDition?, which changes nothing, where STATus:OPERation? clears the event register. So say,
among others, the manuals of HP 53131A, R&S SME and Pendulum CNT-90. `ascii` is no standard: an example that often fits.
"""

import re
from typing import Any, Literal, NamedTuple, get_args

State = Literal["off", "standby", "prepare", "run", "post", "calibrate", "maintain", "fault", "other"]
STATES: tuple[str, ...] = get_args(State)

LONGEST_ANSWER = 200
MOST_REPEATS = 4

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_REPEAT = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[+?]?")


class Profile(NamedTuple):
    """How to ask and what the answers mean.

    `ends_with` ends question and answer. `answers` are pairs of pattern and state; `bits` are pairs of mask and state,
    tried in this order, and `otherwise` is the state when none of them is set. One of the two is empty.
    """

    name: str
    ask: bytes
    ends_with: bytes
    answers: tuple[tuple[str, str], ...] = ()
    bits: tuple[tuple[int, str], ...] = ()
    otherwise: str = ""


def profile_as_json(profile: Profile) -> list[Any]:
    """Return a profile as JSON can carry it, for `profile_from`."""
    name, ask, ends_with, *meaning = profile
    return [name, ask.hex(), ends_with.hex(), *meaning]


def profile_from(parts: list[Any]) -> Profile:
    """Return what `profile_as_json` made a list of, be it that tuples have become lists."""
    name, ask, ends_with, answers, bits, otherwise = parts
    answers, bits = (tuple((what, state) for what, state in pairs) for pairs in (answers, bits))
    return Profile(name, bytes.fromhex(ask), bytes.fromhex(ends_with), answers, bits, otherwise)


class Unintelligible(Exception):
    """An answer that means no state; its text says what came and what was expected."""


CALIBRATING, SWEEPING, MEASURING, AWAITS_TRIGGER, AWAITS_ARM = 1, 8, 16, 32, 64

BUILT_IN = {
    # Some instruments set MEASuring while they are "about to measure": one that waits for its trigger does not work.
    "scpi": Profile(
        "scpi",
        b"STAT:OPER:COND?",
        b"\n",
        bits=(
            (CALIBRATING, "calibrate"),
            (AWAITS_TRIGGER | AWAITS_ARM, "standby"),
            (SWEEPING | MEASURING, "run"),
        ),
        otherwise="standby",
    ),
    "ascii": Profile(
        "ascii",
        b"STATUS?",
        b"\r\n",
        answers=(
            ("(?i)RUN|RUNNING|BUSY|MEASURING|ACQUIRING", "run"),
            ("(?i)IDLE|READY|STANDBY|WAITING", "standby"),
            ("(?i)OFF", "off"),
            ("(?i)(ERROR|FAULT|ALARM).*", "fault"),
        ),
    ),
}


def read_answer(profile: Profile, answer: bytes) -> str:
    """Return the state that one answer, its end taken off, means; Unintelligible."""
    text = answer.decode("latin-1").strip()
    state = _by_bits(profile, text) if profile.bits else _by_patterns(profile, text)
    if state is None:
        raise Unintelligible(
            f"the answer {excerpt(answer)} means no state by profile {profile.name}: add it there, or correct it"
        )
    return state


def excerpt(answer: bytes) -> str:
    """Return the beginning of an answer for a message, unprintable bytes as escapes."""
    shown = ascii(answer[:40].decode("latin-1"))
    return f"{shown}…" if len(answer) > 40 else shown


def _by_patterns(profile: Profile, text: str) -> str | None:
    return next((state for pattern, state in profile.answers if re.fullmatch(pattern, text)), None)


def _by_bits(profile: Profile, text: str) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text):
        return None
    return next((state for mask, state in profile.bits if int(text) & mask), profile.otherwise or None)


def objection_to_question(ask: bytes, *, is_query: bool) -> str:
    """Return why this must not be sent to an instrument, or an empty text."""
    if not ask:
        return "there is no question"
    if is_query:
        return ""
    text = ask.decode("latin-1")
    if not text.isprintable():
        return "holds control characters; write them as ask_hex, and is_query = true if they only ask"
    commands = [part.strip() for part in text.split(";") if "?" not in part]
    if commands:
        return f"{commands[0]!r} has no `?`, so it may be a command; a poll only asks. If it only asks: is_query = true"
    return ""


def objection_to_pattern(pattern: str) -> str:
    """Return why a pattern cannot be used, or an empty text.

    A repeat of a group, and many repeats, can take longer than a life for one short answer. What passes here takes at
    most some LONGEST_ANSWER to the power of MOST_REPEATS / MOST_REPEATS! steps; a child that is that slow is ended.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{pattern!r} is no regular expression ({error})"
    if compiled.flags & re.VERBOSE:
        return f"{pattern!r} is verbose; write it without (?x)"
    bare = _CLASS.sub("c", _ESCAPE.sub("e", pattern)).replace("(?", "(")
    if re.search(r"\)[*+{]", bare):
        return f"{pattern!r} repeats a group, which can take for ever; repeat single characters, or list what may come"
    repeats = len(_REPEAT.findall(bare))
    if repeats > MOST_REPEATS:
        return f"{pattern!r} has {repeats} repeats (* + ? {{}}), which can take for ever; at most {MOST_REPEATS}"
    return ""
