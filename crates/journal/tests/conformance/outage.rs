//! Appends that go wrong, and what recovery finds.

use std::sync::Arc;
use std::time::Duration;

use quipu_journal::{
    AppendError, Fault, Head, Index, JournalError, KeyWindow, Lease, MemoryStore, Outcome,
    SqlStore, Store, Writer,
};
use quipu_testkit::postgres::Server;

use crate::bed::{PATIENCE, events};

fn in_memory() -> (MemoryStore, Writer, Index) {
    let store = MemoryStore::new();
    let (mut writer, index) =
        Writer::open(Arc::new(store.clone()), PATIENCE, KeyWindow::default()).unwrap();
    writer.append(&events(1, 3)).unwrap();
    (store, writer, index)
}

#[test]
fn an_unknown_append_that_took_effect_is_found() {
    let (store, mut writer, _) = in_memory();
    store.fail_next(Fault::UnknownCommitted);
    assert!(matches!(writer.append(&events(4, 6)), Err(AppendError::Unknown(_))));
    let Outcome::Committed(appended) = writer.recover().unwrap() else { panic!("not found") };
    assert_eq!(appended.head, writer.head());
    writer.append(&events(7, 7)).unwrap();
}

#[test]
fn an_append_that_took_no_effect_can_be_made_again() {
    for fault in [Fault::UnknownLost, Fault::Failed, Fault::NotHead] {
        let (store, mut writer, _) = in_memory();
        let before = writer.head();
        store.fail_next(fault);
        writer.append(&events(4, 6)).unwrap_err();
        assert_eq!(writer.recover().unwrap(), Outcome::NotCommitted, "{fault:?}");
        assert_eq!(writer.head(), before);
        writer.append(&events(4, 6)).unwrap();
    }
}

#[test]
fn a_writer_that_was_overtaken_does_not_go_on() {
    let (store, mut writer, _) = in_memory();
    store.fail_next(Fault::UnknownLost);
    writer.append(&events(4, 6)).unwrap_err();
    let (mut other, _) = Writer::open(Arc::new(store), PATIENCE, KeyWindow::default()).unwrap();
    other.append(&events(4, 4)).unwrap();
    let head = other.head();
    drop(other);
    assert_eq!(writer.recover().unwrap(), Outcome::Overtaken(head));
    assert!(writer.append(&events(4, 6)).is_err());
}

/// Who holds the lease may be what is left of the writer's own session: what was written tells.
#[test]
fn a_writer_whose_lease_another_holds_is_overtaken_with_the_first_event() {
    let store = MemoryStore::new();
    let patience = Lease::Wait(Duration::from_millis(10));
    let open = || Writer::open(Arc::new(store.clone()), patience, KeyWindow::default()).unwrap().0;
    let mut writer = open();
    writer.append(&events(1, 3)).unwrap();
    store.fail_next(Fault::UnknownCommitted);
    writer.append(&events(4, 6)).unwrap_err();
    let mut other = open();
    for _ in 0..2 {
        let held = writer.recover();
        assert!(matches!(held, Err(JournalError::LeaseHeld { .. })), "{held:?}");
    }
    other.append(&events(7, 7)).unwrap();
    assert_eq!(writer.recover().unwrap(), Outcome::Overtaken(other.head()));
}

#[test]
fn an_outage_ends_without_a_new_writer() {
    let (store, mut writer, _) = in_memory();
    store.unavailable(true);
    assert!(matches!(writer.append(&events(4, 4)), Err(AppendError::Failed(_))));
    assert!(writer.recover().unwrap_err().is_unavailable());
    store.unavailable(false);
    assert_eq!(writer.recover().unwrap(), Outcome::NotCommitted);
    writer.append(&events(4, 4)).unwrap();
}

#[test]
fn a_postgres_that_crashes_under_the_writer_is_used_again() {
    let server = Server::own();
    let store = SqlStore::connect_postgres(&server.database()).unwrap();
    let store = Arc::new(store);
    let (mut writer, _) =
        Writer::open(Arc::clone(&store) as _, PATIENCE, KeyWindow::default()).unwrap();
    let mut next = 1;
    for size in [1, 300] {
        writer.append(&events(next, next + 4)).unwrap();
        next += 5;
        let before: Head = writer.head();
        server.stop_immediate();
        writer.append(&events(next, next + size - 1)).unwrap_err();
        assert!(writer.recover().unwrap_err().is_unavailable());
        server.start_again();
        assert_eq!(writer.recover().unwrap(), Outcome::NotCommitted);
        assert_eq!(writer.head(), before);
        writer.append(&events(next, next + size - 1)).unwrap();
        next += size;
    }
    assert_eq!(Store::head(store.as_ref()).unwrap(), writer.head());
}

#[test]
fn a_writer_whose_connection_is_killed_recovers_its_lease() {
    let server = Server::start();
    let url = server.database();
    let store = SqlStore::connect_postgres(&url).unwrap();
    let (mut writer, _) = Writer::open(Arc::new(store), PATIENCE, KeyWindow::default()).unwrap();
    writer.append(&events(1, 2)).unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'quipu writer%'";
    assert_eq!(server.psql(&url, kill).unwrap(), "1");
    writer.append(&events(3, 4)).unwrap_err();
    assert_eq!(writer.recover().unwrap(), Outcome::NotCommitted);
    writer.append(&events(3, 4)).unwrap();
}

/// A commit that a synchronous standby may lack is not taken for durable, whoever cancelled the
/// wait for it, until one has it.
#[test]
fn a_commit_that_no_standby_has_confirmed_is_not_acknowledged() {
    let server = Server::own();
    let url = server.database();
    let standbys = |names: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        server.psql(&url, &set).unwrap();
        server.psql(&url, "SELECT pg_reload_conf()").unwrap();
        let now = || server.psql(&url, "SHOW synchronous_standby_names").unwrap();
        wait_until(|| now() == names);
    };
    // The backend that waits for a standby, or nothing.
    let waits = || {
        let sql = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        server.psql(&url, sql).unwrap()
    };
    let store: Arc<dyn Store> = Arc::new(SqlStore::connect_postgres(&url).unwrap());
    let (mut writer, _) = Writer::open(store, PATIENCE, KeyWindow::default()).unwrap();
    let mut next = 1;
    // One row is a statement, several are a transaction.
    for size in [1, 300] {
        for end in ["pg_cancel_backend", "pg_terminate_backend"] {
            writer.append(&events(next, next)).unwrap();
            standbys("nobody");
            let batch = events(next + 1, next + size);
            std::thread::scope(|scope| {
                let written = scope.spawn(|| {
                    let failed = writer.append(&batch).unwrap_err();
                    assert!(matches!(failed, AppendError::Unknown(_)), "{end}: {failed}");
                    writer.recover().unwrap()
                });
                wait_until(|| !waits().is_empty());
                let first = waits();
                server.psql(&url, &format!("SELECT {end}({first})")).unwrap();
                wait_until(|| !waits().is_empty() && waits() != first);
                assert!(!written.is_finished(), "{end}: no standby has it yet");
                standbys("");
                let outcome = written.join().unwrap();
                assert!(matches!(outcome, Outcome::Committed(_)), "{end}: {outcome:?}");
            });
            next += size + 1;
        }
    }
    writer.append(&events(next, next)).unwrap();
}

fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not happen within half a minute");
}
