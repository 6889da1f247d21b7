"""Where a self-evaluation report stands, and what may follow. Pure; what the table does not name is refused.

    draft ──▶ confirmed ──▶ submitted ──▶ accepted
      ▲ ▲         │             │
      │ └─────────┘             │        the unit changes what it confirmed: a further version
      └──── returned ◀──────────┘        the evaluator sends it back, with a reason

A draft is a further version each time. Confirming and submitting are the unit's own, returning and accepting the
evaluator's. The database refuses a wrong step by itself (migration 0031); a test holds the two against each other.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from collector.errors import SelfEvaluationError

State = Literal["draft", "confirmed", "submitted", "returned", "accepted"]
STATES: tuple[State, ...] = get_args(State)
STATES_ZH: Mapping[State, str] = {
    "draft": "草拟",
    "confirmed": "确认",
    "submitted": "提交",
    "returned": "退回",
    "accepted": "接受",
}
FOLLOWS: Mapping[State, tuple[State | None, ...]] = {
    "draft": (None, "draft", "confirmed", "returned"),
    "confirmed": ("draft",),
    "submitted": ("confirmed",),
    "returned": ("submitted",),
    "accepted": ("submitted",),
}
"""Which states each one may follow; None: there is no report yet."""
OF_UNIT: tuple[State, ...] = ("draft", "confirmed", "submitted")
"""The steps that the unit's own officer makes; the others are the evaluator's."""
_NEXT: Mapping[State | None, str] = {
    None: "`self-evaluation draft` makes the first version",
    "draft": "`self-evaluation confirm` confirms it",
    "confirmed": "`self-evaluation submit` submits it, `draft` changes it",
    "submitted": "the evaluator accepts it or returns it",
    "returned": "`self-evaluation draft` makes the version that answers",
    "accepted": "it is over",
}


def check_step(name: str, *, held: State | None, wanted: State) -> None:
    """Raises SelfEvaluationError unless the report `name` may go from where it is to there."""
    if held not in FOLLOWS[wanted]:
        stands = "is not there yet" if held is None else f"is {held}"
        raise SelfEvaluationError(f"the report of {name} {stands}: {wanted} cannot follow; {_NEXT[held]}")
