-- The collector's own log: what is not in it yet, and what it holds.

-- name: try_lock
-- Whether this session is the one that writes the log, until it ends.
SELECT pg_try_advisory_lock(hashtextextended('jishi log', 0));

-- name: load_head
-- The log that grows: its name, origin and newest tree; no row before the first.
SELECT log, origin, vkey, h.size, h.frontier, h.note, h.time_s, h.read_to::text::bigint
FROM collector_log JOIN log_head h USING (log) ORDER BY seq DESC LIMIT 1;

-- name: list_heads
-- Every log with its newest tree, the first one first.
SELECT log, origin, vkey, size, frontier, note, time_s, read_to::text::bigint
FROM collector_log JOIN log_head USING (log) ORDER BY seq;

-- name: load_head_of
-- One log with its newest tree.
SELECT log, origin, vkey, size, root, note, time_s FROM collector_log JOIN log_head USING (log) WHERE log = %(log)s;

-- name: list_logs
-- The names of all logs that were ever begun, those too that only a beacon tells of.
SELECT log FROM collector_log UNION SELECT log FROM log_conflict;

-- name: hold_head
-- Nobody appends to the log that grows until this transaction is over; who tried at the same time starts anew.
UPDATE log_head SET time_s = time_s WHERE log = (SELECT log FROM collector_log ORDER BY seq DESC LIMIT 1);

-- name: open_log
-- A new log begins.
INSERT INTO collector_log (log, origin, vkey, predecessor, why, opened_at)
VALUES (%(log)s, %(origin)s, %(vkey)s, %(predecessor)s, %(why)s, %(now)s);

-- name: insert_head
-- The first tree of a log. It goes on with the receipts where the log before it ended; where that cannot be, because
-- the transactions count from lower numbers now, with those that come.
INSERT INTO log_head (log, size, root, frontier, note, time_s, read_to)
VALUES (%(log)s, %(size)s, %(root)s, %(frontier)s, %(note)s, %(time_s)s,
    CASE WHEN %(read_to)s::text::xid8 <= pg_current_xact_id() THEN %(read_to)s::text::xid8
         ELSE pg_snapshot_xmin(pg_current_snapshot()) END);

-- name: move_head
-- The newest tree of a log, if it is still the one that we started from and no other log follows.
UPDATE log_head SET size = %(size)s, root = %(root)s, frontier = %(frontier)s, note = %(note)s, time_s = %(time_s)s,
    read_to = %(read_to)s::text::xid8
WHERE log = %(log)s AND size = %(old)s AND NOT EXISTS (SELECT FROM collector_log c WHERE c.predecessor = %(log)s);

-- name: load_window
-- Below which transaction all are over, and the number of this one.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint;

-- name: list_receipts
-- Receipts of the transactions in [since, until), each once, by journal and size.
SELECT b.receipt FROM batch b JOIN journal j USING (journal_id)
WHERE b.xid >= %(since)s::text::xid8 AND b.xid < %(until)s::text::xid8
GROUP BY j.origin COLLATE "C", b.receipt ORDER BY j.origin COLLATE "C", max(b.size);

-- name: list_new_beacons
-- Beacons that we signed, of the transactions in [since, until).
SELECT j.origin, l.entry_index, l.body FROM landmark l JOIN journal j USING (journal_id)
WHERE l.beacon_s IS NOT NULL AND l.xid >= %(since)s::text::xid8 AND l.xid < %(until)s::text::xid8;

-- name: list_facts
-- Facts behind a cursor that are in no log.
SELECT f.seq, f.recorded_at, f.sha256 FROM fact f
WHERE f.seq > %(key)s AND NOT EXISTS (SELECT FROM log_leaf l WHERE l.ref = 'fact:' || f.sha256)
ORDER BY f.seq LIMIT %(limit)s;

-- name: find_settled_fact
-- The last fact that is older than an instant.
SELECT max(seq) FROM fact WHERE seq > %(key)s AND recorded_at < %(before)s;

-- name: list_closed
-- Closed records behind an instant that are in no log, the oldest ones, with their owners and the newest closed grades
-- of each, by day, unit, instrument and revision.
WITH fresh AS (
    SELECT * FROM closed_record c
    WHERE closed_at > %(since)s AND NOT EXISTS (
        SELECT FROM logged_record l WHERE (l.asset_no, l.day, l.revision) = (c.asset_no, c.day, c.revision))
    ORDER BY closed_at LIMIT %(limit)s
)
SELECT f.day, coalesce(convert_from(f.body, 'UTF8')::jsonb ->> 'owner', ''), f.asset_no, f.revision, f.sha256,
    coalesce((SELECT g.sha256 FROM closed_grade g WHERE (g.asset_no, g.day, g.record) = (f.asset_no, f.day, f.revision)
              ORDER BY g.number DESC LIMIT 1), ''), f.closed_at
