//! What the database itself promises, without this program.

use quipu_database::{Database, DatabaseError, Durability, Engine, Migrations};
use quipu_domain::{Position, Stream, Version};
use quipu_journal::{JournalError, KeyWindow, MIGRATIONS, SqlStore, Store as _, Writer};
use quipu_testkit::postgres::Server;
use quipu_testkit::sqlite;

use crate::bed::{self, Bed, PATIENCE, event};
use crate::index::{assert_complete, misfit};

pub(crate) fn changes_and_deletions_are_refused(bed: &Bed) {
    let (writer, _) = bed.with_events(5);
    let database = bed.database();
    let mut statements = vec![
        "UPDATE journal_batch SET events = '[]' WHERE first_position = 1",
        "UPDATE journal_batch SET recorded_at = recorded_at",
        "DELETE FROM journal_batch WHERE first_position > 1",
        "DELETE FROM journal_batch",
    ];
    if database.engine() == Engine::Postgres {
        statements.push("TRUNCATE journal_batch CASCADE");
    }
    for statement in statements {
        let error = database.writer().unwrap().execute(statement, &[]).unwrap_err();
        assert!(
            matches!(&error, DatabaseError::Refused(why) if why.contains("never")),
            "{error:?}"
        );
    }
    assert_eq!(bed.store.head().unwrap(), writer.head());
}

pub(crate) fn events_are_readable_with_plain_sql(bed: &Bed) {
    let _writer = bed.with_events(12);
    let sql = "SELECT position, stream, version, id, type, schema, recorded_at, effective_at,
            tenant, actor, command, fingerprint, correlation, causation, CAST(data AS TEXT)
        FROM journal_event WHERE tenant = 't_1' ORDER BY position";
    let rows = bed.database().read(|connection| connection.query(sql, &[])).unwrap();
    let positions: Vec<i64> = rows.iter().map(|row| row.int(0).unwrap()).collect();
    assert_eq!(positions, [1, 4, 7, 10]);
    let (row, expected) = (&rows[1], event(4));
    assert_eq!((row.int(2), row.int(5)), (Ok(2), Ok(2)));
    let texts = [1, 3, 4, 6, 7, 8, 9, 10, 14].map(|column| row.text(column).unwrap().to_owned());
    assert_eq!(
        texts,
        [
            "wallet/t_1".to_owned(),
            expected.id.to_string(),
            "WalletFrozen".to_owned(),
            expected.recorded_at.to_string(),
            expected.recorded_at.to_string(),
            "t_1".to_owned(),
            "local".to_owned(),
            "key-2".to_owned(),
            r#"{"reason":"reason \"4\" é"}"#.to_owned(),
        ]
    );
    let absent = [11, 12].map(|column| row.optional_text(column).unwrap());
    assert_eq!((absent, row.optional_int(13)), ([None, None], Ok(None)));
}

#[test]
fn psql_alone_shows_the_events() {
    let server = Server::start();
    let url = server.database();
    let store = quipu_journal::SqlStore::connect_postgres(&url).unwrap();
    let (mut writer, _) =
        Writer::open(std::sync::Arc::new(store), PATIENCE, KeyWindow::default()).unwrap();
    writer.append(&bed::events(1, 3)).unwrap();
    let shown = server.psql(&url, "SELECT position, type, data->>'reason' FROM journal_event");
    let expected = "1|WalletFrozen|reason \"1\" é\n2|WalletFrozen|reason \"2\" é\n3|WalletFrozen|reason \"3\" é";
    assert_eq!(shown.unwrap(), expected);
    let refused = server.psql(&url, "DELETE FROM journal_batch").unwrap_err();
    assert!(refused.contains("never changed or deleted"), "{refused}");
}

/// Caches with long rows stand in other tables since, and are not made again for it.
#[test]
fn caches_that_an_older_program_saved_on_sqlite_are_kept() {
    let folder = sqlite::folder();
    let path = folder.path().join("journal.db");
    let older = Migrations { sqlite: &MIGRATIONS.sqlite[..3], postgres: &[] };
    let database = Database::open_sqlite(&path, Durability::Full, &older).unwrap();
    let mut writer = database.writer().unwrap();
    for statement in [
        "INSERT INTO journal_segment (journal, last_position, first_position, recorded_at, peaks, keys)
            VALUES ('main', 10, 1, 5, zeroblob(64), zeroblob(100))",
        "INSERT INTO journal_posting (journal, stream, last_position, first_position, positions)
            VALUES ('main', 'wallet/t_a', 10, 1, x'02')",
        "INSERT INTO journal_snapshot (journal, stream, version, position, schema_hash, state)
            VALUES ('main', 'wallet/t_a', 7, 9, 'wallet/1', '{}')",
    ] {
        writer.execute(statement, &[]).unwrap();
    }
    drop((writer, database));
    let store = SqlStore::open_sqlite(&path).unwrap();
    assert_eq!(store.last_segment().unwrap().unwrap().position, Position(10));
    let stream = Stream::stored("wallet/t_a");
    let found = store.snapshots(std::slice::from_ref(&stream), None, "wallet/1").unwrap();
    assert_eq!((found[0].version, found[0].position), (Version(7), Position(9)));
    assert_eq!(store.postings(&[(stream, Position::ZERO)]).unwrap().concat().len(), 1);
    let sql = "SELECT name FROM pragma_table_list WHERE wr = 1 ORDER BY name";
    let rows = store.database().read(|connection| connection.query(sql, &[])).unwrap();
    let searched_by_whole_rows: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(searched_by_whole_rows, ["journal_posting"]);
}

