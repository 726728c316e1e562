//! A row's events: a JSON array whose elements are kept to the byte.

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
    let elements: Vec<&RawValue> =
        serde_json::from_str(array).map_err(|error| format!("not a JSON array: {error}"))?;
    let bytes: usize = elements.iter().map(|element| element.get().len()).sum();
    // One byte opens the array and one follows every element (an empty array has two).
    if array.len() != bytes + elements.len().max(1) + 1 {
        return Err("bytes between events that belong to none".to_owned());
    }
    Ok(elements.into_iter().map(RawValue::get).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_bytes_that_belong_to_no_event() {
        for array in ["[ ]", "[1 ,2]", "[1, 2]", " [1]", "[1]\n", "[1,]", "[1", "{}", "", "[1]]"] {
            assert!(split(array).is_err(), "{array:?}");
        }
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
