-- What a frozen period is made of, and what came after it. %(unit)s NULL: every unit.

-- name: hold_facts
-- Waits for whoever is writing dated facts, and holds off the next until we commit: then a line's number says whether
-- the period knew it. Ingest goes on.
LOCK TABLE ownership, measurement, policy_in_force, instrument_description, fact IN SHARE MODE;

-- name: load_cut
-- The last line of each table of facts.
SELECT (SELECT coalesce(max(seq), 0) FROM ownership), (SELECT coalesce(max(seq), 0) FROM measurement),
       (SELECT coalesce(max(seq), 0) FROM policy_in_force),
       (SELECT coalesce(max(seq), 0) FROM instrument_description), (SELECT coalesce(max(seq), 0) FROM fact);

-- name: list_unclosed
-- Days of the period that are not closed, or that wait to be derived as it is or because of a day beside it.
WITH population AS (
    SELECT DISTINCT asset_no FROM ownership_stretches(%(first_day)s, %(last_day)s) s
    WHERE %(unit)s::text IS NULL OR s.uscc = %(unit)s
)
SELECT asset_no, day, what FROM (
    SELECT h.asset_no, h.day, 'not closed yet' AS what FROM hour_record h
    WHERE h.revision IS NULL AND h.day BETWEEN %(first_day)s AND %(last_day)s
        AND (%(unit)s::text IS NULL OR h.owner = %(unit)s)
    UNION
    SELECT d.asset_no, d.day, coalesce(p.problem, 'waits to be derived (' || d.reason || ')')
    FROM dirty_day d LEFT JOIN derivation_problem p USING (asset_no, day)
    WHERE d.day BETWEEN %(first_day)s::date - 1 AND %(last_day)s::date + 1
        AND (%(unit)s::text IS NULL OR d.asset_no IN (SELECT asset_no FROM population))
) AS open
ORDER BY day, asset_no LIMIT %(limit)s;

-- name: list_figures
-- The sums of the records by instrument and owner, with the days in the network; silent instruments have those only.
SELECT named.asset_no, named.owner, coalesce(o.days, 0)::bigint AS network, coalesce(r.days, 0) AS days,
       until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s,
       fault_s, unobserved_s, energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s,
       verified_s, unresolved_s, hand_s, hand_external_s
FROM (
    SELECT asset_no, owner, count(*) AS days, sum(until_s) AS until_s, sum(off_s) AS off_s,
           sum(standby_s) AS standby_s, sum(prepare_s) AS prepare_s, sum(run_s) AS run_s, sum(post_s) AS post_s,
           sum(calibrate_s) AS calibrate_s, sum(maintain_s) AS maintain_s, sum(fault_s) AS fault_s,
           sum(unobserved_s) AS unobserved_s, sum(energised_s) AS energised_s, sum(inferred_s) AS inferred_s,
           sum(bridged_s) AS bridged_s, sum(no_run_s) AS no_run_s, sum(effective_s) AS effective_s,
           sum(internal_s) AS internal_s, sum(claimed_s) AS claimed_s, sum(verified_s) AS verified_s,
           sum(unresolved_s) AS unresolved_s, sum(hand_s) AS hand_s, sum(hand_external_s) AS hand_external_s
    FROM hour_record
    WHERE day BETWEEN %(first_day)s AND %(last_day)s AND (%(unit)s::text IS NULL OR owner = %(unit)s)
    GROUP BY asset_no, owner
) r
FULL JOIN (
    SELECT d.asset_no, d.uscc, d.days FROM owned_days(%(first_day)s, %(last_day)s) d
    WHERE %(unit)s::text IS NULL OR d.uscc = %(unit)s
) o ON (r.asset_no, r.owner) = (o.asset_no, o.uscc)
CROSS JOIN LATERAL (SELECT coalesce(r.asset_no, o.asset_no), coalesce(r.owner, o.uscc)) AS named (asset_no, owner)
ORDER BY named.asset_no COLLATE "C", named.owner COLLATE "C";

