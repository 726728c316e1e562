//! Numbers as the views have them, and the events that they rest on.

use quipu_domain::postings::Account;
use quipu_domain::{GrantId, Label, MeterName, Position, TenantId, Timestamp};
use quipu_journal::Journal;
use quipu_projections::explain::{Explainer, Figures, Part, Rest, Subject, UsageSelection};
use quipu_projections::{Account as AccountRow, Quantity, WindowUnit};
use quipu_views::{
    AsOf, BookBalance, EntryQuery, GroupBy, KnownAt, Lot, LotQuery, Order, UsageQuery, UsageSum,
    Views,
};

use super::things::Thing;
use super::{Draft, LEVELS_OF_LINES, OwnAccount};
use crate::problem::{Code, Problem};

/// Most events that are added up for one explanation, some seconds of work.
const MOST_EVENTS: u64 = 1_000_000;
/// How often a number is read anew because it changed meanwhile.
const TRIES: usize = 20;
/// Lots that are read at once.
const PAGE_LOTS: usize = 1_000;
/// Lots that are told one by one where they do not count now.
const MOST_LOTS_TOLD: usize = 20;

/// What is to be explained.
pub(super) enum Number {
    /// What a tenant has now.
    Present { tenant: TenantId, account: OwnAccount },
    /// What its books said at a moment.
    Past { tenant: TenantId, account: OwnAccount, at: AsOf },
    /// An account of one tenant.
    Account { tenant: TenantId, account: Account },
    /// An account over all tenants.
    AccountOfAll { account: Account },
    /// A row of a usage report.
    Usage { tenant: TenantId, row: UsageRow },
    /// An entry, a grant, a hold, an event.
    Of(Thing),
}

/// Which row of a usage report.
pub(super) struct UsageRow {
    pub(super) window: (WindowUnit, Timestamp),
    pub(super) meter: Option<MeterName>,
    pub(super) agent: Option<Label>,
    pub(super) model: Option<Label>,
}

impl Number {
    /// Reads it.
    pub(super) fn draft(
        self,
        views: &Views,
        journal: &Journal,
        now: Timestamp,
        most_lines: usize,
    ) -> Result<Draft, Problem> {
        let reader = Reading { views, journal, now, most_lines };
        match self {
            Number::Present { tenant, account } => reader.present(&tenant, account),
            Number::Past { tenant, account, at } => reader.past(&tenant, account, at),
            Number::Account { tenant, account } => reader.account(&tenant, account),
            Number::AccountOfAll { account } => reader.account_of_all(&account),
            Number::Usage { tenant, row } => reader.usage(&tenant, row),
            Number::Of(thing) => thing.draft(&reader),
        }
    }
}

/// Where numbers and events are read.
pub(super) struct Reading<'a> {
    pub(super) views: &'a Views,
    pub(super) journal: &'a Journal,
    /// The present by the book's clock.
    pub(super) now: Timestamp,
    pub(super) most_lines: usize,
}

