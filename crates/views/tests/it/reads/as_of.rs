//! Answers about any moment, in both times, beside a fold of the events from the beginning.

use std::collections::BTreeMap;

use quipu_domain::postings::{self, Account};
use quipu_domain::{Event, Position, Recorded, TenantId, Timestamp};
use quipu_projections::{
    Balances, Fold, Holds, Projection, ProjectionError, Row, Usage, UsageTotal,
};
use quipu_views::{
    AsOf, EntryQuery, GroupBy, Hold, HoldQuery, HoldStatus, KnownAt, Lot, LotQuery,
    TrialBalanceGroup, TrialBalanceQuery, UsageQuery, Views, WindowUnit,
};

use super::{acme, with_views};
use crate::history::{History, Journal, text};
use crate::stores::{on_each_engine, options};

const EVERYTHING: usize = 1_000;

/// A moment in both times, and the events that are known and count then.
struct Moment<'a> {
    at: AsOf,
    events: Vec<&'a Recorded>,
    all: &'a [Recorded],
}

impl<'a> Moment<'a> {
    fn new(
        history: &'a History,
        position: Option<Position>,
        as_of: Option<Timestamp>,
    ) -> Moment<'a> {
        let all = &history.events[..];
        let is_known = |event: &&Recorded| {
            position.is_none_or(|last| event.position <= last)
                && (as_of.is_none_or(|moment| event.effective_at() <= moment)
                    || !matches!(event.event, Event::Wallet(_)))
        };
        let events = all.iter().filter(is_known).collect();
        Moment { at: AsOf { as_of, known_at: position.map(KnownAt::Position) }, events, all }
    }

    fn wallet<'b>(&'b self, tenant: &'b TenantId) -> impl Iterator<Item = &'a Recorded> + 'b {
        let own = move |event: &&Recorded| event.tenant.as_ref() == Some(tenant);
        self.events.iter().copied().filter(own)
    }

    fn accounts(&self, tenant: &TenantId) -> BTreeMap<Account, i128> {
        let mut accounts = BTreeMap::new();
        for event in self.wallet(tenant) {
            let Event::Wallet(wallet) = &event.event else { continue };
            for posting in postings::of(wallet) {
                *accounts.entry(posting.account).or_default() +=
                    i128::from(posting.amount.micros());
            }
        }
        accounts.retain(|_, balance| *balance != 0);
        accounts
    }

    /// The rows that a projection makes of these events; `None` where they do not fit together,
    /// because a debit that is dated back has drawn from a lot before it came in.
    fn rows<R: Row>(
        &self,
        projection: &'static dyn Projection,
        tenant: &TenantId,
    ) -> Option<Vec<R>> {
        let events: Vec<Recorded> = self.wallet(tenant).cloned().collect();
        let mut fold = Fold::of(&[projection]);
        let earlier = |positions: &[Position]| -> Result<Vec<Recorded>, ProjectionError> {
            let index = |position: &Position| usize::try_from(position.0).unwrap() - 1;
            Ok(positions.iter().filter_map(|at| self.all.get(index(at))).cloned().collect())
        };
        fold.apply(&events, earlier).unwrap();
        if !fold.projections()[0].parked.is_empty() {
            return None;
        }
        let tables = fold.sorted();
        let (_, rows) = tables.iter().find(|(table, _)| table.name == R::SCHEMA.name).unwrap();
        Some(rows.iter().map(|cells| R::from_cells(cells).unwrap()).collect())
    }
}

#[test]
fn every_answer_about_a_moment_is_the_fold_of_what_was_known_and_counted_then() {
    let mut history = History::generated(500);
    let tenants: Vec<TenantId> = history.wallets.keys().cloned().collect();
    let (first, now) = (history.events[0].recorded_at, history.now);
    let seconds = u64::try_from((now.micros() - first.micros()) / 1_000_000).unwrap();
    let questions: Vec<(TenantId, Option<Position>, Option<Timestamp>)> = (0..60)
        .map(|number| {
            let tenant = tenants[usize::try_from(history.below(3)).unwrap()].clone();
            let position = Position(history.below(history.head().0 + 1));
            let seconds = i64::try_from(history.below(seconds + 4_000)).unwrap();
            let moment = first.plus_seconds(seconds - 3_700).min(now);
            (tenant, (number % 3 != 0).then_some(position), (number % 3 != 1).then_some(moment))
        })
        .collect();
    with_views(&history, |views| {
        for (tenant, position, as_of) in &questions {
            let moment = Moment::new(&history, *position, *as_of);
            books(views, tenant, &moment, now);
            lots(views, tenant, &moment, now);
            holds(views, tenant, &moment, now);
            usage(views, tenant, &moment, now);
        }
    });
}

