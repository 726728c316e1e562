//! How much was used, per hour, day and month, by which agent, on which meter and model?

mod change;
mod history;
mod window;

use quipu_domain::tenant::TenantEvent;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::UsageRecorded;
use quipu_domain::{EntryId, Event, Label, MeterName, Recorded, TenantId, Timestamp};

pub(crate) use change::Change;
pub use history::{UsageAmounts, UsageKey, UsageSums};
pub use window::WindowUnit;
pub(crate) use window::starts as window_starts;

use crate::cell::{Cell, Field, Kind};
use crate::history::{self as trees, Node};
use crate::table::{Row, table};
use crate::{Projection, ProjectionError, Rows, movement};

table! {
    /// What was used in one window of one tenant, by agent, meter and model.
    UsageTotal in "usage_total"
    key UsageTotalKey {
        /// Whose.
        tenant: TenantId,
        /// How long the window is.
        window_unit: WindowUnit,
        /// Its first moment.
        window_start: Timestamp,
        /// The meter.
        meter: MeterName,
        /// The agent; empty where none was named.
        agent: LabelOrNone,
        /// The model; empty where none was named.
        model: LabelOrNone,
    }
    columns {
        /// Records, without voided ones.
        records: i64,
        /// Their quantities' sum: whole units.
        quantity_units: i64,
        /// And parts of 10^-12.
        quantity_parts: i64,
        /// Tokens sent and not cached.
        input_tokens: i64,
        /// Tokens sent and cached.
        cached_input_tokens: i64,
        /// Tokens generated.
        output_tokens: i64,
        /// What was charged (see [`turnover`](crate::turnover)): micros below a thousand credits.
        cost_micros: i64,
        /// Records that have no price yet (U3).
        unpriced: i64,
        /// Records that were voided (U4).
        voided: i64,
        /// What was charged: thousands of credits.
        cost_thousands: i64,
    }
}

table! {
    /// The time zone of a tenant's days and months (M6).
    UsageZone in "usage_zone"
    key UsageZoneKey {
        /// Whose.
        tenant: TenantId,
    }
    columns {
        /// IANA name.
        time_zone: Label,
    }
}

table! {
    /// A usage record that has no price yet; gone once it is rated or voided.
    UnpricedUsage in "unpriced_usage"
    key UnpricedUsageKey {
        /// Whose.
        tenant: TenantId,
        /// The record.
        entry_position: EntryId,
    }
    columns {
        /// Its meter.
        meter: MeterName,
        /// When it occurred.
        occurred_at: Timestamp,
    }
}

/// A label in a key: where there is none, the column holds the empty text, which no label is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelOrNone(pub Option<Label>);

impl Field for LabelOrNone {
    const KIND: Kind = Kind::LongText;

    fn to_cell(&self) -> Cell {
        Cell::Text(self.0.as_ref().map_or("", Label::as_str).into())
    }

    fn from_cell(cell: &Cell) -> Option<LabelOrNone> {
        match cell {
            Cell::Text(text) if text.is_empty() => Some(LabelOrNone(None)),
            label => Label::from_cell(label).map(|label| LabelOrNone(Some(label))),
        }
    }
}

/// How much was used, per hour, day and month, by which agent, on which meter and model?
#[derive(Clone, Copy, Debug)]
pub struct Usage;

