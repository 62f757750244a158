//! What a lookup says of a row in doubt: pure, so that every case can be tested.
//!
//! Found and equal is done. Found and different is a conflict. An absence is believed only once the server's own
//! time limit has passed since the request left; until then the request may still be running.

use std::borrow::Cow;

use super::doubt::{Cause, Doubt};
use super::options::OnConflict;
use crate::connector::fields::{Fields, only};
use crate::connector::{Connector, Found, completed, differences, is_all_applied, is_among, own, text_of};
use crate::domain::{Action, EntityKind, FieldChange, Receipt, Refusal, Rule};
use crate::ledger::OpenRow;

/// The code of a conflict over a record that is not there any more.
pub(super) const GONE: &str = "gone";

/// The code of a row whose record somebody else has created just as the row wants it.
pub(super) const ALREADY_THERE: &str = "already-there";

/// What a lookup settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The record is there as it was sent.
    Accepted(Receipt),
    /// The record is there as it was sent, but for what stays as somebody else set it; the words name it.
    AcceptedPart(Receipt, String),
    /// The record is there and different, or gone.
    Conflict(Refusal),
    /// The target will not take it.
    Refused(Refusal),
    /// It was not carried out: send it again, an update with this `ETag`.
    Resend(Option<String>),
    /// The rest of the update was not carried out: send it alone.
    ResendPart(Part),
    /// Nothing is left to do, and nothing was done.
    Skip(Refusal),
    /// A stranger has the payment's line: send it with another one.
    Move,
    /// Not settled yet.
    LookAgain,
    /// Only a person can tell.
    Person(String),
}

/// What is left of an update when someone else's values stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) payload: String,
    pub(super) changes: Vec<FieldChange>,
    pub(super) etag: Option<String>,
    /// What stays, in words.
    pub(super) kept: String,
}

/// What a doubt is judged with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    pub(super) connector: &'a dyn Connector,
    pub(super) on_conflict: OnConflict,
    /// Whether an absence can be believed.
    pub(super) is_believable: bool,
}

