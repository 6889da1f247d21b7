-- What follows a ranking: evidence of the indicators that experts judge, the right of reply, publication, and the cases
-- of units that were rated poor 较差 or proved dishonest (指引六–十一). Facts, like all of a round.

-- Where a round stands, `announced` 公示 and `published` among it. One round of a year is published, and none while an
-- objection waits for its answer.
CREATE OR REPLACE FUNCTION check_round_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := (SELECT s.state FROM round_step s WHERE s.round_id = NEW.round_id ORDER BY s.seq DESC LIMIT 1);
BEGIN
    IF (coalesce(held, ''), NEW.state) NOT IN (
        ('', 'draft'), ('draft', 'population'), ('population', 'data'), ('data', 'experts'), ('experts', 'closed'),
        ('closed', 'announced'), ('announced', 'published')
    ) THEN
        RAISE EXCEPTION 'a round that is % cannot become %', coalesce(held, 'new'), NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'published' AND EXISTS (SELECT FROM open_objection o WHERE o.round_id = NEW.round_id) THEN
        RAISE EXCEPTION 'a round with open objections cannot become published' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'published' AND EXISTS (
        SELECT FROM round_publication p JOIN round r USING (round_id)
        WHERE r.round_id <> NEW.round_id AND r.year = (SELECT year FROM round n WHERE n.round_id = NEW.round_id)
    ) THEN
        RAISE EXCEPTION 'another round of the year was published' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Such a line belongs to the states of the round that the trigger names.
CREATE FUNCTION check_round_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := (SELECT s.state FROM round_step s WHERE s.round_id = NEW.round_id ORDER BY s.seq DESC LIMIT 1);
BEGIN
    IF held IS NULL OR NOT held = ANY (TG_ARGV) THEN
        RAISE EXCEPTION 'a round that is % takes no line of %', coalesce(held, 'new'), TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- What a unit shows of an indicator that experts judge. number: how many, or of a user's rating 用户评价 its 1 to 5.
CREATE TABLE round_evidence (
    item_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id   integer NOT NULL REFERENCES round,
    uscc       text NOT NULL REFERENCES unit,
    indicator  integer NOT NULL CHECK (indicator IN (1, 3, 4, 6, 8)),
    kind       text NOT NULL CHECK (kind <> ''),
    title      text NOT NULL CHECK (title <> ''),
    note       text NOT NULL,
    amount_fen bigint CHECK (amount_fen >= 0),
    number     bigint CHECK (number >= 0),
    document   text REFERENCES document,
    made_by    text NOT NULL CHECK (made_by <> ''),
    made_at    timestamptz NOT NULL,
    UNIQUE (item_id, round_id),
    CHECK (kind <> 'user-rating' OR (indicator = 8 AND number IS NOT NULL AND number BETWEEN 1 AND 5))
);
CREATE INDEX round_evidence_of_round ON round_evidence (round_id, item_id);
CREATE TRIGGER round_evidence_is_a_fact BEFORE UPDATE OR DELETE ON round_evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_evidence_is_in_time BEFORE INSERT ON round_evidence
    FOR EACH ROW EXECUTE FUNCTION check_round_state('draft', 'population', 'data', 'experts');

CREATE TABLE round_evidence_withdrawal (
    item_id  integer PRIMARY KEY,
    round_id integer NOT NULL,
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL,
    FOREIGN KEY (item_id, round_id) REFERENCES round_evidence (item_id, round_id)
);
CREATE TRIGGER round_evidence_withdrawal_is_a_fact BEFORE UPDATE OR DELETE ON round_evidence_withdrawal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_evidence_withdrawal_is_in_time BEFORE INSERT ON round_evidence_withdrawal
    FOR EACH ROW EXECUTE FUNCTION check_round_state('draft', 'population', 'data', 'experts');

