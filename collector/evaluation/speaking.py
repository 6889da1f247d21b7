"""Who speaks for a unit in a round: its officers and approvers, and whoever records facts over everything.

What a person says for a unit (evidence, objections, remedies of a case) has the same bound everywhere, so that nobody
speaks for a neighbour.
"""

from collector.errors import NotAllowed
from collector.registry.access import EVERYTHING, Access, Right, Scope
from collector.registry.people import Person
from collector.registry.units import check_unit
from collector.store.database import Connection


def check_speaks(connection: Connection, person: Person, access: Access, *, uscc: str) -> None:
    """Raises UnknownName for a unit that is none, NotAllowed unless the person may speak for it."""
    if access.scope not in (EVERYTHING, Scope("unit", uscc)) or not access.allows(Right.FACTS):
        raise NotAllowed(
            f"{person.name} is {access} and does not speak for unit {uscc[:20]!a}: an officer of the unit does "
            f"(jishi-collector role NAME officer --scope unit:{uscc[:18]})"
        )
    check_unit(connection, uscc)
