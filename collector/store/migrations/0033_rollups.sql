-- Roll-ups: hours and values by centre, division, class, origin and kind of organisation; external hours by beneficiary;
-- vouchers of orders. All of it is derived, kept up in the transaction that writes what it is derived from, and made
-- again by rebuild_months() whenever that is in doubt.

-- What the registry says of an instrument over the days [from_day, until_day), cut wherever a fact about it, or about
-- the unit that owned it, begins. The stretches of an instrument cover every day; '' and NULL where nobody said, owner ''
-- where nobody owned it, centre '' where it was in none.
CREATE TABLE placement (
    asset_no    text NOT NULL REFERENCES instrument,
    from_day    date NOT NULL,
    until_day   date NOT NULL CHECK (until_day > from_day),
    owner       text NOT NULL,
    division    text NOT NULL,
    kind        text NOT NULL,
    centre      text NOT NULL,
    class_code  text NOT NULL,
    origin      text NOT NULL,
    value_fen   bigint,
    shareable   boolean,
    accepted_on date,
    PRIMARY KEY (asset_no, from_day)
);

-- Sums of hour records and their grades over the days of an instrument's stretch in a month, and in a year, with what
-- the stretch says beside them: a roll-up reads these lines alone. A line of no days says nothing.
CREATE TABLE placed_month (
    month              date NOT NULL CHECK (extract(day FROM month) = 1),
    asset_no           text NOT NULL,
    placed_from        date NOT NULL,
    owner              text NOT NULL,
    division           text NOT NULL,
    kind               text NOT NULL,
    centre             text NOT NULL,
    class_code         text NOT NULL,
    origin             text NOT NULL,
    days               integer NOT NULL DEFAULT 0,
    days_over          integer NOT NULL DEFAULT 0,
    until_s            bigint NOT NULL DEFAULT 0,
    unobserved_s       bigint NOT NULL DEFAULT 0,
    bridged_s          bigint NOT NULL DEFAULT 0,
    fault_s            bigint NOT NULL DEFAULT 0,
    effective_s        bigint NOT NULL DEFAULT 0,
    internal_s         bigint NOT NULL DEFAULT 0,
    claimed_s          bigint NOT NULL DEFAULT 0,
    verified_s         bigint NOT NULL DEFAULT 0,
    unresolved_s       bigint NOT NULL DEFAULT 0,
    hand_s             bigint NOT NULL DEFAULT 0,
    hand_external_s    bigint NOT NULL DEFAULT 0,
    counted_s          bigint NOT NULL DEFAULT 0,
    counted_external_s bigint NOT NULL DEFAULT 0,
    a_s                bigint NOT NULL DEFAULT 0,
    b_s                bigint NOT NULL DEFAULT 0,
    c_s                bigint NOT NULL DEFAULT 0,
    d_s                bigint NOT NULL DEFAULT 0,
    x_s                bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (month, asset_no, placed_from),
    CHECK (internal_s + claimed_s + verified_s + unresolved_s = effective_s)
) WITH (fillfactor = 80);
CREATE INDEX placed_month_of_instrument ON placed_month (asset_no);
CREATE TABLE placed_year (LIKE placed_month INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = 50);
ALTER TABLE placed_year RENAME COLUMN month TO year;
ALTER TABLE placed_year ADD CHECK (extract(month FROM year) = 1), ADD PRIMARY KEY (year, asset_no, placed_from);
CREATE INDEX placed_year_of_instrument ON placed_year (asset_no);

-- External seconds of a unit's instruments by whom they served; beneficiary '': the record does not say.
CREATE TABLE served_month (
    owner       text NOT NULL,
    month       date NOT NULL CHECK (extract(day FROM month) = 1),
    beneficiary text NOT NULL,
    claimed_s   bigint NOT NULL,
    verified_s  bigint NOT NULL,
    PRIMARY KEY (month, owner, beneficiary)
) WITH (fillfactor = 80);
CREATE TABLE served_year (
    owner       text NOT NULL,
    year        date NOT NULL CHECK (extract(doy FROM year) = 1),
    beneficiary text NOT NULL,
    claimed_s   bigint NOT NULL,
    verified_s  bigint NOT NULL,
    PRIMARY KEY (year, owner, beneficiary)
) WITH (fillfactor = 50);

