//! What can go wrong with keys.

use std::path::PathBuf;

/// Why a key could not be made, read or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The folder or a file in it is out of reach.
    #[error("cannot {what} {}: {source}", path.display())]
    Folder {
        /// What was being done: `make`, `read`, `destroy` ...
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file that has a key's name does not hold one.
    #[error("{} is not a key: it has another length", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// The folder has the keys of another book.
    #[error(
        "the keys in {} belong to another book: the one whose first event has the hash {owner}",
        path.display()
    )]
    AnotherBook {
        /// Which folder.
        path: PathBuf,
        /// What that book is known by.
        owner: String,
    },
    /// A book that has no event yet uses the folder now.
    #[error("another book, which has no event yet, is using the keys in {}", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// The operating system gives no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
}
