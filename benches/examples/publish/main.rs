//! Measures everything in one run and writes `benches/RESULTS.md`: what `make bench` calls.
//!
//! Each measurement is a process of its own, `quipu bench ... --json` or a peer, one after the
//! other, on a fresh book; PostgreSQL is one throw-away server for all of them.

mod bars;
mod measure;
mod page;

use std::io;

use measure::Bench;

/// Where the page goes.
const PAGE: &str = "benches/RESULTS.md";

fn main() -> io::Result<()> {
    let bench = Bench::from_environment();
    let results = bench.measure_all();
    std::fs::write(PAGE, page::write(&bench, &results))?;
    eprintln!("wrote {PAGE}");
    Ok(())
}
