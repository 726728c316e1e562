//! Whoever may read a book and not change it proves it, and leaves no trace.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use quipu::exit_codes;
use quipu_testkit::postgres;
use tempfile::TempDir;

use crate::commands::book;
use crate::program::{Run, Server, quipu_at, run};

/// What every command says of a place where there is nothing.
const NO_BOOK: &str = "there is no book in ";

/// Somebody who can write in a folder of his own, and read what others let him.
struct Auditor {
    own: TempDir,
    program: PathBuf,
    /// Root may do whatever others forbid, so it becomes somebody else.
    account: Option<u32>,
}

impl Auditor {
    fn new() -> Auditor {
        let own = quipu_testkit::sqlite::folder();
        let account = (own.path().metadata().unwrap().uid() == 0).then_some(65_534);
        fs::set_permissions(own.path(), Permissions::from_mode(0o777)).unwrap();
        // Where it was built, not everybody may get to it.
        let program = own.path().join("quipu");
        let built = env!("CARGO_BIN_EXE_quipu");
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        Auditor { own, program, account }
    }

    fn path(&self, name: &str) -> String {
        self.own.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = quipu_at(&self.program, arguments);
        if let Some(account) = self.account {
            command.uid(account).gid(account);
        }
        Run::of(&mut command)
    }

    /// Every command that only reads.
    fn proves(&self, place: &[&str; 2]) {
        let paths = ["replay.db", "journal", "hledger", "events", "balance"];
        let [replay, journal, hledger, events, balance] = paths.map(|name| self.path(name));
        let _made_before = fs::remove_file(&replay);
        let own = self.own.path().display().to_string();
        for arguments in [
            &["verify"][..],
            &["verify", "--journal-only"],
            &["diff"],
            &["replay", "--to", &replay],
            &["diff", &replay],
            &["export", "journal", "--output", &journal],
            &["export", "hledger", "--output", &hledger],
            &["export", "parquet", "--output", &events],
            &["export", "parquet", "balance", "--output", &balance],
            &["projections", "list"],
        ] {
            let done = self.run(&[arguments, place].concat());
            assert_eq!(done.code(), 0, "{arguments:?}: {}{}", done.out(), done.err());
        }
        if place[0] == "--data" {
            for arguments in [&["checkpoint"][..], &["prove", "1", "--out", &own]] {
                let done = self.run(&[arguments, place].concat());
                assert_eq!(done.code(), 0, "{arguments:?}: {}{}", done.out(), done.err());
            }
        }
        let verified = self.run(&[&["verify"][..], place].concat());
        assert!(verified.out().contains("\nThe book holds. "), "{}", verified.out());
    }
}

/// All files of a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn names(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    files.keys().map(|path| path.file_name().unwrap().display().to_string()).collect()
}

