//! The database beside the live one in which a rebuild works, and what can be seen of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use quipu_database::{Connection, Database, DatabaseError, Engine};
use quipu_domain::Position;
use quipu_projections::Projection;

use crate::checkpoints::{self, Checkpoint};
use crate::{Location, Views, ViewsError};

/// The schema in which a rebuild works, and the name under which its SQLite file is attached.
pub(crate) const REBUILD_SCHEMA: &str = "quipu_views_rebuild";

impl Views {
    /// The scratch database with what an earlier rebuild of the same projections and versions has
    /// left in it; an empty one where there is nothing that fits.
    pub(crate) fn open_scratch(
        &self,
        projections: &[&'static dyn Projection],
    ) -> Result<Database, ViewsError> {
        self.database().may_write()?;
        let left = self.scratch_checkpoints()?;
        let is_current = |projection: &&'static dyn Projection| {
            let checkpoint = left.get(projection.name());
            checkpoint.is_some_and(|checkpoint| checkpoint.version == projection.version())
        };
        let is_of_these = left.len() == projections.len() && projections.iter().all(is_current);
        // Whether what has stopped there is to go on by now, nobody knows.
        let fits = is_of_these
            && checkpoints::strange(&left, self.feed())?.is_none()
            && !self.scratch_has_stopped()?;
        if !fits {
            self.cancel_rebuild()?;
            self.remove_scratch()?;
        }
        Ok(match self.location() {
            Location::Sqlite { file } => {
                Location::Sqlite { file: scratch_file(file) }.open(REBUILD_SCHEMA)?
            }
            postgres @ Location::Postgres { .. } => postgres.open(REBUILD_SCHEMA)?,
        })
    }

    /// Whether an event could not be applied in it.
    fn scratch_has_stopped(&self) -> Result<bool, ViewsError> {
        let mut connection = self.database().reader()?;
        Ok(self.attach_scratch(&mut connection)?
            && !connection.query(STOPPED_IN_SCRATCH, &[])?.is_empty())
    }

    /// Takes the scratch database away.
    pub(crate) fn remove_scratch(&self) -> Result<(), ViewsError> {
        match self.location() {
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

    /// How far a rebuild is that is under way, or was broken off; nothing where there is none.
    pub(crate) fn scratch_checkpoints(&self) -> Result<HashMap<String, Checkpoint>, ViewsError> {
        if self.database().is_read_only() {
            return self.scratch_checkpoints_read_only();
        }
        let mut connection = self.database().reader()?;
        if self.attach_scratch(&mut connection)? {
            return checkpoints::read_scratch(&mut connection);
        }
        Ok(HashMap::new())
    }

    /// A rebuild makes the scratch database and takes it away again, so that whoever may read the live
    /// one may not be able to read this. It is not a part of the book.
    fn scratch_checkpoints_read_only(&self) -> Result<HashMap<String, Checkpoint>, ViewsError> {
        let location = match self.location() {
            Location::Sqlite { file } => Location::Sqlite { file: scratch_file(file) },
            postgres @ Location::Postgres { .. } => postgres.clone(),
        };
        match location.open_read_only(REBUILD_SCHEMA) {
            Ok(scratch) => scratch.read(|connection| Ok(checkpoints::read(connection)))?,
            Err(DatabaseError::Unavailable(why)) => Err(DatabaseError::Unavailable(why).into()),
            Err(_) => Ok(HashMap::new()),
        }
    }

    /// Lets a connection of the live database see the scratch one; false where there is none.
    pub(crate) fn attach_scratch(&self, connection: &mut Connection) -> Result<bool, ViewsError> {
        if let Location::Sqlite { file } = self.location() {
            let scratch = scratch_file(file);
            if !scratch.exists() {
                return Ok(false);
            }
            let scratch = scratch.display().to_string();
            connection.execute("ATTACH DATABASE $1 AS quipu_views_rebuild", &[scratch.into()])?;
        }
        let sql = match connection.engine() {
            Engine::Sqlite => SCRATCH_IN_SQLITE,
            Engine::Postgres => SCRATCH_IN_POSTGRES,
        };
        Ok(!connection.query(sql, &[])?.is_empty())
    }

    /// Ends a rebuild that is under way, in this process or another, and takes away what it has
    /// made; the live rows stay. Says what there was.
    pub fn cancel_rebuild(&self) -> Result<Vec<Rebuilding>, ViewsError> {
        let mut connection = self.writer()?;
        if !self.attach_scratch(&mut connection)? {
            return Ok(Vec::new());
        }
        let mut stopped = rebuilding(&checkpoints::read_scratch(&mut connection)?);
        stopped.sort_by(|left, right| left.projection.cmp(right.projection));
        // Who works on it notices when it saves the next time, or would put its rows live.
        connection.execute(TAKE_OVER, &[])?;
        drop(connection);
        self.remove_scratch()?;
        Ok(stopped)
    }
}

/// A rebuild that is under way, or was broken off and will be taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilding {
    /// The projection.
    pub projection: &'static str,
    /// The version that is being built.
    pub version: u32,
    /// The last event in the new rows.
    pub position: Position,
}

/// What the scratch database's checkpoints say.
pub(crate) fn rebuilding(checkpoints: &HashMap<String, Checkpoint>) -> Vec<Rebuilding> {
    let known = quipu_projections::all().iter().filter_map(|projection| {
        let checkpoint = checkpoints.get(projection.name())?;
        Some(Rebuilding {
            projection: projection.name(),
            version: checkpoint.version,
            position: checkpoint.position,
        })
    });
    known.collect()
}

/// What a version has left that did not note the last event cannot be taken up.
const SCRATCH_IN_SQLITE: &str = "SELECT name FROM pragma_table_info('projection', \
    'quipu_views_rebuild') WHERE name = 'last_event'";
const SCRATCH_IN_POSTGRES: &str = "SELECT attname::text FROM pg_attribute \
    WHERE attrelid = to_regclass('quipu_views_rebuild.projection') AND attname = 'last_event'";
const STOPPED_IN_SCRATCH: &str = "SELECT projection FROM quipu_views_rebuild.projection_parked";
const TAKE_OVER: &str = "UPDATE quipu_views_rebuild.projection SET generation = generation + 1";

/// The SQLite file that a file of views is rebuilt in: for `views.db`, `views.rebuild.db`.
#[must_use]
pub fn scratch_file(file: &Path) -> PathBuf {
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
