//! Empty views on each engine, and what stands in them.

use std::sync::Arc;

use quipu_database::{Connection, Database, Durability, Migrations};
use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Fold, ProjectionError};
use quipu_views::{Location, MIGRATIONS, RunnerOptions, Views, ViewsError};
use tempfile::TempDir;

use crate::history::Journal;

/// A place for views, removed with this value.
pub(crate) struct Store {
    location: Location,
    _folder: Option<TempDir>,
}

pub(crate) fn on_each_engine(case: impl Fn(&Store)) {
    let folder = quipu_testkit::sqlite::folder();
    let location = Location::Sqlite { file: folder.path().join("views.db") };
    case(&Store { location, _folder: Some(folder) });
    on_postgres(case);
}

pub(crate) fn on_postgres(case: impl Fn(&Store)) {
    let url = quipu_testkit::postgres::database();
    let location = Location::Postgres { url };
    case(&Store { location, _folder: None });
}

/// Empty views on a server of the test's own.
pub(crate) fn on_server(server: &quipu_testkit::postgres::Server, journal: &Arc<Journal>) -> Views {
    let url = server.database();
    Views::open(Location::Postgres { url }, journal.clone()).unwrap()
}

impl Store {
    pub(crate) fn open(&self, journal: &Arc<Journal>) -> Views {
        Views::open(self.location.clone(), journal.clone()).unwrap()
    }

    pub(crate) fn open_read_only(&self, journal: &Arc<Journal>) -> Result<Views, ViewsError> {
        Views::open_read_only(self.location.clone(), journal.clone())
    }

    /// A connection behind the views' back.
    pub(crate) fn connection(&self) -> Connection {
        self.connection_of(&MIGRATIONS)
    }

    /// The same, as a program opens the views that knows only these migrations.
    pub(crate) fn connection_of(&self, migrations: &Migrations) -> Connection {
        let database = match &self.location {
            Location::Sqlite { file } => {
                Database::open_sqlite(file, Durability::Derived, migrations)
            }
            Location::Postgres { url } => {
                Database::connect_postgres(url, "quipu_views", migrations)
            }
        };
        database.unwrap().writer().unwrap()
    }

    /// A connection to what a rebuild has left unfinished.
    pub(crate) fn scratch(&self) -> Connection {
        let database = match &self.location {
            Location::Sqlite { file } => {
                let file = file.with_extension("rebuild.db");
                Database::open_sqlite(&file, Durability::Derived, &MIGRATIONS)
            }
            Location::Postgres { url } => {
                let schema = "quipu_views_rebuild";
                Database::connect_postgres(url, schema, &MIGRATIONS)
            }
        };
        database.unwrap().writer().unwrap()
    }

    /// Takes everything away, as somebody might who knows that views can be built anew.
    pub(crate) fn delete(&self) {
        match &self.location {
            Location::Sqlite { file } => {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
                }
            }
            Location::Postgres { .. } => {
                self.connection().execute("DROP SCHEMA quipu_views CASCADE", &[]).unwrap();
            }
        }
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

pub(crate) fn options(page_events: usize) -> RunnerOptions {
    let transaction_events = u64::try_from(page_events).unwrap();
    RunnerOptions { page_events, transaction_events, cache_rows: 8, ..RunnerOptions::default() }
}

pub(crate) type Tables = Vec<(&'static str, Vec<Vec<Cell>>)>;

/// All rows of all projections, table by table, sorted by key.
pub(crate) fn stored(views: &Views) -> Tables {
    let tables = quipu_projections::all().iter().flat_map(|projection| {
        let rows = projection.rows();
        rows.schemas().collect::<Vec<_>>()
    });
    let tables: Vec<_> = tables.collect();
    views
        .snapshot(|snapshot| {
            let mut all = Vec::new();
            for table in tables {
                let mut rows = Vec::new();
                snapshot.each_row(table, &mut |cells| rows.push(cells.to_vec()))?;
                all.push((table.name, rows));
            }
            Ok::<Tables, ViewsError>(all)
        })
        .unwrap()
}

/// What the same events make of empty tables in memory.
pub(crate) fn folded(events: &[Recorded]) -> Tables {
    folded_of(events, |_| true)
}

/// What some of the events make of empty tables in memory.
pub(crate) fn folded_of(events: &[Recorded], is_one: impl Fn(&Recorded) -> bool) -> Tables {
    let mut fold = Fold::default();
    let earlier = |positions: &[Position]| -> Result<Vec<Recorded>, ProjectionError> {
        let index = |position: &Position| usize::try_from(position.0).unwrap() - 1;
        Ok(positions.iter().filter_map(|position| events.get(index(position))).cloned().collect())
    };
    let some: Vec<Recorded> = events.iter().filter(|event| is_one(event)).cloned().collect();
    fold.apply(&some, earlier).unwrap();
    assert!(fold.projections().iter().all(|folded| folded.parked.is_empty()));
    fold.sorted().into_iter().map(|(table, rows)| (table.name, rows)).collect()
}

/// Compares table by table, so that a failure is readable.
pub(crate) fn assert_same(found: &Tables, wanted: &Tables) {
    for ((name, found), (_, wanted)) in found.iter().zip(wanted) {
        for (found, wanted) in found.iter().zip(wanted) {
            assert_eq!(found, wanted, "a row of {name}");
        }
        assert_eq!(found.len(), wanted.len(), "rows of {name}");
    }
    assert_eq!(found.len(), wanted.len(), "tables");
}
