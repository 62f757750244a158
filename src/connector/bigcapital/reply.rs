//! Answers to writes: what they say of each operation.
//!
//! Source: four shapes of errors, told apart by what the body holds: validation (400, a list of messages that repeats
//! the whole request), domain (400, `errors[0].type`), not found (404), and a bare 500.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lookup::receipt;
use crate::connector::Verdict;
use crate::connector::fields::Fields;
use crate::domain::{Action, Receipt, Refusal};

/// How many broken rules of a validation are told.
const TOLD: usize = 5;

/// What the types of domain errors mean for a person; they come without words.
const TYPES: [(&str, &str); 17] = [
    ("PAYMENT_RECEIVE_NO_EXISTS", "a payment with this number exists already"),
    ("PAYMENT_RECEIVE_NO_REQUIRED", "a payment needs a number"),
    ("PAYMENT_RECEIVE_NO_IS_REQUIRED", "a payment needs a number"),
    ("PAYMENT_RECEIVE_NOT_EXISTS", "there is no such payment any more"),
    ("DEPOSIT_ACCOUNT_NOT_FOUND", "the deposit account does not exist"),
    ("DEPOSIT_ACCOUNT_INVALID_TYPE", "the deposit account is no bank, cash or other current asset account"),
    (
        "PAYMENT_ACCOUNT_CURRENCY_INVALID",
        "the deposit account is neither in the base nor in the customer's currency",
    ),
    ("INVALID_PAYMENT_AMOUNT", "the amount is more than is due on the invoice"),
    ("INVOICES_IDS_NOT_FOUND", "the invoice does not exist or is another customer's"),
    ("INVOICES_NOT_DELIVERED_YET", "the invoice is a draft; deliver it first"),
    ("ENTRIES_IDS_NOT_EXISTS", "an entry of the payment does not exist any more"),
    ("PAYMENT_CUSTOMER_SHOULD_NOT_UPDATE", "the customer of a payment cannot be changed"),
    ("TRANSACTIONS_DATE_LOCKED", "the date is in a locked period"),
    ("BRANCH_ID_REQUIRED", "the organization has branches, and the row names none"),
    ("BRANCH_ID_NOT_FOUND", "the branch does not exist"),
    ("CONTACT_ALREADY_ACTIVE", "the customer is active already"),
    ("CONTACT_ALREADY_INACTIVE", "the customer is inactive already"),
];

/// What one answer says of one operation; `pause` is what the answer asked for.
#[must_use]
pub fn interpret(action: Action, status: u16, pause: Option<Duration>, body: &[u8]) -> Verdict {
    if (200..300).contains(&status) {
        return accepted(action, status, body);
    }
    if status == 429 {
        return Verdict::NotDone(pause);
    }
    let refusal = refusal(status, body);
    let meets_a_record = matches!(action, Action::Update | Action::Delete);
    if !has_own_words(body) {
        return by_a_stranger(meets_a_record, pause, &refusal);
    }
    match (status, refusal.code.as_str()) {
        (401 | 403, _) => Verdict::NotPermitted(refusal),
        (_, "PAYMENT_RECEIVE_NO_EXISTS") => Verdict::KeyTaken(refusal),
        // It is as the row wants it, or somebody else has changed it: the record tells.
        (_, "CONTACT_ALREADY_ACTIVE" | "CONTACT_ALREADY_INACTIVE") => Verdict::Stale(refusal),
        (_, "PAYMENT_RECEIVE_NOT_EXISTS") if meets_a_record => Verdict::Gone(refusal),
        // An unknown route: nothing is wrong with the row.
        (404 | 405, _) if refusal.message.starts_with("Cannot ") => Verdict::NotDone(pause),
        (404 | 410, _) if meets_a_record => Verdict::Gone(refusal),
        (408, _) => Verdict::InDoubt(words(&refusal)),
        (400..=499, _) => Verdict::Refused(refusal),
        // Whatever was begun is rolled back: with one writer the same row meets the same end.
        (500, _) => Verdict::Failed(refusal),
        _ => Verdict::InDoubt(words(&refusal)),
    }
}

