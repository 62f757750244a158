//! What the imitated server checks of a body before it works with it, and how it complains.
//!
//! In: a body and the table of its properties. Out: the known properties, or every broken rule at once. Promises:
//! an unknown property vanishes without a word; a complaint repeats the whole request, as the real one does.

use serde_json::{Map, Value, json};

use super::figures::number_in;
use super::refusal::Refusal;

/// One property a body may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Property {
    /// Its name in camelCase.
    pub(super) name: &'static str,
    /// What it must be.
    pub(super) kind: Kind,
    /// Whether it must be there.
    pub(super) is_required: bool,
}

/// What a property must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// Text that is turned into a number first when it reads as one, and then is no text any more.
    TextOrNumber,
    /// An e-mail address; blank when the flag says so.
    Email {
        /// Whether a blank text passes.
        may_be_blank: bool,
    },
    /// `true` or `false`.
    Flag,
    /// A whole number, or text that reads as one.
    Whole,
    /// A number, or text that reads as one.
    Number,
    /// A day or a moment in ISO 8601.
    Day,
    /// A list of objects.
    List(&'static [Property]),
    /// A list of anything.
    Values,
}

/// A property that must be there.
pub(super) const fn required(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, is_required: true }
}

/// A property that may be missing or null.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, is_required: false }
}

/// The known properties of `body`, or a refusal that names every broken rule.
pub(super) fn check(
    body: &Map<String, Value>,
    properties: &[Property],
) -> Result<Map<String, Value>, Refusal> {
    let known = keep_known(body, properties);
    let problems = problems(&known, properties);
    if problems.is_empty() { Ok(known) } else { Err(Refusal::validation(&problems)) }
}

/// The known properties, converted.
pub(super) fn keep_known(body: &Map<String, Value>, properties: &[Property]) -> Map<String, Value> {
    let known = body.iter().filter_map(|(name, value)| {
        let property = properties.iter().find(|property| property.name == name)?;
        Some((name.clone(), convert(value, property.kind)))
    });
    known.collect()
}

fn convert(value: &Value, kind: Kind) -> Value {
    match (kind, value) {
        (Kind::Whole | Kind::Number | Kind::TextOrNumber, Value::String(text)) => {
            number_in(text).unwrap_or_else(|| value.clone())
        }
        (Kind::List(inner), Value::Array(values)) => {
            let values = values.iter().map(|value| match value {
                Value::Object(object) => Value::Object(keep_known(object, inner)),
                value => value.clone(),
            });
            Value::Array(values.collect())
        }
        _ => value.clone(),
    }
}

/// Every broken rule, in the order of the table.
pub(super) fn problems(body: &Map<String, Value>, properties: &[Property]) -> Vec<Value> {
    properties.iter().filter_map(|property| problem(body, property)).collect()
}

fn problem(body: &Map<String, Value>, property: &Property) -> Option<Value> {
    let value = body.get(property.name);
    if !property.is_required && value.is_none_or(Value::is_null) {
        return None;
    }
    if let (Kind::List(inner), Some(Value::Array(values))) = (property.kind, value) {
        let children: Vec<_> = values
            .iter()
            .enumerate()
            .filter_map(|(place, value)| item_problem(values, (place, value), inner))
            .collect();
        let name = property.name;
        let nested = || json!({ "target": body, "value": values, "property": name, "children": children });
        return (!children.is_empty()).then(nested);
    }
    let constraints = constraints(property, value);
    (!constraints.is_empty()).then(|| complaint(body, property.name, constraints))
}

/// A complaint about the property `name` of `body`.
pub(super) fn complaint(body: &Map<String, Value>, name: &str, constraints: Map<String, Value>) -> Value {
    let mut complaint = Map::new();
    complaint.insert("target".to_owned(), Value::Object(body.clone()));
    if let Some(value) = body.get(name) {
        complaint.insert("value".to_owned(), value.clone());
    }
    complaint.insert("property".to_owned(), name.into());
    complaint.insert("children".to_owned(), json!([]));
    complaint.insert("constraints".to_owned(), Value::Object(constraints));
    Value::Object(complaint)
}

fn item_problem(values: &[Value], (place, value): (usize, &Value), inner: &[Property]) -> Option<Value> {
    let object = value.as_object().cloned().unwrap_or_default();
    let children = problems(&object, inner);
    let item =
        || json!({ "target": values, "value": value, "property": place.to_string(), "children": children });
    (!children.is_empty()).then(item)
}

