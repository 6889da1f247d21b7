-- Policies for a model, and what a proposed one would change.

-- model: the policy holds for every instrument of this model that has none of its own; an instrument's model is the one
-- that is registered for the day.
ALTER TABLE policy_in_force
    ADD COLUMN model text CHECK (model <> ''),
    ADD COLUMN proposal_id bigint REFERENCES proposal,
    ADD CHECK (asset_no IS NULL OR model IS NULL);

-- Which policy holds for an instrument on a day: its own, else its model's, else the default; the newest of each.
CREATE FUNCTION policy_on(of_asset text, on_day date) RETURNS TABLE (
    sha256 text, level text, from_day date
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT f.sha256, CASE WHEN f.asset_no IS NOT NULL THEN 'instrument' WHEN f.model IS NOT NULL THEN 'model' ELSE 'default' END,
           f.from_day
    FROM policy_in_force f
    WHERE f.from_day <= on_day
        AND (f.asset_no = of_asset
             OR (f.asset_no IS NULL
                 AND (f.model IS NULL OR f.model = (SELECT i.model FROM instrument_on(of_asset, on_day) i))))
    ORDER BY f.asset_no NULLS LAST, f.model NULLS LAST, f.from_day DESC, f.seq DESC LIMIT 1
$$;

-- What a proposed policy would have changed, as computed before anybody ruled on it: one line per instrument, in whole
-- seconds before and after, and how many days would change.
CREATE TABLE dry_run (
    dry_run_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    proposal_id bigint NOT NULL REFERENCES proposal,
    first_day   date NOT NULL,
    last_day    date NOT NULL CHECK (last_day >= first_day),
    run_at      timestamptz NOT NULL
);
CREATE INDEX dry_run_of_proposal ON dry_run (proposal_id, dry_run_id);
CREATE TRIGGER dry_run_is_a_fact BEFORE UPDATE OR DELETE ON dry_run FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE dry_run_line (
    dry_run_id         bigint NOT NULL REFERENCES dry_run,
    asset_no           text NOT NULL REFERENCES instrument,
    days               integer NOT NULL CHECK (days >= 0),
    days_changed       integer NOT NULL CHECK (days_changed BETWEEN 0 AND days),
    run_before_s       bigint NOT NULL,
    run_after_s        bigint NOT NULL,
    effective_before_s bigint NOT NULL,
    effective_after_s  bigint NOT NULL,
    external_before_s  bigint NOT NULL,
    external_after_s   bigint NOT NULL,
    problem            text NOT NULL DEFAULT '',
    PRIMARY KEY (dry_run_id, asset_no)
);
CREATE TRIGGER dry_run_line_is_a_fact BEFORE UPDATE OR DELETE ON dry_run_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
