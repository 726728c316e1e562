-- A period whose balances are sealed in several events, until the last of these has come.
CREATE TABLE closing_period (
    begins_at INTEGER NOT NULL,
    balances TEXT NOT NULL,
    PRIMARY KEY (begins_at)
) STRICT;
