-- What an evidence bundle is made of.

-- name: find_instrument
-- Whether an instrument is registered.
SELECT 1 FROM instrument WHERE asset_no = %(asset_no)s;

-- name: find_dirty_days
-- The days of an instrument up to today that are waiting to be derived again. Readings of the last hour of a day mark the
-- next one, which is nothing before it begins.
SELECT day FROM dirty_day
WHERE asset_no = %(asset_no)s AND day BETWEEN %(first_day)s AND least(%(last_day)s, %(today)s) ORDER BY day;

-- name: find_readings
-- Of each boot of a log whose readings touch a stretch of time on these channels: their first and last entry, and the
-- earliest monotonic time at which one was written.
SELECT j.journal_id, j.origin, j.agent_id, j.epoch, j.vkey, r.boot, min(r.entry_index), max(r.entry_index), min(r.mono_ms)
FROM unnest(%(agents)s::text[], %(watchers)s::text[], %(channels)s::text[]) AS c (agent_id, watcher, channel)
JOIN journal j ON j.agent_id = c.agent_id
JOIN reading r ON r.journal_id = j.journal_id AND r.watcher = c.watcher AND r.channel = c.channel
WHERE r.start_at > %(earliest)s AND r.start_at < %(end)s AND r.end_at > %(start)s
GROUP BY j.journal_id, r.boot;

-- name: find_stays
-- What was said at an instrument that holds in a stretch of time, in the form of find_readings: who came, and what the
-- same person said next.
SELECT j.journal_id, j.origin, j.agent_id, j.epoch, j.vkey, w.boot, w.entry_index, w.entry_index, NULL::bigint
FROM declaration d JOIN journal j USING (journal_id)
LEFT JOIN LATERAL (
    SELECT boot, entry_index, coalesce(until_ms, wall_ms) AS until_ms FROM declaration n
    WHERE n.journal_id = d.journal_id AND n.asset_no = d.asset_no AND n.operator = d.operator
        AND n.entry_index > d.entry_index
    ORDER BY n.entry_index LIMIT 1) n ON true
CROSS JOIN LATERAL (VALUES (d.boot, d.entry_index), (n.boot, n.entry_index)) AS w (boot, entry_index)
WHERE d.asset_no = %(asset_no)s AND d.action = 'in' AND d.wall_ms >= %(earliest_ms)s AND d.wall_ms < %(end_ms)s
    AND coalesce(n.until_ms, %(end_ms)s) >= %(start_ms)s AND w.entry_index IS NOT NULL
    AND EXISTS (SELECT FROM measurement m WHERE m.agent_id = j.agent_id AND m.asset_no = d.asset_no);

-- name: find_bounds
-- How far before and behind the entries [low, high] of a boot there is something that bounds them: the last beacon
-- before them, also the last of their boot, and the first of it behind them; a start that may name one as recovered; and
-- before the entry `bottom` what the agent wrote at a later monotonic time than they.
SELECT u.journal_id,
    least(u.low,
        (SELECT max(l.entry_index) FROM landmark l
         WHERE l.journal_id = u.journal_id AND l.beacon_s IS NOT NULL AND l.entry_index <= u.low),
        (SELECT max(l.entry_index) FROM landmark l
         WHERE l.journal_id = u.journal_id AND l.boot = u.boot AND l.beacon_s IS NOT NULL AND l.entry_index <= u.low),
        (SELECT min(l.entry_index) FROM landmark l
         WHERE l.journal_id = u.journal_id AND l.boot = u.boot AND l.entry_index < u.bottom AND l.mono_ms > u.mono_ms)),
    greatest(u.high,
        (SELECT min(l.entry_index) FROM landmark l
         WHERE l.journal_id = u.journal_id AND l.boot = u.boot AND l.beacon_s IS NOT NULL AND l.entry_index > u.high),
        (SELECT max(l.entry_index) FROM landmark l
         WHERE l.journal_id = u.journal_id AND l.kind = 'start'
            AND l.entry_index BETWEEN u.high AND u.high + %(named_within)s))
FROM unnest(%(journals)s::integer[], %(boots)s::text[], %(lows)s::bigint[], %(highs)s::bigint[],
    %(mono_mss)s::bigint[], %(bottoms)s::bigint[]) AS u (journal_id, boot, low, high, mono_ms, bottom);

-- name: find_receipt_over
-- The first receipt over an entry.
SELECT receipt FROM batch WHERE journal_id = %(journal_id)s AND first <= %(entry_index)s ORDER BY first DESC LIMIT 1;

