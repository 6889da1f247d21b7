"""On site: what a host can show an inspector, and what somebody can hand in in an inspector's name."""

import re
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from collector.clock import system_now_ms
from protocol import note
from protocol.audit.inspect_days import parse_sample
from protocol.entry import Reading, encode, make
from protocol.findings import Deed, Step
from protocol.interval import local_day
from protocol.keys import ED25519, SigningKey
from tests.faults.host import Host
from tests.faults.world import World
from tests.threats.command import run
from tests.threats.evening import place_of
from tests.threats.inspector import Inspector
from tests.threats.liar import Liar
from tests.threats.past import MINUTE_MS, steady, write

DAY = local_day(system_now_ms()) - timedelta(days=30)
RUN_MW = 1_000_000
TEST: tuple[tuple[Deed, int, int], ...] = (
    ("off", 2, 5_000), ("on", 2, 200_000), ("idle", 2, 200_000), ("run", 3, RUN_MW), ("off", 2, 5_000), ("end", 0, 0),
)  # fmt: skip
"""What the inspector asks for, for how many minutes, and what an instrument draws then (mW)."""


@pytest.fixture(scope="module")
def host(shared_world: World) -> Host:
    """The agent that measures the instrument under inspection."""
    return shared_world.host()


@pytest.fixture(scope="module")
def inspector(shared_world: World, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    """With one key, `wang`."""
    laptop = tmp_path_factory.mktemp("inspector") / "laptop"
    made = Inspector(place_of(shared_world), shared_world.connection, laptop)
    made.register_key("wang")
    return made


def test_a_host_that_shows_one_history_and_sends_another_has_signed_both(
    shared_world: World, host: Host, inspector: Inspector
) -> None:
    """On site a copy of the agent answers, of which nobody ever hears; the agent itself goes on afterwards."""
    shared_world.until("the first receipts", lambda: host.receipted() > 3)
    host.stop()
    host.clone()
    shown = _show(inspector, host, configuration="clone.toml")
    size = host.size()
    host.start()
    shared_world.until("receipts beyond the entry on the slip", lambda: host.receipted() > size + 3)
    told = _hand_in(shared_world, inspector, host, shown)
    assert "nonce contradicted: the agent signed another tree of" in told
    assert "than the one that it sent: a fork, proved by the slip and the stored receipts" in told


def test_the_nonce_of_an_honest_host_is_confirmed(shared_world: World, host: Host, inspector: Inspector) -> None:
    """So that the contradictions beside it mean something."""
    shown = _show(inspector, host, configuration="agent.toml")
    shared_world.until("all delivered", host.is_delivered)
    told = _hand_in(shared_world, inspector, host, shown)
    assert "nonce confirmed: the agent's log holds the nonce at entry" in told


def test_the_nonce_of_an_agent_that_measures_something_else_contradicts(
    shared_world: World, host: Host, inspector: Inspector
) -> None:
    other = shared_world.host(start=False)
    told = _hand_in(shared_world, inspector, other, _show(inspector, other, configuration="agent.toml"))
    assert f"nonce contradicted: jishi.example/a/{other.agent_id}/1 belongs to an agent that never measured" in told


def test_findings_that_are_made_up_or_changed_are_refused(inspector: Inspector) -> None:
    key = inspector.register_key("wang-2")
    signed = inspector.sign("true", key="wang-2")
    eve = SigningKey("jishi.example/person/eve", ED25519, bytes(32))
    as_wang = SigningKey(key, ED25519, bytes(32))
    text = note.parse_note(signed.read_bytes()).text
    for made_up, says in (
        (note.sign(text, eve), "signed by a key that counts for nobody"),
        (note.sign(text, as_wang), "bears 0 lines of the key"),
        (
            signed.read_bytes().replace(b'"B-204"', b'"B-205"'),
            "the signature of jishi.example/person/wang-2 does not fit",
        ),
    ):
        (inspector.laptop / "made-up").write_bytes(made_up)
        refused = inspector.offer(inspector.laptop / "made-up")
        assert refused.code == 1
        assert says in refused.complained
    inspector.hand_in("person-key", "revoke", key, "--why", "laptop stolen", "--by", "Li")
    refused = inspector.offer(signed)
    assert refused.code == 1
    assert "was revoked at" in refused.complained


def test_a_meter_on_another_load_differs_from_the_steps_of_the_live_test(
    shared_world: World, inspector: Inspector
) -> None:
    """The agents had the minutes of the test in their journals when they were started; all after that is theirs."""
    began_ms = _now_ms() - 13 * MINUTE_MS
    steps, at_ms = [], began_ms
    for do, minutes, _ in TEST:
        steps.append(Step(do=do, at=at_ms, host=at_ms))
        at_ms += minutes * MINUTE_MS
    hosts = {"true": shared_world.host(start=False), "elsewhere": shared_world.host(start=False)}
    _journal_minutes(hosts["true"], began_ms, [power for _, minutes, power in TEST for _ in range(minutes)])
    _journal_minutes(hosts["elsewhere"], began_ms, [RUN_MW] * 11)
    shown = {}
    for name, host in hosts.items():
        host.start()
        shown[name] = _show(inspector, host, configuration="agent.toml")
        shared_world.until("the nonce is delivered", lambda host=host: host.receipted() > 13)
    for host in shared_world.hosts:  # so that derived is all that there is
        host.unplug()
        host.stop()
    inspector.collector.derive()
    told = {
        name: _hand_in(shared_world, inspector, host, shown[name], asset=host.asset, steps=steps)
        for name, host in hosts.items()
    }
    for name, of_host in told.items():
        assert "nonce confirmed" in of_host, f"{name}: {of_host}"
        assert len(re.findall(r"\d+ s agree", of_host)) == len(TEST) - 1
    assert set(re.findall(r"(\d+) s differ", told["true"])) == {"0"}, told["true"]
    assert set(re.findall(r"([1-9][0-9]*) s agree", told["true"])) >= {"60", "120"}, told["true"]
    differing = dict(re.findall(r"(\w+): 0 s agree, (\d+) s differ", told["elsewhere"]))
    assert {"off", "idle"} <= differing.keys(), told["elsewhere"]
    assert all(int(seconds) >= 30 for seconds in differing.values())


def test_which_days_are_matched_is_known_to_nobody_before_the_seed(shared_world: World, inspector: Inspector) -> None:
    """The same seed over the same bundle draws the same for everybody; another seed, or another bundle, others."""
    liar = Liar(shared_world, "sampled")
    days = [DAY - timedelta(days=number) for number in range(24, -1, -1)]
    for number, day in enumerate(days):
        write(
            liar, [*steady(5_000, hour=8), *steady(RUN_MW, hour=9, hours=1 + number % 5), *steady(5_000, hour=15)], day
        )
    assert isinstance(liar.say(liar.agent.payload()), bytes), "a receipt was expected"
    place = inspector.collector
    place.derive()
    bundles = [inspector.laptop / name for name in ("first", "other")]
    for bundle, last_day in zip(bundles, (days[-1], days[-2]), strict=True):
        span = ("--from", str(days[0]), "--to", str(last_day))
        inspector.hand_in("bundle", liar.asset, *span, "--out", str(bundle))
    draws = {
        (bundle.name, seed): _drawn(inspector, bundle, seed)
        for bundle in bundles
        for seed in ("4 2 6 1 5", "5 2 6 1 5")
    }
    assert all(len(drawn) == 8 and drawn <= {str(day) for day in days} for drawn in draws.values())
    assert len({frozenset(drawn) for drawn in draws.values()}) == len(draws), draws
    assert _drawn(inspector, bundles[0], "4 2 6 1 5") == draws["first", "4 2 6 1 5"]
    changed = bundles[0] / "hours" / "records.jsonl"
    changed.write_bytes(changed.read_bytes()[::-1])
    refused = inspector.try_to("inspect", "sample", "first", "--seed", "1", "--count", "8", "--out", "never.json")
    assert refused.code == 1
    assert "is not the file that MANIFEST names" in refused.complained


def _drawn(inspector: Inspector, bundle: Path, seed: str) -> set[str]:
    """The days that `jishi-audit inspect sample` draws."""
    out = inspector.laptop / "sample.json"
    out.unlink(missing_ok=True)
    table = inspector.do("inspect", "sample", bundle.name, "--seed", seed, "--count", "8", "--out", out.name)
    days = {row.day for row in parse_sample(out.read_bytes()).rows}
    assert all(day in table for day in days)
    return days


def _journal_minutes(host: Host, began_ms: int, powers_mw: list[int]) -> None:
    """What the agent of this host wrote, minute by minute, in a boot that is over."""
    entries = []
    for number, power in enumerate(powers_mw):
        mono_ms = (number + 1) * MINUTE_MS
        reading = Reading(
            "meter", "power", mono_ms - MINUTE_MS, (10_000,) * 6, means=(power,) * 6, lows=(power,) * 6,
            highs=(power,) * 6,
        )  # fmt: skip
        index, wall_ms = host.size() + number, began_ms + mono_ms
        entries.append(encode(make(reading, index=index, wall_ms=wall_ms, mono_ms=mono_ms, boot="0badcafe")))
    host.record_raw(entries)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _show(inspector: Inspector, host: Host, *, configuration: str) -> Path:
    """The operator of the host types the inspector's digits; the file that he hands out."""
    nonce = inspector.do("inspect", "nonce").strip()
    slip = inspector.laptop / f"{nonce}.slip"
    words = ("inspect", nonce, "-c", configuration, "--out", str(slip))
    done = run("agent.cli", *words, environment={}, within=host.directory)
    assert done.code == 0, done.complained
    return slip


def _hand_in(
    world: World, inspector: Inspector, host: Host, slip: Path, *, asset: str = "", steps: Sequence[Step] = ()
) -> str:
    """Findings over this slip, signed and imported; what is said of the nonce and the live test."""
    row = world.connection.execute("SELECT vkey FROM journal WHERE agent_id = %s", [host.agent_id]).fetchone()
    assert row is not None, f"{host.agent_id} is not enrolled"
    signed = inspector.sign(slip.stem, key="wang", slip=slip, agent=row[0], asset=asset, steps=steps)
    done = inspector.offer(signed)
    assert done.code == 0, done.complained
    return done.said
