//! `kill -9` at random moments of writing, of rebuilding and of replaying: whatever was killed,
//! live views, a rebuild, a replay, the journal's fold and the books as of now are the same in the
//! end.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::kill_during_import::Random;
use crate::api::usage::{prices, record};
use crate::support::both_stores;
use crate::support::client::{Client, fresh_key};
use crate::support::server::{Server, assert_verifies, free_port, program, run_on};
use crate::support::store::Store;

const KILLS: u32 = 6;
const TENANTS: [&str; 3] = ["t_acme", "t_bolt", "t_cord"];

both_stores! {
    fn live_views_a_rebuild_and_a_replay_are_the_same_after_a_run_with_crashes(store: Store) {
        let port = free_port();
        let mut server = Server::start_on(&store, port);
        let client = server.client();
        prices(&client);
        TENANTS.iter().for_each(|tenant| client.tenant_with(tenant, "1000"));
        let folder = quipu_testkit::sqlite::folder();
        let file = folder.path().join("replay.db").display().to_string();
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        for round in 0..KILLS {
            let rebuild = start(&store, &["projections", "rebuild"]);
            let replay = start(&store, &["replay", "--to", &file]);
            let deadline = 20 + random.below(60);
            for _ in 0..deadline {
                something(&client, &mut random);
            }
            match round % 3 {
                0 => kill(rebuild, &mut random),
                1 => {
                    server.kill();
                    server = Server::start_on(&store, port);
                    kill(rebuild, &mut random);
                }
                _ => finish(rebuild),
            }
            kill(replay, &mut random);
        }
        let head = client.head();
        let live = live_and_as_of_now(&client, head);
        server.stop();
        assert_verifies(&store);
        assert_same(&store, &[]);
        let rebuilt = run_on(&store, &["projections", "rebuild"]);
        assert!(rebuilt.status.success(), "{rebuilt:?}");
        assert_same(&store, &[]);
        // The last replay may have been finished before it was killed.
        std::fs::remove_file(&file).ok();
        let replayed = run_on(&store, &["replay", "--to", &file, "--json"]);
        assert!(replayed.status.success(), "{replayed:?}");
        assert_same(&store, &[&file]);
        let server = Server::start_on(&store, port);
        let client = server.client();
        assert_eq!(client.head(), head, "nothing came of all this but rows");
        assert_eq!(live_and_as_of_now(&client, head), live, "live views before and after a rebuild");
    }
}

/// One command of any kind; whether it is refused, or the server is away, does not matter here.
fn something(client: &Client, random: &mut Random) {
    let tenant = TENANTS[usize::try_from(random.below(3)).expect("below three")];
    let number = random.below(1_000_000);
    let (path, body) = match random.below(6) {
        0 => ("grants", json!({ "amount": format!("{}", 1 + number % 50) })),
        1 => ("debits", json!({ "amount": format!("0.{:06}", 1 + number), "meter": "reports" })),
        2 => ("holds", json!({ "amount": "1.5", "ttl_seconds": 600 })),
        3 => ("holds", json!({ "amount": "2" })),
        4 => ("refunds", json!({ "entry": format!("entry_{}", 1 + number % 400) })),
        _ => {
            let number = usize::try_from(number).expect("below a million");
            let body = json!([record(tenant, number), record(tenant, number + 1)]);
            let body = body.to_string().into_bytes();
            drop(client.send("/v1/usage", "application/json", None, body));
            return;
        }
    };
    let path = format!("/v1/tenants/{tenant}/{path}");
    if let Ok(answer) = client.try_post(&path, &body, &fresh_key())
        && path.ends_with("holds")
        && answer.status < 300
        && number.is_multiple_of(2)
    {
        let id = answer.json()["id"].as_str().expect("an id").to_owned();
        let settle = json!({ "amount": "1.25" });
        drop(client.try_post(&format!("{path}/{id}/settle"), &settle, &fresh_key()));
    }
}

fn start(store: &Store, verb: &[&str]) -> Child {
    let mut command: Command = program();
    command.args(verb).stdout(Stdio::null()).stderr(Stdio::null());
    store.give_to(&mut command);
    command.spawn().expect("the program starts")
}

/// SIGKILL, unless it has ended by itself.
fn kill(mut child: Child, random: &mut Random) {
    std::thread::sleep(Duration::from_millis(random.below(30)));
    child.kill().expect("it can be killed, or has ended");
    child.wait().expect("it ends");
}

fn finish(mut child: Child) {
    child.wait().expect("it ends");
}

/// What each read gives that knows of moments. None gives anything else for this moment, for what
/// is known at the last position, or for both (M5).
fn live_and_as_of_now(client: &Client, head: u64) -> BTreeMap<String, Value> {
    let now = jiff::Timestamp::now();
    let moments = [
        format!("as_of={now}"),
        format!("known_at={head}"),
        format!("as_of={now}&known_at={head}"),
    ];
    let mut live = BTreeMap::new();
    for path in
        TENANTS.iter().flat_map(|tenant| READS.map(|read| format!("/v1/tenants/{tenant}/{read}")))
    {
        let get = |moment: &str| whole(client.get(&format!("{path}&at_least={head}{moment}")).ok());
        let answer = get("");
        for moment in &moments {
            assert_eq!(get(&format!("&{moment}")), answer, "{path} {moment}");
        }
        live.insert(path, answer);
    }
    for (accounts, trial_balance) in TENANTS
        .iter()
        .map(|tenant| (format!("/v1/tenants/{tenant}/accounts"), format!("tenant={tenant}&")))
        .chain([("/v1/accounts".to_owned(), String::new())])
    {
        let answer = client.get(&format!("{accounts}?at_least={head}")).ok();
        let balances = amounts(&answer["accounts"], "balance");
        assert!(balances.len() > 3, "{answer}");
        for moment in &moments {
            let path = format!("/v1/trial-balance?{trial_balance}{moment}");
            let closing = amounts(&client.get(&path).ok()["lines"], "closing");
            assert_eq!(closing, balances, "{path}");
        }
        live.insert(accounts, answer);
    }
    live
}

/// A tenant's reads, in both times.
const READS: [&str; 6] = [
    "balance?",
    "lots?limit=1000",
    "grants?limit=1000",
    "holds?status=all&limit=1000",
    "entries?limit=1000",
    "usage?window=hour&group_by=model",
];

/// An answer that is not a page of several. Of a balance, what the books of any moment have.
fn whole(mut answer: Value) -> Value {
    assert_eq!(answer["next_after"], Value::Null, "{answer}");
    if let Some(balance) = answer.as_object_mut().filter(|answer| answer.contains_key("available"))
    {
        balance.retain(|name, _| ["available", "held", "overdraft"].contains(&name.as_str()));
    }
    answer
}

/// Amounts by account, where there are any.
fn amounts(lines: &Value, amount: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let lines = lines.as_array().expect("a list").iter();
    let amounts = lines.map(|line| (text(&line["account"]), text(&line[amount])));
    amounts.filter(|(_, amount)| amount != "0").collect()
}

#[track_caller]
fn assert_same(store: &Store, with: &[&str]) {
    let output = run_on(store, &[&["diff", "--json"], with].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["different_rows"], 0, "{said}");
    for projection in report["projections"].as_array().expect("a list") {
        assert_eq!(projection["not_compared"], Value::Null, "{said}");
        assert_eq!(projection["left"], projection["right"], "{said}");
    }
}
