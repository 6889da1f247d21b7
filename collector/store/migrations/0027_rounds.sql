-- Rounds of evaluation 评价考核年度: who is counted, what was computed, what experts gave, how units rank. Facts: what a
-- round rests on is inserted once and never changed, so that all of it can be computed again and compared.

-- A place in the order of grade records, so that a round can say which of them it knew.
ALTER TABLE closed_grade ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;

-- A scoring scheme. body: the exact bytes of the file that was entered (collector/evaluation/scheme.py).
CREATE TABLE scheme (
    sha256     text PRIMARY KEY CHECK (sha256 = encode(sha256(body), 'hex')),
    body       bytea NOT NULL,
    name       text NOT NULL CHECK (name <> ''),
    from_day   date NOT NULL,
    why        text NOT NULL CHECK (why <> ''),
    entered_by text NOT NULL CHECK (entered_by <> ''),
    entered_at timestamptz NOT NULL
);
CREATE TRIGGER scheme_is_a_fact BEFORE UPDATE OR DELETE ON scheme FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- as_of: the local day whose registry says who is counted. The two limits: from which value on (fen), and above which
-- percentage of public money.
CREATE TABLE round (
    round_id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                    text NOT NULL UNIQUE CHECK (name ~ '^[0-9]{4}[A-Za-z0-9._-]{0,36}$'),
    year                    integer NOT NULL CHECK (year BETWEEN 2000 AND 2199),
    as_of                   date NOT NULL CHECK (extract(year FROM as_of) = year),
    min_value_fen           bigint NOT NULL CHECK (min_value_fen > 0),
    over_government_percent integer NOT NULL CHECK (over_government_percent BETWEEN 0 AND 99),
    CHECK (left(name, 4) = year::text)
);
CREATE TRIGGER round_is_a_fact BEFORE UPDATE OR DELETE ON round FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Where a round stands is its newest step.
CREATE TABLE round_step (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id integer NOT NULL REFERENCES round,
    state    text NOT NULL,
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL,
    UNIQUE (round_id, state)
);
CREATE TRIGGER round_step_is_a_fact BEFORE UPDATE OR DELETE ON round_step
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_round_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := (SELECT s.state FROM round_step s WHERE s.round_id = NEW.round_id ORDER BY s.seq DESC LIMIT 1);
BEGIN
    IF (coalesce(held, ''), NEW.state) NOT IN (
        ('', 'draft'), ('draft', 'population'), ('population', 'data'), ('data', 'experts'), ('experts', 'closed')
    ) THEN
        RAISE EXCEPTION 'a round that is % cannot become %', coalesce(held, 'new'), NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER round_step_follows BEFORE INSERT ON round_step FOR EACH ROW EXECUTE FUNCTION check_round_step();

