-- What is registered of units, instruments and facilities, from which day on. A description is whole: it says all that
-- holds from its day until the next one's, and of two for the same day the later recorded (highest seq) holds.
-- The tables unit, instrument and facility say what exists; their names are those of the first registration.

-- kind, department 主管部门 and division (GB/T 2260, six digits) are '' where nobody said.
CREATE TABLE unit_description (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uscc        text NOT NULL REFERENCES unit,
    from_day    date NOT NULL,
    name_zh     text NOT NULL CHECK (name_zh <> ''),
    name_en     text NOT NULL,
    kind        text NOT NULL
        CHECK (kind IN ('', 'university', 'institute', 'enterprise', 'testing-body', 'hospital', 'other')),
    department  text NOT NULL,
    division    text NOT NULL CHECK (division ~ '^([1-9][0-9]{5})?$'),
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX unit_description_newest ON unit_description (uscc, from_day DESC, seq DESC);
CREATE TRIGGER unit_description_is_a_fact BEFORE UPDATE OR DELETE ON unit_description
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Money is in fen; NULL and '' where nobody said. government_fen: how much of the value public money paid.
-- shareable false: exempt from sharing, by a document and for a reason.
CREATE TABLE instrument_description (
    seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no        text NOT NULL REFERENCES instrument,
    from_day        date NOT NULL,
    name_zh         text NOT NULL CHECK (name_zh <> ''),
    name_en         text NOT NULL,
    class_code      text NOT NULL,
    value_fen       bigint CHECK (value_fen > 0),
    funding         text NOT NULL,
    government_fen  bigint CHECK (government_fen BETWEEN 0 AND value_fen),
    maker           text NOT NULL,
    model           text NOT NULL,
    origin          text NOT NULL CHECK (origin IN ('', 'domestic', 'imported')),
    country         text NOT NULL,
    accepted_on     date,
    shareable       boolean,
    exempt_document text NOT NULL,
    exempt_reason   text NOT NULL,
    recorded_by     text NOT NULL CHECK (recorded_by <> ''),
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (government_fen IS NULL OR value_fen IS NOT NULL),
    CHECK (shareable IS NOT FALSE OR (exempt_document <> '' AND exempt_reason <> '')),
    CHECK (shareable IS FALSE OR (exempt_document = '' AND exempt_reason = ''))
);
CREATE INDEX instrument_description_newest ON instrument_description (asset_no, from_day DESC, seq DESC);
CREATE TRIGGER instrument_description_is_a_fact BEFORE UPDATE OR DELETE ON instrument_description
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What instruments belong to: a facility 设施, or a centre 集约化平台 where instruments of many stand together.
CREATE TABLE facility (
    facility_no   text PRIMARY KEY CHECK (length(facility_no) BETWEEN 1 AND 64),
    kind          text NOT NULL CHECK (kind IN ('facility', 'centre')),
    name_zh       text NOT NULL CHECK (name_zh <> ''),
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (kind, facility_no)
);

-- uscc: the unit that runs it.
CREATE TABLE facility_description (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility_no    text NOT NULL REFERENCES facility,
    from_day       date NOT NULL,
    name_zh        text NOT NULL CHECK (name_zh <> ''),
    name_en        text NOT NULL,
    uscc           text REFERENCES unit,
    value_fen      bigint CHECK (value_fen > 0),
    government_fen bigint CHECK (government_fen BETWEEN 0 AND value_fen),
    recorded_by    text NOT NULL CHECK (recorded_by <> ''),
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (government_fen IS NULL OR value_fen IS NOT NULL)
);
CREATE INDEX facility_description_newest ON facility_description (facility_no, from_day DESC, seq DESC);
CREATE TRIGGER facility_description_is_a_fact BEFORE UPDATE OR DELETE ON facility_description
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- To which facility and to which centre an instrument belongs from a day on; facility_no NULL: to none.
CREATE TABLE membership (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asset_no    text NOT NULL REFERENCES instrument,
    kind        text NOT NULL CHECK (kind IN ('facility', 'centre')),
    facility_no text,
    from_day    date NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (kind, facility_no) REFERENCES facility (kind, facility_no)
);
CREATE INDEX membership_newest ON membership (asset_no, kind, from_day DESC, seq DESC);
CREATE INDEX membership_of_facility ON membership (facility_no);
CREATE TRIGGER membership_is_a_fact BEFORE UPDATE OR DELETE ON membership
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What holds on a day. Where nothing was described by then, what the first registration said. No row: no such thing.

-- By unit, for lists of what a unit owns.
CREATE INDEX ownership_of_unit ON ownership (uscc, asset_no);

CREATE FUNCTION owner_on(of_asset text, on_day date) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT o.uscc FROM ownership o WHERE o.asset_no = of_asset AND o.from_day <= on_day
    ORDER BY o.from_day DESC, o.seq DESC LIMIT 1
$$;

CREATE FUNCTION member_on(of_asset text, of_kind text, on_day date) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT m.facility_no FROM membership m WHERE m.asset_no = of_asset AND m.kind = of_kind AND m.from_day <= on_day
    ORDER BY m.from_day DESC, m.seq DESC LIMIT 1
$$;

CREATE FUNCTION unit_on(of_uscc text, on_day date) RETURNS TABLE (
    uscc text, name_zh text, name_en text, kind text, department text, division text, from_day date
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT u.uscc, coalesce(d.name_zh, u.name_zh), coalesce(d.name_en, u.name_en), coalesce(d.kind, ''),
           coalesce(d.department, ''), coalesce(d.division, ''), d.from_day
    FROM unit u
    LEFT JOIN LATERAL (
        SELECT * FROM unit_description t WHERE t.uscc = u.uscc AND t.from_day <= on_day
        ORDER BY t.from_day DESC, t.seq DESC LIMIT 1
    ) d ON true
    WHERE u.uscc = of_uscc
$$;

CREATE FUNCTION instrument_on(of_asset text, on_day date) RETURNS TABLE (
    asset_no text, name_zh text, name_en text, class_code text, value_fen bigint, funding text, government_fen bigint,
    maker text, model text, origin text, country text, accepted_on date, shareable boolean, exempt_document text,
    exempt_reason text, from_day date
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT i.asset_no, coalesce(d.name_zh, i.name_zh), coalesce(d.name_en, i.name_en), coalesce(d.class_code, ''),
           d.value_fen, coalesce(d.funding, ''), d.government_fen, coalesce(d.maker, ''), coalesce(d.model, i.model),
           coalesce(d.origin, ''), coalesce(d.country, ''), d.accepted_on, d.shareable,
           coalesce(d.exempt_document, ''), coalesce(d.exempt_reason, ''), d.from_day
    FROM instrument i
    LEFT JOIN LATERAL (
        SELECT * FROM instrument_description t WHERE t.asset_no = i.asset_no AND t.from_day <= on_day
        ORDER BY t.from_day DESC, t.seq DESC LIMIT 1
    ) d ON true
    WHERE i.asset_no = of_asset
$$;

CREATE FUNCTION facility_on(of_facility text, on_day date) RETURNS TABLE (
    facility_no text, kind text, name_zh text, name_en text, uscc text, value_fen bigint, government_fen bigint,
    from_day date
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT f.facility_no, f.kind, coalesce(d.name_zh, f.name_zh), coalesce(d.name_en, ''), d.uscc, d.value_fen,
           d.government_fen, d.from_day
    FROM facility f
    LEFT JOIN LATERAL (
        SELECT * FROM facility_description t WHERE t.facility_no = f.facility_no AND t.from_day <= on_day
        ORDER BY t.from_day DESC, t.seq DESC LIMIT 1
    ) d ON true
    WHERE f.facility_no = of_facility
$$;
