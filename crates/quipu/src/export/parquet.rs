//! `quipu export parquet`.

mod table;

use std::io;

use clap::Args;
use parquet::errors::ParquetError;
use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Column, Field as _, Kind, Projection, Schema};
use quipu_views::{Snapshot, ViewsError};
use serde::Serialize;

use super::source::{Source, SourceArgs};
use super::target::{Target, TargetArgs};
use crate::book::Book;
use crate::error::CliError;
use crate::exit_codes;
use crate::output;
use table::TableFile;

/// The journal's events as a table; all others are the views'.
const EVENTS: &str = "events";

/// What Parquet takes.
#[derive(Args, Debug)]
pub(super) struct ParquetArgs {
    /// Which table: events, or one of the views' (account, balance, lot, hold, usage_total ...)
    #[arg(value_name = "TABLE", default_value = EVENTS)]
    table: String,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// What was written.
#[derive(Serialize)]
struct Summary {
    format: &'static str,
    table: String,
    position: u64,
    rows: u64,
    /// The events that the view was made without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Position>,
}

/// What a table was written from, and how much of it there is.
struct Written {
    position: Position,
    rows: u64,
    skipped: Vec<Position>,
}

/// Does it; the number is the exit code.
pub(super) fn run(args: &ParquetArgs, json: bool) -> Result<u8, CliError> {
    let table = args.table.as_str();
    let view = if table == EVENTS { None } else { Some(view_of(table)?) };
    if view.is_some() && args.source.is_partial() {
        return Err(CliError::Malformed {
            what: format!("{table} is a view, and is written whole and as it is now"),
            hint: "leave --known-at and --tenant out, or export the table events".into(),
        });
    }
    let mut target = Target::open(&args.target, &args.source.place())?;
    let Written { position, rows, skipped } = match view {
        None => events(&args.source, &mut target)?,
        Some((projection, schema)) => self::view(&args.source, projection, schema, &mut target)?,
    };
    let told = format!(
        "parquet: {} of {table}, the book at position {position}{}",
        output::count(rows, "row"),
        without(&skipped)
    );
    let (table, position) = (table.to_owned(), position.0);
    let summary = Summary { format: "parquet", table, position, rows, skipped };
    target.finish(&summary, &told, json)?;
    Ok(exit_codes::OK)
}

/// An event as a row: what surrounds it, and its data as JSON.
const EVENT_COLUMNS: [Column; 13] = [
    Column { name: "position", kind: Kind::Int, nullable: false },
    Column { name: "stream", kind: Kind::Text, nullable: false },
    Column { name: "version", kind: Kind::Int, nullable: false },
    Column { name: "id", kind: Kind::Text, nullable: false },
    Column { name: "type", kind: Kind::Text, nullable: false },
    Column { name: "recorded_at", kind: Kind::Int, nullable: false },
    Column { name: "effective_at", kind: Kind::Int, nullable: false },
    Column { name: "tenant", kind: Kind::Text, nullable: true },
    Column { name: "actor", kind: Kind::Text, nullable: false },
    Column { name: "command", kind: Kind::Text, nullable: true },
    Column { name: "correlation", kind: Kind::Text, nullable: true },
    Column { name: "causation", kind: Kind::Int, nullable: true },
    Column { name: "data", kind: Kind::Text, nullable: false },
];

fn event_cells(event: &Recorded) -> Result<[Cell; 13], CliError> {
    let data = serde_json::to_string(&event.event.data()).map_err(io::Error::from)?;
    let text = |text: &str| Cell::Text(text.into());
    Ok([
        event.position.to_cell(),
        event.stream.to_cell(),
        event.version.to_cell(),
        text(&event.id.to_string()),
        text(event.event.type_name()),
        event.recorded_at.to_cell(),
        event.effective_at().to_cell(),
        event.tenant.to_cell(),
        event.metadata.actor.to_cell(),
        event.metadata.command.to_cell(),
        event.metadata.correlation.to_cell(),
        event.metadata.causation.to_cell(),
        text(&data),
    ])
}

fn events(args: &SourceArgs, target: &mut Target) -> Result<Written, CliError> {
    let source = Source::open(args)?;
    let file = TableFile::new(target, EVENTS, &EVENT_COLUMNS, &source.remark());
    let mut file = file.map_err(unwritable)?;
    source.each(|event| file.row(&event_cells(event)?).map_err(unwritable))?;
    let rows = file.finish().map_err(unwritable)?;
    Ok(Written { position: source.until(), rows, skipped: Vec::new() })
}

/// The rows of a view as they are now, from one snapshot: of everybody, or they are not written.
fn view(
    args: &SourceArgs,
    projection: &'static dyn Projection,
    schema: &'static Schema,
    target: &mut Target,
) -> Result<Written, CliError> {
    let book = Book::read(&args.place())?;
    let read = book.views.snapshot(|snapshot| {
        let (position, skipped) = standing(snapshot, projection)?;
        let (name, without) = (schema.name, without(&skipped));
        let remark = format!("The view {name} at position {position}{without}.");
        let mut file = TableFile::new(target, schema.name, schema.columns, &remark);
        snapshot.each_row(schema, &mut |cells| {
            if let Ok(open) = &mut file
                && let Err(error) = open.row(cells)
            {
                file = Err(error);
            }
        })?;
        Ok::<_, ViewsError>((position, file.and_then(TableFile::finish), skipped))
    });
    let (position, rows, skipped) = read?;
    Ok(Written { position, rows: rows.map_err(unwritable)?, skipped })
}

/// How far a view is, and the events that it was made without. Refused where it has stopped for
/// somebody.
fn standing(
    snapshot: &mut Snapshot<'_>,
    projection: &'static dyn Projection,
) -> Result<(Position, Vec<Position>), ViewsError> {
    let statuses = snapshot.projections(Position::ZERO)?;
    let own = statuses.into_iter().find(|status| status.name == projection.name());
    let Some(own) = own else { return Ok((Position::ZERO, Vec::new())) };
    if let Some(parked) = own.parked.into_iter().next() {
        return Err(parked.refusal(own.name));
    }
    Ok((own.position, own.skipped.iter().map(|skipped| skipped.position).collect()))
}

/// Which events a view was made without, in words.
fn without(skipped: &[Position]) -> String {
    let positions: Vec<String> = skipped.iter().map(Position::to_string).collect();
    match &positions[..] {
        [] => String::new(),
        [position] => format!(", made without event {position}"),
        positions => format!(", made without events {}", positions.join(", ")),
    }
}

/// The projection that has a table, and the table.
fn view_of(name: &str) -> Result<(&'static dyn Projection, &'static Schema), CliError> {
    let tables = quipu_projections::all().iter().flat_map(|projection| {
        let schemas = projection.rows().sorted().into_iter().map(|(schema, _)| schema);
        schemas.map(move |schema| (*projection, schema))
    });
    let tables: Vec<_> = tables.collect();
    let names: Vec<&str> = tables.iter().map(|(_, schema)| schema.name).collect();
    let found = tables.iter().find(|(_, schema)| schema.name == name).copied();
    found.ok_or_else(|| CliError::Malformed {
        what: format!("there is no table {name:?}"),
        hint: format!("the tables are {EVENTS} and, of the views, {}", names.join(", ")),
    })
}

/// A table that cannot be written. Why, is what the file or the pipe that it goes to said.
fn unwritable(error: ParquetError) -> CliError {
    let error = match error {
        ParquetError::External(error) => {
            error.downcast::<io::Error>().map_or_else(io::Error::other, |own| *own)
        }
        error => io::Error::other(error),
    };
    CliError::Write(error)
}
