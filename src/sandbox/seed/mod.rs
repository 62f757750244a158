//! What is in new books: the same every time, with the same ids, so that examples can name them.

mod crowd;
mod tables;

use std::str::FromStr;

use jiff::civil::{Date, date};
use rusqlite::{Connection, Params, Result, params};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

pub(super) use crowd::add;
use tables::{Coded, Customer, Invoice, State};

use super::identity::fixed_guid;
use super::odata::Guid;
use crate::domain::money::Money;

/// The company's name.
pub(super) const COMPANY: &str = "CRONUS International";

/// The day the company's books stand at: what is overdue does not depend on when the sandbox is started.
pub(super) const WORK_DATE: Date = date(2026, 1, 28);

/// The local currency, absent from the currencies.
const LOCAL_CURRENCY: &str = "USD";

/// When every seeded row was last changed, in milliseconds since 1970: 2026-01-28T08:00:00Z.
const SEEDED_AT: i64 = 1_769_587_200_000;

/// Where the ids of each table start; terms and methods as in generated benchmark files.
mod ids {
    pub(super) const COMPANY: u64 = 1;
    pub(super) const TERMS: u64 = 1000;
    pub(super) const METHODS: u64 = 2000;
    pub(super) const CUSTOMERS: u64 = 3000;
    pub(super) const CURRENCIES: u64 = 4000;
    pub(super) const INVOICES: u64 = 5000;
    pub(super) const SHIPMENT_METHODS: u64 = 6000;
    pub(super) const TAX_AREAS: u64 = 7000;
    pub(super) const COUNTRIES: u64 = 8000;
    pub(super) const SALESPEOPLE: u64 = 9000;
    pub(super) const ACCOUNTS: u64 = 10_000;
    pub(super) const DIMENSIONS: u64 = 11_000;
    pub(super) const DIMENSION_VALUES: u64 = 12_000;
    pub(super) const JOURNALS: u64 = 13_000;
}

/// The company's id.
pub(super) fn company_id() -> Guid {
    Guid(fixed_guid(ids::COMPANY))
}

/// Fills new books.
pub(super) fn plant(connection: &Connection) -> Result<()> {
    plant_company(connection)?;
    plant_references(connection)?;
    for (place, customer) in (0..).zip(tables::CUSTOMERS) {
        plant_customer(connection, place, customer)?;
    }
    for (place, invoice) in (0_u32..).zip(tables::INVOICES) {
        plant_invoice(connection, place, invoice)?;
    }
    Ok(())
}

/// Adds the people that payments of API beta can come from, those that are missing.
pub(super) fn plant_contacts(connection: &Connection) -> Result<()> {
    for (id, name, number) in tables::CONTACTS {
        let mut contact = connection.prepare_cached(
            "INSERT OR IGNORE INTO contact VALUES (?1, ?2,
                coalesce((SELECT id FROM customer WHERE number = ?3), zeroblob(16)))",
        )?;
        contact.execute([id, name, number])?;
    }
    Ok(())
}

fn plant_company(connection: &Connection) -> Result<()> {
    insert(
        connection,
        "companies VALUES (?1, 'sandbox', 1, ?2, ?2, '', ?3, zeroblob(16), ?3, zeroblob(16), 1)",
        params![fixed_guid(ids::COMPANY), COMPANY, SEEDED_AT],
    )?;
    // Overdue is what was due before the day before the work date.
    let due_limit = WORK_DATE.yesterday().expect("the work date is not the first of all days");
    for (name, value) in [
        ("work_date", WORK_DATE.to_string()),
        ("due_limit", due_limit.to_string()),
        ("local_currency", LOCAL_CURRENCY.to_owned()),
        ("manual_numbers", "yes".to_owned()),
        ("last_customer_number", "C00000".to_owned()),
    ] {
        insert(connection, "setup VALUES (?1, ?2)", [name, &value])?;
    }
    Ok(())
}

