//! What a wallet needs to know besides itself to decide, and how a caller finds out what that is.

use std::collections::BTreeMap;

use super::event::{LotTerms, Usage};
use super::{Wallet, WalletCommand, WalletEvent};
use crate::agent::Agent;
use crate::aggregate::aggregate;
use crate::meter::Meter;
use crate::price_table::PriceTable;
use crate::tenant::Tenant;
use crate::{AgentId, GrantId, MeterName, Moment, Position, TenantId};

/// What a wallet needs to know besides itself to decide.
#[derive(Clone, Copy, Debug)]
pub struct WalletContext<'a> {
    /// When, and at which position.
    pub moment: Moment,
    /// Whose wallet it is.
    pub tenant_id: &'a TenantId,
    /// That tenant.
    pub tenant: &'a Tenant,
    /// The meter of [`Needs::meter`], or of the original where [`Needs::rates_original`].
    pub meter: Option<&'a Meter>,
    /// The table of [`Meter::price_table_at`] for when the usage occurred.
    pub price_table: Option<&'a PriceTable>,
    /// The agent of [`Needs::agent`]; absent where it is not registered.
    pub agent: Option<&'a Agent>,
    /// The event of [`Needs::original`]; absent where this wallet has none there.
    pub original: Option<&'a Original>,
}

/// [`WalletContext`] as cqrs-es wants it: owned.
#[derive(Clone, Debug)]
pub struct WalletServices {
    /// When, and at which position.
    pub moment: Moment,
    /// Whose wallet it is.
    pub tenant_id: TenantId,
    /// That tenant.
    pub tenant: Tenant,
    /// The meter.
    pub meter: Option<Meter>,
    /// The price table.
    pub price_table: Option<PriceTable>,
    /// The agent.
    pub agent: Option<Agent>,
    /// The event that the command refers to.
    pub original: Option<Original>,
}

impl WalletServices {
    /// The same, borrowed.
    #[must_use]
    pub const fn context(&self) -> WalletContext<'_> {
        WalletContext {
            moment: self.moment,
            tenant_id: &self.tenant_id,
            tenant: &self.tenant,
            meter: self.meter.as_ref(),
            price_table: self.price_table.as_ref(),
            agent: self.agent.as_ref(),
            original: self.original.as_ref(),
        }
    }
}

aggregate!(Wallet in "wallet": WalletCommand => WalletEvent, |services: WalletServices| (
    &services.context()
));

/// An earlier event of the same wallet that a command refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Original {
    /// The event at [`Needs::original`].
    pub event: WalletEvent,
    /// The terms of every lot of [`WalletEvent::drawn_lots`] and [`Needs::lots`], each from the
    /// event at its own position ([`WalletEvent::lot_terms`]).
    pub lots: BTreeMap<GrantId, LotTerms>,
}

impl Original {
    /// The usage record, if the event is one.
    #[must_use]
    pub const fn usage(&self) -> Option<&Usage> {
        match &self.event {
            WalletEvent::UsageRecorded(recorded) => Some(&recorded.usage),
            _ => None,
        }
    }
}

/// What must be fetched before a command can be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs<'a> {
    /// A meter.
    pub meter: Option<&'a MeterName>,
    /// An agent, if one of this id is registered.
    pub agent: Option<AgentId>,
    /// An earlier event of this wallet.
    pub original: Option<Position>,
    /// Lots whose terms are needed besides those the original drew.
    pub lots: Vec<GrantId>,
    /// Whether the meter and the price table of the original's own usage are needed too.
    pub rates_original: bool,
}

impl Wallet {
    /// What must be fetched before this command can be decided: what the state has forgotten or
    /// never knew. Ask it after what is due was recorded.
    #[must_use]
    pub fn needs<'a>(&self, command: &'a WalletCommand) -> Needs<'a> {
        let work = |meter, attribution: &super::event::Attribution| Needs {
            meter,
            agent: attribution.agent_id(),
            ..Needs::default()
        };
        match command {
            WalletCommand::Debit(debit) => work(None, &debit.attribution),
            WalletCommand::PlaceHold(hold) => work(None, &hold.attribution),
            WalletCommand::RecordUsage(usage) => work(Some(&usage.meter), &usage.attribution),
            WalletCommand::VoidGrant { grant, .. } => {
                Needs { original: Some(grant.position()), ..Needs::default() }
            }
            WalletCommand::ExtendHold { hold, .. }
            | WalletCommand::SettleHold { hold, .. }
            | WalletCommand::ReleaseHold { hold, .. } => {
                let known =
                    self.holds.get(*hold).is_some() || self.holds.get_expired(*hold).is_some();
                Needs { original: (!known).then(|| hold.position()), ..Needs::default() }
            }
            WalletCommand::Refund { entry, .. }
            | WalletCommand::VoidUsage { entry, .. }
            | WalletCommand::RateUsage { entry, .. } => Needs {
                original: Some(entry.position()),
                lots: self.lines.get(*entry).map(super::line::Line::added_lots).unwrap_or_default(),
                rates_original: matches!(command, WalletCommand::RateUsage { .. }),
                ..Needs::default()
            },
            WalletCommand::Grant(_)
            | WalletCommand::SetOverdraftLimit { .. }
            | WalletCommand::Freeze { .. }
            | WalletCommand::Unfreeze { .. } => Needs::default(),
        }
    }
}
