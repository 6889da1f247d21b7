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