-- Until the end of which local day evidence is taken; the later line holds.
CREATE TABLE round_evidence_term (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id integer NOT NULL REFERENCES round,
    last_day date NOT NULL,
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL
);
CREATE TRIGGER round_evidence_term_is_a_fact BEFORE UPDATE OR DELETE ON round_evidence_term
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_evidence_term_is_in_time BEFORE INSERT ON round_evidence_term
    FOR EACH ROW EXECUTE FUNCTION check_round_state('draft', 'population', 'data', 'experts');

-- Units to be visited (指引七(四)): first those whose flags weigh most, as far as flag number flag_seq, then those drawn from
-- all by a seed that is there for everybody to draw again.
CREATE TABLE round_draw (
    draw_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id integer NOT NULL REFERENCES round,
    seed     text NOT NULL CHECK (seed <> ''),
    by_flags integer NOT NULL CHECK (by_flags >= 0),
    by_seed  integer NOT NULL CHECK (by_seed >= 0),
    flag_seq bigint NOT NULL,
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL,
    CHECK (by_flags + by_seed > 0)
);
CREATE TRIGGER round_draw_is_a_fact BEFORE UPDATE OR DELETE ON round_draw
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_draw_is_in_time BEFORE INSERT ON round_draw
    FOR EACH ROW EXECUTE FUNCTION check_round_state('data', 'experts', 'closed');
CREATE TABLE round_visit (
    draw_id integer NOT NULL REFERENCES round_draw,
    place   integer NOT NULL CHECK (place > 0),
    uscc    text NOT NULL REFERENCES unit,
    reason  text NOT NULL CHECK (reason IN ('flags', 'seed', 'both')),
    weight  bigint NOT NULL CHECK (weight >= 0),
    rules   text[] NOT NULL,
    PRIMARY KEY (draw_id, place),
    UNIQUE (draw_id, uscc)
);
CREATE TRIGGER round_visit_is_a_fact BEFORE UPDATE OR DELETE ON round_visit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What each rule's flags of an instrument weigh together: the rule by its weight, and one more for each further finding,
-- up to nine. upto: the last flag that is known.
CREATE FUNCTION weigh_flags(from_day date, until_day date, upto bigint, scope_kind text, scope_name text)
RETURNS TABLE (asset_no text, rule text, weighed bigint, findings bigint, last_day date)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT f.asset_no, f.rule, max(f.weight) + least(count(*) - 1, 9), count(*), max(f.last_day)
    FROM flag f
    WHERE f.last_day >= from_day AND f.first_day <= until_day AND f.seq <= upto
        AND in_scope(f.asset_no, scope_kind, scope_name, f.first_day, f.last_day)
    GROUP BY f.asset_no, f.rule
$$;

-- The preliminary result is shown, and units may object until the end of a local day.
CREATE TABLE round_announcement (
    round_id integer PRIMARY KEY REFERENCES round,
    last_day date NOT NULL
);
CREATE TRIGGER round_announcement_is_a_fact BEFORE UPDATE OR DELETE ON round_announcement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A unit objects to an indicator's figure or points, or (indicator NULL) to its rating.
CREATE TABLE round_objection (
    objection_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id     integer NOT NULL,
    uscc         text NOT NULL,
    indicator    integer CHECK (indicator BETWEEN 1 AND 8),
    why          text NOT NULL CHECK (why <> ''),
    made_by      text NOT NULL CHECK (made_by <> ''),
    made_at      timestamptz NOT NULL,
    UNIQUE (objection_id, round_id),
    FOREIGN KEY (round_id, uscc) REFERENCES round_score
);
CREATE INDEX round_objection_of_round ON round_objection (round_id, objection_id);
CREATE TRIGGER round_objection_is_a_fact BEFORE UPDATE OR DELETE ON round_objection
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_objection_is_in_time BEFORE INSERT ON round_objection
    FOR EACH ROW EXECUTE FUNCTION check_round_state('announced');
