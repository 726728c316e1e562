-- What stood at any moment, in both times: trees with 64 branches at each node, whose leaves hold
-- 64 events of a tenant each. `number` is `place`, or a number beyond all for the node that grows.

-- Of accounts, lots and holds.
CREATE TABLE book_history (
    tenant TEXT NOT NULL,
    is_late INTEGER NOT NULL,
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    place INTEGER NOT NULL,
    children INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    earliest_effective_at INTEGER NOT NULL,
    latest_effective_at INTEGER NOT NULL,
    order_floor INTEGER NOT NULL,
    next_floor INTEGER NOT NULL,
    latest_in_order INTEGER NOT NULL,
    names TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (tenant, is_late, level, number)
) STRICT, WITHOUT ROWID;

-- Of usage.
CREATE TABLE usage_history (
    tenant TEXT NOT NULL,
    is_late INTEGER NOT NULL,
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    place INTEGER NOT NULL,
    children INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    earliest_effective_at INTEGER NOT NULL,
    latest_effective_at INTEGER NOT NULL,
    order_floor INTEGER NOT NULL,
    next_floor INTEGER NOT NULL,
    latest_in_order INTEGER NOT NULL,
    names TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (tenant, is_late, level, number)
) STRICT, WITHOUT ROWID;

-- Where a hold's events stand, and until when they count.
ALTER TABLE hold ADD COLUMN last_position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hold ADD COLUMN later_positions BLOB NOT NULL DEFAULT x'';
ALTER TABLE hold ADD COLUMN latest_effective_at INTEGER NOT NULL DEFAULT 0;

-- A period that was closed.
CREATE TABLE closed_period (
    begins_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    period TEXT NOT NULL,
    known_at INTEGER NOT NULL,
    root TEXT NOT NULL,
    balances TEXT NOT NULL,
    closed_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (begins_at)
) STRICT, WITHOUT ROWID;
