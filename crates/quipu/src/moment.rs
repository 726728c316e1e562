//! Which moment of the books is asked for, in both times.

use clap::Args;

/// Which moment of the books.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct MomentArgs {
    /// The books at this effective time, such as 2026-10-31T23:59:59Z
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// The books as they were known at this time of recording, or at this position
    #[arg(long, value_name = "TIME|POSITION")]
    known_at: Option<String>,
}

impl MomentArgs {
    pub(crate) const fn new(as_of: Option<String>, known_at: Option<String>) -> MomentArgs {
        MomentArgs { as_of, known_at }
    }

    /// Adds it to a query.
    pub(crate) fn add_to(&self, query: &mut Vec<(&'static str, String)>) {
        query.extend(self.as_of.clone().map(|as_of| ("as_of", as_of)));
        query.extend(self.known_at.clone().map(|known_at| ("known_at", known_at)));
    }
}
