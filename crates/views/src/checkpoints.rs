//! How far each projection is, and which of its partitions have stopped.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::SystemTime;

use quipu_database::{Connection, Row, Value};
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_projections::{Parked, Partition, Projection};
use uuid::Uuid;

use crate::reads::ParkedPartition;
use crate::{Feed, ViewsError, columns};

/// The checkpoints' table.
pub(crate) const TABLE: &str = "projection";

/// How far a projection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The version that built its rows; 0 where there is none.
    pub(crate) version: u32,
    /// The last event in them.
    pub(crate) position: Position,
    /// Its id, where it was noted.
    pub(crate) last_event: Option<Uuid>,
    /// Raised by whoever changes rows without moving the position.
    pub(crate) generation: i64,
}

/// A projection with an event that the journal does not have: it ends before, or another one stands
/// there. Where an id was not noted, it may be the one. The furthest, if there are several.
pub(crate) fn strange(
    checkpoints: &HashMap<String, Checkpoint>,
    feed: &dyn Feed,
) -> Result<Option<(&'static str, Position)>, ViewsError> {
    let (mut strange, head) = (None, feed.head()?);
    for projection in quipu_projections::all() {
        let name = projection.name();
        let Some(Checkpoint { position, last_event, .. }) = checkpoints.get(name).copied() else {
            continue;
        };
        let is_there = match last_event {
            None => position <= head,
            Some(id) => feed.events_at(&[position])?.first().is_some_and(|event| event.id == id),
        };
        if !is_there {
            strange = strange.max(Some((position, name)));
        }
    }
    Ok(strange.map(|(position, name)| (name, position)))
}

/// A stopped partition and its projection.
pub(crate) struct Stopped {
    pub(crate) projection: String,
    pub(crate) partition: ParkedPartition,
}

/// All checkpoints, by the projection's name.
pub(crate) fn read(connection: &mut Connection) -> Result<HashMap<String, Checkpoint>, ViewsError> {
    let sql = "SELECT name, version, position, generation, last_event FROM projection";
    read_by(connection, sql)
}

/// All checkpoints of an attached scratch database.
pub(crate) fn read_scratch(
    connection: &mut Connection,
) -> Result<HashMap<String, Checkpoint>, ViewsError> {
    let sql = "SELECT name, version, position, generation, last_event \
        FROM quipu_views_rebuild.projection";
    read_by(connection, sql)
}

fn read_by(
    connection: &mut Connection,
    sql: &'static str,
) -> Result<HashMap<String, Checkpoint>, ViewsError> {
    let rows = connection.query(sql, &[])?;
    let checkpoint = |row: &Row| -> Result<(String, Checkpoint), ViewsError> {
        let last_event = row.optional_text(4)?.map(str::parse).transpose();
        let checkpoint = Checkpoint {
            version: columns::version(row, 1, TABLE)?,
            position: columns::position(row, 2, TABLE)?,
            generation: row.int(3)?,
            last_event: last_event.map_err(|_| columns::malformed(TABLE))?,
        };
        Ok((row.text(0)?.to_owned(), checkpoint))
    };
    rows.iter().map(checkpoint).collect()
}

/// The last event that all projections have.
pub(crate) fn slowest(connection: &mut Connection) -> Result<Position, ViewsError> {
    let checkpoints = read(connection)?;
    let position_of = |projection: &&'static dyn Projection| {
        checkpoints.get(projection.name()).map_or(Position::ZERO, |checkpoint| checkpoint.position)
    };
    Ok(quipu_projections::all().iter().map(position_of).min().unwrap_or_default())
}

/// How far one projection is.
pub(crate) fn position_of(
    connection: &mut Connection,
    projection: &str,
) -> Result<Position, ViewsError> {
    let rows = connection
        .query("SELECT position FROM projection WHERE name = $1", &[projection.into()])?;
    rows.first().map_or(Ok(Position::ZERO), |row| columns::position(row, 0, TABLE))
}

/// Makes the row of a projection that never ran.
pub(crate) fn start(
    connection: &mut Connection,
    projection: &dyn Projection,
) -> Result<(), ViewsError> {
    connection.execute(
        "INSERT INTO projection (name, version, position, generation, applied_at) \
         VALUES ($1, $2, 0, $3, $4) ON CONFLICT (name) DO NOTHING",
        &[
            projection.name().into(),
            i64::from(projection.version()).into(),
            first_generation().into(),
            now().micros().into(),
        ],
    )?;
    Ok(())
}

/// Of two databases that were made one after the other in the same place, no row has the generation
/// of the other's: who has worked in the one does not take the other for it.
fn first_generation() -> i64 {
    // Far from where counting on would overflow.
    i64::try_from(RandomState::new().hash_one(now().micros()) >> 2).expect("62 bits fit")
}

