-- Alarms: what is wrong, what is open, and who knows of it.

-- name: lock_alarms
-- One look or acknowledgement at a time.
SELECT pg_advisory_xact_lock(hashtextextended('jishi alarms', 0));

-- name: list_wrong
-- What is wrong now. Agents and instruments count as far as they ought to be heard: a channel of theirs measures
-- something on that day, and somebody owns it. judged: the last day that closed; month: the last whole month.
WITH bound AS (
    SELECT DISTINCT ON (agent_id, watcher, channel) agent_id, asset_no FROM measurement
    WHERE from_day <= %(today)s ORDER BY agent_id, watcher, channel, from_day DESC, seq DESC
), heard AS (
    SELECT a.agent_id, coalesce(a.last_seen_at, a.registered_at) AS since, a.last_seen_at
    FROM agent a WHERE a.agent_id IN (SELECT agent_id FROM bound WHERE asset_no IS NOT NULL)
), newest AS (
    SELECT DISTINCT ON (agent_id) agent_id, journal_id FROM journal
    WHERE agent_id IN (SELECT agent_id FROM heard) ORDER BY agent_id, epoch DESC
), measured AS (
    SELECT asset_no, min(from_day) AS begins FROM measurement
    WHERE asset_no IN (SELECT asset_no FROM bound) GROUP BY asset_no
), in_days AS (
    SELECT m.asset_no, coalesce(h.until_s - h.unobserved_s - h.bridged_s, 0) AS observed_s
    FROM measured m LEFT JOIN hour_record h ON h.asset_no = m.asset_no AND h.day = %(judged)s
    WHERE m.begins <= %(judged)s AND owner_on(m.asset_no, %(judged)s) IS NOT NULL
), in_months AS (
    SELECT m.asset_no, sum(s.ends - greatest(s.begins, m.begins) + 1)::bigint AS days,
           coalesce((SELECT sum(h.until_s - h.unobserved_s - h.bridged_s) FROM month_hours h
                     WHERE h.asset_no = m.asset_no AND h.month = %(month)s), 0)::bigint AS observed_s
    FROM measured m JOIN ownership_stretches(%(month)s, %(month_end)s) s USING (asset_no)
    WHERE m.begins <= s.ends GROUP BY m.asset_no
)
SELECT 'agent-silent', agent_id, NULL, since,
       CASE WHEN last_seen_at IS NULL THEN 'never heard since it was registered' ELSE 'not heard' END
FROM heard WHERE since < %(silent_before)s
UNION ALL
SELECT 'clock-off', n.agent_id, NULL, NULL, 'its clock is off by ' || c.off_ms / 1000 || ' s'
FROM newest n
CROSS JOIN LATERAL (SELECT boot FROM landmark l WHERE l.journal_id = n.journal_id ORDER BY entry_index DESC LIMIT 1) b
JOIN LATERAL (
    SELECT greatest(k.own_low_ms - k.fix_high_ms, k.fix_low_ms - k.own_high_ms) AS off_ms
    FROM boot_clock k WHERE k.journal_id = n.journal_id AND k.boot = b.boot
) c ON c.off_ms > %(clock_off_ms)s
UNION ALL
SELECT 'storage', n.agent_id, NULL,
       CASE WHEN t.wall_ms BETWEEN 946684800000 AND 7258118400000 THEN to_timestamp(t.wall_ms / 1000.0) END,
       'its disk made trouble: ' || coalesce(nullif(left(convert_from(t.body, 'UTF8')::jsonb -> 'd' ->> 'problem', 200), ''),
                                             'it did not say which')
FROM newest n
CROSS JOIN LATERAL (
    SELECT * FROM landmark l WHERE l.kind = 'storage' AND l.journal_id = n.journal_id ORDER BY entry_index DESC LIMIT 1
) t
WHERE t.entry_index > coalesce(
    (SELECT max(entry_index) FROM landmark l WHERE l.kind = 'start' AND l.journal_id = n.journal_id), -1)
UNION ALL
SELECT 'day-coverage', NULL, asset_no, %(judged)s::timestamp AT TIME ZONE 'Asia/Shanghai',
       observed_s || ' of 86400 s of ' || %(judged)s::date || ' observed'
FROM in_days WHERE observed_s::bigint * 100 < %(observed_percent)s * 86400
UNION ALL
SELECT 'month-coverage', NULL, asset_no, %(month)s::timestamp AT TIME ZONE 'Asia/Shanghai',
       observed_s || ' of ' || days * 86400 || ' s of ' || to_char(%(month)s::date, 'YYYY-MM') || ' observed'
FROM in_months WHERE observed_s * 100 < days * 86400 * %(month_percent)s;

-- name: list_held
-- The alarms that are open.
SELECT alarm_id, kind, agent_id, asset_no FROM open_alarm ORDER BY alarm_id;

-- name: open_alarms
-- This is wrong and was not.
INSERT INTO alarm (kind, agent_id, asset_no, since, detail, opened_at)
SELECT kind, agent_id, asset_no, coalesce(since, %(now)s), detail, %(now)s
FROM unnest(%(kinds)s::text[], %(agents)s::text[], %(assets)s::text[], %(sinces)s::timestamptz[], %(details)s::text[])
    AS u (kind, agent_id, asset_no, since, detail);

-- name: close_alarms
-- This is not wrong any more.
INSERT INTO alarm_closing (alarm_id, closed_at) SELECT alarm_id, %(now)s FROM unnest(%(alarms)s::bigint[]) AS u (alarm_id);

-- name: list_alarms
-- Alarms in a scope before a number, the latest opened first.
SELECT a.alarm_id, a.kind, a.agent_id, a.asset_no, a.since, a.detail, a.opened_at, c.closed_at, k.why, k.made_by, k.made_at
FROM alarm a LEFT JOIN alarm_closing c USING (alarm_id) LEFT JOIN alarm_acknowledgement k USING (alarm_id)
WHERE a.alarm_id < %(before)s AND (%(alarm_id)s::bigint IS NULL OR a.alarm_id = %(alarm_id)s)
    AND (%(with_closed)s OR c.closed_at IS NULL) AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)
    AND (NOT %(only_new)s OR k.made_at IS NULL)
    AND CASE WHEN a.agent_id IS NULL THEN in_scope(a.asset_no, %(scope_kind)s, %(scope_name)s, %(today)s, %(today)s)
             ELSE agent_in_scope(a.agent_id, %(scope_kind)s, %(scope_name)s, %(today)s) END
ORDER BY a.alarm_id DESC LIMIT %(limit)s;

-- name: count_open
-- How many alarms of each kind are open.
SELECT kind, count(*) FROM open_alarm GROUP BY kind;

-- name: insert_acknowledgement
-- Somebody knows of it.
INSERT INTO alarm_acknowledgement (alarm_id, why, made_by, made_at)
VALUES (%(alarm_id)s, %(why)s, %(by)s, %(now)s);
