//! From an error of the parser to a problem with a code, a place and a hint.

use std::fmt::{self, Write};

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use super::fault;
use crate::problem::{Code, Problem};

/// The value that the whole of `bytes` is, or the problem with it.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| diagnose::<T>(bytes, &error))
}

/// The value that a part of a body is; `place` is a JSON pointer to the part.
pub(crate) fn decode_part<T: DeserializeOwned>(
    part: &RawValue,
    place: fmt::Arguments<'_>,
) -> Result<T, Problem> {
    serde_json::from_str(part.get()).map_err(|error| {
        let bytes = part.get().as_bytes();
        let inside = pointer::<T>(bytes).unwrap_or_default();
        problem_of(bytes, &error).with("pointer", format!("{place}{inside}"))
    })
}

fn diagnose<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let problem = problem_of(bytes, error);
    let problem = problem.with("line", error.line()).with("column", error.column());
    match pointer::<T>(bytes) {
        Some(pointer) => problem.with("pointer", pointer),
        None => problem,
    }
}

fn problem_of(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Data => of_message(message.trim_end_matches(&place)),
        _ if message.starts_with("recursion limit") => Problem::new(
            Code::NestedTooDeep,
            "the body is nested more than 128 levels deep",
            "no request nests deeper than a few levels; see /docs",
        ),
        _ if bytes.iter().all(u8::is_ascii_whitespace) => Problem::new(
            Code::MalformedJson,
            "the body is empty",
            "send a JSON object; where nothing needs saying, {}",
        ),
        _ => Problem::new(
            Code::MalformedJson,
            message,
            "send one JSON value in UTF-8, with nothing after it",
        ),
    }
}

/// The problem that a message of serde's stands for. The forms of these messages are serde's;
/// tests hold each of them.
pub(crate) fn of_message(message: &str) -> Problem {
    if let Some(problem) = fault::read_back(message) {
        return problem;
    }
    let (code, hint) = if message.starts_with("unknown field") {
        (
            Code::UnknownField,
            "leave it out, or correct its name; see /docs for the fields there are",
        )
    } else if message.starts_with("duplicate field") {
        (Code::DuplicateField, "write each field once")
    } else if message.starts_with("missing field") {
        (Code::MissingField, "add the field; see /docs for an example")
    } else if message.starts_with("invalid type") {
        (Code::InvalidType, "write the type that the detail names; see /docs for an example")
    } else {
        (Code::InvalidValue, "correct the value as the detail says")
    };
    Problem::new(code, message, hint)
}

/// Where in the body the error is, as a JSON pointer (RFC 6901).
fn pointer<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    Some(render(error.path()))
}

fn render(path: &Path) -> String {
    path.iter().fold(String::new(), |mut pointer, segment| {
        match segment {
            Segment::Seq { index } => {
                write!(pointer, "/{index}").expect("writing to a string does not fail");
            }
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        pointer
    })
}
