-- The journal: one row per commit, never changed. Everything else here can be deleted.

CREATE TABLE journal_batch (
    journal        TEXT   NOT NULL DEFAULT 'main',
    first_position BIGINT NOT NULL,
    last_position  BIGINT NOT NULL,
    recorded_at    BIGINT NOT NULL, -- microseconds since 1970, UTC
    events         TEXT   NOT NULL, -- a JSON array, the exact bytes that were hashed
    prev_root      BYTEA,
    root           BYTEA  NOT NULL, -- RFC 6962 tree head over all events up to last_position
    CONSTRAINT journal_batch_pkey PRIMARY KEY (journal, first_position),
    CONSTRAINT journal_batch_root_key UNIQUE (journal, root),
    -- These two refuse a fork: a row follows one that is there, and that no other row follows.
    CONSTRAINT journal_batch_prev_root_key UNIQUE (journal, prev_root),
    CONSTRAINT journal_batch_prev_root_fkey
        FOREIGN KEY (journal, prev_root) REFERENCES journal_batch (journal, root),
    CONSTRAINT journal_batch_position_check
        CHECK (first_position >= 0 AND last_position >= first_position),
    CONSTRAINT journal_batch_root_check CHECK (octet_length(root) = 32),
    CONSTRAINT journal_batch_genesis_check CHECK ((prev_root IS NULL) = (first_position = 0))
);

-- Rows of events compress several times; lz4 costs a fraction of the default method's time, where
-- the server was built with it.
DO $$
BEGIN
    ALTER TABLE journal_batch ALTER COLUMN events SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    NULL;
END
$$;

-- The genesis row: no events, and the hash of nothing.
INSERT INTO journal_batch
    (journal, first_position, last_position, recorded_at, events, prev_root, root)
VALUES
    ('main', 0, 0, 0, '[]', NULL,
     '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

CREATE FUNCTION journal_batch_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is never changed or deleted from (% refused): correct a mistake by a further event', TG_OP;
END
$$;

CREATE TRIGGER journal_batch_no_change BEFORE UPDATE OR DELETE ON journal_batch
    FOR EACH ROW EXECUTE FUNCTION journal_batch_refuse();

CREATE TRIGGER journal_batch_no_truncate BEFORE TRUNCATE ON journal_batch
    FOR EACH STATEMENT EXECUTE FUNCTION journal_batch_refuse();

REVOKE UPDATE, DELETE, TRUNCATE ON journal_batch FROM PUBLIC;

-- The journal for people: a row per event.
CREATE VIEW journal_event AS
SELECT
    (event.value ->> 'position')::bigint  AS position,
    event.value ->> 'stream'              AS stream,
    (event.value ->> 'version')::bigint   AS version,
    event.value ->> 'id'                  AS id,
    event.value ->> 'type'                AS type,
    (event.value ->> 'schema')::bigint    AS schema,
    event.value ->> 'recorded_at'         AS recorded_at,
    coalesce(event.value ->> 'effective_at', event.value ->> 'recorded_at') AS effective_at,
    event.value ->> 'tenant'              AS tenant,
    event.value ->> 'actor'               AS actor,
    event.value ->> 'command'             AS command,
    event.value ->> 'fingerprint'         AS fingerprint,
    event.value ->> 'correlation'         AS correlation,
    (event.value ->> 'causation')::bigint AS causation,
    event.value -> 'data'                 AS data,
    journal_batch.journal                 AS journal
FROM journal_batch, json_array_elements(journal_batch.events::json) AS event (value);

-- Caches, derived from the journal and rebuilt at the next start where they are missing.

CREATE TABLE journal_segment (
    journal        TEXT   NOT NULL,
    last_position  BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    recorded_at    BIGINT NOT NULL,
    peaks          BYTEA  NOT NULL, -- the hash tree's right edge after last_position
    keys           BYTEA  NOT NULL, -- (hash, offset) of every idempotency key, sorted
    PRIMARY KEY (journal, last_position)
);

CREATE TABLE journal_posting (
    journal        TEXT   NOT NULL,
    stream         TEXT   NOT NULL,
    last_position  BIGINT NOT NULL, -- of the segment
    first_position BIGINT NOT NULL,
    positions      BYTEA  NOT NULL, -- the stream's positions in the segment, delta-coded
    PRIMARY KEY (journal, stream, last_position)
);

CREATE TABLE journal_snapshot (
    journal     TEXT   NOT NULL,
    stream      TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    position    BIGINT NOT NULL,
    schema_hash TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    PRIMARY KEY (journal, stream, version)
);
