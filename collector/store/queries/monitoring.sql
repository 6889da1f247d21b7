-- Monitoring: settings by day, how long instruments stand idle, and the cases about that.

-- name: load_settings
-- The settings that somebody decided and that hold on a day.
SELECT DISTINCT ON (name) name, value FROM monitoring_setting WHERE from_day <= %(day)s
ORDER BY name, from_day DESC, seq DESC;

-- name: list_settings
-- All that was ever decided.
SELECT name, value, from_day, why, set_by, set_at FROM monitoring_setting ORDER BY name, from_day, seq;

-- name: insert_setting
-- From a day on this holds.
INSERT INTO monitoring_setting (name, value, from_day, why, set_by, set_at)
VALUES (%(name)s, %(value)s, %(from_day)s, %(why)s, %(by)s, %(now)s);

-- name: list_counters
-- The counters of instruments in a scope at the end of a day, after an asset number, with the open case of each.
SELECT i.asset_no, d.name_zh, i.uscc, i.begins, i.last_on, i.observed_days, i.unobserved_days, i.state, c.case_id
FROM idle_on(%(day)s, %(observed_percent)s, %(idle_days)s, %(silent_days)s) i
CROSS JOIN LATERAL instrument_on(i.asset_no, %(day)s) d
LEFT JOIN LATERAL (
    SELECT case_id FROM idle_case o
    WHERE o.asset_no = i.asset_no AND state_of_case(o.case_id) NOT IN ('accepted', 'closed', 'withdrawn')
) c ON true
WHERE i.asset_no > %(after)s AND (%(state)s::text IS NULL OR i.state = %(state)s)
    AND (%(uscc)s::text IS NULL OR i.uscc = %(uscc)s)
    AND in_scope(i.asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)
ORDER BY i.asset_no LIMIT %(limit)s;

-- name: find_counter
-- The counter of one instrument.
SELECT i.asset_no, d.name_zh, i.uscc, i.begins, i.last_on, i.observed_days, i.unobserved_days, i.state, c.case_id
FROM idle_on(%(day)s, %(observed_percent)s, %(idle_days)s, %(silent_days)s, %(asset_no)s) i
CROSS JOIN LATERAL instrument_on(i.asset_no, %(day)s) d
LEFT JOIN LATERAL (
    SELECT case_id FROM idle_case o
    WHERE o.asset_no = i.asset_no AND state_of_case(o.case_id) NOT IN ('accepted', 'closed', 'withdrawn')
) c ON true;

-- name: lock_cases
-- Two who remind or judge at once: the second sees what the first did.
SELECT pg_advisory_xact_lock(hashtextextended('jishi idle cases', 0));

-- name: list_due
-- Instruments that are idle or silent and of which no case is open or rests: an accepted reason rests until its day,
-- what was closed or withdrawn as long as it takes to become idle.
SELECT i.asset_no FROM idle_on(%(day)s, %(observed_percent)s, %(idle_days)s, %(silent_days)s) i
WHERE i.state IN ('idle', 'silent') AND NOT EXISTS (
    SELECT FROM idle_case c
    LEFT JOIN LATERAL (SELECT * FROM idle_step s WHERE s.case_id = c.case_id ORDER BY s.seq DESC LIMIT 1) s ON true
    WHERE c.asset_no = i.asset_no AND c.uscc = i.uscc AND CASE
        WHEN s.state = 'accepted' THEN s.until_day >= %(today)s
        WHEN s.state IN ('closed', 'withdrawn')
            THEN (s.made_at AT TIME ZONE 'Asia/Shanghai')::date + %(rest_days)s > %(today)s
        ELSE true
    END)
    AND NOT EXISTS (
        SELECT FROM idle_case c
        WHERE c.asset_no = i.asset_no AND state_of_case(c.case_id) NOT IN ('accepted', 'closed', 'withdrawn'))
ORDER BY i.asset_no;

-- name: insert_case
-- A reminder.
INSERT INTO idle_case (asset_no, uscc, kind, begins, last_on, last_day, observed_days, unobserved_days, threshold_days,
    answer_by, why, made_by_id, made_by, made_at)
VALUES (%(asset_no)s, %(uscc)s, %(kind)s, %(begins)s, %(last_on)s, %(last_day)s, %(observed_days)s,
    %(unobserved_days)s, %(threshold_days)s, %(answer_by)s, %(why)s, %(person_id)s, %(by)s, %(now)s)
RETURNING case_id;

-- name: insert_case_step
-- A case goes on; the database refuses a wrong step.
INSERT INTO idle_step (case_id, state, why, document, until_day, outcome, person_id, made_by, made_at)
VALUES (%(case_id)s, %(state)s, %(why)s, %(document)s, %(until_day)s, %(outcome)s, %(person_id)s, %(by)s, %(now)s);

-- name: list_cases
-- Cases in a scope before a number, the newest first, with where each stands and whether its answer is late.
SELECT c.case_id, c.asset_no, c.uscc, c.kind, c.begins, c.last_on, c.last_day, c.observed_days, c.unobserved_days,
       c.threshold_days, c.answer_by, c.why, c.made_by, c.made_at, s.state,
       s.state = 'reminded' AND c.answer_by < %(today)s
FROM idle_case c CROSS JOIN LATERAL state_of_case(c.case_id) s (state)
WHERE c.case_id < %(before)s AND (%(case_id)s::bigint IS NULL OR c.case_id = %(case_id)s)
    AND (%(state)s::text IS NULL OR s.state = %(state)s) AND (%(asset_no)s::text IS NULL OR c.asset_no = %(asset_no)s)
    AND (unit_in_scope(c.uscc, %(scope_kind)s, %(scope_name)s, c.last_day)
         OR (%(scope_kind)s = 'instrument' AND c.asset_no = %(scope_name)s))
ORDER BY c.case_id DESC LIMIT %(limit)s;

-- name: list_case_steps
-- The steps of a case after its reminder, in order.
SELECT state, why, document, until_day, outcome, made_by, made_at FROM idle_step
WHERE case_id = %(case_id)s ORDER BY seq;

-- name: find_answerer
-- Who gave the reason in a case.
SELECT person_id FROM idle_step WHERE case_id = %(case_id)s AND state = 'answered';

-- name: is_stored
-- Whether there is such a file.
SELECT FROM document WHERE sha256 = %(document)s;
