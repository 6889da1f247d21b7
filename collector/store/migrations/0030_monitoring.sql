-- Monitoring for the platform (意见二(二), 意见三): thresholds by date, instruments that are idle and what became of it,
-- alarms, notices 通报 with the units' replies, and what changed since somebody asked last.

-- A threshold or a term that somebody decided, from a day on; of two for one day the later recorded one holds. Which names
-- there are, and what holds where nobody decided: collector/monitoring/settings.py.
CREATE TABLE monitoring_setting (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL CHECK (name ~ '^[a-z]+(-[a-z]+)*$'),
    value    integer NOT NULL CHECK (value >= 0),
    from_day date NOT NULL,
    why      text NOT NULL CHECK (why <> ''),
    set_by   text NOT NULL CHECK (set_by <> ''),
    set_at   timestamptz NOT NULL
);
CREATE INDEX monitoring_setting_newest ON monitoring_setting (name, from_day DESC, seq DESC);
CREATE TRIGGER monitoring_setting_is_a_fact BEFORE UPDATE OR DELETE ON monitoring_setting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Since when the unit that owns an instrument on a day has owned it, without a break; null where nobody owns it.
CREATE FUNCTION owned_since(of_asset text, on_day date) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH held AS (
        SELECT DISTINCT ON (o.from_day) o.from_day, o.uscc FROM ownership o
        WHERE o.asset_no = of_asset AND o.from_day <= on_day ORDER BY o.from_day, o.seq DESC
    ), owner AS (
        SELECT h.uscc FROM held h ORDER BY h.from_day DESC LIMIT 1
    )
    SELECT min(h.from_day) FROM held h
    WHERE (SELECT uscc FROM owner) IS NOT NULL AND h.from_day > coalesce(
        (SELECT max(x.from_day) FROM held x WHERE x.uscc IS DISTINCT FROM (SELECT uscc FROM owner)), DATE '-infinity')
$$;

-- How long ago instruments were powered on for the last time, at the end of a day, and how many of the days since were
-- observed (at least observed_percent of the day) and how many were not: an unobserved day is neither idle nor use.
-- begins: from when on it is counted, the day of the owner's first or of the first watcher's; null: nothing measures it.
CREATE FUNCTION idle_on(
    on_day date, observed_percent integer, idle_days integer, silent_days integer, only_asset text DEFAULT NULL
) RETURNS TABLE (
    asset_no text, uscc text, begins date, last_on date, observed_days integer, unobserved_days integer, state text
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT i.asset_no, owner_on(i.asset_no, on_day), w.begins, p.last_on, c.observed, c.missing - c.observed,
           CASE
               WHEN w.begins IS NULL THEN 'unmeasured'
               WHEN c.observed >= idle_days THEN 'idle'
               WHEN c.missing - c.observed >= silent_days THEN 'silent'
               ELSE 'used'
           END
    FROM instrument i
    CROSS JOIN LATERAL (
        SELECT CASE WHEN count(*) > 0 THEN greatest(owned_since(i.asset_no, on_day), min(m.from_day)) END AS begins
        FROM measurement m WHERE m.asset_no = i.asset_no AND m.from_day <= on_day
    ) w
    LEFT JOIN LATERAL (
        SELECT h.day AS last_on FROM hour_record h
        WHERE h.asset_no = i.asset_no AND h.day BETWEEN w.begins AND on_day AND h.energised_s + h.inferred_s > 0
        ORDER BY h.day DESC LIMIT 1
    ) p ON true
    CROSS JOIN LATERAL (
        SELECT count(h.day)::integer AS observed,
               coalesce(on_day - coalesce(p.last_on, w.begins - 1), 0) AS missing
        FROM hour_record h
        WHERE h.asset_no = i.asset_no AND h.day > coalesce(p.last_on, w.begins - 1) AND h.day <= on_day
            AND (h.until_s - h.unobserved_s - h.bridged_s)::bigint * 100 >= observed_percent * 86400
    ) c
    WHERE owner_on(i.asset_no, on_day) IS NOT NULL AND (only_asset IS NULL OR i.asset_no = only_asset)
$$;

-- A reminder to the unit that owns an instrument: long not powered on (idle), or long not seen (silent). The figures are
-- those of the day of the reminder. made_by_id: who sent it for the platform.
CREATE TABLE idle_case (
    case_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no        text NOT NULL REFERENCES instrument,
    uscc            text NOT NULL REFERENCES unit,
    kind            text NOT NULL CHECK (kind IN ('idle', 'silent')),
    begins          date NOT NULL,
    last_on         date,
    last_day        date NOT NULL,
    observed_days   integer NOT NULL CHECK (observed_days >= 0),
    unobserved_days integer NOT NULL CHECK (unobserved_days >= 0),
    threshold_days  integer NOT NULL CHECK (threshold_days > 0),
    answer_by       date NOT NULL,
    why             text NOT NULL CHECK (why <> ''),
    made_by_id      integer NOT NULL REFERENCES person,
    made_by         text NOT NULL CHECK (made_by <> ''),
    made_at         timestamptz NOT NULL,
    CHECK (CASE kind WHEN 'idle' THEN observed_days ELSE unobserved_days END >= threshold_days)
);
CREATE INDEX idle_case_of_asset ON idle_case (asset_no, case_id DESC);
CREATE TRIGGER idle_case_is_a_fact BEFORE UPDATE OR DELETE ON idle_case FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What became of it, step by step: where a case stands is its newest step, before the first one `reminded`.
CREATE TABLE idle_step (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id   bigint NOT NULL REFERENCES idle_case,
    state     text NOT NULL,
    why       text NOT NULL CHECK (why <> ''),
    document  text REFERENCES document,
    until_day date CHECK ((until_day IS NOT NULL) = (state = 'accepted')),
    outcome   text CHECK ((outcome IS NOT NULL) = (state = 'closed')),
    person_id integer NOT NULL REFERENCES person,
    made_by   text NOT NULL CHECK (made_by <> ''),
    made_at   timestamptz NOT NULL,
    UNIQUE (case_id, state),
    CHECK (document IS NULL OR state = 'answered'),
    CHECK (outcome IN ('transferred', 'kept', 'retired', 'other'))
);
CREATE TRIGGER idle_step_is_a_fact BEFORE UPDATE OR DELETE ON idle_step FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION state_of_case(of_case bigint) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT s.state FROM idle_step s WHERE s.case_id = of_case ORDER BY s.seq DESC LIMIT 1), 'reminded')
$$;

