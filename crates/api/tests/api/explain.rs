//! Every number explains itself, and adds up.

mod random_book;

use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use insta::assert_json_snapshot;
use quipu_domain::Position;
use quipu_engine::Clock as _;
use serde_json::{Value, json};

use crate::app::{App, NOW};

/// The same book for every snapshot: prices by token and by tier, holds, refunds, corrections.
async fn book() -> App {
    let app = App::start().with_credits("500").await;
    let post = async |path: &str, key: &str, body: Value| {
        let answer = app.post(path, key, body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    };
    let since = "2026-01-01T00:00:00Z";
    let models = json!({"small": {"input": "2.5", "cached_input": "0.1", "output": "10"}});
    let prices = json!({"effective_at": since, "models": models, "markup_percent": "20"});
    post("/v1/price-tables/models/prices", "prices", prices).await;
    for (name, price) in [
        ("llm_tokens", json!({"model": "tokens", "price_table": "models"})),
        (
            "images",
            json!({"model": "graduated", "tiers": [
            {"up_to": "2", "unit_price": "1"}, {"unit_price": "0.5", "flat_price": "3"}]}),
        ),
    ] {
        post("/v1/meters", name, json!({"name": name, "aggregation": "sum"})).await;
        let price = json!({"effective_at": since, "price": price});
        post(&format!("/v1/meters/{name}/prices"), &format!("price-{name}"), price).await;
    }
    app.clock.advance_seconds(60);
    let later = json!({"amount": "10", "effective_at": "2200-01-01T00:00:00Z"});
    post("/v1/tenants/t_acme/grants", "later", later).await;
    post("/v1/tenants/t_acme/debits", "debit", json!({"amount": "1.25", "reason": "report"})).await;
    let hold = post("/v1/tenants/t_acme/holds", "hold", json!({"amount": "75"})).await;
    let settle = format!("/v1/tenants/t_acme/holds/{}/settle", hold["id"].as_str().unwrap());
    post(&settle, "settle", json!({"amount": "80.5"})).await;
    post("/v1/tenants/t_acme/holds", "open", json!({"amount": "5"})).await;
    let tokens = json!({"meter": "llm_tokens", "model": "small", "input": 1201, "cached_input": 7,
        "output": 300});
    for (id, mut record) in [
        ("u1", tokens.clone()),
        ("u2", json!({"meter": "images", "quantity": "1.5"})),
        ("u3", json!({"meter": "images", "quantity": "2.25"})),
        ("u4", tokens),
    ] {
        record["agent"] = json!("analyst");
        report_usage(&app, id, record).await;
    }
    let used = |answer: &Value| answer["entries"].as_array().unwrap().clone();
    let recorded =
        app.read("/v1/tenants/t_acme/entries?type=UsageRecorded&order=newest_first").await.json();
    let last = used(&recorded)[0]["id"].as_str().unwrap().to_owned();
    post(&format!("/v1/tenants/t_acme/usage/{last}/void"), "void", json!({"reason": "twice"}))
        .await;
    let first = used(&recorded)[3]["id"].as_str().unwrap().to_owned();
    let refund = json!({"entry": first, "amount": "0.001"});
    post("/v1/tenants/t_acme/refunds", "refund", refund).await;
    app
}

/// The explanation, which must add up, without what differs from run to run.
async fn explained(app: &App, path: &str) -> Value {
    let answer = app.read(&format!("/v1/explain/{path}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    let mut answer = answer.json();
    assert_eq!(answer["adds_up"], true, "{path}: {answer:#}");
    redact(&mut answer);
    answer
}

fn redact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if ["id", "hash", "fingerprint"].contains(&name.as_str()) {
                    let length = value.as_str().unwrap().len();
                    *value = format!("[{length} characters]").into();
                } else {
                    redact(value);
                }
            }
        }
        _ => {}
    }
}

/// The positions of the events of a type.
fn positions_of(app: &App, event_type: &str) -> Vec<Position> {
    let events = app.engine.journal().page(Position::ZERO, 1_000).unwrap();
    let found = events.iter().filter(|event| event.event.type_name() == event_type);
    found.map(|event| event.position).collect()
}

