//! Parts of events as JSON, for columns that are shown and never computed with.

use std::sync::Arc;

use quipu_domain::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ProjectionError;

/// The value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Arc<str> {
    let text = serde_json::to_string(value);
    text.expect("what came out of the journal's JSON goes back into JSON").into()
}

/// A JSON array of effective-dated values with one more. One with the same moment is replaced.
pub(crate) fn dated<T: Serialize + DeserializeOwned + Clone>(
    array: &str,
    value: &T,
    effective_at: impl Fn(&T) -> Timestamp,
) -> Result<Arc<str>, ProjectionError> {
    let malformed = |error| ProjectionError::Inconsistent(format!("stored prices: {error}"));
    let mut values: Vec<T> = serde_json::from_str(array).map_err(malformed)?;
    match values.binary_search_by_key(&effective_at(value), &effective_at) {
        Ok(index) => values[index] = value.clone(),
        Err(index) => values.insert(index, value.clone()),
    }
    Ok(json(&values))
}
