//! Replies to writes: what they say of each operation.
//!
//! The error code decides first and the status second, because the same status stands for different things.
//!
//! Source: the API's list of error codes and its operational limits; duplicate keys answer 400 or 409.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use crate::connector::Verdict;
use crate::domain::{Action, Receipt, Refusal};

/// The longest message that is kept of an answer.
const MESSAGE_CHARS: usize = 1000;

/// What one answer says of one operation; `pause` is what the answer asked for.
#[must_use]
pub fn interpret(action: Action, status: u16, pause: Option<Duration>, body: &[u8]) -> Verdict {
    if (200..300).contains(&status) {
        return accepted(status, body);
    }
    if status == 429 {
        // Whatever its code (it has been seen as `Application_TooManyRequests`), nothing was looked at.
        return Verdict::NotDone(pause);
    }
    let refusal = refusal(status, body);
    match refusal.code.as_str() {
        "Internal_EntityWithSameKeyExists" => return Verdict::KeyTaken(refusal),
        "Request_EntityChanged" => return Verdict::Stale(refusal),
        // An unknown route or parent: nothing is wrong with the row, and pages vanish for a while on their own.
        "BadRequest_NotFound" => return Verdict::NotDone(pause),
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
    let is_update = action == Action::Update;
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
    let fields = std::str::from_utf8(body).ok().and_then(|text| Fields::parse(text).ok());
    match fields.filter(|fields| fields.raw("id").is_some()) {
        Some(fields) => Verdict::Accepted(receipt(&fields)),
        None if status == 204 => Verdict::Accepted(Receipt::default()),
        None => Verdict::InDoubt(format!("the target answered {status} without the record")),
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

#[derive(Default, Deserialize)]
struct ErrorEnvelope {
    error: ErrorWords,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorWords {
    code: Option<String>,
    message: Option<String>,
}

/// The target's code and words; a body that is no error envelope (a proxy's page) leaves only the status.
pub(super) fn refusal(status: u16, body: &[u8]) -> Refusal {
    let ErrorWords { code, message } =
        serde_json::from_slice::<ErrorEnvelope>(body).unwrap_or_default().error;
    let message = message.as_deref().map(without_correlation).filter(|text| !text.is_empty());
    Refusal {
        status,
        code: code.unwrap_or_default(),
        message: message.unwrap_or_else(|| format!("HTTP status {status} without an explanation")),
    }
}

fn without_correlation(message: &str) -> String {
    let end = message.find("CorrelationId:").unwrap_or(message.len());
    message[..end].trim_end().chars().take(MESSAGE_CHARS).collect()
}

#[derive(Deserialize)]
struct BatchReply<'a> {
    #[serde(borrow)]
    responses: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    status: u16,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// What the body of a `$batch` answer says of each of the operations, in their order.
///
/// Parts are matched by id and never by position. A row without a part, with two, or with all parts unreadable
/// is in doubt.
#[must_use]
pub fn read_batch(rows: &[(i64, Action)], body: &[u8]) -> Vec<Verdict> {
    let Ok(reply) = serde_json::from_slice::<BatchReply<'_>>(body) else {
        let torn = || Verdict::InDoubt("the answer to the batch cannot be read".to_owned());
        return rows.iter().map(|_| torn()).collect();
    };
    let mut parts: HashMap<i64, Vec<&Part<'_>>> = HashMap::with_capacity(rows.len());
    for part in &reply.responses {
        let id = part.id.and_then(|id| id.get().trim_matches('"').parse().ok());
        if let Some(id) = id {
            parts.entry(id).or_default().push(part);
        }
    }
    let verdict = |(row, action): &(i64, Action)| match parts.get(row).map(Vec::as_slice) {
        Some([part]) => interpret_part(*action, part),
        Some(_) => Verdict::InDoubt("the batch's answer has more than one part for the row".to_owned()),
        None => Verdict::InDoubt("the batch's answer has no part for the row".to_owned()),
    };
    rows.iter().map(verdict).collect()
}

fn interpret_part(action: Action, part: &Part<'_>) -> Verdict {
    let body = part.body.map_or("", RawValue::get);
    interpret(action, part.status, retry_after(part.headers), body.as_bytes())
}

/// The pause that a part of a batch asks for, in whole seconds; other forms leave the pause to us.
fn retry_after(headers: Option<&RawValue>) -> Option<Duration> {
    let headers = Fields::parse(headers?.get()).ok()?;
    headers
        .iter()
        .filter(|(name, _)| name.to_ascii_lowercase().starts_with("retry-after"))
        .filter_map(|(_, value)| value.trim_matches('"').trim().parse().ok())
        .max()
        .map(Duration::from_secs)
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
            (429, "Application_TooManyRequests", "not done"),
        ];
        for (status, code, expected) in cases {
            assert_eq!(word(&error(status, code)), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_proxys_page_is_judged_by_its_status() {
        let page = b"<html>Bad gateway</html>";
        let judge = |action, status| word(&interpret(action, status, None, page));
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(judge(Action::Create, status), "in doubt", "{status}");
        }
        assert_eq!(judge(Action::Create, 429), "not done");
        assert_eq!(judge(Action::Create, 409), "in doubt");
        assert_eq!(judge(Action::Update, 412), "stale");
        assert_eq!(judge(Action::Update, 404), "gone");
        assert_eq!(judge(Action::Create, 400), "refused");
        assert_eq!(judge(Action::Create, 200), "in doubt");
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
        read_batch(&rows, body.as_bytes()).iter().map(word).collect()
    }

    #[test]
    fn parts_are_matched_by_id_in_any_order() {
        let answer = batch(
            r#"{"id":"3","status":409,"body":{"error":{"code":"Request_EntityChanged","message":"m"}}},
               {"id":"1","status":201,"headers":{},"body":{"id":"g"}},
               {"id":"2","status":429,"headers":{"Retry-After":"3"},"body":null}"#,
        );
        assert_eq!(answer, ["accepted", "not done", "stale"]);
    }

    #[test]
    fn a_part_that_is_missing_doubled_or_nameless_leaves_its_row_in_doubt() {
        assert_eq!(batch(r#"{"id":"1","status":204}"#), ["accepted", "in doubt", "in doubt"]);
        let doubled = r#"{"id":"1","status":204},{"id":"1","status":204},{"id":null,"status":204}"#;
        assert_eq!(batch(doubled), ["in doubt", "in doubt", "in doubt"]);
    }

    #[test]
    fn a_torn_batch_answer_leaves_every_row_in_doubt() {
        let torn = br#"{"responses":[{"id":"1","status":201,"body":{"id":"g"#;
        let rows = [(1, Action::Create), (2, Action::Create)];
        assert_eq!(read_batch(&rows, torn).iter().map(word).collect::<Vec<_>>(), ["in doubt", "in doubt"]);
    }
}
