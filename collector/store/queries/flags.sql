-- What ought to be looked at on site: shapes of days, flags as they were found, and how far the daily job came.

-- name: list_shapes
-- The shapes of an instrument's days in a range that still fit their records, in order.
SELECT s.day, s.body, s.nearest_ppb FROM day_shape s JOIN hour_record r USING (asset_no, day)
WHERE s.asset_no = %(asset_no)s AND s.day BETWEEN %(first_day)s AND %(last_day)s AND s.version = %(version)s
    AND s.record = encode(sha256(r.body), 'hex')
ORDER BY s.day;

-- name: list_shapeless
-- The records of whole days in a range that have no shape, or one that does not fit them.
SELECT r.body FROM hour_record r
LEFT JOIN day_shape s ON s.asset_no = r.asset_no AND s.day = r.day AND s.version = %(version)s
    AND s.record = encode(sha256(r.body), 'hex')
WHERE r.asset_no = %(asset_no)s AND r.day BETWEEN %(first_day)s AND %(last_day)s AND r.until_s = 86400
    AND s.asset_no IS NULL
ORDER BY r.day;

-- name: put_shape
-- A day's shape in the place of the one before; of two who make it at once the later one stands, and they are equal.
INSERT INTO day_shape (asset_no, day, version, record, body)
VALUES (%(asset_no)s, %(day)s, %(version)s, %(record)s, %(body)s)
ON CONFLICT (asset_no, day) DO UPDATE
SET version = excluded.version, record = excluded.record, body = excluded.body, nearest_ppb = NULL;

-- name: put_nearest
-- How far a day's runs are from the nearest ones of the weeks before.
UPDATE day_shape SET nearest_ppb = %(nearest_ppb)s WHERE asset_no = %(asset_no)s AND day = %(day)s;

-- name: list_beside
-- Other instruments of the owner of a record that ran on the same day for long enough to be compared.
SELECT b.asset_no FROM hour_record r JOIN hour_record b ON b.day = r.day AND b.owner = r.owner
WHERE r.asset_no = %(asset_no)s AND r.day = %(day)s AND r.owner <> '' AND b.asset_no <> r.asset_no
    AND b.run_s >= %(run_s)s
ORDER BY b.asset_no LIMIT %(limit)s;

-- name: list_spent
-- Energy (mWh) and seconds of run of the instruments of one's model over a range of days, by their shapes.
SELECT s.asset_no, sum((convert_from(s.body, 'UTF8')::jsonb ->> 1)::bigint)::bigint,
       sum((convert_from(s.body, 'UTF8')::jsonb ->> 0)::bigint)::bigint
FROM instrument_on(%(asset_no)s, %(last_day)s) own
JOIN instrument i ON true
JOIN LATERAL instrument_on(i.asset_no, %(last_day)s) other ON other.model = own.model
JOIN day_shape s ON s.asset_no = i.asset_no AND s.day BETWEEN %(first_day)s AND %(last_day)s AND s.version = %(version)s
WHERE own.model <> ''
GROUP BY s.asset_no ORDER BY s.asset_no;

-- name: list_entered
-- Uses and hours by hand of an instrument that were recorded in a stretch of time, and whether any were before it.
SELECT f.body, f.recorded_at, EXISTS (
    SELECT FROM fact e WHERE e.asset_no = f.asset_no AND e.kind IN ('use', 'hand') AND e.recorded_at < %(start)s)
FROM fact f
WHERE f.asset_no = %(asset_no)s AND f.kind IN ('use', 'hand')
    AND f.recorded_at >= %(start)s AND f.recorded_at < %(end)s
ORDER BY f.seq LIMIT %(limit)s;

-- name: list_attended
-- Uses of an instrument on a day by somebody, and his uses of others on that day, each with where its instrument
-- stands: its facility or centre, else its owner.
SELECT convert_from(f.body, 'UTF8')::jsonb ->> 'user', f.asset_no,
       coalesce(member_on(f.asset_no, 'facility', %(day)s), member_on(f.asset_no, 'centre', %(day)s),
                owner_on(f.asset_no, %(day)s), f.asset_no),
       (convert_from(f.body, 'UTF8')::jsonb ->> 'start')::bigint, (convert_from(f.body, 'UTF8')::jsonb ->> 'end')::bigint
