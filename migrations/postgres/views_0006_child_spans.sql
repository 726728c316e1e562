-- Where the events of a node's children stand, and when they count; NULL on leaves.
ALTER TABLE book_history ADD COLUMN child_spans BYTEA;
ALTER TABLE usage_history ADD COLUMN child_spans BYTEA;
