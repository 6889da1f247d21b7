-- What goes to other platforms and what became of it, and what booking systems bring: bookings, users, charges,
-- details of orders, effects of a year. Facts: inserted, never changed.

-- A field mapping under which messages were made: the exact bytes of its file (collector/exchange/mapping.py).
CREATE TABLE exchange_mapping (
    sha256     text PRIMARY KEY CHECK (sha256 = encode(sha256(body), 'hex')),
    body       bytea NOT NULL,
    name       text NOT NULL CHECK (name <> ''),
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER exchange_mapping_is_a_fact BEFORE UPDATE OR DELETE ON exchange_mapping
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One revision of one record as it is told to the platform. inner_id: our name of the record, the same in all its
-- revisions. body: the exact bytes that are sent. content: SHA-256 of what they say, without the revision's number and
-- what it cites; the same content is no new revision. cites: the body's SHA-256 of the revision before.
-- record, record_revision: the closed hour record that a service record rests on.
CREATE TABLE exchange_message (
    message_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('record', 'effect')),
    inner_id        text NOT NULL CHECK (inner_id <> ''),
    revision        integer NOT NULL CHECK (revision > 0),
    cites           text,
    body            bytea NOT NULL,
    sha256          text NOT NULL CHECK (sha256 = encode(sha256(body), 'hex')),
    content         text NOT NULL,
    mapping         text NOT NULL REFERENCES exchange_mapping,
    unit            text NOT NULL REFERENCES unit,
    asset_no        text NOT NULL REFERENCES instrument,
    first_day       date NOT NULL,
    last_day        date NOT NULL CHECK (last_day >= first_day),
    order_no        text NOT NULL DEFAULT '',
    record          text,
    record_revision integer,
    made_by         text NOT NULL CHECK (made_by <> ''),
    made_at         timestamptz NOT NULL,
    UNIQUE (inner_id, revision),
    CHECK ((revision = 1) = (cites IS NULL)),
    CHECK ((kind = 'record') = (record IS NOT NULL)),
    CHECK ((record IS NULL) = (record_revision IS NULL)),
    CHECK (kind <> 'record' OR first_day = last_day)
);
CREATE INDEX exchange_message_of_order ON exchange_message (unit, order_no, message_id) WHERE order_no <> '';
CREATE INDEX exchange_message_of_day ON exchange_message (asset_no, first_day, inner_id, revision DESC);
CREATE TRIGGER exchange_message_is_a_fact BEFORE UPDATE OR DELETE ON exchange_message
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_message_citation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.cites IS DISTINCT FROM (
        SELECT sha256 FROM exchange_message WHERE inner_id = NEW.inner_id AND revision = NEW.revision - 1
    ) THEN
        RAISE EXCEPTION 'revision % of % does not cite the one before it', NEW.revision, NEW.inner_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_message_cites BEFORE INSERT ON exchange_message
    FOR EACH ROW EXECUTE FUNCTION check_message_citation();

