//! What both peers have in common: an account, and what a debit takes.

/// What each account begins with, in millionths of a credit.
pub(crate) const OPENING_MICROS: i64 = 1_000_000_000_000;
/// What a debit takes, in millionths of a credit: as much as in `quipu bench`.
pub(crate) const DEBIT_MICROS: i64 = 10_000;
/// How a debit is counted that another one of the same account pushed aside.
pub(crate) const CONFLICT: &str = "conflict";

/// An account's name.
pub(crate) fn name(account: usize) -> String {
    format!("account-{account:05}")
}
