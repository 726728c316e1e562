-- The views: what projections made of the journal. All of it may be deleted at any time, and is
-- then built anew. Amounts and times are micros; texts named so in the code are JSON.

-- How far each projection is. A rebuild or a retry raises the generation, so that whoever still
-- holds rows in memory notices.
CREATE TABLE projection (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    applied_at BIGINT NOT NULL
);

-- Partitions that stopped at an event which could not be applied; tenant is '' for the catalogue.
CREATE TABLE projection_parked (
    projection TEXT COLLATE "C" NOT NULL REFERENCES projection (name),
    tenant TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    error TEXT NOT NULL,
    parked_at BIGINT NOT NULL,
    PRIMARY KEY (projection, tenant)
);

-- One tenant.
CREATE TABLE tenant (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    status TEXT NOT NULL,
    suspended_reason TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

-- A tenant's book balances: what its three accounts sum up to (M4).
CREATE TABLE balance (
    tenant TEXT COLLATE "C" NOT NULL,
    available BIGINT NOT NULL,
    held BIGINT NOT NULL,
    overdraft BIGINT NOT NULL,
    overdraft_limit BIGINT NOT NULL,
    frozen BIGINT NOT NULL,
    frozen_reason TEXT,
    changed_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

-- One lot of credits (W1).
CREATE TABLE lot (
    tenant TEXT COLLATE "C" NOT NULL,
    grant_position BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    remaining BIGINT NOT NULL,
    held BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    is_voided BIGINT NOT NULL,
    is_open BIGINT NOT NULL,
    kind TEXT NOT NULL,
    priority BIGINT NOT NULL,
    effective_at BIGINT NOT NULL,
    expires_at BIGINT,
    scope TEXT NOT NULL,
    origin TEXT NOT NULL,
    source TEXT,
    unit_cost TEXT,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, grant_position)
);
CREATE INDEX lot_open ON lot (tenant, is_open, grant_position);
CREATE INDEX lot_expiry ON lot (expires_at) WHERE is_open = 1;

-- Some of a tenant's events, one after the other, and its book balances around them. `until` is
-- the last position, or a number beyond all positions for the chunk that still grows.
CREATE TABLE activity (
    tenant TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    events BIGINT NOT NULL,
    later_positions BYTEA NOT NULL,
    earliest_effective_at BIGINT NOT NULL,
    latest_effective_at BIGINT NOT NULL,
    available_before BIGINT NOT NULL,
    held_before BIGINT NOT NULL,
    overdraft_before BIGINT NOT NULL,
    available_after BIGINT NOT NULL,
    held_after BIGINT NOT NULL,
    overdraft_after BIGINT NOT NULL,
    PRIMARY KEY (tenant, until)
);

-- One hold (W6).
CREATE TABLE hold (
    tenant TEXT COLLATE "C" NOT NULL,
    hold_position BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    overage TEXT NOT NULL,
    meter TEXT,
    agent TEXT,
    run TEXT,
    model TEXT,
    draws TEXT NOT NULL,
    charged BIGINT NOT NULL,
    shortfall BIGINT NOT NULL,
    placed_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant, hold_position)
);
CREATE INDEX hold_status ON hold (tenant, status, hold_position);
CREATE INDEX hold_expiry ON hold (expires_at) WHERE status = 'open';

-- What was used in one window of one tenant, by agent, meter and model.
CREATE TABLE usage_total (
    tenant TEXT COLLATE "C" NOT NULL,
    window_unit TEXT COLLATE "C" NOT NULL,
    window_start BIGINT NOT NULL,
    meter TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    records BIGINT NOT NULL,
    quantity_units BIGINT NOT NULL,
    quantity_parts BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    PRIMARY KEY (tenant, window_unit, window_start, meter, agent, model)
);

-- The time zone of a tenant's days and months (M6).
CREATE TABLE usage_zone (
    tenant TEXT COLLATE "C" NOT NULL,
    time_zone TEXT NOT NULL,
    PRIMARY KEY (tenant)
);

-- A usage record that has no price yet; gone once it is rated or voided.
CREATE TABLE unpriced_usage (
    tenant TEXT COLLATE "C" NOT NULL,
    entry_position BIGINT NOT NULL,
    meter TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entry_position)
);

-- One account of a tenant's book (M4).
CREATE TABLE account (
    tenant TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    balance BIGINT NOT NULL,
    PRIMARY KEY (tenant, account)
);

-- One agent.
CREATE TABLE agent (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    retired_reason TEXT,
    registered_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent)
);

-- One meter of the catalogue.
CREATE TABLE meter (
    meter TEXT COLLATE "C" NOT NULL,
    aggregation TEXT NOT NULL,
    unit TEXT,
    unpriced TEXT NOT NULL,
    prices TEXT NOT NULL,
    defined_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (meter)
);

-- One price table of the catalogue.
CREATE TABLE price_table (
    price_table TEXT COLLATE "C" NOT NULL,
    publications TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (price_table)
);
