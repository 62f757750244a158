//! The keys by which rows and records find each other, and the members that they are made of.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::connector::fields::decode;
use crate::domain::EntityKind;
use crate::domain::text::fold_name;

/// Parts the document from the customer in a payment's key.
const CUSTOMER_FOLLOWS: char = '\u{1f}';

/// A code as Business Central stores it: trimmed and upper-cased.
pub(in crate::run) fn fold_code(code: &str) -> String {
    code.trim().to_uppercase()
}

/// The key of a customer's number.
pub(in crate::run) fn number_key(number: &str) -> String {
    format!("n:{}", fold_code(number))
}

/// The key of a customer's name, for rows without a number: case and spaces do not matter.
pub(in crate::run) fn name_key(name: &str) -> String {
    format!("d:{}", fold_name(name))
}

/// The key of a customer's e-mail address, where customers have no numbers.
pub(super) fn email_key(email: &str) -> String {
    format!("e:{}", fold_name(email))
}

/// The key of a field that the user named: case and spaces do not matter.
pub(in crate::run) fn match_key(field: &str, text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    format!("m-{field}:{}", words.join(" "))
}

/// The key of a payment: its document and its customer.
pub(in crate::run) fn document_key(document: &str, customer: &str) -> String {
    format!("p:{}{CUSTOMER_FOLLOWS}{}", fold_code(document), fold_code(customer))
}

/// The key of a default dimension: its dimension and its customer.
pub(in crate::run) fn dimension_key(dimension: &str, customer: &str) -> String {
    format!("d:{}{CUSTOMER_FOLLOWS}{}", fold_code(dimension), fold_code(customer))
}

/// Whether a key was made of a blank number, name or document.
pub(super) fn is_blank(key: &str) -> bool {
    let named = key.split_once(':').map_or(key, |(_, named)| named);
    named.is_empty() || named.starts_with(CUSTOMER_FOLLOWS)
}

/// The natural key by which a row with this `payload` finds its record.
///
/// A payment that names its customer by id is given the customer's number by `customer_number`.
pub(in crate::run) fn key_of(entity: EntityKind, payload: &str, customer_number: Option<&str>) -> String {
    let members: KeyMembers = serde_json::from_str(payload).unwrap_or_default();
    match entity {
        EntityKind::Customers if !members.number.is_empty() => number_key(&members.number),
        EntityKind::Customers => name_key(&members.display_name),
        EntityKind::Dimensions => dimension_key(&members.dimension_code, &members.customer_number),
        EntityKind::Payments => {
            document_key(&members.document_number, customer_number.unwrap_or(&members.customer_number))
        }
    }
}

/// The natural key in words a person knows: a customer's number or else its name, the customer and
/// the dimension of a default dimension, a payment's document number.
pub(in crate::run) fn natural_key(entity: EntityKind, payload: &str) -> String {
    let members: KeyMembers = serde_json::from_str(payload).unwrap_or_default();
    match entity {
        EntityKind::Customers if members.number.is_empty() => members.display_name,
        EntityKind::Customers => members.number,
        EntityKind::Dimensions => format!("{} {}", members.customer_number, members.dimension_code),
        EntityKind::Payments => members.document_number,
    }
}

/// The customer a payment's `payload` names, by number or by id; empty when it names none.
pub(in crate::run) fn customer_of(payload: &str) -> String {
    let members: KeyMembers = serde_json::from_str(payload).unwrap_or_default();
    if members.customer_number.is_empty() { members.customer_id } else { members.customer_number }
}

/// The members of a payload that make its key and its control total.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KeyMembers {
    number: String,
    display_name: String,
    document_number: String,
    dimension_code: String,
    customer_number: String,
    #[serde(deserialize_with = "any_as_text")]
    customer_id: String,
}

/// One record of a page: the members that make its keys, and all of it as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Members {
    pub(super) id: String,
    #[serde(rename = "@odata.etag", default)]
    pub(super) etag: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) number: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) display_name: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) document_number: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) dimension_code: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) customer_number: String,
    #[serde(default, deserialize_with = "any_as_text")]
    pub(super) customer_id: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) email: String,
    pub(super) line_number: Option<i64>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) currency_code: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) blocked: String,
}

/// A text that a system may not have.
pub(in crate::run) fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An id is a text in one system and a number in another.
fn any_as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(decode(raw.get()).into_owned())
}

impl Members {
    /// What payments name a customer by: the number, or the id where there are no numbers.
    pub(super) fn customer(&self) -> &str {
        if self.customer_number.is_empty() { &self.customer_id } else { &self.customer_number }
    }
}
