-- Figures of a year, from the hour records summed up by months. Days without a record are told by ownership: an
-- instrument that nobody ever heard stays in every denominator.

-- name: list_unit_figures
-- Units in a scope after a code: what they owned in a range of days, and the sums of its months.
WITH owned AS (
    SELECT uscc, count(*) AS instruments, sum(days) AS owned_days FROM owned_days(%(first_day)s, %(owned_until)s)
    WHERE days > 0 GROUP BY uscc
), summed AS (
    SELECT owner AS uscc, sum(days) AS days, sum(days_over) AS days_over, sum(until_s) AS until_s,
           sum(unobserved_s) AS unobserved_s, sum(bridged_s) AS bridged_s, sum(effective_s) AS effective_s,
           sum(internal_s) AS internal_s, sum(claimed_s) AS claimed_s, sum(verified_s) AS verified_s,
           sum(unresolved_s) AS unresolved_s, sum(hand_s) AS hand_s, sum(hand_external_s) AS hand_external_s
    FROM unit_month_hours WHERE month BETWEEN %(first_day)s AND %(last_day)s AND days > 0
    GROUP BY owner
), graded AS (
    SELECT owner AS uscc, sum(counted_s) AS counted_s, sum(counted_external_s) AS counted_external_s, sum(a_s) AS a_s,
           sum(b_s) AS b_s, sum(c_s) AS c_s, sum(d_s) AS d_s, sum(x_s) AS x_s
    FROM month_grades WHERE month BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY owner
)
SELECT NULL, uscc, u.name_zh, u.name_en, coalesce(instruments, 0), coalesce(owned_days, 0)::bigint,
       coalesce(days, 0)::bigint, coalesce(days_over, 0)::bigint, coalesce(until_s, 0)::bigint,
       coalesce(unobserved_s, 0)::bigint, coalesce(bridged_s, 0)::bigint, coalesce(effective_s, 0)::bigint,
       coalesce(internal_s, 0)::bigint, coalesce(claimed_s, 0)::bigint, coalesce(verified_s, 0)::bigint,
       coalesce(unresolved_s, 0)::bigint, coalesce(hand_s, 0)::bigint, coalesce(hand_external_s, 0)::bigint,
       coalesce(counted_s, 0)::bigint, coalesce(counted_external_s, 0)::bigint, coalesce(a_s, 0)::bigint,
       coalesce(b_s, 0)::bigint, coalesce(c_s, 0)::bigint, coalesce(d_s, 0)::bigint, coalesce(x_s, 0)::bigint
FROM owned FULL JOIN summed USING (uscc) LEFT JOIN graded USING (uscc) JOIN unit u USING (uscc)
WHERE uscc > %(after_uscc)s AND (%(uscc)s::text IS NULL OR uscc = %(uscc)s)
  AND (%(scope_kind)s = 'everything' OR unit_in_scope(uscc, %(scope_kind)s, %(scope_name)s, %(last_day)s))
ORDER BY uscc
LIMIT %(limit)s;

-- name: list_instrument_figures
-- The same of instruments, once for each unit that owned one, after an (asset number, code).
WITH owned AS (
    SELECT asset_no, uscc, days AS owned_days FROM owned_days(%(first_day)s, %(owned_until)s)
    WHERE days > 0
), summed AS (
    SELECT asset_no, owner AS uscc, sum(days) AS days, sum(days_over) AS days_over, sum(until_s) AS until_s,
           sum(unobserved_s) AS unobserved_s, sum(bridged_s) AS bridged_s, sum(effective_s) AS effective_s,
           sum(internal_s) AS internal_s, sum(claimed_s) AS claimed_s, sum(verified_s) AS verified_s,
           sum(unresolved_s) AS unresolved_s, sum(hand_s) AS hand_s, sum(hand_external_s) AS hand_external_s
    FROM month_hours WHERE month BETWEEN %(first_day)s AND %(last_day)s AND days > 0
    GROUP BY asset_no, owner
), graded AS (
    SELECT asset_no, owner AS uscc, sum(counted_s) AS counted_s, sum(counted_external_s) AS counted_external_s,
           sum(a_s) AS a_s, sum(b_s) AS b_s, sum(c_s) AS c_s, sum(d_s) AS d_s, sum(x_s) AS x_s
    FROM month_grades WHERE month BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY asset_no, owner
)
SELECT asset_no, uscc, i.name_zh, i.name_en, 1, coalesce(owned_days, 0)::bigint,
       coalesce(days, 0)::bigint, coalesce(days_over, 0)::bigint, coalesce(until_s, 0)::bigint,
       coalesce(unobserved_s, 0)::bigint, coalesce(bridged_s, 0)::bigint, coalesce(effective_s, 0)::bigint,
       coalesce(internal_s, 0)::bigint, coalesce(claimed_s, 0)::bigint, coalesce(verified_s, 0)::bigint,
       coalesce(unresolved_s, 0)::bigint, coalesce(hand_s, 0)::bigint, coalesce(hand_external_s, 0)::bigint,
       coalesce(counted_s, 0)::bigint, coalesce(counted_external_s, 0)::bigint, coalesce(a_s, 0)::bigint,
       coalesce(b_s, 0)::bigint, coalesce(c_s, 0)::bigint, coalesce(d_s, 0)::bigint, coalesce(x_s, 0)::bigint
FROM owned FULL JOIN summed USING (asset_no, uscc) LEFT JOIN graded USING (asset_no, uscc)
    JOIN instrument i USING (asset_no)
WHERE (asset_no, uscc) > (%(after_asset_no)s, %(after_uscc)s) AND (%(uscc)s::text IS NULL OR uscc = %(uscc)s)
  AND (%(scope_kind)s = 'everything' OR unit_in_scope(uscc, %(scope_kind)s, %(scope_name)s, %(last_day)s)
       OR (%(scope_kind)s = 'instrument' AND asset_no = %(scope_name)s))
ORDER BY asset_no, uscc
LIMIT %(limit)s;

-- name: rank_units
-- Units by their effective or external hours of some months, or by the share of these in those, the highest first.
SELECT rank() OVER (ORDER BY value DESC), uscc, u.name_zh, u.name_en, effective_s, external_s, verified_s
FROM (
    SELECT owner AS uscc, sum(effective_s)::bigint AS effective_s, sum(claimed_s + verified_s)::bigint AS external_s,
           sum(verified_s)::bigint AS verified_s,
           CASE %(by)s WHEN 'effective' THEN sum(effective_s) WHEN 'external' THEN sum(claimed_s + verified_s)
               WHEN 'sharing-rate' THEN sum(claimed_s + verified_s) / nullif(sum(effective_s), 0) END AS value
    FROM unit_month_hours
    WHERE month BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY owner
) AS summed JOIN unit u USING (uscc)
WHERE value IS NOT NULL
    AND (%(scope_kind)s = 'everything' OR unit_in_scope(uscc, %(scope_kind)s, %(scope_name)s, %(last_day)s))
ORDER BY 1, uscc
LIMIT %(limit)s;

-- name: rebuild_months
-- Sums every hour record up by months once more, and says how many sums were wrong.
SELECT rebuild_months();
