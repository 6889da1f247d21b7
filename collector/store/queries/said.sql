-- What was said about an instrument's day: facts, and declarations out of the agents' journals.

-- name: list_facts_of_day
-- Facts up to a line that name the instrument and touch the day.
SELECT sha256, body FROM fact
WHERE asset_no = %(asset_no)s AND first_day <= %(day)s AND last_day >= %(day)s AND kind IN ('use', 'hand', 'correction')
    AND seq <= %(upto)s;

-- name: list_corrections
-- Everything that corrects one of these, and what corrects that.
WITH RECURSIVE correction AS (
    SELECT sha256, body FROM fact WHERE target = ANY (%(targets)s) AND seq <= %(upto)s
    UNION
    SELECT f.sha256, f.body FROM correction c JOIN fact f ON f.target = 'fact:' || c.sha256 AND f.seq <= %(upto)s
)
SELECT sha256, body FROM correction;

-- name: list_orders
-- Orders of a unit by their numbers, with their documents, and corrections that put such an order in.
SELECT sha256, body FROM fact
WHERE unit = %(unit)s AND order_no = ANY (%(numbers)s) AND kind IN ('order', 'document', 'correction')
    AND seq <= %(upto)s;

-- name: list_hand_days
-- The days of an instrument for which hours were entered by hand.
SELECT DISTINCT first_day FROM fact WHERE asset_no = %(asset_no)s AND kind = 'hand' AND seq <= %(upto)s;

-- name: list_stays
-- Who signed in at the instrument, at an agent that measures it, before a day ended and at most so many days before it
-- began; with what ended that stay: the same person's next word, else nothing.
SELECT j.journal_id, j.origin, d.entry_index, d.purpose, d.order_no, d.wall_ms, coalesce(n.until_ms, n.wall_ms), n.how
FROM declaration d
JOIN journal j USING (journal_id)
LEFT JOIN LATERAL (
    SELECT until_ms, wall_ms, how FROM declaration n
    WHERE n.journal_id = d.journal_id AND n.asset_no = d.asset_no AND n.operator = d.operator
        AND n.entry_index > d.entry_index
    ORDER BY n.entry_index LIMIT 1) n ON true
WHERE d.asset_no = %(asset_no)s AND d.action = 'in' AND d.wall_ms >= %(earliest_ms)s AND d.wall_ms < %(end_ms)s
    AND EXISTS (SELECT FROM measurement m WHERE m.agent_id = j.agent_id AND m.asset_no = d.asset_no);

-- name: find_newest_reading
-- When the reading of a journal that begins last ends; events have no extent.
SELECT end_at FROM reading WHERE journal_id = %(journal_id)s AND events IS NULL
ORDER BY start_at DESC, entry_index DESC LIMIT 1;

-- name: insert_declarations
-- What was said at instruments, out of stored entries; again is harmless.
INSERT INTO declaration (journal_id, entry_index, asset_no, operator, action, how, purpose, order_no, wall_ms, until_ms)
SELECT * FROM unnest(
    %(journal_ids)s::integer[], %(entry_indexes)s::bigint[], %(asset_nos)s::text[], %(operators)s::text[],
    %(actions)s::text[], %(hows)s::text[], %(purposes)s::text[], %(order_nos)s::text[], %(wall_mss)s::bigint[],
    %(until_mss)s::bigint[])
ON CONFLICT DO NOTHING;

-- name: touch_declared_days
-- Marks the days that these declarations may change, at most 32: all since the `in` before, or since its own, up to the
-- newest reading, since whoever was there so far stayed until then; for instruments that the agent measures.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day::date, clock_timestamp(), 'declaration' FROM (
    SELECT DISTINCT d.asset_no, series.day
    FROM unnest(%(journal_ids)s::integer[], %(entry_indexes)s::bigint[]) AS u (journal_id, entry_index)
    JOIN declaration d USING (journal_id, entry_index)
    JOIN journal j USING (journal_id)
    LEFT JOIN LATERAL (
        SELECT b.wall_ms FROM declaration b
        WHERE b.journal_id = d.journal_id AND b.asset_no = d.asset_no AND b.operator = d.operator
            AND b.action = 'in' AND b.entry_index < d.entry_index
        ORDER BY b.entry_index DESC LIMIT 1) b ON true
    LEFT JOIN LATERAL (
        SELECT r.end_at AT TIME ZONE 'UTC' AS end_utc FROM reading r
        WHERE r.journal_id = d.journal_id AND r.events IS NULL
        ORDER BY r.start_at DESC, r.entry_index DESC LIMIT 1) newest ON true
    CROSS JOIN LATERAL (
        SELECT timestamp 'epoch' + least(b.wall_ms, d.wall_ms) * interval '1 ms' AS first_utc,
            greatest(timestamp 'epoch' + greatest(d.wall_ms, d.until_ms) * interval '1 ms', newest.end_utc) AS last_utc
    ) AS stay
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', first_utc + interval '8 hours'),
        least(last_utc, first_utc + interval '31 days') + interval '8 hours', interval '1 day') AS series (day)
    WHERE EXISTS (SELECT FROM measurement m WHERE m.agent_id = j.agent_id AND m.asset_no = d.asset_no)
) AS touched
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);
