"""The effective-hours policy: everything that turns milliwatts into operating states.

A policy is a JSON file. Its identity is the SHA-256 of the file's bytes, so the bytes need no canonical form, but
they must have one meaning only: a member given twice, a member that is not known, a fraction and a wrong type are
refused, each with the member's name and what to do about it. Power is in mW, time in ms, all integers.

    {"v":1,"name":"SEM","valid_mw":[0,15000000],
     "standby":{"on_mw":40000,"off_mw":25000,"on_ms":20000,"off_ms":60000},
     "run":{"on_mw":900000,"off_mw":600000,"on_ms":20000,"off_ms":180000},
     "gap_ms":60000}

`valid_mw` is the range outside which a reading is not believed. `standby` separates off from standby, `run` separates
standby from run: each trigger rises when the power reaches `on_mw` for `on_ms`, and falls when it reaches `off_mw`
for `off_ms`. `gap_ms` is the longest time without a reading that is not yet *unobserved*: three poll periods and at
least 60 s in the field (signals.md section 3, no. 4); a demonstration may be stricter. `frozen_ms`, which may be left
out, is how long a power above `standby.off_mw` may stay the same to the milliwatt while the meter's counter stays too,
before the meter counts as frozen. How the numbers are applied is in timeline.py.

Two more members may be left out. `counter` lets the meter's energy counter decide instead of sampled watts
(counted.py), where its steps are fine enough; `evidence` says what watchers other than the meter tell (witness.py):

     "counter":{"step_mwh":1000,"window_ms":60000},
     "evidence":[{"class":"contact","channel":"beam","words":{"closed":"run","open":"standby"}},
                 {"class":"files","channel":"growth","at_least":1,"hold_ms":120000}]

So may those that say what counts, beside the run itself (phases.py, bridging.py, derivation.py, attribution.py):

     "prepare_ms":1800000,"post_ms":900000        standby directly before the first and after the last run
     "bridge_ms":120000                           gaps shorter than this that the counter explains
     "calibration":"counts"                       declared calibration is effective while the instrument runs
     "standby_counts":"the magnet is held at 4 K" standby is effective, for this reason; printed with every figure
     "split":"samples"                            what shared time is divided by: share, samples or run-time
     "ratio":[40,1]                               CT/VT ratio: what the meter shows is multiplied by 40 / 1 first
     "priorities":["status","contact","meter","files","process"]    whose word goes first; this order when left out:
                                                                    status, contact, files, meter, process
     "grades":{"bracket_ms":1200000,"delay_ms":1200000,"clock_ms":60000,"late_ms":604800000}    limits of the grades
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, Literal, NoReturn, get_args

import msgspec

from protocol.attribution import Split
from protocol.entry import NAME_PATTERN
from protocol.errors import MalformedPolicy, excerpt, one_line
from protocol.interval import DAY_MS

MAX_POLICY_BYTES = 65_536
MAX_NAME = 120
MAX_POWER_MW = 10**12
MAX_DWELL_MS = 3_600_000
MIN_GAP_MS = 1_000
MAX_WINDOW_MS = 900_000
MS_PER_HOUR = 3_600_000
MAX_STEP_MWH = 1_000_000
MAX_RULES = 16
MAX_ALLOWANCE_MS = 14_400_000
MAX_BRIDGE_MS = 900_000
MAX_REASON = 200
MAX_RATIO = 10_000
MAX_GRADE_MS = 366 * DAY_MS
POWER = "power"
"""The channel of meters, which the triggers judge."""

_is_name = re.compile(NAME_PATTERN).match

EvidenceClass = Literal["status", "contact", "files", "process"]
"""Watchers other than the meter."""
WitnessClass = Literal["status", "contact", "files", "meter", "process"]
WEIGHT: tuple[WitnessClass, ...] = get_args(WitnessClass)
"""By how much watchers weigh where the policy does not say it (domain.md section 3)."""


class Trigger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One Schmitt trigger with a dwell each way: thresholds in mW, dwells in ms."""

    on_mw: int
    off_mw: int
    on_ms: int
    off_ms: int