fn plant_references(connection: &Connection) -> Result<()> {
    let plain: [(&str, u64, &[Coded]); 5] = [
        ("paymentMethods", ids::METHODS, tables::PAYMENT_METHODS),
        ("shipmentMethods", ids::SHIPMENT_METHODS, tables::SHIPMENT_METHODS),
        ("taxAreas", ids::TAX_AREAS, tables::TAX_AREAS),
        ("countriesRegions", ids::COUNTRIES, tables::COUNTRIES),
        ("dimensions", ids::DIMENSIONS, &[]),
    ];
    for (table, first_id, rows) in plain {
        for (id, (code, name)) in (first_id..).zip(rows) {
            let table = format!(
                "{table} (id, code, displayName, lastModifiedDateTime, version) VALUES (?1, ?2, ?3, ?4, 1)"
            );
            insert(connection, &table, params![fixed_guid(id), code, name, SEEDED_AT])?;
        }
    }
    for (id, (code, name, due)) in (ids::TERMS..).zip(tables::PAYMENT_TERMS) {
        let table = "paymentTerms (id, code, displayName, dueDateCalculation, lastModifiedDateTime, version)
            VALUES (?1, ?2, ?3, ?4, ?5, 1)";
        insert(connection, table, params![fixed_guid(id), code, name, due, SEEDED_AT])?;
    }
    for (id, (code, name, symbol, places, step, rate)) in (ids::CURRENCIES..).zip(tables::CURRENCIES) {
        insert(
            connection,
            "currencies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9)",
            params![fixed_guid(id), code, name, symbol, places, step, SEEDED_AT, rate, tables::RATES_FROM],
        )?;
    }
    for (id, (code, name)) in (ids::SALESPEOPLE..).zip(tables::SALESPEOPLE) {
        let email = format!("{}@cronus.example", code.to_lowercase());
        let values = params![fixed_guid(id), code, name, email, SEEDED_AT];
        insert(connection, "salespeoplePurchasers VALUES (?1, ?2, ?3, ?4, ?5, 1)", values)?;
    }
    for (id, (number, name)) in (ids::ACCOUNTS..).zip(tables::ACCOUNTS) {
        insert(
            connection,
            "accounts VALUES (?1, ?2, ?3, ?4, 1)",
            params![fixed_guid(id), number, name, SEEDED_AT],
        )?;
    }
    plant_dimensions(connection)?;
    plant_rules(connection)
}

fn plant_dimensions(connection: &Connection) -> Result<()> {
    let mut value_ids = ids::DIMENSION_VALUES..;
    for (id, (code, name, values)) in (ids::DIMENSIONS..).zip(tables::DIMENSIONS) {
        let table =
            "dimensions (id, code, displayName, lastModifiedDateTime, version) VALUES (?1, ?2, ?3, ?4, 1)";
        insert(connection, table, params![fixed_guid(id), code, name, SEEDED_AT])?;
        for ((value, value_name), value_id) in values.iter().zip(value_ids.by_ref()) {
            let table = "dimensionValues (id, code, dimensionId, displayName, lastModifiedDateTime, version)
                VALUES (?1, ?2, ?3, ?4, ?5, 1)";
            let values = params![fixed_guid(value_id), value, fixed_guid(id), value_name, SEEDED_AT];
            insert(connection, table, values)?;
        }
    }
    Ok(())
}

fn plant_rules(connection: &Connection) -> Result<()> {
    for (code, city, state, country) in tables::POST_CODES {
        insert(connection, "post_code VALUES (?1, ?2, ?3, ?4)", [code, city, state, country])?;
    }
    for (country, format) in tables::TAX_NUMBER_FORMATS {
        insert(connection, "tax_number_format VALUES (?1, ?2)", [country, format])?;
    }
    for (id, (template, code, name, account)) in (ids::JOURNALS..).zip(tables::JOURNALS) {
        insert(
            connection,
            "journal_batch VALUES (?1, ?2, ?3, ?4,
                coalesce((SELECT id FROM accounts WHERE number = ?5), zeroblob(16)), ?5, ?6, 1)",
            params![fixed_guid(id), template, code, name, account, SEEDED_AT],
        )?;
    }
    Ok(())
}

