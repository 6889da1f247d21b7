-- Which instruments joined the provincial network, and left it, from which day on, by what proof. Of two steps for one
-- day the later recorded (highest seq) holds.
CREATE TABLE network_step (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no    text NOT NULL REFERENCES instrument,
    step        text NOT NULL CHECK (step IN ('joined', 'left')),
    from_day    date NOT NULL,
    proof       text NOT NULL CHECK (step <> 'joined' OR proof <> ''),
    why         text NOT NULL CHECK (step <> 'left' OR why <> ''),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX network_step_newest ON network_step (asset_no, from_day DESC, seq DESC);
CREATE TRIGGER network_step_is_a_fact BEFORE UPDATE OR DELETE ON network_step
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- How every instrument stands at the end of a day. threshold: in fen, what is worth less need not join; cutoff: what was
-- accepted on that day or before is overdue, null where nobody can tell (a year whose holidays are unknown).
CREATE FUNCTION network_on(on_day date, threshold bigint, cutoff date) RETURNS TABLE (
    asset_no text, name_zh text, owner text, accepted_on date, state text, since date, proof text, why text,
    recorded_by text
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT i.asset_no, d.name_zh, owner_on(i.asset_no, on_day), d.accepted_on,
           CASE
               WHEN s.step = 'joined' THEN 'joined'
               WHEN d.shareable IS FALSE THEN 'exempt'
               WHEN d.value_fen IS NULL THEN 'unknown'
               WHEN d.value_fen < threshold THEN 'not-eligible'
               WHEN s.step = 'left' THEN 'left'
               WHEN d.accepted_on <= cutoff THEN 'overdue'
               ELSE 'pending'
           END,
           s.from_day, s.proof, s.why, s.recorded_by
    FROM instrument i CROSS JOIN LATERAL instrument_on(i.asset_no, on_day) d
    LEFT JOIN LATERAL (
        SELECT * FROM network_step t WHERE t.asset_no = i.asset_no AND t.from_day <= on_day
        ORDER BY t.from_day DESC, t.seq DESC LIMIT 1
    ) s ON true
$$;
