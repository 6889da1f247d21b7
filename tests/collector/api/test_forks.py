"""Hashes asked for over HTTPS by the real application, and what the API shows of doubts and proofs of forks."""

from collections.abc import Callable

import httpx
import pytest

from protocol.fork_proof import decode, verify_fork
from protocol.keys import parse_vkey
from protocol.leaves import Ask, Leaves, pack_leaves
from protocol.message import Refusal, parse_down
from tests.collector.province import MovableClock, Province
from tests.enrolling import enrol_light
from tests.light_agent import LightAgent

V1 = "/api/v1"
Post = Callable[[bytes], object]


@pytest.fixture
def twins(province: Province, clock: MovableClock) -> tuple[LightAgent, LightAgent]:
    """An agent, and a clone that shares 270 entries with it; both go on."""
    province.add_instrument("A001")
    agent, clone = LightAgent(), LightAgent()
    enrol_light(province.connection, agent, asset_no="A001", now=clock.at)
    agent.append_readings(270)
    clone.append_all_of(agent)
    agent.append_readings(300)
    clone.append_readings(400, power_mw=40_000)
    return agent, clone


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """Sends bytes up in the agent's name; what is answered."""
    headers = {"Content-Type": "application/octet-stream"}
    return lambda raw: parse_down(client.post(f"{V1}/up/em-01", content=raw, headers=headers).content)


def test_a_question_is_the_answer_to_a_post_and_the_refusal_that_to_its_answer(
    post: Post, api: httpx.Client, twins: tuple[LightAgent, LightAgent]
) -> None:
    agent, clone = twins
    assert isinstance(post(agent.payload()), bytes)
    tops = post(clone.payload(560))
    assert isinstance(tops, Ask)
    tile = post(clone.leaves(tops))
    assert isinstance(tile, Ask)
    assert (tile.level, tile.first) == (0, 256)
    [open_one] = api.get(f"{V1}/agents/em-01/forks").json()["items"]
    assert (open_one["standing"], open_one["outcome"], open_one["questions"]) == ("suspect", None, 2)
    refusal = post(clone.leaves(tile))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.held) == ("fork", 570)
    [fork] = api.get(f"{V1}/agents/em-01/forks").json()["items"]
    assert (fork["standing"], fork["outcome"], fork["entry_index"], fork["epoch"]) == ("fork", "fork", 270, 1)
    assert (fork["lost_batches"], fork["asked_size"]) == (1, 670)
    answer = api.get(f"{V1}/agents/em-01/forks/1/proof")
    assert answer.headers["content-disposition"] == 'attachment; filename="em-01-1.jishi-fork"'
    assert verify_fork(decode(answer.content), parse_vkey(fork["vkey"])).index == 270


def test_a_liar_over_https_stays_suspect(post: Post, api: httpx.Client, twins: tuple[LightAgent, LightAgent]) -> None:
    agent, clone = twins
    post(agent.payload())
    answer = post(clone.payload(560))
    for _ in range(20):
        if not isinstance(answer, Ask):
            break
        lie = Leaves(answer.log, answer.size, answer.level, answer.first, clone.checkpoint(670), (b"x" * 32,) * 3)
        answer = post(pack_leaves(lie))
    assert isinstance(answer, Refusal)
    assert answer.code == "suspect"
    [doubt] = api.get(f"{V1}/agents/em-01/forks").json()["items"]
    assert (doubt["standing"], doubt["outcome"], doubt["proved_at"]) == ("suspect", "suspect", None)
    assert api.get(f"{V1}/agents/em-01/forks/1/proof").status_code == 404
