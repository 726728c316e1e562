//! Many commands in one request: each as if it came alone (J7).

mod bad_input;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::app::{Answer, App};

async fn post(app: &App, commands: impl Into<Body>) -> Answer {
    let request = Request::post("/v1/commands")
        .header("content-type", "application/json")
        .header("x-request-id", "request-1");
    app.send(request.body(commands.into()).unwrap()).await
}

async fn send(app: &App, commands: Value) -> Answer {
    post(app, commands.to_string()).await
}

/// A command to the wallet of `t_acme`.
fn command(operation: &str, key: &str, request: Value) -> Value {
    json!({"operation": operation, "tenant": "t_acme", "idempotency_key": key, "request": request})
}

fn of_hold(operation: &str, hold: &str, key: &str, request: Value) -> Value {
    let mut command = command(operation, key, request);
    command["hold"] = hold.into();
    command
}

fn results(answer: &Answer) -> Vec<Value> {
    answer.json()["results"].as_array().unwrap().clone()
}

/// The text of a command's answer, as it stands in that of the request.
fn answer_in(batch: &Answer, index: usize) -> String {
    let text = batch.text().split("\"answer\":").nth(index + 1).unwrap();
    let mut answers = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    answers.next().unwrap().unwrap();
    text[..answers.byte_offset()].to_owned()
}

#[tokio::test]
async fn all_that_a_wallet_can_do_is_done_in_order() {
    let app = App::start().with_credits("100").await;
    let placed = send(
        &app,
        json!([
            command("debit", "d", json!({"amount": "1.25", "meter": "reports"})),
            command("grant", "g", json!({"amount": "50", "source": "order 4711"})),
            command("hold", "h1", json!({"amount": "75"})),
            command("hold", "h2", json!({"amount": "5", "ttl_seconds": 60})),
            command("hold", "h3", json!({"amount": "5"})),
        ]),
    );
    let placed = placed.await;
    assert_eq!(placed.status, StatusCode::OK, "{}", placed.text());
    assert_json_snapshot!("commands_placed", placed.json());
    let ended = send(
        &app,
        json!([
            of_hold("settle", "hold_5", "s", json!({"amount": "62.5"})),
            of_hold("extend", "hold_6", "e", json!({"ttl_seconds": 600})),
            of_hold("release", "hold_7", "r", json!({"reason": "not needed"})),
            command("refund", "f", json!({"entry": "entry_3", "amount": "0.25"})),
        ]),
    );
    let ended = ended.await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text());
    assert_json_snapshot!("commands_ended", ended.json());
}

