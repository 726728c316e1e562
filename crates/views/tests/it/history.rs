//! A journal in memory, filled by the domain's own decisions, and the feed that hands it out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use quipu_domain::agent::{AgentEvent, AgentRegistered};
use quipu_domain::meter::{
    Aggregation, Meter, MeterDefined, MeterEvent, MeterPriced, Price, UnpricedPolicy,
};
use quipu_domain::tenant::{Tenant, TenantCreated, TenantEvent};
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{
    Attribution, GrantKind, LotTerms, Origin, Overage, Tokens, Usage,
};
use quipu_domain::wallet::{Dated, Original, Wallet, WalletCommand, WalletContext, WalletEvent};
use quipu_domain::{
    Credits, EntryId, Event, GrantId, HoldId, Metadata, MeterName, Moment, Position, Recorded,
    Stream, TenantId, Timestamp, Version,
};
use quipu_views::{Feed, FeedError};

pub(crate) fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A journal and the state that it led to.
pub(crate) struct History {
    pub(crate) events: Vec<Recorded>,
    pub(crate) now: Timestamp,
    pub(crate) wallets: BTreeMap<TenantId, Wallet>,
    tenants: BTreeMap<TenantId, Tenant>,
    meters: BTreeMap<MeterName, Meter>,
    versions: BTreeMap<Stream, u64>,
    random: u64,
}

impl History {
    /// Two meters, of which `images` has no price until the middle of the history, and tenants.
    pub(crate) fn new(tenants: &[&str]) -> History {
        let mut history = History {
            events: Vec::new(),
            now: text("2026-11-20T12:00:00Z"),
            wallets: BTreeMap::new(),
            tenants: BTreeMap::new(),
            meters: BTreeMap::new(),
            versions: BTreeMap::new(),
            random: 0x9E37_79B9_7F4A_7C15,
        };
        for name in ["calls", "images"] {
            history.meter_event(
                name,
                MeterEvent::MeterDefined(MeterDefined {
                    meter: text(name),
                    aggregation: Aggregation::Sum,
                    unit: None,
                    unpriced: UnpricedPolicy::RecordUnpriced,
                }),
            );
        }
        history.price("calls", "0.25");
        tenants.iter().for_each(|tenant| history.tenant(tenant));
        history
    }

    /// A history of some length with everything in it that wallets do.
    pub(crate) fn generated(steps: usize) -> History {
        let mut history = History::new(&["t_acme", "t_bolt", "t_cord"]);
        let tenants: Vec<TenantId> = history.tenants.keys().cloned().collect();
        for step in 0..steps {
            if step == steps / 2 {
                history.price("images", "1.5");
            }
            let seconds = i64::try_from(history.below(120)).unwrap();
            history.now = history.now.plus_seconds(seconds);
            let tenant = &tenants[usize::try_from(history.below(3)).unwrap()];
            let command = history.any_command(tenant, step);
            history.command(tenant, &command);
        }
        history
    }

    /// A history of one wallet, in which half of the events are dated ahead, and many debits back.
    pub(crate) fn disordered(steps: usize) -> History {
        let mut history = History::new(&["t_acme"]);
        let tenant: TenantId = text("t_acme");
        for _ in 0..steps {
            let seconds = i64::try_from(history.below(60)).unwrap();
            history.now = history.now.plus_seconds(seconds);
            let command = if history.below(2) == 0 {
                let ahead = i64::try_from(400 + history.below(2_000)).unwrap();
                let effective_at = Some(history.now.plus_seconds(ahead));
                WalletCommand::Grant(Grant { effective_at, ..history.any_grant() })
            } else {
                let back = [0, 0, 0, 30 * 86_400][usize::try_from(history.below(4)).unwrap()];
                let back = i64::try_from(history.below(back + 5)).unwrap();
                WalletCommand::Debit(Debit {
                    amount: history.amount(),
                    meter: Some(text("calls")),
                    effective_at: Some(history.now.plus_seconds(-back)),
                    attribution: attribution("writer"),
                    reason: None,
                })
            };
            history.command(&tenant, &command);
        }
        history
    }

