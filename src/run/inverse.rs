//! One row of a run turned round: the row that takes back what it did.
//!
//! In: a row that is done, the record as it is now, and what else the target holds. Out: a planned row. A value that
//! somebody else has written since, or a record that somebody has made again, is never written over by guess.

use crate::catalogue::{Entity, Kind, Writable};
use crate::connector::fields::{self, Fields, Object};
use crate::connector::{blanks, completed, differences, filled_since, is_all_applied, is_among};
use crate::delivery::OnConflict;
use crate::domain::{Action, EntityKind, FieldChange, PlannedRow, RowResult, Rule, Violation};
use crate::mapping::can_be_blank;
use crate::plan::Existing;
use crate::validation::Sign;

use super::index::{TargetIndex, name_key};
use super::planning::{Lines, PlanningError};
use super::readback::{moved, own_of};
use super::reading::as_in_file;

/// How one row is turned round.
pub(super) struct Inverse {
    pub(super) entity: &'static Entity,
    pub(super) kind: EntityKind,
    /// Whether an `ETag` tells that somebody has touched a record.
    pub(super) has_etags: bool,
    /// The word of `--sign` of the run.
    pub(super) sign: String,
    pub(super) local_currency: String,
    pub(super) on_conflict: OnConflict,
    /// Whether the run wrote over what somebody else had set.
    pub(super) is_insistent: bool,
    /// Lines for the payments that come back.
    pub(super) lines: Lines,
    /// The target's records by number and name, or by document and customer.
    pub(super) there: TargetIndex,
}

impl Inverse {
    /// The row that takes back what `row` did, given the record as it is now.
    pub(super) fn of(
        &mut self,
        row: RowResult,
        there: Option<Existing>,
    ) -> Result<PlannedRow, PlanningError> {
        let key = row.planned.key.clone();
        let is_replaced_unknown = self.is_replaced_unknown(&row);
        let left = row.new_etag;
        let (planned, done) = (blank(row.planned.clone()), row.planned);
        let again = match (done.action, &there) {
            (Action::Create | Action::Delete, None) => self.again(&done, row.remote_id.as_deref())?,
            _ => None,
        };
        let replaced = names(&done.changes);
        let turned = match (done.action, there) {
            (Action::Create | Action::Delete, None) if again.is_some() => Ok(self.leave(
                planned,
                Rule::ThereAgain,
                [&again.unwrap_or_default(), &key, "no such record"],
            )),
            (Action::Create, Some(there)) => self.delete(planned, &done, there, left.as_deref()),
            (Action::Create, None) => Ok(self.gone(planned)),
            (Action::Update, Some(_)) | (Action::Delete, None) if is_replaced_unknown => Ok(conflict(
                planned,
                Rule::ReplacedUnknown,
                [&replaced, "what the plan had seen", "what the run has replaced"],
            )),
            (Action::Update, Some(there)) => self.put_back(planned, &done, there, left.as_deref()),
            (Action::Delete, None) => self.create_again(planned, &done),
            (Action::Delete, Some(there)) => Ok(PlannedRow { remote_id: Some(there.id), ..planned }),
            _ => Ok(conflict(
                planned,
                Rule::ChangedSince,
                [self.key_field(), "gone", "the record as the run left it"],
            )),
        };
        turned.map_err(|source| PlanningError::Record { key, source })
    }

    /// Whether the record that the row replaced may have been another one than the plan saw: with `ours` a row is sent
    /// again over what somebody has set since, and its record is kept as the plan saw it. Who insists puts that back.
    fn is_replaced_unknown(&self, row: &RowResult) -> bool {
        self.is_insistent && row.attempts > 1 && self.on_conflict != OnConflict::Ours
    }

