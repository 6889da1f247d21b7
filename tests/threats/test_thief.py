"""Somebody with a backup, a log or a user of the same machine looks for secrets and for who worked when.

Programs made all of it: `serve`, `ingest`, `log`, an agent with its desk, and the commands that give secrets out.
"""

import base64
import hashlib
import os
import pwd
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from collector.certificates.authority import Authority, issue_to_server, make_authority, to_pem
from tests.collector.exchange.mock_platform import MockPlatform, mock_platform
from tests.collector.exchange.served_days import EXAMPLE, MONDAY, ServedDays
from tests.collector.province import RUN, Piece
from tests.conftest import find_free_port
from tests.faults.host import Host
from tests.faults.program import ROOT
from tests.faults.world import World
from tests.threats.command import Done, run
from tests.threats.evening import place_of
from tests.threats.office import Office, Settings, own_page, sign_in

V1 = "/api/v1"
PASSWORD = "marked-password-1"
DSN_PASSWORD = "marked-dsn-secret-2"
FORGED = ("jk_marked-key-3", "jt_marked-token-4", "marked-cookie-5", "marked-link-6", "marked-typed-7")
OPERATOR = "王小明"
ORDER = "SO-2026-marked"
SCRIPT = ROOT / "deploy" / "grafana" / "reader.sql"


class Given:
    """Secrets as their owners were given them, once."""

    def __init__(self, office: Office) -> None:
        place = office.place
        place.environment["JISHI_DATABASE_DSN"] = conninfo.make_conninfo(office.database.dsn, password=DSN_PASSWORD)
        place.environment["JISHI_PASSWORD"] = PASSWORD
        office.register_units()
        office.places.instrument("Z001")
        for words in (("person", "zhao"), ("role", "zhao", "inspector")):
            self._done(place.collector(*words))
        office.start()
        self.key = self._last(place.collector("key", "--person", "zhao", "--label", "x"))
        self.token = self._last(place.collector("token", "--agent", "em-08", "--watch", "meter1=Z001"))
        self.link = self._last(place.collector("entry-link", "--person", "zhao")).rpartition("token=")[2]
        with office.caller() as client:
            self.session = sign_in(client, "zhao", PASSWORD).cookies["jishi_session"]
        seeds = [re.findall(r"[0-9a-f]{64}", path.read_text("utf-8")) for path in _keys(office.directory)]
        self.seeds = [seed for found in seeds for seed in found]
        assert self.seeds, "there is no key file"

    @property
    def all(self) -> tuple[str, ...]:
        """Everything that nobody else may come to know."""
        return (PASSWORD, DSN_PASSWORD, self.key, self.token, self.link, self.session, *self.seeds)

    @staticmethod
    def _done(done: Done) -> Done:
        assert done.code == 0, done.complained
        return done

    def _last(self, done: Done) -> str:
        return self._done(done).said.split()[-1]


@pytest.fixture(scope="module")
def office(open_office: Callable[[Settings], Office]) -> Office:
    """A collector whose `serve` is started by `given`."""
    return open_office({})


@pytest.fixture(scope="module")
def given(office: Office) -> Given:
    return Given(office)


# The database


def test_a_dump_of_the_database_holds_no_secret_and_what_it_holds_opens_nothing(office: Office, given: Given) -> None:
    dump = b"".join(_dump(office.database.dsn))
    assert b"zhao" in dump, "it holds what there is"
    for secret in given.all:
        for written in _writings(secret):
            assert written not in dump, f"{secret} is in the dump"
    [(stored,)] = office.place.rows("SELECT password_hash FROM person WHERE name = 'zhao'")
    assert stored.startswith("$argon2id$")
    [(key_hash,)] = office.place.rows("SELECT key_hash FROM api_key JOIN person USING (person_id) WHERE name = 'zhao'")
    assert bytes(key_hash) == hashlib.sha256(given.key.encode()).digest(), "it is in the dump as its hash"
    with office.caller() as thief:
        for shown in (bytes(key_hash).hex(), f"jk_{bytes(key_hash).hex()}", stored):
            assert thief.get(f"{V1}/instruments", headers={"X-API-Key": shown}).status_code == 401
        [(session,)] = office.place.rows("SELECT token_hash FROM web_session")
        assert thief.get("/", headers={"Cookie": f"jishi_session={bytes(session).hex()}"}).status_code == 303
        assert thief.get(f"{V1}/instruments", headers={"X-API-Key": given.key}).status_code == 200


