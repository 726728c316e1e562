//! What is driven: a server of a fresh book in this process, or one that runs already.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use quipu_sealing::SubjectKeys;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::connection::Connection;
use crate::book::{self, Book, Place};
use crate::error::CliError;
use crate::server::beside::Beside;
use crate::signing::KEYS_VARIABLE;

/// What to drive.
#[derive(Args, Clone, Debug)]
pub(super) struct TargetArgs {
    /// Keep the book in this new or empty folder; where none is given, in one under the current
    /// folder that is removed afterwards
    #[arg(long, value_name = "DIR", conflicts_with_all = ["database", "server"])]
    data: Option<PathBuf>,
    /// Keep the book in this empty PostgreSQL database
    #[arg(long, value_name = "URL", conflicts_with = "server")]
    database: Option<String>,
    /// Drive this running server on a loopback address
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// Something that answers, and how to wait for it.
pub(super) struct Stage {
    /// Where it is reached.
    pub(super) address: SocketAddr,
    /// Becomes true when the run is to end early.
    pub(super) stopping: Arc<AtomicBool>,
    /// Of the clients: one thread, beside those of the server.
    clients: Runtime,
    own: Option<Own>,
}

/// A server and book of one's own.
struct Own {
    server: Beside,
    runtime: Runtime,
    book: Book,
    closed: Closed,
}

/// A book that nobody writes to any more.
pub(super) struct Closed {
    /// Where it is.
    pub(super) place: Place,
    /// Where the keys of its tenants' names are; removed once it is dropped.
    pub(super) subject_keys: TempDir,
    /// Removed once it is dropped.
    _folder: Option<TempDir>,
}

impl TargetArgs {
    /// Makes a fresh book and serves it, or finds the server that was named.
    pub(super) fn open(&self) -> Result<Stage, CliError> {
        let clients = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        if let Some(url) = &self.server {
            let address = loopback(url)?;
            return Ok(Stage { address, stopping: Arc::default(), clients, own: None });
        }
        let (place, folder) = self.fresh()?;
        let subject_keys = tempfile::Builder::new().prefix("quipu-bench-keys-").tempdir_in(".")?;
        let closed = Closed { place, subject_keys, _folder: folder };
        let book = closed.book()?;
        refuse_used(&book)?;
        let keys = SubjectKeys::open(closed.subject_keys.path())?;
        let runtime = book::runtime()?;
        let server = Beside::start(&book, keys, &runtime)?;
        let (address, stopping) = (server.address, Arc::clone(&server.stopping));
        Ok(Stage { address, stopping, clients, own: Some(Own { server, runtime, book, closed }) })
    }

    /// As [`open`](Self::open), for work that needs the store itself.
    pub(super) fn open_own(&self) -> Result<Stage, CliError> {
        if self.server.is_none() {
            return self.open();
        }
        Err(CliError::Malformed {
            what: "this workload works on the store itself, not on a server".into(),
            hint: "leave out --server, or give --data or --database instead".into(),
        })
    }

    fn fresh(&self) -> Result<(Place, Option<TempDir>), CliError> {
        if let Some(url) = &self.database {
            return Ok((Place::Postgres(url.clone()), None));
        }
        if let Some(folder) = &self.data {
            refuse_filled(folder)?;
            return Ok((Place::Folder(folder.clone()), None));
        }
        // Not the system's temporary folder, which may be memory: an fsync there costs nothing.
        let folder = tempfile::Builder::new().prefix("quipu-bench-").tempdir_in(".")?;
        Ok((Place::Folder(folder.path().to_owned()), Some(folder)))
    }
}

impl Stage {
    /// Runs the clients until they are done.
    pub(super) fn drive<T>(
        &self,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        let done = self.clients.block_on(work);
        if self.stopping.load(Ordering::Relaxed) {
            return Err(CliError::Unavailable {
                what: "stopped by a signal before it had measured anything".into(),
                hint: "run it again".into(),
            });
        }
        done
    }

