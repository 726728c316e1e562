//! `sqlite3` or `psql` alone shows the events, and neither can change them.

use std::process::{Command, Output};

use quipu_domain::event::ApplicationEvent;
use quipu_domain::{Stream, Version};
use serde_json::json;
use serde_json::value::RawValue;

use super::newer_program::append;
use crate::support::both_stores;
use crate::support::server::Server;
use crate::support::store::Store;

both_stores! {
    fn a_person_reads_the_events_with_plain_sql_and_cannot_change_them(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_plain", "5");
        client.post("/v1/tenants/t_plain/debits", &json!({"amount": "1.25"})).ok();
        let events = sql(
            &store,
            "select position, type, data from journal_event where tenant = 't_plain' order by position",
        );
        let lines: Vec<&str> = events.lines().collect();
        assert_eq!(lines.len(), 3, "{events}");
        assert!(lines[0].starts_with("1|TenantCreated|{"), "{events}");
        assert!(lines[1].starts_with("2|CreditsGranted|{\"grant\":\"grant_2\",\"amount\":\"5\""), "{events}");
        assert!(lines[2].starts_with("3|CreditsDebited|{\"entry\":\"entry_3\",\"amount\":\"1.25\""), "{events}");

        for change in [
            "update journal_batch set events = '[]' where first_position = 3",
            "update journal_batch set recorded_at = 0",
            "delete from journal_batch where first_position = 3",
            "delete from journal_batch",
        ] {
            let output = run(&store, change);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{change} was let through");
            assert!(said.contains("correct a mistake by a further event"), "{change}: {said}");
        }
        assert_eq!(sql(&store, "select count(*) from journal_event"), "3");
        server.stop();
    }

    fn a_person_reads_what_an_application_recorded_beside_its_events(store: Store) {
        let server = Server::start(&store);
        server.client().tenant_with("t_new", "5");
        server.stop();
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        let shipped = ApplicationEvent {
            type_name: "OrderShipped".to_owned(),
            schema: 1,
            metadata: Some(raw(r#"{"trace":"r-17"}"#)),
            data: raw(r#"{"order":17}"#),
        };
        let stream = Stream::application("order", "17").expect("a name");
        append(&store, stream, Version(1), shipped);
        let all = "select position, data, metadata from journal_event where position >= 2 order by 1";
        let lines = sql(&store, all);
        let lines: Vec<&str> = lines.lines().collect();
        assert!(lines[0].ends_with('|'), "Quipu's own events have none: {lines:?}");
        assert_eq!(lines[1], r#"3|{"order":17}|{"trace":"r-17"}"#);
        assert_eq!(sql(&store, "select count(*) from journal_erasure"), "0");
    }
}

/// What a statement prints, a row a line, columns separated by `|`.
pub(crate) fn sql(store: &Store, statement: &str) -> String {
    let output = run(store, statement);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn run(store: &Store, statement: &str) -> Output {
    match store {
        Store::Sqlite(_) => Command::new("sqlite3")
            .arg(store.journal_file().expect("SQLite keeps a file"))
            .arg(statement)
            .output()
            .expect("sqlite3 runs; `make test` installs it"),
        Store::Postgres(url) => Command::new("psql")
            .args([url, "-v", "ON_ERROR_STOP=1", "-AtXc", statement])
            .output()
            .expect("psql runs; `make test` installs it"),
    }
}
