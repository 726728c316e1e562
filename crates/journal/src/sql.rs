//! The journal on SQLite and PostgreSQL.

mod appender;
mod caches;
mod lease;
mod row;
mod statement;

use std::collections::HashMap;
use std::path::Path;

use quipu_database::{Database, DatabaseError, Durability, Engine, Migrations, Row, Value};
use quipu_domain::{Position, Stream, Timestamp, Version};

use crate::index::read_postings;
use crate::{
    Appender, BatchRow, Head, JournalError, Lease, Root, SealedKeys, SealedSegment, SegmentBounds,
    SegmentEnd, Snapshot, Store,
};
use appender::SqlAppender;
pub use lease::HeldLease;
use row::position_of;

/// The journal's tables, for whoever opens the database himself.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_journal", include_str!("../../../migrations/sqlite/0001_journal.sql")),
        ("0002_sealed_texts", include_str!("../../../migrations/sqlite/0002_sealed_texts.sql")),
        ("0003_event_metadata", include_str!("../../../migrations/sqlite/0003_event_metadata.sql")),
        ("0004_long_rows", include_str!("../../../migrations/sqlite/0004_long_rows.sql")),
        (
            "0005_sealed_in_parts",
            include_str!("../../../migrations/sqlite/0005_sealed_in_parts.sql"),
        ),
        (
            "0006_what_was_carried",
            include_str!("../../../migrations/sqlite/0006_what_was_carried.sql"),
        ),
        (
            "0007_what_a_void_gives_back",
            include_str!("../../../migrations/sqlite/0007_what_a_void_gives_back.sql"),
        ),
        (
            "0008_who_leaves_a_total",
            include_str!("../../../migrations/sqlite/0008_who_leaves_a_total.sql"),
        ),
        (
            "0009_who_joins_a_total",
            include_str!("../../../migrations/sqlite/0009_who_joins_a_total.sql"),
        ),
    ],
    postgres: &[
        ("0001_journal", include_str!("../../../migrations/postgres/0001_journal.sql")),
        ("0002_sealed_texts", include_str!("../../../migrations/postgres/0002_sealed_texts.sql")),
        (
            "0003_event_metadata",
            include_str!("../../../migrations/postgres/0003_event_metadata.sql"),
        ),
        (
            "0004_sealed_in_parts",
            include_str!("../../../migrations/postgres/0004_sealed_in_parts.sql"),
        ),
        (
            "0005_what_was_carried",
            include_str!("../../../migrations/postgres/0005_what_was_carried.sql"),
        ),
        (
            "0006_what_a_void_gives_back",
            include_str!("../../../migrations/postgres/0006_what_a_void_gives_back.sql"),
        ),
        (
            "0007_who_leaves_a_total",
            include_str!("../../../migrations/postgres/0007_who_leaves_a_total.sql"),
        ),
        (
            "0008_who_joins_a_total",
            include_str!("../../../migrations/postgres/0008_who_joins_a_total.sql"),
        ),
    ],
};

/// Which journal of the database: the tables can hold many, each with its own chain.
const JOURNAL: &str = "main";

/// PostgreSQL's schema of its tables.
const SCHEMA: &str = "public";

/// A journal in a database.
#[derive(Clone)]
pub struct SqlStore {
    database: Database,
}

impl SqlStore {
    /// The journal in a SQLite file, which is created where there is none. Beside it lies the
    /// lease, a file of the same name that ends in `.lock`.
    pub fn open_sqlite(path: &Path) -> Result<SqlStore, DatabaseError> {
        let database = Database::open_sqlite(path, Durability::Full, &MIGRATIONS)?;
        Ok(SqlStore { database })
    }

    /// The journal in a PostgreSQL database, in schema `public`, so that plain `psql` shows it.
    /// See [`Database::connect_postgres`].
    pub fn connect_postgres(url: &str) -> Result<SqlStore, DatabaseError> {
        let database = Database::connect_postgres(url, SCHEMA, &MIGRATIONS)?;
        Ok(SqlStore { database })
    }

    /// The journal in a SQLite file that is there, to be read and nothing else.
    /// See [`Database::open_sqlite_read_only`].
    pub fn open_sqlite_read_only(path: &Path) -> Result<SqlStore, DatabaseError> {
        let database = Database::open_sqlite_read_only(path, &MIGRATIONS)?;
        Ok(SqlStore { database })
    }

    /// The journal that is in a PostgreSQL database, to be read and nothing else.
    /// See [`Database::connect_postgres_read_only`].
    pub fn connect_postgres_read_only(url: &str) -> Result<SqlStore, DatabaseError> {
        let database = Database::connect_postgres_read_only(url, SCHEMA, &MIGRATIONS)?;
        Ok(SqlStore { database })
    }

    /// The same journal, read by connections of its own.
    /// See [`Database::with_own_readers`].
    #[must_use]
    pub fn with_own_readers(&self) -> SqlStore {
        SqlStore { database: self.database.with_own_readers() }
    }

    /// The database under it.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }
}

impl Store for SqlStore {
    fn acquire(&self, lease: Lease) -> Result<Box<dyn Appender>, JournalError> {
        Ok(Box::new(SqlAppender::acquire(&self.database, lease)?))
    }

    fn head(&self) -> Result<Head, JournalError> {
        let params = [JOURNAL.into(), Root::empty().0.to_vec().into()];
        let rows = self.database.query(statement::HEAD, &params)?;
        match rows.first() {
            Some(row) if row.int(3)? == 1 => row::head(row),
            _ => Err(JournalError::Corrupt {
                position: Position::ZERO,
                why: "the genesis row is missing or changed".to_owned(),
            }),
        }
    }

