//! What a program is started with.

use std::env;
use std::process::Command;

/// Takes away the variables of this process whose names begin so.
pub fn without_variables(command: &mut Command, prefix: &str) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with(prefix) {
            command.env_remove(name);
        }
    }
}