    pub(crate) fn head(&self) -> Position {
        Position(u64::try_from(self.events.len()).unwrap())
    }

    fn tenant(&mut self, name: &str) {
        let tenant: TenantId = text(name);
        let created = TenantEvent::TenantCreated(TenantCreated {
            tenant: tenant.clone(),
            name: text("Some tenant"),
            time_zone: text("Asia/Kolkata"),
        });
        let mut state = Tenant::default();
        state.apply(&created).unwrap();
        self.tenants.insert(tenant.clone(), state);
        self.wallets.insert(tenant.clone(), Wallet::default());
        self.record(Stream::tenant(&tenant), Some(&tenant), None, Event::Tenant(created));
        let agent = text("robot");
        let registered = AgentRegistered { agent: text("robot"), name: text("A robot") };
        let registered = Event::Agent(AgentEvent::AgentRegistered(registered));
        self.record(Stream::agent(&tenant, &agent), Some(&tenant), None, registered);
    }

    fn price(&mut self, meter: &str, unit_price: &str) {
        let price = Price::Flat { unit_price: text(unit_price) };
        let priced = MeterPriced { effective_at: text("2026-01-01T00:00:00Z"), price };
        self.meter_event(meter, MeterEvent::MeterPriced(priced));
    }

    fn meter_event(&mut self, meter: &str, event: MeterEvent) {
        let name: MeterName = text(meter);
        self.meters.entry(name.clone()).or_default().apply(&event).unwrap();
        self.record(Stream::meter(&name), None, None, Event::Meter(event));
    }

    /// Runs a command; a refused one leaves nothing.
    pub(crate) fn command(&mut self, tenant: &TenantId, command: &WalletCommand) -> bool {
        let wallet = &self.wallets[tenant];
        let needs = wallet.needs(command);
        let original = needs.original.and_then(|at| self.wallet_event(tenant, at)).map(|event| {
            let lots = event.drawn_lots().into_iter().chain(needs.lots);
            let lots = lots.map(|grant| (grant, self.terms(tenant, grant))).collect();
            Original { event: event.clone(), lots }
        });
        let rated = original.as_ref().and_then(Original::usage).filter(|_| needs.rates_original);
        let meter = needs.meter.or(rated.map(|usage| &usage.meter));
        let context = WalletContext {
            moment: Moment {
                now: self.now,
                next: self.head().plus(1),
                backdating_seconds: 40 * 86_400,
            },
            tenant_id: tenant,
            tenant: &self.tenants[tenant],
            meter: meter.and_then(|name| self.meters.get(name)),
            price_table: None,
            agent: None,
            original: original.as_ref(),
        };
        let Ok(events) = wallet.decide(command, &context) else { return false };
        for dated in events {
            self.wallet_fact(tenant, dated);
        }
        true
    }

    fn wallet_fact(&mut self, tenant: &TenantId, dated: Dated) {
        let Dated { effective_at, event } = dated;
        self.wallets.get_mut(tenant).unwrap().apply(&event).unwrap();
        let effective_at = Some(effective_at).filter(|at| *at != self.now);
        self.record(Stream::wallet(tenant), Some(tenant), effective_at, Event::Wallet(event));
    }

    pub(crate) fn record(
        &mut self,
        stream: Stream,
        tenant: Option<&TenantId>,
        effective_at: Option<Timestamp>,
        event: Event,
    ) {
        let version = self.versions.entry(stream.clone()).or_default();
        *version += 1;
        self.events.push(Recorded {
            position: Position(u64::try_from(self.events.len()).unwrap() + 1),
            stream,
            version: Version(*version),
            id: uuid::Uuid::now_v7(),
            recorded_at: self.now,
            effective_at,
            tenant: tenant.cloned(),
            metadata: Metadata::by(text("somebody")),
            event,
        });
    }

