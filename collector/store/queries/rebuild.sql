-- What rebuilding readings from the stored entries asks.

-- name: try_lock
-- Whether this session may rebuild; no other does until it ends.
SELECT pg_try_advisory_lock(hashtext('jishi rebuild'), 0);

-- name: list_journals
-- Every journal that holds entries, with the size up to which its rows are ours to replace.
SELECT journal_id, origin, agent_id, size FROM journal WHERE size > 0 ORDER BY journal_id;

-- name: lift_limit
-- TimescaleDB lets one transaction change only so many rows in columns; elsewhere the setting means nothing.
SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);

-- name: remove_rows
-- The readings of a journal that start in a stretch of time; those of entries that come in meanwhile stay.
DELETE FROM reading
WHERE journal_id = %(journal_id)s AND start_at >= %(start)s AND start_at < %(end)s AND entry_index < %(size)s;

-- name: list_bundles
-- The stored entries of a journal below a size, in order.
SELECT first, entries FROM batch WHERE journal_id = %(journal_id)s AND first < %(size)s ORDER BY first;
