//! Replies to writes: what they say of each operation.
//!
//! The error code decides first and the status second, because the same status stands for different things.
//!
//! Source: the API's list of error codes and its operational limits; duplicate keys answer 400 or 409.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::dimensions::address;
use crate::connector::fields::{Fields, Name, decode};
use crate::connector::{ReadPause, Verdict};
use crate::domain::{Action, EntityKind, ErrorWords, Receipt, Refusal};

/// What one answer says of one operation; `pause` is what the answer asked for.
#[must_use]
pub fn interpret(action: Action, status: u16, pause: Option<Duration>, body: &[u8]) -> Verdict {
    interpret_of(EntityKind::Customers, action, (status, pause), body)
}

/// As [`interpret`], of an operation on a record of this kind.
pub(super) fn interpret_of(
    kind: EntityKind,
    action: Action,
    (status, pause): (u16, Option<Duration>),
    body: &[u8],
) -> Verdict {
    if (200..300).contains(&status) {
        return accepted(status, body);
    }
    if status == 429 {
        // Whatever its code (it has been seen as `Application_TooManyRequests`), nothing was looked at.
        return Verdict::Throttled(pause);
    }
    let refusal = refusal(status, body);
    if !has_own_words(body) {
        return by_a_stranger(action, pause, refusal);
    }
    if status == 424 {
        return Verdict::RolledBack;
    }
    match refusal.code.as_str() {
        "Internal_EntityWithSameKeyExists" => return Verdict::KeyTaken(refusal),
        "Request_EntityChanged" => return Verdict::Stale(refusal),
        // An unknown route or parent: nothing is wrong with the row, and pages vanish for a while on their own.
        "BadRequest_NotFound" => return Verdict::NotDone(pause),
        // The customer, who stands in the address, is gone: that is of the row alone.
        "BadRequest_ResourceNotFound" if action == Action::Create && kind == EntityKind::Dimensions => {
            return Verdict::Refused(refusal);
        }
        "BadRequest_ResourceNotFound" if action == Action::Create => return Verdict::NotDone(pause),
        "Internal_RecordNotFound" | "Internal_InvalidTableRelation" if action == Action::Create => {
            return Verdict::Refused(refusal);
        }
        code if code.starts_with("Authentication_") || code.starts_with("Authorization_") => {
            return Verdict::NotPermitted(refusal);
        }
        // A business rule stopped the operation, so its transaction was rolled back whatever the status.
        code if code.starts_with("Application_") && !is_lock_trouble(&refusal) => {
            return Verdict::Refused(refusal);
        }
        _ => {}
    }
    by_status(action, pause, refusal)
}

fn by_status(action: Action, pause: Option<Duration>, refusal: Refusal) -> Verdict {
    let is_update = meets_a_record(action);
    match refusal.status {
        401 | 403 => Verdict::NotPermitted(refusal),
        404 | 410 if is_update => Verdict::Gone(refusal),
        404 | 405 | 410 => Verdict::NotDone(pause),
        409 | 412 if is_update => Verdict::Stale(refusal),
        408 | 409 => Verdict::InDoubt(words(&refusal)),
        400..=499 if is_lock_trouble(&refusal) => Verdict::NotDone(pause),
        400..=499 | 501 => Verdict::Refused(refusal),
        _ => Verdict::InDoubt(words(&refusal)),
    }
}

/// Whether the operation is about a record that is there already.
fn meets_a_record(action: Action) -> bool {
    matches!(action, Action::Update | Action::Delete)
}

/// What a status alone says, without the target's error code: most likely a proxy's page.
///
/// Statuses that a proxy gives before it passes a request on say that it was not carried out, and nothing of the
/// row. All others leave it in doubt: also those that forbid, because a firewall reads answers too, and may forbid
/// the answer to a request that was carried out.
fn by_a_stranger(action: Action, pause: Option<Duration>, refusal: Refusal) -> Verdict {
    match refusal.status {
        409 | 412 if meets_a_record(action) => Verdict::Stale(refusal),
        // Whether the record or only the way to it is gone, a lookup tells.
        404 | 410 if meets_a_record(action) => Verdict::InDoubt(words(&refusal)),
        400 | 404 | 405 | 411 | 413 | 414 | 415 | 417 | 421 | 426 | 431 | 501 => Verdict::NotDone(pause),
        _ => Verdict::InDoubt(words(&refusal)),
    }
}

/// A transaction that lost a lock or a deadlock was rolled back and will work later.
///
/// Source: lock time-outs say "was locked by another user", deadlock victims name the deadlock, in the pinned
/// language.
fn is_lock_trouble(refusal: &Refusal) -> bool {
    refusal.message.contains("locked by another user") || refusal.message.contains("deadlock")
}

