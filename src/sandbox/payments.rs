//! Payment lines in a journal: creating, changing and deleting them. Nothing is posted here.
//!
//! Source: the API v2.0 customer payments page, the general journal line table and the journal library of the Base
//! Application, version 29.

use rusqlite::OptionalExtension;
use rusqlite::types::Value as Sql;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::books::change::{self, Cells, cells};
use super::books::{Turn, find};
use super::customers::is_privacy_blocked;
use super::draft::{Draft, Rule, dialog, no_record, same_key, text};
use super::odata::{Dialect, Guid, ODataError, Record, UNSET_DATE, Value, entity_by_set};
use super::references::{currency_on, lookup};
use super::wish::Wish;
use crate::domain::money::Money;

/// The columns that are stored as they are; the amount is stored in cents, with its currency.
const COLUMNS: &[&str] = &[
    "id",
    "journalId",
    "journalDisplayName",
    "lineNumber",
    "customerId",
    "customerNumber",
    "postingDate",
    "documentNumber",
    "externalDocumentNumber",
    "appliesToInvoiceId",
    "appliesToInvoiceNumber",
    "description",
    "comment",
];

/// The place of `All` among what a customer can be blocked for.
const BLOCKED_ALL: u8 = 3;
/// The place of `Invoice`.
const BLOCKED_INVOICE: u8 = 2;

/// How far apart lines stand that the server numbers.
const LINE_STEP: i64 = 10_000;

/// Every rule, in the order of the page's fields; the customer may come from the invoice, so that is first.
const RULES: &[Rule] =
    &[invoice_is_known, customer_is_known, customer_is_not_blocked, description_names_the_customer];

/// Creates a payment in the journal the path names, or else the body.
pub(super) fn create(turn: &Turn<'_>, path_journal: Option<Guid>, wish: Wish) -> Result<Record, ODataError> {
    let entity = entity_by_set("customerPayments").expect("payments are an entity set");
    let mut draft = Draft::create(entity, wish);
    enter_journal(turn, &mut draft, path_journal)?;
    let last = last_line(turn, draft.guid("journalId"))?;
    match line_number(&draft.record) {
        0 => {
            let next = last.as_ref().map_or(0, |last| last.line_number) + LINE_STEP;
            draft.record.set("lineNumber", Value::Integer(next));
        }
        number => line_is_free(turn, &draft, number)?,
    }
    date_the_line(turn, &mut draft, last.as_ref());
    draft.apply(turn, RULES)?;
    if !draft.is_given("documentNumber")
        && let Some(last) = &last
    {
        let number = next_document(turn, &draft, last)?;
        draft.set_text("documentNumber", number);
    }
    let cells = row(turn, &mut draft)?;
    change::insert(turn, "payment_line", cells)?;
    stored(turn, draft.record.id())
}

/// Changes a payment; its journal stays the same.
pub(super) fn update(turn: &Turn<'_>, before: &Record, wish: Wish) -> Result<Record, ODataError> {
    let mut draft = Draft::change(before, wish);
    if draft.record.get("journalId") != before.get("journalId") {
        return Err(dialog("The Journal Id cannot be changed."));
    }
    if draft.text("journalDisplayName") != text(before, "journalDisplayName") {
        return Err(dialog("The Journal Batch Display Name cannot be changed."));
    }
    if line_number(&draft.record) != line_number(before) {
        line_is_free(turn, &draft, line_number(&draft.record))?;
    }
    draft.apply(turn, RULES)?;
    if draft.is_given("postingDate") {
        is_not_before_its_invoice(turn, draft.text("appliesToInvoiceNumber"), &date_text(&draft.record))?;
    }
    let cells = row(turn, &mut draft)?;
    change::update(turn, "payment_line", before.id(), cells)?;
    stored(turn, before.id())
}

/// Deletes a payment that is not posted.
pub(super) fn delete(turn: &Turn<'_>, payment: &Record) -> Result<(), ODataError> {
    Ok(change::delete(turn, "payment_line", "id", payment.id())?)
}

