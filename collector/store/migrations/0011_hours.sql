-- Hour records of version 2: operating states, phases, whom the time served. Records are derived: all days are derived
-- again. Until then there is no figure rather than an old one.
INSERT INTO dirty_day (asset_no, day, touched_at)
SELECT asset_no, day, clock_timestamp() FROM hour_record ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO NOTHING;
DROP TABLE hour_record;

-- body: the record's canonical bytes; the other columns repeat its members, except head, which is what the day before
-- has to know of this one (protocol/phases.py), and looks_ahead, which says whether this one depends on the head of the
-- day after. By lead_in, lead_out, phase_in, phase_out and follow days chain.
CREATE TABLE hour_record (
    asset_no        text NOT NULL REFERENCES instrument,
    day             date NOT NULL,
    body            bytea NOT NULL,
    policy          text NOT NULL REFERENCES policy,
    owner           text NOT NULL,
    lead_in         text NOT NULL CHECK (lead_in ~ '^(off|standby|run|unobserved)'),
    lead_out        text NOT NULL CHECK (lead_out ~ '^(off|standby|run|unobserved)'),
    phase_in        text NOT NULL CHECK (phase_in ~ '^(new|ran)'),
    phase_out       text NOT NULL CHECK (phase_out ~ '^(new|ran)'),
    follow          text NOT NULL CHECK (follow ~ '^(|off|run(:[0-9]+)?)$'),
    head            text NOT NULL CHECK (head ~ '^(|off|run(:[0-9]+)?)$'),
    looks_ahead     boolean NOT NULL,
    until_s         integer NOT NULL CHECK (until_s BETWEEN 0 AND 86400),
    off_s           integer NOT NULL CHECK (off_s >= 0),
    standby_s       integer NOT NULL CHECK (standby_s >= 0),
    prepare_s       integer NOT NULL CHECK (prepare_s >= 0),
    run_s           integer NOT NULL CHECK (run_s >= 0),
    post_s          integer NOT NULL CHECK (post_s >= 0),
    calibrate_s     integer NOT NULL CHECK (calibrate_s >= 0),
    maintain_s      integer NOT NULL CHECK (maintain_s >= 0),
    fault_s         integer NOT NULL CHECK (fault_s >= 0),
    unobserved_s    integer NOT NULL CHECK (unobserved_s >= 0),
    energised_s     integer NOT NULL CHECK (energised_s >= 0),
    inferred_s      integer NOT NULL CHECK (inferred_s >= 0),
    bridged_s       integer NOT NULL CHECK (bridged_s >= 0),
    no_run_s        integer NOT NULL CHECK (no_run_s BETWEEN 0 AND unobserved_s),
    effective_s     integer NOT NULL CHECK (effective_s >= 0),
    internal_s      integer NOT NULL CHECK (internal_s >= 0),
    claimed_s       integer NOT NULL CHECK (claimed_s >= 0),
    verified_s      integer NOT NULL CHECK (verified_s >= 0),
    unresolved_s    integer NOT NULL CHECK (unresolved_s >= 0),
    hand_s          integer NOT NULL CHECK (hand_s BETWEEN 0 AND 86400),
    hand_external_s integer NOT NULL CHECK (hand_external_s BETWEEN 0 AND hand_s),
    derived_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset_no, day),
    CHECK (off_s + standby_s + prepare_s + run_s + post_s + calibrate_s + maintain_s + fault_s + unobserved_s = until_s),
    CHECK (internal_s + claimed_s + verified_s + unresolved_s = effective_s),
    CHECK (effective_s <= energised_s + inferred_s + bridged_s),
    CHECK (energised_s + inferred_s + bridged_s <= until_s)
);
CREATE INDEX hour_record_by_day ON hour_record (day, asset_no);
-- Days that ended while their record was still open; asked for at each local midnight.
CREATE INDEX hour_record_open ON hour_record (day, asset_no) WHERE until_s < 86400;
