//! The same behaviour on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Barrier;
use std::time::{Duration, Instant, UNIX_EPOCH};

use quipu_database::{
    Connection, Database, DatabaseError, Durability, Engine, Migrations, Row, RowsStatement, Value,
};
use quipu_testkit::postgres::Server;
use quipu_testkit::{postgres, sqlite};
use tempfile::TempDir;

const MIGRATIONS: Migrations =
    Migrations { sqlite: &[("0001_item", ITEM_SQLITE)], postgres: &[("0001_item", ITEM_POSTGRES)] };
const ITEM_SQLITE: &str = "CREATE TABLE item (
    id BIGINT PRIMARY KEY, parent BIGINT REFERENCES item (id), text TEXT, bytes BLOB);
    CREATE TRIGGER item_keeps BEFORE DELETE ON item BEGIN SELECT RAISE(ABORT, 'items stay'); END;";
const ITEM_POSTGRES: &str = "CREATE TABLE item (
    id BIGINT PRIMARY KEY, parent BIGINT REFERENCES item (id), text TEXT, bytes BYTEA);
    CREATE FUNCTION item_keeps() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'items stay'; END $$;
    CREATE TRIGGER item_keeps BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION item_keeps();";
const INSERT: &str = "INSERT INTO item (id, parent, text, bytes) VALUES ($1, $2, $3, $4)";
const INSERT_ROWS: RowsStatement = RowsStatement {
    one: INSERT,
    many: "INSERT INTO item (id, parent, text, bytes) \
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[])",
};
const SELECT_ROWS: RowsStatement = RowsStatement {
    one: "SELECT id, parent, text, bytes FROM item WHERE id = $1 AND text = $2",
    many: "SELECT item.id, item.parent, item.text, item.bytes \
        FROM unnest($1::bigint[], $2::text[]) AS wanted (id, text) \
        JOIN item ON item.id = wanted.id AND item.text = wanted.text",
};
const IDS: &str = "SELECT id FROM item ORDER BY id";

struct Bed {
    database: Database,
    _folder: TempDir,
}

fn on(engine: Engine) -> Bed {
    let folder = sqlite::folder();
    let database = match engine {
        Engine::Sqlite => {
            Database::open_sqlite(&folder.path().join("a.db"), Durability::Full, &MIGRATIONS)
        }
        Engine::Postgres => Database::connect_postgres(&postgres::database(), "items", &MIGRATIONS),
    };
    Bed { database: database.unwrap(), _folder: folder }
}

fn item(id: i64, parent: Option<i64>) -> Vec<Value> {
    vec![id.into(), parent.into(), "é".into(), vec![0, 255].into()]
}

fn ids(database: &Database) -> Vec<i64> {
    let rows = database.read(|connection| connection.query(IDS, &[])).unwrap();
    rows.iter().map(|row| row.int(0).unwrap()).collect()
}

fn values_survive(database: &Database) {
    database.writer().unwrap().execute(INSERT, &item(1, None)).unwrap();
    let sql = "SELECT id, parent, text, bytes FROM item WHERE text = $1";
    let rows = database.read(|connection| connection.query(sql, &["é".into()])).unwrap();
    assert_eq!(rows[0].values(), item(1, None));
    assert!(rows[0].text(0).is_err() && rows[0].int(1).is_err() && rows[0].int(9).is_err());
    assert_eq!(rows[0].optional_int(1).unwrap(), None);
}

fn many_rows_keep_their_order(database: &Database) {
    let rows: Vec<Vec<Value>> = (1..=2_000).map(|id| item(id, (id > 1).then(|| id - 1))).collect();
    let mut writer = database.writer().unwrap();
    writer.begin().unwrap();
    assert_eq!(writer.execute_many(INSERT, &rows).unwrap(), 2_000);
    writer.commit().unwrap();
    assert_eq!(ids(database), (1..=2_000).collect::<Vec<_>>());
}

fn rows_are_written_and_found_together(database: &Database) {
    let rows: Vec<Vec<Value>> = (1..=10_000).map(|id| item(id, (id > 1).then(|| id - 1))).collect();
    let mut writer = database.writer().unwrap();
    assert_eq!(writer.execute_rows(&INSERT_ROWS, &rows).unwrap(), 10_000);
    assert_eq!(writer.execute_rows(&INSERT_ROWS, &[]).unwrap(), 0);
    let keys: Vec<Vec<Value>> =
        [1, 20_000, 7, 10_000].map(|id| vec![id.into(), "é".into()]).to_vec();
    let mut found = writer.query_rows(&SELECT_ROWS, &keys).unwrap();
    found.sort_by_key(|row| row.int(0).unwrap());
    let found: Vec<&[Value]> = found.iter().map(Row::values).collect();
    assert_eq!(found, [item(1, None), item(7, Some(6)), item(10_000, Some(9_999))]);
    // Reading left no transaction open.
    writer.begin().unwrap();
    assert_eq!(writer.query_rows(&SELECT_ROWS, &keys).unwrap().len(), 3);
    writer.commit().unwrap();
}

