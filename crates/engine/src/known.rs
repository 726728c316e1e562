//! What has been done already: keys of commands and ids of usage records, in flight, recent, or
//! anywhere in the journal's window.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Usage, UsageRecorded};
use quipu_domain::{Event, Metadata, Position, Recorded, TenantId};
use quipu_journal::{Index, Journal, JournalError, KeyHash, keys_of};

use crate::{EngineError, Receipt, Request, UsageBatch, UsageReport};

/// Receipts that are kept to answer retries without reading the journal.
const RECENT_RECEIPTS: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

/// The keys that the deciding thread knows besides those in the journal's index.
pub(crate) struct Known {
    /// Keys of the batch that is being built, and of the batch on its way to the disk.
    building: InFlight,
    flying: InFlight,
    /// Receipts of the same two batches, and of those before.
    building_receipts: Vec<Receipt>,
    flying_receipts: Vec<Receipt>,
    recent: LruCache<KeyHash, Receipt>,
}

/// Events by their keys, most often one event each: so the first needs no list of its own.
#[derive(Default)]
struct InFlight {
    first: HashMap<KeyHash, Arc<Recorded>>,
    more: HashMap<KeyHash, Vec<Arc<Recorded>>>,
}

impl InFlight {
    fn add(&mut self, key: KeyHash, event: &Arc<Recorded>) {
        match self.first.entry(key) {
            Entry::Vacant(entry) => drop(entry.insert(Arc::clone(event))),
            Entry::Occupied(_) => self.more.entry(key).or_default().push(Arc::clone(event)),
        }
    }

    fn find(&self, key: KeyHash) -> impl Iterator<Item = &Arc<Recorded>> {
        self.first.get(&key).into_iter().chain(self.more.get(&key).into_iter().flatten())
    }

    /// Events stand in the order of their positions, so the first of a key goes last.
    fn forget_from(&mut self, position: Position) {
        self.first.retain(|_, event| event.position < position);
        self.more.retain(|_, events| {
            events.retain(|event| event.position < position);
            !events.is_empty()
        });
    }

    fn clear(&mut self) {
        self.first.clear();
        self.more.clear();
    }
}

/// Durable usage records, by position.
pub(crate) type EarlierUsage = HashMap<Position, Arc<Recorded>>;

/// What is known of an idempotency key.
pub(crate) enum KeyState {
    /// Nobody has used it.
    Free,
    /// Its command is decided and not yet durable.
    InFlight,
    /// It was used for another request.
    Reused(Position),
    /// Its command was done; this is the receipt.
    Receipt(Receipt),
    /// Events at these positions, oldest first, may be its command's: the journal says so.
    Durable(Vec<Position>),
}

/// What is known of a usage record's (source, id).
pub(crate) enum UsageState {
    /// Nobody has used it.
    Free,
    /// It stands in the journal, or is on its way there.
    Recorded(Arc<Recorded>),
    /// It belongs to other content.
    Reused(Position),
}

impl Known {
    pub(crate) fn new() -> Known {
        Known {
            building: InFlight::default(),
            flying: InFlight::default(),
            building_receipts: Vec::new(),
            flying_receipts: Vec::new(),
            recent: LruCache::new(RECENT_RECEIPTS),
        }
    }

    /// What is known of a command's key.
    pub(crate) fn command(&mut self, request: &Request, index: &Index) -> KeyState {
        let Request { command, metadata, .. } = request;
        let tenant = command.tenant();
        let Some(key) = &metadata.command else { return KeyState::Free };
        let hash = KeyHash::command(tenant, key);
        let same = |event: &Recorded| is_command(event, tenant, metadata);
        if self.in_flight(hash).any(|event| same(event)) {
            return KeyState::InFlight;
        }
        if let Some(receipt) = self.recent.get(&hash)
            && let Some(first) = receipt.events.first().filter(|event| same(event))
        {
            return match request.is_of(first) {
                true => KeyState::Receipt(Receipt { replayed: true, ..receipt.clone() }),
                false => KeyState::Reused(first.position),
            };
        }
        let candidates: Vec<Position> = index.find(hash).collect();
        if candidates.is_empty() { KeyState::Free } else { KeyState::Durable(candidates) }
    }

    /// The receipt of a command whose key is in flight: of one that stands before it in the same
    /// request, or of the same command in another one. Like every answer it waits until it is durable.
    pub(crate) fn receipt_in_flight(&self, request: &Request) -> Result<Receipt, EngineError> {
        let Request { command, metadata, .. } = request;
        let tenant = command.tenant();
        let key = metadata.command.as_ref().ok_or(EngineError::KeyInFlight)?;
        let mut events = self.in_flight(KeyHash::command(tenant, key));
        let first = events.find(|event| is_command(event, tenant, metadata));
        let first = first.ok_or(EngineError::KeyInFlight)?;
        if !request.is_of(first) {
            return Err(EngineError::KeyReused { position: first.position });
        }
        let receipts = [&self.building_receipts, &self.flying_receipts];
        let receipt = receipts.into_iter().find_map(|receipts| {
            let index =
                receipts.binary_search_by_key(&Some(first.position), first_position).ok()?;
            receipts.get(index)
        });
        // A batch of usage has the key, and no receipt.
        let receipt = receipt.ok_or(EngineError::KeyInFlight)?;
        Ok(Receipt { replayed: true, ..receipt.clone() })
    }

