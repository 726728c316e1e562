//! The batch in the making: gives events their places, and can take back what was not sent.

use std::sync::Arc;

use quipu_domain::{Metadata, Position, Recorded, TenantId, Timestamp};
use quipu_journal::Head;

use crate::aggregates::{Slot, State};
use crate::batch::Batch;
use crate::known::Known;
use crate::size::refuse_too_large;
use crate::{EngineError, Ids};

/// The batch that is being built, and the end of the journal as it will be after it.
pub(crate) struct Draft {
    pub(crate) batch: Batch,
    /// The events of the batch before it, which is on its way to the disk.
    flying: Vec<Arc<Recorded>>,
    pub(crate) known: Known,
    /// The position of the next event.
    pub(crate) next: Position,
    pub(crate) last_recorded_at: Timestamp,
    /// An event did not fit its state after others of its command had been taken in.
    pub(crate) tainted: bool,
    ids: Ids,
}

/// What an event carries besides itself.
pub(crate) struct Attributes<'a> {
    pub(crate) tenant: Option<&'a TenantId>,
    pub(crate) metadata: &'a Metadata,
    pub(crate) now: Timestamp,
    /// When it counts; taken down only where that is not `now` (M5).
    pub(crate) effective_at: Option<Timestamp>,
}

impl Draft {
    pub(crate) fn after(head: &Head, ids: Ids) -> Draft {
        Draft {
            batch: Batch::default(),
            flying: Vec::new(),
            known: Known::new(),
            next: head.position.plus(1),
            last_recorded_at: head.recorded_at,
            tainted: false,
            ids,
        }
    }

    /// Takes an event in: folds it into its state and gives it the next place.
    pub(crate) fn write<S: State>(
        &mut self,
        slot: &mut Slot<S>,
        event: S::Event,
        attributes: &Attributes<'_>,
    ) -> Result<Arc<Recorded>, EngineError> {
        if let Err(error) = slot.advance(&event, self.next) {
            self.tainted = true;
            return Err(error);
        }
        let id = self.next_id(attributes.now);
        let recorded = self.place(Recorded {
            position: self.next,
            stream: slot.stream.clone(),
            version: slot.version,
            id,
            recorded_at: attributes.now,
            effective_at: attributes.effective_at.filter(|at| *at != attributes.now),
            tenant: attributes.tenant.cloned(),
            metadata: attributes.metadata.clone(),
            event: S::wrap(event),
        });
        self.batch.snapshots.extend(slot.due_snapshot());
        Ok(recorded)
    }

    /// Takes the events of a command in, all with the same attributes, unless one is too large.
    pub(crate) fn write_all<S: State>(
        &mut self,
        slot: &mut Slot<S>,
        events: Vec<S::Event>,
        attributes: &Attributes<'_>,
    ) -> Result<Vec<Arc<Recorded>>, EngineError> {
        refuse_too_large::<S>(events.iter())?;
        events.into_iter().map(|event| self.write(slot, event, attributes)).collect()
    }

    /// Takes in an event whose fields stand already, but for its place and id.
    pub(crate) fn place(&mut self, event: Recorded) -> Arc<Recorded> {
        assert_eq!(event.position, self.next, "J1: positions are gapless");
        assert!(event.recorded_at >= self.last_recorded_at, "M5: recorded time never decreases");
        let event = Arc::new(event);
        self.next = self.next.plus(1);
        self.last_recorded_at = event.recorded_at;
        self.known.note(&event);
        self.batch.events.push(Arc::clone(&event));
        event
    }

    /// An id for an event that is recorded `at`.
    pub(crate) fn next_id(&mut self, at: Timestamp) -> uuid::Uuid {
        self.ids.next(at)
    }

    /// Takes back the events from `position` on; their states are the caller's to restore.
    pub(crate) fn undo_from(&mut self, position: Position) {
        self.batch.events.retain(|event| event.position < position);
        self.batch.snapshots.retain(|snapshot| snapshot.position < position);
        self.known.forget_from(position);
        self.next = position;
    }

    /// Hands the batch out and begins the next one.
    pub(crate) fn take_batch(&mut self) -> Batch {
        self.known.sent();
        self.flying.clone_from(&self.batch.events);
        std::mem::take(&mut self.batch)
    }

    /// The batch that was handed out is durable.
    pub(crate) fn committed(&mut self) {
        self.known.committed();
        self.flying.clear();
    }

    /// Nothing that was in flight will arrive.
    pub(crate) fn lost(&mut self) {
        self.known.lost();
        self.flying.clear();
    }

    /// An event that is decided and not yet durable.
    pub(crate) fn in_flight(&self, position: Position) -> Option<&Recorded> {
        let batches = [&self.flying, &self.batch.events];
        batches.into_iter().find_map(|events| {
            let index = events.binary_search_by_key(&position, |event| event.position).ok()?;
            events.get(index).map(Arc::as_ref)
        })
    }

    /// Continues after `durable`, giving up what was drafted beyond it.
    pub(crate) fn rewind(&mut self, durable: Position) {
        self.next = durable.plus(1);
    }
}
