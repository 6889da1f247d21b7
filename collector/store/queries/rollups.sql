-- Roll-ups over a year or a month: one line for each value of what is asked by, the one of nobody knows what ('') among
-- them. Hours come from the sums of stretches, values from the registry on the reference day.

-- name: list_lines
-- Lines after a key, with what their instruments were worth on the reference day and whether they were open.
WITH sums AS MATERIALIZED (
    SELECT CASE %(by)s WHEN 'unit' THEN owner WHEN 'centre' THEN centre WHEN 'province' THEN left(division, 2)
               WHEN 'city' THEN left(division, 4) WHEN 'county' THEN division WHEN 'class' THEN class_code
               WHEN 'origin' THEN origin WHEN 'kind' THEN kind ELSE '' END AS key,
           sum(days) AS days, sum(days_over) AS days_over, sum(until_s) AS until_s, sum(unobserved_s) AS unobserved_s,
           sum(bridged_s) AS bridged_s, sum(fault_s) AS fault_s, sum(effective_s) AS effective_s,
           sum(internal_s) AS internal_s, sum(claimed_s) AS claimed_s, sum(verified_s) AS verified_s,
           sum(unresolved_s) AS unresolved_s, sum(hand_s) AS hand_s, sum(hand_external_s) AS hand_external_s,
           sum(counted_s) AS counted_s, sum(counted_external_s) AS counted_external_s, sum(a_s) AS a_s, sum(b_s) AS b_s,
           sum(c_s) AS c_s, sum(d_s) AS d_s, sum(x_s) AS x_s
    FROM (
        SELECT * FROM placed_year WHERE %(grain)s = 'year' AND year = %(first_day)s
        UNION ALL
        SELECT * FROM placed_month WHERE %(grain)s = 'month' AND month = %(first_day)s
    ) AS h (month, asset_no, placed_from, owner, division, kind, centre, class_code, origin, days, days_over, until_s,
            unobserved_s, bridged_s, fault_s, effective_s, internal_s, claimed_s, verified_s, unresolved_s, hand_s,
            hand_external_s, counted_s, counted_external_s, a_s, b_s, c_s, d_s, x_s)
    WHERE days > 0
        AND (%(scope_kind)s = 'everything' OR (%(scope_kind)s = 'unit' AND owner = %(scope_name)s)
             OR (%(scope_kind)s = 'division' AND starts_with(division, %(scope_name)s))
             OR (%(scope_kind)s = 'instrument' AND asset_no = %(scope_name)s))
    GROUP BY 1
), spans AS (
    -- told, of what is held on the reference day: 1 value unknown, 2 exempt, 4 below the value, 8 could be shared; of
    -- these 16 open, 32 general and new, 64 in a centre. 0: not held any more.
    SELECT CASE %(by)s WHEN 'unit' THEN owner WHEN 'centre' THEN centre WHEN 'province' THEN left(division, 2)
               WHEN 'city' THEN left(division, 4) WHEN 'county' THEN division WHEN 'class' THEN class_code
               WHEN 'origin' THEN origin WHEN 'kind' THEN kind ELSE '' END AS key,
           asset_no, least(until_day - 1, %(until_day)s) - greatest(from_day, %(first_day)s) + 1 AS days,
           CASE WHEN until_day > %(until_day)s THEN value_fen END AS value_fen,
           CASE WHEN until_day <= %(until_day)s THEN 0 WHEN value_fen IS NULL THEN 1 WHEN shareable IS FALSE THEN 2
               WHEN value_fen < %(min_value_fen)s THEN 4
               ELSE 8 + (shareable IS TRUE)::integer * 16 + (centre <> '')::integer * 64
                   + (coalesce(accepted_on BETWEEN %(first_day)s AND %(until_day)s, false) AND NOT EXISTS (
                       SELECT FROM unnest(%(special)s::text[]) AS s (prefix) WHERE starts_with(class_code, prefix)
                     ))::integer * 32
           END AS told
    FROM placement
    WHERE owner <> '' AND from_day <= %(until_day)s AND until_day > %(first_day)s
        AND %(until_day)s >= %(first_day)s
        AND (%(scope_kind)s = 'everything' OR (%(scope_kind)s = 'unit' AND owner = %(scope_name)s)
             OR (%(scope_kind)s = 'division' AND starts_with(division, %(scope_name)s))
             OR (%(scope_kind)s = 'instrument' AND asset_no = %(scope_name)s))
), owned AS (
    SELECT key, count(*) AS instruments, sum(days) AS owned_days, count(*) FILTER (WHERE told > 0) AS held,
           sum(value_fen) AS value_fen, count(*) FILTER (WHERE told = 1) AS value_unknown,
           count(*) FILTER (WHERE told = 2) AS exempt, count(*) FILTER (WHERE told = 4) AS below_value,
           count(*) FILTER (WHERE told >= 8) AS could_share,
           sum(value_fen) FILTER (WHERE told >= 8) AS could_share_fen,
           count(*) FILTER (WHERE told & 16 > 0) AS opened, sum(value_fen) FILTER (WHERE told & 16 > 0) AS opened_fen,
           count(*) FILTER (WHERE told & 32 > 0) AS new_general,
           count(*) FILTER (WHERE told & 96 = 96) AS new_in_centre,
           count(*) FILTER (WHERE told & 112 = 112) AS new_opened
    FROM (SELECT key, sum(days) AS days, max(value_fen) AS value_fen, max(told) AS told FROM spans
          GROUP BY key, asset_no) AS each
    GROUP BY key
), found AS (
    SELECT key, coalesce(instruments, 0), coalesce(owned_days, 0)::bigint, coalesce(held, 0),
           coalesce(value_fen, 0)::bigint, coalesce(value_unknown, 0), coalesce(exempt, 0), coalesce(below_value, 0),
           coalesce(could_share, 0), coalesce(could_share_fen, 0)::bigint, coalesce(opened, 0),
           coalesce(opened_fen, 0)::bigint, coalesce(new_general, 0), coalesce(new_in_centre, 0),
           coalesce(new_opened, 0), coalesce(days, 0)::bigint, coalesce(days_over, 0)::bigint,
           coalesce(until_s, 0)::bigint, coalesce(unobserved_s, 0)::bigint, coalesce(bridged_s, 0)::bigint,
           coalesce(fault_s, 0)::bigint, coalesce(effective_s, 0)::bigint, coalesce(internal_s, 0)::bigint,
           coalesce(claimed_s, 0)::bigint, coalesce(verified_s, 0)::bigint, coalesce(unresolved_s, 0)::bigint,
           coalesce(hand_s, 0)::bigint, coalesce(hand_external_s, 0)::bigint, coalesce(counted_s, 0)::bigint,
           coalesce(counted_external_s, 0)::bigint, coalesce(a_s, 0)::bigint, coalesce(b_s, 0)::bigint,
           coalesce(c_s, 0)::bigint, coalesce(d_s, 0)::bigint, coalesce(x_s, 0)::bigint
    FROM owned FULL JOIN sums USING (key)
    WHERE %(is_first)s OR key > %(after)s
    ORDER BY key LIMIT %(limit)s
)
SELECT coalesce(u.name_zh, f.name_zh, ''), coalesce(u.name_en, f.name_en, ''), found.*
FROM found
LEFT JOIN LATERAL unit_on(key, %(reference_day)s) u ON %(by)s = 'unit'
LEFT JOIN LATERAL facility_on(key, %(reference_day)s) f ON %(by)s = 'centre'
ORDER BY key;

