//! One event, with who sent it, what it moved, what it was computed from, and what caused it.

use std::collections::{BTreeSet, HashMap};

use quipu_domain::price_table::PriceTableEvent;
use quipu_domain::rating::Working;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{
    Draws, HoldExpired, HoldReleased, Rating, Returns, Tally, Usage,
};
use quipu_domain::{
    Credits, Event, Label, MeterName, Personal, Position, Recorded, TenantId, Timestamp,
};

use super::{Gap, PriceHistory};
use crate::{AuditLine, ProjectionError, movement};

/// One event and what it rests on.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Where it stands in the journal.
    pub position: Position,
    /// Its id.
    pub id: String,
    /// Its leaf in the journal's hash tree (RFC 6962): SHA-256 of a zero byte and its stored text.
    pub hash: String,
    /// Its type.
    pub event_type: String,
    /// What happened, in a few words.
    pub summary: String,
    /// The stream, and the place in it.
    pub stream: String,
    /// Place in the stream.
    pub version: u64,
    /// Whose it is.
    pub tenant: Option<TenantId>,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// When it counts (M5).
    pub effective_at: Timestamp,
    /// Who.
    pub actor: Label,
    /// The idempotency key.
    pub command: Option<Label>,
    /// What the key was bound to.
    pub fingerprint: Option<Label>,
    /// The request.
    pub correlation: Option<Label>,
    /// Who reported usage, or what a grant refers to outside.
    pub source: Option<Personal>,
    /// The reporter's id for it.
    pub source_id: Option<Label>,
    /// Why.
    pub reason: Option<Personal>,
    /// What it moved between the book's accounts (M4).
    pub postings: Vec<PostedAmount>,
    /// What usage was computed from.
    pub working: Option<Working>,
    /// What it cost by that, and what earlier records had left over of their total.
    pub cost: Option<Cost>,
    /// The events that it rests on.
    pub causes: Vec<Cause>,
}

/// What an account got or gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedAmount {
    /// The account.
    pub account: String,
    /// Above zero: it got.
    pub amount: Credits,
}

/// What a record cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// As the event says.
    pub amount: Credits,
    /// By which price, as the event says.
    pub price: Label,
    /// What the period's earlier records had left over, which was set against this one (U2): below
    /// zero where the total had fallen, above where a rating had raised it by more than a step.
    pub carried: Credits,
}

/// An event that another one rests on.
#[derive(Clone, Debug)]
pub struct Cause {
    /// In which way.
    pub relation: &'static str,
    /// With how much.
    pub amount: Option<Credits>,
    /// The event.
    pub event: Box<Evidence>,
}

/// The events from which evidence is put together.
#[derive(Default)]
pub struct Library {
    events: HashMap<Position, (Recorded, String)>,
    prices: HashMap<MeterName, PriceHistory>,
}

