-- name: insert_unit
-- A unit that is not there yet; nothing when the code is taken.
INSERT INTO unit (uscc, name_zh, name_en) VALUES (%(uscc)s, %(name_zh)s, %(name_en)s) ON CONFLICT DO NOTHING;

-- name: load_unit
-- One unit by its code.
SELECT name_zh, name_en FROM unit WHERE uscc = %(uscc)s;

-- name: insert_instrument
-- An instrument that is not there yet; nothing when the asset number is taken.
INSERT INTO instrument (asset_no, name_zh, name_en, model)
VALUES (%(asset_no)s, %(name_zh)s, %(name_en)s, %(model)s) ON CONFLICT DO NOTHING;

-- name: load_instrument
-- One instrument by its asset number.
SELECT name_zh, name_en, model FROM instrument WHERE asset_no = %(asset_no)s;

-- name: insert_ownership
-- From that day this unit owns the instrument; nothing when that is what holds for exactly that day already.
INSERT INTO ownership (asset_no, uscc, from_day)
SELECT %(asset_no)s, %(uscc)s, %(from_day)s
WHERE (%(uscc)s::text, %(from_day)s::date) IS DISTINCT FROM (
    SELECT (uscc, from_day) FROM ownership WHERE asset_no = %(asset_no)s AND from_day <= %(from_day)s
    ORDER BY from_day DESC, seq DESC LIMIT 1);

-- name: find_owner
-- The code of the unit that owns an instrument on a day.
SELECT uscc FROM ownership WHERE asset_no = %(asset_no)s AND from_day <= %(day)s
ORDER BY from_day DESC, seq DESC LIMIT 1;

-- name: lock_measurements
-- Waits until no ingest transaction is under way, and holds off the next until we commit: a reading and a
-- measurement fact that cannot see each other would leave a day underived.
SELECT pg_advisory_xact_lock(hashtextextended('jishi measurement', 0));

-- name: insert_measurement
-- From that day this watcher's channel measures the instrument; nothing when it does so already.
INSERT INTO measurement (agent_id, watcher, channel, asset_no, from_day)
SELECT %(agent_id)s, %(watcher)s, %(channel)s, %(asset_no)s, %(from_day)s
WHERE %(asset_no)s IS DISTINCT FROM (
    SELECT asset_no FROM measurement
    WHERE agent_id = %(agent_id)s AND watcher = %(watcher)s AND channel = %(channel)s AND from_day <= %(from_day)s
    ORDER BY from_day DESC, seq DESC LIMIT 1);

-- name: touch_days
-- Marks every local day from the one before a day on that readings touch, of one watcher's channel or one instrument
-- (NULL: any), for whatever they ever measured: the deriver finds out what holds now. The day before looks ahead into
-- the first. A block is at most one hour long. Where readings were dropped the days with a record stand for them:
-- deriving those says what is missing, and nobody takes an old record for one under the new facts. Days with hours by
-- hand have a record without readings.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), %(reason)s FROM (
    SELECT DISTINCT m.asset_no, d.day
    FROM measurement m
    JOIN journal j USING (agent_id)
    JOIN reading r ON r.journal_id = j.journal_id AND r.watcher = m.watcher AND r.channel = m.channel
        AND r.start_at >= (%(from_day)s::timestamp - interval '33 hours') AT TIME ZONE 'UTC'
    CROSS JOIN LATERAL (VALUES ((r.start_at AT TIME ZONE 'UTC' + interval '8 hours')::date),
                               ((r.end_at AT TIME ZONE 'UTC' + interval '8 hours')::date)) AS d (day)
    WHERE (%(agent_id)s::text IS NULL
           OR (m.agent_id, m.watcher, m.channel) = (%(agent_id)s, %(watcher)s, %(channel)s))
        AND (%(asset_no)s::text IS NULL OR m.asset_no = %(asset_no)s)
        AND m.asset_no IS NOT NULL AND d.day >= %(from_day)s::date - 1
    UNION
    SELECT r.asset_no, r.day
    FROM hour_record r
    JOIN reading_layout l ON l.absent && tstzmultirange(tstzrange(
        (r.day::timestamp - interval '9 hours') AT TIME ZONE 'UTC', (r.day::timestamp + interval '16 hours') AT TIME ZONE 'UTC'))
    WHERE r.day >= %(from_day)s::date - 1 AND (%(asset_no)s::text IS NULL OR r.asset_no = %(asset_no)s)
        AND r.asset_no IN (SELECT m.asset_no FROM measurement m WHERE %(agent_id)s::text IS NULL
                           OR (m.agent_id, m.watcher, m.channel) = (%(agent_id)s, %(watcher)s, %(channel)s))
    UNION
    SELECT r.asset_no, r.day FROM hour_record r
    WHERE r.hand_s > 0 AND r.day >= %(from_day)s AND %(agent_id)s::text IS NULL
        AND (%(asset_no)s::text IS NULL OR r.asset_no = %(asset_no)s)
) AS touched
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);

