//! Exports that are refused, and what is said of a view that is no fold of all events.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use quipu::exit_codes;

use crate::commands::book;
use crate::program::{Run, Server, quipu, run};

const FOCUS: [&str; 7] = ["focus", "--provider", "x", "--currency", "SEK", "--rate", "1"];

/// Exports into a file in the book's folder.
fn export(server: &Server, arguments: &[&str]) -> Run {
    server.on_book(&[&["export"], arguments, &["--output", &file(server)]].concat())
}

fn file(server: &Server) -> String {
    format!("{}/export", server.data())
}

#[track_caller]
fn assert_refused(server: &Server, arguments: &[&str], code: u8, why: &str) {
    let refused = export(server, arguments);
    assert_eq!(refused.code(), i32::from(code), "{arguments:?}: {}", refused.err());
    assert!(refused.err().contains(why), "{arguments:?}: {}", refused.err());
    assert!(!Path::new(&file(server)).exists(), "{arguments:?}");
}

#[test]
fn a_tenant_that_is_not_there_is_not_exported() {
    let server = book(Server::start());
    let sie = ["sie", "--year", "2026", "--company", "x", "--rate", "1"];
    let formats: [&[&str]; 5] =
        [&["hledger"], &["beancount"], &sie, &FOCUS, &["parquet", "events"]];
    for format in formats {
        let of_nobody = [format, &["--tenant", "t_nobody"]].concat();
        assert_refused(&server, &of_nobody, exit_codes::REFUSED, "there is no tenant t_nobody");
        let too_early = [format, &["--tenant", "t_acme", "--known-at", "0"]].concat();
        assert_refused(&server, &too_early, exit_codes::REFUSED, "there is no tenant t_acme");
        let there = [format, &["--tenant", "t_acme", "--known-at", "1"]].concat();
        assert_eq!(export(&server, &there).code(), i32::from(exit_codes::OK), "{format:?}");
        std::fs::remove_file(file(&server)).unwrap();
    }
}

#[test]
fn days_that_end_before_they_begin_are_malformed() {
    let server = book(Server::start());
    let backwards = [&FOCUS[..], &["--from", "2026-11-01", "--to", "2026-10-01"]].concat();
    assert_refused(&server, &backwards, exit_codes::MALFORMED, "to is 2026-10-01");
}

/// A file has no column for what is missing in it.
#[test]
fn a_view_that_stopped_is_not_exported_and_one_made_without_an_event_says_so() {
    let mut server = book(Server::start());
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    let views = rusqlite::Connection::open(format!("{}/views.db", server.data())).unwrap();
    let parked = "insert into projection_parked values ('balances', 't_acme', 8, 'made up', 0)";
    views.execute(parked, []).unwrap();
    let refused = "balances stopped at position 8";
    assert_refused(&server, &["parquet", "lot"], exit_codes::UNUSABLE, refused);
    let other = export(&server, &["parquet", "hold"]);
    assert_eq!(other.code(), i32::from(exit_codes::OK), "{}", other.err());
    views
        .execute_batch(
            "delete from projection_parked;
             insert into projection_skipped
             select name, version, 8, 't_acme', 'made up', 'sent by mistake', 0 from projection
             where name = 'balances';",
        )
        .unwrap();
    let told = export(&server, &["parquet", "lot"]);
    insta::assert_snapshot!("export_parquet_of_a_view_with_a_skip", told.redacted(&server));
    let json = export(&server, &["parquet", "lot", "--json"]);
    assert_eq!(json.json()["skipped"], serde_json::json!([8]), "{}", json.out());
    let written = std::fs::read(file(&server)).unwrap();
    let remark = b"without event 8";
    assert!(written.windows(remark.len()).any(|bytes| bytes == remark));
}

/// Money would be booked on the account that its line does not name.
#[test]
fn a_chart_of_accounts_that_says_less_than_it_seems_to_is_malformed() {
    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("accounts.csv");
    let (path, data) = (file.display().to_string(), folder.path().display().to_string());
    let terms = ["--company", "Exempel AB", "--rate", "1", "--year", "2026", "--data", &data];
    for (text, why) in [
        (
            "account,number,name\nheld,2429,\"Held\nexpired,3990,Expired\n",
            "line 2: a quote is not closed",
        ),
        (
            "account,number,name\nheld,2429,\"Held\nexpired,3990,\"Expired\"\n",
            "line 2: a quote is not closed",
        ),
        (
            "account,number,name\nheld,2429,Held\nexpired,3990,Expired\nheld,2428,Held\n",
            "line 4: the account \"held\" is there twice",
        ),
        ("account,number,name\nheld,24,Held\n", "line 2: \"24\" is not an account number"),
        ("account,number,number,name\nheld,2429,2428,Held\n", "duplicate field `number`"),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = run(&[&["export", "sie", "--accounts", &path], &terms[..]].concat());
        let code = i32::from(exit_codes::MALFORMED);
        assert_eq!(said.code(), code, "{text:?}: {}{}", said.out(), said.err());
        assert!(said.err().contains(why), "{text:?}: {}", said.err());
    }
}

