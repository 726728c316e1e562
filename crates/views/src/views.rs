//! The open views: where they are, and how far.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quipu_database::{Connection, Database, DatabaseError, Durability, Migrations};
use quipu_domain::{Position, Timestamp};
use tokio::sync::watch;

use crate::{Feed, ViewsError, checkpoints};

/// The views' tables, for whoever opens the database himself.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_tables", include_str!("../../../migrations/sqlite/views_0001_tables.sql")),
        ("0002_history", include_str!("../../../migrations/sqlite/views_0002_history.sql")),
        (
            "0003_skipped_and_replay",
            include_str!("../../../migrations/sqlite/views_0003_skipped_and_replay.sql"),
        ),
        ("0004_sums_before", include_str!("../../../migrations/sqlite/views_0004_sums_before.sql")),
        ("0005_child_spans", include_str!("../../../migrations/sqlite/views_0005_child_spans.sql")),
        ("0006_runs", include_str!("../../../migrations/sqlite/views_0006_runs.sql")),
        ("0007_turnover", include_str!("../../../migrations/sqlite/views_0007_turnover.sql")),
        (
            "0008_closing_periods",
            include_str!("../../../migrations/sqlite/views_0008_closing_periods.sql"),
        ),
        ("0009_who_owes", include_str!("../../../migrations/sqlite/views_0009_who_owes.sql")),
        (
            "0010_which_history",
            include_str!("../../../migrations/sqlite/views_0010_which_history.sql"),
        ),
    ],
    postgres: &[
        ("0001_tables", include_str!("../../../migrations/postgres/views_0001_tables.sql")),
        ("0002_history", include_str!("../../../migrations/postgres/views_0002_history.sql")),
        ("0003_skipped", include_str!("../../../migrations/postgres/views_0003_skipped.sql")),
        (
            "0004_room_to_update",
            include_str!("../../../migrations/postgres/views_0004_room_to_update.sql"),
        ),
        (
            "0005_sums_before",
            include_str!("../../../migrations/postgres/views_0005_sums_before.sql"),
        ),
        (
            "0006_child_spans",
            include_str!("../../../migrations/postgres/views_0006_child_spans.sql"),
        ),
        ("0007_runs", include_str!("../../../migrations/postgres/views_0007_runs.sql")),
        ("0008_turnover", include_str!("../../../migrations/postgres/views_0008_turnover.sql")),
        (
            "0009_closing_periods",
            include_str!("../../../migrations/postgres/views_0009_closing_periods.sql"),
        ),
        ("0010_who_owes", include_str!("../../../migrations/postgres/views_0010_who_owes.sql")),
        ("0011_long_keys", include_str!("../../../migrations/postgres/views_0011_long_keys.sql")),
        (
            "0012_which_history",
            include_str!("../../../migrations/postgres/views_0012_which_history.sql"),
        ),
    ],
};

/// The schema of the views in PostgreSQL.
const SCHEMA: &str = "quipu_views";

/// Where the views are kept.
#[derive(Clone)]
pub enum Location {
    /// In a file of their own. It may be deleted at any time.
    Sqlite {
        /// The file.
        file: PathBuf,
    },
    /// In the schema `quipu_views` of a database.
    Postgres {
        /// `postgres://user@host/name`.
        url: String,
    },
}

/// The open views. Cheap to clone.
#[derive(Clone)]
pub struct Views(Arc<Inner>);

struct Inner {
    location: Location,
    database: Database,
    feed: Arc<dyn Feed>,
    checkpoint: watch::Sender<Position>,
    folded: watch::Sender<Position>,
    /// How many wait for the checkpoint to move.
    waiting: Mutex<usize>,
    /// Somebody has begun to wait, or it is to stop.
    haste: Condvar,
    rebuilding: Mutex<()>,
    /// Why the thread that keeps them up to date gets no further.
    standstill: Mutex<Option<String>>,
}

impl Views {
    /// Opens the views of a journal, empty ones where there are none.
    pub fn open(location: Location, feed: Arc<dyn Feed>) -> Result<Views, ViewsError> {
        let database = location.open(SCHEMA)?;
        Views::over(location, database, feed)
    }

    /// Opens views that are there, to be read and nothing else.
    pub fn open_read_only(location: Location, feed: Arc<dyn Feed>) -> Result<Views, ViewsError> {
        let database = location.open_read_only(SCHEMA)?;
        Views::over(location, database, feed)
    }

    fn over(
        location: Location,
        database: Database,
        feed: Arc<dyn Feed>,
    ) -> Result<Views, ViewsError> {
        let position = database.read(|connection| Ok(checkpoints::slowest(connection)))??;
        let (checkpoint, _) = watch::channel(position);
        let (folded, _) = watch::channel(position);
        Ok(Views(Arc::new(Inner {
            location,
            database,
            feed,
            checkpoint,
            folded,
            waiting: Mutex::new(0),
            haste: Condvar::new(),
            rebuilding: Mutex::new(()),
            standstill: Mutex::new(None),
        })))
    }

