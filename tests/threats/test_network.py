"""Somebody on the network, without a key, a password or a certificate: what he sends to agents, `ingest` and `serve`.

Who speaks no TLS, or comes with another authority's certificate, is in tests/deploy/test_strangers.py.
"""

import io
import socket
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
import pytest

from collector.api.rates import FIXED, Kind
from protocol import merkle
from protocol.batch import BATCH_KIND, MAX_WIRE_BYTES
from protocol.header import format_header
from protocol.keys import parse_vkey
from protocol.leaves import Ask, Leaves, ask_tile, ask_tops, pack_ask, parse_leaves
from protocol.note import open_checkpoint
from protocol.topics import down_topic
from tests.collector.facts.test_documents import archive
from tests.faults.host import Host
from tests.faults.line import LOOPBACK, Direction
from tests.faults.world import Stuck, World
from tests.light_agent import LightAgent
from tests.threats.office import PROXY, Office, Settings

V1 = "/api/v1"
JSON = {"Content-Type": "application/json"}
MIB = 1 << 20
MOST_BYTES = 64 * MIB
"""So much more memory a program may have at any moment of an attack: a few bodies at their limits, not what they
would become; a single bomb unfolds to several times as much."""
UNFOLDED_MIB = 200
FROM_ADDRESS, WITH_KEY = 40, 20
SELDOM: Settings = {
    ("api", "requests_per_minute_per_address"): FROM_ADDRESS,
    ("api", "requests_per_minute_per_key"): WITH_KEY,
}


@pytest.fixture(scope="module")
def office(open_office: Callable[[Settings], Office]) -> Office:
    """A collector that is asked by few."""
    made = open_office(SELDOM)
    made.register_units()
    made.places.instrument("A001")
    made.start()
    return made


# Agents


def test_forged_questions_are_answered_seldom_and_only_about_trees_that_there_were(shared_world: World) -> None:
    host = shared_world.host(backlog=300)
    shared_world.until("all delivered", host.is_delivered)
    [origin] = [issued.origin for issued in host.issued()]
    topic, size = down_topic(host.agent_id), host.size()
    heard = Overheard(host)
    other = origin.removesuffix("/1") + "/2"
    questions = [ask_tops(other, 5), ask_tops(origin, size + 10_000), *(ask_tile(origin, n, 0) for n in range(2, 60))]

    async def forge() -> None:
        for asked in questions:
            host.line.say(topic, pack_ask(asked))

    shared_world.board.run(forge())
    shared_world.until("questions that are ignored", lambda: "too many came" in host.agent.log.read_text("utf-8"))
    shared_world.until(
        "one that is answered again", lambda: heard.ask_until_answered(shared_world, ask_tops(origin, 7))
    )
    assert "ignored a question about another log" in host.agent.log.read_text("utf-8")
    assert len(heard.answers) < len(questions) / 2
    assert {answer.log for answer in heard.answers} == {origin}
    [unknown] = [answer for answer in heard.answers if answer.cannot == "unknown"]
    assert (unknown.size, unknown.note, unknown.hashes) == (size + 10_000, b"", ())
    [vkey] = shared_world.connection.execute("SELECT vkey FROM journal WHERE origin = %s", [origin]).fetchone() or ()
    leaves = [merkle.leaf_hash(next(iter(host.issued()[-1].entries[index]))) for index in range(60)]
    for answer in heard.answers:
        if answer.cannot is None:
            assert open_checkpoint(answer.note, parse_vkey(vkey)).root == merkle.root(leaves[: answer.size])
    host.line.mend()
    before = host.size()
    try:
        shared_world.until("it goes on", lambda: host.has_fresh_reading(since=before))
    except Stuck as stuck:
        told = f"{host.size()} entries, {host.receipted()} receipted, {before} before, meter {host.trouble()!r}"
        raise AssertionError(f"{stuck}: {told}\n{host.agent.tail(40)}") from stuck


class Overheard:
    """What an agent answers to questions; nothing else goes up, so that the collector learns nothing of them."""

    def __init__(self, host: Host) -> None:
        self.answers: list[Leaves] = []
        self._host = host
        host.line.tamper = self._tamper

    def ask_until_answered(self, world: World, ask: Ask) -> bool:
        """Whether this one has been answered; it is asked once more."""

        async def say() -> None:
            self._host.line.say(down_topic(self._host.agent_id), pack_ask(ask))

        world.board.run(say())
        return any(answer.size == 7 for answer in self.answers)

    def _tamper(self, direction: Direction, _topic: str, payload: bytes) -> list[bytes]:
        if direction == "up" and payload.startswith(b"jishi-leaves"):
            self.answers.append(parse_leaves(payload))
            return []
        return [payload]


