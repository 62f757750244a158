//! Manual journals: the way to move a customer's balance by cents, without an invoice.
//!
//! Promises: debits equal credits; a number is used once; only a published journal reaches the ledger.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::accounts;
use super::ask::Ask;
use super::check::{Kind, Property, check, check_storable, optional, required};
use super::desk::{Desk, Row, rate_cell, text_cell};
use super::figures::{
    self, day_in, day_of, formatted, formatted_day, instant, json_decimal, local_moment, thousandths,
};
use super::ledger::{self, Document, Entry};
use super::refusal::{Refusal, json_answer};
use crate::sandbox::call::Answer;

const ENTRY: &[Property] = &[
    optional("index", Kind::Whole),
    optional("debit", Kind::Number),
    optional("credit", Kind::Number),
    required("accountId", Kind::Whole),
    optional("contactId", Kind::Whole),
    optional("note", Kind::Text),
    optional("branchId", Kind::Whole),
];

const JOURNAL: &[Property] = &[
    required("date", Kind::Day),
    optional("journalNumber", Kind::Text),
    optional("reference", Kind::Text),
    optional("description", Kind::Text),
    optional("currencyCode", Kind::Text),
    optional("exchangeRate", Kind::Number),
    optional("publish", Kind::Flag),
    optional("branchId", Kind::Whole),
    required("entries", Kind::List(ENTRY)),
];

/// `POST manual-journals`
pub(super) fn create(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, JOURNAL)?;
    check_storable(&body)?;
    let entries = entries(&body)?;
    let debits: i64 = entries.iter().map(|entry| entry.debit).sum();
    if debits != entries.iter().map(|entry| entry.credit).sum::<i64>() {
        return Err(Refusal::domain("credit_debit_not_equal"));
    }
    for entry in &entries {
        if !desk.has("big_account", "id", entry.account)? {
            return Err(Refusal::domain("accounts_ids_not_found"));
        }
        if let Some(contact) = entry.contact
            && !desk.has("big_contact", "id", contact)?
        {
            return Err(Refusal::domain("contacts_ids_not_found"));
        }
    }
    let number = number(desk, &body)?;
    let date = day_in(body["date"].as_str().unwrap_or_default(), desk.offset).ok_or_else(Refusal::server)?;
    ledger::check_unlocked(desk, "financial", &date.to_string())?;
    let base = desk.setup("base_currency")?;
    let id = desk.next("journal")?;
    let publishes = body.get("publish").and_then(Value::as_bool).unwrap_or(false);
    desk.insert(
        "big_journal",
        vec![
            ("id", id.into()),
            ("journal_number", number.into()),
            ("date", date.to_string().into()),
            ("reference", text_cell(body.get("reference"))),
            ("description", text_cell(body.get("description"))),
            ("amount", debits.into()),
            (
                "currency_code",
                body.get("currencyCode").and_then(Value::as_str).unwrap_or(&base).to_owned().into(),
            ),
            ("exchange_rate", rate_cell(body.get("exchangeRate"))),
            ("published_at", publishes.then(|| Timestamp::now().as_millisecond()).into()),
        ],
    )?;
    let shown = add_entries(desk, id, &body, &entries)?;
    let journal = desk.row("big_journal", id)?.ok_or_else(Refusal::server)?;
    if publishes {
        post(desk, &journal, &entries)?;
    }
    Ok(json_answer(201, &created(desk, &journal, &body, &shown)))
}

/// The number sent, or the next of the series; one that is taken is refused.
fn number(desk: &Desk<'_>, body: &Map<String, Value>) -> Result<String, Refusal> {
    let next = desk.next("journal_number")?;
    let sent = body.get("journalNumber").and_then(Value::as_str).map(str::to_owned);
    let number = sent.unwrap_or_else(|| format!("J-{next:05}"));
    if desk.rows("SELECT id FROM big_journal WHERE journal_number = ?1", number.clone())?.is_empty() {
        Ok(number)
    } else {
        Err(Refusal::rule("journal_number_exists", "The journal number is already exist."))
    }
}

fn entries(body: &Map<String, Value>) -> Result<Vec<Entry>, Refusal> {
    let entries = body["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let amount = |entry: &Value, name: &str| {
        entry.get(name).filter(|amount| !amount.is_null()).map_or(Ok(0), thousandths)
    };
    let entry = |(place, entry): (i64, &Value)| {
        Ok(Entry {
            account: entry["accountId"].as_i64().unwrap_or(0),
            contact: entry.get("contactId").and_then(Value::as_i64),
            debit: amount(entry, "debit")?,
            credit: amount(entry, "credit")?,
            place: entry.get("index").and_then(Value::as_i64).unwrap_or(place),
        })
    };
    (1_i64..).zip(entries).map(entry).collect()
}

