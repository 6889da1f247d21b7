"""A program in the place of the agent: it has an enrolled key, and says over the wire what no agent would.

Nothing of it is the agent's code (tests/light_agent.py); it speaks MQTT with the broker, as everybody does.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from collector.registry import instruments
from protocol.beacon import open_beacon
from protocol.entry import Beacon
from protocol.leaves import Ask
from protocol.message import Refusal, Welcome, parse_down
from protocol.topics import down_topic
from tests.enrolling import enrol_light
from tests.faults.client import Client
from tests.faults.world import World
from tests.light_agent import LightAgent

ANSWER_S = 15.0
LONG = timedelta(days=500)
"""For so long he has been enrolled."""


class Liar:
    """`agent` is what it shows at first; it may speak of other histories by the same key."""

    def __init__(self, world: World, agent_id: str, *, also: Sequence[tuple[str, str]] = ()) -> None:
        self.agent = LightAgent(agent_id)
        self.asset = f"A-{agent_id}"
        self._world = world
        stranger = LightAgent(f"before-{agent_id}")
        world.until("somebody listens", lambda: world.send(stranger.agent_id, stranger.hello()))
        instruments.register_instrument(world.connection, self.asset, name_zh="电子显微镜")
        enrol_light(world.connection, self.agent, asset_no=self.asset, now=datetime.now(UTC) - LONG, also=also)

    def say(self, payload: bytes) -> Welcome | Refusal | Ask | bytes:
        """What the collector answers, a receipt as its bytes."""
        answer = parse_down(self._world.board.run(self._say(payload)))
        assert isinstance(answer, Welcome | Refusal | Ask | bytes), f"nobody asked for an epoch: {answer}"
        return answer

    def ask_for_beacon(self) -> Beacon:
        """A true one."""
        welcome = self.say(self.agent.hello())
        assert isinstance(welcome, Welcome), f"no welcome came: {welcome}"
        assert welcome.beacon is not None, "there is no log yet"
        return open_beacon(welcome.beacon, self._world.receipt_key.verifier).body

    async def _say(self, payload: bytes) -> bytes:
        agent, port = self.agent, self._world.broker.port
        async with Client(agent.agent_id, port, listens_to=down_topic(agent.agent_id)) as client:
            await client.publish(agent.topic, payload)
            answer = await asyncio.wait_for(client.inbox.get(), ANSWER_S)
        assert answer is not None, "the broker closed the connection"
        return answer
