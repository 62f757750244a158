//! Creating, changing and deleting customers, with everything the server checks and derives.
//!
//! Source: the API v2.0 customers page and the customer table of the Base Application, version 29; error texts and
//! codes from the API's documents.

use rusqlite::OptionalExtension;
use rusqlite::types::Value as Sql;

use super::books::change::{self, cells};
use super::books::{Turn, find};
use super::draft::{Draft, Rule, dialog, field, no_record, no_relation, same_key, text};
use super::odata::{Dialect, Guid, ODataError, Record, Value, entity_by_set};
use super::references::{code_of, id_of, lookup};
use super::wish::Wish;

/// The columns that are stored; the others are summed up from the ledger.
const COLUMNS: &[&str] = &[
    "id",
    "number",
    "displayName",
    "type",
    "addressLine1",
    "addressLine2",
    "city",
    "state",
    "country",
    "postalCode",
    "phoneNumber",
    "email",
    "website",
    "salespersonCode",
    "creditLimit",
    "taxLiable",
    "taxAreaId",
    "taxAreaDisplayName",
    "taxRegistrationNumber",
    "currencyId",
    "currencyCode",
    "paymentTermsId",
    "shipmentMethodId",
    "paymentMethodId",
    "blocked",
];

/// Every rule, in the order of the page's fields.
const RULES: &[Rule] = &[
    name_is_there,
    country_exists,
    postal_code_fills_the_address,
    phone_has_no_letters,
    email_is_valid,
    salesperson_exists,
    tax_number_fits_its_country,
    tax_area_exists,
    currency_is_known,
    payment_terms_exist,
    shipment_method_exists,
    payment_method_exists,
    credit_limit_fits,
];

/// Creates a customer and gives it back as stored.
pub(super) fn create(turn: &Turn<'_>, wish: Wish) -> Result<Record, ODataError> {
    let entity = entity_by_set("customers").expect("customers are an entity set");
    let mut draft = Draft::create(entity, wish);
    if !draft.is_given("displayName") {
        return Err(dialog("A \"displayName\" must be provided."));
    }
    if draft.text("currencyCode").is_empty() && !draft.is_given("currencyId") {
        draft.set_text("currencyCode", &turn.setup.local_currency);
    }
    draft.apply(turn, RULES)?;
    let is_drawn = draft.text("number").is_empty();
    let number = match draft.text("number") {
        "" => next_number(turn)?,
        _ if !turn.setup.manual_numbers => {
            return Err(dialog(
                "You may not enter numbers manually. If you want to enter numbers manually, please activate \
                 Manual Nos. in No. Series CUST.",
            ));
        }
        number if is_taken(turn, number)? => return Err(taken(number)),
        number => number.to_owned(),
    };
    draft.set_text("number", number);
    let mut cells = cells(&draft.record, COLUMNS);
    cells.push(("is_drawn", Sql::Integer(is_drawn.into())));
    change::insert(turn, "customer", cells)?;
    stored(turn, draft.record.id())
}

/// Creates a customer of whom only the name is known.
pub(super) fn create_named(turn: &Turn<'_>, name: &str) -> Result<Record, ODataError> {
    let entity = entity_by_set("customers").expect("customers are an entity set");
    let index = entity.property_index("displayName").expect("customers have a name");
    create(turn, Wish::plain(vec![(index, Value::text(name))]))
}

/// Changes a customer and gives it back as stored; another number renames it everywhere.
pub(super) fn update(turn: &Turn<'_>, before: &Record, wish: Wish) -> Result<Record, ODataError> {
    let mut draft = Draft::change(before, wish);
    if draft.record.get("blocked") != before.get("blocked") && is_privacy_blocked(turn, before.id())? {
        return Err(dialog(
            "The Blocked field cannot be changed because the user is blocked for privacy reasons.",
        ));
    }
    clear_the_address_left_behind(&mut draft);
    draft.apply(turn, RULES)?;
    let number = draft.text("number");
    if number != text(before, "number") {
        if number.is_empty() {
            return Err(field(format!("No. must have a value in Customer: No.={}.", text(before, "number"))));
        }
        if is_taken(turn, number)? {
            return Err(taken(number));
        }
        let mut rename = turn
            .connection
            .prepare_cached("UPDATE payment_line SET customerNumber = ?2 WHERE customerId = ?1")?;
        rename.execute((before.id().0, number))?;
    }
    change::update(turn, "customer", before.id(), cells(&draft.record, &COLUMNS[1..]))?;
    stored(turn, before.id())
}

/// Deletes a customer that never had an entry.
pub(super) fn delete(turn: &Turn<'_>, customer: &Record) -> Result<(), ODataError> {
    let entries: Option<i64> =
        lookup(turn, "SELECT entry_number FROM customer_entry WHERE customer = ?1 LIMIT 1", customer.id().0)?;
    if entries.is_some() {
        return Err(dialog(format!(
            "You cannot delete Customer {} because it has ledger entries in a fiscal year that has not been closed yet.",
            text(customer, "number")
        )));
    }
    change::delete(turn, "default_dimension", "parentId", customer.id())?;
    Ok(change::delete(turn, "customer", "id", customer.id())?)
}

