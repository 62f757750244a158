//! Sale invoices: created, and charged with payments.
//!
//! Promises: only a delivered invoice is posted and takes payments; its number is unique without regard to case.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::check::{Kind, Property, check, check_storable, optional, required};
use super::desk::{Desk, Row, rate_cell, text_cell};
use super::figures::{self, day_in, json_decimal, local_moment, thousandths, times};
use super::ledger::{self, Document, Entry};
use super::refusal::{Refusal, json_answer};
use super::{customers, invoice_view};
use crate::sandbox::call::Answer;

const ENTRY: &[Property] = &[
    optional("index", Kind::Whole),
    required("itemId", Kind::Whole),
    required("rate", Kind::Number),
    required("quantity", Kind::Number),
    optional("description", Kind::Text),
];

const INVOICE: &[Property] = &[
    required("customerId", Kind::Whole),
    required("invoiceDate", Kind::Day),
    required("dueDate", Kind::Day),
    optional("invoiceNo", Kind::Text),
    optional("referenceNo", Kind::Text),
    optional("delivered", Kind::Flag),
    optional("exchangeRate", Kind::Number),
    optional("branchId", Kind::Whole),
    required("entries", Kind::List(ENTRY)),
];

/// `POST sale-invoices`
pub(super) fn create(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, INVOICE)?;
    check_storable(&body)?;
    let customer = customers::find(desk, body["customerId"].as_i64().unwrap_or(0))?;
    let day = |name: &str| {
        let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
        day_in(text, desk.offset).map(|day| day.to_string()).ok_or_else(Refusal::server)
    };
    let (date, due) = (day("invoiceDate")?, day("dueDate")?);
    ledger::check_unlocked(desk, "sales", &date)?;
    let number = number(desk, &body)?;
    let branch = ledger::check_branch(desk, body.get("branchId").and_then(Value::as_i64))?;
    let id = desk.next("invoice")?;
    let entries = body["entries"].as_array().cloned().unwrap_or_default();
    let (shown, amount) = add_entries(desk, id, &entries)?;
    let is_delivered = body.get("delivered").and_then(Value::as_bool).unwrap_or(false);
    let delivered = is_delivered.then(|| Timestamp::now().as_millisecond());
    desk.insert(
        "big_invoice",
        vec![
            ("id", id.into()),
            ("customer_id", customer.int("id").into()),
            ("invoice_no", number.into()),
            ("invoice_date", date.into()),
            ("due_date", due.into()),
            ("reference_no", text_cell(body.get("referenceNo"))),
            ("amount", amount.into()),
            ("payment_amount", 0.into()),
            ("currency_code", customer.text("currency_code").to_owned().into()),
            ("exchange_rate", rate_cell(body.get("exchangeRate"))),
            ("delivered_at", delivered.into()),
            ("branch_id", branch.into()),
        ],
    )?;
    let invoice = desk.row("big_invoice", id)?.ok_or_else(Refusal::server)?;
    if is_delivered {
        post(desk, &invoice)?;
    }
    Ok(json_answer(201, &created(desk, &invoice, &body, &shown)))
}

/// The number sent, or the next of the series; one that is taken is refused.
fn number(desk: &Desk<'_>, body: &Map<String, Value>) -> Result<String, Refusal> {
    let next = desk.next("invoice_number")?;
    let sent = body.get("invoiceNo").and_then(Value::as_str).map(str::to_owned);
    let number = sent.unwrap_or_else(|| format!("INV-{next:05}"));
    if desk.rows("SELECT id FROM big_invoice WHERE invoice_no = ?1", number.clone())?.is_empty() {
        Ok(number)
    } else {
        Err(Refusal::domain("INVOICE_NUMBER_NOT_UNIQUE"))
    }
}

