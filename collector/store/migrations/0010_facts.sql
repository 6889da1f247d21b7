-- What people and other systems said that changes an hour, and who agreed to it.

-- One line per fact, never changed. body: the canonical bytes of protocol/facts.py, sha256 their identity; the other
-- columns repeat its members. asset_no, first_day, last_day: which days of which instrument it can touch; NULL where
-- that is told by what names it (an order) or what it names (a document).
CREATE TABLE fact (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256      text NOT NULL UNIQUE CHECK (sha256 = encode(sha256(body), 'hex')),
    body        bytea NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('order', 'document', 'use', 'correction', 'hand', 'reported')),
    asset_no    text REFERENCES instrument,
    first_day   date,
    last_day    date CHECK (last_day >= first_day),
    unit        text REFERENCES unit,
    order_no    text,
    target      text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((first_day IS NULL) = (last_day IS NULL)),
    CHECK ((kind IN ('order', 'document', 'reported')) <= (unit IS NOT NULL)),
    CHECK ((kind IN ('order', 'document')) <= (order_no IS NOT NULL)),
    CHECK ((kind IN ('use', 'hand', 'reported')) <= (asset_no IS NOT NULL AND first_day IS NOT NULL)),
    CHECK (target IS NULL OR kind = 'correction')
);
CREATE INDEX fact_of_asset ON fact (asset_no, first_day, last_day);
CREATE INDEX fact_of_order ON fact (unit, order_no);
CREATE INDEX fact_naming_order ON fact (order_no) WHERE kind = 'use';
CREATE INDEX fact_of_target ON fact (target) WHERE target IS NOT NULL;
CREATE TRIGGER fact_is_a_fact BEFORE UPDATE OR DELETE ON fact FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fact_is_kept BEFORE TRUNCATE ON fact FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An order's number is taken once in a unit; what changes of it is a correction.
CREATE UNIQUE INDEX fact_order_once ON fact (unit, order_no) WHERE kind = 'order';

-- Under which key a source sent a fact: sent again with the same content it is the same fact, with another it is
-- refused. content: SHA-256 of what was sent.
CREATE TABLE fact_source (
    source  text NOT NULL CHECK (source <> ''),
    key     text NOT NULL CHECK (key <> ''),
    sha256  text NOT NULL REFERENCES fact (sha256),
    content bytea NOT NULL CHECK (length(content) = 32),
    PRIMARY KEY (source, key)
);
CREATE TRIGGER fact_source_is_a_fact BEFORE UPDATE OR DELETE ON fact_source
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Files that facts name; the bytes lie in the document store, under their SHA-256.
CREATE TABLE document (
    sha256     text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes      bigint NOT NULL CHECK (bytes > 0),
    media_type text NOT NULL,
    name       text NOT NULL DEFAULT '',
    stored_by  text NOT NULL CHECK (stored_by <> ''),
    stored_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER document_is_a_fact BEFORE UPDATE OR DELETE ON document FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What was said at the instruments themselves, out of the agents' entries in the transaction that stores them; made
-- again from batch.entries whenever needed. The members are those of entry.Declaration.
CREATE TABLE declaration (
    journal_id  integer NOT NULL,
    entry_index bigint NOT NULL,
    asset_no    text NOT NULL,
    operator    text NOT NULL,
    action      text NOT NULL CHECK (action IN ('in', 'out')),
    how         text NOT NULL,
    purpose     text,
    order_no    text,
    wall_ms     bigint NOT NULL,
    until_ms    bigint,
    PRIMARY KEY (journal_id, entry_index)
);
CREATE INDEX declaration_of_asset ON declaration (asset_no, wall_ms);

-- What one person proposes and another has to agree to: a correction, hours by hand, a policy. body is what is
-- proposed, in the form that its kind has; subject says whom it concerns:
-- instrument:A001, unit:USCC, model:NAME or everything.
CREATE TABLE proposal (
    proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('correction', 'hand', 'policy')),
    subject     text NOT NULL,
    body        bytea NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    proposed_by integer NOT NULL REFERENCES person,
    proposed_at timestamptz NOT NULL,
    due_on      date
);
CREATE INDEX proposal_of_subject ON proposal (subject, proposal_id);
CREATE TRIGGER proposal_is_a_fact BEFORE UPDATE OR DELETE ON proposal FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What became of it, once: refusals are kept too. fact: what an approval made of it, where that is a fact.
CREATE TABLE ruling (
    proposal_id bigint PRIMARY KEY REFERENCES proposal,
    verdict     text NOT NULL CHECK (verdict IN ('approved', 'refused')),
    why         text NOT NULL DEFAULT '' CHECK (verdict = 'approved' OR why <> ''),
    ruled_by    integer NOT NULL REFERENCES person,
    ruled_at    timestamptz NOT NULL,
    fact        text REFERENCES fact (sha256),
    CHECK (fact IS NULL OR verdict = 'approved')
);
CREATE TRIGGER ruling_is_a_fact BEFORE UPDATE OR DELETE ON ruling FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_own_ruling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ruled_by = (SELECT proposed_by FROM proposal WHERE proposal_id = NEW.proposal_id) THEN
        RAISE EXCEPTION 'proposal % cannot be ruled on by the person who made it', NEW.proposal_id
            USING HINT = 'A second person rules on it.', ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ruling_by_a_second_person BEFORE INSERT ON ruling FOR EACH ROW EXECUTE FUNCTION refuse_own_ruling();