-- Vouchers 创新券 as orders name them, and corrections that put an order in another's place. same: issuer and number as
-- they are compared, without spaces, case and full width. day: the order's first, else that on which it was recorded.
CREATE TABLE order_voucher (
    seq              bigint PRIMARY KEY,
    fact             text NOT NULL UNIQUE REFERENCES fact (sha256),
    unit             text NOT NULL,
    order_no         text NOT NULL,
    issuer           text NOT NULL,
    number           text NOT NULL,
    same             text NOT NULL,
    amount_fen       bigint NOT NULL CHECK (amount_fen >= 0),
    beneficiary      text NOT NULL,
    beneficiary_name text NOT NULL,
    day              date NOT NULL
);
CREATE INDEX order_voucher_same ON order_voucher (same);
CREATE INDEX order_voucher_of_issuer ON order_voucher (issuer, seq);
CREATE TRIGGER order_voucher_is_a_fact BEFORE UPDATE OR DELETE ON order_voucher
    FOR EACH ROW EXECUTE FUNCTION refuse_change();


-- Placements

-- What the stretches of some instruments have to be.
CREATE FUNCTION placements_of(of_assets text[]) RETURNS SETOF placement LANGUAGE sql STABLE AS $$
    WITH asked AS (
        SELECT DISTINCT a AS asset_no FROM unnest(of_assets) AS u (a)
    ), owned AS (
        SELECT asset_no, from_day, coalesce(uscc, '') AS uscc,
               lead(from_day, 1, date '9999-12-31') OVER (PARTITION BY asset_no ORDER BY from_day) AS until_day
        FROM (SELECT DISTINCT ON (asset_no, from_day) asset_no, from_day, uscc FROM ownership JOIN asked USING (asset_no)
              ORDER BY asset_no, from_day, seq DESC) o
    ), centred AS (
        SELECT asset_no, from_day, coalesce(facility_no, '') AS centre,
               lead(from_day, 1, date '9999-12-31') OVER (PARTITION BY asset_no ORDER BY from_day) AS until_day
        FROM (SELECT DISTINCT ON (asset_no, from_day) asset_no, from_day, facility_no
              FROM membership JOIN asked USING (asset_no) WHERE membership.kind = 'centre'
              ORDER BY asset_no, from_day, seq DESC) m
    ), described AS (
        SELECT *, lead(from_day, 1, date '9999-12-31') OVER (PARTITION BY asset_no ORDER BY from_day) AS until_day
        FROM (SELECT DISTINCT ON (asset_no, from_day) asset_no, from_day, class_code, origin, value_fen, shareable,
                     accepted_on
              FROM instrument_description JOIN asked USING (asset_no) ORDER BY asset_no, from_day, seq DESC) d
    ), units AS (
        SELECT *, lead(from_day, 1, date '9999-12-31') OVER (PARTITION BY uscc ORDER BY from_day) AS until_day
        FROM (SELECT DISTINCT ON (uscc, from_day) uscc, from_day, division, kind FROM unit_description
              WHERE uscc IN (SELECT uscc FROM owned) ORDER BY uscc, from_day, seq DESC) n
    ), cuts AS (
        SELECT asset_no, date '0001-01-01' AS from_day FROM asked
        UNION SELECT asset_no, from_day FROM owned
        UNION SELECT asset_no, from_day FROM centred
        UNION SELECT asset_no, from_day FROM described
        UNION SELECT o.asset_no, u.from_day FROM owned o JOIN units u USING (uscc)
            WHERE u.from_day > o.from_day AND u.from_day < o.until_day
    )
    SELECT c.asset_no, c.from_day, lead(c.from_day, 1, date '9999-12-31') OVER (PARTITION BY c.asset_no ORDER BY c.from_day),
           coalesce(o.uscc, ''), coalesce(u.division, ''), coalesce(u.kind, ''), coalesce(m.centre, ''),
           coalesce(d.class_code, ''), coalesce(d.origin, ''), d.value_fen, d.shareable, d.accepted_on
    FROM cuts c
    LEFT JOIN owned o ON o.asset_no = c.asset_no AND o.from_day <= c.from_day AND c.from_day < o.until_day
    LEFT JOIN centred m ON m.asset_no = c.asset_no AND m.from_day <= c.from_day AND c.from_day < m.until_day
    LEFT JOIN described d ON d.asset_no = c.asset_no AND d.from_day <= c.from_day AND c.from_day < d.until_day
    LEFT JOIN units u ON u.uscc = o.uscc AND u.from_day <= c.from_day AND c.from_day < u.until_day
