-- Marks the file as quipu's views, so that `quipu replay` and `quipu diff` never take another
-- program's database for one ("qpvw").
PRAGMA application_id = 1903195767;

-- Events that somebody decided to leave out of a projection of this version, because they stop
-- their tenant's partition and cannot be mended: which, why it was stopped, and why it is skipped.
CREATE TABLE projection_skipped (
    projection TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    error TEXT NOT NULL,
    reason TEXT NOT NULL,
    skipped_at INTEGER NOT NULL,
    PRIMARY KEY (projection, version, position)
) STRICT, WITHOUT ROWID;

-- What a file that `quipu replay` makes is a replay of: one row, none in live views. `root` is the
-- tree head at the end of the journal's row that holds `until`; `finished_at` is NULL until then.
CREATE TABLE replay (
    until INTEGER NOT NULL PRIMARY KEY,
    root_position INTEGER NOT NULL,
    root TEXT NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
