//! Values in PostgreSQL's binary format.

use std::error::Error;

use tokio_postgres::Row as PostgresRow;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::{Row, Value};

type Failure = Box<dyn Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match (self, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(value), &Type::INT8) => value.to_sql(ty, out),
            (Value::Int(value), &Type::INT4) => i32::try_from(*value)?.to_sql(ty, out),
            (Value::Int(value), &Type::INT2) => i16::try_from(*value)?.to_sql(ty, out),
            (Value::Text(value), &Type::TEXT | &Type::VARCHAR | &Type::NAME | &Type::JSON) => {
                value.as_str().to_sql(&Type::TEXT, out)
            }
            (Value::Blob(value), &Type::BYTEA) => value.as_slice().to_sql(ty, out),
            _ => Err(format!("a parameter of type {ty} cannot be {self:?}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One column of some rows, as an array. That all rows are of one length is the caller's part.
#[derive(Debug)]
pub(super) struct Column<'a> {
    rows: &'a [Vec<Value>],
    index: usize,
}

/// The columns of some rows, in order.
pub(super) fn columns(rows: &[Vec<Value>]) -> impl ExactSizeIterator<Item = Column<'_>> {
    (0..rows.first().map_or(0, Vec::len)).map(|index| Column { rows, index })
}

impl ToSql for Column<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        let values: Vec<&Value> = self.rows.iter().map(|row| &row[self.index]).collect();
        values.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(_))
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Value, Failure> {
        Ok(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(ty, raw)?.into()),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::JSON => {
                Value::Text(String::from_sql(&Type::TEXT, raw)?)
            }
            Type::BYTEA => Value::Blob(raw.to_owned()),
            _ => return Err(format!("a column of type {ty}; cast it to text or bigint").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Value, Failure> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

pub(super) fn read(row: &PostgresRow) -> Result<Row, tokio_postgres::Error> {
    (0..row.len()).map(|index| row.try_get(index)).collect::<Result<_, _>>().map(Row)
}
