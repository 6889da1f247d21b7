-- What becomes of a doubt about a log: the question that is open, the proof where there is one, the branch that lost.

-- The newest doubt of each journal: the tree that was signed and does not fit (size, root, its note), the batch that
-- brought it (empty: a hello did), and how far asking has come. tops: the hashes of level 8 that lead to that root, NULL until they are here;
-- tile: the first of them that differs, whose leaves are asked for next. rounds: questions since window_at, which bounds
-- them. It is settled when outcome is not NULL; batch is emptied then.
CREATE TABLE adjudication (
    journal_id integer PRIMARY KEY REFERENCES journal,
    size       bigint NOT NULL CHECK (size >= 0),
    root       bytea NOT NULL CHECK (length(root) = 32),
    note       bytea NOT NULL,
    batch      bytea NOT NULL CHECK (length(batch) <= 1048576),
    tops       bytea CHECK (length(tops) % 32 = 0),
    tile       bigint,
    rounds     integer NOT NULL,
    window_at  timestamptz NOT NULL,
    asked_at   timestamptz NOT NULL,
    outcome    text CHECK (outcome IN ('ok', 'gap', 'suspect', 'fork')),
    settled_at timestamptz,
    CHECK ((outcome IS NULL) = (settled_at IS NULL))
) WITH (fillfactor = 50);
ALTER TABLE adjudication ALTER COLUMN tops SET STORAGE EXTERNAL;

-- Two statements by a log's own key that exclude each other, as the file jishi-fork/v1 (protocol/fork_proof.py).
-- entry_index: an index at which both histories differ, where the proof shows one.
CREATE TABLE fork_proof (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_id  integer NOT NULL REFERENCES journal,
    entry_index bigint CHECK (entry_index >= 0),
    proof       bytea NOT NULL,
    made_at     timestamptz NOT NULL
);
CREATE INDEX fork_proof_of_journal ON fork_proof (journal_id, seq);
CREATE TRIGGER fork_proof_is_a_fact BEFORE UPDATE OR DELETE ON fork_proof
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Batches of the branch that came later, exactly as they came, for as many as fit 4 MiB a journal.
CREATE TABLE lost_batch (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_id  integer NOT NULL REFERENCES journal,
    first       bigint NOT NULL CHECK (first >= 0),
    size        bigint NOT NULL CHECK (size > first),
    note        bytea NOT NULL,
    batch       bytea NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX lost_batch_of_journal ON lost_batch (journal_id, seq);
CREATE TRIGGER lost_batch_is_evidence BEFORE UPDATE OR DELETE ON lost_batch
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The time that readings of a lost branch cover: those that are shown to be of the tree that its key signed. They count
-- nowhere; where no other journal observed that time, it is grade X. start_at and end_at as in `reading`.
CREATE TABLE lost_reading (
    journal_id  integer NOT NULL REFERENCES journal,
    lost_batch  bigint NOT NULL REFERENCES lost_batch,
    entry_index bigint NOT NULL,
    watcher     text NOT NULL,
    channel     text NOT NULL,
    start_at    timestamptz NOT NULL,
    end_at      timestamptz NOT NULL,
    PRIMARY KEY (lost_batch, entry_index)
);
CREATE INDEX lost_reading_by_channel ON lost_reading (watcher, channel, start_at);
CREATE TRIGGER lost_reading_is_evidence BEFORE UPDATE OR DELETE ON lost_reading
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Forks that a person ought to look at: those proved after somebody last reviewed an epoch of that agent.
CREATE VIEW unreviewed_fork AS
SELECT p.journal_id, j.agent_id, p.made_at
FROM fork_proof p JOIN journal j USING (journal_id)
WHERE NOT EXISTS (
    SELECT FROM epoch_review r JOIN journal reviewed ON reviewed.journal_id = r.journal_id
    WHERE reviewed.agent_id = j.agent_id AND r.reviewed_at >= p.made_at
);
