//! History changed behind Quipu's back, by somebody who owns the database: `verify` fails and
//! names the position, and an auditor who has nothing but an export of it is not deceived.

use quipu_verify::Checkpoint;
use serde_json::{Value, json};

use super::kill_during_import::Random;
use crate::api::usage::{prices, record};
use crate::cli::journal::{audit, checkpoint};
use crate::stores::plain_sql::sql;
use crate::support::both_stores;
use crate::support::server::{Server, assert_verifies, run_on};
use crate::support::store::Store;

both_stores! {
    fn a_changed_deleted_swapped_or_truncated_batch_is_found_and_named(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        prices(&client);
        client.tenant_with("t_book", "100");
        for n in 0..12 {
            client.post("/v1/usage", &json!([record("t_book", 2 * n), record("t_book", 2 * n + 1)])).ok();
        }
        client.balance("t_book");
        server.stop();
        assert_verifies(&store);
        let book = Book::of(store);

        let mut random = Random(7);
        for row in &book.rows {
            for _ in 0..4 {
                let at = usize::try_from(random.below(row.length as u64)).expect("it fits") + 1;
                book.tamper(
                    &format!(
                        "update journal_batch set events = substr(events, 1, {at} - 1)
                         || case substr(events, {at}, 1) when '7' then '8' else '7' end
                         || substr(events, {at} + 1) where first_position = {}",
                        row.first
                    ),
                    row.first..=row.last,
                );
            }
            let only = |change: &str| format!("{change} where first_position = {}", row.first);
            let after = row.first..=row.last + 1;
            book.tamper(&only("update journal_batch set recorded_at = recorded_at + 1"), after.clone());
            book.tamper(&only("update journal_batch set last_position = last_position + 1"), after.clone());
            book.tamper(&only(&format!("update journal_batch set root = {}", book.blob())), after.clone());
            book.tamper(&only(&format!("update journal_batch set prev_root = {}", book.blob())), after.clone());
            book.tamper(&only("delete from journal_batch"), row.first..=row.last + 1);
        }
        let (one, other) = (&book.rows[5], &book.rows[6]);
        book.tamper(
            &format!(
                "update journal_batch set events = (select o.events from original o where o.first_position =
                 case journal_batch.first_position when {0} then {1} else {0} end)
                 where first_position in ({0}, {1})",
                one.first, other.first
            ),
            one.first..=one.last,
        );
        assert_verifies(&book.store);
    }
}

/// A book whose original rows are kept beside, so that each tampering starts from a whole one.
struct Book {
    store: Store,
    rows: Vec<Row>,
    /// What an auditor kept, from the time when it was whole.
    saved: Checkpoint,
}

struct Row {
    first: u64,
    last: u64,
    length: usize,
}

impl Book {
    fn of(store: Store) -> Book {
        if let Store::Sqlite(_) = &store {
            let triggers = sql(&store, "select name from sqlite_master where type = 'trigger'");
            for trigger in triggers.lines() {
                sql(&store, &format!("drop trigger {trigger}"));
            }
        }
        sql(&store, "create table original as select * from journal_batch");
        let rows = sql(
            &store,
            "select first_position, last_position, length(events) from original
             where first_position > 0 order by 1",
        );
        let rows = rows
            .lines()
            .map(|line| {
                let numbers: Vec<u64> =
                    line.split('|').map(|number| number.parse().expect("a number")).collect();
                let length = usize::try_from(numbers[2]).expect("it fits");
                Row { first: numbers[0], last: numbers[1], length }
            })
            .collect();
        let whole = run_on(&store, &["export", "journal"]);
        let saved = checkpoint(&audit(&whole.stdout, &[]));
        Book { store, rows, saved }
    }

    /// Changes the book, asserts that `verify` fails at one of `positions`, and mends it.
    fn tamper(&self, change: &str, positions: std::ops::RangeInclusive<u64>) {
        self.change(change);
        let output = run_on(&self.store, &["verify", "--json"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{change}\n{said}");
        let report: Value = serde_json::from_str(&said).expect("a report");
        let position = report["finding"]["position"].as_u64();
        assert!(
            position.is_some_and(|p| positions.contains(&p)),
            "{positions:?}: {change}\n{said}"
        );
        let export = run_on(&self.store, &["export", "journal"]);
        if change.contains("set events") {
            self.assert_not_folded(change);
        }
        let refused = !export.status.success();
        let saved = std::slice::from_ref(&self.saved);
        assert!(refused || !audit(&export.stdout, saved).holds, "the export holds: {change}");
        self.change("delete from journal_batch");
        self.change("insert into journal_batch select * from original");
    }

    /// What others are shown as the journal's is made of no event that nobody had hashed.
    fn assert_not_folded(&self, change: &str) {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("then.db").display().to_string();
        for arguments in [&["replay", "--to", &file][..], &["diff"]] {
            let output = run_on(&self.store, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(5), "{arguments:?} after {change}: {said}");
        }
    }

    /// As somebody may who owns the database: without triggers and foreign keys.
    fn change(&self, statement: &str) {
        match &self.store {
            Store::Sqlite(_) => sql(&self.store, statement),
            Store::Postgres(_) => {
                sql(&self.store, &format!("set session_replication_role = replica; {statement}"))
            }
        };
    }

    fn blob(&self) -> &'static str {
        match &self.store {
            Store::Sqlite(_) => "zeroblob(32)",
            Store::Postgres(_) => "decode(repeat('00', 32), 'hex')",
        }
    }
}