    /// The last event that all projections have.
    #[must_use]
    pub fn checkpoint(&self) -> Position {
        *self.0.checkpoint.borrow()
    }

    /// A projection and the last event that it was made from, where the journal does not have that:
    /// its end was lost, or it goes on otherwise since it was restored. None where all fit.
    pub fn made_from_another_history(
        &self,
    ) -> Result<Option<(&'static str, Position)>, ViewsError> {
        let checkpoints =
            self.database().read(|connection| Ok(checkpoints::read(connection)))??;
        checkpoints::strange(&checkpoints, self.feed())
    }

    /// When the first event was recorded that is not in them; none where they have all. May read
    /// the journal.
    pub fn behind_since(&self) -> Result<Option<Timestamp>, ViewsError> {
        let next = self.feed().follow(self.checkpoint(), 1)?.parse()?;
        Ok(next.iter().next().map(|event| event.recorded_at))
    }

    /// Sees every move of the checkpoint.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Position> {
        self.0.checkpoint.subscribe()
    }

    /// Sees how far the thread is that keeps them up to date: the last event that it has folded,
    /// which may not be in the views before its transaction ends.
    #[must_use]
    pub fn subscribe_folded(&self) -> watch::Receiver<Position> {
        self.0.folded.subscribe()
    }

    /// Why the thread that keeps them up to date gets no further, while it fails again and again.
    #[must_use]
    pub fn standstill(&self) -> Option<String> {
        self.0.standstill.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn announce_standstill(&self, why: Option<String>) {
        *self.0.standstill.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Waits until all projections have an event.
    pub async fn wait_for(&self, wanted: Position, most: Duration) -> Result<(), ViewsError> {
        if self.checkpoint() >= wanted {
            return Ok(());
        }
        let mut checkpoint = self.subscribe();
        let _waiting = Waiting::begin(self);
        let reached = checkpoint.wait_for(|position| *position >= wanted);
        match tokio::time::timeout(most, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ViewsError::NotYet { wanted, checkpoint: self.checkpoint() }),
        }
    }

    /// Returns when somebody waits for the views, when it is to stop, or after `most`: then there
    /// is no haste.
    pub(crate) fn wait_for_haste(&self, most: Duration, stopping: &AtomicBool) -> bool {
        let nobody = |waiting: &mut usize| *waiting == 0 && !stopping.load(Ordering::Acquire);
        let waited = self.0.haste.wait_timeout_while(self.waiting(), most, nobody);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Lets that look again. With the lock held, it cannot have looked and not yet sleep.
    pub(crate) fn hurry(&self) {
        let _waiting = self.waiting();
        self.0.haste.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, usize> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    /// The journal that they are made from.
    pub(crate) fn feed(&self) -> &dyn Feed {
        &*self.0.feed
    }

    /// A connection of one's own, to write.
    pub(crate) fn writer(&self) -> Result<Connection, ViewsError> {
        Ok(self.database().writer()?)
    }

    pub(crate) fn announce(&self, position: Position) {
        self.0.checkpoint.send_replace(position);
    }

    pub(crate) fn announce_folded(&self, position: Position) {
        self.0.folded.send_replace(position);
    }

    /// Lets one rebuild at a time use the scratch database.
    pub(crate) fn rebuilding(&self) -> &Mutex<()> {
        &self.0.rebuilding
    }

    /// Where they are kept.
    pub(crate) fn location(&self) -> &Location {
        &self.0.location
    }
}

/// Somebody who waits for the views, for as long as this lives.
struct Waiting<'a>(&'a Views);

impl<'a> Waiting<'a> {
    fn begin(views: &'a Views) -> Waiting<'a> {
        *views.waiting() += 1;
        views.0.haste.notify_all();
        Waiting(views)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *self.0.waiting() -= 1;
    }
}

impl Location {
    /// The views can be built anew, so a power cut may cost the last pages, never consistency.
    pub(crate) fn open(&self, schema: &str) -> Result<Database, DatabaseError> {
        match self {
            Location::Sqlite { file } => {
                Database::open_sqlite(file, Durability::Derived, &MIGRATIONS)
            }
            Location::Postgres { url } => Database::connect_postgres(url, schema, &MIGRATIONS),
        }
    }

    /// Nothing is made or brought up to date.
    pub(crate) fn open_read_only(&self, schema: &str) -> Result<Database, DatabaseError> {
        match self {
            Location::Sqlite { file } => Database::open_sqlite_read_only(file, &MIGRATIONS),
            Location::Postgres { url } => {
                Database::connect_postgres_read_only(url, schema, &MIGRATIONS)
            }
        }
    }
}
