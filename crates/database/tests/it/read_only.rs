//! Databases that are opened to be read and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use quipu_database::{Connection, Database, DatabaseError, Durability, Engine, Migrations, Value};
use quipu_testkit::postgres::{self, Server};
use quipu_testkit::sqlite;
use tempfile::TempDir;

const ITEM: &str = "CREATE TABLE item (id BIGINT PRIMARY KEY)";
const MIGRATIONS: Migrations =
    Migrations { sqlite: &[("0001_item", ITEM)], postgres: &[("0001_item", ITEM)] };
/// What the program of a later version brings along.
const LATER: Migrations = Migrations {
    sqlite: &[("0001_item", ITEM), ("0002_other", "CREATE TABLE other (id BIGINT)")],
    postgres: &[("0001_item", ITEM), ("0002_other", "CREATE TABLE other (id BIGINT)")],
};
/// What somebody else's program brings along, whose tables are kept account of likewise.
const OTHERS: Migrations = Migrations {
    sqlite: &[("0001_thing", "CREATE TABLE thing (id BIGINT)")],
    postgres: &[("0001_thing", "CREATE TABLE thing (id BIGINT)")],
};
const INSERT: &str = "INSERT INTO item (id) VALUES ($1)";
const IDS: &str = "SELECT id FROM item ORDER BY id";

/// Where a database is, or will be.
struct Bed {
    engine: Engine,
    folder: TempDir,
    url: String,
}

impl Bed {
    fn new(engine: Engine) -> Bed {
        let url = match engine {
            Engine::Sqlite => String::new(),
            Engine::Postgres => postgres::database(),
        };
        Bed { engine, folder: sqlite::folder(), url }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("a.db")
    }

    fn open(&self, migrations: &Migrations) -> Database {
        let opened = match self.engine {
            Engine::Sqlite => Database::open_sqlite(&self.path(), Durability::Full, migrations),
            Engine::Postgres => Database::connect_postgres(&self.url, "items", migrations),
        };
        opened.unwrap()
    }

    fn read(&self, migrations: &Migrations) -> Result<Database, DatabaseError> {
        match self.engine {
            Engine::Sqlite => Database::open_sqlite_read_only(&self.path(), migrations),
            Engine::Postgres => {
                Database::connect_postgres_read_only(&self.url, "items", migrations)
            }
        }
    }
}

fn insert(database: &Database, id: i64) {
    database.writer().unwrap().execute(INSERT, &[id.into()]).unwrap();
}

fn ids(database: &Database) -> Vec<i64> {
    let rows = database.query(IDS, &[]).unwrap();
    rows.iter().map(|row| row.int(0).unwrap()).collect()
}

/// A file's bytes, which nobody wants to see when they are not what they should be.
#[derive(PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// All files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Bytes> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().display().to_string(), Bytes(fs::read(path).unwrap()))
    };
    fs::read_dir(folder).unwrap().map(file).collect()
}

fn reads_one_and_leaves_all(bed: &Bed) {
    let before = files(bed.folder.path());
    let database = bed.read(&MIGRATIONS).unwrap();
    assert_eq!((ids(&database), database.damage()), (vec![1], Ok(None)));
    drop(database);
    assert_eq!(files(bed.folder.path()), before);
}

fn reads_what_there_is_and_writes_nothing(bed: &Bed) {
    let live = bed.open(&MIGRATIONS);
    insert(&live, 1);
    let database = bed.read(&MIGRATIONS).unwrap();
    assert!(database.is_read_only() && !live.is_read_only());
    assert_eq!(ids(&database), [1]);
    insert(&live, 2);
    assert_eq!(ids(&database), [1, 2], "it sees what is written meanwhile");
    assert!(matches!(database.writer().err(), Some(DatabaseError::Refused(_))));
    let write = |one: &mut Connection| one.execute(INSERT, &[Value::Int(3)]);
    assert!(database.read(write).is_err());
    let create = |one: &mut Connection| one.execute("CREATE TABLE other (id BIGINT)", &[]);
    assert!(database.read(create).is_err());
    assert_eq!(ids(&live), [1, 2]);
}

