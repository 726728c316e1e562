//! M3 bounds an amount and what a wallet has at a time, not what it turns over: that passes 64
//! bits of micros in a year of a business for which a credit is a token.

use quipu_database::Migrations;
use quipu_domain::postings::Account;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Debit, Grant};
use quipu_domain::wallet::event::{Attribution, GrantKind, Origin, Usage};
use quipu_domain::{Credits, TenantId};
use quipu_projections::turnover;
use quipu_views::{
    AsOf, EntryQuery, GroupBy, MIGRATIONS, TrialBalanceGroup, TrialBalanceQuery, UsageQuery,
    UsageSum, Views, WindowUnit,
};

use super::{acme, with_views};
use crate::history::{History, Journal, text};
use crate::stores::{on_each_engine, options};

/// So often the largest amount there is comes in and goes out: more than a leaf of 64 events.
const ROUNDS: i128 = 48;
const MOST: i128 = 1_000_000_000_000_000_000;
/// What a record of the largest quantity costs at 0.25 each.
const COST: i128 = MOST / 4;

fn grant(effective_days_ago: i64, history: &History) -> WalletCommand {
    WalletCommand::Grant(Grant {
        amount: Credits::MAX,
        kind: GrantKind::Paid,
        priority: 50,
        effective_at: Some(history.now.plus_seconds(-86_400 * effective_days_ago)),
        expires_at: None,
        scope: Vec::new(),
        origin: Origin::Purchase,
        unit_cost: None,
        source: None,
    })
}

fn debit() -> WalletCommand {
    WalletCommand::Debit(Debit {
        amount: Credits::MAX,
        meter: None,
        effective_at: None,
        attribution: Attribution::default(),
        reason: None,
    })
}

fn usage(history: &History, number: i128) -> WalletCommand {
    WalletCommand::RecordUsage(Usage {
        meter: text("calls"),
        quantity: Some(text("1000000000000")),
        tokens: None,
        value: None,
        attribution: Attribution::default(),
        occurred_at: history.now,
        source: text("probe"),
        id: text(&format!("usage-{number}")),
    })
}

/// Two tenants with the largest turnover that so many rounds can have. All that comes in is dated
/// three days back, so that at that time all of it stood in the books at once.
fn large() -> History {
    let mut history = History::new(&["t_acme", "t_bolt"]);
    for tenant in [acme(), text("t_bolt")] {
        for number in 0..ROUNDS {
            let granted = grant(3, &history);
            assert!(history.command(&tenant, &granted));
            assert!(history.command(&tenant, &debit()));
            let granted = grant(3, &history);
            assert!(history.command(&tenant, &granted));
            for part in 0..4 {
                let used = usage(&history, number * 4 + part);
                assert!(history.command(&tenant, &used));
            }
        }
    }
    history
}

