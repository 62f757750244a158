//! A page's JSON, straight into the cells of rows: no value is copied unless it was escaped, and numbers keep
//! their digits.

#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::catalogue::Kind;

use super::columns::{DETAIL_NAMES, Layout, Place};
pub use value::Cell;
use value::Value;

/// What a decoder does with each row; `false` stops it.
pub type OnRow<'f> = &'f mut dyn FnMut(&[Cell<'_>]) -> bool;

/// Reads the rows of pages for one layout.
#[derive(Clone, Debug)]
pub struct Decoder {
    kinds: Vec<Kind>,
    slots: Vec<(&'static str, Slot)>,
    details: Vec<(&'static str, usize)>,
    journal: Option<usize>,
    /// The property names in the order of the last record, so that the next record's are found by position.
    order: Vec<(String, Slot)>,
    filled: Vec<bool>,
}

/// Why a page stopped being read.
#[derive(Debug)]
pub enum DecodeError {
    /// It is not what it should be.
    Malformed(serde_json::Error),
    /// A record came without the financial detail.
    DetailMissing,
    /// The receiver of the rows wants no more.
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Column(usize),
    Details,
    Ignored,
}

impl Decoder {
    /// A decoder of pages into rows of this layout's columns.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let columns = || layout.columns.iter().enumerate();
        let at = |place| columns().filter(move |(_, column)| column.place == place);
        let mut slots: Vec<_> = columns()
            .filter(|(_, column)| matches!(column.place, Place::Record | Place::Detail))
            .map(|(index, column)| (column.name, Slot::Column(index)))
            .collect();
        // Without a column of its own an id goes where its code is to stand.
        for (index, id, _) in layout.codes() {
            if !slots.iter().any(|(name, _)| *name == id) {
                slots.push((id, Slot::Column(index)));
            }
        }
        if layout.has_details() {
            slots.extend(DETAIL_NAMES.map(|name| (name, Slot::Details)));
        }
        Self {
            kinds: layout.columns.iter().map(|column| column.kind).collect(),
            slots,
            details: at(Place::Detail).map(|(index, column)| (column.name, index)).collect(),
            journal: at(Place::Journal).map(|(index, _)| index).next(),
            order: Vec::new(),
            filled: vec![false; layout.columns.len()],
        }
    }

    /// Hands every row of the page to `on_row`, in order; returns the next link. `journal` fills the column of
    /// that name.
    pub fn decode(
        &mut self,
        page: &str,
        journal: &str,
        on_row: OnRow<'_>,
    ) -> Result<Option<String>, DecodeError> {
        let mut row = vec![Cell::Blank; self.kinds.len()];
        let mut stopped_by = None;
        let reading = Reading { decoder: self, row: &mut row, journal, on_row, stopped_by: &mut stopped_by };
        let mut deserializer = serde_json::Deserializer::from_str(page);
        let outcome =
            reading.deserialize(&mut deserializer).and_then(|link| deserializer.end().map(|()| link));
        outcome.map_err(|failure| stopped_by.unwrap_or(DecodeError::Malformed(failure)))
    }

    /// For each column, whether any record had that property so far.
    #[must_use]
    pub fn filled(&self) -> &[bool] {
        &self.filled
    }

    /// What to do with the property `key`, the `position`th of its record.
    fn slot(&mut self, position: usize, key: &str) -> Slot {
        if let Some((known, slot)) = self.order.get(position)
            && known == key
        {
            return *slot;
        }
        let slot = self.slots.iter().find(|(name, _)| *name == key).map_or(Slot::Ignored, |(_, slot)| *slot);
        self.order.truncate(position);
        if self.order.len() == position {
            self.order.push((key.to_owned(), slot));
        }
        slot
    }
}

/// One page being read.
struct Reading<'d, 'p, 'f> {
    decoder: &'d mut Decoder,
    row: &'d mut [Cell<'p>],
    journal: &'p str,
    on_row: OnRow<'f>,
    stopped_by: &'d mut Option<DecodeError>,
}

/// The page's object.
impl<'p> DeserializeSeed<'p> for Reading<'_, 'p, '_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'p>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'p> Visitor<'p> for Reading<'_, 'p, '_> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a page of records")
    }

    fn visit_map<A: MapAccess<'p>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut next_link = None;
        while let Some(key) = map.next_key::<Cow<'p, str>>()? {
            match &*key {
                "value" => map.next_value_seed(Records(&mut self))?,
                "@odata.nextLink" => next_link = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(next_link)
    }
}

