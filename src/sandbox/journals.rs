//! Payment journals: batches of the cash receipts template.
//!
//! Source: the API v2.0 customer payment journals page; a batch made by the API gets neither a number series nor the
//! template's balancing account.

use rusqlite::types::Value as Sql;

use super::books::change::{self, cells};
use super::books::{Turn, find};
use super::draft::{Draft, Rule, dialog, no_record, same_key, text};
use super::odata::{Guid, ODataError, Record, Value, entity_by_set};
use super::references::lookup;
use super::wish::Wish;

/// The template whose batches are payment journals.
const TEMPLATE: &str = "CASHRCPT";

const COLUMNS: &[&str] = &["id", "code", "displayName", "balancingAccountId", "balancingAccountNumber"];

const RULES: &[Rule] = &[code_is_there, code_is_free, account_exists];

/// Creates a payment journal.
pub(super) fn create(turn: &Turn<'_>, wish: Wish) -> Result<Record, ODataError> {
    let entity = entity_by_set("customerPaymentJournals").expect("payment journals are an entity set");
    let mut draft = Draft::create(entity, wish);
    draft.apply(turn, RULES)?;
    let mut cells = cells(&draft.record, COLUMNS);
    cells.push(("template", Sql::Text(TEMPLATE.to_owned())));
    change::insert(turn, "journal_batch", cells)?;
    stored(turn, draft.record.id())
}

/// Changes a payment journal; its lines follow it when its code changes.
pub(super) fn update(turn: &Turn<'_>, before: &Record, wish: Wish) -> Result<Record, ODataError> {
    let mut draft = Draft::change(before, wish);
    draft.apply(turn, RULES)?;
    change::update(turn, "journal_batch", before.id(), cells(&draft.record, &COLUMNS[1..]))?;
    let mut lines = turn
        .connection
        .prepare_cached("UPDATE payment_line SET journalDisplayName = ?2 WHERE journalId = ?1")?;
    lines.execute((before.id().0, draft.text("code")))?;
    stored(turn, before.id())
}

/// Deletes a payment journal and its lines.
pub(super) fn delete(turn: &Turn<'_>, journal: &Record) -> Result<(), ODataError> {
    change::delete(turn, "payment_line", "journalId", journal.id())?;
    Ok(change::delete(turn, "journal_batch", "id", journal.id())?)
}

fn stored(turn: &Turn<'_>, id: Guid) -> Result<Record, ODataError> {
    let entity = entity_by_set("customerPaymentJournals").expect("payment journals are an entity set");
    find(turn, entity, &vec![("id", Value::Guid(id))])?
        .ok_or_else(|| no_record("Gen. Journal Batch", &id.to_string()))
}

fn code_is_there(_turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    if draft.text("code").is_empty() {
        return Err(ODataError::new(
            400,
            "BadRequest_RequiredParamNotProvided",
            "The 'code' must be provided.",
        ));
    }
    Ok(())
}

fn code_is_free(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let code = draft.text("code");
    let is_same = draft.stored.as_ref().is_some_and(|stored| text(stored, "code") == code);
    if !is_same
        && lookup::<i64>(turn, "SELECT 1 FROM customerPaymentJournals WHERE code = ?1", code)?.is_some()
    {
        let key = format!("Journal Template Name='{TEMPLATE}',Name='{code}'");
        return Err(same_key("Gen. Journal Batch", &key));
    }
    Ok(())
}

/// Only a G/L account can balance a journal here; nil stands for none.
fn account_exists(turn: &Turn<'_>, draft: &mut Draft) -> Result<(), ODataError> {
    let id = draft.guid("balancingAccountId");
    let number: Option<String> = lookup(turn, "SELECT number FROM accounts WHERE id = ?1", id.0)?;
    if number.is_none() && !id.is_nil() {
        return Err(dialog("The \"balancingAccountNumber\" does not match to a G/L Account."));
    }
    draft.set_text("balancingAccountNumber", number.unwrap_or_default());
    Ok(())
}
