//! The journal's SQL. One text serves both engines where it can.

use quipu_database::RowsStatement;

/// With whether the chain begins as every journal does.
pub(super) const HEAD: &str = "\
    SELECT last_position, root, recorded_at, (
        SELECT count(*) FROM journal_batch
        WHERE journal = $1 AND first_position = 0 AND last_position = 0 AND recorded_at = 0
        AND events = '[]' AND prev_root IS NULL AND root = $2)
    FROM journal_batch WHERE journal = $1
    ORDER BY first_position DESC LIMIT 1";

/// Positions are gapless, so rows that begin within the next n events hold about n events.
pub(super) const ROWS_AFTER: &str = "\
    SELECT first_position, last_position, recorded_at, events, prev_root, root
    FROM journal_batch
    WHERE journal = $1 AND last_position > $2 AND first_position <= $3
    AND first_position >= (
        SELECT first_position FROM journal_batch WHERE journal = $1 AND first_position <= $2 + 1
        ORDER BY first_position DESC LIMIT 1)
    ORDER BY first_position";

/// In no order.
pub(super) const ROWS_HOLDING_SQLITE: &str = "\
    SELECT first_position, last_position, recorded_at, events, prev_root, root
    FROM (
        SELECT DISTINCT (
            SELECT first_position FROM journal_batch
            WHERE journal = $1 AND first_position <= wanted.value
            ORDER BY first_position DESC LIMIT 1) AS holding
        FROM json_each($2) AS wanted)
    CROSS JOIN journal_batch ON journal = $1 AND first_position = holding AND holding > 0";

/// In no order.
pub(super) const ROWS_HOLDING_POSTGRES: &str = "\
    SELECT first_position, last_position, recorded_at, events, prev_root, root
    FROM (
        SELECT DISTINCT (
            SELECT first_position FROM journal_batch
            WHERE journal = $1 AND first_position <= wanted.value::bigint
            ORDER BY first_position DESC LIMIT 1) AS holding
        FROM json_array_elements_text($2::text::json) AS wanted (value)) AS rows_wanted
    JOIN journal_batch ON journal = $1 AND first_position = holding AND holding > 0";

/// Rows are in the order of recording, so the last one of a moment is found by halving: what is
/// known to be recorded by then, and what is known not to be. Positions are gapless.
pub(super) const END_RECORDED_BY: &str = "\
    WITH RECURSIVE search (known, unknown) AS (
        SELECT CAST(0 AS BIGINT), (
            SELECT last_position + 1 FROM journal_batch WHERE journal = $1
            ORDER BY first_position DESC LIMIT 1)
        UNION ALL
        SELECT
            CASE WHEN middle.recorded_at <= $2
                THEN (search.known + search.unknown) / 2 ELSE search.known END,
            CASE WHEN middle.recorded_at <= $2
                THEN search.unknown ELSE middle.first_position END
        FROM search JOIN journal_batch AS middle ON middle.journal = $1
            AND middle.first_position = (
                SELECT first_position FROM journal_batch
                WHERE journal = $1 AND first_position <= (search.known + search.unknown) / 2
                ORDER BY first_position DESC LIMIT 1)
        WHERE search.unknown - search.known > 1)
    SELECT max(known) FROM search";

/// Answered by whoever still has the session, and with it the lease.
pub(super) const PING: &str = "SELECT 1";

pub(super) const APPEND: &str = "\
    INSERT INTO journal_batch
        (journal, first_position, last_position, recorded_at, events, prev_root, root)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// By (journal, stream, after). Only what a segment that is there vouches for: a list may be left
/// over from others. A usage batch may wake a thousand streams, so they are asked for together.
pub(super) const POSTINGS: RowsStatement = RowsStatement {
    one: "\
        SELECT list.stream, list.first_position, list.positions
        FROM journal_posting AS list
        CROSS JOIN journal_segment AS segment ON segment.journal = list.journal
            AND segment.last_position = list.last_position
            AND segment.first_position = list.first_position
        WHERE list.journal = $1 AND list.stream = $2 AND list.last_position > $3
        ORDER BY list.last_position",
    many: "\
        SELECT list.stream, list.first_position, list.positions
        FROM unnest($1::text[], $2::text[], $3::bigint[]) AS wanted (journal, stream, after)
        JOIN journal_posting AS list ON list.journal = wanted.journal
            AND list.stream = wanted.stream AND list.last_position > wanted.after
        JOIN journal_segment AS segment ON segment.journal = list.journal
            AND segment.last_position = list.last_position
            AND segment.first_position = list.first_position
        ORDER BY list.stream, list.last_position",
};

pub(super) const SEGMENTS: &str = "\
    SELECT first_position, last_position, recorded_at, keys FROM journal_segment
    WHERE journal = $1 AND recorded_at >= $2 ORDER BY last_position";

