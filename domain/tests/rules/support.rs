//! A book in memory that does for one wallet what the engine does: it fetches what a command
//! needs, decides, records and folds, and checks after every event that the books balance.

mod commands;
mod show;

pub(crate) use commands::*;
pub(crate) use show::show;

use std::collections::BTreeMap;

use quipu_domain::agent::{Agent, AgentEvent, AgentRegistered, AgentRetired};
use quipu_domain::meter::{
    Aggregation, Meter, MeterDefined, MeterEvent, MeterPriced, Price, UnpricedPolicy,
};
use quipu_domain::postings::{self, Account};
use quipu_domain::price_table::{PriceTable, PriceTableEvent, PricesPublished};
use quipu_domain::tenant::{Tenant, TenantCreated, TenantEvent, TenantSuspended};
use quipu_domain::wallet::event::LotTerms;
use quipu_domain::wallet::{Dated, Original, Wallet, WalletCommand, WalletContext, WalletEvent};
use quipu_domain::{
    AgentId, Credits, GrantId, MeterName, Moment, Position, PriceTableName, Refusal, TenantId,
    Timestamp,
};

/// Where every book's clock begins: the middle of a month.
pub(crate) const NOON: &str = "2026-11-15T12:00:00Z";

pub(crate) fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn credits(amount: &str) -> Credits {
    text(amount)
}

pub(crate) fn after(seconds: i64) -> Timestamp {
    text::<Timestamp>(NOON).plus_seconds(seconds)
}

pub(crate) struct Book {
    pub(crate) wallet: Wallet,
    pub(crate) tenant: Tenant,
    pub(crate) meters: BTreeMap<MeterName, Meter>,
    pub(crate) tables: BTreeMap<PriceTableName, PriceTable>,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) events: Vec<WalletEvent>,
    /// When each of them counts.
    pub(crate) dates: Vec<Timestamp>,
    /// When each of them was recorded.
    pub(crate) recorded_at: Vec<Timestamp>,
    pub(crate) now: Timestamp,
    pub(crate) backdating_seconds: i64,
    accounts: BTreeMap<Account, i64>,
}

impl Book {
    pub(crate) fn new() -> Book {
        let mut book = Book {
            wallet: Wallet::default(),
            tenant: active_tenant(),
            meters: BTreeMap::new(),
            tables: BTreeMap::new(),
            agents: BTreeMap::new(),
            events: Vec::new(),
            dates: Vec::new(),
            recorded_at: Vec::new(),
            now: text(NOON),
            backdating_seconds: 30 * 86_400,
            accounts: BTreeMap::new(),
        };
        for name in ["calls", "images"] {
            book.meter(name, Aggregation::Sum, UnpricedPolicy::Refuse);
        }
        book
    }

    pub(crate) fn meter(&mut self, name: &str, aggregation: Aggregation, unpriced: UnpricedPolicy) {
        let name: MeterName = text(name);
        let mut meter = Meter::default();
        let defined = MeterDefined { meter: name.clone(), aggregation, unit: None, unpriced };
        meter.apply(&MeterEvent::MeterDefined(defined)).unwrap();
        self.meters.insert(name, meter);
    }

    pub(crate) fn price(&mut self, name: &str, effective_at: Timestamp, price: Price) {
        let meter = self.meters.get_mut(&text::<MeterName>(name)).unwrap();
        meter.apply(&MeterEvent::MeterPriced(MeterPriced { effective_at, price })).unwrap();
    }

    pub(crate) fn publish(&mut self, prices: PricesPublished) {
        let table = self.tables.entry(prices.table.clone()).or_default();
        table.apply(&PriceTableEvent::PricesPublished(prices)).unwrap();
    }

