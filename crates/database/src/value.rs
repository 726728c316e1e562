//! What goes into a statement and comes out of it.

use crate::DatabaseError;

/// A parameter, or what a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A BIGINT.
    Int(i64),
    /// A TEXT.
    Text(String),
    /// A BLOB or BYTEA.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<u64> for Value {
    /// What exceeds the databases' integers is larger than all of theirs.
    fn from(value: u64) -> Value {
        Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// A row of an answer. Columns are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// A column that holds an integer.
    pub fn int(&self, index: usize) -> Result<i64, DatabaseError> {
        self.optional_int(index)?.ok_or(DatabaseError::Column { index, wanted: "an integer" })
    }

    /// A column that holds a text.
    pub fn text(&self, index: usize) -> Result<&str, DatabaseError> {
        self.optional_text(index)?.ok_or(DatabaseError::Column { index, wanted: "a text" })
    }

    /// A column that holds bytes.
    pub fn blob(&self, index: usize) -> Result<&[u8], DatabaseError> {
        self.optional_blob(index)?.ok_or(DatabaseError::Column { index, wanted: "bytes" })
    }

    /// A column that holds an integer or nothing.
    pub fn optional_int(&self, index: usize) -> Result<Option<i64>, DatabaseError> {
        match self.0.get(index) {
            Some(Value::Int(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            _ => Err(DatabaseError::Column { index, wanted: "an integer" }),
        }
    }

    /// A column that holds a text or nothing.
    pub fn optional_text(&self, index: usize) -> Result<Option<&str>, DatabaseError> {
        match self.0.get(index) {
            Some(Value::Text(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            _ => Err(DatabaseError::Column { index, wanted: "a text" }),
        }
    }

    /// A column that holds bytes or nothing.
    pub fn optional_blob(&self, index: usize) -> Result<Option<&[u8]>, DatabaseError> {
        match self.0.get(index) {
            Some(Value::Blob(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            _ => Err(DatabaseError::Column { index, wanted: "bytes" }),
        }
    }

    /// The column's value, taken out of the row: no copy of a large text.
    pub fn take(&mut self, index: usize) -> Value {
        self.0.get_mut(index).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    /// Takes the bytes of a column, without a copy: NULL is left in their place.
    pub fn take_blob(&mut self, index: usize) -> Result<Vec<u8>, DatabaseError> {
        match self.take(index) {
            Value::Blob(bytes) => Ok(bytes),
            _ => Err(DatabaseError::Column { index, wanted: "bytes" }),
        }
    }

    /// All values, in order.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}
