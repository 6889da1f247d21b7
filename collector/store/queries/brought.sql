-- What booking systems bring besides facts: bookings, users, charges, details of orders, effects of a year.

-- name: list_newest_bookings
-- What sources said last under their keys.
SELECT DISTINCT ON (b.source, b.key) b.source, b.key, b.content FROM booking b
JOIN unnest(%(firsts)s::text[], %(seconds)s::text[]) AS asked (source, key) USING (source, key)
ORDER BY b.source, b.key, b.seq DESC;

-- name: insert_booking
-- One line of a booking.
INSERT INTO booking (source, key, state, asset_no, unit, starts_at, ends_at, first_day, last_day, user_hash, order_no,
    content, recorded_by, recorded_at)
VALUES (%(source)s, %(key)s, %(state)s, %(asset_no)s, %(unit)s, %(starts_at)s, %(ends_at)s, %(first_day)s,
    %(last_day)s, %(user_hash)s, %(order_no)s, %(content)s, %(by)s, %(now)s);

-- name: list_newest_users
-- What was said last of users of units.
SELECT DISTINCT ON (u.unit, u.user_hash) u.unit, u.user_hash, u.content FROM unit_user u
JOIN unnest(%(firsts)s::text[], %(seconds)s::text[]) AS asked (unit, user_hash) USING (unit, user_hash)
ORDER BY u.unit, u.user_hash, u.seq DESC;

-- name: insert_user
-- One line of a user.
INSERT INTO unit_user (unit, source, user_hash, card_hash, member_of, kind, state, content, recorded_by, recorded_at)
VALUES (%(unit)s, %(source)s, %(user_hash)s, %(card_hash)s, %(member_of)s, %(kind)s, %(state)s, %(content)s, %(by)s,
    %(now)s);

-- name: list_newest_charges
-- Charges under keys of their sources.
SELECT c.source, c.key, c.content FROM charge c
JOIN unnest(%(firsts)s::text[], %(seconds)s::text[]) AS asked (source, key) USING (source, key);

-- name: insert_charge
-- A charge or a refund.
INSERT INTO charge (source, key, unit, order_no, kind, amount_fen, charged_on, content, recorded_by, recorded_at)
VALUES (%(source)s, %(key)s, %(unit)s, %(order_no)s, %(kind)s, %(amount_fen)s, %(charged_on)s, %(content)s, %(by)s,
    %(now)s);

-- name: list_newest_details
-- What was said last of orders of units.
SELECT DISTINCT ON (d.unit, d.order_no) d.unit, d.order_no, d.content FROM order_detail d
JOIN unnest(%(firsts)s::text[], %(seconds)s::text[]) AS asked (unit, order_no) USING (unit, order_no)
ORDER BY d.unit, d.order_no, d.seq DESC;

-- name: insert_detail
-- One line of an order's details.
INSERT INTO order_detail (unit, source, order_no, project_name, project_source, area, direction, satisfaction, content,
    recorded_by, recorded_at)
VALUES (%(unit)s, %(source)s, %(order_no)s, %(project_name)s, %(project_source)s, %(area)s, %(direction)s,
    %(satisfaction)s, %(content)s, %(by)s, %(now)s);

-- name: list_newest_effects
-- What was said last of instruments' years.
SELECT DISTINCT ON (e.asset_no, e.year) e.asset_no, e.year, e.content FROM year_effect e
JOIN unnest(%(firsts)s::text[], %(seconds)s::text[]) AS asked (asset_no, year)
    ON asked.asset_no = e.asset_no AND asked.year = e.year::text
ORDER BY e.asset_no, e.year, e.seq DESC;

-- name: insert_effect
-- What a year of an instrument brought.
INSERT INTO year_effect (asset_no, unit, source, year, papers, patents, remark, content, recorded_by, recorded_at)
VALUES (%(asset_no)s, %(unit)s, %(source)s, %(year)s, %(papers)s, %(patents)s, %(remark)s, %(content)s, %(by)s, %(now)s);

-- name: list_bookings
-- Bookings as they stand, after one, in a scope, that touch a range of days.
SELECT seq, source, key, state, asset_no, starts_at, ends_at, order_no, recorded_at
FROM (
    SELECT DISTINCT ON (b.source, b.key) b.* FROM booking b
    WHERE EXISTS (SELECT FROM booking t WHERE t.source = b.source AND t.key = b.key
                  AND t.first_day <= %(last_day)s AND t.last_day >= %(first_day)s)
    ORDER BY b.source, b.key, b.seq DESC
) newest
WHERE seq > %(after)s AND first_day <= %(last_day)s AND last_day >= %(first_day)s
    AND (%(asset_no)s::text IS NULL OR asset_no = %(asset_no)s)
    AND in_scope(asset_no, %(scope_kind)s, %(scope_name)s, first_day, first_day)
ORDER BY seq LIMIT %(limit)s;

-- name: list_records_compared
-- Hour records of a range of days in a scope, of instruments that anybody ever booked, by instrument and day.
SELECT r.body FROM hour_record r
WHERE r.day BETWEEN %(first_day)s AND %(last_day)s
    AND EXISTS (SELECT FROM booking b WHERE b.asset_no = r.asset_no)
    AND in_scope(r.asset_no, %(scope_kind)s, %(scope_name)s, r.day, r.day)
ORDER BY r.asset_no, r.day;