    /// The field by which the target has a record that this row's would double, or that stands for it: somebody made
    /// it again. Who insists may have two customers of one name, and never a number or a payment twice.
    fn again(&self, done: &PlannedRow, id: Option<&str>) -> Result<Option<String>, PlanningError> {
        let record = if done.action == Action::Delete { &done.before } else { &done.payload };
        let is_there = |key: &str| -> Result<bool, PlanningError> {
            let found = self.there.find(key)?;
            Ok(found.iter().any(|found| id.is_none_or(|id| !found.id.eq_ignore_ascii_case(id))))
        };
        if is_there(&self.there.key_of(self.kind, record, None))? {
            return Ok(Some(self.key_field().to_owned()));
        }
        let fields = Fields::parse(record);
        let fields = fields.map_err(|source| PlanningError::Record { key: done.key.clone(), source })?;
        let by_name = self.kind == EntityKind::Customers
            && done.action == Action::Delete
            && self.on_conflict != OnConflict::Ours
            && is_there(&name_key(&fields.text("displayName")))?;
        Ok(by_name.then(|| "displayName".to_owned()))
    }

    /// A record that is not there any more: a customer was deleted, a payment was posted or removed.
    fn gone(&self, planned: PlannedRow) -> PlannedRow {
        let key = planned.key.clone();
        match self.kind {
            EntityKind::Customers | EntityKind::Dimensions => {
                because(planned, Action::Unchanged, Rule::AlreadyGone, [self.key_field(), &key, ""])
            }
            EntityKind::Payments => {
                conflict(planned, Rule::LeftJournal, [self.key_field(), &key, "a payment in its journal"])
            }
        }
    }

    /// Takes out what the run made. Whoever changed anything of it since has his work in it.
    fn delete(
        &self,
        planned: PlannedRow,
        done: &PlannedRow,
        there: Existing,
        left: Option<&str>,
    ) -> serde_json::Result<PlannedRow> {
        let mut changed = moved(self.entity, done, &there.body)?;
        if !self.has_etags {
            changed.extend(filled_since(self.entity, &done.payload, &there.body)?);
        }
        let is_touched = !changed.is_empty() || left.is_some_and(|etag| etag != there.etag);
        if is_touched && self.on_conflict != OnConflict::Ours {
            let fields = names(&changed);
            let field = changed.first().map_or(self.key_field(), |change| change.field.as_str()).to_owned();
            let found = if fields.is_empty() {
                "changed since".to_owned()
            } else {
                format!("changed since: {fields}")
            };
            let words = [&*field, &found, "the record as the run made it"];
            return Ok(self.leave(planned, Rule::ChangedSince, words));
        }
        let before = fields::only(&there.body, |name| self.is_writable(name))?;
        Ok(PlannedRow {
            action: Action::Delete,
            before,
            remote_id: Some(there.id),
            etag: Some(there.etag),
            ..planned
        })
    }

    /// Puts back the values that an update replaced; fields that somebody changed since stay out, or are a conflict.
    fn put_back(
        &self,
        planned: PlannedRow,
        done: &PlannedRow,
        there: Existing,
        left: Option<&str>,
    ) -> serde_json::Result<PlannedRow> {
        if self.kind == EntityKind::Payments && !is_all_applied(&there.body) {
            let words = ["amount", "changed since: entries", "a payment whose amount one row can say"];
            return Ok(conflict(planned, Rule::PaymentSplit, words));
        }
        let wanted = self.writable_again(&done.before)?;
        let mut back = differences(self.entity, &wanted, &there.body)?;
        // What only went along with the run's change was not its own, and whoever has set it since keeps it.
        let went_along = |name: &str| self.entity.field(name).is_some_and(|field| field.goes_along);
        back.retain(|change| {
            !went_along(&change.field) || is_among(self.entity, &done.changes, &change.field)
        });
        let is_touched = left.is_some_and(|etag| etag != there.etag);
        let foreign = self.foreign(done, &back, &there.body, is_touched)?;
        if !foreign.is_empty() && self.on_conflict == OnConflict::Reject {
            let found = format!("changed since: {}", names(&foreign));
            let words = [&*foreign[0].field, &found, "the values that the run wrote"];
            return Ok(conflict(planned, Rule::ChangedSince, words));
        }
        let (kept, changes): (Vec<_>, Vec<_>) = back.into_iter().partition(|change| self.is_for_good(change));
        if let Some(change) = kept.first()
            && (changes.is_empty() || self.on_conflict == OnConflict::Reject)
        {
            let words = [&*change.field, &change.from, "a value, which the target does not empty again"];
            return Ok(conflict(planned, Rule::NeverEmptied, words));
        }
        let stays = |name: &str| {
            self.on_conflict == OnConflict::Theirs && foreign.iter().any(|change| change.field == name)
        };
        let changes: Vec<_> = changes.into_iter().filter(|change| !stays(&change.field)).collect();
        if changes.is_empty() {
            return Ok(PlannedRow { remote_id: Some(there.id), etag: Some(there.etag), ..planned });
        }
        let is_changed = |name: &str| is_among(self.entity, &changes, name);
        // An address goes back whole where a change of one of its fields clears what is not sent with it.
        let is_address = |name: &str| changes.iter().any(|change| self.entity.moves(&change.field, name));
        let kept = |name: &str| kept.iter().any(|change| change.field == name);
        let counted = self.counted();
        let amount = is_changed(counted).then(|| Fields::parse(&wanted)).transpose()?;
        let payload = fields::only(&wanted, |name| {
            is_changed(name) || (is_address(name) && !stays(name) && !kept(name))
        })?;
        Ok(PlannedRow {
            action: Action::Update,
            payload: completed(self.entity, &payload, &there.body)?.into_owned(),
            before: fields::only(&there.body, |name| is_changed(name) || is_address(name))?,
            remote_id: Some(there.id),
            etag: Some(there.etag),
            amount: amount.and_then(|fields| fields.text(counted).parse().ok()),
            changes,
            ..planned
        })
    }

