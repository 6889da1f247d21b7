-- What goes to other platforms: what it is made of, where it stands, what became of it.

-- name: lock_sender
-- One process makes and sends messages at a time; false where another one does. Until unlock_sender.
SELECT pg_try_advisory_lock(hashtext('jishi exchange'));

-- name: unlock_sender
-- Whoever waits may go on.
SELECT pg_advisory_unlock(hashtext('jishi exchange'));

-- name: insert_mapping
-- The mapping under which messages are made; again the same is nothing new.
INSERT INTO exchange_mapping (sha256, body, name) VALUES (%(sha256)s, %(body)s, %(name)s) ON CONFLICT DO NOTHING;

-- name: list_told_records
-- Closed hour records of days, by day and instrument, with anything to tell: time of a wanted standing, or a message.
SELECT h.asset_no, h.day, h.owner, h.revision, encode(h.sha256, 'hex'), h.body
FROM hour_record h
WHERE h.day BETWEEN %(first_day)s AND %(last_day)s AND h.revision IS NOT NULL
    AND (
        ((%(unit)s::text IS NULL OR h.owner = %(unit)s) AND h.owner <> '' AND (
            ('internal' = ANY (%(standings)s) AND h.internal_s > 0)
            OR ('claimed' = ANY (%(standings)s) AND h.claimed_s > 0)
            OR ('verified' = ANY (%(standings)s) AND h.verified_s > 0)
            OR ('unresolved' = ANY (%(standings)s) AND h.unresolved_s > 0)))
        OR EXISTS (
            SELECT FROM exchange_message m WHERE m.asset_no = h.asset_no AND m.first_day = h.day
                AND m.kind = 'record' AND (%(unit)s::text IS NULL OR m.unit = %(unit)s)))
ORDER BY h.day, h.asset_no;

-- name: list_messages_of_days
-- Which records were told of instruments' days, each once, with its order.
SELECT DISTINCT m.asset_no, m.first_day, m.unit, m.inner_id, m.order_no FROM exchange_message m
JOIN unnest(%(assets)s::text[], %(days)s::date[]) AS asked (asset_no, day)
    ON asked.asset_no = m.asset_no AND asked.day = m.first_day
WHERE m.kind = 'record' AND (%(unit)s::text IS NULL OR m.unit = %(unit)s)
ORDER BY m.inner_id;

-- name: list_names_of_days
-- What instruments and their owners were called on a day.
SELECT asked.asset_no, asked.day, asked.uscc, i.name_zh, i.class_code, i.location, i.fee, i.bookable,
       coalesce(u.name_zh, '')
FROM (SELECT DISTINCT * FROM unnest(%(assets)s::text[], %(days)s::date[], %(units)s::text[]) AS a (asset_no, day, uscc))
    asked
CROSS JOIN LATERAL instrument_on(asked.asset_no, asked.day) i
LEFT JOIN LATERAL unit_on(asked.uscc, asked.day) u ON true;

-- name: list_orders_now
-- Orders as they stand, with what they cost, whether an agreement is there, and their details; one that nobody recorded
-- has nulls.
SELECT asked.unit, asked.order_no, o.body,
       order_amount_fen(asked.unit, asked.order_no, (o.body ->> 'fee_fen')::bigint),
       coalesce(jsonb_path_exists(o.body, '$.documents[*] ? (@.kind == "agreement")'), false) OR EXISTS (
           SELECT FROM fact d
           WHERE d.unit = asked.unit AND d.order_no = asked.order_no AND d.kind = 'document'
               AND convert_from(d.body, 'UTF8')::jsonb #>> '{document,kind}' = 'agreement'
               AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || d.sha256)),
       t.project_name, t.project_source, t.area, t.direction, t.satisfaction,
       (SELECT m.inner_id FROM exchange_message m
        WHERE m.unit = asked.unit AND m.order_no = asked.order_no AND m.kind = 'record'
        ORDER BY m.message_id LIMIT 1)
FROM unnest(%(units)s::text[], %(orders)s::text[]) AS asked (unit, order_no)
CROSS JOIN LATERAL (SELECT order_now(asked.unit, asked.order_no) AS body) o
LEFT JOIN LATERAL (
    SELECT * FROM order_detail e WHERE e.unit = asked.unit AND e.order_no = asked.order_no ORDER BY e.seq DESC LIMIT 1
) t ON true;

