-- Signed checkpoints, and what proofs are made from.

-- Every checkpoint that was published, with its signatures. Others hold copies: never deleted.
CREATE TABLE checkpoint (
    number INTEGER NOT NULL PRIMARY KEY, -- 1, 2, 3 ... in the order of publication
    epoch INTEGER NOT NULL,
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    published_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    note TEXT NOT NULL, -- C2SP signed-note, byte for byte as it is served
    UNIQUE (origin, size)
) STRICT;

CREATE INDEX checkpoint_size ON checkpoint (size);

-- Full tiles of the hash tree: derived from the journal, may be deleted at any time.
CREATE TABLE tile (
    level INTEGER NOT NULL,
    tile_index INTEGER NOT NULL,
    root BLOB NOT NULL, -- the hash over the whole tile: an entry of the level above
    hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (level, tile_index)
) STRICT;