-- What became of a message, step by step (collector/exchange/states.py). answer: what the platform said, as it came, up
-- to a limit; problem: why there is none, or what was wrong with it. due_at: from when on it may be sent.
CREATE TABLE exchange_step (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  bigint NOT NULL REFERENCES exchange_message,
    state       text NOT NULL,
    at          timestamptz NOT NULL,
    due_at      timestamptz CHECK ((due_at IS NOT NULL) = (state IN ('pending', 'sent'))),
    http_status integer,
    answer      bytea,
    receipt     text NOT NULL DEFAULT '',
    problem     text NOT NULL DEFAULT '',
    made_by     text NOT NULL CHECK (made_by <> ''),
    CHECK (state <> 'refused' OR problem <> ''),
    CHECK (receipt = '' OR state = 'accepted')
);
CREATE INDEX exchange_step_of_message ON exchange_step (message_id, seq);
CREATE TRIGGER exchange_step_is_a_fact BEFORE UPDATE OR DELETE ON exchange_step
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Where each message stands: its newest step, kept up by the trigger, so that what is due is found without a look at the
-- rest. attempts: how often it was sent since it was last put on the way by a person or for the first time. is_unsure: the
-- platform may have it, because it was sent and no word of the platform came back.
CREATE TABLE exchange_standing (
    message_id bigint PRIMARY KEY REFERENCES exchange_message,
    state      text NOT NULL,
    due_at     timestamptz,
    attempts   integer NOT NULL CHECK (attempts >= 0),
    is_unsure  boolean NOT NULL DEFAULT false,
    at         timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX exchange_standing_due ON exchange_standing (due_at, message_id) WHERE due_at IS NOT NULL;
CREATE INDEX exchange_standing_by_state ON exchange_standing (state, message_id);

CREATE FUNCTION follow_exchange_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held exchange_standing;
BEGIN
    SELECT * INTO held FROM exchange_standing s WHERE s.message_id = NEW.message_id FOR UPDATE;
    IF (coalesce(held.state, ''), NEW.state) NOT IN (
        ('', 'pending'), ('pending', 'sent'), ('sent', 'accepted'), ('sent', 'refused'), ('sent', 'pending'),
        ('sent', 'given-up'), ('refused', 'pending'), ('given-up', 'pending'), ('pending', 'replaced'),
        ('refused', 'replaced'), ('given-up', 'replaced')
    ) THEN
        RAISE EXCEPTION 'message % is %, and cannot become %', NEW.message_id, coalesce(held.state, 'new'), NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO exchange_standing AS s (message_id, state, due_at, attempts, at)
    VALUES (NEW.message_id, NEW.state, NEW.due_at, 0, NEW.at)
    ON CONFLICT (message_id) DO UPDATE SET
        state = excluded.state, due_at = excluded.due_at, at = excluded.at,
        attempts = CASE
            WHEN NEW.state = 'sent' THEN s.attempts + 1
            WHEN held.state IN ('refused', 'given-up') AND NEW.state = 'pending' THEN 0
            ELSE s.attempts END,
        is_unsure = CASE
            WHEN NEW.state = 'sent' THEN true
            WHEN NEW.state IN ('accepted', 'refused') THEN false
            ELSE s.is_unsure END;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_step_follows BEFORE INSERT ON exchange_step
    FOR EACH ROW EXECUTE FUNCTION follow_exchange_step();

-- Who books what, as booking systems say it. A booking may be moved or cancelled: that is another line under the same
-- key, and of these the newest holds. It never makes an hour, nor divides one; what took place is a use (table fact).
-- user_hash: HMAC of the user's name or number, as in facts. unit: who owned the instrument on the first day.
CREATE TABLE booking (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL CHECK (source <> ''),
    key         text NOT NULL CHECK (key <> ''),
    state       text NOT NULL CHECK (state IN ('booked', 'cancelled')),
    asset_no    text NOT NULL REFERENCES instrument,
    unit        text NOT NULL REFERENCES unit,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (ends_at > starts_at),
    first_day   date NOT NULL,
    last_day    date NOT NULL CHECK (last_day >= first_day),
    user_hash   text,
    order_no    text,
    content     bytea NOT NULL CHECK (length(content) = 32),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL
);
CREATE INDEX booking_newest ON booking (source, key, seq DESC);
CREATE INDEX booking_of_asset ON booking (asset_no, first_day, last_day);
CREATE TRIGGER booking_is_a_fact BEFORE UPDATE OR DELETE ON booking FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Who uses a unit's instruments: by hash alone, with the legal person that he belongs to. No name stands here. The
-- newest line of a user holds.
CREATE TABLE unit_user (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit        text NOT NULL REFERENCES unit,
    source      text NOT NULL CHECK (source <> ''),
    user_hash   text NOT NULL,
    card_hash   text,
    member_of   text,
    kind        text NOT NULL CHECK (kind IN ('staff', 'student', 'external', 'other')),
    state       text NOT NULL CHECK (state IN ('active', 'left')),
    content     bytea NOT NULL CHECK (length(content) = 32),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL
);
CREATE INDEX unit_user_newest ON unit_user (unit, user_hash, seq DESC);
CREATE TRIGGER unit_user_is_a_fact BEFORE UPDATE OR DELETE ON unit_user FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Money that an order brought in: a charge, or a refund of it. Told once; what was wrong is refunded and charged again.
CREATE TABLE charge (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      text NOT NULL CHECK (source <> ''),
    key         text NOT NULL CHECK (key <> ''),
    unit        text NOT NULL REFERENCES unit,
    order_no    text NOT NULL CHECK (order_no <> ''),
    kind        text NOT NULL CHECK (kind IN ('charge', 'refund')),
    amount_fen  bigint NOT NULL CHECK (amount_fen > 0),
    charged_on  date NOT NULL,
    content     bytea NOT NULL CHECK (length(content) = 32),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (source, key)
);
CREATE INDEX charge_of_order ON charge (unit, order_no);
CREATE TRIGGER charge_is_a_fact BEFORE UPDATE OR DELETE ON charge FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What platforms ask of a service besides whom it served: '' where nobody said. The newest line of an order holds.
CREATE TABLE order_detail (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit           text NOT NULL REFERENCES unit,
    source         text NOT NULL CHECK (source <> ''),
    order_no       text NOT NULL CHECK (order_no <> ''),
    project_name   text NOT NULL,
    project_source text NOT NULL,
    area           text NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('', 'research', 'development', 'teaching', 'other')),
    satisfaction   text NOT NULL CHECK (satisfaction IN ('', '1', '2', '3', '4', '5')),
    content        bytea NOT NULL CHECK (length(content) = 32),
    recorded_by    text NOT NULL CHECK (recorded_by <> ''),
    recorded_at    timestamptz NOT NULL
);
CREATE INDEX order_detail_newest ON order_detail (unit, order_no, seq DESC);
CREATE TRIGGER order_detail_is_a_fact BEFORE UPDATE OR DELETE ON order_detail
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What nobody can measure of an instrument's year. The newest line of an instrument and year holds.
CREATE TABLE year_effect (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no    text NOT NULL REFERENCES instrument,
    unit        text NOT NULL REFERENCES unit,
    source      text NOT NULL CHECK (source <> ''),
    year        integer NOT NULL CHECK (year BETWEEN 2000 AND 2199),
    papers      integer NOT NULL CHECK (papers >= 0),
    patents     integer NOT NULL CHECK (patents >= 0),
    remark      text NOT NULL,
    content     bytea NOT NULL CHECK (length(content) = 32),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL
);
CREATE INDEX year_effect_newest ON year_effect (asset_no, year, seq DESC);
CREATE TRIGGER year_effect_is_a_fact BEFORE UPDATE OR DELETE ON year_effect
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What of each order holds for the platforms: what it costs (charges less refunds, else the order's own fee; null where
-- nobody said) and its details.
CREATE FUNCTION order_amount_fen(of_unit text, of_order text, own_fee_fen bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(sum(CASE c.kind WHEN 'charge' THEN c.amount_fen ELSE -c.amount_fen END)::bigint, own_fee_fen)
    FROM charge c WHERE c.unit = of_unit AND c.order_no = of_order
$$;

-- An order as it stands: as it was recorded, or as the newest correction puts it; no row where nobody recorded it, or
-- where a correction took it out.
CREATE FUNCTION order_now(of_unit text, of_order text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE f.kind WHEN 'order' THEN said.body ELSE said.body -> 'order' END
    FROM fact f CROSS JOIN LATERAL (SELECT convert_from(f.body, 'UTF8')::jsonb AS body) said
    WHERE f.unit = of_unit AND f.order_no = of_order AND f.kind IN ('order', 'correction')
        AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
    ORDER BY f.seq DESC LIMIT 1
$$;

-- What Grafana may read (docs/grafana.md): names and units of these columns do not change. Views call no function that
-- reads a table, because that would run with the reader's rights, who has none beyond this schema. No person, no user,
-- no order and no text that somebody wrote stands in any of them. "time" is the local midnight (UTC+8) of a day.
CREATE SCHEMA grafana;

CREATE VIEW grafana.units AS
SELECT u.uscc AS unit, coalesce(d.name_zh, u.name_zh) AS name_zh, coalesce(nullif(d.name_en, ''), u.name_en) AS name_en,
       coalesce(d.kind, '') AS kind, coalesce(d.division, '') AS division
FROM unit u
LEFT JOIN LATERAL (
    SELECT t.name_zh, t.name_en, t.kind, t.division FROM unit_description t
    WHERE t.uscc = u.uscc AND t.from_day <= (now() AT TIME ZONE interval '8 hours')::date
    ORDER BY t.from_day DESC, t.seq DESC LIMIT 1) d ON true;

CREATE VIEW grafana.instruments AS
SELECT i.asset_no, coalesce(d.name_zh, i.name_zh) AS name_zh, coalesce(nullif(d.name_en, ''), i.name_en) AS name_en,
       o.uscc AS unit, coalesce(d.model, i.model) AS model, coalesce(d.origin, '') AS origin,
       coalesce(d.value_fen, 0) AS value_fen, d.shareable AS is_open, d.bookable AS is_bookable,
       n.step IS NOT DISTINCT FROM 'joined' AS is_in_network
FROM instrument i
CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE interval '8 hours')::date AS today) t
LEFT JOIN LATERAL (
    SELECT e.name_zh, e.name_en, e.model, e.origin, e.value_fen, e.shareable, e.bookable
    FROM instrument_description e
    WHERE e.asset_no = i.asset_no AND e.from_day <= t.today
    ORDER BY e.from_day DESC, e.seq DESC LIMIT 1) d ON true
