"""Agreement, disagreement and silence of each watcher, in seconds of what was observed."""

import msgspec

from protocol.agreement import Agreement, agreements
from tests.protocol.test_hours import SHORT_RUN, record_of


def told(*watchers):
    """The day: off to 30 000, standby to 31 400, run to 35 000, standby to 36 400, off to midnight."""
    return msgspec.structs.replace(record_of(*SHORT_RUN), told=watchers)


def test_where_the_meter_alone_decided_there_is_nothing_to_compare():
    assert agreements(record_of(*SHORT_RUN)) == []


def test_seconds_of_one_state_agree_and_of_another_differ_and_the_rest_is_silence():
    files = ("files:growth", ((30_400, 34_400, "run"), (50_000, 50_100, "run")))
    meter = ("meter:power", ((0, 40_000, "off"), (40_000, 86_400, "unobserved")))
    assert agreements(told(files, meter)) == [
        Agreement("files:growth", agree_s=3_000, differ_s=1_100, silent_s=86_400 - 4_100),
        Agreement("meter:power", agree_s=30_000 + 3_600, differ_s=6_400, silent_s=46_400),
    ]


def test_what_was_told_of_unobserved_time_is_not_counted():
    silent = msgspec.structs.replace(record_of((86_400, None)), told=(("files:growth", ((0, 50, "run"),)),))
    assert agreements(silent) == [Agreement("files:growth", 0, 0, 0)]
