//! What is in new books: an organization with accounts and currencies, some customers, and invoices to pay.
//!
//! Promises: the same every time, with the same ids; everything after the organization itself goes the way a request
//! would, so the ledger agrees with the balances.

use rusqlite::{Connection, Result, TransactionBehavior};
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::desk::Desk;
use super::keys::API_KEY;
use super::refusal::Refusal;
use super::{accounts, customers, invoices};
use crate::sandbox::identity::mix;

/// What the tables are.
const SCHEMA: &str = include_str!("schema.sql");

/// The organization's name.
pub(super) const ORGANIZATION: &str = "CRONUS Bigcapital";

/// Its id, which tokens from sign-in are sent with.
pub(super) const ORGANIZATION_ID: &str = "ferrysandbox1";

/// The day the organization was set up.
const BUILT_ON: &str = "2026-01-28";

/// The same in milliseconds since 1970: 2026-01-28T08:00:00Z.
const BUILT_AT: i64 = 1_769_587_200_000;

/// Code, name, sign; numbered from 1000. The first is the organization's own.
const CURRENCIES: &[(&str, &str, &str)] = &[
    ("USD", "US Dollar", "$"),
    ("CAD", "Canadian Dollar", "CA$"),
    ("EUR", "Euro", "€"),
    ("LYD", "Libyan Dinar", "LD"),
    ("GBP", "British Pound Sterling", "£"),
    ("CNY", "Chinese Yuan", "CN¥"),
    ("AUD", "Australian Dollar", "AU$"),
    ("INR", "Indian Rupee", "Rs"),
];

/// Currencies that somebody has added since: those of the project's samples.
const ADDED_CURRENCIES: &[(&str, &str, &str)] = &[
    ("SEK", "Swedish Krona", "kr"),
    ("CHF", "Swiss Franc", "CHF"),
    ("JPY", "Japanese Yen", "¥"),
    ("NOK", "Norwegian Krone", "kr"),
    ("PLN", "Polish Zloty", "zł"),
];

/// Id, name, slug, code, type, whether predefined.
const ACCOUNTS: &[(i64, &str, &str, &str, &str, bool)] = &[
    (1000, "Bank Account", "bank-account", "10001", "bank", true),
    (1001, "Saving Bank Account", "saving-bank-account", "10002", "bank", false),
    (1002, "Undeposited Funds", "undeposited-funds", "10003", "cash", true),
    (1003, "Petty Cash", "petty-cash", "10004", "cash", true),
    (1006, "Accounts Receivable (A/R)", "accounts-receivable", "10007", "accounts-receivable", true),
    (1026, "Sales of Service Income", "sales-of-service-income", "50003", "income", true),
    (1029, "Other Income", "other-income", "50006", "other-income", true),
    (1030, "Prepaid Expenses", "prepaid-expenses", "100010", "other-current-asset", true),
];

/// Display name, e-mail, country, currency.
const CUSTOMERS: &[(&str, &str, &str, &str)] = &[
    ("Adatum Corporation", "accounts@adatum.example", "United States", "USD"),
    ("Trey Research", "accounts@treyresearch.example", "United States", "USD"),
    ("School of Fine Art", "accounts@fineartschool.example", "United States", "USD"),
    ("Alpine Ski House", "accounts@alpineskihouse.example", "Germany", "EUR"),
    ("Relecloud", "accounts@relecloud.example", "Switzerland", "EUR"),
    ("Fabrikam, Inc.", "accounts@fabrikam.example", "United Kingdom", "GBP"),
    ("Northwind Traders", "accounts@northwind.example", "United States", "USD"),
    ("Wingtip Toys", "accounts@wingtip.example", "Canada", "CAD"),
];

/// How many invoices each of them has, from `INV-1001` on.
const INVOICES_EACH: usize = 6;

/// Makes the tables and fills them, unless they are there.
pub(in crate::sandbox) fn create(connection: &Connection) -> Result<()> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'big_setup'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0 {
        return Ok(());
    }
    found(connection)?;
    plant(&Desk::new(connection, 0, true)).map_err(|_| rusqlite::Error::InvalidQuery)?;
    connection.execute("UPDATE big_contact SET made = ?1, changed = ?1", [BUILT_AT])?;
    connection.execute("UPDATE big_invoice SET delivered_at = ?1 WHERE delivered_at > 0", [BUILT_AT])?;
    Ok(())
}

