//! Why a command could not do its work, and what to do next.

mod database;
mod journal;
mod proofs;
mod replay;
mod sealing;
mod views;

use std::io::ErrorKind;

use crate::exit_codes;

/// Why a command ended early. Each variant has an exit code, and says what to do next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// An argument or an input file is not well-formed.
    #[error("{what}")]
    Malformed {
        /// What is wrong, and where.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// The server answered with a refusal.
    #[error("{what}")]
    Refused {
        /// The answer's code and detail.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// The server or the store cannot be reached.
    #[error("{what}")]
    Unavailable {
        /// Which, and why.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// The store is there, but not usable.
    #[error("{what}")]
    Unusable {
        /// What is wrong with it.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// A book was checked, and does not hold.
    #[error("{what}")]
    NotVerified {
        /// What does not hold.
        what: String,
    },
    /// Standard output or another file cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

impl CliError {
    /// The number for the shell.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            CliError::NotVerified { .. } => exit_codes::NOT_VERIFIED,
            CliError::Malformed { .. } => exit_codes::MALFORMED,
            CliError::Refused { .. } => exit_codes::REFUSED,
            CliError::Unavailable { .. } => exit_codes::UNAVAILABLE,
            CliError::Unusable { .. } | CliError::Write(_) => exit_codes::UNUSABLE,
        }
    }

    /// The same, naming what it is about first.
    pub(crate) fn about(mut self, subject: &str) -> CliError {
        match &mut self {
            CliError::Malformed { what, .. }
            | CliError::Refused { what, .. }
            | CliError::Unavailable { what, .. }
            | CliError::Unusable { what, .. }
            | CliError::NotVerified { what } => *what = format!("{subject}: {what}"),
            CliError::Write(_) => {}
        }
        self
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> &str {
        match self {
            CliError::Malformed { hint, .. }
            | CliError::Refused { hint, .. }
            | CliError::Unavailable { hint, .. }
            | CliError::Unusable { hint, .. } => hint,
            CliError::NotVerified { .. } => "`quipu verify` on the book says more; report it",
            CliError::Write(error) if is_full(error.kind()) => {
                "free some disk space, or write elsewhere"
            }
            CliError::Write(_) => "check what is there and its permissions, or write elsewhere",
        }
    }
}

/// Whether there is no room for what was to be written.
const fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}
