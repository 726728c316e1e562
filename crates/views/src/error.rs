//! Why the views did not answer, or could not be kept up to date.

use quipu_database::DatabaseError;
use quipu_domain::{MeterName, Position, PriceTableName, TenantId};
use quipu_projections::{Partition, ProjectionError};

use crate::{FeedError, RefusedRows};

/// An answer that cannot be given. Never an empty list instead.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// There is no such meter.
    #[error("there is no meter {0}")]
    UnknownMeter(MeterName),
    /// There is no such price table.
    #[error("there is no price table {0}")]
    UnknownPriceTable(PriceTableName),
    /// There is no such projection.
    #[error("there is no projection {0}")]
    UnknownProjection(String),
    /// The moment has not come yet.
    #[error("as_of and known_at must not lie in the future")]
    FutureMoment,
    /// The views have not come as far as the position that was asked for.
    #[error("the views are at position {checkpoint}, not yet at {wanted}")]
    NotYet {
        /// What was asked for.
        wanted: Position,
        /// How far they are.
        checkpoint: Position,
    },
    /// The journal ends before the position that was asked for.
    #[error("the journal ends at position {head}, before {wanted}")]
    BeyondHead {
        /// What was asked for.
        wanted: Position,
        /// Where it ends.
        head: Position,
    },
    /// The partition stopped at an event that could not be applied, so its rows are out of date.
    #[error("{projection} stopped at position {position}: {error}; run `quipu projections retry`")]
    Parked {
        /// Which projection.
        projection: &'static str,
        /// Whose; `None` is the catalogue.
        partition: Partition,
        /// The event.
        position: Position,
        /// Why it could not be applied.
        error: String,
    },
    /// Somebody left an event out of a view, and what was asked for is to stay: it is not read
    /// from such a view.
    #[error("{projection} was made without event {position}, which was skipped: {reason}")]
    Skipped {
        /// Which projection.
        projection: &'static str,
        /// Whose; `None` is the catalogue.
        partition: Partition,
        /// The event.
        position: Position,
        /// Why it was skipped.
        reason: String,
    },
    /// A sum is larger than an amount can be (M3).
    #[error("a sum is beyond the largest amount")]
    Overflow,
    /// Somebody else moved the checkpoint meanwhile; nothing was written.
    #[error("the checkpoint was moved by somebody else")]
    CheckpointMoved,
    /// The caller asked to stop. What was built is kept, and the same work goes on there when it
    /// is asked for again; the old rows still serve.
    #[error("interrupted at position {position}")]
    Interrupted {
        /// The last event that is in the new rows.
        position: Position,
    },
    /// Somebody else cancelled the rebuild or began another one; the old rows still serve.
    #[error("the rebuild has ended: a cancellation or another rebuild has taken its place")]
    Cancelled,
    /// A file cannot be used for a replay.
    #[error("{path}: {why}", path = path.display())]
    ReplayFile {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        why: String,
    },
    /// The database said no for good to what some events have made of the rows.
    #[error("{0}")]
    RefusedRows(RefusedRows),
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The journal could not be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Stored rows are not what the projections write; `quipu projections rebuild` makes new ones.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// The operating system has no thread for the views.
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
    /// A file beside the views could not be removed or made.
    #[error("file {path}: {error}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
}
