//! The power goes at a random moment. What `kill -9` cannot show: there the system still writes
//! what the process did not sync.
//!
//! Real programs run while `trace.c` writes down what they do to their files. Then, for many
//! moments, a disk is made as it may be found after that moment, and they go on with it.

mod disk;
mod failed_sync;
mod found;
mod import;
mod run;

use std::path::Path;
use std::process::Command;

use self::disk::Promise;
use self::found::Found;
use self::run::Run;
use super::kill_during_import::Random;
use crate::support::server::program;

const CUTS: usize = 60;
/// A server is started on at least so many of them; `quipu verify` looks at all with a book.
const STARTS: usize = 12;
/// Of all tenants: sealed, each under a key of its own.
pub(super) const NAME: &str = "Erika Mustermann";

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let run = Run::record();
    let mut random = Random(0x9_0BE7);
    for cut in 0..CUTS {
        let records = run.moment(&mut random);
        let found = Found::after(&run, records, Promise::Kept, &mut random);
        let lost = |why| panic!("after {records} of {} records: {why}", run.trace.len());
        found.verify(&run).unwrap_or_else(lost);
        if cut % (CUTS / STARTS) == 0 || found.acknowledged.is_empty() {
            found.go_on();
            found.verify(&run).unwrap_or_else(lost);
        }
    }

    // The same moments with a disk that does not keep its word: this test can fail.
    let mut random = Random(0x9_0BE7);
    let lost = (0..CUTS).filter(|_| {
        let records = run.moment(&mut random);
        Found::after(&run, records, Promise::BrokenFor("-wal"), &mut random).verify(&run).is_err()
    });
    assert!(lost.count() > CUTS / 4, "what was never synced is missed");
}

/// Verification of a disk's book, against what its folder of keys says was signed, if it is there.
pub(super) fn verify(disk: &Path) -> Command {
    let mut command = on(disk, program());
    if !disk.join("keys").is_dir() {
        command.env_remove("QUIPU_KEYS");
    }
    command.arg("verify");
    command
}

/// A command of the program on the book, the keys and the subjects' keys of a disk.
pub(super) fn on(disk: &Path, mut command: Command) -> Command {
    command.env("QUIPU_DATA", disk.join("book")).env("QUIPU_KEYS", disk.join("keys"));
    command.env("QUIPU_SUBJECT_KEYS", disk.join("subject-keys"));
    command
}
