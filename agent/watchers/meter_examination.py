"""Why a meter does not answer as it was configured: look for it at other speeds, addresses and maps. For the doctor.

The likeliest first, because each question takes its time: as configured; the same address at other speeds; all common
addresses at all common speeds, which takes a minute. The first that answers is it: a bus has one speed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from agent.errors import WatcherError
from agent.finding import Finding, split_remedy
from agent.watchers.probe import ADDRESSES, COMMON_LINES, TIMEOUT_S, Answer, probe
from agent.watchers.serial_examination import examine_ports, free_ports
from agent.watchers.serial_port import LineSettings
from agent.watchers.serial_watcher import PortSettings

MODBUS = "modbus-meter"
ANY = "any"


class Meant(NamedTuple):
    """What the configuration says of a meter. `address` may be "any"; `map` is empty for none, or one of its own."""

    kind: str
    address: str
    line: LineSettings
    map: str


def examine_meter(settings: PortSettings, meant: Meant) -> Iterator[Finding]:
    """Say of each port of the watcher what is wrong with it, and what answers there."""
    yield from examine_ports(settings)
    for name in free_ports(settings):
        try:
            yield judge_answers(f"meter of {settings.name}", name, look_for(name, meant), meant=meant)
        except WatcherError as problem:
            found, remedy = split_remedy(str(problem))
            yield Finding(f"meter of {settings.name}", "fail", found, "a port that can be opened", remedy)


def look_for(port: str, meant: Meant) -> list[Answer]:
    """Return what answers at the first way of asking that is answered; WatcherError."""
    addresses = [int(meant.address)] if meant.kind == MODBUS else []
    lines = [meant.line, *COMMON_LINES]
    return (
        probe(port, lines=lines[:1], addresses=addresses, timeout_s=TIMEOUT_S)
        or probe(port, lines=lines[1:], addresses=addresses, timeout_s=TIMEOUT_S)
        or probe(port, lines=lines, addresses=ADDRESSES, timeout_s=TIMEOUT_S)
    )


def judge_answers(what: str, port: str, answers: list[Answer], *, meant: Meant) -> Finding:
    """Hold what answers against what was meant."""
    if not answers:
        found = f"nothing answers at {port}, at no common speed and address"
        remedy = "check the meter's power, A and B swapped, the wires, and that the meter speaks Modbus or DL/T 645"
        return Finding(what, "fail", found, _in_words(meant), remedy)
    near = min(answers, key=lambda answer: len(_differences(answer, meant)))
    found = f"at {port} answers {near.kind} {near.address} at {speed_in_words(near.line)}: {near.detail}"
    differences = _differences(near, meant)
    if differences:
        return Finding(what, "fail", found, _in_words(meant), f"set {', '.join(differences)}")
    if meant.map and not near.maps:
        return Finding(what, "fail", found, _in_words(meant), "describe its registers, as its manual gives them")
    return Finding(what, "ok", found + "; which map is right, its display tells" * (len(near.maps) > 1))


def _differences(answer: Answer, meant: Meant) -> list[str]:
    """What to write into the configuration so that this answer is the one meant."""
    changes = [f'kind = "{answer.kind}"'] if answer.kind != meant.kind else []
    changes += _line_differences(answer.line, meant.line)
    if answer.address != meant.address and meant.address != ANY:
        changes.append(f"address = {answer.address}" if answer.kind == MODBUS else f'address = "{answer.address}"')
    if answer.kind == meant.kind and meant.map and answer.maps and meant.map not in answer.maps:
        changes.append(f'map = "{answer.maps[0]}"')
    return changes


def _line_differences(answered: LineSettings, meant: LineSettings) -> list[str]:
    pairs = zip(LineSettings._fields, answered, meant, strict=True)
    return [
        f'{name} = "{found}"' if isinstance(found, str) else f"{name} = {found}"
        for name, found, wanted in pairs
        if found != wanted
    ]


def _in_words(meant: Meant) -> str:
    by_map = f", map {meant.map}" if meant.map else ""
    return f"{meant.kind} {meant.address} at {speed_in_words(meant.line)}{by_map}"


def speed_in_words(line: LineSettings) -> str:
    """Return a line's settings as engineers write them: `2400 8E1`."""
    return f"{line.baudrate} {line.bytesize}{line.parity}{line.stopbits}"