-- What a person decided of `instrument:A001`, `facility:F01` or `unit:USCC`; of two the later one holds.
CREATE TABLE round_choice (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id integer NOT NULL REFERENCES round,
    subject  text NOT NULL CHECK (subject ~ '^(instrument|facility|unit):.'),
    verdict  text NOT NULL CHECK (verdict IN ('include', 'exclude')),
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL
);
CREATE INDEX round_choice_of_round ON round_choice (round_id, seq);
CREATE TRIGGER round_choice_is_a_fact BEFORE UPDATE OR DELETE ON round_choice
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Up to which line of each table of facts the population knows the registry.
CREATE TABLE round_population (
    round_id        integer PRIMARY KEY REFERENCES round,
    ownership_seq   bigint NOT NULL,
    description_seq bigint NOT NULL,
    facility_seq    bigint NOT NULL
);
CREATE TRIGGER round_population_is_a_fact BEFORE UPDATE OR DELETE ON round_population
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Each instrument and facility with the reason for which it is counted or not (collector/evaluation/population.py).
CREATE TABLE round_member (
    round_id       integer NOT NULL REFERENCES round,
    kind           text NOT NULL CHECK (kind IN ('instrument', 'facility')),
    name           text NOT NULL,
    uscc           text REFERENCES unit,
    value_fen      bigint,
    government_fen bigint,
    shareable      boolean,
    is_in          boolean NOT NULL,
    reason         text NOT NULL,
    note           text NOT NULL,
    PRIMARY KEY (round_id, kind, name),
    CHECK (NOT is_in OR (uscc IS NOT NULL AND value_fen IS NOT NULL))
);
CREATE INDEX round_member_of_unit ON round_member (round_id, uscc, kind, name);
CREATE TRIGGER round_member_is_a_fact BEFORE UPDATE OR DELETE ON round_member
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Which frozen period the figures are from, and up to which grade record they know.
CREATE TABLE round_data (
    round_id  integer PRIMARY KEY REFERENCES round,
    frozen_id integer NOT NULL REFERENCES frozen,
    grade_seq bigint NOT NULL
);
CREATE TRIGGER round_data_is_a_fact BEFORE UPDATE OR DELETE ON round_data
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The year of each instrument that is counted, under its owner on the round's date: whole seconds, by the names of
-- collector/evaluation/indicators.py.
CREATE TABLE round_figure (
    round_id           integer NOT NULL,
    asset_no           text NOT NULL,
    kind               text NOT NULL DEFAULT 'instrument' CHECK (kind = 'instrument'),
    uscc               text NOT NULL REFERENCES unit,
    network_s          bigint NOT NULL,
    observed_s         bigint NOT NULL,
    bridged_s          bigint NOT NULL,
    effective_s        bigint NOT NULL,
    counted_s          bigint NOT NULL,
    counted_verified_s bigint NOT NULL,
    claimed_s          bigint NOT NULL,
    verified_s         bigint NOT NULL,
    unresolved_s       bigint NOT NULL,
    a_s                bigint NOT NULL,
    b_s                bigint NOT NULL,
    c_s                bigint NOT NULL,
    d_s                bigint NOT NULL,
    x_s                bigint NOT NULL,
    hand_s             bigint NOT NULL,
    elsewhere_s        bigint NOT NULL,
    policies           text[] NOT NULL,
    PRIMARY KEY (round_id, asset_no),
    FOREIGN KEY (round_id, kind, asset_no) REFERENCES round_member (round_id, kind, name),
    CHECK (counted_verified_s BETWEEN 0 AND verified_s),
    CHECK (counted_verified_s <= counted_s AND counted_s <= effective_s),
    CHECK (a_s + b_s + c_s + d_s + x_s = effective_s)
);
CREATE TRIGGER round_figure_is_a_fact BEFORE UPDATE OR DELETE ON round_figure
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What was computed of each unit, and under '' of all: the canonical bytes of collector/evaluation/indicators.py.
CREATE TABLE round_indicators (
    round_id integer NOT NULL REFERENCES round,
    uscc     text NOT NULL,
    body     bytea NOT NULL,
    PRIMARY KEY (round_id, uscc)
);
CREATE TRIGGER round_indicators_is_a_fact BEFORE UPDATE OR DELETE ON round_indicators
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Which scheme turns a round's values into points.
CREATE TABLE round_scheme (
    round_id integer PRIMARY KEY REFERENCES round,
    sha256   text NOT NULL REFERENCES scheme
);
CREATE TRIGGER round_scheme_is_a_fact BEFORE UPDATE OR DELETE ON round_scheme
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Who gives points to which indicator.
CREATE TABLE round_expert (
    round_id     integer NOT NULL REFERENCES round,
    person_id    integer NOT NULL REFERENCES person,
    indicator    integer NOT NULL CHECK (indicator IN (1, 3, 4, 6, 8)),
    why          text NOT NULL CHECK (why <> ''),
    appointed_by text NOT NULL CHECK (appointed_by <> ''),
    appointed_at timestamptz NOT NULL,
    PRIMARY KEY (round_id, person_id, indicator)
);
CREATE TRIGGER round_expert_is_a_fact BEFORE UPDATE OR DELETE ON round_expert
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What an expert gave a unit, in hundredths of a point; of two lines of one expert the later one holds.
CREATE TABLE round_points (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id   integer NOT NULL,
    person_id  integer NOT NULL,
    indicator  integer NOT NULL,
    uscc       text NOT NULL REFERENCES unit,
    hundredths integer NOT NULL CHECK (hundredths BETWEEN 0 AND 10000),
    why        text NOT NULL CHECK (why <> ''),
    given_at   timestamptz NOT NULL,
    FOREIGN KEY (round_id, person_id, indicator) REFERENCES round_expert
);
CREATE INDEX round_points_newest ON round_points (round_id, uscc, indicator, person_id, seq DESC);
CREATE TRIGGER round_points_is_a_fact BEFORE UPDATE OR DELETE ON round_points
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The ranking as it was computed when the round closed: the canonical bytes of collector/evaluation/scoring.py.
CREATE TABLE round_score (
    round_id integer NOT NULL REFERENCES round,
    uscc     text NOT NULL REFERENCES unit,
    body     bytea NOT NULL,
    PRIMARY KEY (round_id, uscc)
);
CREATE TRIGGER round_score_is_a_fact BEFORE UPDATE OR DELETE ON round_score
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A rating 考核等次 that a person set in place of the scheme's; the later one holds, and the scheme's stays beside it.
CREATE TABLE round_rating (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id integer NOT NULL,
    uscc     text NOT NULL,
    rating   text NOT NULL CHECK (rating IN ('excellent', 'good', 'qualified', 'poor')),
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL,
    FOREIGN KEY (round_id, uscc) REFERENCES round_score
);
CREATE INDEX round_rating_newest ON round_rating (round_id, uscc, seq DESC);
CREATE TRIGGER round_rating_is_a_fact BEFORE UPDATE OR DELETE ON round_rating
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
