//! Keys as files: one each, named `{subject}.{key id}`, readable by their owner only; and a file
//! that says which book they belong to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use quipu_domain::{KeyId, TenantId};
use zeroize::Zeroizing;

use crate::SealingError;
use crate::cipher::{KEY_BYTES, Key};

/// What the name of a file begins with that is not a key yet.
const UNFINISHED: &str = ".new-";
/// The file with the hash of the book's first event. No key's name is without a full stop.
const BOOK: &str = "book";
/// What a key is overwritten with.
const DESTROYED: [u8; KEY_BYTES] = [0; KEY_BYTES];

/// The folder of the keys.
pub(crate) struct Folder {
    path: PathBuf,
    /// The folder, locked for as long as a book uses it that nothing tells from others yet.
    locked: Mutex<Option<File>>,
}

impl Folder {
    /// Opens it, and makes it where there is none.
    pub(crate) fn open(path: &Path) -> Result<Folder, SealingError> {
        quipu_files::make_folder(path, 0o700).map_err(failed("make", path))?;
        Ok(Folder { path: path.to_owned(), locked: Mutex::default() })
    }

    /// Removes what a crash left unfinished. Nobody else may be making keys.
    pub(crate) fn remove_unfinished(&self) -> Result<(), SealingError> {
        for name in self.names()?.into_iter().filter(|name| name.starts_with(UNFINISHED)) {
            let path = self.path.join(name);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        self.sync()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder to a book, if it is not another's.
    pub(crate) fn claim(&self, first_event: Option<&[u8; 32]>) -> Result<(), SealingError> {
        let book = first_event.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect());
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut owner = self.owner()?;
        if owner.is_none() && locked.is_none() {
            *locked = Some(self.lock()?);
            owner = self.owner()?;
        }
        match (owner, &book) {
            (Some(owner), book) if Some(&owner) != book.as_ref() => {
                *locked = None;
                return Err(SealingError::AnotherBook { path: self.path.clone(), owner });
            }
            (None, Some(book)) => self.put(BOOK, book.as_bytes())?,
            _ => {}
        }
        if book.is_some() {
            *locked = None;
        }
        Ok(())
    }

    /// The book that the folder was given to.
    fn owner(&self) -> Result<Option<String>, SealingError> {
        let path = self.path.join(BOOK);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(|hash| Some(hash.trim().to_owned())).map_err(failed("read", &path)),
        }
    }

    /// The system frees it when the process ends, however it ends.
    fn lock(&self) -> Result<File, SealingError> {
        let folder = File::open(&self.path).map_err(failed("read", &self.path))?;
        match folder.try_lock() {
            Ok(()) => Ok(folder),
            Err(TryLockError::WouldBlock) => Err(SealingError::InUse { path: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(failed("lock", &self.path)(error)),
        }
    }

    /// All keys there are.
    pub(crate) fn keys(&self) -> Result<Vec<(TenantId, KeyId)>, SealingError> {
        let parsed = |name: String| {
            let (subject, key) = name.rsplit_once('.')?;
            Some((subject.parse().ok()?, key.parse().ok()?))
        };
        Ok(self.names()?.into_iter().filter_map(parsed).collect())
    }

    /// A key; `None` where there is none of that name, or only what a crash left of one that was
    /// being destroyed: what everybody knows seals nothing.
    pub(crate) fn read(&self, subject: &TenantId, id: KeyId) -> Result<Option<Key>, SealingError> {
        let path = self.file(subject, id);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed("read", &path))?,
        };
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let length = file.metadata().map_err(failed("read", &path))?.len();
        if length != KEY_BYTES as u64 {
            return Err(SealingError::Malformed { path });
        }
        file.read_exact(&mut *bytes).map_err(failed("read", &path))?;
        Ok((*bytes != DESTROYED).then_some(Key { id, bytes }))
    }

    /// Puts a key in; it is durable when this returns.
    pub(crate) fn write(&self, subject: &TenantId, key: &Key) -> Result<(), SealingError> {
        self.put(&name(subject, key.id), &*key.bytes)
    }

    /// Overwrites a key, durably, and takes it away; says whether it was there. That its file is
    /// gone is durable after [`sync`](Self::sync).
    pub(crate) fn destroy(&self, subject: &TenantId, id: KeyId) -> Result<bool, SealingError> {
        let path = self.file(subject, id);
        let destroyed = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
            file.write_all(&DESTROYED)?;
            file.sync_all()?;
            fs::remove_file(&path)
        });
        match destroyed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            destroyed => destroyed.map(|()| true).map_err(failed("destroy", &path)),
        }
    }

    /// Makes the folder's own entries durable.
    pub(crate) fn sync(&self) -> Result<(), SealingError> {
        quipu_files::sync_folder(&self.path).map_err(failed("write", &self.path))
    }

    /// Writes a file so that it is there wholly or not at all, for its owner only.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), SealingError> {
        let unfinished = self.path.join(format!("{UNFINISHED}{name}"));
        let written = quipu_files::replace_file(&self.path.join(name), &unfinished, bytes);
        written.map_err(failed("write", &unfinished))
    }

    fn file(&self, subject: &TenantId, id: KeyId) -> PathBuf {
        self.path.join(name(subject, id))
    }

    fn names(&self) -> Result<Vec<String>, SealingError> {
        let read = || {
            let entries = fs::read_dir(&self.path)?;
            let names =
                entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
            names.collect::<std::io::Result<Vec<String>>>()
        };
        read().map_err(failed("read", &self.path))
    }
}

fn name(subject: &TenantId, id: KeyId) -> String {
    format!("{subject}.{id}")
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SealingError + use<> {
    let path = path.to_owned();
    move |source| SealingError::Folder { what, path, source }
}
