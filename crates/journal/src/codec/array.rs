//! A row's events: a JSON array whose elements are kept to the byte.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The texts of events as one JSON array.
#[must_use]
pub fn join<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut array = String::from("[");
    for text in texts {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(text);
    }
    array.push(']');
    array
}

/// The exact texts of an array's elements. Whatever [`join`] would not have written, such as a
/// space between two elements, is refused: it would be bytes that no hash covers.
pub fn split(array: &str) -> Result<Vec<&str>, String> {
    let (mut elements, mut texts) = (Elements::of(array)?, Vec::new());
    while let Some((_, text)) = elements.next::<&RawValue>()? {
        texts.push(text);
    }
    Ok(texts)
}

/// An array's elements, which are objects, one after the other, each read as what the caller takes it
/// for. Refuses what [`split`] refuses, once it comes to it.
pub(super) struct Elements<'a> {
    /// From the next element on; nothing at the end.
    rest: &'a str,
}

impl<'a> Elements<'a> {
    pub(super) fn of(array: &'a str) -> Result<Elements<'a>, String> {
        match array.strip_prefix('[') {
            Some("]") => Ok(Elements { rest: "" }),
            Some(rest) if !rest.is_empty() => Ok(Elements { rest }),
            _ => Err("not a JSON array".to_owned()),
        }
    }

    /// The next element and its exact text; none at the end.
    pub(super) fn next<T: Deserialize<'a>>(&mut self) -> Result<Option<(T, &'a str)>, String> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.rest.starts_with([' ', '\n', '\r', '\t']) {
            return Err(BETWEEN.to_owned());
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<T>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("not a whole JSON array".to_owned()),
        };
        let (text, rest) = self.rest.split_at(values.byte_offset());
        let following = rest.strip_prefix(',').filter(|rest| !rest.is_empty());
        self.rest = if rest == "]" { "" } else { following.ok_or(BETWEEN)? };
        Ok(Some((value, text)))
    }
}

const BETWEEN: &str = "bytes between events that belong to none";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_bytes_that_belong_to_no_event() {
        for array in [
            "[ ]", "[1 ,2]", "[1, 2]", " [1]", "[1]\n", "[1,]", "[1", "{}", "", "[1]]", "[{} ,{}]",
            "[{}, {}]", "[ {}]", "[{} ]", " [{}]", "[{}]\n", "[{},]", "[{}", "[{}{}]", "[{},", "[",
            "[{}]]",
        ] {
            assert!(split(array).is_err(), "{array:?}");
        }
        assert_eq!(split("[{},{}]"), Ok(vec!["{}", "{}"]));
        assert_eq!(split("[]"), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn splits_what_was_joined(texts in prop::collection::vec("\\{\"a\":\"[ ,\\[\\]é]{0,9}\"\\}", 0..9)) {
            let array = join(texts.iter().map(String::as_str));
            prop_assert_eq!(split(&array).unwrap(), texts);
        }
    }
}