fn a_failed_transaction_cannot_be_committed_in_part(database: &Database) {
    let mut writer = database.writer().unwrap();
    let result: Result<u64, DatabaseError> = writer.transaction(|connection| {
        connection.execute(INSERT, &item(1, None))?;
        connection.execute(INSERT, &item(1, None))
    });
    assert!(matches!(result, Err(DatabaseError::UniqueViolation { .. })), "{result:?}");
    assert!(ids(database).is_empty());
    writer.execute(INSERT, &item(2, None)).unwrap();
    assert_eq!(ids(database), [2]);
}

fn refusals_are_told_apart(database: &Database) {
    let mut writer = database.writer().unwrap();
    writer.execute(INSERT, &item(1, None)).unwrap();
    let orphan = writer.execute(INSERT, &item(2, Some(9))).unwrap_err();
    assert!(matches!(orphan, DatabaseError::ForeignKeyViolation { .. }), "{orphan:?}");
    let delete = writer.execute("DELETE FROM item", &[]).unwrap_err();
    assert_eq!(delete, DatabaseError::Refused("items stay".to_owned()));
    let mistake = writer.execute("DELETE FROM nothing", &[]).unwrap_err();
    assert!(matches!(mistake, DatabaseError::Statement { .. }), "{mistake:?}");
}

fn a_read_sees_one_state_and_cannot_write(database: &Database) {
    let mut writer = database.writer().unwrap();
    let seen = database.read(|connection| {
        let before = connection.query(IDS, &[])?.len();
        writer.execute(INSERT, &item(1, None))?;
        Ok((before, connection.query(IDS, &[])?.len()))
    });
    assert_eq!(seen, Ok((0, 0)));
    assert_eq!(ids(database), [1]);
    assert!(database.read(|connection| connection.execute(INSERT, &item(2, None))).is_err());
    assert_eq!(ids(database), [1]);
}

/// Who reads may have errors of his own, which say more than the database's.
fn a_read_in_which_a_statement_failed_harms_no_other(database: &Database) {
    let failed = database.read(|one| Ok(one.query("SELECT abs(-9223372036854775807 - 1)", &[])));
    assert!(matches!(failed, Ok(Err(_))), "{failed:?}");
    for _ in 0..3 {
        assert_eq!(database.read(|one| one.query("SELECT id FROM item", &[])).map(drop), Ok(()));
        assert!(ids(database).is_empty());
    }
}

fn only_a_derived_transaction_waits_for_no_disk(database: &Database) {
    let mut writer = database.writer().unwrap();
    let (sql, full, relaxed) = match database.engine() {
        Engine::Sqlite => ("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2", "1"),
        Engine::Postgres => ("SELECT current_setting('synchronous_commit')", "on", "off"),
    };
    let setting = |connection: &mut Connection| -> Result<String, DatabaseError> {
        Ok(connection.query(sql, &[])?[0].text(0)?.to_owned())
    };
    let inside = writer.derived_transaction(|connection| {
        connection.execute(INSERT, &item(1, None))?;
        setting(connection)
    });
    assert_eq!((inside.unwrap().as_str(), setting(&mut writer).unwrap().as_str()), (relaxed, full));
    let failed = writer.derived_transaction(|connection| {
        connection.execute(INSERT, &item(2, None))?;
        connection.execute(INSERT, &item(1, None))
    });
    assert!(failed.is_err());
    assert_eq!((ids(database), setting(&mut writer).unwrap().as_str()), (vec![1], full));
}

fn what_is_dropped_open_is_rolled_back(database: &Database) {
    let mut writer = database.writer().unwrap();
    writer.begin().unwrap();
    writer.execute(INSERT, &item(1, None)).unwrap();
    drop(writer);
    database.writer().unwrap().execute(INSERT, &item(1, None)).unwrap();
    assert_eq!(ids(database), [1]);
}

fn settings_show_what_durability_rests_on(database: &Database) {
    let settings = database.settings().unwrap();
    let wanted = match database.engine() {
        Engine::Sqlite => [("journal_mode", "wal"), ("synchronous", "2")],
        Engine::Postgres => [("fsync", "on"), ("synchronous_commit", "on")],
    };
    for (name, value) in wanted {
        assert!(settings.contains(&(name.to_owned(), value.to_owned())), "{settings:?}");
    }
}

