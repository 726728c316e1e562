//! How far is each projection, and what has stopped?

use quipu_database::Connection;
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_projections::Projection;

use crate::scratch::{Rebuilding, rebuilding};
use crate::skips::{self, SkippedEvent};
use crate::{Views, ViewsError, checkpoints};

/// How far a projection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// The version that built its rows; 0 where there are none yet.
    pub version: u32,
    /// The last event in them.
    pub position: Position,
    /// How many events they are behind the journal.
    pub lag: u64,
    /// Partitions that stopped.
    pub parked: Vec<ParkedPartition>,
    /// Events that somebody decided to leave out.
    pub skipped: Vec<SkippedEvent>,
    /// New rows that are being built beside, or wait to be built further.
    pub rebuilding: Option<Rebuilding>,
}

/// A partition that stopped at an event which could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedPartition {
    /// Whose; `None` is the catalogue.
    pub tenant: Option<TenantId>,
    /// The event.
    pub position: Position,
    /// Why it could not be applied.
    pub error: String,
    /// Since when.
    pub parked_at: Timestamp,
}

impl ParkedPartition {
    /// Why there is no answer.
    #[must_use]
    pub fn refusal(self, projection: &'static str) -> ViewsError {
        let ParkedPartition { tenant: partition, position, error, .. } = self;
        ViewsError::Parked { projection, partition, position, error }
    }
}

impl Views {
    /// Each projection, against the journal's head.
    pub fn projections(&self, head: Position) -> Result<Vec<ProjectionStatus>, ViewsError> {
        let mut statuses = self.snapshot(|snapshot| snapshot.projections(head))?;
        for rebuilding in rebuilding(&self.scratch_checkpoints()?) {
            let own = statuses.iter_mut().find(|status| status.name == rebuilding.projection);
            if let Some(status) = own {
                status.rebuilding = Some(rebuilding);
            }
        }
        Ok(statuses)
    }
}

/// Each projection, against the journal's head; what is being rebuilt stands elsewhere.
pub(crate) fn projections(
    connection: &mut Connection,
    head: Position,
) -> Result<Vec<ProjectionStatus>, ViewsError> {
    let checkpoints = checkpoints::read(connection)?;
    let parked = checkpoints::read_parked(connection)?;
    let skips = skips::read(connection)?;
    let status = |projection: &&'static dyn Projection| {
        let name = projection.name();
        let checkpoint = checkpoints.get(name).copied().unwrap_or_default();
        let own = parked.iter().filter(|stopped| stopped.projection == name);
        ProjectionStatus {
            name,
            question: projection.question(),
            version: checkpoint.version,
            position: checkpoint.position,
            lag: head.0.saturating_sub(checkpoint.position.0),
            parked: own.map(|stopped| stopped.partition.clone()).collect(),
            skipped: skips.of(*projection).to_vec(),
            rebuilding: None,
        }
    };
    Ok(quipu_projections::all().iter().map(status).collect())
}
