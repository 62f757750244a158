//! What the books say, for a judge: how many, how much, and whether anything is in there twice.
//!
//! In: a file of books, open in a server or not. Out: [`Books`]. Promises: nothing is changed; a natural key is what
//! a person would call the same customer or the same payment, not an id.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::money::Money;
use crate::sandbox::{BigcapitalBooks, SandboxError};

/// The state of a sandbox's books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Books {
    /// How many customers.
    pub customers: u64,
    /// How many payments stand in journals, not posted yet.
    pub payments: u64,
    /// How many payment journals.
    pub journals: u64,
    /// How many default dimensions.
    pub default_dimensions: u64,
    /// How many payments were posted to the customer ledger.
    pub posted_payments: u64,
    /// Customers and payments that are in the books more often than once.
    pub duplicates: Duplicates,
    /// Sums over the books.
    pub sums: Sums,
    /// What became of POST, PATCH and DELETE operations since the books were made.
    pub write_requests: WriteRequests,
    /// The imitated Bigcapital in the same file.
    pub bigcapital: BigcapitalBooks,
}

/// How many records are there beyond the first of their natural key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// Sent without a number, and with the same name, e-mail, telephone and address.
    pub customers: u64,
    /// Same journal, customer, document, external document and amount, posted or not.
    pub payments: u64,
}

/// Sums over the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Amounts of payments not posted yet, by currency.
    pub payments: BTreeMap<String, Money>,
    /// Amounts of posted payments, by currency.
    pub posted_payments: BTreeMap<String, Money>,
    /// Credit limits of all customers, in local currency.
    pub credit_limits: Money,
    /// What all customers owe, in local currency.
    pub balances: Money,
}

/// What became of POST, PATCH and DELETE operations; each operation of a batch counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WriteRequests {
    /// Carried out, whether or not the answer arrived.
    pub carried_out: u64,
    /// Refused by a rule of the server.
    pub refused: u64,
    /// Hit by an injected fault, before or after being carried out.
    pub faulted: u64,
    /// Refused because of the rate or the queue.
    pub throttled: u64,
}

/// Payments by what a person would recognise them by: `customerPayments` not posted, then posted ones.
const DUPLICATE_PAYMENTS: &str = "
    SELECT coalesce(sum(copies - 1), 0) FROM (SELECT count(*) AS copies FROM (
        SELECT journalDisplayName AS journal, customerId AS customer, documentNumber AS document,
            externalDocumentNumber AS external, amount FROM payment_line WHERE hidden = 0
        UNION ALL
        SELECT journal_code, customer, document_number, external_document_number, amount FROM customer_entry
            WHERE document_type = 1
    ) GROUP BY journal, customer, document, external, amount)";

/// Customers that were sent without a number, by everything a person would recognise them by. Numbers that were sent
/// are unique anyway, and two customers that differ in theirs are two customers.
const DUPLICATE_CUSTOMERS: &str = "
    SELECT coalesce(sum(copies - 1), 0) FROM (SELECT count(*) AS copies FROM customer WHERE is_drawn = 1
        GROUP BY displayName, email, phoneNumber, addressLine1, addressLine2, city, postalCode)";

/// Reads the books at `path` and judges them.
pub fn read_books(path: &Path) -> Result<Books, SandboxError> {
    let at = |source| SandboxError::Books { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(at)?;
    let transaction = connection.transaction().map_err(at)?;
    judge(&transaction).map_err(at)
}

fn judge(connection: &Connection) -> rusqlite::Result<Books> {
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).map(natural);
    let write_requests = |kind: &str| {
        let sql = "SELECT operations FROM write_requests WHERE kind = ?1";
        connection.query_row(sql, [kind], |row| row.get(0)).map(natural)
    };
    Ok(Books {
        customers: count("SELECT count(*) FROM customer")?,
        payments: count("SELECT count(*) FROM payment_line WHERE hidden = 0")?,
        journals: count("SELECT count(*) FROM customerPaymentJournals")?,
        default_dimensions: count("SELECT count(*) FROM default_dimension")?,
        posted_payments: count("SELECT count(*) FROM customer_entry WHERE document_type = 1")?,
        duplicates: Duplicates {
            customers: count(DUPLICATE_CUSTOMERS)?,
            payments: count(DUPLICATE_PAYMENTS)?,
        },
        sums: Sums {
            payments: by_currency(connection, "payment_line WHERE hidden = 0")?,
            posted_payments: by_currency(connection, "customer_entry WHERE document_type = 1")?,
            credit_limits: credit_limits(connection)?,
            balances: cents(connection.query_row(
                "SELECT coalesce(sum(balance), 0) FROM customer",
                [],
                |row| row.get(0),
            )?),
        },
        write_requests: WriteRequests {
            carried_out: write_requests("carried_out")?,
            refused: write_requests("refused")?,
            faulted: write_requests("faulted")?,
            throttled: write_requests("throttled")?,
        },
        bigcapital: crate::sandbox::bigcapital::judge(connection)?,
    })
}

fn by_currency(connection: &Connection, from: &str) -> rusqlite::Result<BTreeMap<String, Money>> {
    let mut sums =
        connection.prepare(&format!("SELECT currency, sum(amount) FROM {from} GROUP BY currency"))?;
    let sums = sums.query_map([], |row| Ok((row.get(0)?, cents(row.get(1)?))))?;
    sums.collect()
}

fn credit_limits(connection: &Connection) -> rusqlite::Result<Money> {
    let mut limits = connection.prepare("SELECT creditLimit FROM customer WHERE creditLimit <> '0'")?;
    let limits = limits.query_map([], |row| row.get::<_, String>(0))?;
    limits.map(|limit| Ok(limit?.parse().unwrap_or(Money::ZERO))).sum()
}

/// A count as `SQLite` gives it, which is never below zero.
fn natural(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn cents(cents: i64) -> Money {
    Money::from(Decimal::new(cents, 2))
}
