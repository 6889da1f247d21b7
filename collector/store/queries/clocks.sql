-- Clocks that beacons correct.

-- name: load_boots
-- What is known of these boots' clocks.
SELECT journal_id, boot, own_low_ms, own_high_ms, fix_low_ms, fix_high_ms
FROM boot_clock JOIN unnest(%(journals)s::integer[], %(boots)s::text[]) AS u (journal_id, boot) USING (journal_id, boot);

-- name: put_boots
-- The bounds of these boots' clocks, wider than before; a doubt stays until somebody has looked.
INSERT INTO boot_clock (journal_id, boot, own_low_ms, own_high_ms, fix_low_ms, fix_high_ms, is_doubted)
SELECT * FROM unnest(%(journals)s::integer[], %(boots)s::text[], %(own_lows)s::bigint[], %(own_highs)s::bigint[],
    %(fix_lows)s::bigint[], %(fix_highs)s::bigint[], %(doubts)s::boolean[])
ON CONFLICT (journal_id, boot) DO UPDATE SET
    own_low_ms = excluded.own_low_ms, own_high_ms = excluded.own_high_ms, fix_low_ms = excluded.fix_low_ms,
    fix_high_ms = excluded.fix_high_ms, is_doubted = boot_clock.is_doubted OR excluded.is_doubted;

-- name: take_doubted
-- A boot whose clock is doubted, which nobody else looks at.
SELECT journal_id, boot, agent_id FROM boot_clock JOIN journal USING (journal_id)
WHERE is_doubted ORDER BY journal_id, boot LIMIT 1 FOR UPDATE OF boot_clock SKIP LOCKED;

-- name: settle
-- Somebody has looked.
UPDATE boot_clock SET is_doubted = false WHERE journal_id = %(journal_id)s AND boot = %(boot)s;

-- name: list_fixes
-- The verified beacons of a boot, and its sleeps, which have no time; in order.
SELECT entry_index, mono_ms, beacon_s * 1000 FROM landmark
WHERE journal_id = %(journal_id)s AND boot = %(boot)s
    AND (beacon_s IS NOT NULL OR kind = 'clock' AND body LIKE '%%"cause":"suspend"%%') ORDER BY entry_index;

-- name: list_fixes_of_agents
-- The verified beacons of some agents, and sleeps, by journal, in order.
SELECT journal_id, boot, entry_index, mono_ms, beacon_s * 1000 FROM landmark JOIN journal USING (journal_id)
WHERE agent_id = ANY (%(agents)s)
    AND (beacon_s IS NOT NULL OR kind = 'clock' AND body LIKE '%%"cause":"suspend"%%') ORDER BY journal_id, entry_index;

-- name: list_fixes_of_journal
-- The verified beacons of a journal, and its sleeps, by boot, in order.
SELECT boot, entry_index, mono_ms, beacon_s * 1000 FROM landmark
WHERE journal_id = %(journal_id)s
    AND (beacon_s IS NOT NULL OR kind = 'clock' AND body LIKE '%%"cause":"suspend"%%') ORDER BY boot, entry_index;

-- name: list_readings
-- The readings of a boot: their clocks, and where they lie.
SELECT entry_index, wall_ms, mono_ms, coalesce(shift_ms, 0), watcher, channel,
    round(extract(epoch FROM start_at) * 1000)::bigint, round(extract(epoch FROM end_at) * 1000)::bigint
FROM reading WHERE journal_id = %(journal_id)s AND boot = %(boot)s;

-- name: move_readings
-- Readings go to where the corrected clock puts them.
WITH wanted AS (
    SELECT * FROM unnest(%(indexes)s::bigint[], %(shifts)s::bigint[]) AS u (entry_index, new_ms)
), moved AS (
    DELETE FROM reading r USING wanted w WHERE r.journal_id = %(journal_id)s AND r.entry_index = w.entry_index
    RETURNING r.*, (w.new_ms - coalesce(r.shift_ms, 0)) * interval '1 ms' AS by, w.new_ms
)
INSERT INTO reading (journal_id, entry_index, wall_ms, mono_ms, start_mono_ms, start_at, end_at, counter, watcher,
    channel, boot, durations_ms, means, lows, highs, deltas, states, counts, events, shift_ms)
SELECT journal_id, entry_index, wall_ms, mono_ms, start_mono_ms, start_at + by, end_at + by, counter, watcher,
    channel, boot, durations_ms, means, lows, highs, deltas, states, counts, events, nullif(new_ms, 0)
FROM moved;

-- name: list_declarations
-- What was said in a boot, by its clocks.
SELECT entry_index, wall_ms - shift_ms, mono_ms, shift_ms FROM declaration
WHERE journal_id = %(journal_id)s AND boot = %(boot)s;

-- name: move_declarations
-- What was said goes to where the corrected clock puts it.
UPDATE declaration d SET
    wall_ms = wall_ms - shift_ms + new_ms, until_ms = until_ms - shift_ms + new_ms, shift_ms = new_ms
FROM unnest(%(indexes)s::bigint[], %(shifts)s::bigint[]) AS u (entry_index, new_ms)
WHERE d.journal_id = %(journal_id)s AND d.entry_index = u.entry_index;
