//! Lots: what each grant still holds, and what became of the rest.

use std::sync::Arc;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Draw, GrantKind, LotReturn, LotTerms, Origin, Returns};
use quipu_domain::{Credits, GrantId, MeterName, Personal, Recorded, TenantId, Timestamp};

use crate::book_history::{BookAmounts, EXPIRED, HELD, REMAINING, VOIDED, VOIDS};
use crate::explain::{self, Figures};
use crate::table::table;
use crate::{ProjectionError, Rows};

table! {
    /// One lot of credits (W1).
    Lot in "lot"
    key LotKey {
        /// Whose.
        tenant: TenantId,
        /// The grant, or the refund that made it.
        grant_position: GrantId,
    }
    columns {
        /// What came in.
        amount: Credits,
        /// What is left and not held.
        remaining: Credits,
        /// What holds have pinned (W6).
        held: Credits,
        /// What expired (W12).
        expired: Credits,
        /// What was taken back (W11).
        voided: Credits,
        /// Whether the grant was voided.
        is_voided: bool,
        /// Whether anything is left or held: balances look at no others.
        is_open: bool,
        /// Paid for or not.
        kind: GrantKind,
        /// 0..=100, low burns first (W2).
        priority: u8,
        /// From when it can be spent.
        effective_at: Timestamp,
        /// Until when, exclusive.
        expires_at: Option<Timestamp>,
        /// Meters that may burn it: names between commas, with one at either end. All where empty.
        scope: Arc<str>,
        /// Where its credits were issued from.
        origin: Origin,
        /// What it refers to outside.
        source: Option<Personal>,
        /// What one credit cost, a decimal.
        unit_cost: Option<Arc<str>>,
        /// When it came in.
        granted_at: Timestamp,
    }
}

impl Lot {
    /// The meters that may burn it; all where empty.
    #[must_use]
    pub fn scope_meters(&self) -> Vec<MeterName> {
        self.scope.split(',').filter_map(|name| name.parse().ok()).collect()
    }

    fn new(
        tenant: &TenantId,
        grant: GrantId,
        amount: Credits,
        terms: &LotTerms,
        event: &Recorded,
    ) -> Lot {
        Lot {
            tenant: tenant.clone(),
            grant_position: grant,
            amount,
            remaining: amount,
            held: Credits::ZERO,
            expired: Credits::ZERO,
            voided: Credits::ZERO,
            is_voided: false,
            is_open: !amount.is_zero(),
            kind: terms.kind,
            priority: terms.priority,
            effective_at: terms.effective_at,
            expires_at: terms.expires_at,
            scope: scope_text(&terms.scope),
            origin: terms.origin,
            source: None,
            unit_cost: None,
            granted_at: event.recorded_at,
        }
    }
}

fn scope_text(scope: &[MeterName]) -> Arc<str> {
    if scope.is_empty() {
        return Arc::from("");
    }
    let names: Vec<&str> = scope.iter().map(MeterName::as_str).collect();
    format!(",{},", names.join(",")).into()
}

/// What happens to an amount of a lot.
#[derive(Clone, Copy)]
enum Change {
    Spend,
    Hold,
    SpendHeld,
    Unhold,
    GiveBack,
    Expire,
    Void,
}

impl Change {
    /// What it adds to a lot.
    fn amounts(self, amount: Credits) -> BookAmounts {
        let amount = i128::from(amount.micros());
        let mut amounts = BookAmounts::default();
        match self {
            Change::Spend => amounts[REMAINING] = -amount,
            Change::Hold => (amounts[REMAINING], amounts[HELD]) = (-amount, amount),
            Change::SpendHeld => amounts[HELD] = -amount,
            Change::Unhold => (amounts[REMAINING], amounts[HELD]) = (amount, -amount),
            Change::GiveBack => amounts[REMAINING] = amount,
            Change::Expire => (amounts[REMAINING], amounts[EXPIRED]) = (-amount, amount),
            Change::Void => {
                (amounts[REMAINING], amounts[VOIDED], amounts[VOIDS]) = (-amount, amount, 1);
            }
        }
        amounts
    }
}