-- name: list_known_facts
-- Facts that may touch the period: said about its days, or about an order, or about another fact.
SELECT f.sha256 FROM fact f
WHERE (f.first_day IS NULL OR (f.first_day <= %(last_day)s AND f.last_day >= %(first_day)s))
    AND (%(unit)s::text IS NULL OR f.unit IS NULL OR f.unit = %(unit)s)
    AND (%(unit)s::text IS NULL OR f.asset_no IS NULL OR f.asset_no IN (
        SELECT s.asset_no FROM ownership_stretches(%(first_day)s, %(last_day)s) s WHERE s.uscc = %(unit)s))
ORDER BY f.sha256 COLLATE "C";

-- name: list_described
-- How the registry describes the period's instruments on its last day, and what they belong to.
SELECT d.asset_no, d.name_zh, d.name_en, d.class_code, d.value_fen, d.funding, d.government_fen, d.maker, d.model,
       d.origin, d.country, d.accepted_on, d.shareable, d.exempt_document, d.exempt_reason,
       member_on(d.asset_no, 'facility', %(last_day)s) AS facility, member_on(d.asset_no, 'centre', %(last_day)s) AS centre
FROM (
    SELECT DISTINCT s.asset_no FROM ownership_stretches(%(first_day)s, %(last_day)s) s
    WHERE %(unit)s::text IS NULL OR s.uscc = %(unit)s
) owned CROSS JOIN LATERAL instrument_on(owned.asset_no, %(last_day)s) d
ORDER BY d.asset_no COLLATE "C";

-- name: list_known_journals
-- How many entries there are of each journal.
SELECT journal_id, origin, size FROM journal ORDER BY origin COLLATE "C";

-- name: list_owners
-- Who owned which instrument when, inside the period.
SELECT s.asset_no, s.uscc, s.begins, s.ends FROM ownership_stretches(%(first_day)s, %(last_day)s) s
WHERE %(unit)s::text IS NULL OR s.uscc = %(unit)s
ORDER BY s.asset_no COLLATE "C", s.uscc COLLATE "C", s.begins;

-- name: list_in_force
-- Which policy holds for what from which day, up to the end of the period.
SELECT asset_no, model, from_day, sha256 FROM (
    SELECT DISTINCT ON (f.asset_no, f.model, f.from_day)
           coalesce(f.asset_no, '') AS asset_no, coalesce(f.model, '') AS model, f.from_day, f.sha256
    FROM policy_in_force f
    WHERE f.from_day <= %(last_day)s AND (%(unit)s::text IS NULL OR f.asset_no IS NULL OR f.asset_no IN (
        SELECT s.asset_no FROM ownership_stretches(%(first_day)s, %(last_day)s) s WHERE s.uscc = %(unit)s))
    ORDER BY f.asset_no, f.model, f.from_day, f.seq DESC
) AS newest
ORDER BY asset_no COLLATE "C", model COLLATE "C", from_day;

-- name: list_closed
-- The records of the period as they are now.
SELECT h.asset_no, h.day, c.sha256 FROM hour_record h JOIN closed_record c USING (asset_no, day, revision)
WHERE h.day BETWEEN %(first_day)s AND %(last_day)s AND (%(unit)s::text IS NULL OR h.owner = %(unit)s)
ORDER BY h.asset_no COLLATE "C", h.day;

-- name: insert_frozen
-- A frozen period, with its root.
INSERT INTO frozen (name, first_day, last_day, unit, manifest, sha256, ownership_seq, measurement_seq, policy_seq,
                    description_seq, fact_seq, frozen_by, frozen_at)
VALUES (%(name)s, %(first_day)s, %(last_day)s, %(unit)s, %(manifest)s, %(sha256)s, %(ownership)s, %(measurement)s,
        %(policy)s, %(description)s, %(fact)s, %(by)s, %(at)s)
RETURNING frozen_id;

-- name: insert_frozen_records
-- Which revisions a frozen period holds.
INSERT INTO frozen_record (frozen_id, asset_no, day, revision)
SELECT %(frozen_id)s, h.asset_no, h.day, h.revision FROM hour_record h
WHERE h.day BETWEEN %(first_day)s AND %(last_day)s AND (%(unit)s::text IS NULL OR h.owner = %(unit)s);

