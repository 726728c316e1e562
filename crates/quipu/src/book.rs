//! Where the book is, and opening it.

pub(crate) mod files;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use quipu_database::DatabaseError;
use quipu_journal::{HeldLease, Journal, JournalError, Recent, SqlStore, Store};
use quipu_proofs::{ProofStore, Proofs};
use quipu_views::{Location, Views, ViewsError};
use tokio::runtime::Runtime;

use crate::error::CliError;
use crate::feed::JournalFeed;

/// The truth.
const JOURNAL_FILE: &str = "journal.db";
/// What is derived from it, and may be deleted.
const VIEWS_FILE: &str = "views.db";
/// The checkpoints that were published, and tiles, which are derived.
const PROOFS_FILE: &str = "proofs.db";

/// Where the book is, as the command line says it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BookArgs {
    /// Keep the book in SQLite files in this folder [env: QUIPU_DATA] [default: ./quipu-data]
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    data: Option<PathBuf>,
    /// Keep the book in this PostgreSQL database [env: QUIPU_DATABASE]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Where the book is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// SQLite files in a folder.
    Folder(PathBuf),
    /// A PostgreSQL database. The URL may hold a password, so it is never shown.
    Postgres(String),
}

impl BookArgs {
    /// Flags first, then the environment, then the default.
    pub(crate) fn place(&self) -> Place {
        let named = self.flagged().or_else(Place::of_environment);
        named.unwrap_or_else(|| Place::Folder("./quipu-data".into()))
    }

    /// Where the command line itself says.
    pub(crate) fn flagged(&self) -> Option<Place> {
        let folder = self.data.clone().map(Place::Folder);
        folder.or_else(|| self.database.clone().map(Place::Postgres))
    }
}

/// An open book.
pub(crate) struct Book {
    /// Where it is.
    pub(crate) place: Place,
    /// Its journal.
    pub(crate) journal: SqlStore,
    /// Its views.
    pub(crate) views: Views,
    /// Where the views find what a writer of this process has just committed.
    pub(crate) recent: Arc<Recent>,
}

impl Book {
    /// Opens a book, and makes one where there is none.
    pub(crate) fn open(place: &Place) -> Result<Book, CliError> {
        let lease = lease_to_upgrade(place)?;
        Book::open_under(place, lease)
    }

    /// The same under the lease that bringing it up to date needs, and lets go of it: an older
    /// program that writes there could not go on.
    pub(crate) fn open_under(place: &Place, lease: Option<HeldLease>) -> Result<Book, CliError> {
        if let Place::Folder(folder) = place {
            quipu_files::make_folder(folder, 0o777).map_err(|error| CliError::Unusable {
                what: format!("cannot make the folder {}: {error}", folder.display()),
                hint: "choose another one with --data, or check its permissions".into(),
            })?;
        }
        let journal = open_journal(place)?;
        let recent = Arc::<Recent>::default();
        let views = Views::open(place.views(), feed(&journal, &recent))?;
        drop(lease);
        Ok(Book { place: place.clone(), journal, views, recent })
    }

    /// Opens a book that is there already, to change what is derived from it.
    pub(crate) fn open_existing(place: &Place) -> Result<Book, CliError> {
        // Closed before it is opened to be written to. What is wrong otherwise may be what opening it
        // mends, and else is said by that.
        let is_missing = matches!(place.journal(), Err(DatabaseError::Missing));
        if is_missing { Err(place.no_book()) } else { Book::open(place) }
    }

    /// Opens a book to read it and nothing else: nothing is made, brought up to date or locked, and
    /// whoever may only read can do it.
    pub(crate) fn read(place: &Place) -> Result<Book, CliError> {
        let journal = read_journal(place)?;
        let recent = Arc::<Recent>::default();
        let views = read_views(place, feed(&journal, &recent))?;
        let views = views.ok_or_else(|| ViewsError::from(DatabaseError::Missing))?;
        Ok(Book { place: place.clone(), journal, views, recent })
    }

    /// Refuses to write to a journal that is not the one that the views were made from. Where it has
    /// lost its end, what is written now would take positions that were given out before; where it
    /// went on otherwise after that, the views have money of another history.
    pub(crate) fn refuse_another_history(&self) -> Result<(), CliError> {
        let Some((view, known)) = self.views.made_from_another_history()? else {
            return Ok(());
        };
        let head = self.store().head()?;
        let end = head.position;
        Err(if end < known {
            CliError::Unusable {
                what: format!(
                    "the journal ends at {end}, but the view {view} was made from events up to \
                     {known}: the end of the journal is missing"
                ),
                hint: "restore the whole journal; if losing its end is accepted, run `quipu \
                       projections rebuild` first"
                    .into(),
            }
        } else {
            CliError::Unusable {
                what: format!(
                    "the view {view} was made from another history: the journal's event {known} is \
                     not the one that it was made from"
                ),
                hint: "put the journal and the views back that belong together, or make the views \
                       of this journal: `quipu projections rebuild`"
                    .into(),
            }
        })
    }

