"""The state directory: what the system says of it, and what that means."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.doctor.places import LEAST_FREE_BYTES, examine_state_directory, judge_file_system, judge_refusal, judge_room
from agent.identity import KEY
from agent.journal import DEFAULT_LIMITS
from tests.agent.doctor.cases import a_case, again, verdicts

STATE = Path("/var/lib/jishi-agent")


def test_a_directory_on_a_disk_is_in_order_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    before = sorted(case.configuration.state_dir.iterdir())
    found = verdicts(examine_state_directory(case))
    assert (found["state directory"], found["free space"]) == ("ok", "ok")
    assert sorted(case.configuration.state_dir.iterdir()) == before


def test_one_that_enroll_would_make_is_a_warning_and_one_that_it_cannot_make_a_failure(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    shutil.rmtree(case.configuration.state_dir)
    (finding,) = examine_state_directory(case)
    assert (finding.verdict, finding.remedy) == ("warn", "jishi-agent enroll makes it")


def test_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    shutil.rmtree(case.configuration.state_dir)
    case.configuration.state_dir.write_text("")
    (finding,) = examine_state_directory(case)
    assert (finding.verdict, finding.found) == ("fail", f"{case.configuration.state_dir} is a file")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "run this as that user"),
        (errno.EROFS, "mount that file system for writing"),
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "make room"),
        (errno.EIO, "it belongs to"),
    ],
)
def test_each_refusal_of_the_system_has_its_remedy(tmp_path: Path, number: int, remedy: str) -> None:
    finding = judge_refusal(tmp_path, OSError(number, os.strerror(number)))
    assert finding.verdict == "fail"
    assert os.strerror(number) in finding.found
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("kind", "options", "verdict"),
    [
        ("ext4", "rw", "ok"),
        ("NTFS", "rw,fixed", "ok"),
        ("NTFS", "rw,remote", "fail"),
        ("nfs4", "rw", "fail"),
        ("cifs", "rw", "fail"),
        ("fuse.sshfs", "rw", "fail"),
        ("tmpfs", "rw", "fail"),
        ("overlay", "rw", "warn"),
        ("", "", "unknown"),
    ],
)
def test_a_journal_belongs_on_a_disk_of_this_machine(kind: str, options: str, verdict: str) -> None:
    assert judge_file_system(STATE, kind, options).verdict == verdict


@pytest.fixture
def memory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is Linux's file system in memory")
def test_a_directory_in_memory_is_found_out(memory: Path) -> None:
    assert verdicts(examine_state_directory(a_case(memory)))["file system"] == "fail"


def test_room_is_held_against_what_the_journal_may_still_take() -> None:
    budget = DEFAULT_LIMITS.budget_bytes
    assert judge_room(STATE, free_bytes=budget, journal_bytes=0).verdict == "ok"
    assert judge_room(STATE, free_bytes=budget - 1, journal_bytes=0).verdict == "warn"
    assert judge_room(STATE, free_bytes=budget - 1, journal_bytes=1).verdict == "ok"
    assert judge_room(STATE, free_bytes=LEAST_FREE_BYTES - 1, journal_bytes=budget).verdict == "fail"


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_a_key_that_others_can_read_and_a_directory_that_others_can_write_are_said(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    assert "owner" not in verdicts(examine_state_directory(case))
    (case.configuration.state_dir / KEY).chmod(0o644)
    case.configuration.state_dir.chmod(0o777)
    remedies = [finding.remedy for finding in examine_state_directory(again(case)) if finding.what == "owner"]
    state = case.configuration.state_dir
    assert remedies == [f"chmod o-w {state}", f"chmod 600 {state / KEY}"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a directory away")
def test_a_doctor_who_is_another_user_says_that_it_proves_little(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    os.chown(case.configuration.state_dir, 65534, 65534)
    finding = next(found for found in examine_state_directory(case) if found.what == "owner")
    assert finding.verdict == "warn"
    assert "run the doctor as nobody" in finding.remedy
