-- What goes through an account, and what usage costs, passes 64 bits of micros: thousands of
-- credits, and the micros below a thousand, both with the sign of their sum.
ALTER TABLE account RENAME COLUMN balance TO balance_micros;
ALTER TABLE account ADD COLUMN balance_thousands BIGINT NOT NULL DEFAULT 0;
UPDATE account
SET balance_thousands = balance_micros / 1000000000, balance_micros = balance_micros % 1000000000
WHERE balance_micros NOT BETWEEN -999999999 AND 999999999;
ALTER TABLE usage_total RENAME COLUMN cost TO cost_micros;
ALTER TABLE usage_total ADD COLUMN cost_thousands BIGINT NOT NULL DEFAULT 0;
UPDATE usage_total
SET cost_thousands = cost_micros / 1000000000, cost_micros = cost_micros % 1000000000
WHERE cost_micros NOT BETWEEN -999999999 AND 999999999;
