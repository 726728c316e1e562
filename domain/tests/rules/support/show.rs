//! Events in a few words, so that a test reads as what happened.

use quipu_domain::Credits;
use quipu_domain::wallet::event::{Draws, Rating, Returns};
use quipu_domain::wallet::{Dated, WalletEvent};

/// Events in short: what, how much, `lot:amount` of each lot, `owed:amount`.
pub(crate) fn show(events: &[Dated]) -> Vec<String> {
    events.iter().map(|dated| show_one(&dated.event)).collect()
}

fn show_one(event: &WalletEvent) -> String {
    match event {
        WalletEvent::CreditsGranted(e) => format!("granted {}", e.amount),
        WalletEvent::GrantVoided(e) => format!("voided {}:{}", e.grant.position(), e.amount),
        WalletEvent::CreditsExpired(e) => format!("expired {}:{}", e.grant.position(), e.amount),
        WalletEvent::CreditsDebited(e) => format!("debited {}", draws(&e.draws)),
        WalletEvent::HoldPlaced(e) => format!("held {}", draws(&e.draws)),
        WalletEvent::HoldExtended(e) => format!("extended to {}", e.expires_at),
        WalletEvent::HoldSettled(e) => {
            let mut told = format!("settled {}", e.amount);
            for (name, part) in
                [("held", &e.from_hold), ("more", &e.from_available), ("back", &e.returned)]
            {
                if !part.is_empty() {
                    told += &format!(", {name} {}", draws(part));
                }
            }
            if !e.shortfall.is_zero() {
                told += &format!(", short {}", e.shortfall);
            }
            if e.late { told + ", late" } else { told }
        }
        WalletEvent::HoldReleased(e) => format!("released {}", draws(&e.returned)),
        WalletEvent::HoldExpired(e) => format!("ran out {}", draws(&e.returned)),
        WalletEvent::OverdraftRepaid(e) => {
            let lots = Draws { lots: e.lots.clone(), overdraft: Credits::ZERO };
            format!("repaid {}", draws(&lots))
        }
        WalletEvent::OverdraftLimitSet(e) => format!("limit {}", e.limit),
        WalletEvent::CreditsRefunded(e) => format!("refunded {}", returns(&e.returns)),
        WalletEvent::WalletFrozen(_) => "frozen".into(),
        WalletEvent::WalletUnfrozen(_) => "unfrozen".into(),
        WalletEvent::UsageRecorded(e) => match &e.rating {
            Rating::Rated { amount, .. } => format!("used {amount} {}", draws(&e.draws)),
            Rating::Unpriced { .. } => "used, unpriced".into(),
        },
        WalletEvent::UsageVoided(e) => format!("usage voided {}", returns(&e.returns)),
        WalletEvent::UsageRated(e) => format!(
            "rated {} after {}: {} back {}",
            e.amount,
            e.previous,
            draws(&e.draws),
            returns(&e.returns)
        ),
    }
}

fn draws(draws: &Draws) -> String {
    let mut parts: Vec<String> =
        draws.lots.iter().map(|d| format!("{}:{}", d.grant.position(), d.amount)).collect();
    if !draws.overdraft.is_zero() {
        parts.push(format!("owed:{}", draws.overdraft));
    }
    if parts.is_empty() { "nothing".into() } else { parts.join(" ") }
}

fn returns(returns: &Returns) -> String {
    let mut parts: Vec<String> =
        returns.lots.iter().map(|lot| format!("{}:{}", lot.grant.position(), lot.amount)).collect();
    if !returns.overdraft.is_zero() {
        parts.push(format!("owed:{}", returns.overdraft));
    }
    if let Some(lot) = &returns.new_lot {
        parts.push(format!("new:{}", lot.amount));
    }
    if parts.is_empty() { "nothing".into() } else { parts.join(" ") }
}
