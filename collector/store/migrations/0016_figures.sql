-- Hour records summed up by months, so that the figures of a year need not read its days. Derived: kept up in the
-- transaction that writes a record, and made again from the records by rebuild_months() whenever that is in doubt.

-- Of each instrument and owner the sums over the records of a month; owner '': nobody's. days_over: how many of the
-- records reach midnight. A line of no days says nothing: its records went to another owner. What is checked holds for
-- differences, too: they are what is inserted.
CREATE TABLE month_hours (
    asset_no        text NOT NULL,
    owner           text NOT NULL,
    month           date NOT NULL CHECK (extract(day FROM month) = 1),
    days            integer NOT NULL,
    days_over       integer NOT NULL,
    until_s         bigint NOT NULL,
    off_s           bigint NOT NULL,
    standby_s       bigint NOT NULL,
    prepare_s       bigint NOT NULL,
    run_s           bigint NOT NULL,
    post_s          bigint NOT NULL,
    calibrate_s     bigint NOT NULL,
    maintain_s      bigint NOT NULL,
    fault_s         bigint NOT NULL,
    unobserved_s    bigint NOT NULL,
    energised_s     bigint NOT NULL,
    inferred_s      bigint NOT NULL,
    bridged_s       bigint NOT NULL,
    no_run_s        bigint NOT NULL,
    effective_s     bigint NOT NULL,
    internal_s      bigint NOT NULL,
    claimed_s       bigint NOT NULL,
    verified_s      bigint NOT NULL,
    unresolved_s    bigint NOT NULL,
    hand_s          bigint NOT NULL,
    hand_external_s bigint NOT NULL,
    PRIMARY KEY (asset_no, owner, month),
    CHECK (internal_s + claimed_s + verified_s + unresolved_s = effective_s),
    CHECK (off_s + standby_s + prepare_s + run_s + post_s + calibrate_s + maintain_s + fault_s + unobserved_s = until_s)
) WITH (fillfactor = 80);
CREATE INDEX month_hours_of_owner ON month_hours (owner, month);

-- The same of all instruments of an owner: a ranking of units reads twelve lines of each.
CREATE TABLE unit_month_hours (
    owner           text NOT NULL,
    month           date NOT NULL CHECK (extract(day FROM month) = 1),
    days            integer NOT NULL,
    days_over       integer NOT NULL,
    until_s         bigint NOT NULL,
    off_s           bigint NOT NULL,
    standby_s       bigint NOT NULL,
    prepare_s       bigint NOT NULL,
    run_s           bigint NOT NULL,
    post_s          bigint NOT NULL,
    calibrate_s     bigint NOT NULL,
    maintain_s      bigint NOT NULL,
    fault_s         bigint NOT NULL,
    unobserved_s    bigint NOT NULL,
    energised_s     bigint NOT NULL,
    inferred_s      bigint NOT NULL,
    bridged_s       bigint NOT NULL,
    no_run_s        bigint NOT NULL,
    effective_s     bigint NOT NULL,
    internal_s      bigint NOT NULL,
    claimed_s       bigint NOT NULL,
    verified_s      bigint NOT NULL,
    unresolved_s    bigint NOT NULL,
    hand_s          bigint NOT NULL,
    hand_external_s bigint NOT NULL,
    PRIMARY KEY (owner, month),
    CHECK (internal_s + claimed_s + verified_s + unresolved_s = effective_s),
    CHECK (off_s + standby_s + prepare_s + run_s + post_s + calibrate_s + maintain_s + fault_s + unobserved_s = until_s)
) WITH (fillfactor = 50);