def _dump(dsn: str) -> Iterator[bytes]:
    """Every table whole, as `pg_dump` writes it."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        assert len(tables) > 40
        for names in tables:
            with connection.cursor().copy(
                sql.SQL("COPY (SELECT * FROM {}) TO STDOUT").format(sql.Identifier(*names))
            ) as lines:
                yield from map(bytes, lines)


def _writings(secret: str) -> Iterator[bytes]:
    """The ways in which it could stand there."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")
    if re.fullmatch(r"[0-9a-f]{64}", secret):
        yield base64.b64encode(bytes.fromhex(secret)).rstrip(b"=")


# What programs say


def test_no_secret_is_in_logs_process_lists_answers_or_figures(office: Office, given: Given) -> None:
    """Right and wrong secrets are shown in every place that takes one, and once the program meets a bug."""
    out = []
    with office.caller() as client:
        own = own_page(client)
        key = {"X-API-Key": given.key}
        for method, path, sent in (
            ("GET", "/metrics", {}),
            ("GET", f"{V1}/instruments?limit=x", {"headers": key}),
            ("GET", f"{V1}/agents", {"headers": {"Authorization": f"Bearer {FORGED[0]}"}}),
            ("GET", "/", {"headers": {"Cookie": f"jishi_session={FORGED[2]}"}}),
            ("POST", "/sign-in", {"data": {"name": FORGED[4], "password": PASSWORD}, "headers": own}),
            ("POST", "/sign-in", {"data": {"name": PASSWORD, "password": FORGED[4]}, "headers": own}),
            ("POST", "/enter", {"data": {"token": FORGED[3]}, "headers": own}),
            ("POST", f"{V1}/enrolments/challenge", {"json": {"token": FORGED[1], "agent_id": "em-08"}}),
            ("POST", f"{V1}/enrolments/challenge", {"json": {"token": [given.token], "agent_id": 1}}),
            (
                "POST",
                f"{V1}/enrolments",
                {"json": {"token": given.token, "agent_id": "em-08", "vkey": "v", "proof": "p"}},
            ),
        ):
            answer = client.request(method, path, **sent)  # type: ignore[arg-type]
            out += [answer.text, str(answer.headers)]
        office.place.sql("ALTER TABLE api_key RENAME TO moved")
        broken = client.get(f"{V1}/agents", headers=key)
        office.place.sql("ALTER TABLE moved RENAME TO api_key")
        assert broken.status_code == 500
        out += [broken.text, office.serve.log.read_text("utf-8")]
        assert "Traceback" in out[-1]
    for words in (("key", "--list"), ("audit",), ("token", "--agent", "em-09", "--watch", "meter1=none")):
        done = office.place.collector(*words)
        out += [done.said, done.complained]
    lists = list(_process_lists())
    assert any("serve" in words for words in lists), "the process list shows our programs"
    for secret in (*given.all, *FORGED):
        for text in (*out, *lists):
            assert secret not in text, f"{secret} in …{text[max(0, text.index(secret) - 200) :][:400]}"


