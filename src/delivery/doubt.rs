//! What a lookup says of a row in doubt: pure, so that every case can be tested.
//!
//! Found and equal is done. Found and different is a conflict. An absence is believed only once the server's own
//! time limit has passed since the request left; until then the request may still be running.

use tokio::time::Instant;

use crate::connector::Operation;
use crate::connector::business_central::{Connector, Found, differences};
use crate::domain::{Action, FieldChange, Receipt, Refusal};
use crate::ledger::OpenRow;

/// Why a row has to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Sent, and nobody said what became of it.
    Unanswered(String),
    /// Refused because its identity is in use: maybe by an earlier attempt of our own.
    KeyTaken(Refusal),
    /// Refused because the record has changed.
    Stale(Refusal),
}

/// A row that has to be looked up.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) row: OpenRow,
    pub(super) cause: Cause,
    /// From when on an absence can be believed.
    pub(super) believable: Instant,
    /// Answered lookups so far.
    pub(super) looks: u32,
}

/// What a lookup settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The record is there as it was sent.
    Accepted(Receipt),
    /// The record is there and different, or gone.
    Conflict(Refusal),
    /// The target will not take it.
    Refused(Refusal),
    /// It was not carried out: send it again, an update with this `ETag`.
    Resend(Option<String>),
    /// A stranger has the payment's line: send it with another one.
    Move,
    /// Not settled yet.
    LookAgain,
    /// Only a person can tell.
    Person(String),
}

/// The row as the connector wants it.
pub(super) fn operation(row: &OpenRow) -> Operation<'_> {
    Operation {
        row: row.id,
        action: row.action,
        payload: &row.payload,
        remote_id: row.remote_id.as_deref(),
        etag: row.etag.as_deref(),
        line_number: row.line_number,
    }
}

/// Judges a doubt by everything a lookup found for it; `is_believable` says whether an absence can be believed.
pub(super) fn judge(
    connector: &Connector,
    doubt: &Doubt,
    found: &[&Found],
    is_believable: bool,
) -> Judgement {
    match (doubt.row.action, found) {
        (Action::Update, []) => Judgement::Conflict(gone()),
        (Action::Update, [found, ..]) => judge_update(connector, doubt, found, is_believable),
        (_, []) => judge_absence(connector, doubt, is_believable),
        (_, [found]) => judge_create(connector, doubt, found),
        (_, several) => Judgement::Person(format!(
            "{} records look like the one that was sent; compare them, then import the row again or leave it",
            several.len()
        )),
    }
}

fn judge_create(connector: &Connector, doubt: &Doubt, found: &Found) -> Judgement {
    let changes = match differences(connector.entity(), &doubt.row.payload, &found.record) {
        Ok(changes) => without_looked_up_address(changes, &doubt.row.payload),
        Err(_) => return Judgement::Person("the record found cannot be compared with the row".to_owned()),
    };
    if changes.is_empty() {
        return Judgement::Accepted(found.receipt.clone());
    }
    if connector.is_strangers(&doubt.row.payload, found) {
        return Judgement::Move;
    }
    Judgement::Conflict(different("different", "the target has another record under this key", &changes))
}

fn judge_absence(connector: &Connector, doubt: &Doubt, is_believable: bool) -> Judgement {
    let is_line = doubt.row.line_number.is_some();
    match &doubt.cause {
        // The first look may have come before the other writer's commit was to be seen.
        Cause::KeyTaken(_) if doubt.looks == 0 => Judgement::LookAgain,
        // The key is in use by something that the API does not show.
        Cause::KeyTaken(_) if is_line && connector.kind() == crate::domain::EntityKind::Payments => {
            Judgement::Move
        }
        Cause::KeyTaken(refusal) => Judgement::Refused(refusal.clone()),
        _ if is_believable => Judgement::Resend(None),
        _ => Judgement::LookAgain,
    }
}

