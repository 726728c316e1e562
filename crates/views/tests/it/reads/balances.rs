//! What a tenant can spend, and what its books said.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Grant;
use quipu_domain::wallet::event::{GrantKind, Origin};
use quipu_domain::{TenantId, Timestamp};
use quipu_projections::Account;
use quipu_views::{AsOf, EntryQuery, HoldQuery, KnownAt, LotQuery, ViewsError};

use super::{acme, with_views};
use crate::history::{History, text};

#[test]
fn the_balance_now_is_what_the_wallet_itself_says() {
    let history = History::generated(400);
    with_views(&history, |views| {
        for (tenant, wallet) in &history.wallets {
            for seconds in [0, 600, 1_200, 100_000] {
                let now = history.now.plus_seconds(seconds);
                let answer = views.balance(tenant, None, now).unwrap();
                assert_eq!(answer.value.balance, wallet.balance(now), "{tenant} at {now}");
                assert_eq!(answer.position, history.head());
            }
        }
    });
}

/// W7, W12, W5: nobody's is missed, and each stands on one page.
#[test]
fn every_wallet_in_which_something_falls_due_is_named_page_by_page() {
    let history = History::generated(400);
    with_views(&history, |views| {
        let until = history.now.plus_seconds(100_000);
        let all = views.due(until, None, 1_000).unwrap();
        for (tenant, wallet) in &history.wallets {
            let is_due = wallet.next_due_at().is_some_and(|at| at <= until);
            assert!(!is_due || all.contains(tenant), "{tenant} is missed");
        }
        assert!(all.len() > 1, "pages would be no pages");
        let mut paged = Vec::new();
        while let Some(next) = views.due(until, paged.last(), 1).unwrap().pop() {
            paged.push(next);
        }
        assert_eq!(paged, all);
        assert_eq!(views.due(Timestamp::default(), None, 10).unwrap(), []);
    });
}

#[test]
fn lots_of_another_scope_do_not_count_for_a_meter() {
    let mut history = History::new(&["t_acme"]);
    let grant = |amount: &str, scope: &[&str]| {
        WalletCommand::Grant(Grant {
            amount: text(amount),
            kind: GrantKind::Paid,
            priority: 50,
            effective_at: None,
            expires_at: None,
            scope: scope.iter().map(|name| text(name)).collect(),
            origin: Origin::Purchase,
            unit_cost: None,
            source: None,
        })
    };
    assert!(history.command(&acme(), &grant("5", &[])));
    assert!(history.command(&acme(), &grant("7", &["calls"])));
    assert!(history.command(&acme(), &grant("11", &["images", "calls"])));
    with_views(&history, |views| {
        let available = |meter: Option<&str>| {
            let meter = meter.map(text);
            let answer = views.balance(&acme(), meter.as_ref(), history.now).unwrap();
            answer.value.balance.available.to_string()
        };
        assert_eq!(available(None), "23");
        assert_eq!(available(Some("calls")), "23");
        assert_eq!(available(Some("images")), "16");
        assert_eq!(available(Some("call")), "5");
        assert_eq!(available(Some("c_lls")), "5");
    });
}

#[test]
fn books_as_of_a_moment_are_those_of_the_events_until_then() {
    let history = History::generated(300);
    with_views(&history, |views| {
        let books = |at: AsOf| views.balance_as_of(&acme(), at, history.now).unwrap().value;
        let all = books(AsOf::default());
        let book = views.accounts(&acme()).unwrap().value;
        let account = |name: &str| {
            let found = book.iter().find(|row| row.account.to_string() == name);
            found.map_or(0, Account::balance_micros)
        };
        assert_eq!(all.available, account("available"));
        assert_eq!(all.held, account("held"));
        assert_eq!(all.overdraft, account("overdraft"));
        let genesis: Timestamp = text("2020-01-01T00:00:00Z");
        assert_eq!(books(AsOf { as_of: Some(genesis), known_at: None }), Default::default());
        let entries = views
            .entries(&acme(), &EntryQuery { limit: 10_000, ..EntryQuery::default() }, history.now)
            .unwrap();
        for entry in &entries.value.entries.items {
            let known_at = Some(KnownAt::Position(entry.position));
            let found = books(AsOf { as_of: None, known_at });
            assert_eq!(found, entry.after);
        }
        for moment in entries.value.entries.items.iter().map(|entry| entry.effective_at) {
            let until =
                entries.value.entries.items.iter().filter(|entry| entry.effective_at <= moment);
            let held = until.map(|entry| i128::from(entry.held_delta.micros())).sum::<i128>();
            assert_eq!(books(AsOf { as_of: Some(moment), known_at: None }).held, held);
        }
    });
}

#[test]
fn the_future_and_the_unknown_are_refused() {
    let history = History::generated(50);
    with_views(&history, |views| {
        let later = Some(history.now.plus_seconds(1));
        let ask = |at| views.balance_as_of(&acme(), at, history.now).unwrap_err();
        assert!(matches!(ask(AsOf { as_of: later, known_at: None }), ViewsError::FutureMoment));
        let known_at = later.map(KnownAt::Time);
        assert!(matches!(ask(AsOf { as_of: None, known_at }), ViewsError::FutureMoment));
        let known_at = Some(KnownAt::Position(history.head().plus(1)));
        assert!(matches!(ask(AsOf { as_of: None, known_at }), ViewsError::BeyondHead { .. }));
        let nobody: TenantId = text("t_nobody");
        let now = history.now;
        for refused in [
            views.tenant(&nobody).map(|_| ()),
            views.balance(&nobody, None, now).map(|_| ()),
            views.lots(&nobody, &LotQuery::default(), now).map(|_| ()),
            views.holds(&nobody, &HoldQuery::default(), now).map(|_| ()),
            views.entries(&nobody, &EntryQuery::default(), now).map(|_| ()),
            views.agents(&nobody, None, 10).map(|_| ()),
            views.accounts(&nobody).map(|_| ()),
        ] {
            assert!(matches!(refused, Err(ViewsError::UnknownTenant(_))));
        }
        assert!(matches!(views.meter(&text("none")), Err(ViewsError::UnknownMeter(_))));
        let table = views.price_table(&text("none"));
        assert!(matches!(table, Err(ViewsError::UnknownPriceTable(_))));
    });
}
