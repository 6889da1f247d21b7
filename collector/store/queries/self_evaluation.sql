-- What a self-evaluation report is drafted from: the registry on a day, hours out of a source, orders.

-- name: find_unit_on
-- A unit's name on a day.
SELECT name_zh FROM unit_on(%(uscc)s, %(day)s);

-- name: list_unit_names
-- What legal persons are called, as they were first registered.
SELECT uscc, name_zh FROM unit WHERE uscc = ANY (%(usccs)s);

-- name: find_round
-- The newest round of a year that has figures, and counts or leaves out anything of the unit.
SELECT r.name FROM round r JOIN round_data d USING (round_id)
WHERE r.year = %(year)s AND EXISTS (
    SELECT FROM round_member m WHERE m.round_id = r.round_id AND m.uscc = %(uscc)s)
ORDER BY r.round_id DESC LIMIT 1;

-- name: find_frozen
-- The newest frozen period that is the whole year, of every unit or of this one.
SELECT name FROM frozen
WHERE first_day = %(first_day)s AND last_day = %(last_day)s AND (unit IS NULL OR unit = %(uscc)s)
ORDER BY frozen_id DESC LIMIT 1;

-- name: list_owned
-- The instruments that a unit owned at the end of a day, as the registry described them, and what they belonged to.
SELECT d.asset_no, d.name_zh, d.class_code, d.maker, d.model, d.origin, d.value_fen, d.funding, d.government_fen,
       d.accepted_on, d.shareable, d.bookable, d.exempt_document,
       coalesce(member_on(d.asset_no, 'facility', %(day)s), ''), coalesce(member_on(d.asset_no, 'centre', %(day)s), '')
FROM (SELECT DISTINCT asset_no FROM ownership WHERE uscc = %(uscc)s AND from_day <= %(day)s) o
CROSS JOIN LATERAL instrument_on(o.asset_no, %(day)s) d
WHERE owner_on(o.asset_no, %(day)s) = %(uscc)s
ORDER BY d.asset_no COLLATE "C";

-- name: list_run
-- The facilities and centres that a unit ran at the end of a day.
SELECT d.facility_no, d.kind, d.name_zh, d.value_fen, d.government_fen
FROM facility f CROSS JOIN LATERAL facility_on(f.facility_no, %(day)s) d
WHERE d.uscc = %(uscc)s AND d.from_day IS NOT NULL AND d.kind = 'facility'
ORDER BY d.facility_no COLLATE "C";

-- name: list_closed_figures
-- The year of a unit's instruments out of closed records as they are now: sums in seconds, policies, and the hash over
-- the records and their grades. Of a day on which not all external time counts, what does not is taken from the
-- verified time first, as a round does.
SELECT o.asset_no, o.days * 86400 AS network_s,
       coalesce(r.observed_s, 0), coalesce(r.bridged_s, 0), coalesce(r.effective_s, 0), coalesce(r.counted_s, 0),
       coalesce(r.counted_verified_s, 0), coalesce(r.claimed_s, 0), coalesce(r.verified_s, 0),
       coalesce(r.unresolved_s, 0), coalesce(r.a_s, 0), coalesce(r.b_s, 0), coalesce(r.c_s, 0), coalesce(r.d_s, 0),
       coalesce(r.x_s, 0), coalesce(r.hand_s, 0), coalesce((
           SELECT sum(e.effective_s) FROM hour_record e
           WHERE e.asset_no = o.asset_no AND e.owner <> %(uscc)s AND e.revision IS NOT NULL
               AND e.day BETWEEN %(first_day)s AND %(last_day)s), 0),
       coalesce(r.policies, '{}'), coalesce(r.records, 0), coalesce(r.sha256, ''), coalesce(r.open_days, 0)
