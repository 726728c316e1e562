//! An answer that cannot be given is an error, never an empty list; before genesis is zero, and the
//! future is refused (M5): the same for each read that knows of moments.

use quipu_domain::postings::Account;
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_views::{
    AsOf, BookBalance, EntryQuery, GroupBy, HoldQuery, KnownAt, LotQuery, TrialBalanceQuery,
    UsageQuery, Views, ViewsError, WindowUnit,
};

use super::acme;
use crate::history::{History, Journal, text};
use crate::stores::{on_each_engine, options};

/// A read, and the projections that it rests on: for now, and for a moment.
struct Read {
    name: &'static str,
    /// Whether there is nothing in the answer.
    is_empty: fn(&Views, &TenantId, AsOf, Timestamp) -> Result<bool, ViewsError>,
    now: &'static [&'static str],
    then: &'static [&'static str],
}

const READS: [Read; 8] = [
    Read {
        name: "balance",
        is_empty: |views, tenant, at, now| {
            if at.is_past() {
                let book = views.balance_as_of(tenant, at, now)?.value;
                return Ok(book == BookBalance::default());
            }
            Ok(views.balance(tenant, None, now)?.value.balance.available.is_zero())
        },
        now: &["balances"],
        then: &["book_history"],
    },
    Read {
        name: "statement",
        is_empty: |views, tenant, at, now| {
            let query = EntryQuery { at, limit: 10, ..EntryQuery::default() };
            Ok(views.entries(tenant, &query, now)?.value.entries.items.is_empty())
        },
        now: &["activity"],
        then: &["activity", "book_history"],
    },
    Read {
        name: "statement of a period",
        is_empty: |views, tenant, at, now| {
            let query = EntryQuery { at, from: Some(first()), limit: 10, ..EntryQuery::default() };
            let page = views.entries(tenant, &query, now)?.value;
            let period = page.period.unwrap();
            let is_zero = (period.opening, period.closing) == Default::default();
            assert_eq!(page.entries.items.is_empty(), is_zero);
            Ok(is_zero)
        },
        now: &["activity", "book_history"],
        then: &["activity", "book_history"],
    },
    Read {
        name: "lots",
        is_empty: |views, tenant, at, now| lots(views, tenant, at, now, false),
        now: &["balances"],
        then: &["balances", "book_history"],
    },
    Read {
        name: "grants",
        is_empty: |views, tenant, at, now| lots(views, tenant, at, now, true),
        now: &["balances"],
        then: &["balances", "book_history"],
    },
    Read {
        name: "holds",
        is_empty: |views, tenant, at, now| {
            let query = HoldQuery { status: None, at, after: None, limit: 10 };
            Ok(views.holds(tenant, &query, now)?.value.items.is_empty())
        },
        now: &["holds"],
        then: &["holds", "book_history"],
    },
    Read {
        name: "usage",
        is_empty: |views, tenant, at, now| {
            let query = UsageQuery {
                window: WindowUnit::Day,
                group_by: GroupBy::Meter,
                from: None,
                to: None,
                meter: None,
                agent: None,
                model: None,
                at,
                after: None,
                limit: 10,
            };
            Ok(views.usage(tenant, &query, now)?.value.items.is_empty())
        },
        now: &["usage"],
        then: &["usage"],
    },
    Read {
        name: "trial balance",
        is_empty: |views, tenant, at, now| {
            let tenant = Some(tenant.clone());
            trial_balance(views, TrialBalanceQuery { tenant, at, ..Default::default() }, now)
        },
        now: &["book_history"],
        then: &["book_history"],
    },
];

fn lots(
    views: &Views,
    tenant: &TenantId,
    at: AsOf,
    now: Timestamp,
    with_ended: bool,
) -> Result<bool, ViewsError> {
    let query = LotQuery { with_ended, at, after: None, limit: 10 };
    Ok(views.lots(tenant, &query, now)?.value.items.is_empty())
}

fn trial_balance(
    views: &Views,
    query: TrialBalanceQuery,
    now: Timestamp,
) -> Result<bool, ViewsError> {
    let trial = views.trial_balance(&query, now)?.value;
    assert_eq!(trial.sum, 0);
    Ok(trial.lines.is_empty())
}

/// Before anything in these histories.
fn first() -> Timestamp {
    text("2020-01-01T00:00:00Z")
}

fn as_of(moment: Timestamp) -> AsOf {
    AsOf { as_of: Some(moment), known_at: None }
}

fn known_at(moment: Timestamp) -> AsOf {
    AsOf { as_of: None, known_at: Some(KnownAt::Time(moment)) }
}

fn known_at_position(position: Position) -> AsOf {
    AsOf { as_of: None, known_at: Some(KnownAt::Position(position)) }
}

