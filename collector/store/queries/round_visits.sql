-- Which units are visited.

-- name: load_flag_cut
-- The last flag that is known.
SELECT coalesce(max(seq), 0) FROM flag;

-- name: list_weighed
-- What the flags of each unit's counted instruments weigh together, up to a flag, and their rules, the heaviest first.
SELECT uscc, sum(weighed)::bigint, array_agg(rule ORDER BY weighed DESC, rule)
FROM (
    SELECT m.uscc, w.rule, sum(w.weighed)::bigint AS weighed
    FROM weigh_flags(%(first)s, %(last)s, %(upto)s, 'everything', '') w
    JOIN round_member m ON m.round_id = %(round_id)s AND m.kind = 'instrument' AND m.name = w.asset_no AND m.is_in
    GROUP BY m.uscc, w.rule
) AS by_rule
GROUP BY uscc ORDER BY uscc;

-- name: insert_draw
-- A draw.
INSERT INTO round_draw (round_id, seed, by_flags, by_seed, flag_seq, why, made_by, made_at)
VALUES (%(round_id)s, %(seed)s, %(by_flags)s, %(by_seed)s, %(flag_seq)s, %(why)s, %(by)s, %(now)s) RETURNING draw_id;

-- name: insert_visit
-- A unit that is to be visited.
INSERT INTO round_visit (draw_id, place, uscc, reason, weight, rules)
VALUES (%(draw_id)s, %(place)s, %(uscc)s, %(reason)s, %(weight)s, %(rules)s);

-- name: list_draws
-- The draws of a round, the first one first.
SELECT draw_id, seed, by_flags, by_seed, flag_seq, why, made_by, made_at FROM round_draw
WHERE round_id = %(round_id)s ORDER BY draw_id;

-- name: list_visits
-- Who is to be visited, by draw and place.
SELECT v.draw_id, v.place, v.uscc, v.reason, v.weight, v.rules FROM round_visit v JOIN round_draw USING (draw_id)
WHERE round_id = %(round_id)s ORDER BY v.draw_id, v.place;
