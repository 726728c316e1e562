//! The statements that load, write and copy a table's rows. Each text is made once per program,
//! from names that are constants of it; values are always bound.

use std::collections::HashMap;
use std::sync::LazyLock;

use quipu_database::{Connection, Database, Row, RowsStatement, Value};
use quipu_projections::{Cell, Changes, Column, Kind, Schema};

use crate::scratch::REBUILD_SCHEMA;
use crate::{ViewsError, cells};

struct Statements {
    load: RowsStatement,
    write: RowsStatement,
    delete: RowsStatement,
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
    Ok(connection.query_rows(&of(table).load, &values(keys))?)
}

/// The same, beside whoever writes.
pub(crate) fn load_beside(
    database: &Database,
    table: &Schema,
    keys: &[Vec<Cell>],
) -> Result<Vec<Row>, ViewsError> {
    Ok(database.query_rows(&of(table).load, &values(keys))?)
}

fn values(keys: &[Vec<Cell>]) -> Vec<Vec<Value>> {
    keys.iter().cloned().map(cells::values).collect()
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
        connection.execute_rows(&statements.write, &rows)?;
        let keys: Vec<Vec<Value>> = deleted.into_iter().map(cells::values).collect();
        connection.execute_rows(&statements.delete, &keys)?;
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
        let insert = format!("INSERT INTO {name} ({columns})");
        let key_columns = &table.columns[..key.len()];
        let on_conflict = on_conflict(key_columns, rest);
        let values = numbered(names.len());
        let rows = arrays(table.columns);
        let is_key = each(key, " AND ", |place, name| format!("{name} = ${place}"));
        let wanted = format!("{} AS wanted ({keys})", arrays(key_columns));
        let is_wanted: Vec<String> = key_columns.iter().map(|key| is_wanted(name, key)).collect();
        let is_wanted = is_wanted.join(" AND ");
        let found = each(&names, ", ", |_, column| format!("{name}.{column}"));
        Statements {
            load: RowsStatement {
                one: format!("{select} WHERE {is_key}").leak(),
                many: format!("SELECT {found} FROM {wanted} JOIN {name} ON {is_wanted}").leak(),
            },
            write: RowsStatement {
                // All columns are written, so to replace is to update; SQLite then searches once
                // for the row's place, and not a second time to change what it found.
                one: format!("INSERT OR REPLACE INTO {name} ({columns}) VALUES {values}").leak(),
                many: format!("{insert} SELECT * FROM {rows} {on_conflict}").leak(),
            },
            delete: RowsStatement {
                one: format!("DELETE FROM {name} WHERE {is_key}").leak(),
                many: format!("DELETE FROM {name} USING {wanted} WHERE {is_wanted}").leak(),
            },
            first_page: format!("{select} ORDER BY {keys} LIMIT $1").leak(),
            next_page: format!(
                "{select} WHERE ({keys}) > {} ORDER BY {keys} LIMIT ${}",
                numbered(key.len()),
                key.len() + 1
            )
            .leak(),
            clear: format!("DELETE FROM {name}").leak(),
            copy: format!("{insert} SELECT {columns} FROM {REBUILD_SCHEMA}.{name}").leak(),
        }
    }
}

/// `($1, $2)`.
fn numbered(columns: usize) -> String {
    let places: Vec<String> = (1..=columns).map(|place| format!("${place}")).collect();
    format!("({})", places.join(", "))
}

/// `unnest($1::bigint[], $2::text[])`: on PostgreSQL, a table of the arrays' values.
fn arrays(columns: &[Column]) -> String {
    let array = |(index, column): (usize, &Column)| {
        let element = match column.kind {
            Kind::Int => "bigint",
            Kind::Text | Kind::LongText => "text",
            Kind::Bytes => "bytea",
        };
        format!("${}::{element}[]", index + 1)
    };
    let arrays: Vec<String> = columns.iter().enumerate().map(array).collect();
    format!("unnest({})", arrays.join(", "))
}

/// Each name, and its place from 1 on, in SQL.
fn each(names: &[&str], separator: &str, sql: impl Fn(usize, &str) -> String) -> String {
    let parts = names.iter().enumerate().map(|(index, name)| sql(index + 1, name));
    parts.collect::<Vec<_>>().join(separator)
}

fn is_wanted(table: &str, column: &Column) -> String {
    let of = |table: &str| indexed(column, &format!("{table}.{}", column.name));
    format!("{} = {}", of(table), of("wanted"))
}

fn on_conflict(key: &[Column], rest: &[&str]) -> String {
    let key: Vec<String> = key.iter().map(|column| indexed(column, column.name)).collect();
    let set = each(rest, ", ", |_, name| format!("{name} = excluded.{name}"));
    format!("ON CONFLICT ({}) DO UPDATE SET {set}", key.join(", "))
}

/// What PostgreSQL's index of a table has of a key's column.
fn indexed(column: &Column, value: &str) -> String {
    match column.kind {
        Kind::LongText => format!("short_key({value})"),
        Kind::Int | Kind::Text | Kind::Bytes => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_order() {
        assert_eq!(numbered(3), "($1, $2, $3)");
    }
}