-- name: list_use_bounds
-- From when to when (UTC ms) uses of instruments under orders reach on days; those that a correction names are left out.
SELECT asked.asset_no, asked.day, asked.order_no, min(said.starts), max(said.ends)
FROM unnest(%(assets)s::text[], %(days)s::date[], %(orders)s::text[]) AS asked (asset_no, day, order_no)
JOIN fact f ON f.asset_no = asked.asset_no AND f.order_no = asked.order_no AND f.kind IN ('use', 'correction')
    AND asked.day BETWEEN f.first_day AND f.last_day
    AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
CROSS JOIN LATERAL (SELECT convert_from(f.body, 'UTF8')::jsonb AS body) b
CROSS JOIN LATERAL (
    SELECT (coalesce(b.body -> 'use', b.body) ->> 'start')::bigint AS starts,
           (coalesce(b.body -> 'use', b.body) ->> 'end')::bigint AS ends) said
GROUP BY 1, 2, 3;

-- name: list_effects
-- What a year of instruments came to: hours from the sums by months, services and income from what was told of them.
WITH summed AS (
    SELECT asset_no, owner AS unit, sum(effective_s)::bigint AS effective_s,
           sum(claimed_s + verified_s)::bigint AS external_s, sum(verified_s)::bigint AS verified_s
    FROM month_hours
    WHERE month BETWEEN %(first_day)s AND %(last_day)s AND days > 0 AND owner <> ''
        AND (%(unit)s::text IS NULL OR owner = %(unit)s)
    GROUP BY 1, 2
), told AS (
    SELECT asset_no, unit, count(DISTINCT inner_id) AS services FROM exchange_message
    WHERE kind = 'record' AND first_day BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY 1, 2
), carried AS (
    SELECT DISTINCT ON (unit, order_no) unit, order_no, asset_no, first_day FROM exchange_message
    WHERE kind = 'record' AND order_no <> '' ORDER BY unit, order_no, message_id
), earned AS (
    SELECT asset_no, unit,
           sum(order_amount_fen(unit, order_no, (order_now(unit, order_no) ->> 'fee_fen')::bigint))::bigint AS income_fen
    FROM carried WHERE first_day BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY 1, 2
), projects AS (
    SELECT m.asset_no, m.unit, count(DISTINCT t.project_name) AS projects
    FROM (SELECT DISTINCT asset_no, unit, order_no FROM exchange_message
          WHERE kind = 'record' AND order_no <> '' AND first_day BETWEEN %(first_day)s AND %(last_day)s) m
    CROSS JOIN LATERAL (
        SELECT project_name FROM order_detail e WHERE e.unit = m.unit AND e.order_no = m.order_no
        ORDER BY e.seq DESC LIMIT 1) t
    WHERE t.project_name <> ''
    GROUP BY 1, 2
), users AS (
    SELECT f.asset_no, owner_on(f.asset_no, f.first_day) AS unit,
           count(DISTINCT convert_from(f.body, 'UTF8')::jsonb ->> 'user') AS users
    FROM fact f
    WHERE f.kind = 'use' AND f.first_day BETWEEN %(first_day)s AND %(last_day)s
        AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
    GROUP BY 1, 2
), entered AS (
    SELECT DISTINCT ON (asset_no) asset_no, unit, papers, patents, remark FROM year_effect
    WHERE year = extract(year FROM %(first_day)s::date) ORDER BY asset_no, seq DESC
)
SELECT y.asset_no, y.unit, i.name_zh, i.class_code, coalesce(n.name_zh, ''), y.effective_s, y.external_s, y.verified_s,
       y.users, y.projects, y.services, y.income_fen, y.papers, y.patents, y.remark
FROM (
    SELECT asset_no, unit, coalesce(effective_s, 0) AS effective_s, coalesce(external_s, 0) AS external_s,
           coalesce(verified_s, 0) AS verified_s, coalesce(users, 0) AS users, coalesce(projects, 0) AS projects,
           coalesce(services, 0) AS services, coalesce(income_fen, 0) AS income_fen, papers, patents, remark
    FROM summed FULL JOIN entered USING (asset_no, unit)
        LEFT JOIN told USING (asset_no, unit) LEFT JOIN earned USING (asset_no, unit)
        LEFT JOIN projects USING (asset_no, unit) LEFT JOIN users USING (asset_no, unit)
) y
CROSS JOIN LATERAL instrument_on(y.asset_no, %(last_day)s) i
LEFT JOIN LATERAL unit_on(y.unit, %(last_day)s) n ON true
WHERE %(unit)s::text IS NULL OR y.unit = %(unit)s
ORDER BY y.asset_no, y.unit;

