"""What routes of rounds, reports and monitoring share: who does it, which round, and what is refused as problems."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

from fastapi import Request

from collector.api.access import Services, actor_of
from collector.api.problem import Problem, not_found
from collector.errors import FiguresChanged, NotAllowed, RegistryError, SchemeError, UnknownName
from collector.evaluation import rounds
from collector.evaluation.rounds import By, Round
from collector.registry.access import EVERYTHING, Right, Scope
from collector.registry.people import Caller
from collector.store.database import Connection

Made = TypeVar("Made")


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the record refuses into a problem document."""
    try:
        yield
    except NotAllowed as error:
        raise Problem("not-allowed", str(error), status=HTTPStatus.FORBIDDEN) from error
    except UnknownName as error:
        raise Problem("not-found", str(error), status=HTTPStatus.NOT_FOUND) from error
    except FiguresChanged as error:
        raise Problem("figures-changed", str(error), status=HTTPStatus.CONFLICT) from error
    except SchemeError as error:
        raise Problem("bad-scheme", str(error), status=HTTPStatus.BAD_REQUEST) from error
    except RegistryError as error:
        raise Problem("cannot-be-so", str(error), status=HTTPStatus.BAD_REQUEST) from error


def do(connection: Connection, make: Callable[[], Made]) -> Made:
    """Does it in one transaction, all or nothing."""
    with translated(), connection.transaction():
        return make()


def by_of(request: Request, caller: Caller, given: Services, why: str) -> By:
    """Who does it, why and when."""
    return By(actor_of(request, caller), why, given.now())


def seen_scope(caller: Caller) -> Scope:
    """Of which units a caller sees what is said before a result is published: his own, or all where he sees scores."""
    if caller.access.scope == EVERYTHING and not caller.access.allows(Right.SCORES):
        return Scope("nothing")
    return caller.access.scope


def find(connection: Connection, name: str) -> Round:
    """The round of that name, or Problem 404."""
    try:
        return rounds.find_round(connection, name)
    except UnknownName as error:
        raise not_found("round", name, remedy="/api/v1/rounds lists those that there are") from error
