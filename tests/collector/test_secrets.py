"""Secrets stay secret: real commands and a real server with marked secrets, and everything that comes out of them.

Each secret holds a mark. What is looked through: stdout and stderr of every command and of the server, its argv as
every user of the machine sees it, every answer with its headers, /metrics, the audit trail, what values print of
themselves, and the files' modes.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import conninfo

from collector.config import load_config
from collector.keys import ensure_receipt_key, load_receipt_key
from tests.collector.commands import POLICY, PROVINCE
from tests.conftest import find_free_port

PASSWORD = "marked-password-1"
DSN_PASSWORD = "marked-dsn-secret-2"
FORGED = {"key": "jk_marked-key-3", "token": "jt_marked-token-4", "cookie": "marked-cookie-5", "link": "marked-link-6"}


@pytest.fixture
def environment(dsn: str, tmp_path: Path) -> dict[str, str]:
    """What a collector's commands are started with; the data source holds a password."""
    (tmp_path / "province.toml").write_text(PROVINCE, encoding="utf-8")
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    ensure_receipt_key(tmp_path / "data", "jishi.example")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("JISHI_")},
        "JISHI_DATABASE_DSN": conninfo.make_conninfo(dsn, password=DSN_PASSWORD),
        "JISHI_COLLECTOR_DATA_DIR": str(tmp_path / "data"),
        "JISHI_COLLECTOR_DOMAIN": "jishi.example",
        "JISHI_PASSWORD": PASSWORD,
        "JISHI_API_PORT": str(find_free_port()),
    }


def command(environment: dict[str, str], *words: str) -> tuple[str, str]:
    """Runs a command to its end; what it said on stdout and on stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", "collector.cli", *words], env=environment, capture_output=True, text=True, timeout=120
    )
    return ended.stdout, ended.stderr


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[httpx.Client, int, Path]]:
    """`serve` as a process of its own: a caller, its process id, and the file of all that it says."""
    said = tmp_path / "server.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "collector.cli", "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        base = f"http://127.0.0.1:{environment['JISHI_API_PORT']}"
        try:
            with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
                _await(client, process)
                yield client, process.pid, said
        finally:
            process.terminate()
            process.wait(30)


def _await(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server ended")


def test_no_secret_is_in_anything_that_comes_out(
    environment: dict[str, str], server: tuple[httpx.Client, int, Path], dsn: str, tmp_path: Path
) -> None:
    client, pid, said = server
    out: list[str] = []
    made = {}
    for name, words in {
        "register": ["register", str(tmp_path / "province.toml")],
        "person": ["person", "zhao"],
        "role": ["role", "zhao", "inspector"],
        "key": ["key", "--person", "li.ming", "--label", "x"],
        "token": ["token", "--agent", "em-01", "--watch", "meter1=A001"],
        "link": ["entry-link", "--person", "zhao"],
    }.items():
        stdout, stderr = command(environment, *words)
        assert stdout, stderr
        out.append(stderr)
        made[name] = stdout.split()[-1].rpartition("token=")[2]
    secrets = [PASSWORD, DSN_PASSWORD, *FORGED.values(), made["key"], made["token"], made["link"]]
    out += command(environment, "key", "--list") + command(environment, "audit")
    wrong_dsn = {**environment, "JISHI_DATABASE_DSN": f"host=/nowhere dbname=x password={DSN_PASSWORD}"}
    out += command(wrong_dsn, "key", "--list")
    out += [part for answer in _ask(client, made, secrets) for part in answer]
    # A bug's traceback, with every secret in the frames that it passes.
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE api_key RENAME TO moved")
        broken = client.get("/api/v1/agents", headers={"X-API-Key": made["key"]})
    assert broken.status_code == 500
    out += [broken.text, Path(f"/proc/{pid}/cmdline").read_text(), said.read_text()]
    assert "Traceback" in out[-1]
    config = load_config(None, environment={"JISHI_DATABASE_DSN": environment["JISHI_DATABASE_DSN"]})
    out += [repr(config), repr(load_receipt_key(tmp_path / "data", "jishi.example"))]
    for secret in secrets:
        for text in out:
            assert secret not in text, f"{secret} in …{text[max(0, text.index(secret) - 200) :][:400]}"


def _ask(client: httpx.Client, made: dict[str, str], secrets: list[str]) -> Iterator[tuple[str, str]]:
    own = {"Origin": str(client.base_url).rstrip("/")}
    enrolment = "/api/v1/enrolments"
    asked = [
        ("GET", "/metrics", {}),
        ("GET", "/api/v1/instruments", {"headers": {"X-API-Key": made["key"]}}),
        ("GET", "/api/v1/agents", {"headers": {"X-API-Key": FORGED["key"]}}),
        ("GET", "/api/v1/agents", {"headers": {"Authorization": f"Bearer {FORGED['key']}"}}),
        ("GET", "/api/v1/agents?limit=x", {"headers": {"X-API-Key": made["key"]}}),
        ("GET", "/", {"headers": {"Cookie": f"jishi_session={FORGED['cookie']}"}}),
        ("POST", "/sign-in", {"data": {"name": "zhao", "password": PASSWORD + "x"}, "headers": own}),
        ("POST", "/sign-in", {"data": {"name": PASSWORD, "password": PASSWORD}, "headers": own}),
        ("POST", "/enter", {"data": {"token": FORGED["link"]}, "headers": own}),
        ("POST", f"{enrolment}/challenge", {"json": {"token": FORGED["token"], "agent_id": "em-01"}}),
        ("POST", f"{enrolment}/challenge", {"json": {"token": made["token"], "agent_id": "em-01"}}),
        ("POST", f"{enrolment}/challenge", {"json": {"token": [made["token"]], "agent_id": 1}}),
        ("POST", enrolment, {"json": {"token": made["token"], "agent_id": "em-01", "vkey": "v", "proof": "p"}}),
    ]
    for method, path, with_ in asked:
        answer = client.request(method, path, **with_)  # type: ignore[arg-type]
        assert answer.status_code < 500, path
        yield answer.text, str(answer.headers)
    assert client.post("/sign-in", data={"name": "zhao", "password": PASSWORD}, headers=own).status_code == 303


def test_files_with_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ensure_receipt_key(tmp_path, "jishi.example")
    finally:
        os.umask(before)
    key = tmp_path / "keys" / "receipt.key"
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