fn what_is_not_there_is_missing_and_not_made(bed: &Bed) {
    assert_eq!(bed.read(&MIGRATIONS).err(), Some(DatabaseError::Missing));
    assert!(files(bed.folder.path()).is_empty());
    if bed.engine == Engine::Postgres {
        let made = "SELECT count(*) FROM pg_namespace WHERE nspname = 'items'";
        assert_eq!(Server::start().psql(&bed.url, made).unwrap(), "0");
    }
}

fn tables_of_another_version_are_refused_and_left_as_they_are(bed: &Bed) {
    drop(bed.open(&MIGRATIONS));
    let older = bed.read(&LATER).err().unwrap();
    assert_eq!(older, DatabaseError::Older { migration: "V2__other".to_owned() });
    assert!(bed.read(&MIGRATIONS).is_ok(), "nothing was brought up to date");
    let others = bed.read(&OTHERS).err().unwrap();
    assert!(matches!(others, DatabaseError::Migration(_)), "{others:?}");
    drop(bed.open(&LATER));
    let newer = bed.read(&MIGRATIONS).err().unwrap();
    assert_eq!(newer, DatabaseError::Newer { migration: "V2__other".to_owned() });
}

macro_rules! on_both {
    ($($case:ident,)+) => {
        mod on_sqlite { $(#[test] fn $case() { super::$case(&super::Bed::new(super::Engine::Sqlite)) })+ }
        mod on_postgres { $(#[test] fn $case() { super::$case(&super::Bed::new(super::Engine::Postgres)) })+ }
    };
}

on_both! {
    reads_what_there_is_and_writes_nothing,
    what_is_not_there_is_missing_and_not_made,
    tables_of_another_version_are_refused_and_left_as_they_are,
}

#[test]
fn a_file_at_rest_is_read_and_nothing_is_left_beside_it() {
    let bed = Bed::new(Engine::Sqlite);
    insert(&bed.open(&MIGRATIONS), 1);
    let before = files(bed.folder.path());
    assert_eq!(before.keys().collect::<Vec<_>>(), ["a.db"]);
    let database = bed.read(&MIGRATIONS).unwrap();
    assert_eq!((ids(&database), database.damage()), (vec![1], Ok(None)));
    assert_eq!(files(bed.folder.path()), before);
    drop(database);
    assert_eq!(files(bed.folder.path()), before);
}

#[test]
fn a_file_is_read_beside_its_writer_and_the_log_stays_his() {
    let bed = Bed::new(Engine::Sqlite);
    let live = bed.open(&MIGRATIONS);
    let mut writer = live.writer().unwrap();
    writer.execute(INSERT, &[Value::Int(1)]).unwrap();
    let now = || {
        let mut files = files(bed.folder.path());
        // The index is shared by the connections of one process, and this one may write to it.
        assert!(files.remove("a.db-shm").is_some());
        files
    };
    let before = now();
    assert_eq!(before.keys().collect::<Vec<_>>(), ["a.db", "a.db-wal"]);
    let database = bed.read(&MIGRATIONS).unwrap();
    assert_eq!(ids(&database), [1]);
    drop(database);
    assert_eq!(now(), before);
}

/// A writer that was killed leaves its log, in which there may be what is not in the file.
#[test]
fn what_only_the_log_has_is_read_and_stays_in_the_log() {
    let bed = Bed::new(Engine::Sqlite);
    let live = bed.open(&MIGRATIONS);
    let mut writer = live.writer().unwrap();
    writer.execute(INSERT, &[Value::Int(1)]).unwrap();
    let copy = Bed::new(Engine::Sqlite);
    for (name, Bytes(bytes)) in files(bed.folder.path()) {
        fs::write(copy.folder.path().join(name), bytes).unwrap();
    }
    reads_one_and_leaves_all(&copy);

    // Its index is lost with the power, or is whatever the disk has of it.
    let index = copy.folder.path().join("a.db-shm");
    fs::remove_file(&index).unwrap();
    for lost in [None, Some(vec![]), Some(vec![0; 32_768]), Some(vec![0xa5; 32_768])] {
        if let Some(bytes) = lost {
            fs::write(&index, bytes).unwrap();
        }
        reads_one_and_leaves_all(&copy);
    }
}

/// The power went before what the log begins with was on the disk, or all but that.
#[test]
fn a_log_with_nothing_whole_in_it_is_none() {
    const LOG_BYTES: usize = 4_152;
    let bed = Bed::new(Engine::Sqlite);
    let live = bed.open(&MIGRATIONS);
    insert(&live, 1);
    let [log, index] = ["a.db-wal", "a.db-shm"].map(|name| bed.folder.path().join(name));
    let mut writer = live.writer().unwrap();
    writer.execute(INSERT, &[Value::Int(2)]).unwrap();
    let header = fs::read(&log).unwrap()[..32].to_vec();
    writer.execute("DELETE FROM item WHERE id = $1", &[Value::Int(2)]).unwrap();
    drop((writer, live));
    assert!(!log.exists());
    let torn = [header.clone(), vec![0; LOG_BYTES - 32]].concat();
    let no_header = vec![0xa5; LOG_BYTES];
    let empty = || Some(vec![]);
    let mut cases = vec![(no_header, None), (header.clone(), Some(vec![0xa5; 32_768]))];
    for bytes in [vec![], header[..10].to_vec(), header, vec![0; LOG_BYTES], torn] {
        cases.extend([(bytes.clone(), None), (bytes, empty())]);
    }
    for (bytes, lost) in cases {
        fs::write(&log, &bytes).unwrap();
        match &lost {
            Some(bytes) => fs::write(&index, bytes).unwrap(),
            None => drop(fs::remove_file(&index)),
        }
        reads_one_and_leaves_all(&bed);
    }
}

/// SQLite takes it for a writer's, and waits for that one for some seconds.
#[test]
fn what_is_no_log_is_not_waited_for_for_ever() {
    let bed = Bed::new(Engine::Sqlite);
    insert(&bed.open(&MIGRATIONS), 1);
    fs::write(bed.folder.path().join("a.db-wal"), [0xa5; 4_152]).unwrap();
    fs::write(bed.folder.path().join("a.db-shm"), "").unwrap();
    reads_one_and_leaves_all(&bed);
}

#[test]
fn what_was_read_of_a_log_that_nobody_keeps_does_not_count_once_somebody_does() {
    let bed = Bed::new(Engine::Sqlite);
    let live = bed.open(&MIGRATIONS);
    let mut writer = live.writer().unwrap();
    writer.execute(INSERT, &[Value::Int(1)]).unwrap();
    let copy = Bed::new(Engine::Sqlite);
    for (name, Bytes(bytes)) in files(bed.folder.path()) {
        if name != "a.db-shm" {
            fs::write(copy.folder.path().join(name), bytes).unwrap();
        }
    }
    let database = copy.read(&MIGRATIONS).unwrap();
    let mut live = None;
    let torn = database.read(|reader| {
        let found = reader.query(IDS, &[])?;
        let writer = copy.open(&MIGRATIONS).writer()?;
        live.insert(writer).execute(INSERT, &[Value::Int(2)])?;
        Ok(found)
    });
    assert!(matches!(torn, Err(DatabaseError::Unavailable(_))), "{torn:?}");
    // Without locks it cannot be read any more, and with them only by who begins anew.
    assert!(matches!(database.query(IDS, &[]), Err(DatabaseError::Unavailable(_))));
    drop(database);
    assert_eq!(ids(&copy.read(&MIGRATIONS).unwrap()), [1, 2]);
}

/// Whoever was cut off while he made the tables has made none.
#[test]
fn tables_that_were_begun_are_missing() {
    let bed = Bed::new(Engine::Sqlite);
    drop(bed.open(&Migrations { sqlite: &[], postgres: &[] }));
    assert_eq!(bed.read(&MIGRATIONS).err(), Some(DatabaseError::Missing));
}

#[test]
fn what_was_read_of_a_file_at_rest_does_not_count_once_somebody_writes_to_it() {
    let bed = Bed::new(Engine::Sqlite);
    insert(&bed.open(&MIGRATIONS), 1);
    let database = bed.read(&MIGRATIONS).unwrap();
    let mut live = None;
    let torn = database.read(|reader| {
        reader.query(IDS, &[])?;
        let writer = bed.open(&MIGRATIONS).writer()?;
        live.insert(writer).execute(INSERT, &[Value::Int(2)])?;
        reader.query("SELECT id FROM nothing", &[])
    });
    assert!(matches!(torn, Err(DatabaseError::Unavailable(_))), "{torn:?}");
    assert_eq!(ids(&database), [1, 2], "it is read with its log from then on");
    // And at rest again, written to without a trace but the file's own.
    drop((database, live));
    let database = bed.read(&MIGRATIONS).unwrap();
    let torn = database.read(|reader| {
        let found = reader.query(IDS, &[])?;
        insert(&bed.open(&MIGRATIONS), 3);
        Ok(found)
    });
    assert!(matches!(torn, Err(DatabaseError::Unavailable(_))), "{torn:?}");
    insert(&bed.open(&MIGRATIONS), 4);
    assert_eq!(ids(&database), [1, 2, 3, 4], "what was in memory is not believed");
}

#[test]
fn any_name_and_a_link_lead_to_the_file() {
    let folder = sqlite::folder();
    let path = folder.path().join("50% é?immutable=0#.db");
    insert(&Database::open_sqlite(&path, Durability::Full, &MIGRATIONS).unwrap(), 1);
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&path, &link] {
        assert_eq!(ids(&Database::open_sqlite_read_only(path, &MIGRATIONS).unwrap()), [1]);
    }
    let live = Database::open_sqlite(&path, Durability::Full, &MIGRATIONS).unwrap();
    let mut writer = live.writer().unwrap();
    writer.execute(INSERT, &[Value::Int(2)]).unwrap();
    assert_eq!(ids(&Database::open_sqlite_read_only(&link, &MIGRATIONS).unwrap()), [1, 2]);
}

#[test]
fn a_file_with_nothing_in_it_is_none_and_one_of_another_kind_is_damaged() {
    let bed = Bed::new(Engine::Sqlite);
    fs::write(bed.path(), "").unwrap();
    for beside in [None, Some("a.db-wal"), Some("a.db-shm")] {
        if let Some(beside) = beside {
            fs::write(bed.folder.path().join(beside), "somebody's").unwrap();
        }
        let before = files(bed.folder.path());
        assert_eq!(bed.read(&MIGRATIONS).err(), Some(DatabaseError::Missing));
        assert_eq!(files(bed.folder.path()), before);
    }
    fs::remove_file(bed.folder.path().join("a.db-wal")).unwrap();
    fs::remove_file(bed.path()).unwrap();
    fs::create_dir(bed.path()).unwrap();
    let folder = bed.read(&MIGRATIONS).err().unwrap();
    assert!(matches!(folder, DatabaseError::Misconfigured(_)), "{folder:?}");
    fs::remove_dir(bed.path()).unwrap();
    fs::write(bed.path(), "not a database".repeat(100)).unwrap();
    let damaged = bed.read(&MIGRATIONS).err().unwrap();
    assert!(matches!(damaged, DatabaseError::Corrupt(_)), "{damaged:?}");
}

#[test]
fn a_role_needs_usage_and_select_and_is_told_so() {
    let bed = Bed::new(Engine::Postgres);
    insert(&bed.open(&MIGRATIONS), 1);
    let server = Server::start();
    server.psql(&bed.url, "CREATE ROLE \"an auditor\" LOGIN").unwrap();
    let url = bed.url.replace("postgres://postgres@", "postgres://an%20auditor@");
    let read = || Database::connect_postgres_read_only(&url, "items", &MIGRATIONS);
    let why = read().err().unwrap().to_string();
    for grant in [
        "GRANT USAGE ON SCHEMA items TO \"an auditor\"",
        "GRANT SELECT ON ALL TABLES IN SCHEMA items TO \"an auditor\"",
    ] {
        assert!(why.contains(grant), "{why}");
        assert!(read().is_err());
        server.psql(&bed.url, grant).unwrap();
    }
    assert_eq!(ids(&read().unwrap()), [1]);
    server.psql(&bed.url, "REVOKE SELECT ON items.item FROM \"an auditor\"").unwrap();
    let one = read().unwrap().query(IDS, &[]).unwrap_err();
    assert!(matches!(one, DatabaseError::Misconfigured(_)), "{one:?}");
}
