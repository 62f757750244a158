//! Posting a payment journal: its lines become entries of the customer ledger, and balances move.
//!
//! Source: the `Microsoft.NAV.post` action of the API v2.0 journals page and the posting routine of the Base
//! Application: a receipt is negative, an applied invoice must be there and not younger, a journal without a
//! balancing account does not balance. A batch without a number series keeps an empty line 10000 afterwards, which
//! the API does not show.

use rusqlite::params;

use super::books::Turn;
use super::draft::{dialog, field, no_record};
use super::identity::new_guid;
use super::odata::{Guid, ODataError};
use super::payments::is_not_before_its_invoice;
use super::references::{currency_on, lookup};
use super::seed::in_local_currency;

/// The line that posting leaves behind.
const LEFT_LINE: i64 = 10_000;

/// A line to be posted.
struct Line {
    number: i64,
    customer: Guid,
    customer_number: String,
    date: String,
    document: String,
    external_document: String,
    /// Cents.
    amount: i64,
    currency: String,
    invoice: String,
    description: String,
}

/// What is still owed on the invoice a payment is applied to.
struct Owed {
    entry_number: i64,
    /// Cents.
    remaining: i64,
    /// Cents of local currency.
    remaining_lcy: i64,
}

/// Posts every line of the journal, or none; the caller undoes the turn on an error.
pub(super) fn post(turn: &Turn<'_>, journal: Guid) -> Result<(), ODataError> {
    let mut batch = turn
        .connection
        .prepare_cached("SELECT code, balancingAccountNumber FROM journal_batch WHERE id = ?1")?;
    let mut found = batch.query([journal.0])?;
    let row = found.next()?.ok_or_else(|| no_record("Gen. Journal Batch", &format!("Id='{journal}'")))?;
    let (code, account): (String, String) = (row.get(0)?, row.get(1)?);
    let lines = lines(turn, journal)?;
    if lines.is_empty() {
        return Err(dialog("There is nothing to post."));
    }
    for line in &lines {
        check(turn, line, &account)?;
        enter(turn, line, &code)?;
    }
    leave_empty_line(turn, journal, &code)
}

