//! The keys of all subjects.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use lru::LruCache;
use quipu_domain::personal::SealedText;
use quipu_domain::{KeyId, Label, Personal, TenantId};

use crate::SealingError;
use crate::cipher::Key;
use crate::folder::Folder;
use crate::json;

/// Keys that stay in memory.
const KEYS_IN_MEMORY: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// What a personal text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// This, which was sealed or stands in clear.
    Text(String),
    /// Nothing any more: its key was destroyed by an erasure.
    Erased,
    /// Nothing here: its key is not in this folder, or the text is not as it was sealed.
    Unreadable,
}

impl Opened {
    /// What people are shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Opened::Text(text) => text,
            Opened::Erased => "[erased]",
            Opened::Unreadable => "[unreadable]",
        }
    }
}

/// The keys of all subjects, in a folder. Cheap to clone; all clones are the same keys.
#[derive(Clone)]
pub struct SubjectKeys(Arc<Shared>);

struct Shared {
    folder: Folder,
    known: Mutex<Known>,
    /// Whether it was said that a text cannot be read: a page of them would say nothing more.
    has_complained: AtomicBool,
}

/// Digests of the same bytes, under each key that there is for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Under the key that texts are sealed with now.
    pub current: [u8; 32],
    /// Under the others: bytes that were digested before may have been digested under one of them.
    pub others: Vec<[u8; 32]>,
}

impl Digests {
    /// Of bytes with nothing personal in them, which no key is asked for.
    #[must_use]
    pub const fn of_nobody(digest: [u8; 32]) -> Digests {
        Digests { current: digest, others: Vec::new() }
    }
}

struct Known {
    /// The keys there are. A subject has one; more where two servers met it at the same time, or
    /// where it is not known whether an erasure was recorded.
    live: BTreeSet<(TenantId, KeyId)>,
    /// Keys that erasures under way are to destroy, and how many of them each.
    doomed: HashMap<KeyId, usize>,
    loaded: LruCache<KeyId, Arc<Key>>,
    /// Keys that an erasure destroyed, for telling that from a key that is missing.
    erased: HashSet<KeyId>,
}

impl Known {
    fn add(&mut self, subject: &TenantId, key: KeyId) {
        if !self.erased.contains(&key) {
            self.live.insert((subject.clone(), key));
        }
    }

    fn of(&self, subject: &TenantId) -> impl Iterator<Item = KeyId> {
        let key = |id| (subject.clone(), KeyId(id));
        self.live.range(key(0)..=key(u64::MAX)).map(|(_, id)| *id)
    }

    /// The key that a subject's texts are sealed with: none that is to be destroyed.
    fn current(&self, subject: &TenantId) -> Option<KeyId> {
        self.of(subject).find(|key| !self.doomed.contains_key(key))
    }
}

impl SubjectKeys {
    /// The keys in a folder, which is made where there is none.
    pub fn open(folder: &Path) -> Result<SubjectKeys, SealingError> {
        let folder = Folder::open(folder)?;
        let known = Known {
            live: folder.keys()?.into_iter().collect(),
            doomed: HashMap::new(),
            loaded: LruCache::new(KEYS_IN_MEMORY),
            erased: HashSet::new(),
        };
        let (known, has_complained) = (Mutex::new(known), AtomicBool::new(false));
        Ok(SubjectKeys(Arc::new(Shared { folder, known, has_complained })))
    }

    /// Gives the folder to a book, and refuses where it is another's: an erasure must find every
    /// key that its book's texts were sealed with, and none of anybody else's. A book is known by
    /// the hash of its first event, which all copies of it have. One that has no event yet has the
    /// folder to itself, until it is claimed again with that hash or all clones are gone. Keys
    /// that no book has claimed go to the first that does.
    pub fn claim(&self, first_event: Option<&[u8; 32]>) -> Result<(), SealingError> {
        self.0.folder.claim(first_event)
    }

