//! Reading values from JSON strings without a copy of the string.

use std::fmt;

use serde::{Deserializer, de};

/// Reads a string and makes a value of it. An event has a dozen such strings, and serde would
/// allocate each of them first, for a `Cow` as well.
pub(crate) fn deserialize<'de, D, T, F>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, F>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: fmt::Display,
{
    deserializer.deserialize_str(Text(parse))
}

struct Text<P>(P);

impl<T, F, P> de::Visitor<'_> for Text<P>
where
    F: fmt::Display,
    P: FnOnce(&str) -> Result<T, F>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}