pub(super) fn prepare(tenant: &TenantId, event: &WalletEvent, rows: &mut Rows) {
    if let WalletEvent::CreditsGranted(granted) = event {
        rows.want_new::<Lot>(key(tenant, granted.grant));
    }
    if let Some(lot) = returns_of(event).and_then(|returns| returns.new_lot.as_ref()) {
        rows.want_new::<Lot>(key(tenant, lot.grant));
    }
    each_change(event, &mut |draw, _| {
        rows.want::<Lot>(key(tenant, draw.grant));
        Ok(())
    })
    .expect("asking for a row never fails");
}

pub(super) fn apply(
    tenant: &TenantId,
    event: &WalletEvent,
    recorded: &Recorded,
    rows: &mut Rows,
) -> Result<(), ProjectionError> {
    if let WalletEvent::CreditsGranted(granted) = event {
        let mut lot = Lot::new(tenant, granted.grant, granted.amount, &granted.terms, recorded);
        lot.source = granted.source.clone();
        lot.unit_cost = granted.unit_cost.map(|cost| cost.to_string().into());
        rows.put(lot);
    }
    if let Some(lot) = returns_of(event).and_then(|returns| returns.new_lot.as_ref()) {
        rows.put(Lot::new(tenant, lot.grant, lot.amount, &lot.terms, recorded));
    }
    each_change(event, &mut |draw, change| {
        let lot = rows.edit::<Lot>(&key(tenant, draw.grant))?;
        lot.change(draw.amount, change)
    })
}