-- Adds a record to the sums of its instrument and of its unit (sign 1), or takes it out again (-1).
CREATE FUNCTION add_to_months(r hour_record, sign integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_month date := date_trunc('month', r.day);
BEGIN
    INSERT INTO month_hours AS held (
        asset_no, owner, month,
        days, days_over, until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s, fault_s,
        unobserved_s, energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s,
        unresolved_s, hand_s, hand_external_s
    ) VALUES (
        r.asset_no, r.owner, of_month,
        sign, sign * (r.until_s = 86400)::integer, sign * r.until_s, sign * r.off_s, sign * r.standby_s,
        sign * r.prepare_s, sign * r.run_s, sign * r.post_s, sign * r.calibrate_s, sign * r.maintain_s,
        sign * r.fault_s, sign * r.unobserved_s, sign * r.energised_s, sign * r.inferred_s, sign * r.bridged_s,
        sign * r.no_run_s, sign * r.effective_s, sign * r.internal_s, sign * r.claimed_s, sign * r.verified_s,
        sign * r.unresolved_s, sign * r.hand_s, sign * r.hand_external_s
    ) ON CONFLICT (asset_no, owner, month) DO UPDATE SET
        days = held.days + excluded.days, days_over = held.days_over + excluded.days_over,
        until_s = held.until_s + excluded.until_s, off_s = held.off_s + excluded.off_s,
        standby_s = held.standby_s + excluded.standby_s, prepare_s = held.prepare_s + excluded.prepare_s,
        run_s = held.run_s + excluded.run_s, post_s = held.post_s + excluded.post_s,
        calibrate_s = held.calibrate_s + excluded.calibrate_s, maintain_s = held.maintain_s + excluded.maintain_s,
        fault_s = held.fault_s + excluded.fault_s, unobserved_s = held.unobserved_s + excluded.unobserved_s,
        energised_s = held.energised_s + excluded.energised_s, inferred_s = held.inferred_s + excluded.inferred_s,
        bridged_s = held.bridged_s + excluded.bridged_s, no_run_s = held.no_run_s + excluded.no_run_s,
        effective_s = held.effective_s + excluded.effective_s, internal_s = held.internal_s + excluded.internal_s,
        claimed_s = held.claimed_s + excluded.claimed_s, verified_s = held.verified_s + excluded.verified_s,
        unresolved_s = held.unresolved_s + excluded.unresolved_s, hand_s = held.hand_s + excluded.hand_s,
        hand_external_s = held.hand_external_s + excluded.hand_external_s;
    INSERT INTO unit_month_hours AS held (
        owner, month,
        days, days_over, until_s, off_s, standby_s, prepare_s, run_s, post_s, calibrate_s, maintain_s, fault_s,
        unobserved_s, energised_s, inferred_s, bridged_s, no_run_s, effective_s, internal_s, claimed_s, verified_s,
        unresolved_s, hand_s, hand_external_s
    ) VALUES (
        r.owner, of_month,
        sign, sign * (r.until_s = 86400)::integer, sign * r.until_s, sign * r.off_s, sign * r.standby_s,
        sign * r.prepare_s, sign * r.run_s, sign * r.post_s, sign * r.calibrate_s, sign * r.maintain_s,
        sign * r.fault_s, sign * r.unobserved_s, sign * r.energised_s, sign * r.inferred_s, sign * r.bridged_s,
        sign * r.no_run_s, sign * r.effective_s, sign * r.internal_s, sign * r.claimed_s, sign * r.verified_s,
        sign * r.unresolved_s, sign * r.hand_s, sign * r.hand_external_s
    ) ON CONFLICT (owner, month) DO UPDATE SET
        days = held.days + excluded.days, days_over = held.days_over + excluded.days_over,
        until_s = held.until_s + excluded.until_s, off_s = held.off_s + excluded.off_s,
        standby_s = held.standby_s + excluded.standby_s, prepare_s = held.prepare_s + excluded.prepare_s,
        run_s = held.run_s + excluded.run_s, post_s = held.post_s + excluded.post_s,
        calibrate_s = held.calibrate_s + excluded.calibrate_s, maintain_s = held.maintain_s + excluded.maintain_s,
        fault_s = held.fault_s + excluded.fault_s, unobserved_s = held.unobserved_s + excluded.unobserved_s,
        energised_s = held.energised_s + excluded.energised_s, inferred_s = held.inferred_s + excluded.inferred_s,
        bridged_s = held.bridged_s + excluded.bridged_s, no_run_s = held.no_run_s + excluded.no_run_s,
        effective_s = held.effective_s + excluded.effective_s, internal_s = held.internal_s + excluded.internal_s,
        claimed_s = held.claimed_s + excluded.claimed_s, verified_s = held.verified_s + excluded.verified_s,
        unresolved_s = held.unresolved_s + excluded.unresolved_s, hand_s = held.hand_s + excluded.hand_s,
        hand_external_s = held.hand_external_s + excluded.hand_external_s;
END $$;

-- What one written record changes. One that goes to another owner changes the lines of both, in the order of their
-- codes, so that two such transactions cannot wait for each other.
CREATE FUNCTION follow_hour_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.owner > NEW.owner THEN
        PERFORM add_to_months(NEW, 1);
        PERFORM add_to_months(OLD, -1);
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM add_to_months(OLD, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_to_months(NEW, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hour_record_in_months AFTER INSERT OR DELETE OR UPDATE OF body ON hour_record
    FOR EACH ROW EXECUTE FUNCTION follow_hour_record();

-- What month_hours has to be.
CREATE VIEW month_hours_of_records AS
SELECT
    asset_no, owner, date_trunc('month', day)::date AS month, count(*)::integer AS days,
    (count(*) FILTER (WHERE until_s = 86400))::integer AS days_over,
    sum(until_s) AS until_s, sum(off_s) AS off_s, sum(standby_s) AS standby_s, sum(prepare_s) AS prepare_s,
    sum(run_s) AS run_s, sum(post_s) AS post_s, sum(calibrate_s) AS calibrate_s, sum(maintain_s) AS maintain_s,
    sum(fault_s) AS fault_s, sum(unobserved_s) AS unobserved_s, sum(energised_s) AS energised_s,
    sum(inferred_s) AS inferred_s, sum(bridged_s) AS bridged_s, sum(no_run_s) AS no_run_s,
    sum(effective_s) AS effective_s, sum(internal_s) AS internal_s, sum(claimed_s) AS claimed_s,
    sum(verified_s) AS verified_s, sum(unresolved_s) AS unresolved_s, sum(hand_s) AS hand_s,
    sum(hand_external_s) AS hand_external_s
FROM hour_record GROUP BY 1, 2, 3;

-- Everything once more from the records; returns how many lines of month_hours were wrong. Whoever writes records waits
-- meanwhile.
CREATE FUNCTION rebuild_months() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    wrong bigint;
BEGIN
    LOCK TABLE hour_record IN SHARE MODE;
    SELECT count(*) INTO wrong FROM (
        SELECT asset_no, owner, month FROM (TABLE month_hours_of_records EXCEPT TABLE month_hours) AS missing
        UNION
        SELECT asset_no, owner, month
        FROM (SELECT * FROM month_hours WHERE days > 0 EXCEPT TABLE month_hours_of_records) AS surplus
    ) AS lines;
    DELETE FROM month_hours;
    INSERT INTO month_hours TABLE month_hours_of_records;
    DELETE FROM unit_month_hours;
    INSERT INTO unit_month_hours
    SELECT
        owner, month,
        sum(days), sum(days_over), sum(until_s), sum(off_s), sum(standby_s), sum(prepare_s), sum(run_s), sum(post_s),
        sum(calibrate_s), sum(maintain_s), sum(fault_s), sum(unobserved_s), sum(energised_s), sum(inferred_s),
        sum(bridged_s), sum(no_run_s), sum(effective_s), sum(internal_s), sum(claimed_s), sum(verified_s),
        sum(unresolved_s), sum(hand_s), sum(hand_external_s)
    FROM month_hours GROUP BY 1, 2;
    RETURN wrong;
END $$;
SELECT rebuild_months();
