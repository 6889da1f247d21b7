-- Self-evaluation reports 自评报告 (指引六、七(二), 附件1): what a unit says of its year, and how it came to whom. Facts: a
-- version's bytes are never changed, and what was submitted is a version.

CREATE TABLE self_report (
    report_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uscc      text NOT NULL REFERENCES unit,
    year      integer NOT NULL CHECK (year BETWEEN 2000 AND 2199),
    UNIQUE (uscc, year)
);
CREATE INDEX self_report_of_year ON self_report (year, uscc);
CREATE TRIGGER self_report_is_a_fact BEFORE UPDATE OR DELETE ON self_report
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- body: the canonical bytes of collector/self_evaluation/report.py.
CREATE TABLE self_report_version (
    report_id integer NOT NULL REFERENCES self_report,
    number    integer NOT NULL CHECK (number > 0),
    body      bytea NOT NULL,
    sha256    text NOT NULL CHECK (sha256 = encode(sha256(body), 'hex')),
    PRIMARY KEY (report_id, number)
);
CREATE TRIGGER self_report_version_is_a_fact BEFORE UPDATE OR DELETE ON self_report_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Where a report stands is its newest step. differences: how many figures of the version were not any more what the
-- records said when it was confirmed; changed: the first of them, as a JSON array.
CREATE TABLE self_report_step (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id   integer NOT NULL,
    state       text NOT NULL CHECK (state IN ('draft', 'confirmed', 'submitted', 'returned', 'accepted')),
    version     integer NOT NULL,
    differences integer NOT NULL DEFAULT 0 CHECK (differences = 0 OR (differences > 0 AND state = 'confirmed')),
    changed     bytea NOT NULL DEFAULT '[]',
    why         text NOT NULL CHECK (why <> ''),
    made_by     text NOT NULL CHECK (made_by <> ''),
    made_at     timestamptz NOT NULL,
    FOREIGN KEY (report_id, version) REFERENCES self_report_version
);
CREATE INDEX self_report_step_newest ON self_report_step (report_id, seq DESC);
CREATE TRIGGER self_report_step_is_a_fact BEFORE UPDATE OR DELETE ON self_report_step
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A draft is the next version; every other step is about the version that the report stands at.
CREATE FUNCTION check_self_report_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held self_report_step;
BEGIN
    SELECT * INTO held FROM self_report_step s WHERE s.report_id = NEW.report_id ORDER BY s.seq DESC LIMIT 1;
    IF (coalesce(held.state, ''), NEW.state) NOT IN (
        ('', 'draft'), ('draft', 'draft'), ('confirmed', 'draft'), ('returned', 'draft'), ('draft', 'confirmed'),
        ('confirmed', 'submitted'), ('submitted', 'returned'), ('submitted', 'accepted')
    ) THEN
        RAISE EXCEPTION 'a self-evaluation report that is % cannot become %', coalesce(held.state, 'new'), NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.version <> coalesce(held.version, 0) + (NEW.state = 'draft')::integer THEN
        RAISE EXCEPTION 'a report at version % cannot be % at version %', coalesce(held.version, 0), NEW.state, NEW.version
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER self_report_step_follows BEFORE INSERT ON self_report_step
    FOR EACH ROW EXECUTE FUNCTION check_self_report_step();

-- Until when the reports of a year are to be submitted; of two lines the later one holds.
CREATE TABLE self_report_due (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year    integer NOT NULL CHECK (year BETWEEN 2000 AND 2199),
    due_on  date NOT NULL CHECK (extract(year FROM due_on) > year),
    why     text NOT NULL CHECK (why <> ''),
    made_by text NOT NULL CHECK (made_by <> ''),
    made_at timestamptz NOT NULL
);
CREATE INDEX self_report_due_newest ON self_report_due (year, seq DESC);
CREATE TRIGGER self_report_due_is_a_fact BEFORE UPDATE OR DELETE ON self_report_due
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