# What exhausts


def test_bombs_take_no_memory_of_ingest_and_the_next_batch_is_taken(shared_world: World) -> None:
    host = shared_world.host()
    shared_world.until("the first receipt", lambda: host.receipted() > 0)
    watched = Memory(shared_world.ingest.pid)
    for poison in (*_bombs(LightAgent(host.agent_id)), b"jishi-batch/v1\n" + bytes(1_100_000), b"x" * MIB):
        shared_world.send(host.agent_id, poison)
    before = host.size()
    shared_world.until("a fresh receipt", lambda: host.has_fresh_reading(since=before))
    assert watched.most_bytes() < MOST_BYTES


def test_what_exhausts_a_parser_takes_no_memory_of_serve_and_leaves_nothing(office: Office) -> None:
    """Each of it as often as it takes to see whether something of it stays."""
    officer, registrar, bomb = office.key("officer"), office.key("registrar"), _sheet_bomb()
    with office.caller() as client:
        assert client.post(f"{V1}/enrolments/challenge", content=b"{}", headers=JSON).status_code == 422
    watched = Memory(office.serve.pid)
    for _ in range(4):
        _hang_a_header_without_end(office.port)
        with office.caller() as client:
            for path, body, status in _exhausting():
                answer = client.post(V1 + path, content=body, headers=JSON)
                assert answer.status_code == status, f"{path}: {answer.text[:200]}"
                assert len(answer.content) < 2_000
            assert client.get(f"{V1}/agents", headers={"X-Long": "x" * 20_000}).status_code == 431
            assert client.get(f"{V1}/agents?cursor={'x' * 5_000}").status_code == 414
        with office.caller(officer) as client:
            assert client.post(f"{V1}/documents", content=_pieces(21)).status_code == 413
        with office.caller(registrar) as client:
            assert client.post(f"{V1}/registry/units", content=bomb).status_code == 400
    assert watched.most_bytes() < MOST_BYTES
    assert _documents(office) == []
    assert office.place.rows("SELECT FROM agent") == []


def _exhausting() -> Iterator[tuple[str, bytes | Iterator[bytes], int]]:
    challenge = "/enrolments/challenge"
    yield challenge, b'{"a":' * 10_000, 400
    yield challenge, b'{"token":' + b"[" * 30_000, 400
    yield challenge, b'{"token": ' + b"9" * 5_000 + b"}", 400
    yield challenge, b"x" * 100_000, 413
    yield "/up/em-01", _pieces(2), 413
    for bomb in _bombs(LightAgent("em-01")):
        yield "/up/em-01", bomb, 200  # the answer is a refusal of the protocol


@cache
def _unfolding() -> tuple[bytes, bytes]:
    """Zeros without end, and more entries than a batch may hold."""
    packer = zlib.compressobj(9)
    zeros = [*(packer.compress(bytes(MIB)) for _ in range(UNFOLDED_MIB)), packer.flush()]
    return b"".join(zeros), zlib.compress(b"\0\1x" * MIB)


def _bombs(agent: LightAgent) -> Iterator[bytes]:
    """Batches in a frame that is in order, of which the entries unfold to a thousand times as much."""
    agent.append_notes(1)
    note = agent.checkpoint()
    for body in _unfolding():
        members = [("old", "0"), ("note", str(len(note))), ("entries", str(len(body))), ("deflate", "1")]
        bomb = format_header(BATCH_KIND, members) + note + body
        assert len(bomb) < MAX_WIRE_BYTES
        yield bomb


def _sheet_bomb() -> bytes:
    """A workbook that is small until its parts are unfolded."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        for name in ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            book.writestr(name, b"<a>" + b" " * (UNFOLDED_MIB // 2) * MIB)
    return packed.getvalue()


def _pieces(mib: int) -> Iterator[bytes]:
    return (b"x" * 65_536 for _ in range(16 * mib))


def _hang_a_header_without_end(port: int) -> None:
    with socket.create_connection((LOOPBACK, port), timeout=10) as stranger, suppress(OSError):
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
        for _ in range(1_000):
            stranger.sendall(b"x" * 1024)
        assert stranger.recv(64).startswith(b"HTTP/1.1 400")


class Memory:
    """The most that a process has held since, beyond what it held then."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): its peak is counted anew
        self._before = psutil.Process(pid).memory_info().rss

    def most_bytes(self) -> int:
        """See above."""
        status = Path(f"/proc/{self._pid}/status").read_text("utf-8")
        [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peak) * 1024 - self._before


# Floods


