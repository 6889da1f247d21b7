-- The life of a day's record after its day: closed, revised, frozen. What stands here is never changed.

-- reason: what touched the day since it was derived, as words of docs/records.md joined by ", ".
ALTER TABLE dirty_day ADD COLUMN reason text NOT NULL DEFAULT 'readings' CHECK (reason <> '');

-- What a mark says after one more reason, each word once.
CREATE FUNCTION join_reasons(held text, added text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN held = added THEN held ELSE (
        SELECT string_agg(DISTINCT word, ', ' ORDER BY word)
        FROM unnest(string_to_array(held, ', ') || string_to_array(added, ', ')) AS u (word)
    ) END
$$;

-- One line per revision of a closed day. body: the record's canonical bytes; revision n + 1 cites the identity of
-- revision n and says why there had to be another.
CREATE TABLE closed_record (
    asset_no  text NOT NULL REFERENCES instrument,
    day       date NOT NULL,
    revision  integer NOT NULL CHECK (revision > 0),
    body      bytea NOT NULL,
    sha256    text NOT NULL CHECK (sha256 = encode(sha256(body), 'hex')),
    cites     text,
    why       text NOT NULL CHECK (why <> ''),
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset_no, day, revision),
    CHECK ((revision = 1) = (cites IS NULL)),
    CHECK (cites <> sha256)
);
CREATE INDEX closed_record_by_day ON closed_record (day, asset_no, revision);
CREATE TRIGGER closed_record_is_a_fact BEFORE UPDATE OR DELETE ON closed_record
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER closed_record_is_kept BEFORE TRUNCATE ON closed_record
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_citation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.cites IS DISTINCT FROM (
        SELECT sha256 FROM closed_record
        WHERE asset_no = NEW.asset_no AND day = NEW.day AND revision = NEW.revision - 1
    ) THEN
        RAISE EXCEPTION 'revision % of % on % does not cite the one before it', NEW.revision, NEW.asset_no, NEW.day
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closed_record_cites BEFORE INSERT ON closed_record
    FOR EACH ROW EXECUTE FUNCTION check_citation();

-- revision: which closed record this is; NULL while the day may still change without a trace.
ALTER TABLE hour_record
    ADD COLUMN revision integer,
    ADD CHECK (revision IS NULL OR until_s = 86400),
    ADD FOREIGN KEY (asset_no, day, revision) REFERENCES closed_record DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX hour_record_unclosed ON hour_record (day, asset_no) WHERE revision IS NULL;

-- Who owned which instrument from which day to which, both included, inside a range of days.
CREATE FUNCTION ownership_stretches(first_day date, last_day date)
RETURNS TABLE (asset_no text, uscc text, begins date, ends date) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT held.asset_no, held.uscc, greatest(held.from_day, $1), least(held.until_day - 1, $2)
    FROM (
        SELECT o.asset_no, o.uscc, o.from_day,
               lead(o.from_day) OVER (PARTITION BY o.asset_no ORDER BY o.from_day) AS until_day
        FROM (
            SELECT DISTINCT ON (f.asset_no, f.from_day) f.asset_no, f.uscc, f.from_day
            FROM ownership f WHERE f.from_day <= $2
            ORDER BY f.asset_no, f.from_day, f.seq DESC
        ) o
    ) held
    WHERE held.uscc IS NOT NULL AND (held.until_day IS NULL OR held.until_day > $1)
$$;

-- In-network days of each instrument and owner in a range of days, with records or without.
CREATE FUNCTION owned_days(first_day date, last_day date)
RETURNS TABLE (asset_no text, uscc text, days bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.asset_no, s.uscc, sum(s.ends - s.begins + 1) FROM ownership_stretches($1, $2) s
    GROUP BY s.asset_no, s.uscc
$$;

-- A frozen period. manifest: the canonical bytes of protocol/frozen.py, with the root over all that was frozen.
-- The numbers say up to which line of each table of facts the period knows: what came later are amendments.
CREATE TABLE frozen (
    frozen_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
    first_day       date NOT NULL,
    last_day        date NOT NULL CHECK (last_day >= first_day),
    unit            text REFERENCES unit,
    manifest        bytea NOT NULL,
    sha256          text NOT NULL UNIQUE CHECK (sha256 = encode(sha256(manifest), 'hex')),
    ownership_seq   bigint NOT NULL,
    measurement_seq bigint NOT NULL,
    policy_seq      bigint NOT NULL,
    description_seq bigint NOT NULL,
    fact_seq        bigint NOT NULL,
    frozen_by       text NOT NULL CHECK (frozen_by <> ''),
    frozen_at       timestamptz NOT NULL
);
CREATE TRIGGER frozen_is_a_fact BEFORE UPDATE OR DELETE ON frozen FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Which revision of which record a frozen period holds. Those rows are never changed, so nothing is copied.
CREATE TABLE frozen_record (
    frozen_id integer NOT NULL REFERENCES frozen,
    asset_no  text NOT NULL,
    day       date NOT NULL,
    revision  integer NOT NULL,
    PRIMARY KEY (frozen_id, asset_no, day),
    FOREIGN KEY (asset_no, day, revision) REFERENCES closed_record
);
CREATE TRIGGER frozen_record_is_a_fact BEFORE UPDATE OR DELETE ON frozen_record
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- How far each journal reached.
CREATE TABLE frozen_journal (
    frozen_id  integer NOT NULL REFERENCES frozen,
    journal_id integer NOT NULL REFERENCES journal,
    size       bigint NOT NULL CHECK (size >= 0),
    PRIMARY KEY (frozen_id, journal_id)
);
CREATE TRIGGER frozen_journal_is_a_fact BEFORE UPDATE OR DELETE ON frozen_journal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Everything else that was frozen: the leaves of protocol/frozen.py that are no records, in their order.
CREATE TABLE frozen_leaf (
    frozen_id integer NOT NULL REFERENCES frozen,
    place     integer NOT NULL CHECK (place >= 0),
    kind      text NOT NULL,
    asset_no  text NOT NULL,
    body      bytea NOT NULL,
    PRIMARY KEY (frozen_id, place)
);
CREATE INDEX frozen_leaf_of_asset ON frozen_leaf (asset_no, frozen_id);
CREATE TRIGGER frozen_leaf_is_a_fact BEFORE UPDATE OR DELETE ON frozen_leaf
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