$$;

-- What placed_month has to be for some instruments. A month that one stretch covers is taken from the sums by month; one
-- that is cut, from its days.
CREATE FUNCTION placed_months_of(of_assets text[]) RETURNS SETOF placed_month LANGUAGE sql STABLE AS $$
    WITH cut AS (
        SELECT DISTINCT asset_no, date_trunc('month', from_day)::date AS month FROM placement
        WHERE asset_no = ANY (of_assets) AND extract(day FROM from_day) > 1
    ), whole AS (
        SELECT m.month, m.asset_no, p.from_day AS placed_from, m.days, m.days_over, m.until_s, m.unobserved_s,
               m.bridged_s, m.fault_s, m.effective_s, m.internal_s, m.claimed_s, m.verified_s, m.unresolved_s, m.hand_s,
               m.hand_external_s, coalesce(g.counted_s, 0) AS counted_s,
               coalesce(g.counted_external_s, 0) AS counted_external_s, coalesce(g.a_s, 0) AS a_s,
               coalesce(g.b_s, 0) AS b_s, coalesce(g.c_s, 0) AS c_s, coalesce(g.d_s, 0) AS d_s,
               coalesce(g.x_s, 0) AS x_s
        FROM month_hours m
        JOIN placement p ON p.asset_no = m.asset_no AND p.from_day <= m.month AND m.month < p.until_day
        LEFT JOIN month_grades g ON (g.asset_no, g.owner, g.month) = (m.asset_no, m.owner, m.month)
        LEFT JOIN cut c ON (c.asset_no, c.month) = (m.asset_no, m.month)
        WHERE m.asset_no = ANY (of_assets) AND m.days > 0 AND c.month IS NULL
    ), days AS (
        SELECT c.month, r.asset_no, p.from_day AS placed_from, 1 AS days, (r.until_s = 86400)::integer AS days_over,
               r.until_s, r.unobserved_s, r.bridged_s, r.fault_s, r.effective_s, r.internal_s, r.claimed_s,
               r.verified_s, r.unresolved_s, r.hand_s, r.hand_external_s, coalesce(g.counted_s, 0) AS counted_s,
               coalesce(g.counted_external_s, 0) AS counted_external_s, coalesce(g.a_s, 0) AS a_s,
               coalesce(g.b_s, 0) AS b_s, coalesce(g.c_s, 0) AS c_s, coalesce(g.d_s, 0) AS d_s,
               coalesce(g.x_s, 0) AS x_s
        FROM cut c
        JOIN hour_record r ON r.asset_no = c.asset_no AND r.day >= c.month AND r.day < c.month + interval '1 month'
        JOIN placement p ON p.asset_no = r.asset_no AND p.from_day <= r.day AND r.day < p.until_day
        LEFT JOIN day_grade g ON (g.asset_no, g.day) = (r.asset_no, r.day)
    )
    SELECT month, a.asset_no, placed_from, p.owner, p.division, p.kind, p.centre, p.class_code, p.origin,
           sum(days)::integer, sum(days_over)::integer, sum(until_s)::bigint,
           sum(unobserved_s)::bigint, sum(bridged_s)::bigint, sum(fault_s)::bigint, sum(effective_s)::bigint,
           sum(internal_s)::bigint, sum(claimed_s)::bigint, sum(verified_s)::bigint, sum(unresolved_s)::bigint,
           sum(hand_s)::bigint, sum(hand_external_s)::bigint, sum(counted_s)::bigint, sum(counted_external_s)::bigint,
           sum(a_s)::bigint, sum(b_s)::bigint, sum(c_s)::bigint, sum(d_s)::bigint, sum(x_s)::bigint
    FROM (TABLE whole UNION ALL TABLE days) AS a
    JOIN placement p ON p.asset_no = a.asset_no AND p.from_day = a.placed_from
    GROUP BY month, a.asset_no, placed_from, p.owner, p.division, p.kind, p.centre, p.class_code, p.origin
