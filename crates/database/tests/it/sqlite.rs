//! What only SQLite has: a log beside the file, and a disk of its own.

use std::time::UNIX_EPOCH;

use quipu_database::{Connection, Database, DatabaseError, Durability, Engine, Value};
use quipu_testkit::sqlite;

use crate::items::{IDS, INSERT, MIGRATIONS, ids, item, on};

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
fn a_full_disk_undoes_the_transaction_and_writing_goes_on_after() {
    let bed = on(Engine::Sqlite);
    let mut writer = bed.database.writer().unwrap();
    writer.query("PRAGMA max_page_count = 8", &[]).unwrap();
    let large = vec![Value::Int(1), Value::Null, "x".repeat(100_000).into(), Value::Null];
    let result: Result<u64, DatabaseError> =
        writer.transaction(|connection| connection.execute(INSERT, &large));
    assert!(matches!(result, Err(DatabaseError::Full(_))), "{result:?}");
    assert!(ids(&bed.database).is_empty());
    writer.execute(INSERT, &large).unwrap();
    assert_eq!(ids(&bed.database), [1]);
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