    fn wallet_event(&self, tenant: &TenantId, position: Position) -> Option<&WalletEvent> {
        let index = usize::try_from(position.0).unwrap().checked_sub(1)?;
        let event = self.events.get(index).filter(|e| e.tenant.as_ref() == Some(tenant))?;
        if let Event::Wallet(event) = &event.event { Some(event) } else { None }
    }

    fn terms(&self, tenant: &TenantId, grant: GrantId) -> LotTerms {
        let made = self.wallet_event(tenant, grant.position()).and_then(WalletEvent::lot_terms);
        made.unwrap().1.clone()
    }

    /// The same numbers on every run: a linear congruential generator.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % limit
    }

    fn amount(&mut self) -> Credits {
        Credits::from_micros(i64::try_from(self.below(20_000_000)).unwrap() + 1).unwrap()
    }

    /// One of a wallet's newer events that a command may want to correct.
    fn some_event(&mut self, tenant: &TenantId, fits: fn(&WalletEvent) -> bool) -> Position {
        let skip = usize::try_from(self.below(3)).unwrap();
        let own = |event: &&Recorded| {
            let found = self.wallet_event(tenant, event.position);
            found.is_some_and(fits)
        };
        let found = self.events.iter().rev().filter(own).nth(skip);
        found.map_or(Position(1), |event| event.position)
    }

    fn any_command(&mut self, tenant: &TenantId, step: usize) -> WalletCommand {
        let grant = GrantId(self.some_event(tenant, |event| event.lot_terms().is_some()));
        let entry = EntryId(self.some_event(tenant, |event| event.entry().is_some()));
        let usage = |event: &WalletEvent| matches!(event, WalletEvent::UsageRecorded(_));
        let usage = EntryId(self.some_event(tenant, usage));
        let placed = |event: &WalletEvent| matches!(event, WalletEvent::HoldPlaced(_));
        let placed = HoldId(self.some_event(tenant, placed));
        let hold = self.wallets[tenant].holds().next().map_or(placed, |hold| hold.hold);
        match self.below(14) {
            0 | 1 => WalletCommand::Grant(self.any_grant()),
            2 => WalletCommand::VoidGrant { grant, reason: text("mistaken") },
            3 | 4 => WalletCommand::Debit(Debit {
                amount: self.amount(),
                meter: (self.below(2) == 0).then(|| text("calls")),
                effective_at: None,
                attribution: attribution("writer"),
                reason: Some(text("work")),
            }),
            5 | 6 => WalletCommand::PlaceHold(PlaceHold {
                amount: self.amount(),
                ttl_seconds: Some(300),
                meter: None,
                overage: Overage::Overflow,
                attribution: attribution("robot"),
            }),
            7 => WalletCommand::SettleHold { hold, amount: self.amount() },
            8 => WalletCommand::ReleaseHold { hold, reason: None },
            9 => WalletCommand::Refund {
                entry,
                amount: None,
                expires_at: Some(self.now.plus_seconds(600)),
                reason: None,
            },
            10 => WalletCommand::VoidUsage { entry: usage, reason: text("mistaken") },
            11 => WalletCommand::RateUsage { entry: usage, reason: text("new price") },
            12 => match self.below(8) {
                0 | 1 => WalletCommand::SetOverdraftLimit { limit: self.amount(), reason: None },
                2 => WalletCommand::Freeze { reason: text("odd") },
                _ => WalletCommand::Unfreeze { reason: text("fine") },
            },
            _ => WalletCommand::RecordUsage(self.any_usage(step)),
        }
    }

    fn any_grant(&mut self) -> Grant {
        let effective_at = match self.below(4) {
            0 => Some(self.now.plus_seconds(900)),
            _ => None,
        };
        let expires_at = (self.below(2) == 0).then(|| self.now.plus_seconds(1_800));
        Grant {
            amount: self.amount(),
            kind: GrantKind::Paid,
            priority: u8::try_from(self.below(101)).unwrap(),
            effective_at,
            expires_at,
            scope: if self.below(4) == 0 { vec![text("calls")] } else { Vec::new() },
            origin: Origin::Purchase,
            unit_cost: Some(text("0.01")),
            source: Some(text("order 1")),
        }
    }

    fn any_usage(&mut self, step: usize) -> Usage {
        let meter = if self.below(2) == 0 { "calls" } else { "images" };
        let quantity = i64::try_from(self.below(5_000)).unwrap();
        Usage {
            meter: text(meter),
            quantity: Some(rust_decimal::Decimal::new(quantity, 3)),
            tokens: (self.below(2) == 0).then_some(Tokens {
                input: 10,
                cached_input: 2,
                output: 3,
            }),
            value: None,
            attribution: attribution(if self.below(2) == 0 { "robot" } else { "writer" }),
            occurred_at: self.now.plus_seconds(-3_600),
            source: text("probe"),
            id: text(&format!("usage-{step}")),
        }
    }
}

