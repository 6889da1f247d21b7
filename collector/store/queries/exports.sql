-- What is exported.

-- name: list_named_records
-- Hour records of a range of days in a scope, by instrument and day, with the names that held on that day, and grades.
SELECT r.body, r.revision, i.name_zh, coalesce(u.name_zh, ''), g.body
FROM hour_record r
LEFT JOIN day_grade g USING (asset_no, day)
CROSS JOIN LATERAL instrument_on(r.asset_no, r.day) i
LEFT JOIN LATERAL unit_on(r.owner, r.day) u ON true
WHERE r.day BETWEEN %(first_day)s AND %(last_day)s
    AND (%(asset_no)s::text IS NULL OR r.asset_no = %(asset_no)s)
    AND (%(uscc)s::text IS NULL OR r.owner = %(uscc)s)
    AND in_scope(r.asset_no, %(scope_kind)s, %(scope_name)s, r.day, r.day)
ORDER BY r.asset_no, r.day;

-- name: count_named_records
-- How many those are.
SELECT count(*) FROM hour_record r
WHERE r.day BETWEEN %(first_day)s AND %(last_day)s
    AND (%(asset_no)s::text IS NULL OR r.asset_no = %(asset_no)s)
    AND (%(uscc)s::text IS NULL OR r.owner = %(uscc)s)
    AND in_scope(r.asset_no, %(scope_kind)s, %(scope_name)s, r.day, r.day);

-- name: list_basis
-- The policies that those records rest on, with the effective seconds of each grade and those that count.
SELECT p.sha256, p.name, count(*), sum(r.until_s), sum(r.until_s - r.unobserved_s - r.bridged_s),
    coalesce(sum(a_s), 0), coalesce(sum(b_s), 0), coalesce(sum(c_s), 0), coalesce(sum(d_s), 0), coalesce(sum(x_s), 0),
    coalesce(sum(counted_s), 0)
FROM hour_record r JOIN policy p ON p.sha256 = r.policy LEFT JOIN day_grade g USING (asset_no, day)
WHERE r.day BETWEEN %(first_day)s AND %(last_day)s
    AND (%(asset_no)s::text IS NULL OR r.asset_no = %(asset_no)s)
    AND (%(uscc)s::text IS NULL OR r.owner = %(uscc)s)
    AND in_scope(r.asset_no, %(scope_kind)s, %(scope_name)s, r.day, r.day)
GROUP BY p.sha256, p.name ORDER BY p.name, p.sha256;
