"""Three years of a province for roll-ups: 16 000 instruments of 300 units, their sums by month, drawn from a seed.

What a day would add is not drawn: months are, as the deriver's transactions leave them. Of the instruments two in
three stand in a centre, one in fifty changed its owner on a first of July, one in twenty its centre on a first of
April; an eighth was bought in the last year. 5 000 firms are served; 20 000 orders name vouchers, one in fifty of them
a second time.
"""

from collector.store.database import Connection

INSTRUMENTS = 16_000
UNITS = 300
FIRMS = 5_000
ORDERS = 20_000
YEARS = (2023, 2024, 2025)

_UNITS = """
INSERT INTO unit (uscc, name_zh)
SELECT '12610000' || lpad(n::text, 10, '0'), '单位' || n FROM generate_series(1, %(units)s) AS n
UNION ALL SELECT '91610000' || lpad(n::text, 10, '0'), '企业' || n FROM generate_series(1, %(firms)s) AS n;
"""
_UNITS_DESCRIBED = """
INSERT INTO unit_description (uscc, from_day, name_zh, name_en, kind, department, division, recorded_by)
SELECT uscc, '2020-01-01', name_zh, '',
       CASE WHEN uscc LIKE '9%%' THEN 'enterprise'
           ELSE (ARRAY['university', 'institute', 'hospital', 'testing-body'])[1 + n %% 4] END, '',
       CASE WHEN n %% 40 = 0 THEN ''
           WHEN uscc LIKE '9%%' AND n %% 9 = 0 THEN '32' || lpad((n %% 13)::text, 2, '0') || '01'
           ELSE '61' || lpad((1 + n %% 10)::text, 2, '0') || lpad((1 + n %% 12)::text, 2, '0') END, 'bench'
FROM (SELECT *, substring(uscc FROM 9)::bigint AS n FROM unit) AS u
"""
_FACILITIES = """
INSERT INTO facility (facility_no, kind, name_zh)
SELECT 'C-' || n, 'centre', '平台' || n FROM generate_series(1, 2 * %(units)s) AS n
"""
_INSTRUMENTS = """
INSERT INTO instrument (asset_no, name_zh)
SELECT 'R' || lpad(n::text, 6, '0'), '仪器' || n FROM generate_series(1, %(instruments)s) AS n
"""
_OWNED = """
INSERT INTO ownership (asset_no, uscc, from_day)
SELECT asset_no, '12610000' || lpad((1 + n %% %(units)s)::text, 10, '0'), date '2020-01-01' FROM numbered
UNION ALL
SELECT asset_no, '12610000' || lpad((1 + (n + 7) %% %(units)s)::text, 10, '0'), date '2024-07-01' FROM numbered
WHERE n %% 50 = 0
"""
_DESCRIBED = """
INSERT INTO instrument_description (asset_no, from_day, name_zh, name_en, class_code, value_fen, funding,
    government_fen, maker, model, origin, country, accepted_on, shareable, exempt_document, exempt_reason, recorded_by)
SELECT asset_no, '2020-01-01', '仪器', '', CASE WHEN n %% 33 = 0 THEN '' ELSE lpad((n %% 80)::text, 4, '0') END,
       CASE WHEN n %% 100 = 0 THEN NULL ELSE 20000000 + (h & 1073741823)::bigint END, '', NULL, '', '',
       (ARRAY['domestic', 'imported', 'imported', ''])[1 + n %% 4], '',
       CASE WHEN n %% 8 = 0 THEN date '2025-01-15' + n %% 300 ELSE date '2019-06-01' END,
       CASE WHEN n %% 60 = 0 THEN false WHEN n %% 7 = 0 THEN NULL ELSE true END,
       CASE WHEN n %% 60 = 0 THEN 'document' ELSE '' END, CASE WHEN n %% 60 = 0 THEN 'secret' ELSE '' END, 'bench'
FROM numbered
"""
_MEMBERS = """
INSERT INTO membership (asset_no, kind, facility_no, from_day, recorded_by)
SELECT asset_no, 'centre', 'C-' || (1 + n %% (2 * %(units)s)), date '2020-01-01', 'bench' FROM numbered WHERE n %% 3 > 0
UNION ALL
SELECT asset_no, 'centre', 'C-' || (1 + (n + 1) %% (2 * %(units)s)), date '2025-04-01', 'bench' FROM numbered
WHERE n %% 20 = 1
"""
_MONTHS = """
INSERT INTO month_hours
SELECT asset_no, owner_on(asset_no, m::date), m::date, d, d, d * 86400, d * 86400 - run - 600, 0, 0, run, 0, 0, 0, 0,
       600, run, 0, 0, 0, run, run / 2, run / 8, run / 8, run - run / 2 - 2 * (run / 8), run / 100, 0
FROM (SELECT asset_no, m, extract(day FROM m + interval '1 month - 1 day')::integer AS d,
             abs(hashtext(asset_no || m::text)) %% 900000 AS run
      FROM instrument CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 month') AS m) AS drawn
"""
_GRADES = """
INSERT INTO month_grades
SELECT asset_no, owner, month, effective_s - effective_s / 4, effective_s / 4, 0, 0, 0, effective_s,
       claimed_s + verified_s
FROM month_hours
"""
_SERVED = """
INSERT INTO served_month
SELECT '12610000' || lpad(u::text, 10, '0'), m::date,
       '91610000' || lpad((1 + (u * 37 + k * 101) %% %(firms)s)::text, 10, '0'), 1000 + k, 3600 + u
FROM generate_series(1, %(units)s) AS u CROSS JOIN generate_series(1, 40) AS k
CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 month') AS m
"""
_SERVED_YEARS = """
INSERT INTO served_year
SELECT owner, date_trunc('year', month), beneficiary, sum(claimed_s), sum(verified_s) FROM served_month GROUP BY 1, 2, 3
"""
_ORDERS = """
INSERT INTO fact (sha256, body, kind, unit, order_no)
SELECT encode(sha256(body), 'hex'), body, 'order', unit, 'SO-' || n
FROM (
    SELECT n, unit, convert_to('{"kind":"order","v":1,"at":' || 1735700000000 + n * 1000000::bigint
        || ',"by":"bench","unit":"' || unit || '","order":"SO-' || n || '","beneficiary":"91610000'
        || lpad((1 + n %% %(firms)s)::text, 10, '0') || '","voucher":{"issuer":"issuer ' || n %% 12 || '","number":"V-'
        || CASE WHEN n %% 50 = 0 THEN n - 12 ELSE n END || '","amount_fen":' || 10000 + n || '}}', 'UTF8') AS body
    FROM (SELECT n, '12610000' || lpad((1 + n %% %(units)s)::text, 10, '0') AS unit
          FROM generate_series(1, %(orders)s) AS n) AS numbered_orders
) AS bodies
"""


def draw(connection: Connection) -> None:
    """All of it; the stretches and their sums are made as an import makes them."""
    values = {
        "units": UNITS,
        "firms": FIRMS,
        "instruments": INSTRUMENTS,
        "orders": ORDERS,
        "first": f"{YEARS[0]}-01-01",
        "last": f"{YEARS[-1]}-12-01",
    }
    with connection.transaction():
        connection.execute(_UNITS.encode(), values)
        connection.execute(_UNITS_DESCRIBED.encode(), values)
        connection.execute(_FACILITIES.encode(), values)
        connection.execute(_INSTRUMENTS.encode(), values)
        numbered = "CREATE TEMPORARY TABLE numbered AS SELECT asset_no, substring(asset_no FROM 2)::integer AS n, "
        connection.execute(f"{numbered} hashtext(asset_no) AS h FROM instrument".encode())
        for statement in (_OWNED, _DESCRIBED, _MEMBERS, _MONTHS, _GRADES, _SERVED, _SERVED_YEARS, _ORDERS):
            connection.execute(statement.encode(), values)
    connection.execute("VACUUM ANALYZE")
