//! `kill -9` at random moments of writing, of rebuilding and of replaying: whatever was killed,
//! live views, a rebuild, a replay and the journal's fold are the same in the end.

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
        let books: Vec<Value> = TENANTS.iter().map(|tenant| as_of_now(&client, tenant, head)).collect();
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
        for (tenant, before) in TENANTS.iter().zip(books) {
            assert_eq!(as_of_now(&client, tenant, head), before, "{tenant}");
        }
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

/// The books as they are known at the last position, and the accounts of now.
fn as_of_now(client: &Client, tenant: &str, head: u64) -> Value {
    let get = |path: &str| client.get(&format!("/v1/tenants/{tenant}/{path}")).ok();
    let known = get(&format!("balance?known_at={head}&at_least={head}"));
    let accounts = get(&format!("accounts?at_least={head}"));
    let of = |name: &str| {
        let rows = accounts["accounts"].as_array().expect("a list").iter();
        let mut own = rows.filter(|row| row["account"] == name).map(|row| row["balance"].clone());
        own.next().unwrap_or_else(|| json!("0"))
    };
    assert_eq!((&known["available"], &known["held"]), (&of("available"), &of("held")));
    json!({ "available": known["available"], "held": known["held"] })
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
