//! How a value that refuses itself says why.

use std::fmt::Display;

use serde::de;

use crate::problem::{Code, Problem};

/// Separates the parts of a fault. Serde carries an error of ours as one text; what callers sent
/// is quoted inside it with its control characters escaped, so the separator is ours alone.
const SEPARATOR: char = '\u{1f}';

/// The codes that a value can refuse itself with.
const CODES: [Code; 7] = [
    Code::InvalidAmount,
    Code::InvalidNumber,
    Code::InvalidValue,
    Code::DuplicateField,
    Code::EmptyBatch,
    Code::BatchTooLarge,
    Code::InvalidIdempotencyKey,
];

/// An error of a deserializer that carries a code and a hint.
pub(crate) fn fault<E: de::Error>(code: Code, detail: impl Display, hint: impl Display) -> E {
    debug_assert!(CODES.contains(&code), "a fault's code must be one that can be read back");
    let code = code.name();
    E::custom(format_args!("{SEPARATOR}{code}{SEPARATOR}{detail}{SEPARATOR}{hint}{SEPARATOR}"))
}

/// The problem in an error's text, where [`fault`] wrote it.
pub(super) fn read_back(message: &str) -> Option<Problem> {
    let mut parts = message.split(SEPARATOR).skip(1);
    let (name, detail, hint) = (parts.next()?, parts.next()?, parts.next()?);
    let code = CODES.into_iter().find(|code| code.name() == name)?;
    Some(Problem::new(code, detail, hint.to_owned()))
}
