//! What can go wrong with proofs.

use std::path::PathBuf;

use quipu_database::DatabaseError;
use quipu_journal::JournalError;

/// Why a proof, a tile or a checkpoint could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The journal could not be read, or is not what was hashed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database under checkpoints and tiles failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no such event, or no tree of that size.
    #[error("{wanted} is none of the journal's positions, 1 to {end}")]
    BeyondEnd {
        /// What was asked for.
        wanted: u64,
        /// How many events there are.
        end: u64,
    },
    /// No checkpoint covers that yet, or none of that size was published.
    #[error("no checkpoint over {wanted} events was published; the newest has {newest}")]
    NotPublished {
        /// The size that was asked for, at least or exactly.
        wanted: u64,
        /// The newest checkpoint's size, 0 where there is none.
        newest: u64,
    },
    /// The checkpoint that was named ends before what it is to prove.
    #[error("a checkpoint over {size} events does not reach {wanted}")]
    TooSmall {
        /// The size that was named.
        size: u64,
        /// What it would have to reach.
        wanted: u64,
    },
    /// The book does not lead to that checkpoint any more: it was signed over events that are lost.
    #[error("this book does not lead to the checkpoint {origin} of {size} events")]
    Unreachable {
        /// Its origin.
        origin: String,
        /// Its size.
        size: u64,
    },
    /// A checkpoint that is kept is none, or not the one that its note says.
    #[error("checkpoint {number} in the table checkpoint is not as it was published: {why}")]
    Stored {
        /// Its number.
        number: i64,
        /// What does not fit.
        why: String,
    },
    /// A key or a state file could not be used.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A key or a state file is not for this account to read.
    #[error("this account may not read {}", path.display())]
    Denied {
        /// Which.
        path: PathBuf,
    },
    /// The folder has the keys of another book, and what that has signed.
    #[error(
        "the keys in {} belong to another book: the one whose first event has the hash {owner}",
        folder.display()
    )]
    AnotherBook {
        /// The folder.
        folder: PathBuf,
        /// What that book is known by.
        owner: String,
    },
    /// Another process has the folder now.
    #[error("another process is using {}", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has no key that signs now.
    #[error("no key in {} is in use; make one with `quipu keys generate`", folder.display())]
    NoKey {
        /// The folder.
        folder: PathBuf,
    },
}

/// Why a text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(pub String);
