//! Usage: many records in one request, each recorded once (U1), all or each by itself (U5).

use std::collections::{HashMap, HashSet};

use quipu_domain::wallet::{Wallet, WalletCommand};
use quipu_domain::{Metadata, Position, Refusal, TenantId};

use crate::aggregates::Slot;
use crate::decider::Decider;
use crate::known::{EarlierUsage, Known, UsageState};
use crate::past::unavailable;
use crate::{EngineError, UsageBatch, UsageOutcome, UsageReport};

/// A batch's metadata. Its key and fingerprint stand on the first event of each tenant: they are
/// found there, and would cost bytes in every other one.
struct Bound {
    first: Metadata,
    further: Metadata,
    tenants: HashSet<TenantId>,
}

impl Bound {
    fn to(first: &Metadata) -> Bound {
        let further = Metadata { command: None, fingerprint: None, ..first.clone() };
        Bound { first: first.clone(), further, tenants: HashSet::new() }
    }

    fn metadata(&self, tenant: &TenantId) -> &Metadata {
        if self.tenants.contains(tenant) { &self.further } else { &self.first }
    }

    /// An event of this tenant's was written.
    fn note(&mut self, tenant: &TenantId) {
        if self.first.command.is_some() && !self.tenants.contains(tenant) {
            self.tenants.insert(tenant.clone());
        }
    }
}

impl Decider {
    /// Records a batch of usage: an outcome per record, in order.
    pub(crate) fn usage(&mut self, batch: &UsageBatch) -> Result<Vec<UsageOutcome>, EngineError> {
        let earlier = Known::earlier_usage(batch, &self.past.journal, &self.past.index);
        let earlier = earlier.map_err(unavailable)?;
        let known = &self.draft.known;
        if let Some(position) = known.usage_key_reused(batch, &earlier, &self.past.index) {
            return Err(EngineError::KeyReused { position });
        }
        let mut bound = Bound::to(&batch.metadata);
        if batch.atomic {
            return self.usage_atomic(batch, &mut bound, &earlier);
        }
        let mut outcomes = Vec::with_capacity(batch.records.len());
        for (index, report) in batch.records.iter().enumerate() {
            self.load_for_usage(&batch.records[index..])?;
            outcomes.push(self.usage_record(report, &mut bound, &earlier)?);
        }
        Ok(outcomes)
    }

    fn usage_atomic(
        &mut self,
        batch: &UsageBatch,
        bound: &mut Bound,
        earlier: &EarlierUsage,
    ) -> Result<Vec<UsageOutcome>, EngineError> {
        let mut before: HashMap<TenantId, Slot<Wallet>> = HashMap::new();
        for (index, report) in batch.records.iter().enumerate() {
            self.load_for_usage(&batch.records[index..])?;
            self.keep_before(&report.tenant, &mut before)?;
        }
        // What had fallen due stays; what follows can be undone.
        let start = self.draft.next;
        let mut outcomes = Vec::with_capacity(batch.records.len());
        for report in &batch.records {
            let outcome = self.usage_record(report, bound, earlier);
            match outcome {
                Ok(outcome @ UsageOutcome::Recorded { .. }) => outcomes.push(outcome),
                Ok(outcome) => {
                    self.undo(start, before);
                    let outcome = without_undone_position(outcome, start);
                    outcomes.fill(UsageOutcome::NotAttempted);
                    outcomes.push(outcome);
                    outcomes.resize(batch.records.len(), UsageOutcome::NotAttempted);
                    return Ok(outcomes);
                }
                Err(error) => {
                    self.undo(start, before);
                    return Err(error);
                }
            }
        }
        Ok(outcomes)
    }

    /// Remembers a wallet as it was before the batch touched it.
    fn keep_before(
        &mut self,
        tenant: &TenantId,
        before: &mut HashMap<TenantId, Slot<Wallet>>,
    ) -> Result<(), EngineError> {
        if before.contains_key(tenant) {
            return Ok(());
        }
        let moment = self.moment();
        match self.bring_up_to_date(tenant, moment) {
            Ok(()) => {
                before.insert(tenant.clone(), self.states.wallets.loaded(tenant).clone());
                Ok(())
            }
            // The record itself will be refused with this.
            Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn undo(&mut self, start: Position, before: HashMap<TenantId, Slot<Wallet>>) {
        self.draft.undo_from(start);
        for (tenant, slot) in before {
            self.states.wallets.restore(tenant, slot);
        }
    }

    fn usage_record(
        &mut self,
        report: &UsageReport,
        bound: &mut Bound,
        earlier: &EarlierUsage,
    ) -> Result<UsageOutcome, EngineError> {
        match self.draft.known.usage(report, earlier, &self.past.index) {
            UsageState::Free => {}
            UsageState::Recorded(event) => {
                return Ok(UsageOutcome::Recorded { event, duplicate: true });
            }
            UsageState::Reused(position) => {
                return Ok(UsageOutcome::IdReused { position: Some(position) });
            }
        }
        let moment = self.moment();
        let mut usage = report.usage.clone();
        if !report.dated {
            usage.occurred_at = moment.now;
        }
        let command = WalletCommand::RecordUsage(usage);
        let metadata = bound.metadata(&report.tenant);
        match self.wallet(&report.tenant, &command, metadata, moment) {
            Ok(events) => {
                bound.note(&report.tenant);
                let event = events.into_iter().next().ok_or_else(|| {
                    EngineError::Inconsistent("a usage record was accepted without an event".into())
                })?;
                Ok(UsageOutcome::Recorded { event, duplicate: false })
            }
            Err(EngineError::Refused(refusal)) => Ok(UsageOutcome::Refused(refusal)),
            Err(EngineError::EventTooLarge { most_bytes }) => {
                Ok(UsageOutcome::Refused(Refusal::InvalidUsage {
                    meter: report.usage.meter.clone(),
                    why: format!("its event would be larger than {most_bytes} bytes"),
                }))
            }
            Err(error) => Err(error),
        }
    }
}

/// U5: what is undone is not in the journal, and nobody is sent there.
fn without_undone_position(outcome: UsageOutcome, start: Position) -> UsageOutcome {
    match outcome {
        UsageOutcome::IdReused { position } => {
            UsageOutcome::IdReused { position: position.filter(|position| *position < start) }
        }
        other => other,
    }
}
