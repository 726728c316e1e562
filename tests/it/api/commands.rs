//! `POST /v1/commands`: many commands in one request, each once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::kill_during_import::Random;
use crate::support::both_stores;
use crate::support::client::Client;
use crate::support::server::{Server, assert_verifies, free_port};

const KILLS: u32 = 5;
const REQUESTS: usize = 60;
const COMMANDS: usize = 100;
const WALLETS: usize = 20;

both_stores! {
    /// A caller that sends each request until it is answered, while the server is killed under it
    /// and started again.
    fn what_is_sent_until_it_is_answered_is_done_once_over_kill_9(store: Store) {
        let port = free_port();
        let mut server = Server::start_on(&store, port);
        let client = server.client();
        for wallet in 0..WALLETS {
            client.tenant_with(&format!("t_many_{wallet}"), "100");
        }
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let caller = std::thread::spawn({
            let client = client.clone();
            move || (0..REQUESTS).map(|number| answered(&client, number)).collect::<Vec<_>>()
        });
        for _ in 0..KILLS {
            std::thread::sleep(Duration::from_millis(20 + random.below(60)));
            assert!(!caller.is_finished(), "each kill has something to interrupt");
            server.kill();
            server = Server::start_on(&store, port);
        }
        let first_answers = caller.join().expect("it sends all");
        let head = client.head();
        for (number, first) in first_answers.iter().enumerate().step_by(5) {
            let again = answered(&client, number);
            for (first, again) in results(first).iter().zip(results(&again)) {
                assert_eq!(again["replayed"], true, "{again}");
                assert_eq!(again["answer"], first["answer"]);
            }
        }
        assert_eq!(client.head(), head, "nothing twice");
        let debited = REQUESTS * COMMANDS / WALLETS;
        for wallet in 0..WALLETS {
            let left = (100 - debited / 100).to_string();
            assert_eq!(client.balance(&format!("t_many_{wallet}"))["available"], left);
        }
        server.stop();
        assert_verifies(&store);
    }
}

/// Sends a request until all of its commands are accepted.
fn answered(client: &Client, number: usize) -> Value {
    let command = |index: usize| {
        json!({
            "operation": "debit",
            "tenant": format!("t_many_{}", index % WALLETS),
            "idempotency_key": format!("many-{number}-{index}"),
            "request": {"amount": "0.01"},
        })
    };
    let body = Value::from((0..COMMANDS).map(command).collect::<Vec<_>>()).to_string();
    loop {
        let path = "/v1/commands";
        match client.send(path, "application/json", None, body.clone().into_bytes()) {
            Ok(answer) if answer.status == 200 => return answer.json(),
            Ok(answer) => assert!(answer.retry_after, "{}", answer.body),
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn results(answer: &Value) -> &Vec<Value> {
    answer["results"].as_array().expect("one for each command")
}
