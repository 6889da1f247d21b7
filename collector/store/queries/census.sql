-- The yearly census: what was owned on a day, and the hours of the year up to it.

-- name: list_census
-- Instruments that units in a scope owned at the end of a day, as the registry describes them then, with the sums of
-- the year up to it: whole months by their sums, the days of a month that is cut by their records.
WITH owned AS (
    SELECT n.asset_no, n.owner AS uscc, n.state, n.since
    FROM network_on(%(day)s, %(threshold)s, %(cutoff)s) n
    WHERE n.owner IS NOT NULL AND (%(uscc)s::text IS NULL OR n.owner = %(uscc)s)
        AND in_scope(n.asset_no, %(scope_kind)s, %(scope_name)s, %(day)s, %(day)s)
), summed AS (
    SELECT asset_no, uscc, sum(observed_s) AS observed_s, sum(effective_s) AS effective_s,
           sum(verified_s) AS verified_s, sum(claimed_s) AS claimed_s, sum(hand_s) AS hand_s
    FROM (
        SELECT m.asset_no, m.owner AS uscc, m.until_s - m.unobserved_s - m.bridged_s AS observed_s, m.effective_s,
               m.verified_s, m.claimed_s, m.hand_s
        FROM month_hours m WHERE m.month >= %(first_day)s AND m.month < %(month_after)s
        UNION ALL
        SELECT h.asset_no, h.owner, h.until_s - h.unobserved_s - h.bridged_s, h.effective_s, h.verified_s, h.claimed_s,
               h.hand_s
        FROM hour_record h WHERE h.day BETWEEN greatest(%(first_day)s, %(month_after)s) AND %(day)s
    ) AS each GROUP BY asset_no, uscc
), graded AS (
    SELECT asset_no, uscc, sum(counted_s) AS counted_s
    FROM (
        SELECT m.asset_no, m.owner AS uscc, m.counted_s FROM month_grades m
        WHERE m.month >= %(first_day)s AND m.month < %(month_after)s
        UNION ALL
        SELECT g.asset_no, g.owner, g.counted_s FROM day_grade g
        WHERE g.day BETWEEN greatest(%(first_day)s, %(month_after)s) AND %(day)s
    ) AS each GROUP BY asset_no, uscc
), days AS (
    SELECT asset_no, uscc, days FROM owned_days(%(first_day)s, %(day)s)
)
SELECT o.uscc, u.name_zh, u.kind, u.department, u.division, o.asset_no, d.name_zh, d.class_code, d.maker, d.model,
       d.origin, d.country, d.value_fen, d.funding, d.government_fen, d.accepted_on, d.shareable, d.exempt_document,
       d.bookable, d.fee, d.location,
       coalesce(member_on(o.asset_no, 'facility', %(day)s), ''), coalesce(member_on(o.asset_no, 'centre', %(day)s), ''),
       o.state, o.since, coalesce(t.days, 0)::bigint, coalesce(s.observed_s, 0)::bigint,
       coalesce(s.effective_s, 0)::bigint, coalesce(g.counted_s, 0)::bigint, coalesce(s.verified_s, 0)::bigint,
       coalesce(s.claimed_s, 0)::bigint, coalesce(s.hand_s, 0)::bigint
FROM owned o
LEFT JOIN days t USING (asset_no, uscc)
LEFT JOIN summed s USING (asset_no, uscc)
LEFT JOIN graded g USING (asset_no, uscc)
CROSS JOIN LATERAL instrument_on(o.asset_no, %(day)s) d
CROSS JOIN LATERAL unit_on(o.uscc, %(day)s) u
ORDER BY o.uscc COLLATE "C", o.asset_no COLLATE "C";
