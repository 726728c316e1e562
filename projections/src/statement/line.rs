//! What a line of the statement says beside the amounts that moved.

use std::sync::Arc;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Attribution, Draw, Draws, Rating, Returns};
use quipu_domain::{Credits, Label, MeterName, Personal, Recorded, TenantId};
use serde::Serialize;

use super::Entry;
use crate::BookBalance;
use crate::json::json;
use crate::movement::Deltas;

/// What the event itself says.
#[derive(Default)]
pub(super) struct Details<'a> {
    pub(super) amount: Credits,
    meter: Option<&'a MeterName>,
    attribution: Option<&'a Attribution>,
    draws: Option<Arc<str>>,
    reference: Option<Arc<str>>,
    price: Option<&'a Label>,
    source: Option<Personal>,
    source_id: Option<&'a Label>,
    reason: Option<Personal>,
}

/// The details of an event that belongs on the statement; `None` for one that moves nothing.
pub(super) fn details_of(event: &WalletEvent) -> Option<Details<'_>> {
    let details = match event {
        WalletEvent::CreditsGranted(e) => Details {
            amount: e.amount,
            reference: text(e.grant),
            source: e.source.clone(),
            ..Details::default()
        },
        WalletEvent::GrantVoided(e) => Details {
            amount: e.amount,
            reference: text(e.grant),
            reason: Some(e.reason.clone()),
            ..Details::default()
        },
        WalletEvent::CreditsExpired(e) => {
            Details { amount: e.amount, reference: text(e.grant), ..Details::default() }
        }
        WalletEvent::CreditsDebited(e) => Details {
            amount: e.amount,
            meter: e.meter.as_ref(),
            attribution: Some(&e.attribution),
            draws: drawn(&e.draws),
            reason: e.reason.clone(),
            ..Details::default()
        },
        WalletEvent::HoldPlaced(e) => Details {
            amount: e.amount,
            meter: e.meter.as_ref(),
            attribution: Some(&e.attribution),
            draws: drawn(&e.draws),
            reference: text(e.hold),
            ..Details::default()
        },
        WalletEvent::HoldSettled(e) => Details {
            amount: e.amount,
            meter: e.meter.as_ref(),
            attribution: Some(&e.attribution),
            draws: some_json(&Settled {
                from_hold: &e.from_hold,
                from_available: &e.from_available,
                returned: &e.returned,
            }),
            reference: text(e.hold),
            ..Details::default()
        },
        WalletEvent::HoldReleased(e) => Details {
            amount: e.amount,
            draws: drawn(&e.returned),
            reference: text(e.hold),
            reason: e.reason.clone(),
            ..Details::default()
        },
        WalletEvent::HoldExpired(e) => Details {
            amount: e.amount,
            draws: drawn(&e.returned),
            reference: text(e.hold),
            ..Details::default()
        },
        WalletEvent::OverdraftRepaid(e) => Details {
            amount: e.amount,
            draws: some_json(&Repaid { lots: &e.lots }),
            ..Details::default()
        },
        WalletEvent::CreditsRefunded(e) => Details {
            amount: e.amount,
            draws: returned(&e.returns),
            reference: text(e.of),
            reason: e.reason.clone(),
            ..Details::default()
        },
        WalletEvent::UsageRecorded(e) => {
            let (price, reason) = match &e.rating {
                Rating::Rated { price, .. } => (Some(price), None),
                Rating::Unpriced { why } => (None, Some(Personal::from(why))),
            };
            Details {
                amount: rated_amount(&e.rating),
                meter: Some(&e.usage.meter),
                attribution: Some(&e.usage.attribution),
                draws: drawn(&e.draws),
                price,
                source: Some(Personal::from(&e.usage.source)),
                source_id: Some(&e.usage.id),
                reason,
                ..Details::default()
            }
        }
        WalletEvent::UsageVoided(e) => Details {
            amount: e.amount,
            meter: Some(&e.meter),
            draws: returned(&e.returns),
            reference: text(e.of),
            reason: Some(e.reason.clone()),
            ..Details::default()
        },
        WalletEvent::UsageRated(e) => Details {
            amount: e.amount,
            meter: Some(&e.meter),
            draws: drawn(&e.draws).or_else(|| returned(&e.returns)),
            reference: text(e.of),
            price: Some(&e.price),
            reason: Some(e.reason.clone()),
            ..Details::default()
        },
        WalletEvent::HoldExtended(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => return None,
    };
    Some(details)
}

impl Details<'_> {
    pub(super) fn into_entry(
        self,
        tenant: &TenantId,
        event: &Recorded,
        deltas: Deltas,
        after: BookBalance,
    ) -> Entry {
        let attribution = self.attribution;
        let dimensions = attribution.map(|by| &by.dimensions).filter(|all| !all.is_empty());
        Entry {
            tenant: tenant.clone(),
            position: event.position,
            event_type: event.event.type_name().into(),
            effective_at: event.effective_at(),
            recorded_at: event.recorded_at,
            available_delta: deltas.available,
            held_delta: deltas.held,
            overdraft_delta: deltas.overdraft,
            after,
            amount: self.amount,
            meter: self.meter.cloned(),
            agent: attribution.and_then(|by| by.agent.clone()),
            run: attribution.and_then(|by| by.run.clone()),
            model: attribution.and_then(|by| by.model.clone()),
            dimensions: dimensions.map(json),
            draws: self.draws,
            reference: self.reference,
            price: self.price.cloned(),
            source: self.source,
            source_id: self.source_id.cloned(),
            reason: self.reason,
            actor: event.metadata.actor.clone(),
            command: event.metadata.command.clone(),
            correlation: event.metadata.correlation.clone(),
        }
    }
}

#[derive(Serialize)]
struct Settled<'a> {
    #[serde(skip_serializing_if = "Draws::is_empty")]
    from_hold: &'a Draws,
    #[serde(skip_serializing_if = "Draws::is_empty")]
    from_available: &'a Draws,
    #[serde(skip_serializing_if = "Draws::is_empty")]
    returned: &'a Draws,
}

#[derive(Serialize)]
struct Repaid<'a> {
    lots: &'a [Draw],
}

fn drawn(draws: &Draws) -> Option<Arc<str>> {
    if draws.is_empty() { None } else { some_json(draws) }
}

fn returned(returns: &Returns) -> Option<Arc<str>> {
    if returns.is_empty() { None } else { some_json(returns) }
}

fn some_json<T: Serialize>(value: &T) -> Option<Arc<str>> {
    Some(json(value))
}

fn text(id: impl std::fmt::Display) -> Option<Arc<str>> {
    Some(id.to_string().into())
}

fn rated_amount(rating: &Rating) -> Credits {
    match rating {
        Rating::Rated { amount, .. } => *amount,
        Rating::Unpriced { .. } => Credits::ZERO,
    }
}
