//! Answers about the past: any moment in both times, periods, and what is refused.

use insta::assert_json_snapshot;
use quipu_engine::Clock as _;

use crate::app::App;

/// A grant and a debit in October, a hold and a late debit for September in November.
async fn app_with_a_past() -> App {
    let app = App::start().with_credits("500").await;
    for (key, path, body) in [
        ("g", "grants", r#"{"amount":"40","effective_at":"2026-10-02T00:00:00Z"}"#),
        (
            "d",
            "debits",
            r#"{"amount":"1.25","meter":"reports","effective_at":"2026-10-03T00:00:00Z"}"#,
        ),
        ("h", "holds", r#"{"amount":"75"}"#),
    ] {
        let answer = app.post(&format!("/v1/tenants/t_acme/{path}"), key, body).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    }
    app.clock.advance_seconds(60);
    app.post("/v1/tenants/t_acme/holds/hold_5/settle", "s", r#"{"amount":"70"}"#).await;
    app
}

#[tokio::test]
async fn lots_and_holds_are_shown_as_they_were() {
    let app = app_with_a_past().await;
    let lots = app.read("/v1/tenants/t_acme/lots?known_at=5").await.json();
    assert_json_snapshot!("lots_known_at", lots);
    let october = app.read("/v1/tenants/t_acme/lots?as_of=2026-10-31T00:00:00Z").await.json();
    assert_eq!(october["lots"].as_array().unwrap().len(), 1, "{october}");
    assert_eq!(october["lots"][0]["remaining"], "38.75", "{october}");
    let open = app.read("/v1/tenants/t_acme/holds?known_at=5").await.json();
    assert_eq!(open["holds"][0]["status"], "open", "{open}");
    let open = app.read("/v1/tenants/t_acme/holds?known_at=6").await.json();
    assert_eq!(open["holds"], serde_json::json!([]));
    let genesis = app.read("/v1/tenants/t_acme/balance?known_at=0").await.json();
    assert_eq!(genesis["available"], "0", "{genesis}");
}

#[tokio::test]
async fn a_statement_of_a_period_opens_and_closes() {
    let app = app_with_a_past().await;
    let path = "/v1/tenants/t_acme/entries?from=2026-10-03T00:00:00Z&to=2026-11-01T00:00:00Z";
    assert_json_snapshot!("entries_of_a_period", app.read(path).await.json());
}

#[tokio::test]
async fn a_trial_balance_opens_moves_and_closes() {
    let app = app_with_a_past().await;
    let path = "/v1/trial-balance?from=2026-10-03T00:00:00Z&to=2026-11-01T00:00:00Z";
    assert_json_snapshot!("trial_balance", app.read(path).await.json());
    assert_json_snapshot!(
        "trial_balance_by_tenant",
        app.read("/v1/trial-balance?group_by=tenant").await.json()
    );
    let meters = app.read("/v1/trial-balance?group_by=meter").await.json();
    assert_eq!(meters["lines"][0]["account"], "consumed/-", "{meters}");
    assert_eq!(meters["lines"][1]["closing"], "1.25", "{meters}");
    assert_eq!(meters["sum"], "0", "{meters}");
}

#[tokio::test]
async fn a_period_is_sealed_once_and_what_comes_later_is_late() {
    let app = app_with_a_past().await;
    let close = |period: &str| format!(r#"{{"period":"{period}"}}"#);
    let closed = app.post("/v1/periods/close", "c1", close("2026-09")).await;
    assert_eq!(closed.status.as_u16(), 200, "{}", closed.text());
    let again = app.post("/v1/periods/close", "c1", close("2026-09")).await;
    assert_eq!(again.bytes, closed.bytes);
    for (key, period, code) in [
        ("c2", "2026-09", "period_closed"),
        ("c3", "2026-11", "period_not_over"),
        ("c4", "2026-08", "period_out_of_order"),
    ] {
        let refused = app.post("/v1/periods/close", key, close(period)).await;
        assert_eq!(refused.json()["code"], code, "{}", refused.text());
    }
    let debit = r#"{"amount":"2","effective_at":"2026-10-30T00:00:00Z"}"#;
    app.post("/v1/tenants/t_acme/debits", "late", debit).await;
    let mut closed = app.post("/v1/periods/close", "c5", close("2026-10")).await.json();
    let root = closed["root"].take();
    assert_eq!(root.as_str().unwrap().len(), 64);
    assert_json_snapshot!("closed_period", closed);
    let mut periods = app.read("/v1/periods").await.json();
    assert_eq!(periods["periods"][1]["root"], root);
    for period in periods["periods"].as_array_mut().unwrap() {
        period["root"].take();
    }
    assert_json_snapshot!("periods", periods);
}

/// W12: a scheduler that comes late, or not at all, changes no seal.
#[tokio::test]
async fn what_ended_in_a_period_is_in_its_seal_though_nobody_had_written_it() {
    let app = App::start().with_credits("5").await;
    let grant = r#"{"amount":"10","expires_at":"2026-11-30T23:59:59Z"}"#;
    app.post("/v1/tenants/t_acme/grants", "g", grant).await;
    while app.clock.now() < "2026-12-01T00:00:00Z".parse().unwrap() {
        app.clock.advance_seconds(86_400);
    }
    let closed = app.post("/v1/periods/close", "c", r#"{"period":"2026-11"}"#).await.json();
    let closing = |account: &str| {
        let balances = closed["balances"].as_array().unwrap().iter();
        let mut named = balances.filter(|balance| balance["account"] == account);
        named.next().map(|balance| balance["closing"].as_str().unwrap().to_owned())
    };
    assert_eq!(closing("available").as_deref(), Some("5"), "{closed}");
    assert_eq!(closing("expired").as_deref(), Some("10"), "{closed}");
}

/// What is known at a position counts now, where no other moment is named.
#[tokio::test]
async fn m5_what_begins_later_is_not_available_in_what_was_known() {
    let app = App::start().with_credits("10").await;
    let grant = r#"{"amount":"90","effective_at":"2027-01-01T00:00:00Z"}"#;
    app.post("/v1/tenants/t_acme/grants", "g", grant).await;
    for path in ["tenants/t_acme/balance?", "tenants/t_acme/balance?known_at=3"] {
        let balance = app.read(&format!("/v1/{path}")).await.json();
        assert_eq!(balance["available"], "10", "{path}: {balance}");
    }
    for path in ["explain/balance/t_acme?", "explain/balance/t_acme?known_at=3"] {
        let explained = app.read(&format!("/v1/{path}")).await.json();
        assert_eq!(explained["figures"]["amount"], "10", "{path}: {explained}");
        assert_eq!(explained["adds_up"], true, "{path}: {explained}");
    }
}

/// Each read that knows of moments, and where its answer is empty.
const READS: [(&str, &str); 8] = [
    ("/v1/tenants/t_acme/balance?", ""),
    ("/v1/tenants/t_acme/lots?", "lots"),
    ("/v1/tenants/t_acme/grants?", "lots"),
    ("/v1/tenants/t_acme/holds?status=all&", "holds"),
    ("/v1/tenants/t_acme/entries?", "entries"),
    ("/v1/tenants/t_acme/usage?", "usage"),
    ("/v1/trial-balance?", "lines"),
    ("/v1/trial-balance?tenant=t_acme&", "lines"),
];

#[tokio::test]
async fn m5_before_genesis_is_zero() {
    let app = app_with_a_past().await;
    for (path, list) in READS {
        for moment in ["as_of=2020-01-01T00:00:00Z", "known_at=2020-01-01T00:00:00Z", "known_at=0"]
        {
            let answer = app.read(&format!("{path}{moment}")).await;
            assert_eq!(answer.status.as_u16(), 200, "{path}{moment}: {}", answer.text());
            let answer = answer.json();
            if list.is_empty() {
                for amount in ["available", "held", "overdraft"] {
                    assert_eq!(answer[amount], "0", "{path}{moment}: {answer}");
                }
            } else {
                assert_eq!(answer[list], serde_json::json!([]), "{path}{moment}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn m5_the_future_is_refused() {
    let app = app_with_a_past().await;
    app.read("/v1/tenants/t_acme").await;
    for (path, _) in READS {
        for moment in
            ["as_of=2200-01-01T00:00:00Z", "known_at=2200-01-01T00:00:00Z", "known_at=1000"]
        {
            let refused = app.get(&format!("{path}{moment}")).await;
            assert_eq!(refused.status.as_u16(), 400, "{path}{moment}: {}", refused.text());
            assert_eq!(refused.code(), "future_moment", "{path}{moment}");
        }
    }
}

/// The machine's clock may have been set back, or be another machine's.
#[tokio::test]
async fn m5_reads_go_by_the_clock_that_dates_events() {
    let app = App::start().with_credits("5").await;
    app.clock.advance_seconds(40 * 365 * 86_400);
    let granted = app.post("/v1/tenants/t_acme/grants", "ahead", r#"{"amount":"7"}"#).await;
    let recorded_at = granted.json()["recorded_at"].as_str().unwrap().to_owned();
    app.clock.advance_seconds(-3_600);
    let balance = app.read("/v1/tenants/t_acme/balance").await.json();
    assert_eq!((&balance["available"], &balance["pending"]), (&"12".into(), &"0".into()));
    let path = format!("/v1/tenants/t_acme/balance?as_of={recorded_at}");
    assert_eq!(app.read(&path).await.json()["available"], "12");
    let explained = app.read("/v1/explain/balance/t_acme").await.json();
    assert_eq!(explained["figures"]["amount"], "12", "{explained}");
}

/// What drew on it is dated back to before it began.
#[tokio::test]
async fn lots_of_a_moment_are_without_those_that_began_later() {
    let app = App::start().with_credits("5").await;
    let ahead = r#"{"amount":"7","priority":1,"effective_at":"2026-11-20T13:00:00Z"}"#;
    app.post("/v1/tenants/t_acme/grants", "ahead", ahead).await;
    app.clock.advance_seconds(7_200);
    let back = r#"{"amount":"3","effective_at":"2026-11-20T12:30:00Z"}"#;
    let debited = app.post("/v1/tenants/t_acme/debits", "back", back).await.json();
    assert_eq!(debited["balance"]["available"], "9", "{debited}");
    let lots = app.read("/v1/tenants/t_acme/lots?as_of=2026-11-20T12:45:00Z").await.json();
    let lots: Vec<_> = lots["lots"].as_array().unwrap().iter().map(|lot| &lot["id"]).collect();
    assert_eq!(lots, ["grant_2"]);
}

#[tokio::test]
async fn of_an_unknown_tenant_there_is_no_answer_not_even_an_empty_one() {
    let app = app_with_a_past().await;
    for (path, _) in READS.iter().filter(|(path, _)| path.contains("t_acme")) {
        for moment in ["", "known_at=3", "as_of=2020-01-01T00:00:00Z"] {
            let path = format!("{}{moment}", path.replace("t_acme", "t_nobody"));
            let refused = app.read(path.trim_end_matches(['?', '&'])).await;
            assert_eq!(refused.status.as_u16(), 404, "{path}: {}", refused.text());
            assert_eq!(refused.code(), "unknown_tenant", "{path}");
        }
    }
}
