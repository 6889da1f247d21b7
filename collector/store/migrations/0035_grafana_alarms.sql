-- Alarms of monitoring stand beside flags in what Grafana reads; further columns of a view come at its end.
CREATE OR REPLACE VIEW grafana.alarms AS
SELECT f.found_at AS time, 'flag' AS kind, f.rule AS name, f.asset_no, f.first_day, f.last_day, f.weight,
       NULL::text AS agent_id, NULL::timestamptz AS closed_at, false AS is_acknowledged
FROM flag f
UNION ALL
SELECT a.opened_at, 'alarm', a.kind, a.asset_no, (a.since AT TIME ZONE interval '8 hours')::date,
       (c.closed_at AT TIME ZONE interval '8 hours')::date, NULL, a.agent_id, c.closed_at,
       EXISTS (SELECT FROM alarm_acknowledgement k WHERE k.alarm_id = a.alarm_id)
FROM alarm a LEFT JOIN alarm_closing c USING (alarm_id);
