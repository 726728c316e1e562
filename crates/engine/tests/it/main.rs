//! The engine on journals in memory and on disk, with faults.

mod clock_jumps;
mod commands;
mod counted;
mod differential;
mod faults;
mod foreign_aggregates;
mod large_events;
mod newer_program;
mod restart;
mod support;
mod together;
mod usage;
mod waiting;