    /// Those of the changes back that would overwrite another person's value.
    ///
    /// In a record that nobody has touched since, only a value that is neither the run's nor the old one can be, and
    /// what the target looked up for a postal code is not. In one that somebody has touched, what the target filled in
    /// cannot be told from that person's work any more, but for what a change of country has emptied.
    fn foreign(
        &self,
        done: &PlannedRow,
        back: &[FieldChange],
        now: &str,
        is_touched: bool,
    ) -> serde_json::Result<Vec<FieldChange>> {
        let is_back = |name: &str| back.iter().any(|change| change.field == name);
        if !is_touched {
            let mut foreign = moved(self.entity, done, now)?;
            foreign.retain(|change| is_back(&change.field));
            return Ok(foreign);
        }
        let sent = own_of(self.entity, done.action, (&done.payload, &done.changes))?;
        let mut foreign = differences(self.entity, &sent, now)?;
        foreign.retain(|change| is_back(&change.field));
        let sent = Fields::parse(&sent)?;
        let is_cleared = |name: &str| {
            let mut cleared = sent.iter().filter_map(|(sent, _)| self.entity.field(sent));
            cleared.any(|field| field.clears.contains(&name))
        };
        let is_emptied = |change: &FieldChange| change.from.is_empty() && is_cleared(&change.field);
        let unsent = back.iter().filter(|change| sent.raw(&change.field).is_none() && !is_emptied(change));
        foreign.extend(unsent.cloned());
        Ok(foreign)
    }

    /// Whether the target cannot empty this field again.
    fn is_for_good(&self, change: &FieldChange) -> bool {
        let field = self.entity.field(&change.field);
        change.to.is_empty() && !change.from.is_empty() && field.is_some_and(|field| !can_be_blank(field))
    }

    /// Makes again what the run deleted, on a line of its own when it is a payment.
    fn create_again(&mut self, planned: PlannedRow, done: &PlannedRow) -> serde_json::Result<PlannedRow> {
        let whole = self.writable_again(&done.before)?;
        let members = Fields::parse(&whole)?;
        if let Some(lost) = self.lost(&members, &whole) {
            return Ok(conflict(
                planned,
                Rule::PaymentSplit,
                ["appliesToInvoiceNumber", &lost, "one payment"],
            ));
        }
        // A record is read with ids beside the codes and numbers they stand for; one of the two is enough.
        // But not where the plan has turned the one into the other: then the id alone is sent.
        let is_said_twice = |name: &str| {
            let is_planned = self.entity.field(name).is_some_and(|field| field.writable == Writable::Plan);
            name.strip_suffix("Id").filter(|_| !is_planned).is_some_and(|base| {
                ["Code", "Number"].iter().any(|end| members.raw(&format!("{base}{end}")).is_some())
            })
        };
        let payload = fields::only(&whole, |name| {
            name != "lineNumber" && !name.starts_with("journal") && !is_said_twice(name)
        })?;
        let line_number = (self.kind == EntityKind::Payments).then(|| self.lines.take());
        let amount = members.text(self.counted()).parse().ok();
        let sign = if self.sign == Sign::AsIs.as_str() { Sign::AsIs } else { Sign::ReceiptsPositive };
        let amount = amount.map(|amount| as_in_file(self.kind, sign, amount));
        Ok(PlannedRow { action: Action::Create, payload, line_number, amount, ..planned })
    }

