"""Where the case of an idle instrument stands, and what may follow. Pure; what the table does not name is refused.

    reminded ──▶ answered ──▶ accepted
        │            └──────▶ refused ──▶ transfer ──▶ closed
        └── no answer in time ───────────────┘          with an outcome
    and from every open state withdrawn, because the reminder was mistaken or the instrument is in use again

The database refuses a wrong step by itself (migration 0030); a test holds the two against each other.
"""

from datetime import date
from typing import Literal, get_args

from collector.errors import MonitoringError

State = Literal["reminded", "answered", "accepted", "refused", "transfer", "closed", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
Outcome = Literal["transferred", "kept", "retired", "other"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
FOLLOWING: dict[State, tuple[State, ...]] = {
    "reminded": ("answered", "transfer", "withdrawn"),
    "answered": ("accepted", "refused", "withdrawn"),
    "refused": ("transfer", "withdrawn"),
    "transfer": ("closed", "withdrawn"),
    "accepted": (),
    "closed": (),
    "withdrawn": (),
}
"""What each state may go to."""


def check_step(case_id: int, *, held: State, wanted: State, answer_by: date, today: date) -> None:
    """Raises MonitoringError unless the case may go there today."""
    if wanted not in FOLLOWING[held]:
        following = " or ".join(FOLLOWING[held])
        raise MonitoringError(
            f"case {case_id} is {held}: {wanted} cannot follow; "
            + (f"next is {following}" if following else "it is over, and another reminder begins another case")
        )
    if held == "reminded" and wanted == "transfer" and today <= answer_by:
        raise MonitoringError(
            f"the unit may answer in case {case_id} until {answer_by}: a transfer can follow after it"
        )