#[test]
fn events_far_out_of_order_are_found_among_thousands() {
    let history = History::disordered(12_000);
    let tenant = acme();
    let mut random = 7_u64;
    let mut below = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % limit
    };
    let (first, now) = (history.events[0].recorded_at.plus_seconds(-40 * 86_400), history.now);
    let seconds = u64::try_from((now.micros() - first.micros()) / 1_000_000).unwrap();
    let questions: Vec<(Position, Timestamp)> = (0..100)
        .map(|_| {
            let moment = first.plus_seconds(i64::try_from(below(seconds)).unwrap());
            (Position(below(history.head().0 + 1)), moment)
        })
        .collect();
    let ask = |views: &Views, (position, moment): (Position, Timestamp)| {
        books(views, &tenant, &Moment::new(&history, Some(position), Some(moment)), now);
        let from = moment.plus_seconds(-6 * 3_600);
        statement(views, &Moment::new(&history, Some(position), None), (from, moment), now);
    };
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(512)).unwrap();
        questions.iter().for_each(|question| ask(&views, *question));
        // As the version before left them, while they are built anew.
        let older = "UPDATE book_history SET sum_before = NULL, child_spans = NULL";
        store.connection().execute(older, &[]).unwrap();
        questions.iter().take(20).for_each(|question| ask(&views, *question));
    });
}

#[test]
fn a_sum_over_a_tree_with_a_hole_is_refused() {
    let history = History::generated(2_000);
    let middle = Position(history.head().0 / 2);
    let at = AsOf { as_of: None, known_at: Some(KnownAt::Position(middle)) };
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(512)).unwrap();
        let ask = || views.balance_as_of(&acme(), at, history.now);
        assert!(ask().is_ok());
        let hole = "DELETE FROM book_history WHERE level = 0 AND number < $1";
        store.connection().execute(hole, &[i64::MAX.into()]).unwrap();
        let refused = ask().unwrap_err().to_string();
        assert!(refused.contains("in book_history"), "{refused}");
    });
}

#[test]
fn opening_and_movements_make_the_closing_of_a_statement_and_of_a_trial_balance() {
    let history = History::generated(300);
    with_views(&history, |views| {
        let (first, now) = (history.events[0].recorded_at, history.now);
        let middle = (first.micros() + now.micros()) / 2;
        let middle = Timestamp::from_micros(middle).unwrap();
        for (from, to) in [(None, Some(middle)), (Some(middle), None), (Some(first), Some(middle))]
        {
            let query = EntryQuery { from, to, limit: 10_000, ..EntryQuery::default() };
            let page = views.entries(&acme(), &query, now).unwrap().value;
            let period = page.period.unwrap();
            let moved: i128 = page
                .entries
                .items
                .iter()
                .map(|line| i128::from(line.available_delta.micros()))
                .sum();
            let (opening, closing) = (period.opening.available, period.closing.available);
            assert_eq!(opening + moved, closing);
            let query = TrialBalanceQuery { from, to, ..TrialBalanceQuery::default() };
            let trial = views.trial_balance(&query, now).unwrap().value;
            assert_eq!(trial.sum, 0);
            assert!(trial.lines.iter().all(|line| line.opening + line.movement == line.closing));
            let sum: i128 = trial.lines.iter().map(|line| line.movement).sum();
            assert_eq!(sum, 0);
            let by_tenant = TrialBalanceQuery { group_by: TrialBalanceGroup::Tenant, ..query };
            let by_tenant = views.trial_balance(&by_tenant, now).unwrap().value;
            let available = |lines: &[quipu_views::TrialBalanceLine]| -> i128 {
                let own = lines.iter().filter(|line| line.account == Account::Available);
                own.map(|line| line.closing).sum()
            };
            assert_eq!(available(&by_tenant.lines), available(&trial.lines));
        }
    });
}

fn books(views: &Views, tenant: &TenantId, moment: &Moment<'_>, now: Timestamp) {
    let query = TrialBalanceQuery {
        tenant: Some(tenant.clone()),
        at: moment.at,
        ..TrialBalanceQuery::default()
    };
    let found = views.trial_balance(&query, now).unwrap().value;
    let lines = found.lines.into_iter().map(|line| (line.account, line.closing));
    let wanted = moment.accounts(tenant);
    assert_eq!(lines.collect::<BTreeMap<_, _>>(), wanted, "{tenant} at {:?}", moment.at);
    assert_eq!(found.sum, 0);
    let balance = views.balance_as_of(tenant, moment.at, now).unwrap().value;
    let wanted = |account| wanted.get(&account).copied().unwrap_or_default();
    assert_eq!(balance.available, wanted(Account::Available));
    assert_eq!(balance.held, wanted(Account::Held));
    assert_eq!(balance.overdraft, wanted(Account::Overdraft));
}