    /// What is known of a payment that a new one cannot have, where a payment has to name its invoice.
    fn lost(&self, members: &Fields<'_>, payment: &str) -> Option<String> {
        let has_to = self.entity.field("appliesToInvoiceNumber").is_some_and(|field| field.required);
        let invoice = members.text("appliesToInvoiceId");
        let is_whole = !invoice.trim().is_empty() && is_all_applied(payment);
        let amounts = || (members.text("amount"), members.text("appliedAmount"));
        (has_to && !is_whole).then(|| {
            let (amount, applied) = amounts();
            format!("amount {amount}, applied to invoices {applied}, invoice {invoice}")
        })
    }

    /// The name of the amount that counts in the control totals.
    fn counted(&self) -> &'static str {
        self.entity.counted_amount().map_or("", |field| self.entity.fields[field].name)
    }

    /// A record as it was read, in the form in which it can be written.
    ///
    /// Source: reads give the local currency's code, which a write must leave blank; a blank member of an enumeration
    /// is written `_x0020_`.
    fn writable_again(&self, record: &str) -> serde_json::Result<String> {
        let record = blanks(self.entity, record)?;
        let mut object = Object::with_capacity(record.len());
        for (name, value) in Fields::parse(&record)?.iter().filter(|(name, _)| self.is_writable(name)) {
            let text = value.trim_matches('"').trim();
            let is_blank_member = text.is_empty()
                && self.entity.field(name).is_some_and(|field| matches!(field.kind, Kind::Enum(_)));
            let is_blank_when_local =
                self.entity.field(name).is_some_and(|field| field.writable == Writable::Always);
            let is_local = name == "currencyCode" && text == self.local_currency && is_blank_when_local;
            let value = match (is_blank_member, is_local) {
                (true, _) => r#""_x0020_""#,
                (_, true) => r#""""#,
                _ => value,
            };
            object.push(name, value);
        }
        Ok(object.finish())
    }

    fn leave(&self, planned: PlannedRow, rule: Rule, words: [&str; 3]) -> PlannedRow {
        let action = if self.on_conflict == OnConflict::Theirs { Action::Skip } else { Action::Conflict };
        because(planned, action, rule, words)
    }

    fn is_writable(&self, name: &str) -> bool {
        self.entity.field(name).is_some_and(|field| field.writable != Writable::No)
    }

    fn key_field(&self) -> &'static str {
        match self.kind {
            EntityKind::Customers => "number",
            EntityKind::Dimensions => "dimensionCode",
            EntityKind::Payments => "documentNumber",
        }
    }
}

/// A row of which nobody knows whether it arrived: there is nothing certain to take back.
pub(super) fn doubtful(row: RowResult) -> PlannedRow {
    let key = row.planned.key.clone();
    conflict(blank(row.planned), Rule::OutcomeUnknown, ["", &key, "a row whose outcome is known"])
}

/// The row without anything to do: what it carries is what the books get by it.
fn blank(done: PlannedRow) -> PlannedRow {
    PlannedRow {
        source: done.source,
        cells: done.cells,
        currency: done.currency,
        ..PlannedRow::new(done.origin, done.key, Action::Unchanged, String::new())
    }
}

fn conflict(planned: PlannedRow, rule: Rule, words: [&str; 3]) -> PlannedRow {
    because(planned, Action::Conflict, rule, words)
}

fn because(planned: PlannedRow, action: Action, rule: Rule, words: [&str; 3]) -> PlannedRow {
    let [field, found, allowed] = words.map(str::to_owned);
    let violations = vec![Violation { rule, field, column: None, found, allowed }];
    PlannedRow { action, violations, ..planned }
}

fn names(changes: &[FieldChange]) -> String {
    changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>().join(", ")
}