fn stored(turn: &Turn<'_>, id: Guid) -> Result<Record, ODataError> {
    let entity = entity_by_set("customerPayments").expect("payments are an entity set");
    find(turn, entity, &vec![("id", Value::Guid(id))])?
        .ok_or_else(|| no_record("Gen. Journal Line", &id.to_string()))
}

/// The cells of the line, its amount rounded to its currency.
fn row(turn: &Turn<'_>, draft: &mut Draft) -> Result<Cells, ODataError> {
    let sql = "SELECT currencyCode FROM customer WHERE id = ?1";
    let code: String = lookup(turn, sql, draft.guid("customerId").0)?.unwrap_or_default();
    let currency = currency_on(turn, &code, &date_text(&draft.record))?;
    let amount = draft.record.get("amount").as_decimal().unwrap_or_default().round(currency.scale);
    let mut cells = cells(&draft.record, COLUMNS);
    cells.push(("amount", Sql::Integer(cents(amount)?)));
    cells.push(("currency", Sql::Text(currency.code)));
    Ok(cells)
}

/// An amount in whole cents.
///
/// Source: decimals of the application range over ±999,999,999,999,999.99.
fn cents(amount: Money) -> Result<i64, ODataError> {
    let cents = Some(amount).filter(|amount| amount.abs() < 1_000_000_000_000_000_i64.into());
    let cents = cents.and_then(|amount| (amount.decimal() * Decimal::ONE_HUNDRED).to_i64());
    cents.ok_or_else(|| ODataError::bad_request(format!("The value {amount} of 'amount' is out of range.")))
}

/// Finds the journal and notes its id and code on the line.
fn enter_journal(turn: &Turn<'_>, draft: &mut Draft, path_journal: Option<Guid>) -> Result<(), ODataError> {
    let given = Some(draft.guid("journalId")).filter(|id| !id.is_nil());
    let mismatch = || dialog("The Journal Id and Journal Display Name do not match.");
    let journal = match (path_journal, given) {
        (Some(path), Some(given)) if path != given => return Err(mismatch()),
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => {
            return Err(dialog("You must specify a journal batch ID or a journal ID to get a journal line."));
        }
    };
    let code: Option<String> =
        lookup(turn, "SELECT code FROM customerPaymentJournals WHERE id = ?1", journal.0)?;
    let code = code.ok_or_else(|| no_record("Gen. Journal Batch", &format!("Id='{journal}'")))?;
    if draft.is_given("journalDisplayName") && draft.text("journalDisplayName") != code {
        return Err(mismatch());
    }
    draft.set_guid("journalId", journal);
    draft.set_text("journalDisplayName", code);
    Ok(())
}

/// What a new line takes over from the last one of its journal, shown or not.
struct LastLine {
    line_number: i64,
    posting_date: String,
    document: String,
    external_document: String,
}

fn last_line(turn: &Turn<'_>, journal: Guid) -> Result<Option<LastLine>, ODataError> {
    let mut last = turn.connection.prepare_cached(
        "SELECT lineNumber, postingDate, documentNumber, externalDocumentNumber FROM payment_line
            WHERE journalId = ?1 ORDER BY lineNumber DESC LIMIT 1",
    )?;
    let last = last.query_row([journal.0], |row| {
        Ok(LastLine {
            line_number: row.get(0)?,
            posting_date: row.get(1)?,
            document: row.get(2)?,
            external_document: row.get(3)?,
        })
    });
    Ok(last.optional()?)
}

fn line_number(record: &Record) -> i64 {
    if let Value::Integer(number) = record.get("lineNumber") { *number } else { 0 }
}

fn line_is_free(turn: &Turn<'_>, draft: &Draft, number: i64) -> Result<(), ODataError> {
    let mut taken = turn
        .connection
        .prepare_cached("SELECT 1 FROM payment_line WHERE journalId = ?1 AND lineNumber = ?2")?;
    if taken.exists((draft.guid("journalId").0, number))? {
        let journal = draft.text("journalDisplayName");
        let key =
            format!("Journal Template Name='CASHRCPT',Journal Batch Name='{journal}',Line No.='{number}'");
        return Err(same_key("Gen. Journal Line", &key));
    }
    Ok(())
}

