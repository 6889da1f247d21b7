-- The collector's own log: what it received and recorded, in an order that it cannot change any more.

-- One line per log; the one that was opened last grows. why: why it was opened; predecessor: the log before it.
CREATE TABLE collector_log (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log         text NOT NULL UNIQUE CHECK (log ~ '^[0-9]{4}-[1-9][0-9]{0,5}$'),
    origin      text NOT NULL UNIQUE,
    vkey        text NOT NULL,
    predecessor text REFERENCES collector_log (log),
    why         text NOT NULL CHECK (why <> ''),
    opened_at   timestamptz NOT NULL
);
CREATE TRIGGER collector_log_is_a_fact BEFORE UPDATE OR DELETE ON collector_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ref: what the leaf commits to, so that nothing is logged twice; NULL for leaves that commit to their own moment.
CREATE TABLE log_leaf (
    log        text NOT NULL REFERENCES collector_log (log),
    leaf_index bigint NOT NULL CHECK (leaf_index >= 0),
    body       bytea NOT NULL,
    ref        text,
    PRIMARY KEY (log, leaf_index)
);
CREATE UNIQUE INDEX log_leaf_of_ref ON log_leaf (ref) WHERE ref IS NOT NULL;
CREATE TRIGGER log_leaf_is_a_fact BEFORE UPDATE OR DELETE ON log_leaf FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_leaf_is_kept BEFORE TRUNCATE ON log_leaf FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The newest tree of each log. note: its signed checkpoint. read_to: transactions below it have had their receipts
-- taken into a minute.
CREATE TABLE log_head (
    log      text PRIMARY KEY REFERENCES collector_log (log),
    size     bigint NOT NULL CHECK (size > 0),
    root     bytea NOT NULL CHECK (length(root) = 32),
    frontier bytea NOT NULL,
    note     bytea NOT NULL,
    time_s   bigint NOT NULL,
    read_to  xid8 NOT NULL
) WITH (fillfactor = 50);
CREATE FUNCTION refuse_shrinking_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log % has % leaves and cannot go back to %', OLD.log, OLD.size, NEW.size
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER log_head_never_shrinks BEFORE UPDATE ON log_head
    FOR EACH ROW WHEN (NEW.size < OLD.size) EXECUTE FUNCTION refuse_shrinking_log();
CREATE TRIGGER log_head_is_kept BEFORE DELETE ON log_head FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Which revision of which record lies in which leaf, at which place of the leaf's own tree; grades: the SHA-256 of the
-- grade record that was committed to with it, or ''.
CREATE TABLE logged_record (
    asset_no   text NOT NULL,
    day        date NOT NULL,
    revision   integer NOT NULL,
    log        text NOT NULL,
    leaf_index bigint NOT NULL,
    place      integer NOT NULL CHECK (place >= 0),
    grades     text NOT NULL,
    PRIMARY KEY (asset_no, day, revision),
    FOREIGN KEY (log, leaf_index) REFERENCES log_leaf,
    FOREIGN KEY (asset_no, day, revision) REFERENCES closed_record
);
CREATE INDEX logged_record_of_leaf ON logged_record (log, leaf_index, place);
CREATE TRIGGER logged_record_is_a_fact BEFORE UPDATE OR DELETE ON logged_record
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE INDEX closed_record_by_time ON closed_record (closed_at);

-- Up to where each source was logged so long ago that no transaction of then can still be open: only what lies behind
-- is looked at again.
CREATE TABLE log_cursor (
    source text PRIMARY KEY,
    key    bigint NOT NULL
);

-- Somebody showed another history of a log than this database holds: a beacon, our own files, the transactions'
-- numbers. From then on nothing is signed in that log any more.
CREATE TABLE log_conflict (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log         text NOT NULL,
    what        text NOT NULL CHECK (what IN ('beacon', 'files', 'database')),
    size        bigint NOT NULL,
    root        bytea NOT NULL,
    origin      text NOT NULL,
    entry_index bigint NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (log, what, size, root, origin)
);
CREATE TRIGGER log_conflict_is_a_fact BEFORE UPDATE OR DELETE ON log_conflict
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- xid: the transaction that stored the batch. NULL for what was stored before there was a log: no minute holds those.
ALTER TABLE batch ADD COLUMN xid xid8;
ALTER TABLE batch ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
CREATE INDEX batch_by_transaction ON batch (xid);
