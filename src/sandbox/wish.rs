//! What a request wants of a record, in the terms of API v2.0, whatever version it came through.
//!
//! In: the values a body sets in one version's entity. Out: the values of the v2.0 entity that the books' rules work
//! on, and what v2.0 has no place for. Promises: a street is parted where its first CR LF stands; a nested object's
//! code becomes the id it stands for.
//!
//! Source: the v1.0 and beta pages of the Base Application: the first line of a street is cut without a word, a
//! second one that is too long is refused; a payment's dimensions replace the whole set; the beta page looks the
//! customer up by the contact. What writing the nested terms and methods of 2018 does is in no document.

use serde::{Deserialize, Serialize};

use super::books::Turn;
use super::customers;
use super::draft::{dialog, no_record};
use super::odata::{Dialect, EntityType, Guid, ODataError, Value, entity_by_set};
use super::references::{id_of, lookup};

/// What parts the lines of a street.
const LINE_BREAK: &str = "\r\n";

/// Source: the customer table's fields Address and Address 2.
const STREET_LENGTHS: [usize; 2] = [100, 50];

/// Source: dimension codes are cut to this many characters.
const CODE_LENGTH: usize = 20;

/// Nested objects that stand for a row by its code: their code, the property with the row's id, the table, and what
/// a row of it is called.
const CODED: &[(&str, &str, &str, &str)] = &[
    ("paymentTerms/code", "paymentTermsId", "paymentTerms", "Payment Terms"),
    ("shipmentMethod/code", "shipmentMethodId", "shipmentMethods", "Shipment Method"),
    ("paymentMethod/code", "paymentMethodId", "paymentMethods", "Payment Method"),
];

/// Properties of v1.0 and beta, and what v2.0 calls them.
const RENAMED: &[(&str, &str)] = &[
    ("address/city", "city"),
    ("address/state", "state"),
    ("address/countryLetterCode", "country"),
    ("address/postalCode", "postalCode"),
];

/// What a request wants.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// The version of the API it came through.
    pub(super) dialect: Dialect,
    /// Places and values of properties of the v2.0 entity.
    pub(super) values: Vec<(usize, Value)>,
    /// The contact a payment is to name.
    contact: Option<String>,
    /// The dimensions a payment is to have, as JSON.
    dimensions: Option<String>,
}

/// One of a payment's dimensions.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    code: String,
    #[serde(default)]
    display_name: Option<String>,
    value_code: String,
    #[serde(default)]
    value_display_name: Option<String>,
}

impl Wish {
    /// A wish of API v2.0.
    pub(super) fn plain(values: Vec<(usize, Value)>) -> Self {
        Self { dialect: Dialect::V2, values, contact: None, dimensions: None }
    }