/// In which way an event rests on another one, with how much, and where that one stands.
type Reference = (&'static str, Option<Credits>, Position);

/// A rated record: what was used, its step of the total, and what it cost.
struct RatedUsage<'a> {
    usage: &'a Usage,
    tally: Option<&'a Tally>,
    /// Absent where it has no price.
    cost: Option<(Credits, &'a Label)>,
    /// Whether the cost is set against what was carried over.
    takes_carry: bool,
}

impl Library {
    /// Takes in an event and its leaf hash.
    pub fn add(&mut self, event: Recorded, hash: String) {
        self.events.insert(event.position, (event, hash));
    }

    /// Takes in what is known of a meter's prices.
    pub fn add_prices(&mut self, meter: MeterName, history: PriceHistory) {
        for event in history.meter.iter().chain(&history.tables) {
            self.events.entry(event.position).or_insert_with(|| (event.clone(), String::new()));
        }
        self.prices.insert(meter, history);
    }

    /// Meters of usage whose prices are not in it.
    #[must_use]
    pub fn missing_meters(&self) -> Vec<MeterName> {
        let events = self.events.values();
        let meters = events.filter_map(|(event, _)| self.rated_usage(event));
        let meters: BTreeSet<&MeterName> = meters.map(|rated| &rated.usage.meter).collect();
        meters.into_iter().filter(|meter| !self.prices.contains_key(*meter)).cloned().collect()
    }

    /// Events that those in it rest on, and that are not in it, or without their hash.
    pub fn missing_events(&self) -> Result<Vec<Position>, ProjectionError> {
        let mut missing = BTreeSet::new();
        for (event, _) in self.events.values() {
            let causes = self.causes(event)?;
            let is_missing =
                |at: &Position| self.events.get(at).is_none_or(|(_, hash)| hash.is_empty());
            missing.extend(causes.into_iter().map(|(_, _, at)| at).filter(is_missing));
        }
        Ok(missing.into_iter().collect())
    }

    /// The evidence of an event that is in it, with its causes and theirs, so many levels deep;
    /// `None` where it is not in it.
    pub fn evidence(
        &self,
        position: Position,
        levels: usize,
    ) -> Result<Option<Evidence>, ProjectionError> {
        let Some((event, hash)) = self.events.get(&position) else { return Ok(None) };
        let line = AuditLine::of(event);
        let postings = match movement::wallet_event(event)? {
            Some((_, wallet)) => movement::postings_of(wallet)?,
            None => Vec::new(),
        };
        let mut causes = Vec::new();
        for (relation, amount, at) in if levels == 0 { Vec::new() } else { self.causes(event)? } {
            if let Some(cause) = self.evidence(at, levels - 1)? {
                causes.push(Cause { relation, amount, event: Box::new(cause) });
            }
        }
        let (source, source_id) = source_of(event);
        let rated = self.rated_usage(event);
        let working = rated.as_ref().map_or(Ok(None), |rated| self.working(rated, position))?;
        let cost = rated.as_ref().and_then(|rated| rated.cost(working.as_ref()));
        Ok(Some(Evidence {
            position,
            id: event.id.to_string(),
            hash: hash.clone(),
            event_type: line.event_type.to_string(),
            summary: line.summary.to_string(),
            stream: event.stream.to_string(),
            version: event.version.0,
            tenant: event.tenant.clone(),
            recorded_at: event.recorded_at,
            effective_at: event.effective_at(),
            actor: line.actor,
            command: line.command,
            fingerprint: event.metadata.fingerprint.clone(),
            correlation: line.correlation,
            source,
            source_id: source_id.cloned(),
            reason: line.reason,
            postings: postings
                .into_iter()
                .map(|posting| PostedAmount {
                    account: posting.account.to_string(),
                    amount: posting.amount,
                })
                .collect(),
            working,
            cost,
            causes,
        }))
    }

    /// What an event rests on: in which way, with how much, and where that event stands.
    fn causes(&self, event: &Recorded) -> Result<Vec<Reference>, ProjectionError> {
        let mut causes = Vec::new();
        if let Event::Wallet(wallet) = &event.event {
            wallet_causes(wallet, &mut causes);
        }
        if let Some(rated) = self.rated_usage(event)
            && let Some(prices) = self.prices.get(&rated.usage.meter)
        {
            let by = prices.rated(rated.usage, rated.tally, event.position)?.by;
            causes.extend(by.into_iter().map(|(relation, at)| (relation, None, at)));
        }
        let told: BTreeSet<Position> = causes.iter().map(|(_, _, at)| *at).collect();
        let causation = event.metadata.causation.filter(|at| !told.contains(at));
        causes.extend(causation.map(|at| ("caused by", None, at)));
        causes.retain(|(_, _, at)| *at < event.position);
        Ok(causes)
    }

    /// What an event rated. A correction needs its record, which must be in the library too.
    fn rated_usage<'a>(&'a self, event: &'a Recorded) -> Option<RatedUsage<'a>> {
        let Event::Wallet(wallet) = &event.event else { return None };
        match wallet {
            WalletEvent::UsageRecorded(e) => Some(RatedUsage {
                usage: &e.usage,
                tally: e.tally.as_ref(),
                cost: match &e.rating {
                    Rating::Rated { amount, price } => Some((*amount, price)),
                    Rating::Unpriced { .. } => None,
                },
                takes_carry: true,
            }),
            WalletEvent::UsageRated(e) => {
                let (original, _) = self.events.get(&e.of.position())?;
                let Event::Wallet(WalletEvent::UsageRecorded(recorded)) = &original.event else {
                    return None;
                };
                Some(RatedUsage {
                    usage: &recorded.usage,
                    tally: e.tally.as_ref().or(recorded.tally.as_ref()),
                    cost: Some((e.amount, &e.price)),
                    takes_carry: e.tally.is_some(),
                })
            }
            _ => None,
        }
    }

    fn working(
        &self,
        rated: &RatedUsage<'_>,
        at: Position,
    ) -> Result<Option<Working>, ProjectionError> {
        let prices = self.prices.get(&rated.usage.meter).filter(|_| rated.cost.is_some());
        prices.map_or(Ok(None), |prices| Ok(prices.rated(rated.usage, rated.tally, at)?.working))
    }
}

impl RatedUsage<'_> {
    /// The running total's carry stands on the event as what is left of it; what there was before
    /// follows from the step.
    fn cost(&self, working: Option<&Working>) -> Option<Cost> {
        let (amount, price) = self.cost?;
        let mut carried = Credits::ZERO;
        if let (true, Some(Working::RunningTotal { before, after }), Some(tally)) =
            (self.takes_carry, working, self.tally)
        {
            let step = after.rounded.minus(before.rounded).ok()?;
            carried = amount.plus(tally.carry).ok()?.minus(step).ok()?;
        }
        Some(Cost { amount, price: price.clone(), carried })
    }
}

