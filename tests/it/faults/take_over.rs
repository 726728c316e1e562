//! A database that ends the writer's session, while another server waits for the book.

use std::time::{Duration, Instant};

use quipu_testkit::postgres;
use serde_json::{Value, json};

use super::postgres_outage::wait_until;
use crate::support::client::{Client, fresh_key};
use crate::support::server::{Server, assert_verifies};
use crate::support::store::Store;

/// P3, P4: what the server that took over sealed and erased is so for the first one too, when that
/// gets the book back.
#[test]
fn a_server_that_lost_the_book_and_gets_it_back_knows_what_was_sealed_and_erased_meanwhile() {
    let store = Store::postgres();
    let first = Server::start(&store);
    let erika = json!({"id": "t_gone", "name": "Erika Mustermann"});
    first.client().post("/v1/tenants", &erika).ok();
    assert_eq!(name(&first.client(), "t_gone"), "Erika Mustermann");
    let second = taken_over(&store, &first);

    let client = second.client();
    client.post("/v1/subjects/t_gone/erase", &json!({"reason": "request 4711"})).ok();
    client.tenant_with("t_paid", "10");
    let (debits, debit) =
        ("/v1/tenants/t_paid/debits", json!({"amount": "4", "reason": "Erika Mustermann"}));
    let debited = client.post_with_key(debits, &debit, "debit");
    assert_eq!(debited.status, 201, "{}", debited.body);
    let (exit_code, first) = supervised(first, &store);
    second.stop();
    first.wait_until_ready();

    let client = first.client();
    assert_eq!(name(&client, "t_gone"), "[erased]");
    let again = client.post_with_key(debits, &debit, "debit");
    assert!(again.replayed && again.body == debited.body, "{}", again.body);
    client.post("/v1/tenants/t_paid/debits", &json!({"amount": "1", "reason": "more"})).ok();
    assert_eq!(store.key_files("t_paid").len(), 1, "no second key");
    assert_eq!(exit_code, Some(4), "it ended, to be started again");
    first.stop();
    assert_verifies(&store);
}

/// Nobody else has written: there is nothing that it could have missed.
#[test]
fn a_server_that_gets_the_book_back_unchanged_goes_on() {
    let store = Store::postgres();
    let mut first = Server::start(&store);
    first.client().tenant_with("t_kept", "5");
    for _ in 0..3 {
        end_writer(&store, &first);
        let debit = json!({"amount": "1"});
        let key = fresh_key();
        let deadline = Instant::now() + Duration::from_secs(60);
        while first.client().post_with_key("/v1/tenants/t_kept/debits", &debit, &key).status != 201
        {
            assert!(Instant::now() < deadline, "{}", first.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(first.is_running());
    assert_eq!(first.client().balance("t_kept")["available"], "2");
    first.stop();
    assert_verifies(&store);
}

#[test]
fn a_server_that_waits_for_the_book_sees_an_outage_through() {
    let database = postgres::Server::own();
    let store = Store::Postgres(database.database());
    let first = Server::start(&store);
    first.client().tenant_with("t_kept", "5");
    let second = Server::start_waiting(&store);
    database.stop_immediate();
    wait_until(|| second.said().contains("trying again"));
    first.kill();
    database.start_again();
    wait_until(|| second.said().contains("listening on"));
    assert_eq!(second.client().balance("t_kept")["available"], "5");
    let said = second.stop();
    assert_eq!(said.matches("trying again").count(), 1, "{said}");
}

#[test]
fn a_server_that_a_missing_standby_holds_up_says_so_and_ends_with_one_signal() {
    let database = postgres::Server::own();
    let url = database.database();
    let store = Store::Postgres(url.clone());
    Server::start(&store).stop();
    let set = "ALTER SYSTEM SET synchronous_standby_names = 'nobody'";
    database.psql(&url, set).expect("the superuser may");
    database.psql(&url, "SELECT pg_reload_conf()").expect("the superuser may");
    let server = Server::start_held_up(&store, "synchronous standby");
    server.stop();
}

/// The server that has waited for the book, once it has it.
fn taken_over(store: &Store, first: &Server) -> Server {
    let second = Server::start_waiting(store);
    let deadline = Instant::now() + Duration::from_secs(60);
    // The first one may be quicker to have it back.
    while !second.said().contains("listening on") {
        assert!(Instant::now() < deadline, "not taken over: {}", second.said());
        end_writer(store, first);
        std::thread::sleep(Duration::from_millis(500));
    }
    second
}

/// Ends the sessions that a server writes by.
fn end_writer(store: &Store, server: &Server) {
    let Store::Postgres(url) = store else { panic!("SQLite has no sessions") };
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'quipu writer pid {}'",
        server.process_id()
    );
    postgres::Server::start().psql(url, &sql).expect("the superuser may");
}

/// What a supervisor does: starts a server again that has ended, and says with which exit code. One
/// that does not end within a while stays.
fn supervised(mut server: Server, store: &Store) -> (Option<i32>, Server) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while Instant::now() < deadline {
        if let Some(exit_code) = server.ended() {
            let said = server.said();
            assert!(said.contains("another server has taken the book over"), "{said}");
            return (Some(exit_code), Server::start_waiting(store));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    (None, server)
}

/// What a tenant is called, as of everything that is in the journal now.
fn name(client: &Client, tenant: &str) -> Value {
    let head = client.head();
    client.get(&format!("/v1/tenants/{tenant}?at_least={head}")).ok()["name"].clone()
}