$$;

-- Stretches and sums of some instruments once more.
CREATE FUNCTION place_again(of_assets text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM placement WHERE asset_no = ANY (of_assets);
    INSERT INTO placement SELECT * FROM placements_of(of_assets);
    DELETE FROM placed_month WHERE asset_no = ANY (of_assets);
    INSERT INTO placed_month SELECT * FROM placed_months_of(of_assets) ORDER BY month, asset_no;
    DELETE FROM placed_year WHERE asset_no = ANY (of_assets);
    INSERT INTO placed_year
    SELECT date_trunc('year', month)::date, asset_no, placed_from, owner, division, kind, centre, class_code, origin,
           sum(days), sum(days_over), sum(until_s),
           sum(unobserved_s), sum(bridged_s), sum(fault_s), sum(effective_s), sum(internal_s), sum(claimed_s),
           sum(verified_s), sum(unresolved_s), sum(hand_s), sum(hand_external_s), sum(counted_s),
           sum(counted_external_s), sum(a_s), sum(b_s), sum(c_s), sum(d_s), sum(x_s)
    FROM placed_month WHERE asset_no = ANY (of_assets) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2;
END $$;

-- Instruments of which this transaction recorded something; settled as it commits, so empty in between.
CREATE TABLE placement_due (asset_no text PRIMARY KEY);

-- Whoever writes records holds the lock shared, whoever records facts alone: so a record is never added under a stretch
-- that a fact is just ending. Taken before any day is marked, which the deriver does after its record.
CREATE FUNCTION hold_placements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('jishi placement', 0));
    RETURN NULL;
END $$;
CREATE FUNCTION mark_placement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO placement_due VALUES (NEW.asset_no) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION mark_placements_of_unit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO placement_due SELECT DISTINCT o.asset_no FROM ownership o WHERE o.uscc = NEW.uscc
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- The first of the marks settles all of them, at once: an import has thousands.
CREATE FUNCTION settle_placements() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    due text[];
BEGIN
    IF NOT EXISTS (SELECT FROM placement_due) THEN
        RETURN NULL;
    END IF;
    WITH taken AS (DELETE FROM placement_due RETURNING asset_no) SELECT array_agg(asset_no) INTO due FROM taken;
    PERFORM place_again(due);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER placement_due_is_settled AFTER INSERT ON placement_due DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION settle_placements();

CREATE TRIGGER instrument_holds_placements BEFORE INSERT ON instrument
    FOR EACH STATEMENT EXECUTE FUNCTION hold_placements();
CREATE TRIGGER ownership_holds_placements BEFORE INSERT ON ownership
    FOR EACH STATEMENT EXECUTE FUNCTION hold_placements();
CREATE TRIGGER membership_holds_placements BEFORE INSERT ON membership
    FOR EACH STATEMENT EXECUTE FUNCTION hold_placements();
CREATE TRIGGER description_holds_placements BEFORE INSERT ON instrument_description
    FOR EACH STATEMENT EXECUTE FUNCTION hold_placements();
CREATE TRIGGER unit_description_holds_placements BEFORE INSERT ON unit_description
    FOR EACH STATEMENT EXECUTE FUNCTION hold_placements();
CREATE TRIGGER instrument_is_placed AFTER INSERT ON instrument FOR EACH ROW EXECUTE FUNCTION mark_placement();
CREATE TRIGGER ownership_places AFTER INSERT ON ownership FOR EACH ROW EXECUTE FUNCTION mark_placement();
CREATE TRIGGER membership_places AFTER INSERT ON membership
    FOR EACH ROW WHEN (NEW.kind = 'centre') EXECUTE FUNCTION mark_placement();
