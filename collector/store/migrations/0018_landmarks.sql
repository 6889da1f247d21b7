-- Landmarks: every entry that is neither a reading nor a declaration, out of the agents' logs: what the agent said of
-- itself, its clock, its watchers, and the beacons that it journalled.

-- Stored in ingest's transaction, made again from batch.entries whenever needed. body: the entry's exact bytes.
-- beacon_s: POSIX seconds of a beacon that we signed; NULL for everything else, beacons that nobody signed included.
-- xid: the transaction that stored it, so that whoever looks at what is new sees each exactly once.
CREATE TABLE landmark (
    journal_id  integer NOT NULL,
    entry_index bigint NOT NULL,
    kind        text NOT NULL,
    boot        text NOT NULL,
    mono_ms     bigint NOT NULL,
    wall_ms     bigint NOT NULL,
    body        bytea NOT NULL,
    beacon_s    bigint,
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (journal_id, entry_index),
    CHECK (beacon_s IS NULL OR kind = 'beacon')
);
CREATE INDEX landmark_beacon ON landmark (journal_id, boot, entry_index) WHERE beacon_s IS NOT NULL;
CREATE INDEX landmark_new_beacon ON landmark (xid) WHERE beacon_s IS NOT NULL;
CREATE INDEX landmark_of_kind ON landmark (kind, journal_id);
