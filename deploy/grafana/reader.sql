-- The role with which Grafana reads: psql -d jishi -f deploy/grafana/reader.sql, as the owner of the database.
-- It may read the views of schema grafana and nothing else, changes nothing, and gives up after 30 s.
-- Its password stands in no file: afterwards, in psql,  \password jishi_grafana
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jishi_grafana') THEN
        CREATE ROLE jishi_grafana LOGIN CONNECTION LIMIT 10;
    END IF;
END $$;
ALTER ROLE jishi_grafana SET default_transaction_read_only = on;
ALTER ROLE jishi_grafana SET statement_timeout = '30s';
ALTER ROLE jishi_grafana SET timezone = 'UTC';
GRANT USAGE ON SCHEMA grafana TO jishi_grafana;
GRANT SELECT ON ALL TABLES IN SCHEMA grafana TO jishi_grafana;
-- Views that a later migration adds.
ALTER DEFAULT PRIVILEGES IN SCHEMA grafana GRANT SELECT ON TABLES TO jishi_grafana;
