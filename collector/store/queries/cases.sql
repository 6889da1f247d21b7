-- What follows from a published round: cases of poor units, proved fraud, transfers.

-- name: hold_case
-- Until the transaction ends nobody else goes on with the case.
SELECT case_id FROM poor_case WHERE case_id = %(number)s::bigint FOR UPDATE;

-- name: list_cases
-- Cases of the units in a scope, by number, with the units' names on the day of the notice.
SELECT c.case_id, r.name, c.uscc, coalesce(u.name_zh, ''), coalesce(u.name_en, ''), c.notice_on, c.due_on, c.opened_by,
       c.opened_at, x.made_at
FROM poor_case c JOIN round r USING (round_id) LEFT JOIN LATERAL unit_on(c.uscc, c.notice_on) u ON true
LEFT JOIN case_ruling x ON x.case_id = c.case_id AND x.verdict = 'accepted'
WHERE c.case_id > %(after)s::bigint AND (%(number)s::bigint IS NULL OR c.case_id = %(number)s)
    AND (%(is_closed)s::boolean IS NULL OR (x.case_id IS NOT NULL) = %(is_closed)s)
    AND unit_in_scope(c.uscc, %(scope_kind)s, %(scope_name)s, c.notice_on)
ORDER BY c.case_id LIMIT %(limit)s;

-- name: list_entries
-- What the unit entered, in order.
SELECT seq, kind, told, document, made_by, made_at FROM case_entry WHERE case_id = %(case_id)s ORDER BY seq;

-- name: list_rulings
-- What evaluators said, in order.
SELECT seq, verdict, why, made_by, made_at FROM case_ruling WHERE case_id = %(case_id)s ORDER BY seq;

-- name: insert_entry
-- A remedy, or a document that shows one.
INSERT INTO case_entry (case_id, kind, told, document, made_by, made_at)
VALUES (%(case_id)s, %(kind)s, %(why)s, %(document)s, %(by)s, %(now)s);

-- name: insert_ruling
-- An evaluator rules; the database refuses whoever entered something.
INSERT INTO case_ruling (case_id, verdict, why, made_by, made_at)
VALUES (%(case_id)s, %(verdict)s, %(why)s, %(by)s, %(now)s);

-- name: find_decision
-- A signed decision that excludes time of a round's year and that nothing took out of account, of an instrument that the
-- unit owned then.
SELECT f.sha256 FROM signed_decision s JOIN fact f ON f.sha256 = s.fact
WHERE f.sha256 = %(sha256)s AND convert_from(f.body, 'UTF8')::jsonb ->> 'verdict' = 'exclude'
    AND f.last_day >= %(first)s AND f.first_day <= %(last)s
    AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
    AND in_scope(f.asset_no, 'unit', %(uscc)s, f.first_day, f.last_day);

-- name: find_finding
-- Findings that are not in order, of an instrument that the unit owned then; not by a key that was revoked.
SELECT f.sha256 FROM finding f
WHERE f.sha256 = %(sha256)s AND in_scope(f.asset_no, 'unit', %(uscc)s, f.day, f.day)
    AND NOT EXISTS (SELECT FROM person_key_revocation v WHERE v.key_id = f.key_id);

-- name: find_fork
-- The proof of a fork, of an agent that measured an instrument of the unit.
SELECT p.seq FROM fork_proof p JOIN journal j USING (journal_id)
WHERE encode(sha256(p.proof), 'hex') = %(sha256)s
    AND agent_in_scope(j.agent_id, 'unit', %(uscc)s, local_day_of((extract(epoch FROM p.made_at) * 1000)::bigint))
ORDER BY p.seq LIMIT 1;

-- name: insert_fraud
-- Proved fraud, by the approver's note.
INSERT INTO fraud_case (round_id, uscc, sha256, note, key_id, first_year, last_year, brought_by, brought_at)
VALUES (%(round_id)s, %(uscc)s, %(sha256)s, %(note)s, %(key_id)s, %(first_year)s, %(last_year)s, %(by)s, %(now)s)
ON CONFLICT (sha256) DO NOTHING RETURNING fraud_id;

-- name: insert_evidence
-- What fraud rests on.
INSERT INTO fraud_evidence (fraud_id, decision, finding, fork, document)
VALUES (%(fraud_id)s, %(decision)s, %(finding)s, %(fork)s, %(document)s);

-- name: list_frauds
-- Proved fraud of the units in a scope, by number.
SELECT f.fraud_id, r.name, f.uscc, coalesce(u.name_zh, ''), coalesce(u.name_en, ''), f.sha256, f.note, k.name, k.vkey,
       f.brought_by, f.brought_at
FROM fraud_case f JOIN round r USING (round_id) JOIN person_key k USING (key_id)
LEFT JOIN LATERAL unit_on(f.uscc, r.as_of) u ON true
WHERE f.fraud_id > %(after)s::bigint AND (%(number)s::bigint IS NULL OR f.fraud_id = %(number)s)
    AND unit_in_scope(f.uscc, %(scope_kind)s, %(scope_name)s, r.as_of)
ORDER BY f.fraud_id LIMIT %(limit)s;

-- name: list_published_ratings
-- What units were rated in published rounds, by unit and year.
SELECT uscc, name_zh, name_en, round_id, round, year, rating FROM published_result ORDER BY uscc, year;

-- name: list_candidates
-- Instruments of a unit that a round counted, with what they worked, the least used first; by how their class begins.
SELECT m.name, d.name_zh, d.class_code, d.model, m.value_fen, m.shareable, coalesce(f.counted_s, 0),
       coalesce(f.counted_verified_s, 0), coalesce(f.network_s, 0), coalesce(f.observed_s, 0)
FROM round_member m JOIN round r USING (round_id) LEFT JOIN round_figure f
    ON (f.round_id, f.asset_no) = (m.round_id, m.name)
LEFT JOIN LATERAL instrument_on(m.name, r.as_of) d ON true
WHERE m.round_id = %(round_id)s AND m.kind = 'instrument' AND m.is_in AND m.uscc = %(uscc)s
    AND coalesce(f.counted_s, 0) < %(below_s)s
    AND (%(class_begins)s::text IS NULL OR starts_with(coalesce(d.class_code, ''), %(class_begins)s))
ORDER BY 7, m.name LIMIT %(limit)s;

-- name: insert_transfer
-- An instrument goes to other hands, by the approver's note.
INSERT INTO transfer_decision (round_id, uscc, asset_no, way, to_uscc, sha256, note, key_id, brought_by, brought_at)
VALUES (%(round_id)s, %(uscc)s, %(asset_no)s, %(way)s, %(to)s, %(sha256)s, %(note)s, %(key_id)s, %(by)s, %(now)s)
ON CONFLICT (sha256) DO NOTHING RETURNING transfer_id;

-- name: list_transfers
-- Transfers that were decided, by number.
SELECT t.transfer_id, r.name, t.uscc, t.asset_no, t.sha256, t.note, k.name, k.vkey, t.brought_by, t.brought_at
FROM transfer_decision t JOIN round r USING (round_id) JOIN person_key k USING (key_id)
WHERE t.transfer_id > %(after)s::bigint ORDER BY t.transfer_id LIMIT %(limit)s;