/// An undated line is dated like the last one, and else on the work date.
fn date_the_line(turn: &Turn<'_>, draft: &mut Draft, last: Option<&LastLine>) {
    if *draft.record.get("postingDate") == Value::Date(UNSET_DATE) {
        let date = last.and_then(|last| last.posting_date.parse().ok());
        let date = date.filter(|date| *date != UNSET_DATE).unwrap_or(turn.setup.work_date);
        draft.record.set("postingDate", Value::Date(date));
    }
}

fn date_text(record: &Record) -> String {
    if let Value::Date(date) = record.get("postingDate") { date.to_string() } else { String::new() }
}

/// The document number a line gets by itself: the last one, advanced once that document is complete.
fn next_document(turn: &Turn<'_>, draft: &Draft, last: &LastLine) -> Result<String, ODataError> {
    let sql = "SELECT balancingAccountNumber <> '' FROM journal_batch WHERE id = ?1";
    let is_balanced: bool = lookup(turn, sql, draft.guid("journalId").0)?.unwrap_or(false);
    let is_other = last.external_document != draft.text("externalDocumentNumber");
    Ok(if is_balanced || is_other { incremented(&last.document) } else { last.document.clone() })
}

/// `number` with its last run of digits counted up, as wide as before; without digits it stays.
pub(super) fn incremented(number: &str) -> String {
    let Some(last) = number.rfind(|character: char| character.is_ascii_digit()) else {
        return number.to_owned();
    };
    let start = number[..last]
        .rfind(|character: char| !character.is_ascii_digit())
        .map_or(0, |place| place + number[place..].chars().next().map_or(1, char::len_utf8));
    let (digits, rest) = number[start..].split_at(last + 1 - start);
    match digits.parse::<u64>() {
        Ok(value) => format!("{}{:0width$}{rest}", &number[..start], value + 1, width = digits.len()),
        Err(_) => number.to_owned(),
    }
}

/// An invoice's number, customer, posting date, and whether it is posted, by its id.
fn invoice(turn: &Turn<'_>, id: Guid) -> Result<Option<(String, Guid, bool)>, ODataError> {
    let sql = "SELECT number, customer, entry_number IS NOT NULL FROM sales_invoice WHERE id = ?1";
    let mut invoice = turn.connection.prepare_cached(sql)?;
    let found = invoice.query_row([id.0], |row| Ok((row.get(0)?, Guid(row.get(1)?), row.get(2)?)));
    Ok(found.optional()?)
}

/// An id must be a posted invoice's; a number may be anything, and blank clears both.
fn invoice_is_known(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let id = Some(draft.guid("appliesToInvoiceId"))
        .filter(|id| draft.is_given("appliesToInvoiceId") && !id.is_nil());
    let has_number = draft.is_given("appliesToInvoiceNumber");
    if let Some(id) = id {
        let Some((number, customer, true)) = invoice(turn, id)? else {
            return Err(dialog(
                "The \"appliesToInvoiceId\" should be the ID of an Open, Paid, Corrective, or Canceled Invoice.",
            ));
        };
        if has_number && draft.text("appliesToInvoiceNumber") != number {
            let name = if draft.dialect == Dialect::V2 { "Applies To Invoice" } else { "AppliesToInvoice" };
            return Err(dialog(format!("The {name} values do not match to the same Invoice.")));
        }
        draft.set_text("appliesToInvoiceNumber", number);
        return pay_for(turn, draft, customer);
    }
    if has_number {
        let sql = "SELECT id FROM sales_invoice WHERE number = ?1 AND entry_number IS NOT NULL";
        let found: Option<[u8; 16]> = lookup(turn, sql, draft.text("appliesToInvoiceNumber"))?;
        draft.set_guid("appliesToInvoiceId", found.map_or(Guid::NIL, Guid));
        if let Some((_, customer, _)) = found.map(Guid).map(|id| invoice(turn, id)).transpose()?.flatten() {
            return pay_for(turn, draft, customer);
        }
    } else if draft.is_given("appliesToInvoiceId") {
        // A nil id alone leaves the number, and the id is rebuilt from it.
        let stored = draft.stored.as_ref().map(|stored| super::draft::guid(stored, "appliesToInvoiceId"));
        draft.set_guid("appliesToInvoiceId", stored.unwrap_or(Guid::NIL));
    }
    Ok(())
}