def _process_lists() -> Iterator[str]:
    """The command lines of all processes, as every user of the machine sees them."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it has ended


# Files


def test_another_user_reads_no_key_and_a_key_that_he_could_read_is_refused(shared_world: World) -> None:
    shared_world.keep_log()
    shared_world.open_web()
    host = shared_world.host()
    shared_world.until("receipts", lambda: host.receipted() > 0)
    place = place_of(shared_world)
    place.note_trust()
    keys = [*_keys(shared_world.directory), *host.state_dir.glob("agent*.key")]
    assert {path.name for path in keys} >= {"receipt.key", "export.key", "agent.key"}
    assert any(path.name.startswith("log-") for path in keys)
    for path in keys:
        assert path.stat().st_mode & 0o077 == 0, path
        assert _read_as_nobody(path) == b"", path
    for path, what in ((shared_world.directory / "keys" / "receipt.key", "serve"), (host.state_dir / "agent.key", "")):
        path.chmod(0o644)
        if what:
            refused = place.collector(what)
        else:
            refused = run("agent.cli", "run", "-c", "agent.toml", environment={}, within=host.directory)
        path.chmod(0o600)
        assert refused.code != 0, f"{path} was used"
        assert "chmod 600" in refused.complained
        seed = re.findall(r"[0-9a-f]{64}", path.read_text("utf-8"))[-1]
        assert seed not in refused.complained + refused.said


def _read_as_nobody(path: Path) -> bytes:
    """What another user of the machine gets of a file, by a program of his own; as root we can be that user."""
    if os.geteuid() != 0:
        return b""
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run(
        ["cat", str(path)],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert b"Permission denied" in done.stderr, f"{path}: {done.stderr.decode()}"
    return done.stdout


def _keys(directory: Path) -> list[Path]:
    return sorted((directory / "keys").glob("*.key"))


# Another platform


def test_who_answers_in_the_platforms_place_gets_neither_record_nor_credentials(
    office: Office, given: Given, tmp_path: Path
) -> None:
    """With a certificate of nobody's, with one for another name, by a redirection, by plain HTTP elsewhere."""
    days = ServedDays(office.province)
    days.served()
    authority = make_authority("services", generation=1, domain="jishi.example", now=datetime.now(UTC))
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(to_pem(authority.certificate))
    stranger = make_authority("services", generation=1, domain="jishi.example", now=datetime.now(UTC))
    (tmp_path / "mapping.toml").write_bytes(EXAMPLE)
    secret = tmp_path / "exchange.secret"
    secret.write_text('[headers]\nAuthorization = "Bearer marked-platform-9"\n')
    secret.chmod(0o600)
    told = []

    def send(url: str) -> Done:
        office.place.environment |= {
            "JISHI_EXCHANGE_URL": url,
            "JISHI_EXCHANGE_MAPPING": str(tmp_path / "mapping.toml"),
            "JISHI_EXCHANGE_CREDENTIALS": str(secret),
            "JISHI_EXCHANGE_AUTHORITY": str(trusted),
        }
        office.place.sql("UPDATE exchange_standing SET due_at = now() - interval '1 minute' WHERE due_at IS NOT NULL")
        told.append(office.place.collector("exchange", "send", "--from", str(MONDAY), "--to", str(MONDAY)))
        return told[-1]

    for signer, name in ((stranger, "localhost"), (authority, "elsewhere")):
        with _platform(signer, name, tmp_path) as platform:
            send(platform.url)
            assert not platform.headers, "something was shown to it"
    with _platform(authority, "localhost", tmp_path) as platform, _platform(authority, "localhost", tmp_path) as other:
        platform.script = ["redirect"]
        honest, platform.url = platform.url, other.url
        send(honest)
        assert len(platform.headers) == 1
        assert (other.headers, other.asked) == ([], []), "the redirection was followed"
    refused = send("http://platform.example/api")
    assert refused.code != 0
    assert "shows everything on the way: use https" in refused.complained
    secret.chmod(0o644)
    refused = send("https://localhost:1/api")
    secret.chmod(0o600)
    assert "may be read by others" in refused.complained
    with _platform(authority, "localhost", tmp_path) as platform:
        send(platform.url)
        assert len(platform.taken) == 1, "the true one gets the record"
        assert platform.headers[0]["Authorization"] == "Bearer marked-platform-9"
    for done in told:
        assert "marked-platform-9" not in done.said + done.complained
    assert b"marked-platform-9" not in b"".join(_dump(office.database.dsn))


def _platform(signer: Authority, name: str, directory: Path) -> AbstractContextManager[MockPlatform]:
    """A platform with a certificate of this authority's for this name."""
    (directory / "server.pem").write_bytes(b"".join(issue_to_server(signer, [name], now=datetime.now(UTC))))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return mock_platform(tls=context)


# Grafana's password


