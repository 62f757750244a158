//! Customers: created, edited, opened with a balance, deleted.
//!
//! Promises: nothing about a customer is unique; a postal code cannot be stored; the balance in the answer to a
//! write is the one before it.

use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::check::{
    Kind, Property, check, check_storable, complaint, keep_known, optional, problems, required,
};
use super::customer_view::{self, TEXTS};
use super::desk::{Cells, Desk, Row, rate_cell, text_cell};
use super::figures::{day_in, thousandths};
use super::ledger;
use super::refusal::{Refusal, json_answer};
use crate::sandbox::call::Answer;

const EMAIL: Kind = Kind::Email { may_be_blank: false };

/// Known to the description, without a column behind them: a value is a failure of the server.
const ZIP_CODES: [&str; 2] = ["billingAddressZipcode", "shippingAddressZipcode"];

/// What create and edit take alike; the e-mail of the customer differs.
const COMMON: &[Property] = &[
    required("customerType", Kind::Text),
    required("displayName", Kind::Text),
    optional("salutation", Kind::Text),
    optional("firstName", Kind::Text),
    optional("lastName", Kind::Text),
    optional("companyName", Kind::Text),
    optional("workPhone", Kind::Text),
    optional("personalPhone", Kind::Text),
    optional("website", Kind::Text),
    optional("note", Kind::Text),
    optional("active", Kind::Flag),
    optional("billingAddress1", Kind::Text),
    optional("billingAddress2", Kind::Text),
    optional("billingAddressCity", Kind::Text),
    optional("billingAddressState", Kind::Text),
    optional("billingAddressCountry", Kind::Text),
    optional("billingAddressPhone", Kind::Text),
    optional("billingAddressEmail", EMAIL),
    optional("billingAddressZipcode", Kind::Text),
    optional("shippingAddress1", Kind::Text),
    optional("shippingAddress2", Kind::Text),
    optional("shippingAddressCity", Kind::Text),
    optional("shippingAddressState", Kind::Text),
    optional("shippingAddressCountry", Kind::Text),
    optional("shippingAddressPhone", Kind::Text),
    optional("shippingAddressEmail", EMAIL),
    optional("shippingAddressZipcode", Kind::Text),
];

/// What only create takes.
const NEW: &[Property] = &[
    required("currencyCode", Kind::Text),
    optional("email", Kind::Email { may_be_blank: true }),
    optional("openingBalance", Kind::Number),
    optional("openingBalanceAt", Kind::Text),
    optional("openingBalanceExchangeRate", Kind::Number),
    optional("openingBalanceBranchId", Kind::Whole),
];

/// `POST customers`
pub(super) fn create(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let properties: Vec<Property> = NEW.iter().chain(COMMON).copied().collect();
    let body = keep_known(&ask.body, &properties);
    let mut broken = problems(&body, &properties);
    broken.extend(undated_opening(&body));
    if !broken.is_empty() {
        return Err(Refusal::validation(&broken));
    }
    check_columns(&body)?;
    let opening = body.get("openingBalance").filter(|amount| !amount.is_null());
    let amount = opening.map_or(Ok(0), thousandths)?;
    let branch = body.get("openingBalanceBranchId").and_then(Value::as_i64);
    let branch = if amount == 0 { None } else { ledger::check_branch(desk, branch)? };
    let id = desk.next("contact")?;
    let mut cells = text_cells(&body);
    let now = Timestamp::now().as_millisecond();
    cells.extend([
        ("id", id.into()),
        ("currency_code", text_cell(body.get("currencyCode"))),
        ("balance", 0.into()),
        ("opening_balance", amount.into()),
        ("opening_balance_at", opening_day(desk, &body)?),
        ("opening_balance_exchange_rate", rate_cell(body.get("openingBalanceExchangeRate"))),
        ("opening_balance_branch_id", branch.into()),
        ("made", now.into()),
        ("changed", now.into()),
    ]);
    if !cells.iter().any(|(name, _)| *name == "active") {
        cells.push(("active", 1.into()));
    }
    desk.insert("big_contact", cells)?;
    let contact = find(desk, id)?;
    ledger::post_opening(desk, &contact)?;
    Ok(json_answer(201, &customer_view::base(desk, &contact)))
}

