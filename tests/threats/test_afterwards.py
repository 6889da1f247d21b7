"""What was delivered is altered afterwards, on either side; an inspector with his own keys looks at it, offline.

The host's administrator has its disk. The collector's operator has the database, its owner's rights, and all keys of
the collector. Days are still open, so what nobody
touched is INCOMPLETE, and what was altered is CONTRADICTED.
"""

import os
import pwd
import re

import psycopg
import pytest

from protocol.batch import pack_bundle
from protocol.fork_proof import DifferentPrefix, ForkProof, Roots, encode
from protocol.keys import ED25519, SigningKey
from protocol.note import Checkpoint, sign_checkpoint
from tests.threats.alterations import (
    day_earlier,
    fewer_watts,
    more_energised,
    open_batch,
    receipt_over,
    rewrite_entries,
    rewrite_log,
    sign_again,
    swap_line,
)
from tests.threats.evening import Evening
from tests.threats.place import CONTRADICTED, INCOMPLETE, VALID, Place, await_it


def test_what_nobody_touched_is_only_incomplete(place: Place) -> None:
    bundle = place.bundle()
    told = place.verify(bundle)
    assert told.code == INCOMPLETE
    assert "CONTRADICTED" not in told.said
    compared = place.compare(bundle)
    assert compared.code == INCOMPLETE
    assert "what both hold is the same" in compared.said


def test_rewritten_entries_do_not_lead_to_the_root_of_the_receipt(place: Place) -> None:
    rewrite_entries(place)
    told = place.verify(place.bundle())
    assert told.code == CONTRADICTED
    assert "the entries do not lead to the root of the receipt of size" in told.said


def test_rewritten_entries_under_receipts_of_their_own_lack_the_agents_signature(place: Place) -> None:
    rewrite_entries(place)
    entries = [
        entry for (stored,) in place.rows("SELECT entries FROM batch ORDER BY first") for entry in open_batch(stored)
    ]
    place.change("batch", "receipt", lambda receipt: receipt_over(receipt, entries, place), key="first")
    place.change("journal", "receipt", lambda receipt: receipt_over(receipt, entries, place), key="journal_id")
    told = place.verify(place.bundle())
    assert told.code == CONTRADICTED
    assert "the agent's signature is false" in told.said


def test_an_altered_record_is_not_what_its_entries_give(place: Place) -> None:
    place.change("hour_record", "body", more_energised, key="asset_no")
    told = place.verify(place.bundle())
    assert told.code == CONTRADICTED
    assert "off_s is 0, recomputed" in told.said
    found = place.collector("account", "--verify")
    assert found.code == 1
    assert f"differs {place.asset}" in found.said


def test_entries_that_were_dropped_are_on_the_hosts_disk_with_their_receipt(place: Place, evening: Evening) -> None:
    """The operator goes on with the database of noon, as if the rest had never come."""
    place.restore(evening.noon)
    place.derive()
    compared = place.compare(place.bundle())
    assert compared.code == CONTRADICTED
    assert "the host holds a receipt that the collector cannot show: the collector's fault" in compared.said


def test_a_receipt_cannot_be_older_than_the_beacon_under_its_entries(place: Place) -> None:
    place.change("batch", "receipt", lambda receipt: day_earlier(receipt, place), key="first")
    place.sql("UPDATE batch SET received_at = received_at - interval '1 day'")
    told = place.verify(place.bundle())
    assert told.code == CONTRADICTED
    assert "later than the receipt over it: one of the two times is false" in told.said


def test_a_receipt_that_was_put_into_anothers_place_does_not_cover_its_entries(place: Place) -> None:
    """The manifest is signed again, as only the operator can: hashes and signature of the container are in order."""
    bundle = place.bundle()
    [[other]] = place.rows("SELECT receipt FROM batch ORDER BY first LIMIT 1")
    [receipts] = [path for path in bundle.glob("agents/*/*/receipts/**/*") if path.is_file()]
    kept = receipts.read_bytes()
    receipts.write_bytes(pack_bundle((bytes(other),)))
    sign_again(bundle, place)
    told = place.verify(bundle)
    assert told.code == INCOMPLETE, "what is missing is not false"
    assert "nobody receipted those behind it" in told.said
    assert "the grades computed again are others" not in told.said

    receipts.write_bytes(kept + pack_bundle((bytes(other),)))
    sign_again(bundle, place)
    assert place.verify(bundle).code == CONTRADICTED, "behind the true one it says that the log became shorter"


# The host's administrator, on the host's disk