    /// Whether there is a key to seal a subject's texts with; where not, the next one makes it.
    #[must_use]
    pub fn has_key(&self, subject: &TenantId) -> bool {
        self.known().current(subject).is_some()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// Whether it has a key of a subject, or has it no more because of an erasure.
    #[must_use]
    pub fn knows(&self, subject: &TenantId, key: KeyId) -> bool {
        let known = self.known();
        known.erased.contains(&key) || known.live.contains(&(subject.clone(), key))
    }

    /// Reads again which keys there are, and removes what a crash left of one. Whoever has waited
    /// for another server of the book to let it go calls this before anything is sealed: the other
    /// one has made and destroyed keys until then.
    pub fn read_again(&self) -> Result<(), SealingError> {
        self.0.folder.remove_unfinished()?;
        let live = self.0.folder.keys()?.into_iter().collect();
        let mut known = self.known();
        known.live = live;
        known.loaded.clear();
        Ok(())
    }

    /// Seals a text. The subject's first makes its key, which is durable when this returns.
    pub fn seal(&self, subject: &TenantId, text: &Label) -> Result<Personal, SealingError> {
        self.current(subject)?.seal(subject, text)
    }

    /// Digests of bytes that nobody can repeat once the subject was erased.
    pub fn digests(&self, subject: &TenantId, bytes: &[u8]) -> Result<Digests, SealingError> {
        let current = self.current(subject)?;
        let ids: Vec<KeyId> =
            self.known().of(subject).filter(|other| *other != current.id).collect();
        let mut others = Vec::with_capacity(ids.len());
        for id in ids {
            others.extend(self.load(subject, id)?.map(|key| key.digest(bytes)));
        }
        Ok(Digests { current: current.digest(bytes), others })
    }

    /// What a text says.
    #[must_use]
    pub fn open_text(&self, text: &Personal) -> Opened {
        match SealedText::parse(text.as_str()) {
            Some(sealed) => self.open_sealed(&sealed),
            None => Opened::Text(text.as_str().to_owned()),
        }
    }

    /// Whether JSON may have sealed texts in it; where not, there is nothing to open.
    #[must_use]
    pub fn may_be_sealed(body: &[u8]) -> bool {
        json::has_mark(body)
    }

    /// JSON with every text in it that is a sealed one opened, or replaced by `[erased]`.
    #[must_use]
    pub fn open_json(&self, body: Vec<u8>) -> Vec<u8> {
        json::replace_sealed(body, |sealed| self.open_sealed(sealed).shown().to_owned())
    }

    /// Whose texts stand sealed in JSON, and under which key each.
    pub fn named_in(json: &str) -> impl Iterator<Item = (TenantId, KeyId)> + use<'_> {
        json::sealed_texts(json).map(|(_, sealed)| (sealed.subject, sealed.key))
    }

    /// Begins an erasure: all keys of the subject, in order. Those that the folder has, those in
    /// memory, and those that the book's texts are `named` to be sealed with and no erasure has
    /// destroyed, wherever they are: a backup may bring them back. What is sealed for it from now on
    /// is sealed with a new key, which is not among them.
    pub fn retire(
        &self,
        subject: &TenantId,
        named: impl IntoIterator<Item = KeyId>,
    ) -> Result<Vec<KeyId>, SealingError> {
        let files = self.0.folder.keys()?.into_iter().filter(|(owner, _)| owner == subject);
        let mut keys: BTreeSet<KeyId> = files.map(|(_, key)| key).collect();
        let mut known = self.known();
        for key in &keys {
            known.add(subject, *key);
        }
        keys.extend(known.of(subject));
        keys.extend(named.into_iter().filter(|key| !known.erased.contains(key)));
        for key in &keys {
            *known.doomed.entry(*key).or_default() += 1;
        }
        Ok(keys.into_iter().collect())
    }

    /// Gives an erasure up that is not recorded, and never will be: its keys seal again, unless
    /// another erasure has them too.
    pub fn spare(&self, keys: &[KeyId]) {
        let mut known = self.known();
        for key in keys {
            if let Some(erasures) = known.doomed.get_mut(key) {
                *erasures -= 1;
                if *erasures == 0 {
                    known.doomed.remove(key);
                }
            }
        }
    }