-- name: list_served
-- External seconds by where the beneficiary is, seen from the unit, and what kind of organisation it is; as units were
-- described on the last day of the year. Key '': the beneficiary, or one of the two divisions, is not known.
WITH told AS (
    SELECT DISTINCT ON (uscc) uscc, division, kind FROM unit_description WHERE from_day <= %(described_on)s
    ORDER BY uscc, from_day DESC, seq DESC
), seen AS (
    SELECT CASE %(by)s WHEN 'province' THEN left(b.division, 2) WHEN 'city' THEN left(b.division, 4)
               WHEN 'county' THEN b.division WHEN 'kind' THEN b.kind
               WHEN 'place' THEN CASE WHEN coalesce(o.division, '') = '' OR coalesce(b.division, '') = '' THEN ''
                   WHEN left(o.division, 4) = left(b.division, 4) THEN 'same-city'
                   WHEN left(o.division, 2) = left(b.division, 2) THEN 'same-province'
                   ELSE 'other-province' END
               END AS key, m.owner, m.beneficiary, m.claimed_s, m.verified_s
    FROM (
        SELECT owner, beneficiary, claimed_s, verified_s FROM served_year
        WHERE %(grain)s = 'year' AND year = %(first_day)s
        UNION ALL
        SELECT owner, beneficiary, claimed_s, verified_s FROM served_month
        WHERE %(grain)s = 'month' AND month = %(first_day)s
    ) AS m LEFT JOIN told o ON o.uscc = m.owner LEFT JOIN told b ON b.uscc = m.beneficiary
    WHERE (m.claimed_s <> 0 OR m.verified_s <> 0)
        AND (%(scope_kind)s = 'everything' OR (%(scope_kind)s = 'unit' AND m.owner = %(scope_name)s)
             OR (%(scope_kind)s = 'division' AND starts_with(o.division, %(scope_name)s)))
)
SELECT coalesce(key, ''), count(DISTINCT owner COLLATE "C"),
       count(DISTINCT beneficiary COLLATE "C") FILTER (WHERE beneficiary <> ''),
       sum(claimed_s)::bigint, sum(verified_s)::bigint