LEFT JOIN LATERAL (
    SELECT w.uscc FROM ownership w WHERE w.asset_no = i.asset_no AND w.from_day <= t.today
    ORDER BY w.from_day DESC, w.seq DESC LIMIT 1) o ON true
LEFT JOIN LATERAL (
    SELECT s.step FROM network_step s WHERE s.asset_no = i.asset_no AND s.from_day <= t.today
    ORDER BY s.from_day DESC, s.seq DESC LIMIT 1) n ON true;

CREATE VIEW grafana.hours_by_day AS
SELECT h.day::timestamp AT TIME ZONE interval '8 hours' AS time, h.day, h.asset_no, h.owner AS unit, h.until_s,
       h.until_s - h.unobserved_s - h.bridged_s AS observed_s, h.unobserved_s, h.bridged_s, h.off_s, h.standby_s,
       h.prepare_s, h.run_s, h.post_s, h.calibrate_s, h.maintain_s, h.fault_s, h.effective_s, h.internal_s, h.claimed_s,
       h.verified_s, h.claimed_s + h.verified_s AS external_s, h.unresolved_s, h.hand_s, h.revision IS NOT NULL AS is_closed
FROM hour_record h;

CREATE VIEW grafana.grades_by_day AS
SELECT g.day::timestamp AT TIME ZONE interval '8 hours' AS time, g.day, g.asset_no, g.owner AS unit, g.a_s, g.b_s, g.c_s,
       g.d_s, g.x_s, g.lost_s, g.counted_s, g.counted_external_s
