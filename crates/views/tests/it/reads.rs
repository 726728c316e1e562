//! What the views answer.

mod as_of;
mod balances;
mod lists;
mod refusals;
mod statement;
mod turnover;
mod usage;

use std::collections::BTreeSet;

use quipu_database::Engine;
use quipu_domain::{Event, Position, TenantId};
use quipu_projections::Kind;
use quipu_views::Views;

use crate::history::{History, Journal, text};
use crate::stores::{on_each_engine, options};

fn acme() -> TenantId {
    text("t_acme")
}

/// Views that know the whole history, on each engine.
fn with_views(history: &History, case: impl Fn(&Views)) {
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(512)).unwrap();
        case(&views);
    });
}

#[test]
fn the_generated_history_has_every_kind_of_wallet_event() {
    let history = History::generated(400);
    let types: BTreeSet<&str> = history
        .events
        .iter()
        .filter(|event| matches!(event.event, Event::Wallet(_)))
        .map(|event| event.event.type_name())
        .collect();
    // All but HoldExtended, which moves nothing.
    assert_eq!(types.len(), 16, "{types:?}");
}

#[test]
fn columns_of_every_table_are_those_that_its_projection_declares() {
    on_each_engine(|store| {
        let _ = store.open(&Journal::new(&[]));
        let mut connection = store.connection();
        let sql = match connection.engine() {
            Engine::Sqlite => {
                "SELECT name, \
                 CASE type WHEN 'INTEGER' THEN 'Int' WHEN 'BLOB' THEN 'Bytes' ELSE 'Text' END, 1 - \"notnull\" \
                 FROM pragma_table_info($1) ORDER BY cid"
            }
            Engine::Postgres => {
                "SELECT column_name::text, \
                 CASE data_type WHEN 'bigint' THEN 'Int' WHEN 'bytea' THEN 'Bytes' ELSE 'Text' END, \
                 CASE is_nullable WHEN 'YES' THEN 1::bigint ELSE 0 END \
                 FROM information_schema.columns \
                 WHERE table_schema = 'quipu_views' AND table_name = $1 ORDER BY ordinal_position"
            }
        };
        for projection in quipu_projections::all() {
            for table in projection.rows().schemas() {
                let rows = connection.query(sql, &[table.name.into()]).unwrap();
                let found: Vec<(String, String, bool)> = rows
                    .iter()
                    .map(|row| {
                        let kind = row.text(1).unwrap().to_owned();
                        (row.text(0).unwrap().to_owned(), kind, row.int(2).unwrap() == 1)
                    })
                    .collect();
                let declared: Vec<(String, String, bool)> = table
                    .columns
                    .iter()
                    .map(|column| {
                        let kind =
                            if column.kind == Kind::LongText { Kind::Text } else { column.kind };
                        (column.name.to_owned(), format!("{kind:?}"), column.nullable)
                    })
                    .collect();
                assert_eq!(found, declared, "{}", table.name);
            }
        }
    });
}

#[test]
fn status_tells_how_far_each_projection_is() {
    let history = History::generated(20);
    with_views(&history, |views| {
        let head = history.head().plus(5);
        for status in views.projections(head).unwrap() {
            assert_eq!((status.position, status.lag), (history.head(), 5), "{}", status.name);
            let projection = quipu_projections::named(status.name).unwrap();
            assert_eq!(status.version, projection.version());
            assert!(status.parked.is_empty() && status.question.ends_with('?'));
        }
    });
    on_each_engine(|store| {
        let never_ran = store.open(&Journal::new(&[])).projections(Position(3)).unwrap();
        assert!(never_ran.iter().all(|status| (status.version, status.lag) == (0, 3)));
    });
}

#[test]
fn open_lots_and_holds_are_found_without_the_ended_ones() {
    on_each_engine(|store| {
        let _ = store.open(&Journal::new(&[]));
        let mut connection = store.connection();
        if connection.engine() == Engine::Sqlite {
            for (sql, index) in [
                (
                    "EXPLAIN QUERY PLAN SELECT SUM(remaining) FROM lot \
                     WHERE tenant = $1 AND is_open = 1",
                    "lot_open",
                ),
                (
                    "EXPLAIN QUERY PLAN SELECT * FROM hold \
                     WHERE tenant = $1 AND hold_position > 5 AND status = 'open' \
                     ORDER BY hold_position LIMIT 10",
                    "hold_status",
                ),
            ] {
                let plan = connection.query(sql, &["t_acme".into()]).unwrap();
                let step = plan[0].text(3).unwrap();
                assert!(step.contains(index), "{step}");
            }
        }
    });
}