class Counter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how much the meter's energy counter rises at once, and over how long its rise is taken for a power."""

    step_mwh: int
    window_ms: int

    def decides(self, trigger: Trigger) -> bool:
        """Whether one step over the window is at most half of the band between the thresholds (signals.md 3.2)."""
        return 2 * self.step_mwh * MS_PER_HOUR <= (trigger.on_mw - trigger.off_mw) * self.window_ms


class EvidenceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"kind": "class"}):
    """What one channel tells of the state: its `words`, or that a value of `at_least` is a run, still `hold_ms` later.

    `at_least` is in the channel's own unit: bytes of `growth`, thousandths of a percent of `cpu`.
    """

    kind: EvidenceClass
    channel: str
    words: dict[str, Literal["off", "standby", "run"]] | None = None
    at_least: int | None = None
    hold_ms: int = 0


class Grades(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the grades A to C (evidence.md section 5), in ms."""

    bracket_ms: int = 1_200_000
    delay_ms: int = 1_200_000
    clock_ms: int = 60_000
    late_ms: int = 7 * DAY_MS


class Policy(msgspec.Struct, frozen=True):
    """A policy whose members fit together; `sha256` (hex) is that of the file it was read from."""

    name: str
    valid_mw: tuple[int, int]
    standby: Trigger
    run: Trigger
    gap_ms: int
    sha256: str
    frozen_ms: int | None = None
    counter: Counter | None = None
    evidence: tuple[EvidenceRule, ...] = ()
    prepare_ms: int = 0
    post_ms: int = 0
    bridge_ms: int = 0
    calibration: Literal["counts", "excluded"] = "excluded"
    standby_counts: str | None = None
    split: Split = "share"
    ratio: tuple[int, int] = (1, 1)
    priorities: tuple[WitnessClass, ...] = WEIGHT
    grades: Grades = Grades()

    def scaled(self, shown: int) -> int:
        """What stands behind a number that the meter shows, by the ratio of its transformers."""
        multiplier, divisor = self.ratio
        return shown * multiplier // divisor

    def levels(self, channel: str = POWER) -> tuple[int, ...]:
        """The channel's values, ascending, whose crossing can change a state: hints for the agents' intervals."""
        if channel != POWER:
            return tuple(rule.at_least for rule in self.evidence if rule.channel == channel and rule.at_least)
        multiplier, divisor = self.ratio
        bounds = {self.standby.off_mw, self.standby.on_mw, self.run.off_mw, self.run.on_mw}
        return tuple(sorted(bound * divisor // multiplier for bound in bounds))

    def horizon_ms(self) -> int:
        """How far past an instant readings can still decide the state before it: the longest dwell, a gap, a window."""
        dwells = (self.standby.on_ms, self.standby.off_ms, self.run.on_ms, self.run.off_ms)
        return max(dwells) + self.gap_ms + (self.counter.window_ms if self.counter else 0)

    def memory_ms(self) -> int:
        """How far before an instant readings can matter to the state after it: a gap and a window, or a hold."""
        window_ms = self.counter.window_ms if self.counter else 0
        return max([self.gap_ms + window_ms, *(rule.hold_ms for rule in self.evidence)])

    def channels(self) -> tuple[str, ...]:
        """The channels that this policy has a use for, sorted."""
        return tuple(sorted({POWER, *(rule.channel for rule in self.evidence)}))


class _PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members of the file, in the order of the example."""

    v: int
    name: str
    valid_mw: tuple[int, int]
    standby: Trigger
    run: Trigger
    gap_ms: int
    frozen_ms: int | None = None
    counter: Counter | None = None
    evidence: tuple[EvidenceRule, ...] = ()
    prepare_ms: int = 0
    post_ms: int = 0
    bridge_ms: int = 0
    calibration: Literal["counts", "excluded"] = "excluded"
    standby_counts: str | None = None
    split: Split = "share"
    ratio: tuple[int, int] = (1, 1)
    priorities: tuple[WitnessClass, ...] = WEIGHT
    grades: Grades = Grades()


def parse_policy(raw: bytes) -> Policy:
    """Read a policy file. MalformedPolicy names every member that is wrong, and the remedy."""
    file = _decode(raw)
    if file.v != 1:
        raise MalformedPolicy(f"policy: v is {file.v}; this program knows version 1 only")
    faults = list(_faults(file))
    if faults:
        raise MalformedPolicy("policy: " + "; ".join(faults))
    members = {name: getattr(file, name) for name in _PolicyFile.__struct_fields__ if name != "v"}
    return Policy(**members, sha256=hashlib.sha256(raw).hexdigest())


def _decode(raw: bytes) -> _PolicyFile:
    """Bytes to typed members, or MalformedPolicy."""
    if len(raw) > MAX_POLICY_BYTES:
        raise MalformedPolicy(f"policy: {len(raw)} bytes; the limit is {MAX_POLICY_BYTES}")
    try:
        members = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members_once,
            parse_float=_refuse_fraction,
            parse_constant=_refuse_fraction,
        )
        return msgspec.convert(members, _PolicyFile)
    except MalformedPolicy:
        raise
    except msgspec.ValidationError as error:
        raise MalformedPolicy(f"policy: {one_line(error)}; {_remedy(str(error))}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedPolicy(
            f"policy: not a JSON file in UTF-8 ({one_line(error)}); correct it and try again"
        ) from error


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member given twice: JSON readers differ in which one they take, and hours would differ with them."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedPolicy(f"policy: {excerpt(twice)} is given twice; keep one of them")
    return members


