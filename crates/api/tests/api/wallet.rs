//! Grants, debits, holds, refunds and what governs a wallet.

use axum::http::StatusCode;
use insta::assert_json_snapshot;

use crate::app::App;

#[tokio::test]
async fn a_tenant_is_created_and_gets_an_id() {
    let app = App::start();
    let made = app.post("/v1/tenants", "k1", r#"{"name":"Acme"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_json_snapshot!(made.json());
    let named = app
        .post("/v1/tenants", "k2", r#"{"id":"t_b","name":"B","time_zone":"Europe/Stockholm"}"#)
        .await;
    assert_eq!(named.json()["id"], "t_b");
    assert_eq!(named.json()["time_zone"], "Europe/Stockholm");
}

#[tokio::test]
async fn a_grant_and_a_debit_answer_with_facts_and_balance() {
    let app = App::start().with_credits("500").await;
    let debit =
        r#"{"amount":"1.25","meter":"reports","agent":"analyst","dimensions":{"team":"a"}}"#;
    let debit = app.post("/v1/tenants/t_acme/debits", "d1", debit).await;
    assert_eq!(debit.status, StatusCode::CREATED, "{}", debit.text());
    assert_json_snapshot!(debit.json());
}

#[tokio::test]
async fn a_refusal_carries_the_numbers_to_act_on() {
    let app = App::start().with_credits("50").await;
    let refused = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"75"}"#).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_json_snapshot!(refused.json());
}

/// W5: what is owed beyond the limit comes before new work, and credits with a scope do not repay it.
#[tokio::test]
async fn a_refusal_says_what_to_do_about_what_is_owed_beyond_the_limit() {
    let app = App::start().with_credits("1").await;
    let hold = app.post("/v1/tenants/t_acme/holds", "h", r#"{"amount":"1"}"#).await;
    let path = format!("/v1/tenants/t_acme/holds/{}/settle", hold.json()["id"].as_str().unwrap());
    let settled = app.post(&path, "s", r#"{"amount":"100"}"#).await;
    assert_eq!(settled.status, StatusCode::OK, "{}", settled.text());
    let scoped = r#"{"amount":"50","scope":["calls"]}"#;
    let granted = app.post("/v1/tenants/t_acme/grants", "g", scoped).await;
    assert_eq!(granted.status, StatusCode::CREATED, "{}", granted.text());
    let debit = r#"{"amount":"10","meter":"calls"}"#;
    let refused = app.post("/v1/tenants/t_acme/debits", "d", debit).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_json_snapshot!(refused.json());
}

#[tokio::test]
async fn a_hold_is_extended_and_settled_and_ends_once() {
    let app = App::start().with_credits("500").await;
    let hold =
        app.post("/v1/tenants/t_acme/holds", "h", r#"{"amount":"75","ttl_seconds":60}"#).await;
    assert_eq!(hold.status, StatusCode::CREATED, "{}", hold.text());
    assert_json_snapshot!("hold_placed", hold.json());
    let path = format!("/v1/tenants/t_acme/holds/{}", hold.json()["id"].as_str().unwrap());
    let extended = app.post(&format!("{path}/extend"), "e", r#"{"ttl_seconds":900}"#).await;
    assert_eq!(extended.json()["expires_at"], "2026-11-20T12:15:00Z", "{}", extended.text());
    let settled = app.post(&format!("{path}/settle"), "s", r#"{"amount":"62.5"}"#).await;
    assert_eq!(settled.status, StatusCode::OK, "{}", settled.text());
    assert_json_snapshot!("hold_settled", settled.json());
    let again = app.post(&format!("{path}/release"), "r", "{}").await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "hold_ended".into()));
}

/// W9: whoever is told that nothing is left but a debit charges the work a second time.
#[tokio::test]
async fn a_hold_that_ran_out_says_until_when_it_can_be_settled() {
    let app = App::start().with_credits("500").await;
    let hold =
        app.post("/v1/tenants/t_acme/holds", "h", r#"{"amount":"75","ttl_seconds":60}"#).await;
    let path = format!("/v1/tenants/t_acme/holds/{}", hold.json()["id"].as_str().unwrap());
    app.clock.advance_seconds(360);
    for (verb, body) in [("extend", "{}"), ("release", "{}")] {
        let refused = app.post(&format!("{path}/{verb}"), verb, body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "hold_expired".into()));
        assert_eq!(refused.json()["settle_until"], "2026-11-20T12:06:00Z", "{}", refused.text());
        let hint = "settle the hold for work that was done; otherwise nothing is left to do";
        assert_eq!(refused.json()["hint"], hint);
    }
    app.clock.advance_seconds(1);
    for (verb, body) in [("settle", r#"{"amount":"1"}"#), ("release", "{}")] {
        let refused = app.post(&format!("{path}/{verb}"), verb, body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "hold_expired".into()));
        assert!(refused.json().get("settle_until").is_none(), "{}", refused.text());
        assert_eq!(refused.json()["hint"], "record the work as a debit");
    }
}

#[tokio::test]
async fn a_released_hold_returns_everything() {
    let app = App::start().with_credits("500").await;
    let hold = app.post("/v1/tenants/t_acme/holds", "h", r#"{"amount":"75"}"#).await;
    let path = format!("/v1/tenants/t_acme/holds/{}", hold.json()["id"].as_str().unwrap());
    let released = app.post(&format!("{path}/release"), "r", "{}").await;
    assert_eq!(released.json()["balance"]["available"], "500", "{}", released.text());
}

#[tokio::test]
async fn a_refund_returns_credits_and_never_more_than_were_taken() {
    let app = App::start().with_credits("10").await;
    let debit = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"4"}"#).await;
    let entry = debit.json()["id"].as_str().unwrap().to_owned();
    let refund = format!(r#"{{"entry":"{entry}","amount":"3"}}"#);
    let refund = app.post("/v1/tenants/t_acme/refunds", "r1", refund).await;
    assert_eq!(refund.status, StatusCode::CREATED, "{}", refund.text());
    assert_json_snapshot!(refund.json());
    let more = format!(r#"{{"entry":"{entry}","amount":"2"}}"#);
    let more = app.post("/v1/tenants/t_acme/refunds", "r2", more).await;
    assert_eq!((more.status, more.code()), (StatusCode::CONFLICT, "refund_exceeds_debit".into()));
    assert_eq!(more.json()["refundable"], "1");
}

#[tokio::test]
async fn a_grant_is_voided_as_far_as_it_is_unused() {
    let app = App::start().with_credits("10").await;
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"4"}"#).await;
    let void = app
        .post("/v1/tenants/t_acme/grants/grant_2/void", "v", r#"{"reason":"ordered twice"}"#)
        .await;
    assert_eq!(void.status, StatusCode::OK, "{}", void.text());
    assert_eq!(void.json()["amount"], "6");
    assert_eq!(void.json()["balance"]["available"], "0");
}

#[tokio::test]
async fn an_overdraft_limit_lets_a_wallet_go_below_zero() {
    let app = App::start().with_credits("1").await;
    let limit = app.post("/v1/tenants/t_acme/overdraft-limit", "l", r#"{"limit":"5"}"#).await;
    assert_eq!(limit.status, StatusCode::OK, "{}", limit.text());
    let debit = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"3"}"#).await;
    assert_eq!(debit.json()["balance"]["overdraft"], "2", "{}", debit.text());
}

#[tokio::test]
async fn a_frozen_wallet_and_a_suspended_tenant_refuse_debits() {
    let app = App::start().with_credits("10").await;
    let debit = r#"{"amount":"1"}"#;
    for (stop, code, start) in
        [("freeze", "wallet_frozen", "unfreeze"), ("suspend", "tenant_suspended", "reactivate")]
    {
        let reason = r#"{"reason":"under review"}"#;
        let stopped = app.post(&format!("/v1/tenants/t_acme/{stop}"), stop, reason).await;
        assert_eq!(stopped.status, StatusCode::OK, "{}", stopped.text());
        let refused = app.post("/v1/tenants/t_acme/debits", code, debit).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, code.to_owned()));
        assert_eq!(refused.json()["reason"], "under review");
        let started = app.post(&format!("/v1/tenants/t_acme/{start}"), start, reason).await;
        assert_eq!(started.status, StatusCode::OK, "{}", started.text());
        let accepted = app.post("/v1/tenants/t_acme/debits", code, debit).await;
        assert_eq!(accepted.status, StatusCode::CREATED, "a refusal does not burn its key");
    }
}

#[tokio::test]
async fn a_thousand_debits_at_once_spend_no_more_than_there_is() {
    let app = std::sync::Arc::new(App::start().with_credits("50").await);
    let debits = (0..1000).map(|number| {
        let app = std::sync::Arc::clone(&app);
        tokio::spawn(async move {
            let key = format!("d{number}");
            app.post("/v1/tenants/t_acme/debits", &key, r#"{"amount":"1"}"#).await.status
        })
    });
    let mut spent = 0;
    for debit in debits.collect::<Vec<_>>() {
        match debit.await.unwrap() {
            StatusCode::CREATED => spent += 1,
            status => assert_eq!(status, StatusCode::PAYMENT_REQUIRED),
        }
    }
    assert_eq!(spent, 50);
}
