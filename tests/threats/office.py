"""A collector as its users meet it: `serve` and commands that run, units, some people, a database of its own.

What days hold is written as ingest would have written it, or as records (tests/collector/province.py,
tests/collector/rollups/places.py): no user could tell, and hours of a year need no year.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from collector.config import Config, load_config
from collector.keys import ensure_receipt_key
from collector.registry import api_keys, people, policies
from collector.registry.access import Access, Scope
from tests.collector.province import POLICY, Province
from tests.collector.rollups.places import OTHERS, OURS, Places
from tests.conftest import find_free_port
from tests.faults.broker import answers
from tests.faults.database import Database
from tests.faults.line import LOOPBACK
from tests.faults.program import Program
from tests.threats.place import Place, await_it

DOMAIN = "jishi.example"
PROXY = "X-Real-IP"
"""The header in which the proxy before `serve` writes a caller's address."""
Settings = dict[tuple[str, str], str | int]


class Office:
    """`province` and `places` write into its database; `serve` is the program, which `start` starts."""

    def __init__(self, directory: Path, database: Database, settings: Settings) -> None:
        self.directory = directory
        self.database = database
        self._settings = {("api", "address_header"): PROXY, **settings}
        ensure_receipt_key(directory, DOMAIN)
        self.port = find_free_port()
        self.place = Place(directory, database, self._config(self.port, self._settings).environment(database.dsn))
        self.serve = self._program("serve", self.place.environment)
        self.connection = database.connect()
        people.register_person(self.connection, "approver")
        self.province = Province(self.connection, policies.register_policy(self.connection, POLICY))
        self.province.put_policy()
        self.places = Places(self.province)
        self._callers = 0

    def register_units(self) -> None:
        """OURS and OTHERS."""
        for uscc, division in ((OURS, "610113"), (OTHERS, "610302")):
            self.places.unit(uscc, division=division, name=f"大学{division}")

    def start(self) -> None:
        """Run `serve` until it answers."""
        self.serve.start()
        await_it("serve answers", lambda: answers(self.port), told=self.serve.tail)

    def close(self) -> None:
        """End everything; `serve` has to have lived until now."""
        self.serve.stop()
        self.connection.close()
        self.database.drop()
        assert not self.serve.falls, self.serve.falls[0]

    def person(self, name: str, role: str | None, scope: Scope | None = None, *, password: str | None = None) -> None:
        """Register somebody, as `person` and `role` do."""
        person = people.register_person(self.connection, name, password=password)
        with self.connection.transaction():
            people.appoint(self.connection, person, Access(role, scope or Scope()), now=datetime.now(UTC))

    def key(self, role: str, scope: Scope | None = None) -> str:
        """An API key of a person of that role, who has a name of his own."""
        self._callers += 1
        name = f"{role} {self._callers}"
        self.person(name, role, scope)
        expires_at = datetime.now(UTC) + timedelta(days=30)
        return api_keys.make_api_key(self.connection, name, label="test", expires_at=expires_at).key

    @contextmanager
    def caller(self, key: str = "", *, address: str = "", port: int = 0) -> Iterator[httpx.Client]:
        """Somebody beyond the proxy, at an address of his own unless it is given."""
        self._callers += 1
        headers = {PROXY: address or f"198.51.{self._callers // 250}.{self._callers % 250 + 1}"}
        if key:
            headers["X-API-Key"] = key
        base = f"http://{LOOPBACK}:{port or self.port}"
        with httpx.Client(base_url=base, headers=headers, timeout=30, trust_env=False) as opened:
            yield opened

    @contextmanager
    def served_otherwise(self, settings: Settings) -> Iterator[int]:
        """One more `serve` over the same database, with other settings; its port."""
        port = find_free_port()
        environment = self._config(port, settings).environment(self.database.dsn)
        program = self._program("serve-otherwise", environment)
        program.start()
        try:
            await_it("serve answers", lambda: answers(port), told=program.tail)
            yield port
        finally:
            program.stop()
        assert not program.falls, program.falls[0]

    def _config(self, port: int, settings: Settings) -> Config:
        own: Settings = {
            ("collector", "domain"): DOMAIN,
            ("collector", "data_dir"): str(self.directory),
            ("database", "dsn"): self.database.dsn,
            ("api", "host"): LOOPBACK,
            ("api", "port"): port,
        }
        return load_config(None, environment={}, overrides={**own, **settings})

    def _program(self, name: str, environment: dict[str, str]) -> Program:
        words = ("tests.faults.hurried", "collector", "serve")
        return Program(name, words, log=self.directory / f"{name}.log", environment=environment)


def own_page(client: httpx.Client) -> dict[str, str]:
    """What a browser says when a form of our own page is sent."""
    return {"Origin": str(client.base_url).rstrip("/")}


def sign_in(client: httpx.Client, name: str, password: str) -> httpx.Response:
    """Send the form; the client keeps the cookie."""
    return client.post("/sign-in", data={"name": name, "password": password}, headers=own_page(client))