CREATE TABLE round_objection_document (
    objection_id integer NOT NULL REFERENCES round_objection,
    document     text NOT NULL REFERENCES document,
    PRIMARY KEY (objection_id, document)
);
CREATE TRIGGER round_objection_document_is_a_fact BEFORE UPDATE OR DELETE ON round_objection_document
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE round_answer (
    objection_id integer PRIMARY KEY,
    round_id     integer NOT NULL,
    verdict      text NOT NULL CHECK (verdict IN ('upheld', 'refused')),
    why          text NOT NULL CHECK (why <> ''),
    made_by      text NOT NULL CHECK (made_by <> ''),
    made_at      timestamptz NOT NULL,
    FOREIGN KEY (objection_id, round_id) REFERENCES round_objection (objection_id, round_id)
);
CREATE TRIGGER round_answer_is_a_fact BEFORE UPDATE OR DELETE ON round_answer
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER round_answer_is_in_time BEFORE INSERT ON round_answer
    FOR EACH ROW EXECUTE FUNCTION check_round_state('announced');
CREATE FUNCTION check_round_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM round_objection o WHERE o.objection_id = NEW.objection_id AND o.made_by = NEW.made_by) THEN
        RAISE EXCEPTION 'whoever objects does not answer it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER round_answer_is_another_ones BEFORE INSERT ON round_answer
    FOR EACH ROW EXECUTE FUNCTION check_round_answer();
CREATE VIEW open_objection AS
SELECT o.* FROM round_objection o
WHERE NOT EXISTS (SELECT FROM round_answer a WHERE a.objection_id = o.objection_id);

-- What an upheld objection changed of one unit's points from one source: of a measure the quotient that takes the place
-- of the computed one, of experts the hundredths of a point. was, became: exact hundredths, as "85/3".
CREATE TABLE round_amendment (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    objection_id integer NOT NULL UNIQUE REFERENCES round_answer,
    round_id     integer NOT NULL,
    uscc         text NOT NULL,
    indicator    integer NOT NULL,
    source       text NOT NULL,
    numerator    bigint CHECK (numerator >= 0),
    denominator  bigint CHECK (denominator > 0),
    hundredths   integer CHECK (hundredths >= 0),
    was          text NOT NULL,
    became       text NOT NULL,
    FOREIGN KEY (round_id, uscc) REFERENCES round_score,
    CHECK ((numerator IS NULL) = (denominator IS NULL)),
    CHECK ((hundredths IS NULL) = (numerator IS NOT NULL)),
    CHECK ((source = 'experts') = (hundredths IS NOT NULL))
);
CREATE TRIGGER round_amendment_is_a_fact BEFORE UPDATE OR DELETE ON round_amendment
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The whole ranking after an amendment; the one before stays.
CREATE TABLE round_rescore (
    amendment bigint NOT NULL REFERENCES round_amendment,
    round_id  integer NOT NULL,
    uscc      text NOT NULL,
    body      bytea NOT NULL,
    PRIMARY KEY (round_id, uscc, amendment),
    FOREIGN KEY (round_id, uscc) REFERENCES round_score
);
CREATE TRIGGER round_rescore_is_a_fact BEFORE UPDATE OR DELETE ON round_rescore
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The published result: the canonical bytes of collector/evaluation/published.py. published_on: the local day of notice.
CREATE TABLE round_publication (
    round_id     integer PRIMARY KEY REFERENCES round,
    sha256       text NOT NULL CHECK (sha256 = encode(sha256(body), 'hex')),
    body         bytea NOT NULL,
    published_on date NOT NULL
);
CREATE TRIGGER round_publication_is_a_fact BEFORE UPDATE OR DELETE ON round_publication
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- 较差: a year from the notice to rectify (指引十); of 29 February the year ends on the 28th.
CREATE TABLE poor_case (
    case_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id  integer NOT NULL,
    uscc      text NOT NULL,
    notice_on date NOT NULL,
    due_on    date NOT NULL CHECK (due_on = (notice_on + interval '1 year')::date),
    opened_by text NOT NULL CHECK (opened_by <> ''),
    opened_at timestamptz NOT NULL,
    UNIQUE (round_id, uscc),
    FOREIGN KEY (round_id, uscc) REFERENCES round_score
);
CREATE TRIGGER poor_case_is_a_fact BEFORE UPDATE OR DELETE ON poor_case
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TABLE case_entry (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id  integer NOT NULL REFERENCES poor_case,
    kind     text NOT NULL CHECK (kind IN ('remedy', 'evidence')),
    told     text NOT NULL CHECK (told <> ''),
    document text REFERENCES document CHECK (kind <> 'evidence' OR document IS NOT NULL),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL
);
CREATE INDEX case_entry_of_case ON case_entry (case_id, seq);
CREATE TRIGGER case_entry_is_a_fact BEFORE UPDATE OR DELETE ON case_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TABLE case_ruling (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id integer NOT NULL REFERENCES poor_case,
    verdict text NOT NULL CHECK (verdict IN ('accepted', 'refused')),
    why     text NOT NULL CHECK (why <> ''),
    made_by text NOT NULL CHECK (made_by <> ''),
    made_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX case_ruling_closes_once ON case_ruling (case_id) WHERE verdict = 'accepted';
CREATE TRIGGER case_ruling_is_a_fact BEFORE UPDATE OR DELETE ON case_ruling
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION check_case_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM case_ruling r WHERE r.case_id = NEW.case_id AND r.verdict = 'accepted') THEN
        RAISE EXCEPTION 'case % is closed', NEW.case_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_TABLE_NAME = 'case_ruling' AND EXISTS (
        SELECT FROM case_entry e WHERE e.case_id = NEW.case_id AND e.made_by = NEW.made_by
    ) THEN
        RAISE EXCEPTION 'whoever entered something in a case does not rule on it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER case_entry_is_in_time BEFORE INSERT ON case_entry FOR EACH ROW EXECUTE FUNCTION check_case_line();
