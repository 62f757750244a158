//! A payment as answers show it, and the page it becomes when a client asks for one.

use serde_json::{Value, json};

use super::ask::Ask;
use super::desk::{Desk, Row};
use super::figures::{
    self, formatted, formatted_day, formatted_with, instant, json_decimal, json_times, times,
};
use super::payments::numeric_id;
use super::refusal::{Refusal, json_answer};
use super::{accounts, customer_view, customers, invoice_view};
use crate::sandbox::call::Answer;

fn base(desk: &Desk<'_>, payment: &Row) -> Value {
    let rate = payment.rate("exchange_rate");
    json!({
        "id": payment.int("id"), "amount": figures::json(payment.int("amount")),
        "statement": payment.json_text("statement"), "customer_id": payment.int("customer_id"),
        "payment_date": instant(payment.text("payment_date"), desk.offset),
        "currency_code": payment.text("currency_code"), "exchange_rate": json_decimal(rate),
        "reference_no": payment.json_text("reference_no"),
        "deposit_account_id": payment.int("deposit_account_id"),
        "payment_receive_no": payment.text("payment_receive_no"), "user_id": null, "created_at": null,
        "updated_at": null, "branch_id": payment.json_int("branch_id"), "stripe_pintent_id": null,
        "pdf_template_id": 1, "local_amount": json_times(payment.int("amount"), rate),
    })
}

fn entries(desk: &Desk<'_>, payment: i64) -> Result<Vec<Row>, Refusal> {
    desk.rows("SELECT * FROM big_payment_entry WHERE payment_id = ?1 ORDER BY place", payment)
}

fn entry(row: &Row) -> Value {
    json!({
        "id": row.int("id"), "index": row.int("place"), "payment_receive_id": row.int("payment_id"),
        "invoice_id": row.int("invoice_id"), "payment_amount": figures::json(row.int("payment_amount")),
    })
}

/// As in the answer to a write.
pub(super) fn written(desk: &Desk<'_>, payment: &Row) -> Result<Value, Refusal> {
    let mut view = base(desk, payment);
    view["entries"] = entries(desk, payment.int("id"))?.iter().map(entry).collect();
    Ok(view)
}

fn full(desk: &Desk<'_>, payment: &Row) -> Result<Value, Refusal> {
    let mut view = base(desk, payment);
    let amount = payment.int("amount");
    let sign = accounts::sign(desk, payment.text("currency_code"))?;
    let customer = customers::find(desk, payment.int("customer_id"))?;
    view["customer"] = customer_view::base(desk, &customer);
    view["deposit_account"] = accounts::by_id(desk, payment.int("deposit_account_id"))?;
    for (name, text) in [
        ("subtotal_formatted", formatted(amount)),
        ("formattted_total", formatted_with(&sign, amount)),
        ("formatted_payment_date", formatted_day(payment.maybe_text("payment_date"))),
        ("formatted_created_at", String::new()),
        ("formatted_amount", formatted(amount)),
        ("formatted_exchange_rate", formatted(times(1_000, payment.rate("exchange_rate")))),
    ] {
        view[name] = text.into();
    }
    Ok(view)
}

/// As in the list: with customer and account, without entries.
pub(super) fn listed(desk: &Desk<'_>, id: i64) -> Result<Value, Refusal> {
    let payment = desk.row("big_payment", id)?.ok_or_else(Refusal::not_found)?;
    full(desk, &payment)
}

/// `GET payments-received/:id`
pub(super) fn get(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let id = numeric_id(ask)?;
    let missing = || Refusal::domain("PAYMENT_RECEIVE_NOT_EXISTS");
    let payment = desk.row("big_payment", id)?.ok_or_else(missing)?;
    if let Some(page) = page(ask, "Payment", id) {
        return Ok(page);
    }
    let mut view = full(desk, &payment)?;
    let mut shown = Vec::new();
    for row in entries(desk, id)? {
        let invoice = desk.row("big_invoice", row.int("invoice_id"))?.ok_or_else(Refusal::server)?;
        let mut entry = entry(&row);
        entry["invoice"] = invoice_view::full(desk, &invoice)?;
        entry["payment_amount_formatted"] = formatted(row.int("payment_amount")).into();
        shown.push(entry);
    }
    view["entries"] = shown.into();
    let branch = desk.row("big_branch", payment.maybe_int("branch_id").unwrap_or(0))?;
    view["branch"] = branch.as_ref().map_or(Value::Null, accounts::branch);
    view["transactions"] = transactions(desk, id)?;
    Ok(json_answer(200, &view))
}

fn transactions(desk: &Desk<'_>, payment: i64) -> Result<Value, Refusal> {
    let sql =
        "SELECT * FROM big_ledger WHERE reference_type = 'PaymentReceive' AND reference_id = ?1 ORDER BY id";
    let rows = desk.rows(sql, payment)?;
    let transactions = rows.iter().map(|row| {
        let (debit, credit) = (figures::json(row.int("debit")), figures::json(row.int("credit")));
        json!({
            "id": row.int("id"), "credit": credit, "debit": debit, "note": null, "index": row.int("place"),
            "date": instant(row.text("date"), desk.offset), "costable": null,
            "currency_code": row.text("currency_code"), "exchange_rate": json_decimal(row.rate("exchange_rate")),
            "transaction_type": null, "reference_type": "PaymentReceive", "reference_id": payment,
            "account_id": row.int("account_id"), "contact_type": null, "contact_id": row.json_int("contact_id"),
            "transaction_number": row.json_text("number"), "reference_number": row.json_text("reference"),
            "item_id": null, "item_quantity": null, "user_id": null, "index_group": null, "created_at": null,
            "branch_id": null, "project_id": null, "tax_rate_id": null, "tax_rate": null,
            "reference_type_formatted": "transaction_type.payment_received", "credit_local": credit,
            "debit_local": debit,
        })
    });
    Ok(transactions.collect())
}

/// The page or document that is sent to a client that names its media type.
pub(super) fn page(ask: &Ask, what: &str, id: i64) -> Option<Answer> {
    let (content_type, body) = if ask.accepts("application/pdf") {
        ("application/pdf", b"%PDF-1.4\n%%EOF\n".to_vec())
    } else if ask.accepts("text/html") {
        ("text/html; charset=utf-8", format!("<html><body><h1>{what} {id}</h1></body></html>").into_bytes())
    } else {
        return None;
    };
    Some(Answer { status: 200, headers: Vec::new(), content_type, body })
}
