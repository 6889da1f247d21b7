-- Who may ask what, and who changed what.

-- What a person made the collector do, one line a change, written in the transaction of the change; and what was
-- refused to somebody for want of a right (a bounded number of lines an hour). No secret stands in old or new.
CREATE TABLE audit (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text NOT NULL CHECK (actor <> ''),
    via     text NOT NULL CHECK (via IN ('command', 'api', 'page')),
    place   text NOT NULL,
    action  text NOT NULL CHECK (action ~ '^[a-z-]+\.[a-z-]+$'),
    target  text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('done', 'refused')),
    old     jsonb,
    new     jsonb,
    reason  text NOT NULL DEFAULT ''
);
CREATE INDEX audit_by_time ON audit (at);
CREATE TRIGGER audit_is_a_fact BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_is_kept BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Which role a person has, and over what; the newest line of a person holds. role NULL: none any more. The roles and
-- their rights are collector.registry.access's; a role that it does not know has no right.
-- scope_name: the USCC of a unit or the asset number of an instrument; '' for everything.
CREATE TABLE appointment (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id   integer NOT NULL REFERENCES person,
    role        text CHECK (role ~ '^[a-z-]+$'),
    scope_kind  text NOT NULL CHECK (scope_kind IN ('everything', 'unit', 'instrument')),
    scope_name  text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((scope_kind = 'everything') = (scope_name = ''))
);
CREATE INDEX appointment_newest ON appointment (person_id, seq DESC);
CREATE TRIGGER appointment_is_a_fact BEFORE UPDATE OR DELETE ON appointment
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Before roles, whoever could sign in or held a key could read all that an operator may read.
INSERT INTO appointment (person_id, role, scope_kind, scope_name)
SELECT person_id, 'operator', 'everything', '' FROM person
WHERE password_hash IS NOT NULL OR person_id IN (SELECT person_id FROM api_key);

-- key_id names a key that nobody can show any more. A key has a role and a scope of its own, never beyond its person's.
ALTER TABLE api_key
    ADD COLUMN key_id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN role text NOT NULL DEFAULT 'operator' CHECK (role ~ '^[a-z-]+$'),
    ADD COLUMN scope_kind text NOT NULL DEFAULT 'everything'
        CHECK (scope_kind IN ('everything', 'unit', 'instrument')),
    ADD COLUMN scope_name text NOT NULL DEFAULT '',
    ADD COLUMN last_used_at timestamptz,
    ADD CHECK ((scope_kind = 'everything') = (scope_name = ''));
UPDATE api_key SET expires_at = now() + interval '365 days' WHERE expires_at IS NULL;
ALTER TABLE api_key
    ALTER COLUMN role DROP DEFAULT,
    ALTER COLUMN scope_kind DROP DEFAULT,
    ALTER COLUMN scope_name DROP DEFAULT,
    ALTER COLUMN expires_at SET NOT NULL;

-- Whether an instrument is in a scope on every local day of a range: a unit's scope holds the days on which the unit
-- owned the instrument, so that an instrument that changed hands takes no other unit's history with it.
CREATE FUNCTION in_scope(of_asset text, kind text, name text, first_day date, last_day date) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'everything' THEN true
        WHEN 'instrument' THEN of_asset = name
        WHEN 'unit' THEN NOT EXISTS (
            SELECT FROM (
                SELECT first_day AS day
                UNION
                SELECT from_day FROM ownership WHERE asset_no = of_asset AND from_day BETWEEN first_day AND last_day
            ) days
            WHERE name IS DISTINCT FROM (
                SELECT o.uscc FROM ownership o WHERE o.asset_no = of_asset AND o.from_day <= days.day
                ORDER BY o.from_day DESC, o.seq DESC LIMIT 1
            )
        )
        ELSE false
    END
$$;

-- Whether an agent measures an instrument that is in a scope on a day.
CREATE FUNCTION agent_in_scope(of_agent text, kind text, name text, on_day date) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE kind
        WHEN 'everything' THEN true
        ELSE EXISTS (
            SELECT FROM (
                SELECT DISTINCT ON (watcher, channel) asset_no FROM measurement
                WHERE agent_id = of_agent AND from_day <= on_day
                ORDER BY watcher, channel, from_day DESC, seq DESC
            ) newest
            WHERE newest.asset_no IS NOT NULL AND in_scope(newest.asset_no, kind, name, on_day, on_day)
        )
    END
$$;
