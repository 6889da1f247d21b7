"""The collector's settings: one TOML file, each key also by environment, parsed once into frozen values.

    [collector]
    domain = "jishi.example"        # names the logs and keys; never changes once agents are enrolled
    data_dir = "/var/lib/jishi"     # keys, and with `up` the database
    [database]
    dsn = "postgresql://..."        # left out: the embedded server that `up` runs in data_dir
    [broker]
    host = "127.0.0.1"
    port = 1883
    tls = false                     # true: agents and workers come with certificates (docs/security/tls.md)
    worker_host = "127.0.0.1"       # where `ingest` finds the broker; left out: where agents find it
    worker_port = 8884
    [ingest]
    metrics_host = "127.0.0.1"
    metrics_port = 8322             # left out: no figures of a worker; each on one machine needs its own
    [corrections]
    deadline_days = 90              # how long after a day something may be proposed about it; left out: for ever
    [documents]
    directory = "/srv/jishi-documents"      # files that prove orders; left out: data_dir/documents
    max_mib = 20                            # the largest that is taken
    [log]
    directory = "/srv/jishi-log"    # the collector's own log as files; left out: data_dir/log
    [accounts]
    close_after_days = 3            # so many days after its midnight a day's record is kept for good
    [exchange]                      # where service records go; left out: nowhere (docs/exchange.md)
    url = "https://platform.example/api"
    mapping = "/etc/jishi/national.toml"    # its fields, and how its answers are read
    credentials = "/etc/jishi/exchange.secret"      # headers that it wants; left out: none
    unit = "12100000400000624D"     # whose records; left out: every unit's
    authority = "/etc/jishi/platform-ca.pem"        # who signed its certificate; left out: known ones
    [rollups]
    special_classes = "0105,0203"   # class codes that begin so are special 专用 instruments; left out: none are
    [public]
    figures = false                 # true: anybody may see a year's hours by unit and instrument, at /public
    [api]
    host = "127.0.0.1"
    port = 8321
    tls_cert = "/etc/jishi/api.pem"         # left out: plain HTTP, for loopback or behind a proxy that speaks TLS
    tls_key = "/etc/jishi/api.key"
    requests_per_minute_per_address = 3000
    requests_per_minute_per_key = 1200
    public_url = "https://jishi.example"    # where people and agents reach it, where that is a proxy's address
    address_header = "X-Forwarded-For"      # only behind a proxy that sets it, and that nobody can go around

The environment wins over the file: JISHI_<SECTION>_<KEY>, as JISHI_DATABASE_DSN. Keys and sections that are not
listed here are refused. All faults come in one ConfigError, each with its key path. The data source is a secret:
no repr and no message shows it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from collector.errors import ConfigError
from collector.files import read_toml
from protocol.errors import MalformedName
from protocol.topics import check_domain

ENVIRONMENT_PREFIX = "JISHI_"
DEFAULT_DOMAIN = "jishi.example"
DEFAULT_BROKER_PORT = 1883
DEFAULT_API_PORT = 8321
MAX_CONFIG_BYTES = 65_536
MAX_DIGITS = 9
MAX_REQUESTS_PER_MINUTE = 1_000_000
MAX_DOCUMENT_MIB = 200
"""A document is hashed in memory before it is shown."""
MAX_CLOSE_AFTER_DAYS = 366
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,253}/?")
_CLASSES = re.compile(r"[0-9A-Za-z.]{1,20}(,[0-9A-Za-z.]{1,20}){0,99}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_TYPES: dict[str, dict[str, type]] = {
    "collector": {"domain": str, "data_dir": str},
    "database": {"dsn": str},
    "broker": {"host": str, "port": int, "tls": bool, "worker_host": str, "worker_port": int},
    "ingest": {"metrics_host": str, "metrics_port": int},
    "corrections": {"deadline_days": int},
    "documents": {"directory": str, "max_mib": int},
    "log": {"directory": str},
    "accounts": {"close_after_days": int},
    "exchange": {"url": str, "mapping": str, "credentials": str, "unit": str, "authority": str},
    "rollups": {"special_classes": str},
    "public": {"figures": bool},
    "api": {
        "host": str,
        "port": int,
        "tls_cert": str,
        "tls_key": str,
        "requests_per_minute_per_address": int,
        "requests_per_minute_per_key": int,
        "public_url": str,
        "address_header": str,
    },
}


_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Broker:
    """Where agents find the broker, and, where that is elsewhere, the workers."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_BROKER_PORT
    tls: bool = False
    worker_host: str = ""
    worker_port: int = 0

    @property
    def for_workers(self) -> tuple[str, int]:
        """Host and port at which `ingest` connects."""
        return self.worker_host or self.host, self.worker_port or self.port


@dataclass(frozen=True)
class Ingest:
    """Where a worker shows its figures; port 0: nowhere."""

    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0