    /// The journal's store, for whoever takes any.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.journal.clone())
    }

    /// The same, for whoever may not wait for what others read.
    pub(crate) fn store_with_own_readers(&self) -> Arc<dyn Store> {
        Arc::new(self.journal.with_own_readers())
    }

    /// What the store says about its durability.
    pub(crate) fn settings(&self) -> Result<Vec<(String, String)>, CliError> {
        Ok(self.journal.database().settings()?)
    }
}

/// The lease of a book that has to be brought up to date; refused while somebody writes to it.
/// `None` where there is nothing to be done.
pub(crate) fn lease_to_upgrade(place: &Place) -> Result<Option<HeldLease>, JournalError> {
    if !is_older(place) {
        return Ok(None);
    }
    match place {
        Place::Folder(folder) => HeldLease::of_sqlite(&folder.join(JOURNAL_FILE)),
        Place::Postgres(url) => HeldLease::of_postgres(url),
    }
    .map(Some)
}

fn is_older(place: &Place) -> bool {
    let views = |journal| Views::open_read_only(place.views(), feed(&journal, &Arc::default()));
    match place.journal().map(views) {
        Err(DatabaseError::Older { .. }) => true,
        Ok(Err(ViewsError::Database(DatabaseError::Older { .. }))) => true,
        Ok(_) | Err(_) => false,
    }
}

/// The views of a book, to be read and nothing else, if it has any.
pub(crate) fn read_views(place: &Place, feed: Arc<JournalFeed>) -> Result<Option<Views>, CliError> {
    match Views::open_read_only(place.views(), feed) {
        Err(ViewsError::Database(DatabaseError::Missing)) => Ok(None),
        views => Ok(Some(views?)),
    }
}

/// The journal as views read it.
pub(crate) fn feed(journal: &SqlStore, recent: &Arc<Recent>) -> Arc<JournalFeed> {
    let journal = Journal::new(Arc::new(journal.clone()));
    Arc::new(JournalFeed { journal, recent: Arc::clone(recent) })
}

/// The journal of a book, to be read and nothing else.
pub(crate) fn read_journal(place: &Place) -> Result<SqlStore, CliError> {
    place.journal().map_err(|error| match error {
        DatabaseError::Missing => place.no_book(),
        error => error.into(),
    })
}

/// Opens a journal's checkpoints and tiles, empty ones where there are none.
pub(crate) fn open_proofs(place: &Place, journal: Journal) -> Result<Proofs, CliError> {
    let store = match place {
        Place::Folder(folder) => ProofStore::open_sqlite(&folder.join(PROOFS_FILE)),
        Place::Postgres(url) => ProofStore::connect_postgres(url),
    };
    Ok(Proofs::new(store?, journal))
}

/// A journal's checkpoints and tiles, to be read and nothing else, if it has any.
pub(crate) fn read_proofs(place: &Place, journal: Journal) -> Result<Option<Proofs>, CliError> {
    let store = match place {
        Place::Folder(folder) => ProofStore::open_sqlite_read_only(&folder.join(PROOFS_FILE)),
        Place::Postgres(url) => ProofStore::connect_postgres_read_only(url),
    };
    match store {
        Err(DatabaseError::Missing) => Ok(None),
        store => Ok(Some(Proofs::new(store?, journal))),
    }
}

fn open_journal(place: &Place) -> Result<SqlStore, CliError> {
    let journal = match place {
        Place::Folder(folder) => SqlStore::open_sqlite(&folder.join(JOURNAL_FILE)),
        Place::Postgres(url) => SqlStore::connect_postgres(url),
    };
    Ok(journal?)
}

impl Place {
    /// Where the environment says.
    pub(crate) fn of_environment() -> Option<Place> {
        let said = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let database = said("QUIPU_DATABASE").map(Place::Postgres);
        database.or_else(|| said("QUIPU_DATA").map(|folder| Place::Folder(folder.into())))
    }

    /// The journal, to be read and nothing else.
    fn journal(&self) -> Result<SqlStore, DatabaseError> {
        match self {
            Place::Folder(folder) => SqlStore::open_sqlite_read_only(&folder.join(JOURNAL_FILE)),
            Place::Postgres(url) => SqlStore::connect_postgres_read_only(url),
        }
    }

    fn views(&self) -> Location {
        match self {
            Place::Folder(folder) => Location::Sqlite { file: folder.join(VIEWS_FILE) },
            Place::Postgres(url) => Location::Postgres { url: url.clone() },
        }
    }

    fn no_book(&self) -> CliError {
        let place = match self {
            Place::Folder(folder) => folder.display().to_string(),
            Place::Postgres(_) => "this database".into(),
        };
        CliError::Unusable {
            what: format!("there is no book in {place}"),
            hint: "name its folder with --data, or its database with --database".into(),
        }
    }
}

/// A runtime for what the parts do concurrently.
pub(crate) fn runtime() -> Result<Runtime, CliError> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Folder(folder) => write!(f, "SQLite in {}", folder.display()),
            Place::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}