#[test]
fn m5_before_genesis_is_zero_and_what_has_not_come_yet_is_refused() {
    let history = History::generated(200);
    let (early, late) = history.events.split_at(history.events.len() - 20);
    let (head, now) = (early[early.len() - 1].position, history.now);
    on_each_engine(|store| {
        let journal = Journal::new(early);
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        for Read { name, is_empty, .. } in READS {
            let is_empty = |at: AsOf| is_empty(&views, &acme(), at, now);
            for at in [as_of(first()), known_at(first()), known_at_position(Position::ZERO)] {
                assert!(matches!(is_empty(at), Ok(true)), "{name} at {at:?}: {:?}", is_empty(at));
            }
            for at in [AsOf::default(), as_of(now), known_at(now), known_at_position(head)] {
                assert!(matches!(is_empty(at), Ok(false)), "{name} at {at:?}: {:?}", is_empty(at));
            }
            let soon = now.plus_seconds(1);
            for at in [as_of(soon), known_at(soon), AsOf { as_of: Some(soon), ..known_at(now) }] {
                let refused = is_empty(at);
                assert!(matches!(refused, Err(ViewsError::FutureMoment)), "{name}: {refused:?}");
            }
            let beyond = is_empty(known_at_position(head.plus(1)));
            assert!(matches!(beyond, Err(ViewsError::BeyondHead { .. })), "{name}: {beyond:?}");
        }
        journal.extend(late);
        for Read { name, is_empty, .. } in READS {
            for at in [known_at_position(head.plus(1)), known_at(late[0].recorded_at)] {
                let behind = is_empty(&views, &acme(), at, now);
                let is_behind = matches!(behind, Err(ViewsError::NotYet { .. }));
                assert!(is_behind, "{name} at {at:?}: {behind:?}");
            }
            let earlier = late[0].recorded_at.plus_seconds(-1);
            let reached = is_empty(&views, &acme(), known_at(earlier), now);
            assert!(matches!(reached, Ok(false)), "{name}: {reached:?}");
        }
    });
}

#[test]
fn of_somebody_unknown_or_out_of_rows_that_have_stopped_there_is_no_answer() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    let now = history.now;
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        let mut connection = store.connection();
        for Read { name, is_empty, now: projections, then } in READS {
            for (at, projections) in [(AsOf::default(), projections), (as_of(now), then)] {
                let unknown = is_empty(&views, &text("t_nobody"), at, now);
                assert!(
                    matches!(unknown, Err(ViewsError::UnknownTenant(_))),
                    "{name}: {unknown:?}"
                );
                for stopped in projections {
                    connection.execute(PARK, &[(*stopped).into(), "t_acme".into()]).unwrap();
                    let refused = is_empty(&views, &acme(), at, now);
                    let is_told = |refused: &Result<bool, ViewsError>| matches!(refused, Err(ViewsError::Parked { projection, .. }) if projection == stopped);
                    assert!(is_told(&refused), "{name} without {stopped}: {refused:?}");
                    let other = is_empty(&views, &text("t_bolt"), at, now);
                    assert!(other.is_ok(), "{name} of another tenant: {other:?}");
                    if *stopped == "book_history" {
                        let all = TrialBalanceQuery { at, ..TrialBalanceQuery::default() };
                        let all = trial_balance(&views, all, now);
                        assert!(is_told(&all), "the sum over all tenants: {all:?}");
                    }
                    connection.execute("DELETE FROM projection_parked", &[]).unwrap();
                }
            }
        }
    });
}

/// A sum over all tenants is one of them all: it is refused, and never told without one (M4).
#[test]
fn over_all_tenants_nothing_is_summed_up_out_of_rows_that_have_stopped() {
    type Sum = fn(&Views, Timestamp) -> Result<(), ViewsError>;
    let sums: [(&str, Sum); 3] = [
        ("accounts", |views, _| views.all_accounts().map(drop)),
        ("accounts", |views, _| views.account_holders(&Account::Available, 1).map(drop)),
        ("book_history", |views, now| {
            views.trial_balance(&TrialBalanceQuery::default(), now).map(drop)
        }),
    ];
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        let mut connection = store.connection();
        for (stopped, sum) in sums {
            connection.execute(PARK, &[stopped.into(), "t_bolt".into()]).unwrap();
            let refused = sum(&views, history.now).unwrap_err();
            let ViewsError::Parked { projection, partition, .. } = &refused else {
                panic!("{refused}")
            };
            assert_eq!((*projection, partition), (stopped, &Some(text("t_bolt"))));
            connection.execute("DELETE FROM projection_parked", &[]).unwrap();
            connection.execute(PARK, &["holds".into(), "t_bolt".into()]).unwrap();
            sum(&views, history.now).unwrap();
            connection.execute("DELETE FROM projection_parked", &[]).unwrap();
        }
    });
}

/// What is sealed stays (C2): it is not read from a view that somebody let go on without an event.
#[test]
fn what_a_period_is_sealed_with_is_not_read_from_rows_without_an_event() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    let now = history.now;
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        let mut connection = store.connection();
        let query = TrialBalanceQuery::default();
        let seal = || views.trial_balance_to_seal(&query, now);
        let whole = views.trial_balance(&query, now).unwrap();
        assert_eq!(seal().unwrap(), whole);
        for projection in ["tenants", "book_history", "balances"] {
            let is_read = projection != "balances";
            connection.execute(PARK, &[projection.into(), "t_bolt".into()]).unwrap();
            let is_refused = matches!(seal(), Err(ViewsError::Parked { .. }));
            assert_eq!(is_refused, is_read, "{projection}");
            connection.execute("DELETE FROM projection_parked", &[]).unwrap();
            connection.execute(SKIP, &["t_bolt".into(), projection.into()]).unwrap();
            let is_refused =
                matches!(seal(), Err(ViewsError::Skipped { position: Position(7), .. }));
            assert_eq!(is_refused, is_read, "{projection}");
            assert_eq!(views.trial_balance(&query, now).unwrap(), whole, "{projection}");
            connection.execute("DELETE FROM projection_skipped", &[]).unwrap();
        }
    });
}

const SKIP: &str = "INSERT INTO projection_skipped \
    (projection, version, position, tenant, error, reason, skipped_at) \
    SELECT name, version, 7, $1, 'poison', 'a mistake', 0 FROM projection WHERE name = $2";
const PARK: &str = "INSERT INTO projection_parked (projection, tenant, position, error, parked_at) \
    VALUES ($1, $2, 7, 'poison', 0)";