CREATE FUNCTION check_idle_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM idle_case c WHERE c.asset_no = NEW.asset_no
            AND state_of_case(c.case_id) NOT IN ('accepted', 'closed', 'withdrawn')
    ) THEN
        RAISE EXCEPTION 'there is an open case of %', NEW.asset_no USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER idle_case_is_the_only_one BEFORE INSERT ON idle_case
    FOR EACH ROW EXECUTE FUNCTION check_idle_case();

-- The steps that there are; a transfer without an answer is opened only when the term is over; who judges a reason is not
-- who gave it.
CREATE FUNCTION check_idle_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := state_of_case(NEW.case_id);
BEGIN
    IF (held, NEW.state) NOT IN (
        ('reminded', 'answered'), ('reminded', 'transfer'), ('reminded', 'withdrawn'),
        ('answered', 'accepted'), ('answered', 'refused'), ('answered', 'withdrawn'),
        ('refused', 'transfer'), ('refused', 'withdrawn'),
        ('transfer', 'closed'), ('transfer', 'withdrawn')
    ) THEN
        RAISE EXCEPTION 'a case that is % cannot become %', held, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF held = 'reminded' AND NEW.state = 'transfer' AND (NEW.made_at AT TIME ZONE 'Asia/Shanghai')::date
        <= (SELECT answer_by FROM idle_case WHERE case_id = NEW.case_id) THEN
        RAISE EXCEPTION 'the term of case % is not over', NEW.case_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF held = 'answered' AND NEW.state IN ('accepted', 'refused') AND NEW.person_id = (
        SELECT person_id FROM idle_step WHERE case_id = NEW.case_id AND state = 'answered') THEN
        RAISE EXCEPTION 'the reason in case % cannot be judged by the person who gave it', NEW.case_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER idle_step_follows BEFORE INSERT ON idle_step FOR EACH ROW EXECUTE FUNCTION check_idle_step();

