//! Where keys are, and what signs with them.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp as Clock;
use quipu_domain::Timestamp;
use quipu_proofs::{KeyFolder, ProofError};

use crate::book::{self, Place};
use crate::error::CliError;

/// The folder of keys beside a book's files.
const KEYS_FOLDER: &str = "keys";

/// Where the keys are, as the command line says it.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeysArgs {
    /// Keep the keys, and what was signed last, in this folder; back it up apart from the book
    /// [env: QUIPU_KEYS] [default: the folder keys of --data; none for --database]
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

impl KeysArgs {
    /// As `quipu serve` has it by default.
    pub(crate) const fn unsaid() -> KeysArgs {
        KeysArgs { keys: None }
    }

    /// The folder: flag first, then the environment, then beside the book's files.
    pub(crate) fn folder(&self, place: &Place) -> Option<PathBuf> {
        let said = || std::env::var_os("QUIPU_KEYS").filter(|value| !value.is_empty());
        self.keys.clone().or_else(|| said().map(PathBuf::from)).or_else(|| match place {
            Place::Folder(folder) => Some(folder.join(KEYS_FOLDER)),
            Place::Postgres(_) => None,
        })
    }

    /// The folder, opened; made where there is none.
    pub(crate) fn open(&self, place: &Place) -> Result<KeyFolder, CliError> {
        let folder = self.folder(place).ok_or_else(|| CliError::Malformed {
            what: "there is no folder for keys: the book is in a database".into(),
            hint: "name one with --keys DIR, outside the database's backup".into(),
        })?;
        KeyFolder::open(&folder).map_err(|error| unusable(&error))
    }
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    Clock::now().try_into().expect("the present lies within the calendar")
}

/// Proofs that could not be made or kept.
pub(crate) fn unusable(error: &ProofError) -> CliError {
    let what = error.to_string();
    let hint = match error {
        ProofError::Journal(error) => return book::journal_unusable(error),
        ProofError::Database(error) => return book::unusable(error),
        ProofError::BeyondEnd { .. } => "positions begin with 1 and end with the journal's last",
        ProofError::NotPublished { .. } => {
            "a running server publishes every second, on PostgreSQL once it is given --keys DIR; \
             `quipu checkpoint` shows the newest"
        }
        ProofError::Unreachable { .. } => "a restore lost events; see the event EpochStarted",
        ProofError::File { .. } => "the folder of keys must be there, and yours alone",
        ProofError::NoKey { .. } => "the server goes on signing once there is one",
    };
    match error {
        ProofError::BeyondEnd { .. } | ProofError::NotPublished { .. } => {
            CliError::Refused { what, hint: hint.into() }
        }
        ProofError::Unreachable { .. } => CliError::NotVerified { what },
        _ => CliError::Unusable { what, hint: hint.into() },
    }
}
