"""Messages on their way to a real HTTP server that is well, ill, silent or lying. The clock is moved."""

import logging
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from collector.certificates.authority import issue_to_server, make_authority, to_pem
from collector.errors import ExchangeError
from collector.exchange.credentials import NONE, Credentials
from collector.exchange.outbox import list_due, list_messages, list_steps, retry
from collector.exchange.platform import Road, parse_address
from collector.exchange.sending import AWAY_AFTER, Round, send_due, sender_seat
from collector.exchange.states import ANSWER_LEASE, FOLLOWS, MAX_ATTEMPTS, STATES
from collector.registry.audit import list_changes
from collector.store.database import connect
from tests.collector.exchange.mock_platform import MockPlatform, mock_platform
from tests.collector.exchange.served_days import LI, MONDAY, NOW, ServedDays


class Post(NamedTuple):
    """The outbox with one message, the platform, and a clock."""

    days: ServedDays
    platform: MockPlatform
    road: Callable[..., Road]
    clock: list[datetime]

    def round(self, road: Road | None = None) -> Round:
        return send_due(self.days.connection, road or self.road(), now=lambda: self.clock[0], draw=lambda: 0.0)

    def later(self, by: timedelta = timedelta(days=1)) -> Round:
        self.clock[0] += by
        return self.round()

    def states(self) -> list[str]:
        return [state for _, _, state in self.days.states()]

    def steps(self, message_id: int = 1) -> list[str]:
        return [step.state for step in list_steps(self.days.connection, message_id)]


@pytest.fixture
def post(served_days: ServedDays, platform: MockPlatform) -> Post:
    served_days.served()
    served_days.make()

    def road(*, timeout_s: float = 5.0, credentials: Credentials = NONE, can_ask: bool = True) -> Road:
        settings = served_days.mapping.mapping.platform
        if not can_ask:
            settings = type(settings)(**{name: getattr(settings, name) for name in settings.__struct_fields__
                                         if name != "state"})  # fmt: skip
        return Road(parse_address(platform.url), settings, credentials, timeout_s=timeout_s)

    return Post(served_days, platform, road, [NOW])


def test_what_the_platform_takes_is_accepted_with_its_receipt(post: Post) -> None:
    assert post.round() == Round({"accepted": 1}, is_away=False)
    [held] = list_messages(post.days.connection)
    assert (held.state, held.receipt, held.due_at) == ("accepted", f"R-{held.inner_id}/1", None)
    assert post.steps() == ["pending", "sent", "accepted"]
    [step] = [each for each in list_steps(post.days.connection, 1) if each.state == "accepted"]
    assert step.answer is not None
    assert b"R-" in step.answer, "every answer is kept as it came"
    assert post.later() == Round({}, is_away=False), "and it is not sent again"
    assert sum(post.platform.came.values()) == 1


def test_what_it_refuses_is_kept_with_its_reason_until_a_person_sends_it_again(post: Post) -> None:
    post.platform.script = ["refuse"]
    assert post.round().counts == {"refused": 1}
    [held] = list_messages(post.days.connection)
    assert held.problem == "code 101: 数据填写有误"
    assert post.later().counts == {}
    with post.days.connection.transaction():
        retry(post.days.connection, 1, actor=LI, why="corrected at the platform", now=post.clock[0])
    assert post.round().counts == {"accepted": 1}
    assert post.platform.asked == [], "its refusal was a word: nobody has to ask what became of it"
    [change] = [each for each in list_changes(post.days.connection) if each.action == "exchange.retry"]
    assert (change.actor, change.reason) == ("li", "corrected at the platform")


def test_a_platform_in_trouble_is_tried_again_later_and_later(post: Post) -> None:
    post.platform.script = ["busy", "500", "busy"]
    post.round()
    waits = []
    for _ in range(3):
        [held] = list_messages(post.days.connection)
        assert held.due_at is not None
        waits.append(held.due_at - post.clock[0])
        assert post.round().counts == {}, "it is not due yet"
        post.clock[0] = held.due_at
        post.round()
    assert waits == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert post.states() == ["accepted"]


@pytest.mark.parametrize("deed", ["garbage", "break off", "huge", "redirect"])
def test_an_answer_that_is_none_decides_nothing(post: Post, deed: str) -> None:
    post.platform.script = [deed]  # type: ignore[list-item]
    assert post.round().counts == {"pending": 1}
    assert post.later().counts == {"accepted": 1}