-- name: list_newest
-- The newest revision of records: its number, hash, content, and where it stands.
SELECT DISTINCT ON (m.inner_id) m.inner_id, m.revision, m.sha256, m.content, m.message_id, s.state
FROM exchange_message m JOIN exchange_standing s USING (message_id)
WHERE m.inner_id = ANY (%(inner_ids)s)
ORDER BY m.inner_id, m.revision DESC;

-- name: insert_message
-- One revision of a record.
INSERT INTO exchange_message (
    kind, inner_id, revision, cites, body, sha256, content, mapping, unit, asset_no, first_day, last_day, order_no,
    record, record_revision, made_by, made_at
) VALUES (
    %(kind)s, %(inner_id)s, %(revision)s, %(cites)s, %(body)s, encode(sha256(%(body)s), 'hex'), %(content)s,
    %(mapping)s, %(unit)s, %(asset_no)s, %(first_day)s, %(last_day)s, %(order_no)s, %(record)s, %(record_revision)s,
    %(by)s, %(now)s
) RETURNING message_id;

-- name: insert_step
-- Where a message went, and what took it there.
INSERT INTO exchange_step (message_id, state, at, due_at, http_status, answer, receipt, problem, made_by)
VALUES (%(message_id)s, %(state)s, %(now)s, %(due_at)s, %(http_status)s, %(answer)s, %(receipt)s, %(problem)s, %(by)s);

-- name: list_due
-- What may be sent, or asked about, by now: the oldest first, and of one record never a revision before an earlier one
-- is settled.
SELECT m.message_id, m.kind, m.inner_id, m.revision, m.body, s.state, s.attempts, s.is_unsure
FROM exchange_standing s JOIN exchange_message m USING (message_id)
WHERE s.due_at <= %(now)s AND s.message_id > %(after)s
    AND NOT EXISTS (
        SELECT FROM exchange_message e JOIN exchange_standing t USING (message_id)
        WHERE e.inner_id = m.inner_id AND e.revision < m.revision AND t.state IN ('pending', 'sent'))
ORDER BY m.message_id LIMIT %(limit)s;

-- name: hold_message
-- Where a message stands, which nobody else changes until the transaction ends.
SELECT state FROM exchange_standing WHERE message_id = %(message_id)s FOR UPDATE;

-- name: list_messages
-- Messages after one, with where they stand and the problem of the newest step; of a unit, in a state.
SELECT m.message_id, m.kind, m.inner_id, m.revision, m.cites, m.sha256, m.mapping, m.unit, m.asset_no, m.first_day,
       m.last_day, m.order_no, m.made_at, s.state, s.due_at, s.attempts, s.at, t.receipt, t.problem
FROM exchange_message m JOIN exchange_standing s USING (message_id)
CROSS JOIN LATERAL (
    SELECT receipt, problem FROM exchange_step e WHERE e.message_id = m.message_id ORDER BY e.seq DESC LIMIT 1) t
WHERE m.message_id > %(after)s
    AND (%(message_id)s::bigint IS NULL OR m.message_id = %(message_id)s)
    AND (%(state)s::text IS NULL OR s.state = %(state)s)
    AND (unit_in_scope(m.unit, %(scope_kind)s, %(scope_name)s, m.last_day)
        OR (%(scope_kind)s = 'instrument' AND m.asset_no = %(scope_name)s))
ORDER BY m.message_id LIMIT %(limit)s;

-- name: count_states
-- How many messages stand where.
SELECT state, count(*) FROM exchange_standing GROUP BY state;

-- name: list_steps
-- All that became of a message.
SELECT state, at, due_at, http_status, answer, receipt, problem, made_by FROM exchange_step
WHERE message_id = %(message_id)s ORDER BY seq;

-- name: load_body
-- The exact bytes of a message.
SELECT body FROM exchange_message WHERE message_id = %(message_id)s;