CREATE TRIGGER description_places AFTER INSERT ON instrument_description
    FOR EACH ROW EXECUTE FUNCTION mark_placement();
CREATE TRIGGER unit_description_places AFTER INSERT ON unit_description
    FOR EACH ROW EXECUTE FUNCTION mark_placements_of_unit();


-- Sums that follow records and grades

-- A line without sums for the days of the stretch that holds a day, in its month.
CREATE FUNCTION placed_line(of_asset text, on_day date) RETURNS placed_month LANGUAGE plpgsql AS $$
DECLARE
    held placement;
    line placed_month;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('jishi placement', 0));
    SELECT * INTO held FROM placement p WHERE p.asset_no = of_asset AND p.from_day <= on_day
    ORDER BY p.from_day DESC LIMIT 1;
    IF held.asset_no IS NULL THEN
        RAISE EXCEPTION 'instrument % was registered in this transaction: commit it before its hours', of_asset
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT date_trunc('month', on_day), of_asset, held.from_day, held.owner, held.division, held.kind, held.centre,
           held.class_code, held.origin, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 INTO line;
    RETURN line;
END $$;

-- Adds what a day became to its month and to its year.
CREATE FUNCTION add_to_placed(more placed_month) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO placed_month AS held SELECT more.* ON CONFLICT (month, asset_no, placed_from) DO UPDATE SET
        days = held.days + excluded.days, days_over = held.days_over + excluded.days_over,
        until_s = held.until_s + excluded.until_s, unobserved_s = held.unobserved_s + excluded.unobserved_s,
        bridged_s = held.bridged_s + excluded.bridged_s, fault_s = held.fault_s + excluded.fault_s,
        effective_s = held.effective_s + excluded.effective_s, internal_s = held.internal_s + excluded.internal_s,
        claimed_s = held.claimed_s + excluded.claimed_s, verified_s = held.verified_s + excluded.verified_s,
        unresolved_s = held.unresolved_s + excluded.unresolved_s, hand_s = held.hand_s + excluded.hand_s,
        hand_external_s = held.hand_external_s + excluded.hand_external_s,
        counted_s = held.counted_s + excluded.counted_s,
        counted_external_s = held.counted_external_s + excluded.counted_external_s, a_s = held.a_s + excluded.a_s,
        b_s = held.b_s + excluded.b_s, c_s = held.c_s + excluded.c_s, d_s = held.d_s + excluded.d_s,
        x_s = held.x_s + excluded.x_s;
    more.month := date_trunc('year', more.month);
    INSERT INTO placed_year AS held SELECT more.* ON CONFLICT (year, asset_no, placed_from) DO UPDATE SET
        days = held.days + excluded.days, days_over = held.days_over + excluded.days_over,
        until_s = held.until_s + excluded.until_s, unobserved_s = held.unobserved_s + excluded.unobserved_s,
        bridged_s = held.bridged_s + excluded.bridged_s, fault_s = held.fault_s + excluded.fault_s,
        effective_s = held.effective_s + excluded.effective_s, internal_s = held.internal_s + excluded.internal_s,
        claimed_s = held.claimed_s + excluded.claimed_s, verified_s = held.verified_s + excluded.verified_s,
        unresolved_s = held.unresolved_s + excluded.unresolved_s, hand_s = held.hand_s + excluded.hand_s,
        hand_external_s = held.hand_external_s + excluded.hand_external_s,
        counted_s = held.counted_s + excluded.counted_s,
        counted_external_s = held.counted_external_s + excluded.counted_external_s, a_s = held.a_s + excluded.a_s,
        b_s = held.b_s + excluded.b_s, c_s = held.c_s + excluded.c_s, d_s = held.d_s + excluded.d_s,
        x_s = held.x_s + excluded.x_s;
END $$;

