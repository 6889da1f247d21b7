"""A description and a derivation at the same time: the second waits, and neither waits for the other in a circle."""

import threading
from datetime import date

from collector.registry import people, policies
from collector.registry.described import Instrument
from collector.registry.descriptions import describe
from collector.store.database import connect
from tests.collector.rollups.places import Places

DAY = date(2026, 11, 16)


def test_a_new_model_marks_no_day_while_a_record_of_it_is_being_written(placed: Places, dsn: str) -> None:
    ours = placed.province.connection
    people.register_person(ours, "li")
    policies.put_in_force(
        ours, placed.province.policy, asset_no=None, model="JEM-1", from_day=date(2020, 1, 1), approved_by="li"
    )
    placed.work("A001", DAY, 3600)
    ours.execute("INSERT INTO dirty_day (asset_no, day, touched_at) VALUES ('A001', %s, now())", [DAY])
    said = Instrument(asset_no="A001", name_zh="仪器A001", model="JEM-1")

    def describe_anew() -> None:
        with connect(dsn, application="test") as theirs, theirs.transaction():
            describe(theirs, [(said, date(2026, 1, 1))], recorded_by="li")

    describing = threading.Thread(target=describe_anew)
    with ours.transaction():
        # As the deriver does it: first the record, then the mark.
        ours.execute("UPDATE hour_record SET body = body || ' ' WHERE asset_no = 'A001' AND day = %s", [DAY])
        describing.start()
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while ours.execute(waiting).fetchone() is None and describing.is_alive():
            ours.execute("SELECT pg_stat_clear_snapshot()")
        assert describing.is_alive(), "it described under a record that was being written"
        ours.execute("DELETE FROM dirty_day WHERE asset_no = 'A001' AND day = %s", [DAY])
    describing.join(20)
    assert not describing.is_alive()
    assert ours.execute("SELECT reason FROM dirty_day WHERE asset_no = 'A001'").fetchall() == [("policy",)]
