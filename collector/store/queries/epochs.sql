-- Epochs that agents begin by themselves, reviews, revocations, hints.

-- name: load_log
-- A journal by its origin.
SELECT journal_id, agent_id, vkey, revoked_at IS NOT NULL FROM journal WHERE origin = %(origin)s;

-- name: load_last_epoch
-- The highest number that was given to an agent, and when it last began an epoch by itself.
SELECT last_epoch, (SELECT max(begun_at) FROM epoch_begun JOIN journal j USING (journal_id) WHERE j.agent_id = a.agent_id)
FROM agent a WHERE agent_id = %(agent_id)s;

-- name: take_number
-- The number after the last one given, or none where somebody else was quicker.
UPDATE agent SET last_epoch = %(epoch)s WHERE agent_id = %(agent_id)s AND last_epoch = %(epoch)s - 1;

-- name: insert_journal
-- The log that an epoch opens.
INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%(origin)s, %(agent_id)s, %(epoch)s, %(vkey)s)
RETURNING journal_id;

-- name: insert_epoch_begun
-- Why that log began, and what is missing of the one before.
INSERT INTO epoch_begun (journal_id, predecessor_id, reason, had, held, fits, request, begun_at)
VALUES (%(journal_id)s, %(predecessor_id)s, %(reason)s, %(had)s, %(held)s, %(fits)s, %(request)s, %(now)s);

-- name: note_genesis_misfit
-- A journal's first entry does not name the enrolled key.
INSERT INTO genesis_misfit (journal_id, noted_at) VALUES (%(journal_id)s, %(now)s);

-- name: put_hint
-- An agent's newest word.
INSERT INTO hint (agent_id, origin, at_ms, waiting, showing, received_at)
VALUES (%(agent_id)s, %(origin)s, %(at_ms)s, %(waiting)s, %(showing)s, %(now)s)
ON CONFLICT (agent_id) DO UPDATE SET origin = excluded.origin, at_ms = excluded.at_ms, waiting = excluded.waiting,
    showing = excluded.showing, received_at = excluded.received_at;

-- name: list_epochs
-- Every journal of one agent, or of all: how it began, who has reviewed it, who revoked it.
SELECT j.agent_id, j.epoch, j.origin, j.registered_at, j.standing, j.size,
       CASE WHEN j.size > 0 THEN m.journal_id IS NULL END,
       b.reason, p.origin, b.had, b.held, b.fits, r.name, r.why, r.reviewed_at, v.name, v.why, j.revoked_at
FROM journal j
LEFT JOIN genesis_misfit m USING (journal_id)
LEFT JOIN epoch_begun b USING (journal_id)
LEFT JOIN journal p ON p.journal_id = b.predecessor_id
LEFT JOIN LATERAL (
    SELECT name, why, reviewed_at FROM epoch_review JOIN person ON person_id = reviewed_by
    WHERE journal_id = j.journal_id ORDER BY seq DESC LIMIT 1
) r ON true
LEFT JOIN LATERAL (
    SELECT name, why FROM revocation JOIN person ON person_id = revoked_by WHERE journal_id = j.journal_id
) v ON true
WHERE (%(agent_id)s::text IS NULL OR j.agent_id = %(agent_id)s)
    AND (NOT %(unreviewed)s OR j.journal_id IN (SELECT journal_id FROM unreviewed_epoch))
ORDER BY j.agent_id, j.epoch;

-- name: list_live_epochs
-- The journals of an agent that are not revoked, of one epoch or of all, held until the transaction ends.
SELECT journal_id, epoch FROM journal
WHERE agent_id = %(agent_id)s AND (%(epoch)s::integer IS NULL OR epoch = %(epoch)s) AND revoked_at IS NULL
ORDER BY epoch FOR NO KEY UPDATE;

-- name: revoke_journal
-- Nothing more is accepted from this journal's key.
UPDATE journal SET revoked_at = %(now)s WHERE journal_id = %(journal_id)s;

-- name: insert_revocation
-- Who says so, and why.
INSERT INTO revocation (journal_id, revoked_by, why, revoked_at)
VALUES (%(journal_id)s, %(person_id)s, %(why)s, %(now)s);

-- name: insert_review
-- Somebody has looked at this epoch.
INSERT INTO epoch_review (journal_id, reviewed_by, why, reviewed_at)
SELECT journal_id, %(person_id)s, %(why)s, %(now)s FROM journal
WHERE agent_id = %(agent_id)s AND epoch = %(epoch)s;