@dataclass(frozen=True)
class Corrections:
    """How many days after a day something may be proposed about it; 0: for ever."""

    deadline_days: int = 0

    @property
    def within_days(self) -> int | None:
        return self.deadline_days or None


@dataclass(frozen=True)
class Documents:
    """Where files lie that facts name; directory "": in the collector's own."""

    directory: str = ""
    max_mib: int = 20

    @property
    def max_bytes(self) -> int:
        return self.max_mib * 1024 * 1024

    def directory_in(self, data_dir: Path) -> Path:
        return Path(self.directory).expanduser().absolute() if self.directory else data_dir / "documents"


@dataclass(frozen=True)
class Log:
    """Where the collector's own log lies as files; directory "": in the collector's own."""

    directory: str = ""

    def directory_in(self, data_dir: Path) -> Path:
        return Path(self.directory).expanduser().absolute() if self.directory else data_dir / "log"


@dataclass(frozen=True)
class Accounts:
    """From how many days after its midnight on a day's record is kept for good."""

    close_after_days: int = 3


@dataclass(frozen=True)
class Exchange:
    """To which platform service records go, of which unit (USCC; "": of all), and by which files."""

    url: str = ""
    mapping: str = ""
    credentials: str = ""
    unit: str = ""
    authority: str = ""


@dataclass(frozen=True)
class Rollups:
    """Which instruments are special (专用), by prefixes of their class codes; all others are general ones (通用)."""

    special_classes: str = ""

    @property
    def special(self) -> tuple[str, ...]:
        return tuple(self.special_classes.split(",")) if self.special_classes else ()


@dataclass(frozen=True)
class Public:
    """What anybody may see without a key or a password."""

    figures: bool = False


@dataclass(frozen=True)
class Api:
    host: str = "127.0.0.1"
    port: int = DEFAULT_API_PORT
    tls_cert: str = ""
    tls_key: str = ""
    requests_per_minute_per_address: int = 3000
    requests_per_minute_per_key: int = 1200
    public_url: str = ""
    address_header: str = ""

    @property
    def url(self) -> str:
        """Where people reach it."""
        own = f"{'https' if self.tls_cert else 'http'}://{self.host}:{self.port}"
        return self.public_url.rstrip("/") or own


@dataclass(frozen=True)
class Config:
    """What every part of the collector is told. `given_dsn` is None where the embedded server serves."""

    domain: str
    data_dir: Path
    broker: Broker
    api: Api
    ingest: Ingest = Ingest()
    corrections: Corrections = Corrections()
    documents: Documents = Documents()
    log: Log = Log()
    accounts: Accounts = Accounts()
    exchange: Exchange = Exchange()
    rollups: Rollups = Rollups()
    public: Public = Public()
    given_dsn: str | None = field(default=None, repr=False)

    @property
    def embedded_dsn_file(self) -> Path:
        """Where a running `up` says how to reach its database."""
        return self.data_dir / "dsn"

    @property
    def dsn(self) -> str:
        """The data source; raises ConfigError when none is given and no `up` runs in data_dir."""
        if self.given_dsn is not None:
            return self.given_dsn
        try:
            return self.embedded_dsn_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"no database: give [database] dsn, or start `jishi-collector up` in {self.data_dir} first"
            ) from error

    def environment(self, dsn: str) -> dict[str, str]:
        """The same settings for a child process, the data source included: never in argv."""
        return {
            "JISHI_COLLECTOR_DOMAIN": self.domain,
            "JISHI_COLLECTOR_DATA_DIR": str(self.data_dir),
            "JISHI_DATABASE_DSN": dsn,
            **_as_environment("broker", asdict(self.broker)),
            **_as_environment("api", asdict(self.api)),
            **_as_environment("ingest", asdict(self.ingest)),
            **_as_environment("corrections", asdict(self.corrections)),
            **_as_environment("documents", asdict(self.documents)),
            **_as_environment("log", asdict(self.log)),
            **_as_environment("accounts", asdict(self.accounts)),
            **_as_environment("exchange", asdict(self.exchange)),
            **_as_environment("rollups", asdict(self.rollups)),
            **_as_environment("public", asdict(self.public)),
        }


def _as_environment(section: str, values: Mapping[str, str | int]) -> dict[str, str]:
    return {_variable(section, key): _to_text(value) for key, value in values.items() if value not in ("", 0)}


