//! An invoice as answers show it.

use serde_json::{Value, json};

use super::desk::{Desk, Row};
use super::figures::{
    self, day_of, days_past, double, float, formatted, formatted_day, formatted_with, instant, json_decimal,
    json_times,
};
use super::refusal::Refusal;
use super::{accounts, customer_view, customers};

/// What is left to pay.
pub(super) fn due(invoice: &Row) -> i64 {
    invoice.int("amount") - invoice.int("payment_amount")
}

/// Whether it is delivered, paid, overdue, and since when.
pub(super) fn states(desk: &Desk<'_>, invoice: &Row) -> Value {
    let (amount, paid) = (invoice.int("amount"), invoice.int("payment_amount"));
    let late = days_past(invoice.text("due_date"), desk.offset);
    let is_fully_paid = amount > 0 && paid >= amount;
    let is_partially_paid = paid > 0 && paid < amount;
    json!({
        "is_delivered": invoice.maybe_int("delivered_at").is_some(), "is_overdue": late > 0,
        "is_partially_paid": is_partially_paid, "is_fully_paid": is_fully_paid, "is_writtenoff": false,
        "is_paid": is_partially_paid || is_fully_paid, "remaining_days": (-late).max(0),
        "overdue_days": late.max(0),
    })
}

/// As in the list of what is receivable.
pub(super) fn base(desk: &Desk<'_>, invoice: &Row) -> Value {
    let rate = invoice.rate("exchange_rate");
    let amount = figures::json(invoice.int("amount"));
    let local = json_times(invoice.int("amount"), rate);
    let delivered = invoice.maybe_int("delivered_at").map(|at| day_of(at, desk.offset));
    let mut view = json!({
        "id": invoice.int("id"), "balance": amount, "discount": null, "adjustment": null,
        "subtotal": amount, "total": amount, "customer_id": invoice.int("customer_id"),
        "invoice_date": instant(invoice.text("invoice_date"), desk.offset),
        "due_date": instant(invoice.text("due_date"), desk.offset),
        "invoice_no": invoice.text("invoice_no"), "reference_no": invoice.json_text("reference_no"),
        "invoice_message": null, "terms_conditions": null,
        "payment_amount": figures::json(invoice.int("payment_amount")),
        "currency_code": invoice.text("currency_code"), "exchange_rate": json_decimal(rate),
        "credited_amount": 0, "discount_type": null, "inv_lot_number": null,
        "delivered_at": delivered.map_or(Value::Null, |day| instant(&day, desk.offset)), "user_id": 2,
        "created_at": null, "updated_at": null, "writtenoff_amount": null, "writtenoff_at": null,
        "warehouse_id": null, "branch_id": invoice.json_int("branch_id"),
        "writtenoff_expense_account_id": null, "project_id": null, "is_inclusive_tax": 0,
        "tax_amount_withheld": null, "pdf_template_id": 1,
        // What is computed carries the noise of binary numbers.
        "due_amount": float(double(invoice.int("amount")) - double(invoice.int("payment_amount"))),
        "balance_amount": figures::json(invoice.int("payment_amount")),
    });
    let computed = json!({
        "subtotal_local": local, "subtotal_exluding_tax": amount, "tax_amount_withheld_local": 0,
        "discount_amount": 0, "discount_amount_local": null, "discount_percentage": null,
        "total_local": local, "writtenoff_amount_local": 0, "adjustment_local": null,
    });
    for more in [computed, states(desk, invoice)] {
        if let (Value::Object(view), Value::Object(more)) = (&mut view, more) {
            view.extend(more);
        }
    }
    view
}

