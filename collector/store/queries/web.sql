-- What the pages ask beside what they share with the API.

-- name: list_overview
-- Instruments in a scope, after an asset number: names, owner, today's record, when their agents were last seen, what is wrong.
SELECT i.asset_no, d.name_zh, d.name_en, d.model, u.name_zh, u.name_en, r.body,
       seen.agents, seen.last_seen_at, seen.in_doubt, seen.forked, seen.unreviewed, live.showing, p.problem,
       g.counted_s
FROM instrument i
CROSS JOIN LATERAL instrument_on(i.asset_no, %(day)s) d
LEFT JOIN LATERAL unit_on(owner_on(i.asset_no, %(day)s), %(day)s) u ON true
LEFT JOIN hour_record r ON r.asset_no = i.asset_no AND r.day = %(day)s
LEFT JOIN day_grade g ON g.asset_no = i.asset_no AND g.day = %(day)s
LEFT JOIN derivation_problem p ON p.asset_no = i.asset_no AND p.day = %(day)s
LEFT JOIN LATERAL (
    SELECT count(*) AS agents, max(a.last_seen_at) AS last_seen_at, bool_or(j.standing <> 'ok') AS in_doubt,
           bool_or(EXISTS (SELECT FROM unreviewed_fork f WHERE f.agent_id = a.agent_id)) AS forked,
           bool_or(EXISTS (SELECT FROM unreviewed_epoch e WHERE e.agent_id = a.agent_id)) AS unreviewed
    FROM agent a
    LEFT JOIN LATERAL (
        SELECT standing FROM journal WHERE journal.agent_id = a.agent_id ORDER BY epoch DESC LIMIT 1
    ) j ON true
    WHERE a.agent_id IN (SELECT m.agent_id FROM measurement m WHERE m.asset_no = i.asset_no AND m.from_day <= %(day)s)
      AND EXISTS (
        SELECT FROM (
            SELECT DISTINCT ON (m.watcher, m.channel) m.asset_no FROM measurement m
            WHERE m.agent_id = a.agent_id AND m.from_day <= %(day)s
            ORDER BY m.watcher, m.channel, m.from_day DESC, m.seq DESC
        ) newest WHERE newest.asset_no = i.asset_no
      )
) seen ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(s.watcher, s.channel, s.value)) AS showing
    FROM hint h CROSS JOIN jsonb_to_recordset(h.showing) AS s (watcher text, channel text, value text)
    WHERE h.received_at >= %(live_since)s AND i.asset_no = (
        SELECT m.asset_no FROM measurement m
        WHERE (m.agent_id, m.watcher, m.channel) = (h.agent_id, s.watcher, s.channel) AND m.from_day <= %(day)s
        ORDER BY m.from_day DESC, m.seq DESC LIMIT 1
    )
) live ON true
WHERE i.asset_no > %(after)s
  AND (%(scope_kind)s NOT IN ('unit', 'division')
       OR i.asset_no IN (SELECT assets_of_scope(%(scope_kind)s, %(scope_name)s)))
  AND in_scope(i.asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)
ORDER BY i.asset_no
LIMIT %(limit)s;

-- name: load_totals
-- Today over a scope: how many instruments, of how many agents hear, seconds effective, counted and observed, who runs.
SELECT (SELECT count(*) FROM instrument WHERE in_scope(asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)),
       (SELECT count(*) FROM agent WHERE agent_in_scope(agent_id, %(scope_kind)s, %(scope_name)s, %(day)s)),
       (SELECT count(*) FROM agent WHERE last_seen_at >= %(live_since)s
            AND agent_in_scope(agent_id, %(scope_kind)s, %(scope_name)s, %(day)s)),
       (SELECT count(DISTINCT asset_no) FROM (
            SELECT DISTINCT ON (agent_id, watcher, channel) asset_no FROM measurement
            WHERE from_day <= %(day)s ORDER BY agent_id, watcher, channel, from_day DESC, seq DESC
        ) newest WHERE asset_no IS NOT NULL AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)),
       coalesce(sum(effective_s), 0), coalesce(sum(counted_s), 0), coalesce(sum(until_s - unobserved_s), 0),
       count(*) FILTER (WHERE lead_out LIKE 'run%%' AND until_s >= %(fresh_from_s)s)
FROM hour_record LEFT JOIN day_grade g USING (asset_no, day)
WHERE day = %(day)s AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, day, day);

-- name: list_year_of_instrument
-- The records of an instrument in a range of days and in a scope, with what counts of them and in which grades.
SELECT r.body, counted_s, a_s, b_s, c_s, d_s, x_s
FROM hour_record r LEFT JOIN day_grade g USING (asset_no, day)
WHERE asset_no = %(asset_no)s AND day BETWEEN %(first_day)s AND %(last_day)s
  AND (%(scope_kind)s = 'everything' OR in_scope(asset_no, %(scope_kind)s, %(scope_name)s, day, day))
ORDER BY day;

-- name: has_records_before
-- Whether anything was observed on the day before, so that today is not the first.
SELECT EXISTS (SELECT FROM hour_record WHERE day = %(day)s);

-- name: list_recent_days
-- Seconds of run of an instrument's days in a range and in a scope.
SELECT day, run_s FROM hour_record
WHERE asset_no = %(asset_no)s AND day BETWEEN %(first_day)s AND %(last_day)s
  AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, day, day);
