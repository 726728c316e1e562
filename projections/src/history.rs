//! What stood at any moment, in both times (M5): sums of what a tenant's events added, over any
//! stretch of the journal and of effective time, without a look at each event.
//!
//! A tenant's events are the leaves of a tree with 64 branches at each node. A leaf row holds 64
//! events: where each stands, when it counts and what it adds. A node above holds the sum over
//! its 64 children. Every row knows the first and the last position in it, and the earliest and
//! the latest moment at which something in it counts. A question ("up to this position, until
//! this moment") takes a node whole, leaves it out, or goes down into it; where events count in
//! the order in which they stand, it goes down into one node per level. Above the leaves a row knows
//! this of each child, too; and nodes say what their siblings before them add up to. So only what
//! a question goes down into is read, and not the siblings before it.
//!
//! Leaves that are out of order among the 64 of a parent are sorted by when their events count.
//! Events that are out of order by more than some thousands of the tenant's events, or dated
//! ahead, would make every later node one to go down into: they are kept apart, in runs. A run is
//! eight shorter ones, from a leaf on, and its events once more, sorted. A question about a
//! position takes at most seven whole runs of each length (a merge-sort tree), and in each of
//! them goes down to the moment: so its cost grows with the logarithm of how many are late.

mod address;
mod grow;
mod node;
mod question;
mod sort;
mod span;
mod sums;

use std::fmt::Debug;
use std::sync::Arc;

pub use address::{Address, NodeKey, Tree};
pub(crate) use grow::{prepare, record};
pub use node::{Node, Until};
pub use question::{Nodes, Question, Stretch, Trees};
pub use span::Span;
pub use sums::Sums;

use crate::bytes::Numbers;

/// What is summed up.
pub trait Subject: Clone + Debug + PartialEq + Send + 'static {
    /// The table of its nodes.
    const TABLE: &'static str;
    /// What a sum is about.
    type Key: Key;
    /// What is summed up under a key: of each event what fits into 64 bits (M1, M3), so that 2^63
    /// events fit into a sum.
    type Amounts: AsRef<[i128]> + AsMut<[i128]> + Clone + Copy + Debug + Default + PartialEq + Send;

    /// Brings a sum into the one form that it has.
    fn normalise(_: &mut Self::Amounts) {}
}

/// What a sum is about, with a way to bytes and back. Texts are written once per row: see
/// [`Names`].
pub trait Key: Clone + Debug + Ord + Send {
    /// Writes it.
    #[doc(hidden)]
    fn write(&self, names: &mut Names, bytes: &mut Vec<u8>);
    /// Reads it; `None` where the bytes are none.
    #[doc(hidden)]
    fn read(names: &[&str], numbers: &mut Numbers<'_>) -> Option<Self>;
}

/// The texts that a row's keys are made of, one a line; the parts of each between tabs, which no
/// name and no label contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(Arc<str>);

impl Names {
    pub(crate) fn none() -> Names {
        Names(Arc::from(""))
    }

    /// The number of a text, which is added if it is new.
    pub(crate) fn number(&mut self, parts: &[&str]) -> u64 {
        let is_it = |line: &str| line.split('\t').eq(parts.iter().copied());
        let lines = self.all();
        let found = lines.iter().position(|line| is_it(line));
        let number = found.unwrap_or(lines.len());
        if found.is_none() {
            let (break_, line) = (if lines.is_empty() { "" } else { "\n" }, parts.join("\t"));
            self.0 = format!("{}{break_}{line}", self.0).into();
        }
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    pub(crate) fn all(&self) -> Vec<&str> {
        self.0.lines().collect()
    }
}

crate::cell::text_field! {
    Names: |names| Arc::clone(&names.0).into(), |text| Some(Names(text.into()));
}
