//! Refusals that several commands share, in the order of their precedence.

use crate::meter::Meter;
use crate::wallet::{Wallet, WalletContext};
use crate::{Credits, MeterName, Moment, Refusal, Timestamp};

/// How far ahead of ours a reporter's clock may be (U1).
pub(super) const CLOCK_TOLERANCE_SECONDS: i64 = 300;

pub(super) fn tenant_exists(context: &WalletContext<'_>) -> Result<(), Refusal> {
    if context.tenant.exists() {
        return Ok(());
    }
    Err(Refusal::UnknownTenant { tenant: context.tenant_id.clone() })
}

/// The meter that the command names.
pub(super) fn meter<'a>(
    name: &MeterName,
    context: &WalletContext<'a>,
) -> Result<&'a Meter, Refusal> {
    let meter = context.meter.filter(|meter| meter.name() == Some(name));
    meter.ok_or_else(|| Refusal::UnknownMeter { meter: name.clone() })
}

pub(super) fn is_positive(amount: Credits) -> Result<(), Refusal> {
    if amount.is_positive() { Ok(()) } else { Err(Refusal::AmountNotPositive) }
}

/// M5: not before the window.
pub(super) fn not_too_far_back(at: Timestamp, moment: &Moment) -> Result<(), Refusal> {
    let earliest = moment.now.plus_seconds(-moment.backdating_seconds);
    if at < earliest { Err(Refusal::TooFarBack { at, earliest }) } else { Ok(()) }
}

/// M5: not ahead, but for the tolerance.
pub(super) fn not_ahead(
    at: Timestamp,
    tolerance_seconds: i64,
    moment: &Moment,
) -> Result<(), Refusal> {
    let latest = moment.now.plus_seconds(tolerance_seconds);
    if at > latest { Err(Refusal::InTheFuture { at }) } else { Ok(()) }
}

impl Wallet {
    /// Whether new work may be done at all: not while the tenant is suspended (T1), the wallet is
    /// frozen (W13) or the agent is retired.
    pub(super) fn may_work(&self, context: &WalletContext<'_>) -> Result<(), Refusal> {
        if let Some(reason) = context.tenant.suspension() {
            return Err(Refusal::TenantSuspended { reason: reason.clone() });
        }
        if let Some(reason) = &self.freeze {
            return Err(Refusal::WalletFrozen { reason: reason.clone() });
        }
        match context.agent.and_then(|agent| agent.id().zip(agent.retirement())) {
            Some((agent, _)) => Err(Refusal::AgentRetired { agent: agent.clone() }),
            None => Ok(()),
        }
    }
}
