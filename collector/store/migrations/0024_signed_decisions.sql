-- A decision about time in doubt counts by the signature of whoever approved it, with a key of his own: note is the
-- exact bytes of the signed note (protocol/signed_decision.py), whose text holds the fact's.
CREATE TABLE signed_decision (
    fact   text PRIMARY KEY REFERENCES fact (sha256),
    note   bytea NOT NULL,
    key_id bigint NOT NULL REFERENCES person_key
);
CREATE TRIGGER signed_decision_is_a_fact BEFORE UPDATE OR DELETE ON signed_decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Whoever writes into the database beside the programs does not decide alone either.
CREATE FUNCTION refuse_unsigned_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM signed_decision WHERE fact = NEW.sha256) THEN
        RAISE EXCEPTION 'decision % is signed by nobody: it needs its approver''s note', NEW.sha256
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER decision_is_signed AFTER INSERT ON fact DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind = 'decision') EXECUTE FUNCTION refuse_unsigned_decision();
