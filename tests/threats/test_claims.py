"""What a unit claims without any trick of the log: idle hours, copied days, bookings, a key that binds nobody."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import httpx
import pytest

from collector.clock import system_now_ms
from collector.registry import instruments, policies, units
from protocol.entry import Reading
from protocol.interval import local_day
from protocol.keys import ED25519
from tests.faults.line import LOOPBACK
from tests.faults.program import ROOT
from tests.faults.world import POLICY, World
from tests.threats.evening import place_of
from tests.threats.liar import Liar
from tests.threats.past import HOUR_MS, MINUTE_MS, steady, write
from tests.threats.place import Place

DAY = local_day(system_now_ms()) - timedelta(days=30)
"""Some day in the past: who writes of tomorrow is told apart."""
FILES = {"class": "files", "channel": "growth", "at_least": 1, "hold_ms": 120_000}
USCC = "12100000400000624D"
HEADINGS = "key,asset,start,end,purpose\n"
BENEFICIARY = "91610131MA6TYUUC74"
MAPPING = ROOT / "deploy" / "mappings" / "lims.toml"
EXPORT = "记录编号,资产编号,开始时间,结束时间,收费金额,委托单位,统一社会信用代码,使用类型\n"


@pytest.fixture(scope="module")
def place(shared_world: World) -> Place:
    """The collector of the world."""
    return place_of(shared_world)


def test_a_file_that_grows_beside_an_idle_meter_is_no_run(shared_world: World, place: Place) -> None:
    """A script lets files grow while the instrument is off at the wall; beside it, one whose meter tells nothing."""
    vetoed, blind = (Liar(shared_world, name, also=[("files", "growth")]) for name in ("vetoed", "blind"))
    policy = json.dumps({**json.loads(POLICY.read_bytes()), "evidence": [FILES]}).encode()
    for liar in (vetoed, blind):
        number = policies.register_policy(shared_world.connection, policy)
        policies.put_in_force(
            shared_world.connection, number, asset_no=liar.asset, from_day=date(2020, 1, 1), approved_by="operator"
        )
        growth = Reading("files", "growth", 9 * HOUR_MS, (HOUR_MS,), counts=(1_000_000,))
        off = Reading("meter1", "power", 9 * HOUR_MS, (HOUR_MS,), means=(0,), lows=(0,), highs=(0,))
        write(liar, [growth, *([off] if liar is vetoed else [])], DAY)
        assert isinstance(liar.say(liar.agent.payload()), bytes), "a receipt was expected"
    place.derive()
    assert _hours(place, vetoed) == [(0, 3600)]
    assert _hours(place, blind) == [(3600, 0)], "the file alone would have made a run"


def test_a_copied_day_and_a_still_one_are_flagged(shared_world: World, place: Place) -> None:
    liar = Liar(shared_world, "copies")
    days = [DAY - timedelta(days=16 - number) for number in range(16)]
    for number, day in enumerate(days[:14]):
        write(liar, _run(_trace(number)), day)
    write(liar, _run(_trace(5)), days[14])
    write(liar, _run(_trace(99, noise=0), ripple=0.0001), days[15])
    assert isinstance(liar.say(liar.agent.payload()), bytes), "a receipt was expected"
    place.derive()
    told = place.collector("flags", "--asset", liar.asset, "--from", str(days[0]), "--to", str(days[15])).said
    found = [line.split()[2:4] for line in told.splitlines() if line.split()[1:2] == [liar.asset]]
    assert [str(days[14]), "replayed-trace"] in found
    assert [str(days[15]), "constant-load"] in found


def test_bookings_that_are_exported_again_with_other_hours_are_refused_and_make_no_time(
    shared_world: World, place: Place
) -> None:
    liar = Liar(shared_world, "booked")
    units.register_unit(shared_world.connection, USCC, name_zh="清华大学")
    instruments.register_owner(shared_world.connection, liar.asset, uscc=USCC, from_day=date(2020, 1, 1))
    off = Reading("meter1", "power", 9 * HOUR_MS, (HOUR_MS,), means=(0,), lows=(0,), highs=(0,))
    write(liar, [off], DAY)
    liar.say(liar.agent.payload())
    export = place.directory / "uses.csv"
    words = ("import-uses", str(export), "--source", "lims", "--by", "operator")
    booked = f"R1,{liar.asset},{DAY} 09:00,{DAY} 10:00,科研\n"
    export.write_text(HEADINGS + booked, "utf-8")
    first = place.collector(*words)
    assert "accepted=1" in first.said, first
    export.write_text(HEADINGS + booked.replace("10:00", "19:00"), "utf-8")
    again = place.collector(*words)
    assert again.code == 1
    assert "accepted=0 unchanged=0 refused=1" in again.said
    place.derive()
    assert _hours(place, liar) == [(0, 3600)]


def test_external_hours_without_any_paper_are_flagged_two_months_later(shared_world: World, place: Place) -> None:
    """Two units sold as many hours to the same institute; the one has what it was paid in its export."""
    month = _months_ago(3)
    days = [month + timedelta(days=number) for number in range(12)]
    units.register_unit(shared_world.connection, BENEFICIARY, name_zh="示例研究所")
    sellers = {name: Liar(shared_world, name) for name in ("declared", "paid")}
    units.register_unit(shared_world.connection, USCC, name_zh="清华大学")
    rows = [EXPORT]
    for name, liar in sellers.items():
        instruments.register_owner(shared_world.connection, liar.asset, uscc=USCC, from_day=date(2020, 1, 1))
        fee = "1200.00" if name == "paid" else ""
        for day in days:
            write(liar, [*steady(1_000_000, hour=9, hours=2), *steady(5_000, hour=11)], day)
            begin, end = f"{day} 09:00", f"{day} 11:00"
            rows.append(f"{name}-{day},{liar.asset},{begin},{end},{fee},示例研究所,{BENEFICIARY},送样检测\n")
        assert isinstance(liar.say(liar.agent.payload()), bytes), "a receipt was expected"
    (place.directory / "served.csv").write_text("".join(rows), "utf-8")
    taken = place.collector("import-uses", "served.csv", "--source", "lims", "--map", str(MAPPING), "--by", "operator")
    assert f"accepted={len(rows) - 1} " in taken.said, taken
    place.derive()
    for liar in sellers.values():
        assert len(_hours(place, liar)) == len(days)
    last_days = [_months_ago(number) - timedelta(days=1) for number in (2, 1, 0)]
    flagged = {
        name: [_is_unproved(place, liar, month, looked_on=day) for day in last_days] for name, liar in sellers.items()
    }
    assert flagged == {"declared": [False, False, True], "paid": [False, False, False]}


def test_a_key_that_binds_nobody_is_not_enrolled(shared_world: World, place: Place) -> None:
    """Under the identity of the curve many signatures verify, so that its owner could deny every one."""
    host = shared_world.host(start=False)
    shared_world.open_web()
    made = place.collector("token", "--agent", "repudiates", "--watch", f"meter1={host.asset}")
    token = made.said.split()[-1]
    asked = _post(shared_world, "/challenge", {"token": token, "agent_id": "repudiates"}).json()
    identity = _vkey(asked["origin"], b"\x01" + bytes(31))
    members = {"token": token, "agent_id": "repudiates", "vkey": identity, "proof": b64encode(bytes(64)).decode()}
    refused = _post(shared_world, "", members)
    assert refused.status_code == 422
    assert "not a sound Ed25519 point" in refused.text
    assert place.rows("SELECT FROM journal WHERE agent_id = 'repudiates'") == []


def _vkey(name: str, public: bytes) -> str:
    """As our own programs would refuse to write it."""
    material = bytes([ED25519]) + public
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex()
    return f"{name}+{key_id}+{b64encode(material).decode()}"


def _post(world: World, path: str, members: dict[str, str]) -> httpx.Response:
    url = f"http://{LOOPBACK}:{world.api_port}/api/v1/enrolments{path}"
    return httpx.post(url, json=members, timeout=30, trust_env=False)


def _trace(seed: int, *, noise: float = 0.02) -> list[int]:
    """Two hours of a program, minute by minute, with noise of its own."""
    chance = Random(seed)
    return [round((1_000_000 + 200_000 * (n % 40 < 25)) * (1 + noise * chance.uniform(-1, 1))) for n in range(120)]


def _run(minutes: Sequence[int], *, ripple: float = 0.02) -> list[Reading]:
    """Idle from 8 to 9, then the run, then off for an hour."""
    hours = [[200_000] * 60, list(minutes[:60]), list(minutes[60:]), [5_000] * 60]
    return [
        Reading(
            "meter1", "power", (8 + number) * HOUR_MS, (MINUTE_MS,) * 60, means=tuple(levels),
            lows=tuple(round(each * (1 - ripple)) for each in levels),
            highs=tuple(round(each * (1 + ripple)) for each in levels),
        )
        for number, levels in enumerate(hours)
    ]  # fmt: skip


def _hours(place: Place, liar: Liar) -> list[tuple[int, int]]:
    """Of each day the effective seconds and those that were off."""
    return [
        (effective_s, off_s)
        for effective_s, off_s in place.rows(
            f"SELECT effective_s, off_s FROM hour_record WHERE asset_no = '{liar.asset}' ORDER BY day"
        )
    ]


def _months_ago(number: int) -> date:
    """The first day of the month so many months before this one."""
    today = local_day(system_now_ms())
    months = today.year * 12 + today.month - 1 - number
    return date(months // 12, months % 12 + 1, 1)


def _is_unproved(place: Place, liar: Liar, month: date, *, looked_on: date) -> bool:
    """Whether external hours of a month that nothing proves are told once a day was looked at."""
    asked = ("flags", "--asset", liar.asset)
    for words in (
        ("--from", str(looked_on), "--to", str(looked_on)),
        ("--kept", "--from", str(month), "--to", str(month)),
    ):
        told = place.collector(*asked, *words)
        assert told.code == 0, told.complained
    return "external-unproved" in told.said
