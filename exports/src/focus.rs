//! FOCUS, the FinOps Open Cost and Usage Specification: what was used and what it cost, as CSV
//! (<https://focus.finops.org>, dataset Cost and Usage, versions 1.2 and 1.4).
//!
//! A row is what one tenant's agent used of one meter and model on one day of UTC. It is priced in
//! credits, a virtual currency, and billed in money at one rate, without rounding. What was voided,
//! rated again or refunded later is taken off the row that it corrects, so the sum of all credits
//! is what the `consumed` and `refunded` accounts hold together.

mod columns;
mod measure;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use quipu_domain::meter::MeterEvent;
use quipu_domain::postings::Account;
use quipu_domain::tenant::TenantEvent;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::Attribution;
use quipu_domain::{Event, Label, MeterName, Personal, Position, Recorded, TenantId, Timestamp};
use quipu_projections::{postings_of, wallet_event};
use rust_decimal::Decimal;

use crate::ExportError;
use measure::{Measure, Measured};

/// Which version of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FocusVersion {
    /// Of May 2025: the first with virtual currencies, and the one that most tools read.
    V1_2,
    /// Of June 2026: providers have other names.
    V1_4,
}

/// What a file says beside the events.
#[derive(Clone, Debug)]
pub struct FocusTerms {
    /// Which version of the specification.
    pub version: FocusVersion,
    /// Who sells the credits and sends the invoices.
    pub provider: String,
    /// What is used.
    pub service: String,
    /// The money, by ISO 4217.
    pub currency: String,
    /// Money for one credit, at most twelve decimals.
    pub rate: Decimal,
    /// First day, in UTC; all where absent.
    pub from: Option<Date>,
    /// The day after the last.
    pub to: Option<Date>,
}

/// Writes a book as a FOCUS dataset.
pub struct Focus {
    terms: FocusTerms,
    /// Sealed, as the events have them: a file outlives an erasure (P2).
    names: BTreeMap<TenantId, Personal>,
    units: BTreeMap<MeterName, Label>,
    rows: BTreeMap<RowKey, Total>,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    day: Date,
    tenant: TenantId,
    meter: Option<MeterName>,
    agent: Option<Label>,
    model: Option<Label>,
    /// Quantities of one kind only add up.
    measure: Measure,
}

/// What was used, and what it cost.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    micros: i128,
    measured: Measured,
}

/// A row as it is written.
struct Row<'a> {
    terms: &'a FocusTerms,
    key: &'a RowKey,
    name: &'a str,
    unit: Option<&'a Label>,
    total: &'a Total,
}

impl Focus {
    /// No rows.
    #[must_use]
    pub const fn new(terms: FocusTerms) -> Focus {
        Focus { terms, names: BTreeMap::new(), units: BTreeMap::new(), rows: BTreeMap::new() }
    }

    /// The earlier event that this one corrects, and which [`Focus::event`] then needs.
    #[must_use]
    pub const fn corrects(event: &Recorded) -> Option<Position> {
        match &event.event {
            Event::Wallet(WalletEvent::CreditsRefunded(e)) => Some(e.of.position()),
            Event::Wallet(WalletEvent::UsageVoided(e)) => Some(e.of.position()),
            Event::Wallet(WalletEvent::UsageRated(e)) => Some(e.of.position()),
            _ => None,
        }
    }

    /// The next event; `original` is the one that it corrects.
    pub fn event(
        &mut self,
        event: &Recorded,
        original: Option<&Recorded>,
    ) -> Result<(), ExportError> {
        match &event.event {
            Event::Tenant(TenantEvent::TenantCreated(e)) => {
                self.names.insert(e.tenant.clone(), e.name.clone());
            }
            Event::Tenant(TenantEvent::TenantRenamed(e)) => {
                let name = event.tenant.clone().map(|tenant| (tenant, e.name.clone()));
                self.names.extend(name);
            }
            Event::Meter(MeterEvent::MeterDefined(e)) => {
                self.units.extend(e.unit.clone().map(|unit| (e.meter.clone(), unit)));
            }
            Event::Wallet(_) => self.charge(event, original)?,
            _ => {}
        }
        Ok(())
    }