CREATE TRIGGER case_ruling_is_in_time BEFORE INSERT ON case_ruling FOR EACH ROW EXECUTE FUNCTION check_case_line();

-- 弄虚作假 (指引八): what an approver signed with a key of his own (protocol/signed_case.py), on evidence that is no
-- suspicion: there is no column for a flag. The unit is poor in that round and out of those of these years.
CREATE TABLE fraud_case (
    fraud_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id   integer NOT NULL,
    uscc       text NOT NULL,
    sha256     text NOT NULL UNIQUE,
    note       bytea NOT NULL,
    key_id     bigint NOT NULL REFERENCES person_key,
    first_year integer NOT NULL CHECK (first_year BETWEEN 2000 AND 2199),
    last_year  integer NOT NULL CHECK (last_year BETWEEN first_year AND first_year + 98),
    brought_by text NOT NULL CHECK (brought_by <> ''),
    brought_at timestamptz NOT NULL,
    FOREIGN KEY (round_id, uscc) REFERENCES round_score
);
CREATE TRIGGER fraud_case_is_a_fact BEFORE UPDATE OR DELETE ON fraud_case
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fraud_case_is_in_time BEFORE INSERT ON fraud_case
    FOR EACH ROW EXECUTE FUNCTION check_round_state('closed', 'announced', 'published');
CREATE TABLE fraud_evidence (
    fraud_id integer NOT NULL REFERENCES fraud_case,
    decision text REFERENCES signed_decision (fact),
    finding  text REFERENCES finding (sha256),
    fork     bigint REFERENCES fork_proof (seq),
    document text REFERENCES document (sha256),
    CHECK (num_nonnulls(decision, finding, fork, document) = 1)
);
CREATE INDEX fraud_evidence_of_case ON fraud_evidence (fraud_id);
CREATE TRIGGER fraud_evidence_is_a_fact BEFORE UPDATE OR DELETE ON fraud_evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_unproved_fraud() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM fraud_evidence e WHERE e.fraud_id = NEW.fraud_id
                   AND num_nonnulls(e.decision, e.finding, e.fork) = 1) THEN
        RAISE EXCEPTION 'fraud case % rests on no decision, no finding and no fork', NEW.fraud_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fraud_is_proved AFTER INSERT ON fraud_case DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_unproved_fraud();

