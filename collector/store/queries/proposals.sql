-- What one person proposes and another rules on.

-- name: lock_subject
-- Of two who propose or rule for one subject at once, the second sees what the first did.
SELECT pg_advisory_xact_lock(hashtextextended('jishi/proposals/' || %(subject)s, 0));

-- name: insert_proposal
-- A proposal; returns its number.
INSERT INTO proposal (kind, subject, body, reason, proposed_by, proposed_at, due_on)
VALUES (%(kind)s, %(subject)s, %(body)s, %(reason)s, %(proposed_by)s, %(now)s, %(due_on)s) RETURNING proposal_id;

-- name: insert_ruling
-- What became of a proposal.
INSERT INTO ruling (proposal_id, verdict, why, ruled_by, ruled_at, fact)
VALUES (%(proposal_id)s, %(verdict)s, %(why)s, %(ruled_by)s, %(now)s, %(fact)s);

-- name: insert_signed
-- The note by which a decision counts.
INSERT INTO signed_decision (fact, note, key_id) VALUES (%(fact)s, %(note)s, %(key_id)s);

-- name: load_proposal
-- One proposal with what became of it.
SELECT p.proposal_id, p.kind, p.subject, p.body, p.reason, a.name, p.proposed_at, p.due_on,
       r.verdict, r.why, b.name, r.ruled_at, r.fact
FROM proposal p JOIN person a ON a.person_id = p.proposed_by
LEFT JOIN ruling r USING (proposal_id) LEFT JOIN person b ON b.person_id = r.ruled_by
WHERE p.proposal_id = %(proposal_id)s;

-- name: list_proposals
-- Proposals in a scope, the newest first, before a number; open: only those that nobody ruled on. A unit's scope holds
-- what concerns itself and the instruments that it owns on a day.
SELECT p.proposal_id, p.kind, p.subject, p.body, p.reason, a.name, p.proposed_at, p.due_on,
       r.verdict, r.why, b.name, r.ruled_at, r.fact
FROM proposal p JOIN person a ON a.person_id = p.proposed_by
LEFT JOIN ruling r USING (proposal_id) LEFT JOIN person b ON b.person_id = r.ruled_by
WHERE p.proposal_id < %(before)s AND (NOT %(open)s OR r.verdict IS NULL)
    AND (%(scope_kind)s = 'everything' OR p.subject = %(scope_kind)s || ':' || %(scope_name)s
         OR (p.subject LIKE 'unit:%%'
             AND unit_in_scope(substring(p.subject FROM 6), %(scope_kind)s, %(scope_name)s, %(day)s))
         OR (p.subject LIKE 'instrument:%%'
             AND in_scope(substring(p.subject FROM 12), %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)))
ORDER BY p.proposal_id DESC LIMIT %(limit)s;

-- name: is_in_scope
-- Whether a subject is in a scope on a day.
SELECT %(scope_kind)s = 'everything' OR %(subject)s = %(scope_kind)s || ':' || %(scope_name)s
    OR (%(subject)s LIKE 'unit:%%'
        AND unit_in_scope(substring(%(subject)s FROM 6), %(scope_kind)s, %(scope_name)s, %(day)s))
    OR (%(subject)s LIKE 'instrument:%%'
        AND in_scope(substring(%(subject)s FROM 12), %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s));

-- name: find_open_on_target
-- Another open proposal that wants to correct the same thing; `own`: null for one that is not made yet.
SELECT p.proposal_id FROM proposal p LEFT JOIN ruling r USING (proposal_id)
WHERE p.kind = 'correction' AND r.verdict IS NULL AND p.proposal_id IS DISTINCT FROM %(own)s::bigint
    AND convert_from(p.body, 'UTF8')::jsonb ->> 'target' = %(target)s
ORDER BY p.proposal_id LIMIT 1;

-- name: load_fact
-- One fact's bytes.
SELECT body FROM fact WHERE sha256 = %(sha256)s;

