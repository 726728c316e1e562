//! What only PostgreSQL has: a server that goes and comes, and its settings.

use std::sync::Barrier;
use std::time::Duration;

use quipu_database::{Connection, Database, DatabaseError, Engine, Value};
use quipu_testkit::postgres::{self, Server};

use crate::items::{IDS, INSERT, MIGRATIONS, ids, item, on, wait_until};

#[test]
fn a_server_that_crashes_and_comes_back_is_used_again() {
    let server = Server::own();
    let database = Database::connect_postgres(&server.database(), "public", &MIGRATIONS).unwrap();
    let mut writer = database.writer().unwrap();
    writer.execute(INSERT, &item(1, None)).unwrap();
    assert_eq!(ids(&database), [1]);
    writer.begin().unwrap();
    writer.execute(INSERT, &item(2, None)).unwrap();
    server.stop_immediate();
    let commit = writer.commit().unwrap_err();
    assert!(matches!(commit, DatabaseError::CommitUnknown(_)), "{commit:?}");
    let read = database.read(|connection| connection.query(IDS, &[])).unwrap_err();
    assert!(read.is_unavailable(), "{read:?}");
    let again = database.writer().err().unwrap();
    assert!(again.is_unavailable(), "{again:?}");
    server.start_again();
    assert_eq!(ids(&database), [1]);
    database.writer().unwrap().execute(INSERT, &item(2, None)).unwrap();
    assert_eq!(ids(&database), [1, 2]);
}

const CLOSE_READERS: &str = "SELECT pg_terminate_backend(pid)::int::bigint FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'quipu'";
const READER_STATES: &str = "SELECT state FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'quipu'";

#[test]
fn a_reader_that_the_server_closed_while_it_was_idle_is_replaced() {
    let bed = on(Engine::Postgres);
    let mut writer = bed.database.writer().unwrap();
    writer.execute(INSERT, &item(1, None)).unwrap();
    assert_eq!(ids(&bed.database), [1]);
    // Closed earlier, it would be so as an answer to the end of its snapshot, and not while idle.
    wait_until(|| reader_is_idle(&mut writer));
    assert_eq!(writer.query(CLOSE_READERS, &[]).unwrap().len(), 1);
    wait_until(|| writer.query(READER_STATES, &[]).unwrap().is_empty());
    assert_eq!(ids(&bed.database), [1]);
}

#[test]
fn a_snapshot_ends_though_nobody_waits_for_its_end() {
    let bed = on(Engine::Postgres);
    assert!(ids(&bed.database).is_empty());
    let mut writer = bed.database.writer().unwrap();
    wait_until(|| reader_is_idle(&mut writer));
}

fn reader_is_idle(writer: &mut Connection) -> bool {
    let states = writer.query(READER_STATES, &[]).unwrap();
    states.len() == 1 && states[0].text(0).unwrap() == "idle"
}

/// A session whose client is gone holds its locks until the server finds out. Over a local socket,
/// where it always does, the values read as zero.
#[test]
fn the_server_is_told_to_look_whether_its_client_is_there() {
    const SAID: &str = "SELECT count(*) FROM pg_settings WHERE source = 'client' AND name IN \
        ('tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', \
        'tcp_user_timeout')";
    let bed = on(Engine::Postgres);
    let mut writer = bed.database.writer().unwrap();
    assert_eq!(writer.query(SAID, &[]).unwrap()[0].int(0), Ok(4));
    assert_eq!(bed.database.query(SAID, &[]).unwrap()[0].int(0), Ok(4));
}

#[test]
fn more_threads_than_connections_take_turns() {
    let bed = on(Engine::Postgres);
    let database = &bed.database;
    std::thread::scope(|threads| {
        for _ in 0..40 {
            threads.spawn(|| {
                let slow = "SELECT pg_sleep(0.02)::text";
                database.read(|connection| connection.query(slow, &[])).unwrap();
            });
        }
    });
    let readers = database.writer().unwrap().query(READER_STATES, &[]).unwrap().len();
    assert!((2..=8).contains(&readers), "{readers}");
}

/// As many as there are read what does not end, for as long as somebody else writes.
#[test]
fn who_has_readers_of_his_own_waits_for_nobody_elses() {
    let bed = on(Engine::Postgres);
    let own = bed.database.with_own_readers();
    let (began, all) = (Barrier::new(9), Barrier::new(9));
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                bed.database.read(|connection| {
                    connection.query(IDS, &[])?;
                    began.wait();
                    all.wait();
                    Ok(())
                })
            });
        }
        began.wait();
        let refused = bed.database.query(IDS, &[]);
        own.writer().unwrap().execute(INSERT, &item(1, None)).unwrap();
        assert_eq!(ids(&own), [1]);
        assert!(refused.unwrap_err().to_string().contains("are in use"));
        all.wait();
    });
    assert_eq!(ids(&bed.database), [1]);
}

