-- What lists need of an hour record, kept beside its bytes: a list does not take the bytes out of their compression.

-- sha256: the hash by which the record is known.
-- shown: its bytes without what stands from "facts" up to "flags" (of which the spans are most of a record), which is
-- the record's JSON still. No text inside a record holds ,"facts" or ,"flags": a quotation mark in a text is escaped.
ALTER TABLE hour_record
    ADD COLUMN sha256 bytea NOT NULL GENERATED ALWAYS AS (sha256(body)) STORED,
    ADD COLUMN shown bytea NOT NULL GENERATED ALWAYS AS (
        substring(body FOR greatest(position(',"facts"'::bytea IN body) - 1, 0))
        || substring(body FROM position(',"flags"'::bytea IN body))
    ) STORED;