-- name: touch_owned_days
-- Marks the days of an instrument from a day on that have a record or wait for one: their owner may be another.
INSERT INTO dirty_day (asset_no, day, touched_at, reason)
SELECT asset_no, day, clock_timestamp(), 'ownership' FROM (
    SELECT asset_no, day FROM hour_record WHERE asset_no = %(asset_no)s AND day >= %(from_day)s
    UNION
    SELECT asset_no, day FROM dirty_day WHERE asset_no = %(asset_no)s AND day >= %(from_day)s
) AS touched
ORDER BY asset_no, day
ON CONFLICT (asset_no, day) DO UPDATE
SET touched_at = excluded.touched_at, reason = join_reasons(dirty_day.reason, excluded.reason);

-- name: notify_dirty_days
-- Tells the deriver, once this transaction commits, that there is work.
SELECT pg_notify(%(channel)s, '');

-- name: insert_person
-- A person that is not there yet; nothing when the name is taken.
INSERT INTO person (name) VALUES (%(name)s) ON CONFLICT DO NOTHING;

-- name: set_password
-- Gives a person a new password hash, and ends his sessions.
WITH changed AS (UPDATE person SET password_hash = %(password_hash)s WHERE name = %(name)s RETURNING person_id)
DELETE FROM web_session WHERE person_id IN (SELECT person_id FROM changed);

-- name: find_person
-- A person's number and password hash, by name.
SELECT person_id, name, password_hash FROM person WHERE name = %(name)s;

-- name: insert_web_session
-- A sign-in of a person in a browser, kept as the hash of its token.
INSERT INTO web_session (token_hash, person_id, expires_at) VALUES (%(token_hash)s, %(person_id)s, %(expires_at)s);

-- name: delete_web_session
-- Signs out; the sessions that expired go as well.
DELETE FROM web_session WHERE token_hash = %(token_hash)s OR expires_at <= %(now)s;

-- name: insert_entry_token
-- A link that signs a person in once, kept as the hash of its token; those that expired go.
WITH expired AS (DELETE FROM entry_token WHERE expires_at <= %(now)s)
INSERT INTO entry_token (token_hash, person_id, expires_at) VALUES (%(token_hash)s, %(person_id)s, %(expires_at)s);

-- name: use_entry_token
-- Uses up a link; returns whose it was, nothing when it was used before or has expired.
UPDATE entry_token t SET used_at = %(now)s FROM person p
WHERE t.token_hash = %(token_hash)s AND t.used_at IS NULL AND t.expires_at > %(now)s AND p.person_id = t.person_id
RETURNING p.person_id, p.name;

-- name: insert_policy
-- The bytes of a policy, once.
INSERT INTO policy (sha256, body, name) VALUES (%(sha256)s, %(body)s, %(name)s) ON CONFLICT DO NOTHING;

-- name: insert_policy_in_force
-- From that day the policy holds for the instrument, or the model, or for all without their own; nothing when it does
-- already.
INSERT INTO policy_in_force (asset_no, model, from_day, sha256, approved_by, proposal_id)
SELECT %(asset_no)s, %(model)s, %(from_day)s, %(sha256)s, %(approved_by)s, %(proposal_id)s
WHERE %(sha256)s IS DISTINCT FROM (
    SELECT sha256 FROM policy_in_force
    WHERE asset_no IS NOT DISTINCT FROM %(asset_no)s AND model IS NOT DISTINCT FROM %(model)s
        AND from_day <= %(from_day)s
    ORDER BY from_day DESC, seq DESC LIMIT 1);

-- name: find_policy
-- The policy of an instrument on a day: its own, else its model's, else the default.
SELECT p.sha256, p.body FROM policy_on(%(asset_no)s, %(day)s) f JOIN policy p USING (sha256);

-- name: list_measurements_of_agent
-- What each watcher's channel of an agent measures on a day.
SELECT DISTINCT ON (watcher, channel) watcher, channel, asset_no FROM measurement
WHERE agent_id = %(agent_id)s AND from_day <= %(day)s
ORDER BY watcher, channel, from_day DESC, seq DESC;

-- name: insert_agent
-- An agent that is not there yet.
INSERT INTO agent (agent_id) VALUES (%(agent_id)s) ON CONFLICT DO NOTHING;

-- name: insert_token
-- An enrolment token, kept as its hash.
INSERT INTO token (token_hash, agent_id, watch, expires_at)
VALUES (%(token_hash)s, %(agent_id)s, %(watch)s, %(expires_at)s);

-- name: lock_token
-- The state of a token, held until the transaction ends.
SELECT agent_id, watch, expires_at, epoch, nonce, used_at, vkey FROM token WHERE token_hash = %(token_hash)s FOR UPDATE;

-- name: take_epoch
-- The next number of an enrolment of this agent; never given twice.
UPDATE agent SET last_epoch = last_epoch + 1 WHERE agent_id = %(agent_id)s RETURNING last_epoch;

-- name: store_challenge
-- What the token's agent was asked to sign.
UPDATE token SET epoch = %(epoch)s, nonce = %(nonce)s WHERE token_hash = %(token_hash)s;

-- name: redeem_token
-- The token is used up by this key.
UPDATE token SET used_at = %(now)s, vkey = %(vkey)s WHERE token_hash = %(token_hash)s;

-- name: insert_journal
-- The log that an enrolment opens.
INSERT INTO journal (origin, agent_id, epoch, vkey) VALUES (%(origin)s, %(agent_id)s, %(epoch)s, %(vkey)s);