-- name: insert_frozen_journals
-- How far each journal reached.
INSERT INTO frozen_journal (frozen_id, journal_id, size) SELECT %(frozen_id)s, journal_id, size FROM journal;

-- name: copy_frozen_leaves
-- Takes the leaves that are no records.
COPY frozen_leaf (frozen_id, place, kind, asset_no, body) FROM STDIN (FORMAT BINARY);

-- name: list_frozen
-- The frozen periods, the latest first.
SELECT frozen_id, manifest, sha256, ownership_seq, measurement_seq, policy_seq, description_seq, fact_seq
FROM frozen WHERE %(name)s::text IS NULL OR name = %(name)s ORDER BY frozen_id DESC;

-- name: list_frozen_leaves
-- The leaves of a frozen period that are no records, in their order.
SELECT kind, body FROM frozen_leaf WHERE frozen_id = %(frozen_id)s ORDER BY place;

-- name: list_frozen_records
-- The bytes of a frozen period's records, in the order of its leaves; of one instrument, of one day.
SELECT f.asset_no, f.day, c.body
FROM frozen_record f JOIN closed_record c USING (asset_no, day, revision)
WHERE f.frozen_id = %(frozen_id)s AND (%(asset_no)s::text IS NULL OR f.asset_no = %(asset_no)s)
    AND (%(day)s::date IS NULL OR f.day = %(day)s)
ORDER BY f.asset_no COLLATE "C", f.day;

-- name: list_frozen_instruments
-- The instruments of which a frozen period holds records.
SELECT DISTINCT asset_no FROM frozen_record WHERE frozen_id = %(frozen_id)s ORDER BY asset_no;

-- name: list_frozen_sizes
-- How far each journal reached for a frozen period.
SELECT journal_id, size FROM frozen_journal WHERE frozen_id = %(frozen_id)s;

-- name: list_amended
-- Days of a frozen period whose record is another one now, or that had none then, with both records' bytes.
SELECT h.asset_no, h.day, held.body, c.body, c.revision, c.why, c.closed_at
FROM hour_record h
JOIN closed_record c USING (asset_no, day, revision)
LEFT JOIN frozen_record f ON f.frozen_id = %(frozen_id)s AND (f.asset_no, f.day) = (h.asset_no, h.day)
LEFT JOIN closed_record held ON (held.asset_no, held.day, held.revision) = (f.asset_no, f.day, f.revision)
WHERE h.day BETWEEN %(first_day)s AND %(last_day)s AND h.revision IS DISTINCT FROM f.revision
    AND (f.revision IS NOT NULL OR %(unit)s::text IS NULL OR h.owner = %(unit)s)
ORDER BY h.day, h.asset_no;

-- name: list_owners_since
-- Facts of ownership that reach into a frozen period and came after it.
SELECT asset_no, coalesce(uscc, ''), from_day, recorded_at FROM ownership
WHERE seq > %(ownership)s AND from_day <= %(last_day)s AND (%(unit)s::text IS NULL OR asset_no IN (
    SELECT asset_no FROM frozen_leaf WHERE frozen_id = %(frozen_id)s AND kind = 'figure'))
ORDER BY seq;

-- name: list_policies_since
-- Policies that reach into a frozen period and came after it.
SELECT coalesce(asset_no, 'model ' || model, 'default'), sha256, from_day, recorded_at FROM policy_in_force
WHERE seq > %(policy)s AND from_day <= %(last_day)s AND (%(unit)s::text IS NULL OR asset_no IS NULL OR asset_no IN (
    SELECT asset_no FROM frozen_leaf WHERE frozen_id = %(frozen_id)s AND kind = 'figure'))
ORDER BY seq;

-- name: list_frozen_after
-- Frozen periods that hold a day of an instrument (NULL: of any) from a day on.
SELECT f.name, f.first_day, f.last_day FROM frozen f
WHERE f.last_day >= %(from_day)s AND (%(asset_no)s::text IS NULL OR EXISTS (
    SELECT FROM frozen_leaf l
    WHERE l.frozen_id = f.frozen_id AND l.asset_no = %(asset_no)s AND l.kind = 'figure'))
ORDER BY f.first_day, f.name;
