-- The right of reply: announcement, objections, answers, amendments; and the publication.

-- name: insert_announcement
-- Until when units may object.
INSERT INTO round_announcement (round_id, last_day) VALUES (%(round_id)s, %(last_day)s);

-- name: find_announcement
-- Until when units may object.
SELECT last_day FROM round_announcement WHERE round_id = %(round_id)s;

-- name: insert_objection
-- A unit objects.
INSERT INTO round_objection (round_id, uscc, indicator, why, made_by, made_at)
VALUES (%(round_id)s, %(uscc)s, %(indicator)s, %(why)s, %(by)s, %(now)s) RETURNING objection_id;

-- name: insert_objection_document
-- A file that an objection names.
INSERT INTO round_objection_document (objection_id, document) VALUES (%(objection_id)s, %(document)s);

-- name: insert_answer
-- The evaluator answers; the database refuses an answer of whoever objected.
INSERT INTO round_answer (objection_id, round_id, verdict, why, made_by, made_at)
VALUES (%(objection_id)s, %(round_id)s, %(verdict)s, %(why)s, %(by)s, %(now)s);

-- name: insert_amendment
-- What an upheld objection changed.
INSERT INTO round_amendment (objection_id, round_id, uscc, indicator, source, numerator, denominator, hundredths, was,
    became)
VALUES (%(objection_id)s, %(round_id)s, %(uscc)s, %(indicator)s, %(source)s, %(numerator)s, %(denominator)s,
    %(hundredths)s, %(was)s, %(became)s)
RETURNING seq;

-- name: insert_rescore
-- What a unit has after an amendment.
INSERT INTO round_rescore (amendment, round_id, uscc, body)
VALUES (%(amendment)s, %(round_id)s, %(uscc)s, %(body)s);

-- name: list_objections
-- Objections of the units in a scope, by number, with their documents and answers.
SELECT o.objection_id, o.uscc, o.indicator, o.why,
       ARRAY(SELECT d.document FROM round_objection_document d WHERE d.objection_id = o.objection_id ORDER BY 1),
       o.made_by, o.made_at, a.verdict, a.why, a.made_by, a.made_at
FROM round_objection o LEFT JOIN round_answer a USING (objection_id)
WHERE o.round_id = %(round_id)s AND o.objection_id > %(after)s::bigint
    AND (%(number)s::bigint IS NULL OR o.objection_id = %(number)s)
    AND (%(is_open)s::boolean IS NULL OR (a.objection_id IS NULL) = %(is_open)s)
    AND (%(scope_kind)s = 'everything' OR (%(scope_kind)s = 'unit' AND o.uscc = %(scope_name)s))
ORDER BY o.objection_id LIMIT %(limit)s;

-- name: list_amendments
-- What upheld objections changed, in order.
SELECT seq, objection_id, uscc, indicator, was, became, source, numerator, denominator, hundredths
FROM round_amendment WHERE round_id = %(round_id)s ORDER BY seq;

-- name: insert_publication
-- The published result.
INSERT INTO round_publication (round_id, sha256, body, published_on)
VALUES (%(round_id)s, %(sha256)s, %(body)s, %(day)s);

-- name: find_publication
-- The published result of a round.
SELECT sha256, body, published_on FROM round_publication WHERE round_id = %(round_id)s;

-- name: find_other_publication
-- The round of the same year that was published, if any.
SELECT r.name FROM round r JOIN round_publication USING (round_id)
WHERE r.year = %(year)s AND r.round_id <> %(round_id)s;

-- name: insert_poor_cases
-- A case for each unit that was rated poor, due a year after the notice; none where it has one.
INSERT INTO poor_case (round_id, uscc, notice_on, due_on, opened_by, opened_at)
SELECT %(round_id)s, poor.uscc, %(day)s, (%(day)s::date + interval '1 year')::date, %(by)s, %(now)s
FROM unnest(%(usccs)s::text[]) AS poor (uscc)
ON CONFLICT (round_id, uscc) DO NOTHING;

-- name: list_published
-- The published result of the units of a round, best first.
SELECT rank, uscc, name_zh, name_en, rating, published_rating, exact_hundredths, points, parts
FROM published_result WHERE round_id = %(round_id)s ORDER BY rank, uscc;