/// The same with display text.
pub(super) fn full(desk: &Desk<'_>, invoice: &Row) -> Result<Value, Refusal> {
    let mut view = base(desk, invoice);
    let sign = accounts::sign(desk, invoice.text("currency_code"))?;
    let (amount, paid) = (invoice.int("amount"), invoice.int("payment_amount"));
    let local = figures::times(amount, invoice.rate("exchange_rate"));
    let rate = figures::times(1_000, invoice.rate("exchange_rate"));
    for (name, text) in [
        ("invoice_date_formatted", formatted_day(invoice.maybe_text("invoice_date"))),
        ("due_date_formatted", formatted_day(invoice.maybe_text("due_date"))),
        ("created_at_formatted", String::new()),
        ("due_amount_formatted", formatted_with(&sign, due(invoice))),
        ("payment_amount_formatted", formatted(paid)),
        ("balance_amount_formatted", formatted(paid)),
        ("exchange_rate_formatted", formatted(rate)),
        ("subtotal_formatted", formatted(amount)),
        ("subtotal_local_formatted", formatted(local)),
        ("subtotal_exluding_tax_formatted", formatted(amount)),
        ("tax_amount_withheld_formatted", formatted(0)),
        ("tax_amount_withheld_local_formatted", formatted(0)),
        ("total_formatted", formatted_with(&sign, amount)),
        ("total_local_formatted", formatted(local)),
        ("discount_amount_formatted", formatted(0)),
        ("discount_percentage_formatted", String::new()),
        ("adjustment_formatted", formatted(0)),
    ] {
        view[name] = text.into();
    }
    Ok(view)
}

/// As in the list: with its lines and its customer.
pub(super) fn listed(desk: &Desk<'_>, id: i64) -> Result<Value, Refusal> {
    let invoice = desk.row("big_invoice", id)?.ok_or_else(Refusal::not_found)?;
    let mut view = full(desk, &invoice)?;
    let rows = desk.rows("SELECT * FROM big_invoice_entry WHERE invoice_id = ?1 ORDER BY place", id)?;
    view["entries"] = rows.iter().map(|row| entry(desk, row)).collect::<Result<Vec<_>, _>>()?.into();
    let customer = customers::find(desk, invoice.int("customer_id"))?;
    view["customer"] = customer_view::base(desk, &customer);
    Ok(view)
}

fn entry(desk: &Desk<'_>, entry: &Row) -> Result<Value, Refusal> {
    let (rate, quantity) = (entry.int("rate"), entry.int("quantity"));
    let total = figures::times(rate, rust_decimal::Decimal::new(quantity, 3));
    let amount = figures::json(total);
    let item = accounts::item(desk, entry.int("item_id"))?;
    Ok(json!({
        "id": entry.int("id"), "index": entry.int("place"), "description": null, "discount": null,
        "quantity": figures::json(quantity), "rate": figures::json(rate),
        "amount": amount, "subtotal": amount, "total": amount, "reference_type": "SaleInvoice",
        "reference_id": entry.int("invoice_id").to_string(), "item_id": entry.int("item_id"),
        "discount_type": "percentage", "sell_account_id": item["sell_account_id"].clone(),
        "item": item,
        "cost_account_id": null, "landed_cost": 0, "allocated_cost_amount": 0, "created_at": null,
        "updated_at": null, "warehouse_id": null, "project_id": null, "project_ref_id": null,
        "project_ref_type": null, "project_ref_invoiced_amount": 0, "is_inclusive_tax": 0,
        "tax_rate_id": null, "tax_rate": null, "tax_amount": 0, "subtotal_inclusing_tax": amount,
        "subtotal_excluding_tax": amount, "discount_amount": 0, "quantity_formatted": formatted(quantity),
        "rate_formatted": formatted(rate), "total_formatted": formatted(total),
    }))
}

/// As in the refusal of a payment for it: every name in camelCase.
pub(super) fn in_refusal(desk: &Desk<'_>, invoice: &Row) -> Value {
    let Value::Object(view) = base(desk, invoice) else { return Value::Null };
    Value::Object(view.into_iter().map(|(name, value)| (super::ask::camel(&name), value)).collect())
}
