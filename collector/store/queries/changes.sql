-- What changed, in an order in which it could be seen.

-- name: lock_changes
-- One asker at a time puts notes on the list. The rows that move would hold the second one up as well, but in no order
-- that is certain, so that two could wait for each other; and it would find its rows gone and take none behind them.
SELECT pg_advisory_xact_lock(hashtextextended('jishi changes', 0));

-- name: move_changes
-- The oldest committed notes go on the list, in the order in which they were taken down.
WITH taken AS (
    DELETE FROM change_noted WHERE seq IN (SELECT seq FROM change_noted ORDER BY seq LIMIT %(limit)s)
    RETURNING seq, kind, subject, day, number, noted_at
)
INSERT INTO change (kind, subject, day, number, noted_at)
SELECT kind, subject, day, number, noted_at FROM taken ORDER BY seq;

-- name: find_place
-- When the change at a position was noted (UTC microseconds).
SELECT (extract(epoch FROM noted_at) * 1000000)::bigint FROM change WHERE position = %(position)s;

-- name: list_changes
-- The last of the next so many changes, whether there are more behind it, and beside that each of them that is in a scope
-- (NULL: none is). One statement, so that all of it is of one instant: what comes in meanwhile lies behind that last one.
-- Who owns an instrument from a day on is told to its owner of the day before, too, and where a unit lies to the division
-- that it leaves: who loses something is told.
WITH seen AS (
    SELECT * FROM change WHERE position > %(after)s ORDER BY position LIMIT %(window)s
), ending AS (
    SELECT position, noted_at FROM seen ORDER BY position DESC LIMIT 1
), told AS (
    SELECT * FROM seen
    WHERE %(scope_kind)s = 'everything' OR CASE
        WHEN kind = 'round' THEN true
        WHEN kind = 'unit' THEN unit_in_scope(subject, %(scope_kind)s, %(scope_name)s, day)
            OR unit_in_scope(subject, %(scope_kind)s, %(scope_name)s, day - 1)
        WHEN kind = 'facility'
            THEN unit_in_scope((SELECT f.uscc FROM facility_on(subject, day) f), %(scope_kind)s, %(scope_name)s, day)
        WHEN kind = 'owner' THEN in_scope(subject, %(scope_kind)s, %(scope_name)s, day, day)
            OR in_scope(subject, %(scope_kind)s, %(scope_name)s, day - 1, day - 1)
        ELSE in_scope(subject, %(scope_kind)s, %(scope_name)s, day, day)
    END
    ORDER BY position LIMIT %(limit)s
)
SELECT e.position, (extract(epoch FROM e.noted_at) * 1000000)::bigint,
       EXISTS (SELECT FROM change c WHERE c.position > e.position),
       t.position, (extract(epoch FROM t.noted_at) * 1000000)::bigint, t.kind, t.subject, t.day, t.number, t.noted_at
FROM ending e LEFT JOIN told t ON true ORDER BY t.position;