pub(crate) fn deleted_caches_are_rebuilt(bed: &Bed) {
    let (writer, _) = bed.with_events(57);
    let (head, end) = (writer.head(), bed.store.last_segment().unwrap());
    drop(writer);
    for statement in [
        "DELETE FROM journal_segment",
        "DELETE FROM journal_posting",
        "DELETE FROM journal_segment WHERE first_position = 21",
    ] {
        bed.database().writer().unwrap().execute(statement, &[]).unwrap();
        let (writer, index) = bed.open();
        assert_complete(&index, bed.store.as_ref(), 57);
        assert_eq!((writer.head(), bed.store.last_segment().unwrap()), (head, end.clone()));
    }
}

pub(crate) fn a_wrong_cache_is_rebuilt(bed: &Bed) {
    let (writer, _) = bed.with_events(57);
    let (head, end) = (writer.head(), bed.store.last_segment().unwrap());
    drop(writer);
    let wrong: [&[&'static str]; 3] = [
        &["UPDATE journal_segment SET peaks = keys WHERE last_position = 50"],
        &[
            "DELETE FROM journal_segment WHERE last_position = 50",
            "UPDATE journal_segment SET peaks = (SELECT peaks FROM journal_segment AS other
                WHERE other.last_position = 20) WHERE last_position = 40",
        ],
        &["UPDATE journal_segment SET last_position = 99 WHERE last_position = 50"],
    ];
    for statements in wrong {
        let mut connection = bed.database().writer().unwrap();
        for statement in statements {
            assert_eq!(connection.execute(statement, &[]).unwrap(), 1);
        }
        let (writer, index) = bed.open();
        assert_complete(&index, bed.store.as_ref(), 57);
        assert_eq!((writer.head(), bed.store.last_segment().unwrap()), (head, end.clone()));
    }
}

pub(crate) fn a_changed_segment_is_found(bed: &Bed) {
    drop(bed.with_events(57));
    let no_bytes = match bed.database().engine() {
        Engine::Sqlite => "UPDATE journal_segment SET keys = x'' WHERE last_position = 30",
        Engine::Postgres => "UPDATE journal_segment SET keys = '' WHERE last_position = 30",
    };
    for (statement, first, what) in [
        ("UPDATE journal_posting SET stream = 'wallet/t_x' WHERE stream = 'wallet/t_1'", 1, "t_"),
        ("UPDATE journal_segment SET recorded_at = 1 WHERE last_position = 20", 11, "its time"),
        (no_bytes, 21, "keys"),
        (
            "DELETE FROM journal_posting WHERE stream = 'wallet/t_2' AND last_position = 40",
            31,
            "t_2",
        ),
    ] {
        assert_eq!(misfit(bed), None);
        let mut connection = bed.database().writer().unwrap();
        assert!(connection.execute(statement, &[]).unwrap() > 0, "{statement}");
        let found = misfit(bed).unwrap();
        assert_eq!(found.bounds.first_position, Position(first), "{statement}: {}", found.what);
        assert!(found.what.contains(what), "{}", found.what);
        connection.execute("DELETE FROM journal_segment", &[]).unwrap();
        connection.execute("DELETE FROM journal_posting", &[]).unwrap();
        drop(bed.open());
    }
}

pub(crate) fn a_changed_event_stops_the_journal_from_opening(bed: &Bed) {
    drop(bed.with_events(57));
    let sql = "UPDATE journal_batch SET events = replace(events, 'reason \\\"55\\\"', 'reason \\\"56\\\"')";
    let changed = bed.without_triggers().writer().unwrap().execute(sql, &[]).unwrap();
    assert!(changed > 0);
    let opened = Writer::open(std::sync::Arc::clone(&bed.store), PATIENCE, KeyWindow::default());
    let error = opened.err().unwrap();
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error:?}");
}