/// A new line without a customer takes that of its invoice.
fn pay_for(turn: &Turn<'_>, draft: &mut Draft, customer: Guid) -> Result<(), ODataError> {
    let is_named = draft.is_given("customerId") || draft.is_given("customerNumber") || draft.stored.is_some();
    if !is_named {
        let number: Option<String> = lookup(turn, "SELECT number FROM customer WHERE id = ?1", customer.0)?;
        draft.set_guid("customerId", customer);
        draft.set_text("customerNumber", number.unwrap_or_default());
    }
    Ok(())
}

/// The id comes first, then the number; with both they must agree.
fn customer_is_known(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let id = draft.guid("customerId");
    let mut by_id = None;
    if draft.is_given("customerId") && !id.is_nil() {
        let number: Option<String> = lookup(turn, "SELECT number FROM customer WHERE id = ?1", id.0)?;
        by_id = Some(number.ok_or_else(|| dialog("The \"customerId\" does not match to a Customer."))?);
    }
    let number = draft.text("customerNumber").to_owned();
    match by_id {
        Some(by_id) if draft.is_given("customerNumber") && by_id != number => {
            return Err(dialog("The customer values do not match to a specific Customer."));
        }
        Some(by_id) => draft.set_text("customerNumber", by_id),
        None if draft.is_given("customerNumber") && !number.is_empty() => {
            let id: Option<[u8; 16]> = lookup(turn, "SELECT id FROM customer WHERE number = ?1", &number)?;
            let id = id.ok_or_else(|| dialog("The \"customerNumber\" does not match to a Customer."))?;
            draft.set_guid("customerId", Guid(id));
        }
        None if draft.is_given("customerNumber") || draft.is_given("customerId") => {
            draft.set_guid("customerId", Guid::NIL);
            draft.set_text("customerNumber", "");
        }
        None => {}
    }
    Ok(())
}

/// Blocked for invoices is checked only on the first line of an empty journal, before the line is a payment.
fn customer_is_not_blocked(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let id = draft.guid("customerId");
    let number = draft.text("customerNumber");
    let Some(blocked) = lookup::<u8>(turn, "SELECT blocked FROM customer WHERE id = ?1", id.0)? else {
        return Ok(());
    };
    let kind = match blocked {
        BLOCKED_ALL => "All",
        BLOCKED_INVOICE if draft.stored.is_none() && last_line(turn, draft.guid("journalId"))?.is_none() => {
            "Invoice"
        }
        _ if is_privacy_blocked(turn, id)? => {
            return Err(dialog(format!(
                "You cannot create this type of document when Customer {number} is blocked for privacy."
            )));
        }
        _ => return Ok(()),
    };
    Err(dialog(format!(
        "You cannot create this type of document when Customer {number} is blocked with type {kind}"
    )))
}

fn description_names_the_customer(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let is_new =
        draft.stored.as_ref().is_none_or(|stored| stored.get("customerId") != draft.record.get("customerId"));
    if is_new && !draft.is_given("description") {
        let sql = "SELECT displayName FROM customer WHERE id = ?1";
        let name: Option<String> = lookup(turn, sql, draft.guid("customerId").0)?;
        draft.set_text("description", name.unwrap_or_default());
    }
    Ok(())
}

/// A payment may not be dated before the invoice it pays.
pub(super) fn is_not_before_its_invoice(turn: &Turn<'_>, number: &str, date: &str) -> Result<(), ODataError> {
    let sql = "SELECT posting_date FROM customer_entry WHERE document_type = 2 AND document_number = ?1";
    let posted: Option<String> = lookup(turn, sql, number)?;
    if posted.is_some_and(|posted| date < posted.as_str()) {
        return Err(dialog(
            "You are not allowed to apply and post an entry to an entry with an earlier posting date.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_number_counts_up_its_last_digits() {
        for (number, next) in
            [("PAY-009", "PAY-010"), ("99", "100"), ("A1B", "A2B"), ("ü7", "ü8"), ("NONE", "NONE"), ("", "")]
        {
            assert_eq!(incremented(number), next, "{number}");
        }
    }
}
