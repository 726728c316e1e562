//! Where a server under test keeps its book.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

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
        command.env("QUIPU_SUBJECT_KEYS", self.subject_keys());
    }

    /// Another, empty one, on the same engine.
    pub(crate) fn another(&self) -> Store {
        match self {
            Store::Sqlite(_) => Store::sqlite(),
            Store::Postgres(_) => Store::postgres(),
        }
    }

    /// Where the keys of personal texts are; the next run of the tests begins without any.
    pub(crate) fn subject_keys(&self) -> PathBuf {
        static ROOT: OnceLock<TempDir> = OnceLock::new();
        let root = ROOT.get_or_init(|| {
            let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("subject-keys");
            drop(std::fs::remove_dir_all(&parent));
            std::fs::create_dir_all(&parent).expect("the folder of the build can be written to");
            tempfile::tempdir_in(parent).expect("it is there")
        });
        let name = match self {
            Store::Sqlite(folder) => folder.path().file_name().unwrap_or_default().to_os_string(),
            Store::Postgres(url) => url.replace('/', "_").into(),
        };
        root.path().join(name)
    }

    /// The files of a tenant's keys; it has some.
    #[track_caller]
    pub(crate) fn key_files(&self, tenant: &str) -> Vec<PathBuf> {
        let named = format!("{tenant}.");
        let files = std::fs::read_dir(self.subject_keys()).expect("the keys").flatten();
        let keys = files.filter(|key| key.file_name().to_string_lossy().starts_with(&named));
        let keys: Vec<PathBuf> = keys.map(|key| key.path()).collect();
        assert!(!keys.is_empty(), "{tenant} has keys");
        keys
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
