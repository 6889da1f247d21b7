-- What the deriver asks: what is due, what a day is derived from, what it became.

-- name: list_due_days
-- The earliest due day of each instrument that has one, the longest waiting instruments first.
SELECT d.asset_no, min(d.day)
FROM dirty_day d
LEFT JOIN derivation_problem p USING (asset_no, day)
WHERE d.day <= %(today)s AND (p.retry_at IS NULL OR p.retry_at <= %(now)s)
GROUP BY d.asset_no
ORDER BY min(d.touched_at)
LIMIT %(limit)s;

-- name: try_lock_instrument
-- Whether this transaction may derive the instrument's days; no other does until it ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('jishi/accounts/' || %(asset_no)s, 0));

-- name: remove_mark
-- Removes a dirty mark unless somebody touched the day since it was read.
DELETE FROM dirty_day WHERE asset_no = %(asset_no)s AND day = %(day)s AND touched_at = %(touched_at)s;

-- name: mark_recorded_day
-- Marks a day dirty if it has a record, because of a day beside it.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), 'neighbour' FROM hour_record
WHERE asset_no = %(asset_no)s AND day = %(day)s
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);

-- name: mark_day_that_looks_ahead
-- Marks a day dirty whose record took another head of the day after than this one.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), 'neighbour' FROM hour_record
WHERE asset_no = %(asset_no)s AND day = %(day)s AND looks_ahead AND follow <> %(head)s
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);

-- name: mark_days_that_ended
-- Marks every day before today whose record still ends before midnight.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), 'ended' FROM hour_record WHERE until_s < 86400 AND day < %(today)s
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO NOTHING;

-- name: load_measurement_facts
-- All facts about channels that measured the instrument at any time.
SELECT m.agent_id, m.watcher, m.channel, m.asset_no, m.from_day, m.seq
FROM measurement m
WHERE (m.agent_id, m.watcher, m.channel) IN (
    SELECT agent_id, watcher, channel FROM measurement WHERE asset_no = %(asset_no)s
);

-- name: read_blocks
-- Reading blocks of some channels that touch a stretch of time, in the order of their journals; events have no extent.
SELECT j.origin, r.entry_index, r.wall_ms + coalesce(r.shift_ms, 0), r.mono_ms, r.boot, r.watcher, r.channel, r.start_mono_ms,
       r.durations_ms, r.means, r.lows, r.highs, r.deltas, r.states, r.counts, r.counter
FROM unnest(%(agents)s::text[], %(watchers)s::text[], %(channels)s::text[]) AS c (agent_id, watcher, channel)
JOIN journal j ON j.agent_id = c.agent_id
JOIN reading r ON r.journal_id = j.journal_id AND r.watcher = c.watcher AND r.channel = c.channel
WHERE r.start_at > %(earliest)s AND r.start_at < %(end)s AND r.end_at > %(start)s AND r.events IS NULL
    AND (j.origin, r.entry_index) > (%(after_origin)s, %(after_index)s)
ORDER BY j.origin, r.entry_index
LIMIT %(limit)s;

-- name: load_marked
-- Of a dirty day: when it was touched last, and by what since it was derived; then of the day before and of the day
-- itself what the stored record hands over, how far it reaches, and whether deriving it failed last. NULL: no record.
SELECT d.touched_at, d.reason,
    b.lead_out, b.phase_out, b.until_s, bp.asset_no IS NOT NULL, r.lead_out, r.phase_out, r.until_s, rp.asset_no IS NOT NULL
FROM dirty_day d
LEFT JOIN hour_record b ON b.asset_no = d.asset_no AND b.day = d.day - 1
LEFT JOIN derivation_problem bp ON bp.asset_no = d.asset_no AND bp.day = d.day - 1
LEFT JOIN hour_record r ON r.asset_no = d.asset_no AND r.day = d.day
LEFT JOIN derivation_problem rp ON rp.asset_no = d.asset_no AND rp.day = d.day
WHERE d.asset_no = %(asset_no)s AND d.day = %(day)s;

-- name: load_head
-- What the stored record of a day begins with, for the day before that looks ahead.
SELECT head FROM hour_record WHERE asset_no = %(asset_no)s AND day = %(day)s;