FROM fresh f ORDER BY 1, 2, 3, 4;

-- name: count_closed_leaves
-- How many leaves of a day and unit there are; their refs end in 1, 2, 3.
WITH RECURSIVE taken (n) AS (
    SELECT 0
    UNION ALL
    SELECT n + 1 FROM taken WHERE EXISTS (SELECT FROM log_leaf WHERE ref = %(prefix)s || (n + 1))
)
SELECT max(n) FROM taken;

-- name: load_cursor
-- Up to where a source was logged long ago.
SELECT key FROM log_cursor WHERE source = %(source)s;

-- name: move_cursor
-- What lies before this key is not looked at again.
INSERT INTO log_cursor (source, key) VALUES (%(source)s, %(key)s)
ON CONFLICT (source) DO UPDATE SET key = greatest(log_cursor.key, excluded.key);

-- name: find_refs
-- Which of these are in a log already.
SELECT ref FROM log_leaf WHERE ref = ANY (%(refs)s);

-- name: list_leaves
-- The leaves of a log from one on, in order.
SELECT body FROM log_leaf WHERE log = %(log)s AND leaf_index >= %(first)s AND leaf_index < %(end)s ORDER BY leaf_index;

-- name: find_leaf
-- Where something is in a log.
SELECT log, leaf_index, body FROM log_leaf WHERE ref = %(ref)s;

-- name: load_leaf
-- One leaf by its place.
SELECT body FROM log_leaf WHERE log = %(log)s AND leaf_index = %(leaf_index)s;

-- name: find_record
-- In which leaf a revision of a record is, and at which place of the leaf's tree.
SELECT log, leaf_index, place, grades FROM logged_record
WHERE asset_no = %(asset_no)s AND day = %(day)s AND revision = %(revision)s;

-- name: list_records_of_leaf
-- What a closed leaf commits to, in its order.
SELECT l.asset_no, l.day, l.revision, c.sha256, l.grades
FROM logged_record l JOIN closed_record c USING (asset_no, day, revision)
WHERE l.log = %(log)s AND l.leaf_index = %(leaf_index)s ORDER BY l.place;

-- name: note_conflict
-- Somebody shows another history of a log; said once.
INSERT INTO log_conflict (log, what, size, root, origin, entry_index)
VALUES (%(log)s, %(what)s, %(size)s, %(root)s, %(origin)s, %(entry_index)s)
ON CONFLICT DO NOTHING;

-- name: list_conflicts
-- What was shown against a log, the first one first.
SELECT what, size, origin, entry_index, seen_at FROM log_conflict WHERE log = %(log)s ORDER BY seq LIMIT 20;

-- name: list_registered
-- Statements of the registry, of one kind after the other: kind, key, when, and the members.
SELECT 'unit', 0::bigint, NULL::timestamptz, jsonb_build_array('unit', uscc, name_zh) FROM unit
WHERE %(asset_no)s::text IS NULL OR uscc IN (SELECT o.uscc FROM ownership o WHERE o.asset_no = %(asset_no)s)
UNION ALL
SELECT 'instrument', (extract(epoch FROM registered_at) * 1000000)::bigint, registered_at,
    jsonb_build_array('instrument', asset_no, model)
FROM instrument WHERE asset_no = coalesce(%(asset_no)s, asset_no)
    AND (extract(epoch FROM registered_at) * 1000000)::bigint > coalesce((%(keys)s::jsonb ->> 'instrument')::bigint, 0)
UNION ALL
SELECT 'ownership', seq, recorded_at, jsonb_build_array('ownership', asset_no, coalesce(uscc, ''), from_day, seq)
FROM ownership WHERE asset_no = coalesce(%(asset_no)s, asset_no)
    AND seq > coalesce((%(keys)s::jsonb ->> 'ownership')::bigint, 0)
UNION ALL
SELECT 'model', seq, recorded_at, jsonb_build_array('model', asset_no, model, from_day, seq)
FROM instrument_description WHERE asset_no = coalesce(%(asset_no)s, asset_no)
    AND seq > coalesce((%(keys)s::jsonb ->> 'model')::bigint, 0)
