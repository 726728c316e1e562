//! The same behaviour on SQLite and on PostgreSQL.

use quipu_database::{
    Connection, Database, DatabaseError, Durability, Engine, Migrations, Row, Value,
};
use quipu_testkit::{postgres, sqlite};

use crate::items::{
    IDS, INSERT, INSERT_ROWS, ITEM_POSTGRES, ITEM_SQLITE, MIGRATIONS, SELECT_ROWS, ids, item,
};

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
        [1, 20_000, 7, 10_000].map(|id| vec![Value::Int(id), "é".into()]).to_vec();
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
        mod on_sqlite { $(#[test] fn $case() { super::$case(&crate::items::on(super::Engine::Sqlite).database) })+ }
        mod on_postgres { $(#[test] fn $case() { super::$case(&crate::items::on(super::Engine::Postgres).database) })+ }
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
