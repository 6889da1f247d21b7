-- What waits for a unit's information officer.

-- name: list_claimed
-- Records of a unit's instruments with external time that no document proves; which months have any is known by sums.
SELECT h.body FROM month_hours m
JOIN hour_record h ON h.asset_no = m.asset_no AND h.day >= m.month AND h.day < m.month + interval '1 month'
WHERE m.owner = %(uscc)s AND m.month BETWEEN %(first_day)s AND %(last_day)s AND m.claimed_s > 0
    AND h.owner = %(uscc)s AND h.claimed_s > 0;

-- name: sum_unresolved
-- Of a unit: the instruments with effective time of unknown beneficiary, how many seconds, and since which month's day.
SELECT coalesce(array_agg(DISTINCT asset_no ORDER BY asset_no), '{}'), coalesce(sum(unresolved_s), 0), min(month)
FROM month_hours
WHERE owner = %(uscc)s AND month BETWEEN %(first_day)s AND %(last_day)s AND unresolved_s > 0;

-- name: owned_anything
-- Whether a unit owned an instrument on any day of a range.
SELECT EXISTS (
    SELECT FROM ownership_stretches(%(first_day)s, %(last_day)s) s WHERE s.uscc = %(uscc)s);

-- name: is_in_scope
-- Whether a unit that is registered is in a scope on a day.
SELECT EXISTS (
    SELECT FROM unit u WHERE u.uscc = %(uscc)s AND unit_in_scope(u.uscc, %(scope_kind)s, %(scope_name)s, %(day)s));
