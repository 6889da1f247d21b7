"""Thousands of light agents on one event loop: each delivers its entries until the collector has receipted them all.

A light agent is tests/light_agent.py, which knows protocol only. Here it keeps a connection, says hello, sends what the
collector has not got, and says hello again where nothing comes, after waits that double, as a real one does. What it
does not do is to spread its return: all are back at once, which is the worst that can happen.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from random import Random

from protocol.errors import ForeignBytesError
from protocol.message import Welcome, parse_down
from protocol.topics import down_topic
from tests.faults.client import Client
from tests.faults.facts import Issued, size_of
from tests.faults.line import Switchboard
from tests.light_agent import LightAgent

PATIENCE_S = 5.0
LONGEST_S = 15.0
AGAIN_S = 0.2


class Crowd:
    """The agents, and what each was told."""

    def __init__(self, board: Switchboard, port: int, agents: Sequence[LightAgent], chance: Random) -> None:
        self.agents = list(agents)
        self._receipts: dict[str, dict[int, bytes]] = {agent.origin: {} for agent in agents}
        self.welcomes = 0
        self._board = board
        self._port = port
        self._chance = chance
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Let them all connect at once."""

        async def start() -> None:
            self._tasks = [asyncio.create_task(self._live(agent)) for agent in self.agents]

        self._board.run(start())

    def stop(self) -> None:
        """End them."""

        async def stop() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._board.run(stop())

    def lacking(self) -> list[str]:
        """Origins of those that have no receipt over all of their entries."""
        return [agent.origin for agent in self.agents if self._receipted(agent) < len(agent.entries)]

    def issued(self) -> list[Issued]:
        """As the oracle wants to know it."""
        return [
            Issued(
                agent.origin,
                {index: frozenset({entry}) for index, entry in enumerate(agent.entries)},
                frozenset(self._receipts[agent.origin].values()),
            )
            for agent in self.agents
        ]

    def _receipted(self, agent: LightAgent) -> int:
        return next(reversed(self._receipts[agent.origin]), 0)

    def _keep(self, agent: LightAgent, receipt: bytes) -> None:
        """The newest comes last; an older one tells nothing."""
        if size_of(receipt) > self._receipted(agent):
            self._receipts[agent.origin][size_of(receipt)] = receipt

    async def _live(self, agent: LightAgent) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                async with Client(agent.agent_id, self._port, listens_to=down_topic(agent.agent_id)) as client:
                    await self._deliver(agent, client)
            await asyncio.sleep(AGAIN_S)

    async def _deliver(self, agent: LightAgent, client: Client) -> None:
        """Until the connection ends."""
        wait_s = PATIENCE_S
        nonce = await self._greet(agent, client)
        while True:
            try:
                raw = await asyncio.wait_for(client.inbox.get(), wait_s)
            except TimeoutError:
                if nonce or self._receipted(agent) < len(agent.entries):
                    nonce, wait_s = await self._greet(agent, client), self._longer(wait_s)
                continue
            if raw is None:
                return
            if await self._hear(agent, client, raw, nonce=nonce):
                nonce, wait_s = "", PATIENCE_S

    def _longer(self, wait_s: float) -> float:
        return min(LONGEST_S, wait_s * self._chance.uniform(1, 3))

    async def _greet(self, agent: LightAgent, client: Client) -> str:
        """Say hello; the nonce whose welcome is waited for."""
        nonce = f"{self._chance.getrandbits(128):032x}"
        await client.publish(agent.topic, agent.hello(nonce))
        return nonce

    async def _hear(self, agent: LightAgent, client: Client, raw: bytes, *, nonce: str) -> bool:
        """Take an answer; whether it was the welcome to that hello."""
        try:
            message = parse_down(raw)
        except ForeignBytesError:
            return False
        if isinstance(message, bytes):
            self._keep(agent, message)
        if not isinstance(message, Welcome) or message.nonce != nonce:
            return False
        self.welcomes += 1
        if message.receipt:
            self._keep(agent, message.receipt)
        if message.held < len(agent.entries):
            await client.publish(agent.topic, agent.payload(message.held))
        return True