/// The organization itself, without customers.
pub(super) fn found(connection: &Connection) -> Result<()> {
    connection.execute_batch(SCHEMA)?;
    for (name, value) in [
        ("organization_id", ORGANIZATION_ID),
        ("organization_name", ORGANIZATION),
        ("base_currency", CURRENCIES[0].0),
        ("built_on", BUILT_ON),
        ("branches", "off"),
    ] {
        connection.execute("INSERT INTO big_setup VALUES (?1, ?2)", [name, value])?;
    }
    for (id, (code, name, sign)) in (1000..).zip(CURRENCIES) {
        connection.execute("INSERT INTO big_currency VALUES (?1, ?2, ?3, ?4)", (id, code, name, sign))?;
    }
    for (id, name, slug, code, account_type, predefined) in ACCOUNTS {
        let values = (id, name, slug, code, account_type, CURRENCIES[0].0, predefined);
        connection.execute("INSERT INTO big_account VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)", values)?;
    }
    let key = (API_KEY, "ferry", BUILT_AT);
    connection.execute("INSERT INTO big_api_key VALUES (1, ?1, ?2, NULL, ?3)", key)?;
    connection.execute_batch(
        "UPDATE big_sequence SET next = 1008 WHERE name = 'currency';
         UPDATE big_sequence SET next = 1100 WHERE name = 'account';
         UPDATE big_sequence SET next = 2 WHERE name = 'api_key';",
    )
}

fn plant(desk: &Desk<'_>) -> std::result::Result<(), Refusal> {
    for (code, name, sign) in ADDED_CURRENCIES {
        let currency = json!({ "currencyName": name, "currencyCode": code, "currencySign": sign });
        accounts::add_currency(desk, &asking(currency))?;
    }
    for (name, price) in [("Consulting", 100), ("Maintenance", 250), ("Freight", 40)] {
        let item = json!({ "name": name, "type": "service", "sellable": true, "sellPrice": price, "sellAccountId": 1026 });
        accounts::add_item(desk, &asking(item))?;
    }
    for (name, email, country, currency) in CUSTOMERS {
        let customer = json!({
            "customerType": "business", "displayName": name, "currencyCode": currency, "email": email,
            "companyName": name, "billingAddressCountry": country,
        });
        customers::create(desk, &asking(customer))?;
    }
    let customers = i64::try_from(CUSTOMERS.len()).unwrap_or(0);
    for place in 0..CUSTOMERS.len() * INVOICES_EACH {
        let place = i64::try_from(place).unwrap_or(0);
        let invoice = json!({
            "customerId": 1 + place % customers, "invoiceNo": format!("INV-{}", 1001 + place),
            "invoiceDate": "2026-01-12", "dueDate": "2026-02-11", "delivered": true,
            "entries": [{ "index": 1, "itemId": 1000 + place % 3, "rate": 2_500 + 375 * (place % 7), "quantity": 2 }],
        });
        invoices::create(desk, &asking(invoice))?;
    }
    Ok(())
}

/// Adds `count` generated customers, each with an open invoice `INV-S0000001` and so on; gives how many were new.
pub(in crate::sandbox) fn add(connection: &mut Connection, count: usize) -> Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut added = 0;
    for place in 1..=count as u64 {
        let name = format!("Bulk Customer {place:07}");
        let sql = "SELECT EXISTS (SELECT 1 FROM big_contact WHERE display_name = ?1)";
        if transaction.prepare_cached(sql)?.query_row([&name], |row| row.get(0))? {
            continue;
        }
        let desk = Desk::new(&transaction, 0, true);
        add_one(&desk, &name, place).map_err(|_| rusqlite::Error::InvalidQuery)?;
        added += 1;
    }
    transaction.execute(
        "UPDATE big_contact SET made = ?1, changed = ?1 WHERE display_name LIKE 'Bulk Customer %'",
        [BUILT_AT],
    )?;
    transaction.commit()?;
    Ok(added)
}

fn add_one(desk: &Desk<'_>, name: &str, place: u64) -> std::result::Result<(), Refusal> {
    let customer = json!({
        "customerType": "business", "displayName": name, "currencyCode": "USD",
        "email": format!("bulk.{place}@customer.example"), "billingAddressCity": "Seattle",
    });
    customers::create(desk, &asking(customer))?;
    let id: i64 = desk.connection.query_row("SELECT max(id) FROM big_contact", [], |row| row.get(0))?;
    let invoice = json!({
        "customerId": id, "invoiceNo": format!("INV-S{place:07}"), "invoiceDate": "2026-01-12",
        "dueDate": "2026-02-11", "delivered": true,
        "entries": [{ "index": 1, "itemId": 1000, "rate": 100 + mix(place) % 9_900, "quantity": 1 }],
    });
    invoices::create(desk, &asking(invoice)).map(|_| ())
}

fn asking(body: Value) -> Ask {
    let body = if let Value::Object(body) = body { body } else { Map::new() };
    Ask { body, ..Ask::default() }
}
