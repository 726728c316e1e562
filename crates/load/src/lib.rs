//! The load generator's engine, shared by `quipu bench` and the peers it is compared with, so that
//! both are driven and measured in the same way.
//!
//! The loop is closed: each session sends its next request when the last one is answered. So the
//! latencies are those of a client that waits; what would pile up at a fixed rate is not shown.
//!
//! **Absent from this crate:** what is sent, and to whom.

mod choice;
mod closed_loop;
mod figures;
mod latency;
mod machine;
mod repeat;

pub use choice::{Choice, Distribution, Random};
pub use closed_loop::{Extent, Measured, Session, Step, run};
pub use figures::{per_second, ratio, seconds};
pub use latency::{Latencies, LatencySummary};
pub use machine::{Machine, resident_mib};
pub use repeat::{Repeated, repeat};