    /// What the store says about its durability.
    pub(super) fn settings(&self) -> Result<BTreeMap<String, String>, CliError> {
        #[derive(Deserialize)]
        struct Readiness {
            store: BTreeMap<String, String>,
        }
        let readiness: std::io::Result<Readiness> = self.clients.block_on(async {
            let mut connection = Connection::new(self.address);
            let answer = connection.get(format_args!("/readyz")).await?;
            Ok(serde_json::from_slice(answer.body)?)
        });
        readiness.map(|readiness| readiness.store).map_err(|error| CliError::Unavailable {
            what: format!("no answer from the server at {}: {error}", self.address),
            hint: "start one with `quipu serve`, or leave out --server".into(),
        })
    }

    /// `sqlite`, `postgres`, or `server` where it is not known.
    pub(super) fn store(&self) -> &'static str {
        match self.own.as_ref().map(|own| &own.book.place) {
            Some(Place::Folder(_)) => "sqlite",
            Some(Place::Postgres(_)) => "postgres",
            None => "server",
        }
    }

    /// Ends the server. `None` where it was not one's own.
    pub(super) fn close(self) -> Result<Option<Closed>, CliError> {
        let Some(Own { server, runtime, book, closed }) = self.own else { return Ok(None) };
        server.stop(&runtime)?;
        drop(book);
        Ok(Some(closed))
    }
}

impl Closed {
    /// Opens the book again.
    pub(super) fn book(&self) -> Result<Book, CliError> {
        Book::open(&self.place)
    }
}

/// Tells a program of this kind where the book is. A database's URL may hold a password, so it
/// is not among the arguments, which everybody on the machine can read.
pub(super) fn name(place: &Place, command: &mut Command) {
    command.env_remove(KEYS_VARIABLE);
    match place {
        Place::Folder(folder) => {
            command.arg("--data").arg(folder).env_remove("QUIPU_DATABASE");
        }
        Place::Postgres(url) => {
            command.env("QUIPU_DATABASE", url);
        }
    }
}

fn refuse_filled(folder: &Path) -> Result<(), CliError> {
    let filled = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if !filled {
        return Ok(());
    }
    Err(CliError::Malformed {
        what: format!("the folder {} is not empty", folder.display()),
        hint: "a run fills a book of its own: name a new folder, or none".into(),
    })
}

fn refuse_used(book: &Book) -> Result<(), CliError> {
    let head = book.store().head()?;
    if head.position.0 == 0 {
        return Ok(());
    }
    Err(CliError::Malformed {
        what: format!("the database holds a book of {} events", head.position),
        hint: "a run fills a book of its own: make an empty database for it".into(),
    })
}

/// The address of a server that may be driven: one on this machine.
fn loopback(url: &str) -> Result<SocketAddr, CliError> {
    let malformed = |why: &str| CliError::Malformed {
        what: format!("{url:?} cannot be driven: {why}"),
        hint: "name a server on this machine, such as http://127.0.0.1:7171".into(),
    };
    let rest = url.strip_prefix("http://").ok_or_else(|| malformed("it is no http:// address"))?;
    let mut addresses = rest
        .trim_end_matches('/')
        .to_socket_addrs()
        .map_err(|_| malformed("it is not http://HOST:PORT"))?;
    addresses
        .find(|address| address.ip().is_loopback())
        .ok_or_else(|| malformed("it is not on this machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_on_this_machine_is_driven() {
        assert_eq!(loopback("http://127.0.0.1:7171/").unwrap().port(), 7171);
        for url in ["127.0.0.1:7171", "http://192.0.2.1:80", "http://127.0.0.1", "https://[::1]:1"]
        {
            assert!(loopback(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_filled(folder.path()).is_ok());
        assert!(refuse_filled(&folder.path().join("new")).is_ok());
        std::fs::write(folder.path().join("journal.db"), "").unwrap();
        assert!(refuse_filled(folder.path()).is_err());
    }
}