/// The lines of a period are those of the events that count in it, and are known.
fn statement(
    views: &Views,
    moment: &Moment<'_>,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) {
    let mut query = EntryQuery {
        at: moment.at,
        from: Some(from),
        to: Some(to),
        limit: EVERYTHING,
        ..EntryQuery::default()
    };
    let mut found = Vec::new();
    loop {
        let page = views.entries(&acme(), &query, now).unwrap().value.entries;
        found.extend(page.items.iter().map(|line| line.position));
        if page.next.is_none() {
            break;
        }
        query.after = page.next;
    }
    let acme = acme();
    let moves = |event: &&Recorded| match &event.event {
        Event::Wallet(wallet) => !postings::of(wallet).is_empty(),
        _ => false,
    };
    let counts = |event: &&Recorded| (from..to).contains(&event.effective_at());
    let wanted = moment.wallet(&acme).filter(moves).filter(counts).map(|event| event.position);
    assert_eq!(found, wanted.collect::<Vec<_>>(), "{:?} from {from} to {to}", moment.at);
}

fn lots(views: &Views, tenant: &TenantId, moment: &Moment<'_>, now: Timestamp) {
    let Some(wanted) = moment.rows::<Lot>(&Balances, tenant) else { return };
    for with_ended in [false, true] {
        let query = LotQuery { with_ended, at: moment.at, after: None, limit: EVERYTHING };
        let found = views.lots(tenant, &query, now).unwrap().value;
        let wanted = wanted.iter().filter(|lot| with_ended || lot.is_open).cloned();
        assert_eq!(found.items, wanted.collect::<Vec<Lot>>(), "{tenant} at {:?}", moment.at);
        assert_eq!(found.next, None);
    }
}

fn holds(views: &Views, tenant: &TenantId, moment: &Moment<'_>, now: Timestamp) {
    let Some(wanted) = moment.rows::<Hold>(&Holds, tenant) else { return };
    for status in [None, Some(HoldStatus::Open), Some(HoldStatus::Settled)] {
        let mut query = HoldQuery { status, at: moment.at, after: None, limit: 7 };
        let mut found = Vec::new();
        loop {
            let page = views.holds(tenant, &query, now).unwrap().value;
            found.extend(page.items);
            if page.next.is_none() {
                break;
            }
            query.after = page.next;
        }
        let wanted = wanted.iter().filter(|hold| status.is_none_or(|status| hold.status == status));
        let told = |hold: &Hold| (hold.hold_position, hold.status, hold.charged, hold.ended_at);
        let (found, wanted): (Vec<_>, Vec<_>) =
            (found.iter().map(told).collect(), wanted.map(told).collect());
        assert_eq!(found, wanted, "{tenant} at {:?}", moment.at);
    }
}

fn usage(views: &Views, tenant: &TenantId, moment: &Moment<'_>, now: Timestamp) {
    let rows = moment.rows::<UsageTotal>(&Usage, tenant).unwrap();
    for window in [WindowUnit::Hour, WindowUnit::Day, WindowUnit::Month] {
        let query = UsageQuery {
            window,
            group_by: GroupBy::Meter,
            from: None,
            to: None,
            meter: None,
            agent: None,
            model: None,
            at: moment.at,
            after: None,
            limit: EVERYTHING,
        };
        let mut wanted = BTreeMap::<(Timestamp, String), [i128; 4]>::new();
        for row in rows.iter().filter(|row| row.window_unit == window) {
            let sum = wanted.entry((row.window_start, row.meter.to_string())).or_default();
            let [records, unpriced, voided] =
                [row.records, row.unpriced, row.voided].map(i128::from);
            let added = [records, row.cost_micros(), unpriced, voided];
            sum.iter_mut().zip(added).for_each(|(sum, added)| *sum += added);
        }
        let found = views.usage(tenant, &query, now).unwrap().value.items.into_iter().map(|sum| {
            let [records, unpriced, voided] =
                [sum.records, sum.unpriced, sum.voided].map(i128::from);
            ((sum.window_start, sum.group.unwrap()), [records, sum.cost_micros, unpriced, voided])
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), wanted, "{tenant} at {:?}", moment.at);
    }
}

#[test]
fn a_moment_before_the_first_event_is_empty_and_known() {
    let history = History::generated(50);
    with_views(&history, |views| {
        let at = AsOf { as_of: Some(text("2020-01-01T00:00:00Z")), known_at: None };
        let query = LotQuery { with_ended: true, at, after: None, limit: 10 };
        assert!(views.lots(&acme(), &query, history.now).unwrap().value.items.is_empty());
        let at = AsOf { as_of: None, known_at: Some(KnownAt::Position(Position::ZERO)) };
        let query = HoldQuery { status: None, at, after: None, limit: 10 };
        assert!(views.holds(&acme(), &query, history.now).unwrap().value.items.is_empty());
    });
}
