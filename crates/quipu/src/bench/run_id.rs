//! Names of one run, so that it has wallets and a meter of its own in whatever book it drives.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Digits of a wallet's number.
pub(super) const WALLET_DIGITS: usize = 7;

/// One run of the load generator.
#[derive(Clone, Debug)]
pub(super) struct RunId(String);

impl RunId {
    /// A new one, by the clock.
    pub(super) fn new() -> RunId {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        RunId(format!("{:x}", since.as_millis()))
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> RunId {
        RunId(text.to_owned())
    }

    /// The tenant whose wallet has this number.
    pub(super) fn tenant(&self, wallet: usize) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| write!(f, "t_{}_{wallet:0width$}", self.0, width = WALLET_DIGITS))
    }

    /// What all work is accounted to.
    pub(super) fn meter(&self) -> String {
        format!("bench_{}", self.0)
    }

    /// The price table of that meter.
    pub(super) fn price_table(&self) -> String {
        format!("bench_{}", self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