#[test]
fn a_server_that_may_forget_is_refused_with_what_to_do() {
    let url = format!("{}&options=-c%20synchronous_commit%3Doff", postgres::database());
    let refused = Database::connect_postgres(&url, "public", &MIGRATIONS);
    let why = refused.err().unwrap().to_string();
    assert!(why.contains("ALTER SYSTEM SET synchronous_commit = on"), "{why}");
}

#[test]
fn a_snapshot_may_be_idle_for_longer_than_the_server_lets_others_be() {
    let (server, url) = (Server::start(), postgres::database());
    let database = Database::connect_postgres(&url, "items", &MIGRATIONS).unwrap();
    let name = url.split_once("@/").unwrap().1.split_once('?').unwrap().0;
    let sql = format!("ALTER DATABASE {name} SET idle_in_transaction_session_timeout = 100");
    server.psql(&url, &sql).unwrap();
    let twice = database.read(|one| {
        one.query(IDS, &[])?;
        std::thread::sleep(Duration::from_millis(400));
        one.query(IDS, &[])
    });
    assert_eq!(twice.map(drop), Ok(()));
}

#[test]
fn a_statement_that_was_cancelled_may_be_tried_again() {
    let mut writer = on(Engine::Postgres).database.writer().unwrap();
    writer.execute("SET statement_timeout = 50", &[]).unwrap();
    let cancelled = writer.query("SELECT pg_sleep(60)::text", &[]).unwrap_err();
    assert!(cancelled.is_unavailable(), "{cancelled:?}");
}

#[test]
fn a_database_that_cannot_hold_every_text_is_refused_with_what_to_do() {
    let server = Server::start();
    let url = server.database();
    server
        .psql(&url, "CREATE DATABASE latin1 ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
        .unwrap();
    let (_, host) = url.split_once('?').unwrap();
    let url = format!("postgres://postgres@/latin1?{host}");
    let refused = Database::connect_postgres(&url, "public", &MIGRATIONS).err().unwrap();
    assert!(matches!(refused, DatabaseError::Misconfigured(_)), "{refused:?}");
    let why = refused.to_string();
    assert!(why.contains("LATIN1") && why.contains("createdb -E UTF8 -T template0"), "{why}");
}

#[test]
fn values_that_postgresql_refuses_are_told_from_a_mistaken_statement() {
    let bed = on(Engine::Postgres);
    let mut writer = bed.database.writer().unwrap();
    let nul = [Value::Int(1), Value::Null, "a\0b".into(), Value::Null];
    let refused = writer.execute(INSERT, &nul).unwrap_err();
    assert!(matches!(refused, DatabaseError::Values { .. }), "{refused:?}");
    writer.execute("CREATE INDEX item_text ON item (text)", &[]).unwrap();
    let char = |n: u32| char::from_u32(0x2_0000 + n * 7_919 % 40_000).unwrap();
    let long: String = (0..2_000).map(char).collect();
    let long = [Value::Int(1), Value::Null, long.into(), Value::Null];
    let refused = writer.execute(INSERT, &long).unwrap_err();
    assert!(matches!(refused, DatabaseError::Values { .. }), "{refused:?}");
}

#[test]
fn a_url_that_cannot_lead_to_a_connection_says_what_to_write() {
    let server = Server::own();
    let url = server.database();
    let role = "CREATE ROLE clerk LOGIN PASSWORD 'known to few'";
    server.psql(&url, role).unwrap();
    let rules = "local all clerk scram-sha-256\nlocal all all trust\n";
    std::fs::write(server.folder().join("data/pg_hba.conf"), rules).unwrap();
    server.psql(&url, "SELECT pg_reload_conf()").unwrap();
    let clerk = url.replace("postgres://postgres@", "postgres://clerk@");
    for (url, advice) in [
        (format!("{url}&sslmode=require"), "connections to PostgreSQL are not encrypted"),
        (format!("{url}&sslmode=verify-full"), "connections to PostgreSQL are not encrypted"),
        (clerk, "postgres://user:password@host/database"),
        (format!("{url}&options=-c%20no_such=1"), "no_such"),
    ] {
        let refused = Database::connect_postgres(&url, "items", &MIGRATIONS).err().unwrap();
        assert!(matches!(refused, DatabaseError::Misconfigured(_)), "{refused:?}");
        assert!(refused.to_string().contains(advice), "{refused}");
    }
}

#[test]
fn a_migration_that_fails_says_what_the_database_says() {
    let url = postgres::database();
    Server::start().psql(&url, "CREATE SCHEMA items CREATE TABLE item ()").unwrap();
    let failed = Database::connect_postgres(&url, "items", &MIGRATIONS).err().unwrap();
    assert!(matches!(failed, DatabaseError::Migration(_)), "{failed:?}");
    assert!(failed.to_string().contains("relation \"item\" already exists"), "{failed}");
}