@pytest.mark.parametrize("deed", ["never", "late", "drip"])
def test_a_platform_that_never_answers_blocks_nobody(post: Post, deed: str) -> None:
    post.platform.script = [deed]  # type: ignore[list-item]
    assert post.round(post.road(timeout_s=0.3)).counts == {"pending": 1}
    [held] = list_messages(post.days.connection)
    assert "no answer: " in held.problem
    assert post.later().counts == {"accepted": 1}


def test_while_it_thinks_no_transaction_is_open(post: Post, dsn: str) -> None:
    seen: list[object] = []

    class Watching(Road):
        def send(self, due: object) -> object:  # type: ignore[override]
            with connect(dsn, application="test") as other:
                seen.append(other.execute("SELECT state FROM exchange_standing FOR UPDATE NOWAIT").fetchone())
            return super().send(due)  # type: ignore[arg-type]

    settings = post.days.mapping.mapping.platform
    post.round(Watching(parse_address(post.platform.url), settings, NONE, timeout_s=5))
    assert seen == [("sent",)], "that it is sent was durable before the first byte went out"


def test_a_lost_answer_is_asked_for_and_the_record_is_there_once(post: Post) -> None:
    post.platform.script = ["lost"]
    assert post.round().counts == {"pending": 1}
    assert len(post.platform.taken) == 1, "the platform has it, and we do not know"
    assert post.later().counts == {"accepted": 1}
    [held] = list_messages(post.days.connection)
    assert post.platform.asked == [f"{held.inner_id}/1"]
    assert list(post.platform.came.values()) == [1], "it was asked about and never sent twice"


def test_where_it_cannot_be_asked_the_same_key_goes_out_again(post: Post) -> None:
    post.platform.script = ["lost"]
    post.round(post.road(can_ask=False))
    post.clock[0] += timedelta(days=1)
    assert post.round(post.road(can_ask=False)).counts == {"accepted": 1}
    assert post.platform.asked == []
    assert (len(post.platform.taken), list(post.platform.came.values())) == (1, [2])


def test_what_it_never_had_is_sent_once_it_was_asked(post: Post) -> None:
    post.platform.script = ["never"]
    post.round(post.road(timeout_s=0.2))
    assert post.later().counts == {"accepted": 1}
    assert (len(post.platform.asked), len(post.platform.taken)) == (1, 1)


def test_a_sender_that_died_after_it_sent_leaves_a_message_that_is_asked_about(post: Post) -> None:
    class Died(Exception):
        pass

    class Dying(Road):
        def send(self, due: object) -> object:  # type: ignore[override]
            super().send(due)  # type: ignore[arg-type]
            raise Died

    settings = post.days.mapping.mapping.platform
    with pytest.raises(Died):
        post.round(Dying(parse_address(post.platform.url), settings, NONE, timeout_s=5))
    assert post.states() == ["sent"]
    assert post.later(ANSWER_LEASE - timedelta(seconds=1)).counts == {}, "the answer may still be written down"
    assert post.later(timedelta(seconds=1)).counts == {"accepted": 1}
    assert list(post.platform.came.values()) == [1]
    assert post.steps() == ["pending", "sent", "pending", "sent", "accepted"]


def test_after_many_silences_it_is_given_up_and_a_person_may_go_on(post: Post) -> None:
    post.platform.otherwise = "500"
    for _ in range(MAX_ATTEMPTS + 3):
        post.later(timedelta(days=2))
    assert post.states() == ["given-up"]
    assert post.steps().count("sent") == MAX_ATTEMPTS
    post.platform.otherwise = "accept"
    with post.days.connection.transaction():
        retry(post.days.connection, 1, actor=LI, why="it is up again", now=post.clock[0])
    assert post.round().counts == {"accepted": 1}


def test_a_platform_that_is_away_is_not_asked_for_every_message(post: Post) -> None:
    for number in range(1, AWAY_AFTER + 3):
        post.days.served(f"SO-1{number}", day=MONDAY - timedelta(days=number))
    post.days.make(first=MONDAY - timedelta(days=9), days=10)
    post.platform.otherwise = "500"
    assert post.round() == Round({"pending": AWAY_AFTER}, is_away=True)


def test_a_later_revision_waits_until_the_earlier_one_is_settled(post: Post) -> None:
    post.platform.script = ["lost"]
    post.round()
    post.days.order("SO-2")
    post.days.use("SO-2", start_h=9, end_h=10)
    post.days.close()
    post.days.make()
    assert post.states() == ["replaced", "pending", "pending"], "the earlier one need not arrive any more"
    assert post.later().counts == {"accepted": 2}
    assert sorted(key.rsplit("/")[1] for key in post.platform.taken) == ["1", "1", "2"]


