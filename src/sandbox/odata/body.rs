//! Request bodies: JSON text to typed values of an entity's properties.
//!
//! In: the bytes of a POST or PATCH. Out: the properties that are set, in the order of the body.
//!
//! Promises: decimals are read from their digits, never through a float; names are told apart by case, as in any JSON
//! of the API; annotations (`@odata.…`) are passed over.
//!
//! Source: the error codes of the web service documentation: a body that is no JSON is `RequestDataInvalid`, a
//! read-only property `BadRequest_InvalidOperation`, text that is too long `Application_StringExceededLength`, a
//! malformed GUID `Application_InvalidGUID`, and a member that an enum does not have `Unknown`. Code fields are
//! upper-cased and trimmed. Taking `null` for the property's empty value is our reading: it is in no document.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::ODataError;
use super::literal::{as_code, parse_date, parse_moment};
use super::model::{Behaviour, EntityType, EnumType, Kind, Property, Writable};
use super::value::Value;

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// POST.
    Create,
    /// PATCH or PUT.
    Update,
}

/// The places and values of the properties that `body` sets, in its order.
pub(crate) fn read_body(
    body: &[u8],
    entity: &'static EntityType,
    intent: Intent,
    behaviour: Behaviour,
) -> Result<Vec<(usize, Value)>, ODataError> {
    let members: Members<'_> = serde_json::from_slice(body).map_err(|cause| {
        ODataError::new(400, "RequestDataInvalid", format!("The body is no JSON object: {cause}."))
    })?;
    let mut values: Vec<(usize, Value)> = Vec::with_capacity(members.0.len());
    for (name, json) in members.0 {
        if name.contains('@') {
            continue;
        }
        let index = writable_index(&name, entity, intent, behaviour)?;
        if values.iter().any(|&(earlier, _)| earlier == index) {
            return Err(ODataError::bad_request(format!("The property '{name}' is given twice.")));
        }
        values.push((index, read_value(json, &entity.properties[index], behaviour)?));
    }
    Ok(values)
}

fn writable_index(
    name: &str,
    entity: &'static EntityType,
    intent: Intent,
    behaviour: Behaviour,
) -> Result<usize, ODataError> {
    let same_case = |index: &usize| entity.properties[*index].name == name;
    let Some(index) = entity.visible_index(name, behaviour).filter(same_case) else {
        let type_name = entity.name;
        let message = format!("The property '{name}' does not exist on type 'Microsoft.NAV.{type_name}'.");
        return Err(ODataError::bad_request(message));
    };
    match (entity.properties[index].writable, intent) {
        (Writable::Update, _) | (Writable::Create, Intent::Create) => Ok(index),
        _ => {
            let message = format!("The property '{name}' is read-only.");
            Err(ODataError::new(400, "BadRequest_InvalidOperation", message))
        }
    }
}

/// The value that `json` means for `property`.
pub(crate) fn read_value(
    json: &RawValue,
    property: &Property,
    behaviour: Behaviour,
) -> Result<Value, ODataError> {
    let json = json.get();
    if json == "null" {
        return Ok(property.empty());
    }
    let number =
        Some(json).filter(|json| json.starts_with(|first: char| first == '-' || first.is_ascii_digit()));
    let text = if json.starts_with('"') { serde_json::from_str::<Cow<'_, str>>(json).ok() } else { None };
    let value = match (property.kind, json, number, text) {
        (Kind::Boolean, "true", ..) => Some(Value::Boolean(true)),
        (Kind::Boolean, "false", ..) => Some(Value::Boolean(false)),
        (Kind::Decimal, _, Some(number), _) => number.parse().ok().map(Value::Decimal),
        (Kind::Int32, _, Some(number), _) => {
            number.parse::<i32>().ok().map(|number| Value::Integer(number.into()))
        }
        (Kind::Int64, _, Some(number), _) => number.parse().ok().map(Value::Integer),
        (Kind::Date, _, _, Some(text)) => parse_date(&text).map(Value::Date),
        (Kind::DateTime, _, _, Some(text)) => parse_moment(&text).map(Value::DateTime),
        (Kind::Guid, _, _, Some(text)) => return read_guid(&text),
        (Kind::Enum(enumeration), _, _, Some(text)) => return read_member(&text, enumeration, behaviour),
        (Kind::Code, _, _, Some(text)) => return bounded(as_code(&text), property),
        (Kind::Text, _, _, Some(text)) => return bounded(text.into_owned(), property),
        _ => None,
    };
    value.ok_or_else(|| {
        let (name, expected) = (property.name, property.kind.edm_name());
        let message =
            format!("Cannot convert the value {json} of '{name}' to the expected type '{expected}'.");
        ODataError::bad_request(message)
    })
}

fn read_guid(text: &str) -> Result<Value, ODataError> {
    let wrong = |_| {
        ODataError::new(400, "Application_InvalidGUID", format!("Invalid format of GUID string '{text}'."))
    };
    text.parse().map(Value::Guid).map_err(wrong)
}

fn read_member(text: &str, enumeration: &EnumType, behaviour: Behaviour) -> Result<Value, ODataError> {
    let message = || format!("'{text}' is no member of 'Microsoft.NAV.{}'.", enumeration.name);
    let member = enumeration.member(text, behaviour).map(Value::Enum);
    member.ok_or_else(|| ODataError::new(400, "Unknown", message()))
}

fn bounded(text: String, property: &Property) -> Result<Value, ODataError> {
    let length = text.chars().count();
    match property.max_length {
        Some(max) if length > usize::from(max) => {
            let name = property.name;
            let message = format!(
                "The length of '{name}' is {length}, but it must be at most {max} characters: {text}"
            );
            Err(ODataError::new(400, "Application_StringExceededLength", message))
        }
        _ => Ok(Value::Text(text)),
    }
}

/// The members of a JSON object, in order, with their values unread.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            members.push((member.0.0, member.1));
        }
        Ok(Members(members))
    }
}

/// A member's name, borrowed from the body where no escape is in it.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
