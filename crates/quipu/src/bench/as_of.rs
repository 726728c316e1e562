//! `as-of`: random questions about the past, answered from the views, and the same from a fold of
//! the journal from the beginning.

use std::collections::BTreeMap;
use std::time::Instant;

use quipu_domain::postings::{self, Account};
use quipu_domain::{Event, Position, Recorded, TenantId, Timestamp};
use quipu_engine::{Clock as _, SystemClock};
use quipu_journal::Journal;
use quipu_load::{Choice, Distribution, Latencies, LatencySummary, Random, Session, Step};
use quipu_views::{
    AsOf, EntryQuery, GroupBy, HoldQuery, KnownAt, LotQuery, TrialBalanceQuery, UsageQuery, Views,
    ViewsError, WindowUnit,
};
use serde::Serialize;

use super::BenchArgs;
use super::acknowledged::Acks;
use super::actor::Actor;
use super::batch::RECORDS;
use super::books::{self, Books};
use super::connection::Connection;
use super::driven::Client;
use super::fill;
use super::report::Report;
use super::run_id::RunId;
use super::setup;
use super::stage::Stage;
use super::usage_body::UsageBody;
use crate::error::CliError;

/// Questions that are asked.
const QUESTIONS: usize = 1_000;
/// Clients that fill side by side.
const CONNECTIONS: usize = 4;
/// Effective time that the book covers.
const BOOK_SECONDS: i64 = 30 * 86_400;
/// One batch of so many is late, by up to all of that time.
const LATE_BATCHES: u64 = 50;
/// Lines of a statement and lots and holds that are asked for.
const PAGE: usize = 50;

#[derive(Serialize)]
struct Figures {
    events: u64,
    questions: usize,
    latency: BTreeMap<&'static str, LatencySummary>,
    naive_fold_seconds: f64,
    equal: bool,
    books: Books,
}

/// A tenant at a moment; what was known then is given by a position, or by a time.
struct Question {
    tenant: TenantId,
    known_at: KnownAt,
    as_of: Timestamp,
    /// What a fold from the beginning says: available, and what was consumed as usage.
    folded: (i128, i128),
}

/// Fills a book with dated usage, asks, and folds.
pub(super) fn run(args: &BenchArgs, wallets: usize) -> Result<Report, CliError> {
    let stage = args.target.open_own()?;
    let run = RunId::new();
    let mut report = Report::new(args, &stage, wallets)?;
    let acks = stage.drive(async {
        setup::set_up(stage.address, &run, wallets, &stage.stopping).await?;
        let acks = fill_dated(&stage, &run, wallets, args.events()).await?;
        books::caught_up(stage.address).await?;
        books::check_accounts(stage.address, &run, &acks).await?;
        Ok(acks)
    })?;
    let Some(closed) = stage.close()? else { return Ok(report) };
    let open = closed.book()?;
    let events = open.views.checkpoint();
    let journal = Journal::new(open.store());
    let mut questions = questions(&run, wallets, &journal, events)?;
    let began = Instant::now();
    fold(&journal, &mut questions)?;
    let folded_in = began.elapsed();
    let latency = ask(&open.views, &questions)?;
    let began = Instant::now();
    books::check_journal(&open, &acks)?;
    drop(open);
    books::verify(&closed.place)?;
    report.figures(&Figures {
        events: events.0,
        questions: questions.len(),
        latency,
        naive_fold_seconds: quipu_load::seconds(folded_in),
        equal: true,
        books: Books::checked(true, &acks, began.elapsed()),
    })?;
    Ok(report)
}

/// Batches whose moments go on through the book's time, but for some that are late.
struct Dated {
    actor: Actor,
    run: RunId,
    number: usize,
    sent: u64,
    batches: u64,
    began: jiff::Timestamp,
    random: Random,
}

impl Session for Dated {
    async fn step(&mut self) -> Step {
        let progress = |sent: u64| {
            let whole = i64::try_from(self.batches.max(1)).unwrap_or(i64::MAX);
            BOOK_SECONDS * i64::try_from(sent).unwrap_or(0) / whole
        };
        let mut seconds = progress(self.sent.min(self.batches)) - BOOK_SECONDS;
        if self.sent % LATE_BATCHES == LATE_BATCHES - 1 {
            seconds -= i64::try_from(self.random.below(BOOK_SECONDS.unsigned_abs())).unwrap_or(0);
        }
        self.sent += 1;
        let moment = self.began + jiff::SignedDuration::from_secs(seconds);
        let mut body = UsageBody::new(&self.run, self.number, RECORDS, &moment.to_string());
        self.actor.record_usage(&mut body).await
    }
}

impl Client for Dated {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}

async fn fill_dated(
    stage: &Stage,
    run: &RunId,
    wallets: usize,
    records: u64,
) -> Result<Acks, CliError> {
    let choice = Choice::new(Distribution::Uniform, wallets, 0);
    let clients = (0..CONNECTIONS).map(|number| Dated {
        actor: Actor::new(Connection::new(stage.address), run, number, 0, &choice),
        run: run.clone(),
        number,
        sent: 0,
        batches: records / (RECORDS * CONNECTIONS) as u64,
        began: jiff::Timestamp::now(),
        random: Random::new(number as u64),
    });
    fill::record(stage, clients.collect(), records).await
}

