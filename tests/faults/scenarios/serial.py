"""The serial line between the meter and the agent, with the real agent and a simulated meter on a pseudo-terminal."""

import sys
from subprocess import PIPE, Popen

from tests.agent.holder import hold
from tests.faults.host import Host, await_file
from tests.faults.scenario import scenario
from tests.faults.world import World

SPOILING = {
    "garbage": "no intact frame",
    "flood": "a flood of bytes",
    "late": "no answer",
    "half": "no intact frame",
    "silent": "no answer",
}
"""How the simulated meter answers, and what the watcher must say of it."""

BEARABLE = ("noise", "echo")

THIEF = """\
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
while True: os.read(fd, 64)
"""


@scenario(short=False)
def meter_is_unplugged_and_hangs(world: World) -> None:
    """The meter vanishes and comes back at another device, then hangs: unobserved each time, with the reason."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    with host.blind():
        host.meter.kill()
        world.until("it is down", lambda: _is_down(host))
        host.meter.start()
        world.until("it is up", lambda: _is_up(host))
    with host.blind():
        host.meter.pause()
        world.until("it is down", lambda: _is_down(host))
        host.meter.resume()
        world.until("it is up", lambda: _is_up(host))


@scenario(short=False)
def line_is_spoilt_in_every_way(world: World) -> None:
    """All that spoils answers, one after the other, and what must be borne: noise before an answer, and an echo."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    for fault in SPOILING:
        _spoil(world, host, fault)
    for fault in BEARABLE:
        with host.blind():
            _replace_meter(host, fault)
            world.until("the change of meters is seen", lambda: _is_down(host))
            world.until(f"it is up with {fault}", lambda: _is_up(host))
        size = host.size()
        world.until("readings", lambda size=size: host.has_fresh_reading(since=size))
        assert _is_up(host), f"{fault} on the line is borne by a meter's reader, and was not"


@scenario(short=False)
def another_program_has_the_port(world: World) -> None:
    """Another program holds the port when the agent starts, and later one reads the answers away under it."""
    host = world.host()
    world.until("the first receipt", lambda: host.receipted() > 0)
    port = str(host.directory / "port")
    host.stop()
    with hold(port, locked=True), host.blind():
        host.start()
        world.until("it is down", lambda: _is_down(host))
    with host.blind():
        world.until("it is up", lambda: _is_up(host))
    with host.blind(), Popen([sys.executable, "-c", THIEF, port], stdin=PIPE) as thief:
        world.run_for(world.choose_s(1.0, 3.0))
        thief.kill()


def _spoil(world: World, host: Host, fault: str) -> None:
    with host.blind():
        _replace_meter(host, fault)
        world.until(f"it is down for {fault}", lambda: SPOILING[fault] in host.trouble() and _is_down(host))
        _replace_meter(host)
        world.until("it is up", lambda: _is_up(host))


def _replace_meter(host: Host, fault: str = "") -> None:
    host.meter.stop()
    host.meter.extra = ("--fault", fault) if fault else ()
    host.meter.start()
    await_file(host.directory / "port", within_s=20)


def _is_down(host: Host) -> bool:
    return host.watcher_state() == "down"


def _is_up(host: Host) -> bool:
    return host.watcher_state() == "up"
