-- How well it is known when things happened: clocks that were corrected by beacons, and grades beside hour records.

-- By how much the entry's own clock was corrected (clock_bounds.py): wall_ms stays what the entry says, start_at and
-- end_at are corrected. NULL: not at all.
ALTER TABLE reading ADD COLUMN shift_ms bigint;

-- wall_ms and until_ms of a declaration are corrected, by shift_ms. boot and mono_ms are NULL for what was stored before
-- there were beacons.
ALTER TABLE declaration
    ADD COLUMN boot text,
    ADD COLUMN mono_ms bigint,
    ADD COLUMN shift_ms bigint NOT NULL DEFAULT 0;

-- One line per boot of a journal: between which bounds (rounded outwards) UTC minus the monotonic clock lay, by its
-- entries' own clocks and by verified beacons. is_doubted: somebody has to look whether readings are to be moved.
CREATE TABLE boot_clock (
    journal_id  integer NOT NULL,
    boot        text NOT NULL,
    own_low_ms  bigint NOT NULL,
    own_high_ms bigint NOT NULL,
    fix_low_ms  bigint,
    fix_high_ms bigint,
    is_doubted  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (journal_id, boot),
    CHECK ((fix_low_ms IS NULL) = (fix_high_ms IS NULL))
);
CREATE INDEX boot_clock_doubted ON boot_clock (journal_id) WHERE is_doubted;

-- Whether an entry was written earlier than a landmark that stands before it in the log.
CREATE INDEX landmark_of_boot ON landmark (journal_id, boot, mono_ms, entry_index);
CREATE INDEX landmark_beacon_place ON landmark (journal_id, entry_index) WHERE beacon_s IS NOT NULL;

-- The grade record beside an hour record (protocol/grades.py); the columns repeat its figures in seconds, effective time
-- by grade. Of a closed day it may still change, with a review of an epoch or a decision; a record's bytes do not.
CREATE TABLE day_grade (
    asset_no           text NOT NULL REFERENCES instrument,
    day                date NOT NULL,
    body               bytea NOT NULL,
    a_s                integer NOT NULL,
    b_s                integer NOT NULL,
    c_s                integer NOT NULL,
    d_s                integer NOT NULL,
    x_s                integer NOT NULL,
    lost_s             integer NOT NULL,
    counted_s          integer NOT NULL,
    counted_external_s integer NOT NULL,
    graded_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset_no, day)
);