impl Reading<'_> {
    /// What `/balance` shows. What is available follows from the lots, and is thus less than the
    /// account where some do not count now (W3).
    fn present(&self, tenant: &TenantId, account: OwnAccount) -> Result<Draft, Problem> {
        for _ in 0..TRIES {
            let shown = self.views.balance(tenant, None, self.now)?;
            let lots = match account {
                OwnAccount::Available => self.open_lots(tenant)?,
                OwnAccount::Held | OwnAccount::Overdraft => Vec::new(),
            };
            let again = self.views.balance(tenant, None, self.now)?;
            if shown.value.last_event != again.value.last_event {
                continue;
            }
            let balance = &shown.value.balance;
            let number = match account {
                OwnAccount::Available => balance.available,
                OwnAccount::Held => balance.held,
                OwnAccount::Overdraft => balance.overdraft.negated(),
            };
            let at = AsOf { as_of: None, known_at: Some(KnownAt::Position(shown.position)) };
            return Ok(Draft {
                what: format!("what {} {}", tenant, verb(account)),
                figures: amount(number.micros()),
                parts: lots_that_do_not_count(&lots, self.now),
                ..self.last_entries(tenant, account, at, shown.position)?
            });
        }
        Err(Problem::new(
            Code::ViewBehind,
            "the balance changed each time it was read",
            "ask again, or ask for the books of a moment with known_at",
        )
        .retry_after_seconds(1))
    }

    /// What the books said.
    fn past(&self, tenant: &TenantId, account: OwnAccount, at: AsOf) -> Result<Draft, Problem> {
        let at = self.views.pinned(tenant, at.counting_at(self.now), self.now)?;
        let book = self.views.balance_as_of(tenant, at, self.now)?;
        Ok(Draft {
            what: format!("what {} {}, in the books of that moment", tenant, verb(account)),
            figures: amount(of_account(&book.value, account)),
            ..self.last_entries(tenant, account, at, book.position)?
        })
    }

    /// The last entries of one of a tenant's own accounts, and what the books said before them.
    fn last_entries(
        &self,
        tenant: &TenantId,
        account: OwnAccount,
        at: AsOf,
        position: Position,
    ) -> Result<Draft, Problem> {
        let query = EntryQuery {
            order: Order::NewestFirst,
            at,
            limit: self.most_lines,
            ..EntryQuery::default()
        };
        let page = self.views.entries(tenant, &query, self.now)?.value.entries;
        let before = page.next.map(|last| self.before(tenant, account, at, last)).transpose()?;
        let positions: Vec<Position> = page.items.iter().map(|entry| entry.position).collect();
        let subject = Subject::Account { account: account.account(), as_of: at.as_of };
        let mut explainer = Explainer::of(subject, self.most_lines, before);
        for event in self.journal.events_at(&positions)? {
            explainer.event(&event).map_err(|error| Problem::internal(&error))?;
        }
        Ok(Draft::of(explainer, position))
    }

    /// What the books said of an account before an entry. Which events made it so, they do not say.
    fn before(
        &self,
        tenant: &TenantId,
        account: OwnAccount,
        at: AsOf,
        entry: Position,
    ) -> Result<Rest, Problem> {
        let before = Position(entry.0.saturating_sub(1));
        let known = AsOf { known_at: Some(KnownAt::Position(before)), ..at };
        let book = self.views.balance_as_of(tenant, known, self.now)?.value;
        Ok(Rest { events: None, figures: amount(of_account(&book, account)) })
    }

    /// An account of a tenant: all its postings.
    fn account(&self, tenant: &TenantId, account: Account) -> Result<Draft, Problem> {
        let accounts = self.views.accounts(tenant)?;
        let own = accounts.value.iter().find(|row| row.account == account);
        let balance = own.map_or(0, AccountRow::balance_micros);
        let what = format!("the account {account} of {tenant}");
        let subject = Subject::Account { account, as_of: None };
        Ok(Draft {
            what,
            figures: amount(balance),
            ..self.all_events(tenant, accounts.position, subject)?
        })
    }

    fn account_of_all(&self, account: &Account) -> Result<Draft, Problem> {
        let holders = self.views.account_holders(account, self.most_lines)?;
        let (position, holders) = (holders.position, holders.value);
        let told: i128 = holders.largest.iter().map(|(_, micros)| micros).sum();
        let part = |(tenant, micros): &(TenantId, i128)| Part {
            what: tenant.to_string(),
            figures: amount(*micros),
        };
        let mut parts: Vec<Part> = holders.largest.iter().map(part).collect();
        let others = holders.tenants.saturating_sub(parts.len() as u64);
        if others > 0 {
            let figures = amount(holders.total_micros - told);
            parts.push(Part { what: format!("{others} other tenants"), figures });
        }
        Ok(Draft {
            what: format!("the account {account} of all tenants"),
            figures: amount(holders.total_micros),
            parts,
            lines: Vec::new(),
            rest: None,
            levels: 0,
            position,
        })
    }

    /// A row of a usage report: all records in its window, and what corrected them.
    fn usage(&self, tenant: &TenantId, row: UsageRow) -> Result<Draft, Problem> {
        let time_zone = self.views.tenant(tenant)?.value.time_zone;
        let (window, start) = row.window;
        let query = UsageQuery {
            window,
            group_by: GroupBy::None,
            from: Some(start),
            to: Some(start.plus_seconds(1)),
            meter: row.meter.clone(),
            agent: row.agent.clone(),
            model: row.model.clone(),
            at: AsOf::default(),
            after: None,
            limit: 1,
        };
        let found = self.views.usage(tenant, &query, self.now)?;
        let begins_then = |sum: &&UsageSum| sum.window_start == start;
        let Some(sum) = found.value.items.first().filter(begins_then) else {
            return Err(Problem::new(
                Code::NotFound,
                "nothing was used in a window that begins then",
                "write window and window_start as the usage report gives them",
            ));
        };
        let selection = UsageSelection::of(row.window, time_zone, row.meter, row.agent, row.model);
        Ok(Draft {
            what: format!("what {tenant} used in the {} from {start} on", named(window)),
            figures: usage_figures(sum),
            ..self.all_events(tenant, found.position, Subject::Usage(selection))?
        })
    }

    /// Adds up all events of a tenant up to a position.
    pub(super) fn all_events(
        &self,
        tenant: &TenantId,
        until: Position,
        subject: Subject,
    ) -> Result<Draft, Problem> {
        let count = self.views.events_until(tenant, until)?.value;
        if count > MOST_EVENTS {
            return Err(Problem::new(
                Code::ExplanationTooLarge,
                format!("{tenant} has {count} events, and {MOST_EVENTS} are added up at most"),
                "explain a balance, an entry or a hold instead, or replay the journal with \
                 `quipu replay` and compare with `quipu diff`",
            )
            .with("events", count));
        }
        let mut explainer = Explainer::of(subject, self.most_lines, None);
        let mut after = Position::ZERO;
        while after < until {
            let mut found = self.views.positions_after(tenant, after)?;
            found.positions.retain(|position| *position <= until);
            for event in self.journal.events_at(&found.positions)? {
                explainer.event(&event).map_err(|error| Problem::internal(&error))?;
            }
            if found.until <= after {
                let why = format_args!("the events of {tenant} after {after} are not to be found");
                return Err(Problem::internal(&why));
            }
            after = found.until;
        }
        Ok(Draft::of(explainer, until))
    }

    fn open_lots(&self, tenant: &TenantId) -> Result<Vec<Lot>, Problem> {
        let mut lots = Vec::new();
        let mut after: Option<GrantId> = None;
        loop {
            let query =
                LotQuery { with_ended: false, at: AsOf::default(), after, limit: PAGE_LOTS };
            let page = self.views.lots(tenant, &query, self.now)?.value;
            lots.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(lots);
            }
        }
    }
}

