-- Indicator 4 has a second measure since the registry knows what may be booked. A round goes on computing what it began
-- with: edition 1 without it, edition 2 with it (collector/evaluation/indicators.py).
ALTER TABLE round ADD COLUMN edition integer NOT NULL DEFAULT 1 CHECK (edition IN (1, 2));
ALTER TABLE round ALTER COLUMN edition DROP DEFAULT;
ALTER TABLE round_member ADD COLUMN bookable boolean;
