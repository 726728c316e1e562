//! The command, run as a person runs it.

mod commands;
mod help;
mod import;
mod program;
