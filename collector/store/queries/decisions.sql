-- What two people decided of an instrument's time.

-- name: list_decisions_of
-- Decisions up to a line that touch the local days of a stretch of time, and everything that corrects them.
WITH RECURSIVE found AS (
    SELECT sha256, body FROM fact
    WHERE kind = 'decision' AND asset_no = %(asset_no)s AND seq <= %(upto)s
        AND first_day <= local_day_of(%(end_ms)s::bigint) AND last_day >= local_day_of(%(start_ms)s::bigint)
    UNION
    SELECT f.sha256, f.body FROM found d JOIN fact f ON f.target = 'fact:' || d.sha256 AND f.seq <= %(upto)s
)
SELECT sha256, body FROM found;

-- name: list_decisions
-- Decisions in a scope after a line, each with what corrects it, where anything does, in the order of recording.
SELECT f.seq, f.sha256, f.body, f.recorded_at,
       (SELECT c.sha256 FROM fact c WHERE c.target = 'fact:' || f.sha256 ORDER BY c.seq DESC LIMIT 1), k.name
FROM fact f LEFT JOIN signed_decision s ON s.fact = f.sha256 LEFT JOIN person_key k USING (key_id)
WHERE f.kind = 'decision' AND f.seq > %(after)s
    AND (%(asset_no)s::text IS NULL OR f.asset_no = %(asset_no)s)
    AND (%(first_day)s::date IS NULL OR f.last_day >= %(first_day)s)
    AND (%(last_day)s::date IS NULL OR f.first_day <= %(last_day)s)
    AND in_scope(f.asset_no, %(scope_kind)s, %(scope_name)s, f.first_day, f.last_day)
ORDER BY f.seq LIMIT %(limit)s;

-- name: load_note
-- The note by which a decision counts, in a scope.
SELECT s.note FROM fact f JOIN signed_decision s ON s.fact = f.sha256
WHERE f.sha256 = %(sha256)s AND in_scope(f.asset_no, %(scope_kind)s, %(scope_name)s, f.first_day, f.last_day);