/// What an event does to one lot, by what it does it to; `None` where it does nothing.
pub(crate) fn figures(
    event: &WalletEvent,
    grant: GrantId,
) -> Result<Option<Figures>, ProjectionError> {
    let made = match event {
        WalletEvent::CreditsGranted(e) if e.grant == grant => Some(e.amount),
        _ => {
            let made = returns_of(event).and_then(|returns| returns.new_lot.as_ref());
            made.filter(|lot| lot.grant == grant).map(|lot| lot.amount)
        }
    };
    let mut moved: Vec<(&'static str, Credits)> = Vec::new();
    moved.extend(made.map(|amount| ("remaining", amount)));
    let mut is_touched = made.is_some();
    each_change(event, &mut |draw, change| {
        if draw.grant == grant {
            is_touched = true;
            let (from, to) = change.moves();
            moved.extend([(from, draw.amount.negated()), (to, draw.amount)]);
        }
        Ok(())
    })?;
    if is_touched { explain::sum(moved).map(Some) } else { Ok(None) }
}

impl Change {
    /// From which part of the lot to which.
    const fn moves(self) -> (&'static str, &'static str) {
        match self {
            Change::Spend => ("remaining", "spent"),
            Change::Hold => ("remaining", "held"),
            Change::SpendHeld => ("held", "spent"),
            Change::Unhold => ("held", "remaining"),
            Change::GiveBack => ("spent", "remaining"),
            Change::Expire => ("remaining", "expired"),
            Change::Void => ("remaining", "voided"),
        }
    }
}

/// What an event adds to lots: new ones, and those that were there. Amounts in micros, by the
/// places of a book's history.
pub(crate) fn lot_changes(
    event: &WalletEvent,
    visit: &mut impl FnMut(GrantId, BookAmounts),
) -> Result<(), ProjectionError> {
    if let WalletEvent::CreditsGranted(granted) = event {
        visit(granted.grant, Change::GiveBack.amounts(granted.amount));
    }
    if let Some(lot) = returns_of(event).and_then(|returns| returns.new_lot.as_ref()) {
        visit(lot.grant, Change::GiveBack.amounts(lot.amount));
    }
    each_change(event, &mut |draw, change| {
        visit(draw.grant, change.amounts(draw.amount));
        Ok(())
    })
}

fn key(tenant: &TenantId, grant: GrantId) -> LotKey {
    LotKey { tenant: tenant.clone(), grant_position: grant }
}

fn returns_of(event: &WalletEvent) -> Option<&Returns> {
    match event {
        WalletEvent::CreditsRefunded(e) => Some(&e.returns),
        WalletEvent::UsageVoided(e) => Some(&e.returns),
        WalletEvent::UsageRated(e) => Some(&e.returns),
        _ => None,
    }
}

/// Walks through what an event does to lots that were there before it.
fn each_change(
    event: &WalletEvent,
    visit: &mut impl FnMut(Draw, Change) -> Result<(), ProjectionError>,
) -> Result<(), ProjectionError> {
    let mut all = |draws: &[Draw], change| draws.iter().try_for_each(|draw| visit(*draw, change));
    match event {
        WalletEvent::GrantVoided(e) => {
            all(&[Draw { grant: e.grant, amount: e.amount }], Change::Void)?;
        }
        WalletEvent::CreditsExpired(e) => {
            all(&[Draw { grant: e.grant, amount: e.amount }], Change::Expire)?;
        }
        WalletEvent::CreditsDebited(e) => all(&e.draws.lots, Change::Spend)?,
        WalletEvent::HoldPlaced(e) => all(&e.draws.lots, Change::Hold)?,
        WalletEvent::HoldSettled(e) => {
            all(&e.from_hold.lots, Change::SpendHeld)?;
            all(&e.from_available.lots, Change::Spend)?;
            all(&e.returned.lots, Change::Unhold)?;
        }
        WalletEvent::HoldReleased(e) => all(&e.returned.lots, Change::Unhold)?,
        WalletEvent::HoldExpired(e) => all(&e.returned.lots, Change::Unhold)?,
        WalletEvent::OverdraftRepaid(e) => all(&e.lots, Change::Spend)?,
        WalletEvent::UsageRecorded(e) => all(&e.draws.lots, Change::Spend)?,
        WalletEvent::UsageRated(e) => all(&e.draws.lots, Change::Spend)?,
        WalletEvent::CreditsGranted(_)
        | WalletEvent::CreditsRefunded(_)
        | WalletEvent::UsageVoided(_)
        | WalletEvent::HoldExtended(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => {}
    }
    let returned = returns_of(event).map_or(&[][..], |returns| &returns.lots);
    let given_back = |lot: &LotReturn| Draw { grant: lot.grant, amount: lot.amount };
    returned.iter().try_for_each(|lot| visit(given_back(lot), Change::GiveBack))
}

impl Lot {
    fn change(&mut self, amount: Credits, change: Change) -> Result<(), ProjectionError> {
        let grant = self.grant_position;
        match change {
            Change::Spend => take(&mut self.remaining, amount, "what remains", grant)?,
            Change::Hold => {
                take(&mut self.remaining, amount, "what remains", grant)?;
                add(&mut self.held, amount)?;
            }
            Change::SpendHeld => take(&mut self.held, amount, "what is held", grant)?,
            Change::Unhold => {
                take(&mut self.held, amount, "what is held", grant)?;
                add(&mut self.remaining, amount)?;
            }
            Change::GiveBack => add(&mut self.remaining, amount)?,
            Change::Expire => {
                take(&mut self.remaining, amount, "what remains", grant)?;
                add(&mut self.expired, amount)?;
            }
            Change::Void => {
                take(&mut self.remaining, amount, "what remains", grant)?;
                add(&mut self.voided, amount)?;
                self.is_voided = true;
            }
        }
        self.is_open = self.remaining.is_positive() || self.held.is_positive();
        Ok(())
    }
}

fn take(
    from: &mut Credits,
    amount: Credits,
    what: &'static str,
    grant: GrantId,
) -> Result<(), ProjectionError> {
    match from.minus(amount) {
        Ok(rest) if rest >= Credits::ZERO => {
            *from = rest;
            Ok(())
        }
        _ => Err(ProjectionError::BelowZero { what, key: grant.to_string() }),
    }
}

fn add(to: &mut Credits, amount: Credits) -> Result<(), ProjectionError> {
    *to = to.plus(amount).map_err(|_| ProjectionError::Overflow { what: "a lot" })?;
    Ok(())
}
