"""The device's end of a pseudo-terminal: a serial port for trying a configuration without hardware.

The reader's end is kept open here too, so that a reader that dies or comes late changes nothing for the device.
"""

import os
import selectors
from pathlib import Path


class PtyPort:
    """`path` is what a reader opens. A pseudo-terminal has no modem lines and no baud rate."""

    def __init__(self) -> None:
        import tty  # not on Windows

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._master, selectors.EVENT_READ)

    def hear(self, wait_s: float) -> bytes:
        """Return what the reader has written, after at most `wait_s`; maybe nothing."""
        self._forget_speed()
        return os.read(self._master, 1024) if self._selector.select(wait_s) else b""

    def say(self, raw: bytes) -> None:
        """Send to the reader. When nobody reads, it is lost: a real line would carry it away too."""
        try:
            os.write(self._master, raw)
        except BlockingIOError:
            return

    def _forget_speed(self) -> None:
        # A pseudo-terminal has no parity, and the C library calls that an invalid argument where nothing else is new:
        # a reader that comes again with even parity and the same speed as before could not open the port.
        import termios

        settings = termios.tcgetattr(self._slave)
        settings[4] = settings[5] = termios.B50
        termios.tcsetattr(self._slave, termios.TCSANOW, settings)

    def close(self) -> None:
        """Unplug the device."""
        self._selector.close()
        os.close(self._master)
        os.close(self._slave)


def link(path: Path, target: str) -> None:
    """Make `path` lead to a port in one step; a link that an earlier simulation left is replaced, a file is not."""
    if path.exists() and not path.is_symlink():
        raise FileExistsError(f"{path} exists and is no symlink; choose another place for the link")
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(path)


def unlink(path: Path, target: str) -> None:
    """Take the link away, unless it leads elsewhere by now."""
    if path.is_symlink() and str(path.readlink()) == target:
        path.unlink()
