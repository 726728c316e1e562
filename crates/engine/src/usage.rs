//! Usage: many records in one request, each recorded once (U1), all or each by itself (U5).

use std::collections::HashMap;

use quipu_domain::wallet::{Wallet, WalletCommand};
use quipu_domain::{Metadata, Position, Refusal, TenantId};

use crate::aggregates::Slot;
use crate::decider::Decider;
use crate::known::{EarlierUsage, Known, UsageState};
use crate::past::unavailable;
use crate::{EngineError, UsageBatch, UsageOutcome, UsageReport};

impl Decider {
    /// Records a batch of usage: an outcome per record, in order.
    pub(crate) fn usage(&mut self, batch: &UsageBatch) -> Result<Vec<UsageOutcome>, EngineError> {
        // A usage record's identity is its (source, id); a fingerprint of the request would say
        // nothing more, and cost bytes in every event.
        let metadata = Metadata { fingerprint: None, ..batch.metadata.clone() };
        let earlier = Known::earlier_usage(&batch.records, &self.past.journal, &self.past.index);
        let earlier = earlier.map_err(unavailable)?;
        if batch.atomic {
            return self.usage_atomic(batch, &metadata, &earlier);
        }
        let mut outcomes = Vec::with_capacity(batch.records.len());
        for (index, report) in batch.records.iter().enumerate() {
            self.load_for_usage(&batch.records[index..])?;
            outcomes.push(self.usage_record(report, &metadata, &earlier)?);
        }
        Ok(outcomes)
    }

    fn usage_atomic(
        &mut self,
        batch: &UsageBatch,
        metadata: &Metadata,
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
            let outcome = self.usage_record(report, metadata, earlier);
            match outcome {
                Ok(outcome @ UsageOutcome::Recorded { .. }) => outcomes.push(outcome),
                Ok(outcome) => {
                    self.undo(start, before);
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
        metadata: &Metadata,
        earlier: &EarlierUsage,
    ) -> Result<UsageOutcome, EngineError> {
        match self.draft.known.usage(report, earlier, &self.past.index) {
            UsageState::Free => {}
            UsageState::Recorded(event) => {
                return Ok(UsageOutcome::Recorded { event, duplicate: true });
            }
            UsageState::Reused(position) => return Ok(UsageOutcome::IdReused { position }),
        }
        let moment = self.moment();
        let mut usage = report.usage.clone();
        if !report.dated {
            usage.occurred_at = moment.now;
        }
        let command = WalletCommand::RecordUsage(usage);
        match self.wallet(&report.tenant, &command, metadata, moment) {
            Ok(events) => {
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
