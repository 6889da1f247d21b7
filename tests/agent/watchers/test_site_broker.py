"""Secrets and certificates are files; one that cannot be used is named, and shown never."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from agent.watchers.site_broker import NO_CHECK_TIME, LinkLost, SiteBroker
from tests.agent.watchers.site import write_certificate


def broker(**given: Any) -> SiteBroker:
    usual = {"host": "broker.lab.example", "port": 8883, "user": "agent", "password_file": None, "tls": True}
    return SiteBroker(**{**usual, "ca_file": None, "client_id": "test", **given})


def write(directory: Path, content: bytes) -> str:
    path = directory / "secret"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("content", [b"right", b"right\n", b"right\r\n"])
def test_a_password_is_a_line_without_its_end(tmp_path: Path, content: bytes) -> None:
    assert broker(password_file=write(tmp_path, content)).password() == "right"


def test_a_password_may_begin_or_end_with_a_space(tmp_path: Path) -> None:
    assert broker(password_file=write(tmp_path, b" right \n")).password() == " right "


def test_no_file_is_no_password() -> None:
    assert broker().password() is None


@pytest.mark.parametrize(
    ("content", "says"), [(None, "cannot be read (No such file or directory)"), (b"\xff\xfe", "is no text")]
)
def test_a_password_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = str(tmp_path / "nothing") if content is None else write(tmp_path, content)
    with pytest.raises(LinkLost) as caught:
        broker(password_file=path).password()
    assert str(caught.value).startswith(f"password_file {path} {says}")


def test_a_ca_of_ones_own_is_the_only_one_and_its_dates_are_not_looked_at(tmp_path: Path) -> None:
    _, certificate = write_certificate(tmp_path, "site")
    context = broker(ca_file=str(certificate)).tls_context()
    assert len(context.get_ca_certs()) == 1
    assert context.verify_flags & NO_CHECK_TIME
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_cas_of_the_system_are_believed_to_the_date() -> None:
    context = broker().tls_context()
    assert not context.verify_flags & NO_CHECK_TIME
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no certificate", "holds no certificate"),
        (b"\xff\xfe", "is no text"),
        (None, "cannot be read (No such file or directory)"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate"),
    ],
)
def test_a_ca_file_that_is_none_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = str(tmp_path / "nothing") if content is None else write(tmp_path, content)
    with pytest.raises(LinkLost) as caught:
        broker(ca_file=path).tls_context()
    assert str(caught.value).startswith(f"ca_file {path} {says}")
