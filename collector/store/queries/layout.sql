-- How the readings are laid out: what the server offers, what is there, and the statements that make it so.

-- name: load_offer
-- Whether the server loads TimescaleDB, which version it would give this database, and under which licence.
SELECT current_setting('timescaledb.max_background_workers', true) IS NOT NULL,
       (SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'timescaledb'),
       current_setting('timescaledb.license', true);

-- name: load_layout
-- The layout in use and what it keeps; nothing before the first.
SELECT layout, kept_days, (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') FROM reading_layout;

-- name: put_layout
-- Writes down the layout that was just made, or what it keeps from now on.
INSERT INTO reading_layout (layout, kept_days) VALUES (%(layout)s, %(kept_days)s)
ON CONFLICT (only_one) DO UPDATE SET layout = excluded.layout, kept_days = excluded.kept_days,
    arranged_at = CASE WHEN reading_layout.layout = excluded.layout THEN reading_layout.arranged_at ELSE now() END;

-- name: set_aside
-- Takes the readings out of the way, so that a table of another layout can take their place.
ALTER TABLE reading RENAME CONSTRAINT reading_pkey TO reading_before_pkey;
ALTER TABLE reading RENAME TO reading_before;

-- name: make_plain
-- A table partitioned by month, with a place for times that have no month.
CREATE TABLE reading (LIKE reading_before) PARTITION BY RANGE (start_at);
ALTER TABLE reading ADD PRIMARY KEY (journal_id, start_at, entry_index);
CREATE TABLE reading_other PARTITION OF reading DEFAULT;
SELECT make_reading_months((SELECT min(start_at) FROM reading_before WHERE start_at >= '2025-01-01'), now());

-- name: maintain_plain
-- The months of the next years, and of any that were written to before they were there.
SELECT make_reading_months(
    (SELECT coalesce(min(start_at), now()) FROM reading_other WHERE start_at BETWEEN '2025-01-01' AND now()),
    date_trunc('month', now()) + interval '2 years');

-- name: take_extension
-- TimescaleDB for this database.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- name: make_timescale
-- A hypertable without any unique index: it is not the authority, and looking for duplicates in compressed chunks is dear.
CREATE TABLE reading (LIKE reading_before);
SELECT create_hypertable('reading', by_range('start_at'), create_default_indexes => false);
CREATE INDEX reading_of_journal ON reading (journal_id, start_at);

-- name: maintain_timescale
-- Chunks of a week, in columns after two; what is too old is dropped daily by drop_old_readings.
SELECT set_chunk_time_interval('reading', interval '7 days');
ALTER TABLE reading SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'journal_id',
                         timescaledb.orderby = 'start_at, entry_index');
CALL remove_columnstore_policy('reading', if_exists => true);
CALL add_columnstore_policy('reading', after => interval '14 days');
SELECT add_job('drop_old_readings', interval '1 day')
WHERE NOT EXISTS (SELECT FROM timescaledb_information.jobs WHERE proc_name = 'drop_old_readings');

-- name: move_readings
-- Every reading from the table that was set aside into the new one.
INSERT INTO reading SELECT * FROM reading_before;
DROP TABLE reading_before;
ANALYZE reading;

-- name: is_absent
-- Whether readings that start in a stretch of time were dropped.
SELECT EXISTS (SELECT FROM reading_layout WHERE absent && tstzmultirange(tstzrange(%(start)s, %(end)s)));

-- name: hold_back_dropping
-- Nothing is dropped for a month, because somebody rebuilds readings to look at them.
UPDATE reading_layout SET kept_until = now() + interval '30 days';

-- name: note_rebuilt
-- The readings that start in a stretch of time are all there again.
UPDATE reading_layout SET absent = absent - tstzmultirange(tstzrange(%(start)s, %(end)s));
