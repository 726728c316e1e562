//! Where the keys of personal texts are, and opening them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quipu_domain::Position;
use quipu_engine::Engine;
use quipu_journal::Journal;
use quipu_sealing::SubjectKeys;

use crate::book::Place;
use crate::error::CliError;

/// Some so many events at each end of the journal tell whether the folder is the book's.
const EVENTS_LOOKED_AT: usize = 4_096;
/// How long after a failure the folder is claimed again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the keys are, as the command line says it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SubjectKeysArgs {
    /// Keep the keys of personal texts in this folder, which serves no other book; back it up apart
    /// from the book, and for a short time only [default: the book's folder with .subject-keys
    /// after its name, or ./quipu-subject-keys where the book is in PostgreSQL]
    #[arg(long, env = "QUIPU_SUBJECT_KEYS", hide_env_values = true, value_name = "DIR")]
    subject_keys: Option<PathBuf>,
}

impl SubjectKeysArgs {
    /// Opens the keys of a book that is open; makes the folder where there is none.
    pub(crate) fn open(&self, place: &Place) -> Result<SubjectKeys, CliError> {
        let folder = match (&self.subject_keys, place) {
            (Some(folder), _) => folder.clone(),
            (None, Place::Folder(data)) => folder_beside(data)?,
            (None, Place::Postgres(_)) => "./quipu-subject-keys".into(),
        };
        if let Place::Folder(data) = place {
            refuse_within(&folder, data)?;
        }
        Ok(SubjectKeys::open(&folder)?)
    }
}

/// A folder beside the book's, so that a copy of the one does not carry the other.
pub(crate) fn folder_beside(data: &Path) -> io::Result<PathBuf> {
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

/// Gives the folder of keys to a book, which is known by its first event: a restored copy has it, a
/// standby, an import.
pub(crate) fn claim(keys: &SubjectKeys, journal: &Journal) -> Result<(), CliError> {
    let first = journal.first_event_hash()?;
    Ok(keys.claim(first.map(|hash| hash.0).as_ref())?)
}

/// Gives it to a book that was empty when it was claimed, as soon as there is a first event.
pub(crate) async fn claim_with_first_event(keys: SubjectKeys, engine: Engine) {
    let mut head = engine.subscribe();
    while head.wait_for(|head| head.position > Position::ZERO).await.is_ok() {
        let (keys, journal) = (keys.clone(), engine.journal().clone());
        match tokio::task::spawn_blocking(move || claim(&keys, &journal)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(%error, "the folder of keys is not marked yet"),
            Err(panic) => tracing::error!(%panic, "the folder of keys is not marked yet"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Says so where the folder lacks keys of the book that no erasure has destroyed: most likely it is
/// another folder, and that is seen at both ends of the journal. What it lacks in between is not.
pub(crate) fn warn_of_missing(keys: &SubjectKeys, journal: &Journal) -> Result<(), CliError> {
    let end = journal.head()?.position.0;
    let mut named = BTreeSet::new();
    for after in [0, end.saturating_sub(EVENTS_LOOKED_AT as u64)] {
        for row in journal.rows_after(Position(after), EVENTS_LOOKED_AT)? {
            named.extend(SubjectKeys::named_in(&row.events));
        }
    }
    let all = named.len();
    named.retain(|(subject, key)| !keys.knows(subject, *key));
    if let Some((subject, key)) = named.first() {
        tracing::warn!(
            "{} of {all} keys that the first and the last events of the journal name are not in {}, and \
             no erasure has destroyed them (one is {subject}.{key}): is --subject-keys right? There may \
             be more. Until they are there, texts that are sealed with them read [unreadable], and a \
             retry of a request with such a text is not known",
            named.len(),
            keys.folder().display()
        );
    }
    Ok(())
}