fn judge_update(connector: &Connector, doubt: &Doubt, found: &Found, is_believable: bool) -> Judgement {
    let row = &doubt.row;
    let Ok(changes) = differences(connector.entity(), &row.payload, &found.record) else {
        return Judgement::Person("the record found cannot be compared with the row".to_owned());
    };
    let moved = |change: &FieldChange| !is_as_planned(&row.changes, change);
    let changes = without_looked_up_address(changes, &row.payload);
    if changes.is_empty() {
        return Judgement::Accepted(found.receipt.clone());
    }
    let foreign: Vec<_> = changes.into_iter().filter(moved).collect();
    if !foreign.is_empty() {
        return Judgement::Conflict(different(
            "stale",
            "someone else changed the record after the plan",
            &foreign,
        ));
    }
    // A refusal for staleness says that this attempt did nothing, so there is nothing to wait for.
    if is_believable || matches!(doubt.cause, Cause::Stale(_)) {
        let fresh = Some(found.receipt.etag.clone()).filter(|etag| !etag.is_empty());
        return Judgement::Resend(fresh.or_else(|| row.etag.clone()));
    }
    Judgement::LookAgain
}

/// Whether the target still holds what the plan saw.
fn is_as_planned(planned: &[FieldChange], change: &FieldChange) -> bool {
    planned.iter().any(|seen| seen.field == change.field && seen.from == change.from)
}