#[test]
fn a_slip_of_the_finger_gives_no_empty_year_and_no_broken_store() {
    for (year, company, why) in [
        ("206", "x", "write a year such as 2026"),
        ("20", "x", "write a year such as 2026"),
        ("02026", "x", "write a year such as 2026"),
        ("2026", "Żółć AB", "use other letters in --company"),
    ] {
        let server = Server::start().with_tenant();
        let data = server.data();
        let terms = ["--year", year, "--company", company, "--rate", "1"];
        let said = run(&[&["export", "sie", "--data", &data], &terms[..]].concat());
        assert_eq!(
            said.code(),
            i32::from(exit_codes::MALFORMED),
            "{year} {company}: {}",
            said.err()
        );
        assert!(said.err().contains(why), "{year} {company}: {}", said.err());
    }
}

#[test]
fn no_export_and_no_replay_takes_the_place_of_a_file_of_the_book() {
    let mut server = book(Server::start());
    let data = server.data();
    std::os::unix::fs::symlink("journal.db", format!("{data}/link")).unwrap();
    std::fs::create_dir_all(format!("{data}/keys")).unwrap();
    let names = ["journal.db", "journal.db-wal", "views.db-shm", "views.rebuild.db"];
    let others = ["proofs.db", "journal.lock", "keys/new", "link", "../NAME.subject-keys/t_acme"];
    let name = Path::new(&data).file_name().unwrap().to_str().unwrap();
    let subject_keys = format!("{data}.subject-keys");
    std::fs::create_dir(&subject_keys).unwrap();
    for own in names.iter().chain(&others) {
        let file = format!("{data}/{}", own.replace("NAME", name));
        for verb in [&["export", "hledger", "-o", &file][..], &["replay", "--to", &file]] {
            let refused = server.on_book(verb);
            assert_eq!(refused.code(), i32::from(exit_codes::UNUSABLE), "{own}: {}", refused.err());
            let why = "this file is the book's, and is left alone";
            assert!(refused.err().contains(why), "{own}: {}", refused.err());
        }
    }
    std::fs::remove_dir(&subject_keys).unwrap();
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), i32::from(exit_codes::OK), "{}", verified.err());
}

#[test]
fn an_export_follows_links_and_keeps_who_may_read_the_file() {
    let server = book(Server::start());
    let folder = quipu_testkit::sqlite::folder();
    let [link, other] = ["link", "other"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink("other", &link).unwrap();
    for is_there in [false, true] {
        if is_there {
            std::fs::write(&other, "old").unwrap();
            std::fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
        }
        let written = server.on_book(&["export", "hledger", "-o", link.to_str().unwrap()]);
        assert_eq!(written.code(), i32::from(exit_codes::OK), "{}", written.err());
        assert!(link.is_symlink(), "{is_there}");
        assert!(std::fs::read_to_string(&other).unwrap().contains("CreditsGranted"), "{is_there}");
    }
    let mode = other.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// As `/dev/stdout` does, through a link that is this test's own.
#[test]
fn an_export_to_what_is_open_already_is_written_through() {
    let server = book(Server::start());
    let folder = quipu_testkit::sqlite::folder();
    let [link, out, named] = ["link", "out", "named"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink("/proc/self/fd/1", &link).unwrap();
    let export = ["export", "hledger", "--data", &server.data(), "-o"];
    let to = |target: &Path| quipu(&[&export[..], &[target.to_str().unwrap()]].concat());
    let whole = Run::of(&mut to(&named));
    assert_eq!(whole.code(), i32::from(exit_codes::OK), "{}", whole.err());
    let whole = std::fs::read_to_string(&named).unwrap();

    let piped = Run::of(&mut to(&link));
    assert_eq!(piped.out(), whole, "{}", piped.err());
    std::fs::write(&out, "before\n").unwrap();
    let file = || std::fs::File::options().append(true).open(&out).unwrap();
    let written = Run::of(to(&link).stdout(file()));
    assert!(written.err().contains("hledger: "), "{}", written.err());
    assert_eq!(std::fs::read_to_string(&out).unwrap(), format!("before\n{whole}"));
    assert!(link.is_symlink());
}

#[test]
fn an_export_to_a_folder_is_malformed() {
    let server = book(Server::start());
    let refused = server.on_book(&["export", "hledger", "-o", &server.data()]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED), "{}", refused.err());
    assert!(refused.err().contains("is a directory"), "{}", refused.err());
}

/// As every other export does, whoever wrote the row.
#[test]
fn an_export_that_nobody_reads_any_more_ends_in_silence() {
    let server = book(Server::start());
    for table in ["events", "balance"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let arguments = ["export", "parquet", table, "--data", &server.data()];
        let unread = Run::of(quipu(&arguments).stdout(writer));
        assert_eq!(unread.code(), i32::from(exit_codes::INTERRUPTED), "{table}: {}", unread.err());
        assert_eq!(unread.err(), "", "{table}");
    }
}