-- name: find_declaration
-- A sign-in at a place of a journal.
SELECT d.asset_no, d.wall_ms FROM declaration d JOIN journal j USING (journal_id)
WHERE j.origin = %(origin)s AND d.entry_index = %(entry_index)s AND d.action = 'in';

-- name: find_room_for_hand
-- Seconds of a day that nobody saw, and those entered by hand so far.
SELECT 86400 - coalesce((SELECT until_s - unobserved_s - bridged_s FROM hour_record
                         WHERE asset_no = %(asset_no)s AND day = %(day)s), 0),
       coalesce((SELECT hand_s FROM hour_record WHERE asset_no = %(asset_no)s AND day = %(day)s), 0);

-- name: is_measured
-- Whether an agent measures the instrument on any day of a range.
SELECT EXISTS (
    SELECT FROM (
        SELECT DISTINCT ON (m.agent_id, m.watcher, m.channel, days.day) m.asset_no
        FROM (SELECT %(first_day)s::date AS day UNION
              SELECT from_day FROM measurement WHERE from_day BETWEEN %(first_day)s AND %(last_day)s) days
        JOIN measurement m ON m.from_day <= days.day
            AND (m.agent_id, m.watcher, m.channel) IN
                (SELECT agent_id, watcher, channel FROM measurement WHERE asset_no = %(asset_no)s)
        ORDER BY m.agent_id, m.watcher, m.channel, days.day, m.from_day DESC, m.seq DESC
    ) newest WHERE newest.asset_no = %(asset_no)s);

-- name: list_affected
-- Instruments that a policy for an instrument, a model or all would hold for on a day.
SELECT i.asset_no FROM instrument i
WHERE (%(asset_no)s::text IS NOT NULL AND i.asset_no = %(asset_no)s)
    OR (%(asset_no)s::text IS NULL AND NOT EXISTS (
            SELECT FROM policy_in_force f WHERE f.asset_no = i.asset_no AND f.from_day <= %(day)s)
        AND (CASE WHEN %(model)s::text IS NOT NULL
             THEN (SELECT t.model FROM instrument_on(i.asset_no, %(day)s) t) = %(model)s
             ELSE NOT EXISTS (
                 SELECT FROM policy_in_force f WHERE f.from_day <= %(day)s
                     AND f.model = (SELECT t.model FROM instrument_on(i.asset_no, %(day)s) t)) END))
ORDER BY i.asset_no;

-- name: insert_dry_run
-- A dry run of a proposed policy; returns its number.
INSERT INTO dry_run (proposal_id, first_day, last_day, run_at)
VALUES (%(proposal_id)s, %(first_day)s, %(last_day)s, %(now)s) RETURNING dry_run_id;

-- name: insert_dry_run_line
-- What it would change of one instrument.
INSERT INTO dry_run_line VALUES (
    %(dry_run_id)s, %(asset_no)s, %(days)s, %(days_changed)s, %(run_before_s)s, %(run_after_s)s,
    %(effective_before_s)s, %(effective_after_s)s, %(external_before_s)s, %(external_after_s)s, %(problem)s);

-- name: list_dry_run_lines
-- The newest dry run of a proposal.
SELECT d.first_day, d.last_day, d.run_at, l.asset_no, l.days, l.days_changed, l.run_before_s, l.run_after_s,
       l.effective_before_s, l.effective_after_s, l.external_before_s, l.external_after_s, l.problem
FROM dry_run d LEFT JOIN dry_run_line l USING (dry_run_id)
WHERE d.dry_run_id = (SELECT max(dry_run_id) FROM dry_run WHERE proposal_id = %(proposal_id)s)
ORDER BY l.asset_no;

-- name: list_reported
-- Hours that units reported of instruments without an agent, in a scope, that touch a range of days.
SELECT sha256, body FROM fact
WHERE kind = 'reported' AND first_day <= %(last_day)s AND last_day >= %(first_day)s
    AND (unit_in_scope(unit, %(scope_kind)s, %(scope_name)s, last_day)
         OR (%(scope_kind)s = 'instrument' AND asset_no = %(scope_name)s))
ORDER BY asset_no, first_day, seq;
