-- Schemes, experts, what they gave, and the ranking that came of it.

-- name: insert_scheme
-- A scheme that was entered; nothing where the very same was before.
INSERT INTO scheme (sha256, body, name, from_day, why, entered_by, entered_at)
VALUES (%(sha256)s, %(body)s, %(name)s, %(from_day)s, %(why)s, %(by)s, %(now)s) ON CONFLICT (sha256) DO NOTHING;

-- name: list_schemes
-- Schemes, the latest first; those whose identity begins so, where that is given.
SELECT sha256, body, why, entered_by, entered_at FROM scheme
WHERE %(begins)s::text IS NULL OR starts_with(sha256, %(begins)s) ORDER BY entered_at DESC, sha256;

-- name: insert_round_scheme
-- Which scheme a round has.
INSERT INTO round_scheme (round_id, sha256) VALUES (%(round_id)s, %(sha256)s);

-- name: insert_expert
-- Somebody gives points to an indicator; nothing where he does already.
INSERT INTO round_expert (round_id, person_id, indicator, why, appointed_by, appointed_at)
VALUES (%(round_id)s, %(person_id)s, %(indicator)s, %(why)s, %(by)s, %(now)s) ON CONFLICT DO NOTHING;

-- name: list_experts
-- Who gives points to what.
SELECT p.person_id, p.name, e.indicator FROM round_expert e JOIN person p USING (person_id)
WHERE e.round_id = %(round_id)s ORDER BY p.name, e.indicator;

-- name: insert_points
-- What an expert gives.
INSERT INTO round_points (round_id, person_id, indicator, uscc, hundredths, why, given_at)
VALUES (%(round_id)s, %(person_id)s, %(indicator)s, %(uscc)s, %(hundredths)s, %(why)s, %(now)s);

-- name: list_points
-- What experts gave, the line of each that holds; of one person where he is given.
SELECT DISTINCT ON (g.uscc, g.indicator, p.name) g.uscc, g.indicator, p.name, g.hundredths, g.why, g.given_at
FROM round_points g JOIN person p USING (person_id)
WHERE g.round_id = %(round_id)s AND (%(person_id)s::integer IS NULL OR g.person_id = %(person_id)s)
ORDER BY g.uscc, g.indicator, p.name, g.seq DESC;

-- name: insert_score
-- What a unit reached.
INSERT INTO round_score (round_id, uscc, body) VALUES (%(round_id)s, %(uscc)s, %(body)s);

-- name: list_scores
-- What the units reached, and the rating that a person set last, where one did. upto: after which amendment; 0 as the
-- round was closed, null as it is now.
SELECT s.uscc, coalesce(u.name_zh, ''), coalesce(u.name_en, ''), coalesce(n.body, s.body), t.rating, t.why, t.made_by,
       t.made_at
FROM round_score s JOIN round r USING (round_id) LEFT JOIN LATERAL unit_on(s.uscc, r.as_of) u ON true
LEFT JOIN LATERAL (
    SELECT body FROM round_rescore x
    WHERE (x.round_id, x.uscc) = (s.round_id, s.uscc) AND (%(upto)s::bigint IS NULL OR x.amendment <= %(upto)s)
    ORDER BY x.amendment DESC LIMIT 1
) n ON true
LEFT JOIN LATERAL (
    SELECT rating, why, made_by, made_at FROM round_rating g
    WHERE (g.round_id, g.uscc) = (s.round_id, s.uscc) ORDER BY g.seq DESC LIMIT 1
) t ON true
WHERE s.round_id = %(round_id)s ORDER BY s.uscc;

-- name: insert_rating
-- A person sets a rating.
INSERT INTO round_rating (round_id, uscc, rating, why, made_by, made_at)
VALUES (%(round_id)s, %(uscc)s, %(rating)s, %(why)s, %(by)s, %(now)s);
