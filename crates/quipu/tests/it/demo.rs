//! The demo goes on where it stopped.

use std::thread;
use std::time::Duration;

use quipu::exit_codes;
use serde_json::Value;

use crate::program::Server;

/// The requests of the trace that are in the book, in order: run and row.
fn played(server: &Server) -> Vec<(u64, u64)> {
    let mut played = Vec::new();
    let mut after = 0;
    loop {
        let page = server.get(&format!("/v1/events?type=UsageRecorded&limit=1000&after={after}"));
        let events = page["events"].as_array().expect("a page has events");
        played.extend(events.iter().map(cursor));
        let next = page["next_after"].as_u64().expect("a page says where it ends");
        if next == after {
            return played;
        }
        after = next;
    }
}

fn cursor(event: &Value) -> (u64, u64) {
    let id = event["data"]["usage"]["id"].as_str().expect("usage has an id");
    let (run, row) = id.split_once('.').expect("the demo's ids are run and row");
    (run.parse().expect("a number"), row.parse().expect("a number"))
}

fn play_until(server: &Server, requests: usize) -> Vec<(u64, u64)> {
    loop {
        let played = played(server);
        if played.len() > requests {
            return played;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_demo_goes_on_where_it_stopped() {
    let mut server = Server::start_demo();
    let before = play_until(&server, 200);
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    server.restart();
    let all = play_until(&server, before.len() + 400);
    assert_eq!(all[0], (0, 0));
    // Refused requests leave no event, so a few may be missing, but never a stretch.
    let goes_on = |before: (u64, u64), after: (u64, u64)| {
        after.0 > before.0 || (before.1 + 1..before.1 + 50).contains(&after.1)
    };
    assert!(all.windows(2).all(|pair| goes_on(pair[0], pair[1])), "{all:?}");
    let tenants = server.get("/v1/tenants");
    assert_eq!(tenants["tenants"].as_array().map(Vec::len), Some(4));
    server.terminate();
    let report = server.on_book(&["verify", "--json"]).json();
    assert_eq!(report["holds"], true, "{report}");
}
