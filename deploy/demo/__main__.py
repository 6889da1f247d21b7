"""`make demo`: a province in one terminal.

Three simulated instruments, three agents, a collector with its own database and broker, all real processes that talk
as they would in the field. With `--seconds N` it ends by itself and holds what it recorded against the simulators'
own truth; the last line says `demo: ok …` or the exit status is 1 and the text says what failed.
"""

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live

from deploy.demo.audit import audit
from deploy.demo.places import DemoError, claimed, from_environment
from deploy.demo.stage import Stage

FIRST_CARD_S, CARD_EVERY_S = 4, 25
"""When cards are presented: somebody comes, and goes, and comes again."""


def main() -> int:
    """0 when it ran and, where it was to end by itself, the audit held; 1 with the reason; 130 when cut short."""
    parser = argparse.ArgumentParser(prog="make demo", description="Run jishi with simulated instruments.")
    parser.add_argument("--seconds", type=int, default=0, metavar="N", help="end after N seconds and audit (0: run on)")
    arguments = parser.parse_args()
    console = Console()
    with _signals():
        try:
            return _run(console, seconds=arguments.seconds)
        except DemoError as problem:
            console.print(f"demo: failed: {problem}", markup=False, highlight=False, soft_wrap=True)
            return 1
        except KeyboardInterrupt:
            console.print("demo: stopped; nothing is left running")
            return 130 if arguments.seconds else 0  # without an end of its own, Ctrl-C is the end that was meant


def _run(console: Console, *, seconds: int) -> int:
    places = from_environment()
    with claimed(places), Stage(places) as stage:
        for step in stage.set_up():
            console.print(f"demo: {step}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"\n  page           {stage.entry_link()}", soft_wrap=True, highlight=False)
        console.print(f"  desk           http://127.0.0.1:{places.desk_port}/ (the microscope's)", soft_wrap=True)
        console.print(f"  API's documents {places.url}/docs", soft_wrap=True, highlight=False)
        console.print(f"  API key        {stage.api_key}", soft_wrap=True, highlight=False)
        console.print("  Ctrl-C stops it. Kill any of its processes with -9: it is started again.\n", highlight=False)
        _watch(console, stage, seconds=seconds)
        console.print("\ndemo: stopping the instruments, then the agents")
        stage.end_recording()
        result = audit(stage)
        stage.stop()
    for line in result.lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0 if result.ok else 1


def _watch(console: Console, stage: Stage, *, seconds: int) -> None:
    """Shows the table, and starts again what dies, until the time is over (0: until Ctrl-C)."""
    started = time.monotonic()
    presented = 0
    with Live(console=console, refresh_per_second=2, transient=False) as live:
        while not seconds or time.monotonic() - started < seconds:
            stage.revive()
            if time.monotonic() - started >= CARD_EVERY_S * presented + FIRST_CARD_S:
                stage.present_cards()
                presented += 1
            live.update(stage.table(elapsed_s=time.monotonic() - started, seconds=seconds))
            time.sleep(0.5)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Both ways of being told to stop end in the same orderly stop; a second Ctrl-C during it is held back."""

    def interrupt(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    yield


if __name__ == "__main__":
    sys.exit(main())