def _to_text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variable(section: str, key: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{section}_{key}".upper()


def default_data_dir() -> Path:
    """Where data go when nobody says: a place that root's helpers can reach, or the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/jishi")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "jishi"


def load_config(
    path: Path | None,
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[tuple[str, str], str | int] | None = None,
) -> Config:
    """Reads file (None: defaults), environment and command line, later ones winning. Raises ConfigError."""
    faults: list[str] = []
    values = {} if path is None else _read_file(path, faults)
    values.update(_read_environment(os.environ if environment is None else environment, faults))
    values.update(overrides or {})
    _check_values(values, faults)
    if faults:
        raise ConfigError("the configuration cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))
    data_dir = values.get(("collector", "data_dir"))
    return Config(
        domain=values.get(("collector", "domain"), DEFAULT_DOMAIN),
        data_dir=Path(data_dir).expanduser().absolute() if data_dir else default_data_dir(),
        broker=Broker(**_section(values, "broker")),
        api=Api(**_section(values, "api")),
        ingest=Ingest(**_section(values, "ingest")),
        corrections=Corrections(**_section(values, "corrections")),
        documents=Documents(**_section(values, "documents")),
        log=Log(**_section(values, "log")),
        accounts=Accounts(**_section(values, "accounts")),
        exchange=Exchange(**_section(values, "exchange")),
        rollups=Rollups(**_section(values, "rollups")),
        public=Public(**_section(values, "public")),
        given_dsn=values.get(("database", "dsn")),
    )


def _read_file(path: Path, faults: list[str]) -> dict[tuple[str, str], Any]:
    try:
        document = read_toml(path, limit=MAX_CONFIG_BYTES)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # too large, not UTF-8, or not TOML
        raise ConfigError(f"{path} is no TOML file that can be used: {error}") from error
    values = {}
    for section, members in document.items():
        if section not in _TYPES or not isinstance(members, dict):
            faults.append(f"{section}: unknown; sections are {', '.join(_TYPES)}")
            continue
        for key, value in members.items():
            wanted = _TYPES[section].get(key)
            if wanted is None:
                faults.append(f"{section}.{key}: unknown; keys are {', '.join(_TYPES[section])}")
            elif type(value) is not wanted:
                faults.append(f"{section}.{key}: a {wanted.__name__} is expected, found a {type(value).__name__}")
            else:
                values[section, key] = value
    return values


def _read_environment(environment: Mapping[str, str], faults: list[str]) -> dict[tuple[str, str], Any]:
    values: dict[tuple[str, str], Any] = {}
    for section, keys in _TYPES.items():
        for key, wanted in keys.items():
            text = environment.get(_variable(section, key))
            if text is None:
                continue
            try:
                values[section, key] = _READERS[wanted](text)
            except (ValueError, KeyError):
                faults.append(f"{section}.{key}: {_variable(section, key)} must be {_EXPECTED[wanted]}")
    return values


def _read_number(text: str) -> int:
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise ValueError(text)
    return int(text)


_READERS: dict[type, Callable[[str], Any]] = {str: str, int: _read_number, bool: _TRUTH.__getitem__}
_EXPECTED = {int: "a whole number", bool: "true or false"}


def _check_values(values: Mapping[tuple[str, str], Any], faults: list[str]) -> None:
    for (section, key), value in values.items():
        if key.endswith("port") and not 1 <= value <= 65535:
            faults.append(f"{section}.{key}: 1 to 65535 is expected, found {value}")
        elif key.startswith("requests_per_minute") and not 1 <= value <= MAX_REQUESTS_PER_MINUTE:
            faults.append(f"{section}.{key}: 1 to {MAX_REQUESTS_PER_MINUTE} is expected, found {value}")
        elif key == "max_mib" and not 1 <= value <= MAX_DOCUMENT_MIB:
            faults.append(f"{section}.{key}: 1 to {MAX_DOCUMENT_MIB} is expected, found {value}")
        elif key == "close_after_days" and not 1 <= value <= MAX_CLOSE_AFTER_DAYS:
            faults.append(f"{section}.{key}: 1 to {MAX_CLOSE_AFTER_DAYS} is expected, found {value}")
        elif key == "special_classes" and not _CLASSES.fullmatch(value):
            faults.append(f"{section}.{key}: {value[:80]!a} is no list of class codes, as 0105,0203")
        elif key == "public_url" and not _PUBLIC_URL.fullmatch(value):
            faults.append(f"{section}.{key}: {value[:80]!a} is no address like https://jishi.example")
        elif key == "address_header" and not _HEADER_NAME.fullmatch(value):
            faults.append(f"{section}.{key}: {value[:80]!a} is no name of a header, as X-Forwarded-For")
        elif value == "":
            faults.append(f"{section}.{key}: is empty")
    if (("api", "tls_cert") in values) != (("api", "tls_key") in values):
        faults.append("api.tls_cert, api.tls_key: the one needs the other")
    try:
        check_domain(values.get(("collector", "domain"), DEFAULT_DOMAIN))
    except MalformedName as error:
        faults.append(f"collector.domain: {error}")


def _section(values: Mapping[tuple[str, str], Any], section: str) -> dict[str, Any]:
    return {key: value for (of, key), value in values.items() if of == section}
