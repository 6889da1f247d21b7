"""amqtt as a program: `python -m collector.embedded.broker_amqtt HOST PORT`, until SIGTERM.

MQTT 3.1.1 only, and it loses acknowledged messages when it is killed: fit for the demo and the tests, because
receipts are ours.
"""

import asyncio
import logging
import signal
import sys

from amqtt.broker import Broker

_MAX_CONNECTIONS = 5000


async def serve(host: str, port: int) -> None:
    """Runs the broker until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": _MAX_CONNECTIONS}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    await stopping.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
