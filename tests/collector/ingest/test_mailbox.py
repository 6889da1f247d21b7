"""What waits between reading and writing is bounded, in order, and forgotten when it must come again."""

from collector.ingest import mailbox
from collector.ingest.mailbox import Delivery, Mailbox
from collector.ingest.prepare import Poison, prepare
from tests.light_agent import LightAgent


def test_deliveries_come_out_in_order_and_at_most_so_many_together() -> None:
    box = Mailbox()
    box.put([_small(mid) for mid in range(mailbox.MAX_TOGETHER_MESSAGES + 3)])
    first, second = box.take(timeout_s=0), box.take(timeout_s=0)
    assert [delivery.mid for delivery in first + second] == list(range(mailbox.MAX_TOGETHER_MESSAGES + 3))
    assert len(first) == mailbox.MAX_TOGETHER_MESSAGES
    assert box.take(timeout_s=0) == []


def test_large_deliveries_are_divided_and_one_too_large_alone_still_goes() -> None:
    agent = LightAgent()
    agent.append_readings(5000)
    large = Delivery(1, 1, prepare(agent.topic, agent.payload()))
    assert large.held_bytes > 2 * 5000 * 300
    box = Mailbox()
    together = mailbox.MAX_TOGETHER_BYTES // large.held_bytes
    box.put([large] * (together + 2))
    assert [len(box.take(timeout_s=0)) for _ in range(2)] == [together, 2]


def test_there_is_no_room_when_too_much_waits() -> None:
    agent = LightAgent()
    agent.append_readings(5000)
    large = Delivery(1, 1, prepare(agent.topic, agent.payload()))
    box = Mailbox()
    while box.has_room():
        box.put([large])
    box.take(timeout_s=0)
    box.take(timeout_s=0)
    assert box.has_room()
    box.put([_small(mid) for mid in range(mailbox.MAX_WAITING_MESSAGES)])
    assert not box.has_room()
    box.clear()
    assert box.has_room()
    assert box.take(timeout_s=0) == []


def test_a_closed_mailbox_hands_out_nothing() -> None:
    box = Mailbox()
    box.put([_small(1)])
    box.close()
    assert box.take(timeout_s=60) == []


def _small(mid: int) -> Delivery:
    return Delivery(1, mid, Poison("em-01", "malformed", "x"))