/// What a status alone says, without the target's own words: most likely a proxy's page. One that keeps people out may
/// read answers too, and hold back the one to what was carried out.
fn by_a_stranger(meets_a_record: bool, pause: Option<Duration>, refusal: &Refusal) -> Verdict {
    match refusal.status {
        404 | 410 if meets_a_record => Verdict::InDoubt(words(refusal)),
        400 | 404 | 405 | 410 | 411 | 413 | 414 | 415 | 417 | 421 | 426 | 431 | 501 => {
            Verdict::NotDone(pause)
        }
        _ => Verdict::InDoubt(words(refusal)),
    }
}

fn words(refusal: &Refusal) -> String {
    format!("the target answered {}: {}", refusal.status, refusal.message)
}

/// A 2xx is believed when it carries the record; an answer to a deletion carries nothing.
fn accepted(action: Action, status: u16, body: &[u8]) -> Verdict {
    let text = std::str::from_utf8(body).unwrap_or("?").trim();
    if action == Action::Delete && text.is_empty() {
        return Verdict::Accepted(Receipt::default());
    }
    match receipt(text).filter(|receipt| !receipt.remote_id.is_empty()) {
        // The answer to a write is older than its postings, so nothing but the id is taken from it.
        Some(receipt) => Verdict::Accepted(Receipt { key: String::new(), ..receipt }),
        None => Verdict::InDoubt(format!("the target answered {status} without the record")),
    }
}

/// Whether an answer to a lookup says that there is no such record.
pub(super) fn is_absence(status: u16, body: &[u8]) -> bool {
    let words = Words::read(body);
    (status == 404 && words.message == "NotFoundError") || words.code == "PAYMENT_RECEIVE_NOT_EXISTS"
}

/// Whether an answer that is no success is in Bigcapital's own words.
#[must_use]
pub fn has_own_words(body: &[u8]) -> bool {
    Words::read(body).is_own
}

fn refusal(status: u16, body: &[u8]) -> Refusal {
    let Words { code, mut message, .. } = Words::read(body);
    if message.is_empty() {
        message = format!("HTTP status {status} without an explanation");
    }
    Refusal { status, code, message }
}

#[derive(Default)]
struct Words {
    is_own: bool,
    code: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    status_code: Option<u16>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(default)]
    errors: Vec<DomainError>,
}

#[derive(Deserialize)]
struct DomainError {
    #[serde(rename = "type", default)]
    code: String,
    message: Option<String>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    locked_to_date: Option<String>,
}

/// A broken rule. What the request held stands beside it and is not read.
#[derive(Deserialize)]
struct Broken {
    #[serde(default)]
    property: String,
    #[serde(default)]
    constraints: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    children: Vec<Self>,
}

impl Words {
    fn read(body: &[u8]) -> Self {
        let Ok(read) = serde_json::from_slice::<ErrorBody<'_>>(body) else { return Self::default() };
        if let Some(error) = read.errors.first() {
            return Self { is_own: true, code: error.code.clone(), message: words_of(error) };
        }
        let raw = read.message.map_or("null", RawValue::get);
        let is_own = read.status_code.is_some();
        if let Ok(broken) = serde_json::from_str::<Vec<Broken>>(raw) {
            let mut told = Vec::new();
            for broken in &broken {
                tell(broken, "", &mut told);
            }
            told.truncate(TOLD);
            return Self { is_own, code: "validation".to_owned(), message: told.join("; ") };
        }
        let message = Fields::parse(&format!("{{\"m\":{raw}}}")).map(|fields| fields.text("m").into_owned());
        Self { is_own, code: String::new(), message: message.unwrap_or_default() }
    }
}

fn words_of(error: &DomainError) -> String {
    let known = TYPES.iter().find(|(code, _)| *code == error.code).map(|(_, words)| (*words).to_owned());
    let words = known.or_else(|| error.message.clone()).unwrap_or_else(|| error.code.clone());
    match error.payload.as_ref().and_then(|payload| payload.locked_to_date.as_ref()) {
        Some(date) => format!("{words}, which ends on {date}"),
        None => words,
    }
}

/// The words of every broken rule, those of entries with their place.
fn tell(broken: &Broken, place: &str, told: &mut Vec<String>) {
    let place =
        if place.is_empty() { broken.property.clone() } else { format!("{place}.{}", broken.property) };
    for words in broken.constraints.values().filter_map(|words| words.as_str()) {
        let named = if place == broken.property { words.to_owned() } else { format!("{place}: {words}") };
        told.push(named);
    }
    for child in &broken.children {
        tell(child, &place, told);
    }
}