def _refuse_fraction(text: str) -> NoReturn:
    raise MalformedPolicy(f"policy: {excerpt(text)} is not an integer; write whole milliwatts and milliseconds")


def _remedy(fault: str) -> str:
    if "unknown field" in fault:
        return "remove the member or correct its spelling"
    if "missing required field" in fault:
        return "add the member"
    return "correct the value's type"


def _faults(file: _PolicyFile) -> Iterator[str]:
    """What the types cannot say, one sentence for each member that is wrong."""
    low, high = file.valid_mw
    if not file.name.isprintable() or not 1 <= len(file.name.strip()) <= MAX_NAME:
        yield f"name must be 1 to {MAX_NAME} printable characters; give one that a person will recognise"
    if not -MAX_POWER_MW <= low < high <= MAX_POWER_MW:
        yield f"valid_mw is [{low}, {high}]; write [lowest, highest] believable power in mW"
    for name, trigger in (("standby", file.standby), ("run", file.run)):
        yield from _trigger_faults(name, trigger)
        if not low <= trigger.off_mw or not trigger.on_mw <= high:
            yield f"{name}.off_mw and {name}.on_mw must lie inside valid_mw [{low}, {high}], or they are never reached"
    for member in ("on_mw", "off_mw"):
        lower, upper = getattr(file.standby, member), getattr(file.run, member)
        if lower > upper:
            yield f"standby.{member} {lower} is above run.{member} {upper}; a run must need at least as much power"
    if not MIN_GAP_MS <= file.gap_ms <= MAX_DWELL_MS:
        yield f"gap_ms is {file.gap_ms}; write {MIN_GAP_MS} to {MAX_DWELL_MS} ms, 60000 where nothing speaks against it"
    if file.frozen_ms is not None and not file.gap_ms <= file.frozen_ms <= DAY_MS:
        yield f"frozen_ms is {file.frozen_ms}; write gap_ms {file.gap_ms} to {DAY_MS} ms, or leave it out"
    if file.counter is not None:
        yield from _counter_faults(file.counter, (file.standby, file.run))
    yield from _allowance_faults(file)
    if len(file.evidence) > MAX_RULES:
        yield f"evidence has {len(file.evidence)} rules; at most {MAX_RULES} are taken"
    for place, rule in enumerate(file.evidence):
        yield from (f"evidence[{place}]{fault}" for fault in _rule_faults(rule, file.evidence[:place]))


