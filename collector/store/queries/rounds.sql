-- Rounds of evaluation: the round itself, its steps, what people decided, its members and its figures.

-- name: insert_round
-- A round in no state yet; nothing where the name is taken.
INSERT INTO round (name, year, as_of, min_value_fen, over_government_percent, edition)
VALUES (%(name)s, %(year)s, %(as_of)s, %(min_value_fen)s, %(over_government_percent)s, %(edition)s)
ON CONFLICT (name) DO NOTHING RETURNING round_id;

-- name: insert_step
-- A round goes on; the database refuses a wrong step.
INSERT INTO round_step (round_id, state, why, made_by, made_at)
VALUES (%(round_id)s, %(state)s, %(why)s, %(by)s, %(now)s);

-- name: hold_round
-- Until the transaction ends nobody else changes anything of the round.
SELECT round_id FROM round WHERE name = %(name)s FOR UPDATE;

-- name: list_rounds
-- Rounds with where they stand, the latest first; the one of a name where one is given.
SELECT r.round_id, r.name, r.year, r.as_of, r.min_value_fen, r.over_government_percent,
       (SELECT s.state FROM round_step s WHERE s.round_id = r.round_id ORDER BY s.seq DESC LIMIT 1),
       f.name, d.grade_seq, o.sha256, r.edition
FROM round r
LEFT JOIN round_data d USING (round_id) LEFT JOIN frozen f USING (frozen_id) LEFT JOIN round_scheme o USING (round_id)
WHERE %(name)s::text IS NULL OR r.name = %(name)s
ORDER BY r.round_id DESC;

-- name: list_steps
-- The steps of a round, the first one first.
SELECT state, why, made_by, made_at FROM round_step WHERE round_id = %(round_id)s ORDER BY seq;

-- name: insert_choice
-- What a person decided of who is counted.
INSERT INTO round_choice (round_id, subject, verdict, why, made_by, made_at)
VALUES (%(round_id)s, %(subject)s, %(verdict)s, %(why)s, %(by)s, %(now)s);

-- name: list_choices
-- All that people decided of who is counted, in order.
SELECT subject, verdict, why FROM round_choice WHERE round_id = %(round_id)s ORDER BY seq;

-- name: is_registered
-- Whether there is such an instrument or facility.
SELECT EXISTS (SELECT FROM instrument WHERE %(kind)s = 'instrument' AND asset_no = %(name)s)
    OR EXISTS (SELECT FROM facility WHERE %(kind)s = 'facility' AND facility_no = %(name)s);

-- name: hold_registry
-- Waits for whoever is writing dated facts, and holds off the next until we commit.
LOCK TABLE ownership, instrument_description, facility_description, poor_case, case_ruling, fraud_case IN SHARE MODE;

-- name: insert_population
-- Up to which lines the registry and the cases are known.
INSERT INTO round_population (round_id, ownership_seq, description_seq, facility_seq, case_seq, ruling_seq, fraud_seq)
SELECT %(round_id)s, (SELECT coalesce(max(seq), 0) FROM ownership),
       (SELECT coalesce(max(seq), 0) FROM instrument_description),
       (SELECT coalesce(max(seq), 0) FROM facility_description),
       (SELECT coalesce(max(case_id), 0) FROM poor_case), (SELECT coalesce(max(seq), 0) FROM case_ruling),
       (SELECT coalesce(max(fraud_id), 0) FROM fraud_case);

-- name: list_bars
-- Units that take no part in a round, with the reason: up to the population's lines, where there is one.
SELECT b.uscc, b.reason, b.note
FROM (SELECT 1) one LEFT JOIN round_population p ON p.round_id = %(round_id)s
CROSS JOIN LATERAL barred_in(%(year)s, coalesce(p.case_seq, 9223372036854775807),
    coalesce(p.ruling_seq, 9223372036854775807), coalesce(p.fraud_seq, 9223372036854775807)) b
ORDER BY b.uscc, b.reason, b.note;

