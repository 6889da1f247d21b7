"""The commands that say who may do what, and the trail that they leave."""

import json
import os
import pwd
from pathlib import Path

import pytest

from collector import cli
from collector.store.database import Connection
from tests.collector.commands import PROVINCE, said

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name
PASSWORD = "correct horse battery"


def test_a_key_is_made_listed_and_revoked(collector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = said(capsys, "key", "--person", "li.ming", "--label", "platform", "--role", "platform", "--valid-days", "30")
    assert made.startswith("API key 1 of li.ming, good until ")
    key = made.split()[-1]
    assert "1  good  li.ming  platform over everything" in said(capsys, "key", "--list")
    assert said(capsys, "key", "--revoke", "1", "--reason", "lost") == "revoked key 1 of li.ming\n"
    assert "1  revoked  li.ming" in said(capsys, "key", "--list")
    assert "no key 1 is in use" in said(capsys, "key", "--revoke", "1", status=1)
    assert key not in said(capsys, "key", "--list") + said(capsys, "audit")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--person", "li.ming"], 2, "--label: say what the key is for"),
        (["--person", "li.ming", "--label", "x", "--valid-days", "0"], 2, "--valid-days: 1 to 1100 is expected"),
        (["--person", "li.ming", "--label", "x", "--valid-days", "9999"], 2, "--valid-days: 1 to 1100 is expected"),
        (["--person", "li.ming", "--label", "x", "--scope", "everything"], 2, "needs its role as well"),
        (["--person", "li.ming", "--label", "x", "--role", "root"], 1, "is no role: roles are platform"),
        (["--person", "li.ming", "--label", "x", "--role", "inspector"], 1, "a key of theirs cannot be inspector"),
        (["--person", "li.ming", "--label", "x", "--role", "reader", "--scope", "all"], 1, "is no scope: everything"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_the_reason(
    collector: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, says: str
) -> None:
    assert says in said(capsys, "key", *words, status=status)


def test_a_role_is_given_narrowed_and_taken_away(collector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scope = "unit:12100000400000624D"
    assert said(capsys, "role", "li.ming", "reader", "--scope", scope) == f"li.ming: reader over {scope}\n"
    assert said(capsys, "role", "li.ming", "none") == "li.ming: no role over everything\n"
    assert "li.ming has no role" in said(capsys, "key", "--person", "li.ming", "--label", "x", status=1)
    assert "no instrument 'A009' is registered" in said(
        capsys, "role", "li.ming", "reader", "--scope", "instrument:A009", status=1
    )
    assert "no registered unit was ever in division 6199" in said(
        capsys, "role", "li.ming", "reader", "--scope", "division:6199", status=1
    )


def test_a_file_that_is_registered_again_gives_nobody_back_what_was_taken(
    collector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "role", "li.ming", "none")
    refused = said(capsys, "register", str(collector / "province.toml"), status=1)
    assert "li.ming is no role over everything: `jishi-collector role` changes that, this file does not" in refused


def test_every_change_leaves_a_line_that_names_account_and_person(
    collector: Path, connection: Connection, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JISHI_PASSWORD", PASSWORD)
    changes = (
        ["token", "--agent", "em-01", "--watch", "meter1=A001"],
        ["key", "--person", "li.ming", "--label", "test"],
        ["entry-link", "--person", "li.ming"],
        ["person", "zhao"],
        ["person", "zhao"],
        ["role", "zhao", "reader"],
        ["key", "--revoke", "1"],
    )
    printed = [said(capsys, *words, "--by", "wang").split()[-1] for words in changes]
    secrets = [PASSWORD, *printed[:2], printed[2].partition("token=")[2]]
    said(capsys, "register", str(collector / "province.toml"), "--by", "again: nothing new")
    lines = said(capsys, "audit").splitlines()
    assert [line.split("  ")[2] for line in lines] == [
        "unit.register", "instrument.register", "instrument.own", "person.register", "policy.put-in-force",
        "token.make", "key.make", "entry-link.make", "person.register", "person.set-password", "person.appoint",
        "key.revoke",
    ]  # fmt: skip
    assert all(f"by=wang  via=command  from={ACCOUNT}" in line for line in lines)
    assert not any(secret in line for secret in secrets for line in lines)


def test_the_trail_is_read_from_a_day_on(collector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "audit", "--since", "2000-01-01") == said(capsys, "audit") != ""
    assert said(capsys, "audit", "--since", "2999-01-01") == ""
    with pytest.raises(SystemExit):
        cli.main(["audit", "--since", "yesterday"])
    assert "'yesterday' is no time: 2026-03-02 or" in capsys.readouterr().err


def test_a_change_of_owner_shows_the_old_one_and_the_new(collector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = '[[unit]]\nuscc = "91610131MA6TYUUC74"\nname_zh = "x"\n'
    moved = PROVINCE.replace('owner = "12100000400000624D"', 'owner = "91610131MA6TYUUC74"').replace(
        "from_day = 2025-01-01\n[[policy]]", "from_day = 2025-06-01\n[[policy]]"
    )
    (collector / "province.toml").write_text(moved + other, encoding="utf-8")
    said(capsys, "register", str(collector / "province.toml"))
    [line] = [line for line in said(capsys, "audit").splitlines() if "2025-06-01" in line]
    old, new = (json.loads(word[4:]) for word in line.split("  ") if word.startswith(("old=", "new=")))
    assert (old["owner"], new["owner"]) == ("12100000400000624D", "91610131MA6TYUUC74")