impl Judge<'_> {
    /// Judges a doubt by everything a lookup found for it.
    pub(super) fn judge(&self, doubt: &Doubt, found: &[&Found]) -> Judgement {
        let judgement = self.judge_found(doubt, found);
        match (&doubt.cause, &judgement) {
            (
                Cause::Failed(refusal),
                Judgement::Resend(_) | Judgement::ResendPart(_) | Judgement::LookAgain,
            ) => match doubt.looks {
                // The first look may have come before the other writer's commit was to be seen.
                0 => Judgement::LookAgain,
                _ => Judgement::Refused(refusal.clone()),
            },
            _ => judgement,
        }
    }

    fn judge_found(&self, doubt: &Doubt, found: &[&Found]) -> Judgement {
        match (doubt.row.action, found) {
            (Action::Delete, []) => Judgement::Accepted(Receipt::default()),
            (Action::Delete, [found, ..]) => self.judge_delete(doubt, found),
            (Action::Update, []) => Judgement::Conflict(gone()),
            (Action::Update, [found, ..]) => self.judge_update(doubt, found),
            (_, []) => self.judge_absence(doubt),
            (_, [found]) => self.judge_create(doubt, found),
            (_, several) => Judgement::Person(format!(
                "{} records look like the one that was sent; compare them, then import the row again or leave it",
                several.len()
            )),
        }
    }

    fn judge_create(&self, doubt: &Doubt, found: &Found) -> Judgement {
        let connector = self.connector;
        let Some(changes) = self.changes(doubt, found) else { return not_comparable() };
        if changes.is_empty() && doubt.is_first_refused() {
            return self.not_ours();
        }
        if changes.is_empty() {
            return Judgement::Accepted(found.receipt.clone());
        }
        // Where nothing of ours can be, another document or another customer is enough to see that.
        let is_another = connector.has_lines()
            && doubt.is_first_refused()
            && changes.iter().any(|change| {
                matches!(change.field.as_str(), "documentNumber" | "customerNumber" | "customerId")
            });
        if doubt.cause == Cause::Unconfirmed {
            let words = "the target took the record and keeps something else";
            return Judgement::Conflict(different("different", words, &changes));
        }
        if is_another || connector.is_strangers(&doubt.row.payload, found) {
            return Judgement::Move;
        }
        Judgement::Conflict(different("different", "the target has another record under this key", &changes))
    }

    /// The record is there as the row wants it, and the only request that ever carried the row was refused: somebody
    /// else put it there, and taking this run back must not delete it.
    fn not_ours(&self) -> Judgement {
        let refusal = |message: &str| Refusal {
            status: 0,
            code: ALREADY_THERE.to_owned(),
            message: message.to_owned(),
        };
        match self.connector.kind() {
            EntityKind::Customers | EntityKind::Dimensions => {
                Judgement::Skip(refusal("the target has this record already; this run did not create it"))
            }
            // Two people may have been paid for by one transfer, or one twice.
            EntityKind::Payments if self.connector.has_lines() => Judgement::Conflict(refusal(
                "somebody else put the same payment on this line of the journal; see whether it is this one",
            )),
            EntityKind::Payments => Judgement::Conflict(refusal(
                "somebody else entered the same payment under this number; see whether it is this one",
            )),
        }
    }

    fn judge_absence(&self, doubt: &Doubt) -> Judgement {
        let is_line = doubt.row.line_number.is_some();
        match &doubt.cause {
            // The first look may have come before the other writer's commit was to be seen.
            Cause::KeyTaken(_) if doubt.looks == 0 => Judgement::LookAgain,
            // The key is in use by something that the API does not show.
            Cause::KeyTaken(_) if is_line && self.connector.has_lines() => Judgement::Move,
            Cause::KeyTaken(refusal) => Judgement::Refused(refusal.clone()),
            _ if self.is_believable => Judgement::Resend(None),
            _ => Judgement::LookAgain,
        }
    }

    fn judge_update(&self, doubt: &Doubt, found: &Found) -> Judgement {
        let row = &doubt.row;
        let Some(changes) = self.changes(doubt, found) else { return not_comparable() };
        if changes.is_empty() {
            return Judgement::Accepted(found.receipt.clone());
        }
        if self.connector.kind() == EntityKind::Payments && !is_all_applied(&found.record) {
            let words = format!("{}; it was not changed", Rule::PaymentSplit.title());
            let code = Rule::PaymentSplit.code().to_owned();
            return Judgement::Conflict(Refusal { status: 0, code, message: words });
        }
        let (ours, foreign): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| is_as_planned(&row.changes, change));
        if foreign.is_empty() {
            return self.again(doubt, found);
        }
        match self.on_conflict {
            OnConflict::Reject => Judgement::Conflict(stale(&row.changes, &foreign)),
            _ if self.may_run(doubt, found) => Judgement::LookAgain,
            OnConflict::Ours => self.resend(doubt, found),
            OnConflict::Theirs => self.keep_theirs(doubt, found, (&ours, &foreign)),
        }
    }

    fn judge_delete(&self, doubt: &Doubt, found: &Found) -> Judgement {
        let is_as_planned = if self.connector.habits().has_etags {
            fresh(found) == doubt.row.etag
        } else {
            let moved = differences(self.connector.entity(), &doubt.row.before, &found.record);
            moved.is_ok_and(|moved| moved.is_empty())
        };
        if is_as_planned {
            return self.again(doubt, found);
        }
        if self.on_conflict == OnConflict::Ours && self.may_run(doubt, found) {
            return Judgement::LookAgain;
        }
        let words = "someone else changed the record after the plan";
        let refusal =
            |code: &str, words: String| Refusal { status: 0, code: code.to_owned(), message: words };
        match self.on_conflict {
            OnConflict::Reject => {
                Judgement::Conflict(refusal("stale", format!("{words}; it was not deleted")))
            }
            OnConflict::Ours => Judgement::Resend(fresh(found)),
            OnConflict::Theirs => Judgement::Skip(refusal("kept-theirs", format!("{words}, so it stays"))),
        }
    }

    /// Whether the last request may still be carried out: not when the record has moved on from the `ETag` that it
    /// insists on. A row that was sent before may have gone with a fresher one than this process knows.
    fn may_run(&self, doubt: &Doubt, found: &Found) -> bool {
        let seen = doubt.row.etag.as_deref().unwrap_or_default();
        let is_up_to_date = doubt.row.attempts > 1 || found.receipt.etag == seen;
        is_up_to_date && !self.is_believable && !doubt.has_ended()
    }

    /// The record is as the plan saw it: send it once the last attempt cannot be carried out any more.
    fn again(&self, doubt: &Doubt, found: &Found) -> Judgement {
        // Of an attempt that has ended, there is nothing to wait for.
        if self.is_believable || doubt.has_ended() {
            return self.resend(doubt, found);
        }
        Judgement::LookAgain
    }

    /// Sends the row again over the record as it was found now: what only goes along with a change is taken from there,
    /// because somebody may have changed it since the plan.
    fn resend(&self, doubt: &Doubt, found: &Found) -> Judgement {
        let (row, entity) = (&doubt.row, self.connector.entity());
        let etag = fresh(found).or_else(|| row.etag.clone());
        if row.action != Action::Update {
            return Judgement::Resend(etag);
        }
        let payload = own(entity, &row.payload, &row.changes)
            .and_then(|own| completed(entity, &own, &found.record).map(Cow::into_owned));
        match payload {
            Err(_) => not_comparable(),
            Ok(payload) if has_same_members(&payload, &row.payload) => Judgement::Resend(etag),
            Ok(payload) => Judgement::ResendPart(Part {
                payload,
                changes: row.changes.clone(),
                etag,
                kept: doubt.kept.clone(),
            }),
        }
    }

    /// Leaves the fields that someone else changed as they are, and sends the others, if any are left.
    fn keep_theirs(
        &self,
        doubt: &Doubt,
        found: &Found,
        (ours, foreign): (&[FieldChange], &[FieldChange]),
    ) -> Judgement {
        let (row, entity) = (&doubt.row, self.connector.entity());
        let is_foreign = |name: &str| is_among(entity, foreign, name);
        let sent = own(entity, &row.payload, &row.changes)
            .and_then(|own| only(&own, |name| !is_foreign(name)))
            .and_then(|sent| with_theirs(&sent, foreign, row));
        let kept = with_kept(&doubt.kept, names(foreign.iter().map(|change| change.field.as_str())));
        match sent {
            Err(_) => not_comparable(),
            Ok(payload) if !ours.is_empty() => Judgement::ResendPart(Part {
                payload: match completed(entity, &payload, &found.record) {
                    Ok(payload) => payload.into_owned(),
                    Err(_) => return not_comparable(),
                },
                changes: row.changes.iter().filter(|change| !is_foreign(&change.field)).cloned().collect(),
                etag: fresh(found),
                kept,
            }),
            // All that the row could still change is there already.
            Ok(payload) if payload != "{}" => Judgement::AcceptedPart(found.receipt.clone(), kept),
            Ok(_) => Judgement::Skip(Refusal {
                status: 0,
                code: "kept-theirs".to_owned(),
                message: format!(
                    "someone else changed {} after the plan, and their values stay",
                    names(foreign.iter().map(|change| change.field.as_str()))
                ),
            }),
        }
    }

    /// In which fields the record found differs from what the row wants there; `None` when they cannot be compared.
    fn changes(&self, doubt: &Doubt, found: &Found) -> Option<Vec<FieldChange>> {
        let (row, entity) = (&doubt.row, self.connector.entity());
        if row.action != Action::Update {
            let changes = differences(entity, &row.payload, &found.record).ok()?;
            return Some(without_looked_up_address(changes, &row.payload));
        }
        let own = own(entity, &row.payload, &row.changes).ok()?;
        let mut changes = differences(entity, &own, &found.record).ok()?;
        changes.extend(filled_before_a_move(row, &changes, &found.record));
        // The server looks up an address only with a change that it carries out, and it carries out all of it.
        let rest = without_looked_up_address(changes.clone(), &own);
        let may_have_arrived = rest.is_empty() && !doubt.is_first_refused();
        Some(if may_have_arrived { rest } else { changes })
    }
}

