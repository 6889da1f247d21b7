-- How the readings lie on disk. They are derived: `jishi-collector rebuild-readings` makes them again from batch.entries.
-- Which layout it is, collector/store/layout.py decides at the first migration on a server (queries/layout.sql makes it).

-- One line. kept_days: after how many days readings are dropped (NULL: never). absent: the times whose readings were
-- dropped and not rebuilt; a block belongs to the time at which it starts. kept_until: nothing is dropped before that,
-- because something was just rebuilt.
CREATE TABLE reading_layout (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    layout      text NOT NULL CHECK (layout IN ('plain', 'timescale')),
    arranged_at timestamptz NOT NULL DEFAULT now(),
    kept_days   integer CHECK (kept_days > 0),
    absent      tstzmultirange NOT NULL DEFAULT '{}',
    kept_until  timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE TRIGGER reading_layout_is_kept BEFORE DELETE ON reading_layout
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The plain layout's partitions: months (UTC), made years ahead. Whatever lies elsewhere, because a clock stood at 1970
-- or 2099, goes to reading_other, so that no time is refused. Rows of a month that went there before the month was
-- made move over. Nobody who writes into other months waits: attaching takes no lock against COPY.
CREATE FUNCTION make_reading_months(first timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    begins timestamptz;
    ends   timestamptz;
    part   text;
BEGIN
    FOR begins IN SELECT generate_series(date_trunc('month', first), until - interval '1 day', interval '1 month') LOOP
        ends := begins + interval '1 month';
        part := 'reading_' || to_char(begins, 'YYYY_MM');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        LOCK TABLE reading_other IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE reading INCLUDING ALL)', part);
        EXECUTE format('WITH moved AS (DELETE FROM reading_other WHERE start_at >= %L AND start_at < %L RETURNING *)'
                       ' INSERT INTO %I SELECT * FROM moved', begins, ends, part);
        EXECUTE format('ALTER TABLE reading ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, begins, ends);
    END LOOP;
END $$;

-- The timescale layout's retention, run by TimescaleDB's scheduler once a day: what is dropped is written down in the
-- same transaction, so that no day is ever derived from readings that are no longer there.
CREATE PROCEDURE drop_old_readings(job_id integer, config jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    dropped_before timestamptz;
BEGIN
    UPDATE reading_layout
    SET absent = absent + tstzmultirange(tstzrange(NULL, now() - kept_days * interval '1 day'))
    WHERE kept_days IS NOT NULL AND kept_until < now()
    RETURNING now() - kept_days * interval '1 day' INTO dropped_before;
    IF FOUND THEN
        PERFORM drop_chunks('reading', older_than => dropped_before);
    END IF;
END $$;
