-- What units show of the indicators that experts judge.

-- name: insert_item
-- An item of a unit's list.
INSERT INTO round_evidence (round_id, uscc, indicator, kind, title, note, amount_fen, number, document, made_by, made_at)
VALUES (%(round_id)s, %(uscc)s, %(indicator)s, %(kind)s, %(title)s, %(note)s, %(amount_fen)s, %(number)s, %(document)s,
        %(by)s, %(now)s)
RETURNING item_id;

-- name: count_items
-- How many items a unit has in a round.
SELECT count(*) FROM round_evidence WHERE round_id = %(round_id)s AND uscc = %(uscc)s;

-- name: insert_withdrawal
-- An item counts no more.
INSERT INTO round_evidence_withdrawal (item_id, round_id, why, made_by, made_at)
VALUES (%(item_id)s, %(round_id)s, %(why)s, %(by)s, %(now)s);

-- name: insert_term
-- Until when evidence is taken.
INSERT INTO round_evidence_term (round_id, last_day, why, made_by, made_at)
VALUES (%(round_id)s, %(last_day)s, %(why)s, %(by)s, %(now)s);

-- name: find_term
-- Until when evidence is taken, by the last word.
SELECT last_day FROM round_evidence_term WHERE round_id = %(round_id)s ORDER BY seq DESC LIMIT 1;

-- name: list_items
-- Items that somebody sees, by number.
SELECT e.item_id, e.uscc, e.indicator, e.kind, e.title, e.note, e.amount_fen, e.number, e.document, e.made_by, e.made_at,
       w.why, w.made_by, w.made_at
FROM round_evidence e LEFT JOIN round_evidence_withdrawal w USING (item_id)
WHERE e.round_id = %(round_id)s AND e.item_id > %(after)s::bigint
    AND (%(sees_uscc)s::text IS NULL OR e.uscc = %(sees_uscc)s) AND e.indicator = ANY (%(sees_indicators)s::integer[])
    AND (%(uscc)s::text IS NULL OR e.uscc = %(uscc)s)
    AND (%(indicator)s::integer IS NULL OR e.indicator = %(indicator)s)
    AND (%(number)s::bigint IS NULL OR e.item_id = %(number)s)
ORDER BY e.item_id LIMIT %(limit)s;

-- name: find_stored
-- A stored file.
SELECT sha256, bytes, media_type, name, stored_by FROM document WHERE sha256 = %(sha256)s;
