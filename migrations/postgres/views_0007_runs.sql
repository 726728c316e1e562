-- A tenant has more than two trees: late events are kept in runs of 64, 512, 4096 ... events, each
-- sorted. What a run knows of its sorted children; NULL where it has none.
ALTER TABLE book_history RENAME COLUMN is_late TO tree;
ALTER TABLE book_history ADD COLUMN sorted_child_spans BYTEA;
ALTER TABLE usage_history RENAME COLUMN is_late TO tree;
ALTER TABLE usage_history ADD COLUMN sorted_child_spans BYTEA;
