//! Why a book cannot be written in a format.

use quipu_domain::Position;
use quipu_projections::ProjectionError;

/// An event cannot be written in a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The event is not one that Quipu would have recorded.
    #[error("event {position}: {source}")]
    Inconsistent {
        /// The event.
        position: Position,
        /// What is wrong with it.
        source: ProjectionError,
    },
}
