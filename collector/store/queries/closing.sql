-- How a day's record closes, and how it goes on from there.

-- name: close_days
-- Closes days that are over for long enough, wait for nothing and are not closed yet, and their grades with them; at most
-- `limit` at once.
WITH due AS (
    SELECT h.asset_no, h.day FROM hour_record h
    WHERE h.revision IS NULL AND h.until_s = 86400 AND h.day <= %(last_day)s
        AND NOT EXISTS (SELECT FROM dirty_day d WHERE d.asset_no = h.asset_no AND d.day = h.day)
    ORDER BY h.day, h.asset_no LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), closing AS (
    UPDATE hour_record h SET revision = 1 FROM due
    WHERE (h.asset_no, h.day) = (due.asset_no, due.day) AND h.revision IS NULL
    RETURNING h.asset_no, h.day, h.body
), graded AS (
    INSERT INTO closed_grade (asset_no, day, number, record, body, sha256, why)
    SELECT asset_no, day, 1, 1, g.body, encode(sha256(g.body), 'hex'), 'closed'
    FROM closing JOIN day_grade g USING (asset_no, day)
)
INSERT INTO closed_record (asset_no, day, revision, body, sha256, why)
SELECT asset_no, day, 1, body, encode(sha256(body), 'hex'), 'closed' FROM closing;

-- name: insert_revision
-- A closed day has other bytes now: one more revision, which cites the one before; nothing where it is there already.
INSERT INTO closed_record (asset_no, day, revision, body, sha256, cites, why)
SELECT asset_no, day, revision + 1, %(body)s, encode(sha256(%(body)s), 'hex'), sha256, %(why)s
FROM closed_record WHERE asset_no = %(asset_no)s AND day = %(day)s AND revision = %(revision)s - 1
ON CONFLICT DO NOTHING;

-- name: list_revisions
-- The revisions of a closed day, the first one first.
SELECT revision, sha256, cites, why, closed_at FROM closed_record
WHERE asset_no = %(asset_no)s AND day = %(day)s ORDER BY revision;

-- name: load_revision
-- The bytes of one revision.
SELECT body FROM closed_record WHERE asset_no = %(asset_no)s AND day = %(day)s AND revision = %(revision)s;

-- name: load_measurement
-- All facts up to a line about channels that measured the instrument at any time.
SELECT m.agent_id, m.watcher, m.channel, m.asset_no, m.from_day, m.seq
FROM measurement m
WHERE m.seq <= %(measurement)s AND (m.agent_id, m.watcher, m.channel) IN (
    SELECT agent_id, watcher, channel FROM measurement WHERE asset_no = %(asset_no)s AND seq <= %(measurement)s
);

-- name: load_dated
-- Who owned an instrument from which day, of which model it was (first as it was registered), and which policies held for
-- it, for a model or as the default: what, a policy's level, from which day, line, name, a policy's bytes. Each by every
-- fact up to a line. In one question, because every day of every instrument begins with it.
SELECT 'owner', NULL::integer, from_day, seq, uscc, NULL::bytea
FROM ownership WHERE asset_no = %(asset_no)s AND seq <= %(ownership)s
UNION ALL
SELECT 'model', NULL, DATE '0001-01-01', 0, model, NULL FROM instrument WHERE asset_no = %(asset_no)s
UNION ALL
SELECT 'model', NULL, from_day, seq, model, NULL
FROM instrument_description WHERE asset_no = %(asset_no)s AND seq <= %(description)s
UNION ALL
SELECT 'policy', CASE WHEN f.asset_no IS NOT NULL THEN 2 WHEN f.model IS NOT NULL THEN 1 ELSE 0 END, f.from_day, f.seq,
    coalesce(f.model, ''), p.body
FROM policy_in_force f JOIN policy p USING (sha256)
WHERE (f.asset_no = %(asset_no)s OR f.asset_no IS NULL) AND f.seq <= %(policy)s;

-- name: list_torn_revisions
-- Closed days whose record is not the newest revision, byte for byte.
SELECT c.asset_no, c.day FROM (
    SELECT DISTINCT ON (asset_no, day) asset_no, day, revision, body FROM closed_record
    WHERE day BETWEEN %(first_day)s AND %(last_day)s AND (%(asset_no)s::text IS NULL OR asset_no = %(asset_no)s)
    ORDER BY asset_no, day, revision DESC
) c
LEFT JOIN hour_record h USING (asset_no, day)
WHERE (h.revision, h.body) IS DISTINCT FROM (c.revision, c.body)
ORDER BY c.day, c.asset_no;
