//! What a lookup says of a row in doubt: pure, so that every case can be tested.
//!
//! Found and equal is done. Found and different is a conflict. An absence is believed only once the server's own
//! time limit has passed since the request left; until then the request may still be running.

mod address;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use address::{Risky, filled_before_a_move, risky, with_theirs, without_looked_up_address};
use words::{different, gone, stale, theirs, with_kept};

use super::doubt::{Cause, Doubt};
use super::options::OnConflict;
use crate::connector::fields::{Fields, only};
use crate::connector::{Connector, Found, completed, differences, is_all_applied, is_among, own};
use crate::domain::{Action, EntityKind, FieldChange, Receipt, Refusal, Rule};

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
    /// Not settled yet, and another row will tell soon.
    LookSoon,
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
            (Action::Update | Action::Delete, []) if self.may_be_between_lists(doubt) => Judgement::LookAgain,
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

    /// Whether the record may have gone from one list to another between the reading of the two, because the target
    /// still works at the row. Where records are read back in lists, their active and inactive ones are apart.
    fn may_be_between_lists(&self, doubt: &Doubt) -> bool {
        let is_in_lists =
            !self.connector.habits().is_yes_certain && self.connector.kind() == EntityKind::Customers;
        is_in_lists && !self.is_believable && matches!(doubt.cause, Cause::Unanswered(_))
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
        let Ok((ours, risky)) = risky(self.connector.entity(), row, ours, &found.record) else {
            return not_comparable();
        };
        if foreign.is_empty() && risky.is_empty() {
            return self.again(doubt, found);
        }
        match self.on_conflict {
            OnConflict::Reject => Judgement::Conflict(stale(&row.changes, &foreign, &risky)),
            _ if self.may_run(doubt, found) => Judgement::LookAgain,
            OnConflict::Ours => self.resend(doubt, found),
            OnConflict::Theirs => self.keep_theirs(doubt, found, (&ours, &foreign, &risky)),
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

    /// Leaves the fields that someone else changed as they are, and sends the others, if any are left that write over
    /// none of them.
    fn keep_theirs(
        &self,
        doubt: &Doubt,
        found: &Found,
        (ours, foreign, risky): (&[FieldChange], &[FieldChange], &[Risky]),
    ) -> Judgement {
        let (row, entity) = (&doubt.row, self.connector.entity());
        let is_foreign = |name: &str| {
            is_among(entity, foreign, name) || risky.iter().any(|risky| risky.change.field == name)
        };
        let sent = own(entity, &row.payload, &row.changes)
            .and_then(|own| only(&own, |name| !is_foreign(name)))
            .and_then(|sent| with_theirs(&sent, foreign, row));
        let kept = with_kept(&doubt.kept, theirs(foreign, risky));
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
                    theirs(foreign, risky)
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

fn not_comparable() -> Judgement {
    Judgement::Person("the record found cannot be compared with the row".to_owned())
}

/// The record's `ETag` as it was found.
fn fresh(found: &Found) -> Option<String> {
    Some(found.receipt.etag.clone()).filter(|etag| !etag.is_empty())
}

/// Whether the target still holds what the plan saw.
fn is_as_planned(planned: &[FieldChange], change: &FieldChange) -> bool {
    planned.iter().any(|seen| seen.field == change.field && seen.from == change.from)
}