fn lines(turn: &Turn<'_>, journal: Guid) -> Result<Vec<Line>, ODataError> {
    let mut lines = turn.connection.prepare_cached(
        "SELECT lineNumber, customerId, customerNumber, postingDate, documentNumber, externalDocumentNumber, amount,
            currency, appliesToInvoiceNumber, description
        FROM payment_line WHERE journalId = ?1 AND hidden = 0 ORDER BY lineNumber",
    )?;
    let lines = lines.query_map([journal.0], |row| {
        Ok(Line {
            number: row.get(0)?,
            customer: Guid(row.get(1)?),
            customer_number: row.get(2)?,
            date: row.get(3)?,
            document: row.get(4)?,
            external_document: row.get(5)?,
            amount: row.get(6)?,
            currency: row.get(7)?,
            invoice: row.get(8)?,
            description: row.get(9)?,
        })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Everything that can be wrong with a line that was accepted into the journal.
fn check(turn: &Turn<'_>, line: &Line, account: &str) -> Result<(), ODataError> {
    let place = format!("Gen. Journal Line: Journal Template Name=CASHRCPT, Line No.={}", line.number);
    if line.customer.is_nil() {
        return Err(field(format!("Account No. must have a value in {place}. It cannot be zero or empty.")));
    }
    if line.document.is_empty() {
        return Err(field(format!("Document No. must have a value in {place}. It cannot be zero or empty.")));
    }
    if line.amount == 0 {
        return Err(field(format!("Amount must have a value in {place}. It cannot be zero or empty.")));
    }
    if line.amount > 0 {
        return Err(field(format!("Amount must be negative in {place}.")));
    }
    let blocked: Option<u8> = lookup(turn, "SELECT blocked FROM customer WHERE id = ?1", line.customer.0)?;
    let number = &line.customer_number;
    match blocked {
        Some(3) => Err(dialog(format!(
            "You cannot create this type of document when Customer {number} is blocked with type All"
        ))),
        None => Err(no_record("Customer", &format!("No.='{number}'"))),
        Some(_) if account.is_empty() => Err(dialog(format!(
            "Document No. {} is out of balance. Please check that Posting Date, Document Type, Document No. and \
             Amount are correct for each line.",
            line.document
        ))),
        Some(_) => is_not_before_its_invoice(turn, &line.invoice, &line.date),
    }
}

/// Makes the line an entry and moves the balances.
fn enter(turn: &Turn<'_>, line: &Line, journal: &str) -> Result<(), ODataError> {
    let currency = currency_on(turn, &line.currency, &line.date)?;
    let amount_lcy = in_local_currency(line.amount, currency.rate.as_deref());
    let owed = owed(turn, line)?;
    let applied = owed.as_ref().map_or(0, |owed| owed.remaining.min(-line.amount).max(0));
    let applied_lcy = in_local_currency(applied, currency.rate.as_deref());
    let remaining = line.amount + applied;
    let remaining_lcy = if remaining == 0 { 0 } else { amount_lcy + applied_lcy };
    let mut entry = turn.connection.prepare_cached(
        "INSERT INTO customer_entry VALUES (NULL, ?1, 1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    entry.execute(params![
        line.customer.0,
        line.document,
        line.external_document,
        line.date,
        line.description,
        currency.code,
        line.amount,
        remaining,
        amount_lcy,
        remaining_lcy,
        remaining != 0,
        journal,
    ])?;
    if let Some(owed) = owed {
        let left = owed.remaining - applied;
        let left_lcy = if left == 0 { 0 } else { owed.remaining_lcy - applied_lcy };
        let mut invoice = turn.connection.prepare_cached(
            "UPDATE customer_entry SET remaining = ?2, remaining_lcy = ?3, open = ?4 WHERE entry_number = ?1",
        )?;
        invoice.execute(params![owed.entry_number, left, left_lcy, left != 0])?;
    }
    let mut balance =
        turn.connection.prepare_cached("UPDATE customer SET balance = balance + ?2 WHERE id = ?1")?;
    balance.execute((line.customer.0, amount_lcy))?;
    Ok(())
}

/// The open amount of the invoice the line is applied to; nothing when it is applied to none.
fn owed(turn: &Turn<'_>, line: &Line) -> Result<Option<Owed>, ODataError> {
    if line.invoice.is_empty() {
        return Ok(None);
    }
    let mut invoice = turn.connection.prepare_cached(
        "SELECT entry_number, remaining, remaining_lcy FROM customer_entry
            WHERE document_type = 2 AND document_number = ?1 AND customer = ?2",
    )?;
    let mut found = invoice.query(params![line.invoice, line.customer.0])?;
    match found.next()? {
        Some(row) => {
            Ok(Some(Owed { entry_number: row.get(0)?, remaining: row.get(1)?, remaining_lcy: row.get(2)? }))
        }
        None => Err(ODataError::new(
            400,
            "Internal_DataNotFoundFilter",
            format!(
                "There is no Cust. Ledger Entry within the filter. Filters: Document No.: {}, Customer No.: {}",
                line.invoice, line.customer_number
            ),
        )),
    }
}

fn leave_empty_line(turn: &Turn<'_>, journal: Guid, code: &str) -> Result<(), ODataError> {
    super::books::change::delete(turn, "payment_line", "journalId", journal)?;
    let mut line = turn.connection.prepare_cached(
        "INSERT INTO payment_line VALUES (NULL, ?1, ?2, ?3, ?4, zeroblob(16), '', '', '', '', 0, '', zeroblob(16),
            '', '', '', ?5, ?6, 1)",
    )?;
    line.execute(params![new_guid(), journal.0, code, LEFT_LINE, Turn::now(), turn.new_version()])?;
    Ok(())
}
