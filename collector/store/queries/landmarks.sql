-- Entries that are neither readings nor declarations.

-- name: insert_landmarks
-- One row each, unless it is there.
INSERT INTO landmark (journal_id, entry_index, kind, boot, mono_ms, wall_ms, body, beacon_s)
SELECT * FROM unnest(%(journal_ids)s::integer[], %(entry_indexes)s::bigint[], %(kinds)s::text[], %(boots)s::text[],
    %(mono_mss)s::bigint[], %(wall_mss)s::bigint[], %(bodies)s::bytea[], %(beacon_ss)s::bigint[])
ON CONFLICT DO NOTHING;

-- name: note_unknown_tree
-- Writes down a tree of our own log that we never had: a larger one than ours, or another one of our size.
INSERT INTO log_conflict (log, what, size, root, origin, entry_index)
SELECT %(log)s, 'beacon', %(size)s, %(root)s, %(origin)s, %(entry_index)s FROM log_head h
WHERE h.log = %(log)s AND (h.size < %(size)s OR (h.size = %(size)s AND h.root <> %(root)s))
ON CONFLICT DO NOTHING;

-- name: load_newest_checkpoint
-- Origin, size and root of the newest tree of the log that grows, where nobody has shown another one.
SELECT origin, size, root FROM collector_log c JOIN log_head h USING (log)
WHERE c.seq = (SELECT max(seq) FROM collector_log) AND NOT EXISTS (SELECT FROM log_conflict x WHERE x.log = c.log);

-- name: list_readings_at
-- The channels of readings at these places of a journal, and when they were (UTC ms).
SELECT j.agent_id, r.watcher, r.channel,
    round(extract(epoch FROM r.start_at) * 1000)::bigint, round(extract(epoch FROM r.end_at) * 1000)::bigint
FROM reading r JOIN journal j USING (journal_id)
WHERE r.journal_id = %(journal_id)s AND r.entry_index = ANY (%(indexes)s::bigint[]);