FROM owned_days(%(first_day)s, %(last_day)s) o
LEFT JOIN (
    SELECT h.asset_no, count(*) FILTER (WHERE is_closed) AS records, count(*) FILTER (WHERE NOT is_closed) AS open_days,
           sum(h.until_s - h.unobserved_s - h.bridged_s) FILTER (WHERE is_closed) AS observed_s,
           sum(h.bridged_s) FILTER (WHERE is_closed) AS bridged_s,
           sum(h.effective_s) FILTER (WHERE is_closed) AS effective_s,
           sum(g.counted_s) FILTER (WHERE is_closed) AS counted_s,
           sum(CASE WHEN g.counted_external_s < h.claimed_s + h.verified_s
                    THEN greatest(0, g.counted_external_s - h.claimed_s)
                    WHEN g.counted_external_s IS NOT NULL THEN h.verified_s END)
               FILTER (WHERE is_closed) AS counted_verified_s,
           sum(h.claimed_s) FILTER (WHERE is_closed) AS claimed_s,
           sum(h.verified_s) FILTER (WHERE is_closed) AS verified_s,
           sum(h.unresolved_s) FILTER (WHERE is_closed) AS unresolved_s,
           sum(g.a_s) FILTER (WHERE is_closed) AS a_s, sum(g.b_s) FILTER (WHERE is_closed) AS b_s,
           sum(g.c_s) FILTER (WHERE is_closed) AS c_s, sum(g.d_s) FILTER (WHERE is_closed) AS d_s,
           sum(g.x_s) FILTER (WHERE is_closed) AS x_s, sum(h.hand_s) FILTER (WHERE is_closed) AS hand_s,
           array_agg(DISTINCT h.policy ORDER BY h.policy) FILTER (WHERE is_closed) AS policies,
           encode(sha256(convert_to(string_agg(
               h.day || ' ' || c.sha256 || ' ' || coalesce(encode(sha256(g.body), 'hex'), '-'), E'\n' ORDER BY h.day)
               FILTER (WHERE is_closed), 'UTF8')), 'hex') AS sha256
    FROM hour_record h
    CROSS JOIN LATERAL (SELECT h.revision IS NOT NULL AS is_closed) k
    LEFT JOIN closed_record c USING (asset_no, day, revision)
    LEFT JOIN day_grade g ON (g.asset_no, g.day) = (h.asset_no, h.day)
    WHERE h.owner = %(uscc)s AND h.day BETWEEN %(first_day)s AND %(last_day)s AND h.asset_no = ANY (%(assets)s)
    GROUP BY h.asset_no
) r USING (asset_no)
WHERE o.uscc = %(uscc)s AND o.asset_no = ANY (%(assets)s)
ORDER BY o.asset_no COLLATE "C";

-- name: list_frozen_hashes
-- Of a frozen period and the instruments of a unit: how many records, and the hash over these and over their grades up
-- to a line, on the days on which the unit owned them.
WITH wanted AS (
    SELECT l.asset_no, (l.said ->> 3)::date AS begins, (l.said ->> 4)::date AS ends FROM (
        SELECT asset_no, convert_from(body, 'UTF8')::jsonb AS said FROM frozen_leaf
        WHERE frozen_id = %(frozen_id)s AND kind = 'owner' AND asset_no = ANY (%(assets)s)
    ) AS l WHERE l.said ->> 2 = %(uscc)s
)
SELECT f.asset_no, count(*), encode(sha256(convert_to(string_agg(
    f.day || ' ' || c.sha256 || ' ' || coalesce(g.sha256, '-'), E'\n' ORDER BY f.day), 'UTF8')), 'hex')
FROM frozen_record f JOIN wanted w ON w.asset_no = f.asset_no AND f.day BETWEEN w.begins AND w.ends
JOIN closed_record c ON (c.asset_no, c.day, c.revision) = (f.asset_no, f.day, f.revision)
LEFT JOIN LATERAL (
    SELECT t.sha256 FROM closed_grade t
    WHERE (t.asset_no, t.day, t.record) = (f.asset_no, f.day, f.revision) AND t.seq <= %(grade_seq)s
    ORDER BY t.number DESC LIMIT 1
) AS g ON true
WHERE f.frozen_id = %(frozen_id)s
GROUP BY f.asset_no;

-- name: list_external_records
-- Closed records under a unit on which somebody outside of it was served.
SELECT c.body FROM hour_record h JOIN closed_record c USING (asset_no, day, revision)
WHERE h.owner = %(uscc)s AND h.day BETWEEN %(first_day)s AND %(last_day)s AND h.claimed_s + h.verified_s > 0
ORDER BY h.asset_no COLLATE "C", h.day;

-- name: list_frozen_external_records
-- The records of a frozen period of those instruments by which a unit served anybody; days of others' are among them.
SELECT c.body FROM frozen_record f JOIN closed_record c USING (asset_no, day, revision)
WHERE f.frozen_id = %(frozen_id)s AND f.asset_no IN (
    SELECT l.asset_no FROM (
        SELECT asset_no, convert_from(body, 'UTF8')::jsonb AS said FROM frozen_leaf
        WHERE frozen_id = %(frozen_id)s AND kind = 'figure'
    ) AS l
    WHERE l.said ->> 2 = %(uscc)s AND (
        (l.said -> 3 ->> 'claimed_s')::bigint > 0 OR (l.said -> 3 ->> 'verified_s')::bigint > 0))
ORDER BY f.asset_no COLLATE "C", f.day;

-- name: list_orders_of_unit
-- Orders, documents and corrections of a unit's orders, with what corrects those.
WITH RECURSIVE said AS (
    SELECT sha256, body FROM fact WHERE unit = %(uscc)s AND kind IN ('order', 'document', 'correction')
    UNION
    SELECT f.sha256, f.body FROM said s JOIN fact f ON f.target = 'fact:' || s.sha256
)
SELECT sha256, body FROM said;

-- name: list_docked
-- From which source systems facts of a unit's orders, or of uses of its instruments in these days, came, and how many.
SELECT s.source, count(*) FROM fact_source s JOIN fact f USING (sha256)
WHERE (f.unit = %(uscc)s AND local_day_of((convert_from(f.body, 'UTF8')::jsonb ->> 'at')::bigint)
       BETWEEN %(first_day)s AND %(last_day)s)
    OR (f.kind = 'use' AND f.first_day BETWEEN %(first_day)s AND %(last_day)s AND f.asset_no = ANY (%(assets)s))
