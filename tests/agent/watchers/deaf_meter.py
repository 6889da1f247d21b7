"""A meter that only understands one speed, as real ones do. Parity cannot be tried: a pseudo-terminal has none."""

import os
import select
import termios
import threading
import tty

from agent.simulator.meters import METERS


class DeafMeter:
    """`with` it is plugged in at `path`; it answers while the reader's end has this speed."""

    def __init__(self, *, meter: str = "sdm120", speed: int = termios.B2400) -> None:
        self._dialect = METERS[meter]()
        self._speed = speed
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop, self._bell = os.pipe()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "DeafMeter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._bell)
        self._thread.join()
        for fd in (self._stop, self._master, self._slave):
            os.close(fd)

    def _serve(self) -> None:
        heard = b""
        while self._stop not in select.select([self._master, self._stop], [], [])[0]:
            heard += os.read(self._master, 256)
            understood = self._dialect.questions(heard) if self._is_understood() else []
            for question in understood:
                os.write(self._master, self._dialect.answer(question, power_mw=885_500, counter_wh=2_354_257))
            heard = b"" if understood else heard[-64:]

    def _is_understood(self) -> bool:
        speed: int = termios.tcgetattr(self._slave)[5]
        return speed == self._speed
