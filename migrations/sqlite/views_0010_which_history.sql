-- The id of the event at `position`: at the same place of another history stands another one.
ALTER TABLE projection ADD COLUMN last_event TEXT;