/// Stores the lines; gives them as the answer shows them, and their total.
fn add_entries(desk: &Desk<'_>, invoice: i64, entries: &[Value]) -> Result<(Vec<Value>, i64), Refusal> {
    let (mut shown, mut total) = (Vec::new(), 0);
    for (place, entry) in (1_i64..).zip(entries) {
        let item = desk.row("big_item", entry["itemId"].as_i64().unwrap_or(0))?;
        let item = item.ok_or_else(|| Refusal::domain("ITEMS_IDS_NOT_EXISTS"))?;
        let id = desk.next("invoice_entry")?;
        let (rate, quantity) = (thousandths(&entry["rate"])?, thousandths(&entry["quantity"])?);
        let amount = times(rate, rust_decimal::Decimal::new(quantity, 3));
        total += amount;
        let place = entry.get("index").and_then(Value::as_i64).unwrap_or(place);
        desk.insert(
            "big_invoice_entry",
            vec![
                ("id", id.into()),
                ("invoice_id", invoice.into()),
                ("place", place.into()),
                ("item_id", item.int("id").into()),
                ("rate", rate.into()),
                ("quantity", quantity.into()),
            ],
        )?;
        shown.push(json!({
            "index": place, "rate": figures::json(rate), "quantity": figures::json(quantity), "id": id,
            "amount": figures::json(amount), "subtotal": null, "total": null, "reference_type": "SaleInvoice",
            "discount_type": "percentage", "item_id": item.int("id"),
            "sell_account_id": item.json_int("sell_account_id"), "reference_id": invoice, "tax_amount": null,
            "subtotal_inclusing_tax": null, "subtotal_excluding_tax": figures::json(amount),
            "discount_amount": null,
        }));
    }
    Ok((shown, total))
}

fn post(desk: &Desk<'_>, invoice: &Row) -> Result<(), Refusal> {
    let amount = invoice.int("amount");
    let document = Document {
        kind: "SaleInvoice",
        id: invoice.int("id"),
        date: invoice.text("invoice_date"),
        number: invoice.maybe_text("invoice_no"),
        reference: invoice.maybe_text("reference_no"),
        currency: invoice.text("currency_code"),
        rate: invoice.rate("exchange_rate"),
    };
    let receivable = ledger::receivable(desk, document.currency)?;
    let income = ledger::account_of_type(desk, "income")?;
    let customer = invoice.maybe_int("customer_id");
    ledger::post(
        desk,
        &document,
        &[
            Entry { account: receivable, contact: customer, debit: amount, credit: 0, place: 1 },
            Entry { account: income, contact: None, debit: 0, credit: amount, place: 2 },
        ],
    )
}

/// The answer to a create: what was sent, and what was computed too early to know the totals.
fn created(desk: &Desk<'_>, invoice: &Row, body: &Map<String, Value>, entries: &[Value]) -> Value {
    let amount = figures::json(invoice.int("amount"));
    let mut answer = json!({
        "balance": amount, "entries": entries, "id": invoice.int("id"), "subtotal": amount, "total": null,
        "customer_id": invoice.int("customer_id"), "invoice_no": invoice.text("invoice_no"),
        "invoice_date": invoice.text("invoice_date"), "due_date": invoice.text("due_date"),
        "currency_code": invoice.text("currency_code"),
        "exchange_rate": json_decimal(invoice.rate("exchange_rate")), "payment_amount": 0, "user_id": 2,
        "pdf_template_id": 1,
    });
    if let Some(reference) = body.get("referenceNo") {
        answer["reference_no"] = reference.clone();
    }
    if let Some(delivered) = invoice.maybe_int("delivered_at") {
        answer["delivered_at"] = local_moment(delivered, desk.offset);
    }
    let states = invoice_view::states(desk, invoice);
    for name in
        ["is_delivered", "is_overdue", "is_partially_paid", "is_fully_paid", "is_writtenoff", "is_paid"]
    {
        answer[name] = states[name].clone();
    }
    for name in ["due_amount", "balance_amount", "tax_amount_withheld_local", "discount_amount"] {
        answer[name] = Value::Null;
    }
    for name in ["discount_amount_local", "discount_percentage", "total_local", "writtenoff_amount_local"] {
        answer[name] = Value::Null;
    }
    answer["adjustment_local"] = Value::Null;
    answer["remaining_days"] = states["remaining_days"].clone();
    answer["overdue_days"] = states["overdue_days"].clone();
    answer["subtotal_local"] = figures::json_times(invoice.int("amount"), invoice.rate("exchange_rate"));
    answer["subtotal_exluding_tax"] = amount;
    answer
}

/// `GET sale-invoices/:id`
pub(super) fn get(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let missing = || Refusal::domain("SALE_INVOICE_NOT_FOUND");
    let id = ask.id().ok_or_else(missing)?;
    if !desk.has("big_invoice", "id", id)? {
        return Err(missing());
    }
    if let Some(page) = super::payment_view::page(ask, "Invoice", id) {
        return Ok(page);
    }
    Ok(json_answer(200, &invoice_view::listed(desk, id)?))
}