GROUP BY s.source ORDER BY s.source COLLATE "C";

-- name: hold_report
-- The report of a unit and year, made where there is none; nobody else takes a step of it until the transaction ends.
INSERT INTO self_report (uscc, year) VALUES (%(uscc)s, %(year)s) ON CONFLICT (uscc, year) DO NOTHING;

-- name: lock_report
-- The number of a report, held until the transaction ends.
SELECT report_id FROM self_report WHERE uscc = %(uscc)s AND year = %(year)s FOR UPDATE;

-- name: list_reports
-- Reports in a scope with where they stand, by year (the latest first) and code.
SELECT r.report_id, r.uscc, coalesce(u.name_zh, ''), r.year, s.state, s.version, v.sha256, s.made_by, s.made_at
FROM self_report r
JOIN LATERAL (
    SELECT * FROM self_report_step t WHERE t.report_id = r.report_id ORDER BY t.seq DESC LIMIT 1
) s ON true
JOIN self_report_version v ON (v.report_id, v.number) = (r.report_id, s.version)
LEFT JOIN LATERAL unit_on(r.uscc, make_date(r.year, 12, 31)) u ON true
WHERE (%(year)s::integer IS NULL OR r.year = %(year)s) AND (%(uscc)s::text IS NULL OR r.uscc = %(uscc)s)
    AND (-r.year, r.uscc) > (%(after_year)s, %(after_uscc)s)
    AND unit_in_scope(r.uscc, %(scope_kind)s, %(scope_name)s, make_date(r.year, 12, 31))
ORDER BY -r.year, r.uscc LIMIT %(limit)s;

-- name: list_steps
-- How a report came where it is, the first step first.
SELECT s.state, s.version, v.sha256, s.differences, s.why, s.made_by, s.made_at
FROM self_report_step s JOIN self_report_version v ON (v.report_id, v.number) = (s.report_id, s.version)
WHERE s.report_id = %(report_id)s ORDER BY s.seq;

-- name: load_version
-- The bytes of a version.
SELECT body FROM self_report_version WHERE report_id = %(report_id)s AND number = %(number)s;

-- name: find_submitted
-- Whether a version was ever submitted, and the newest one that was.
SELECT max(version), coalesce(bool_or(version = %(number)s), false) FROM self_report_step
WHERE report_id = %(report_id)s AND state = 'submitted';

-- name: insert_version
-- One more version of a report.
INSERT INTO self_report_version (report_id, number, body, sha256)
VALUES (%(report_id)s, %(number)s, %(body)s, %(sha256)s);

-- name: insert_step
-- A report goes on; the database refuses a wrong step.
INSERT INTO self_report_step (report_id, state, version, differences, changed, why, made_by, made_at)
VALUES (%(report_id)s, %(state)s, %(version)s, %(differences)s, %(changed)s, %(why)s, %(by)s, %(now)s);

-- name: insert_due
-- Until when the reports of a year are to be submitted.
INSERT INTO self_report_due (year, due_on, why, made_by, made_at)
VALUES (%(year)s, %(due_on)s, %(why)s, %(by)s, %(now)s);

-- name: list_due
-- What was ever said about a year's last day, the latest first.
SELECT due_on, why, made_by, made_at FROM self_report_due WHERE year = %(year)s ORDER BY seq DESC;

-- name: find_population
-- The newest round of a year that knows whom it counts.
SELECT r.round_id, r.name FROM round r JOIN round_population p USING (round_id)
WHERE r.year = %(year)s ORDER BY r.round_id DESC LIMIT 1;

-- name: list_timeliness
-- Units in a scope that owe a report of a year, after a code: those of which the round counts anything, or (no round)
-- that owned an instrument in it; and those that made one. With when each first and last submitted, and how often it
-- came back.
WITH owing AS (
    SELECT uscc FROM round_member WHERE round_id = %(round_id)s AND is_in
    UNION
    SELECT uscc FROM owned_days(%(first_day)s, %(last_day)s) WHERE %(round_id)s::integer IS NULL AND days > 0
    UNION
    SELECT uscc FROM self_report WHERE year = %(year)s
)
SELECT o.uscc, u.name_zh, (
           SELECT t.state FROM self_report_step t WHERE t.report_id = r.report_id ORDER BY t.seq DESC LIMIT 1),
       min(s.made_at) FILTER (WHERE s.state = 'submitted'), max(s.made_at) FILTER (WHERE s.state = 'submitted'),
       count(*) FILTER (WHERE s.state = 'returned')
FROM owing o CROSS JOIN LATERAL unit_on(o.uscc, %(last_day)s) u
LEFT JOIN self_report r ON r.uscc = o.uscc AND r.year = %(year)s
LEFT JOIN self_report_step s ON s.report_id = r.report_id
WHERE o.uscc > %(after)s AND unit_in_scope(o.uscc, %(scope_kind)s, %(scope_name)s, %(last_day)s)
GROUP BY o.uscc, u.name_zh, r.report_id ORDER BY o.uscc LIMIT %(limit)s;