    /// Ends an erasure: destroys keys, in the folder and in memory. Doing it again changes
    /// nothing.
    pub fn destroy(&self, subject: &TenantId, keys: &[KeyId]) -> Result<(), SealingError> {
        let mut known = self.known();
        for key in keys {
            known.live.remove(&(subject.clone(), *key));
            known.doomed.remove(key);
            known.loaded.pop(key);
            known.erased.insert(*key);
        }
        drop(known);
        // One that cannot be destroyed spares no other. Where none was there, as at most starts, there
        // is nothing to wait for the disk for.
        let destroyed: Vec<_> =
            keys.iter().map(|key| self.0.folder.destroy(subject, *key)).collect();
        if destroyed.iter().any(|found| matches!(found, Ok(true))) {
            self.0.folder.sync()?;
        }
        destroyed.into_iter().try_for_each(|found| found.map(drop))
    }

    fn open_sealed(&self, sealed: &SealedText<'_>) -> Opened {
        if self.known().erased.contains(&sealed.key) {
            return Opened::Erased;
        }
        let key = self.load(&sealed.subject, sealed.key).unwrap_or_else(|error| {
            tracing::error!(%error, "a subject's key cannot be read");
            None
        });
        let opened = key.and_then(|key| key.open(sealed));
        if opened.is_none() && !self.0.has_complained.swap(true, Ordering::Relaxed) {
            let (subject, key) = (&sealed.subject, sealed.key);
            tracing::warn!(
                "a text of {subject} is [unreadable]: its key {subject}.{key} is missing in {}, or \
                 another one, and no erasure has destroyed it; this is said once",
                self.folder().display()
            );
        }
        opened.map_or(Opened::Unreadable, Opened::Text)
    }

    /// The key to seal with.
    fn current(&self, subject: &TenantId) -> Result<Arc<Key>, SealingError> {
        loop {
            let current = self.known().current(subject);
            let Some(id) = current else {
                self.make(subject)?;
                continue;
            };
            if let Some(key) = self.load(subject, id)? {
                return Ok(key);
            }
            // It is none any more.
            self.known().live.remove(&(subject.clone(), id));
        }
    }

    /// Makes a key. Of two first texts at the same time, one makes the key of both.
    fn make(&self, subject: &TenantId) -> Result<(), SealingError> {
        let key = Key::random()?;
        self.0.folder.write(subject, &key)?;
        let mut known = self.known();
        if known.current(subject).is_none() {
            // An erasure may have found it meanwhile: then it is doomed, or erased already.
            known.add(subject, key.id);
            return Ok(());
        }
        drop(known);
        self.0.folder.destroy(subject, key.id).map(drop)
    }

    fn load(&self, subject: &TenantId, id: KeyId) -> Result<Option<Arc<Key>>, SealingError> {
        if let Some(key) = self.known().loaded.get(&id) {
            return Ok(Some(Arc::clone(key)));
        }
        let Some(key) = self.0.folder.read(subject, id)?.map(Arc::new) else { return Ok(None) };
        let mut known = self.known();
        // It may have been destroyed while it was read.
        if known.erased.contains(&id) {
            return Ok(None);
        }
        known.loaded.put(id, Arc::clone(&key));
        Ok(Some(key))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().expect("nobody panics while holding this lock")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn p4_a_key_that_was_destroyed_while_it_was_read_does_not_come_back() {
        let folder = tempfile::TempDir::new().unwrap();
        let keys = SubjectKeys::open(folder.path()).unwrap();
        let subject: TenantId = "t_a".parse().unwrap();
        keys.seal(&subject, &"Erika Mustermann".parse().unwrap()).unwrap();
        let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let read = fs::read(&file).unwrap();
        let doomed = keys.retire(&subject, []).unwrap();
        keys.destroy(&subject, &doomed).unwrap();
        assert!(keys.known().loaded.is_empty());
        fs::write(&file, read).unwrap();
        assert!(keys.load(&subject, doomed[0]).unwrap().is_none());
        assert!(keys.known().loaded.is_empty());
    }
}
