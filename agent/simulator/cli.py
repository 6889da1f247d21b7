"""`jishi-agent simulate`: an instrument's meter or plug without hardware, for trying a configuration, and for the demo.

With `--link` it opens a pseudo-terminal, puts a link to it where the configuration says that the port is, and answers
as the meter of `--meter` does (Modbus at address 1, DL/T 645 at 000000000161). With `--plug` it reports by MQTT, see
`plug`. Either way it writes what the instrument really did to a file. With `--software` a real process runs while the
instrument is on; what else may stand beside it is in `companions`. It ends on SIGTERM or SIGINT and takes its links
with it.
"""

import argparse
import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import get_args

from agent.clock import SystemClock
from agent.simulator.companions import Companions
from agent.simulator.companions import configure as configure_companions
from agent.simulator.load import Load
from agent.simulator.meter import AnyFault, Fault, PtyMeter
from agent.simulator.meters import METERS
from agent.simulator.models import MODELS, Segment, segments
from agent.simulator.plug import DIALECTS, PlugFault, SimulatedPlug
from agent.simulator.plug import configure as configure_plug
from agent.simulator.pty_port import link, unlink
from agent.simulator.truth import Truth

FAULTS = sorted({fault for kind in (*get_args(Fault), PlugFault) for fault in get_args(kind)})


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `simulate`."""
    parser.add_argument("--model", choices=sorted(MODELS), required=True, help="which instrument to be")
    parser.add_argument("--meter", choices=sorted(METERS), default="sdm120", help="what to answer as (default sdm120)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--link", type=Path, metavar="PATH", help="be a meter; where its port appears, as a symlink")
    where.add_argument("--plug", choices=sorted(DIALECTS), help="be a plug that speaks this dialect by MQTT")
    parser.add_argument("--truth", type=Path, required=True, metavar="FILE", help="where to write what really happened")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same instrument (default 1)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="divides the length of phases (default 1)")
    parser.add_argument("--software", metavar="NAME", help="run a process with NAME in its command line")
    parser.add_argument("--fault", choices=FAULTS, help="answer wrongly, to see how the agent stands it")
    configure_plug(parser)
    configure_companions(parser)


def run(arguments: argparse.Namespace) -> int:
    """Simulate until told to end; return the exit code."""
    if arguments.plug is None and importlib.util.find_spec("termios") is None:
        print("simulate: a meter needs pseudo-terminals, which Windows does not have; use --plug", file=sys.stderr)
        return 1
    what = arguments.plug or arguments.meter
    known = get_args(PlugFault) if arguments.plug else (*get_args(AnyFault), *METERS[arguments.meter]().faults)
    if arguments.fault and arguments.fault not in known:
        print(f"simulate: {what} has no fault {arguments.fault}; it has {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        _simulate(arguments)
    except OSError as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 1
    return 0


class Software:
    """The instrument's control software, for a process watcher to find: a shell that waits, with NAME as its name."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None

    def follow(self, segment: Segment) -> None:
        """Run while the instrument is on."""
        if segment.state == "off":
            self.end()
        elif self._name and self._process is None:
            # It ends by itself when this process is gone, because its standard input closes then.
            self._process = subprocess.Popen(["/bin/sh", "-c", "read -r _", self._name], stdin=subprocess.PIPE)

    def end(self) -> None:
        """End it, as an operator closes a program."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _simulate(arguments: argparse.Namespace) -> None:
    clock = SystemClock()
    truth = Truth(arguments.truth)
    software = Software(arguments.software)
    companions = Companions(arguments)

    def changed(wall_ms: int, segment: Segment) -> None:
        truth.changed(wall_ms, segment)
        software.follow(segment)
        companions.follow(segment)

    model = MODELS[arguments.model]
    load = Load(segments(model, seed=arguments.seed, speed=arguments.speed), clock.now(), changed=changed)
    device = _make_device(load, arguments)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        device.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        companions.begin()
        what = f"{arguments.model} with {_appear(device, arguments)}"
        print(f"ready: {what}, seed {arguments.seed}, speed {arguments.speed:g}", flush=True)
        device.serve()
    finally:
        companions.end()
        if isinstance(device, PtyMeter):
            unlink(arguments.link, device.slave_path)
        device.close()
        software.end()
        truth.end(clock.now().wall_ms)


def _make_device(load: Load, arguments: argparse.Namespace) -> PtyMeter | SimulatedPlug:
    if arguments.plug is None:
        return PtyMeter(load, METERS[arguments.meter](), seed=arguments.seed, fault=arguments.fault)
    return SimulatedPlug(
        DIALECTS[arguments.plug],
        arguments.topic,
        load,
        broker=arguments.broker,
        every_s=arguments.every,
        seed=arguments.seed,
        fault=arguments.fault,
    )


def _appear(device: PtyMeter | SimulatedPlug, arguments: argparse.Namespace) -> str:
    """Make the device be there, and say what and where; OSError."""
    if isinstance(device, PtyMeter):
        link(arguments.link, device.slave_path)
        return f"{arguments.meter} at {arguments.link}"
    device.connect()
    return f"{arguments.plug} plug {arguments.topic} at {':'.join(map(str, arguments.broker))}"


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError("must be above 0 and at most 100000")
    return speed


def main() -> int:
    """Run as `python -m agent.simulator.cli`."""
    parser = argparse.ArgumentParser(prog="jishi-agent simulate", description=__doc__)
    configure(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
