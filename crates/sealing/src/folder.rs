//! Keys as files: one each, named `{subject}.{key id}`, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use quipu_domain::{KeyId, TenantId};
use zeroize::Zeroizing;

use crate::SealingError;
use crate::cipher::{KEY_BYTES, Key};

/// What the name of a file begins with that is not a key yet.
const UNFINISHED: &str = ".new-";

/// The folder of the keys.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Opens it, makes it where there is none, and removes what a crash left unfinished.
    pub(crate) fn open(path: &Path) -> Result<Folder, SealingError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(failed("make", path))?;
        let folder = Folder(path.to_owned());
        for name in folder.names()?.into_iter().filter(|name| name.starts_with(UNFINISHED)) {
            let path = folder.0.join(name);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        folder.sync()?;
        Ok(folder)
    }

    /// All keys there are.
    pub(crate) fn keys(&self) -> Result<Vec<(TenantId, KeyId)>, SealingError> {
        let parsed = |name: String| {
            let (subject, key) = name.rsplit_once('.')?;
            Some((subject.parse().ok()?, key.parse().ok()?))
        };
        Ok(self.names()?.into_iter().filter_map(parsed).collect())
    }

    /// A key; `None` where there is none of that name.
    pub(crate) fn read(&self, subject: &TenantId, id: KeyId) -> Result<Option<Key>, SealingError> {
        let path = self.path(subject, id);
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
        Ok(Some(Key { id, bytes }))
    }

    /// Puts a key in; it is durable when this returns.
    pub(crate) fn write(&self, subject: &TenantId, key: &Key) -> Result<(), SealingError> {
        let unfinished = self.0.join(format!("{UNFINISHED}{}", key.id));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| {
                file.write_all(&*key.bytes)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&unfinished, self.path(subject, key.id)));
        written.map_err(failed("write", &unfinished))?;
        self.sync()
    }

    /// Overwrites a key and takes it away. One that is not there is no error; how far this came
    /// is durable after [`sync`](Self::sync).
    pub(crate) fn destroy(&self, subject: &TenantId, id: KeyId) -> Result<(), SealingError> {
        let path = self.path(subject, id);
        let destroyed = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
            file.write_all(&[0; KEY_BYTES])?;
            file.sync_all()?;
            fs::remove_file(&path)
        });
        match destroyed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            destroyed => destroyed.map_err(failed("destroy", &path)),
        }
    }

    /// Makes the folder's own entries durable.
    pub(crate) fn sync(&self) -> Result<(), SealingError> {
        let synced = File::open(&self.0).and_then(|folder| folder.sync_all());
        synced.map_err(failed("write", &self.0))
    }

    fn path(&self, subject: &TenantId, id: KeyId) -> PathBuf {
        self.0.join(format!("{subject}.{id}"))
    }

    fn names(&self) -> Result<Vec<String>, SealingError> {
        let read = || {
            let entries = fs::read_dir(&self.0)?;
            let names =
                entries.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
            names.collect::<std::io::Result<Vec<String>>>()
        };
        read().map_err(failed("read", &self.0))
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SealingError + use<> {
    let path = path.to_owned();
    move |source| SealingError::Folder { what, path, source }
}
