"""How a ranking is followed in tests: announced, objected to, answered, published."""

from datetime import datetime, timedelta

from collector.evaluation.objections import Answer, announce_round, answer_objection, object_to
from collector.evaluation.publication import Publication, publish_round
from collector.evaluation.results import close_round, list_results, set_rating
from collector.evaluation.rounds import By, Round, find_round
from collector.evaluation.scheme import Rating
from collector.registry import people
from collector.registry.access import Access, Scope
from collector.registry.audit import Actor
from collector.registry.people import Person
from tests.collector.evaluation.playing import give_all, with_experts
from tests.collector.evaluation.world import NOW, World, by

DAYS = 10
AFTER = NOW + timedelta(days=DAYS + 1)
"""The day after the last one for objections."""


def closed(world: World) -> Round:
    """A ranking; one expert gave all that there is."""
    [ann] = with_experts(world, "ann")
    give_all(world, ann)
    with world.connection.transaction():
        return close_round(world.connection, "2025", by=by("all are in"))


def announced(world: World, **ratings: Rating) -> Round:
    """Units may object until NOW + DAYS; `ratings` are set before, by unit as `u` and its code."""
    closed(world)
    with world.connection.transaction():
        for unit, rating in ratings.items():
            set_rating(world.connection, "2025", uscc=unit[1:], rating=rating, by=by("seen on site"))
        return announce_round(world.connection, "2025", days=DAYS, by=by("notice 7"))


def published(world: World, **ratings: Rating) -> Publication:
    """The round is over, and units so rated are poor."""
    announced(world, **ratings)
    with world.connection.transaction():
        return publish_round(world.connection, "2025", by=by("notice 9", now=AFTER))


def officer(world: World, uscc: str, *, name: str = "li.na") -> tuple[Person, Access]:
    """A unit's information officer."""
    access = Access("officer", Scope("unit", uscc))
    with world.connection.transaction():
        person = people.register_person(world.connection, name)
        people.appoint(world.connection, person, access, now=NOW)
    return person, access


def said(name: str = "li.na", why: str = "A003 ran until June", *, now: datetime = NOW) -> By:
    """What somebody else than the evaluator does."""
    return By(Actor(name, "command", "unit@host"), why, now)


def objection(
    world: World, uscc: str, indicator: int | None, *, now: datetime = NOW, documents: tuple[str, ...] = ()
) -> int:
    """The unit objects, and the number of it."""
    person, access = officer(world, uscc)
    with world.connection.transaction():
        return object_to(
            world.connection,
            "2025",
            uscc=uscc,
            indicator=indicator,
            documents=documents,
            person=person,
            access=access,
            by=said(now=now),
        )


def answered(world: World, number: int, answer: Answer, *, now: datetime = NOW) -> None:
    """The evaluator answers."""
    with world.connection.transaction():
        answer_objection(world.connection, "2025", number, answer=answer, by=by("looked at again", now=now))


def ranking(world: World) -> list[tuple[int, str, str]]:
    """Rank, unit and rating as they hold."""
    held = find_round(world.connection, "2025")
    return [(each.score.rank, each.score.uscc, each.rating) for each in list_results(world.connection, held)]


def store_document(world: World, beginning: str) -> str:
    """The SHA-256 of a document that the database knows."""
    sha256 = beginning.ljust(64, "0")
    world.connection.execute(
        "INSERT INTO document (sha256, bytes, media_type, stored_by) VALUES (%s, 1, 'application/pdf', 'li.na')",
        [sha256],
    )
    return sha256
