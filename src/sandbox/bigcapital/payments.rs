//! Payments received: created, replaced, deleted.
//!
//! Promises: entries are whole numbers for delivered invoices of the same customer; the amount in the header is not
//! compared with them: it moves the customer's balance and the deposit account, while the entries move the invoices.

use serde_json::{Map, Value};

use super::ask::Ask;
use super::check::{Kind, Property, check, check_storable, optional, required};
use super::customers::{find as find_customer, sort_out};
use super::desk::{Cells, Desk, Row, rate_cell, text_cell};
use super::figures::{day_in, thousandths};
use super::ledger::{self, Document, Entry};
use super::refusal::{Refusal, json_answer};
use super::{accounts, invoice_view, payment_view};
use crate::sandbox::call::Answer;

const ENTRY: &[Property] = &[
    optional("id", Kind::Whole),
    optional("index", Kind::Whole),
    required("invoiceId", Kind::Whole),
    required("paymentAmount", Kind::Whole),
];

const PAYMENT: &[Property] = &[
    required("customerId", Kind::Whole),
    required("paymentDate", Kind::Day),
    optional("amount", Kind::Number),
    optional("exchangeRate", Kind::Number),
    optional("referenceNo", Kind::Text),
    required("depositAccountId", Kind::Whole),
    optional("paymentReceiveNo", Kind::TextOrNumber),
    optional("statement", Kind::Text),
    required("entries", Kind::List(ENTRY)),
    optional("branchId", Kind::Whole),
];

/// One line of a payment, checked.
struct Line {
    id: Option<i64>,
    invoice: i64,
    /// In thousandths.
    amount: i64,
}

/// `POST payments-received`
pub(super) fn create(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, PAYMENT)?;
    let customer = find_customer(desk, body["customerId"].as_i64().unwrap_or(0))?;
    let number = number(desk, &body)?;
    let lines = check_rules(desk, &body, &customer, None)?;
    let id = desk.next("payment")?;
    let mut cells = cells(desk, &body, &lines)?;
    cells.extend([
        ("id", id.into()),
        ("customer_id", customer.int("id").into()),
        ("currency_code", customer.text("currency_code").to_owned().into()),
        ("payment_receive_no", number.into()),
        ("reference_no", text_cell(body.get("referenceNo"))),
        ("statement", text_cell(body.get("statement"))),
    ]);
    desk.insert("big_payment", cells)?;
    let payment = find(desk, id)?;
    add_lines(desk, &payment, &lines)?;
    post(desk, &payment)?;
    Ok(json_answer(201, &payment_view::written(desk, &payment)?))
}

/// `PUT payments-received/:id`: every entry is replaced, an exchange rate left out is one again.
pub(super) fn edit(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, PAYMENT)?;
    let before = find(desk, numeric_id(ask)?)?;
    let id = before.int("id");
    let customer = find_customer(desk, body["customerId"].as_i64().unwrap_or(0))?;
    if customer.int("id") != before.int("customer_id") {
        return Err(Refusal::domain("PAYMENT_CUSTOMER_SHOULD_NOT_UPDATE"));
    }
    let lines = check_rules(desk, &body, &customer, Some(&before))?;
    let mut cells = cells(desk, &body, &lines)?;
    if let Some(number) = body.get("paymentReceiveNo").and_then(Value::as_str) {
        check_number(desk, number, Some(id))?;
        cells.push(("payment_receive_no", number.to_owned().into()));
    }
    for (name, column) in [("referenceNo", "reference_no"), ("statement", "statement")] {
        if body.contains_key(name) {
            cells.push((column, text_cell(body.get(name))));
        }
    }
    take_back(desk, id)?;
    desk.update("big_payment", id, cells)?;
    let after = find(desk, id)?;
    add_lines(desk, &after, &lines)?;
    post(desk, &after)?;
    Ok(json_answer(200, &payment_view::written(desk, &after)?))
}

/// `DELETE payments-received/:id`
pub(super) fn delete(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let payment = find(desk, numeric_id(ask)?)?;
    remove(desk, &payment)?;
    Ok(json_answer(200, &Value::Null))
}

fn remove(desk: &Desk<'_>, payment: &Row) -> Result<(), Refusal> {
    ledger::check_unlocked(desk, "sales", payment.text("payment_date"))?;
    take_back(desk, payment.int("id"))?;
    desk.delete("big_payment", "id", payment.int("id"))
}