fn words(refusal: &Refusal) -> String {
    let Refusal { status, message, .. } = refusal;
    format!("the target answered {status}: {message}")
}

/// A 2xx is believed when it carries the record, or says that it carries nothing (204). A proxy's page is no yes.
fn accepted(status: u16, body: &[u8]) -> Verdict {
    let created: Option<Created<'_>> = serde_json::from_slice(body).ok();
    match created.filter(Created::is_a_record) {
        Some(created) => Verdict::Accepted(created.receipt()),
        None if status == 204 => Verdict::Accepted(Receipt::default()),
        None => Verdict::InDoubt(format!("the target answered {status} without the record")),
    }
}

/// What is kept of a record that was written. Of a member that comes twice the first counts.
#[derive(Default)]
struct Created<'a> {
    id: Option<&'a RawValue>,
    number: Option<&'a RawValue>,
    document_number: Option<&'a RawValue>,
    etag: Option<&'a RawValue>,
    /// The customer of a default dimension, which has no other mark.
    parent_id: Option<&'a RawValue>,
    dimension_id: Option<&'a RawValue>,
}

impl Created<'_> {
    /// Whether it names a record: by its id, or where it has none by the two parts of its key.
    fn is_a_record(&self) -> bool {
        self.id.is_some() || (self.parent_id.is_some() && self.dimension_id.is_some())
    }

    fn receipt(&self) -> Receipt {
        let text = |value: Option<&RawValue>| {
            value.map(|value| decode(value.get()).into_owned()).unwrap_or_default()
        };
        let remote_id = match self.parent_id {
            Some(customer) => address(&text(Some(customer)), &text(self.id), &text(self.dimension_id)),
            None => text(self.id),
        };
        Receipt { remote_id, key: text(self.number.or(self.document_number)), etag: text(self.etag) }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Created<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CreatedVisitor)
    }
}

struct CreatedVisitor;

impl<'de> Visitor<'de> for CreatedVisitor {
    type Value = Created<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Created<'de>, A::Error> {
        let mut created = Created::default();
        while let Some(name) = members.next_key::<Name<'_>>()? {
            let place = match &*name.0 {
                "id" => &mut created.id,
                "number" => &mut created.number,
                "documentNumber" => &mut created.document_number,
                "@odata.etag" => &mut created.etag,
                "parentId" => &mut created.parent_id,
                "dimensionId" => &mut created.dimension_id,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = members.next_value()?;
            place.get_or_insert(value);
        }
        Ok(created)
    }
}

pub(super) fn receipt(fields: &Fields<'_>) -> Receipt {
    let key = ["number", "documentNumber"].into_iter().find(|name| fields.raw(name).is_some());
    Receipt {
        remote_id: fields.text("id").into_owned(),
        key: key.map(|name| fields.text(name).into_owned()).unwrap_or_default(),
        etag: fields.text("@odata.etag").into_owned(),
    }
}

/// Whether an answer that is no success is in the target's own words: an error envelope with a code.
#[must_use]
pub fn has_own_words(body: &[u8]) -> bool {
    !ErrorWords::read(body).code.is_empty()
}

/// The target's code and words; a body that is no error envelope (a proxy's page) leaves only the status.
pub(super) fn refusal(status: u16, body: &[u8]) -> Refusal {
    let ErrorWords { code, mut message } = ErrorWords::read(body);
    if message.is_empty() {
        message = format!("HTTP status {status} without an explanation");
    }
    Refusal { status, code, message }
}

/// The parts, when each of them is an object.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    responses: Vec<Part<'a>>,
}

/// The parts, whatever they are.
#[derive(Deserialize)]
struct BatchReply<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    /// A number; some servers write it as text.
    #[serde(borrow)]
    status: &'a RawValue,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// What the body of a `$batch` answer says of each of the operations, in their order.
///
/// Parts are matched by id, a number or its text, and never by position. A row without a part, with two, or with
/// one that cannot be read is in doubt. `pause` reads what the headers of a part, as names and values, ask for.
pub fn read_batch(rows: &[(i64, Action)], body: &[u8], pause: ReadPause<'_>) -> Vec<Verdict> {
    read_batch_of(EntityKind::Customers, rows, body, pause)
}

/// As [`read_batch`], of operations on records of this kind.
pub(super) fn read_batch_of(
    kind: EntityKind,
    rows: &[(i64, Action)],
    body: &[u8],
    pause: ReadPause<'_>,
) -> Vec<Verdict> {
    let Some(parts) = parts_of(body) else {
        let torn = || Verdict::InDoubt("the answer to the batch cannot be read".to_owned());
        return rows.iter().map(|_| torn()).collect();
    };
    let mut places: HashMap<i64, (usize, bool)> = HashMap::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        if let Some(id) = part.id.and_then(|id| id.get().trim_matches('"').parse().ok()) {
            places.entry(id).and_modify(|(_, is_doubled)| *is_doubled = true).or_insert((place, false));
        }
    }
    let verdict = |(row, action): &(i64, Action)| match places.get(row) {
        Some((place, false)) => interpret_part(kind, *action, &parts[*place], pause),
        Some((_, true)) => {
            Verdict::InDoubt("the batch's answer has more than one part for the row".to_owned())
        }
        None => Verdict::InDoubt("the batch's answer has no part for the row".to_owned()),
    };
    rows.iter().map(verdict).collect()
}