-- OLD and NEW are all NULL where there is none.
CREATE FUNCTION follow_record_in_placed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more placed_month := placed_line(coalesce(NEW.asset_no, OLD.asset_no), coalesce(NEW.day, OLD.day));
BEGIN
    more.days := (TG_OP = 'INSERT')::integer - (TG_OP = 'DELETE')::integer;
    more.days_over := coalesce(NEW.until_s = 86400, false)::integer - coalesce(OLD.until_s = 86400, false)::integer;
    more.until_s := coalesce(NEW.until_s, 0) - coalesce(OLD.until_s, 0);
    more.unobserved_s := coalesce(NEW.unobserved_s, 0) - coalesce(OLD.unobserved_s, 0);
    more.bridged_s := coalesce(NEW.bridged_s, 0) - coalesce(OLD.bridged_s, 0);
    more.fault_s := coalesce(NEW.fault_s, 0) - coalesce(OLD.fault_s, 0);
    more.effective_s := coalesce(NEW.effective_s, 0) - coalesce(OLD.effective_s, 0);
    more.internal_s := coalesce(NEW.internal_s, 0) - coalesce(OLD.internal_s, 0);
    more.claimed_s := coalesce(NEW.claimed_s, 0) - coalesce(OLD.claimed_s, 0);
    more.verified_s := coalesce(NEW.verified_s, 0) - coalesce(OLD.verified_s, 0);
    more.unresolved_s := coalesce(NEW.unresolved_s, 0) - coalesce(OLD.unresolved_s, 0);
    more.hand_s := coalesce(NEW.hand_s, 0) - coalesce(OLD.hand_s, 0);
    more.hand_external_s := coalesce(NEW.hand_external_s, 0) - coalesce(OLD.hand_external_s, 0);
    PERFORM add_to_placed(more);
    RETURN NULL;
END $$;
CREATE TRIGGER hour_record_in_placed AFTER INSERT OR DELETE OR UPDATE OF body ON hour_record
    FOR EACH ROW EXECUTE FUNCTION follow_record_in_placed();

CREATE FUNCTION follow_grade_in_placed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more placed_month := placed_line(coalesce(NEW.asset_no, OLD.asset_no), coalesce(NEW.day, OLD.day));
BEGIN
    more.counted_s := coalesce(NEW.counted_s, 0) - coalesce(OLD.counted_s, 0);
    more.counted_external_s := coalesce(NEW.counted_external_s, 0) - coalesce(OLD.counted_external_s, 0);
    more.a_s := coalesce(NEW.a_s, 0) - coalesce(OLD.a_s, 0);
    more.b_s := coalesce(NEW.b_s, 0) - coalesce(OLD.b_s, 0);
    more.c_s := coalesce(NEW.c_s, 0) - coalesce(OLD.c_s, 0);
    more.d_s := coalesce(NEW.d_s, 0) - coalesce(OLD.d_s, 0);
    more.x_s := coalesce(NEW.x_s, 0) - coalesce(OLD.x_s, 0);
    PERFORM add_to_placed(more);
    RETURN NULL;
END $$;
CREATE TRIGGER day_grade_in_placed AFTER INSERT OR DELETE OR UPDATE OF body ON day_grade
    FOR EACH ROW EXECUTE FUNCTION follow_grade_in_placed();


-- External time by beneficiary

