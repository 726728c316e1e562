//! Sets the demo up: prices, a meter, customers with plans and agents.
//!
//! Everything is a command with a fixed idempotency key, so setting up a book that is set up
//! already changes nothing.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};

use super::customers::{CUSTOMERS, Customer};
use crate::client::{Answer, Client};
use crate::error::CliError;

/// What the demo's usage counts on.
pub(super) const METER: &str = "llm_tokens";

/// Real list prices; `demo/README.md` says more.
const PRICES: &str = include_str!("../../../../demo/prices.json");

/// From when the prices hold in the demo: before the trace's own time, so that it can be imported
/// as it is.
const PRICES_SINCE: &str = "2023-01-01T00:00:00Z";

#[derive(Deserialize)]
struct Prices {
    table: String,
    models: BTreeMap<String, ModelPrice>,
}

#[derive(Deserialize)]
struct ModelPrice {
    input: String,
    cached_input: String,
    output: String,
}

/// Sets everything up.
pub(super) fn set_up(client: &Client) -> Result<(), CliError> {
    let prices: Prices = serde_json::from_str(PRICES).map_err(|error| CliError::Unusable {
        what: format!("the prices that this program was built with do not read: {error}"),
        hint: "build it again from a clean checkout".into(),
    })?;
    publish(client, &prices)?;
    for customer in &CUSTOMERS {
        welcome(client, customer)?;
        renew(client, customer)?;
    }
    Ok(())
}

fn publish(client: &Client, prices: &Prices) -> Result<(), CliError> {
    let models: BTreeMap<&str, Value> = prices
        .models
        .iter()
        .map(|(model, price)| {
            let ModelPrice { input, cached_input, output } = price;
            let price = json!({ "input": input, "cached_input": cached_input, "output": output });
            (model.as_str(), price)
        })
        .collect();
    let table = json!({
        "effective_at": PRICES_SINCE,
        "models": models,
        "source": "public list prices, see demo/prices.json",
    });
    once(client, &format!("/v1/price-tables/{}/prices", prices.table), "demo:prices", &table)?;
    let meter = json!({
        "name": METER,
        "aggregation": "sum",
        "unit": "token",
        "unpriced": { "policy": "refuse" },
    });
    once(client, "/v1/meters", "demo:meter", &meter)?;
    let price = json!({
        "effective_at": PRICES_SINCE,
        "price": { "model": "tokens", "price_table": prices.table },
    });
    once(client, &format!("/v1/meters/{METER}/prices"), "demo:meter-price", &price)
}

fn welcome(client: &Client, customer: &Customer) -> Result<(), CliError> {
    let Customer { tenant, name, welcome, .. } = customer;
    let body = json!({ "id": tenant, "name": name });
    once(client, "/v1/tenants", &format!("demo:tenant:{tenant}"), &body)?;
    let grant = json!({
        "amount": welcome,
        "kind": "promotional",
        "origin": "promotion",
        "priority": 10,
        "source": "welcome",
    });
    let grants = format!("/v1/tenants/{tenant}/grants");
    once(client, &grants, &format!("demo:welcome:{tenant}"), &grant)?;
    for agent in customer.agents {
        let body = json!({ "id": agent.agent, "name": agent.name });
        let key = format!("demo:agent:{tenant}:{}", agent.agent);
        once(client, &format!("/v1/tenants/{tenant}/agents"), &key, &body)?;
    }
    Ok(())
}

/// Grants what the plan includes for this month, once; what is left of it expires with the month.
pub(super) fn renew(client: &Client, customer: &Customer) -> Result<(), CliError> {
    let Customer { tenant, plan, .. } = customer;
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let month = now.strftime("%Y-%m").to_string();
    let next_month = now.date().first_of_month().saturating_add(1.month());
    let grant = json!({
        "amount": plan,
        "kind": "paid",
        "origin": "plan",
        "expires_at": format!("{next_month}T00:00:00Z"),
        "source": format!("plan {month}"),
    });
    let key = format!("demo:plan:{tenant}:{month}");
    once(client, &format!("/v1/tenants/{tenant}/grants"), &key, &grant)
}

/// Sells a customer that has run out more credits. The key names the request that found it out.
pub(super) fn top_up(client: &Client, customer: &Customer, because: &str) -> Result<(), CliError> {
    let grant = json!({
        "amount": customer.top_up,
        "kind": "paid",
        "origin": "purchase",
        "source": format!("top-up at {because}"),
    });
    let key = format!("demo:top-up:{}:{because}", customer.tenant);
    once(client, &format!("/v1/tenants/{}/grants", customer.tenant), &key, &grant)
}

/// Sends a command that may have been sent before; that the thing exists already is fine.
fn once(client: &Client, path: &str, key: &str, body: &Value) -> Result<(), CliError> {
    let answer = client.post(path, Some(key), body)?;
    if answer.code().is_some_and(|code| code.ends_with("_exists")) {
        return Ok(());
    }
    Answer::success(answer).map(drop)
}
