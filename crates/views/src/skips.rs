//! Events that somebody decided to leave out, because they cannot be applied and cannot be mended.
//! They count for one version of a projection: the next one gets to see them again.

use std::collections::{BTreeSet, HashMap};

use quipu_database::{Connection, Row};
use quipu_domain::{Label, Position, TenantId, Timestamp};
use quipu_projections::Projection;

use crate::checkpoints::{now, tenant_text};
use crate::reads::ParkedPartition;
use crate::{ViewsError, columns};

const TABLE: &str = "projection_skipped";

/// An event that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedEvent {
    /// The event.
    pub position: Position,
    /// Whose; `None` is the catalogue.
    pub tenant: Option<TenantId>,
    /// Why it could not be applied.
    pub error: String,
    /// Why it was skipped.
    pub reason: String,
    /// When.
    pub skipped_at: Timestamp,
}

impl SkippedEvent {
    /// Why there is no answer.
    pub(crate) fn refusal(&self, projection: &'static str) -> ViewsError {
        ViewsError::Skipped {
            projection,
            partition: self.tenant.clone(),
            position: self.position,
            reason: self.reason.clone(),
        }
    }
}

/// What is skipped, by projection and version.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Skips(HashMap<(String, u32), Vec<SkippedEvent>>);

impl Skips {
    /// Those of a projection as this program has it.
    pub(crate) fn of(&self, projection: &dyn Projection) -> &[SkippedEvent] {
        let key = (projection.name().to_owned(), projection.version());
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Where they stand.
    pub(crate) fn positions(&self, projection: &dyn Projection) -> BTreeSet<Position> {
        self.of(projection).iter().map(|skipped| skipped.position).collect()
    }
}

/// Everything that is skipped.
pub(crate) fn read(connection: &mut Connection) -> Result<Skips, ViewsError> {
    let rows = connection.query(
        "SELECT projection, version, position, tenant, error, reason, skipped_at \
         FROM projection_skipped ORDER BY projection, version, position",
        &[],
    )?;
    let mut skips = Skips::default();
    for row in &rows {
        let key = (row.text(0)?.to_owned(), columns::version(row, 1, TABLE)?);
        skips.0.entry(key).or_default().push(skipped(row)?);
    }
    Ok(skips)
}

/// Skips the event at which a partition has stopped.
pub(crate) fn skip(
    connection: &mut Connection,
    projection: &dyn Projection,
    stopped: &ParkedPartition,
    reason: &Label,
) -> Result<(), ViewsError> {
    connection.execute(
        "INSERT INTO projection_skipped \
         (projection, version, position, tenant, error, reason, skipped_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            projection.name().into(),
            i64::from(projection.version()).into(),
            stopped.position.0.into(),
            tenant_text(&stopped.tenant).into(),
            stopped.error.as_str().into(),
            reason.as_str().into(),
            now().micros().into(),
        ],
    )?;
    Ok(())
}

/// Forgets what was skipped for earlier versions of a projection.
pub(crate) fn forget_other_versions(
    connection: &mut Connection,
    projection: &dyn Projection,
) -> Result<(), ViewsError> {
    connection.execute(
        "DELETE FROM projection_skipped WHERE projection = $1 AND version <> $2",
        &[projection.name().into(), i64::from(projection.version()).into()],
    )?;
    Ok(())
}

fn skipped(row: &Row) -> Result<SkippedEvent, ViewsError> {
    Ok(SkippedEvent {
        position: columns::position(row, 2, TABLE)?,
        tenant: columns::partition(row, 3, TABLE)?,
        error: row.text(4)?.to_owned(),
        reason: row.text(5)?.to_owned(),
        skipped_at: columns::time(row, 6, TABLE)?,
    })
}
