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
use super::model::{Behaviour, Complex, EntityType, EnumType, Kind, Property, Writable};
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
        if let Some(complex) = entity.complex(&name, behaviour).filter(|complex| complex.name == name) {
            read_complex(json, (entity, complex), behaviour, &mut values)?;
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

/// Reads a nested object, which is always meant as a whole: members left out are blank, null blanks all of it.
fn read_complex(
    json: &RawValue,
    (entity, complex): (&'static EntityType, &'static Complex),
    behaviour: Behaviour,
    values: &mut Vec<(usize, Value)>,
) -> Result<(), ODataError> {
    let members =
        if json.get() == "null" { None } else { Some(serde_json::from_str::<Members<'_>>(json.get())) };
    let members = members.transpose().map_err(|_| {
        let (name, type_name) = (complex.name, complex.type_name);
        let message =
            format!("Cannot convert the value of '{name}' to the expected type 'Microsoft.NAV.{type_name}'.");
        ODataError::bad_request(message)
    })?;
    let sent = |name: &str| {
        let members = members.as_ref()?;
        members.0.iter().find(|(member, _)| member == name).map(|(_, json)| *json)
    };
    if members.is_some()
        && let Some(missing) = complex.required.iter().find(|name| sent(name).is_none())
    {
        let message = format!("{missing} must be specified.");
        return Err(ODataError::new(400, "Application_DialogException", message));
    }
    for index in entity.parts(complex, behaviour) {
        let property = &entity.properties[index];
        if property.writable != Writable::None {
            let value =
                sent(property.member()).map(|json| read_value(json, property, behaviour)).transpose()?;
            values.push((index, value.unwrap_or_else(|| property.empty())));
        }
    }
    Ok(())
}

fn writable_index(
    name: &str,
    entity: &'static EntityType,
    intent: Intent,
    behaviour: Behaviour,
) -> Result<usize, ODataError> {
    let is_exactly = |index: &usize| {
        let property = &entity.properties[*index];
        property.name == name && property.group().is_none()
    };
    let Some(index) = entity.visible_index(name, behaviour).filter(is_exactly) else {
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
        (Kind::Choice(enumeration), _, _, Some(text)) => return read_choice(&text, property, enumeration),
        (Kind::List(_), ..) if json.starts_with('[') => Some(Value::text(json)),
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

/// Source: the error codes of the web service documentation: a text that is no option is
/// `Application_EvaluateException`.
fn read_choice(text: &str, property: &Property, choices: &EnumType) -> Result<Value, ODataError> {
    let message = || format!("Your entry of '{text}' is not an acceptable value for '{}'.", property.name);
    let choice = choices.captioned(text).map(Value::Enum);
    choice.ok_or_else(|| ODataError::new(400, "Application_EvaluateException", message()))
}

fn bounded(text: String, property: &Property) -> Result<Value, ODataError> {
    let length = text.chars().count();
    match property.max_length {
        Some(max) if property.is_cut => Ok(Value::Text(text.chars().take(max.into()).collect())),
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

#[cfg(test)]
mod tests {
    use super::super::fixture::entity;
    use super::*;
    use Behaviour::{Seed, Strict};
    use Intent::{Create, Update};

    fn read(set: &str, body: &str, intent: Intent, behaviour: Behaviour) -> Result<String, String> {
        let entity = entity(set);
        let values = read_body(body.as_bytes(), entity, intent, behaviour);
        let values = values.map_err(|error| format!("{} {}: {}", error.status, error.code, error.message))?;
        let mut json = Vec::new();
        for (index, value) in values {
            let property = &entity.properties[index];
            json.extend_from_slice(format!("{} ", property.name).as_bytes());
            value.write_json(&mut json, property.kind, Strict);
            json.push(b' ');
        }
        Ok(String::from_utf8(json).unwrap())
    }

    #[test]
    fn values_keep_the_order_of_the_body_and_their_digits() {
        let body = r#"{"@odata.etag":"x","number":" c-4 ","displayName":"Zo\u00eb","creditLimit":1E+3,"taxLiable":true,
            "currencyId":null,"blocked":"_x0020_","taxAreaId":"C6D7E8F9-A0B1-2345-6789-0ABCDEF12345"}"#;
        insta::assert_snapshot!(
            read("customers", body, Create, Strict).unwrap(),
            @r#"number "C-4" displayName "Zoë" creditLimit 1000 taxLiable true currencyId "00000000-0000-0000-0000-000000000000" blocked "_x0020_" taxAreaId "c6d7e8f9-a0b1-2345-6789-0abcdef12345""#
        );
        let body = r#"{"amount":-1500.50,"postingDate":"2026-01-31","lineNumber":10000}"#;
        assert_eq!(
            read("customerPayments", body, Create, Seed).unwrap(),
            r#"amount -1500.50 postingDate "2026-01-31" lineNumber 10000 "#
        );
    }

    #[test]
    fn blanks_are_read_as_the_behaviour_has_them() {
        for blank in [" ", "", "_x0020_"] {
            let body = format!(r#"{{"blocked":"{blank}"}}"#);
            assert_eq!(read("customers", &body, Update, Seed).unwrap(), r#"blocked "_x0020_" "#, "{blank:?}");
        }
        assert!(read("customers", r#"{"blocked":" "}"#, Update, Strict).is_err());
    }

    #[test]
    fn a_currency_code_is_cut_without_a_word() {
        let body = r#"{"currencyCode":"ABCDEFGHIJKLM"}"#;
        assert_eq!(read("customers", body, Update, Strict).unwrap(), r#"currencyCode "ABCDEFGHIJ" "#);
    }

    #[test]
    fn refusals_carry_the_codes_of_the_reference() {
        let bodies = [
            ("customers", "[]"),
            ("customers", r#"{"displayName":"x""#),
            ("customers", r#"{"name":"x"}"#),
            ("customers", r#"{"DisplayName":"x"}"#),
            ("customers", r#"{"id":"d1e2f3a4-b5c6-7890-1234-567890abcdef"}"#),
            ("customers", r#"{"balance":1}"#),
            ("customers", r#"{"number":"123456789012345678901"}"#),
            ("customers", r#"{"blocked":"Closed"}"#),
            ("customers", r#"{"taxAreaId":"none"}"#),
            ("customers", r#"{"taxLiable":"yes"}"#),
            ("customers", r#"{"displayName":7}"#),
            ("customers", r#"{"creditLimit":"7"}"#),
            ("customers", r#"{"city":"A","city":"B"}"#),
            ("customerPayments", r#"{"lineNumber":1.5}"#),
            ("customerPayments", r#"{"postingDate":"31.01.2026"}"#),
            ("customerPayments", r#"{"journalId":"d1e2f3a4-b5c6-7890-1234-567890abcdef"}"#),
        ];
        let refusals: Vec<_> =
            bodies.iter().map(|(set, body)| read(set, body, Update, Seed).unwrap_err()).collect();
        insta::assert_snapshot!(refusals.join("\n"), @r#"
        400 RequestDataInvalid: The body is no JSON object: invalid type: sequence, expected an object at line 1 column 0.
        400 RequestDataInvalid: The body is no JSON object: EOF while parsing an object at line 1 column 18.
        400 BadRequest: The property 'name' does not exist on type 'Microsoft.NAV.customer'.
        400 BadRequest: The property 'DisplayName' does not exist on type 'Microsoft.NAV.customer'.
        400 BadRequest_InvalidOperation: The property 'id' is read-only.
        400 BadRequest_InvalidOperation: The property 'balance' is read-only.
        400 Application_StringExceededLength: The length of 'number' is 21, but it must be at most 20 characters: 123456789012345678901
        400 Unknown: 'Closed' is no member of 'Microsoft.NAV.customerBlocked'.
        400 Application_InvalidGUID: Invalid format of GUID string 'none'.
        400 BadRequest: Cannot convert the value "yes" of 'taxLiable' to the expected type 'Edm.Boolean'.
        400 BadRequest: Cannot convert the value 7 of 'displayName' to the expected type 'Edm.String'.
        400 BadRequest: Cannot convert the value "7" of 'creditLimit' to the expected type 'Edm.Decimal'.
        400 BadRequest: The property 'city' is given twice.
        400 BadRequest: Cannot convert the value 1.5 of 'lineNumber' to the expected type 'Edm.Int32'.
        400 BadRequest: Cannot convert the value "31.01.2026" of 'postingDate' to the expected type 'Edm.Date'.
        400 BadRequest_InvalidOperation: The property 'journalId' is read-only.
        "#);
    }
}