/// Reports what the tenant used.
async fn report_usage(app: &App, id: &str, mut record: Value) {
    let who = json!({"tenant": "t_acme", "occurred_at": NOW, "source": "probe", "id": id});
    record.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
    let answer = app.post_usage("", record.to_string()).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

#[tokio::test]
async fn a_balance_is_explained_by_its_entries() {
    let app = book().await;
    let shown = app.read("/v1/tenants/t_acme/balance").await.json();
    let balance = explained(&app, "balance/t_acme?limit=3").await;
    assert_eq!(balance["figures"]["amount"], shown["available"]);
    assert_json_snapshot!("explain_balance", balance);
    let held = explained(&app, "balance/t_acme?account=held").await;
    assert_eq!(held["figures"]["amount"], shown["held"]);
    explained(&app, "balance/t_acme?account=overdraft").await;
    for known_at in 0..=app.head().0 {
        explained(&app, &format!("balance/t_acme?known_at={known_at}&limit=2")).await;
        let both = format!("balance/t_acme?known_at={known_at}&as_of={NOW}&limit=1");
        explained(&app, &both).await;
    }
}

/// Its events are those that the number is of, however many are recorded while they are read.
#[tokio::test]
async fn a_balance_of_a_moment_adds_up_while_commands_go_on() {
    let app = App::start().with_credits("1000").await;
    app.read("/v1/tenants/t_acme").await;
    let is_over = AtomicBool::new(false);
    let debits = async {
        for number in 0..300 {
            let key = format!("debit-{number}");
            app.post("/v1/tenants/t_acme/debits", &key, r#"{"amount":"0.5"}"#).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let explanations = async {
        while !is_over.load(Ordering::Relaxed) {
            for moment in ["as_of", "known_at"] {
                let path = format!("/v1/explain/balance/t_acme?{moment}={NOW}&limit=2");
                let answer = app.get(&path).await;
                if answer.code() == "view_behind" {
                    continue;
                }
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
                assert_eq!(answer.json()["adds_up"], true, "{path}: {}", answer.text());
            }
        }
    };
    tokio::join!(debits, explanations);
}

/// How many events moved it before those that are told would take reading all of them.
#[tokio::test]
async fn what_came_before_the_entries_of_a_balance_is_summed_up_and_not_counted() {
    let app = book().await;
    let balance = explained(&app, "balance/t_acme?limit=1&account=held").await;
    assert_eq!(balance["lines"].as_array().unwrap().len(), 0, "{balance:#}");
    assert_eq!(balance["rest"], json!({"figures": {"amount": "5"}}), "{balance:#}");
    let account = explained(&app, "account?account=held&tenant=t_acme&limit=1").await;
    assert_eq!(account["rest"]["events"], 2, "{account:#}");
}

#[tokio::test]
async fn usage_is_explained_with_its_arithmetic() {
    let app = book().await;
    let window = "window=month&window_start=2026-11-01T00:00:00Z";
    let all = explained(&app, &format!("usage/t_acme?{window}")).await;
    let report = app.read("/v1/tenants/t_acme/usage?window=month").await.json();
    let row = &report["usage"][0];
    assert_eq!(all["figures"]["cost"], row["cost"]);
    assert_eq!(all["figures"]["records"], row["records"].to_string());
    assert_eq!(all["figures"]["voided"], "1");
    let images = explained(&app, &format!("usage/t_acme?{window}&meter=images")).await;
    assert_json_snapshot!("explain_usage", images);
    explained(&app, &format!("usage/t_acme?{window}&model=small&agent=analyst&limit=1")).await;
    for start in ["2020-01-01T00:00:00Z", "2026-10-31T23:59:59.5Z", "2026-11-01T00:00:00.000001Z"] {
        let path = format!("/v1/explain/usage/t_acme?window=month&window_start={start}");
        let empty = app.read(&path).await;
        let found = (empty.status, empty.code());
        assert_eq!(found, (StatusCode::NOT_FOUND, "not_found".into()), "{start}: {}", empty.text());
    }
}

#[tokio::test]
async fn an_entry_is_explained_down_to_the_grant_and_the_price() {
    let app = book().await;
    let settled = explained(&app, &format!("entry_{}", positions_of(&app, "HoldSettled")[0])).await;
    assert_json_snapshot!("explain_settlement", settled);
    let used = explained(&app, &format!("entry_{}", positions_of(&app, "UsageRecorded")[0])).await;
    assert_json_snapshot!("explain_usage_entry", used);
    for event_type in ["CreditsDebited", "UsageVoided", "CreditsRefunded", "MeterPriced"] {
        explained(&app, &positions_of(&app, event_type)[0].to_string()).await;
    }
}

#[tokio::test]
async fn a_grant_and_a_hold_are_explained_by_what_became_of_them() {
    let app = book().await;
    let grant = explained(&app, "grant_2").await;
    assert_json_snapshot!("explain_grant", grant["figures"]);
    let last = explained(&app, "grant_2?limit=2").await;
    assert_eq!((&last["figures"], last["lines"].as_array().unwrap().len()), (&grant["figures"], 2));
    assert!(last["rest"]["events"].as_u64().unwrap() > 2, "{last:#}");
    let hold = explained(&app, &format!("hold_{}", positions_of(&app, "HoldPlaced")[0])).await;
    assert_json_snapshot!("explain_hold", hold);
}

#[tokio::test]
async fn an_account_is_explained_for_one_tenant_and_for_all() {
    let app = book().await;
    let trial = app.read("/v1/accounts").await.json();
    for row in trial["accounts"].as_array().unwrap() {
        let account = row["account"].as_str().unwrap();
        let all = explained(&app, &format!("account?account={account}")).await;
        assert_eq!(all["figures"]["amount"], row["balance"]);
        let own =
            explained(&app, &format!("account?account={account}&tenant=t_acme&limit=2")).await;
        assert_eq!(own["figures"]["amount"], row["balance"]);
    }
    let all = explained(&app, "account?account=consumed/images").await;
    assert_json_snapshot!("explain_account_of_all", all);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let app = book().await;
    for (path, status, code) in [
        ("entry_999", StatusCode::NOT_FOUND, "unknown_entry"),
        ("entry_1", StatusCode::NOT_FOUND, "unknown_entry"),
        ("grant_1", StatusCode::NOT_FOUND, "unknown_grant"),
        ("hold_2", StatusCode::NOT_FOUND, "unknown_hold"),
        ("999", StatusCode::NOT_FOUND, "not_found"),
        ("fortune", StatusCode::BAD_REQUEST, "invalid_path"),
        ("balance/t_nobody", StatusCode::NOT_FOUND, "unknown_tenant"),
        ("balance/t_acme?account=expired", StatusCode::BAD_REQUEST, "invalid_value"),
        ("account?account=fortune", StatusCode::BAD_REQUEST, "invalid_query"),
        ("balance/t_acme?limit=0", StatusCode::BAD_REQUEST, "invalid_query"),
    ] {
        let answer = app.get(&format!("/v1/explain/{path}")).await;
        let code = if answer.code() == "invalid_query" { "invalid_query" } else { code };
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
}

/// A book with every kind of event that rests on others.
async fn book_of_all_kinds() -> App {
    let app = App::start();
    let post = async |path: &str, body: Value| {
        let key = app.head().to_string();
        let answer = app.post(&format!("/v1/{path}"), &key, body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()
    };
    let wallet =
        async |path: &str, body: Value| post(&format!("tenants/t_acme/{path}"), body).await;
    let id = |answer: &Value| answer["id"].as_str().unwrap().to_owned();
    let wait = |seconds| app.clock.advance_seconds(seconds);
    let in_seconds = |seconds| app.clock.now().plus_seconds(seconds).to_string();

    post("tenants", json!({"id": "t_acme", "name": "Acme"})).await;
    let (since, models) =
        ("2026-01-01T00:00:00Z", json!({"small": {"input": "100", "output": "0"}}));
    let prices = json!({"effective_at": since, "models": models, "source": "the maker's page"});
    post("price-tables/models/prices", prices).await;
    post("meters", json!({"name": "llm_tokens", "aggregation": "sum"})).await;
    let images =
        json!({"name": "images", "aggregation": "sum", "unpriced": {"policy": "record_unpriced"}});
    post("meters", images).await;
    let price = json!({"model": "tokens", "price_table": "models"});
    post("meters/llm_tokens/prices", json!({"effective_at": since, "price": price})).await;

    wallet("grants", json!({"amount": "1", "source": "gift", "expires_at": in_seconds(60)})).await;
    wallet("debits", json!({"amount": "0.25"})).await;
    wait(61);
    wallet("grants", json!({"amount": "10", "source": "order 4711"})).await;
    let mistaken = wallet("grants", json!({"amount": "3"})).await;
    wallet(&format!("grants/{}/void", id(&mistaken)), json!({"reason": "mistaken"})).await;
    let hold = id(&wallet("holds", json!({"amount": "4", "ttl_seconds": 60})).await);
    wallet(&format!("holds/{hold}/extend"), json!({"ttl_seconds": 600})).await;
    wallet(&format!("holds/{hold}/settle"), json!({"amount": "5"})).await;
    let hold = id(&wallet("holds", json!({"amount": "2"})).await);
    wallet(&format!("holds/{hold}/release"), json!({})).await;
    wallet("holds", json!({"amount": "1", "ttl_seconds": 60})).await;
    wait(61);
    for (id, record) in [
        ("u1", json!({"meter": "llm_tokens", "model": "small", "input": 20_000})),
        ("u2", json!({"meter": "images", "quantity": "2"})),
    ] {
        report_usage(&app, id, record).await;
    }
    let used = positions_of(&app, "UsageRecorded");
    let price = json!({"model": "flat", "unit_price": "0.5"});
    post("meters/images/prices", json!({"effective_at": since, "price": price})).await;
    wallet(&format!("usage/entry_{}/rate", used[1]), json!({"reason": "priced"})).await;
    let refund = json!({"entry": format!("entry_{}", used[1]), "amount": "0.875"});
    wallet("refunds", refund).await;
    let price = json!({"model": "flat", "unit_price": "0.25"});
    post("meters/images/prices", json!({"effective_at": since, "price": price})).await;
    wallet(&format!("usage/entry_{}/rate", used[1]), json!({"reason": "cheaper"})).await;
    wallet(&format!("usage/entry_{}/void", used[0]), json!({"reason": "twice"})).await;
    let debit = positions_of(&app, "CreditsDebited")[0];
    wallet("refunds", json!({"entry": format!("entry_{debit}"), "amount": "0.125"})).await;
    wallet("overdraft-limit", json!({"limit": "50"})).await;
    wallet("debits", json!({"amount": "20"})).await;
    wallet("grants", json!({"amount": "30"})).await;
    // U4: of what the refund kept from going back, a rise takes some, and the next one the rest.
    for unit_price in ["0.375", "0.75"] {
        let price = json!({"model": "flat", "unit_price": unit_price});
        post("meters/images/prices", json!({"effective_at": since, "price": price})).await;
        wallet(&format!("usage/entry_{}/rate", used[1]), json!({"reason": "dearer"})).await;
    }
    app
}

/// One line for each event: who says so outside, and what it rests on.
#[tokio::test]
async fn every_event_names_what_it_rests_on() {
    let app = book_of_all_kinds().await;
    let mut told = String::new();
    for position in 1..=app.head().0 {
        let answer = explained(&app, &position.to_string()).await;
        let event = &answer["lines"][0]["event"];
        let text =
            |value: &Value| value.as_str().map(|text| format!(" {text}")).unwrap_or_default();
        told += &format!("{position} {}", event["type"].as_str().unwrap());
        for name in ["source", "source_id"] {
            told += &event[name].as_str().map(|it| format!(", {name} {it}")).unwrap_or_default();
        }
        for cause in event["causes"].as_array().into_iter().flatten() {
            let (relation, at) = (&cause["relation"], &cause["event"]["position"]);
            told += &format!(",{}{} {at}", text(relation), text(&cause["amount"]));
        }
        for part in answer["parts"].as_array().into_iter().flatten() {
            told += &format!("; {}{}", text(&part["figures"]["amount"]), text(&part["what"]));
        }
        told.push('\n');
        if event["type"] == "HoldPlaced" {
            let hold = explained(&app, &format!("hold_{position}")).await;
            let lines = hold["lines"].as_array().unwrap().iter();
            let events: Vec<_> =
                lines.map(|line| line["event"]["type"].as_str().unwrap()).collect();
            told += &format!("hold_{position}: {}\n", events.join(", "));
        }
    }
    insta::assert_snapshot!("explain_causes", told);
}
