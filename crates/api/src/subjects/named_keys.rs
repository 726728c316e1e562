//! Which keys the journal's texts are sealed with. The folder of keys does not tell: a key may have
//! been missing there for a while, or lie in another folder that was served with (P4).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use quipu_domain::{KeyId, Position, TenantId};
use quipu_journal::{Journal, JournalError};
use quipu_sealing::SubjectKeys;

use crate::problem::Problem;
use crate::reading::blocking;

/// Some so many events are read at once; whoever gives up waiting ends the reading there.
const PAGE_EVENTS: usize = 16_384;

/// What was found up to now. An erasure is rare, so the journal is read when one comes, from where
/// the one before it has left off: the events themselves, and no cache that might know fewer.
#[derive(Clone, Default)]
pub(crate) struct NamedKeys(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    until: Position,
    keys: BTreeSet<(TenantId, KeyId)>,
}

impl NamedKeys {
    /// Takes in everything that the journal has now.
    pub(crate) async fn read_on(&self, journal: &Journal) -> Result<(), Problem> {
        loop {
            let (found, journal) = (self.clone(), journal.clone());
            let page = move || found.lock().read_page(&journal);
            if blocking::<_, JournalError>(page).await? {
                return Ok(());
            }
        }
    }

    /// The keys that a subject's texts are sealed with, up to where the journal was read.
    pub(crate) fn of(&self, subject: &TenantId) -> Vec<KeyId> {
        let key = |id| (subject.clone(), KeyId(id));
        self.lock().keys.range(key(0)..=key(u64::MAX)).map(|(_, id)| *id).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.0.lock().expect("nobody panics while holding this lock")
    }
}

impl Found {
    /// Whether the end is reached.
    fn read_page(&mut self, journal: &Journal) -> Result<bool, JournalError> {
        let rows = journal.rows_after(self.until, PAGE_EVENTS)?;
        for row in &rows {
            self.keys.extend(SubjectKeys::named_in(&row.events));
            self.until = row.last_position;
        }
        Ok(rows.is_empty())
    }
}
