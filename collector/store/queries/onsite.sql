-- On-site checks: people's keys, and what was found.

-- name: insert_request
-- Somebody is to prove that he has a key.
INSERT INTO person_key_request (person_id, vkey, nonce, asked_by, asked_at)
VALUES (%(person_id)s, %(vkey)s, %(nonce)s, %(asked_by)s, %(now)s)
ON CONFLICT (vkey) DO NOTHING RETURNING request_id;

-- name: load_request
-- What was asked of whom, by whom; and whether the key counts already.
SELECT r.request_id, p.person_id, p.name, r.vkey, r.nonce, r.asked_by, a.name, k.key_id IS NOT NULL
FROM person_key_request r JOIN person p USING (person_id) JOIN person a ON a.person_id = r.asked_by
LEFT JOIN person_key k USING (request_id)
WHERE r.request_id = %(request_id)s OR r.vkey = %(vkey)s;

-- name: insert_key
-- The key counts from now on.
INSERT INTO person_key (request_id, person_id, name, vkey, proof, asked_by, approved_by, recorded_at)
VALUES (%(request_id)s, %(person_id)s, %(name)s, %(vkey)s, %(proof)s, %(asked_by)s, %(approved_by)s, %(now)s)
ON CONFLICT (name) DO NOTHING;

-- name: list_keys
-- Every key, whose it is, and who asked, approved and revoked it.
SELECT k.key_id, k.name, k.vkey, p.name, a.name, b.name, k.recorded_at, v.revoked_at, coalesce(v.why, '')
FROM person_key k JOIN person p USING (person_id) JOIN person a ON a.person_id = k.asked_by
JOIN person b ON b.person_id = k.approved_by LEFT JOIN person_key_revocation v USING (key_id)
WHERE %(name)s::text IS NULL OR k.name = %(name)s ORDER BY k.key_id;

-- name: insert_revocation
-- The key counts no more.
INSERT INTO person_key_revocation (key_id, revoked_by, why, revoked_at)
VALUES (%(key_id)s, %(person_id)s, %(why)s, %(now)s) ON CONFLICT DO NOTHING;

-- name: insert_finding
-- The exact bytes of findings, once.
INSERT INTO finding (sha256, body, asset_no, day, key_id, imported_by, recorded_at)
VALUES (%(sha256)s, %(body)s, %(asset_no)s, %(day)s, %(key_id)s, %(imported_by)s, %(now)s) ON CONFLICT DO NOTHING;

-- name: list_findings
-- Findings in a scope, the newest first: of one instrument, or of all.
SELECT f.seq, f.sha256, f.body, f.imported_by, f.recorded_at, k.vkey, p.name, v.revoked_at
FROM finding f JOIN person_key k USING (key_id) JOIN person p USING (person_id)
LEFT JOIN person_key_revocation v USING (key_id)
WHERE (%(asset_no)s::text IS NULL OR f.asset_no = %(asset_no)s) AND f.seq < %(before)s
    AND (%(sha256)s::text IS NULL OR f.sha256 = %(sha256)s)
    AND in_scope(f.asset_no, %(scope_kind)s, %(scope_name)s, f.day, f.day)
ORDER BY f.seq DESC LIMIT %(limit)s;

-- name: find_nonce
-- Where a nonce was journalled, by whichever agent, and when it was received.
SELECT j.origin, l.entry_index, l.wall_ms, (
    SELECT b.received_at FROM batch b WHERE b.journal_id = l.journal_id AND b.size > l.entry_index
    ORDER BY b.size LIMIT 1)
FROM landmark l JOIN journal j USING (journal_id)
WHERE l.kind = 'inspect' AND convert_from(l.body, 'UTF8')::jsonb #>> '{d,nonce}' = %(nonce)s
ORDER BY j.origin, l.entry_index LIMIT 10;

-- name: list_journals_of_instrument
-- The journals of the agents that ever measured an instrument.
SELECT origin FROM journal
WHERE agent_id IN (SELECT agent_id FROM measurement WHERE asset_no = %(asset_no)s) ORDER BY origin;

-- name: load_records
-- The hour records of some days.
SELECT body FROM hour_record WHERE asset_no = %(asset_no)s AND day BETWEEN %(first_day)s AND %(last_day)s ORDER BY day;

-- name: list_unlogged
-- Findings that are in no log.
SELECT f.sha256 FROM finding f
WHERE NOT EXISTS (SELECT FROM log_leaf l WHERE l.ref = 'finding:' || f.sha256)
ORDER BY f.seq LIMIT %(limit)s;
