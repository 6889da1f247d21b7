-- A way in for a browser without a password: a link that `jishi-collector entry-link` prints, good once and for
-- minutes. token_hash: SHA-256 of 256 random bits.
CREATE TABLE entry_token (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    person_id  integer NOT NULL REFERENCES person,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