impl Projection for Usage {
    fn name(&self) -> &'static str {
        "usage"
    }

    fn version(&self) -> u32 {
        7
    }

    fn question(&self) -> &'static str {
        "How much was used, per hour, day and month, by which agent, on which meter and model?"
    }

    fn rows(&self) -> Rows {
        Rows::new()
            .with::<UsageTotal>()
            .with::<UsageZone>()
            .with::<UnpricedUsage>()
            .with::<Node<UsageSums>>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        let Some(tenant) = &event.tenant else { return };
        if let Event::Tenant(TenantEvent::TenantCreated(_)) = &event.event {
            rows.want_new::<UsageZone>(UsageZoneKey { tenant: tenant.clone() });
        }
        let Some(record) = record_of(event) else { return };
        rows.want::<UsageZone>(UsageZoneKey { tenant: tenant.clone() });
        trees::prepare::<UsageSums>(tenant, event, rows);
        if record.position() != event.position {
            rows.want::<UnpricedUsage>(unpriced_key(tenant, record));
            rows.want_event(record.position());
        }
        // Which windows it is depends on the zone and on the corrected record. Where they are not
        // in memory yet, `apply` fails as unprepared, and `prepare` comes here again.
        if let Ok(keys) = total_keys(tenant, event, record, rows) {
            keys.into_iter().for_each(|key| rows.want::<UsageTotal>(key));
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        if let Event::Tenant(TenantEvent::TenantCreated(created)) = &event.event {
            let tenant = movement::tenant_of(event)?.clone();
            rows.put(UsageZone { tenant, time_zone: created.time_zone.clone() });
        }
        let Some(record) = record_of(event) else { return Ok(()) };
        let tenant = movement::tenant_of(event)?;
        let keys = total_keys(tenant, event, record, rows)?;
        let change = change::of(tenant, event, record, rows)?;
        let [hour, day, month] = &keys;
        let key = UsageKey {
            hour: hour.window_start,
            day: day.window_start,
            month: month.window_start,
            meter: hour.meter.clone(),
            agent: hour.agent.0.clone(),
            model: hour.model.0.clone(),
        };
        trees::record::<UsageSums>(rows, tenant, event, &[(key, change.amounts())])?;
        keys.into_iter().try_for_each(|key| {
            let fresh = || UsageTotal::new(key.clone());
            rows.edit_or::<UsageTotal>(&key, fresh)?.add(&change)
        })
    }
}

/// The usage record that the event makes or corrects.
fn record_of(event: &Recorded) -> Option<EntryId> {
    match &event.event {
        Event::Wallet(WalletEvent::UsageRecorded(e)) => Some(e.entry),
        Event::Wallet(WalletEvent::UsageVoided(e)) => Some(e.of),
        Event::Wallet(WalletEvent::UsageRated(e)) => Some(e.of),
        _ => None,
    }
}

fn unpriced_key(tenant: &TenantId, record: EntryId) -> UnpricedUsageKey {
    UnpricedUsageKey { tenant: tenant.clone(), entry_position: record }
}

/// What was recorded: by this event, or by the one that it corrects.
fn recorded<'a>(
    event: &'a Recorded,
    record: EntryId,
    rows: &'a Rows,
) -> Result<&'a UsageRecorded, ProjectionError> {
    let position = record.position();
    let original = if position == event.position { event } else { rows.event(position)? };
    match &original.event {
        Event::Wallet(WalletEvent::UsageRecorded(e)) if original.tenant == event.tenant => Ok(e),
        _ => Err(ProjectionError::NotUsage { position }),
    }
}

/// The three totals that a record counts in. A correction counts where its record does.
fn total_keys(
    tenant: &TenantId,
    event: &Recorded,
    record: EntryId,
    rows: &Rows,
) -> Result<[UsageTotalKey; 3], ProjectionError> {
    let usage = &recorded(event, record, rows)?.usage;
    let zone = rows.get::<UsageZone>(&UsageZoneKey { tenant: tenant.clone() })?;
    let zone = zone.ok_or_else(|| ProjectionError::MissingRow {
        table: UsageZone::SCHEMA.name,
        key: tenant.to_string(),
    })?;
    let starts = window::starts(usage.occurred_at, &zone.time_zone)?;
    Ok(starts.map(|(window_unit, window_start)| UsageTotalKey {
        tenant: tenant.clone(),
        window_unit,
        window_start,
        meter: usage.meter.clone(),
        agent: LabelOrNone(usage.attribution.agent.clone()),
        model: LabelOrNone(usage.attribution.model.clone()),
    }))
}
