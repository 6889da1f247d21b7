"""The agent's configuration: one TOML file -> frozen values, or all its faults in one message, each with its key path.

    [agent]
    id = "em-01"
    state_dir = "/var/lib/jishi-agent"

    [collector]
    url = "https://collector.example:8321"

    [[watcher]]
    name = "meter1"
    kind = "modbus-meter"
    asset = "A001"
    port = "/dev/ttyUSB0"

Each kind of watcher declares its own settings (agent.watchers). A key that nobody knows is refused with the nearest
known one, because a misspelt key would otherwise be a default that nobody notices. What a third party's kind marks
with `Meta(extra={"secret": True})` is named in faults and in `effective`, and never shown. A text
marked with `Meta(extra={"holds": "registers"})` names a TOML file, beside this one, in which that table stands.
"""

import difflib
import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from agent.errors import BrokenKind, ConfigurationError, WatcherError
from agent.reading import BLOCK_MS
from agent.toml_text import NotToml, read
from agent.watchers.registry import ask, find_kind
from agent.watchers.stand_in import BrokenSettings
from agent.watchers.watcher import WatcherSettings

TABLES = ("agent", "collector", "desk", "watcher")

_Table = TypeVar("_Table", bound=msgspec.Struct)


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who this agent is. `block_s`: how long a block may be open; shorter ones bring news sooner and cost entries."""

    id: Annotated[str, Meta(pattern=r"\A[a-z0-9-]{4,40}\Z", description="4 to 40 of a-z, 0-9 and -")]  # protocol.topics
    state_dir: Annotated[str, Meta(min_length=1)]
    block_s: Annotated[float, Meta(ge=1, le=BLOCK_MS / 1000)] = BLOCK_MS / 1000


class CollectorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to enrol; everything else about the collector comes with the enrolment.

    `authority`: a PEM file, by which alone the address is believed; without it, those that this machine trusts.
    `road`: how entries travel; `auto` is MQTT, and HTTPS to `url` while the broker cannot be used.
    """

    url: Annotated[str, Meta(description="the collector's address, http://host:port or https://host")]
    authority: Annotated[str, Meta(min_length=1)] | None = None
    road: Literal["auto", "mqtt", "https"] = "auto"

    def faults(self) -> list[tuple[str, str]]:
        """Return (key, what is wrong) for what no type can tell."""
        try:
            url = urlsplit(self.url)
            has_host = bool(url.hostname) and url.port != 0
        except ValueError:
            return [("url", "is no address; expected http://host:port or https://host")]
        if url.username or url.password:
            return [("url", "holds a user name or password; remove it, the token proves who enrols")]
        if url.scheme not in ("http", "https") or not has_host:
            return [("url", f"{self.url!r}: expected http://host:port or https://host")]
        return []


class DeskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The desk and its local page; without the table there is none.

    `address` is this machine's own, always: the page knows no passwords. `idle_h`: how long an instrument may not be
    used until a presence that nobody ended counts as forgotten.
    """

    port: Annotated[int, Meta(ge=1, le=65535)] = 8323
    address: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    idle_h: Annotated[float, Meta(ge=0.5, le=168)] = 4.0


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration without faults. `state_dir` and `authority` are absolute.

    `sha256` is that of the file's bytes, followed by those of each file that its watchers name, in their order.
    """

    agent: AgentSettings
    collector: CollectorSettings
    watchers: tuple[WatcherSettings, ...]
    desk: DeskSettings | None
    state_dir: Path
    authority: Path | None
    sha256: str


_CHECKED = (CollectorSettings, WatcherSettings)


def load(path: Path, *, without_broken: bool = False) -> Configuration:
    """Return the configuration in a file; ConfigurationError with all its faults. A relative state_dir is beside it.

    `without_broken`: a watcher whose installed kind is broken is no fault, and has only what all watchers have. So one
    package that an update broke does not keep the agent from recording everything else.
    """
    try:
        raw, tables = read(path)
    except OSError as error:
        raise ConfigurationError((f"{path}: cannot be read ({error.strerror})",)) from error
    except NotToml as error:
        raise ConfigurationError((f"{path}: {error}",)) from error
    faults: list[str] = []
    faults += [_unknown(key, TABLES, where="") for key in tables if key not in TABLES]
    agent = _read(AgentSettings, tables.get("agent", {}), where="agent", faults=faults)
    collector = _read(CollectorSettings, tables.get("collector", {}), where="collector", faults=faults)
    desk = _read(DeskSettings, tables["desk"], where="desk", faults=faults) if "desk" in tables else None
    files = _Files(path.absolute().parent)
    watchers = _read_watchers(tables.get("watcher", []), faults, files=files, without_broken=without_broken)
    if faults or agent is None or collector is None:
        raise ConfigurationError(tuple(faults))
    return Configuration(
        agent=agent,
        collector=collector,
        watchers=tuple(watchers),
        desk=desk,
        state_dir=(path.absolute().parent / agent.state_dir),
        authority=(path.absolute().parent / collector.authority) if collector.authority else None,
        sha256=hashlib.sha256(raw + files.read).hexdigest(),
    )