fn constraints(property: &Property, value: Option<&Value>) -> Map<String, Value> {
    let name = property.name;
    let mut broken = Map::new();
    let is_empty = value.is_none_or(|value| value.is_null() || value == "");
    if property.is_required && is_empty && !matches!(property.kind, Kind::Day | Kind::List(_) | Kind::Values)
    {
        broken.insert("isNotEmpty".to_owned(), format!("{name} should not be empty").into());
    }
    let (rule, words) = match property.kind {
        Kind::Text | Kind::TextOrNumber => ("isString", "must be a string"),
        Kind::Email { .. } => ("isEmail", "must be an email"),
        Kind::Flag => ("isBoolean", "must be a boolean value"),
        Kind::Whole => ("isInt", "must be an integer number"),
        Kind::Number => ("isNumber", "must be a number conforming to the specified constraints"),
        Kind::Day => ("isDateString", "must be a valid ISO 8601 date string"),
        Kind::List(_) | Kind::Values => ("isArray", "must be an array"),
    };
    if !value.is_some_and(|value| is_kind(value, property.kind)) {
        broken.insert(rule.to_owned(), format!("{name} {words}").into());
    }
    broken
}

fn is_kind(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Text | Kind::TextOrNumber => value.is_string(),
        Kind::Email { may_be_blank } => {
            value.as_str().is_some_and(|text| is_email(text) || (may_be_blank && text.is_empty()))
        }
        Kind::Flag => value.is_boolean(),
        Kind::Whole => value.is_i64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Kind::Number => value.is_number(),
        Kind::Day => value.as_str().is_some_and(is_iso_day),
        Kind::List(_) | Kind::Values => value.is_array(),
    }
}

fn is_iso_day(text: &str) -> bool {
    super::figures::day_in(text, jiff::tz::Offset::UTC).is_some()
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let is_clean = |part: &str| !part.is_empty() && !part.contains([' ', ',', ';', '@', '<', '>', '"']);
    let labels: Vec<_> = host.split('.').collect();
    is_clean(name) && is_clean(host) && labels.len() > 1 && labels.iter().all(|label| !label.is_empty())
}

/// Source: text columns take 255 characters, and none that needs four bytes; both fail as a bare 500.
const MAX_CHARS: usize = 255;

/// Source: the note and statement columns.
const MAX_NOTE_BYTES: usize = 65_535;

/// Fails as the database does when a text of `body` does not fit its column.
pub(super) fn check_storable(body: &Map<String, Value>) -> Result<(), Refusal> {
    let fits = body.iter().all(|(name, value)| match value {
        Value::String(text) => fits(name, text),
        Value::Array(values) => {
            values.iter().all(|value| value.as_object().is_none_or(|entry| check_storable(entry).is_ok()))
        }
        _ => true,
    });
    if fits { Ok(()) } else { Err(Refusal::server()) }
}

fn fits(name: &str, text: &str) -> bool {
    let is_long_enough = match name {
        "note" | "statement" | "description" => text.len() <= MAX_NOTE_BYTES,
        "currencyCode" => text.chars().count() <= 3,
        _ => text.chars().count() <= MAX_CHARS,
    };
    is_long_enough && text.chars().all(|letter| u32::from(letter) <= 0xFFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &[Property] = &[required("amount", Kind::Whole)];
    const BODY: &[Property] = &[required("name", Kind::Text), optional("entries", Kind::List(ENTRY))];

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_unknown_property_vanishes_and_a_known_one_is_converted() {
        let body = object(&json!({ "name": "x", "nmae": "y", "entries": [{ "amount": "5", "no": 1 }] }));
        let known = check(&body, BODY).unwrap();
        assert_eq!(Value::Object(known), json!({ "name": "x", "entries": [{ "amount": 5 }] }));
    }

    #[test]
    fn a_broken_rule_inside_a_list_is_told_by_its_place() {
        let refusal =
            check(&object(&json!({ "name": "x", "entries": [{ "amount": 1.5 }] })), BODY).unwrap_err();
        let child = &refusal.body["message"][0]["children"][0];
        assert_eq!(child["property"], "0");
        let constraints = &child["children"][0]["constraints"];
        assert_eq!(constraints, &json!({ "isInt": "amount must be an integer number" }));
    }

    #[test]
    fn text_that_the_database_cannot_hold_fails_without_a_reason() {
        let stored = |text: String| check_storable(&object(&json!({ "name": text })));
        assert_eq!(stored("é".repeat(255)), Ok(()));
        assert_eq!(stored("x".repeat(256)), Err(Refusal::server()));
        assert_eq!(stored("\u{1F600}".to_owned()), Err(Refusal::server()));
    }
}