-- name: put_record
-- Stores a day's record unless the very same is stored already; says which revision it is where the day is closed. A
-- record that is new to this table may be one of a closed day whose record was lost: then it goes on from there.
INSERT INTO hour_record (
    asset_no, day, body, policy, owner, lead_in, lead_out, phase_in, phase_out, follow, head, looks_ahead,
    until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s, fault_s, unobserved_s,
    energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s, unresolved_s,
    hand_s, hand_external_s, derived_at, revision
) VALUES (
    %(asset_no)s, %(day)s, %(body)s, %(policy)s, %(owner)s, %(lead_in)s, %(lead_out)s, %(phase_in)s,
    %(phase_out)s, %(follow)s, %(head)s, %(looks_ahead)s, %(until_s)s, %(off_s)s, %(standby_s)s, %(prepare_s)s,
    %(run_s)s, %(post_s)s, %(calibrate_s)s, %(maintain_s)s, %(fault_s)s, %(unobserved_s)s, %(energised_s)s,
    %(inferred_s)s, %(bridged_s)s, %(no_run_s)s, %(effective_s)s, %(internal_s)s, %(claimed_s)s, %(verified_s)s,
    %(unresolved_s)s, %(hand_s)s, %(hand_external_s)s, clock_timestamp(),
    (SELECT c.revision + (c.body <> %(body)s)::integer FROM closed_record c
     WHERE c.asset_no = %(asset_no)s AND c.day = %(day)s ORDER BY c.revision DESC LIMIT 1)
)
ON CONFLICT (asset_no, day) DO UPDATE SET
    body = excluded.body, policy = excluded.policy, owner = excluded.owner, lead_in = excluded.lead_in,
    lead_out = excluded.lead_out, phase_in = excluded.phase_in, phase_out = excluded.phase_out,
    follow = excluded.follow, head = excluded.head, looks_ahead = excluded.looks_ahead,
    until_s = excluded.until_s, off_s = excluded.off_s, standby_s = excluded.standby_s,
    prepare_s = excluded.prepare_s, run_s = excluded.run_s, post_s = excluded.post_s,
    calibrate_s = excluded.calibrate_s, maintain_s = excluded.maintain_s, fault_s = excluded.fault_s,
    unobserved_s = excluded.unobserved_s, energised_s = excluded.energised_s, inferred_s = excluded.inferred_s,
    bridged_s = excluded.bridged_s, no_run_s = excluded.no_run_s, effective_s = excluded.effective_s,
    internal_s = excluded.internal_s, claimed_s = excluded.claimed_s, verified_s = excluded.verified_s,
    unresolved_s = excluded.unresolved_s, hand_s = excluded.hand_s, hand_external_s = excluded.hand_external_s,
    derived_at = excluded.derived_at, revision = hour_record.revision + 1
WHERE hour_record.body IS DISTINCT FROM excluded.body
RETURNING revision;

-- name: is_open
-- Whether a day has a record that is not closed.
SELECT 1 FROM hour_record WHERE asset_no = %(asset_no)s AND day = %(day)s AND revision IS NULL;

-- name: remove_record
-- Takes the record of an open day away, and its grades.
DELETE FROM hour_record WHERE asset_no = %(asset_no)s AND day = %(day)s AND revision IS NULL;

-- name: put_problem
-- Keeps why a day could not be derived and when to try again; `since` stays that of the first time.
INSERT INTO derivation_problem (asset_no, day, problem, since, retry_at)
VALUES (%(asset_no)s, %(day)s, %(problem)s, %(now)s, %(retry_at)s)
ON CONFLICT (asset_no, day) DO UPDATE SET problem = excluded.problem, retry_at = excluded.retry_at;

-- name: remove_problem
-- Forgets why a day could not be derived.
DELETE FROM derivation_problem WHERE asset_no = %(asset_no)s AND day = %(day)s;

-- name: list_bundles
-- The stored bundles of some agents' journals: what they hold, and when their receipt was given (UTC ms).
SELECT j.journal_id, j.agent_id, j.origin, b.first, b.size, floor(extract(epoch FROM b.received_at))::bigint * 1000,
    b.entries
FROM journal j JOIN batch b USING (journal_id)
WHERE j.agent_id = ANY (%(agents)s)
ORDER BY j.journal_id, b.first;

-- name: load_bundle
-- One stored bundle.
SELECT entries FROM batch WHERE journal_id = %(journal_id)s AND first = %(first)s;

-- name: list_stored_days
-- The days of an instrument that have a record, how far each reaches, and which days are dirty.
SELECT day, r.day IS NOT NULL, until_s, d.touched_at IS NOT NULL
FROM (SELECT day, until_s FROM hour_record WHERE asset_no = %(asset_no)s) r
FULL JOIN (SELECT day, touched_at FROM dirty_day WHERE asset_no = %(asset_no)s) d USING (day)
ORDER BY day;

-- name: load_body
-- The bytes of a day's record.
SELECT body FROM hour_record WHERE asset_no = %(asset_no)s AND day = %(day)s;

-- name: list_measured_instruments
-- Every instrument that anything measured at any time, or that has a record.
SELECT asset_no FROM instrument i
WHERE EXISTS (SELECT FROM measurement m WHERE m.asset_no = i.asset_no)
    OR EXISTS (SELECT FROM hour_record h WHERE h.asset_no = i.asset_no)
ORDER BY asset_no;

-- name: list_bodies
-- The records of an instrument's days in a range, in order.
SELECT body FROM hour_record
WHERE asset_no = %(asset_no)s AND day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY day;