def effective(configuration: Configuration) -> str:
    """Return the configuration as TOML with every default written out and every secret left out."""
    tables: list[tuple[str, msgspec.Struct]] = [
        ("[agent]", configuration.agent),
        ("[collector]", configuration.collector),
        *([("[desk]", configuration.desk)] if configuration.desk else []),
        *(("[[watcher]]", watcher) for watcher in configuration.watchers),
    ]
    return "\n\n".join("\n".join([title, *_loadable_lines(table)]) for title, table in tables) + "\n"


def settings_by_path(configuration: Configuration) -> dict[str, str]:
    """Return what is in force by key path, to tell which settings differ between two configurations."""
    tables: dict[str, msgspec.Struct] = {"agent": configuration.agent, "collector": configuration.collector}
    tables |= {"desk": configuration.desk} if configuration.desk else {}
    tables |= {f"watcher.{watcher.name}": watcher for watcher in configuration.watchers}
    lines = ((where, line.partition(" = ")) for where, table in tables.items() for line in _toml_lines(table))
    return {f"{where}.{key}": value for where, (key, _, value) in lines}


class _Files:
    """The files that tables stand in: `read` gathers their bytes."""

    def __init__(self, beside: Path) -> None:
        self.read = b""
        self._beside = beside

    def table(self, name: str) -> Any:
        """Return what a TOML file holds; ConfigurationError."""
        try:
            raw, table = read(self._beside / name)
        except OSError as error:
            raise ConfigurationError((f"{self._beside / name} cannot be read ({error.strerror})",)) from error
        except NotToml as error:
            raise ConfigurationError((f"{self._beside / name} {error}",)) from error
        self.read += raw
        return table


def _read_watchers(tables: Any, faults: list[str], *, files: _Files, without_broken: bool) -> list[WatcherSettings]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.append("watcher: expected [[watcher]], with two brackets: there can be several")
        return []
    if not tables:
        faults.append("watcher: none is configured, so nothing would be observed; add a [[watcher]] table")
    watchers: list[WatcherSettings] = []
    for number, table in enumerate(tables):
        where = f"watcher[{number}]"
        try:
            watcher = _read_watcher(table, where, faults=faults, files=files)
        except BrokenKind as broken:
            watcher = _read_broken(table, where, broken, faults=faults) if without_broken else None
            faults += [] if without_broken else [f"{where}.kind: {broken}"]
        if watcher is None:
            continue
        for other in watchers:
            if other.name == watcher.name:
                faults.append(f"watcher[{number}].name: {watcher.name!r} is the name of another watcher")
            occupied = other.occupies and other.occupies == watcher.occupies
            if occupied and (reason := watcher.why_not_beside(other)):
                faults.append(f"watcher[{number}] ({watcher.name}): {reason}")
        watchers.append(watcher)
    return watchers


def _read_watcher(table: dict[str, Any], where: str, *, faults: list[str], files: _Files) -> WatcherSettings | None:
    kind = table.get("kind")
    if not isinstance(kind, str):
        found = "missing" if kind is None else f"found {kind!r}"
        faults.append(f'{where}.kind: {found}; it says what to watch, for example kind = "modbus-meter"')
        return None
    try:
        settings = find_kind(kind).settings
    except BrokenKind:
        raise
    except WatcherError as error:
        faults.append(f"{where}.kind: {error}")
        return None
    before = len(faults)
    table = _with_files(settings, table, where=where, faults=faults, files=files)
    if len(faults) > before:
        return None
    return ask(
        f"kind {kind!r} could not judge its settings", lambda: _read(settings, table, where=where, faults=faults)
    )


def _read_broken(table: dict[str, Any], where: str, broken: BrokenKind, *, faults: list[str]) -> BrokenSettings | None:
    """Return what all watchers have; whatever else the table holds, only the kind could tell."""
    common = {key: table[key] for key in WatcherSettings.__struct_fields__ if key in table}
    return _read(BrokenSettings, {**common, "reason": str(broken)}, where=where, faults=faults)


def _with_files(
    settings: type[WatcherSettings], table: dict[str, Any], *, where: str, faults: list[str], files: _Files
) -> dict[str, Any]:
    """Return the watcher's table with those tables in it that stand in files of their own."""
    fields = {field.encode_name: field for field in _fields(settings)}
    for key, field in fields.items():
        held, name = _extra(field, "holds"), table.get(key)
        if not held or not name or not isinstance(name, str):
            continue
        if held in table:
            faults.append(f"{where}.{key}: {held} is given too; remove one of them")
            continue
        try:
            nested = _read_value(fields[held], files.table(name), where=f"{where}.{key} {name}", faults=faults)
        except ConfigurationError as error:
            faults += [f"{where}.{key}: {fault}" for fault in error.faults]
        else:
            table = {**table, held: nested}
    return table