-- name: list_batches
-- Stored batches of a log from the beginning up to an entry, in order.
SELECT first, entries, receipt, floor(extract(epoch FROM received_at))::bigint * 1000
FROM batch WHERE journal_id = %(journal_id)s AND first < %(end)s ORDER BY first;

-- name: list_beacons
-- The verified beacons of a log below an entry, in order.
SELECT entry_index, beacon_s * 1000 FROM landmark
WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index < %(end)s ORDER BY entry_index;

-- name: find_journal
-- A log and its key, by its origin.
SELECT journal_id, vkey FROM journal WHERE origin = %(origin)s;

-- name: list_fixes_around
-- The verified beacons and sleeps of a log from the last beacon before one entry to the first behind another.
SELECT entry_index FROM landmark
WHERE journal_id = %(journal_id)s
    AND (beacon_s IS NOT NULL OR kind = 'clock' AND body LIKE '%%"cause":"suspend"%%')
    AND entry_index >= coalesce((SELECT max(entry_index) FROM landmark
        WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index <= %(low)s), %(low)s)
    AND entry_index <= coalesce((SELECT min(entry_index) FROM landmark
        WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index >= %(high)s), %(high)s);

-- name: list_facts
-- Facts that may touch an instrument in a range of days: of the instrument, what they name, and what corrects any of them.
WITH RECURSIVE named AS (
    SELECT sha256, body FROM fact
    WHERE asset_no = %(asset_no)s AND first_day <= %(last_day)s AND last_day >= %(first_day)s AND kind <> 'reported'
    UNION
    SELECT o.sha256, o.body FROM fact o
    WHERE o.kind IN ('order', 'document', 'correction') AND o.unit = ANY (%(units)s) AND o.order_no IN (
        SELECT order_no FROM fact f WHERE f.asset_no = %(asset_no)s AND f.order_no IS NOT NULL
            AND f.first_day <= %(last_day)s AND f.last_day >= %(first_day)s
        UNION
        SELECT d.order_no FROM declaration d WHERE d.asset_no = %(asset_no)s AND d.order_no IS NOT NULL
            AND d.wall_ms >= %(earliest_ms)s AND d.wall_ms < %(end_ms)s)
), correcting AS (
    SELECT sha256, body FROM named
    UNION
    SELECT f.sha256, f.body FROM fact f
    WHERE f.target = ANY (%(declarations)s)
    UNION
    SELECT f.sha256, f.body FROM correcting c JOIN fact f ON f.target = 'fact:' || c.sha256
)
SELECT sha256, body FROM correcting ORDER BY sha256;

-- name: list_signed_decisions
-- The notes by which decisions about an instrument in a range of days count, and whose key signed each.
SELECT f.sha256, s.note, k.vkey FROM fact f JOIN signed_decision s ON s.fact = f.sha256 JOIN person_key k USING (key_id)
WHERE f.asset_no = %(asset_no)s AND f.first_day <= %(last_day)s AND f.last_day >= %(first_day)s AND f.kind = 'decision'
ORDER BY f.sha256;

-- name: list_declared
-- How corrections name what was said at an instrument in a stretch of time.
SELECT 'entry:' || j.origin || '#' || d.entry_index FROM declaration d JOIN journal j USING (journal_id)
WHERE d.asset_no = %(asset_no)s AND d.wall_ms >= %(earliest_ms)s AND d.wall_ms < %(end_ms)s;

-- name: list_policies
-- Every policy that was ever put in force, for an instrument, a model or all.
SELECT DISTINCT p.sha256, p.body FROM policy p JOIN policy_in_force f USING (sha256)
WHERE f.asset_no IS NULL OR f.asset_no = %(asset_no)s ORDER BY p.sha256;

-- name: list_records
-- The records of an instrument in a range of days, with their grade records and revisions.
SELECT h.day, h.body, g.body, h.revision, c.sha256
FROM hour_record h LEFT JOIN day_grade g USING (asset_no, day)
LEFT JOIN closed_record c USING (asset_no, day, revision)
WHERE h.asset_no = %(asset_no)s AND h.day BETWEEN %(first_day)s AND %(last_day)s ORDER BY h.day;

-- name: list_beacons_of_part
-- The verified beacons among the entries [first, end) of a log, in order.
SELECT wall_ms, body FROM landmark
WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index >= %(first)s AND entry_index < %(end)s
ORDER BY entry_index;
