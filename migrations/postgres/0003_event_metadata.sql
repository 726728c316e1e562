-- The journal for people also shows what an application recorded beside an event, in the last
-- column, so that a statement that counts columns still reads what it did.
CREATE OR REPLACE VIEW journal_event AS
SELECT
    (event.value ->> 'position')::bigint  AS position,
    event.value ->> 'stream'              AS stream,
    (event.value ->> 'version')::bigint   AS version,
    event.value ->> 'id'                  AS id,
    event.value ->> 'type'                AS type,
    (event.value ->> 'schema')::bigint    AS schema,
    event.value ->> 'recorded_at'         AS recorded_at,
    coalesce(event.value ->> 'effective_at', event.value ->> 'recorded_at') AS effective_at,
    event.value ->> 'tenant'              AS tenant,
    event.value ->> 'actor'               AS actor,
    event.value ->> 'command'             AS command,
    event.value ->> 'fingerprint'         AS fingerprint,
    event.value ->> 'correlation'         AS correlation,
    (event.value ->> 'causation')::bigint AS causation,
    event.value -> 'data'                 AS data,
    journal_batch.journal                 AS journal,
    event.value -> 'metadata'             AS metadata
FROM journal_batch, json_array_elements(journal_batch.events::json) AS event (value);
