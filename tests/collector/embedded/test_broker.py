"""The embedded broker passes messages on, as mosquitto or as amqtt, and names a busy port."""

import queue
import socket

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from collector.embedded.broker import LOOPBACK, EmbeddedBroker, check_port_free, find_mosquitto
from collector.errors import EmbeddedError


@pytest.mark.parametrize("program", ["mosquitto", "amqtt"])
def test_a_message_passes(program: str, free_port: int) -> None:
    if program == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    with EmbeddedBroker(free_port, program=program) as broker:
        got: queue.Queue[bytes] = queue.Queue()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.on_message = lambda _client, _data, message: got.put(bytes(message.payload))
        client.on_connect = lambda c, *_: c.subscribe("jishi/v1/up/3/+", qos=1)
        client.on_subscribe = lambda c, *_: c.publish("jishi/v1/up/3/em-01", b"x" * 300_000, qos=1)
        client.connect(broker.host, broker.port)
        client.loop_start()
        assert got.get(timeout=20) == b"x" * 300_000
        client.disconnect()
        client.loop_stop()
        process = broker.process
    assert process.poll() is not None


def test_a_busy_port_is_named_before_anything_starts() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"port {port} on 127.0.0.1 for the API is not free"):
            check_port_free(port, what="API")
        with pytest.raises(EmbeddedError, match=f"port {port}"):
            EmbeddedBroker(port).start()
