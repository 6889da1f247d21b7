-- The agents of a province, for those who keep them running.

-- name: list_fleet
-- Agents in a scope after a place in an order, with what they measure, when they were heard, what waits, and how it is.
-- A unit's are looked for among those that ever measured what it ever owned: asking each of a province takes seconds.
WITH bound AS (
    SELECT agent_id, array_agg(DISTINCT asset_no ORDER BY asset_no) AS assets FROM (
        SELECT DISTINCT ON (agent_id, watcher, channel) agent_id, asset_no FROM measurement
        WHERE from_day <= %(day)s ORDER BY agent_id, watcher, channel, from_day DESC, seq DESC
    ) channel WHERE asset_no IS NOT NULL GROUP BY agent_id
), newest AS (
    SELECT DISTINCT ON (agent_id) agent_id, journal_id, standing, size, receipted_at FROM journal
    ORDER BY agent_id, epoch DESC
), fleet AS (
    SELECT a.agent_id, coalesce(b.assets, '{}') AS assets, owner_on(b.assets[1], %(day)s) AS uscc,
           CASE WHEN a.last_seen_at IS NULL THEN 'never' WHEN a.last_seen_at < %(live_since)s THEN 'silent' ELSE 'live' END
               AS liveness,
           a.last_seen_at, n.receipted_at,
           greatest(coalesce(a.reported_size, 0) - coalesce(n.size, 0), 0) AS waiting, n.standing, n.journal_id
    FROM agent a LEFT JOIN bound b USING (agent_id) LEFT JOIN newest n USING (agent_id)
    WHERE (%(scope_kind)s NOT IN ('unit', 'division') OR a.agent_id IN (
            SELECT m.agent_id FROM measurement m
            WHERE m.asset_no IN (SELECT assets_of_scope(%(scope_kind)s, %(scope_name)s))))
        AND agent_in_scope(a.agent_id, %(scope_kind)s, %(scope_name)s, %(day)s)
), placed AS (
    SELECT CASE %(order)s::text
               WHEN 'silence' THEN coalesce(floor(extract(epoch FROM last_seen_at))::bigint, 0)
               WHEN 'receipt' THEN coalesce(floor(extract(epoch FROM receipted_at))::bigint, 0)
               WHEN 'waiting' THEN -waiting
               ELSE 0
           END AS key,
           f.*, coalesce(s.version, '') AS version
    FROM fleet f
    LEFT JOIN LATERAL (
        SELECT convert_from(l.body, 'UTF8')::jsonb -> 'd' ->> 'version' AS version FROM landmark l
        WHERE l.kind = 'start' AND l.journal_id = f.journal_id ORDER BY l.entry_index DESC LIMIT 1
    ) s ON true
    WHERE (%(liveness)s::text IS NULL OR liveness = %(liveness)s)
        AND (%(standing)s::text IS NULL OR standing = %(standing)s)
        AND (%(uscc)s::text IS NULL OR uscc = %(uscc)s)
        AND (NOT %(only_waiting)s OR waiting > 0)
        AND (%(version)s::text IS NULL OR coalesce(s.version, '') = %(version)s)
), page AS (
    SELECT * FROM placed WHERE (key, agent_id) > (%(after_key)s, %(after_agent)s) ORDER BY key, agent_id LIMIT %(limit)s
)
SELECT p.key, p.agent_id, p.assets, p.uscc, p.liveness, p.last_seen_at, p.receipted_at, p.waiting, p.standing, p.version,
       g.grade, (SELECT count(*) FROM open_alarm o WHERE o.agent_id = p.agent_id)
FROM page p
CROSS JOIN LATERAL (
    SELECT CASE WHEN sum(x_s) > 0 THEN 'X' WHEN sum(d_s) > 0 THEN 'D' WHEN sum(c_s) > 0 THEN 'C' WHEN sum(b_s) > 0 THEN 'B'
                WHEN sum(a_s) > 0 THEN 'A' END AS grade
    FROM day_grade d WHERE d.asset_no = ANY (p.assets) AND d.day > %(day)s - %(graded_days)s AND d.day <= %(day)s
) g
ORDER BY p.key, p.agent_id;

-- name: count_fleet
-- How many agents in a scope are live, silent or never seen, by version, and how many entries wait with them.
SELECT CASE WHEN a.last_seen_at IS NULL THEN 'never' WHEN a.last_seen_at < %(live_since)s THEN 'silent' ELSE 'live' END,
       coalesce(s.version, ''), count(*), sum(greatest(coalesce(a.reported_size, 0) - coalesce(n.size, 0), 0))::bigint
FROM agent a
LEFT JOIN (SELECT DISTINCT ON (agent_id) agent_id, journal_id, size FROM journal ORDER BY agent_id, epoch DESC) n
    USING (agent_id)
LEFT JOIN LATERAL (
    SELECT convert_from(l.body, 'UTF8')::jsonb -> 'd' ->> 'version' AS version FROM landmark l
    WHERE l.kind = 'start' AND l.journal_id = n.journal_id ORDER BY l.entry_index DESC LIMIT 1
) s ON true
WHERE (%(scope_kind)s NOT IN ('unit', 'division') OR a.agent_id IN (
        SELECT m.agent_id FROM measurement m
        WHERE m.asset_no IN (SELECT assets_of_scope(%(scope_kind)s, %(scope_name)s))))
    AND agent_in_scope(a.agent_id, %(scope_kind)s, %(scope_name)s, %(day)s)
GROUP BY 1, 2 ORDER BY 1, 2;
