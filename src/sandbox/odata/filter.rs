//! Filters: which records pass, in terms of one entity's properties.
//!
//! In: the tree of [`syntax`](super::syntax) and an entity. Out: a [`Filter`] that holds places and typed values, so
//! that nothing is parsed or looked up again per record.
//!
//! Promises: what the API would not do is refused, never ignored; printing a filter gives text that reads back as the
//! same filter.
//!
//! Source: the filters page of the web service documentation: `or` only on one field; `tolower` and `toupper` switch
//! case sensitivity off; `substring` becomes a wildcard search, whatever its position; `in` and nested functions came
//! with schema version 2.1. `any` and `all` are refused, as a live server did.

use std::fmt;

use super::literal::LiteralText;
use super::model::{EntityType, Kind};
use super::syntax::{COMPARISONS, Comparison};
use super::value::{Record, Value};

/// What a record must be like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// All of these; at least two.
    And(Vec<Filter>),
    /// Any of these, all on one field; at least two.
    Or(Vec<Filter>),
    /// Not like this.
    Not(Box<Filter>),
    /// The field stands so to the value.
    Compare(Field, Comparison, Value),
    /// The field is one of these; at least one.
    In(Field, Vec<Value>),
    /// The field's text has this somewhere.
    Search(Field, Place, String),
}

/// The field a condition is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The property's place.
    pub(crate) index: usize,
    /// Whether upper and lower case are the same; the values compared with are then in lower case.
    pub(crate) folded: bool,
}

/// Where in a text something is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `contains`
    Anywhere,
    /// `startswith`
    Start,
    /// `endswith`
    End,
    /// `substring(…) eq`, which finds what `contains` finds.
    Substring,
}

impl Filter {
    /// Whether `record`, which must be of the entity the filter was read for, passes.
    pub(crate) fn matches(&self, record: &Record) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(part) => !part.matches(record),
            Self::Compare(field, comparison, value) => comparison.holds(field.compare(record, value)),
            Self::In(field, values) => values.iter().any(|value| field.compare(record, value).is_eq()),
            Self::Search(field, place, sought) => field.text_in(record, |text| place.finds(text, sought)),
        }
    }

    /// Whether the filter looks at the property at `index`.
    pub(crate) fn names(&self, index: usize) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.names(index)),
            Self::Not(part) => part.names(index),
            Self::Compare(field, ..) | Self::In(field, _) | Self::Search(field, ..) => field.index == index,
        }
    }

    /// The only field the filter looks at; nothing when there are several.
    pub(super) fn only_field(&self) -> Option<usize> {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                let mut fields = parts.iter().map(Self::only_field);
                let first = fields.next()??;
                fields.all(|field| field == Some(first)).then_some(first)
            }
            Self::Not(part) => part.only_field(),
            Self::Compare(field, ..) | Self::In(field, _) | Self::Search(field, ..) => Some(field.index),
        }
    }

    /// The filter as text, with the names of `entity`.
    pub(crate) fn text(&self, entity: &'static EntityType) -> String {
        FilterText { filter: self, entity }.to_string()
    }
}

impl Comparison {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Field {
    /// How the record's value stands to `value`.
    fn compare(self, record: &Record, value: &Value) -> std::cmp::Ordering {
        match (record.value(self.index), value) {
            (Value::Text(text), Value::Text(other)) if self.folded => fold(text).as_str().cmp(other),
            (held, value) => held.cmp(value),
        }
    }

    fn text_in(self, record: &Record, passes: impl FnOnce(&str) -> bool) -> bool {
        match record.value(self.index) {
            Value::Text(text) if self.folded => passes(&fold(text)),
            Value::Text(text) => passes(text),
            _ => false,
        }
    }
}

/// `text` without the difference between upper and lower case.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

impl Place {
    fn finds(self, text: &str, sought: &str) -> bool {
        match self {
            Self::Anywhere | Self::Substring => text.contains(sought),
            Self::Start => text.starts_with(sought),
            Self::End => text.ends_with(sought),
        }
    }
}

struct FilterText<'a> {
    filter: &'a Filter,
    entity: &'static EntityType,
}

impl FilterText<'_> {
    fn part<'a>(&self, filter: &'a Filter) -> FilterText<'a> {
        FilterText { filter, entity: self.entity }
    }

    fn joined(&self, formatter: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            let word = if index == 0 { "" } else { word };
            let part_text = self.part(part);
            match part {
                Filter::And(_) | Filter::Or(_) => write!(formatter, "{word}({part_text})")?,
                _ => write!(formatter, "{word}{part_text}")?,
            }
        }
        Ok(())
    }

    fn name(&self, field: Field) -> String {
        let name = self.entity.properties[field.index].name;
        if field.folded { format!("tolower({name})") } else { name.to_owned() }
    }

    fn kind(&self, field: Field) -> Kind {
        self.entity.properties[field.index].kind
    }
}

impl fmt::Display for FilterText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.filter {
            Filter::And(parts) => self.joined(formatter, parts, " and "),
            Filter::Or(parts) => self.joined(formatter, parts, " or "),
            Filter::Not(part) => write!(formatter, "not ({})", self.part(part)),
            Filter::Compare(field, comparison, value) => {
                let word =
                    COMPARISONS.iter().find(|known| known.1 == *comparison).map_or("", |known| known.0);
                write!(formatter, "{} {word} {}", self.name(*field), LiteralText(value, self.kind(*field)))
            }
            Filter::In(field, values) => {
                let literals = values.iter().map(|value| LiteralText(value, self.kind(*field)).to_string());
                write!(formatter, "{} in ({})", self.name(*field), literals.collect::<Vec<_>>().join(","))
            }
            Filter::Search(field, place, sought) => {
                let sought = LiteralText(&Value::text(sought), Kind::Text).to_string();
                let name = self.name(*field);
                match place {
                    Place::Anywhere => write!(formatter, "contains({name},{sought})"),
                    Place::Start => write!(formatter, "startswith({name},{sought})"),
                    Place::End => write!(formatter, "endswith({name},{sought})"),
                    Place::Substring => write!(formatter, "substring({name},0) eq {sought}"),
                }
            }
        }
    }
}
