//! Whole-system tests: the real program, real databases, over HTTP and the command line.

mod api;
mod architecture;
mod cli;
mod faults;
mod stores;
mod support;
