-- Whether instruments are in the provincial network.

-- name: lock_network
-- Two who enter steps of one instrument at once: the second sees what the first did.
SELECT pg_advisory_xact_lock(hashtextextended('jishi network/' || %(asset_no)s, 0));

-- name: find_step
-- The step that holds on a day.
SELECT step, from_day FROM network_step WHERE asset_no = %(asset_no)s AND from_day <= %(day)s
ORDER BY from_day DESC, seq DESC LIMIT 1;

-- name: insert_step
-- It joined or left.
INSERT INTO network_step (asset_no, step, from_day, proof, why, recorded_by)
VALUES (%(asset_no)s, %(step)s, %(from_day)s, %(proof)s, %(why)s, %(by)s);

-- name: list_steps
-- All that was ever recorded of an instrument.
SELECT step, from_day, proof, why, recorded_by, recorded_at FROM network_step WHERE asset_no = %(asset_no)s
ORDER BY from_day, seq;

-- name: list_standings
-- How instruments in a scope stand on a day, after an asset number; `state` null: all. soon and last: what was accepted
-- on that day or before and is in time is due soon, or at last.
SELECT asset_no, name_zh, owner, accepted_on, state, since, proof, why, recorded_by, w.warned
FROM network_on(%(day)s, %(threshold)s, %(cutoff)s) s
CROSS JOIN LATERAL (
    SELECT CASE WHEN state <> 'pending' THEN NULL WHEN accepted_on <= %(last)s::date THEN 'due-last'
                WHEN accepted_on <= %(soon)s::date THEN 'due-soon' END
) w (warned)
WHERE asset_no > %(after)s AND (%(state)s::text IS NULL OR state = %(state)s)
    AND CASE %(warned)s::text WHEN 'due-soon' THEN w.warned IS NOT NULL WHEN 'due-last' THEN w.warned = 'due-last'
                              ELSE true END
    AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)
ORDER BY asset_no LIMIT %(limit)s;

-- name: count_states
-- How many instruments in a scope stand how on a day.
SELECT state, count(*) FROM network_on(%(day)s, %(threshold)s, %(cutoff)s) s
WHERE in_scope(asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s) GROUP BY state;