-- name: list_candidates
-- What somebody owned on any day of the year up to the round's date, and the facilities that there were, as the registry
-- described them on that date by every fact up to the population's lines.
WITH known AS (
    SELECT r.as_of, r.edition, date_trunc('year', r.as_of)::date AS first_day, p.*
    FROM round r JOIN round_population p USING (round_id) WHERE r.round_id = %(round_id)s
), owned AS (
    SELECT DISTINCT ON (o.asset_no, o.from_day) o.asset_no, o.from_day, o.uscc
    FROM ownership o, known k WHERE o.seq <= k.ownership_seq AND o.from_day <= k.as_of
    ORDER BY o.asset_no, o.from_day, o.seq DESC
), held AS (
    SELECT DISTINCT ON (asset_no) asset_no, uscc FROM owned ORDER BY asset_no, from_day DESC
), stretches AS (
    SELECT asset_no, uscc, lead(from_day) OVER (PARTITION BY asset_no ORDER BY from_day) AS until_day FROM owned
), described AS (
    SELECT DISTINCT ON (d.asset_no) d.asset_no, d.value_fen, d.government_fen, d.shareable, d.exempt_document, d.bookable
    FROM instrument_description d, known k WHERE d.seq <= k.description_seq AND d.from_day <= k.as_of
    ORDER BY d.asset_no, d.from_day DESC, d.seq DESC
), facilities AS (
    SELECT DISTINCT ON (d.facility_no) d.facility_no, d.uscc, d.value_fen, d.government_fen
    FROM facility_description d, known k WHERE d.seq <= k.facility_seq AND d.from_day <= k.as_of
    ORDER BY d.facility_no, d.from_day DESC, d.seq DESC
)
SELECT 'instrument', h.asset_no, h.uscc, d.value_fen, d.government_fen, d.shareable, coalesce(d.exempt_document, ''),
       CASE WHEN k.edition > 1 THEN d.bookable END
FROM known k CROSS JOIN held h LEFT JOIN described d USING (asset_no)
WHERE h.asset_no IN (
    SELECT s.asset_no FROM stretches s, known k
    WHERE s.uscc IS NOT NULL AND (s.until_day IS NULL OR s.until_day > k.first_day))
UNION ALL
SELECT 'facility', f.facility_no, f.uscc, f.value_fen, f.government_fen, NULL, '', NULL
FROM facilities f JOIN facility USING (facility_no) WHERE facility.kind = 'facility';

-- name: copy_members
-- Takes the members.
COPY round_member (round_id, kind, name, uscc, value_fen, government_fen, shareable, is_in, reason, note, bookable)
FROM STDIN (FORMAT BINARY);

-- name: list_members
-- Members in a scope after a (kind, name), with all that is said of them.
SELECT kind, m.name, uscc, value_fen, government_fen, shareable, is_in, reason, note, bookable
FROM round_member m JOIN round r USING (round_id)
WHERE round_id = %(round_id)s AND (kind, m.name) > (%(after_kind)s, %(after_name)s)
    AND (%(is_in)s::boolean IS NULL OR is_in = %(is_in)s) AND (%(uscc)s::text IS NULL OR uscc = %(uscc)s)
    AND (%(scope_kind)s = 'everything' OR unit_in_scope(uscc, %(scope_kind)s, %(scope_name)s, as_of)
         OR (%(scope_kind)s = 'instrument' AND kind = 'instrument' AND m.name = %(scope_name)s))
ORDER BY kind, m.name LIMIT %(limit)s;

-- name: hold_grades
-- Waits for whoever is writing grade records, and holds off the next until we commit.
LOCK TABLE closed_grade IN SHARE MODE;

-- name: load_grade_cut
-- The last place that was given to a grade record; every later one is above it.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM closed_grade_seq_seq;

-- name: insert_data
-- Which frozen period a round's figures are from.
INSERT INTO round_data (round_id, frozen_id, grade_seq) VALUES (%(round_id)s, %(frozen_id)s, %(grade_seq)s);

-- name: list_sums
-- The sums of a frozen period by instrument and owner.
SELECT body FROM frozen_leaf WHERE frozen_id = %(frozen_id)s AND kind = 'figure' ORDER BY place;