/// Stores the entries and gives them as the answer shows them: what was sent, and their ids.
fn add_entries(
    desk: &Desk<'_>,
    journal: i64,
    body: &Map<String, Value>,
    entries: &[Entry],
) -> Result<Vec<Value>, Refusal> {
    let sent = body["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shown = Vec::new();
    for (entry, sent) in entries.iter().zip(sent) {
        let id = desk.next("journal_entry")?;
        desk.insert(
            "big_journal_entry",
            vec![
                ("id", id.into()),
                ("journal_id", journal.into()),
                ("place", entry.place.into()),
                ("debit", entry.debit.into()),
                ("credit", entry.credit.into()),
                ("account_id", entry.account.into()),
                ("contact_id", entry.contact.into()),
                ("note", text_cell(sent.get("note"))),
            ],
        )?;
        let mut view = json!({
            "index": entry.place, "debit": figures::json(entry.debit), "credit": figures::json(entry.credit),
            "id": id, "account_id": entry.account, "manual_journal_id": journal,
        });
        for (name, property) in [("contactId", "contact_id"), ("note", "note")] {
            if let Some(value) = sent.get(name) {
                view[property] = value.clone();
            }
        }
        shown.push(view);
    }
    Ok(shown)
}

/// Posts the entries; only the receivable side of a customer moves a balance.
fn post(desk: &Desk<'_>, journal: &Row, entries: &[Entry]) -> Result<(), Refusal> {
    let document = Document {
        kind: "Journal",
        id: journal.int("id"),
        date: journal.text("date"),
        number: journal.maybe_text("journal_number"),
        reference: journal.maybe_text("reference"),
        currency: journal.text("currency_code"),
        rate: journal.rate("exchange_rate"),
    };
    ledger::post(desk, &document, entries)
}

fn created(desk: &Desk<'_>, journal: &Row, body: &Map<String, Value>, entries: &[Value]) -> Value {
    let mut view = json!({
        "date": journal.text("date"), "entries": entries, "amount": figures::json(journal.int("amount")),
        "id": journal.int("id"), "journal_number": journal.text("journal_number"),
        "currency_code": journal.text("currency_code"),
        "exchange_rate": json_decimal(journal.rate("exchange_rate")), "user_id": 2,
        "is_published": journal.maybe_int("published_at").is_some(),
    });
    for name in ["reference", "description"] {
        if let Some(text) = body.get(name) {
            view[name] = text.clone();
        }
    }
    if let Some(published) = journal.maybe_int("published_at") {
        view["published_at"] = local_moment(published, desk.offset);
    }
    view
}

/// As in the list, with entries and their accounts.
pub(super) fn listed(desk: &Desk<'_>, id: i64) -> Result<Value, Refusal> {
    let journal = desk.row("big_journal", id)?.ok_or_else(Refusal::not_found)?;
    let mut entries = Vec::new();
    for row in desk.rows("SELECT * FROM big_journal_entry WHERE journal_id = ?1 ORDER BY place", id)? {
        entries.push(json!({
            "id": row.int("id"), "credit": figures::json(row.int("credit")),
            "debit": figures::json(row.int("debit")), "index": row.int("place"), "note": row.json_text("note"),
            "account": accounts::by_id(desk, row.int("account_id"))?, "account_id": row.int("account_id"),
            "contact_id": row.json_int("contact_id"), "manual_journal_id": id, "branch_id": null,
            "project_id": null,
        }));
    }
    let published = journal.maybe_int("published_at").map(|at| day_of(at, desk.offset));
    Ok(json!({
        "id": id, "reference": journal.json_text("reference"), "amount": figures::json(journal.int("amount")),
        "date": instant(journal.text("date"), desk.offset), "description": journal.json_text("description"),
        "entries": entries, "journal_number": journal.text("journal_number"), "journal_type": null,
        "currency_code": journal.text("currency_code"),
        "exchange_rate": json_decimal(journal.rate("exchange_rate")),
        "published_at": published.as_deref().map_or(Value::Null, |day| instant(day, desk.offset)),
        "attachment_file": null, "user_id": 2, "created_at": null, "updated_at": null, "branch_id": null,
        "is_published": published.is_some(), "formatted_amount": formatted(journal.int("amount")),
        "formatted_date": formatted_day(journal.maybe_text("date")),
        "formatted_published_at": formatted_day(published.as_deref()), "formatted_created_at": "",
    }))
}
