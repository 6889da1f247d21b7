-- Which facts name which stored file: who may see one of those facts may see the file.
CREATE TABLE fact_document (
    document text NOT NULL REFERENCES document (sha256),
    fact     text NOT NULL REFERENCES fact (sha256),
    PRIMARY KEY (document, fact)
);
CREATE TRIGGER fact_document_is_a_fact BEFORE UPDATE OR DELETE ON fact_document
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What names an order (a use, a hand entry, a correction's use) has no unit of its own: the owner on that day is meant.
DROP INDEX fact_naming_order;
CREATE INDEX fact_naming_order ON fact (order_no) WHERE order_no IS NOT NULL AND unit IS NULL;
CREATE INDEX declaration_naming_order ON declaration (order_no) WHERE order_no IS NOT NULL;

-- Lists go by what was recorded last.
CREATE INDEX fact_of_kind ON fact (kind, seq);

-- The local day (UTC+8) of an instant in UTC milliseconds.
CREATE FUNCTION local_day_of(wall_ms bigint) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (timestamp 'epoch' + (wall_ms + 28800000) * interval '1 ms')::date
$$;

-- Whether whoever has a scope sees a fact: it is of an instrument in the scope over its days, or an order of the unit,
-- or an order that a use of the instrument names; a correction also where he sees what it corrects.
CREATE FUNCTION fact_in_scope(of_fact text, kind text, name text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT $2 = 'everything' OR EXISTS (
        WITH RECURSIVE chain AS (
            SELECT f.asset_no, f.first_day, f.last_day, f.unit, f.order_no, f.target FROM fact f WHERE f.sha256 = $1
            UNION ALL
            SELECT f.asset_no, f.first_day, f.last_day, f.unit, f.order_no, f.target
            FROM chain c JOIN fact f ON f.sha256 = substring(c.target FROM '^fact:(.*)$')
        )
        SELECT FROM chain c
        WHERE (c.asset_no IS NOT NULL AND in_scope(c.asset_no, $2, $3, c.first_day, c.last_day))
            OR ($2 = 'unit' AND c.unit = $3)
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