macro_rules! on_both {
    ($($case:ident,)+) => {
        mod on_sqlite { $(#[test] fn $case() { super::$case(&super::on(super::Engine::Sqlite).database) })+ }
        mod on_postgres { $(#[test] fn $case() { super::$case(&super::on(super::Engine::Postgres).database) })+ }
    };
}

on_both! {
    values_survive,
    many_rows_keep_their_order,
    rows_are_written_and_found_together,
    a_failed_transaction_cannot_be_committed_in_part,
    refusals_are_told_apart,
    a_read_in_which_a_statement_failed_harms_no_other,
    a_read_sees_one_state_and_cannot_write,
    only_a_derived_transaction_waits_for_no_disk,
    what_is_dropped_open_is_rolled_back,
    settings_show_what_durability_rests_on,
}

#[test]
fn a_commit_does_not_move_the_log_into_the_file_and_the_next_transaction_does() {
    let bed = on(Engine::Sqlite);
    let mut writer = bed.database.writer().unwrap();
    let write = |writer: &mut Connection, id: i64, bytes: usize| {
        writer.transaction(|connection| connection.execute(INSERT, &large_item(id, bytes))).unwrap()
    };
    write(&mut writer, 1, 3_000_000);
    write(&mut writer, 2, 3_000_000);
    let (written, moved) = log_pages(&mut writer);
    assert!(written > 1_400, "{written}");
    assert_eq!(moved, 0);
    writer.begin().unwrap();
    writer.rollback().unwrap();
    assert_eq!(log_pages(&mut writer), (written, written));
    // What is in the file needs no log any more, which begins anew.
    write(&mut writer, 3, 1_000);
    let (written, moved) = log_pages(&mut writer);
    assert!(written < 100, "{written}");
    assert_eq!((moved, ids(&bed.database)), (0, vec![1, 2, 3]));
}

#[test]
fn statements_outside_a_transaction_do_not_let_the_log_grow_for_ever() {
    let bed = on(Engine::Sqlite);
    let mut writer = bed.database.writer().unwrap();
    for id in 0..20 {
        writer.execute(INSERT, &large_item(id, 3_000_000)).unwrap();
        let (written, moved) = log_pages(&mut writer);
        assert!(written - moved < 5_000, "{written} pages, {moved} of them in the file");
    }
}

/// Pages in the log, and those of them that are in the file.
fn log_pages(writer: &mut Connection) -> (i64, i64) {
    let rows = writer.query("PRAGMA wal_checkpoint(NOOP)", &[]).unwrap();
    (rows[0].int(1).unwrap(), rows[0].int(2).unwrap())
}

fn large_item(id: i64, bytes: usize) -> [Value; 4] {
    [id.into(), Value::Null, Value::Null, vec![7; bytes].into()]
}

#[test]
fn programs_that_start_together_on_a_new_database_take_turns() {
    let (folder, url) = (sqlite::folder(), postgres::database());
    let path = folder.path().join("a.db");
    std::thread::scope(|threads| {
        for number in 0..12 {
            let (path, url) = (&path, &url);
            threads.spawn(move || {
                let database = if number % 2 == 0 {
                    Database::open_sqlite(path, Durability::Full, &MIGRATIONS)
                } else {
                    Database::connect_postgres(url, "items", &MIGRATIONS)
                };
                let mut writer = database.unwrap().writer().unwrap();
                writer.execute(INSERT, &item(number, None)).unwrap();
            });
        }
    });
}

/// What the program of a later version brings along.
const LATER: Migrations = Migrations {
    sqlite: &[("0001_item", ITEM_SQLITE), ("0002_other", "CREATE TABLE other (id INTEGER)")],
    postgres: &[("0001_item", ITEM_POSTGRES), ("0002_other", "CREATE TABLE other (id BIGINT)")],
};

#[test]
fn who_ends_between_a_migration_and_the_note_of_it_can_start_again() {
    // Whatever would be noted after it ends the program there.
    let triggers = [
        (
            Engine::Sqlite,
            "CREATE TRIGGER no_note BEFORE INSERT ON refinery_schema_history \
            BEGIN SELECT RAISE(ABORT, 'ended'); END",
            "DROP TRIGGER no_note",
        ),
        (
            Engine::Postgres,
            "CREATE TRIGGER no_note BEFORE INSERT ON refinery_schema_history \
            EXECUTE FUNCTION item_keeps()",
            "DROP TRIGGER no_note ON refinery_schema_history",
        ),
    ];
    let (folder, url) = (sqlite::folder(), postgres::database());
    let path = folder.path().join("a.db");
    for (engine, end_there, go_on) in triggers {
        let open = |migrations| match engine {
            Engine::Sqlite => Database::open_sqlite(&path, Durability::Full, migrations),
            Engine::Postgres => Database::connect_postgres(&url, "items", migrations),
        };
        open(&MIGRATIONS).unwrap().writer().unwrap().execute(end_there, &[]).unwrap();
        assert!(matches!(open(&LATER).err(), Some(DatabaseError::Migration(_))));
        open(&MIGRATIONS).unwrap().writer().unwrap().execute(go_on, &[]).unwrap();
        let later = open(&LATER).unwrap();
        assert!(later.read(|connection| connection.query("SELECT id FROM other", &[])).is_ok());
    }
}

#[test]
fn a_full_disk_undoes_the_transaction_and_writing_goes_on_after() {
    let bed = on(Engine::Sqlite);
    let mut writer = bed.database.writer().unwrap();
    writer.query("PRAGMA max_page_count = 8", &[]).unwrap();
    let large = vec![1.into(), Value::Null, "x".repeat(100_000).into(), Value::Null];
    let result: Result<u64, DatabaseError> =
        writer.transaction(|connection| connection.execute(INSERT, &large));
    assert!(matches!(result, Err(DatabaseError::Full(_))), "{result:?}");
    assert!(ids(&bed.database).is_empty());
    writer.execute(INSERT, &large).unwrap();
    assert_eq!(ids(&bed.database), [1]);
}

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

/// SQLite keeps the log beside the file that a link leads to.
#[test]
fn the_log_is_written_again_where_the_file_is_a_link() {
    let folder = sqlite::folder();
    let [file, link] = ["file.db", "link.db"].map(|name| folder.path().join(name));
    let other = on(Engine::Sqlite);
    let mut writer = other.database.writer().unwrap();
    writer.execute(INSERT, &item(1, None)).unwrap();
    let log = folder.path().join("file.db-wal");
    let path = other.database.path().unwrap();
    std::fs::copy(path, &file).unwrap();
    std::fs::copy(format!("{}-wal", path.display()), &log).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    // So that nobody else is the last to close it, who would take the log away.
    let reader = rusqlite::Connection::open(&file).unwrap();
    assert_eq!(reader.query_row(IDS, [], |row| row.get(0)), Ok(1));
    let written = || std::fs::metadata(&log).unwrap().modified().unwrap();
    std::fs::File::options().write(true).open(&log).unwrap().set_modified(UNIX_EPOCH).unwrap();
    let database = Database::open_sqlite(&link, Durability::Full, &MIGRATIONS).unwrap();
    let _open = database.writer().unwrap();
    assert_ne!(written(), UNIX_EPOCH);
    assert_eq!(ids(&database), [1]);
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

fn wait_until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "that never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
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
    let nul = [1.into(), Value::Null, "a\0b".into(), Value::Null];
    let refused = writer.execute(INSERT, &nul).unwrap_err();
    assert!(matches!(refused, DatabaseError::Values { .. }), "{refused:?}");
    writer.execute("CREATE INDEX item_text ON item (text)", &[]).unwrap();
    let char = |n: u32| char::from_u32(0x2_0000 + n * 7_919 % 40_000).unwrap();
    let long: String = (0..2_000).map(char).collect();
    let long = [1.into(), Value::Null, long.into(), Value::Null];
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

#[test]
fn a_wrong_place_is_a_message_about_the_place() {
    let connect = |url: &str, schema: &str| {
        Database::connect_postgres(url, schema, &MIGRATIONS).err().unwrap()
    };
    let url = postgres::database();
    assert!(matches!(connect("http://", "public"), DatabaseError::Misconfigured(_)));
    assert!(matches!(connect(&url, "public; DROP"), DatabaseError::Misconfigured(_)));
    let missing = connect(&url.replace("/test_", "/missing_"), "public");
    assert!(matches!(missing, DatabaseError::Misconfigured(_)), "{missing:?}");
    let nobody = connect("postgres://postgres@/x?host=/nowhere", "public");
    assert!(nobody.is_unavailable(), "{nobody:?}");
    let folder = sqlite::folder();
    let path = folder.path().join("missing/a.db");
    let nowhere = Database::open_sqlite(&path, Durability::Full, &MIGRATIONS).err().unwrap();
    assert!(matches!(nowhere, DatabaseError::Misconfigured(_)), "{nowhere:?}");
}