/// `POST payments-received/validate-bulk-delete`
pub(super) fn validate_deletes(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    check(&ask.body, &[required("ids", Kind::Values)])?;
    let body = sort_out(&ask.listed_ids(), |id| desk.has("big_payment", "id", id))?;
    Ok(json_answer(201, &body))
}

/// `POST payments-received/bulk-delete`: those before the first that fails stay deleted.
pub(super) fn delete_all(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    check(&ask.body, &[required("ids", Kind::Values), optional("skipUndeletable", Kind::Flag)])?;
    let skips = ask.body.get("skipUndeletable").and_then(Value::as_bool).unwrap_or(false);
    for id in ask.listed_ids() {
        let deleted = desk.attempt(|| remove(desk, &find(desk, id)?));
        if deleted.is_err() && !skips {
            return deleted.map(|()| json_answer(201, &Value::Null));
        }
    }
    Ok(json_answer(201, &Value::Null))
}

/// Everything the books require of a payment beyond the types of its properties.
fn check_rules(
    desk: &Desk<'_>,
    body: &Map<String, Value>,
    customer: &Row,
    before: Option<&Row>,
) -> Result<Vec<Line>, Refusal> {
    let account = body["depositAccountId"].as_i64().unwrap_or(0);
    accounts::check_deposit(desk, account, customer.text("currency_code"))?;
    let lines = lines(body)?;
    let replaced = match before {
        Some(before) => {
            let sql = "SELECT * FROM big_payment_entry WHERE payment_id = ?1";
            desk.rows(sql, before.int("id"))?
        }
        None => Vec::new(),
    };
    let is_replaced = |id| replaced.iter().any(|row| row.int("id") == id);
    if before.is_some() && lines.iter().filter_map(|line| line.id).any(|id| !is_replaced(id)) {
        return Err(Refusal::domain("ENTRIES_IDS_NOT_EXISTS"));
    }
    check_invoices(desk, customer.int("id"), &lines, &replaced)?;
    check_storable(body)?;
    ledger::check_branch(desk, body.get("branchId").and_then(Value::as_i64))?;
    ledger::check_unlocked(desk, "sales", &day(desk, body)?)?;
    if lines.iter().any(|line| line.amount < 0) { Err(Refusal::server()) } else { Ok(lines) }
}

fn lines(body: &Map<String, Value>) -> Result<Vec<Line>, Refusal> {
    let entries = body["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let line = |entry: &Value| {
        Ok(Line {
            id: entry.get("id").and_then(Value::as_i64),
            invoice: entry["invoiceId"].as_i64().unwrap_or(0),
            amount: thousandths(&entry["paymentAmount"])?,
        })
    };
    entries.iter().map(line).collect()
}

/// Refuses entries for invoices that are not this customer's, not delivered, or paid further than they are due.
fn check_invoices(desk: &Desk<'_>, customer: i64, lines: &[Line], replaced: &[Row]) -> Result<(), Refusal> {
    let mut invoices = Vec::new();
    for line in lines {
        let invoice = desk.row("big_invoice", line.invoice)?;
        invoices.extend(invoice.filter(|invoice| invoice.int("customer_id") == customer));
    }
    if lines.is_empty() || invoices.len() < lines.len() {
        return Err(Refusal::domain("INVOICES_IDS_NOT_FOUND"));
    }
    let drafts: Vec<_> =
        invoices.iter().filter(|invoice| invoice.maybe_int("delivered_at").is_none()).collect();
    if !drafts.is_empty() {
        let drafts: Vec<Value> =
            drafts.iter().map(|invoice| invoice_view::in_refusal(desk, invoice)).collect();
        let payload = serde_json::json!({ "notDeliveredInvoices": drafts });
        return Err(Refusal::domain("INVOICES_NOT_DELIVERED_YET").with_payload(payload));
    }
    let too_much = lines.iter().zip(&invoices).any(|(line, invoice)| {
        let freed = replaced.iter().filter(|row| row.int("invoice_id") == line.invoice);
        let freed: i64 = freed.map(|row| row.int("payment_amount")).sum();
        line.amount > invoice_view::due(invoice) + freed
    });
    if too_much { Err(Refusal::domain("INVALID_PAYMENT_AMOUNT")) } else { Ok(()) }
}

/// The number sent, or the next of the series, which moves on either way.
fn number(desk: &Desk<'_>, body: &Map<String, Value>) -> Result<String, Refusal> {
    let next = desk.next("payment_number")?;
    match body.get("paymentReceiveNo").and_then(Value::as_str) {
        Some(number) => check_number(desk, number, None).map(|()| number.to_owned()),
        None => Ok(format!("PAY-{next:05}")),
    }
}

