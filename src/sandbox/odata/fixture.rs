//! Records for the tests of this folder: the customers of a third-party guide and two made up to differ from them.

use super::guid::Guid;
use super::model::{Behaviour, EntityType, Kind, entity_by_set};
use super::query::{Query, SchemaVersion};
use super::typing::parse_filter;
use super::value::{Record, Value};

/// The entity type of the set called `set`.
pub(super) fn entity(set: &str) -> &'static EntityType {
    entity_by_set(set).unwrap()
}

/// A record of the set called `set`; the values are written as they would be in a filter, text without quotes.
pub(super) fn record(set: &str, values: &[(&str, &str)]) -> Record {
    let mut record = Record::new(entity(set));
    for &(name, text) in values {
        let property = &record.entity().properties[record.entity().property_index(name).unwrap()];
        let value = match property.kind {
            Kind::Text | Kind::Code | Kind::List(_) => Value::text(text),
            Kind::Decimal => Value::Decimal(text.parse().unwrap()),
            Kind::Boolean => Value::Boolean(text.parse().unwrap()),
            Kind::Date => Value::Date(text.parse().unwrap()),
            Kind::DateTime => Value::DateTime(text.parse().unwrap()),
            Kind::Guid => Value::Guid(text.parse().unwrap()),
            Kind::Int32 | Kind::Int64 => Value::Integer(text.parse().unwrap()),
            Kind::Enum(enumeration) | Kind::Choice(enumeration) => {
                Value::Enum(enumeration.member(text, Behaviour::Seed).unwrap())
            }
        };
        record.set(name, value);
    }
    record
}

/// The GUID that ends in `number`.
pub(super) fn guid(number: u8) -> Guid {
    let mut bytes = [0; 16];
    bytes[15] = number;
    Guid(bytes)
}

/// Four customers in default order.
pub(super) fn customers() -> Vec<Record> {
    let rows: [&[(&str, &str)]; 4] = [
        &[
            ("number", "10000"),
            ("displayName", "Adatum Corporation"),
            ("blocked", ""),
            ("balance", "15750.00"),
            ("overdueAmount", "3200.00"),
            ("currencyCode", "USD"),
            ("taxLiable", "true"),
            ("lastModifiedDateTime", "2025-02-15T09:30:00Z"),
        ],
        &[
            ("number", "20000"),
            ("displayName", "Trey Research"),
            ("blocked", ""),
            ("balance", "8450.50"),
            ("currencyCode", "USD"),
            ("lastModifiedDateTime", "2023-02-14T16:15:00.03Z"),
        ],
        &[
            ("number", "30000"),
            ("displayName", "O'Brien & Sons"),
            ("type", "Person"),
            ("blocked", "All"),
            ("balance", "-12.5"),
            ("currencyCode", "EUR"),
            ("lastModifiedDateTime", "2025-02-15T09:30:00Z"),
        ],
        &[("number", "C-4"), ("displayName", "corpus"), ("blocked", "Ship"), ("balance", "0.00")],
    ];
    let numbered = |(place, row): (u8, &&[(&str, &str)])| {
        let mut customer = record("customers", row).with("id", Value::Guid(guid(9 - place)));
        customer.etag = format!("W/\"{place}\"");
        customer
    };
    (0..).zip(&rows).map(numbered).collect()
}

/// The numbers of the customers that pass `filter`, or the refusal.
pub(super) fn filtered(
    filter: &str,
    behaviour: Behaviour,
    version: SchemaVersion,
) -> Result<Vec<String>, String> {
    let filter = parse_filter(filter, entity("customers"), behaviour, version);
    let filter = filter.map_err(|error| format!("{} {}: {}", error.status, error.code, error.message))?;
    Ok(numbers(customers().iter().filter(|customer| filter.matches(customer))))
}

/// The numbers of these customers.
pub(super) fn numbers<'a>(customers: impl IntoIterator<Item = &'a Record>) -> Vec<String> {
    customers.into_iter().map(|customer| customer.get("number").as_text().unwrap().to_owned()).collect()
}

/// The query of customers that `raw` asks.
pub(super) fn query(raw: &str, behaviour: Behaviour) -> Query {
    Query::parse(raw, entity("customers"), behaviour).unwrap()
}

/// The refusal that `raw` gets as a query of customers.
pub(super) fn refusal(raw: &str, behaviour: Behaviour) -> String {
    let error = Query::parse(raw, entity("customers"), behaviour).unwrap_err();
    format!("{} {}: {}", error.status, error.code, error.message)
}