FROM seen GROUP BY 1 HAVING %(is_first)s OR coalesce(key, '') > %(after)s
ORDER BY 1 LIMIT %(limit)s;

-- name: list_vouchers
-- Vouchers of the orders that stand, after a place in the order of facts; uses: how many orders name the same one, units:
-- of how many units these are.
SELECT v.seq, v.fact, v.unit, v.order_no, v.issuer, v.number, v.amount_fen, v.beneficiary, v.beneficiary_name, v.day,
       s.uses, s.units
FROM order_voucher v
CROSS JOIN LATERAL (
    SELECT count(DISTINCT (o.unit, o.order_no)) AS uses, count(DISTINCT o.unit) AS units FROM order_voucher o
    WHERE o.same = v.same AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || o.fact)
) s
WHERE v.seq > %(after)s AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || v.fact)
    AND (%(issuer)s::text IS NULL OR v.issuer = %(issuer)s)
    AND (%(first_day)s::date IS NULL OR v.day BETWEEN %(first_day)s AND %(last_day)s)
    AND (NOT %(repeated)s OR s.uses > 1)
    AND unit_in_scope(v.unit, %(scope_kind)s, %(scope_name)s, v.day)
ORDER BY v.seq LIMIT %(limit)s;

-- name: list_issuers
-- What the vouchers of each issuer sum up to, in the order of their first; what one pays beyond its first order is
-- repeated.
WITH standing AS (
    SELECT v.*, row_number() OVER (PARTITION BY v.same ORDER BY v.seq) > 1 AS is_again FROM order_voucher v
    WHERE NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || v.fact)
)
SELECT min(seq), issuer, count(DISTINCT same), count(*), count(DISTINCT unit), count(DISTINCT nullif(beneficiary, '')),
       sum(amount_fen)::bigint, count(*) FILTER (WHERE is_again),
       coalesce(sum(amount_fen) FILTER (WHERE is_again), 0)::bigint
