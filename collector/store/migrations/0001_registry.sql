-- Who owns, measures and may ask what. Facts hold "from a day": they are inserted, never changed; of the
-- facts up to a day the newest from_day holds, and of two for the same day the later recorded (highest seq).

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'facts in % are inserted, never updated or deleted', TG_TABLE_NAME
        USING HINT = 'Insert a new fact that holds from a day.', ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE unit (
    uscc    text PRIMARY KEY CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'),
    name_zh text NOT NULL CHECK (name_zh <> ''),
    name_en text NOT NULL DEFAULT ''
);

CREATE TABLE instrument (
    asset_no      text PRIMARY KEY CHECK (length(asset_no) BETWEEN 1 AND 64),
    name_zh       text NOT NULL CHECK (name_zh <> ''),
    name_en       text NOT NULL DEFAULT '',
    model         text NOT NULL DEFAULT '',
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- uscc NULL: from that day nobody owns it (retired, left the network).
CREATE TABLE ownership (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no    text NOT NULL REFERENCES instrument,
    uscc        text REFERENCES unit,
    from_day    date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ownership_newest ON ownership (asset_no, from_day DESC, seq DESC);
CREATE TRIGGER ownership_is_a_fact BEFORE UPDATE OR DELETE ON ownership
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE person (
    person_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (name <> ''),
    password_hash text,
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- key_hash: SHA-256 of the key as it is sent; the key itself has 256 random bits, so no salt is needed.
CREATE TABLE api_key (
    key_hash   bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    person_id  integer NOT NULL REFERENCES person,
    label      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE web_session (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    person_id  integer NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

-- last_epoch: the highest number of an enrolment ever promised to this agent; never reused.
CREATE TABLE agent (
    agent_id      text PRIMARY KEY CHECK (agent_id ~ '^[a-z0-9-]{4,40}$'),
    registered_at timestamptz NOT NULL DEFAULT now(),
    last_epoch    integer NOT NULL DEFAULT 0,
    last_seen_at  timestamptz,
    reported_size bigint
) WITH (fillfactor = 70);

-- One line per enrolment of an agent. size, frontier and receipt are what the collector holds of that log;
-- they move only by compare-and-swap on size.
CREATE TABLE journal (
    journal_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    origin        text NOT NULL UNIQUE,
    agent_id      text NOT NULL REFERENCES agent,
    epoch         integer NOT NULL CHECK (epoch > 0),
    vkey          text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now(),
    revoked_at    timestamptz,
    standing      text NOT NULL DEFAULT 'ok' CHECK (standing IN ('ok', 'gap', 'suspect', 'fork')),
    size          bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    frontier      bytea NOT NULL DEFAULT '',
    receipt       bytea,
    receipted_at  timestamptz,
    UNIQUE (agent_id, epoch),
    CHECK ((size = 0) = (receipt IS NULL)),
    CHECK ((receipt IS NULL) = (receipted_at IS NULL))
) WITH (fillfactor = 50);

CREATE FUNCTION refuse_shrinking_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'journal % holds % entries and cannot go back to %', OLD.origin, OLD.size, NEW.size
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER journal_never_shrinks BEFORE UPDATE ON journal
    FOR EACH ROW WHEN (NEW.size < OLD.size) EXECUTE FUNCTION refuse_shrinking_journal();
CREATE TRIGGER journal_keeps_its_key BEFORE UPDATE ON journal
    FOR EACH ROW WHEN (NEW.origin <> OLD.origin OR NEW.vkey <> OLD.vkey) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_is_kept BEFORE DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Which watcher of which agent measures which instrument; asset_no NULL: from that day none.
CREATE TABLE measurement (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id    text NOT NULL REFERENCES agent,
    watcher     text NOT NULL CHECK (watcher <> ''),
    channel     text NOT NULL CHECK (channel <> ''),
    asset_no    text REFERENCES instrument,
    from_day    date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX measurement_newest ON measurement (agent_id, watcher, channel, from_day DESC, seq DESC);
CREATE INDEX measurement_of_asset ON measurement (asset_no);
CREATE TRIGGER measurement_is_a_fact BEFORE UPDATE OR DELETE ON measurement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One-time enrolment tokens: SHA-256 of the token; watch = [{"watcher","channel","asset"}].
-- epoch and nonce are given by the challenge, vkey and used_at by the redemption.
CREATE TABLE token (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    agent_id   text NOT NULL REFERENCES agent,
    watch      jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    epoch      integer,
    nonce      text,
    used_at    timestamptz,
    vkey       text,
    CHECK ((used_at IS NULL) = (vkey IS NULL)),
    CHECK (used_at IS NULL OR (epoch IS NOT NULL AND nonce IS NOT NULL))
);

-- body: the exact bytes of the policy's file; sha256 is its identity.
CREATE TABLE policy (
    sha256      text PRIMARY KEY CHECK (sha256 = encode(sha256(body), 'hex')),
    body        bytea NOT NULL,
    name        text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER policy_is_a_fact BEFORE UPDATE OR DELETE ON policy
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- asset_no NULL: the default for every instrument that has no policy of its own.
CREATE TABLE policy_in_force (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no    text REFERENCES instrument,
    from_day    date NOT NULL,
    sha256      text NOT NULL REFERENCES policy,
    approved_by integer NOT NULL REFERENCES person,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX policy_in_force_newest ON policy_in_force (asset_no, from_day DESC, seq DESC);
CREATE TRIGGER policy_in_force_is_a_fact BEFORE UPDATE OR DELETE ON policy_in_force
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