-- What is wrong with an agent or with the coverage of an instrument, from when on (since), and when it was noticed. It is
-- open until it is closed; an open one is not opened again.
CREATE TABLE alarm (
    alarm_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('agent-silent', 'clock-off', 'storage', 'day-coverage', 'month-coverage')),
    agent_id  text REFERENCES agent,
    asset_no  text REFERENCES instrument,
    since     timestamptz NOT NULL,
    detail    text NOT NULL CHECK (detail <> ''),
    opened_at timestamptz NOT NULL,
    CHECK ((agent_id IS NULL) <> (asset_no IS NULL))
);
CREATE INDEX alarm_of_agent ON alarm (agent_id, alarm_id);
CREATE INDEX alarm_of_asset ON alarm (asset_no, alarm_id);
CREATE TRIGGER alarm_is_a_fact BEFORE UPDATE OR DELETE ON alarm FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE alarm_closing (
    alarm_id  bigint PRIMARY KEY REFERENCES alarm,
    closed_at timestamptz NOT NULL
);
CREATE TRIGGER alarm_closing_is_a_fact BEFORE UPDATE OR DELETE ON alarm_closing
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE alarm_acknowledgement (
    alarm_id bigint PRIMARY KEY REFERENCES alarm,
    why      text NOT NULL CHECK (why <> ''),
    made_by  text NOT NULL CHECK (made_by <> ''),
    made_at  timestamptz NOT NULL
);
CREATE TRIGGER alarm_acknowledgement_is_a_fact BEFORE UPDATE OR DELETE ON alarm_acknowledgement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE VIEW open_alarm AS
SELECT * FROM alarm a WHERE NOT EXISTS (SELECT FROM alarm_closing c WHERE c.alarm_id = a.alarm_id);

-- Once for all that are opened together: thousands are, when a broker was away.
CREATE FUNCTION check_alarms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM open_alarm o JOIN fresh f
            ON (o.kind, coalesce(o.agent_id, ''), coalesce(o.asset_no, ''))
               = (f.kind, coalesce(f.agent_id, ''), coalesce(f.asset_no, ''))
        WHERE o.alarm_id <> f.alarm_id
    ) THEN
        RAISE EXCEPTION 'this alarm is open already' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER alarm_is_the_only_one AFTER INSERT ON alarm REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION check_alarms();

