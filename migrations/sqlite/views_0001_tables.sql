-- The views: what projections made of the journal. All of it may be deleted at any time, and is
-- then built anew. Amounts and times are micros; texts named so in the code are JSON.

-- How far each projection is. A rebuild or a retry raises the generation, so that whoever still
-- holds rows in memory notices.
CREATE TABLE projection (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Partitions that stopped at an event which could not be applied; tenant is '' for the catalogue.
CREATE TABLE projection_parked (
    projection TEXT NOT NULL REFERENCES projection (name),
    tenant TEXT NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (projection, tenant)
) STRICT, WITHOUT ROWID;

-- One tenant.
CREATE TABLE tenant (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    status TEXT NOT NULL,
    suspended_reason TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant)
) STRICT, WITHOUT ROWID;

-- A tenant's book balances: what its three accounts sum up to (M4).
CREATE TABLE balance (
    tenant TEXT NOT NULL,
    available INTEGER NOT NULL,
    held INTEGER NOT NULL,
    overdraft INTEGER NOT NULL,
    overdraft_limit INTEGER NOT NULL,
    frozen INTEGER NOT NULL,
    frozen_reason TEXT,
    changed_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant)
) STRICT, WITHOUT ROWID;

-- One lot of credits (W1).
CREATE TABLE lot (
    tenant TEXT NOT NULL,
    grant_position INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    held INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    voided INTEGER NOT NULL,
    is_voided INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    expires_at INTEGER,
    scope TEXT NOT NULL,
    origin TEXT NOT NULL,
    source TEXT,
    unit_cost TEXT,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, grant_position)
) STRICT, WITHOUT ROWID;
CREATE INDEX lot_open ON lot (tenant, is_open, grant_position);
CREATE INDEX lot_expiry ON lot (expires_at) WHERE is_open = 1;

-- Some of a tenant's events, one after the other, and its book balances around them. `until` is
-- the last position, or a number beyond all positions for the chunk that still grows.
CREATE TABLE activity (
    tenant TEXT NOT NULL,
    until INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    events INTEGER NOT NULL,
    later_positions BLOB NOT NULL,
    earliest_effective_at INTEGER NOT NULL,
    latest_effective_at INTEGER NOT NULL,
    available_before INTEGER NOT NULL,
    held_before INTEGER NOT NULL,
    overdraft_before INTEGER NOT NULL,
    available_after INTEGER NOT NULL,
    held_after INTEGER NOT NULL,
    overdraft_after INTEGER NOT NULL,
    PRIMARY KEY (tenant, until)
) STRICT, WITHOUT ROWID;

-- One hold (W6).
CREATE TABLE hold (
    tenant TEXT NOT NULL,
    hold_position INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    overage TEXT NOT NULL,
    meter TEXT,
    agent TEXT,
    run TEXT,
    model TEXT,
    draws TEXT NOT NULL,
    charged INTEGER NOT NULL,
    shortfall INTEGER NOT NULL,
    placed_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (tenant, hold_position)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_status ON hold (tenant, status, hold_position);
CREATE INDEX hold_expiry ON hold (expires_at) WHERE status = 'open';

-- What was used in one window of one tenant, by agent, meter and model.
CREATE TABLE usage_total (
    tenant TEXT NOT NULL,
    window_unit TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    meter TEXT NOT NULL,
    agent TEXT NOT NULL,
    model TEXT NOT NULL,
    records INTEGER NOT NULL,
    quantity_units INTEGER NOT NULL,
    quantity_parts INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    voided INTEGER NOT NULL,
    PRIMARY KEY (tenant, window_unit, window_start, meter, agent, model)
) STRICT, WITHOUT ROWID;

-- The time zone of a tenant's days and months (M6).
CREATE TABLE usage_zone (
    tenant TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    PRIMARY KEY (tenant)
) STRICT, WITHOUT ROWID;

-- A usage record that has no price yet; gone once it is rated or voided.
CREATE TABLE unpriced_usage (
    tenant TEXT NOT NULL,
    entry_position INTEGER NOT NULL,
    meter TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, entry_position)
) STRICT, WITHOUT ROWID;

-- One account of a tenant's book (M4).
CREATE TABLE account (
    tenant TEXT NOT NULL,
    account TEXT NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (tenant, account)
) STRICT, WITHOUT ROWID;

-- One agent.
CREATE TABLE agent (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    retired_reason TEXT,
    registered_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent)
) STRICT, WITHOUT ROWID;

-- One meter of the catalogue.
CREATE TABLE meter (
    meter TEXT NOT NULL,
    aggregation TEXT NOT NULL,
    unit TEXT,
    unpriced TEXT NOT NULL,
    prices TEXT NOT NULL,
    defined_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (meter)
) STRICT, WITHOUT ROWID;

-- One price table of the catalogue.
CREATE TABLE price_table (
    price_table TEXT NOT NULL,
    publications TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (price_table)
) STRICT, WITHOUT ROWID;

-- Without figures SQLite takes a tenant's rows for ten, and scans ended lots and holds with the
-- open ones. These say: a thousand rows of a tenant, five of them open.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('lot', 'lot', '100000 1000 1'),
    ('lot', 'lot_open', '100000 1000 5 1'),
    ('hold', 'hold', '100000 1000 1'),
    ('hold', 'hold_status', '100000 1000 5 1');