fn forbid_writing(folder: &Path) {
    for path in files(folder).keys() {
        fs::set_permissions(path, Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
}

fn assert_proved_without_a_trace(server: &Server, left: &[&str]) {
    let folder = PathBuf::from(server.data());
    let place = server.place.each_ref().map(String::as_str);
    forbid_writing(&folder);
    let before = files(&folder);
    assert_eq!(names(&before), left);
    Auditor::new().proves(&place);
    let after = files(&folder);
    assert_eq!(names(&after), left);
    assert!(after == before, "a file was changed");
    // And who could write does not either.
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    for arguments in [&["verify"][..], &["diff"], &["projections", "list"], &["checkpoint"]] {
        let done = server.on_book(arguments);
        assert_eq!(done.code(), 0, "{arguments:?}: {}{}", done.out(), done.err());
    }
    assert!(files(&folder) == before, "a file was made or changed");
}

/// Waits until the book's last event is in a checkpoint.
fn published(server: &Server) {
    let out = quipu_testkit::sqlite::folder();
    let out = out.path().display().to_string();
    let head = server.get("/readyz")["journal_position"].to_string();
    let proved = run(&["prove", &head, "--server", &server.url, "--out", &out]);
    assert_eq!(proved.code(), 0, "{}", proved.err());
}

#[test]
fn a_book_at_rest_that_nobody_may_write_to_is_proved_without_a_trace() {
    let mut server = book(Server::start());
    published(&server);
    assert_eq!(server.terminate(), Some(0));
    let left = ["journal.db", "journal.lock", "proofs.db", "views.db"];
    assert_proved_without_a_trace(&server, &left);
}

#[test]
fn what_a_killed_server_has_left_is_proved_without_a_trace() {
    let mut server = book(Server::start());
    published(&server);
    server.kill();
    let left = [
        "journal.db",
        "journal.db-shm",
        "journal.db-wal",
        "journal.lock",
        "proofs.db",
        "proofs.db-shm",
        "proofs.db-wal",
        "views.db",
        "views.db-shm",
        "views.db-wal",
    ];
    assert_proved_without_a_trace(&server, &left);
}

#[test]
fn a_book_is_proved_beside_its_server() {
    let server = book(Server::start());
    published(&server);
    Auditor::new().proves(&server.place.each_ref().map(String::as_str));
}

/// Keys are not for auditors: who has them can sign whatever he likes.
#[test]
fn who_may_not_read_the_keys_is_told_what_the_book_is_not_held_to() {
    let server = book(Server::start());
    let auditor = Auditor::new();
    if auditor.account.is_none() {
        return;
    }
    let [data, folder] = server.place.each_ref().map(String::as_str);
    let verified = auditor.run(&["verify", data, folder]);
    assert_eq!(verified.code(), 0, "{}", verified.err());
    let told = verified.err();
    assert!(told.contains("the book is not held to what was signed last"), "{told}");
    let keys = format!("{folder}/keys");
    assert_eq!(server.on_book(&["verify"]).err(), "");
    // Who names the folder means it.
    let elsewhere = format!("{}/elsewhere", server.data());
    fs::rename(&keys, &elsewhere).unwrap();
    let named = auditor.run(&["verify", data, folder, "--keys", &elsewhere]);
    assert_eq!(named.code(), i32::from(exit_codes::UNUSABLE), "{}", named.err());
}

/// The statements are those of AUDITING.md.
#[test]
fn a_role_with_usage_and_select_proves_a_book_on_postgres() {
    let server = book(Server::start_on_postgres());
    let auditor = Auditor::new();
    let cluster = postgres::Server::start();
    let owner = server.place[1].clone();
    cluster.psql(&owner, "CREATE ROLE auditor LOGIN").unwrap();
    let url = owner.replace("postgres://postgres@", "postgres://auditor@");
    let place = ["--database", url.as_str()];
    let may_not = run(&[&["verify"][..], &place].concat());
    assert_eq!(may_not.code(), i32::from(exit_codes::UNUSABLE), "{}", may_not.err());
    assert!(may_not.err().contains("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor"));
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../AUDITING.md"));
    let guide = guide.unwrap();
    let grants: Vec<&str> = guide.lines().filter(|line| line.starts_with("GRANT ")).collect();
    assert_eq!(grants.len(), 2);
    for grant in grants {
        cluster.psql(&owner, grant).unwrap();
    }
    auditor.proves(&place);
    // A right that is missing says nothing of the book.
    cluster.psql(&owner, "REVOKE SELECT ON journal_batch FROM auditor").unwrap();
    let denied = run(&[&["verify"][..], &place].concat());
    assert_eq!(denied.code(), i32::from(exit_codes::UNUSABLE), "{}", denied.out());
    assert!(denied.err().contains("permission denied"), "{}", denied.err());
}

#[test]
fn an_empty_database_stays_empty_and_has_no_book() {
    let database = postgres::database();
    let place = ["--database", database.as_str()];
    let made = "SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_namespace)";
    let before = postgres::Server::start().psql(&database, made).unwrap();
    has_no_book(&place);
    assert_eq!(postgres::Server::start().psql(&database, made).unwrap(), before);
}

#[test]
fn a_journal_without_a_byte_is_no_book() {
    let folder = quipu_testkit::sqlite::folder();
    let journal = folder.path().join("journal.db");
    fs::write(&journal, "").unwrap();
    has_no_book(&["--data", &folder.path().display().to_string()]);
    assert_eq!(files(folder.path()), BTreeMap::from([(journal, Vec::new())]));
}

fn has_no_book(place: &[&str; 2]) {
    let own = quipu_testkit::sqlite::folder();
    let replay = own.path().join("replay.db").display().to_string();
    for arguments in [
        &["verify"][..],
        &["verify", "--journal-only"],
        &["diff"],
        &["replay", "--to", &replay],
        &["export", "journal"],
        &["export", "hledger"],
        &["export", "parquet", "balance"],
        &["checkpoint"],
        &["prove", "1"],
        &["projections", "list"],
        &["projections", "rebuild"],
    ] {
        let said = run(&[arguments, place].concat());
        assert_eq!(said.code(), i32::from(exit_codes::UNUSABLE), "{arguments:?}: {}", said.err());
        assert!(said.err().contains(NO_BOOK), "{arguments:?}: {}", said.err());
    }
}

#[test]
fn a_book_of_an_older_version_is_said_to_be_one() {
    let mut sqlite = book(Server::start());
    assert_eq!(sqlite.terminate(), Some(0));
    let file = Path::new(&sqlite.data()).join("journal.db");
    let forget = "DELETE FROM refinery_schema_history WHERE version = 3";
    rusqlite::Connection::open(file).unwrap().execute(forget, []).unwrap();
    let on_postgres = Server::start_on_postgres();
    postgres::Server::start().psql(&on_postgres.place[1], forget).unwrap();
    for (server, migration) in
        [(&sqlite, "V3__event_metadata"), (&on_postgres, "V3__event_metadata")]
    {
        let said = server.on_book(&["verify"]);
        assert_eq!(said.code(), i32::from(exit_codes::UNUSABLE), "{}", said.err());
        let told = said.err();
        assert!(told.contains("the book is of an older version: "), "{told}");
        assert!(told.contains(migration) && told.contains("start `quipu serve` once"), "{told}");
    }
}

#[test]
fn a_book_without_views_is_proved_without_them_and_none_are_made() {
    let mut server = book(Server::start());
    assert_eq!(server.terminate(), Some(0));
    let views = Path::new(&server.data()).join("views.db");
    fs::remove_file(&views).unwrap();
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), 0, "{}", verified.err());
    assert!(verified.out().contains("\nThe journal holds, "), "{}", verified.out());
    let diff = server.on_book(&["diff"]);
    assert_eq!(diff.code(), i32::from(exit_codes::UNUSABLE), "{}", diff.out());
    assert!(diff.err().contains("the book has no views"), "{}", diff.err());
    assert!(!views.exists());
}
