-- Events that somebody decided to leave out of a projection of this version, because they stop
-- their tenant's partition and cannot be mended: which, why it was stopped, and why it is skipped.
CREATE TABLE projection_skipped (
    projection TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    error TEXT NOT NULL,
    reason TEXT NOT NULL,
    skipped_at BIGINT NOT NULL,
    PRIMARY KEY (projection, version, position)
);
