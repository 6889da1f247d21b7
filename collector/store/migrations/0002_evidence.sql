-- What was received. journal_id has no foreign key in the two large tables: the same transaction swaps the
-- journal's row, which proves that it is there, and a check per row would halve the speed of COPY.

-- first: index of the first entry kept; size: the journal's size after the batch, so size - first entries.
-- note: the agent's signed checkpoint; entries: zlib of the tlog-tiles entry bundle of exactly these entries;
-- receipt: the first one that covers them, over this size or a larger one of the same transaction.
CREATE TABLE batch (
    journal_id  integer NOT NULL,
    first       bigint NOT NULL CHECK (first >= 0),
    size        bigint NOT NULL CHECK (size > first),
    note        bytea NOT NULL,
    entries     bytea NOT NULL,
    receipt     bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (journal_id, first)
);
-- The entries are compressed already.
ALTER TABLE batch ALTER COLUMN entries SET STORAGE EXTERNAL;
CREATE TRIGGER batch_is_evidence BEFORE UPDATE OR DELETE ON batch
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One row per reading block, derived from batch.entries and rebuilt from there whenever needed.
-- start_at and end_at come from the entry's own pair of clocks: wall_ms - (mono_ms - start_mono_ms).
-- The key begins with journal and time, because that is how blocks are asked for; the time in it lets the
-- table become a hypertable or a partitioned one. A block is at most one hour long, so the blocks that
-- touch [a, b) have start_at in (a - 1 hour, b).
CREATE TABLE reading (
    journal_id    integer NOT NULL,
    entry_index   bigint NOT NULL,
    wall_ms       bigint NOT NULL,
    mono_ms       bigint NOT NULL,
    start_mono_ms bigint NOT NULL,
    start_at      timestamptz NOT NULL,
    end_at        timestamptz NOT NULL,
    counter       bigint,
    watcher       text NOT NULL,
    channel       text NOT NULL,
    boot          text NOT NULL,
    durations_ms  integer[] NOT NULL,
    means         bigint[],
    lows          bigint[],
    highs         bigint[],
    deltas        bigint[],
    states        text[],
    counts        bigint[],
    events        text[],
    PRIMARY KEY (journal_id, start_at, entry_index)
);

-- What did not fit: a batch that may be a fork, kept to be shown. At most two suspects per journal.
CREATE TABLE held_note (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_id  integer NOT NULL REFERENCES journal,
    kind        text NOT NULL CHECK (kind IN ('suspect', 'fork')),
    note        bytea NOT NULL,
    batch       bytea NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX held_note_of_journal ON held_note (journal_id, kind);
