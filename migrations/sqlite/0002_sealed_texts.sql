-- Texts about people are sealed from here on (schema 2 of the events that have any), and subjects
-- can be erased. Every change of what events there are brings a migration, if only for its
-- number: a program that does not know it refuses the book before it has read half of it.

-- The erasures, a line each, for whoever looks after them with plain SQL.
CREATE VIEW journal_erasure AS
SELECT position, recorded_at, tenant AS subject, data, journal
FROM journal_event
WHERE stream = 'subject/register';
