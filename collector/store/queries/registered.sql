-- What is registered of units, instruments and facilities from which day on: written by imports, a thousand at a time.

-- name: lock_registry
-- Two imports at once would each compare with what the other is about to change; the second waits.
SELECT pg_advisory_xact_lock(hashtextextended('jishi registry', 0));

-- name: find_units_on
-- Each unit that exists as it was on the day beside it.
SELECT u.*, asked.day FROM unnest(%(keys)s::text[], %(days)s::date[]) AS asked (key, day)
CROSS JOIN LATERAL unit_on(asked.key, asked.day) u;

-- name: find_instruments_on
-- Each instrument that exists as it was on the day beside it.
SELECT i.*, asked.day FROM unnest(%(keys)s::text[], %(days)s::date[]) AS asked (key, day)
CROSS JOIN LATERAL instrument_on(asked.key, asked.day) i;

-- name: find_facilities_on
-- Each facility that exists as it was on the day beside it.
SELECT f.*, asked.day FROM unnest(%(keys)s::text[], %(days)s::date[]) AS asked (key, day)
CROSS JOIN LATERAL facility_on(asked.key, asked.day) f;

-- name: find_places_on
-- Each instrument that exists with its owner, facility and centre on the day beside it, and who owned it next.
SELECT i.asset_no, asked.day, owner_on(i.asset_no, asked.day), member_on(i.asset_no, 'facility', asked.day),
       member_on(i.asset_no, 'centre', asked.day),
       (SELECT o.uscc FROM ownership o WHERE o.asset_no = i.asset_no AND o.from_day > asked.day
        ORDER BY o.from_day, o.seq DESC LIMIT 1)
FROM unnest(%(keys)s::text[], %(days)s::date[]) AS asked (key, day) JOIN instrument i ON i.asset_no = asked.key;

-- name: insert_unit_description
-- All that holds of a unit from a day on.
INSERT INTO unit_description (uscc, from_day, name_zh, name_en, kind, department, division, recorded_by)
VALUES (%(uscc)s, %(from_day)s, %(name_zh)s, %(name_en)s, %(kind)s, %(department)s, %(division)s, %(recorded_by)s);

-- name: insert_instrument_description
-- All that holds of an instrument from a day on.
INSERT INTO instrument_description (
    asset_no, from_day, name_zh, name_en, class_code, value_fen, funding, government_fen, maker, model, origin, country,
    accepted_on, shareable, exempt_document, exempt_reason, bookable, fee, location, recorded_by
) VALUES (
    %(asset_no)s, %(from_day)s, %(name_zh)s, %(name_en)s, %(class_code)s, %(value_fen)s, %(funding)s,
    %(government_fen)s, %(maker)s, %(model)s, %(origin)s, %(country)s, %(accepted_on)s, %(shareable)s,
    %(exempt_document)s, %(exempt_reason)s, %(bookable)s, %(fee)s, %(location)s, %(recorded_by)s
);

-- name: insert_facility
-- A facility that is not there yet.
INSERT INTO facility (facility_no, kind, name_zh) VALUES (%(facility_no)s, %(kind)s, %(name_zh)s)
ON CONFLICT DO NOTHING;

-- name: insert_facility_description
-- All that holds of a facility from a day on.
INSERT INTO facility_description (facility_no, from_day, name_zh, name_en, uscc, value_fen, government_fen, recorded_by)
VALUES (%(facility_no)s, %(from_day)s, %(name_zh)s, %(name_en)s, %(uscc)s, %(value_fen)s, %(government_fen)s,
        %(recorded_by)s);

-- name: insert_membership
-- From that day the instrument belongs to this facility or centre; NULL: to none of that kind.
INSERT INTO membership (asset_no, kind, facility_no, from_day, recorded_by)
VALUES (%(asset_no)s, %(kind)s, %(facility_no)s, %(from_day)s, %(recorded_by)s);

-- name: list_known
-- Which of some units and facilities exist, with the kind of the latter.
SELECT uscc, 'unit' FROM unit WHERE uscc = ANY(%(keys)s)
UNION ALL SELECT facility_no, kind FROM facility WHERE facility_no = ANY(%(keys)s);

-- name: list_descriptions_of_instrument
-- All that was ever recorded of an instrument, by the day from which it holds.
SELECT asset_no, name_zh, name_en, class_code, value_fen, funding, government_fen, maker, model, origin, country,
       accepted_on, shareable, exempt_document, exempt_reason, bookable, fee, location, from_day, recorded_by,
       recorded_at
FROM instrument_description WHERE asset_no = %(asset_no)s ORDER BY from_day, seq;

-- name: list_places_of_instrument
-- To whom and to what an instrument belonged, by the day from which it did: owner, facility, centre.
SELECT from_day, kind, key, recorded_at FROM (
    SELECT from_day, 'owner' AS kind, uscc AS key, recorded_at, seq FROM ownership WHERE asset_no = %(asset_no)s
    UNION ALL
    SELECT from_day, kind, facility_no, recorded_at, seq FROM membership WHERE asset_no = %(asset_no)s
) places ORDER BY from_day, kind, seq;

-- name: list_officers_on
-- Who was an officer of a unit at the end of a local day: by the newest appointment of each person up to then.
SELECT p.name, newest.role FROM person p
CROSS JOIN LATERAL (
    SELECT a.role, a.scope_kind, a.scope_name FROM appointment a
    WHERE a.person_id = p.person_id
      AND a.recorded_at < ((%(day)s::date + 1)::timestamp - interval '8 hours') AT TIME ZONE 'UTC'
    ORDER BY a.seq DESC LIMIT 1
) newest
WHERE newest.role IN ('officer', 'approver') AND (newest.scope_kind, newest.scope_name) = ('unit', %(uscc)s)
ORDER BY p.name;

-- name: hold_placements
-- Waits until no record is being written, and holds off the next one: what an instrument is described as changes.
SELECT pg_advisory_xact_lock(hashtextextended('jishi placement', 0));

-- name: touch_days_of_models
-- Marks the days of instruments that are to be another model from a day on, where a policy holds for any model: asked
-- before the new description is there.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT DISTINCT r.asset_no, r.day, clock_timestamp(), 'policy'
FROM unnest(%(asset_nos)s::text[], %(days)s::date[], %(models)s::text[]) AS told (asset_no, from_day, model)
JOIN hour_record r ON r.asset_no = told.asset_no AND r.day >= told.from_day
WHERE EXISTS (SELECT FROM policy_in_force f WHERE f.model IS NOT NULL)
    AND (SELECT i.model FROM instrument_on(told.asset_no, told.from_day) i) IS DISTINCT FROM told.model
ORDER BY r.asset_no, r.day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);
