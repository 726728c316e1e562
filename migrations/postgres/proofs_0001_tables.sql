-- Signed checkpoints, and what proofs are made from.

-- Every checkpoint that was published, with its signatures. Others hold copies: never deleted.
CREATE TABLE checkpoint (
    number BIGINT NOT NULL PRIMARY KEY, -- 1, 2, 3 ... in the order of publication
    epoch BIGINT NOT NULL,
    origin TEXT NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL CHECK (octet_length(root) = 32),
    published_at BIGINT NOT NULL, -- microseconds since 1970, UTC
    note TEXT NOT NULL, -- C2SP signed-note, byte for byte as it is served
    UNIQUE (origin, size)
);

CREATE INDEX checkpoint_size ON checkpoint (size);

-- Full tiles of the hash tree: derived from the journal, may be deleted at any time.
CREATE TABLE tile (
    level BIGINT NOT NULL,
    tile_index BIGINT NOT NULL,
    root BYTEA NOT NULL, -- the hash over the whole tile: an entry of the level above
    hashes BYTEA NOT NULL CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (level, tile_index)
);
