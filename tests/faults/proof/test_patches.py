"""The patches of the proof fit the tree as it is, and name scenarios that there are."""

import pytest

from tests.faults import scenario
from tests.faults.proof.guards import HERE, Guard, applies, read_guards

GUARDS = read_guards()


@pytest.mark.parametrize("guard", GUARDS, ids=lambda each: each.name)
def test_the_patch_still_takes_the_guard_out(guard: Guard) -> None:
    assert applies(guard) == ""


def test_every_guard_names_a_scenario_and_every_patch_a_guard() -> None:
    names = {each.name for each in scenario.find_all()}
    assert {guard.scenario for guard in GUARDS} <= names
    assert {guard.patch for guard in GUARDS} == {path.name for path in HERE.glob("*.patch")}


def test_what_a_scenario_says_it_guards_is_proved() -> None:
    proved = {(guard.scenario, guard.name) for guard in GUARDS}
    said = {(each.name, guard) for each in scenario.find_all() for guard in each.guards}
    assert said == proved
