//! A JSON object as its names and the text of its values: no number passes through a float.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one JSON object, in their order.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The members of this JSON text.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Names and the JSON text of their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.get()))
    }

    /// The JSON text of the member with this name.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value with this name as text; empty when it is absent or null.
    #[must_use]
    pub fn text(&self, name: &str) -> Cow<'a, str> {
        self.raw(name).map_or(Cow::Borrowed(""), decode)
    }
}

/// The JSON object `text` with only the members whose name is `wanted`, their values untouched.
///
/// # Errors
/// When it is no JSON object.
pub fn only(text: &str, wanted: impl Fn(&str) -> bool) -> serde_json::Result<String> {
    let mut object = Object::with_capacity(text.len());
    for (name, value) in Fields::parse(text)?.iter().filter(|(name, _)| wanted(name)) {
        object.push(name, value);
    }
    Ok(object.finish())
}

/// A JSON object in the making.
#[derive(Debug)]
pub struct Object(String);

impl Object {
    /// One without members, with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    /// Adds a member: its name, and the JSON text of its value.
    pub fn push(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(value);
    }

    /// Adds a member whose value is this text.
    pub fn push_text(&mut self, name: &str, text: &str) {
        self.push(name, &quoted(text));
    }

    /// The text of the object.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text has a JSON form")
}

/// The JSON object `text` with every null as `form` wants it: another value, or left out.
///
/// # Errors
/// When it is no JSON object.
pub fn without_nulls(
    text: &str,
    form: impl Fn(&str) -> Option<&'static str>,
) -> serde_json::Result<Cow<'_, str>> {
    let fields = Fields::parse(text)?;
    if fields.iter().all(|(_, value)| value != "null") {
        return Ok(Cow::Borrowed(text));
    }
    let mut object = Object::with_capacity(text.len());
    for (name, value) in fields.iter() {
        let value = if value == "null" { form(name) } else { Some(value) };
        if let Some(value) = value {
            object.push(name, value);
        }
    }
    Ok(Cow::Owned(object.finish()))
}

/// A JSON value as plain text: strings without quotes and escapes, null as nothing, all else as it stands.
pub(crate) fn decode(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) if !inside.contains('\\') => Cow::Borrowed(inside),
        Some(_) => serde_json::from_str(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
        None if raw == "null" => Cow::Borrowed(""),
        None => Cow::Borrowed(raw),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::with_capacity(32);
        while let Some((Name(name), value)) = members.next_entry()? {
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

/// A member's name, borrowed unless it holds an escape.
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_that_are_kept_keep_their_digits() {
        let kept = only(r#"{"a":1.50,"b":"x","c":null}"#, |name| name != "b").unwrap();
        assert_eq!(kept, r#"{"a":1.50,"c":null}"#);
    }

    #[test]
    fn a_null_takes_its_form_or_goes() {
        let text = r#"{"a":null,"b":1.50,"c":null}"#;
        let form = |name: &str| (name == "c").then_some("\"\"");
        assert_eq!(without_nulls(text, form).unwrap(), r#"{"b":1.50,"c":""}"#);
        assert_eq!(without_nulls(r#"{"a":"null"}"#, |_| None).unwrap(), r#"{"a":"null"}"#);
    }

    #[test]
    fn digits_and_escapes_come_through() {
        let fields = Fields::parse(r#"{"amount":-1.50,"na\u006de":"a\"b","none":null,"yes":true}"#).unwrap();
        let all: Vec<_> = fields.iter().map(|(name, raw)| format!("{name}={}", decode(raw))).collect();
        assert_eq!(all, ["amount=-1.50", "name=a\"b", "none=", "yes=true"]);
    }
}
