//! A row as it comes back, read by position, and how a record is read from one. Owns the promise that a stored value
//! which is not readable (any more) neither panics nor shows itself: the error names table, id and column.

use super::value::Value;
use keyward_auth::records::StoreError;
use keyward_auth::values::Timestamp;
use rusqlite::types::ValueRef;
use std::str::FromStr;

/// A row of a reader, in place, or one that a write handed back.
pub(crate) enum Row<'r> {
    /// The columns from this one on.
    Sqlite(&'r rusqlite::Row<'r>, usize),
    /// The columns from this one on.
    Postgres(&'r tokio_postgres::Row, usize),
    Kept(&'r [Value<'static>]),
}

/// The column that could not be read.
pub(crate) struct Unreadable(usize);

pub(crate) enum Cell<'r> {
    Null,
    Int(i64),
    Text(&'r [u8]),
    Bytes(&'r [u8]),
}

impl Row<'_> {
    fn cell(&self, column: usize) -> Result<Cell<'_>, Unreadable> {
        Ok(match self {
            Self::Sqlite(row, from) => match row.get_ref(from + column).map_err(|_| Unreadable(column))? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Text(text) => Cell::Text(text),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes),
                ValueRef::Real(_) => return Err(Unreadable(column)),
            },
            Self::Postgres(row, from) => row.try_get(from + column).map_err(|_| Unreadable(column))?,
            Self::Kept(values) => match values.get(column).ok_or(Unreadable(column))? {
                Value::Null => Cell::Null,
                Value::Int(number) => Cell::Int(*number),
                Value::Id(text) => Cell::Text(text),
                Value::Text(text) => Cell::Text(text.as_bytes()),
                Value::Bytes(bytes) => Cell::Bytes(bytes),
            },
        })
    }

    /// What stands behind the first so many columns, as a row of its own.
    pub(crate) fn behind(&self, columns: usize) -> Row<'_> {
        match self {
            Self::Sqlite(row, from) => Row::Sqlite(row, from + columns),
            Self::Postgres(row, from) => Row::Postgres(row, from + columns),
            Self::Kept(values) => Row::Kept(values.get(columns..).unwrap_or_default()),
        }
    }

    pub(crate) fn int(&self, column: usize) -> Result<i64, Unreadable> {
        match self.cell(column)? {
            Cell::Int(number) => Ok(number),
            _ => Err(Unreadable(column)),
        }
    }

    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, Unreadable> {
        self.int(column).map(Timestamp::from_micros)
    }

    pub(crate) fn time_or_none(&self, column: usize) -> Result<Option<Timestamp>, Unreadable> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Int(micros) => Ok(Some(Timestamp::from_micros(micros))),
            _ => Err(Unreadable(column)),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, Unreadable> {
        self.text_or_none(column)?.ok_or(Unreadable(column))
    }

    pub(crate) fn text_or_none(&self, column: usize) -> Result<Option<&str>, Unreadable> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Text(text) => std::str::from_utf8(text).map(Some).map_err(|_| Unreadable(column)),
            _ => Err(Unreadable(column)),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8], Unreadable> {
        match self.cell(column)? {
            Cell::Bytes(bytes) => Ok(bytes),
            _ => Err(Unreadable(column)),
        }
    }

    /// A text that `parse` accepts, or null.
    pub(crate) fn word<T, E>(
        &self,
        column: usize,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Unreadable> {
        self.text_or_none(column)?.map(|text| parse(text).map_err(|_| Unreadable(column))).transpose()
    }

    /// A text that stands for one of the values that this Keyward knows.
    pub(crate) fn known<T>(
        &self,
        column: usize,
        stored: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Unreadable> {
        stored(self.text(column)?).ok_or(Unreadable(column))
    }

    pub(crate) fn count(&self, column: usize) -> Result<u32, Unreadable> {
        self.int(column)?.try_into().map_err(|_| Unreadable(column))
    }

    pub(crate) fn id<T: FromStr>(&self, column: usize) -> Result<T, Unreadable> {
        self.text(column)?.parse().map_err(|_| Unreadable(column))
    }
}

/// The names of columns as one text, each behind a prefix such as `u.`.
macro_rules! names {
    ($of:literal: $first:ident $(, $more:ident)*) => {
        concat!($of, stringify!($first) $(, ", ", $of, stringify!($more))*)
    };
}
pub(crate) use names;

/// How a record lies in its table.
pub(crate) struct Record<T> {
    pub(crate) table: &'static str,
    /// The columns in the order in which `read` takes them, the id first, separated by a comma and a space.
    pub(crate) columns: &'static str,
    pub(crate) read: fn(&Row<'_>) -> Result<T, Unreadable>,
}

impl<T> Record<T> {
    pub(crate) fn read(&self, row: &Row<'_>) -> Result<T, StoreError> {
        (self.read)(row).map_err(|Unreadable(column)| {
            let name = self.columns.split(", ").nth(column).unwrap_or("?");
            let id = row.text(0).unwrap_or("?");
            StoreError::Backend(format!("{}: what is stored in {name} of {id} cannot be read", self.table))
        })
    }
}