UNION ALL
SELECT 'measurement', seq, recorded_at,
    jsonb_build_array('measurement', agent_id, watcher, channel, coalesce(asset_no, ''), from_day, seq)
FROM measurement m WHERE seq > coalesce((%(keys)s::jsonb ->> 'measurement')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR EXISTS (
        SELECT FROM measurement o WHERE o.asset_no = %(asset_no)s
            AND (o.agent_id, o.watcher, o.channel) = (m.agent_id, m.watcher, m.channel)))
UNION ALL
SELECT 'policy', seq, recorded_at,
    jsonb_build_array('policy', coalesce(asset_no, ''), coalesce(model, ''), from_day, sha256, seq)
FROM policy_in_force WHERE seq > coalesce((%(keys)s::jsonb ->> 'policy')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR asset_no IS NULL OR asset_no = %(asset_no)s)
UNION ALL
SELECT 'enrolment', journal_id, registered_at,
    jsonb_build_array('enrolment', origin, vkey, floor(extract(epoch FROM registered_at) * 1000)::bigint)
FROM journal WHERE journal_id > coalesce((%(keys)s::jsonb ->> 'enrolment')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR agent_id IN (SELECT agent_id FROM measurement WHERE asset_no = %(asset_no)s))
UNION ALL
SELECT 'revocation', (extract(epoch FROM r.revoked_at) * 1000000)::bigint, r.revoked_at,
    jsonb_build_array('revocation', j.origin, floor(extract(epoch FROM r.revoked_at) * 1000)::bigint, r.why)
FROM revocation r JOIN journal j USING (journal_id)
WHERE (extract(epoch FROM r.revoked_at) * 1000000)::bigint > coalesce((%(keys)s::jsonb ->> 'revocation')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR j.agent_id IN (SELECT agent_id FROM measurement WHERE asset_no = %(asset_no)s))
UNION ALL
SELECT 'epoch', e.journal_id, e.begun_at,
    jsonb_build_array('epoch', j.origin, p.origin, e.reason, e.had, e.held,
                      floor(extract(epoch FROM e.begun_at) * 1000)::bigint)
FROM epoch_begun e JOIN journal j USING (journal_id) JOIN journal p ON p.journal_id = e.predecessor_id
WHERE e.journal_id > coalesce((%(keys)s::jsonb ->> 'epoch')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR j.agent_id IN (SELECT agent_id FROM measurement WHERE asset_no = %(asset_no)s))
UNION ALL
SELECT 'person-key', k.key_id, k.recorded_at,
    jsonb_build_array('person-key', k.vkey, p.name, floor(extract(epoch FROM k.recorded_at) * 1000)::bigint)
FROM person_key k JOIN person p USING (person_id)
WHERE k.key_id > coalesce((%(keys)s::jsonb ->> 'person-key')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR k.key_id IN (
        SELECT key_id FROM finding WHERE asset_no = %(asset_no)s
        UNION ALL SELECT s.key_id FROM signed_decision s JOIN fact f ON f.sha256 = s.fact WHERE f.asset_no = %(asset_no)s))
UNION ALL
SELECT 'revocation', (extract(epoch FROM v.revoked_at) * 1000000)::bigint, v.revoked_at,
    jsonb_build_array('revocation', k.name, floor(extract(epoch FROM v.revoked_at) * 1000)::bigint, v.why)
FROM person_key_revocation v JOIN person_key k USING (key_id)
WHERE (extract(epoch FROM v.revoked_at) * 1000000)::bigint > coalesce((%(keys)s::jsonb ->> 'revocation')::bigint, 0)
    AND (%(asset_no)s::text IS NULL OR k.key_id IN (
        SELECT key_id FROM finding WHERE asset_no = %(asset_no)s
        UNION ALL SELECT s.key_id FROM signed_decision s JOIN fact f ON f.sha256 = s.fact WHERE f.asset_no = %(asset_no)s))
ORDER BY 1, 2, 4;

-- name: insert_leaf
-- A leaf of a log, and what it commits to.
INSERT INTO log_leaf (log, leaf_index, body, ref) VALUES (%s, %s, %s, %s);

-- name: insert_logged_record
-- A revision of a record is in a leaf.
INSERT INTO logged_record (asset_no, day, revision, log, leaf_index, place, grades) VALUES (%s, %s, %s, %s, %s, %s, %s);
