-- SQLite searches a table without row ids by comparing whole rows, and reads each of them to its
-- end, however many pages that are: of a segment its keys, a megabyte. So caches with long rows
-- are found by an index, which holds nothing but their key.

ALTER TABLE journal_segment RENAME TO journal_segment_without_rowid;
CREATE TABLE journal_segment (
    journal        TEXT    NOT NULL,
    last_position  INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    peaks          BLOB    NOT NULL, -- the hash tree's right edge after last_position
    keys           BLOB    NOT NULL, -- (hash, offset) of every idempotency key, sorted
    PRIMARY KEY (journal, last_position)
) STRICT;
INSERT INTO journal_segment (journal, last_position, first_position, recorded_at, peaks, keys)
SELECT journal, last_position, first_position, recorded_at, peaks, keys
FROM journal_segment_without_rowid;
DROP TABLE journal_segment_without_rowid;

ALTER TABLE journal_snapshot RENAME TO journal_snapshot_without_rowid;
CREATE TABLE journal_snapshot (
    journal     TEXT    NOT NULL,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    schema_hash TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    PRIMARY KEY (journal, stream, version)
) STRICT;
INSERT INTO journal_snapshot (journal, stream, version, position, schema_hash, state)
SELECT journal, stream, version, position, schema_hash, state
FROM journal_snapshot_without_rowid;
DROP TABLE journal_snapshot_without_rowid;