/// The customer with this id, complete.
fn stored(turn: &Turn<'_>, id: Guid) -> Result<Record, ODataError> {
    let entity = entity_by_set("customers").expect("customers are an entity set");
    find(turn, entity, &vec![("id", Value::Guid(id))])?.ok_or_else(|| no_record("Customer", &id.to_string()))
}

fn is_taken(turn: &Turn<'_>, number: &str) -> Result<bool, ODataError> {
    Ok(lookup::<i64>(turn, "SELECT 1 FROM customer WHERE number = ?1", number)?.is_some())
}

fn taken(number: &str) -> ODataError {
    same_key("Customer", &format!("No.='{number}'"))
}

/// The next free number of the series, which counts in tens.
fn next_number(turn: &Turn<'_>) -> Result<String, ODataError> {
    let last: String =
        lookup(turn, "SELECT value FROM setup WHERE name = ?1", "last_customer_number")?.unwrap_or_default();
    let mut last: u64 = last.trim_start_matches('C').parse().unwrap_or(0);
    let number = loop {
        last += 10;
        let number = format!("C{last:05}");
        if !is_taken(turn, &number)? {
            break number;
        }
    };
    let mut remember =
        turn.connection.prepare_cached("UPDATE setup SET value = ?1 WHERE name = 'last_customer_number'")?;
    remember.execute([&number])?;
    Ok(number)
}

/// Whether the customer may not be worked with for reasons of privacy.
pub(super) fn is_privacy_blocked(turn: &Turn<'_>, id: Guid) -> Result<bool, ODataError> {
    Ok(lookup(turn, "SELECT privacy_blocked FROM customer WHERE id = ?1", id.0)?.unwrap_or(false))
}

fn name_is_there(_turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    if draft.text("displayName").trim().is_empty() {
        return Err(dialog("The blank \"displayName\" is not allowed."));
    }
    Ok(())
}

/// A new country makes the old city wrong, unless the same request names one.
fn clear_the_address_left_behind(draft: &mut Draft) {
    let before = draft.stored.as_ref().map_or("", |stored| text(stored, "country"));
    let is_moved = !before.is_empty() && !draft.text("country").is_empty() && before != draft.text("country");
    for name in ["postalCode", "city", "state"] {
        if is_moved && !draft.is_given(name) {
            draft.set_text(name, "");
        }
    }
}

fn country_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    code_exists(
        turn,
        draft,
        "country",
        ("countriesRegions", "Country/Region Code of table Customer", "Country/Region"),
    )
}

fn salesperson_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let table = ("salespeoplePurchasers", "Salesperson Code of table Customer", "Salesperson/Purchaser");
    code_exists(turn, draft, "salespersonCode", table)
}

fn code_exists(
    turn: &Turn<'_>,
    draft: &Draft,
    name: &str,
    (table, caption, related): (&str, &str, &str),
) -> Result<(), ODataError> {
    let code = draft.text(name);
    if draft.is_given(name) && !code.is_empty() && id_of(turn, table, code)?.is_none() {
        return Err(no_relation(caption, code, related));
    }
    Ok(())
}

fn postal_code_fills_the_address(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    if !draft.is_given("postalCode") {
        return Ok(());
    }
    let mut place =
        turn.connection.prepare_cached("SELECT city, state, country FROM post_code WHERE code = ?1")?;
    let found = place.query_row([draft.text("postalCode")], |row| {
        Ok([("city", row.get(0)?), ("state", row.get(1)?), ("country", row.get::<_, String>(2)?)])
    });
    // A nested address is applied part by part, the state last.
    let is_nested = draft.dialect != Dialect::V2;
    for (name, value) in found.optional()?.into_iter().flatten() {
        if !(is_nested && name == "state") {
            draft.set_text(name, value);
        }
    }
    Ok(())
}

fn phone_has_no_letters(_turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    if draft.is_given("phoneNumber") && draft.text("phoneNumber").chars().any(char::is_alphabetic) {
        let number = draft.text("number");
        return Err(field(format!("Phone No. must not contain letters in Customer: No.={number}.")));
    }
    Ok(())
}

fn email_is_valid(_turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let all = draft.text("email");
    if !draft.is_given("email") || all.is_empty() {
        return Ok(());
    }
    match all.split(';').map(str::trim).find(|address| !is_address(address)) {
        Some(address) => Err(dialog(format!("The email address \"{address}\" is not valid."))),
        None => Ok(()),
    }
}

