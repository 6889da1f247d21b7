"""The agent as a service of its system: what an administrator installs, as text. Pure, and it changes nothing.

    systemd      a unit of type notify, with watchdog and without rights
    winsw        the definition for WinSW, which makes any program a Windows service
    powershell   a script that installs WinSW with that definition, recovery actions and an account of its own

The templates lie in units/. A path may hold spaces and whatever else a file name may; each place has its own way of
quoting it.
"""

import shlex
from importlib.resources import files
from pathlib import PurePosixPath
from typing import NamedTuple
from xml.sax.saxutils import escape

STATE_ROOT = PurePosixPath("/var/lib")


class Installation(NamedTuple):
    """Absolute paths, as texts of the system that they are for."""

    program: str
    config: str
    state_dir: str


def systemd_unit(installation: Installation) -> str:
    """Return the unit."""
    program, config, state_dir = installation
    return _fill(
        "jishi-agent.service",
        EXEC=_systemd_word(program),
        CONFIG=_systemd_word(config).replace("$", "$$"),  # a command line, where $ names variables
        STATE=_systemd_state(PurePosixPath(state_dir)),
        PROGRAM_SHELL=shlex.quote(program),
        CONFIG_SHELL=shlex.quote(config),
        STATE_DIR_SHELL=shlex.quote(state_dir),
    )


def winsw_definition(installation: Installation) -> str:
    """Return the XML."""
    quotes = {'"': "&quot;"}
    return _fill("winsw.xml", PROGRAM=escape(installation.program, quotes), CONFIG=escape(installation.config, quotes))


def powershell_script(installation: Installation) -> str:
    """Return the script."""
    return _fill(
        "install.ps1",
        PROGRAM=_powershell_word(installation.program),
        CONFIG=_powershell_word(installation.config),
        STATE_DIR=_powershell_word(installation.state_dir),
        WINSW=winsw_definition(installation),
    )


SYSTEMS = {"systemd": systemd_unit, "winsw": winsw_definition, "powershell": powershell_script}


def _fill(template: str, **values: str) -> str:
    text = files("agent").joinpath("units", template).read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _systemd_state(state_dir: PurePosixPath) -> str:
    """Say where the unit may write: systemd makes and keeps what lies in /var/lib, and finds what lies elsewhere."""
    if state_dir.is_relative_to(STATE_ROOT) and state_dir != STATE_ROOT:
        return f"StateDirectory={_systemd_word(str(state_dir.relative_to(STATE_ROOT)))}\nStateDirectoryMode=0700"
    return f"ReadWritePaths={_systemd_word(str(state_dir))}"


def _systemd_word(text: str) -> str:
    """Quote for a unit file: systemd.syntax(7) for the quotes, systemd.unit(5) for %."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _powershell_word(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
