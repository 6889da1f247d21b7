-- Orders, uses and whatever else people and other systems said: how it comes in, and how it is listed.

-- name: lock_source
-- Waits until no other transaction takes facts of this source: of two with one key the second has to see the first.
SELECT pg_advisory_xact_lock(hashtextextended('jishi/facts/' || %(source)s, 0));

-- name: list_known_keys
-- What these keys of their sources stand for already.
SELECT source, key, sha256, content
FROM fact_source JOIN unnest(%(sources)s::text[], %(keys)s::text[]) AS sent (source, key) USING (source, key);

-- name: list_unknown_documents
-- Which of these files nobody stored.
SELECT sha256 FROM unnest(%(documents)s::text[]) AS named (sha256)
WHERE NOT EXISTS (SELECT FROM document d WHERE d.sha256 = named.sha256);

-- name: insert_facts
-- The facts that are not there yet, nor their order's number; returns those.
INSERT INTO fact (sha256, body, kind, asset_no, first_day, last_day, unit, order_no, target)
SELECT * FROM unnest(
    %(sha256)s::text[], %(body)s::bytea[], %(kind)s::text[], %(asset_no)s::text[], %(first_day)s::date[],
    %(last_day)s::date[], %(unit)s::text[], %(order_no)s::text[], %(target)s::text[])
ON CONFLICT DO NOTHING
RETURNING sha256;

-- name: list_held_facts
-- Of facts that were not inserted: what is held instead, by identity or by the number of the order.
SELECT sent.sha256, held.sha256, held.body
FROM unnest(%(sha256)s::text[], %(unit)s::text[], %(order_no)s::text[], %(kind)s::text[])
    AS sent (sha256, unit, order_no, kind)
JOIN fact held ON held.sha256 = sent.sha256
    OR (sent.kind = 'order' AND held.kind = 'order' AND (held.unit, held.order_no) = (sent.unit, sent.order_no));

-- name: insert_fact_sources
-- Under which keys a source sent facts.
INSERT INTO fact_source (source, key, sha256, content)
SELECT * FROM unnest(%(sources)s::text[], %(keys)s::text[], %(sha256s)s::text[], %(contents)s::bytea[]);

-- name: insert_fact_documents
-- Which files facts name.
INSERT INTO fact_document (document, fact)
SELECT * FROM unnest(%(documents)s::text[], %(facts)s::text[]) ON CONFLICT DO NOTHING;

-- name: touch_days_of_facts
-- Marks the days up to `todays` that new facts may change: a use's and a hand entry's own; of an order or a document
-- those of all that name the order; of a correction those of its target, and of that one's where it is a correction
-- itself. Where somebody signed in and never out that is a month, the most that is taken into account. What only a
-- decision touches is marked as such: no hour can change by it, its grade can.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
WITH RECURSIVE told AS (
    SELECT kind, asset_no, first_day, last_day, unit, order_no, target, today
    FROM unnest(%(sha256s)s::text[], %(todays)s::date[]) AS recorded (sha256, today) JOIN fact USING (sha256)
    UNION
    SELECT f.kind, f.asset_no, f.first_day, f.last_day, f.unit, f.order_no, f.target, c.today
    FROM told c JOIN fact f ON f.sha256 = substring(c.target FROM '^fact:(.*)$')
), ordered AS (
    SELECT DISTINCT unit, order_no, today FROM told WHERE unit IS NOT NULL AND order_no IS NOT NULL
), declared AS (
    SELECT d.journal_id, d.entry_index, c.today
    FROM told c
    JOIN journal j ON j.origin = substring(c.target FROM '^entry:(.*)#[0-9]+$')
    JOIN declaration d ON d.journal_id = j.journal_id
        AND d.entry_index = substring(c.target FROM '^entry:.*#([0-9]+)$')::bigint
    UNION
    SELECT d.journal_id, d.entry_index, o.today FROM ordered o JOIN declaration d USING (order_no)
    WHERE EXISTS (SELECT FROM ownership w WHERE w.asset_no = d.asset_no AND w.uscc = o.unit)
), stretch AS (
    SELECT asset_no, first_day, last_day, today, CASE kind WHEN 'decision' THEN 'decision' ELSE 'fact' END AS reason
    FROM told WHERE asset_no IS NOT NULL AND kind <> 'reported'
    UNION
    SELECT f.asset_no, f.first_day, f.last_day, o.today, 'fact'
    FROM ordered o JOIN fact f ON f.order_no = o.order_no AND f.unit IS NULL AND f.asset_no IS NOT NULL
    WHERE EXISTS (SELECT FROM ownership w WHERE w.asset_no = f.asset_no AND w.uscc = o.unit)
    UNION
    SELECT d.asset_no, local_day_of(d.wall_ms),
           least(local_day_of(coalesce(n.until_ms, n.wall_ms)), local_day_of(d.wall_ms) + 31), declared.today, 'fact'
    FROM declared
    JOIN declaration d USING (journal_id, entry_index)
    LEFT JOIN LATERAL (
        SELECT until_ms, wall_ms FROM declaration n
        WHERE n.journal_id = d.journal_id AND n.asset_no = d.asset_no AND n.operator = d.operator
            AND n.entry_index > d.entry_index
        ORDER BY n.entry_index LIMIT 1) n ON true
    WHERE EXISTS (SELECT FROM instrument i WHERE i.asset_no = d.asset_no)
)
SELECT asset_no, day, clock_timestamp(), reason FROM (
    SELECT asset_no, series.day::date AS day, string_agg(DISTINCT reason, ', ' ORDER BY reason) AS reason
    FROM stretch
    CROSS JOIN LATERAL generate_series(first_day, least(last_day, today), interval '1 day') AS series (day)
    GROUP BY 1, 2
) AS touched
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);

