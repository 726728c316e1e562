//! A database with a table of items.

use std::time::{Duration, Instant};

use quipu_database::{Database, Durability, Engine, Migrations, RowsStatement, Value};
use quipu_testkit::{postgres, sqlite};
use tempfile::TempDir;

pub(crate) const MIGRATIONS: Migrations =
    Migrations { sqlite: &[("0001_item", ITEM_SQLITE)], postgres: &[("0001_item", ITEM_POSTGRES)] };
pub(crate) const ITEM_SQLITE: &str = "CREATE TABLE item (
    id BIGINT PRIMARY KEY, parent BIGINT REFERENCES item (id), text TEXT, bytes BLOB);
    CREATE TRIGGER item_keeps BEFORE DELETE ON item BEGIN SELECT RAISE(ABORT, 'items stay'); END;";
pub(crate) const ITEM_POSTGRES: &str = "CREATE TABLE item (
    id BIGINT PRIMARY KEY, parent BIGINT REFERENCES item (id), text TEXT, bytes BYTEA);
    CREATE FUNCTION item_keeps() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'items stay'; END $$;
    CREATE TRIGGER item_keeps BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION item_keeps();";
pub(crate) const INSERT: &str =
    "INSERT INTO item (id, parent, text, bytes) VALUES ($1, $2, $3, $4)";
pub(crate) const INSERT_ROWS: RowsStatement = RowsStatement {
    one: INSERT,
    many: "INSERT INTO item (id, parent, text, bytes) \
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[])",
};
pub(crate) const SELECT_ROWS: RowsStatement = RowsStatement {
    one: "SELECT id, parent, text, bytes FROM item WHERE id = $1 AND text = $2",
    many: "SELECT item.id, item.parent, item.text, item.bytes \
        FROM unnest($1::bigint[], $2::text[]) AS wanted (id, text) \
        JOIN item ON item.id = wanted.id AND item.text = wanted.text",
};
pub(crate) const IDS: &str = "SELECT id FROM item ORDER BY id";

pub(crate) struct Bed {
    pub(crate) database: Database,
    _folder: TempDir,
}

pub(crate) fn on(engine: Engine) -> Bed {
    let folder = sqlite::folder();
    let database = match engine {
        Engine::Sqlite => {
            Database::open_sqlite(&folder.path().join("a.db"), Durability::Full, &MIGRATIONS)
        }
        Engine::Postgres => Database::connect_postgres(&postgres::database(), "items", &MIGRATIONS),
    };
    Bed { database: database.unwrap(), _folder: folder }
}

pub(crate) fn item(id: i64, parent: Option<i64>) -> Vec<Value> {
    vec![id.into(), parent.into(), "é".into(), vec![0, 255].into()]
}

pub(crate) fn ids(database: &Database) -> Vec<i64> {
    let rows = database.read(|connection| connection.query(IDS, &[])).unwrap();
    rows.iter().map(|row| row.int(0).unwrap()).collect()
}

pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "that never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}
