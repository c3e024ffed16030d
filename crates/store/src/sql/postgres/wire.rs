//! How values travel: in PostgreSQL's binary form, bound and read without a copy. Owns the promise that a value is never
//! shown, not even to the driver's own debug log.

use crate::sql::row::Cell;
use crate::sql::value::Value;
use bytes::{BufMut, BytesMut};
use std::error::Error;
use std::fmt;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Refused = Box<dyn Error + Sync + Send>;

/// A value on its way to the server.
pub(super) struct Bound<'v>(pub(super) &'v Value<'v>);

impl fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl Bound<'_> {
    /// The type to name where the server is not asked for it; a null is of the type that its place asks for.
    pub(super) fn kind(&self) -> Type {
        match self.0 {
            Value::Null => Type::UNKNOWN,
            Value::Int(_) => Type::INT8,
            Value::Id(_) | Value::Text(_) => Type::TEXT,
            Value::Bytes(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, place: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        let fits = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(number) => {
                out.put_i64(*number);
                *place == Type::INT8
            }
            Value::Id(text) => {
                out.put_slice(text);
                is_text(place)
            }
            Value::Text(text) => {
                out.put_slice(text.as_bytes());
                is_text(place)
            }
            Value::Bytes(bytes) => {
                out.put_slice(bytes);
                *place == Type::BYTEA
            }
        };
        if fits { Ok(IsNull::No) } else { Err(format!("it does not fit {place}").into()) }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn is_text(place: &Type) -> bool {
    matches!(*place, Type::TEXT | Type::VARCHAR)
}

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Result<Self, Refused> {
        match *kind {
            Type::INT8 => Ok(Self::Int(i64::from_be_bytes(raw.try_into()?))),
            Type::TEXT | Type::VARCHAR => Ok(Self::Text(raw)),
            Type::BYTEA => Ok(Self::Bytes(raw)),
            _ => Err(format!("nothing is read from {kind}").into()),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refused> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Cell<'_> {
    /// The cell as a value of its own; `None` for a text that is not UTF-8.
    pub(super) fn owned(&self) -> Option<Value<'static>> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Int(number) => (*number).into(),
            Self::Text(text) => std::str::from_utf8(text).ok()?.to_owned().into(),
            Self::Bytes(bytes) => bytes.to_vec().into(),
        })
    }
}
