-- The hash by which an hour record is known, kept beside its bytes: lists need it and do not need the bytes.
ALTER TABLE hour_record ADD COLUMN sha256 bytea NOT NULL GENERATED ALWAYS AS (sha256(body)) STORED;