FROM day_grade g;

CREATE VIEW grafana.hours_by_month AS
SELECT m.month::timestamp AT TIME ZONE interval '8 hours' AS time, m.month, m.owner AS unit, m.days, m.until_s,
       m.until_s - m.unobserved_s - m.bridged_s AS observed_s, m.effective_s, m.internal_s, m.claimed_s, m.verified_s,
       m.claimed_s + m.verified_s AS external_s, m.unresolved_s, m.hand_s
FROM unit_month_hours m WHERE m.days > 0;

CREATE VIEW grafana.fleet AS
SELECT a.agent_id, a.last_seen_at, extract(epoch FROM now() - a.last_seen_at)::bigint AS silent_s, j.epoch, j.standing,
       j.size AS held_entries, greatest(coalesce(a.reported_size, 0) - j.size, 0) AS missing_entries, j.receipted_at,
       j.revoked_at IS NOT NULL AS is_revoked, m.asset_nos
FROM agent a
LEFT JOIN LATERAL (
    SELECT k.epoch, k.standing, k.size, k.receipted_at, k.revoked_at FROM journal k WHERE k.agent_id = a.agent_id
    ORDER BY k.epoch DESC LIMIT 1) j ON true
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT newest.asset_no ORDER BY newest.asset_no) AS asset_nos FROM (
        SELECT DISTINCT ON (e.watcher, e.channel) e.asset_no FROM measurement e
        WHERE e.agent_id = a.agent_id AND e.from_day <= (now() AT TIME ZONE interval '8 hours')::date
        ORDER BY e.watcher, e.channel, e.from_day DESC, e.seq DESC) newest
    WHERE newest.asset_no IS NOT NULL) m ON true;

-- Whatever ought to be looked at, in one form; further kinds of alarms are further branches of this view.
CREATE VIEW grafana.alarms AS
SELECT f.found_at AS time, 'flag' AS kind, f.rule AS name, f.asset_no, f.first_day, f.last_day, f.weight FROM flag f;

CREATE VIEW grafana.exchange AS
SELECT s.state, count(*) AS messages, min(s.at) AS oldest_at, max(s.attempts) AS most_attempts
FROM exchange_standing s GROUP BY s.state;
