"""Where a round stands, and what may be done there. Pure; what the tables do not name is refused.

    draft ──▶ population ──▶ data ──▶ experts ──▶ closed
              who is counted  figures   points      ranking

The database refuses a wrong step by itself (migration 0027); a test holds the two against each other. Objections, a
publication and what follows from 较差 will be further states behind `closed`.
"""

from typing import Literal, get_args

from collector.errors import RoundError

State = Literal["draft", "population", "data", "experts", "closed"]
STATES: tuple[State, ...] = get_args(State)
FOLLOWS: dict[State, State] = {"population": "draft", "data": "population", "experts": "data", "closed": "experts"}
"""Which state each one follows."""
Deed = Literal["choose", "appoint", "give points", "rate"]
WHERE: dict[Deed, tuple[State, ...]] = {
    "choose": ("draft",),
    "appoint": ("draft", "population", "data"),
    "give points": ("experts",),
    "rate": ("closed",),
}
_HOW: dict[State, str] = {
    "population": "`evaluate population` fixes who is counted",
    "data": "`evaluate data` takes the figures of a frozen period",
    "experts": "`evaluate open` lets the experts begin",
    "closed": "`evaluate close` ends the experts' entry",
}


def check_step(name: str, *, held: State, wanted: State) -> None:
    """Raises RoundError unless the round may go from where it is to there."""
    if FOLLOWS.get(wanted) != held:
        raise RoundError(f"round {name} is in state {held}: {wanted} cannot follow; {_next(held)}")


def check_deed(name: str, *, held: State, deed: Deed) -> None:
    """Raises RoundError unless that may be done where the round is."""
    if held not in WHERE[deed]:
        raise RoundError(
            f"round {name} is in state {held}: to {deed} belongs to {' or '.join(WHERE[deed])}; {_next(held)}"
        )


def _next(held: State) -> str:
    following = next((state for state, before in FOLLOWS.items() if before == held), None)
    return "it is over: another round has another name" if following is None else f"next, {_HOW[following]}"
