"""Where a round stands, and what may be done there. Pure; what the tables do not name is refused.

    draft ──▶ population ──▶ data ──▶ experts ──▶ closed ──▶ announced ──▶ published
              who is counted  figures   points      ranking     objections    the result, for everybody

The database refuses a wrong step by itself (migration 0034); a test holds the two against each other. What follows from
较差 and from proved fraud is no state of the round: collector/cases.
"""

from typing import Literal, get_args

from collector.errors import RoundError

State = Literal["draft", "population", "data", "experts", "closed", "announced", "published"]
STATES: tuple[State, ...] = get_args(State)
FOLLOWS: dict[State, State] = {
    "population": "draft",
    "data": "population",
    "experts": "data",
    "closed": "experts",
    "announced": "closed",
    "published": "announced",
}
"""Which state each one follows."""
SCORED: tuple[State, ...] = ("closed", "announced", "published")
"""There are points and ranks."""
Deed = Literal[
    "choose", "appoint", "give points", "rate", "bring evidence", "draw visits", "object", "answer", "prove fraud"
]
WHERE: dict[Deed, tuple[State, ...]] = {
    "choose": ("draft",),
    "appoint": ("draft", "population", "data"),
    "give points": ("experts",),
    "rate": ("closed",),
    "bring evidence": ("draft", "population", "data", "experts"),
    "draw visits": ("data", "experts", "closed"),
    "object": ("announced",),
    "answer": ("announced",),
    "prove fraud": SCORED,
}
_HOW: dict[State, str] = {
    "population": "`evaluate population` fixes who is counted",
    "data": "`evaluate data` takes the figures of a frozen period",
    "experts": "`evaluate open` lets the experts begin",
    "closed": "`evaluate close` ends the experts' entry",
    "announced": "`evaluate announce` shows units their results and lets them object",
    "published": "`evaluate publish` publishes the result",
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
