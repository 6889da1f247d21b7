-- Doubts about a log: the question that is open, proofs of forks, what the branch that lost has left.

-- name: open_question
-- Asks about this tree; one that is open about the same goes on, and questions of one window are counted together.
INSERT INTO adjudication AS a (journal_id, size, root, note, batch, rounds, window_at, asked_at)
VALUES (%(journal_id)s, %(size)s, %(root)s, %(note)s, %(batch)s, 1, %(now)s, %(now)s)
ON CONFLICT (journal_id) DO UPDATE SET
    tops = CASE WHEN a.note = excluded.note AND a.outcome IS NULL THEN a.tops END,
    tile = CASE WHEN a.note = excluded.note AND a.outcome IS NULL THEN a.tile END,
    size = excluded.size, root = excluded.root, note = excluded.note, batch = excluded.batch,
    rounds = CASE WHEN a.window_at > %(now)s - %(window)s::interval THEN a.rounds + 1 ELSE 1 END,
    window_at = CASE WHEN a.window_at > %(now)s - %(window)s::interval THEN a.window_at ELSE %(now)s END,
    asked_at = %(now)s, outcome = NULL, settled_at = NULL
RETURNING size, root, note, batch, tops, tile, rounds;

-- name: load_question
-- The question that is open about a journal, held until the transaction ends.
SELECT size, root, note, batch, tops, tile, rounds FROM adjudication
WHERE journal_id = %(journal_id)s AND outcome IS NULL FOR UPDATE;

-- name: ask_on
-- How far the question has come, and once more asked.
UPDATE adjudication SET tops = %(tops)s, tile = %(tile)s, rounds = rounds + 1, asked_at = %(now)s
WHERE journal_id = %(journal_id)s;

-- name: settle_question
-- What became of it.
UPDATE adjudication SET outcome = %(outcome)s, settled_at = %(now)s, batch = '', tops = NULL, tile = NULL
WHERE journal_id = %(journal_id)s;

-- name: load_best_proof
-- The proof of a journal's fork that says most: one with an index before one without, the earliest of these.
SELECT entry_index, proof, made_at FROM fork_proof WHERE journal_id = %(journal_id)s
ORDER BY entry_index IS NULL, seq LIMIT 1;

-- name: insert_proof
-- Keeps a proof; of one journal at most four.
INSERT INTO fork_proof (journal_id, entry_index, proof, made_at)
SELECT %(journal_id)s, %(entry_index)s, %(proof)s, %(now)s
WHERE (SELECT count(*) FROM fork_proof WHERE journal_id = %(journal_id)s) < 4;

-- name: insert_lost_batch
-- Keeps a batch of the branch that lost, each once, as long as all of a journal fit into so many bytes.
INSERT INTO lost_batch (journal_id, first, size, note, batch, received_at)
SELECT %(journal_id)s, %(first)s, %(size)s, %(note)s, %(batch)s, %(now)s
WHERE NOT EXISTS (SELECT FROM lost_batch WHERE journal_id = %(journal_id)s AND note = %(note)s AND batch = %(batch)s)
    AND (SELECT coalesce(sum(length(batch)), 0) FROM lost_batch WHERE journal_id = %(journal_id)s)
        + length(%(batch)s::bytea) <= %(limit)s
RETURNING seq;

-- name: insert_lost_readings
-- The time that readings of such a batch cover.
INSERT INTO lost_reading (journal_id, lost_batch, entry_index, watcher, channel, start_at, end_at)
SELECT %(journal_id)s, %(lost_batch)s, entry_index, watcher, channel, start_at, end_at
FROM unnest(%(indexes)s::bigint[], %(watchers)s::text[], %(channels)s::text[], %(starts)s::timestamptz[],
            %(ends)s::timestamptz[]) AS u (entry_index, watcher, channel, start_at, end_at);

-- name: list_lost_of_instrument
-- The time that lost readings of an instrument cover within [start, end), clipped to it, of the channels that measured it then.
SELECT DISTINCT greatest(l.start_at, %(start)s), least(l.end_at, %(end)s)
FROM lost_reading l
JOIN journal j USING (journal_id)
CROSS JOIN LATERAL (
    SELECT asset_no FROM measurement m
    WHERE m.agent_id = j.agent_id AND m.watcher = l.watcher AND m.channel = l.channel
        AND m.from_day <= (l.start_at AT TIME ZONE 'Asia/Shanghai')::date
    ORDER BY m.from_day DESC, m.seq DESC LIMIT 1) AS m
WHERE m.asset_no = %(asset_no)s AND l.start_at < %(end)s AND l.end_at > %(start)s
    AND l.start_at > %(start)s - interval '1 hour'
ORDER BY 1, 2;

-- name: list_forks
-- Journals in doubt, with a proof or with a question, of one agent or all: how each stands and what is kept of it.
SELECT j.agent_id, j.epoch, j.origin, j.vkey, j.standing, j.size, a.size, a.rounds, a.asked_at, a.outcome, a.settled_at,
    p.entry_index, p.made_at, p.bytes, coalesce(l.batches, 0), coalesce(l.bytes, 0), coalesce(r.seconds, 0)
FROM journal j
LEFT JOIN adjudication a USING (journal_id)
LEFT JOIN LATERAL (
    SELECT entry_index, made_at, length(proof) AS bytes FROM fork_proof WHERE journal_id = j.journal_id
    ORDER BY entry_index IS NULL, seq LIMIT 1) AS p ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS batches, sum(length(batch)) AS bytes FROM lost_batch WHERE journal_id = j.journal_id
) AS l ON true
LEFT JOIN LATERAL (
    SELECT sum(extract(epoch FROM end_at - start_at))::bigint AS seconds FROM lost_reading WHERE journal_id = j.journal_id
) AS r ON true
WHERE (%(agent_id)s::text IS NULL OR j.agent_id = %(agent_id)s)
    AND (a.journal_id IS NOT NULL OR p.made_at IS NOT NULL OR j.standing IN ('suspect', 'fork'))
ORDER BY j.agent_id, j.epoch;

-- name: find_proof
-- The proof of a log's fork that says most, by the log's origin, and whose log it is.
SELECT p.proof, p.entry_index, j.vkey, j.agent_id FROM journal j JOIN fork_proof p USING (journal_id)
WHERE j.origin = %(origin)s ORDER BY p.entry_index IS NULL, p.seq LIMIT 1;
