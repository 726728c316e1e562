-- Wallets that owe something are few, and each second it is asked whether anything can repay it.
CREATE INDEX balance_owing ON balance (tenant) WHERE overdraft < 0;