fn attribution(agent: &str) -> Attribution {
    Attribution { agent: Some(text(agent)), model: Some(text("large")), ..Attribution::default() }
}

/// Hands out a journal that can grow, and that can be away for a while.
pub(crate) struct Journal {
    events: Mutex<Vec<Recorded>>,
    failures: Mutex<u32>,
    after_head: Mutex<Option<Deed>>,
    readings: AtomicU32,
}

/// What somebody else does meanwhile.
type Deed = Box<dyn FnOnce() + Send>;

impl Journal {
    pub(crate) fn new(events: &[Recorded]) -> Arc<Journal> {
        Arc::new(Journal {
            events: Mutex::new(events.to_vec()),
            failures: Mutex::new(0),
            after_head: Mutex::new(None),
            readings: AtomicU32::new(0),
        })
    }

    /// Does something once, right after somebody has asked where the journal ends.
    pub(crate) fn after_head(&self, deed: impl FnOnce() + Send + 'static) {
        *self.after_head.lock().unwrap() = Some(Box::new(deed));
    }

    pub(crate) fn extend(&self, events: &[Recorded]) {
        self.events.lock().unwrap().extend_from_slice(events);
    }

    pub(crate) fn replace(&self, position: Position, event: Event) {
        let index = usize::try_from(position.0).unwrap() - 1;
        self.events.lock().unwrap()[index].event = event;
    }

    pub(crate) fn fail(&self, times: u32) {
        *self.failures.lock().unwrap() = times;
    }

    /// How often somebody has begun to read at the first event.
    pub(crate) fn readings(&self) -> u32 {
        self.readings.load(Ordering::Relaxed)
    }
}

impl Feed for Journal {
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError> {
        if after == Position::ZERO {
            self.readings.fetch_add(1, Ordering::Relaxed);
        }
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(FeedError("out for lunch".into()));
        }
        let events = self.events.lock().unwrap();
        let skipped = usize::try_from(after.0).unwrap();
        Ok(events.iter().skip(skipped).take(most_events).cloned().collect())
    }

    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        let events = self.events.lock().unwrap();
        let wanted = |event: &&Recorded| positions.contains(&event.position);
        Ok(events.iter().filter(wanted).cloned().collect())
    }

    fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, FeedError> {
        let events = self.events.lock().unwrap();
        let known = events.iter().take_while(|event| event.recorded_at <= moment);
        Ok(known.last().map_or(Position::ZERO, |event| event.position))
    }

    fn head(&self) -> Result<Position, FeedError> {
        let head = Position(u64::try_from(self.events.lock().unwrap().len()).unwrap());
        let deed = self.after_head.lock().unwrap().take();
        if let Some(deed) = deed {
            deed();
        }
        Ok(head)
    }
}