def _read(cls: type[_Table], table: Any, *, where: str, faults: list[str]) -> _Table | None:
    """Return the table as a `cls`, or None after naming all that is wrong with it in `faults`."""
    if not isinstance(table, dict):
        faults.append(f"{where}: expected a table, found {table!r}")
        return None
    before = len(faults)
    fields = {field.encode_name: field for field in _fields(cls)}
    faults += [_unknown(key, fields, where=f"{where}.") for key in table if key not in fields]
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key in table:
            values[field.name] = _read_value(field, table[key], where=f"{where}.{key}", faults=faults)
        elif field.required:
            faults.append(f"{where}.{key}: missing; expected {_expected(field)}")
    if len(faults) > before:
        return None
    settings = cls(**values)
    faults += [f"{where}.{key}: {fault}" for key, fault in settings.faults()] if isinstance(settings, _CHECKED) else []
    return settings if len(faults) == before else None


def _read_value(field: FieldInfo, value: Any, *, where: str, faults: list[str]) -> Any:
    nested = _struct_in(field.type)
    if nested is not None and isinstance(value, nested):
        return value  # read from a file of its own
    if nested is not None:
        return _read(nested, value, where=where, faults=faults)
    try:
        return msgspec.convert(value, field.type)
    except msgspec.ValidationError:
        found = "something else" if _is_secret(field) else repr(value)
        faults.append(f"{where}: expected {_expected(field)}, found {found}")
        return None


def _unknown(key: str, known: Iterable[str], *, where: str) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
    return f"{where}{key}: unknown key; {hint}"


_HIDDEN = '"(not shown)"'

_TYPE_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _expected(field: FieldInfo) -> str:
    """Say in words what a field takes: `a number from 0.1 to 60`."""
    return " or ".join(_expected_types(field.type)) or "something else"


def _expected_types(expected: Any) -> list[str]:
    if expected is NoneType:
        return []
    if get_origin(expected) is Annotated:
        inner, *annotations = get_args(expected)
        notes = [note for note in annotations if isinstance(note, Meta)]
        described = [note.description for note in notes if note.description]
        limits = described or [" or ".join(_expected_types(inner)), *map(_limits, notes)]
        return ["".join(limits)]
    if get_origin(expected) is Literal:
        return [repr(choice) for choice in get_args(expected)]
    if expected in _TYPE_WORDS:
        return [_TYPE_WORDS[expected]]
    if isinstance(expected, type) and issubclass(expected, msgspec.Struct):
        return ["a table"]
    return [word for part in get_args(expected) for word in _expected_types(part)]


def _limits(note: Meta) -> str:
    limits = [
        f" {word} {limit:.10g}"
        for word, limit in (("from", note.ge), ("above", note.gt), ("to", note.le), ("below", note.lt))
        if limit is not None
    ]
    if note.min_length:
        limits.append(f" of at least {note.min_length} characters" if note.min_length > 1 else " that is not empty")
    if note.max_length:
        limits.append(f" of at most {note.max_length} characters")
    if note.pattern:
        limits.append(f" of the form {note.pattern}")
    return "".join(limits)


def _fields(cls: type[msgspec.Struct]) -> list[FieldInfo]:
    """Return the fields of a table, those that all watchers have first."""
    common = WatcherSettings.__struct_fields__
    return sorted(msgspec.structs.fields(cls), key=lambda field: field.name not in common)


def _struct_in(expected: Any) -> type[msgspec.Struct] | None:
    candidates = (expected, *get_args(expected))
    return next((part for part in candidates if isinstance(part, type) and issubclass(part, msgspec.Struct)), None)


def _is_secret(field: FieldInfo) -> bool:
    return bool(_extra(field, "secret"))


def _extra(field: FieldInfo, key: str) -> Any:
    notes = get_args(field.type) if get_origin(field.type) is Annotated else ()
    extras = [note.extra for note in notes if isinstance(note, Meta) and note.extra]
    return next((extra[key] for extra in extras if key in extra), None)


def _loadable_lines(table: msgspec.Struct) -> list[str]:
    """A table that was read from a file stands among the lines, so the file's name is only a comment."""
    files = [
        field.encode_name for field in _fields(type(table)) if _extra(field, "holds") and getattr(table, field.name)
    ]
    return [f"# {line}" if line.partition(" = ")[0] in files else line for line in _toml_lines(table)]


def _toml_lines(table: msgspec.Struct) -> list[str]:
    lines = []
    for field in _fields(type(table)):
        value = getattr(table, field.name)
        if value is not None:
            lines.append(f"{field.encode_name} = {_HIDDEN if _is_secret(field) else _toml(value)}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        return f"{{{', '.join(_toml_lines(value))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(key)} = {_toml(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    # A JSON text, number or truth value is a TOML one.
    return msgspec.json.encode(value).decode()
