//! What the databases make of the statements that page through a tenant's chunks and nodes.

use std::sync::Arc;

use quipu_database::{Connection, RowsStatement};
use quipu_domain::{Position, Recorded, Timestamp};
use quipu_projections::{Book, UsageSums};

use super::activity;
use super::due::DUE;
use super::history::Stored;
use crate::{Feed, FeedError, Location, Views};

const STATEMENTS: [&str; 2] = [activity::OLDEST_FIRST, activity::NEWEST_FIRST];

#[test]
fn chunks_are_found_by_key_and_never_sorted_on_sqlite() {
    let folder = quipu_testkit::sqlite::folder();
    let views = open(Location::Sqlite { file: folder.path().join("views.db") });
    let mut connection = views.writer().unwrap();
    for sql in STATEMENTS {
        let plan = plan(&mut connection, "EXPLAIN QUERY PLAN", sql, 3);
        assert!(plan.contains("USING PRIMARY KEY (tenant=? AND until"), "{sql}: {plan}");
        assert!(!plan.contains("SCAN activity") && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
    for sql in of_trees().map(|statement| statement.one) {
        let plan = plan(&mut connection, "EXPLAIN QUERY PLAN", sql, 3);
        let key = "(tenant=? AND tree=? AND level=? AND number>? AND number<?)";
        assert!(plan.contains(key) && !plan.contains("SCAN"), "{sql}: {plan}");
    }
}

/// Asked every second: what it costs must not grow with the lots that there are.
#[test]
fn what_falls_due_is_found_without_a_look_at_the_rest() {
    let folder = quipu_testkit::sqlite::folder();
    let views = open(Location::Sqlite { file: folder.path().join("views.db") });
    let found = plan(&mut views.writer().unwrap(), "EXPLAIN QUERY PLAN", DUE, 3);
    for step in [
        "SEARCH lot USING INDEX lot_expiry (expires_at<?)",
        "SEARCH hold USING COVERING INDEX hold_expiry (expires_at<?)",
        "SCAN balance USING INDEX balance_owing",
        "SEARCH lot USING INDEX lot_open (tenant=? AND is_open=?)",
    ] {
        assert!(found.contains(step), "{step}: {found}");
    }
    let url = quipu_testkit::postgres::database();
    let views = open(Location::Postgres { url });
    let mut connection = views.writer().unwrap();
    connection.execute("SET enable_seqscan = off", &[]).unwrap();
    let found = plan(&mut connection, "EXPLAIN", &DUE.replace("$1", "7").replace("$2", "''"), 0);
    for index in ["lot_expiry", "hold_expiry", "balance_owing"] {
        assert!(found.contains(index), "{index}: {found}");
    }
    assert!(!found.contains("Seq Scan"), "{found}");
}

#[test]
fn chunks_are_found_by_key_and_never_sorted_on_postgres() {
    let url = quipu_testkit::postgres::database();
    let views = open(Location::Postgres { url });
    let mut connection = views.writer().unwrap();
    // An empty table is otherwise read whole, or through a bitmap that gives no order.
    for sql in ["SET enable_seqscan = off", "SET enable_bitmapscan = off"] {
        connection.execute(sql, &[]).unwrap();
    }
    for sql in STATEMENTS.into_iter().chain(of_trees().map(|statement| statement.many)) {
        let plan = plan(&mut connection, "EXPLAIN", sql, 0);
        let by_key = plan.contains("_pkey on activity") || plan.contains("_history_pkey on");
        assert!(by_key, "{sql}: {plan}");
        assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{sql}: {plan}");
    }
}

fn of_trees() -> [&'static RowsStatement; 2] {
    [Book::statement(), UsageSums::statement()]
}

fn open(location: Location) -> Views {
    Views::open(location, Arc::new(NoEvents)).unwrap()
}

fn plan(connection: &mut Connection, explain: &str, sql: &str, column: usize) -> String {
    let sql = format!("{explain} {sql}").replace("$1::text[]", "ARRAY['t_acme']");
    let sql = (2..=6).fold(sql.replace("$1", "'t_acme'"), |sql, number| {
        let array = format!("${number}::bigint[]");
        sql.replace(&array, "ARRAY[7]").replace(&format!("${number}"), "7")
    });
    let steps = connection.query(sql.leak(), &[]).unwrap();
    steps.iter().map(|step| format!("{}\n", step.text(column).unwrap())).collect()
}

struct NoEvents;

impl Feed for NoEvents {
    fn read(&self, _: Position, _: usize) -> Result<Vec<Recorded>, FeedError> {
        Ok(Vec::new())
    }

    fn events_at(&self, _: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        Ok(Vec::new())
    }

    fn last_recorded_by(&self, _: Timestamp) -> Result<Position, FeedError> {
        Ok(Position::ZERO)
    }

    fn head(&self) -> Result<Position, FeedError> {
        Ok(Position::ZERO)
    }
}
