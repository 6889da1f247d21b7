-- Scopes of administrative divisions: the province, city and county (GB/T 2260: two, four, six digits) see what units in
-- them own. Where a unit lies is what the registry says for the day that is asked about.

ALTER TABLE appointment DROP CONSTRAINT appointment_scope_kind_check;
ALTER TABLE appointment ADD CHECK (scope_kind IN ('everything', 'unit', 'instrument', 'division')),
    ADD CHECK (scope_kind <> 'division' OR scope_name ~ '^[1-8][0-9]([0-9]{2}){0,2}$');
ALTER TABLE api_key DROP CONSTRAINT api_key_scope_kind_check;
ALTER TABLE api_key ADD CHECK (scope_kind IN ('everything', 'unit', 'instrument', 'division')),
    ADD CHECK (scope_kind <> 'division' OR scope_name ~ '^[1-8][0-9]([0-9]{2}){0,2}$');

-- Whether a unit lies in a division on a day; one of which nobody said where it lies is in none.
CREATE FUNCTION unit_in_division(of_uscc text, code text, on_day date) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((
        SELECT starts_with(d.division, code) FROM unit_description d WHERE d.uscc = of_uscc AND d.from_day <= on_day
        ORDER BY d.from_day DESC, d.seq DESC LIMIT 1
    ), false)
$$;

-- Whether what concerns a whole unit is in a scope on a day. That of an instrument holds nothing of this kind.
CREATE FUNCTION unit_in_scope(of_uscc text, kind text, name text, on_day date) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'everything' THEN true
        WHEN 'unit' THEN of_uscc = name
        WHEN 'division' THEN unit_in_division(of_uscc, name, on_day)
        ELSE false
    END
$$;

-- Which instruments can be in a scope on any day at all, for lists that would otherwise ask each one of a province.
CREATE FUNCTION assets_of_scope(kind text, name text) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT o.asset_no FROM ownership o WHERE $1 = 'unit' AND o.uscc = $2
    UNION
    SELECT o.asset_no FROM ownership o JOIN unit_description d USING (uscc)
    WHERE $1 = 'division' AND starts_with(d.division, $2)
$$;

-- A division's scope holds the days on which the owner lay in the division, as a unit's holds those on which it owned.
CREATE OR REPLACE FUNCTION in_scope(of_asset text, kind text, name text, first_day date, last_day date) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'everything' THEN true
        WHEN 'instrument' THEN of_asset = name
        WHEN 'unit' THEN NOT EXISTS (
            SELECT FROM (
                SELECT first_day AS day
                UNION
                SELECT from_day FROM ownership WHERE asset_no = of_asset AND from_day BETWEEN first_day AND last_day
            ) days
            WHERE name IS DISTINCT FROM (
                SELECT o.uscc FROM ownership o WHERE o.asset_no = of_asset AND o.from_day <= days.day
                ORDER BY o.from_day DESC, o.seq DESC LIMIT 1
            )
        )
        WHEN 'division' THEN NOT EXISTS (
            SELECT FROM (
                SELECT first_day AS day
                UNION
                SELECT from_day FROM ownership WHERE asset_no = of_asset AND from_day BETWEEN first_day AND last_day
                UNION
                SELECT d.from_day FROM unit_description d
                WHERE d.uscc IN (SELECT o.uscc FROM ownership o WHERE o.asset_no = of_asset)
                    AND d.from_day BETWEEN first_day AND last_day
            ) days
            WHERE NOT coalesce((
                SELECT starts_with(d.division, name)
                FROM (
                    SELECT o.uscc FROM ownership o WHERE o.asset_no = of_asset AND o.from_day <= days.day
                    ORDER BY o.from_day DESC, o.seq DESC LIMIT 1
                ) owner JOIN unit_description d USING (uscc)
                WHERE d.from_day <= days.day ORDER BY d.from_day DESC, d.seq DESC LIMIT 1
            ), false)
        )
        ELSE false
    END
$$;

CREATE OR REPLACE FUNCTION fact_in_scope(of_fact text, kind text, name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT $2 = 'everything' OR EXISTS (
        WITH RECURSIVE chain AS (
            SELECT f.asset_no, f.first_day, f.last_day, f.unit, f.order_no, f.target, f.recorded_at
            FROM fact f WHERE f.sha256 = $1
            UNION ALL
            SELECT f.asset_no, f.first_day, f.last_day, f.unit, f.order_no, f.target, f.recorded_at
            FROM chain c JOIN fact f ON f.sha256 = substring(c.target FROM '^fact:(.*)$')
        )
        SELECT FROM chain c
        WHERE (c.asset_no IS NOT NULL AND in_scope(c.asset_no, $2, $3, c.first_day, c.last_day))
            OR (c.unit IS NOT NULL AND unit_in_scope(c.unit, $2, $3, (c.recorded_at AT TIME ZONE 'Asia/Shanghai')::date))
            OR ($2 = 'instrument' AND c.unit IS NOT NULL AND EXISTS (
                SELECT FROM fact u WHERE u.asset_no = $3 AND u.order_no = c.order_no AND u.unit IS NULL
                    AND owner_on($3, u.first_day) = c.unit))
            OR EXISTS (
                SELECT FROM journal j
                JOIN declaration d ON d.journal_id = j.journal_id
                    AND d.entry_index = substring(c.target FROM '^entry:.*#([0-9]+)$')::bigint
                WHERE j.origin = substring(c.target FROM '^entry:(.*)#[0-9]+$')
                    AND in_scope(d.asset_no, $2, $3, local_day_of(d.wall_ms), local_day_of(d.wall_ms)))
    )
$$;
