//! Where a server under test keeps its book.

use std::path::{Path, PathBuf};
use std::process::Command;

use quipu_testkit::{postgres, sqlite};
use tempfile::TempDir;

/// A store of one test's own, gone after it.
pub(crate) enum Store {
    Sqlite(TempDir),
    Postgres(String),
}

impl Store {
    pub(crate) fn sqlite() -> Store {
        Store::Sqlite(sqlite::folder())
    }

    pub(crate) fn postgres() -> Store {
        Store::Postgres(postgres::database())
    }

    /// Tells a command of the program which store to use.
    pub(crate) fn give_to(&self, command: &mut Command) {
        match self {
            Store::Sqlite(folder) => command.arg("--data").arg(folder.path()),
            Store::Postgres(url) => command.arg("--database").arg(url),
        };
    }

    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Store::Sqlite(folder) => Some(folder.path()),
            Store::Postgres(_) => None,
        }
    }

    pub(crate) fn journal_file(&self) -> Option<PathBuf> {
        self.folder().map(|folder| folder.join("journal.db"))
    }
}
