//! Events in a few words.

use quipu_domain::agent::AgentEvent;
use quipu_domain::epoch::EpochEvent;
use quipu_domain::meter::MeterEvent;
use quipu_domain::period::PeriodEvent;
use quipu_domain::price_table::PriceTableEvent;
use quipu_domain::subject::SubjectEvent;
use quipu_domain::tenant::TenantEvent;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::Rating;
use quipu_domain::{Event, Personal};

/// The reason that an event gives, where it is one that gives any.
pub(super) fn reason_of(event: &Event) -> Option<Personal> {
    match event {
        Event::Tenant(TenantEvent::TenantSuspended(e)) => Some(e.reason.clone()),
        Event::Tenant(TenantEvent::TenantReactivated(e)) => Some(e.reason.clone()),
        Event::Agent(AgentEvent::AgentRetired(e)) => Some(e.reason.clone()),
        Event::Subject(SubjectEvent::SubjectErased(e)) => Some(Personal::from(&e.reason)),
        Event::Epoch(EpochEvent::EpochStarted(e)) => Some(Personal::from(&e.reason)),
        Event::Wallet(wallet) => match wallet {
            WalletEvent::GrantVoided(e) => Some(e.reason.clone()),
            WalletEvent::CreditsDebited(e) => e.reason.clone(),
            WalletEvent::HoldReleased(e) => e.reason.clone(),
            WalletEvent::OverdraftLimitSet(e) => e.reason.clone(),
            WalletEvent::CreditsRefunded(e) => e.reason.clone(),
            WalletEvent::WalletFrozen(e) => Some(e.reason.clone()),
            WalletEvent::WalletUnfrozen(e) => Some(e.reason.clone()),
            WalletEvent::UsageVoided(e) => Some(e.reason.clone()),
            WalletEvent::UsageRated(e) => Some(e.reason.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The name that an event gives, where it is one that gives any.
pub(super) fn name_of(event: &Event) -> Option<&Personal> {
    match event {
        Event::Tenant(TenantEvent::TenantCreated(e)) => Some(&e.name),
        Event::Tenant(TenantEvent::TenantRenamed(e)) => Some(&e.name),
        Event::Agent(AgentEvent::AgentRegistered(e)) => Some(&e.name),
        Event::Agent(AgentEvent::AgentRenamed(e)) => Some(&e.name),
        _ => None,
    }
}

/// What happened.
pub(super) fn of(event: &Event) -> String {
    match event {
        Event::Tenant(event) => tenant(event),
        Event::Wallet(event) => wallet(event),
        Event::Meter(MeterEvent::MeterDefined(e)) => format!("defined meter {}", e.meter),
        Event::Meter(MeterEvent::MeterPriced(e)) => format!("priced from {} on", e.effective_at),
        Event::PriceTable(PriceTableEvent::PricesPublished(e)) => {
            format!("published {} prices of {} from {} on", e.models.len(), e.table, e.effective_at)
        }
        Event::Agent(AgentEvent::AgentRegistered(e)) => format!("registered agent {}", e.agent),
        Event::Agent(AgentEvent::AgentRenamed(_)) => "renamed".to_owned(),
        Event::Agent(AgentEvent::AgentRetired(_)) => "retired".to_owned(),
        Event::Period(PeriodEvent::BalancesSealed(e)) => {
            format!("sealed {} balances of period {}", e.balances.len(), e.period)
        }
        Event::Period(PeriodEvent::PeriodClosed(e)) => format!("closed period {}", e.period),
        Event::Subject(SubjectEvent::SubjectErased(e)) => {
            format!("erased what was sealed for {}", e.subject)
        }
        Event::Epoch(EpochEvent::EpochStarted(e)) => format!(
            "began to sign as {}; {} events had been signed as {}",
            e.origin, e.prev_size, e.prev_origin
        ),
        Event::Application(event) => event.type_name.clone(),
    }
}

fn tenant(event: &TenantEvent) -> String {
    match event {
        TenantEvent::TenantCreated(e) => format!("created tenant {}", e.tenant),
        TenantEvent::TenantRenamed(_) => "renamed".to_owned(),
        TenantEvent::TenantSuspended(_) => "suspended".to_owned(),
        TenantEvent::TenantReactivated(_) => "reactivated".to_owned(),
    }
}

fn wallet(event: &WalletEvent) -> String {
    match event {
        WalletEvent::CreditsGranted(e) => format!("granted {} as {}", e.amount, e.grant),
        WalletEvent::GrantVoided(e) => format!("voided {} of {}", e.amount, e.grant),
        WalletEvent::CreditsExpired(e) => format!("{} of {} expired", e.amount, e.grant),
        WalletEvent::CreditsDebited(e) => format!("debited {}", e.amount),
        WalletEvent::HoldPlaced(e) => format!("held {} as {}", e.amount, e.hold),
        WalletEvent::HoldExtended(e) => format!("extended {} to {}", e.hold, e.expires_at),
        WalletEvent::HoldSettled(e) => format!("settled {} with {}", e.hold, e.amount),
        WalletEvent::HoldReleased(e) => format!("released {} of {}", e.hold, e.amount),
        WalletEvent::HoldExpired(e) => format!("{} of {} expired", e.hold, e.amount),
        WalletEvent::OverdraftRepaid(e) => format!("repaid {} of overdraft", e.amount),
        WalletEvent::OverdraftLimitSet(e) => format!("set the overdraft limit to {}", e.limit),
        WalletEvent::CreditsRefunded(e) => format!("refunded {} of {}", e.amount, e.of),
        WalletEvent::WalletFrozen(_) => "froze the wallet".to_owned(),
        WalletEvent::WalletUnfrozen(_) => "unfroze the wallet".to_owned(),
        WalletEvent::UsageRecorded(e) => match &e.rating {
            Rating::Rated { amount, .. } => format!("used {} for {amount}", e.usage.meter),
            Rating::Unpriced { .. } => format!("used {} without a price", e.usage.meter),
        },
        WalletEvent::UsageVoided(e) => format!("voided {} and returned {}", e.of, e.amount),
        WalletEvent::UsageRated(e) => {
            format!("rated {} at {} instead of {}", e.of, e.amount, e.previous)
        }
    }
}