/// A postal code that the server knows brings its own city, state and country.
///
/// Source: a postal code found in the post code table overwrites the three.
fn without_looked_up_address(mut changes: Vec<FieldChange>, payload: &str) -> Vec<FieldChange> {
    let has_postal_code = payload.contains(r#""postalCode":""#) && !payload.contains(r#""postalCode":"""#);
    if has_postal_code && changes.iter().all(|change| change.field != "postalCode") {
        changes.retain(|change| !matches!(change.field.as_str(), "city" | "state" | "country"));
    }
    changes
}

fn different(code: &str, words: &str, changes: &[FieldChange]) -> Refusal {
    let fields: Vec<_> = changes.iter().map(|change| format!("`{}`", change.field)).collect();
    Refusal {
        status: 0,
        code: code.to_owned(),
        message: format!("{words}; it differs in {}", fields.join(", ")),
    }
}

fn gone() -> Refusal {
    Refusal { status: 404, code: "gone".to_owned(), message: "the record to update is gone".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::business_central::read_found;
    use crate::domain::State;

    fn refusal() -> Refusal {
        Refusal { status: 400, code: "Code".into(), message: "no".into() }
    }

    fn doubt(action: Action, payload: &str, cause: Cause) -> Doubt {
        let row = OpenRow {
            id: 1,
            line: 2,
            action,
            key: String::new(),
            payload: payload.to_owned(),
            changes: vec![FieldChange { field: "city".into(), from: "Bonn".into(), to: "Ulm".into() }],
            remote_id: (action == Action::Update).then(|| "g".to_owned()),
            etag: (action == Action::Update).then(|| "e1".to_owned()),
            line_number: None,
            state: State::InDoubt,
            attempts: 1,
            sent_at: None,
            code: String::new(),
        };
        Doubt { row, cause, believable: Instant::now(), looks: 0 }
    }

    fn found(record: &str) -> Found {
        read_found(format!(r#"{{"value":[{record}]}}"#).as_bytes()).unwrap().remove(0)
    }

    fn customer(action: Action, payload: &str, record: Option<&str>, is_believable: bool) -> Judgement {
        let found: Vec<_> = record.map(found).into_iter().collect();
        let doubt = doubt(action, payload, Cause::Unanswered("lost".into()));
        judge(&Connector::customers("c"), &doubt, &found.iter().collect::<Vec<_>>(), is_believable)
    }

    fn conflict_code(judgement: &Judgement) -> &str {
        match judgement {
            Judgement::Conflict(refusal) => &refusal.code,
            other => panic!("{other:?}"),
        }
    }

    const SENT: &str = r#"{"number":"C1","city":"Ulm"}"#;

    #[test]
    fn a_record_found_equal_is_ours() {
        let record = r#"{"id":"g","number":"C1","city":"Ulm","@odata.etag":"e2"}"#;
        let Judgement::Accepted(receipt) = customer(Action::Create, SENT, Some(record), false) else {
            panic!()
        };
        assert_eq!((&*receipt.remote_id, &*receipt.etag), ("g", "e2"));
    }

    #[test]
    fn a_record_found_different_is_a_conflict_that_names_the_fields() {
        let record = r#"{"id":"g","number":"C1","city":"Köln"}"#;
        let Judgement::Conflict(refusal) = customer(Action::Create, SENT, Some(record), true) else {
            panic!()
        };
        assert_eq!(refusal.message, "the target has another record under this key; it differs in `city`");
    }

    #[test]
    fn an_absence_is_believed_only_after_the_servers_time_limit() {
        assert_eq!(customer(Action::Create, SENT, None, false), Judgement::LookAgain);
        assert_eq!(customer(Action::Create, SENT, None, true), Judgement::Resend(None));
    }

    #[test]
    fn an_update_that_did_not_arrive_is_sent_again_with_the_fresh_etag() {
        let record = r#"{"id":"g","city":"Bonn","@odata.etag":"e2"}"#;
        let payload = r#"{"city":"Ulm"}"#;
        assert_eq!(customer(Action::Update, payload, Some(record), false), Judgement::LookAgain);
        assert_eq!(
            customer(Action::Update, payload, Some(record), true),
            Judgement::Resend(Some("e2".to_owned()))
        );
        let arrived = r#"{"id":"g","city":"Ulm","@odata.etag":"e2"}"#;
        assert!(matches!(customer(Action::Update, payload, Some(arrived), false), Judgement::Accepted(_)));
    }

    #[test]
    fn an_update_gives_way_to_another_persons_change_of_the_same_field() {
        let record = r#"{"id":"g","city":"Köln","@odata.etag":"e2"}"#;
        assert_eq!(
            conflict_code(&customer(Action::Update, r#"{"city":"Ulm"}"#, Some(record), true)),
            "stale"
        );
        assert_eq!(conflict_code(&customer(Action::Update, r#"{"city":"Ulm"}"#, None, true)), "gone");
    }

    #[test]
    fn a_stale_update_of_fields_nobody_touched_goes_again_at_once() {
        let doubt = doubt(Action::Update, r#"{"city":"Ulm"}"#, Cause::Stale(refusal()));
        let record = found(r#"{"id":"g","city":"Bonn","@odata.etag":"e7"}"#);
        let judgement = judge(&Connector::customers("c"), &doubt, &[&record], false);
        assert_eq!(judgement, Judgement::Resend(Some("e7".to_owned())));
    }

    #[test]
    fn a_line_that_a_stranger_has_is_left_to_him() {
        let connector = Connector::payments("c", "j");
        let mut doubt = doubt(
            Action::Create,
            r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#,
            Cause::KeyTaken(refusal()),
        );
        doubt.row.line_number = Some(20_000);
        let stranger =
            found(r#"{"id":"x","lineNumber":20000,"customerNumber":"C9","documentNumber":"Z","amount":-6}"#);
        assert_eq!(judge(&connector, &doubt, &[&stranger], true), Judgement::Move);
        // A line that the API does not show: looked for twice, then left alone.
        assert_eq!(judge(&connector, &doubt, &[], true), Judgement::LookAgain);
        doubt.looks = 1;
        assert_eq!(judge(&connector, &doubt, &[], true), Judgement::Move);
    }

    #[test]
    fn several_records_that_look_alike_are_for_a_person() {
        let doubt = doubt(Action::Create, r#"{"displayName":"Ann"}"#, Cause::Unanswered(String::new()));
        let record = found(r#"{"id":"g","displayName":"Ann"}"#);
        let judgement = judge(&Connector::customers("c"), &doubt, &[&record, &record], true);
        assert!(matches!(judgement, Judgement::Person(words) if words.starts_with("2 records")));
    }

    #[test]
    fn a_city_that_came_with_its_postal_code_is_no_conflict() {
        let sent = r#"{"number":"C1","city":"Ulm","postalCode":"89073"}"#;
        let record = r#"{"id":"g","number":"C1","city":"ULM / DONAU","postalCode":"89073"}"#;
        assert!(matches!(customer(Action::Create, sent, Some(record), false), Judgement::Accepted(_)));
    }
}