def _allowance_faults(file: _PolicyFile) -> Iterator[str]:
    """The members that say what counts beside the run."""
    for name, given_ms in (("prepare_ms", file.prepare_ms), ("post_ms", file.post_ms)):
        if not 0 <= given_ms <= MAX_ALLOWANCE_MS:
            yield f"{name} is {given_ms}; write 0 to {MAX_ALLOWANCE_MS} ms"
    if file.bridge_ms and not file.gap_ms < file.bridge_ms <= MAX_BRIDGE_MS:
        yield f"bridge_ms is {file.bridge_ms}; write more than gap_ms {file.gap_ms}, up to {MAX_BRIDGE_MS} ms, or 0"
    if file.standby_counts is not None and not _is_reason(file.standby_counts):
        yield f"standby_counts must be the reason why standby counts, in 1 to {MAX_REASON} printable characters"
    multiplier, divisor = file.ratio
    if not (1 <= divisor <= multiplier * MAX_RATIO and 1 <= multiplier <= divisor * MAX_RATIO <= MAX_RATIO**2):
        yield f"ratio is [{multiplier}, {divisor}]; write two positive integers, as [40, 1] for a transformer 200/5 A"
    if sorted(file.priorities) != sorted(WEIGHT):
        yield f"priorities must name each of {', '.join(WEIGHT)} once, the weightiest first"
    for name in Grades.__struct_fields__:
        if not 0 <= getattr(file.grades, name) <= MAX_GRADE_MS:
            yield f"grades.{name} is {getattr(file.grades, name)}; write 0 to {MAX_GRADE_MS} ms"


def _is_reason(text: str) -> bool:
    return text.isprintable() and 1 <= len(text.strip()) <= MAX_REASON


def _trigger_faults(name: str, trigger: Trigger) -> Iterator[str]:
    if trigger.off_mw >= trigger.on_mw:
        yield f"{name}.off_mw {trigger.off_mw} is not below {name}.on_mw {trigger.on_mw}; lower it"
    for member, dwell_ms in (("on_ms", trigger.on_ms), ("off_ms", trigger.off_ms)):
        if not 0 <= dwell_ms <= MAX_DWELL_MS:
            yield f"{name}.{member} is {dwell_ms}; write 0 to {MAX_DWELL_MS} ms"


def _counter_faults(counter: Counter, triggers: tuple[Trigger, Trigger]) -> Iterator[str]:
    step_mwh, window_ms = counter.step_mwh, counter.window_ms
    if not 1 <= step_mwh <= MAX_STEP_MWH:
        yield f"counter.step_mwh is {step_mwh}; write by how many mWh the meter's counter rises at once, 1 to 1000000"
    # Windows stand on a grid that midnight is part of, so that no day's state depends on where a derivation began.
    if not MIN_GAP_MS <= window_ms <= MAX_WINDOW_MS or MS_PER_HOUR % window_ms:
        yield f"counter.window_ms is {window_ms}; write a part of an hour from 1000 to {MAX_WINDOW_MS} ms, as 60000"
    elif not any(map(counter.decides, triggers)):
        yield (
            f"counter: a step of {step_mwh} mWh over {window_ms} ms is coarser than half of either trigger's band; "
            "lengthen window_ms, or leave counter out"
        )


def _rule_faults(rule: EvidenceRule, before: tuple[EvidenceRule, ...]) -> Iterator[str]:
    if not _is_name(rule.channel) or rule.channel == POWER:
        yield f".channel is {excerpt(rule.channel)}; name a watcher's channel other than power"
    if any(each.channel == rule.channel for each in before):
        yield f".channel {excerpt(rule.channel)} has a rule already; keep one of them"
    if (rule.words is None) == (rule.at_least is None):
        yield " must have exactly one of words and at_least; words for states, at_least for counts and gauges"
    if rule.words is not None and (not rule.words or rule.hold_ms):
        yield ".words is empty or has a hold_ms; name the words that tell a state, and hold only at_least"
    if not 0 <= rule.hold_ms <= MAX_DWELL_MS:
        yield f".hold_ms is {rule.hold_ms}; write 0 to {MAX_DWELL_MS} ms"
