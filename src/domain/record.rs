//! Records: a row's cells as typed values, in the order of the catalogue.

use jiff::civil::Date;

use super::money::Money;

/// One typed value of a record, borrowed from the row, the mapping or the reference tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing to send: the column is not mapped, or its cell is blank and blanks keep what is there.
    Absent,
    /// To be made blank where there is something, because the cell is blank and the file's blanks clear.
    Cleared,
    /// Text, trimmed.
    Text(&'a str),
    /// A code: the server stores it upper-cased, so it is sent upper-cased.
    Code(&'a str),
    /// A GUID in its 36-character form, sent in lower case.
    Guid(&'a str),
    /// A member of an enumeration, as it stands on the wire.
    Member(&'static str),
    /// An exact amount.
    Decimal(Money),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// A calendar day.
    Date(Date),
}

impl Value<'_> {
    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether there is no value to judge.
    #[must_use]
    #[inline]
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Absent | Self::Cleared)
    }
}

/// A customer or payment as typed values; index = the field's index in its catalogue entity.
///
/// One record is filled again for every row of a chunk.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    values: Vec<Value<'a>>,
}

impl<'a> Record<'a> {
    /// A record of `fields` values, all absent.
    #[must_use]
    pub fn new(fields: usize) -> Self {
        Self { values: vec![Value::Absent; fields] }
    }

    /// The value of the field with this catalogue index.
    #[must_use]
    #[inline]
    pub fn value(&self, field: usize) -> Value<'a> {
        self.values[field]
    }

    /// Sets the value of the field with this catalogue index.
    #[inline]
    pub fn set(&mut self, field: usize, value: Value<'a>) {
        self.values[field] = value;
    }

    /// Makes every value absent.
    pub fn clear(&mut self) {
        self.values.fill(Value::Absent);
    }

    /// All values, in catalogue order. Where every row counts, match on a reference to one: copying a value costs
    /// more than looking at it.
    #[must_use]
    pub fn values(&self) -> &[Value<'a>] {
        &self.values
    }
}
