-- What ought to be looked at on site, and what people decided of it. No hour changes by a flag.

-- A decision is a fact of two people about an instrument's time.
ALTER TABLE fact
    DROP CONSTRAINT fact_kind_check,
    ADD CONSTRAINT fact_kind_check
        CHECK (kind IN ('order', 'document', 'use', 'correction', 'hand', 'reported', 'decision')),
    ADD CHECK (kind <> 'decision' OR (asset_no IS NOT NULL AND first_day IS NOT NULL));
ALTER TABLE proposal
    DROP CONSTRAINT proposal_kind_check,
    ADD CONSTRAINT proposal_kind_check CHECK (kind IN ('correction', 'hand', 'policy', 'decision'));

-- What the rules of protocol/flags need of one instrument's day, so that weeks of history are read and not measured
-- again. Derived: made of the readings and of the record whose identity it names, and made again where that changed or
-- the form (version) did. body: protocol/flags/shape.py. nearest_ppb: how far its runs are from the nearest ones of the
-- weeks before (protocol/flags/replay.py), NULL where there is nothing to compare.
CREATE TABLE day_shape (
    asset_no    text NOT NULL REFERENCES instrument,
    day         date NOT NULL,
    version     integer NOT NULL,
    record      text NOT NULL,
    body        bytea NOT NULL,
    nearest_ppb bigint CHECK (nearest_ppb >= 0),
    PRIMARY KEY (asset_no, day)
);

-- One line per finding, kept as it was found. body: the canonical bytes of protocol/flags/flag.py, sha256 their
-- identity, so that a rule that finds the very same again adds nothing; the other columns repeat its members.
CREATE TABLE flag (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256    text NOT NULL UNIQUE CHECK (sha256 = encode(sha256(body), 'hex')),
    body      bytea NOT NULL,
    asset_no  text NOT NULL REFERENCES instrument,
    rule      text NOT NULL,
    version   integer NOT NULL CHECK (version > 0),
    first_day date NOT NULL,
    last_day  date NOT NULL CHECK (last_day >= first_day),
    weight    integer NOT NULL CHECK (weight BETWEEN 1 AND 100),
    found_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX flag_of_asset ON flag (asset_no, first_day, last_day);
CREATE INDEX flag_by_day ON flag (last_day, asset_no);
CREATE TRIGGER flag_is_a_fact BEFORE UPDATE OR DELETE ON flag FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Up to which day an instrument was looked at by the daily job; problem: why its last look failed, or ''.
CREATE TABLE flag_progress (
    asset_no  text PRIMARY KEY REFERENCES instrument,
    until_day date NOT NULL,
    problem   text NOT NULL DEFAULT '',
    looked_at timestamptz NOT NULL
);
