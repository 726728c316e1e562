//! A book that a newer version has written to: this one says so, says what to do, and leaves it
//! alone.

use std::sync::Arc;

use quipu_domain::event::ApplicationEvent;
use quipu_domain::{Event, Metadata, Recorded, Stream, Version};
use quipu_journal::{KeyWindow, Lease, SqlStore, Writer};
use serde_json::value::RawValue;

use super::plain_sql::sql;
use crate::support::both_stores;
use crate::support::server::{Server, refused_start, run_on};
use crate::support::store::Store;

both_stores! {
    fn an_event_of_an_unknown_type_is_refused_and_named(store: Store) {
        book(&store);
        append_newer(&store, "CreditsMelted", 1);
        refused(&store, "as CreditsMelted in a wallet stream, which this one does not know");
    }

    fn a_schema_above_the_known_ones_is_refused_and_named(store: Store) {
        book(&store);
        append_newer(&store, "CreditsDebited", 9);
        refused(&store, "as CreditsDebited of schema 9, and this one knows 2 at most");
    }

    fn tables_of_a_newer_program_are_refused_and_named(store: Store) {
        book(&store);
        sql(
            &store,
            "insert into refinery_schema_history (version, name, applied_on, checksum)
             values (99, 'more', '2027-01-01T00:00:00Z', '1')",
        );
        refused(&store, "V99__more is not known here");
    }
}

fn book(store: &Store) {
    let server = Server::start(store);
    server.client().tenant_with("t_new", "5");
    server.stop();
}

/// Appends an event as a newer program would.
fn append_newer(store: &Store, type_name: &str, schema: u32) {
    let event = ApplicationEvent {
        type_name: type_name.to_owned(),
        schema,
        metadata: None,
        data: RawValue::from_string("{}".to_owned()).expect("JSON"),
    };
    append(store, Stream::stored("wallet/t_new"), Version(2), event);
}

/// Appends an event with all its hashes, whatever it is.
pub(crate) fn append(store: &Store, stream: Stream, version: Version, event: ApplicationEvent) {
    let sql_store = match store {
        Store::Sqlite(_) => SqlStore::open_sqlite(&store.journal_file().expect("a file")),
        Store::Postgres(url) => SqlStore::connect_postgres(url),
    };
    let sql_store = Arc::new(sql_store.expect("it opens"));
    let (mut writer, _) =
        Writer::open(sql_store, Lease::Forced, KeyWindow::default()).expect("it opens");
    let head = writer.head();
    let recorded = Recorded {
        position: head.position.plus(1),
        stream,
        version,
        id: "01a1f92c-85fe-7fb0-bfc8-fa8100000099".parse().expect("a UUID"),
        recorded_at: head.recorded_at,
        effective_at: None,
        tenant: Some("t_new".parse().expect("a tenant")),
        metadata: Metadata::by("local".parse().expect("a label")),
        event: Event::Application(event),
    };
    writer.append(&[recorded]).expect("it is appended");
}

/// Neither serving nor verifying takes it, and both say why and what to do.
#[track_caller]
fn refused(store: &Store, why: &str) {
    let before = sql(store, "select count(*), max(last_position) from journal_batch");
    let verified = run_on(store, &["verify", "--journal-only"]);
    for output in [verified, refused_start(store, &[])] {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains(why) && said.contains("newer quipu"), "{said}");
        assert!(said.contains("nothing was written"), "{said}");
    }
    assert_eq!(sql(store, "select count(*), max(last_position) from journal_batch"), before);
}