def test_the_host_rewrites_a_receipted_entry_and_its_number_is_told(place: Place) -> None:
    bundle = place.bundle()
    [segment] = place.journal.glob("*.log")
    index = _size(place) - 3
    swap_line(segment, index, fewer_watts)
    compared = place.compare(bundle)
    assert compared.code == CONTRADICTED
    assert "an entry is another one on the host: rewritten after its receipt" in compared.said
    assert f"first difference 第一处不同: entry {index}\n" in compared.said


def test_the_host_deletes_receipted_entries_and_the_first_one_is_told(place: Place) -> None:
    bundle = place.bundle()
    [segment] = place.journal.glob("*.log")
    index = _size(place) - 3
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[: index + 1]))
    compared = place.compare(bundle)
    assert compared.code == CONTRADICTED
    assert "the host lacks receipted entries: deleted, or lost by its disk" in compared.said
    assert f"entry {index}\n" in compared.said


# The collector's own log


def test_leaves_that_were_altered_stop_the_log(place: Place) -> None:
    place.sql("UPDATE log_leaf SET body = body || ' ' WHERE leaf_index = 1")
    with place.running("log") as log:
        await_it("the log stands still", lambda: "stands still" in log.tail(), told=log.tail)
    status = place.collector("log", "status")
    assert "the leaves in the database do not lead to the root" in status.said


def test_altered_files_of_the_log_name_the_entry(place: Place) -> None:
    [directory] = (place.directory / "log").iterdir()
    [key] = re.findall(r"^log (.*)$", place.trust.read_text("utf-8"), re.MULTILINE)
    assert place.audit("log", str(directory), "--key", key).code == VALID
    newest = max((directory / "tile" / "entries" / "000.p").iterdir(), key=lambda path: int(path.name))
    newest.write_bytes(newest.read_bytes().replace(b'"first log"', b'"other log"'))
    told = place.audit("log", str(directory), "--key", key)
    assert told.code == CONTRADICTED
    assert "hash 0 is not that of entry 0" in told.said
    assert "CONTRADICTED: these files are not the log that the key signed" in told.said


def test_a_second_history_of_the_log_is_not_that_of_the_beacon(place: Place) -> None:
    """Leaf, tree, signature and files are another log's, in order; the agent has journalled the first one."""
    rewrite_log(place)
    [key] = re.findall(r"^log (.*)$", place.trust.read_text("utf-8"), re.MULTILINE)
    [directory] = (place.directory / "log").iterdir()
    assert place.audit("log", str(directory), "--key", key).code == VALID
    told = place.verify(place.bundle())
    assert told.code == CONTRADICTED
    assert re.search(r"the tree of size [0-9]+ does not continue the tree of size [0-9]+", told.said)


# An accusation that is made up


def test_a_made_up_fork_proves_nothing(place: Place) -> None:
    """Of two signatures of the log's own key the operator has those that it gave, and no others."""
    rows = [bytes(receipt) for (receipt,) in place.rows("SELECT receipt FROM batch ORDER BY first")]
    [(origin, vkey)] = place.rows("SELECT origin, vkey FROM journal")
    size = int(rows[-1].splitlines()[1])
    own = sign_checkpoint(Checkpoint(origin, size, bytes(32)), SigningKey(origin, ED25519, bytes(32)))
    relabelled = own.replace(own.split()[-1], rows[-1].splitlines()[4].split()[-1])
    made_up = (
        ForkProof(rows[-1], own, Roots()),
        ForkProof(rows[-1], relabelled, Roots()),
        ForkProof(rows[0], rows[-1], DifferentPrefix(bytes(32), (bytes(32),))),
    )
    for proof in made_up:
        (place.directory / "proof").write_bytes(encode(proof))
        told = place.audit("fork", "proof", "--key", vkey)
        assert (told.code, told.said) == (1, "")
        assert "proves nothing against" in told.complained


# The trail


def test_a_change_of_rights_stands_in_the_trail_and_cannot_be_taken_out(place: Place) -> None:
    person = place.collector("role", "operator", "registrar", "--reason", "on leave", "--by", "somebody else")
    assert person.code == 0, person.complained
    [told] = [line for line in place.collector("audit").said.splitlines() if "person.appoint" in line]
    assert f"by=somebody else  via=command  from={pwd.getpwuid(os.getuid()).pw_name}@" in told
    assert told.endswith('new={"access":"registrar over everything"}  reason=on leave')
    for change in ("UPDATE audit SET reason = ''", "DELETE FROM audit", "TRUNCATE audit"):
        with psycopg.connect(place.database.dsn) as connection, pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(change.encode())


def _size(place: Place) -> int:
    [(size,)] = place.rows("SELECT size FROM journal")
    return int(size)
