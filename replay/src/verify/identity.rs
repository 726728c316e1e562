//! What must be there once: event ids, keys of commands, ids of usage records.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Event, Label, Position, Recorded, TenantId, Timestamp};
use quipu_journal::KeyWindow;
use uuid::Uuid;

use crate::report::Finding;

type CommandKey = (Option<TenantId>, Label);
type UsageKey = (TenantId, Label, Label);

/// The identities seen so far.
#[derive(Default)]
pub(super) struct Identities {
    events: HashSet<Uuid>,
    /// Fingerprint and last event of each.
    commands: Window<CommandKey, (Option<Label>, Position)>,
    usage: Window<UsageKey, Position>,
}

impl Identities {
    pub(super) fn event(&mut self, recorded: &Recorded) -> Result<(), Finding> {
        let here = |what: String| Err(Finding::at(recorded.position, what));
        if !self.events.insert(recorded.id) {
            return here(format!("the event id {} is there twice", recorded.id));
        }
        let now = recorded.recorded_at;
        if let Some(key) = &recorded.metadata.command {
            let fingerprint = &recorded.metadata.fingerprint;
            let first = (fingerprint.clone(), recorded.position);
            let key_of_tenant = (recorded.tenant.clone(), key.clone());
            if let Some((bound, last)) = self.commands.insert(key_of_tenant, now, first) {
                if bound != fingerprint {
                    return here(format!("the idempotency key {key} was used for another request"));
                }
                // J4: the events of one command stand side by side. A usage record is known by its
                // own id, and some of a request may be recorded when it is sent again.
                let is_usage =
                    matches!(recorded.event, Event::Wallet(WalletEvent::UsageRecorded(_)));
                if last.plus(1) != recorded.position && !is_usage {
                    return here(format!("the command of idempotency key {key} took effect twice"));
                }
                *last = recorded.position;
            }
        }
        if let (Some(tenant), Event::Wallet(WalletEvent::UsageRecorded(usage))) =
            (&recorded.tenant, &recorded.event)
        {
            let usage = &usage.usage;
            let key = (tenant.clone(), usage.source.clone(), usage.id.clone());
            if let Some(first) = self.usage.insert(key, now, recorded.position) {
                return here(format!(
                    "the usage record {} of {} is recorded twice: first at {first}",
                    usage.id, usage.source
                ));
            }
        }
        Ok(())
    }
}

/// What was seen within the window, and not longer: memory does not grow with the journal.
struct Window<K, V> {
    seen: HashMap<K, V>,
    order: VecDeque<(Timestamp, K)>,
}

impl<K, V> Default for Window<K, V> {
    fn default() -> Window<K, V> {
        Window { seen: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Eq + Hash + Clone, V> Window<K, V> {
    /// What is there under the key; otherwise nothing, and `value` is put there.
    fn insert(&mut self, key: K, now: Timestamp, value: V) -> Option<&mut V> {
        let since = KeyWindow::default().since(now);
        while let Some((_, old)) = self.order.pop_front_if(|(seen, _)| *seen < since) {
            self.seen.remove(&old);
        }
        if !self.seen.contains_key(&key) {
            self.order.push_back((now, key.clone()));
            self.seen.insert(key, value);
            return None;
        }
        self.seen.get_mut(&key)
    }
}
