"""Whether anybody is logged in: by utmp, by logind, or not to be told."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from agent.watchers.login import session

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil alone tells it")

PERSON = "# private\nUID=1000\nUSER=li.ming\nACTIVE=1\nSTATE=active\nCLASS=user\nTYPE=x11\n"


@pytest.fixture(autouse=True)
def users(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who is in utmp."""
    present: list[str] = []
    monkeypatch.setattr(psutil, "users", lambda: present)
    return present


def look(directory: Path, *sessions: str, utmp: bool = False, logind: bool = True) -> str | None:
    if utmp:
        (directory / "utmp").touch()
    if logind:
        (directory / "sessions").mkdir()
        os.mkfifo(directory / "sessions" / "c1.ref")
    for number, text in enumerate(sessions):
        (directory / "sessions" / str(number)).write_text(text)
    return session(directory / "utmp", directory / "sessions")


def test_somebody_in_utmp_is_present(tmp_path: Path, users: list[str]) -> None:
    users.append("li.ming")
    assert look(tmp_path, logind=False) == "present"


def test_somebody_whom_only_logind_knows_is_present(tmp_path: Path) -> None:
    assert look(tmp_path, PERSON) == "present"


@pytest.mark.parametrize(
    "text",
    [
        PERSON.replace("CLASS=user", "CLASS=greeter"),
        PERSON.replace("CLASS=user", "CLASS=manager"),
        PERSON.replace("STATE=active", "STATE=closing"),
        "",
        "\x00garbage",
    ],
)
def test_a_login_screen_and_left_over_processes_are_nobody(tmp_path: Path, text: str) -> None:
    assert look(tmp_path, text) == "none"


def test_nobody_is_none_where_one_of_the_two_is_kept(tmp_path: Path) -> None:
    assert look(tmp_path, utmp=True, logind=False) == "none"


def test_where_neither_is_kept_it_cannot_be_told(tmp_path: Path) -> None:
    assert look(tmp_path, utmp=False, logind=False) is None
