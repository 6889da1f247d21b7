-- What follows from the evidence: derived, replaceable until the day closes.

-- A line says that a day has to be derived again. Whoever derived it deletes the line only if touched_at is
-- still the one that he read before.
CREATE TABLE dirty_day (
    asset_no   text NOT NULL,
    day        date NOT NULL,
    touched_at timestamptz NOT NULL,
    PRIMARY KEY (asset_no, day)
) WITH (fillfactor = 50);
CREATE INDEX dirty_day_oldest ON dirty_day (touched_at);

-- body: the record's canonical bytes; the other columns repeat its members. lead_in and lead_out are the texts of
-- protocol.lead, by which days chain.
CREATE TABLE hour_record (
    asset_no     text NOT NULL REFERENCES instrument,
    day          date NOT NULL,
    body         bytea NOT NULL,
    policy       text NOT NULL REFERENCES policy,
    lead_in      text NOT NULL CHECK (lead_in ~ '^(off|standby|run|unobserved)'),
    lead_out     text NOT NULL CHECK (lead_out ~ '^(off|standby|run|unobserved)'),
    until_s      integer NOT NULL CHECK (until_s BETWEEN 0 AND 86400),
    off_s        integer NOT NULL CHECK (off_s >= 0),
    standby_s    integer NOT NULL CHECK (standby_s >= 0),
    run_s        integer NOT NULL CHECK (run_s >= 0),
    unobserved_s integer NOT NULL CHECK (unobserved_s >= 0),
    effective_s  integer NOT NULL CHECK (effective_s >= 0),
    external_s   integer NOT NULL CHECK (external_s >= 0),
    unresolved_s integer NOT NULL CHECK (unresolved_s >= 0),
    derived_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset_no, day),
    CHECK (off_s + standby_s + run_s + unobserved_s = until_s),
    CHECK (external_s + unresolved_s <= effective_s),
    CHECK (effective_s <= until_s)
);
CREATE INDEX hour_record_by_day ON hour_record (day, asset_no);