FROM fact f
WHERE f.kind = 'use' AND f.first_day <= %(day)s AND f.last_day >= %(day)s
    AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
    AND convert_from(f.body, 'UTF8')::jsonb ->> 'user' IN (
        SELECT convert_from(o.body, 'UTF8')::jsonb ->> 'user' FROM fact o
        WHERE o.kind = 'use' AND o.asset_no = %(asset_no)s AND o.first_day <= %(day)s AND o.last_day >= %(day)s)
ORDER BY f.seq LIMIT %(limit)s;

-- name: list_used
-- Uses of an instrument that touch a range of days and that no correction names.
SELECT (convert_from(f.body, 'UTF8')::jsonb ->> 'start')::bigint, (convert_from(f.body, 'UTF8')::jsonb ->> 'end')::bigint
FROM fact f
WHERE f.kind = 'use' AND f.asset_no = %(asset_no)s AND f.first_day <= %(last_day)s AND f.last_day >= %(first_day)s
    AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
ORDER BY f.seq LIMIT %(limit)s;

-- name: insert_flag
-- A flag as it was found; the very same again is nothing new.
INSERT INTO flag (sha256, body, asset_no, rule, version, first_day, last_day, weight)
VALUES (%(sha256)s, %(body)s, %(asset_no)s, %(rule)s, %(version)s, %(first_day)s, %(last_day)s, %(weight)s)
ON CONFLICT (sha256) DO NOTHING;

-- name: list_flags
-- Flags in a scope that touch a range of days, after a place in the list, the newest days first.
SELECT seq, sha256, body, weight, found_at FROM flag
WHERE last_day >= %(first_day)s AND first_day <= %(last_day)s
    AND (%(asset_no)s::text IS NULL OR asset_no = %(asset_no)s)
    AND (%(rule)s::text IS NULL OR rule = %(rule)s)
    AND seq < %(before)s
    AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, first_day, last_day)
ORDER BY seq DESC LIMIT %(limit)s;

-- name: list_checks
-- Instruments in a scope by how much their flags of a range of days weigh (weigh_flags says how).
SELECT asset_no, sum(weighed)::bigint, sum(findings)::bigint, array_agg(rule ORDER BY weighed DESC, rule),
       max(last_day)
FROM weigh_flags(%(first_day)s, %(last_day)s, 9223372036854775807, %(scope_kind)s, %(scope_name)s)
GROUP BY asset_no ORDER BY 2 DESC, asset_no LIMIT %(limit)s;

-- name: list_due
-- Instruments whose flags are not looked for up to a day yet, and from which day on: at most a month back, and those of
-- which nothing was recorded for two months not at all.
SELECT i.asset_no, greatest(coalesce(p.until_day + 1, first.day), %(until_day)s::date - %(days)s::integer)
FROM instrument i
LEFT JOIN flag_progress p USING (asset_no)
CROSS JOIN LATERAL (
    SELECT min(r.day) AS day FROM hour_record r
    WHERE r.asset_no = i.asset_no AND r.day <= %(until_day)s AND r.day > %(until_day)s::date - 62) first
WHERE (p.until_day IS NULL OR p.until_day < %(until_day)s) AND first.day IS NOT NULL
ORDER BY p.until_day NULLS FIRST, i.asset_no LIMIT %(limit)s;

-- name: try_lock
-- Whether this transaction may look at the instrument; no other does until it ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('jishi/flags/' || %(asset_no)s, 0));

-- name: put_progress
-- Up to which day an instrument was looked at, and why the look failed, if it did.
INSERT INTO flag_progress (asset_no, until_day, problem, looked_at)
VALUES (%(asset_no)s, %(until_day)s, %(problem)s, %(now)s)
ON CONFLICT (asset_no) DO UPDATE
SET until_day = greatest(flag_progress.until_day, excluded.until_day), problem = excluded.problem,
    looked_at = excluded.looked_at;