/// The parts of the answer that can be read; `None` when it is no answer to a batch.
fn parts_of(body: &[u8]) -> Option<Vec<Part<'_>>> {
    if let Ok(Parts { responses }) = serde_json::from_slice(body) {
        return Some(responses);
    }
    let reply: BatchReply<'_> = serde_json::from_slice(body).ok()?;
    Some(reply.responses.iter().filter_map(|part| serde_json::from_str(part.get()).ok()).collect())
}

fn interpret_part(kind: EntityKind, action: Action, part: &Part<'_>, pause: ReadPause<'_>) -> Verdict {
    let Ok(status) = part.status.get().trim_matches('"').parse() else {
        return Verdict::InDoubt("the batch's answer has no status for the row".to_owned());
    };
    let body = part.body.map_or("", RawValue::get);
    if (200..300).contains(&status) {
        return accepted(status, body.as_bytes());
    }
    let headers = part.headers.and_then(|headers| Fields::parse(headers.get()).ok());
    let headers: Vec<_> = headers
        .iter()
        .flat_map(Fields::iter)
        .map(|(name, value)| (name.to_owned(), decode(value).into_owned()))
        .collect();
    if matches!(status, 401 | 403) {
        // The batch is the target's own answer, so no proxy says this.
        return Verdict::NotPermitted(refusal(status, body.as_bytes()));
    }
    if status == 424 {
        // Nor this, which needs no words: the part to blame has them.
        return Verdict::RolledBack;
    }
    interpret_of(kind, action, (status, pause(&headers)), body.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: &str) -> Verdict {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"No.  CorrelationId:  1-2-3."}}}}"#);
        interpret(Action::Create, status, None, body.as_bytes())
    }

    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Accepted(_) => "accepted",
            Verdict::Refused(_) => "refused",
            Verdict::NotPermitted(_) => "not permitted",
            Verdict::KeyTaken(_) => "key taken",
            Verdict::Stale(_) => "stale",
            Verdict::Gone(_) => "gone",
            Verdict::NotDone(_) => "not done",
            Verdict::Throttled(_) => "throttled",
            Verdict::RolledBack => "rolled back",
            Verdict::Failed(_) => "failed",
            Verdict::InDoubt(_) => "in doubt",
        }
    }

    #[test]
    fn the_code_decides_before_the_status() {
        let cases = [
            (400, "Internal_EntityWithSameKeyExists", "key taken"),
            (409, "Internal_EntityWithSameKeyExists", "key taken"),
            (409, "Request_EntityChanged", "stale"),
            (500, "Application_DialogException", "refused"),
            (400, "Application_StringExceededLength", "refused"),
            (400, "BadRequest", "refused"),
            (400, "Internal_InvalidTableRelation", "refused"),
            (404, "Internal_RecordNotFound", "refused"),
            (404, "BadRequest_NotFound", "not done"),
            (401, "Authentication_InvalidCredentials", "not permitted"),
            (500, "Internal_ServerError", "in doubt"),
            (501, "BadRequest_MethodNotImplemented", "refused"),
            (429, "Application_TooManyRequests", "throttled"),
            (424, "BadRequest_FailedDependency", "rolled back"),
        ];
        for (status, code, expected) in cases {
            assert_eq!(word(&error(status, code)), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_proxys_page_is_judged_by_its_status() {
        for page in ["<html>Bad gateway</html>", "", r#"{"message":"no"}"#, r#"{"error":{"code":""}}"#] {
            let judge = |action, status| word(&interpret(action, status, None, page.as_bytes()));
            for status in
                [200, 201, 302, 303, 401, 403, 407, 408, 409, 410, 418, 424, 499, 500, 502, 503, 504, 520]
            {
                assert_eq!(judge(Action::Create, status), "in doubt", "{status}");
            }
            assert_eq!(judge(Action::Create, 429), "throttled");
            for status in [400, 404, 405, 411, 413, 414, 421, 431, 501] {
                assert_eq!(judge(Action::Create, status), "not done", "{status}");
            }
            for (status, verdict) in [(404, "in doubt"), (409, "stale"), (412, "stale"), (503, "in doubt")] {
                assert_eq!(judge(Action::Update, status), verdict, "{status}");
            }
        }
    }

    #[test]
    fn a_stale_update_has_two_statuses_and_a_record_that_is_gone_a_code() {
        let judge = |status, code| {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
            word(&interpret(Action::Update, status, None, body.as_bytes()))
        };
        assert_eq!(judge(409, "Request_EntityChanged"), "stale");
        assert_eq!(judge(412, "Unknown"), "stale");
        assert_eq!(judge(404, "BadRequest_ResourceNotFound"), "gone");
        assert_eq!(judge(404, "Internal_RecordNotFound"), "gone");
    }

    #[test]
    fn a_message_loses_its_correlation_id() {
        let Verdict::Refused(refusal) = error(400, "Application_DialogException") else { panic!() };
        assert_eq!(refusal.message, "No.");
    }

    #[test]
    fn a_receipt_holds_the_targets_id_number_and_etag() {
        let body = br#"{"@odata.etag":"W/\"JzE=\"","id":"g1","number":"C1","creditLimit":1.10}"#;
        let Verdict::Accepted(receipt) = interpret(Action::Create, 201, None, body) else { panic!() };
        assert_eq!((&*receipt.remote_id, &*receipt.key, &*receipt.etag), ("g1", "C1", "W/\"JzE=\""));
    }

    #[test]
    fn a_lost_lock_is_tried_again() {
        let body = br#"{"error":{"code":"Application_DialogException","message":"The record was locked by another user."}}"#;
        assert_eq!(word(&interpret(Action::Create, 400, None, body)), "not done");
    }

    fn batch(responses: &str) -> Vec<&'static str> {
        let rows = [(1, Action::Create), (2, Action::Create), (3, Action::Update)];
        let body = format!(r#"{{"responses":[{responses}]}}"#);
        read_batch(&rows, body.as_bytes(), &|_| None).iter().map(word).collect()
    }

    #[test]
    fn parts_are_matched_by_id_in_any_order() {
        let answer = batch(
            r#"{"id":"3","status":409,"body":{"error":{"code":"Request_EntityChanged","message":"m"}}},
               {"id":"1","status":201,"headers":{},"body":{"id":"g"}},
               {"id":"2","status":429,"headers":{"Retry-After":"3"},"body":null}"#,
        );
        assert_eq!(answer, ["accepted", "throttled", "stale"]);
    }

    #[test]
    fn a_part_that_is_missing_doubled_or_nameless_leaves_its_row_in_doubt() {
        assert_eq!(batch(r#"{"id":"1","status":204}"#), ["accepted", "in doubt", "in doubt"]);
        let doubled = r#"{"id":"1","status":204},{"id":"1","status":204},{"id":null,"status":204}"#;
        assert_eq!(batch(doubled), ["in doubt", "in doubt", "in doubt"]);
    }

    #[test]
    fn ids_and_statuses_may_be_numbers_or_text_and_a_broken_part_spoils_only_itself() {
        let answer = batch(
            r#"{"id":3,"status":"200","body":{"id":"g"}},{"id":"1","status":"soon"},7,{"id":2,"status":201,"body":"<html>"}"#,
        );
        assert_eq!(answer, ["in doubt", "in doubt", "accepted"]);
    }

    #[test]
    fn a_part_that_is_forbidden_without_words_was_not_carried_out() {
        let answer =
            batch(r#"{"id":"1","status":401},{"id":"2","status":403,"body":null},{"id":"3","status":403}"#);
        assert_eq!(answer, ["not permitted"; 3]);
    }

    #[test]
    fn a_part_that_is_rolled_back_needs_no_words() {
        let answer = batch(
            r#"{"id":"1","status":424},{"id":"2","status":424,"body":null},{"id":"3","status":"424","body":{}}"#,
        );
        assert_eq!(answer, ["rolled back"; 3]);
    }

    #[test]
    fn the_headers_of_a_part_say_how_long_to_wait() {
        let body = br#"{"responses":[{"id":"1","status":429,"headers":{"Retry-After":"Sun, 06 Nov 1994 08:49:37 GMT","n":3}}]}"#;
        let told = std::cell::RefCell::new(Vec::new());
        let pause = |headers: &[(String, String)]| {
            told.replace(headers.to_vec());
            Some(Duration::from_secs(7))
        };
        let verdicts = read_batch(&[(1, Action::Create)], body, &pause);
        assert_eq!(verdicts, [Verdict::Throttled(Some(Duration::from_secs(7)))]);
        assert_eq!(told.borrow()[0].1, "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_torn_batch_answer_leaves_every_row_in_doubt() {
        let torn = br#"{"responses":[{"id":"1","status":201,"body":{"id":"g"#;
        let rows = [(1, Action::Create), (2, Action::Create)];
        assert_eq!(
            read_batch(&rows, torn, &|_| None).iter().map(word).collect::<Vec<_>>(),
            ["in doubt", "in doubt"]
        );
    }
}
