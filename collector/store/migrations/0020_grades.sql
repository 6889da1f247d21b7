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

-- The grade record beside an hour record (protocol/grades.py), derived in the same transaction; the columns repeat its
-- figures in seconds, effective time by grade, and the record's owner. Its bytes change with receipts, reviews and
-- decisions, which a record's do not: so it has revisions of its own where the day is closed.
CREATE TABLE day_grade (
    asset_no           text NOT NULL,
    day                date NOT NULL,
    body               bytea NOT NULL,
    owner              text NOT NULL,
    a_s                integer NOT NULL,
    b_s                integer NOT NULL,
    c_s                integer NOT NULL,
    d_s                integer NOT NULL,
    x_s                integer NOT NULL,
    lost_s             integer NOT NULL,
    counted_s          integer NOT NULL,
    counted_external_s integer NOT NULL,
    graded_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset_no, day),
    FOREIGN KEY (asset_no, day) REFERENCES hour_record ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CHECK (a_s + b_s + c_s <= counted_s AND counted_s <= a_s + b_s + c_s + d_s),
    CHECK (counted_external_s BETWEEN 0 AND counted_s)
);

-- The grade records of closed days, never changed: number n + 1 cites n and says why there had to be another. record: of
-- which revision of the hour record they are.
CREATE TABLE closed_grade (
    asset_no  text NOT NULL,
    day       date NOT NULL,
    number    integer NOT NULL CHECK (number > 0),
    record    integer NOT NULL,
    body      bytea NOT NULL,
    sha256    text NOT NULL CHECK (sha256 = encode(sha256(body), 'hex')),
    cites     text,
    why       text NOT NULL CHECK (why <> ''),
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset_no, day, number),
    FOREIGN KEY (asset_no, day, record) REFERENCES closed_record (asset_no, day, revision)
        DEFERRABLE INITIALLY DEFERRED,
    CHECK ((number = 1) = (cites IS NULL)),
    CHECK (cites <> sha256)
);
CREATE INDEX closed_grade_of_record ON closed_grade (asset_no, day, record, number);
CREATE TRIGGER closed_grade_is_a_fact BEFORE UPDATE OR DELETE ON closed_grade
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER closed_grade_is_kept BEFORE TRUNCATE ON closed_grade
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_grade_citation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.cites IS DISTINCT FROM (
        SELECT sha256 FROM closed_grade
        WHERE asset_no = NEW.asset_no AND day = NEW.day AND number = NEW.number - 1
    ) THEN
        RAISE EXCEPTION 'grades no. % of % on % do not cite those before them', NEW.number, NEW.asset_no, NEW.day
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closed_grade_cites BEFORE INSERT ON closed_grade
    FOR EACH ROW EXECUTE FUNCTION check_grade_citation();

-- Grades summed up by months and owners, by the rule of month_hours (0016). A line of zeroes says nothing.
CREATE TABLE month_grades (
    asset_no           text NOT NULL,
    owner              text NOT NULL,
    month              date NOT NULL CHECK (extract(day FROM month) = 1),
    a_s                bigint NOT NULL,
    b_s                bigint NOT NULL,
    c_s                bigint NOT NULL,
    d_s                bigint NOT NULL,
    x_s                bigint NOT NULL,
    counted_s          bigint NOT NULL,
    counted_external_s bigint NOT NULL,
    PRIMARY KEY (asset_no, owner, month)
) WITH (fillfactor = 80);
CREATE INDEX month_grades_of_owner ON month_grades (owner, month);

CREATE FUNCTION add_to_month_grades(g day_grade, sign integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO month_grades AS held (
        asset_no, owner, month, a_s, b_s, c_s, d_s, x_s, counted_s, counted_external_s
    ) VALUES (
        g.asset_no, g.owner, date_trunc('month', g.day), sign * g.a_s, sign * g.b_s, sign * g.c_s, sign * g.d_s,
        sign * g.x_s, sign * g.counted_s, sign * g.counted_external_s
    ) ON CONFLICT (asset_no, owner, month) DO UPDATE SET
        a_s = held.a_s + excluded.a_s, b_s = held.b_s + excluded.b_s, c_s = held.c_s + excluded.c_s,
        d_s = held.d_s + excluded.d_s, x_s = held.x_s + excluded.x_s, counted_s = held.counted_s + excluded.counted_s,
        counted_external_s = held.counted_external_s + excluded.counted_external_s
$$;
CREATE FUNCTION follow_day_grade() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM add_to_month_grades(OLD, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_to_month_grades(NEW, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER day_grade_in_months AFTER INSERT OR DELETE OR UPDATE OF body ON day_grade
    FOR EACH ROW EXECUTE FUNCTION follow_day_grade();

-- A log came into doubt, or out of it: the days of instruments that its agent measured are derived again, as far as they
-- have records, from the first day on that the log shows.
CREATE FUNCTION touch_days_of_journal(of_journal integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dirty_day (asset_no, day, touched_at, reason)
    SELECT h.asset_no, h.day, clock_timestamp(), 'log' FROM hour_record h
    WHERE h.asset_no IN (
            SELECT m.asset_no FROM measurement m JOIN journal j USING (agent_id) WHERE j.journal_id = of_journal)
        AND h.day >= (
            SELECT (min(r.start_at) AT TIME ZONE 'Asia/Shanghai')::date FROM reading r WHERE r.journal_id = of_journal)
    ORDER BY h.asset_no, h.day
    ON CONFLICT (asset_no, day) DO UPDATE
    SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason)
$$;
CREATE FUNCTION follow_doubt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM touch_days_of_journal(NEW.journal_id);
    RETURN NULL;
END $$;
CREATE TRIGGER journal_in_doubt AFTER UPDATE OF standing ON journal
    FOR EACH ROW WHEN ((OLD.standing = 'fork') <> (NEW.standing = 'fork')) EXECUTE FUNCTION follow_doubt();
CREATE TRIGGER epoch_reviewed AFTER INSERT ON epoch_review FOR EACH ROW EXECUTE FUNCTION follow_doubt();

-- Every record gets its grades.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), 'grades' FROM hour_record ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);
