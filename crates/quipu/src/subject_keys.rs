//! Where the keys of personal texts are, and opening them.

use std::path::{Path, PathBuf};

use clap::Args;
use quipu_sealing::{SealingError, SubjectKeys};

use crate::book::Place;
use crate::error::CliError;

/// Where the keys are, as the command line says it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SubjectKeysArgs {
    /// Keep the keys of personal texts in this folder; back it up apart from the book, and for a
    /// short time only [default: the book's folder with .subject-keys after its name, or
    /// ./quipu-subject-keys where the book is in PostgreSQL]
    #[arg(long, env = "QUIPU_SUBJECT_KEYS", hide_env_values = true, value_name = "DIR")]
    subject_keys: Option<PathBuf>,
}

impl SubjectKeysArgs {
    /// Opens the keys of a book that is open; makes the folder where there is none.
    pub(crate) fn open(&self, place: &Place) -> Result<SubjectKeys, CliError> {
        let folder = match (&self.subject_keys, place) {
            (Some(folder), _) => folder.clone(),
            (None, Place::Folder(data)) => beside(data)?,
            (None, Place::Postgres(_)) => "./quipu-subject-keys".into(),
        };
        if let Place::Folder(data) = place {
            refuse_within(&folder, data)?;
        }
        SubjectKeys::open(&folder).map_err(|error| unusable(&error))
    }
}

/// A folder beside the book's, so that a copy of the one does not carry the other.
fn beside(data: &Path) -> Result<PathBuf, CliError> {
    let mut path = data.canonicalize()?.into_os_string();
    path.push(".subject-keys");
    Ok(path.into())
}

/// Whoever copies the book must not copy the keys with it.
fn refuse_within(folder: &Path, data: &Path) -> Result<(), CliError> {
    let folder = std::path::absolute(folder)?;
    let known = folder.ancestors().find_map(|path| path.canonicalize().ok());
    if !known.is_some_and(|known| known.starts_with(data.canonicalize().unwrap_or_default())) {
        return Ok(());
    }
    Err(CliError::Malformed {
        what: "the keys of personal texts cannot lie in the folder of the book".into(),
        hint: "name another with --subject-keys: a copy of the book must not carry the keys".into(),
    })
}

/// Keys that do not open or cannot be destroyed.
pub(crate) fn unusable(error: &SealingError) -> CliError {
    CliError::Unusable {
        what: error.to_string(),
        hint: "check the folder's permissions, or name another one with --subject-keys".into(),
    }
}