-- 指引十一: an instrument of a unit that was poor twice in a row goes elsewhere, by what an approver signed. Who owns it
-- changes by the registry's own fact.
CREATE TABLE transfer_decision (
    transfer_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    round_id    integer NOT NULL,
    uscc        text NOT NULL,
    asset_no    text NOT NULL REFERENCES instrument,
    way         text NOT NULL CHECK (way IN ('within-unit', 'within-department', 'across-departments')),
    to_uscc     text REFERENCES unit CHECK ((to_uscc IS NULL) = (way = 'within-unit')),
    sha256      text NOT NULL UNIQUE,
    note        bytea NOT NULL,
    key_id      bigint NOT NULL REFERENCES person_key,
    brought_by  text NOT NULL CHECK (brought_by <> ''),
    brought_at  timestamptz NOT NULL,
    FOREIGN KEY (round_id, uscc) REFERENCES round_score
);
CREATE TRIGGER transfer_decision_is_a_fact BEFORE UPDATE OR DELETE ON transfer_decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One line a unit of each published round: what anybody may see. rating is the one that holds: poor where fraud was
-- proved afterwards, and published_rating what stands in the snapshot. points: hundredths of a point, rounded once.
-- parts: [indicator, source, exact hundredths, rounded hundredths], …
CREATE VIEW published_result AS
SELECT r.round_id, r.name AS round, r.year, p.sha256, p.published_on, (b.body ->> 'is_example')::boolean AS is_example,
       (u.line ->> 'rank')::integer AS rank, u.line ->> 'uscc' AS uscc, u.line ->> 'name_zh' AS name_zh,
       u.line ->> 'name_en' AS name_en,
       CASE WHEN EXISTS (SELECT FROM fraud_case f WHERE (f.round_id, f.uscc) = (r.round_id, u.line ->> 'uscc'))
            THEN 'poor' ELSE u.line ->> 'rating' END AS rating,
       u.line ->> 'rating' AS published_rating, u.line ->> 'hundredths' AS exact_hundredths,
       (u.line ->> 'points')::integer AS points, u.line -> 'parts' AS parts
FROM round_publication p JOIN round r USING (round_id)
CROSS JOIN LATERAL (SELECT convert_from(p.body, 'UTF8')::jsonb AS body) b
CROSS JOIN LATERAL jsonb_array_elements(b.body -> 'units') AS u (line);

-- Which cases and exclusions a population knows.
ALTER TABLE round_population
    ADD COLUMN case_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN ruling_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN fraud_seq bigint NOT NULL DEFAULT 0;

-- Units that take no part in rounds of a year, as far as is known: those whose exclusion runs, and those whose case of an
-- earlier year is not closed.
CREATE FUNCTION barred_in(of_year integer, upto_case bigint, upto_ruling bigint, upto_fraud bigint)
RETURNS TABLE (uscc text, reason text, note text) LANGUAGE sql STABLE AS $$
    SELECT f.uscc, 'excluded', 'fraud case ' || f.fraud_id || ' of round ' || r.name || ', until ' || f.last_year
    FROM fraud_case f JOIN round r USING (round_id)
    WHERE of_year BETWEEN f.first_year AND f.last_year AND f.fraud_id <= upto_fraud
    UNION ALL
    SELECT c.uscc, 'rectifying', 'case ' || c.case_id || ' of round ' || r.name || ', due ' || c.due_on
    FROM poor_case c JOIN round r USING (round_id)
    WHERE r.year < of_year AND c.case_id <= upto_case
        AND NOT EXISTS (SELECT FROM case_ruling x
                        WHERE x.case_id = c.case_id AND x.verdict = 'accepted' AND x.seq <= upto_ruling)
$$;