pub(super) const SEGMENT_BOUNDS: &str = "\
    SELECT first_position, last_position,
        (SELECT count(*) FROM (SELECT 1 FROM journal_posting WHERE journal = $1 LIMIT 1) AS any_list)
    FROM journal_segment WHERE journal = $1 ORDER BY last_position";

pub(super) const SEGMENT_END: &str = "\
    SELECT last_position, recorded_at, peaks FROM journal_segment
    WHERE journal = $1 AND last_position = $2";

pub(super) const SAVED_SEGMENT: &str = "\
    SELECT last_position, recorded_at, peaks, keys FROM journal_segment
    WHERE journal = $1 AND first_position = $2 AND last_position = $3";

/// A page of all lists, by what they are found by.
pub(super) const POSTINGS_PAGE: &str = "\
    SELECT stream, first_position, last_position, positions FROM journal_posting
    WHERE journal = $1 AND (stream, last_position) > ($2, $3)
    ORDER BY stream, last_position LIMIT $4";

/// A page of all snapshots, by what they are found by.
pub(super) const SNAPSHOTS_PAGE: &str = "\
    SELECT stream, version, position, state, schema_hash FROM journal_snapshot
    WHERE journal = $1 AND (stream, version) > ($2, $3)
    ORDER BY stream, version LIMIT $4";

pub(super) const FORGET_SEGMENTS: &str = "\
    DELETE FROM journal_segment
    WHERE journal = $1 AND last_position >= $2 AND first_position <= $3";

pub(super) const SAVE_SEGMENT: &str = "\
    INSERT INTO journal_segment
        (journal, first_position, last_position, recorded_at, peaks, keys)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// Ten thousand lists at once: a message for each would hold up the writer several times longer.
pub(super) const SAVE_POSTING: RowsStatement = RowsStatement {
    one: "\
        INSERT INTO journal_posting (journal, stream, last_position, first_position, positions)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (journal, stream, last_position) DO UPDATE
        SET first_position = excluded.first_position, positions = excluded.positions",
    many: "\
        INSERT INTO journal_posting (journal, stream, last_position, first_position, positions)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[])
        ON CONFLICT (journal, stream, last_position) DO UPDATE
        SET first_position = excluded.first_position, positions = excluded.positions",
};

/// By (journal, stream, most version, schema hash): the latest of each.
pub(super) const SNAPSHOTS: RowsStatement = RowsStatement {
    one: "\
        SELECT stream, version, position, state FROM journal_snapshot
        WHERE journal = $1 AND stream = $2 AND version <= $3 AND schema_hash = $4
        ORDER BY version DESC LIMIT 1",
    many: "\
        SELECT snapshot.stream, snapshot.version, snapshot.position, snapshot.state
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
            AS wanted (journal, stream, most_version, schema_hash)
        CROSS JOIN LATERAL (
            SELECT stream, version, position, state FROM journal_snapshot AS stored
            WHERE stored.journal = wanted.journal AND stored.stream = wanted.stream
                AND stored.version <= wanted.most_version
                AND stored.schema_hash = wanted.schema_hash
            ORDER BY version DESC LIMIT 1) AS snapshot",
};

/// A commit of work for many wallets may save hundreds.
pub(super) const SAVE_SNAPSHOT: RowsStatement = RowsStatement {
    one: "\
        INSERT INTO journal_snapshot (journal, stream, version, position, schema_hash, state)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (journal, stream, version) DO UPDATE
        SET position = excluded.position, schema_hash = excluded.schema_hash,
            state = excluded.state",
    many: "\
        INSERT INTO journal_snapshot (journal, stream, version, position, schema_hash, state)
        SELECT * FROM unnest(
            $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
        ON CONFLICT (journal, stream, version) DO UPDATE
        SET position = excluded.position, schema_hash = excluded.schema_hash,
            state = excluded.state",
};

/// By (journal, stream, version).
pub(super) const FORGET_SNAPSHOT: RowsStatement = RowsStatement {
    one: "DELETE FROM journal_snapshot WHERE journal = $1 AND stream = $2 AND version = $3",
    many: "\
        DELETE FROM journal_snapshot AS stored
        USING unnest($1::text[], $2::text[], $3::bigint[]) AS forgotten (journal, stream, version)
        WHERE stored.journal = forgotten.journal AND stored.stream = forgotten.stream
            AND stored.version = forgotten.version",
};

/// The first number spells \"quip\": locks are told apart within a database.
pub(super) const TRY_LEASE: &str = "SELECT pg_try_advisory_lock(1903520112, hashtext($1))";

pub(super) const LEASE_HOLDER: &str = "\
    SELECT coalesce(holder.application_name, 'a session of another role'), holder.pid::bigint,
        coalesce(host(holder.client_addr), 'a local socket'),
        coalesce(holder.backend_start::text, 'an unknown time')
    FROM pg_locks JOIN pg_stat_activity AS holder ON holder.pid = pg_locks.pid
    WHERE locktype = 'advisory' AND granted AND classid::bigint = 1903520112
    AND objid::bigint = hashtext($1)::bigint & 4294967295 AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