    /// What `values` of `entity` mean; looks up what they name, and makes a customer of a contact if it must.
    pub(super) fn of(
        turn: &Turn<'_>,
        dialect: Dialect,
        (entity, values): (&'static EntityType, Vec<(usize, Value)>),
    ) -> Result<Self, ODataError> {
        let mut wish = Self { dialect, ..Self::plain(Vec::with_capacity(values.len())) };
        if dialect == Dialect::V2 {
            return Ok(Self { values, ..wish });
        }
        let base = base_of(entity);
        for (index, value) in values {
            wish.take(turn, base, (entity.properties[index].name, value))?;
        }
        if dialect == Dialect::Beta {
            wish.find_customer(turn, base)?;
        }
        Ok(wish)
    }

    fn take(
        &mut self,
        turn: &Turn<'_>,
        base: &'static EntityType,
        (name, value): (&str, Value),
    ) -> Result<(), ODataError> {
        match (name, &value) {
            ("address/street", Value::Text(street)) => return self.take_street(base, street),
            ("journalDisplayName", _) => {
                return Err(dialog("The Journal Batch Display Name isn't editable."));
            }
            ("contactId", Value::Text(contact)) => {
                self.contact = Some(contact.clone());
                return Ok(());
            }
            ("dimensions", Value::Text(json)) => {
                self.dimensions = Some(dimensions(turn, json)?);
                return Ok(());
            }
            _ => {}
        }
        let coded = CODED.iter().find(|coded| coded.0 == name);
        if let (Some(&(_, id_name, table, caption)), Value::Text(code)) = (coded, &value) {
            let id = if code.is_empty() { Some(Guid::NIL) } else { id_of(turn, table, code)? };
            let object = name.trim_end_matches("/code");
            let id = id.ok_or_else(|| dialog(format!("The \"{object}\" does not match to a {caption}.")))?;
            return self.set_reference(base, (id_name, caption), id);
        }
        let name = RENAMED.iter().find(|renamed| renamed.0 == name).map_or(name, |renamed| renamed.1);
        let index = base.property_index(name).expect("a test checks that v2.0 has every writable property");
        if let (Some(id), Some(&(_, id_name, _, caption))) =
            (value.as_guid(), CODED.iter().find(|coded| coded.1 == name))
        {
            return self.set_reference(base, (id_name, caption), id);
        }
        self.values.push((index, value));
        Ok(())
    }

    fn take_street(&mut self, base: &EntityType, street: &str) -> Result<(), ODataError> {
        let (first, second) = street.split_once(LINE_BREAK).unwrap_or((street, ""));
        let length = second.chars().count();
        if length > STREET_LENGTHS[1] {
            let message = format!(
                "The length of 'Address 2' is {length}, but it must be at most {} characters: {second}",
                STREET_LENGTHS[1]
            );
            return Err(ODataError::new(400, "Application_StringExceededLength", message));
        }
        let first: String = first.chars().take(STREET_LENGTHS[0]).collect();
        for (name, line) in [("addressLine1", first.as_str()), ("addressLine2", second)] {
            let index = base.property_index(name).expect("customers have address lines");
            self.values.push((index, Value::text(line)));
        }
        Ok(())
    }

    /// Sets a reference that may be given by id and by code; both must mean the same.
    fn set_reference(
        &mut self,
        base: &EntityType,
        (name, caption): (&str, &str),
        id: Guid,
    ) -> Result<(), ODataError> {
        let index = base.property_index(name).expect("customers have terms and methods");
        match self.values.iter().find(|(given, _)| *given == index) {
            Some((_, given)) if *given != Value::Guid(id) => {
                Err(dialog(format!("The values of {name} do not match to a specific {caption}.")))
            }
            Some(_) => Ok(()),
            None => {
                self.values.push((index, Value::Guid(id)));
                Ok(())
            }
        }
    }

    /// Finds the customer of the contact, or makes one; a contact nobody knows is only noted.
    fn find_customer(&mut self, turn: &Turn<'_>, base: &EntityType) -> Result<(), ODataError> {
        let Some(contact) = self.contact.as_deref().filter(|contact| !contact.is_empty()) else {
            return Ok(());
        };
        let Some(name) = lookup::<String>(turn, "SELECT name FROM contact WHERE id = ?1", contact)? else {
            return Ok(());
        };
        let known = lookup(turn, "SELECT customer FROM contact WHERE id = ?1", contact)?.map(Guid);
        let id = if let Some(known) = known.filter(|known| !known.is_nil()) {
            known
        } else {
            let made = customers::create_named(turn, &name)?.id();
            let sql = "UPDATE contact SET customer = ?2 WHERE id = ?1";
            turn.connection.prepare_cached(sql)?.execute((contact, made.0))?;
            made
        };
        let index = base.property_index("customerId").expect("payments have a customer");
        match self.values.iter().find(|(given, _)| *given == index) {
            Some((_, given)) if *given != Value::Guid(id) => {
                return Err(dialog("The customer values do not match to a specific Customer."));
            }
            Some(_) => {}
            None => self.values.push((index, Value::Guid(id))),
        }
        Ok(())
    }

    /// Keeps what v2.0 has no place for beside the payment with this id.
    pub(super) fn keep_rest(&self, turn: &Turn<'_>, payment: Guid) -> Result<(), ODataError> {
        if self.contact.is_none() && self.dimensions.is_none() {
            return Ok(());
        }
        let sql =
            "INSERT INTO payment_detail VALUES (?1, coalesce(?2, ''), coalesce(?3, '[]')) ON CONFLICT (id) DO
            UPDATE SET contactId = coalesce(?2, contactId), dimensions = coalesce(?3, dimensions)";
        turn.connection.prepare_cached(sql)?.execute((payment.0, &self.contact, &self.dimensions))?;
        Ok(())
    }
}

/// The entity of API v2.0 over the same rows.
pub(super) fn base_of(entity: &EntityType) -> &'static EntityType {
    entity_by_set(entity.set).expect("a test checks that v2.0 has every set that can be written")
}

/// The dimensions that `json` names, with their names, as JSON.
fn dimensions(turn: &Turn<'_>, json: &str) -> Result<String, ODataError> {
    let wrong =
        |cause| ODataError::bad_request(format!("The value of 'dimensions' cannot be read: {cause}."));
    let mut dimensions: Vec<Dimension> = serde_json::from_str(json).map_err(wrong)?;
    for dimension in &mut dimensions {
        for code in [&mut dimension.code, &mut dimension.value_code] {
            *code = code.trim().to_uppercase().chars().take(CODE_LENGTH).collect();
        }
        let (code, value) = (&dimension.code, &dimension.value_code);
        let id = id_of(turn, "dimensions", code)?
            .ok_or_else(|| no_record("Dimension", &format!("Code={code}.")))?;
        dimension.display_name = lookup(turn, "SELECT displayName FROM dimensions WHERE id = ?1", id.0)?;
        let sql = "SELECT displayName FROM dimensionValues WHERE dimensionId = ?1 AND code = ?2";
        let mut named = turn.connection.prepare_cached(sql)?;
        let mut named = named.query((id.0, value))?;
        let row = named
            .next()?
            .ok_or_else(|| no_record("Dimension Value", &format!("Dimension Code={code},Code={value}.")))?;
        dimension.value_display_name = row.get(0)?;
    }
    Ok(serde_json::to_string(&dimensions).expect("dimensions have string keys"))
}

#[cfg(test)]
mod tests {
    use super::super::odata::entities;
    use super::*;

    /// Sets that can be written through the API.
    const WRITTEN: [&str; 4] =
        ["customers", "customerPayments", "customerPaymentJournals", "defaultDimensions"];

    #[test]
    fn every_property_that_an_older_version_writes_has_its_place() {
        let own = ["address/street", "contactId", "dimensions", "journalDisplayName"];
        for entity in [Dialect::V1, Dialect::Beta].into_iter().flat_map(entities) {
            if !WRITTEN.contains(&entity.set) {
                continue;
            }
            for property in entity.properties.iter().filter(|property| property.is_writable()) {
                let name = property.name;
                let is_coded = CODED.iter().any(|coded| coded.0 == name);
                let renamed = RENAMED.iter().find(|renamed| renamed.0 == name).map_or(name, |to| to.1);
                let is_there = base_of(entity).property_index(renamed).is_some();
                assert!(is_there || is_coded || own.contains(&name), "{}: {name}", entity.set);
            }
        }
    }
}
