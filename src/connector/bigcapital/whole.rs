//! The records of an answer one by one, for lists that come whole: see the [sorting](super::envelope) of lists.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::envelope::LISTS;
use crate::connector::fields::Fields;

/// Shows `visit` every record of an answer, in its order; gives how many there are in all, where the answer says it.
///
/// # Errors
/// When it is no list, or the first error of `visit`.
pub(super) fn each_record(
    answer: &mut dyn Read,
    visit: &mut dyn FnMut(&str) -> serde_json::Result<()>,
) -> serde_json::Result<Option<u64>> {
    let mut found = Found { visit, failure: None, has_list: false, total: None };
    let mut reading = serde_json::Deserializer::from_reader(answer);
    let read = Answer(&mut found).deserialize(&mut reading);
    if let Some(failure) = found.failure.take() {
        return Err(failure);
    }
    read?;
    reading.end()?;
    if found.has_list { Ok(found.total) } else { Err(serde_json::Error::custom("not a list")) }
}

/// What was found so far.
struct Found<'v> {
    visit: &'v mut dyn FnMut(&str) -> serde_json::Result<()>,
    failure: Option<serde_json::Error>,
    has_list: bool,
    total: Option<u64>,
}

/// An answer: a bare array, or an object around the list.
struct Answer<'f, 'v>(&'f mut Found<'v>);

/// The array of records.
struct Records<'f, 'v>(&'f mut Found<'v>);

impl<'de> DeserializeSeed<'de> for Answer<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Answer<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, records: A) -> Result<(), A::Error> {
        Records(self.0).visit_seq(records)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                name if LISTS.contains(&name) => members.next_value_seed(Records(&mut *self.0))?,
                // A report has its rows one deeper.
                "data" => members.next_value_seed(Answer(&mut *self.0))?,
                "pagination" => {
                    let pagination: Box<RawValue> = members.next_value()?;
                    let fields = Fields::parse(pagination.get()).map_err(A::Error::custom)?;
                    self.0.total = fields.text("total").parse().ok();
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        self.0.has_list = true;
        while let Some(record) = records.next_element::<Box<RawValue>>()? {
            if let Err(failure) = (self.0.visit)(record.get()) {
                let words = failure.to_string();
                self.0.failure = Some(failure);
                return Err(A::Error::custom(words));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(answer: &str) -> (Vec<String>, Option<u64>) {
        let mut records = Vec::new();
        let total = each_record(&mut answer.as_bytes(), &mut |record| {
            records.push(record.to_owned());
            Ok(())
        });
        (records, total.unwrap())
    }

    #[test]
    fn records_are_found_in_every_kind_of_list() {
        let one = vec![r#"{"id":1}"#.to_owned()];
        assert_eq!(records(r#"[{"id":1}]"#), (one.clone(), None));
        let paged = r#"{"payment_receives":[{"id":1}],"pagination":{"total":3,"page_size":"1"}}"#;
        assert_eq!(records(paged), (one.clone(), Some(3)));
        let report = r#"{"query":{},"data":{"customers":[{"id":1}],"total":{}},"meta":{}}"#;
        assert_eq!(records(report), (one, None));
        assert_eq!(records(r#"{"data":{"customers":[]}}"#), (Vec::new(), None));
    }

    #[test]
    fn what_cannot_be_read_ends_the_reading() {
        let mut seen = 0;
        let failed = each_record(&mut &b"[1,2,3]"[..], &mut |record| {
            seen += 1;
            if record == "2" { Err(serde_json::Error::custom("two")) } else { Ok(()) }
        });
        assert_eq!((failed.unwrap_err().to_string().as_str(), seen), ("two", 2));
    }
}
