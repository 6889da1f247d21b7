-- Who may ask what, and who changed what.

-- name: insert_change
-- One line of the audit trail.
INSERT INTO audit (actor, via, place, action, target, outcome, old, new, reason)
VALUES (%(actor)s, %(via)s, %(place)s, %(action)s, %(target)s, %(outcome)s, %(old)s, %(new)s, %(reason)s);

-- name: list_changes
-- Lines of the audit trail from an instant on, after a number.
SELECT seq, at, actor, via, place, action, target, outcome, old, new, reason FROM audit
WHERE seq > %(after)s AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
ORDER BY seq
LIMIT %(limit)s;

-- name: insert_appointment
-- From now on the person has this role over this scope; NULL: none any more.
INSERT INTO appointment (person_id, role, scope_kind, scope_name)
VALUES (%(person_id)s, %(role)s, %(scope_kind)s, %(scope_name)s);

-- name: find_appointment
-- The role and the scope of a person.
SELECT role, scope_kind, scope_name FROM appointment WHERE person_id = %(person_id)s ORDER BY seq DESC LIMIT 1;

-- name: find_division
-- Whether any unit was ever said to lie in a division.
SELECT true FROM unit_description WHERE starts_with(division, %(code)s) LIMIT 1;

-- name: hold_person
-- Waits until nobody else changes a person's access, and keeps it so until the transaction ends.
SELECT person_id FROM person WHERE person_id = %(person_id)s FOR NO KEY UPDATE;

-- name: end_credentials
-- Ends every key, session and link of a person.
WITH keys AS (UPDATE api_key SET revoked_at = %(now)s WHERE person_id = %(person_id)s AND revoked_at IS NULL),
     sessions AS (DELETE FROM web_session WHERE person_id = %(person_id)s)
DELETE FROM entry_token WHERE person_id = %(person_id)s;

-- name: insert_api_key
-- A key for a person, kept as its hash; returns its number.
INSERT INTO api_key (key_hash, person_id, label, expires_at, role, scope_kind, scope_name)
VALUES (%(key_hash)s, %(person_id)s, %(label)s, %(expires_at)s, %(role)s, %(scope_kind)s, %(scope_name)s)
RETURNING key_id;

-- name: find_caller_of_key
-- Whose key this is and what it carries, while it is neither expired nor revoked.
SELECT person_id, name, key_id, role, scope_kind, scope_name, last_used_at FROM api_key JOIN person USING (person_id)
WHERE key_hash = %(key_hash)s AND revoked_at IS NULL AND expires_at > %(now)s;

-- name: note_key_use
-- When a key was last used; written once a minute at most, and never waited for by two requests at once.
UPDATE api_key SET last_used_at = %(now)s
WHERE key_id = (SELECT key_id FROM api_key WHERE key_id = %(key_id)s FOR UPDATE SKIP LOCKED);

-- name: list_api_keys
-- All keys without themselves.
SELECT key_id, name, label, role, scope_kind, scope_name, created_at, expires_at, last_used_at, revoked_at
FROM api_key JOIN person USING (person_id) ORDER BY key_id;

-- name: revoke_api_key
-- Ends a key; returns whose it was, nothing when there is none or it was revoked before.
UPDATE api_key k SET revoked_at = %(now)s FROM person p
WHERE k.key_id = %(key_id)s AND k.revoked_at IS NULL AND p.person_id = k.person_id
RETURNING p.name;

-- name: find_caller_of_session
-- Who is signed in with this token, until it expires, and the role that he has.
SELECT person_id, name, a.role, a.scope_kind, a.scope_name
FROM web_session JOIN person USING (person_id)
LEFT JOIN LATERAL (
    SELECT role, scope_kind, scope_name FROM appointment WHERE appointment.person_id = person.person_id
    ORDER BY seq DESC LIMIT 1
) a ON true
WHERE token_hash = %(token_hash)s AND expires_at > %(now)s;
