-- What stood at any moment, in both times: trees with 64 branches at each node, whose leaves hold
-- 64 events of a tenant each. `number` is `place`, or a number beyond all for the node that grows.

-- Of accounts, lots and holds.
CREATE TABLE book_history (
    tenant TEXT COLLATE "C" NOT NULL,
    is_late BIGINT NOT NULL,
    level BIGINT NOT NULL,
    number BIGINT NOT NULL,
    place BIGINT NOT NULL,
    children BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    earliest_effective_at BIGINT NOT NULL,
    latest_effective_at BIGINT NOT NULL,
    order_floor BIGINT NOT NULL,
    next_floor BIGINT NOT NULL,
    latest_in_order BIGINT NOT NULL,
    names TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, is_late, level, number)
);

-- Of usage.
CREATE TABLE usage_history (
    tenant TEXT COLLATE "C" NOT NULL,
    is_late BIGINT NOT NULL,
    level BIGINT NOT NULL,
    number BIGINT NOT NULL,
    place BIGINT NOT NULL,
    children BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    earliest_effective_at BIGINT NOT NULL,
    latest_effective_at BIGINT NOT NULL,
    order_floor BIGINT NOT NULL,
    next_floor BIGINT NOT NULL,
    latest_in_order BIGINT NOT NULL,
    names TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, is_late, level, number)
);

-- Where a hold's events stand, and until when they count.
ALTER TABLE hold ADD COLUMN last_position BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hold ADD COLUMN later_positions BYTEA NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN latest_effective_at BIGINT NOT NULL DEFAULT 0;

-- A period that was closed.
CREATE TABLE closed_period (
    begins_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    period TEXT COLLATE "C" NOT NULL,
    known_at BIGINT NOT NULL,
    root TEXT COLLATE "C" NOT NULL,
    balances TEXT NOT NULL,
    closed_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (begins_at)
);