/// The page's array of records.
struct Records<'r, 'd, 'p, 'f>(&'r mut Reading<'d, 'p, 'f>);

impl<'p> DeserializeSeed<'p> for Records<'_, '_, 'p, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'p>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'p> Visitor<'p> for Records<'_, '_, 'p, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'p>>(self, mut records: A) -> Result<(), A::Error> {
        let reading = self.0;
        loop {
            reading.row.fill(Cell::Blank);
            if let Some(column) = reading.decoder.journal {
                reading.row[column] = Cell::Text(Cow::Borrowed(reading.journal));
                reading.decoder.filled[column] = true;
            }
            let record = Record { decoder: &mut *reading.decoder, row: &mut *reading.row };
            let Some(has_details) = records.next_element_seed(record)? else {
                return Ok(());
            };
            if !has_details && !reading.decoder.details.is_empty() {
                *reading.stopped_by = Some(DecodeError::DetailMissing);
            } else if !(reading.on_row)(reading.row) {
                *reading.stopped_by = Some(DecodeError::Stopped);
            }
            if reading.stopped_by.is_some() {
                return Err(A::Error::custom("stopped"));
            }
        }
    }
}

/// One record; returns whether it came with financial detail, in it or beside it.
struct Record<'r, 'p> {
    decoder: &'r mut Decoder,
    row: &'r mut [Cell<'p>],
}

impl<'p> DeserializeSeed<'p> for Record<'_, 'p> {
    type Value = bool;

    fn deserialize<D: Deserializer<'p>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'p> Visitor<'p> for Record<'_, 'p> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'p>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self { decoder, row } = self;
        let mut has_details = false;
        let mut position = 0;
        while let Some(slot) = map.next_key_seed(Key { decoder, position })? {
            match slot {
                Slot::Ignored => drop(map.next_value::<IgnoredAny>()?),
                Slot::Details => {
                    has_details = true;
                    map.next_value_seed(Details { decoder, row })?;
                }
                Slot::Column(column) => {
                    row[column] = map.next_value_seed(Value(decoder.kinds[column]))?;
                    decoder.filled[column] = true;
                    has_details = has_details || decoder.details.iter().any(|(_, detail)| *detail == column);
                }
            }
            position += 1;
        }
        Ok(has_details)
    }
}

/// A property's name, as what to do with it.
struct Key<'r> {
    decoder: &'r mut Decoder,
    position: usize,
}

impl<'p> DeserializeSeed<'p> for Key<'_> {
    type Value = Slot;

    fn deserialize<D: Deserializer<'p>>(self, deserializer: D) -> Result<Slot, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Slot;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a property name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Slot, E> {
        Ok(self.decoder.slot(self.position, key))
    }
}

/// The financial detail: one object, an array of at most one, or null.
struct Details<'r, 'p> {
    decoder: &'r mut Decoder,
    row: &'r mut [Cell<'p>],
}

impl<'p> DeserializeSeed<'p> for Details<'_, 'p> {
    type Value = ();

    fn deserialize<D: Deserializer<'p>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'p> Visitor<'p> for Details<'_, 'p> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the financial detail of one customer")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'p>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'p, str>>()? {
            let column =
                self.decoder.details.iter().find(|(name, _)| *name == key).map(|(_, column)| *column);
            match column {
                Some(column) => {
                    self.row[column] = map.next_value_seed(Value(self.decoder.kinds[column]))?;
                    self.decoder.filled[column] = true;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'p>>(self, mut details: A) -> Result<(), A::Error> {
        let Self { decoder, row } = self;
        if details.next_element_seed(Details { decoder, row })?.is_some()
            && details.next_element::<IgnoredAny>()?.is_some()
        {
            return Err(A::Error::custom("a customer with more than one financial detail"));
        }
        Ok(())
    }
}