-- The external seconds of a record by beneficiary, out of its member "served", whose lines are [order, beneficiary,
-- standing, seconds, documents]. What its lines do not make up has beneficiary '', so that the sums are the record's.
CREATE FUNCTION served_of_record(r hour_record) RETURNS TABLE (beneficiary text, claimed_s bigint, verified_s bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    at integer;
    after integer;
    lines jsonb := '[]';
BEGIN
    IF r.claimed_s + r.verified_s = 0 THEN
        RETURN;
    END IF;
    at := position(',"served":'::bytea IN r.body);
    after := position(',"told":'::bytea IN r.body);
    IF at > 0 AND after > at THEN
        lines := convert_from(substring(r.body FROM at + 10 FOR after - at - 10), 'UTF8')::jsonb;
    END IF;
    RETURN QUERY
    WITH told AS (
        SELECT line ->> 1 AS named, (line ->> 3)::bigint AS seconds, line ->> 2 = 'verified' AS is_verified
        FROM jsonb_array_elements(lines) AS e (line) WHERE line ->> 2 IN ('claimed', 'verified')
    )
    SELECT named, coalesce(sum(seconds) FILTER (WHERE NOT is_verified), 0)::bigint,
           coalesce(sum(seconds) FILTER (WHERE is_verified), 0)::bigint
    FROM (
        TABLE told
        UNION ALL SELECT '', r.claimed_s - coalesce(sum(seconds) FILTER (WHERE NOT is_verified), 0), false FROM told
        UNION ALL SELECT '', r.verified_s - coalesce(sum(seconds) FILTER (WHERE is_verified), 0), true FROM told
    ) AS parts
    GROUP BY named;
END $$;

-- In the order of units and beneficiaries, so that two transactions never wait for each other in a circle.
CREATE FUNCTION follow_record_in_served() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(NEW.claimed_s + NEW.verified_s, 0) + coalesce(OLD.claimed_s + OLD.verified_s, 0) = 0 THEN
        RETURN NULL;
    END IF;
    WITH parts AS (
        SELECT p.owner, p.day, p.beneficiary, sum(p.claimed_s) AS claimed_s, sum(p.verified_s) AS verified_s
        FROM (
            SELECT NEW.owner, NEW.day, s.beneficiary, s.claimed_s, s.verified_s
            FROM served_of_record(NEW) s WHERE TG_OP <> 'DELETE'
            UNION ALL
            SELECT OLD.owner, OLD.day, s.beneficiary, -s.claimed_s, -s.verified_s
            FROM served_of_record(OLD) s WHERE TG_OP <> 'INSERT'
        ) AS p (owner, day, beneficiary, claimed_s, verified_s)
        GROUP BY 1, 2, 3 HAVING sum(p.claimed_s) <> 0 OR sum(p.verified_s) <> 0
    ), of_year AS (
        INSERT INTO served_year AS held (owner, year, beneficiary, claimed_s, verified_s)
        SELECT owner, date_trunc('year', day), beneficiary, claimed_s, verified_s FROM parts ORDER BY 1, 3
        ON CONFLICT (year, owner, beneficiary) DO UPDATE SET
            claimed_s = held.claimed_s + excluded.claimed_s, verified_s = held.verified_s + excluded.verified_s
    )
    INSERT INTO served_month AS held (owner, month, beneficiary, claimed_s, verified_s)
    SELECT owner, date_trunc('month', day), beneficiary, claimed_s, verified_s FROM parts ORDER BY 1, 3
    ON CONFLICT (month, owner, beneficiary) DO UPDATE SET
        claimed_s = held.claimed_s + excluded.claimed_s, verified_s = held.verified_s + excluded.verified_s;
    RETURN NULL;
END $$;
CREATE TRIGGER hour_record_in_served AFTER INSERT OR DELETE OR UPDATE OF body ON hour_record
    FOR EACH ROW EXECUTE FUNCTION follow_record_in_served();

-- What served_month has to be.
CREATE VIEW served_month_of_records AS
SELECT r.owner, date_trunc('month', r.day)::date AS month, s.beneficiary, sum(s.claimed_s)::bigint AS claimed_s,
       sum(s.verified_s)::bigint AS verified_s
FROM hour_record r CROSS JOIN LATERAL served_of_record(r) s
GROUP BY 1, 2, 3 HAVING sum(s.claimed_s) <> 0 OR sum(s.verified_s) <> 0;


-- Vouchers

CREATE FUNCTION insert_order_voucher(of_fact fact) RETURNS void LANGUAGE sql AS $$
    INSERT INTO order_voucher
    SELECT of_fact.seq, of_fact.sha256, o ->> 'unit', o ->> 'order', v ->> 'issuer', v ->> 'number',
           upper(regexp_replace(normalize(concat(v ->> 'issuer', '/', v ->> 'number'), NFKC), '\s', '', 'g')),
           (v ->> 'amount_fen')::bigint, coalesce(o ->> 'beneficiary', ''), coalesce(o ->> 'beneficiary_name', ''),
           coalesce((o ->> 'first_day')::date, local_day_of((o ->> 'at')::bigint))
    FROM (SELECT convert_from(of_fact.body, 'UTF8')::jsonb AS body) b,
         LATERAL (SELECT CASE of_fact.kind WHEN 'order' THEN b.body ELSE b.body -> 'order' END AS o) s,
         LATERAL (SELECT o -> 'voucher' AS v) t
    WHERE v IS NOT NULL
$$;
CREATE FUNCTION follow_fact_in_vouchers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM insert_order_voucher(NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER fact_in_vouchers AFTER INSERT ON fact
    FOR EACH ROW WHEN (NEW.kind IN ('order', 'correction') AND position('"voucher":'::bytea IN NEW.body) > 0)
    EXECUTE FUNCTION follow_fact_in_vouchers();


-- All of it once more

-- Returns how many lines of the sums were wrong. Whoever writes records or facts of the registry waits meanwhile.
CREATE FUNCTION rebuild_rollups() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    assets text[];
    wrong bigint;
    more bigint;
BEGIN
    LOCK TABLE hour_record, day_grade IN SHARE MODE;
    PERFORM pg_advisory_xact_lock(hashtextextended('jishi placement', 0));
    SELECT coalesce(array_agg(asset_no), '{}') INTO assets FROM instrument;
    CREATE TEMPORARY TABLE held_placement ON COMMIT DROP AS TABLE placement;
    CREATE TEMPORARY TABLE held_month ON COMMIT DROP AS SELECT * FROM placed_month WHERE days > 0;
    CREATE TEMPORARY TABLE held_year ON COMMIT DROP AS SELECT * FROM placed_year WHERE days > 0;
    CREATE TEMPORARY TABLE held_served ON COMMIT DROP AS
        SELECT * FROM served_month WHERE claimed_s <> 0 OR verified_s <> 0
        UNION ALL SELECT * FROM served_year WHERE claimed_s <> 0 OR verified_s <> 0;
    PERFORM place_again(assets);
    DELETE FROM served_month;
    INSERT INTO served_month SELECT * FROM served_month_of_records ORDER BY month, owner;
    DELETE FROM served_year;
    INSERT INTO served_year
    SELECT owner, date_trunc('year', month), beneficiary, sum(claimed_s), sum(verified_s) FROM served_month
    GROUP BY 1, 2, 3 ORDER BY 2, 1;
    SELECT count(*) INTO wrong FROM (
        (TABLE held_placement EXCEPT TABLE placement) UNION (TABLE placement EXCEPT TABLE held_placement)
    ) AS differing;
    SELECT count(*) INTO more FROM (
        SELECT month, asset_no, placed_from FROM (TABLE held_month EXCEPT TABLE placed_month) AS surplus
        UNION SELECT month, asset_no, placed_from FROM (TABLE placed_month EXCEPT TABLE held_month) AS missing
    ) AS differing;
    wrong := wrong + more;
    SELECT count(*) INTO more FROM (
        SELECT year, asset_no, placed_from FROM (TABLE held_year EXCEPT TABLE placed_year) AS surplus
        UNION SELECT year, asset_no, placed_from FROM (TABLE placed_year EXCEPT TABLE held_year) AS missing
    ) AS differing;
    wrong := wrong + more;
    WITH made AS (TABLE served_month UNION ALL TABLE served_year)
    SELECT count(*) INTO more FROM (
        SELECT owner, month, beneficiary FROM (TABLE held_served EXCEPT ALL TABLE made) AS surplus
        UNION SELECT owner, month, beneficiary FROM (TABLE made EXCEPT ALL TABLE held_served) AS missing
    ) AS differing;
    DROP TABLE held_placement, held_month, held_year, held_served;
    RETURN wrong + more;
END $$;

SELECT rebuild_rollups();
SELECT insert_order_voucher(f) FROM fact f
WHERE f.kind IN ('order', 'correction') AND position('"voucher":'::bytea IN f.body) > 0 ORDER BY f.seq;
