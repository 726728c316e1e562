-- Rows that are written again and again: with room left on its page, a row's next version stays
-- there, and no index hears of it.
ALTER TABLE balance SET (fillfactor = 70);
ALTER TABLE lot SET (fillfactor = 70);
ALTER TABLE activity SET (fillfactor = 70);
ALTER TABLE hold SET (fillfactor = 70);
ALTER TABLE usage_total SET (fillfactor = 70);
ALTER TABLE account SET (fillfactor = 70);
ALTER TABLE book_history SET (fillfactor = 70);
ALTER TABLE usage_history SET (fillfactor = 70);