-- A notice 通报 as it was issued. body: the canonical JSON of collector/monitoring/notice_form.py, from which everything
-- that is printed is made; text: the Chinese text of it. subject: everything, unit:USCC or division:DIGITS.
CREATE TABLE notice (
    notice_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number      text NOT NULL UNIQUE CHECK (number <> ''),
    kind        text NOT NULL
        CHECK (kind IN ('regular', 'false-report', 'missing-report', 'no-disclosure', 'poor-opening', 'low-use')),
    subject     text NOT NULL CHECK (subject ~ '^(everything|unit:.+|division:[0-9]+)$'),
    first_day   date NOT NULL,
    last_day    date NOT NULL CHECK (last_day >= first_day),
    frozen_id   integer NOT NULL REFERENCES frozen,
    body        bytea NOT NULL,
    sha256      text NOT NULL CHECK (sha256 = encode(sha256(body), 'hex')),
    text        bytea NOT NULL,
    text_sha256 text NOT NULL CHECK (text_sha256 = encode(sha256(text), 'hex')),
    why         text NOT NULL CHECK (why <> ''),
    issued_by   text NOT NULL CHECK (issued_by <> ''),
    issued_at   timestamptz NOT NULL
);
CREATE TRIGGER notice_is_a_fact BEFORE UPDATE OR DELETE ON notice FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Whom a notice names, and for what reason where it says one.
CREATE TABLE notice_unit (
    notice_id integer NOT NULL REFERENCES notice,
    uscc      text NOT NULL REFERENCES unit,
    reason    text NOT NULL,
    PRIMARY KEY (notice_id, uscc)
);
CREATE INDEX notice_unit_of_unit ON notice_unit (uscc, notice_id);
CREATE TRIGGER notice_unit_is_a_fact BEFORE UPDATE OR DELETE ON notice_unit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a unit says to a notice that names it; all of it is printed with the notice.
CREATE TABLE notice_reply (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id integer NOT NULL,
    uscc      text NOT NULL,
    reply     text NOT NULL CHECK (reply <> ''),
    document  text REFERENCES document,
    made_by   text NOT NULL CHECK (made_by <> ''),
    made_at   timestamptz NOT NULL,
    FOREIGN KEY (notice_id, uscc) REFERENCES notice_unit
);
CREATE INDEX notice_reply_of_notice ON notice_reply (notice_id, seq);
CREATE TRIGGER notice_reply_is_a_fact BEFORE UPDATE OR DELETE ON notice_reply
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What changed, in the order in which it was put on the list, which is an order in which it could be seen: a transaction
-- notes what it changes in `change_noted`; once it is committed, whoever asks next moves the notes here, one asker at a
-- time, so that nothing ever comes in before what is here already (docs/decisions/0035).
CREATE TABLE change_noted (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL,
    subject  text NOT NULL,
    day      date,
    number   integer,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE change (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL CHECK (kind IN ('hours', 'instrument', 'unit', 'facility', 'owner', 'membership', 'network',
                                           'round')),
    subject  text NOT NULL,
    day      date,
    number   integer,
    noted_at timestamptz NOT NULL
);
CREATE TRIGGER change_is_a_fact BEFORE UPDATE OR DELETE ON change FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION note_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'closed_record' THEN
            INSERT INTO change_noted (kind, subject, day, number)
            SELECT 'hours', asset_no, day, revision FROM fresh ORDER BY day, asset_no, revision;
        WHEN 'instrument_description' THEN
            INSERT INTO change_noted (kind, subject, day) SELECT 'instrument', asset_no, from_day FROM fresh ORDER BY seq;
        WHEN 'unit_description' THEN
            INSERT INTO change_noted (kind, subject, day) SELECT 'unit', uscc, from_day FROM fresh ORDER BY seq;
        WHEN 'facility_description' THEN
            INSERT INTO change_noted (kind, subject, day) SELECT 'facility', facility_no, from_day FROM fresh ORDER BY seq;
        WHEN 'ownership' THEN
            INSERT INTO change_noted (kind, subject, day) SELECT 'owner', asset_no, from_day FROM fresh ORDER BY seq;
        WHEN 'membership' THEN
            INSERT INTO change_noted (kind, subject, day) SELECT 'membership', asset_no, from_day FROM fresh ORDER BY seq;
        WHEN 'network_step' THEN
            INSERT INTO change_noted (kind, subject, day) SELECT 'network', asset_no, from_day FROM fresh ORDER BY seq;
        WHEN 'round_step' THEN
            INSERT INTO change_noted (kind, subject) SELECT 'round', name FROM fresh JOIN round USING (round_id) ORDER BY seq;
    END CASE;
    RETURN NULL;
END $$;
CREATE TRIGGER closed_record_noted AFTER INSERT ON closed_record REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER instrument_description_noted AFTER INSERT ON instrument_description REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER unit_description_noted AFTER INSERT ON unit_description REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER facility_description_noted AFTER INSERT ON facility_description REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER ownership_noted AFTER INSERT ON ownership REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER membership_noted AFTER INSERT ON membership REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER network_step_noted AFTER INSERT ON network_step REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();
CREATE TRIGGER round_step_noted AFTER INSERT ON round_step REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_changes();

-- What was there before there was a list.
INSERT INTO change_noted (kind, subject, day) SELECT 'unit', uscc, from_day FROM unit_description ORDER BY seq;
INSERT INTO change_noted (kind, subject, day) SELECT 'facility', facility_no, from_day FROM facility_description ORDER BY seq;
INSERT INTO change_noted (kind, subject, day) SELECT 'instrument', asset_no, from_day FROM instrument_description ORDER BY seq;
INSERT INTO change_noted (kind, subject, day) SELECT 'owner', asset_no, from_day FROM ownership ORDER BY seq;
INSERT INTO change_noted (kind, subject, day) SELECT 'membership', asset_no, from_day FROM membership ORDER BY seq;
INSERT INTO change_noted (kind, subject, day) SELECT 'network', asset_no, from_day FROM network_step ORDER BY seq;
INSERT INTO change_noted (kind, subject, day, number)
SELECT 'hours', asset_no, day, revision FROM closed_record ORDER BY closed_at, day, asset_no, revision;
INSERT INTO change_noted (kind, subject) SELECT 'round', name FROM round_step JOIN round USING (round_id) ORDER BY seq;