    pub(crate) fn register(&mut self, agent: &str, retired: bool) {
        let mut state = Agent::default();
        let registered = AgentRegistered { agent: text(agent), name: text("Robot") };
        state.apply(&AgentEvent::AgentRegistered(registered)).unwrap();
        if retired {
            let reason = text("it was replaced");
            state.apply(&AgentEvent::AgentRetired(AgentRetired { reason })).unwrap();
        }
        self.agents.insert(text(agent), state);
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: self.now,
            next: Position(self.events.len() as u64 + 1),
            backdating_seconds: self.backdating_seconds,
        }
    }

    /// What has fallen due, recorded as the scheduler would.
    pub(crate) fn tick(&mut self) -> Vec<String> {
        let due = self.wallet.due(&self.moment());
        self.record(&due);
        show(&due)
    }

    /// Runs a command after what is due.
    pub(crate) fn run(&mut self, command: WalletCommand) -> Result<Vec<Dated>, Refusal> {
        self.tick();
        let events = self.decide(&command)?;
        self.record(&events);
        Ok(events)
    }

    /// Runs a command that must succeed, and tells its events.
    pub(crate) fn tell(&mut self, command: WalletCommand) -> Vec<String> {
        show(&self.run(command).unwrap())
    }

    /// Runs a command that must be refused, and tells the code.
    pub(crate) fn refused(&mut self, command: WalletCommand) -> &'static str {
        self.run(command).unwrap_err().code()
    }

    /// Decides as the engine does: fetch what is needed, then ask.
    pub(crate) fn decide(&self, command: &WalletCommand) -> Result<Vec<Dated>, Refusal> {
        let needs = self.wallet.needs(command);
        let original = needs.original.and_then(|position| self.event(position)).map(|event| {
            let lots = event.drawn_lots().into_iter().chain(needs.lots);
            let lots = lots.map(|grant| (grant, self.terms(grant))).collect();
            Original { event: event.clone(), lots }
        });
        let rated = original.as_ref().and_then(Original::usage).filter(|_| needs.rates_original);
        let usage = match command {
            WalletCommand::RecordUsage(usage) => Some(usage),
            _ => rated,
        };
        let name = needs.meter.or(rated.map(|usage| &usage.meter));
        let meter = name.and_then(|name| self.meters.get(name));
        let table = usage.zip(meter).and_then(|(usage, m)| m.price_table_at(usage.occurred_at));
        let context = WalletContext {
            moment: self.moment(),
            tenant_id: &text("t_acme"),
            tenant: &self.tenant,
            meter,
            price_table: table.and_then(|table| self.tables.get(table)),
            agent: needs.agent.and_then(|agent| self.agents.get(&agent)),
            original: original.as_ref(),
        };
        self.wallet.decide(command, &context)
    }

    fn event(&self, position: Position) -> Option<&WalletEvent> {
        let index = usize::try_from(position.0).unwrap().checked_sub(1)?;
        self.events.get(index)
    }

    fn terms(&self, grant: GrantId) -> LotTerms {
        let (made, terms) = self.event(grant.position()).unwrap().lot_terms().unwrap();
        assert_eq!(made, grant);
        terms.clone()
    }

    pub(crate) fn record(&mut self, events: &[Dated]) {
        for Dated { effective_at, event } in events {
            self.wallet.apply(event).unwrap();
            let postings = postings::of(event);
            assert_eq!(postings.iter().map(|p| p.amount.micros()).sum::<i64>(), 0, "M4: {event:?}");
            for posting in postings {
                *self.accounts.entry(posting.account).or_default() += posting.amount.micros();
            }
            self.events.push(event.clone());
            self.dates.push(*effective_at);
            self.recorded_at.push(self.now);
            self.check_books();
        }
        assert_eq!(show(&self.wallet.due(&self.moment())), Vec::<String>::new(), "due after all");
        assert!(self.wallet.next_due_at().is_none_or(|at| at > self.now));
    }

    /// What the accounts say is what the state says, and the state is consistent in itself.
    fn check_books(&self) {
        let account = |account| self.accounts.get(&account).copied().unwrap_or_default();
        let balance = self.wallet.balance(self.now);
        let (mut free, mut pinned) = (0, BTreeMap::<GrantId, i64>::new());
        for lot in self.wallet.lots() {
            let (lot_free, lot_held) = (lot.free.micros(), lot.held.micros());
            assert!(lot_free >= 0 && lot_held >= 0 && lot_free + lot_held > 0, "{lot:?}");
            free += lot_free;
            pinned.insert(lot.grant, -lot_held);
        }
        let mut held = 0;
        for hold in self.wallet.holds() {
            held += hold.amount.micros();
            for draw in &hold.draws.lots {
                *pinned.get_mut(&draw.grant).unwrap() += draw.amount.micros();
            }
        }
        assert_eq!(account(Account::Available), free);
        assert_eq!(account(Account::Held), held);
        assert_eq!(balance.held.micros(), held);
        assert_eq!(account(Account::Overdraft), -balance.overdraft.micros());
        assert!(pinned.values().all(|difference| *difference == 0), "held = sum of holds");
    }

    /// Available, held and owed now.
    pub(crate) fn balance(&self) -> String {
        let balance = self.wallet.balance(self.now);
        format!("{} held {} owed {}", balance.available, balance.held, balance.overdraft)
    }
}

pub(crate) fn active_tenant() -> Tenant {
    let mut tenant = Tenant::default();
    let created = TenantCreated {
        tenant: text("t_acme"),
        name: text("Acme"),
        time_zone: text("Europe/Stockholm"),
    };
    tenant.apply(&TenantEvent::TenantCreated(created)).unwrap();
    tenant
}

pub(crate) fn suspended_tenant() -> Tenant {
    let mut tenant = active_tenant();
    let suspended = TenantSuspended { reason: text("unpaid") };
    tenant.apply(&TenantEvent::TenantSuspended(suspended)).unwrap();
    tenant
}

pub(crate) fn tenant_id() -> TenantId {
    text("t_acme")
}