fn month(views: &Views, history: &History, at: AsOf) -> UsageSum {
    let query = UsageQuery {
        window: WindowUnit::Month,
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
    let mut found = views.usage(&acme(), &query, history.now).unwrap().value.items;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn m3_accounts_of_a_turnover_beyond_64_bits_of_micros_are_exact() {
    with_views(&large(), |views| {
        let accounts = views.accounts(&acme()).unwrap().value;
        let told: Vec<(String, i128)> =
            accounts.iter().map(|row| (row.account.to_string(), row.balance_micros())).collect();
        let wanted = [
            ("available", 0),
            ("consumed/-", ROUNDS * MOST),
            ("consumed/calls", ROUNDS * 4 * COST),
            ("issued/purchase", -2 * ROUNDS * MOST),
        ];
        assert_eq!(told, wanted.map(|(name, micros)| (name.to_owned(), micros)));
        let all = views.all_accounts().unwrap().value;
        let told: Vec<(&str, i128)> =
            all.accounts.iter().map(|row| (row.account.as_str(), row.balance_micros)).collect();
        assert_eq!(told, wanted.map(|(name, micros)| (name, 2 * micros)));
        assert_eq!(all.sum_micros, 0);
        let holders = views.account_holders(&Account::Consumed(None), 1).unwrap().value;
        assert_eq!(holders.total_micros, 2 * ROUNDS * MOST);
        assert_eq!(holders.largest, [(acme(), ROUNDS * MOST)]);
    });
}

#[test]
fn m3_a_trial_balance_of_a_turnover_beyond_64_bits_of_micros_is_exact() {
    let history = large();
    with_views(&history, |views| {
        for (group_by, times) in [(TrialBalanceGroup::Tenant, 1), (TrialBalanceGroup::Account, 2)] {
            let from = Some(history.now.plus_seconds(-86_400));
            let query = TrialBalanceQuery { group_by, from, ..TrialBalanceQuery::default() };
            let trial = views.trial_balance(&query, history.now).unwrap().value;
            assert_eq!(trial.sum, 0);
            let issued = Account::Issued(Origin::Purchase);
            for line in trial.lines.iter().filter(|line| line.account == issued) {
                let all = -2 * times * ROUNDS * MOST;
                assert_eq!((line.opening, line.movement, line.closing), (all, 0, all));
            }
            for line in trial.lines.iter().filter(|line| line.account == Account::Available) {
                let all = 2 * times * ROUNDS * MOST;
                assert_eq!((line.opening, line.movement, line.closing), (all, -all, 0));
            }
        }
    });
}

#[test]
fn m3_usage_that_costs_more_than_64_bits_of_micros_is_reported_exactly() {
    let history = large();
    with_views(&history, |views| {
        let now = AsOf { as_of: Some(history.now), known_at: None };
        for at in [AsOf::default(), now] {
            let sum = month(views, &history, at);
            assert_eq!(sum.cost_micros, ROUNDS * 4 * COST);
            assert_eq!(sum.quantity.to_string(), format!("{}", ROUNDS * 4 * 1_000_000_000_000));
        }
    });
}

#[test]
fn m5_the_books_of_a_moment_may_hold_more_than_a_wallet_ever_had() {
    let history = large();
    let tenant: TenantId = acme();
    with_views(&history, |views| {
        let yesterday = history.now.plus_seconds(-86_400);
        let at = AsOf { as_of: Some(yesterday), known_at: None };
        let book = views.balance_as_of(&tenant, at, history.now).unwrap().value;
        assert_eq!(book.available, 2 * ROUNDS * MOST);
        let query = EntryQuery { from: Some(yesterday), limit: 1_000, ..EntryQuery::default() };
        let period = views.entries(&tenant, &query, history.now).unwrap().value.period.unwrap();
        assert_eq!((period.opening.available, period.closing.available), (2 * ROUNDS * MOST, 0));
    });
}

#[test]
fn rows_of_the_version_before_are_split_and_answer_until_they_are_built_anew() {
    let before = Migrations {
        sqlite: MIGRATIONS.sqlite.split_at(6).0,
        postgres: MIGRATIONS.postgres.split_at(7).0,
    };
    on_each_engine(|store| {
        let mut older = store.connection_of(&before);
        let micros = [7_i64, -7, 999_999_999, 1_000_000_000, -2_500_000_001, i64::MAX];
        for (number, balance) in micros.into_iter().enumerate() {
            let sql = "INSERT INTO account VALUES ('t_acme', $1, $2)";
            let account = format!("consumed/meter_{number}");
            older.execute(sql, &[account.as_str().into(), balance.into()]).unwrap();
            let sql = "INSERT INTO usage_total \
                VALUES ('t_acme', 'month', 0, $1, '', '', 1, 2, 3, 4, 5, 6, $2, 7, 8)";
            older.execute(sql, &[account.as_str().into(), balance.into()]).unwrap();
        }
        drop(older);
        let all = store.open(&Journal::new(&[])).all_accounts().unwrap().value;
        let found: Vec<i128> = all.accounts.iter().map(|each| each.balance_micros).collect();
        assert_eq!(found, micros.map(i128::from));
        let sql = "SELECT cost_thousands, cost_micros, unpriced, voided \
            FROM usage_total ORDER BY meter";
        let rows = store.connection().query(sql, &[]).unwrap();
        let costs = rows.iter().map(|row| {
            assert_eq!((row.int(2).unwrap(), row.int(3).unwrap()), (7, 8));
            turnover::of_columns(row.int(0).unwrap(), row.int(1).unwrap())
        });
        assert_eq!(costs.collect::<Vec<i128>>(), micros.map(i128::from));
    });
}

/// A quantity has up to twelve decimals, and a sum more digits than the 28 of a decimal (M1).
#[test]
fn a_quantity_beyond_96_bits_is_reported_to_its_last_decimal() {
    let mut history = History::new(&["t_acme"]);
    let granted = grant(0, &history);
    assert!(history.command(&acme(), &granted));
    let used = usage(&history, 0);
    assert!(history.command(&acme(), &used));
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(512)).unwrap();
        let more = "UPDATE usage_total SET quantity_units = $1, quantity_parts = 1";
        store.connection().execute(more, &[i64::MAX.into()]).unwrap();
        let sum = month(&views, &history, AsOf::default());
        assert_eq!(sum.quantity.to_string(), "9223372036854775807.000000000001");
    });
}