/// Whether two JSON objects say the same, in whatever order.
fn has_same_members(left: &str, right: &str) -> bool {
    let (Ok(left), Ok(right)) = (Fields::parse(left), Fields::parse(right)) else { return false };
    left.iter().count() == right.iter().count()
        && left.iter().all(|(name, value)| right.raw(name) == Some(value))
}

/// What somebody has filled in since the plan, and the row's change of country would empty: it is not in the payload.
fn filled_before_a_move(row: &OpenRow, changes: &[FieldChange], found: &str) -> Vec<FieldChange> {
    if changes.iter().all(|change| change.field != "country") {
        return Vec::new();
    }
    let is_unsent = |change: &&FieldChange| {
        change.to.is_empty() && changes.iter().all(|known| known.field != change.field)
    };
    let filled = row.changes.iter().filter(is_unsent).filter_map(|change| {
        let there = text_of(found, &change.field);
        let is_theirs = !there.is_empty() && there != change.from.trim();
        is_theirs.then(|| FieldChange { from: there, ..change.clone() })
    });
    filled.collect()
}

/// The payload with the values of somebody else that its change of country would empty.
fn with_theirs(payload: &str, foreign: &[FieldChange], row: &OpenRow) -> serde_json::Result<String> {
    let sent = Fields::parse(&row.payload)?;
    let unsent = foreign.iter().filter(|change| sent.raw(&change.field).is_none());
    let mut members: Vec<String> = Vec::new();
    for (name, value) in Fields::parse(payload)?.iter() {
        members.push(format!("{}:{value}", serde_json::to_string(name)?));
    }
    for change in unsent {
        let (name, value) = (serde_json::to_string(&change.field)?, serde_json::to_string(&change.from)?);
        members.push(format!("{name}:{value}"));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn not_comparable() -> Judgement {
    Judgement::Person("the record found cannot be compared with the row".to_owned())
}

/// The record's `ETag` as it was found.
fn fresh(found: &Found) -> Option<String> {
    Some(found.receipt.etag.clone()).filter(|etag| !etag.is_empty())
}

/// The fields that stay, with those that stayed at an earlier attempt.
fn with_kept(earlier: &str, fields: String) -> String {
    const ENDING: &str = " stayed as somebody else set it";
    let fields = match earlier.strip_suffix(ENDING) {
        Some(known) => format!("{known}, {fields}"),
        None => fields,
    };
    format!("{fields}{ENDING}")
}

/// Whether the target still holds what the plan saw.
fn is_as_planned(planned: &[FieldChange], change: &FieldChange) -> bool {
    planned.iter().any(|seen| seen.field == change.field && seen.from == change.from)
}

fn stale(planned: &[FieldChange], foreign: &[FieldChange]) -> Refusal {
    let told: Vec<_> = foreign
        .iter()
        .map(|change| {
            let before = planned.iter().find(|seen| seen.field == change.field).map(|seen| &*seen.from);
            let before = before.map(|before| format!(", and held `{before}`")).unwrap_or_default();
            format!("`{}` was to become `{}`, is now `{}`{before}", change.field, change.to, change.from)
        })
        .collect();
    let message = format!("someone else changed the record after the plan: {}", told.join("; "));
    Refusal { status: 0, code: "stale".to_owned(), message }
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
    let fields = names(changes.iter().map(|change| change.field.as_str()));
    Refusal { status: 0, code: code.to_owned(), message: format!("{words}; it differs in {fields}") }
}

fn names<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    fields.map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}

fn gone() -> Refusal {
    Refusal { status: 404, code: GONE.to_owned(), message: "the record to update is gone".to_owned() }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use std::sync::Arc;

    use crate::catalogue::DIALECTS;
    use crate::domain::State;

    fn judge(connector: &dyn Connector, doubt: &Doubt, found: &[&Found], is_believable: bool) -> Judgement {
        Judge { connector, on_conflict: OnConflict::Reject, is_believable }.judge(doubt, found)
    }

    fn customers() -> Arc<dyn Connector> {
        crate::connector::open(DIALECTS[0]).customers("c")
    }

    fn payments() -> Arc<dyn Connector> {
        crate::connector::open(DIALECTS[0]).payments("c", "j")
    }

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
            before: String::new(),
            remote_id: (action != Action::Create).then(|| "g".to_owned()),
            etag: (action != Action::Create).then(|| "e1".to_owned()),
            line_number: None,
            state: State::InDoubt,
            attempts: 1,
            sent_at: None,
            code: String::new(),
        };
        Doubt { row, cause, believable: Instant::now(), looks: 0, is_inherited: false, kept: String::new() }
    }

    fn found(record: &str) -> Found {
        customers().read_found("", format!(r#"{{"value":[{record}]}}"#).as_bytes()).unwrap().0.remove(0)
    }

    fn customer(action: Action, payload: &str, record: Option<&str>, is_believable: bool) -> Judgement {
        let found: Vec<_> = record.map(found).into_iter().collect();
        let doubt = doubt(action, payload, Cause::Unanswered("lost".into()));
        judge(customers().as_ref(), &doubt, &found.iter().collect::<Vec<_>>(), is_believable)
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
    fn an_equal_record_is_somebody_elses_when_the_only_request_was_refused() {
        let record = found(r#"{"id":"g","number":"C1","city":"Ulm"}"#);
        let customers = customers();
        let mut taken = doubt(Action::Create, SENT, Cause::KeyTaken(refusal()));
        let judged = |doubt: &Doubt| judge(customers.as_ref(), doubt, &[&record], true);
        assert!(matches!(judged(&taken), Judgement::Skip(refusal) if refusal.code == ALREADY_THERE));
        let payments = judge(payments().as_ref(), &taken, &[&record], true);
        assert_eq!(conflict_code(&payments), ALREADY_THERE);
        // An earlier attempt, of this process or of another, may have created it.
        taken.row.attempts = 2;
        assert!(matches!(judged(&taken), Judgement::Accepted(_)));
        (taken.row.attempts, taken.is_inherited) = (1, true);
        assert!(matches!(judged(&taken), Judgement::Accepted(_)));
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
        let judgement = judge(customers().as_ref(), &doubt, &[&record], false);
        assert_eq!(judgement, Judgement::Resend(Some("e7".to_owned())));
    }

    #[test]
    fn a_line_that_a_stranger_has_is_left_to_him() {
        let connector = payments();
        let mut doubt = doubt(
            Action::Create,
            r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#,
            Cause::KeyTaken(refusal()),
        );
        doubt.row.line_number = Some(20_000);
        let stranger =
            found(r#"{"id":"x","lineNumber":20000,"customerNumber":"C9","documentNumber":"Z","amount":-6}"#);
        assert_eq!(judge(connector.as_ref(), &doubt, &[&stranger], true), Judgement::Move);
        // A line that the API does not show: looked for twice, then left alone.
        assert_eq!(judge(connector.as_ref(), &doubt, &[], true), Judgement::LookAgain);
        doubt.looks = 1;
        assert_eq!(judge(connector.as_ref(), &doubt, &[], true), Judgement::Move);
    }

    #[test]
    fn several_records_that_look_alike_are_for_a_person() {
        let doubt = doubt(Action::Create, r#"{"displayName":"Ann"}"#, Cause::Unanswered(String::new()));
        let record = found(r#"{"id":"g","displayName":"Ann"}"#);
        let judgement = judge(customers().as_ref(), &doubt, &[&record, &record], true);
        assert!(matches!(judgement, Judgement::Person(words) if words.starts_with("2 records")));
    }

    #[test]
    fn a_city_that_came_with_its_postal_code_is_no_conflict() {
        let sent = r#"{"number":"C1","city":"Ulm","postalCode":"89073"}"#;
        let record = r#"{"id":"g","number":"C1","city":"ULM / DONAU","postalCode":"89073"}"#;
        assert!(matches!(customer(Action::Create, sent, Some(record), false), Judgement::Accepted(_)));
    }

    #[test]
    fn what_somebody_filled_in_is_not_emptied_by_a_change_of_country() {
        let mut doubt = doubt(Action::Update, r#"{"country":"AT"}"#, Cause::Stale(refusal()));
        let change = |field: &str, from: &str, to: &str| FieldChange {
            field: field.into(),
            from: from.into(),
            to: to.into(),
        };
        doubt.row.changes = vec![change("country", "DE", "AT"), change("city", "Ulm", "")];
        let judge = |on_conflict, city: &str, country: &str| {
            let record = format!(r#"{{"id":"g","city":"{city}","country":"{country}","@odata.etag":"e5"}}"#);
            Judge { connector: customers().as_ref(), on_conflict, is_believable: true }
                .judge(&doubt, &[&found(&record)])
        };
        assert_eq!(conflict_code(&judge(OnConflict::Reject, "Graz", "DE")), "stale");
        let Judgement::ResendPart(part) = judge(OnConflict::Theirs, "Graz", "DE") else { panic!() };
        assert_eq!(part.payload, r#"{"country":"AT","city":"Graz"}"#);
        let again = Judgement::Resend(Some("e5".to_owned()));
        assert_eq!(judge(OnConflict::Ours, "Graz", "DE"), again);
        assert_eq!(judge(OnConflict::Reject, "Ulm", "DE"), again);
        // The country has arrived, and somebody has filled in the city since.
        assert!(matches!(judge(OnConflict::Reject, "Graz", "AT"), Judgement::Accepted(_)));
    }

    #[test]
    fn nothing_is_looked_up_for_a_postal_code_that_was_refused() {
        let sent = r#"{"city":"Ulm","postalCode":"89073"}"#;
        let there = found(r#"{"id":"g","city":"Neu-Ulm","postalCode":"89073","@odata.etag":"e5"}"#);
        let mut doubt = doubt(Action::Update, sent, Cause::Stale(refusal()));
        assert_eq!(conflict_code(&judge(customers().as_ref(), &doubt, &[&there], true)), "stale");
        doubt.cause = Cause::Unanswered("lost".into());
        assert!(matches!(judge(customers().as_ref(), &doubt, &[&there], true), Judgement::Accepted(_)));
    }

    /// An update of city and credit limit, with what a lookup finds, judged while it is still too early to believe
    /// anything.
    fn update(on_conflict: OnConflict, record: &str) -> Judgement {
        let mut doubt =
            doubt(Action::Update, r#"{"city":"Ulm","creditLimit":500}"#, Cause::Unanswered("lost".into()));
        let limit = FieldChange { field: "creditLimit".into(), from: "100".into(), to: "500".into() };
        doubt.row.changes.push(limit);
        Judge { connector: customers().as_ref(), on_conflict, is_believable: false }
            .judge(&doubt, &[&found(record)])
    }

    const BOTH_OPEN: &str = r#"{"id":"g","city":"Köln","creditLimit":100,"@odata.etag":"e5"}"#;

    #[test]
    fn a_conflict_names_what_was_planned_and_what_is_there() {
        let Judgement::Conflict(refusal) = update(OnConflict::Reject, BOTH_OPEN) else { panic!() };
        assert_eq!(
            refusal.message,
            "someone else changed the record after the plan: `city` was to become `Ulm`, is now `Köln`, and held `Bonn`"
        );
    }

    #[test]
    fn their_values_stay_and_the_other_changes_are_sent_with_the_fresh_etag() {
        let Judgement::ResendPart(part) = update(OnConflict::Theirs, BOTH_OPEN) else { panic!() };
        assert_eq!((&*part.payload, part.etag.as_deref()), (r#"{"creditLimit":500}"#, Some("e5")));
        assert_eq!(part.changes.len(), 1);
        // The other change is there already.
        let rest_is_done = r#"{"id":"g","city":"Köln","creditLimit":500,"@odata.etag":"e5"}"#;
        let Judgement::AcceptedPart(_, kept) = update(OnConflict::Theirs, rest_is_done) else { panic!() };
        assert_eq!(kept, "`city` stayed as somebody else set it");
        let all_theirs = r#"{"id":"g","city":"Köln","creditLimit":7,"@odata.etag":"e5"}"#;
        let Judgement::Skip(refusal) = update(OnConflict::Theirs, all_theirs) else { panic!() };
        assert_eq!(
            refusal.message,
            "someone else changed `city`, `creditLimit` after the plan, and their values stay"
        );
    }

    #[test]
    fn our_values_go_over_theirs_with_the_fresh_etag() {
        assert_eq!(update(OnConflict::Ours, BOTH_OPEN), Judgement::Resend(Some("e5".to_owned())));
    }

    #[test]
    fn a_resend_that_may_still_run_is_waited_for() {
        let judge = |etag: &str, attempts, is_believable| {
            let mut doubt = doubt(Action::Update, r#"{"city":"Ulm"}"#, Cause::Unanswered("lost".into()));
            (doubt.row.etag, doubt.row.attempts) = (Some(etag.to_owned()), attempts);
            Judge { connector: customers().as_ref(), on_conflict: OnConflict::Ours, is_believable }
                .judge(&doubt, &[&found(r#"{"id":"g","city":"Köln","@odata.etag":"e5"}"#)])
        };
        let again = Judgement::Resend(Some("e5".to_owned()));
        assert_eq!(judge("e5", 2, false), Judgement::LookAgain);
        // Another process sent it, with a fresher version than the plan's.
        assert_eq!(judge("e1", 2, false), Judgement::LookAgain);
        assert_eq!(judge("e1", 2, true), again);
        assert_eq!(judge("e1", 1, false), again);
    }

    #[test]
    fn a_line_with_another_document_is_a_strangers_when_nothing_of_ours_can_be_there() {
        let sent = r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#;
        let mut doubt = doubt(Action::Create, sent, Cause::KeyTaken(refusal()));
        doubt.row.line_number = Some(20_000);
        let there = found(
            r#"{"id":"x","lineNumber":20000,"customerNumber":"C1","documentNumber":"Z","amount":-5.00}"#,
        );
        let connector = payments();
        assert_eq!(judge(connector.as_ref(), &doubt, &[&there], true), Judgement::Move);
        doubt.row.attempts = 2;
        assert_eq!(conflict_code(&judge(connector.as_ref(), &doubt, &[&there], true)), "different");
    }

    #[test]
    fn a_delete_is_done_when_the_record_is_gone_and_waits_while_it_may_still_run() {
        let delete =
            |record: Option<&str>, is_believable| customer(Action::Delete, "", record, is_believable);
        assert!(matches!(delete(None, false), Judgement::Accepted(_)));
        let as_planned = Some(r#"{"id":"g","@odata.etag":"e1"}"#);
        assert_eq!(delete(as_planned, false), Judgement::LookAgain);
        assert_eq!(delete(as_planned, true), Judgement::Resend(Some("e1".to_owned())));
    }

    #[test]
    fn a_record_that_changed_is_deleted_only_at_the_users_word() {
        let record = found(r#"{"id":"g","@odata.etag":"e2"}"#);
        let doubt = doubt(Action::Delete, "", Cause::Stale(refusal()));
        let judge = |on_conflict| {
            Judge { connector: customers().as_ref(), on_conflict, is_believable: true }
                .judge(&doubt, &[&record])
        };
        assert_eq!(conflict_code(&judge(OnConflict::Reject)), "stale");
        assert!(
            matches!(judge(OnConflict::Theirs), Judgement::Skip(refusal) if refusal.code == "kept-theirs")
        );
        assert_eq!(judge(OnConflict::Ours), Judgement::Resend(Some("e2".to_owned())));
    }
}