-- name: list_owned
-- Who owned what on a day, as the frozen period knows it.
SELECT asset_no, convert_from(body, 'UTF8')::jsonb ->> 2 FROM frozen_leaf
WHERE frozen_id = %(frozen_id)s AND kind = 'owner'
    AND %(day)s::text BETWEEN convert_from(body, 'UTF8')::jsonb ->> 3 AND convert_from(body, 'UTF8')::jsonb ->> 4;

-- name: list_graded
-- Of the days of a frozen period on which these instruments had these owners: the newest grades of each record up to a
-- line, NULL where there are none.
WITH wanted AS (
    SELECT l.asset_no, (l.said ->> 3)::date AS begins, (l.said ->> 4)::date AS ends
    FROM unnest(%(assets)s::text[], %(owners)s::text[]) AS u (asset_no, uscc)
    JOIN (
        SELECT asset_no, convert_from(body, 'UTF8')::jsonb AS said FROM frozen_leaf
        WHERE frozen_id = %(frozen_id)s AND kind = 'owner'
    ) AS l USING (asset_no)
    WHERE l.said ->> 2 = u.uscc
)
SELECT f.asset_no, f.day, f.revision, g.body
FROM frozen_record f
JOIN wanted w ON w.asset_no = f.asset_no AND f.day BETWEEN w.begins AND w.ends
LEFT JOIN LATERAL (
    SELECT body FROM closed_grade c
    WHERE (c.asset_no, c.day, c.record) = (f.asset_no, f.day, f.revision) AND c.seq <= %(grade_seq)s
    ORDER BY c.number DESC LIMIT 1
) AS g ON true
WHERE f.frozen_id = %(frozen_id)s;

-- name: list_records
-- The bytes of some records.
SELECT c.asset_no, c.day, c.revision, c.body
FROM unnest(%(assets)s::text[], %(days)s::date[], %(revisions)s::integer[]) AS u (asset_no, day, revision)
JOIN closed_record c USING (asset_no, day, revision);

-- name: insert_figure
-- The year of one instrument.
INSERT INTO round_figure (round_id, asset_no, uscc, network_s, observed_s, bridged_s, effective_s, counted_s,
    counted_verified_s, claimed_s, verified_s, unresolved_s, a_s, b_s, c_s, d_s, x_s, hand_s, elsewhere_s, policies)
VALUES (%(round_id)s, %(asset_no)s, %(uscc)s, %(network_s)s, %(observed_s)s, %(bridged_s)s, %(effective_s)s,
    %(counted_s)s, %(counted_verified_s)s, %(claimed_s)s, %(verified_s)s, %(unresolved_s)s, %(a_s)s, %(b_s)s, %(c_s)s,
    %(d_s)s, %(x_s)s, %(hand_s)s, %(elsewhere_s)s, %(policies)s);

-- name: list_figures
-- The year of each instrument, by asset number.
SELECT asset_no, uscc, policies, network_s, observed_s, bridged_s, effective_s, counted_s, counted_verified_s,
       claimed_s, verified_s, unresolved_s, a_s, b_s, c_s, d_s, x_s, hand_s, elsewhere_s
FROM round_figure WHERE round_id = %(round_id)s ORDER BY asset_no COLLATE "C";

-- name: insert_indicators
-- What was computed of one unit.
INSERT INTO round_indicators (round_id, uscc, body) VALUES (%(round_id)s, %(uscc)s, %(body)s);

-- name: list_indicators
-- What was computed of the units in a scope after a code; the line of all units belongs to everything alone.
SELECT i.uscc, coalesce(u.name_zh, ''), coalesce(u.name_en, ''), i.body
FROM round_indicators i JOIN round r USING (round_id) LEFT JOIN LATERAL unit_on(i.uscc, r.as_of) u ON true
WHERE round_id = %(round_id)s AND (%(after_uscc)s::text IS NULL OR i.uscc > %(after_uscc)s)
    AND unit_in_scope(i.uscc, %(scope_kind)s, %(scope_name)s, r.as_of)
ORDER BY i.uscc LIMIT %(limit)s;
