-- Where the events of a node's children stand, and when they count; NULL on leaves. And rows apart
-- from their keys: a leaf has a thousand bytes, of which a tree of keys holds four to a page.

ALTER TABLE book_history RENAME TO book_history_before;
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
    sum_before BLOB,
    child_spans BLOB,
    PRIMARY KEY (tenant, is_late, level, number)
) STRICT;
INSERT INTO book_history SELECT *, NULL FROM book_history_before;
DROP TABLE book_history_before;

ALTER TABLE usage_history RENAME TO usage_history_before;
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
    sum_before BLOB,
    child_spans BLOB,
    PRIMARY KEY (tenant, is_late, level, number)
) STRICT;
INSERT INTO usage_history SELECT *, NULL FROM usage_history_before;
DROP TABLE usage_history_before;
