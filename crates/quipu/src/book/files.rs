//! The files of a book, and what a file that is to be written is called once links are followed.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use quipu_journal::HeldLease;
use quipu_views::scratch_file;

use super::{JOURNAL_FILE, PROOFS_FILE, Place, VIEWS_FILE};
use crate::error::CliError;
use crate::{signing, subject_keys};

/// What SQLite adds to the name of a file for those beside it.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

impl Place {
    /// Refuses to write where one of the book's own files is, or will be.
    pub(crate) fn refuse_own(&self, file: &Path) -> Result<(), CliError> {
        let Place::Folder(folder) = self else { return Ok(()) };
        // Of what cannot be followed, whoever writes it will say so.
        if !follow(file).is_ok_and(|file| is_own(folder, &file)) {
            return Ok(());
        }
        Err(CliError::Unusable {
            what: format!("{}: this file is the book's, and is left alone", file.display()),
            hint: "name another file".into(),
        })
    }
}

fn is_own(book: &Path, file: &Path) -> bool {
    let followed = |path: &PathBuf| follow(path).ok();
    let [journal, views, proofs] = [JOURNAL_FILE, VIEWS_FILE, PROOFS_FILE].map(|it| book.join(it));
    let (lease, rebuild) = (HeldLease::file_of_sqlite(&journal), scratch_file(&views));
    let databases = [journal, views, rebuild, proofs];
    let mut files = databases.iter().flat_map(|it| with_those_beside(it)).chain([lease]);
    let folders = [Some(signing::folder_beside(book)), subject_keys::folder_beside(book).ok()];
    let mut folders = folders.iter().flatten().filter_map(followed);
    files.any(|own| followed(&own).is_some_and(|own| own == file))
        || folders.any(|folder| file.starts_with(folder))
}

/// A database's file, and those that SQLite keeps beside it.
fn with_those_beside(database: &Path) -> impl Iterator<Item = PathBuf> {
    BESIDE.into_iter().map(|beside| {
        let mut name = database.as_os_str().to_owned();
        name.push(beside);
        name.into()
    })
}

/// The file that a name leads to, or will lead to, through every link. What only the system can
/// follow, such as `/proc/self/fd/1`, is left as it is.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    // Links that lead back to themselves end here.
    if let Err(error) = path.metadata()
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let Some(name) = path.file_name() else { return path.canonicalize() };
    let folder = folder_of(path).canonicalize()?;
    let path = folder.join(name);
    match fs::read_link(&path) {
        Ok(next) if !is_open_already(&path) => follow(&folder.join(next)),
        _ => Ok(path),
    }
}

/// Whether it is not the name of a file, but of one that some process has open.
pub(crate) fn is_open_already(path: &Path) -> bool {
    path.starts_with("/proc") || path.starts_with("/dev/fd")
}

/// The folder that a file lies in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
