-- What an evidence bundle is made of.

-- name: find_ranges
-- Of each log whose readings touch a stretch of time on these channels: the first and last of their entries.
SELECT j.journal_id, j.origin, j.agent_id, j.epoch, j.vkey, min(r.entry_index), max(r.entry_index)
FROM unnest(%(agents)s::text[], %(watchers)s::text[], %(channels)s::text[]) AS c (agent_id, watcher, channel)
JOIN journal j ON j.agent_id = c.agent_id
JOIN reading r ON r.journal_id = j.journal_id AND r.watcher = c.watcher AND r.channel = c.channel
WHERE r.start_at > %(earliest)s AND r.start_at < %(end)s AND r.end_at > %(start)s
GROUP BY j.journal_id ORDER BY j.agent_id, j.epoch;

-- name: find_beacons_around
-- The last verified beacon at or before one entry of a log, and the first behind another.
SELECT (SELECT max(entry_index) FROM landmark
        WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index <= %(first)s),
       (SELECT min(entry_index) FROM landmark
        WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index > %(last)s);

-- name: find_first_declaration
-- The first of somebody's words at the instrument that may still hold at an instant.
SELECT min(entry_index) FROM declaration
WHERE journal_id = %(journal_id)s AND asset_no = %(asset_no)s AND wall_ms >= %(earliest_ms)s AND wall_ms < %(end_ms)s;

-- name: list_batches
-- Stored batches of a log from the beginning up to an entry, in order.
SELECT first, size, entries, receipt, floor(extract(epoch FROM received_at))::bigint * 1000
FROM batch WHERE journal_id = %(journal_id)s AND first < %(end)s ORDER BY first;

-- name: find_end
-- The size of the first receipt that covers an entry, of the journal, where the batches end that it covers.
SELECT size FROM batch WHERE journal_id = %(journal_id)s AND size > %(last)s ORDER BY first LIMIT 1;

-- name: list_beacons
-- The verified beacons of a log below an entry, in order.
SELECT entry_index, boot, mono_ms, beacon_s * 1000 FROM landmark
WHERE journal_id = %(journal_id)s AND beacon_s IS NOT NULL AND entry_index < %(end)s ORDER BY entry_index;

-- name: list_facts
-- Facts that may touch an instrument in a range of days: of the instrument, what they name, and what corrects any of them.
WITH RECURSIVE named AS (
    SELECT sha256, body FROM fact
    WHERE asset_no = %(asset_no)s AND first_day <= %(last_day)s AND last_day >= %(first_day)s AND kind <> 'reported'
    UNION
    SELECT o.sha256, o.body FROM fact o
    WHERE o.kind IN ('order', 'document') AND o.unit = ANY (%(units)s) AND o.order_no IN (
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

-- name: list_starts
-- The entries below a size in which an agent said that it began.
SELECT body FROM landmark WHERE journal_id = %(journal_id)s AND kind = 'start' AND entry_index < %(end)s;

-- name: load_size
-- How many entries a log has.
SELECT size FROM journal WHERE journal_id = %(journal_id)s;
