-- name: lock_agent_certificates
-- One at a time decides what an agent's certificate is.
SELECT pg_advisory_xact_lock(hashtextextended('jishi certificate ' || %(agent_id)s, 0));

-- name: find_journal_key
-- The agent and the key of a journal, and since when it is revoked.
SELECT agent_id, vkey, revoked_at FROM journal WHERE origin = %(origin)s;

-- name: find_newest_certificate
-- What was issued last for this key and journal.
SELECT pem, authority, not_after FROM certificate
WHERE agent_id = %(agent_id)s AND origin = %(origin)s AND public_key = %(public_key)s ORDER BY seq DESC LIMIT 1;

-- name: is_replaced_key
-- Whether this agent had this key and has another one now.
SELECT EXISTS (SELECT 1 FROM certificate WHERE agent_id = %(agent_id)s AND public_key = %(public_key)s)
    AND (SELECT public_key FROM certificate WHERE agent_id = %(agent_id)s ORDER BY seq DESC LIMIT 1) <> %(public_key)s;

-- name: insert_certificate
-- A certificate that was issued to an agent.
INSERT INTO certificate (serial, agent_id, origin, public_key, authority, issued_at, not_after, pem)
VALUES (%(serial)s, %(agent_id)s, %(origin)s, %(public_key)s, %(authority)s, %(issued_at)s, %(not_after)s, %(pem)s);

-- name: list_revoked_certificates
-- What the broker must refuse although it has not expired, and since when: the key was replaced, or the journal revoked.
SELECT c.serial, c.authority, least(j.revoked_at, replaced.since)
FROM certificate c
JOIN journal j USING (origin)
CROSS JOIN LATERAL (
    SELECT public_key FROM certificate newest WHERE newest.agent_id = c.agent_id ORDER BY seq DESC LIMIT 1
) AS newest
LEFT JOIN LATERAL (
    SELECT min(later.issued_at) AS since FROM certificate later
    WHERE later.agent_id = c.agent_id AND later.seq > c.seq AND later.public_key <> c.public_key
) AS replaced ON newest.public_key <> c.public_key
WHERE c.not_after > %(now)s AND (j.revoked_at IS NOT NULL OR replaced.since IS NOT NULL)
ORDER BY c.seq;
