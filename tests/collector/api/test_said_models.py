"""Every number and every moment that can be said to the API is taken only as its description has it."""

import importlib
import pkgutil
from datetime import date
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import collector.api

MODULES = [
    importlib.import_module(f"collector.api.{each.name}") for each in pkgutil.iter_modules(collector.api.__path__)
]
SAID = {
    f"{model.__name__}.{name}": field
    for module in MODULES
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, BaseModel) and model.__name__.startswith(("Asked", "New"))
    for name, field in model.model_fields.items()
}


def kinds_in(annotation: Any) -> set[type]:
    """The types in it, however deep: of a list of days, a day."""
    if isinstance(annotation, type):
        return {annotation}
    return {kind for part in get_args(annotation) for kind in kinds_in(part)}


def is_of(field: Any, kind: type) -> bool:
    return any(issubclass(each, kind) for each in kinds_in(field.annotation))


NUMBERS = {name: field for name, field in SAID.items() if is_of(field, int) and not is_of(field, bool)}
MOMENTS = {name: field for name, field in SAID.items() if is_of(field, date)}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("said", ["7", True, "2026"])
def test_a_number_is_no_text_and_no_truth(name: str, said: object) -> None:
    field = NUMBERS[name]
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[field.annotation, field]).validate_python(said)


@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize("said", [1_763_251_200, "1763251200"])
def test_a_day_or_an_instant_is_no_count_of_seconds(name: str, said: object) -> None:
    field = MOMENTS[name]
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[field.annotation, field]).validate_python(said)
