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
SELECT j.origin, d.entry_index, d.purpose, d.order_no, d.wall_ms, coalesce(n.until_ms, n.wall_ms), n.how
FROM declaration d
JOIN journal j USING (journal_id)
LEFT JOIN LATERAL (
    SELECT until_ms, wall_ms, how FROM declaration n
    WHERE n.journal_id = d.journal_id AND n.asset_no = d.asset_no AND n.operator = d.operator
        AND n.entry_index > d.entry_index
    ORDER BY n.entry_index LIMIT 1) n ON true
WHERE d.asset_no = %(asset_no)s AND d.action = 'in' AND d.wall_ms >= %(earliest_ms)s AND d.wall_ms < %(end_ms)s
    AND EXISTS (SELECT FROM measurement m WHERE m.agent_id = j.agent_id AND m.asset_no = d.asset_no);

-- name: insert_declarations
-- What was said at instruments, out of stored entries; again is harmless.
INSERT INTO declaration (
    journal_id, entry_index, asset_no, operator, action, how, purpose, order_no, wall_ms, until_ms, boot, mono_ms)
SELECT * FROM unnest(
    %(journal_ids)s::integer[], %(entry_indexes)s::bigint[], %(asset_nos)s::text[], %(operators)s::text[],
    %(actions)s::text[], %(hows)s::text[], %(purposes)s::text[], %(order_nos)s::text[], %(wall_mss)s::bigint[],
    %(until_mss)s::bigint[], %(boots)s::text[], %(mono_mss)s::bigint[])
ON CONFLICT (journal_id, entry_index) DO UPDATE SET boot = excluded.boot, mono_ms = excluded.mono_ms
WHERE declaration.boot IS NULL;

-- name: touch_declared_days
-- Marks the days that these declarations may change, at most 32: those from the `in` before, or the own one, to the end
-- that is told now, and whatever has a record within the 31 days that somebody may stay; for instruments that the agent
-- measures.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), 'declaration' FROM (
    SELECT DISTINCT stay.asset_no, days.day
    FROM (
        SELECT d.asset_no,
            (timestamp 'epoch' + (least(b.wall_ms, d.wall_ms) + 28800000) * interval '1 ms')::date AS first_day,
            (timestamp 'epoch' + (greatest(d.wall_ms, d.until_ms) + 28800000) * interval '1 ms')::date AS last_day
        FROM unnest(%(journal_ids)s::integer[], %(entry_indexes)s::bigint[]) AS u (journal_id, entry_index)
        JOIN declaration d USING (journal_id, entry_index)
        JOIN journal j USING (journal_id)
        LEFT JOIN LATERAL (
            SELECT b.wall_ms FROM declaration b
            WHERE b.journal_id = d.journal_id AND b.asset_no = d.asset_no AND b.operator = d.operator
                AND b.action = 'in' AND b.entry_index < d.entry_index
            ORDER BY b.entry_index DESC LIMIT 1) b ON true
        WHERE EXISTS (SELECT FROM measurement m WHERE m.agent_id = j.agent_id AND m.asset_no = d.asset_no)
    ) stay
    CROSS JOIN LATERAL (
        SELECT day::date FROM generate_series(
            first_day::timestamp, least(last_day, first_day + 31)::timestamp, interval '1 day') AS day
        UNION
        SELECT r.day FROM hour_record r
        WHERE r.asset_no = stay.asset_no AND r.day BETWEEN first_day AND first_day + 31
    ) AS days
) AS touched
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);
