-- What a node's siblings before it add up to; NULL on some of those where that is long.
ALTER TABLE book_history ADD COLUMN sum_before BYTEA;
ALTER TABLE usage_history ADD COLUMN sum_before BYTEA;
