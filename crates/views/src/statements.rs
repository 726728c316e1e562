//! The statements that load, write and copy a table's rows. Each text is made once per program,
//! from names that are constants of it; values are always bound.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use quipu_database::{Connection, Engine, Row, Value};
use quipu_projections::{Cell, Changes, Schema};

use crate::scratch::REBUILD_SCHEMA;
use crate::{ViewsError, cells};

/// Keys in one SELECT.
const KEYS: usize = 32;
/// Rows in one INSERT on PostgreSQL, where a message costs more than a row.
const ROWS: usize = 64;

struct Statements {
    load: &'static str,
    write_one: &'static str,
    write_many: &'static str,
    delete: &'static str,
    first_page: &'static str,
    next_page: &'static str,
    clear: &'static str,
    copy: &'static str,
}

static STATEMENTS: LazyLock<HashMap<&'static str, Statements>> = LazyLock::new(|| {
    let tables = quipu_projections::all()
        .iter()
        .flat_map(|projection| projection.rows().schemas().collect::<Vec<&'static Schema>>());
    tables.map(|table| (table.name, Statements::new(table))).collect()
});

fn of(table: &Schema) -> &'static Statements {
    STATEMENTS.get(table.name).expect("every projection's tables are listed")
}

/// The rows with these keys, those that exist.
pub(crate) fn load(
    connection: &mut Connection,
    table: &Schema,
    keys: &[Vec<Cell>],
) -> Result<Vec<Row>, ViewsError> {
    let mut found = Vec::new();
    for chunk in keys.chunks(KEYS) {
        // A shorter chunk asks for its last key again and again: one statement for all lengths.
        let padding = chunk.last().into_iter().cycle().take(KEYS - chunk.len());
        let params: Vec<Value> =
            chunk.iter().chain(padding).flatten().cloned().map(cells::value).collect();
        found.extend(connection.query(of(table).load, &params)?);
    }
    Ok(found)
}

/// The next rows after a key, in order of keys.
pub(crate) fn page(
    connection: &mut Connection,
    table: &Schema,
    after: Option<Vec<Cell>>,
    most_rows: i64,
) -> Result<Vec<Row>, ViewsError> {
    let sql = if after.is_some() { of(table).next_page } else { of(table).first_page };
    let mut params = cells::values(after.unwrap_or_default());
    params.push(most_rows.into());
    Ok(connection.query(sql, &params)?)
}

/// Writes what is different from the database.
pub(crate) fn write(connection: &mut Connection, changes: Vec<Changes>) -> Result<(), ViewsError> {
    for Changes { schema, written, deleted } in changes {
        let statements = of(schema);
        let rows: Vec<Vec<Value>> = written.into_iter().map(cells::values).collect();
        match connection.engine() {
            Engine::Sqlite => {
                connection.execute_many(statements.write_one, &rows)?;
            }
            Engine::Postgres => {
                let mut rows = rows.into_iter();
                let whole_chunks = rows.len() / ROWS;
                let chunks: Vec<Vec<Value>> = (0..whole_chunks)
                    .map(|_| rows.by_ref().take(ROWS).flatten().collect())
                    .collect();
                connection.execute_many(statements.write_many, &chunks)?;
                connection.execute_many(statements.write_one, &rows.collect::<Vec<_>>())?;
            }
        }
        let keys: Vec<Vec<Value>> = deleted.into_iter().map(cells::values).collect();
        connection.execute_many(statements.delete, &keys)?;
    }
    Ok(())
}

/// Replaces all rows by those of the scratch database.
pub(crate) fn copy_from_scratch(
    connection: &mut Connection,
    table: &Schema,
) -> Result<(), ViewsError> {
    connection.execute(of(table).clear, &[])?;
    connection.execute(of(table).copy, &[])?;
    Ok(())
}

impl Statements {
    fn new(table: &Schema) -> Statements {
        let name = table.name;
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let (key, rest) = names.split_at(table.key_columns);
        let columns = names.join(", ");
        let keys = key.join(", ");
        let select = format!("SELECT {columns} FROM {name}");
        let write = |rows| {
            let values = numbered(rows, names.len());
            format!("INSERT INTO {name} ({columns}) VALUES {values}{}", on_conflict(key, rest))
        };
        let is_key = |first: usize| {
            let equal = |(index, column): (usize, &&str)| format!("{column} = ${}", first + index);
            key.iter().enumerate().map(equal).collect::<Vec<_>>().join(" AND ")
        };
        let any_key: Vec<String> =
            (0..KEYS).map(|index| format!("({})", is_key(1 + index * key.len()))).collect();
        Statements {
            load: format!("{select} WHERE {}", any_key.join(" OR ")).leak(),
            write_one: write(1).leak(),
            write_many: write(ROWS).leak(),
            delete: format!("DELETE FROM {name} WHERE {}", is_key(1)).leak(),
            first_page: format!("{select} ORDER BY {keys} LIMIT $1").leak(),
            next_page: format!(
                "{select} WHERE ({keys}) > {} ORDER BY {keys} LIMIT ${}",
                numbered(1, key.len()),
                key.len() + 1
            )
            .leak(),
            clear: format!("DELETE FROM {name}").leak(),
            copy: format!(
                "INSERT INTO {name} ({columns}) SELECT {columns} FROM {REBUILD_SCHEMA}.{name}"
            )
            .leak(),
        }
    }
}

/// `($1, $2), ($3, $4)`.
fn numbered(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for index in 0..rows * columns {
        let before = match index {
            0 => "(",
            _ if index % columns == 0 => "), (",
            _ => ", ",
        };
        write!(text, "{before}${}", index + 1).expect("a String takes any text");
    }
    text + ")"
}

fn on_conflict(key: &[&str], rest: &[&str]) -> String {
    let set: Vec<String> = rest.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    format!(" ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_order() {
        assert_eq!(numbered(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}
