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
    #[cfg_attr(not(test), expect(dead_code, reason = "filters are printed to test that they read back"))]
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

/// `text` without the difference between upper and lower case, each character by itself.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{entity, record};
    use super::super::literal::as_code;
    use super::super::model::Behaviour::Seed;
    use super::super::query::SchemaVersion::V2_1;
    use super::super::typing::parse_filter;
    use super::*;

    /// A filter on any field, with values as reading gives them.
    fn any_condition(index: usize) -> BoxedStrategy<Filter> {
        let kind = entity("customers").properties[index].kind;
        let values: BoxedStrategy<Value> = match kind {
            Kind::Text => "[a-cA-C' ()Éé,]{0,4}".prop_map(Value::Text).boxed(),
            Kind::Code => "[a-cA-C' ()]{0,4}".prop_map(|text| Value::Text(as_code(&text))).boxed(),
            Kind::Decimal => (-999_i64..999, 0_u32..4)
                .prop_map(|(digits, scale)| Value::Decimal(rust_decimal::Decimal::new(digits, scale).into()))
                .boxed(),
            Kind::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
            Kind::DateTime => (-62_135_596_800_000_i64..9_999_999_999_999)
                .prop_map(|moment| Value::DateTime(jiff::Timestamp::from_millisecond(moment).unwrap()))
                .boxed(),
            Kind::Enum(enumeration) => (0..enumeration.members.len())
                .prop_map(|index| Value::Enum(u8::try_from(index).unwrap()))
                .boxed(),
            Kind::Guid => any::<[u8; 16]>().prop_map(|bytes| Value::Guid(super::super::Guid(bytes))).boxed(),
            Kind::Date | Kind::Int32 | Kind::Int64 | Kind::Choice(_) | Kind::List(_) => {
                unreachable!("customers have none")
            }
        };
        let is_text = matches!(kind, Kind::Text | Kind::Code);
        let comparison = prop::sample::select(COMPARISONS.as_slice()).prop_map(|known| known.1);
        let place = prop::sample::select(vec![Place::Anywhere, Place::Start, Place::End, Place::Substring]);
        let members = prop::collection::vec(values, 1..4);
        (any::<bool>(), comparison, place, members, 0..3)
            .prop_map(move |(folds, comparison, place, members, shape)| {
                let field = Field { index, folded: folds && is_text };
                let folded = |value: Value| match value {
                    Value::Text(text) if field.folded => Value::Text(fold(&text)),
                    value => value,
                };
                let mut members: Vec<_> = members.into_iter().map(folded).collect();
                match (shape, members[0].as_text()) {
                    (0, Some(text)) => Filter::Search(field, place, text.to_owned()),
                    (1, _) => Filter::In(field, members),
                    _ => Filter::Compare(field, comparison, members.remove(0)),
                }
            })
            .boxed()
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let field = 0..entity("customers").properties.len();
        let either = |index| prop::collection::vec(any_condition(index), 2..4).prop_map(Filter::Or);
        let leaf = prop_oneof![field.clone().prop_flat_map(any_condition), field.prop_flat_map(either)];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|part| Filter::Not(Box::new(part))),
                prop::collection::vec(inner, 2..4).prop_map(Filter::And),
            ]
        })
    }

    /// A condition on a city and a credit limit, with its own meaning and its own text.
    #[derive(Clone, Debug)]
    enum Model {
        City(&'static str, String),
        Limit(&'static str, i64),
        Has(String),
        Both(Box<Model>, Box<Model>),
        Never(Box<Model>),
    }

    impl Model {
        fn holds(&self, city: &str, limit: i64) -> bool {
            match self {
                Self::City("eq", other) => city == other,
                Self::City("ne", other) => city != other,
                Self::City("gt", other) => city > other.as_str(),
                Self::City(_, other) => city <= other.as_str(),
                Self::Limit("eq", other) => limit == *other,
                Self::Limit("ge", other) => limit >= *other,
                Self::Limit(_, other) => limit < *other,
                Self::Has(part) => city.contains(part.as_str()),
                Self::Both(one, other) => one.holds(city, limit) && other.holds(city, limit),
                Self::Never(inner) => !inner.holds(city, limit),
            }
        }

        fn text(&self) -> String {
            match self {
                Self::City(word, other) => format!("city {word} '{other}'"),
                Self::Limit(word, other) => format!("creditLimit {word} {other}.00"),
                Self::Has(part) => format!("contains( city , '{part}')"),
                Self::Both(one, other) => format!("({}) and {}", one.text(), other.text()),
                Self::Never(inner) => format!("not({})", inner.text()),
            }
        }
    }

    fn any_model() -> impl Strategy<Value = Model> {
        let leaf = prop_oneof![
            (prop::sample::select(vec!["eq", "ne", "gt", "le"]), "[ab]{0,2}")
                .prop_map(|(word, city)| Model::City(word, city)),
            (prop::sample::select(vec!["eq", "ge", "lt"]), -2_i64..3)
                .prop_map(|(word, limit)| Model::Limit(word, limit)),
            "[ab]{1,2}".prop_map(Model::Has),
        ];
        leaf.prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|model| Model::Never(Box::new(model))),
                (inner.clone(), inner).prop_map(|(one, other)| Model::Both(Box::new(one), Box::new(other))),
            ]
        })
    }

    proptest! {
        /// Whatever the filter, its text reads back as itself.
        #[test]
        fn a_filter_survives_being_written_and_read(filter in any_filter()) {
            let text = filter.text(entity("customers"));
            let read = parse_filter(&text, entity("customers"), Seed, V2_1);
            prop_assert_eq!(read.map_err(|error| error.message), Ok(filter), "{}", text);
        }

        /// Whatever the filter, it passes what a plain evaluation of the same condition passes.
        #[test]
        fn a_filter_passes_what_it_says(model in any_model(), city in "[ab]{0,2}", limit in -2_i64..3) {
            let filter = parse_filter(&model.text(), entity("customers"), Seed, V2_1).unwrap();
            let customer = record("customers", &[("city", &city), ("creditLimit", &limit.to_string())]);
            prop_assert_eq!(filter.matches(&customer), model.holds(&city, limit), "{}", model.text());
        }
    }

    #[test]
    fn a_filter_knows_which_properties_it_needs() {
        let filter =
            parse_filter("not (city eq 'x') and balance gt 0", entity("customers"), Seed, V2_1).unwrap();
        let named =
            entity("customers").properties.iter().enumerate().filter(|(index, _)| filter.names(*index));
        assert_eq!(named.map(|(_, property)| property.name).collect::<Vec<_>>(), ["city", "balance"]);
    }
}
