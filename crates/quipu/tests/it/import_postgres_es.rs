//! Times of a table of postgres-es: what is brought over without them stands there for good.

use std::fs;

use quipu::exit_codes;
use quipu_database::{Connection, Database};
use quipu_testkit::postgres;

use crate::program::{Run, run};

/// The table as postgres-es' own documentation has it, with two aggregates of two events each.
const TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence bigint NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL,
    metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";
const FILL: &str = "INSERT INTO events
    SELECT 'account', 'a-' || account, number, 'Deposited', '1.0', '{}',
        json_build_object('at', '2024-01-0' || account || 'T0' || number || ':00:00Z')
    FROM generate_series(1, 2) AS account, generate_series(1, 2) AS number";

struct Import {
    url: String,
    source: Connection,
    folder: tempfile::TempDir,
}

impl Import {
    fn new() -> Import {
        let url = postgres::database();
        let database = Database::connect_postgres(&url, "public", &quipu_journal::MIGRATIONS);
        let mut source = database.unwrap().writer().unwrap();
        source.execute(TABLE, &[]).unwrap();
        source.execute(FILL, &[]).unwrap();
        Import { url, source, folder: quipu_testkit::sqlite::folder() }
    }

    fn run(&self, book: &str, more: &[&str]) -> Run {
        let data = self.folder.path().join(book).display().to_string();
        run(&[&["import", "postgres-es", &self.url, "--data", &data], more].concat())
    }
}

#[test]
fn a_time_key_that_no_event_has_is_refused_before_anything_is_brought_over() {
    let mut import = Import::new();
    let misspelled = import.run("book", &["--time-key", "ta"]);
    assert_eq!(misspelled.code(), i32::from(exit_codes::REFUSED), "{}", misspelled.out());
    let why = "table events: no event has \"ta\" in its metadata";
    assert!(misspelled.err().contains(why), "{}", misspelled.err());
    assert_eq!(fs::read_dir(import.folder.path()).unwrap().count(), 0, "no book was made");

    let lacking = "UPDATE events SET metadata = '{}' WHERE aggregate_id = 'a-1' AND sequence = 2";
    import.source.execute(lacking, &[]).unwrap();
    let some = import.run("book", &["--time-key", "at"]);
    assert_eq!(some.code(), i32::from(exit_codes::OK), "{}", some.err());
    let why = "table events: \"at\" is missing in the metadata of 1 event of 4";
    assert!(some.err().contains(why), "{}", some.err());
    import.source.execute("DELETE FROM events", &[]).unwrap();
    let empty = import.run("empty", &["--time-key", "at"]);
    assert_eq!(empty.code(), i32::from(exit_codes::OK), "{}", empty.err());
}

#[test]
fn events_that_stand_there_under_other_times_are_refused() {
    let import = Import::new();
    let first = import.run("book", &[]);
    assert_eq!(first.code(), i32::from(exit_codes::OK), "{}", first.err());
    let again = import.run("book", &[]);
    assert_eq!(again.code(), i32::from(exit_codes::OK), "{}", again.err());
    let timed = import.run("book", &["--time-key", "at"]);
    assert_eq!(timed.code(), i32::from(exit_codes::REFUSED), "{}", timed.out());
    let why = "account/a-1 number 2: the book has other events up to here than the table, or has \
               them at other times";
    assert!(timed.err().contains(why), "{}", timed.err());
}