/// Refuses a number that another payment has; one that is being stored at this moment is not seen.
fn check_number(desk: &Desk<'_>, number: &str, own: Option<i64>) -> Result<(), Refusal> {
    if desk.unseen_numbers.iter().any(|unseen| unseen.eq_ignore_ascii_case(number)) {
        return Ok(());
    }
    let rows = desk.rows("SELECT id FROM big_payment WHERE payment_receive_no = ?1", number.to_owned())?;
    let is_taken = rows.iter().any(|row| Some(row.int("id")) != own);
    if is_taken { Err(Refusal::domain("PAYMENT_RECEIVE_NO_EXISTS")) } else { Ok(()) }
}

fn day(desk: &Desk<'_>, body: &Map<String, Value>) -> Result<String, Refusal> {
    let text = body["paymentDate"].as_str().unwrap_or_default();
    day_in(text, desk.offset).map(|day| day.to_string()).ok_or_else(Refusal::server)
}

/// The columns that create and edit fill alike.
fn cells(desk: &Desk<'_>, body: &Map<String, Value>, lines: &[Line]) -> Result<Cells, Refusal> {
    let amount = match body.get("amount").filter(|amount| !amount.is_null()) {
        Some(amount) => thousandths(amount)?,
        None => lines.iter().map(|line| line.amount).sum(),
    };
    let branch = ledger::check_branch(desk, body.get("branchId").and_then(Value::as_i64))?;
    Ok(vec![
        ("payment_date", day(desk, body)?.into()),
        ("amount", amount.into()),
        ("exchange_rate", rate_cell(body.get("exchangeRate"))),
        ("deposit_account_id", body["depositAccountId"].as_i64().into()),
        ("branch_id", branch.into()),
    ])
}

fn add_lines(desk: &Desk<'_>, payment: &Row, lines: &[Line]) -> Result<(), Refusal> {
    for (place, line) in (1_i64..).zip(lines) {
        let cells = vec![
            ("id", desk.next("payment_entry")?.into()),
            ("payment_id", payment.int("id").into()),
            ("place", place.into()),
            ("invoice_id", line.invoice.into()),
            ("payment_amount", line.amount.into()),
        ];
        desk.insert("big_payment_entry", cells)?;
        charge(desk, line.invoice, line.amount)?;
    }
    Ok(())
}

fn charge(desk: &Desk<'_>, invoice: i64, amount: i64) -> Result<(), Refusal> {
    let sql = "UPDATE big_invoice SET payment_amount = payment_amount + ?2 WHERE id = ?1";
    desk.connection.prepare_cached(sql)?.execute((invoice, amount))?;
    Ok(())
}

/// Takes entries and ledger postings of a payment back.
fn take_back(desk: &Desk<'_>, payment: i64) -> Result<(), Refusal> {
    for row in desk.rows("SELECT * FROM big_payment_entry WHERE payment_id = ?1", payment)? {
        charge(desk, row.int("invoice_id"), -row.int("payment_amount"))?;
    }
    desk.delete("big_payment_entry", "payment_id", payment)?;
    ledger::revert(desk, "PaymentReceive", payment)
}

fn post(desk: &Desk<'_>, payment: &Row) -> Result<(), Refusal> {
    let amount = payment.int("amount");
    let document = Document {
        kind: "PaymentReceive",
        id: payment.int("id"),
        date: payment.text("payment_date"),
        number: payment.maybe_text("payment_receive_no"),
        reference: payment.maybe_text("reference_no"),
        currency: payment.text("currency_code"),
        rate: payment.rate("exchange_rate"),
    };
    let receivable = ledger::receivable(desk, document.currency)?;
    let customer = payment.maybe_int("customer_id");
    let deposit = payment.int("deposit_account_id");
    ledger::post(
        desk,
        &document,
        &[
            Entry { account: deposit, contact: None, debit: amount, credit: 0, place: 2 },
            Entry { account: receivable, contact: customer, debit: 0, credit: amount, place: 1 },
        ],
    )
}

fn find(desk: &Desk<'_>, id: i64) -> Result<Row, Refusal> {
    desk.row("big_payment", id)?.ok_or_else(Refusal::not_found)
}

/// The id in the path; text that is no number is refused with a sentence.
pub(super) fn numeric_id(ask: &Ask) -> Result<i64, Refusal> {
    ask.id().ok_or_else(|| Refusal::bad_request("Validation failed (numeric string is expected)"))
}