fn plant_customer(connection: &Connection, place: u64, customer: &Customer) -> Result<()> {
    let [street, street2, city, state, country, postal_code] = customer.address;
    let area = if country == "US" { format!("{}, {state}", city.to_uppercase()) } else { String::new() };
    let currency = if customer.currency.is_empty() { LOCAL_CURRENCY } else { customer.currency };
    insert(
        connection,
        "customer (id, number, displayName, type, addressLine1, addressLine2, city, state, country, postalCode,
            phoneNumber, email, website, salespersonCode, creditLimit, taxLiable, taxAreaId, taxAreaDisplayName,
            taxRegistrationNumber, currencyId, currencyCode, paymentTermsId, shipmentMethodId, paymentMethodId,
            blocked, lastModifiedDateTime, version)
        VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'accounts@' || ?11, 'https://www.' || ?11, ?12, ?13,
            ?8 = 'US', coalesce((SELECT id FROM taxAreas WHERE code = ?14), zeroblob(16)),
            coalesce((SELECT displayName FROM taxAreas WHERE code = ?14), ''), '',
            coalesce((SELECT id FROM currencies WHERE code = ?15), zeroblob(16)), ?15, ?16, ?17, ?18, ?19, ?20, 1)",
        params![
            fixed_guid(ids::CUSTOMERS + place),
            customer.number,
            customer.name,
            street,
            street2,
            city,
            state,
            country,
            postal_code,
            customer.phone,
            customer.host,
            customer.salesperson,
            customer.credit_limit,
            area,
            currency,
            fixed_guid(ids::TERMS + place % 3),
            fixed_guid(ids::SHIPMENT_METHODS + place % 8),
            fixed_guid(ids::METHODS + place % 3),
            customer.blocked,
            SEEDED_AT,
        ],
    )
}

fn plant_invoice(connection: &Connection, place: u32, invoice: &Invoice) -> Result<()> {
    let (customer, rate): ([u8; 16], Option<String>) = connection.query_row(
        "SELECT c.id, f.rate FROM customer c LEFT JOIN currencies f ON f.id = c.currencyId WHERE c.number = ?1",
        [invoice.customer],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let [total, net] = invoice.amounts;
    let entry = (invoice.state != State::Draft).then(|| 1000 + place);
    insert(
        connection,
        "sales_invoice VALUES (?1, ?2, '', ?3, ?4, ?5, ?6, ?7, ?8, 1)",
        params![
            fixed_guid(ids::INVOICES + u64::from(place)),
            invoice.number,
            invoice.posted,
            invoice.due,
            customer,
            total,
            entry,
            SEEDED_AT
        ],
    )?;
    let Some(entry) = entry else { return Ok(()) };
    let local = |cents| in_local_currency(cents, rate.as_deref());
    let open = invoice.state == State::Open;
    let owed = |cents| if open { cents } else { 0 };
    insert(
        connection,
        "customer_entry SELECT ?1, id, 2, ?2, '', ?3, ?4, 'Invoice ' || ?2, currencyCode, ?5, ?6, ?7, ?8, ?9, ''
            FROM customer WHERE id = ?10",
        params![
            entry,
            invoice.number,
            invoice.posted,
            invoice.due,
            total,
            owed(total),
            local(total),
            owed(local(total)),
            open,
            customer
        ],
    )?;
    let mut ledger = connection
        .prepare_cached("UPDATE customer SET balance = balance + ?2, sales = sales + ?3 WHERE id = ?1")?;
    ledger.execute(params![customer, owed(local(total)), local(net)]).map(|_| ())
}

/// Cents of a currency in cents of the local one, rounded; `rate` is what one unit is worth, one without.
pub(super) fn in_local_currency(cents: i64, rate: Option<&str>) -> i64 {
    let rate = rate.and_then(|rate| Decimal::from_str(rate).ok()).unwrap_or(Decimal::ONE);
    Money::from(Decimal::from(cents) * rate).round(0).decimal().to_i64().unwrap_or(i64::MAX)
}

fn insert(connection: &Connection, into: &str, values: impl Params) -> Result<()> {
    connection.prepare_cached(&format!("INSERT INTO {into}"))?.execute(values).map(|_| ())
}
