//! Keys of personal texts that are out of reach, as a problem.

use quipu_sealing::SealingError;

use super::{Code, Problem};

impl From<SealingError> for Problem {
    fn from(error: SealingError) -> Problem {
        tracing::error!(%error, "keys of personal texts are out of reach");
        Problem::new(
            Code::KeysUnavailable,
            "the keys of personal texts cannot be read or written now",
            "send it again with the same Idempotency-Key; the server's log says what is wrong",
        )
        .retry_after_seconds(2)
    }
}
