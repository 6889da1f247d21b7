-- What was issued to agents. A certificate is out of force when the agent has asked for one of another key since, or
-- when the journal whose key signed the request is revoked; nothing here is ever changed for that.

-- seq: the order of issue. serial: the certificate's serial number in hex. authority: the generation that signed it.
CREATE TABLE certificate (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial     text NOT NULL UNIQUE CHECK (serial ~ '^[0-9a-f]{1,40}$'),
    agent_id   text NOT NULL REFERENCES agent,
    origin     text NOT NULL REFERENCES journal (origin),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    authority  integer NOT NULL CHECK (authority > 0),
    issued_at  timestamptz NOT NULL,
    not_after  timestamptz NOT NULL,
    pem        text NOT NULL
);
CREATE INDEX certificate_newest ON certificate (agent_id, seq DESC);
CREATE INDEX certificate_in_force ON certificate (not_after);
CREATE TRIGGER certificate_is_a_fact BEFORE UPDATE OR DELETE ON certificate
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