/// Whether this is one e-mail address: something, one `@`, and a host without empty parts.
fn is_address(address: &str) -> bool {
    let Some((local, host)) = address.split_once('@') else { return false };
    let is_plain = |part: &str| {
        !part.chars().any(|character| {
            character.is_whitespace()
                || character.is_control()
                || matches!(character, '@' | ',' | '<' | '>' | '(' | ')')
        })
    };
    let has_parts = |part: &str| part.split('.').all(|label| !label.is_empty());
    is_plain(local) && is_plain(host) && has_parts(local) && has_parts(host)
}

fn tax_number_fits_its_country(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    if !draft.is_given("taxRegistrationNumber") {
        return Ok(());
    }
    let number = draft.text("taxRegistrationNumber").trim().to_uppercase();
    draft.set_text("taxRegistrationNumber", number.clone());
    let country = draft.text("country");
    let mut formats =
        turn.connection.prepare_cached("SELECT format FROM tax_number_format WHERE country = ?1")?;
    let formats: Vec<String> = formats.query_map([country], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if number.is_empty() || formats.is_empty() || formats.iter().any(|format| fits(&number, format)) {
        return Ok(());
    }
    Err(dialog(format!(
        "The entered VAT Registration number is not in agreement with the format specified for Country/Region Code \
         {country}. The following formats are acceptable: {}",
        formats.join(", ")
    )))
}

/// Whether `number` has this form: `#` a digit, `@` a letter, anything else itself.
fn fits(number: &str, format: &str) -> bool {
    number.chars().count() == format.chars().count()
        && number.chars().zip(format.chars()).all(|(character, wanted)| match wanted {
            '#' => character.is_ascii_digit(),
            '@' => character.is_alphabetic(),
            wanted => character == wanted,
        })
}

/// The nil GUID does not clear the tax area: its id is rebuilt from the stored code.
fn tax_area_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    if !draft.is_given("taxAreaId") {
        return Ok(());
    }
    let id = draft.guid("taxAreaId");
    if id.is_nil() {
        let stored =
            draft.stored.as_ref().map_or(Guid::NIL, |stored| super::draft::guid(stored, "taxAreaId"));
        draft.set_guid("taxAreaId", stored);
        return Ok(());
    }
    let name: Option<String> = lookup(turn, "SELECT displayName FROM taxAreas WHERE id = ?1", id.0)?;
    let name = name.ok_or_else(|| no_record("Tax Area", &format!("Id='{id}'")))?;
    draft.set_text("taxAreaDisplayName", name);
    Ok(())
}

/// Nil, blank and the local currency's own code all mean the local currency, which reads show by its code.
fn currency_is_known(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let local = &turn.setup.local_currency;
    let by_id = match draft.guid("currencyId") {
        _ if !draft.is_given("currencyId") => None,
        id if id.is_nil() => Some(local.clone()),
        id => Some(
            code_of(turn, "currencies", id)?
                .ok_or_else(|| dialog("The \"currencyId\" does not match to a Currency."))?,
        ),
    };
    let by_code = match draft.text("currencyCode").trim().to_uppercase() {
        _ if !draft.is_given("currencyCode") => None,
        code if code.is_empty() => Some(local.clone()),
        code if code != *local && id_of(turn, "currencies", &code)?.is_none() => {
            return Err(dialog("The \"currencyCode\" does not match to a Currency."));
        }
        code => Some(code),
    };
    let code = match (by_id, by_code) {
        (Some(by_id), Some(by_code)) if by_id != by_code => {
            return Err(dialog("The currency values do not match to a specific Currency."));
        }
        (Some(code), _) | (None, Some(code)) => code,
        (None, None) => return Ok(()),
    };
    draft.set_guid("currencyId", id_of(turn, "currencies", &code)?.unwrap_or(Guid::NIL));
    draft.set_text("currencyCode", code);
    Ok(())
}

fn payment_terms_exist(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    id_exists(turn, draft, "paymentTermsId", ("paymentTerms", "Payment Terms"))
}

fn shipment_method_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    id_exists(turn, draft, "shipmentMethodId", ("shipmentMethods", "Shipment Method"))
}

fn payment_method_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    id_exists(turn, draft, "paymentMethodId", ("paymentMethods", "Payment Method"))
}

fn id_exists(
    turn: &Turn<'_>,
    draft: &Draft,
    name: &str,
    (table, caption): (&str, &str),
) -> Result<(), ODataError> {
    let id = draft.guid(name);
    if draft.is_given(name) && !id.is_nil() && code_of(turn, table, id)?.is_none() {
        return Err(dialog(format!("The \"{name}\" does not match to a {caption}.")));
    }
    Ok(())
}

/// Source: decimals of the application range over ±999,999,999,999,999.99.
fn credit_limit_fits(_turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let limit = draft.record.get("creditLimit").as_decimal().unwrap_or_default();
    if limit.abs() >= 1_000_000_000_000_000_i64.into() {
        return Err(ODataError::bad_request(format!("The value {limit} of 'creditLimit' is out of range.")));
    }
    Ok(())
}
