//! `quipu export`: one book that has met everything, in every format, on both stores.
//!
//! Each format is read back by somebody else, and must say the same as Quipu to the last decimal.

mod focus;
mod parquet;
mod plain_text;
mod sie;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::thread::sleep;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::both_stores;
use crate::support::client::Client;
use crate::support::server::{Server, run_on};
use crate::support::store::Store;

both_stores! {
    fn every_format_says_what_the_book_says(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        live_through_everything(&client);
        let folder = quipu_testkit::sqlite::folder();
        let book = ExportedBook { store: &store, client: &client, folder: folder.path() };
        plain_text::hledger_agrees_on_every_balance(&book);
        plain_text::beancount_agrees_on_every_balance(&book);
        sie::sie_agrees_on_every_account(&book);
        focus::focus_conforms_and_its_credits_are_the_books(&book);
        parquet::parquet_has_every_event_and_the_views_rows(&book);
        server.stop();
    }
}

/// A book that is exported while its server runs.
struct ExportedBook<'a> {
    store: &'a Store,
    client: &'a Client,
    folder: &'a Path,
}

impl ExportedBook<'_> {
    /// Exports to a file, and gives its name and the summary.
    #[track_caller]
    fn export(&self, format: &str, name: &str, options: &[&str]) -> (String, Value) {
        let file = self.folder.join(name).display().to_string();
        let verb = [&["export", format, "--output", &file, "--json"], options].concat();
        let output = run_on(self.store, &verb);
        assert!(output.status.success(), "{}", talk(&output));
        let summary = serde_json::from_slice(&output.stdout).expect("a summary");
        (file, summary)
    }

    /// What Quipu says each account of each tenant holds.
    fn accounts(&self) -> BTreeMap<(String, String), Decimal> {
        let head = self.client.head();
        let accounts = TENANTS.iter().flat_map(|tenant| {
            let path = format!("/v1/tenants/{tenant}/accounts?at_least={head}");
            let answer = self.client.get(&path).ok();
            let accounts = answer["accounts"].as_array().expect("a list").clone();
            accounts.into_iter().map(move |account| {
                let text = |field: &str| account[field].as_str().expect("a text").to_owned();
                let balance = text("balance").parse().expect("a decimal");
                (((*tenant).to_owned(), text("account")), balance)
            })
        });
        accounts.collect()
    }
}

const TENANTS: [&str; 2] = ["t_acme", "t_birch.co-op"];

/// Grants, debits, holds, expiry, refunds, overdraft and usage, with amounts to the last decimal.
fn live_through_everything(client: &Client) {
    crate::api::usage::prices(client);
    for tenant in TENANTS {
        client
            .post("/v1/tenants", &json!({"id": tenant, "name": format!("{tenant} AB, Åre")}))
            .ok();
        live_through(client, tenant);
    }
}

fn live_through(client: &Client, tenant: &str) {
    let post =
        |path: &str, body: &Value| client.post(&format!("/v1/tenants/{tenant}/{path}"), body);
    let id = |answer: Value, field: &str| answer[field].as_str().expect("an id").to_owned();

    post("grants", &json!({"amount": "500.000001", "source": "order 4711", "unit_cost": "0.125"}))
        .ok();
    post(
        "grants",
        &json!({"amount": "20", "kind": "promotional", "effective_at": "2026-01-01T00:00:00Z"}),
    )
    .ok();
    let soon = jiff::Timestamp::now() + Duration::from_millis(1_500);
    post("grants", &json!({"amount": "3.333333", "expires_at": soon.to_string(), "priority": 99}))
        .ok();
    let plan = post("grants", &json!({"amount": "7.5", "origin": "plan"})).ok();
    post(&format!("grants/{}/void", id(plan, "grant")), &json!({"reason": "a mistake"})).ok();

    let debit = json!({
        "amount": "1.250007", "meter": "llm_tokens", "agent": "writer, \"senior\"; \\ 2",
        "reason": "back-dated", "effective_at": "2026-02-03T23:59:59Z",
    });
    let debit = post("debits", &debit).ok();
    post("debits", &json!({"amount": "0.5"})).ok();
    post("refunds", &json!({"entry": id(debit, "entry"), "amount": "0.25", "reason": "half"})).ok();

    let hold = |ttl: u32| {
        post("holds", &json!({"amount": "75.1", "ttl_seconds": ttl, "meter": "pages"})).ok()
    };
    let settled = id(hold(600), "hold");
    let settle = json!({"amount": "40.500003"});
    post(&format!("holds/{settled}/settle"), &settle).ok();
    post(&format!("holds/{}/release", id(hold(600), "hold")), &json!({})).ok();
    hold(1);
    hold(600);

    for n in 0..20 {
        let mut record = crate::api::usage::record(tenant, n);
        record["input"] = json!(1_001 + n);
        record["occurred_at"] = json!(format!("2026-01-{:02}T23:30:00Z", 10 + n % 4));
        client.post("/v1/usage", &record).ok();
    }
    usage_and_its_corrections(client, tenant);

    wait_for(client, tenant, &["CreditsExpired", "HoldExpired"]);

    post("overdraft-limit", &json!({"limit": "1000", "reason": "pays by invoice"})).ok();
    post("debits", &json!({"amount": "600", "meter": "llm_tokens"})).ok();
    post("grants", &json!({"amount": "10"})).ok();
}

/// Waits for what the scheduler writes when it is due.
fn wait_for(client: &Client, tenant: &str, types: &[&str]) {
    for _ in 0..400 {
        let entries =
            client.get(&format!("/v1/tenants/{tenant}/entries?limit=100")).ok().to_string();
        if types.iter().all(|name| entries.contains(name)) {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("{types:?} have not come after twenty seconds");
}

/// A record that is taken back, and one that has no price at first.
fn usage_and_its_corrections(client: &Client, tenant: &str) {
    let record = |id: &str, mut body: Value| {
        body["tenant"] = json!(tenant);
        body["id"] = json!(id);
        let recorded = client.post("/v1/usage", &body).ok();
        recorded["entry"].as_str().expect("an entry").to_owned()
    };
    let correct = |entry: &str, verb: &str| {
        let path = format!("/v1/tenants/{tenant}/usage/{entry}/{verb}");
        client.post(&path, &json!({"reason": "a correction"})).ok();
    };
    let twice =
        json!({"meter": "llm_tokens", "model": "small", "input": 77_777, "agent": "writer"});
    correct(&record("twice", twice), "void");

    let meter = format!("pages-{}", tenant.len());
    let unpriced = json!({"policy": "record_unpriced"});
    let define = json!({"name": meter, "aggregation": "sum", "unit": "page", "unpriced": unpriced});
    client.post("/v1/meters", &define).ok();
    let unpriced =
        record("unpriced", json!({"meter": meter, "quantity": "2.5", "agent": "reader"}));
    let price = json!({"model": "flat", "unit_price": "0.33"});
    let price = json!({"effective_at": "2020-01-01T00:00:00Z", "price": price});
    client.post(&format!("/v1/meters/{meter}/prices"), &price).ok();
    correct(&unpriced, "rate");
    record("priced", json!({"meter": meter, "quantity": "1.000001", "agent": "reader"}));
}

fn talk(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{} {} {}", output.status, text(&output.stdout), text(&output.stderr))
}