def test_grafanas_reader_sees_figures_alone_whatever_he_sets(office: Office, given: Given) -> None:
    office.province.add_instrument("G001")
    origin = office.province.add_agent("em-07", "G001")
    office.province.observe(origin, Piece(MONDAY, 0, 3600, RUN))
    with psycopg.connect(office.database.dsn, autocommit=True) as owner:
        owner.execute(SCRIPT.read_bytes())
        powerful = owner.info.user
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        views = owner.execute("SELECT viewname FROM pg_views WHERE schemaname = 'grafana'").fetchall()
    try:
        with psycopg.connect(
            conninfo.make_conninfo(office.database.dsn, user="jishi_grafana"), autocommit=True
        ) as thief:
            thief.execute("SET default_transaction_read_only = off")
            for (table,) in tables:
                for attack in (f"SELECT * FROM {table}", f"DELETE FROM {table}"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        thief.execute(attack.encode())
            seen = ""
            for (view,) in views:
                with thief.cursor().copy(f"COPY (SELECT * FROM grafana.{view}) TO STDOUT".encode()) as lines:
                    seen += b"".join(map(bytes, lines)).decode()
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
                    thief.execute(f"DELETE FROM grafana.{view}".encode())
            for attack in (
                "SELECT pg_read_file('/etc/passwd')",
                "CREATE TABLE public.mine (n int)",
                f"SET ROLE {powerful}",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    thief.execute(attack.encode())
        assert "G001" in seen, "he sees figures"
        for word in ("zhao", "approver", "SO-1", *given.all):
            assert word not in seen
    finally:
        office.place.sql("DROP OWNED BY jishi_grafana")


# Who worked when


def test_who_worked_when_stands_nowhere_but_on_the_host_and_ends_with_its_salt(shared_world: World) -> None:
    """The same person at two hosts, and again at the first after its salt was erased: three hashes."""
    hashes = []
    for host in (_with_desk(shared_world), _with_desk(shared_world)):
        _sign(host)
        hashes.append(_declared(host))
        shared_world.until("all delivered", host.is_delivered)
        assert _read_as_nobody(host.state_dir / "salt") == b""
        assert (host.state_dir / "salt").stat().st_mode & 0o077 == 0
    host.stop()
    for file in ("salt", "cards.json", "desk.json", "status.json", "desk.token"):
        (host.state_dir / file).unlink(missing_ok=True)
    assert _finds(host.directory, OPERATOR) == [], "what is erased stands nowhere else on the host"
    host.start()
    shared_world.until("the desk is open", lambda: (host.state_dir / "desk.token").exists())
    _sign(host)
    hashes.append(_declared(host))
    assert len({*hashes}) == 3, "nobody can tell that they are one person"
    shared_world.until("all delivered", host.is_delivered)
    dump = b"".join(_dump(shared_world.database.dsn))
    assert hashes[0].encode() in dump
    name = OPERATOR.encode()
    guesses = {hashlib.sha256(said).hexdigest() for said in (name, b"person\0" + name)}
    assert not guesses & {*hashes}, "a name can be tried without the salt"
    assert name not in dump
    for log in (shared_world.ingest.log, *shared_world.directory.glob("*/agent.log")):
        assert OPERATOR not in log.read_text("utf-8"), log


def _with_desk(world: World) -> Host:
    """A host whose agent has a desk."""
    host = world.host(start=False)
    with host.configuration.open("a", encoding="utf-8") as file:
        file.write(f"\n[desk]\nport = {find_free_port()}\n")
    host.start()
    world.until("the desk is open", lambda: (host.state_dir / "desk.token").exists())
    return host


def _sign(host: Host) -> None:
    """Somebody signs in at the host."""
    words = ("sign", "in", "-c", "agent.toml", "--purpose", "service-order", "--order", ORDER)
    done = run("agent.cli", *words, environment={"JISHI_OPERATOR": OPERATOR}, within=host.directory)
    assert done.code == 0, done.complained


def _declared(host: Host) -> str:
    """The hash in the last declaration of the journal."""
    entries = host.issued()[-1].entries
    raw = [next(iter(entries[index])) for index in sorted(entries)]
    return re.findall(rb'"operator":"([0-9a-f]{64})"', b"\n".join(raw))[-1].decode()


def _finds(directory: Path, text: str) -> list[Path]:
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if text.encode() in path.read_bytes()]