    fn rows_after(
        &self,
        after: Position,
        most_events: usize,
    ) -> Result<Vec<BatchRow>, JournalError> {
        let most = after.plus(most_events.max(1) as u64);
        let params = [JOURNAL.into(), Value::from(after.0), most.0.into()];
        let rows = self.database.query(statement::ROWS_AFTER, &params)?;
        rows.into_iter().map(row::batch).collect()
    }

    fn rows_holding(&self, positions: &[Position]) -> Result<Vec<BatchRow>, JournalError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let sql = match self.database.engine() {
            Engine::Sqlite => statement::ROWS_HOLDING_SQLITE,
            Engine::Postgres => statement::ROWS_HOLDING_POSTGRES,
        };
        let list: Vec<String> = positions.iter().map(ToString::to_string).collect();
        let params = [JOURNAL.into(), format!("[{}]", list.join(",")).into()];
        let rows = self.database.query(sql, &params)?;
        let mut rows: Vec<BatchRow> = rows.into_iter().map(row::batch).collect::<Result<_, _>>()?;
        // SQLite would sort the rows with their texts, on the disk.
        rows.sort_unstable_by_key(|row| row.first_position);
        Ok(rows)
    }

    fn end_recorded_by(&self, moment: Timestamp) -> Result<Position, JournalError> {
        let params = [JOURNAL.into(), moment.micros().into()];
        let rows = self.database.query(statement::END_RECORDED_BY, &params)?;
        rows.first().map_or(Ok(Position::ZERO), |row| position_of(row.int(0)?))
    }

    fn postings(&self, wanted: &[(Stream, Position)]) -> Result<Vec<Vec<Position>>, JournalError> {
        let row = |(stream, after): &(Stream, Position)| {
            vec![JOURNAL.into(), stream.as_str().into(), after.0.into()]
        };
        let keys: Vec<Vec<Value>> = wanted.iter().map(row).collect();
        let rows = self.database.query_rows(&statement::POSTINGS, &keys)?;
        let mut lists: HashMap<&str, Vec<Position>> = HashMap::new();
        for row in &rows {
            let list = lists.entry(row.text(0)?).or_default();
            list.extend(read_postings(position_of(row.int(1)?)?, row.blob(2)?)?);
        }
        let list = |(stream, after): &(Stream, Position)| {
            let mut list = lists.remove(stream.as_str()).unwrap_or_default();
            list.drain(..list.partition_point(|position| position <= after));
            list
        };
        Ok(wanted.iter().map(list).collect())
    }

    fn segments(&self, since: Timestamp) -> Result<Vec<SealedKeys>, JournalError> {
        let params = [JOURNAL.into(), since.micros().into()];
        let rows = self.database.query(statement::SEGMENTS, &params)?;
        rows.into_iter()
            .map(|mut row| {
                Ok(SealedKeys {
                    first_position: position_of(row.int(0)?)?,
                    last_position: position_of(row.int(1)?)?,
                    recorded_at: row::timestamp(row.int(2)?)?,
                    keys: row.take_blob(3)?,
                })
            })
            .collect()
    }

    fn last_segment(&self) -> Result<Option<SegmentEnd>, JournalError> {
        let row = self.database.read(|connection| {
            let bounds = connection.query(statement::SEGMENT_BOUNDS, &[JOURNAL.into()])?;
            let mut last = 0;
            for bound in bounds {
                // Whoever deleted the postings meant all caches.
                if bound.int(0)? != last + 1 || bound.int(2)? == 0 {
                    break;
                }
                last = bound.int(1)?;
            }
            let params = [JOURNAL.into(), last.into()];
            Ok(connection.query(statement::SEGMENT_END, &params)?.pop())
        })?;
        row.as_ref().map(row::segment_end).transpose()
    }

    fn segment_bounds(&self) -> Result<Vec<SegmentBounds>, JournalError> {
        caches::segment_bounds(&self.database)
    }

    fn saved_segment(&self, bounds: SegmentBounds) -> Result<Option<SealedSegment>, JournalError> {
        caches::saved_segment(&self.database, bounds)
    }

    fn each_posting(
        &self,
        each: &mut dyn FnMut(&str, SegmentBounds, &[u8]),
    ) -> Result<(), JournalError> {
        caches::each_posting(&self.database, each)
    }

    fn each_snapshot(&self, each: &mut dyn FnMut(&Snapshot)) -> Result<(), JournalError> {
        caches::each_snapshot(&self.database, each)
    }

    fn snapshots(
        &self,
        streams: &[Stream],
        most_version: Option<Version>,
        schema_hash: &str,
    ) -> Result<Vec<Snapshot>, JournalError> {
        let most = Value::from(most_version.map_or(u64::MAX, |version| version.0));
        let row = |stream: &Stream| {
            vec![JOURNAL.into(), stream.as_str().into(), most.clone(), schema_hash.into()]
        };
        let keys: Vec<Vec<Value>> = streams.iter().map(row).collect();
        let rows = self.database.query_rows(&statement::SNAPSHOTS, &keys)?;
        let snapshot = |row: &Row| {
            Ok(Snapshot {
                stream: Stream::stored(row.text(0)?),
                version: Version(position_of(row.int(1)?)?.0),
                position: position_of(row.int(2)?)?,
                schema_hash: schema_hash.to_owned(),
                state: row.text(3)?.to_owned(),
                supersedes: None,
            })
        };
        rows.iter().map(snapshot).collect()
    }
}
