-- Notices 通报: what they are made of, and the notices themselves.

-- name: list_sums
-- The sums of a frozen period by instrument and owner.
SELECT body FROM frozen_leaf WHERE frozen_id = %(frozen_id)s AND kind = 'figure' ORDER BY place;

-- name: list_policies
-- The policies that were in force in a frozen period.
SELECT DISTINCT p.sha256, p.name FROM frozen_leaf l JOIN policy p ON p.sha256 = convert_from(l.body, 'UTF8')::jsonb ->> 4
WHERE l.frozen_id = %(frozen_id)s AND l.kind = 'policy' ORDER BY p.sha256;

-- name: list_units
-- Units of a subject on a day: all, one, or those of a division by the first digits of its code.
SELECT u.uscc, o.name_zh FROM unit u CROSS JOIN LATERAL unit_on(u.uscc, %(day)s) o
WHERE %(kind)s = 'everything' OR (%(kind)s = 'unit' AND u.uscc = %(name)s)
    OR (%(kind)s = 'division' AND starts_with(o.division, %(name)s));

-- name: lock_notices
-- One notice at a time.
SELECT pg_advisory_xact_lock(hashtextextended('jishi notices', 0));

-- name: insert_notice
-- A notice is issued; nothing where its number is taken.
INSERT INTO notice (number, kind, subject, first_day, last_day, frozen_id, body, sha256, text, text_sha256, why,
    issued_by, issued_at)
VALUES (%(number)s, %(kind)s, %(subject)s, %(first_day)s, %(last_day)s,
    (SELECT frozen_id FROM frozen WHERE name = %(frozen)s), %(body)s, %(sha256)s, %(text)s, %(text_sha256)s, %(why)s,
    %(by)s, %(now)s)
ON CONFLICT (number) DO NOTHING RETURNING notice_id;

-- name: insert_notice_unit
-- Whom it names.
INSERT INTO notice_unit (notice_id, uscc, reason) VALUES (%(notice_id)s, %(uscc)s, %(reason)s);

-- name: list_notices
-- Notices before a number, the latest first: all, or those that name a unit of the scope.
SELECT n.notice_id, n.number, n.kind, n.subject, n.first_day, n.last_day, f.name, n.sha256, n.text_sha256, n.why,
       n.issued_by, n.issued_at, (SELECT count(*) FROM notice_unit u WHERE u.notice_id = n.notice_id),
       (SELECT count(*) FROM notice_reply r WHERE r.notice_id = n.notice_id)
FROM notice n JOIN frozen f USING (frozen_id)
WHERE n.notice_id < %(before)s AND (%(notice_id)s::bigint IS NULL OR n.notice_id = %(notice_id)s)
    AND (%(scope_kind)s = 'everything' OR EXISTS (
        SELECT FROM notice_unit u WHERE u.notice_id = n.notice_id
            AND unit_in_scope(u.uscc, %(scope_kind)s, %(scope_name)s, n.last_day)))
ORDER BY n.notice_id DESC LIMIT %(limit)s;

-- name: list_named
-- The units in a scope that a notice names.
SELECT u.uscc FROM notice_unit u JOIN notice n USING (notice_id)
WHERE n.notice_id = %(notice_id)s AND unit_in_scope(u.uscc, %(scope_kind)s, %(scope_name)s, n.last_day);

-- name: load_notice
-- The bytes of a notice.
SELECT body, text FROM notice WHERE notice_id = %(notice_id)s;

-- name: insert_reply
-- What a unit says to it.
INSERT INTO notice_reply (notice_id, uscc, reply, document, made_by, made_at)
VALUES (%(notice_id)s, %(uscc)s, %(why)s, %(document)s, %(by)s, %(now)s);

-- name: list_replies
-- What units said to a notice, in order.
SELECT r.uscc, r.reply, r.document, r.made_by, r.made_at FROM notice_reply r
WHERE r.notice_id = %(notice_id)s ORDER BY r.seq;

-- name: is_stored
-- Whether there is such a file.
SELECT FROM document WHERE sha256 = %(document)s;

-- name: is_named
-- Whether a notice names a unit.
SELECT FROM notice_unit WHERE notice_id = %(notice_id)s AND uscc = %(uscc)s;