def test_a_revision_does_not_overtake_one_whose_answer_is_waited_for(post: Post) -> None:
    post.days.connection.execute(
        "INSERT INTO exchange_step (message_id, state, at, due_at, made_by) VALUES (1, 'sent', %(now)s, %(now)s, 'x')",
        {"now": NOW},
    )
    post.days.order("SO-2")
    post.days.use("SO-2", start_h=9, end_h=10)
    post.days.close()
    post.days.make()
    due = list_due(post.days.connection, now=NOW, after=0, limit=10)
    assert [(each.revision, each.state) for each in due] == [(1, "sent"), (1, "pending")], "revision 2 waits"


def test_two_senders_at_once_are_one(post: Post, dsn: str) -> None:
    with connect(dsn, application="test") as other:
        with (
            sender_seat(post.days.connection),
            pytest.raises(ExchangeError, match="another process is sending"),
            sender_seat(other),
        ):
            pass
        with sender_seat(other):
            pass


def test_whoever_is_told_to_stop_stops_before_the_next_message(post: Post) -> None:
    stopping = threading.Event()
    stopping.set()
    found = send_due(
        post.days.connection, post.road(), now=lambda: NOW, may_go_on=lambda: not stopping.is_set(), draw=lambda: 0.0
    )
    assert found == Round({}, is_away=False)


def test_credentials_are_shown_to_the_platform_and_to_nobody_else(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    secret = Credentials({"Authorization": "Bearer s3cret-word"})
    with caplog.at_level(logging.DEBUG):
        post.round(post.road(credentials=secret))
    assert post.platform.headers[0]["Authorization"] == "Bearer s3cret-word"
    assert "s3cret" not in caplog.text + repr(secret)
    stored = post.days.connection.execute("SELECT string_agg(s::text, ' ') FROM exchange_step s").fetchone()
    assert stored is not None
    assert "s3cret" not in stored[0]


def test_a_platform_whose_certificate_nobody_vouches_for_gets_neither_record_nor_credentials(
    post: Post, tmp_path: Path
) -> None:
    authority = make_authority("services", generation=1, domain="jishi.example", now=datetime.now(UTC))
    (tmp_path / "server.pem").write_bytes(b"".join(issue_to_server(authority, ["localhost"], now=datetime.now(UTC))))
    (tmp_path / "other.pem").write_bytes(b"".join(issue_to_server(authority, ["elsewhere"], now=datetime.now(UTC))))
    trusted = ssl.create_default_context(cadata=to_pem(authority.certificate).decode())
    strange = ssl.create_default_context()
    settings = post.days.mapping.mapping.platform
    secret = Credentials({"Authorization": "Bearer s3cret-word"})
    for file, trust, counts in (
        ("server.pem", strange, {"pending": 1}),
        ("other.pem", trusted, {"pending": 1}),
        ("server.pem", trusted, {"accepted": 1}),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / file)
        with mock_platform(tls=context) as platform:
            road = Road(parse_address(platform.url), settings, secret, timeout_s=5, tls=trust)
            post.clock[0] += timedelta(days=1)
            assert post.round(road).counts == counts
            assert bool(platform.headers) == (counts == {"accepted": 1})


@pytest.mark.parametrize("state", STATES)
def test_the_database_knows_the_same_steps_as_the_table(post: Post, state: str) -> None:
    """Every pair of states, tried on messages of their own."""
    roads = {
        "pending": [],
        "sent": ["sent"],
        "accepted": ["sent", "accepted"],
        "refused": ["sent", "refused"],
        "given-up": ["sent", "given-up"],
        "replaced": ["replaced"],
    }
    for wanted in STATES:
        with post.days.connection.transaction(force_rollback=True):
            for step in roads[state]:
                _force(post, step)
            if state in FOLLOWS[wanted]:
                _force(post, wanted)
            else:
                with pytest.raises(psycopg.errors.RestrictViolation), post.days.connection.transaction():
                    _force(post, wanted)


def _force(post: Post, state: str) -> None:
    due = NOW if state in ("pending", "sent") else None
    post.days.connection.execute(
        "INSERT INTO exchange_step (message_id, state, at, due_at, problem, made_by)"
        " VALUES (1, %s, %s, %s, 'test', 'test')",
        [state, NOW, due],
    )


def test_messages_and_steps_are_facts(post: Post) -> None:
    post.round()
    for statement in (
        "UPDATE exchange_message SET body = ''",
        "DELETE FROM exchange_message",
        "UPDATE exchange_step SET answer = NULL",
        "DELETE FROM exchange_step",
        "DELETE FROM exchange_mapping",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            post.days.connection.execute(statement.encode())
