"""Which meters can be simulated, by the name that `simulate --meter` takes: that of their map or kind."""

from collections.abc import Callable
from functools import partial

from agent.simulator.dlt645_meter import Dlt645Meter
from agent.simulator.meter import Dialect
from agent.simulator.modbus_meters import IMAGES, ModbusMeter

METERS: dict[str, Callable[[], Dialect]] = {
    **{name: partial(ModbusMeter, image) for name, image in IMAGES.items()},
    "dlt645": Dlt645Meter,
}
