//! Folders for SQLite files.

use tempfile::TempDir;

/// An empty folder, removed when it is dropped.
#[must_use]
pub fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("quipu-test-")
        .tempdir()
        .expect("the system's folder for temporary files can be written to")
}
