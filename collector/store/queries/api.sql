-- What the API asks. Lists are read in key order from after a cursor, one line more than a page holds.

-- name: list_instruments
-- Instruments in a scope, after an asset number, as they were on a day; of one unit where uscc is given. A unit's are
-- looked for among those that it ever owned: asking each instrument of a province takes a second.
SELECT d.asset_no, d.name_zh, d.name_en, d.model, i.registered_at, u.uscc, u.name_zh, u.name_en,
       d.class_code, d.value_fen, d.funding, d.government_fen, d.maker, d.origin, d.country, d.accepted_on, d.shareable,
       d.exempt_document, d.exempt_reason, d.bookable, d.fee, d.location, member_on(i.asset_no, 'facility', %(day)s),
       member_on(i.asset_no, 'centre', %(day)s), d.from_day
FROM instrument i
CROSS JOIN LATERAL instrument_on(i.asset_no, %(day)s) d
CROSS JOIN LATERAL owner_on(i.asset_no, %(day)s) owner
LEFT JOIN LATERAL unit_on(owner, %(day)s) u ON true
WHERE i.asset_no > %(after)s AND (%(uscc)s::text IS NULL OR owner = %(uscc)s)
  AND (%(uscc)s::text IS NULL OR i.asset_no IN (SELECT o.asset_no FROM ownership o WHERE o.uscc = %(uscc)s))
  AND (%(scope_kind)s NOT IN ('unit', 'division')
       OR i.asset_no IN (SELECT assets_of_scope(%(scope_kind)s, %(scope_name)s)))
  AND in_scope(i.asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)
ORDER BY i.asset_no
LIMIT %(limit)s;

-- name: load_instrument
-- One instrument that is in a scope throughout a range of days, as it was on a day.
SELECT d.asset_no, d.name_zh, d.name_en, d.model, i.registered_at, u.uscc, u.name_zh, u.name_en,
       d.class_code, d.value_fen, d.funding, d.government_fen, d.maker, d.origin, d.country, d.accepted_on, d.shareable,
       d.exempt_document, d.exempt_reason, d.bookable, d.fee, d.location, member_on(i.asset_no, 'facility', %(day)s),
       member_on(i.asset_no, 'centre', %(day)s), d.from_day
FROM instrument i
CROSS JOIN LATERAL instrument_on(i.asset_no, %(day)s) d
LEFT JOIN LATERAL unit_on(owner_on(i.asset_no, %(day)s), %(day)s) u ON true
WHERE i.asset_no = %(asset_no)s
  AND in_scope(i.asset_no, %(scope_kind)s, %(scope_name)s, %(first_day)s, %(last_day)s);

-- name: list_units
-- Units in a scope, after a code, as they were on a day, with how many instruments each owned then. The scope of an
-- instrument holds the unit that owned it.
SELECT u.uscc, u.name_zh, u.name_en, u.kind, u.department, u.division, u.from_day,
       (SELECT count(*) FROM (SELECT DISTINCT o.asset_no FROM ownership o WHERE o.uscc = t.uscc) ever
        WHERE owner_on(ever.asset_no, %(day)s) = t.uscc)
FROM unit t
CROSS JOIN LATERAL unit_on(t.uscc, %(day)s) u
WHERE t.uscc > %(after)s AND (%(uscc)s::text IS NULL OR t.uscc = %(uscc)s)
  AND CASE %(scope_kind)s
      WHEN 'instrument' THEN t.uscc = owner_on(%(scope_name)s, %(day)s)
      ELSE unit_in_scope(t.uscc, %(scope_kind)s, %(scope_name)s, %(day)s)
  END
ORDER BY t.uscc
LIMIT %(limit)s;

-- name: list_channels
-- The channels that measure an instrument on a day, of any kind.
SELECT agent_id, watcher, channel, from_day
FROM (
    SELECT DISTINCT ON (agent_id, watcher, channel) agent_id, watcher, channel, from_day, asset_no
    FROM measurement
    WHERE from_day <= %(day)s AND (agent_id, watcher, channel) IN (
        SELECT agent_id, watcher, channel FROM measurement WHERE asset_no = %(asset_no)s
    )
    ORDER BY agent_id, watcher, channel, from_day DESC, seq DESC
) newest
WHERE asset_no = %(asset_no)s
ORDER BY agent_id, watcher, channel;

-- name: list_records
-- Hour records in a scope of a range of days after a (day, asset number), of all instruments, with their grades.
SELECT r.shown, r.sha256, derived_at, counted_s, counted_external_s, a_s, b_s, c_s, d_s, x_s
FROM hour_record r LEFT JOIN day_grade g USING (asset_no, day)
WHERE day BETWEEN %(first_day)s AND %(last_day)s AND (day, asset_no) > (%(after_day)s, %(after_asset_no)s)
  AND (%(scope_kind)s = 'everything' OR in_scope(asset_no, %(scope_kind)s, %(scope_name)s, day, day))
