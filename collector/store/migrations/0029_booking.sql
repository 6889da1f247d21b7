-- What a user of an instrument asks first: may it be booked, what does it cost, where does it stand. NULL and '' where
-- nobody said. fee: the tariff in the unit's own words; amounts of orders are on the orders.
ALTER TABLE instrument_description
    ADD COLUMN bookable boolean,
    ADD COLUMN fee text NOT NULL DEFAULT '',
    ADD COLUMN location text NOT NULL DEFAULT '',
    ADD CHECK (shareable IS NOT FALSE OR bookable IS NOT TRUE);

DROP FUNCTION instrument_on(text, date);
CREATE FUNCTION instrument_on(of_asset text, on_day date) RETURNS TABLE (
    asset_no text, name_zh text, name_en text, class_code text, value_fen bigint, funding text, government_fen bigint,
    maker text, model text, origin text, country text, accepted_on date, shareable boolean, exempt_document text,
    exempt_reason text, bookable boolean, fee text, location text, from_day date
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT i.asset_no, coalesce(d.name_zh, i.name_zh), coalesce(d.name_en, i.name_en), coalesce(d.class_code, ''),
           d.value_fen, coalesce(d.funding, ''), d.government_fen, coalesce(d.maker, ''), coalesce(d.model, i.model),
           coalesce(d.origin, ''), coalesce(d.country, ''), d.accepted_on, d.shareable,
           coalesce(d.exempt_document, ''), coalesce(d.exempt_reason, ''), d.bookable, coalesce(d.fee, ''),
           coalesce(d.location, ''), d.from_day
    FROM instrument i
    LEFT JOIN LATERAL (
        SELECT * FROM instrument_description t WHERE t.asset_no = i.asset_no AND t.from_day <= on_day
        ORDER BY t.from_day DESC, t.seq DESC LIMIT 1
    ) d ON true
    WHERE i.asset_no = of_asset
$$;
