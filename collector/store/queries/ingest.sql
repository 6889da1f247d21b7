-- name: hold_measurements
-- Holds off new measurement facts until we commit (registry's lock_measurements is the other side).
SELECT pg_advisory_xact_lock_shared(hashtextextended('jishi measurement', 0));

-- name: load_journals
-- What is held of the logs with these origins.
SELECT origin, journal_id, agent_id, vkey, revoked_at IS NOT NULL, standing, size, frontier, receipt
FROM journal WHERE origin = ANY (%(origins)s);

-- name: load_newest_journal
-- What is held of an agent's newest log, to answer a message that names no log.
SELECT size, receipt FROM journal WHERE agent_id = %(agent_id)s ORDER BY epoch DESC LIMIT 1;

-- name: count_agents
-- How many agents are registered.
SELECT count(*) FROM agent;

-- name: swap_journals
-- Compare-and-swap: a journal moves from the size that we judged by, or not at all; returns those that moved.
UPDATE journal j
SET size = u.size, frontier = u.frontier, receipt = u.receipt, receipted_at = %(now)s,
    standing = CASE j.standing WHEN 'fork' THEN 'fork' ELSE u.standing END
FROM unnest(%(journals)s::integer[], %(olds)s::bigint[], %(sizes)s::bigint[], %(frontiers)s::bytea[],
            %(receipts)s::bytea[], %(standings)s::text[]) AS u (journal_id, old, size, frontier, receipt, standing)
WHERE j.journal_id = u.journal_id AND j.size = u.old AND j.revoked_at IS NULL
RETURNING j.journal_id;

-- name: set_standing
-- How a journal stands; a proved fork stays one.
UPDATE journal SET standing = %(standing)s WHERE journal_id = %(journal_id)s AND standing <> 'fork';

-- name: hold_note
-- Keeps a batch that may be a fork: each note once, at most two of a kind for a journal.
INSERT INTO held_note (journal_id, kind, note, batch, received_at)
SELECT %(journal_id)s, %(kind)s, %(note)s, %(batch)s, %(now)s
WHERE (SELECT count(*) FROM held_note WHERE journal_id = %(journal_id)s AND kind = %(kind)s) < 2
    AND NOT EXISTS (SELECT FROM held_note WHERE journal_id = %(journal_id)s AND note = %(note)s);

-- name: find_batch_up_to
-- The stored batch that holds the entry before this size, whose note may be for exactly this size; without a note of its
-- own it is the beginning of the receipt.
SELECT size, coalesce(note, receipt) FROM batch WHERE journal_id = %(journal_id)s AND first < %(size)s ORDER BY first DESC LIMIT 1;

-- name: list_bundles_up_to
-- The stored entries of a journal from the beginning, in order.
SELECT entries FROM batch WHERE journal_id = %(journal_id)s AND first < %(size)s ORDER BY first;

-- name: touch_days
-- Marks the days of these watchers' readings, each once, for the instrument that each measured on that day.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), %(reason)s FROM (
    SELECT DISTINCT m.asset_no, t.day
    FROM (SELECT agent_id, watcher, channel, DATE '1970-01-01' + day_no AS day
          FROM unnest(%(agents)s::text[], %(watchers)s::text[], %(channels)s::text[], %(days)s::integer[])
              AS u (agent_id, watcher, channel, day_no)) AS t
    CROSS JOIN LATERAL (
        SELECT asset_no FROM measurement m
        WHERE m.agent_id = t.agent_id AND m.watcher = t.watcher AND m.channel = t.channel AND m.from_day <= t.day
        ORDER BY m.from_day DESC, m.seq DESC LIMIT 1) AS m
    WHERE m.asset_no IS NOT NULL
) AS touched
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);

-- name: see_agents
-- These agents spoke now, and said that their journals have these sizes.
UPDATE agent a SET last_seen_at = %(now)s, reported_size = u.size
FROM unnest(%(agents)s::text[], %(sizes)s::bigint[]) AS u (agent_id, size) WHERE a.agent_id = u.agent_id;

-- name: notify
-- Tells the deriver, once this transaction commits, that there is work.
SELECT pg_notify(%(channel)s, '');

-- name: take_worker_number
-- Takes the lowest number that no other worker has, until the session ends.
SELECT number FROM generate_series(0, 9999) AS number
WHERE pg_try_advisory_lock(hashtext('jishi ingest worker'), number) LIMIT 1;

-- name: begin_serving
-- Says that this worker takes part, until the session ends.
SELECT pg_advisory_lock(hashtext('jishi ingest serving'), %(number)s);

-- name: end_serving
-- Says that this worker takes no part any more.
SELECT pg_advisory_unlock(hashtext('jishi ingest serving'), %(number)s);

-- name: take_shards
-- Takes so many of these shards as nobody owns, until the session ends.
SELECT shard FROM unnest(%(shards)s::integer[]) AS shard
WHERE pg_try_advisory_lock(hashtext('jishi shard'), shard) LIMIT %(count)s;

-- name: release_shards
-- Gives back shards that this session owns.
SELECT pg_advisory_unlock(hashtext('jishi shard'), shard) FROM unnest(%(shards)s::integer[]) AS shard;

-- name: list_workers
-- Each worker's number, whether it serves, and the shards that it owns, as the locks of their sessions say.
WITH held AS (
    SELECT pid, classid, objid::bigint::integer AS number FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
SELECT worker.number, bool_or(of.classid = hashtext('jishi ingest serving')::oid),
    coalesce(array_agg(of.number ORDER BY of.number) FILTER (WHERE of.classid = hashtext('jishi shard')::oid), '{}')
FROM held AS worker JOIN held AS of USING (pid)
WHERE worker.classid = hashtext('jishi ingest worker')::oid GROUP BY worker.number ORDER BY worker.number;

-- name: end_hung_workers
-- Ends the sessions of other workers that have kept the server waiting for so long: stopped, or cut off from it.
-- (materialised, because a planner may try the parts of one WHERE in any order, and so end everybody)
WITH hung AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE locktype = 'advisory' AND classid = hashtext('jishi ingest worker')::oid AND datname = current_database()
        AND pid <> pg_backend_pid() AND wait_event IN ('ClientRead', 'ClientWrite')
        AND state_change < clock_timestamp() - make_interval(secs => %(seconds)s))
SELECT pid, pg_terminate_backend(pid, 1000) FROM hung;