def test_floods_are_limited_by_address_key_and_agent_in_bounded_memory(office: Office) -> None:
    with office.caller() as flooding, office.caller() as other:
        statuses = [flooding.get(f"{V1}/agents").status_code for _ in range(FROM_ADDRESS + 5)]
        assert (statuses.count(401), statuses[-5:]) == (FROM_ADDRESS, [429] * 5)
        assert other.get(f"{V1}/agents").status_code == 401, "another address is heard"
    busy, quiet = office.key("platform"), office.key("platform")
    statuses = []
    for number in range(WITH_KEY + 1):
        with office.caller(busy, address=f"203.0.113.{number}") as client:
            statuses.append(client.get(f"{V1}/instruments").status_code)
    assert statuses == [200] * WITH_KEY + [429]
    with office.caller(quiet) as client:
        assert client.get(f"{V1}/instruments").status_code == 200, "another key is heard"
    with office.caller() as client:
        statuses = [client.post(f"{V1}/up/em-01").status_code for _ in range(FIXED[Kind.UPLINK].amount + 1)]
        assert statuses == [400] * FIXED[Kind.UPLINK].amount + [429]
        assert client.post(f"{V1}/up/em-02").status_code == 400, "another agent is heard"
        watched = Memory(office.serve.pid)
        for number in range(1_000):
            assert client.get(f"{V1}/agents", headers={PROXY: f"2001:db8:{number:x}::1"}).status_code == 401
    assert watched.most_bytes() < 8 * MIB


def test_an_address_in_a_header_is_believed_of_the_proxy_alone(office: Office) -> None:
    """Where no header is named, none is; where one is, what the caller wrote before the proxy's word is nothing."""
    with office.caller(office.key("booker"), address="198.18.0.1") as client:
        statuses = [
            client.get("/healthz", headers={PROXY: f"10.0.0.{n}, 198.18.0.1", "X-Forwarded-For": f"10.1.0.{n}"})
            for n in range(FROM_ADDRESS)
        ]
        assert {answer.status_code for answer in statuses} == {200}
        assert client.get("/healthz", headers={PROXY: "10.9.9.9, 198.18.0.1"}).status_code == 429
        refused = client.get(f"{V1}/audit", headers={PROXY: "10.9.9.9, 198.18.0.2"})
        assert refused.status_code == 403
    assert "from=198.18.0.2  " in office.place.collector("audit").said
    limit: Settings = {("api", "requests_per_minute_per_address"): FROM_ADDRESS}
    with office.served_otherwise(limit) as port, office.caller(port=port) as client:
        statuses = [
            client.get("/healthz", headers={PROXY: f"10.0.0.{n}", "X-Forwarded-For": f"10.0.0.{n}"})
            for n in range(FROM_ADDRESS + 1)
        ]
        assert statuses[-1].status_code == 429
        assert {answer.status_code for answer in statuses[:-1]} == {200}


# Documents


HOSTILE = {
    "a Windows program": b"MZ\x90\0" + bytes(90),
    "a Linux program": b"\x7fELF" + bytes(90),
    "a web page": b"<!DOCTYPE html><script>alert(1)</script>",
    "may hold scripts": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "it holds macros": archive("xl/workbook.xml", "xl/vbaProject.bin"),
    "a ZIP archive": archive("a.pdf"),
}


def test_no_program_page_or_macro_is_kept_as_a_document_and_what_is_kept_is_a_download(office: Office) -> None:
    text = b"alert(1) //\n<b>text that some browser would guess to be a page</b>\n"
    with office.caller(office.key("officer")) as client:
        for why, content in HOSTILE.items():
            for said in ({}, {"Content-Type": "application/pdf"}):
                refused = client.post(f"{V1}/documents", content=content, headers=said, params={"name": "a.pdf"})
                assert refused.status_code == 400
            refused = client.post(f"{V1}/documents", content=content)
            assert why in refused.json()["detail"]
        assert _documents(office) == []
    with office.caller(office.key("officer")) as client:
        stored = client.post(f"{V1}/documents", content=text, params={"name": '../"a.txt'}).json()
        assert stored["media_type"] == "text/plain"
        given = client.get(f"{V1}/documents/{stored['sha256']}")
        assert given.content == text
        assert given.headers["content-disposition"].startswith("attachment; ")
        assert given.headers["x-content-type-options"] == "nosniff"
        assert given.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert [path.name for path in _documents(office)] == [stored["sha256"]]
        assert given.headers["content-type"].startswith("text/plain")


def _documents(office: Office) -> list[Path]:
    return [path for path in (office.directory / "documents").rglob("*") if path.is_file()]