impl Evidence {
    /// Where its postings do not sum to zero, or its arithmetic does not come to its amount; the
    /// same for what it rests on.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self.causes.iter().flat_map(|cause| cause.event.gaps()).collect();
        let posted: i128 =
            self.postings.iter().map(|posting| i128::from(posting.amount.micros())).sum();
        if posted != 0 {
            gaps.push(Gap {
                figure: format!("the postings of event {}", self.position),
                number: "0".to_owned(),
                sum: format!("{posted} millionths"),
            });
        }
        let (Some(working), Some(cost)) = (&self.working, &self.cost) else { return gaps };
        let micros = |credits: Credits| i128::from(credits.micros());
        let computed = match working {
            Working::Alone { cost } => micros(cost.rounded),
            Working::RunningTotal { before, after } => {
                let step = micros(after.rounded) - micros(before.rounded);
                // What was carried over can only make a record cheaper.
                (step + micros(cost.carried)).clamp(0, step.max(0))
            }
        };
        if computed != micros(cost.amount) {
            gaps.push(Gap {
                figure: format!("the cost of event {}", self.position),
                number: cost.amount.to_string(),
                sum: format!("{computed} millionths"),
            });
        }
        gaps
    }
}

/// Who says so outside, and under which id.
fn source_of(event: &Recorded) -> (Option<Personal>, Option<&Label>) {
    match &event.event {
        Event::Wallet(WalletEvent::CreditsGranted(e)) => (e.source.clone(), None),
        Event::Wallet(WalletEvent::UsageRecorded(e)) => {
            (Some(Personal::from(&e.usage.source)), Some(&e.usage.id))
        }
        Event::PriceTable(PriceTableEvent::PricesPublished(e)) => {
            (e.source.as_ref().map(Personal::from), None)
        }
        _ => (None, None),
    }
}

/// What a wallet's event rests on, by the facts in it.
fn wallet_causes(event: &WalletEvent, causes: &mut Vec<(&'static str, Option<Credits>, Position)>) {
    let paid = |draws: &Draws, relation, causes: &mut Vec<_>| {
        let lots = draws.lots.iter();
        causes.extend(lots.map(|draw| (relation, Some(draw.amount), draw.grant.position())));
    };
    let back = |returns: &Returns, causes: &mut Vec<_>| {
        let lots = returns.lots.iter();
        causes.extend(
            lots.map(|lot| ("went back to the lot", Some(lot.amount), lot.grant.position())),
        );
    };
    match event {
        WalletEvent::GrantVoided(e) => causes.push(("voided the grant", None, e.grant.position())),
        WalletEvent::CreditsExpired(e) => {
            causes.push(("was left of the grant", None, e.grant.position()));
        }
        WalletEvent::CreditsDebited(e) => paid(&e.draws, "paid from the lot", causes),
        WalletEvent::HoldPlaced(e) => paid(&e.draws, "reserved from the lot", causes),
        WalletEvent::HoldExtended(e) => causes.push(("extended the hold", None, e.hold.position())),
        WalletEvent::HoldSettled(e) => {
            causes.push(("ended the hold", None, e.hold.position()));
            paid(&e.from_hold, "paid from the held part of the lot", causes);
            paid(&e.from_available, "paid beyond the hold from the lot", causes);
            paid(&e.returned, "went back to the lot", causes);
        }
        WalletEvent::HoldReleased(HoldReleased { hold, returned, .. })
        | WalletEvent::HoldExpired(HoldExpired { hold, returned, .. }) => {
            causes.push(("ended the hold", None, hold.position()));
            paid(returned, "went back to the lot", causes);
        }
        WalletEvent::OverdraftRepaid(e) => {
            let lots = e.lots.iter();
            let paid =
                lots.map(|draw| ("paid from the lot", Some(draw.amount), draw.grant.position()));
            causes.extend(paid);
        }
        WalletEvent::CreditsRefunded(e) => {
            causes.push(("refunded", None, e.of.position()));
            back(&e.returns, causes);
        }
        WalletEvent::UsageRecorded(e) => paid(&e.draws, "paid from the lot", causes),
        WalletEvent::UsageVoided(e) => {
            causes.push(("voided the record", None, e.of.position()));
            back(&e.returns, causes);
        }
        WalletEvent::UsageRated(e) => {
            causes.push(("rated the record again", None, e.of.position()));
            paid(&e.draws, "paid from the lot", causes);
            back(&e.returns, causes);
        }
        WalletEvent::CreditsGranted(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => {}
    }
}
