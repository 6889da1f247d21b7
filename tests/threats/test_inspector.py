"""On site: what a host can show an inspector, and what somebody can hand in in an inspector's name."""

from pathlib import Path

import pytest

from protocol import note
from protocol.keys import ED25519, SigningKey
from tests.faults.host import Host
from tests.faults.world import World
from tests.threats.command import run
from tests.threats.evening import place_of
from tests.threats.inspector import Inspector


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


def _show(inspector: Inspector, host: Host, *, configuration: str) -> Path:
    """The operator of the host types the inspector's digits; the file that he hands out."""
    nonce = inspector.do("inspect", "nonce").strip()
    slip = inspector.laptop / f"{nonce}.slip"
    words = ("inspect", nonce, "-c", configuration, "--out", str(slip))
    done = run("agent.cli", *words, environment={}, within=host.directory)
    assert done.code == 0, done.complained
    return slip


def _hand_in(world: World, inspector: Inspector, host: Host, slip: Path) -> str:
    """Findings over this slip, signed and imported; what is said of the nonce."""
    row = world.connection.execute("SELECT vkey FROM journal WHERE agent_id = %s", [host.agent_id]).fetchone()
    assert row is not None, f"{host.agent_id} is not enrolled"
    done = inspector.offer(inspector.sign(slip.stem, key="wang", slip=slip, agent=row[0]))
    assert done.code == 0, done.complained
    return done.said
