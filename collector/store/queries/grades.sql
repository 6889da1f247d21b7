-- What grades are made of, and what became of them.

-- name: load_journals
-- Of these logs: whether nothing about them is in doubt (a fork is until somebody has reviewed what came of it), and
-- whether a clock of theirs was corrected.
SELECT origin, journal_id,
    NOT EXISTS (SELECT FROM unreviewed_epoch u WHERE u.journal_id = j.journal_id)
        AND NOT (standing = 'fork' AND (
            EXISTS (SELECT FROM unreviewed_fork u WHERE u.journal_id = j.journal_id)
            OR NOT EXISTS (SELECT FROM fork_proof p WHERE p.journal_id = j.journal_id))),
    EXISTS (SELECT FROM boot_clock c WHERE c.journal_id = j.journal_id
            AND greatest(own_high_ms - fix_low_ms, fix_high_ms - own_low_ms) > %(limit_ms)s)
FROM journal j WHERE origin = ANY (%(origins)s);

-- name: list_receipts
-- Which entries of [low, high] each receipt was the first for, and when it was given (UTC ms).
SELECT u.journal_id, b.first, b.size, floor(extract(epoch FROM b.received_at))::bigint * 1000
FROM unnest(%(journals)s::integer[], %(lows)s::bigint[], %(highs)s::bigint[]) AS u (journal_id, low, high)
JOIN batch b ON b.journal_id = u.journal_id AND b.first <= u.high
    AND b.first >= (SELECT max(a.first) FROM batch a WHERE a.journal_id = u.journal_id AND a.first <= u.low)
ORDER BY u.journal_id, b.first;

-- name: list_landmarks
-- What is no reading among the entries of [low, high], from the last verified beacon before them up to the last `start`
-- that can name one of them as recovered; with the time of beacons and the bytes of starts.
SELECT u.journal_id, l.entry_index, l.boot, l.mono_ms, l.beacon_s * 1000, CASE WHEN l.kind = 'start' THEN l.body END
FROM unnest(%(journals)s::integer[], %(lows)s::bigint[], %(highs)s::bigint[]) AS u (journal_id, low, high)
JOIN landmark l ON l.journal_id = u.journal_id AND l.entry_index <= u.high + 130
    AND l.entry_index >= coalesce((
        SELECT max(a.entry_index) FROM landmark a
        WHERE a.journal_id = u.journal_id AND a.beacon_s IS NOT NULL AND a.entry_index <= u.low), u.low)
ORDER BY u.journal_id, l.entry_index;

-- name: list_earlier
-- Of boots: the latest monotonic time of a landmark before an index, where it is later than this one.
SELECT u.journal_id, u.boot, l.mono_ms
FROM unnest(%(journals)s::integer[], %(boots)s::text[], %(lows)s::bigint[], %(mono_mss)s::bigint[])
    AS u (journal_id, boot, low, mono_ms)
CROSS JOIN LATERAL (
    SELECT l.mono_ms FROM landmark l
    WHERE l.journal_id = u.journal_id AND l.boot = u.boot AND l.mono_ms > u.mono_ms AND l.entry_index < u.low
    ORDER BY l.mono_ms DESC LIMIT 1) AS l;

-- name: list_shifts
-- Readings of these logs whose clock was corrected, around a stretch of time.
SELECT journal_id, entry_index, shift_ms FROM reading
WHERE journal_id = ANY (%(journals)s) AND shift_ms IS NOT NULL AND start_at > %(earliest)s AND start_at < %(end)s;

-- name: put_grade
-- Stores a day's grade record unless the very same is stored already. Where the day is closed it is one more revision of
-- its grades, which cites the one before.
WITH put AS (
    INSERT INTO day_grade (asset_no, day, body, owner, a_s, b_s, c_s, d_s, x_s, lost_s, counted_s, counted_external_s)
    VALUES (%(asset_no)s, %(day)s, %(body)s, %(owner)s, %(a_s)s, %(b_s)s, %(c_s)s, %(d_s)s, %(x_s)s, %(lost_s)s,
        %(counted_s)s, %(counted_external_s)s)
    ON CONFLICT (asset_no, day) DO UPDATE SET
        body = excluded.body, owner = excluded.owner, a_s = excluded.a_s, b_s = excluded.b_s, c_s = excluded.c_s,
        d_s = excluded.d_s, x_s = excluded.x_s, lost_s = excluded.lost_s, counted_s = excluded.counted_s,
        counted_external_s = excluded.counted_external_s, graded_at = clock_timestamp()
    WHERE day_grade.body IS DISTINCT FROM excluded.body
    RETURNING asset_no, day, body
)
INSERT INTO closed_grade (asset_no, day, number, record, body, sha256, cites, why)
SELECT h.asset_no, h.day, coalesce(before.number, 0) + 1, h.revision, put.body, encode(sha256(put.body), 'hex'),
    before.sha256, %(why)s
FROM put JOIN hour_record h USING (asset_no, day)
LEFT JOIN LATERAL (
    SELECT g.number, g.sha256, g.body FROM closed_grade g WHERE (g.asset_no, g.day) = (h.asset_no, h.day)
    ORDER BY g.number DESC LIMIT 1) AS before ON true
WHERE h.revision IS NOT NULL AND before.body IS DISTINCT FROM put.body;

-- name: list_torn_grades
-- Closed days whose grades are not their newest revision, byte for byte.
SELECT c.asset_no, c.day FROM (
    SELECT DISTINCT ON (asset_no, day) asset_no, day, body FROM closed_grade
    WHERE day BETWEEN %(first_day)s AND %(last_day)s AND (%(asset_no)s::text IS NULL OR asset_no = %(asset_no)s)
    ORDER BY asset_no, day, number DESC
) c
LEFT JOIN day_grade g USING (asset_no, day)
WHERE g.body IS DISTINCT FROM c.body
ORDER BY c.day, c.asset_no;

-- name: load_grade
-- The bytes of a day's grade record.
SELECT body FROM day_grade WHERE asset_no = %(asset_no)s AND day = %(day)s;
