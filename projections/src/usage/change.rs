//! What an event adds to the totals of its usage record.

use quipu_domain::postings::Account;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Rating, Tokens, UsageRecorded};
use quipu_domain::{Credits, EntryId, Recorded, TenantId};

use super::{
    UnpricedUsage, UsageAmounts, UsageSums, UsageTotal, UsageTotalKey, recorded, unpriced_key,
};
use crate::explain::Figures;
use crate::quantity::Quantity;
use crate::{ProjectionError, Rows, movement, turnover};

/// What an event adds to the totals of its record.
#[derive(Default)]
pub(crate) struct Change {
    records: i64,
    quantity: Quantity,
    input_tokens: i64,
    cached_input_tokens: i64,
    output_tokens: i64,
    cost: i64,
    unpriced: i64,
    voided: i64,
}

pub(super) fn of(
    tenant: &TenantId,
    event: &Recorded,
    record: EntryId,
    rows: &mut Rows,
) -> Result<Change, ProjectionError> {
    let Some((_, wallet)) = movement::wallet_event(event)? else { return Ok(Change::default()) };
    let cost = Change::cost_of(wallet)?;
    if let WalletEvent::UsageRecorded(e) = wallet {
        let mut change = Change { cost, ..Change::recorded(e, 1)? };
        if let Rating::Unpriced { .. } = e.rating {
            change.unpriced = 1;
            rows.put(UnpricedUsage {
                tenant: tenant.clone(),
                entry_position: record,
                meter: e.usage.meter.clone(),
                occurred_at: e.usage.occurred_at,
            });
        }
        return Ok(change);
    }
    let unpriced = unpriced_key(tenant, record);
    let was_unpriced = rows.get::<UnpricedUsage>(&unpriced)?.is_some();
    let mut change = match wallet {
        WalletEvent::UsageVoided(_) => {
            Change { voided: 1, ..Change::recorded(recorded(event, record, rows)?, -1)? }
        }
        _ => Change::default(),
    };
    change.cost = cost;
    if was_unpriced {
        change.unpriced = -1;
        rows.delete::<UnpricedUsage>(&unpriced)?;
    }
    Ok(change)
}

impl Change {
    /// What the event charged, in micros, so that the totals' cost is what the `consumed` accounts
    /// say (M4).
    pub(crate) fn cost_of(event: &WalletEvent) -> Result<i64, ProjectionError> {
        let mut consumed = Credits::ZERO;
        for posting in movement::postings_of(event)? {
            if let Account::Consumed(_) = posting.account {
                consumed = posting.amount;
            }
        }
        Ok(consumed.micros())
    }

    /// What was counted, by the names of the totals' columns.
    pub(crate) fn figures(&self) -> Figures {
        Figures::from([
            ("records", Quantity::from_count(self.records)),
            ("quantity", self.quantity),
            ("input_tokens", Quantity::from_count(self.input_tokens)),
            ("cached_input_tokens", Quantity::from_count(self.cached_input_tokens)),
            ("output_tokens", Quantity::from_count(self.output_tokens)),
        ])
    }

    /// The same by the places of [`UsageSums`].
    pub(super) fn amounts(&self) -> UsageAmounts {
        let mut amounts = UsageAmounts::default();
        amounts[UsageSums::RECORDS] = self.records.into();
        amounts[UsageSums::QUANTITY_UNITS] = self.quantity.units();
        amounts[UsageSums::QUANTITY_PARTS] = self.quantity.parts();
        amounts[UsageSums::INPUT_TOKENS] = self.input_tokens.into();
        amounts[UsageSums::CACHED_INPUT_TOKENS] = self.cached_input_tokens.into();
        amounts[UsageSums::OUTPUT_TOKENS] = self.output_tokens.into();
        amounts[UsageSums::COST] = self.cost.into();
        amounts[UsageSums::UNPRICED] = self.unpriced.into();
        amounts[UsageSums::VOIDED] = self.voided.into();
        amounts
    }

    /// A record's quantities, counted so many times.
    pub(crate) fn recorded(record: &UsageRecorded, times: i64) -> Result<Change, ProjectionError> {
        let overflow = ProjectionError::Overflow { what: "a quantity" };
        let quantity = match record.usage.quantity {
            Some(quantity) => Quantity::from_decimal(quantity).ok_or(overflow)?,
            None => Quantity::ZERO,
        };
        let Tokens { input, cached_input, output } = record.usage.tokens.unwrap_or_default();
        let count = |tokens: u64| {
            let tokens = i64::try_from(tokens);
            tokens.map(|tokens| tokens * times).map_err(|_| TOO_MANY_TOKENS)
        };
        Ok(Change {
            records: times,
            quantity: if times < 0 { quantity.negated() } else { quantity },
            input_tokens: count(input)?,
            cached_input_tokens: count(cached_input)?,
            output_tokens: count(output)?,
            ..Change::default()
        })
    }
}

const TOO_MANY_TOKENS: ProjectionError = ProjectionError::Overflow { what: "tokens" };

impl UsageTotal {
    pub(super) fn new(key: UsageTotalKey) -> UsageTotal {
        UsageTotal {
            tenant: key.tenant,
            window_unit: key.window_unit,
            window_start: key.window_start,
            meter: key.meter,
            agent: key.agent,
            model: key.model,
            records: 0,
            quantity_units: 0,
            quantity_parts: 0,
            input_tokens: 0,
            cached_input_tokens: 0,
            output_tokens: 0,
            cost_micros: 0,
            unpriced: 0,
            voided: 0,
            cost_thousands: 0,
        }
    }

    /// What was charged, in micros. Not an amount: a month may cost more than M3 lets one record.
    #[must_use]
    pub fn cost_micros(&self) -> i128 {
        turnover::of_columns(self.cost_thousands, self.cost_micros)
    }

    pub(super) fn add(&mut self, change: &Change) -> Result<(), ProjectionError> {
        (self.quantity_units, self.quantity_parts) =
            Quantity::from_columns(self.quantity_units, self.quantity_parts)
                .plus(change.quantity)
                .and_then(Quantity::columns)
                .ok_or(ProjectionError::Overflow { what: "a quantity" })?;
        let cost = self.cost_micros() + i128::from(change.cost);
        (self.cost_thousands, self.cost_micros) = turnover::columns(cost, "a usage total")?;
        // Tokens are bounded as quantities are (M1): those of nine million records of the most fit.
        for (total, added) in [
            (&mut self.records, change.records),
            (&mut self.input_tokens, change.input_tokens),
            (&mut self.cached_input_tokens, change.cached_input_tokens),
            (&mut self.output_tokens, change.output_tokens),
            (&mut self.unpriced, change.unpriced),
            (&mut self.voided, change.voided),
        ] {
            let sum = total.checked_add(added);
            *total = sum.ok_or(ProjectionError::Overflow { what: "a usage total" })?;
        }
        Ok(())
    }
}
