"""What stands beside the meter: contact, status and card reader of one simulated instrument."""

import io
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from agent.simulator.cards import PtyReader
from agent.simulator.companions import present_lines
from agent.watchers.card_frame import cut
from tests.agent.simulator.served import serving

COM_PORT = bytes.fromhex("FF FB 2C")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def simulate(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "agent.simulator.cli", "--model", "oven", "--link", str(directory / "ttyEM")]
    command += ["--truth", str(directory / "truth.jsonl"), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_all_three_are_there_and_gone_with_the_simulation(tmp_path: Path) -> None:
    port, status, cards = free_port(), tmp_path / "ttySTATUS", tmp_path / "ttyCARD"
    arguments = ["--contact-port", str(port), "--status-link", str(status), "--cards-link", str(cards)]
    with simulate(tmp_path, *arguments) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith("ready: oven")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(COM_PORT)
            assert client.recv(3) == bytes.fromhex("FF FD 2C")
        with serial.Serial(str(status), timeout=0.2) as line:
            line.write(b"STATUS?\r\n")
            assert line.read(1) == b"", "it begins switched off"
        with serial.Serial(str(cards), timeout=5) as line:
            process.stdin.write("100086F444 0.2\n")
            process.stdin.flush()
            assert cut(line.read(14), "rdm6300").found == ["100086F444"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert not status.is_symlink()
    assert not cards.is_symlink()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        simulate(tmp_path, "--contact-port", str(taken.getsockname()[1])) as process,
    ):
        _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Address already in use" in said
    assert not (tmp_path / "ttyEM").is_symlink()


def test_a_line_that_is_no_card_is_said_and_the_next_one_read(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(PtyReader()) as reader, serial.Serial(reader.path, timeout=5) as line:
        present_lines(io.StringIO("hello\n100086F4\n\n100086F444 soon\n62E3086CED 0.1\n"), reader)
        assert cut(line.read(14), "rdm6300").found == ["62E3086CED"]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0].startswith("simulate: no card for 'hello'")