ORDER BY day, asset_no
LIMIT %(limit)s;

-- name: list_records_of_instrument
-- Hour records in a scope of a range of days after a day, of one instrument, with their grades.
SELECT r.shown, r.sha256, derived_at, counted_s, counted_external_s, a_s, b_s, c_s, d_s, x_s
FROM hour_record r LEFT JOIN day_grade g USING (asset_no, day)
WHERE asset_no = %(asset_no)s AND day BETWEEN %(first_day)s AND %(last_day)s AND day > %(after_day)s
  AND (%(scope_kind)s = 'everything' OR in_scope(asset_no, %(scope_kind)s, %(scope_name)s, day, day))
ORDER BY day
LIMIT %(limit)s;

-- name: load_record
-- One hour record in a scope, and its grade record.
SELECT r.body, derived_at, g.body FROM hour_record r LEFT JOIN day_grade g USING (asset_no, day)
WHERE asset_no = %(asset_no)s AND day = %(day)s
  AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, day, day);

-- name: load_problem
-- Why a day could not be derived.
SELECT problem, since FROM derivation_problem WHERE asset_no = %(asset_no)s AND day = %(day)s;

-- name: list_agents
-- Agents that measure in a scope on a day, after an id, each with its newest journal.
SELECT a.agent_id, a.registered_at, a.last_seen_at, a.reported_size,
       (SELECT count(*) FROM unreviewed_epoch u WHERE u.agent_id = a.agent_id),
       h.at_ms, h.received_at, h.waiting, h.showing,
       j.origin, j.epoch, j.standing, j.size, j.receipted_at, j.revoked_at
FROM agent a
LEFT JOIN hint h USING (agent_id)
LEFT JOIN LATERAL (SELECT * FROM journal WHERE journal.agent_id = a.agent_id ORDER BY epoch DESC LIMIT 1) j ON true
WHERE a.agent_id > %(after)s AND agent_in_scope(a.agent_id, %(scope_kind)s, %(scope_name)s, %(day)s)
ORDER BY a.agent_id
LIMIT %(limit)s;

-- name: load_agent
-- One agent that measures in a scope on a day, with its newest journal.
SELECT a.agent_id, a.registered_at, a.last_seen_at, a.reported_size,
       (SELECT count(*) FROM unreviewed_epoch u WHERE u.agent_id = a.agent_id),
       h.at_ms, h.received_at, h.waiting, h.showing,
       j.origin, j.epoch, j.standing, j.size, j.receipted_at, j.revoked_at
FROM agent a
LEFT JOIN hint h USING (agent_id)
LEFT JOIN LATERAL (SELECT * FROM journal WHERE journal.agent_id = a.agent_id ORDER BY epoch DESC LIMIT 1) j ON true
WHERE a.agent_id = %(agent_id)s AND agent_in_scope(a.agent_id, %(scope_kind)s, %(scope_name)s, %(day)s);

-- name: load_newest_receipt
-- The receipt of an agent's newest journal that has one, where the agent measures in a scope on a day.
SELECT receipt FROM journal WHERE agent_id = %(agent_id)s AND receipt IS NOT NULL
  AND agent_in_scope(agent_id, %(scope_kind)s, %(scope_name)s, %(day)s)
ORDER BY epoch DESC LIMIT 1;

-- name: load_policy
-- The exact bytes of a policy.
SELECT body FROM policy WHERE sha256 = %(sha256)s;

-- name: find_policy_in_force
-- The policy that holds for an instrument on a day, and at which level it was put in force.
SELECT p.sha256, p.name, f.from_day, f.level = 'default'
FROM policy_on(%(asset_no)s, %(day)s) f JOIN policy p USING (sha256);

-- name: load_figures
-- The figures of /metrics that other processes know; batches are counted by the database's statistics.
SELECT
    (SELECT coalesce(sum(size), 0) FROM journal),
    (SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables WHERE relname = 'batch'),
    (SELECT count(*) FROM journal WHERE receipt IS NOT NULL),
    (SELECT extract(epoch FROM max(receipted_at)) FROM journal),
    (SELECT count(*) FROM agent),
    (SELECT count(*) FROM agent WHERE last_seen_at IS NULL OR last_seen_at < %(silent_before)s),
    (SELECT count(*) FROM journal WHERE standing = 'gap'),
    (SELECT count(*) FROM journal WHERE standing = 'suspect'),
    (SELECT count(*) FROM journal WHERE standing = 'fork'),
    (SELECT count(*) FROM instrument),
    (SELECT count(*) FROM dirty_day WHERE day <= %(today)s),
    (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(touched_at)), 0)
     FROM dirty_day WHERE day <= %(today)s),
    (SELECT count(*) FROM derivation_problem),
    (SELECT sum(size) FROM log_head),
    (SELECT max(time_s) FROM log_head),
    (SELECT count(*) FROM log_conflict WHERE log = (SELECT log FROM collector_log ORDER BY seq DESC LIMIT 1));