    /// The durable events that records of a batch may be known by, read at once: a batch that is
    /// sent again is known to the last record, and its events stand side by side.
    pub(crate) fn earlier_usage(
        UsageBatch { records, metadata, .. }: &UsageBatch,
        journal: &Journal,
        index: &Index,
    ) -> Result<EarlierUsage, JournalError> {
        let keys = records.iter().map(usage_key).chain(metadata.command.iter().flat_map(|key| {
            tenants(records).map(move |tenant| KeyHash::command(Some(tenant), key))
        }));
        let positions: Vec<Position> = keys.flat_map(|key| index.find(key)).collect();
        if positions.is_empty() {
            return Ok(EarlierUsage::new());
        }
        let events = journal.events_at(&positions)?;
        Ok(events.into_iter().map(|event| (event.position, Arc::new(event))).collect())
    }

    /// Where the key of a batch of usage was used for another request, if it was: by one of the
    /// tenants in it, as keys of different tenants never meet.
    pub(crate) fn usage_key_reused(
        &self,
        UsageBatch { records, metadata, .. }: &UsageBatch,
        earlier: &EarlierUsage,
        index: &Index,
    ) -> Option<Position> {
        let key = metadata.command.as_ref()?;
        tenants(records).find_map(|tenant| {
            let hash = KeyHash::command(Some(tenant), key);
            let durable = index.find(hash).filter_map(|position| earlier.get(&position));
            let other = |event: &&Arc<Recorded>| {
                is_command(event, Some(tenant), metadata)
                    && event.metadata.fingerprint != metadata.fingerprint
            };
            self.in_flight(hash).chain(durable).find(other).map(|event| event.position)
        })
    }

    /// What is known of a usage record (U1).
    pub(crate) fn usage(
        &self,
        report: &UsageReport,
        earlier: &EarlierUsage,
        index: &Index,
    ) -> UsageState {
        let UsageReport { tenant, usage, dated } = report;
        let hash = usage_key(report);
        let compare = |event: &Arc<Recorded>| {
            let recorded = usage_of(event, tenant)?;
            let same_id = recorded.usage.source == usage.source && recorded.usage.id == usage.id;
            same_id.then(|| match same_content(&recorded.usage, usage, *dated) {
                true => UsageState::Recorded(Arc::clone(event)),
                false => UsageState::Reused(event.position),
            })
        };
        let mut durable = index.find(hash).filter_map(|position| earlier.get(&position));
        let known = self.in_flight(hash).find_map(compare).or_else(|| durable.find_map(compare));
        known.unwrap_or(UsageState::Free)
    }

    /// Remembers the keys of an event of the batch that is being built.
    pub(crate) fn note(&mut self, event: &Arc<Recorded>) {
        for key in keys_of(event) {
            self.building.add(key, event);
        }
    }

    /// Forgets the keys of events that are undone before they were sent.
    pub(crate) fn forget_from(&mut self, position: Position) {
        self.building.forget_from(position);
    }

    /// Remembers the receipt of a command of the batch that is being built.
    pub(crate) fn note_receipt(&mut self, receipt: &Receipt) {
        if first_position(receipt).is_some() {
            self.building_receipts.push(receipt.clone());
        }
    }

    /// The batch that was being built is on its way to the disk.
    pub(crate) fn sent(&mut self) {
        self.flying = std::mem::take(&mut self.building);
        self.flying_receipts = std::mem::take(&mut self.building_receipts);
    }

    /// It arrived: its keys are in the index now.
    pub(crate) fn committed(&mut self) {
        self.flying.clear();
        for receipt in self.flying_receipts.drain(..) {
            if let Some(first) = receipt.events.first()
                && let Some(key) = &first.metadata.command
            {
                let hash = KeyHash::command(first.tenant.as_ref(), key);
                self.recent.put(hash, receipt);
            }
        }
    }

    /// Nothing that was in flight will arrive.
    pub(crate) fn lost(&mut self) {
        self.building.clear();
        self.flying.clear();
        self.building_receipts.clear();
        self.flying_receipts.clear();
    }

    fn in_flight(&self, hash: KeyHash) -> impl Iterator<Item = &Arc<Recorded>> {
        self.building.find(hash).chain(self.flying.find(hash))
    }
}

/// By what receipts are in order.
fn first_position(receipt: &Receipt) -> Option<Position> {
    receipt.events.first().map(|event| event.position)
}

/// Whose records these are, each tenant once.
fn tenants(records: &[UsageReport]) -> impl Iterator<Item = &TenantId> {
    records.iter().map(|report| &report.tenant).collect::<BTreeSet<_>>().into_iter()
}

fn usage_key(report: &UsageReport) -> KeyHash {
    KeyHash::usage(&report.tenant, &report.usage.source, &report.usage.id)
}

/// Whether an event is of the command that has this tenant and key.
pub(crate) fn is_command(event: &Recorded, tenant: Option<&TenantId>, metadata: &Metadata) -> bool {
    event.tenant.as_ref() == tenant && event.metadata.command == metadata.command
}

/// U1: the same content; a time that the caller did not give does not count.
fn same_content(recorded: &Usage, reported: &Usage, dated: bool) -> bool {
    if dated {
        return recorded == reported;
    }
    Usage { occurred_at: recorded.occurred_at, ..reported.clone() } == *recorded
}

fn usage_of<'a>(event: &'a Recorded, tenant: &TenantId) -> Option<&'a UsageRecorded> {
    match &event.event {
        Event::Wallet(WalletEvent::UsageRecorded(recorded))
            if event.tenant.as_ref() == Some(tenant) =>
        {
            Some(recorded)
        }
        _ => None,
    }
}
