"""Whether anybody is logged in at this computer; who it is, is not looked at.

Where the system keeps no account of it, that cannot be told, and it is not "nobody": Debian 13 and others do without
utmp, and psutil.users() is empty there whoever is logged in (psutil issue 2597). systemd-logind's own account is
therefore asked too: one file for each session, as sd_session_get_class(3) reads it.

    CLASS=user            a person; others are greeter, background, manager …
    STATE=active          online, active; closing when only left-over processes are there
"""

import sys
from pathlib import Path
from typing import Literal

import psutil

UTMP = Path("/var/run/utmp")
LOGIND_SESSIONS = Path("/run/systemd/sessions")


def session(utmp: Path = UTMP, logind: Path = LOGIND_SESSIONS) -> Literal["present", "none"] | None:
    """Return whether somebody has a session; None where the system does not tell."""
    if psutil.users():
        return "present"
    if sys.platform != "linux":
        return "none"
    by_logind = _by_logind(logind)
    if by_logind:
        return "present"
    return None if by_logind is None and not utmp.exists() else "none"


def _by_logind(sessions: Path) -> bool | None:
    try:
        files = [file for file in sessions.iterdir() if file.is_file()]  # beside them lie pipes
    except OSError:
        return None
    return any(_is_of_a_person(file) for file in files)


def _is_of_a_person(file: Path) -> bool:
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:  # it ended meanwhile
        return False
    members = dict(line.split("=", 1) for line in lines if "=" in line)
    kind, state = members.get("CLASS", ""), members.get("STATE", "")
    return kind.startswith("user") and state != "closing"