/// Moves a checkpoint, if nobody else has moved it.
pub(crate) fn advance(
    connection: &mut Connection,
    projection: &str,
    from: Checkpoint,
    to: Checkpoint,
) -> Result<(), ViewsError> {
    let changed = connection.execute(
        "UPDATE projection SET position = $1, last_event = $2, applied_at = $3 \
         WHERE name = $4 AND position = $5 AND generation = $6",
        &[
            to.position.0.into(),
            id(to.last_event),
            now().micros().into(),
            projection.into(),
            from.position.0.into(),
            from.generation.into(),
        ],
    )?;
    if changed == 1 { Ok(()) } else { Err(ViewsError::CheckpointMoved) }
}

/// Raises the generation: from now until the transaction ends nobody else moves the checkpoint,
/// and afterwards everybody who has rows in memory notices.
pub(crate) fn take_over(
    connection: &mut Connection,
    projection: &str,
) -> Result<Checkpoint, ViewsError> {
    connection.execute(
        "UPDATE projection SET generation = generation + 1 WHERE name = $1",
        &[projection.into()],
    )?;
    let unknown = || ViewsError::UnknownProjection(projection.to_owned());
    read(connection)?.remove(projection).ok_or_else(unknown)
}

/// Sets what a rebuild has reached.
pub(crate) fn replace(
    connection: &mut Connection,
    projection: &dyn Projection,
    reached: Checkpoint,
) -> Result<(), ViewsError> {
    connection.execute(
        "UPDATE projection SET version = $1, position = $2, last_event = $3, applied_at = $4 \
         WHERE name = $5",
        &[
            i64::from(projection.version()).into(),
            reached.position.0.into(),
            id(reached.last_event),
            now().micros().into(),
            projection.name().into(),
        ],
    )?;
    Ok(())
}

/// All stopped partitions.
pub(crate) fn read_parked(connection: &mut Connection) -> Result<Vec<Stopped>, ViewsError> {
    let rows = connection.query(
        "SELECT tenant, position, error, parked_at, projection FROM projection_parked \
         ORDER BY projection, tenant",
        &[],
    )?;
    let stopped = |row: &Row| -> Result<Stopped, ViewsError> {
        Ok(Stopped { partition: parked_partition(row)?, projection: row.text(4)?.to_owned() })
    };
    rows.iter().map(stopped).collect()
}

/// Whether, and where, a partition has stopped.
pub(crate) fn parked_at(
    connection: &mut Connection,
    projection: &str,
    tenant: &str,
) -> Result<Option<ParkedPartition>, ViewsError> {
    let rows = connection.query(
        "SELECT tenant, position, error, parked_at FROM projection_parked \
         WHERE projection = $1 AND tenant = $2",
        &[projection.into(), tenant.into()],
    )?;
    rows.first().map(parked_partition).transpose()
}

/// Parks a partition, or moves it to another event.
pub(crate) fn park(
    connection: &mut Connection,
    projection: &str,
    partition: &Partition,
    parked: &Parked,
) -> Result<(), ViewsError> {
    connection.execute(
        "INSERT INTO projection_parked (projection, tenant, position, error, parked_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (projection, tenant) DO UPDATE SET \
         position = excluded.position, error = excluded.error, parked_at = excluded.parked_at",
        &[
            projection.into(),
            tenant_text(partition).into(),
            parked.position.0.into(),
            parked.error.as_str().into(),
            now().micros().into(),
        ],
    )?;
    Ok(())
}

/// Lets a partition go on.
pub(crate) fn unpark(
    connection: &mut Connection,
    projection: &str,
    partition: &Partition,
) -> Result<(), ViewsError> {
    connection.execute(
        "DELETE FROM projection_parked WHERE projection = $1 AND tenant = $2",
        &[projection.into(), tenant_text(partition).into()],
    )?;
    Ok(())
}

/// A partition as the table has it: the catalogue's is the empty text, which no tenant's id is.
pub(crate) fn tenant_text(partition: &Partition) -> &str {
    partition.as_ref().map_or("", TenantId::as_str)
}

/// The clock, for what is shown to people.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

fn parked_partition(row: &Row) -> Result<ParkedPartition, ViewsError> {
    const TABLE: &str = "projection_parked";
    Ok(ParkedPartition {
        tenant: columns::partition(row, 0, TABLE)?,
        position: columns::position(row, 1, TABLE)?,
        error: row.text(2)?.to_owned(),
        parked_at: columns::time(row, 3, TABLE)?,
    })
}

fn id(event: Option<Uuid>) -> Value {
    event.map(|id| id.to_string()).into()
}