-- name: list_owners
-- Of instruments over days: who owned each on the first day, and whether he did on all; those that nobody registered
-- are left out.
SELECT sent.asset_no, sent.first_day, sent.last_day, owner_on(sent.asset_no, sent.first_day),
       in_scope(sent.asset_no, 'unit', owner_on(sent.asset_no, sent.first_day), sent.first_day, sent.last_day)
FROM unnest(%(asset_nos)s::text[], %(first_days)s::date[], %(last_days)s::date[])
    AS sent (asset_no, first_day, last_day)
JOIN instrument USING (asset_no);

-- name: list_units
-- Which of these units are registered.
SELECT uscc FROM unit WHERE uscc = ANY (%(usccs)s);

-- name: insert_document
-- A file that is in its place; nothing when it is known.
INSERT INTO document (sha256, bytes, media_type, name, stored_by)
VALUES (%(sha256)s, %(bytes)s, %(media_type)s, %(name)s, %(stored_by)s) ON CONFLICT DO NOTHING;

-- name: list_documents
-- All files.
SELECT sha256, bytes, media_type, name, stored_by FROM document ORDER BY sha256;

-- name: find_document
-- One file, if whoever asks stored it or sees a fact that names it.
SELECT sha256, bytes, media_type, name, stored_by FROM document
WHERE sha256 = %(sha256)s AND (
    %(scope_kind)s = 'everything' OR stored_by = %(person)s OR EXISTS (
        SELECT FROM fact_document d
        WHERE d.document = %(sha256)s AND fact_in_scope(d.fact, %(scope_kind)s, %(scope_name)s)));

-- name: load_fact
-- The bytes of a fact that whoever asks may see.
SELECT body FROM fact WHERE sha256 = %(sha256)s AND fact_in_scope(sha256, %(scope_kind)s, %(scope_name)s);

-- name: list_uses
-- Uses, and corrections that put one in, in the order in which they were recorded.
SELECT seq, sha256, body, recorded_at FROM fact
WHERE kind IN ('use', 'correction') AND asset_no IS NOT NULL AND seq > %(after)s
    AND (%(asset_no)s::text IS NULL OR asset_no = %(asset_no)s)
    AND (%(order_no)s::text IS NULL OR order_no = %(order_no)s)
    AND (%(first_day)s::date IS NULL OR last_day >= %(first_day)s)
    AND (%(last_day)s::date IS NULL OR first_day <= %(last_day)s)
    AND (%(unit)s::text IS NULL OR owner_on(asset_no, first_day) = %(unit)s)
    AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, first_day, last_day)
ORDER BY seq
LIMIT %(limit)s;

-- name: list_orders
-- Orders, and corrections that put one in; those that uses of an instrument or of some days name, where that is asked.
SELECT seq, sha256, body, recorded_at FROM fact o
WHERE kind IN ('order', 'correction') AND unit IS NOT NULL AND seq > %(after)s
    AND (%(unit)s::text IS NULL OR unit = %(unit)s)
    AND (%(order_no)s::text IS NULL OR order_no = %(order_no)s)
    AND (%(scope_kind)s = 'everything' OR fact_in_scope(sha256, %(scope_kind)s, %(scope_name)s))
    AND ((%(asset_no)s::text IS NULL AND %(first_day)s::date IS NULL AND %(last_day)s::date IS NULL) OR EXISTS (
        SELECT FROM fact u
        WHERE u.order_no = o.order_no AND u.unit IS NULL AND owner_on(u.asset_no, u.first_day) = o.unit
            AND (%(asset_no)s::text IS NULL OR u.asset_no = %(asset_no)s)
            AND (%(first_day)s::date IS NULL OR u.last_day >= %(first_day)s)
            AND (%(last_day)s::date IS NULL OR u.first_day <= %(last_day)s)))
ORDER BY seq
LIMIT %(limit)s;

-- name: list_corrections_of
-- Of facts: what corrects them, and what corrects that.
WITH RECURSIVE correction AS (
    SELECT named.sha256 AS of_fact, f.seq, f.sha256, f.body
    FROM unnest(%(sha256s)s::text[]) AS named (sha256) JOIN fact f ON f.target = 'fact:' || named.sha256
    UNION
    SELECT c.of_fact, f.seq, f.sha256, f.body FROM correction c JOIN fact f ON f.target = 'fact:' || c.sha256
)
SELECT of_fact, sha256, body FROM correction ORDER BY seq;

-- name: list_added_documents
-- Documents that were added to the orders of these facts, and that nothing corrects.
SELECT DISTINCT d.seq, d.body FROM fact o
JOIN fact d ON (d.unit, d.order_no) = (o.unit, o.order_no) AND d.kind = 'document'
WHERE o.sha256 = ANY (%(sha256s)s) AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || d.sha256)
ORDER BY d.seq;
