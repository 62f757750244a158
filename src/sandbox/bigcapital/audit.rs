//! What the books of the imitated Bigcapital say, for a judge.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::domain::money::Money;

/// The state of the imitated Bigcapital organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BigcapitalBooks {
    /// How many customers, active and inactive.
    pub customers: u64,
    /// How many of them are inactive.
    pub inactive_customers: u64,
    /// How many sale invoices, drafts as well.
    pub invoices: u64,
    /// How many payments received.
    pub payments: u64,
    /// How many manual journals.
    pub journals: u64,
    /// Records that are there more often than once.
    pub duplicates: BigcapitalDuplicates,
    /// Sums over the books.
    pub sums: BigcapitalSums,
    /// What became of requests that change the books.
    pub write_requests: BigcapitalWrites,
}

/// How many records are there beyond the first of their natural key, compared without regard to case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BigcapitalDuplicates {
    /// Same display name.
    pub customers: u64,
    /// Same payment number.
    pub payments: u64,
    /// Same journal number.
    pub journals: u64,
}

/// Sums over the books, by currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BigcapitalSums {
    /// Header amounts of payments.
    pub payments: BTreeMap<String, Money>,
    /// What payments took off invoices.
    pub applied: BTreeMap<String, Money>,
    /// What delivered invoices are still due.
    pub due: BTreeMap<String, Money>,
    /// Opening balances of customers.
    pub opening_balances: BTreeMap<String, Money>,
    /// What customers owe.
    pub balances: BTreeMap<String, Money>,
    /// Debits of published manual journals.
    pub journals: BTreeMap<String, Money>,
}

/// What became of requests that change the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BigcapitalWrites {
    /// Answered as carried out, whether or not the answer arrived; those swallowed are among them.
    pub carried_out: u64,
    /// Refused by a rule or a failure of the server.
    pub refused: u64,
    /// Hit by an injected fault, before or after being carried out.
    pub faulted: u64,
    /// Refused because of the rate.
    pub throttled: u64,
    /// Answered as carried out although a race undid them, wholly or in the ledger.
    pub swallowed: u64,
    /// Failed because a race ended in a deadlock; those are among the refused.
    pub deadlocked: u64,
}

/// Judges the books; those of an older sandbox may have none of these tables.
pub(in crate::sandbox) fn judge(connection: &Connection) -> rusqlite::Result<BigcapitalBooks> {
    let number = |sql: &str| -> rusqlite::Result<u64> {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map(|count| u64::try_from(count).unwrap_or(0))
    };
    if number("SELECT count(*) FROM sqlite_master WHERE name = 'big_setup'")? == 0 {
        return Ok(BigcapitalBooks::default());
    }
    let copies = |table: &str, column: &str| {
        number(&format!(
            "SELECT coalesce(sum(copies - 1), 0) FROM
                (SELECT count(*) AS copies FROM {table} GROUP BY lower(trim({column})))"
        ))
    };
    let writes =
        |kind: &str| number(&format!("SELECT operations FROM big_write_requests WHERE kind = '{kind}'"));
    Ok(BigcapitalBooks {
        customers: number("SELECT count(*) FROM big_contact")?,
        inactive_customers: number("SELECT count(*) FROM big_contact WHERE active = 0")?,
        invoices: number("SELECT count(*) FROM big_invoice")?,
        payments: number("SELECT count(*) FROM big_payment")?,
        journals: number("SELECT count(*) FROM big_journal")?,
        duplicates: BigcapitalDuplicates {
            customers: copies("big_contact", "display_name")?,
            payments: copies("big_payment", "payment_receive_no")?,
            journals: copies("big_journal", "journal_number")?,
        },
        sums: sums(connection)?,
        write_requests: BigcapitalWrites {
            carried_out: writes("carried_out")?,
            refused: writes("refused")?,
            faulted: writes("faulted")?,
            throttled: writes("throttled")?,
            swallowed: writes("swallowed")?,
            deadlocked: writes("deadlocked")?,
        },
    })
}

fn sums(connection: &Connection) -> rusqlite::Result<BigcapitalSums> {
    let by_currency = |amount: &str, from: &str| -> rusqlite::Result<BTreeMap<String, Money>> {
        let sql = format!("SELECT currency_code, sum({amount}) FROM {from} GROUP BY currency_code");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, Money::from(Decimal::new(row.get(1)?, 3).normalize()))))?;
        rows.collect()
    };
    Ok(BigcapitalSums {
        payments: by_currency("amount", "big_payment")?,
        applied: by_currency(
            "e.payment_amount",
            "big_payment_entry e JOIN big_payment p ON p.id = e.payment_id",
        )?,
        due: by_currency("amount - payment_amount", "big_invoice WHERE delivered_at IS NOT NULL")?,
        opening_balances: by_currency("opening_balance", "big_contact WHERE opening_balance <> 0")?,
        balances: by_currency("balance", "big_contact")?,
        journals: by_currency("amount", "big_journal WHERE published_at IS NOT NULL")?,
    })
}
