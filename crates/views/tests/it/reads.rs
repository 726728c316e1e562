//! What the views answer.
