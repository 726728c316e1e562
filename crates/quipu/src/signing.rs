//! Where keys are, and what signs with them.

use std::path::{Path, PathBuf};

use clap::Args;
use quipu_domain::Position;
use quipu_journal::{Journal, Root};
use quipu_proofs::{KeyFolder, ProofError};
use quipu_replay::{Expectation, Signed};

use crate::book::{self, Place};
use crate::error::CliError;
use crate::output;

/// What it is called there.
const KEYS_FOLDER: &str = "keys";
/// What names another folder in the environment.
pub(crate) const KEYS_VARIABLE: &str = "QUIPU_KEYS";

/// Where the keys are, as the command line says it.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeysArgs {
    /// Keep the keys, and what was signed last, in this folder; back it up apart from the book
    /// [env: QUIPU_KEYS] [default: the folder keys of --data; none for --database]
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

impl KeysArgs {
    /// The folder: flag first, then the environment, then beside the book's files.
    pub(crate) fn folder(&self, place: &Place) -> Option<PathBuf> {
        let said = || std::env::var_os(KEYS_VARIABLE).filter(|value| !value.is_empty());
        let said = self.keys.clone().or_else(|| said().map(PathBuf::from));
        said.or_else(|| unsaid_folder(place))
    }

    /// The folder, opened; made where there is none.
    pub(crate) fn open(&self, place: &Place) -> Result<KeyFolder, CliError> {
        let folder = self.folder(place).ok_or_else(|| CliError::Malformed {
            what: "there is no folder for keys: the book is in a database".into(),
            hint: "name one with --keys DIR, outside the database's backup".into(),
        })?;
        Ok(KeyFolder::open(&folder)?)
    }
}

/// The folder of keys beside a book's files.
pub(crate) fn folder_beside(book: &Path) -> PathBuf {
    book.join(KEYS_FOLDER)
}

/// The folder of keys of a book for which nobody names one.
pub(crate) fn unsaid_folder(place: &Place) -> Option<PathBuf> {
    match place {
        Place::Folder(folder) => Some(folder_beside(folder)),
        Place::Postgres(_) => None,
    }
}

/// The heads that a book has signed last, as the checkpoints beside it and the folder of its keys
/// have them. A folder that nobody named may be missing, as on a machine that only verifies, or not
/// be readable for whoever verifies, who then is told so: it holds the keys.
pub(crate) fn signed(
    keys: &KeysArgs,
    place: &Place,
    journal: Journal,
) -> Result<Vec<Signed>, CliError> {
    let first_event = journal.first_event_hash();
    let mut signed = Vec::new();
    let proofs = book::read_proofs(place, journal)?;
    let newest = proofs.map(|proofs| proofs.newest()).transpose();
    let newest = newest.map_err(|error| match error {
        ProofError::Stored { .. } => CliError::NotVerified { what: error.to_string() },
        error => error.into(),
    });
    if let Some(newest) = newest?.flatten() {
        let head = Expectation { position: Position(newest.size), root: newest.root };
        signed.push(Signed { epoch: newest.epoch, head });
    }
    let Some(folder) = keys.folder(place) else { return Ok(signed) };
    let is_named = !matches!(place, Place::Folder(book) if folder == folder_beside(book));
    if !folder.is_dir() {
        return if is_named {
            Err(CliError::Unusable {
                what: format!("there is no folder {}", folder.display()),
                hint: "name the folder of the book's keys with --keys, or leave it out".into(),
            })
        } else {
            Ok(signed)
        };
    }
    let keys = KeyFolder::existing(&folder);
    let last = match keys.last_signed() {
        Err(error @ ProofError::Denied { .. }) if !is_named => {
            output::tell(format_args!("{error}: the book is not held to what was signed last"));
            return Ok(signed);
        }
        last => last?,
    };
    // It is held to what that has signed all the same: of a book that was written anew from its
    // first event on, this is all that is left.
    if let Ok(first_event) = first_event
        && let Err(error) = keys.refuse_another_book(first_event.as_ref())
    {
        output::tell(format_args!("{error}; where --keys is not wrong, this is not the book"));
    }
    if let Some(last) = last {
        // What is no hash was not signed here, and is nowhere in the journal.
        let root = quipu_proofs::signed_root(&last).unwrap_or_else(Root::empty);
        let head = Expectation { position: Position(last.size), root };
        signed.push(Signed { epoch: last.epoch, head });
    }
    Ok(signed)
}
