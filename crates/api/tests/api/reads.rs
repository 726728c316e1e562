//! What the views answer.

use insta::assert_json_snapshot;

use crate::app::App;

async fn app_with_a_history() -> App {
    let app = App::start().with_credits("500").await;
    app.post("/v1/tenants/t_acme/agents", "a", r#"{"id":"analyst","name":"Analyst"}"#).await;
    app.clock.advance_seconds(3600);
    let debit =
        r#"{"amount":"1.25","agent":"analyst","dimensions":{"team":"a"},"reason":"report"}"#;
    app.post("/v1/tenants/t_acme/debits", "d", debit).await;
    app.post("/v1/tenants/t_acme/holds", "h", r#"{"amount":"75"}"#).await;
    app
}

#[tokio::test]
async fn a_balance_is_what_is_left_now_and_was_left_then() {
    let app = app_with_a_history().await;
    assert_json_snapshot!("balance", app.read("/v1/tenants/t_acme/balance").await.json());
    let before = app.read("/v1/tenants/t_acme/balance?as_of=2026-11-20T12:30:00Z").await.json();
    assert_eq!(before["available"], "500", "{before}");
    let known = app.read("/v1/tenants/t_acme/balance?known_at=4").await.json();
    assert_eq!((&known["available"], &known["held"]), (&"498.75".into(), &"0".into()));
}

#[tokio::test]
async fn a_statement_explains_every_line() {
    let app = app_with_a_history().await;
    let statement = app.read("/v1/tenants/t_acme/entries").await.json();
    assert_json_snapshot!("entries", statement);
    let newest = app.read("/v1/tenants/t_acme/entries?order=newest_first&limit=1").await.json();
    assert_eq!(newest["entries"][0]["type"], "HoldPlaced");
    let next = newest["next_after"].as_u64().unwrap();
    let path = format!("/v1/tenants/t_acme/entries?order=newest_first&limit=1&after={next}");
    assert_eq!(app.read(&path).await.json()["entries"][0]["type"], "CreditsDebited");
    let debits =
        app.read("/v1/tenants/t_acme/entries?type=CreditsDebited&agent=analyst").await.json();
    assert_eq!(debits["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lots_holds_and_agents_are_listed() {
    let app = app_with_a_history().await;
    assert_json_snapshot!("lots", app.read("/v1/tenants/t_acme/lots").await.json());
    assert_json_snapshot!("holds", app.read("/v1/tenants/t_acme/holds").await.json());
    assert_json_snapshot!("agents", app.read("/v1/tenants/t_acme/agents").await.json());
    let settled = app.read("/v1/tenants/t_acme/holds?status=settled").await.json();
    assert_eq!(settled["holds"], serde_json::json!([]));
}

#[tokio::test]
async fn a_lot_that_is_used_up_is_still_a_grant() {
    let app = App::start().with_credits("5").await;
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"5"}"#).await;
    assert_eq!(app.read("/v1/tenants/t_acme/lots").await.json()["lots"], serde_json::json!([]));
    let grants = app.read("/v1/tenants/t_acme/grants").await.json();
    assert_eq!(grants["lots"][0]["id"], "grant_2");
}

#[tokio::test]
async fn the_trial_balance_is_zero() {
    let app = app_with_a_history().await;
    assert_json_snapshot!("accounts", app.read("/v1/accounts").await.json());
    assert_eq!(app.read("/v1/tenants/t_acme/accounts").await.json()["sum"], "0");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let app = App::start();
    for name in ["t_a", "t_b", "t_c"] {
        let body = format!(r#"{{"name":"{name}","id":"{name}"}}"#);
        app.post("/v1/tenants", name, body).await;
    }
    let first = app.read("/v1/tenants?limit=2").await.json();
    assert_json_snapshot!("tenants", first);
    let second = app.read("/v1/tenants?limit=2&after=t_b").await.json();
    assert_eq!(second["tenants"][0]["id"], "t_c");
    assert_eq!(second["next_after"], serde_json::Value::Null);
    assert_eq!(app.read("/v1/tenants/t_b").await.json()["name"], "t_b");
}

#[tokio::test]
async fn the_catalogue_shows_meters_and_prices() {
    let app = App::start();
    let prices = r#"{"effective_at":"2026-01-01T00:00:00Z","models":{"m":{"input":"2.5","output":"10"}},"source":"maker"}"#;
    app.post("/v1/price-tables/models/prices", "p", prices).await;
    let meter = r#"{"name":"llm","aggregation":"sum","unit":"token","unpriced":{"policy":"record_unpriced"}}"#;
    app.post("/v1/meters", "m", meter).await;
    let price = r#"{"effective_at":"2026-01-01T00:00:00Z","price":{"model":"tokens","price_table":"models"}}"#;
    let priced = app.post("/v1/meters/llm/prices", "mp", price).await;
    assert_eq!(priced.status.as_u16(), 201, "{}", priced.text());
    assert_json_snapshot!("meter", app.read("/v1/meters/llm").await.json());
    assert_json_snapshot!("price_table", app.read("/v1/price-tables/models").await.json());
    assert_eq!(app.read("/v1/meters").await.json()["meters"][0]["name"], "llm");
    assert_eq!(app.read("/v1/price-tables").await.json()["price_tables"][0]["name"], "models");
}
