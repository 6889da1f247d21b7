-- Epochs that agents begin by themselves, what people say to them, revocations, and hints.

-- journal_id began because predecessor_id ended. had: entries that the agent says it has of the log that ended; held:
-- entries that were held of it here then. fits: whether what it has is the beginning of what is held; NULL where it has
-- more than that. request: the note that both keys signed. Until somebody has reviewed it, the epoch is flagged.
CREATE TABLE epoch_begun (
    journal_id     integer PRIMARY KEY REFERENCES journal,
    predecessor_id integer NOT NULL REFERENCES journal CHECK (predecessor_id <> journal_id),
    reason         text NOT NULL CHECK (reason IN ('behind', 'fork', 'damaged')),
    had            bigint NOT NULL CHECK (had >= 0),
    held           bigint NOT NULL CHECK (held >= 0),
    fits           boolean CHECK ((fits IS NULL) = (had > held)),
    request        bytea NOT NULL,
    begun_at       timestamptz NOT NULL
);
CREATE TRIGGER epoch_begun_is_a_fact BEFORE UPDATE OR DELETE ON epoch_begun
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A person has looked at an epoch, and what he found.
CREATE TABLE epoch_review (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_id  integer NOT NULL REFERENCES journal,
    reviewed_by integer NOT NULL REFERENCES person,
    why         text NOT NULL CHECK (why <> ''),
    reviewed_at timestamptz NOT NULL
);
CREATE INDEX epoch_review_of_journal ON epoch_review (journal_id, seq);
CREATE TRIGGER epoch_review_is_a_fact BEFORE UPDATE OR DELETE ON epoch_review
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Who revoked a journal's key, and why; the same transaction sets journal.revoked_at to the same instant.
CREATE TABLE revocation (
    journal_id integer PRIMARY KEY REFERENCES journal,
    revoked_by integer NOT NULL REFERENCES person,
    why        text NOT NULL CHECK (why <> ''),
    revoked_at timestamptz NOT NULL
);
CREATE TRIGGER revocation_is_a_fact BEFORE UPDATE OR DELETE ON revocation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- This journal's first entry is not a genesis that names the enrolled key. It earns nothing either way.
CREATE TABLE genesis_misfit (
    journal_id integer PRIMARY KEY REFERENCES journal,
    noted_at   timestamptz NOT NULL
);
CREATE TRIGGER genesis_misfit_is_a_fact BEFORE UPDATE OR DELETE ON genesis_misfit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What an agent said it shows while its backlog is on the way: its newest word, for people, no evidence of anything.
CREATE TABLE hint (
    agent_id    text PRIMARY KEY REFERENCES agent,
    origin      text NOT NULL,
    at_ms       bigint NOT NULL,
    waiting     bigint NOT NULL,
    showing     jsonb NOT NULL,
    received_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What a person ought to look at: epochs that began by themselves or with another key than the enrolled one.
CREATE VIEW unreviewed_epoch AS
SELECT journal_id, agent_id
FROM (SELECT journal_id FROM epoch_begun UNION SELECT journal_id FROM genesis_misfit) noted JOIN journal USING (journal_id)
WHERE journal_id NOT IN (SELECT journal_id FROM epoch_review);
