"""`jishi-audit verify`, `hours`, `compare` and `note` on files: containers, exit codes, what is printed and written."""

import json
import os
import re
import tracemalloc
import zipfile
import zlib
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser

import pytest

from protocol import entry, merkle
from protocol.audit import cli, html_page, verify
from protocol.audit.containers import open_container
from protocol.entry import Inspect
from protocol.errors import ForeignBytesError
from protocol.keys import ED25519, SigningKey
from protocol.note import Checkpoint, sign_checkpoint
from protocol.slip import Slip
from protocol.verify import words
from tests.protocol.bundles import AGENT, EXPORT, LOG, RECEIPT, STRANGER, World, trust_text
from tests.protocol.zips import zipped


@cache
def world() -> World:
    return World()


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_bytes(trust_text())
    return path


def write(directory, files):
    for path, raw in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
    return directory


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped(world().sealed()))
    return path


def _read_whole(path) -> None:
    found = open_container(path)
    for name in found.sizes():
        list(found.chunks(name))


def verdict_of(path, keys, capsys):
    code = cli.main(["verify", str(path), "--trust", str(keys), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ("VALID", "INCOMPLETE", "CONTRADICTED")[code] == told["verdict"]
    return told


def test_a_directory_and_its_zip_are_valid_alike(tmp_path, bundle, keys, capsys) -> None:
    directory = write(tmp_path / "bundle", world().sealed())
    for path in (directory, bundle):
        told = verdict_of(path, keys, capsys)
        assert told["verdict"] == "VALID"
        assert [day["counted_s"] for day in told["days"]] == [30000, 30000]


def test_the_screen_has_numbered_checks_days_and_the_sentence_on_signatures(bundle, keys, capsys) -> None:
    assert cli.main(["verify", str(bundle), "--trust", str(keys)]) == 0
    out = capsys.readouterr().out
    for number, name in words.CHECKS.items():
        assert re.search(rf"^ ?{number} ok  {name.zh} {re.escape(name.en)}", out, re.MULTILINE)
    assert "2026-03-02  VALID" in out
    assert words.LIMITS[0] in out
    assert words.LIMITS[1] in out


def test_without_trust_the_exit_code_is_1(bundle, capsys) -> None:
    assert cli.main(["verify", str(bundle)]) == 1
    assert "--trust keys.txt" in capsys.readouterr().out


def test_a_file_of_keys_that_is_none_is_told_with_its_line(bundle, tmp_path, capsys) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("receipt nonsense\n", "utf-8")
    assert cli.main(["verify", str(bundle), "--trust", str(bad)]) == 1
    assert f"{bad}: line 1" in capsys.readouterr().err


def test_no_byte_of_the_zip_outside_its_contents_can_be_turned(tmp_path) -> None:
    raw = zipped(world().sealed())
    inside = set()
    path = tmp_path / "b.zip"
    path.write_bytes(raw)
    container = open_container(path)
    container.sizes()
    for start, member in container._places.values():
        inside.update(range(start, start + member.size))
    outside = [at for at in range(len(raw)) if at not in inside]
    assert len(outside) < 4000
    for at in outside[:: 1 if len(outside) < 1200 else 3]:
        turned = bytearray(raw)
        turned[at] ^= 1 << at % 8
        path.write_bytes(bytes(turned))
        with pytest.raises(ForeignBytesError):
            _read_whole(path)


@pytest.mark.parametrize("change", [
    lambda raw: b"\0" + raw,
    lambda raw: raw[1:],
    lambda raw: raw * 2,
])  # fmt: skip
def test_a_zip_that_is_not_the_one_that_its_files_make(change, tmp_path, keys, capsys) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(change(zipped(world().sealed())))
    told = verdict_of(path, keys, capsys)
    assert told["verdict"] == "CONTRADICTED"
    assert told["checks"][0]["findings"]


@pytest.mark.parametrize("change", [
    lambda raw: raw[:-1],
    lambda raw: raw[: len(raw) // 2],
    lambda raw: raw[:10],
    lambda raw: b"",
    lambda _raw: trust_text(),
])  # fmt: skip
def test_a_copy_that_was_cut_short_and_another_file_accuse_nobody(change, tmp_path, keys, capsys) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(change(zipped(world().sealed())))
    told = verdict_of(path, keys, capsys)
    assert told["verdict"] == "INCOMPLETE"
    assert "copy it again" in told["checks"][0]["findings"][0]["text"]


def test_a_zip_that_somebody_packed_again_says_what_to_do(tmp_path, keys, capsys) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in world().sealed().items():
            packed.writestr(name, raw)
    told = verdict_of(path, keys, capsys)
    assert told["verdict"] == "CONTRADICTED"


def test_a_zip_bomb_unpacks_nothing(tmp_path, keys, capsys) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("MANIFEST", b"\0" * (64 << 20))
    tracemalloc.start()
    told = verdict_of(path, keys, capsys)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told["verdict"] == "CONTRADICTED"
    assert peak < 16 << 20


@pytest.mark.parametrize("name", ["../out", "/abs", "a\\b", "hours/../x", "."])
def test_a_zip_whose_names_lead_out_of_it(name, tmp_path, keys, capsys) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(zipped({**world().sealed(), name: b"x"}))
    told = verdict_of(path, keys, capsys)
    assert told["verdict"] == "CONTRADICTED"
    assert "cannot stand in a bundle" in told["checks"][0]["findings"][0]["text"]


def test_links_are_refused_before_they_are_followed(tmp_path, keys, capsys) -> None:
    directory = write(tmp_path / "bundle", world().sealed())
    (directory / "hours" / "hours.csv").unlink()
    (directory / "hours" / "hours.csv").symlink_to("/etc/passwd")
    told = verdict_of(directory, keys, capsys)
    assert told["verdict"] == "CONTRADICTED"
    assert "hours/hours.csv is a link" in told["checks"][0]["findings"][0]["text"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_hold_the_auditor_up(tmp_path, keys, capsys) -> None:
    directory = write(tmp_path / "bundle", world().sealed())
    os.mkfifo(directory / "hours" / "pipe")
    assert verdict_of(directory, keys, capsys)["verdict"] == "CONTRADICTED"


def test_what_cannot_be_read_at_all(tmp_path, keys, capsys) -> None:
    assert cli.main(["verify", str(tmp_path / "nothing"), "--trust", str(keys)]) == 1
    assert "nothing" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert verdict_of(tmp_path / "empty", keys, capsys)["verdict"] == "INCOMPLETE"


def test_a_large_bundle_takes_little_memory(tmp_path, keys, capsys) -> None:
    large = World(days=20, block_s=300, beacon_s=1800, batch=12)
    path = tmp_path / "b.zip"
    path.write_bytes(zipped(large.sealed()))
    tracemalloc.start()
    told = verdict_of(path, keys, capsys)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told["verdict"] == "VALID"
    assert peak < 40 << 20


# the report


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.text += data


def page_of(path, keys, tmp_path, name="report.html"):
    target = tmp_path / name
    cli.main(["verify", str(path), "--trust", str(keys), "--html", str(target)])
    page = _Page()
    page.feed(target.read_text("utf-8"))
    return page


def test_the_report_is_one_file_with_every_check_and_a_strip_a_day(bundle, keys, tmp_path) -> None:
    page = page_of(bundle, keys, tmp_path)
    for name in words.CHECKS.values():
        assert name.zh in page.text
        assert name.en in page.text
    assert words.LIMITS[0] in page.text
    assert words.LIMITS[1] in page.text
    assert page.text.count("签字 Signature ___") == 2, "one for the inspector, one for the unit"
    assert sum(tag == "svg" and attrs.get("class") == "strip" for tag, attrs in page.tags) == 2
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"}
    assert not [attrs for _, attrs in page.tags if {"src", "href"} & set(attrs)]


def test_a_day_of_the_period_without_record_and_reading_is_not_passed_over(bundle, keys) -> None:
    result = verify.run(bundle, keys, tell=lambda _: None)
    longer = result.manifest._replace(last_day=result.manifest.last_day + timedelta(days=1))
    told = result._replace(manifest=longer)
    named = {"name": "b", "command": "c", "version": "v", "made_at": "m"}
    for shown in (verify.as_text(told), html_page.page(told, **named)):
        assert re.search(r"2026-03-04.{0,40}(没有任何记录|nothing was recorded)", shown)
    assert [day for day, found in verify.days_of_period(told) if found is None] == ["2026-03-04"]
    endless = longer._replace(last_day=date.max)
    assert len(verify.days_of_period(result._replace(manifest=endless))) == verify.LONGEST_DAYS


def test_the_report_is_never_written_over_another_file(bundle, keys, tmp_path, capsys, monkeypatch) -> None:
    target = tmp_path / "mine.html"
    target.write_text("mine", "utf-8")
    monkeypatch.setattr(verify, "run", lambda *_, **__: pytest.fail("it was verified first, which may take minutes"))
    assert cli.main(["verify", str(bundle), "--trust", str(keys), "--html", str(target)]) == 1
    assert f"{target} exists already" in capsys.readouterr().err
    assert target.read_text("utf-8") == "mine"


def test_what_a_bundle_says_is_escaped_everywhere(keys, tmp_path) -> None:
    evil = "<script>alert(1)</script>\"'&"
    files = world().sealed(asset=evil.replace("\n", ""))
    path = tmp_path / "b.zip"
    path.write_bytes(zipped(files))
    page = page_of(path, keys, tmp_path)
    assert "script" not in {tag for tag, _ in page.tags}
    assert evil in page.text


# hours


def test_hours_as_csv_are_those_that_the_evidence_gives(bundle, keys, capsys) -> None:
    assert cli.main(["hours", str(bundle), "--trust", str(keys), "--format", "csv"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    rows = [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
    assert [(row["day"], row["effective_s"], row["external_s"]) for row in rows] == [
        ("2026-03-02", "30000", "7200"),
        ("2026-03-03", "30000", "0"),
    ]
    assert cli.main(["hours", str(bundle), "--trust", str(keys)]) == 0
    assert "16.7" in capsys.readouterr().out


# compare


def journal(tmp_path, entries, *, origin=AGENT.name, receipt=None):
    directory = tmp_path / "journal" / "1"
    directory.mkdir(parents=True)
    payloads = [b"jishi-journal/v1 %s 0 -" % origin.encode(), *entries]
    lines = [b"%08x %s\n" % (zlib.crc32(payload), payload) for payload in payloads]
    (directory / f"{0:020d}.log").write_bytes(b"".join(lines[:40]))
    rest = [b"jishi-journal/v1 %s 39 -" % origin.encode()]
    (directory / f"{39:020d}.log").write_bytes(
        b"".join(b"%08x %s\n" % (zlib.crc32(payload), payload) for payload in rest) + b"".join(lines[40:])
    )
    if receipt is not None:
        (directory / "receipt").write_bytes(b"0a1b2c3d 7 300\njishi-receipt/v1 160 - 0\n" + receipt + bytes(500))
    return tmp_path / "journal"


def compared(bundle, directory, keys, capsys):
    before = {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
    code = cli.main(["compare", str(bundle), str(directory), "--trust", str(keys), "--json"])
    assert before == {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
    (found,) = json.loads(capsys.readouterr().out)["logs"]
    return code, found


def test_a_host_that_holds_the_same_and_more(tmp_path, bundle, keys, capsys) -> None:
    entries = [*world().entries, b'{"v":1,"i":160,"more":1}']
    code, found = compared(bundle, journal(tmp_path, entries, receipt=world().receipts[-1]), keys, capsys)
    assert (code, found["outcome"], found["same"], found["host_end"]) == (0, "equal", 160, 161)


def test_a_host_that_lost_its_end(tmp_path, bundle, keys, capsys) -> None:
    code, found = compared(bundle, journal(tmp_path, world().entries[:100]), keys, capsys)
    assert (code, found["outcome"], found["at"]) == (2, "shorter", 100)
    assert found["collector"] == world().entries[100].decode()


def test_a_host_that_rewrote_an_entry_shows_both(tmp_path, bundle, keys, capsys) -> None:
    entries = list(world().entries)
    entries[70] = entries[70].replace(b'"t":', b'"t":9', 1)
    code, found = compared(bundle, journal(tmp_path, entries), keys, capsys)
    assert (code, found["outcome"], found["at"]) == (2, "differs", 70)
    assert (found["collector"], found["host"]) == (world().entries[70].decode(), entries[70].decode())


def test_a_host_that_lost_one_in_the_middle(tmp_path, bundle, keys, capsys) -> None:
    entries = list(world().entries)
    del entries[50]
    code, found = compared(bundle, journal(tmp_path, entries), keys, capsys)
    assert (code, found["outcome"], found["at"]) == (2, "shorter", 50)


def test_a_host_with_a_receipt_over_another_tree_shows_the_collectors_fault(tmp_path, bundle, keys, capsys) -> None:
    from protocol.note import Checkpoint, cosign, sign_checkpoint

    receipt = cosign(sign_checkpoint(Checkpoint(AGENT.name, 150, b"\7" * 32), AGENT), RECEIPT, time_s=1_772_600_000)
    code, found = compared(bundle, journal(tmp_path, world().entries, receipt=receipt), keys, capsys)
    assert (code, found["outcome"]) == (2, "receipt")
    assert "over 150 entries" in found["note"]


def test_a_host_of_another_log_or_of_none(tmp_path, bundle, keys, capsys) -> None:
    code, found = compared(bundle, journal(tmp_path, world().entries, origin="jishi.example/a/em-09/1"), keys, capsys)
    assert (code, found["outcome"]) == (1, "absent")
    (tmp_path / "none").mkdir()
    assert cli.main(["compare", str(bundle), str(tmp_path / "none"), "--trust", str(keys)]) == 1
    assert "holds no journal" in capsys.readouterr().err


# note


def test_a_receipt_and_a_manifest_by_their_keys(tmp_path, capsys) -> None:
    path = tmp_path / "receipt"
    path.write_bytes(world().receipts[0])
    assert cli.main(["note", str(path), "--key", str(RECEIPT.verifier)]) == 0
    assert "+08:00" in capsys.readouterr().out
    assert cli.main(["note", str(path), "--key", str(AGENT.verifier)]) == 0
    assert cli.main(["note", str(path), "--key", str(EXPORT.verifier)]) == 1
    path.write_bytes(world().receipts[0].replace(b"\n", b"\r\n"))
    assert cli.main(["note", str(path), "--key", str(RECEIPT.verifier)]) == 2
    path.write_bytes(world().receipts[0].replace(AGENT.name.encode() + b"\n", AGENT.name.encode() + b"1\n", 1))
    assert cli.main(["note", str(path), "--key", str(RECEIPT.verifier)]) == 2


# a slip by the key that a bundle proves


@pytest.fixture
def slip(tmp_path):
    raw = entry.encode(
        entry.make(Inspect("0f1e2d3c" * 4), index=7, wall_ms=1_772_416_800_000, mono_ms=5, boot="5f3a9c01")
    )
    path = tmp_path / "em.slip"
    path.write_bytes(Slip(raw, sign_checkpoint(Checkpoint(AGENT.name, 8, merkle.EMPTY_ROOT), AGENT)).to_bytes())
    return path


def slip_by(slip, bundle, keys):
    return cli.main(["inspect", "slip", str(slip), "--bundle", str(bundle), "--trust", str(keys)])


def test_a_slip_is_verified_by_the_key_whose_enrolment_the_bundle_proves(slip, bundle, keys, capsys) -> None:
    assert slip_by(slip, bundle, keys) == 0
    assert AGENT.name in capsys.readouterr().out
    assert cli.main(["inspect", "slip", str(slip), "--trust", str(keys)]) == 1
    assert "--bundle BUNDLE" in capsys.readouterr().err


def test_a_bundle_that_does_not_hold_by_the_inspectors_own_keys_proves_no_agents_key(
    slip, bundle, tmp_path, capsys
) -> None:
    others = tmp_path / "others.txt"
    others.write_bytes(trust_text(STRANGER, LOG, RECEIPT))
    assert slip_by(slip, bundle, others) == 1
    assert "so it proves no key" in capsys.readouterr().err


def test_a_slip_of_an_agent_that_is_not_in_the_bundle_is_refused(slip, bundle, keys, capsys) -> None:
    other = SigningKey("jishi.example/a/em-02/1", ED25519, b"a" * 32)
    raw = entry.encode(
        entry.make(Inspect("0f1e2d3c" * 4), index=7, wall_ms=1_772_416_800_000, mono_ms=5, boot="5f3a9c01")
    )
    slip.write_bytes(Slip(raw, sign_checkpoint(Checkpoint(other.name, 8, merkle.EMPTY_ROOT), other)).to_bytes())
    assert slip_by(slip, bundle, keys) == 1
    assert "holds no such log" in capsys.readouterr().err