    fn charge(&mut self, event: &Recorded, original: Option<&Recorded>) -> Result<(), ExportError> {
        let inconsistent = |source| ExportError::Inconsistent { position: event.position, source };
        let Some((tenant, wallet)) = wallet_event(event).map_err(inconsistent)? else {
            return Ok(());
        };
        let postings = postings_of(wallet).map_err(inconsistent)?;
        let charged = postings
            .iter()
            .filter(|posting| matches!(posting.account, Account::Consumed(_) | Account::Refunded));
        let micros: i128 = charged.map(|posting| i128::from(posting.amount.micros())).sum();
        let corrects = Focus::corrects(event);
        let used = if corrects.is_some() { original } else { Some(event) };
        let Some(work) = used.and_then(Work::of) else {
            return match corrects {
                Some(corrected) => Err(ExportError::NothingToCorrect { corrected }),
                None => Ok(()),
            };
        };
        let day = work.at.to_jiff().to_zoned(TimeZone::UTC).date();
        let is_before = self.terms.from.is_some_and(|from| day < from);
        if is_before || self.terms.to.is_some_and(|to| day >= to) {
            return Ok(());
        }
        let key = RowKey {
            day,
            tenant: tenant.clone(),
            meter: work.meter.cloned(),
            agent: work.attribution.agent.clone(),
            model: work.attribution.model.clone(),
            measure: work.measured.measure(),
        };
        let total = self.rows.entry(key).or_default();
        total.micros += micros;
        match wallet {
            WalletEvent::UsageVoided(_) => total.measured.take(work.measured),
            WalletEvent::UsageRated(_) | WalletEvent::CreditsRefunded(_) => {}
            _ => total.measured.add(work.measured),
        }
        Ok(())
    }

    /// The whole file.
    pub fn file(&self) -> Result<String, ExportError> {
        let columns = columns::of(self.terms.version);
        let mut text = columns::line(columns.iter().map(|column| column.name.to_owned()));
        for (key, total) in &self.rows {
            let row = Row {
                terms: &self.terms,
                key,
                name: self.names.get(&key.tenant).map_or("", Personal::as_str),
                unit: key.meter.as_ref().and_then(|meter| self.units.get(meter)),
                total,
            };
            let cells = columns.iter().map(|column| (column.cell)(&row));
            let cells: Result<Vec<String>, ExportError> = cells.collect();
            text += &columns::line(cells?.into_iter());
        }
        Ok(text)
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// All their credits, in micros.
    #[must_use]
    pub fn micros(&self) -> i128 {
        self.rows.values().map(|total| total.micros).sum()
    }
}

/// Work that consumed credits, as the event that recorded it says.
struct Work<'a> {
    /// When it was done: usage is reported by that, though it may count later (U1).
    at: Timestamp,
    meter: Option<&'a MeterName>,
    attribution: &'a Attribution,
    measured: Measured,
}

impl Work<'_> {
    /// The work of an event; `None` where it records none.
    fn of(event: &Recorded) -> Option<Work<'_>> {
        let Event::Wallet(wallet) = &event.event else { return None };
        match wallet {
            WalletEvent::CreditsDebited(e) => Some(Work {
                at: event.effective_at(),
                meter: e.meter.as_ref(),
                attribution: &e.attribution,
                measured: Measured::credits(e.amount),
            }),
            WalletEvent::HoldSettled(e) => Some(Work {
                at: event.effective_at(),
                meter: e.meter.as_ref(),
                attribution: &e.attribution,
                measured: Measured::credits(e.amount),
            }),
            WalletEvent::UsageRecorded(e) => Some(Work {
                at: e.usage.occurred_at,
                meter: Some(&e.usage.meter),
                attribution: &e.usage.attribution,
                measured: Measured::usage(&e.usage),
            }),
            _ => None,
        }
    }
}
