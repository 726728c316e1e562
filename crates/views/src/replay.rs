//! Views as they were at a moment, built in a SQLite file of their own.

use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quipu_database::DatabaseError;
use quipu_domain::Position;
use quipu_projections::Projection;

use crate::builder::{Builder, Progress};
use crate::skips::Skips;
use crate::{Feed, Location, Views, ViewsError, checkpoints};

/// What a replay is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The last event that it takes.
    pub until: Position,
    /// The end of the journal's row that holds this event.
    pub root_position: Position,
    /// The tree head there, in hexadecimal digits: it says of which journal.
    pub root: String,
}

/// A file with views that are a replay: of some projections, up to a position. It is read like any
/// views, by [`ReplayFile::views`] or with any program that reads SQLite.
pub struct ReplayFile {
    path: PathBuf,
    views: Views,
}

/// What one version has begun, another one would go on with by other rules.
const OF_ANOTHER_VERSION: &str =
    "another version of quipu made this replay; make it anew: `quipu replay --to` another file";

impl ReplayFile {
    /// Opens a file that a replay made, or makes one. Refuses what is something else.
    pub fn open(path: &Path, feed: Arc<dyn Feed>) -> Result<ReplayFile, ViewsError> {
        let is_there = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
        if is_there {
            // One of an older version is judged, and left as it is.
            ReplayFile::open_read_only(path, Arc::clone(&feed))?;
        }
        ReplayFile::opened(path, |location| Views::open(location, feed))
    }

    /// Opens a file that a replay made, to be read and nothing else.
    pub fn open_read_only(path: &Path, feed: Arc<dyn Feed>) -> Result<ReplayFile, ViewsError> {
        ReplayFile::opened(path, |location| Views::open_read_only(location, feed))
    }

    fn opened(
        path: &Path,
        open: impl FnOnce(Location) -> Result<Views, ViewsError>,
    ) -> Result<ReplayFile, ViewsError> {
        if !is_new_or_ours(path).map_err(|error| ViewsError::File { path: path.into(), error })? {
            let why = "this file is something else, and is left alone".to_owned();
            return Err(ViewsError::ReplayFile { path: path.into(), why });
        }
        let views =
            open(Location::Sqlite { file: path.to_owned() }).map_err(|error| match error {
                ViewsError::Database(DatabaseError::Older { .. }) => {
                    ViewsError::ReplayFile { path: path.into(), why: OF_ANOTHER_VERSION.to_owned() }
                }
                error => error,
            })?;
        Ok(ReplayFile { path: path.to_owned(), views })
    }

    /// What it is a replay of, and whether it is finished; `None` where it was not begun.
    pub fn moment(&self) -> Result<Option<(Moment, bool)>, ViewsError> {
        const REPLAY: &str = "SELECT until, root_position, root, finished_at FROM replay";
        let rows = self.views.database().query(REPLAY, &[])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let position = |column: usize| -> Result<Position, ViewsError> {
            u64::try_from(row.int(column)?).map(Position).map_err(|_| self.unusable("malformed"))
        };
        let moment = Moment {
            until: position(0)?,
            root_position: position(1)?,
            root: row.text(2)?.to_owned(),
        };
        Ok(Some((moment, row.optional_int(3)?.is_some())))
    }

    /// Replays the journal into it. What an interrupted replay of the same projections has left is
    /// taken up; a finished one, or one that went further, is refused.
    pub fn run(
        &self,
        projections: &[&'static dyn Projection],
        moment: &Moment,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        self.may_run(projections, moment)?;
        self.record(moment)?;
        let feed = self.views.feed();
        let database = self.views.database();
        // What is skipped in the live views is their operator's decision, and no part of a replay.
        let mut builder = Builder::begin(feed, database, projections, &Skips::default())?;
        builder.build(|| Ok(moment.until), &mut progress)?;
        builder.save()?;
        drop(builder);
        let mut connection = self.views.writer()?;
        let now = checkpoints::now().micros();
        connection.execute("UPDATE replay SET finished_at = $1", &[now.into()])?;
        Ok(())
    }

    /// The views in it.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.views
    }

    fn may_run(
        &self,
        projections: &[&'static dyn Projection],
        moment: &Moment,
    ) -> Result<(), ViewsError> {
        let Some((begun, is_finished)) = self.moment()? else {
            let known =
                self.views.database().read(|connection| Ok(checkpoints::read(connection)))?;
            return if known?.is_empty() {
                Ok(())
            } else {
                Err(self.unusable("these are live views, and are left alone"))
            };
        };
        if is_finished {
            return Err(
                self.unusable(&format!("a finished replay up to {} is there already", begun.until))
            );
        }
        let known =
            self.views.database().read(|connection| Ok(checkpoints::read(connection)))??;
        let is_wanted = |name: &String| projections.iter().any(|wanted| wanted.name() == name);
        if !known.is_empty() && (known.len() != projections.len() || !known.keys().all(is_wanted)) {
            let mut names: Vec<&str> = known.keys().map(String::as_str).collect();
            names.sort_unstable();
            let names = names.join(",");
            return Err(self.unusable(&format!("an unfinished replay of {names} is there")));
        }
        let is_current = |(name, checkpoint): (&String, &checkpoints::Checkpoint)| {
            quipu_projections::named(name)
                .is_some_and(|projection| projection.version() == checkpoint.version)
        };
        if !known.iter().all(is_current) {
            return Err(self.unusable(OF_ANOTHER_VERSION));
        }
        let reached = known.values().map(|checkpoint| checkpoint.position).max();
        if reached.is_some_and(|reached| reached > moment.until) {
            return Err(self.unusable("an unfinished replay is there that went further already"));
        }
        Ok(())
    }

    fn record(&self, moment: &Moment) -> Result<(), ViewsError> {
        self.views.writer()?.transaction(|connection| {
            connection.execute("DELETE FROM replay", &[])?;
            connection.execute(
                "INSERT INTO replay (until, root_position, root) VALUES ($1, $2, $3)",
                &[
                    moment.until.0.into(),
                    moment.root_position.0.into(),
                    moment.root.as_str().into(),
                ],
            )?;
            Ok(())
        })
    }

    fn unusable(&self, why: &str) -> ViewsError {
        ViewsError::ReplayFile { path: self.path.clone(), why: why.to_owned() }
    }
}

/// SQLite's header: its name, and at byte 68 the number that the migrations mark quipu's views
/// with (sqlite.org/fileformat2.html, 1.3). A file without anything in it is as good as none.
fn is_new_or_ours(path: &Path) -> std::io::Result<bool> {
    let mut header = [0; 72];
    let mut file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        opened => opened?,
    };
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| header.starts_with(b"SQLite format 3\0") && header[68..] == *b"qpvw"),
    }
}
