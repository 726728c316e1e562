-- The journal: one row per commit, never changed. Everything else here can be deleted.

CREATE TABLE journal_batch (
    journal        TEXT    NOT NULL DEFAULT 'main',
    first_position INTEGER NOT NULL,
    last_position  INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL, -- microseconds since 1970, UTC
    events         TEXT    NOT NULL, -- a JSON array, the exact bytes that were hashed
    prev_root      BLOB,
    root           BLOB    NOT NULL, -- RFC 6962 tree head over all events up to last_position
    PRIMARY KEY (journal, first_position),
    UNIQUE (journal, root),
    -- These two refuse a fork: a row follows one that is there, and that no other row follows.
    UNIQUE (journal, prev_root),
    FOREIGN KEY (journal, prev_root) REFERENCES journal_batch (journal, root),
    CHECK (first_position >= 0 AND last_position >= first_position),
    CHECK (length(root) = 32),
    CHECK ((prev_root IS NULL) = (first_position = 0))
) STRICT;

-- The genesis row: no events, and the hash of nothing.
INSERT INTO journal_batch
    (journal, first_position, last_position, recorded_at, events, prev_root, root)
VALUES
    ('main', 0, 0, 0, '[]', NULL,
     x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

CREATE TRIGGER journal_batch_no_update BEFORE UPDATE ON journal_batch BEGIN
    SELECT RAISE(ABORT, 'the journal is never changed: correct a mistake by a further event');
END;

CREATE TRIGGER journal_batch_no_delete BEFORE DELETE ON journal_batch BEGIN
    SELECT RAISE(ABORT, 'the journal is never deleted from: correct a mistake by a further event');
END;

-- The journal for people: a row per event.
CREATE VIEW journal_event AS
SELECT
    event.value ->> '$.position'     AS position,
    event.value ->> '$.stream'       AS stream,
    event.value ->> '$.version'      AS version,
    event.value ->> '$.id'           AS id,
    event.value ->> '$.type'         AS type,
    event.value ->> '$.schema'       AS schema,
    event.value ->> '$.recorded_at'  AS recorded_at,
    coalesce(event.value ->> '$.effective_at', event.value ->> '$.recorded_at') AS effective_at,
    event.value ->> '$.tenant'       AS tenant,
    event.value ->> '$.actor'        AS actor,
    event.value ->> '$.command'      AS command,
    event.value ->> '$.fingerprint'  AS fingerprint,
    event.value ->> '$.correlation'  AS correlation,
    event.value ->> '$.causation'    AS causation,
    event.value -> '$.data'          AS data,
    journal_batch.journal            AS journal
FROM journal_batch, json_each(journal_batch.events) AS event;

-- Caches, derived from the journal and rebuilt at the next start where they are missing.

CREATE TABLE journal_segment (
    journal        TEXT    NOT NULL,
    last_position  INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    peaks          BLOB    NOT NULL, -- the hash tree's right edge after last_position
    keys           BLOB    NOT NULL, -- (hash, offset) of every idempotency key, sorted
    PRIMARY KEY (journal, last_position)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_posting (
    journal        TEXT    NOT NULL,
    stream         TEXT    NOT NULL,
    last_position  INTEGER NOT NULL, -- of the segment
    first_position INTEGER NOT NULL,
    positions      BLOB    NOT NULL, -- the stream's positions in the segment, delta-coded
    PRIMARY KEY (journal, stream, last_position)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_snapshot (
    journal     TEXT    NOT NULL,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    schema_hash TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    PRIMARY KEY (journal, stream, version)
) STRICT, WITHOUT ROWID;
