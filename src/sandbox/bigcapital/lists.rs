//! The lists of customers, invoices, payments and manual journals.

use rusqlite::types::Value as Sql;
use serde_json::Value;

use super::ask::Ask;
use super::desk::Desk;
use super::listing::{self, Field, FieldKind, List, field, text};
use super::refusal::{Refusal, json_answer};
use super::{customer_view, customers, invoice_view, journals, payment_view};
use crate::sandbox::call::Answer;

/// Active customers, or inactive ones; never both.
const CUSTOMERS: List = List {
    rows: "SELECT *, CASE active WHEN 1 THEN 'active' ELSE 'inactive' END AS status FROM big_contact
        WHERE active = ?1 ORDER BY id",
    fields: &[
        text("first_name"),
        text("last_name"),
        text("display_name"),
        text("email"),
        text("work_phone"),
        text("personal_phone"),
        text("company_name"),
        text("website"),
        field("created_at", FieldKind::Day),
        field("balance", FieldKind::Amount),
        field("opening_balance", FieldKind::Amount),
        field("opening_balance_at", FieldKind::Day),
        text("currency_code"),
        text("status"),
    ],
    name: "customers",
    checks_pages: true,
};

const INVOICES: List = List {
    rows: "SELECT *, amount - payment_amount AS due_amount FROM big_invoice WHERE ?1 = ?1 ORDER BY id",
    fields: &[
        Field { name: "customer", column: "customer_id", kind: FieldKind::Whole },
        text("invoice_no"),
        field("invoice_date", FieldKind::Day),
        field("due_date", FieldKind::Day),
        text("reference_no"),
        field("amount", FieldKind::Amount),
        field("payment_amount", FieldKind::Amount),
        field("due_amount", FieldKind::Amount),
        field("created_at", FieldKind::Day),
    ],
    name: "sales_invoices",
    checks_pages: false,
};

const PAYMENTS: List = List {
    rows: "SELECT * FROM big_payment WHERE ?1 = ?1 ORDER BY id",
    fields: &[
        Field { name: "customer", column: "customer_id", kind: FieldKind::Whole },
        field("payment_date", FieldKind::Day),
        field("amount", FieldKind::Amount),
        text("reference_no"),
        Field { name: "deposit_account", column: "deposit_account_id", kind: FieldKind::Whole },
        text("payment_receive_no"),
        text("statement"),
        field("created_at", FieldKind::Day),
    ],
    name: "payment_receives",
    checks_pages: false,
};

const JOURNALS: List = List {
    rows: "SELECT * FROM big_journal WHERE ?1 = ?1 ORDER BY id",
    fields: &[
        field("date", FieldKind::Day),
        text("journal_number"),
        text("reference"),
        text("description"),
        field("amount", FieldKind::Amount),
        field("created_at", FieldKind::Day),
    ],
    name: "manual_journals",
    checks_pages: false,
};

/// `GET customers`
pub(super) fn customers(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    match ask.parameter("viewSlug") {
        None | Some("" | "unpaid") => {}
        Some("overdue") => return Err(Refusal::server()),
        Some(_) => return Err(Refusal::domain("view_not_found")),
    }
    let unpaid = List {
        rows: "SELECT *, 'active' AS status FROM big_contact WHERE active = ?1 AND balance > 0 ORDER BY id",
        ..CUSTOMERS
    };
    let list = if ask.parameter("viewSlug") == Some("unpaid") { &unpaid } else { &CUSTOMERS };
    let show = |id| Ok(customer_view::full(desk, &customers::find(desk, id)?));
    Ok(json_answer(200, &listing::answer(desk, ask, list, show)?))
}

/// `GET contacts/auto-complete`: ten at most.
pub(super) fn auto_complete(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let word = ask.parameter("keyword").unwrap_or_default();
    let rows = desk.rows("SELECT * FROM big_contact ORDER BY id", 0)?;
    let found =
        rows.iter().filter(|row| listing::fold(row.text("display_name")).contains(&listing::fold(word)));
    let found: Vec<Value> = found.take(10).map(|row| customer_view::base(desk, row)).collect();
    Ok(json_answer(200, &found.into()))
}

/// `GET sale-invoices`
pub(super) fn invoices(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let show = |id| invoice_view::listed(desk, id);
    Ok(json_answer(200, &listing::answer(desk, ask, &INVOICES, show)?))
}

/// `GET sale-invoices/receivable`: delivered and not fully paid, of one customer or all; no pages.
pub(super) fn receivable(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let customer = ask.parameter("customerId").and_then(|id| id.parse::<i64>().ok());
    let sql = "SELECT * FROM big_invoice WHERE delivered_at IS NOT NULL AND payment_amount < amount
        AND (?1 IS NULL OR customer_id = ?1) ORDER BY id";
    let rows = desk.rows(sql, customer.map_or(Sql::Null, Sql::Integer))?;
    let invoices: Vec<Value> = rows.iter().map(|row| invoice_view::base(desk, row)).collect();
    Ok(json_answer(200, &invoices.into()))
}

/// `GET payments-received`
pub(super) fn payments(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let show = |id| payment_view::listed(desk, id);
    Ok(json_answer(200, &listing::answer(desk, ask, &PAYMENTS, show)?))
}

/// `GET manual-journals`
pub(super) fn journals(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let show = |id| journals::listed(desk, id);
    Ok(json_answer(200, &listing::answer(desk, ask, &JOURNALS, show)?))
}