/// The complaint about an opening balance without its day.
fn undated_opening(body: &Map<String, Value>) -> Option<Value> {
    let day = body.get("openingBalanceAt");
    let is_dated = day.and_then(Value::as_str).is_some_and(|day| !day.is_empty());
    if body.get("openingBalance").is_none_or(Value::is_null) || is_dated {
        return None;
    }
    let mut constraints = Map::new();
    if !day.is_some_and(Value::is_string) {
        constraints.insert("isString".to_owned(), "openingBalanceAt must be a string".into());
    }
    let words = "openingBalanceAt is required when openingBalance is provided";
    constraints.insert("isNotEmpty".to_owned(), words.into());
    Some(complaint(body, "openingBalanceAt", constraints))
}

/// The day of the opening balance; text that names none fails in the database.
fn opening_day(desk: &Desk<'_>, body: &Map<String, Value>) -> Result<Sql, Refusal> {
    match body.get("openingBalanceAt").and_then(Value::as_str) {
        None | Some("") => Ok(Sql::Null),
        Some(text) => {
            let day = day_in(text, desk.offset).ok_or_else(Refusal::server)?;
            Ok(Sql::Text(day.to_string()))
        }
    }
}

/// Fails where the database would.
fn check_columns(body: &Map<String, Value>) -> Result<(), Refusal> {
    check_storable(body)?;
    let has_zip_code = ZIP_CODES.iter().any(|name| body.get(*name).is_some_and(|value| !value.is_null()));
    if has_zip_code { Err(Refusal::server()) } else { Ok(()) }
}

/// The columns that a body of create or edit fills as it is.
fn text_cells(body: &Map<String, Value>) -> Cells {
    let mut cells = Cells::new();
    for (name, column) in
        TEXTS.iter().copied().chain([("customerType", "contact_type"), ("displayName", "display_name")])
    {
        if body.contains_key(name) {
            cells.push((column, text_cell(body.get(name))));
        }
    }
    if let Some(active) = body.get("active").and_then(Value::as_bool) {
        cells.push(("active", i64::from(active).into()));
    }
    cells
}

/// `PUT customers/:id`: what is left out stays, null clears, currency and opening balance are ignored.
pub(super) fn edit(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let properties: Vec<Property> = COMMON.iter().copied().chain([optional("email", EMAIL)]).collect();
    let body = check(&ask.body, &properties)?;
    let before = asked(desk, ask)?;
    check_columns(&body)?;
    let mut cells = text_cells(&body);
    cells.push(("changed", Timestamp::now().as_millisecond().into()));
    desk.update("big_contact", before.int("id"), cells)?;
    let after = find(desk, before.int("id"))?;
    Ok(json_answer(200, &customer_view::base(desk, &after)))
}

/// `PUT customers/:id/opening-balance`: replaces the opening entry, zero removes it.
pub(super) fn set_opening(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let properties = [
        required("openingBalance", Kind::Number),
        optional("openingBalanceAt", Kind::Text),
        optional("openingBalanceExchangeRate", Kind::Number),
        optional("openingBalanceBranchId", Kind::Whole),
    ];
    let body = check(&ask.body, &properties)?;
    let before = asked(desk, ask)?;
    let id = before.int("id");
    let amount = thousandths(&body["openingBalance"])?;
    let mut cells: Cells = vec![("opening_balance", amount.into())];
    if body.contains_key("openingBalanceAt") {
        cells.push(("opening_balance_at", opening_day(desk, &body)?));
    }
    if let Some(rate) = body.get("openingBalanceExchangeRate") {
        cells.push(("opening_balance_exchange_rate", rate_cell(Some(rate))));
    }
    if amount != 0 {
        let branch = body.get("openingBalanceBranchId").and_then(Value::as_i64);
        let branch = branch.or(before.maybe_int("opening_balance_branch_id"));
        cells.push(("opening_balance_branch_id", ledger::check_branch(desk, branch)?.into()));
    }
    desk.update("big_contact", id, cells)?;
    let answer = customer_view::base(desk, &find(desk, id)?);
    ledger::revert(desk, "CustomerOpeningBalance", id)?;
    ledger::post_opening(desk, &find(desk, id)?)?;
    Ok(json_answer(200, &answer))
}

