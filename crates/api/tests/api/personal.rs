//! Personal texts (P1 to P4): sealed before a command is decided, opened in the answer.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

const NAME: &str = "Erika Mustermann";

async fn created(app: &App) -> Value {
    let body = json!({"id": "t_acme", "name": NAME}).to_string();
    let answer = app.post("/v1/tenants", "create", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

async fn stored(app: &App) -> Vec<Value> {
    let page = app.get("/v1/events").await.json();
    page["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn p1_an_event_has_the_sealed_text_and_its_answer_the_name() {
    let app = App::start();
    assert_eq!(created(&app).await["name"], NAME);
    let event = &stored(&app).await[0];
    assert_eq!(event["schema"], 2);
    let name = event["data"]["name"].as_str().unwrap();
    assert!(name.starts_with("sealed:t_acme:") && !event.to_string().contains("Erika"), "{event}");
    let seen = app.get("/v1/tenants/t_acme?at_least=1").await;
    assert_eq!(seen.json()["name"], NAME);
}

#[tokio::test]
async fn p2_nobody_has_somebody_elses_text_opened() {
    let app = App::start();
    created(&app).await;
    let name = stored(&app).await[0]["data"]["name"].as_str().unwrap().to_owned();
    app.post("/v1/tenants", "other", r#"{"id": "t_other", "name": "Other"}"#).await;
    let grant = r#"{"amount": "5"}"#;
    app.post("/v1/tenants/t_other/grants", "grant", grant).await;
    for body in [
        json!({"amount": "1", "run": name}),
        json!({"amount": "1", "dimensions": {"a": name}}),
        json!({"amount": "1", "dimensions": {name.as_str(): "a"}}),
        json!({"amount": "1", "reason": name}),
    ] {
        let refused = app.post("/v1/tenants/t_other/debits", "debit", body.to_string()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_value")
        );
    }
    let quoted = json!({"amount": "1", "run": format!("it says \"{name}\"")}).to_string();
    let debited = app.post("/v1/tenants/t_other/debits", "debit", quoted).await;
    assert!(!debited.text().contains("Erika"), "{}", debited.text());
}

#[tokio::test]
async fn p3_only_who_has_the_key_can_tell_which_request_a_fingerprint_is_of() {
    let (one, other) = (App::start(), App::start());
    let mut fingerprints = Vec::new();
    for app in [&one, &other] {
        created(app).await;
        app.post("/v1/tenants/t_acme/grants", "grant", r#"{"amount": "5"}"#).await;
        fingerprints
            .push(stored(app).await.iter().map(|e| e["fingerprint"].clone()).collect::<Vec<_>>());
    }
    assert_ne!(fingerprints[0][0], fingerprints[1][0], "one with a name");
    assert_eq!(fingerprints[0][1], fingerprints[1][1], "one without");
}

#[tokio::test]
async fn p4_an_erasure_is_recorded_and_answered_again() {
    let app = App::start();
    created(&app).await;
    let erase = |key: &'static str| {
        app.post("/v1/subjects/t_acme/erase", key, r#"{"reason": "request 1"}"#)
    };
    let erased = erase("erase").await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text());
    assert_eq!(
        (&erased.json()["subject"], &erased.json()["reason"]),
        (&json!("t_acme"), &json!("request 1"))
    );
    let again = erase("erase").await;
    assert_eq!((again.header("idempotency-replayed"), &again.bytes), ("true", &erased.bytes));
    let seen = app.get("/v1/tenants/t_acme?at_least=2").await;
    assert_eq!(seen.json()["name"], "[erased]");
    let audit = app.get("/v1/audit?at_least=2").await.json();
    assert_eq!(audit["lines"][0]["name"], "[erased]");
    assert_eq!(audit["lines"][1]["summary"], "erased what was sealed for t_acme");
    let nothing = erase("erase-again").await;
    assert_eq!(
        (nothing.status, nothing.code().as_str()),
        (StatusCode::CONFLICT, "nothing_to_erase")
    );
    assert_eq!(stored(&app).await.len(), 2);
}

#[tokio::test]
async fn p4_a_tenant_that_never_was_leaves_no_key_and_cannot_be_erased() {
    let app = App::start();
    created(&app).await;
    let (keys, head) = (app.subject_keys(), app.head());
    let source = r#"{"amount": "1", "source": "x"}"#;
    let reason = r#"{"reason": "x"}"#;
    for (path, body) in [
        ("/v1/tenants/t_ghost/grants", source),
        ("/v1/tenants/t_ghost/suspend", reason),
        ("/v1/tenants/t_ghost/agents", r#"{"id": "a", "name": "x"}"#),
        ("/v1/subjects/t_ghost/erase", reason),
    ] {
        let refused = app.post(path, "k", body).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}: {}", refused.text());
        assert_eq!(refused.code(), "unknown_tenant", "{path}");
    }
    assert_eq!((app.subject_keys(), app.head()), (keys.clone(), head));
    let grant = |tenant: &str| json!({"operation": "grant", "tenant": tenant, "idempotency_key": "g", "request": {"amount": "1", "source": "x"}});
    let commands = json!([grant("t_ghost"), grant("t_acme"), grant("t_nobody")]).to_string();
    let request = axum::http::Request::post("/v1/commands")
        .header("content-type", "application/json")
        .body(commands.into())
        .unwrap();
    let answer = app.send(request).await;
    let results = &answer.json()["results"];
    let status = |index: usize| results[index]["status"].as_str().unwrap().to_owned();
    assert_eq!([status(0), status(1), status(2)], ["refused", "accepted", "refused"]);
    assert_eq!(results[2]["problem"]["tenant"], "t_nobody", "{results}");
    assert_eq!(app.subject_keys(), keys);
}

/// An erased tenant has no key and is there all the same.
#[tokio::test]
async fn p4_what_is_given_after_an_erasure_is_sealed_anew() {
    let app = App::start();
    created(&app).await;
    app.post("/v1/subjects/t_acme/erase", "e", r#"{"reason": "request 1"}"#).await;
    let renamed = app.post("/v1/tenants/t_acme/rename", "r", r#"{"name": "Acme"}"#).await;
    assert_eq!(renamed.json()["name"], "Acme", "{}", renamed.text());
    let again = app.post("/v1/subjects/t_acme/erase", "e2", r#"{"reason": "request 2"}"#).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());
}

/// P3: who is told to use a new key pays twice.
#[tokio::test]
async fn p3_a_retry_is_known_after_an_erasure_that_destroys_nothing() {
    let app = App::start();
    created(&app).await;
    let erase = |key: &'static str, reason: &str| {
        app.post("/v1/subjects/t_acme/erase", key, json!({"reason": reason}).to_string())
    };
    assert_eq!(erase("erase", "request 1").await.status, StatusCode::OK);
    app.post("/v1/tenants/t_acme/grants", "grant", r#"{"amount": "5"}"#).await;
    let debit = |key: &'static str, reason: &str| {
        let body = json!({"amount": "1", "reason": reason}).to_string();
        app.post("/v1/tenants/t_acme/debits", key, body)
    };
    let first = debit("debit", NAME).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
    let files = app.subject_keys();
    // Answered again; refused, because its key is another request's.
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    for (key, status, next) in [("erase", StatusCode::OK, "second"), ("debit", refused, "third")] {
        assert_eq!(erase(key, "request 1").await.status, status);
        assert_eq!(debit(next, NAME).await.status, StatusCode::CREATED);
        let again = debit("debit", NAME).await;
        assert_eq!(again.header("idempotency-replayed"), "true", "{}", again.text());
        assert_eq!(again.bytes, first.bytes);
    }
    assert_eq!(app.subject_keys(), files, "nothing was destroyed, and no key is needed");
    let other = debit("debit", "Somebody else").await;
    assert_eq!(other.code(), "idempotency_key_reused");
}

/// As after a while with a wrong `--subject-keys`, or with files that a backup brings back later.
#[tokio::test]
async fn p4_an_erasure_names_every_key_that_the_journal_was_sealed_with() {
    let app = App::start();
    created(&app).await;
    let agent = r#"{"id": "robot", "name": "Robbie"}"#;
    let [key] = <[_; 1]>::try_from(app.key_files("t_acme")).unwrap();
    let aside = key.with_file_name("aside");
    std::fs::rename(&key, &aside).unwrap();
    app.read_keys_again();
    app.post("/v1/tenants/t_acme/agents", "agent", agent).await;
    let made = app.key_files("t_acme");
    assert!(made.len() == 1 && made[0] != key);
    let erase = |key: &'static str| {
        app.post("/v1/subjects/t_acme/erase", key, r#"{"reason": "request 1"}"#)
    };
    let erased = erase("erase").await.json();
    let id = |key: &std::path::Path| key.extension().unwrap().to_str().unwrap().to_owned();
    let mut ids = [id(&key), id(&made[0])];
    ids.sort();
    assert_eq!(erased["keys"], json!(ids));
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(app.get("/v1/tenants/t_acme?at_least=3").await.json()["name"], "[erased]");
    let agents = app.get("/v1/tenants/t_acme/agents").await.json();
    assert_eq!(agents["agents"][0]["name"], "[erased]", "{agents}");
    // The file that came back is a key again, until it is destroyed.
    assert_eq!(erase("erase-again").await.json()["keys"], json!([id(&key)]));
    assert_eq!(erase("and-again").await.code(), "nothing_to_erase");
    // Who comes back is given a new key, which is all that the next erasure names.
    let renamed = app.post("/v1/tenants/t_acme/rename", "r", r#"{"name": "Acme"}"#).await;
    assert_eq!(renamed.json()["name"], "Acme", "{}", renamed.text());
    let [new] = <[_; 1]>::try_from(app.key_files("t_acme")).unwrap();
    assert_eq!(erase("e2").await.json()["keys"], json!([id(&new)]));
}

#[tokio::test]
async fn p4_a_key_whose_file_is_gone_while_it_is_in_memory_is_erased_too() {
    let app = App::start();
    created(&app).await;
    for key in app.key_files("t_acme") {
        std::fs::remove_file(key).unwrap();
    }
    let name = || async { app.get("/v1/tenants/t_acme?at_least=1").await.json()["name"].clone() };
    assert_eq!(name().await, NAME);
    let erased = app.post("/v1/subjects/t_acme/erase", "erase", r#"{"reason": "request 1"}"#).await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text());
    assert_eq!(name().await, "[erased]");
}
