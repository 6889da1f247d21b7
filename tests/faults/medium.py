"""A small file system of its own: ext4 on a loop file, which is soon full and can lose its power. Root on Linux only.

`lose_power` shuts it down without writing anything more, as a cut does: what was not synced is gone at the next mount.
kill -9 keeps what the kernel has in memory, and would not notice a missing sync.
"""

import fcntl
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2  # Linux, fs/ext4/ext4.h
MEMORY = Path("/dev/shm")
"""Where the image lies, so that a hundred cuts do not wait for a real disk."""


class Medium:
    """A small ext4 file system, mounted at `place`; a file that grows takes 1 KiB at a time."""

    def __init__(self, place: Path, *, size_mib: int = 16) -> None:
        self.place = place
        place.mkdir()
        fd, self._image = tempfile.mkstemp(prefix="jishi-medium-", dir=MEMORY if MEMORY.is_dir() else None)
        os.truncate(fd, size_mib << 20)
        os.close(fd)
        _run("mkfs.ext4", "-q", "-b", "1024", self._image)
        # One loop device for its whole life: `mount -o loop` looks for one at each mount, and where others do the same
        # it sometimes takes the one that is just being let go, which then cannot be read.
        self._device = _run("losetup", "--find", "--show", self._image).strip()
        self.mount()

    def mount(self) -> None:
        _run("mount", self._device, str(self.place))

    def lose_power(self) -> None:
        """From now on nothing reaches the medium, and whoever writes gets an error."""
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def come_back(self) -> None:
        """The power returns; nobody may have a file open there."""
        _run("umount", str(self.place))
        self.mount()

    def close(self) -> None:
        """Take it away, whoever still looks at it."""
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", self._device], check=False, capture_output=True)
        Path(self._image).unlink()


def why_not() -> str | None:
    """Why no file system can be mounted here; None where one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting a file system needs root on Linux"
    return None


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
