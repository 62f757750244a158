//! Reports: what every customer owes at a date, and how it came about.
//!
//! Amounts are in the organization's currency. They are summed as doubles, so that they carry the same binary noise
//! as those of the real server (`238.16000000000003`), which a client has to round away.

use serde_json::{Value, json};

use super::accounts;
use super::ask::Ask;
use super::desk::{Desk, Row};
use super::figures::{double, float, formatted, formatted_with, instant};
use super::refusal::{Refusal, json_answer};
use crate::sandbox::call::Answer;

/// Entries of a customer's receivables up to a day.
fn entries(desk: &Desk<'_>, customer: i64, until: &str) -> Result<Vec<Row>, Refusal> {
    let sql = "SELECT l.*, a.name AS account_name FROM big_ledger l JOIN big_account a ON a.id = l.account_id
        WHERE l.contact_id = ?1 AND a.account_type = 'accounts-receivable' ORDER BY l.date, l.id";
    let mut rows = desk.rows(sql, customer)?;
    rows.retain(|row| until.is_empty() || row.text("date") <= until);
    Ok(rows)
}

/// The exact sum in thousandths, and the one a script gets.
fn sums(entries: &[Row]) -> (i64, f64) {
    let exact = entries.iter().map(|row| row.int("debit") - row.int("credit")).sum();
    let side = |name: &str| entries.iter().map(|row| double(row.int(name))).sum::<f64>();
    (exact, side("debit") - side("credit"))
}

/// The customers asked for, by name.
fn customers(desk: &Desk<'_>, ask: &Ask) -> Result<Vec<Row>, Refusal> {
    let mut rows =
        desk.rows("SELECT id, display_name FROM big_contact ORDER BY display_name COLLATE NOCASE, id", 0)?;
    let wanted = ask.parameters("customersIds");
    rows.retain(|row| wanted.is_empty() || wanted.contains(&row.int("id").to_string().as_str()));
    Ok(rows)
}

fn number_format() -> Value {
    json!({
        "precision": 2, "divide_on1000": false, "show_zero": false, "format_money": "total",
        "negative_format": "mines",
    })
}

fn meta(desk: &Desk<'_>, sheet: &str, extra: Value) -> Result<Value, Refusal> {
    let mut meta = json!({
        "organization_name": desk.setup("organization_name")?, "base_currency": desk.setup("base_currency")?,
        "date_format": "MM/DD/YYYY", "is_cost_compute_running": false, "sheet_name": sheet,
    });
    if let (Value::Object(meta), Value::Object(extra)) = (&mut meta, extra) {
        meta.extend(extra);
    }
    Ok(meta)
}

/// `GET reports/customer-balance-summary`: as JSON, or as a table when the client names that type.
pub(super) fn balances(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let base = desk.setup("base_currency")?;
    let sign = accounts::sign(desk, &base)?;
    let as_date = ask.parameter("asDate").unwrap_or_default();
    let mut shown = Vec::new();
    let mut lines =
        vec![("contact_summary_balance.account_name".to_owned(), "contact_summary_balance.total".to_owned())];
    let (mut exact_total, mut total) = (0, 0.0);
    for customer in customers(desk, ask)? {
        let entries = entries(desk, customer.int("id"), as_date)?;
        if entries.is_empty() {
            continue;
        }
        let (exact, noisy) = sums(&entries);
        exact_total += exact;
        total += noisy;
        let amount = formatted_with(&sign, exact);
        lines.push((customer.text("display_name").to_owned(), amount.clone()));
        shown.push(json!({
            "id": customer.int("id"),
            "total": { "amount": float(noisy), "formatted_amount": amount, "currency_code": base },
            "customer_name": customer.text("display_name"),
        }));
    }
    let total_text = formatted_with(&sign, exact_total);
    if ask.accepts("application/csv") {
        lines.push(("Total".to_owned(), total_text));
        return Ok(table(&lines));
    }
    let day = as_date.replace('-', "/");
    let body = json!({
        "data": {
            "customers": shown,
            "total": { "total": { "amount": float(total), "formatted_amount": total_text, "currency_code": base } },
        },
        "query": {
            "as_date": as_date, "number_format": number_format(), "percentage_column": false,
            "none_zero": false, "none_transactions": true,
        },
        "meta": meta(desk, "Customer Balance Summary", json!({
            "formatted_as_date": day, "formatted_date_range": format!("As {day}"),
        }))?,
    });
    Ok(json_answer(200, &body))
}

/// Two columns as comma-separated text.
fn table(lines: &[(String, String)]) -> Answer {
    let cell = |text: &str| {
        let is_plain = !text.contains([',', '"', '\n']);
        if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
    };
    let lines: Vec<_> = lines.iter().map(|(one, other)| format!("{},{}", cell(one), cell(other))).collect();
    Answer {
        status: 200,
        headers: vec![("content-disposition", "attachment; filename=output.csv".to_owned())],
        content_type: "text/csv; charset=utf-8",
        body: lines.join("\n").into_bytes(),
    }
}

/// `GET reports/transactions-by-customers`
pub(super) fn transactions(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let sign = accounts::sign(desk, &desk.setup("base_currency")?)?;
    let (from, to) =
        (ask.parameter("fromDate").unwrap_or_default(), ask.parameter("toDate").unwrap_or_default());
    let money = |exact: i64, noisy: f64| json!({ "amount": float(noisy), "formatted_amount": formatted_with(&sign, exact) });
    let mut data = Vec::new();
    for customer in customers(desk, ask)? {
        let entries = entries(desk, customer.int("id"), to)?;
        let split = entries.iter().position(|row| row.text("date") >= from).unwrap_or(entries.len());
        let (before, within) = entries.split_at(split);
        if within.is_empty() {
            continue;
        }
        let (opening, opening_noisy) = sums(before);
        let (closing, closing_noisy) = sums(&entries);
        let (mut running, mut running_noisy) = (opening, opening_noisy);
        let transactions: Vec<Value> = within
            .iter()
            .map(|row| {
                running += row.int("debit") - row.int("credit");
                running_noisy += double(row.int("debit")) - double(row.int("credit"));
                json!({
                    "credit": side(row.int("credit")), "debit": side(row.int("debit")),
                    "date": instant(row.text("date"), desk.offset), "account_name": row.text("account_name"),
                    "transaction_number": row.json_text("number"), "transaction_type": "", "created_at": null,
                    "running_balance": money(running, running_noisy),
                })
            })
            .collect();
        data.push(json!({
            "transactions": transactions, "customer_name": customer.text("display_name"),
            "opening_balance": money(opening, opening_noisy), "closing_balance": money(closing, closing_noisy),
        }));
    }
    let (start, end) = (from.replace('-', "/"), to.replace('-', "/"));
    let body = json!({
        "data": data,
        "query": {
            "comparison": { "percentage_of_column": true }, "from_date": from, "to_date": to,
            "number_format": number_format(), "none_zero": false, "none_transactions": true,
            "customers_ids": ask.parameters("customersIds"),
        },
        "meta": meta(desk, "Transactions By Customers", json!({
            "formatted_from_date": start, "formatted_to_date": end,
            "formatted_date_range": format!("From {start} | To {end}"),
        }))?,
    });
    Ok(json_answer(200, &body))
}

fn side(amount: i64) -> Value {
    let text = if amount == 0 { String::new() } else { formatted(amount) };
    json!({ "amount": float(double(amount)), "formatted_amount": text })
}