FROM standing
WHERE unit_in_scope(unit, %(scope_kind)s, %(scope_name)s, day)
    AND (%(first_day)s::date IS NULL OR day BETWEEN %(first_day)s AND %(last_day)s)
GROUP BY issuer HAVING min(seq) > %(after)s
ORDER BY 1 LIMIT %(limit)s;

-- name: list_public_units
-- Units with the hours of a year of those of their instruments that anybody may see: none that was exempt in it.
WITH shown AS (
    SELECT p.* FROM placement p
    WHERE p.owner <> '' AND p.from_day <= %(until_day)s AND p.until_day > %(first_day)s
        AND NOT EXISTS (SELECT FROM placement x WHERE x.asset_no = p.asset_no AND x.shareable IS FALSE
                        AND x.from_day <= %(until_day)s AND x.until_day > %(first_day)s)
)
SELECT p.owner, count(DISTINCT p.asset_no),
       count(DISTINCT p.asset_no) FILTER (WHERE p.until_day > %(until_day)s AND p.shareable),
       sum(least(p.until_day - 1, %(until_day)s) - greatest(p.from_day, %(first_day)s) + 1)::bigint,
       coalesce(sum(h.days_over), 0)::bigint, coalesce(sum(h.until_s), 0)::bigint,
       coalesce(sum(h.unobserved_s + h.bridged_s), 0)::bigint, coalesce(sum(h.effective_s), 0)::bigint,
       coalesce(sum(h.verified_s), 0)::bigint
FROM shown p
LEFT JOIN placed_year h ON h.year = %(first_day)s AND h.asset_no = p.asset_no AND h.placed_from = p.from_day
GROUP BY p.owner ORDER BY p.owner;

-- name: list_public_results
-- The published result of a year's round, by unit: the rating that holds.
SELECT uscc, rank, rating, is_example, round, sha256 FROM published_result WHERE year = %(year)s;

-- name: list_public_instruments
-- The same of the instruments of a unit, or of all units, by owner and asset number; open: on the year's last day.
WITH shown AS (
    SELECT p.* FROM placement p
    WHERE p.owner <> '' AND p.from_day <= %(until_day)s AND p.until_day > %(first_day)s
        AND (%(uscc)s::text IS NULL OR p.owner = %(uscc)s)
        AND NOT EXISTS (SELECT FROM placement x WHERE x.asset_no = p.asset_no AND x.shareable IS FALSE
                        AND x.from_day <= %(until_day)s AND x.until_day > %(first_day)s)
)
SELECT p.owner, p.asset_no, max(i.name_zh), max(i.name_en), bool_or(p.until_day > %(until_day)s AND p.shareable IS TRUE),
       sum(least(p.until_day - 1, %(until_day)s) - greatest(p.from_day, %(first_day)s) + 1)::bigint,
       coalesce(sum(h.days_over), 0)::bigint, coalesce(sum(h.until_s), 0)::bigint,
       coalesce(sum(h.unobserved_s + h.bridged_s), 0)::bigint, coalesce(sum(h.effective_s), 0)::bigint,
       coalesce(sum(h.verified_s), 0)::bigint
FROM shown p
CROSS JOIN LATERAL instrument_on(p.asset_no, %(until_day)s) i
LEFT JOIN placed_year h ON h.year = %(first_day)s AND h.asset_no = p.asset_no AND h.placed_from = p.from_day
GROUP BY p.owner, p.asset_no ORDER BY p.owner, p.asset_no;

-- name: list_unit_names
-- What units were called on a day.
SELECT u.uscc, u.name_zh, u.name_en
FROM unnest(%(codes)s::text[]) AS asked (code) CROSS JOIN LATERAL unit_on(asked.code, %(day)s) u;

-- name: rebuild_rollups
-- Makes stretches and their sums and those by beneficiary once more, and says how many lines were wrong.
SELECT rebuild_rollups();