impl Draft {
    /// The lines of an explainer; number and parts are still to be filled in.
    pub(super) fn of(explainer: Explainer, position: Position) -> Draft {
        let (lines, rest) = explainer.finish();
        Draft {
            what: String::new(),
            figures: Figures::new(),
            parts: Vec::new(),
            lines,
            rest,
            levels: LEVELS_OF_LINES,
            position,
        }
    }
}

/// Lots that the account has and that cannot be spent now: their time has not come, or is over
/// and its end is not written yet (W3).
fn lots_that_do_not_count(lots: &[Lot], now: Timestamp) -> Vec<Part> {
    let why = |lot: &Lot| {
        if lot.effective_at > now {
            Some(format!("{} cannot be spent before {}", lot.grant_position, lot.effective_at))
        } else {
            let expired = lot.expires_at.filter(|expires_at| *expires_at <= now)?;
            Some(format!("{} ended at {expired}, which is not written yet", lot.grant_position))
        }
    };
    let all = lots.iter().filter_map(|lot| Some((why(lot)?, lot.remaining.micros())));
    let mut all: Vec<(String, i64)> = all.filter(|(_, micros)| *micros != 0).collect();
    let others = all.split_off(all.len().min(MOST_LOTS_TOLD));
    let part = |(what, micros): (String, i64)| Part { what, figures: amount(-micros) };
    let mut parts: Vec<Part> = all.into_iter().map(part).collect();
    if !others.is_empty() {
        let sum: i128 = others.iter().map(|(_, micros)| i128::from(*micros)).sum();
        let what = format!("{} more lots that cannot be spent now", others.len());
        parts.push(Part { what, figures: amount(-sum) });
    }
    parts
}

const fn verb(account: OwnAccount) -> &'static str {
    match account {
        OwnAccount::Available => "has available",
        OwnAccount::Held => "has held",
        OwnAccount::Overdraft => "owes, as its account has it: zero or below",
    }
}

const fn named(window: WindowUnit) -> &'static str {
    match window {
        WindowUnit::Hour => "hour",
        WindowUnit::Day => "day",
        WindowUnit::Month => "month",
    }
}

/// What an account has in the books, with the account's own sign.
const fn of_account(book: &BookBalance, account: OwnAccount) -> i128 {
    match account {
        OwnAccount::Available => book.available,
        OwnAccount::Held => book.held,
        OwnAccount::Overdraft => book.overdraft,
    }
}

fn amount(micros: impl Into<i128>) -> Figures {
    Figures::from([("amount", Quantity::from_micros(micros))])
}

fn usage_figures(sum: &UsageSum) -> Figures {
    let mut figures = Figures::from([
        ("records", Quantity::from_count(sum.records)),
        ("quantity", sum.quantity),
        ("input_tokens", Quantity::from_count(sum.input_tokens)),
        ("cached_input_tokens", Quantity::from_count(sum.cached_input_tokens)),
        ("output_tokens", Quantity::from_count(sum.output_tokens)),
        ("cost", Quantity::from_micros(sum.cost_micros)),
        ("unpriced", Quantity::from_count(sum.unpriced)),
        ("voided", Quantity::from_count(sum.voided)),
    ]);
    figures.retain(|name, figure| *figure != Quantity::ZERO || matches!(*name, "records" | "cost"));
    figures
}