#[tokio::test]
async fn a_refused_one_refuses_no_other_and_keeps_its_key_free() {
    let app = App::start().with_credits("10").await;
    let commands = json!([
        command("debit", "large", json!({"amount": "11"})),
        command("debit", "small", json!({"amount": "1"})),
        command("debit", "small", json!({"amount": "1"})),
        of_hold("settle", "hold_9", "settle", json!({"amount": "1"})),
        {"operation": "debit", "tenant": "t_nobody", "idempotency_key": "n", "request": {"amount": "1"}},
        command("grant", "gift", json!({"amount": "1"})),
        command("debit", "zero", json!({"amount": "0"})),
    ]);
    let answer = send(&app, commands.clone()).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{}", answer.text());
    assert_json_snapshot!(answer.json());
    assert_eq!(app.head().0, 4);
    app.post("/v1/tenants/t_acme/grants", "more", r#"{"amount":"5"}"#).await;
    let again = results(&send(&app, commands).await);
    assert_eq!((&again[0]["status"], &again[0]["replayed"]), (&json!("accepted"), &Value::Null));
    assert_eq!((&again[1]["replayed"], &again[2]["replayed"]), (&json!(true), &json!(true)));
    assert_eq!(app.head().0, 6);
}

/// The same key, alone first and then in a batch, for each operation there is.
#[tokio::test]
async fn what_was_sent_alone_is_known_in_a_batch() {
    let app = App::start().with_credits("100").await;
    let wallet = "/v1/tenants/t_acme";
    let cases = [
        ("debit", None, "debits".to_owned(), json!({"amount": "2", "reason": "a \"reason\""})),
        (
            "hold",
            None,
            "holds".to_owned(),
            json!({"amount": "3", "dimensions": {"b": "1", "a": "2"}}),
        ),
        ("extend", Some("hold_4"), "holds/hold_4/extend".to_owned(), json!({})),
        ("settle", Some("hold_4"), "holds/hold_4/settle".to_owned(), json!({"amount": "2.50"})),
        ("hold", None, "holds".to_owned(), json!({"amount": "1"})),
        ("release", Some("hold_7"), "holds/hold_7/release".to_owned(), json!({"reason": "no"})),
        ("grant", None, "grants".to_owned(), json!({"amount": "1", "source": "order 1"})),
        ("refund", None, "refunds".to_owned(), json!({"entry": "entry_3", "reason": "wrong"})),
    ];
    let (mut alone, mut commands) = (Vec::new(), Vec::new());
    for (number, (operation, hold, path, request)) in cases.into_iter().enumerate() {
        let key = format!("key-{number}");
        let answer = app.post(&format!("{wallet}/{path}"), &key, request.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        alone.push(answer);
        commands.push(match hold {
            Some(hold) => of_hold(operation, hold, &key, request),
            None => command(operation, &key, request),
        });
    }
    let head = app.head();
    let batch = send(&app, commands.into()).await;
    assert_eq!(batch.status, StatusCode::OK, "{}", batch.text());
    for (index, (alone, result)) in alone.iter().zip(results(&batch)).enumerate() {
        assert_eq!(result["replayed"], true, "{result}");
        assert_eq!(answer_in(&batch, index), alone.text(), "byte for byte");
    }
    assert_eq!(app.head(), head);
}

/// The other way round, and with another request under a key.
#[tokio::test]
async fn what_was_sent_in_a_batch_is_known_alone() {
    let app = App::start().with_credits("100").await;
    let hold = json!({"amount": "3", "meter": "m"});
    let commands = json!([
        command("debit", "\"quoted\"", json!({"amount": "2", "reason": "why"})),
        command("hold", "h", hold.clone()),
    ]);
    let batch = send(&app, commands.clone()).await;
    assert_eq!(batch.status, StatusCode::OK, "{}", batch.text());
    let settle =
        send(&app, json!([of_hold("settle", "hold_4", "s", json!({"amount": "1"}))])).await;
    let head = app.head();
    let wallet = "/v1/tenants/t_acme";
    for (path, key, request, batch, index) in [
        ("debits", "quoted", json!({"reason": "why", "amount": "2"}), &batch, 0),
        ("holds", "h", hold, &batch, 1),
        ("holds/hold_4/settle", "s", json!({"amount": "1"}), &settle, 0),
    ] {
        let alone = app.post(&format!("{wallet}/{path}"), key, request.to_string()).await;
        assert_eq!(alone.header("idempotency-replayed"), "true", "{path}");
        assert_eq!(alone.text(), answer_in(batch, index), "byte for byte");
    }
    let other = app.post(&format!("{wallet}/debits"), "h", r#"{"amount":"3","meter":"m"}"#).await;
    assert_eq!(other.code(), "idempotency_key_reused");
    let other = results(&send(&app, json!([command("hold", "s", json!({"amount": "1"}))])).await);
    assert_eq!(other[0]["problem"]["code"], "idempotency_key_reused");
    assert_eq!(app.head(), head);
}

/// P1 to P3, each command by itself.
#[tokio::test]
async fn personal_texts_are_sealed_for_their_subjects_and_opened_in_the_answer() {
    let app = App::start().with_credits("100").await;
    app.post("/v1/tenants", "other", r#"{"id":"t_other","name":"Other"}"#).await;
    let mut for_other = command("grant", "g", json!({"amount": "1", "source": "Max Muster"}));
    for_other["tenant"] = "t_other".into();
    let debit = command("debit", "d", json!({"amount": "1", "reason": "Erika Mustermann"}));
    let plain = command("debit", "p", json!({"amount": "1"}));
    let commands = json!([debit, for_other, plain]);
    let answer = send(&app, commands.clone()).await;
    assert_eq!(results(&answer)[0]["answer"]["reason"], "Erika Mustermann", "{}", answer.text());
    let events = app.get("/v1/events").await.json()["events"].clone();
    let sealed =
        |index: usize, name: &str| events[index]["data"][name].as_str().unwrap().to_owned();
    assert!(sealed(3, "reason").starts_with("sealed:t_acme:"), "{events}");
    assert!(sealed(4, "source").starts_with("sealed:t_other:"), "{events}");
    assert!(!events.to_string().contains("Muster"), "{events}");

    let erase = r#"{"reason":"request 1"}"#;
    app.post("/v1/subjects/t_acme/erase", "erase", erase).await;
    let again = results(&send(&app, commands).await);
    assert_eq!(again[0]["problem"]["code"], "idempotency_key_reused", "P3");
    assert_eq!(again[1]["answer"]["source"], "Max Muster");
    assert_eq!((&again[1]["replayed"], &again[2]["replayed"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_command_is_in_the_audit_log_by_its_own_key() {
    let app = App::start().with_credits("100").await;
    send(&app, json!([command("debit", "d", json!({"amount": "1"}))])).await;
    let audit = app.read("/v1/audit?tenant=t_acme&type=CreditsDebited").await.json();
    let line = &audit["lines"][0];
    assert_eq!((&line["command"], &line["correlation"]), (&json!("d"), &json!("request-1")));
}
