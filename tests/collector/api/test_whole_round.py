"""One evaluation from the network to the next year, over the API, each step by whoever may take it.

What comes out is held against tests/collector/api/whole_round.py, which adds everything up by itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import httpx
import pytest

from collector.evaluation.verification import verify_round
from collector.registry import api_keys, people
from collector.registry.access import Access, Scope
from tests.collector.api import whole_round
from tests.collector.api.whole_round import BEIJING, MOST, SHENZHEN, UNITS, XIAN, YEAR, Instrument
from tests.collector.evaluation.playing import SCHEME
from tests.collector.evaluation.test_visits import flag
from tests.collector.evaluation.world import Day, World
from tests.collector.province import MovableClock, Province

V1 = "/api/v1"
ROUND = f"/rounds/{YEAR}"
PDF = b"%PDF-1.7\nthe booking rules\n%%EOF\n"
PEOPLE = {
    "registrar": Access("registrar"),
    "evaluator": Access("evaluator"),
    "ann": Access("expert"),
    "bob": Access("expert"),
    "platform": Access("platform"),
}
OFFICERS = {uscc: Access("officer", Scope("unit", uscc)) for uscc in UNITS}
"""By name what each may do; units' officers go by their unit's code."""


@dataclass
class Play:
    """Who asks, and what the test knows of the world that is asked."""

    client: httpx.Client
    world: World
    clock: MovableClock
    keys: dict[str, str]
    instruments: list[Instrument]
    days: list[Day]

    def admit(self, name: str) -> None:
        """Makes a key for somebody."""
        connection, access = self.world.connection, (PEOPLE | OFFICERS)[name]
        with connection.transaction():
            people.appoint(connection, people.register_person(connection, name), access, now=self.clock.at)
        expires_at = self.clock.at + timedelta(days=900)
        self.keys[name] = api_keys.make_api_key(
            connection, name, label="test", expires_at=expires_at, access=access
        ).key

    def post(self, who: str, path: str, *, status: int = 200, **body: object) -> Any:
        """With a reason, unless that is said to be None."""
        sent = {"why": "notice 5", **body}
        if sent["why"] is None:
            del sent["why"]
        answer = self.client.post(V1 + path, json=sent, headers={"X-API-Key": self.keys[who]})
        assert answer.status_code == status, f"{who} {path}: {answer.text}"
        return answer.json()

    def get(self, who: str, path: str) -> Any:
        answer = self.client.get(V1 + path, headers={"X-API-Key": self.keys[who]})
        assert answer.status_code == 200, f"{who} {path}: {answer.text}"
        return answer.json()

    def send(self, who: str, path: str, content: bytes) -> Any:
        answer = self.client.post(V1 + path, content=content, headers={"X-API-Key": self.keys[who]})
        assert answer.status_code in (200, 201), f"{who} {path}: {answer.text}"
        return answer.json()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(YEAR + 1, 1, 20, 4, tzinfo=UTC))


@pytest.fixture
def play(client: httpx.Client, province: Province, clock: MovableClock) -> Play:
    made = Play(client, World(province), clock, {}, whole_round.draw_instruments(Random(5)), [])
    for name in PEOPLE:
        made.admit(name)
    return made


def test_a_round_from_the_network_to_the_next_year(play: Play, dsn: str) -> None:
    enter_registry_and_network(play)
    work(play, YEAR)
    self_evaluate(play)
    take_figures(play)
    given = give_points(play)
    points = rank(play, given)
    draw_visits(play)
    points = object_and_publish(play, points, given)
    rectify_or_stay_out(play)
    next_year(play)
    for name in (str(YEAR), str(YEAR + 1)):
        assert verify_round(dsn, name).differences == []


def enter_registry_and_network(play: Play) -> None:
    for kind, content in (("units", whole_round.units_csv()),
                          ("instruments", whole_round.instruments_csv(play.instruments))):  # fmt: skip
        report = play.send("registrar", f"/registry/{kind}?from_day=2020-01-01", content)
        assert (report["is_applied"], report["refused"]) == (True, 0), report
    for uscc in UNITS:
        play.admit(uscc)
    joined = [each for each in play.instruments if each.shareable is True and each.value_fen >= 20_000_000]
    for each in joined:
        play.post("registrar", "/network", status=201, asset_no=each.asset_no, step="joined", from_day="2020-03-20",
                  proof="platform number 5")  # fmt: skip
    listed = play.get("registrar", f"/network?state=joined&as_of={YEAR}-12-31&limit=500")["items"]
    assert {item["asset_no"] for item in listed} == {each.asset_no for each in joined}
    play.world.held.extend(each.held for each in play.instruments)


def work(play: Play, year: int, *, idle: str = SHENZHEN) -> None:
    """The instruments run; days close; the year is frozen for good."""
    policy = play.world.province.policy.sha256
    days = whole_round.draw_days(Random(year), play.instruments, policy, year, idle)
    for each in days:
        play.world.put(each)
    play.world.close(play.clock.at.date())
    play.days = days
    frozen = play.post("registrar", "/frozen", status=201, why=None, name=str(year), first_day=f"{year}-01-01",
                       last_day=f"{year}-12-31")  # fmt: skip
    assert sum(frozen["leaves"].values()) >= len(days)


def take_figures(play: Play) -> None:
    """The indicators of every unit and of all, to the second and the fen."""
    play.post("evaluator", "/rounds", status=201, name=str(YEAR), year=YEAR)
    play.post("evaluator", f"{ROUND}/population")
    members = play.get("evaluator", f"{ROUND}/population?limit=500")["items"]
    assert {m["name"]: m["is_in"] for m in members} == {i.asset_no: i.is_counted for i in play.instruments}
    play.post("evaluator", f"{ROUND}/data", frozen=str(YEAR))
    check_measures(play, YEAR, UNITS)


def check_measures(play: Play, year: int, units: Mapping[str, object]) -> None:
    shown = {item["uscc"]: item for item in play.get("evaluator", f"/rounds/{year}/indicators")["items"]}
    shown[""] = play.get("evaluator", f"/rounds/{year}")["all_units"]
    taking_part = [each for each in play.instruments if each.owner in units]
    for uscc in ("", *units):
        expected = whole_round.expected_measures(taking_part, play.days, uscc)
        assert whole_round.measures_of(shown[uscc]) == expected, uscc
    own = play.get(XIAN, f"/rounds/{year}/indicators")["items"]
    assert {item["uscc"] for item in own} <= {XIAN}


def self_evaluate(play: Play) -> None:
    """Each unit drafts, confirms and submits its report; one comes back and goes again."""
    play.post("evaluator", "/self-evaluations/due", status=201, year=YEAR, due_on=f"{YEAR + 1}-03-01")
    for uscc in UNITS:
        path = f"/self-evaluations/{uscc}/{YEAR}"
        play.post(uscc, f"{path}/drafts", status=201, texts={"staff": "实验技术人员 12 人"})
        play.post(uscc, f"{path}/confirmation")
        play.post(uscc, f"{path}/submission")
    path = f"/self-evaluations/{XIAN}/{YEAR}"
    play.post("evaluator", f"{path}/return", why="the outcomes are missing")
    play.post(XIAN, f"{path}/drafts", status=201, texts={"outcomes": "论文 3 篇"})
    play.post(XIAN, f"{path}/confirmation")
    play.post(XIAN, f"{path}/submission")
    for uscc in UNITS:
        play.post("evaluator", f"/self-evaluations/{uscc}/{YEAR}/acceptance")
        report = play.get("evaluator", f"/self-evaluations/{uscc}/{YEAR}/report.json")
        told = {name: (top, bottom) for name, top, bottom in report["indicators"]["measures"]}
        assert told == whole_round.expected_measures(play.instruments, play.days, uscc)
    timely = play.get("evaluator", f"/self-evaluations/timeliness?year={YEAR}")["items"]
    assert {item["judged"] for item in timely} == {"on-time"}


def give_points(play: Play) -> dict[str, dict[int, Fraction]]:
    """Two experts, blind to each other; the mean of both counts. A unit shows evidence first."""
    for uscc in UNITS:
        play.post(uscc, f"{ROUND}/evidence", status=201, why=None, uscc=uscc, indicator=6,
                  kind="paper", title="A structure")  # fmt: skip
    for name in ("ann", "bob"):
        play.post("evaluator", f"{ROUND}/experts", status=201, person=name)
    scheme = play.post("evaluator", "/rounds/schemes", status=201, text=SCHEME)
    play.post("evaluator", f"{ROUND}/opening", scheme=scheme["sha256"])
    assert len(play.get("ann", f"{ROUND}/evidence")["items"]) == len(UNITS)
    share = {XIAN: 100, BEIJING: 70, SHENZHEN: 10}
    given: dict[str, dict[str, dict[int, int]]] = {
        "ann": {uscc: {n: most * share[uscc] // 100 for n, most in MOST.items()} for uscc in UNITS},
        "bob": {uscc: {n: most * share[uscc] // 100 - 1 for n, most in MOST.items()} for uscc in UNITS},
    }
    for name, of_units in given.items():
        flat = [{"uscc": uscc, "indicator": n, "hundredths": h} for uscc, of in of_units.items() for n, h in of.items()]
        told = play.post(name, f"{ROUND}/points", status=201, points=flat)
        assert {item["expert"] for item in told["items"]} == ({name} if name == "ann" else {"ann", "bob"})
    return {uscc: {n: Fraction(given["ann"][uscc][n] + given["bob"][uscc][n], 2) for n in MOST} for uscc in UNITS}


def rank(play: Play, given: Mapping[str, Mapping[int, Fraction]]) -> dict[str, Fraction]:
    points = {
        uscc: whole_round.expected_points(
            SCHEME, whole_round.expected_measures(play.instruments, play.days, uscc), given[uscc]
        )
        for uscc in UNITS
    }
    ranking = play.post("evaluator", f"{ROUND}/closing")["items"]
    assert {item["uscc"]: item["rank"] for item in ranking} == whole_round.expected_ranks(points)
    for item in ranking:
        assert item["scheme_rating"] == whole_round.expected_rating(SCHEME, points[item["uscc"]])
    assert whole_round.expected_rating(SCHEME, points[SHENZHEN]) == "poor"
    return points


def draw_visits(play: Play) -> None:
    """What is abnormal is visited first, then what a seed draws."""
    idle = next(each for each in play.instruments if each.owner == SHENZHEN and each.is_counted)
    flag(play.world, idle.asset_no, 90, "feeder-idle")
    drawn = play.post("evaluator", f"{ROUND}/visits", status=201, seed="4 2 6 1 5", by_flags=1, by_seed=2)
    by_seed = whole_round.expected_draw(str(YEAR), "4 2 6 1 5", 2)
    visits = drawn["visits"]
    assert visits[0]["uscc"] == SHENZHEN
    assert {visit["uscc"] for visit in visits if visit["reason"] != "flags"} == set(by_seed)


def object_and_publish(
    play: Play, points: dict[str, Fraction], given: Mapping[str, Mapping[int, Fraction]]
) -> dict[str, Fraction]:
    """A unit is shown its line, objects and is heard; the other objection is refused; then all is public."""
    play.post("evaluator", f"{ROUND}/announcement", days=10)
    [own] = play.get(BEIJING, f"{ROUND}/result")["items"]
    assert Fraction(own["exact_hundredths"]) == points[BEIJING]
    assert play.get("platform", f"{ROUND}/result")["items"] == []
    document = play.send(BEIJING, "/documents?name=log.pdf", PDF)["sha256"]
    play.post(BEIJING, f"{ROUND}/objections", status=201, uscc=BEIJING, indicator=5, documents=[document])
    play.post(SHENZHEN, f"{ROUND}/objections", status=201, uscc=SHENZHEN, indicator=None)
    corrected = (4 * 1500 * 3600, 4)
    correction = {"source": "average_effective", "numerator": corrected[0], "denominator": corrected[1]}
    play.post("evaluator", f"{ROUND}/objections/1/answer", verdict="upheld", correction=correction)
    play.post("evaluator", f"{ROUND}/publication", status=400)
    play.post("evaluator", f"{ROUND}/objections/2/answer", verdict="refused")
    play.clock.at += timedelta(days=11)
    result = play.post("evaluator", f"{ROUND}/publication")
    measures = whole_round.expected_measures(play.instruments, play.days, BEIJING) | {"average_effective": corrected}
    amended = points | {BEIJING: whole_round.expected_points(SCHEME, measures, given[BEIJING])}
    public = play.get("platform", f"{ROUND}/result")
    assert public["items"] == result["items"]
    assert {item["uscc"]: Fraction(item["exact_hundredths"]) for item in public["items"]} == amended
    assert {item["uscc"]: item["rank"] for item in public["items"]} == whole_round.expected_ranks(amended)
    raw = play.client.get(f"{V1}{ROUND}/publication", headers={"X-API-Key": play.keys["platform"]}).content
    assert hashlib.sha256(raw).hexdigest() == public["sha256"]
    assert [(each["uscc"], each["indicator"]) for each in public["amendments"]] == [(BEIJING, 5)]
    return amended


def rectify_or_stay_out(play: Play) -> None:
    """The poor unit says what it did; before an evaluator accepted it, it takes no part in the next year."""
    [case] = play.get(SHENZHEN, "/cases")["items"]
    number = case["case"]
    assert (case["uscc"], case["state"]) == (SHENZHEN, "open")
    assert case["due_on"] == f"{YEAR + 2}-01-31"
    assert play.get(XIAN, "/cases")["items"] == []
    play.post(SHENZHEN, f"/cases/{number}/entries", status=201, kind="remedy", why="new booking rules")
    document = play.send(SHENZHEN, "/documents?name=rules.pdf", PDF + b"again\n")["sha256"]
    play.post(SHENZHEN, f"/cases/{number}/entries", status=201, kind="evidence", document=document)
    play.post("evaluator", f"/cases/{number}/ruling", verdict="refused", why="nobody knows of the rules")


def next_year(play: Play) -> None:
    play.clock.at = datetime(YEAR + 2, 1, 20, 4, tzinfo=UTC)
    work(play, YEAR + 1, idle=XIAN)
    play.post("evaluator", "/rounds", status=201, name=str(YEAR + 1), year=YEAR + 1)
    play.post("evaluator", f"/rounds/{YEAR + 1}/population")
    members = play.get("evaluator", f"/rounds/{YEAR + 1}/population?limit=500")["items"]
    reasons = {member["name"]: member["reason"] for member in members}
    for each in play.instruments:
        assert (reasons[each.asset_no] == "rectifying") == (each.owner == SHENZHEN)
    play.post("evaluator", f"/rounds/{YEAR + 1}/data", frozen=str(YEAR + 1))
    check_measures(play, YEAR + 1, {uscc: None for uscc in UNITS if uscc != SHENZHEN})
    [case] = play.get("evaluator", "/cases")["items"]
    play.post("evaluator", f"/cases/{case['case']}/ruling", verdict="accepted", why="seen on site")
    play.post("evaluator", "/rounds", status=201, name=f"{YEAR + 1}-again", year=YEAR + 1)
    play.post("evaluator", f"/rounds/{YEAR + 1}-again/population")
    again = play.get("evaluator", f"/rounds/{YEAR + 1}-again/population?limit=500")["items"]
    assert {member["name"]: member["is_in"] for member in again} == {i.asset_no: i.is_counted for i in play.instruments}
