"""A port that fails is named with the remedy, whatever the system calls the failure."""

import errno
import os
import sys
import termios

import pytest
import serial

from agent.watchers.serial_port import PORT_ERRORS, LineSettings, open_port, why_port_failed


@pytest.mark.parametrize(
    ("error", "port", "says"),
    [
        (OSError(errno.ENOENT, "x"), "/dev/ttyUSB0", "there is no port /dev/ttyUSB0: plug the adapter in"),
        (serial.SerialException(errno.ENOENT, "x"), "/dev/ttyUSB0", "there is no port /dev/ttyUSB0"),
        (serial.SerialException(errno.EACCES, "x"), "/dev/ttyUSB0", "no permission to open /dev/ttyUSB0: add"),
        (serial.SerialException(errno.EAGAIN, "x"), "/dev/ttyUSB0", "/dev/ttyUSB0 is in use by another program"),
        (OSError(errno.EBUSY, "x"), "/dev/ttyUSB0", "/dev/ttyUSB0 is in use by another program"),
        (OSError(errno.EIO, "I/O error"), "/dev/ttyUSB0", "/dev/ttyUSB0 failed ([Errno 5] I/O error): was the adapter"),
        (
            termios.error(errno.EIO, "Input/output error"),
            "/dev/ttyS0",
            "/dev/ttyS0 failed (Input/output error): was",
        ),
        (ValueError("Not a valid baudrate: 3"), "COM3", "COM3 does not take these settings (Not a valid baudrate: 3)"),
        (
            serial.SerialException("could not open port: FileNotFoundError(2, …)"),
            "COM3",
            "there is no port COM3",
        ),
        (serial.SerialException("could not open port 'COM3': PermissionError(13, …)"), "COM3", "COM3 is in use by"),
        (serial.SerialException("timed out"), "socket://a:1", "socket://a:1 failed (timed out): is the device server"),
    ],
)
def test_each_failure_of_a_port_has_its_remedy(error: BaseException, port: str, says: str) -> None:
    assert isinstance(error, PORT_ERRORS)
    assert why_port_failed(error, port).startswith(says)


def test_nothing_at_the_end_of_a_url_is_a_port_error() -> None:
    with pytest.raises(PORT_ERRORS):
        open_port("socket://127.0.0.1:1", LineSettings())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_simulated_port_can_be_opened_again_with_a_parity() -> None:
    master, slave = os.openpty()
    for _ in range(2):  # a pseudo-terminal refuses a change of nothing but the parity
        open_port(os.ttyname(slave), LineSettings(9600, "E")).close()
    os.close(master)
    os.close(slave)
