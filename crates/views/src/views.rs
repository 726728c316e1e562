//! The open views: where they are, and how far.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quipu_database::{Connection, Database, DatabaseError, Durability, Engine, Migrations};
use quipu_domain::Position;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::{Feed, ViewsError, checkpoints};

const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_tables", include_str!("../../../migrations/sqlite/views_0001_tables.sql")),
        ("0002_history", include_str!("../../../migrations/sqlite/views_0002_history.sql")),
    ],
    postgres: &[
        ("0001_tables", include_str!("../../../migrations/postgres/views_0001_tables.sql")),
        ("0002_history", include_str!("../../../migrations/postgres/views_0002_history.sql")),
    ],
};

/// The schema of the views in PostgreSQL.
const SCHEMA: &str = "quipu_views";
/// The schema in which a rebuild works, and the name under which its SQLite file is attached.
pub(crate) const REBUILD_SCHEMA: &str = "quipu_views_rebuild";

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
        /// The runtime that drives the connections.
        handle: Handle,
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
    rebuilding: Mutex<()>,
}

impl Views {
    /// Opens the views of a journal, empty ones where there are none.
    pub fn open(location: Location, feed: Arc<dyn Feed>) -> Result<Views, ViewsError> {
        let database = location.open(SCHEMA)?;
        let position = database.read(|connection| Ok(checkpoints::slowest(connection)))??;
        let (checkpoint, _) = watch::channel(position);
        let rebuilding = Mutex::new(());
        Ok(Views(Arc::new(Inner { location, database, feed, checkpoint, rebuilding })))
    }

    /// The last event that all projections have.
    #[must_use]
    pub fn checkpoint(&self) -> Position {
        *self.0.checkpoint.borrow()
    }

    /// Sees every move of the checkpoint.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Position> {
        self.0.checkpoint.subscribe()
    }

    /// Waits until all projections have an event.
    pub async fn wait_for(&self, wanted: Position, most: Duration) -> Result<(), ViewsError> {
        let mut checkpoint = self.subscribe();
        let reached = checkpoint.wait_for(|position| *position >= wanted);
        match tokio::time::timeout(most, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ViewsError::NotYet { wanted, checkpoint: self.checkpoint() }),
        }
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
        writer(self.database())
    }

    pub(crate) fn announce(&self, position: Position) {
        self.0.checkpoint.send_replace(position);
    }

    /// Lets one rebuild at a time use the scratch database.
    pub(crate) fn rebuilding(&self) -> &Mutex<()> {
        &self.0.rebuilding
    }

    /// An empty database of the same kind, beside this one.
    pub(crate) fn open_scratch(&self) -> Result<Database, ViewsError> {
        self.remove_scratch()?;
        match &self.0.location {
            Location::Sqlite { file } => {
                Ok(Location::Sqlite { file: scratch_file(file) }.open(REBUILD_SCHEMA)?)
            }
            postgres @ Location::Postgres { .. } => Ok(postgres.open(REBUILD_SCHEMA)?),
        }
    }

    /// Takes the scratch database away.
    pub(crate) fn remove_scratch(&self) -> Result<(), ViewsError> {
        match &self.0.location {
            Location::Sqlite { file } => {
                let scratch = scratch_file(file);
                ["", "-wal", "-shm"].into_iter().try_for_each(|suffix| remove(&scratch, suffix))
            }
            Location::Postgres { .. } => {
                let sql = "DROP SCHEMA IF EXISTS quipu_views_rebuild CASCADE";
                self.writer()?.execute(sql, &[])?;
                Ok(())
            }
        }
    }

    /// The scratch database's file, where it is one.
    pub(crate) fn scratch_file(&self) -> Option<PathBuf> {
        match &self.0.location {
            Location::Sqlite { file } => Some(scratch_file(file)),
            Location::Postgres { .. } => None,
        }
    }
}

impl Location {
    /// The views can be built anew, so a power cut may cost the last pages, never consistency.
    fn open(&self, schema: &str) -> Result<Database, DatabaseError> {
        match self {
            Location::Sqlite { file } => {
                Database::open_sqlite(file, Durability::Derived, &MIGRATIONS)
            }
            Location::Postgres { url, handle } => {
                Database::connect_postgres(url, schema, handle.clone(), &MIGRATIONS)
            }
        }
    }
}

/// A connection for whole pages of rows: SQLite's own defaults, 2 MB of memory and a checkpoint
/// every 4 MB, would write and sync the same pages many times over.
pub(crate) fn writer(database: &Database) -> Result<Connection, ViewsError> {
    let mut connection = database.writer()?;
    if database.engine() == Engine::Sqlite {
        connection.query("PRAGMA cache_size = -65536", &[])?;
        connection.query("PRAGMA wal_autocheckpoint = 16384", &[])?;
    }
    Ok(connection)
}

/// `views.db` is rebuilt in `views.rebuild.db`.
fn scratch_file(file: &Path) -> PathBuf {
    file.with_extension("rebuild.db")
}

fn remove(file: &Path, suffix: &str) -> Result<(), ViewsError> {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    let path = PathBuf::from(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ViewsError::File { path, error })
        }
        _ => Ok(()),
    }
}
