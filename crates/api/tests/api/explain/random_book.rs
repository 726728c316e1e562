//! Whatever happens to a book, each of its numbers adds up.

use axum::http::StatusCode;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Event, Position};
use quipu_engine::Clock as _;
use serde_json::json;

use crate::app::App;

#[derive(Clone, Debug)]
enum Step {
    Grant { amount: u32, in_seconds: Option<u32>, lasts_seconds: Option<u32> },
    Debit { amount: u32 },
    Hold { amount: u32, ttl_seconds: u32 },
    Settle { nth: usize, amount: u32 },
    Release { nth: usize },
    Refund { nth: usize },
    Use { meter: bool, quantity: u32 },
    Void { nth: usize },
    Rate { nth: usize },
    Price { amount: u32 },
    Limit { amount: u32 },
    Wait { seconds: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let soon = proptest::option::of(1..200_u32);
    prop_oneof![
        2 => (1..2_000_u32, soon.clone(), soon)
            .prop_map(|(amount, in_seconds, lasts_seconds)| Step::Grant { amount, in_seconds, lasts_seconds }),
        2 => (1..900_u32).prop_map(|amount| Step::Debit { amount }),
        2 => (1..900_u32, 1..120_u32).prop_map(|(amount, ttl_seconds)| Step::Hold { amount, ttl_seconds }),
        2 => (0..4_usize, 0..1_200_u32).prop_map(|(nth, amount)| Step::Settle { nth, amount }),
        1 => (0..4_usize).prop_map(|nth| Step::Release { nth }),
        1 => (0..4_usize).prop_map(|nth| Step::Refund { nth }),
        3 => (any::<bool>(), 0..4_000_u32).prop_map(|(meter, quantity)| Step::Use { meter, quantity }),
        1 => (0..4_usize).prop_map(|nth| Step::Void { nth }),
        2 => (0..4_usize).prop_map(|nth| Step::Rate { nth }),
        1 => (0..100_u32).prop_map(|amount| Step::Price { amount }),
        1 => (0..500_u32).prop_map(|amount| Step::Limit { amount }),
        2 => (1..90_u32).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// Milli-credits as an amount.
fn milli(amount: u32) -> String {
    format!("{}.{:03}", amount / 1_000, amount % 1_000)
}

/// The id of the nth last event that fits.
fn nth_last(app: &App, nth: usize, fits: fn(&WalletEvent) -> bool) -> u64 {
    let events = app.engine.journal().page(Position::ZERO, 10_000).unwrap();
    let wallet = events.iter().rev().filter(|event| match &event.event {
        Event::Wallet(wallet) => fits(wallet),
        _ => false,
    });
    wallet.map(|event| event.position.0).nth(nth).unwrap_or(1)
}

async fn take(app: &App, number: usize, step: &Step) {
    let key = format!("step-{number}");
    let at = |seconds: u32| app.clock.now().plus_seconds(i64::from(seconds)).to_string();
    let is_hold = |event: &WalletEvent| matches!(event, WalletEvent::HoldPlaced(_));
    let is_usage = |event: &WalletEvent| matches!(event, WalletEvent::UsageRecorded(_));
    let (path, body) = match step {
        Step::Grant { amount, in_seconds, lasts_seconds } => {
            let effective_at = in_seconds.map(at);
            let ends = lasts_seconds.map(|lasts| at(in_seconds.unwrap_or_default() + lasts));
            let mut body = json!({ "amount": milli(*amount) });
            if let Some(effective_at) = effective_at {
                body["effective_at"] = effective_at.into();
            }
            if let Some(ends) = ends {
                body["expires_at"] = ends.into();
            }
            ("tenants/t_acme/grants".to_owned(), body)
        }
        Step::Debit { amount } => {
            ("tenants/t_acme/debits".to_owned(), json!({ "amount": milli(*amount) }))
        }
        Step::Hold { amount, ttl_seconds } => {
            let body = json!({ "amount": milli(*amount), "ttl_seconds": ttl_seconds });
            ("tenants/t_acme/holds".to_owned(), body)
        }
        Step::Settle { nth, amount } => {
            let hold = nth_last(app, *nth, is_hold);
            let body = json!({ "amount": milli(*amount) });
            (format!("tenants/t_acme/holds/hold_{hold}/settle"), body)
        }
        Step::Release { nth } => (
            format!("tenants/t_acme/holds/hold_{}/release", nth_last(app, *nth, is_hold)),
            json!({}),
        ),
        Step::Refund { nth } => {
            let entry = nth_last(app, *nth, |event| event.entry().is_some());
            ("tenants/t_acme/refunds".to_owned(), json!({ "entry": format!("entry_{entry}") }))
        }
        Step::Use { meter, quantity } => {
            let meter = if *meter { "flat" } else { "tiers" };
            let record = json!({
                "tenant": "t_acme", "meter": meter, "quantity": milli(*quantity),
                "occurred_at": app.clock.now(), "source": "probe", "id": key,
            });
            drop(app.post_usage("", record.to_string()).await);
            return;
        }
        Step::Void { nth } => {
            let entry = nth_last(app, *nth, is_usage);
            (format!("tenants/t_acme/usage/entry_{entry}/void"), json!({ "reason": "mistaken" }))
        }
        Step::Rate { nth } => {
            let entry = nth_last(app, *nth, is_usage);
            (format!("tenants/t_acme/usage/entry_{entry}/rate"), json!({ "reason": "again" }))
        }
        Step::Price { amount } => {
            let price = json!({ "model": "flat", "unit_price": milli(*amount) });
            let body = json!({ "effective_at": "2026-01-01T00:00:00Z", "price": price });
            ("meters/flat/prices".to_owned(), body)
        }
        Step::Limit { amount } => {
            ("tenants/t_acme/overdraft-limit".to_owned(), json!({ "limit": milli(*amount) }))
        }
        Step::Wait { seconds } => {
            app.clock.advance_seconds(i64::from(*seconds));
            return;
        }
    };
    drop(app.post(&format!("/v1/{path}"), &key, body.to_string()).await);
}

async fn random_book(steps: &[Step]) -> Result<(), TestCaseError> {
    let app = App::start().with_credits("3").await;
    for (meter, price) in [
        ("flat", json!({"model": "flat", "unit_price": "0.0333333"})),
        (
            "tiers",
            json!({"model": "volume", "tiers": [
            {"up_to": "3", "unit_price": "0.2"}, {"unit_price": "0.05", "flat_price": "0.1"}]}),
        ),
    ] {
        app.post("/v1/meters", meter, json!({"name": meter, "aggregation": "sum"}).to_string())
            .await;
        let price = json!({"effective_at": "2026-01-01T00:00:00Z", "price": price});
        let path = format!("/v1/meters/{meter}/prices");
        app.post(&path, &format!("price-{meter}"), price.to_string()).await;
    }
    for (number, step) in steps.iter().enumerate() {
        take(&app, number, step).await;
    }
    let accounts = app.read("/v1/tenants/t_acme/accounts").await.json();
    let accounts = accounts["accounts"].as_array().cloned().unwrap_or_default();
    let mut paths: Vec<String> = accounts
        .iter()
        .map(|row| format!("account?tenant=t_acme&account={}", row["account"].as_str().unwrap()))
        .collect();
    let window = "window=month&window_start=2026-11-01T00:00:00Z";
    paths.extend(["flat", "tiers"].map(|meter| format!("usage/t_acme?{window}&meter={meter}")));
    let own = ["available", "held", "overdraft"];
    paths.extend(own.map(|account| format!("balance/t_acme?limit=4&account={account}")));
    let head = app.head().0;
    paths.extend((0..=head).step_by(5).map(|at| format!("balance/t_acme?limit=3&known_at={at}")));
    for event in app.engine.journal().page(Position::ZERO, 10_000).unwrap() {
        paths.push(event.position.to_string());
        let Event::Wallet(wallet) = &event.event else { continue };
        paths.extend(wallet.lot_terms().map(|(grant, _)| grant.to_string()));
        if let WalletEvent::HoldPlaced(e) = wallet {
            paths.push(e.hold.to_string());
        }
    }
    for path in paths {
        let answer = app.read(&format!("/v1/explain/{path}")).await;
        // A meter that was never used has no row to explain.
        if answer.status == StatusCode::NOT_FOUND && path.starts_with("usage/") {
            continue;
        }
        prop_assert_eq!(answer.status, StatusCode::OK, "{}: {}", path, answer.text());
        let answer = answer.json();
        prop_assert!(answer["adds_up"] == true, "{}: {:#}", path, answer);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_number_of_a_random_book_adds_up(steps in prop::collection::vec(step(), 10..45)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(random_book(&steps))?;
    }
}