/// `GET customers/:id`
pub(super) fn get(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    Ok(json_answer(200, &customer_view::full(desk, &asked(desk, ask)?)))
}

/// `DELETE customers/:id`: a customer with documents fails in the database.
pub(super) fn delete(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let contact = asked(desk, ask)?;
    remove(desk, contact.int("id"))?;
    Ok(json_answer(200, &Value::Null))
}

fn remove(desk: &Desk<'_>, id: i64) -> Result<(), Refusal> {
    if has_documents(desk, id)? {
        return Err(Refusal::server());
    }
    ledger::revert(desk, "CustomerOpeningBalance", id)?;
    desk.delete("big_contact", "id", id)
}

fn has_documents(desk: &Desk<'_>, id: i64) -> Result<bool, Refusal> {
    Ok(desk.has("big_invoice", "customer_id", id)?
        || desk.has("big_payment", "customer_id", id)?
        || desk.has("big_journal_entry", "contact_id", id)?)
}

/// `POST customers/validate-bulk-delete`
pub(super) fn validate_deletes(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    check(&ask.body, &[required("ids", Kind::Values)])?;
    let is_deletable = |id| Ok(desk.has("big_contact", "id", id)? && !has_documents(desk, id)?);
    sort_out(&ask.listed_ids(), is_deletable).map(|body| json_answer(201, &body))
}

/// Which of `ids` could be deleted.
pub(super) fn sort_out(
    ids: &[i64],
    mut is_deletable: impl FnMut(i64) -> Result<bool, Refusal>,
) -> Result<Value, Refusal> {
    let (mut yes, mut no) = (Vec::new(), Vec::new());
    for id in ids {
        if is_deletable(*id)? { yes.push(*id) } else { no.push(*id) }
    }
    Ok(json!({
        "deletable_count": yes.len(), "non_deletable_count": no.len(), "deletable_ids": yes,
        "non_deletable_ids": no,
    }))
}

/// `POST customers/bulk-delete`: those before the first that fails stay deleted.
pub(super) fn delete_all(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    check(&ask.body, &[required("ids", Kind::Values), optional("skipUndeletable", Kind::Flag)])?;
    let skips = ask.body.get("skipUndeletable").and_then(Value::as_bool).unwrap_or(false);
    for id in ask.listed_ids() {
        let deleted = desk.attempt(|| {
            find(desk, id)?;
            remove(desk, id)
        });
        if deleted.is_err() && !skips {
            return deleted.map(|()| json_answer(201, &Value::Null));
        }
    }
    Ok(json_answer(201, &Value::Null))
}

/// `PATCH contacts/:id/activate`
pub(super) fn activate(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    switch(desk, ask, true)?;
    Ok(json_answer(200, &json!({ "id": ask.id(), "activated": true })))
}

/// `PATCH contacts/:id/inactivate`
pub(super) fn inactivate(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    switch(desk, ask, false)?;
    Ok(json_answer(200, &json!({ "id": ask.id(), "inactivated": true })))
}

fn switch(desk: &Desk<'_>, ask: &Ask, active: bool) -> Result<(), Refusal> {
    let contact = asked(desk, ask)?;
    if (contact.int("active") == 1) == active {
        let already = if active { "CONTACT_ALREADY_ACTIVE" } else { "CONTACT_ALREADY_INACTIVE" };
        return Err(Refusal::domain(already));
    }
    desk.update("big_contact", contact.int("id"), vec![("active", i64::from(active).into())])
}

/// The customer with this id.
pub(super) fn find(desk: &Desk<'_>, id: i64) -> Result<Row, Refusal> {
    desk.row("big_contact", id)?.ok_or_else(Refusal::not_found)
}

fn asked(desk: &Desk<'_>, ask: &Ask) -> Result<Row, Refusal> {
    find(desk, ask.id().ok_or_else(Refusal::not_found)?)
}
