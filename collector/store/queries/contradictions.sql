-- What people said that cannot all be so, or that somebody ought to look at. Each query lists lines of the same shape:
-- asset_no, day, what it is about (facts, orders, documents), seconds or money, and a sentence's parts. Nothing here
-- changes an hour.

-- name: list_standing_uses
-- Uses that touch a range of days and that no correction names, with their owner then.
SELECT f.sha256, f.body, owner_on(f.asset_no, f.first_day) FROM fact f
WHERE f.kind = 'use' AND f.first_day <= %(last_day)s AND f.last_day >= %(first_day)s
    AND NOT EXISTS (SELECT FROM fact c WHERE c.target = 'fact:' || f.sha256)
    AND in_scope(f.asset_no, %(scope_kind)s, %(scope_name)s, f.first_day, f.first_day)
ORDER BY f.asset_no, f.first_day, f.seq;

-- name: list_records_of_days
-- Hour records of a range of days.
SELECT r.body FROM hour_record r
WHERE r.day BETWEEN %(first_day)s AND %(last_day)s
    AND in_scope(r.asset_no, %(scope_kind)s, %(scope_name)s, r.day, r.day)
ORDER BY r.asset_no, r.day;

-- name: list_shared_documents
-- Files that two orders or more name as their proof.
SELECT d.document, array_agg(DISTINCT f.unit || ' ' || f.order_no ORDER BY f.unit || ' ' || f.order_no)
FROM fact_document d JOIN fact f ON f.sha256 = d.fact
WHERE f.order_no IS NOT NULL AND f.unit IS NOT NULL
    AND unit_in_scope(f.unit, %(scope_kind)s, %(scope_name)s, %(last_day)s)
GROUP BY d.document HAVING count(DISTINCT (f.unit, f.order_no)) > 1
ORDER BY d.document;

-- name: list_shared_vouchers
-- Vouchers that two orders or more were paid with.
SELECT issuer, number, array_agg(named ORDER BY named) FROM (
    SELECT DISTINCT convert_from(f.body, 'UTF8')::jsonb #>> '{voucher,issuer}' AS issuer,
           convert_from(f.body, 'UTF8')::jsonb #>> '{voucher,number}' AS number, f.unit || ' ' || f.order_no AS named
    FROM fact f
    WHERE f.kind = 'order' AND convert_from(f.body, 'UTF8')::jsonb ? 'voucher'
        AND unit_in_scope(f.unit, %(scope_kind)s, %(scope_name)s, %(last_day)s)
) paid
GROUP BY issuer, number HAVING count(*) > 1
ORDER BY issuer, number;

-- name: list_orders_of_unit
-- Orders by unit and number.
SELECT f.unit, f.order_no, f.body FROM fact f
JOIN unnest(%(units)s::text[], %(numbers)s::text[]) AS named (unit, order_no) USING (unit, order_no)
WHERE f.kind = 'order';
