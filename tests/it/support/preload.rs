//! Libraries in C that are loaded into the program under test, to come between it and the system.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a source below `it/faults`, as SQLite was, into a folder.
pub(crate) fn compiled(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join("preload.so");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg("-I")
        .arg(tests.join("support/preload"))
        .arg(tests.join("faults").join(source))
        .status();
    assert!(compiled.expect("a C compiler is there").success(), "{source} compiles");
    library
}