fn questions(
    run: &RunId,
    wallets: usize,
    journal: &Journal,
    head: Position,
) -> Result<Vec<Question>, CliError> {
    let mut random = Random::new(QUESTIONS as u64);
    let now = SystemClock.now();
    let question = |number: usize| -> Result<Question, CliError> {
        let wallet = usize::try_from(random.below(wallets as u64)).unwrap_or(0);
        let tenant = run.tenant(wallet).to_string();
        let seconds = random.below(2 * BOOK_SECONDS.unsigned_abs());
        let position = Position(1 + random.below(head.0));
        let known_at = if number.is_multiple_of(2) {
            KnownAt::Position(position)
        } else {
            let events = journal.events_at(&[position]).map_err(|error| unlikely(&error))?;
            let missing = || books::wrong(&format!("event {position} is missing"));
            KnownAt::Time(events.first().ok_or_else(missing)?.recorded_at)
        };
        Ok(Question {
            tenant: tenant.parse::<TenantId>().map_err(|error| unlikely(&error))?,
            known_at,
            as_of: now.plus_seconds(-i64::try_from(seconds).unwrap_or(0)),
            folded: (0, 0),
        })
    };
    (0..QUESTIONS).map(question).collect()
}

/// The naive answer: every event of the journal, from the first on, once for all questions.
fn fold(journal: &Journal, questions: &mut [Question]) -> Result<(), CliError> {
    let mut by_tenant = BTreeMap::<TenantId, Vec<&mut Question>>::new();
    for question in questions {
        by_tenant.entry(question.tenant.clone()).or_default().push(question);
    }
    let mut after = Position::ZERO;
    loop {
        let page = journal.page(after, 16_384)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        for event in &page {
            let asked = event.tenant.as_ref().and_then(|tenant| by_tenant.get_mut(tenant));
            let asked = asked.into_iter().flatten();
            asked.for_each(|question| question.take(event));
        }
    }
}

impl Question {
    fn take(&mut self, event: &Recorded) {
        let is_known = match self.known_at {
            KnownAt::Position(position) => event.position <= position,
            KnownAt::Time(time) => event.recorded_at <= time,
        };
        if !is_known || event.effective_at() > self.as_of {
            return;
        }
        let Event::Wallet(wallet) = &event.event else { return };
        for posting in postings::of(wallet) {
            match posting.account {
                Account::Available => self.folded.0 += i128::from(posting.amount.micros()),
                Account::Consumed(_) => self.folded.1 += i128::from(posting.amount.micros()),
                _ => {}
            }
        }
    }

    fn at(&self) -> AsOf {
        AsOf { as_of: Some(self.as_of), known_at: Some(self.known_at) }
    }

    fn differs(&self, what: &str, found: i128, folded: i128) -> CliError {
        books::wrong(&format!(
            "{what} of {} as of {} known at {:?} is {found} from the views, but {folded} from the \
             journal",
            self.tenant, self.as_of, self.known_at
        ))
    }
}

/// Asks the views everything that can be asked about each moment.
fn ask(
    views: &Views,
    questions: &[Question],
) -> Result<BTreeMap<&'static str, LatencySummary>, CliError> {
    let mut latencies = BTreeMap::<&'static str, Latencies>::new();
    let now = SystemClock.now();
    for question in questions {
        let (tenant, at) = (&question.tenant, question.at());
        let mut timed = Timed(&mut latencies);
        let balance = timed.ask("balance", || views.balance_as_of(tenant, at, now))?;
        let available = balance.value.available;
        if available != question.folded.0 {
            return Err(question.differs("available", available, question.folded.0));
        }
        let query = UsageQuery {
            window: WindowUnit::Month,
            group_by: GroupBy::None,
            from: None,
            to: None,
            meter: None,
            agent: None,
            model: None,
            at,
            after: None,
            limit: PAGE,
        };
        let usage = timed.ask("usage", || views.usage(tenant, &query, now))?;
        let cost = usage.value.items.iter().map(|sum| sum.cost_micros).sum();
        if cost != question.folded.1 {
            return Err(question.differs("usage", cost, question.folded.1));
        }
        let query = LotQuery { with_ended: true, at, after: None, limit: PAGE };
        timed.ask("lots", || views.lots(tenant, &query, now))?;
        let query = HoldQuery { status: None, at, after: None, limit: PAGE };
        timed.ask("holds", || views.holds(tenant, &query, now))?;
        let query = EntryQuery { at, limit: PAGE, ..EntryQuery::default() };
        timed.ask("entries", || views.entries(tenant, &query, now))?;
        let tenant = Some(tenant.clone());
        let from = Some(question.as_of.plus_seconds(-BOOK_SECONDS));
        let query = TrialBalanceQuery { tenant, from, at, ..TrialBalanceQuery::default() };
        timed.ask("trial_balance", || views.trial_balance(&query, now))?;
    }
    Ok(latencies.iter().map(|(name, latencies)| (*name, latencies.summary())).collect())
}

/// Measures by the name of what is asked.
struct Timed<'a>(&'a mut BTreeMap<&'static str, Latencies>);

impl Timed<'_> {
    fn ask<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce() -> Result<T, ViewsError>,
    ) -> Result<T, CliError> {
        let began = Instant::now();
        let answer = read()?;
        self.0.entry(name).or_default().record(began.elapsed());
        Ok(answer)
    }
}

fn unlikely(error: &dyn std::fmt::Display) -> CliError {
    books::wrong(&error.to_string())
}
