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
    /// An event corrects one that records no work.
    #[error("event {corrected} is corrected, but records no work")]
    NothingToCorrect {
        /// The event that should record some.
        corrected: Position,
    },
    /// A sum in money has more digits than can be computed with.
    #[error("a sum has more than 38 digits at this rate; use one with fewer decimals")]
    TooLarge,
    /// A text has a character that the format's code page lacks.
    #[error("{letter:?} is not in code page 437, the only one that SIE allows")]
    NotInCodePage {
        /// The character.
        letter: char,
    },
}
