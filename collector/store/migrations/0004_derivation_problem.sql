-- Why a dirty day could not be derived. The day stays dirty and is tried again at retry_at, so that one bad day
-- (no policy in force, say) never holds up the others. The line goes when the day is derived.
CREATE TABLE derivation_problem (
    asset_no text NOT NULL,
    day      date NOT NULL,
    problem  text NOT NULL,
    since    timestamptz NOT NULL,
    retry_at timestamptz NOT NULL,
    PRIMARY KEY (asset_no, day)
);

-- Days that ended while their record was still open; asked for at each local midnight.
CREATE INDEX hour_record_open ON hour_record (day, asset_no) WHERE until_s < 86400;
