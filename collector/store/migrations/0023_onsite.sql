-- On-site checks: the keys of people who sign, and what they found.

-- What somebody was asked to sign, to prove that he has the key that is to be his: nonce made for this request alone.
CREATE TABLE person_key_request (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  integer NOT NULL REFERENCES person,
    vkey       text NOT NULL UNIQUE,
    nonce      text NOT NULL CHECK (nonce ~ '^[0-9a-f]{32}$'),
    asked_by   integer NOT NULL REFERENCES person,
    asked_at   timestamptz NOT NULL,
    UNIQUE (request_id, person_id, vkey, asked_by)
);
CREATE TRIGGER person_key_request_is_a_fact BEFORE UPDATE OR DELETE ON person_key_request
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A key that counts as a person's: asked for by one, approved by another, and neither of them need be its owner.
CREATE TABLE person_key (
    key_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  bigint NOT NULL UNIQUE,
    person_id   integer NOT NULL,
    name        text NOT NULL UNIQUE,
    vkey        text NOT NULL UNIQUE,
    proof       bytea NOT NULL,
    asked_by    integer NOT NULL,
    approved_by integer NOT NULL REFERENCES person CHECK (approved_by <> asked_by),
    recorded_at timestamptz NOT NULL,
    FOREIGN KEY (request_id, person_id, vkey, asked_by)
        REFERENCES person_key_request (request_id, person_id, vkey, asked_by)
);
CREATE TRIGGER person_key_is_a_fact BEFORE UPDATE OR DELETE ON person_key
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE person_key_revocation (
    key_id     bigint PRIMARY KEY REFERENCES person_key,
    revoked_by integer NOT NULL REFERENCES person,
    why        text NOT NULL CHECK (why <> ''),
    revoked_at timestamptz NOT NULL
);
CREATE TRIGGER person_key_revocation_is_a_fact BEFORE UPDATE OR DELETE ON person_key_revocation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- body: the exact bytes of the signed note (protocol/findings.py); the rest is taken out of it, for looking up.
CREATE TABLE finding (
    seq         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    sha256      text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    body        bytea NOT NULL,
    asset_no    text NOT NULL REFERENCES instrument,
    day         date NOT NULL,
    key_id      bigint NOT NULL REFERENCES person_key,
    imported_by text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX finding_of_instrument ON finding (asset_no, seq DESC);
CREATE TRIGGER finding_is_a_fact BEFORE UPDATE OR DELETE ON finding
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- rotated: nothing is wrong with the log that ended; the agent's key was replaced by a new one.
ALTER TABLE epoch_begun DROP CONSTRAINT epoch_begun_reason_check;
ALTER TABLE epoch_begun ADD CONSTRAINT epoch_begun_reason_check
    CHECK (reason IN ('behind', 'fork', 'damaged', 'rotated'));
