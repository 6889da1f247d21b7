"""Names and topics: the golden ones, their inverses, and everything else refused."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import topics
from protocol.errors import MalformedName

agent_ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=4, max_size=40)


def test_golden_agents_have_their_topics_and_shards(golden: Callable[[str], Any]) -> None:
    for one in golden("wire")["topics"]:
        assert topics.shard_of(one["agent"]) == one["shard"]
        assert topics.up_topic(one["agent"]) == one["up"]
        assert topics.down_topic(one["agent"]) == one["down"]
        assert topics.parse_up_topic(one["up"]) == one["agent"]


@given(agent_ids)
def test_an_up_topic_names_its_agent_and_lies_under_its_shard(agent_id: str) -> None:
    topic = topics.up_topic(agent_id)
    assert topics.parse_up_topic(topic) == agent_id
    assert topic == topics.up_filter(topics.shard_of(agent_id)).replace("+", agent_id)
    assert 0 <= topics.shard_of(agent_id) < topics.SHARDS


def test_agents_spread_over_all_shards() -> None:
    counts = [0] * topics.SHARDS
    for number in range(16_000):
        counts[topics.shard_of(f"agent-{number}")] += 1
    assert min(counts) > 150


@given(agent_ids, st.integers(1, topics.MAX_EPOCH))
def test_an_origin_gives_back_its_parts(agent_id: str, epoch: int) -> None:
    origin = topics.agent_origin("jishi.example", agent_id, epoch)
    assert topics.parse_origin(origin) == ("jishi.example", agent_id, epoch)


@pytest.mark.parametrize(
    "text", ["", "abc", "x" * 41, "EM-01", "em_01", "em 01", "em/01", "em+1", "em#1", "em-0\n", "仪器01"]
)
def test_an_agent_id_is_short_and_plain(text: str) -> None:
    for use in (topics.check_agent_id, topics.shard_of, topics.up_topic, topics.down_topic):
        with pytest.raises(MalformedName):
            use(text)
    with pytest.raises(MalformedName):
        topics.agent_origin("jishi.example", text, 1)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "jishi/v1/up/14",
        "jishi/v1/up/64/em-01",
        "jishi/v1/up/+/em-01",
        "jishi/v1/up/14/#",
        "jishi/v1/up/014/em-01",
        "jishi/v2/up/14/em-01",
        "jishi/v1/down/14/em-01",
        "jishi/v1/up/14/em-01/x",
        "jishi/v1/up/14/em-01\n",
        "/jishi/v1/up/14/em-01",
    ],
)
def test_another_topic_names_no_agent(topic: str) -> None:
    with pytest.raises(MalformedName):
        topics.parse_up_topic(topic)


def test_a_topic_under_another_shard_is_refused() -> None:
    shard = topics.shard_of("em-01")
    with pytest.raises(MalformedName, match="belongs to shard"):
        topics.parse_up_topic(f"jishi/v1/up/{(shard + 1) % topics.SHARDS}/em-01")


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "jishi.example",
        "jishi.example/a/em-01",
        "jishi.example/a/em-01/0",
        "jishi.example/a/em-01/01",
        "jishi.example/a/em-01/-1",
        "jishi.example/a/em-01/1000000000",
        "jishi.example/a/em-01/1/2",
        "jishi.example/a/em-01/1/",
        "jishi.example/log/em-01/1",
        "jishi.example/a/EM-01/1",
        "Jishi.example/a/em-01/1",
        "-x/a/em-01/1",
        "a..b/a/em-01/1",
        "jishi.example:80/a/em-01/1",
        "/a/em-01/1",
        "x" * 181 + "/a/em-01/1",
        "jishi.example/a/em-01/1\n",
        "jishi.example\n/a/em-01/1",
    ],
)
def test_what_is_no_origin_of_an_agents_log_is_refused(origin: str) -> None:
    with pytest.raises(MalformedName):
        topics.parse_origin(origin)


def test_shards_and_epochs_of_ours_stay_in_their_range() -> None:
    for shard in (-1, 64):
        with pytest.raises(ValueError, match="shard"):
            topics.up_filter(shard)
    for epoch in (0, topics.MAX_EPOCH + 1):
        with pytest.raises(ValueError, match="epoch"):
            topics.agent_origin("jishi.example", "em-01", epoch)
