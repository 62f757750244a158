//! `undo`: what a run did, turned round, as a plan of its own.
//!
//! ```text
//! rows that are done ─► the target's records as they are now ─► create ↔ delete, update back ─► ledger
//! ```
//!
//! A create becomes a delete, an update puts back the values it replaced, a delete becomes a create of the record as
//! it was. In: the ledger of the run, which is only read, and the target. Out: the ledger of a new run, to be shown,
//! applied, resumed and reported like any other.
//!
//! Promises: only what the run itself wrote is touched; a record that somebody else has changed since is a conflict,
//! unless the user says otherwise; every request insists on the `ETag` that was looked at here.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::catalogue::{Entity, Kind, Writable};
use crate::connector::business_central::fields::{self, Fields};
use crate::connector::business_central::{blanks, differences};
use crate::delivery::OnConflict;
use crate::domain::{Action, EntityKind, FieldChange, PlannedRow, RowResult, Rule, State, Violation};
use crate::durable::create_directory;
use crate::ledger::{Counters, Filter, Ledger, Phase, RunHeader};
use crate::plan::Existing;

use super::apply::check_target;
use super::error::Error;
use super::event::Observer;
use super::facts::{now, tool_version};
use super::history::remember_run;
use super::import::LEDGER;
use super::index::TargetIndex;
use super::planning::{Lines, PlanningError};
use super::readback::{ReadBack, moved};
use super::reading::table;
use super::target::Target;

/// Rows written to the ledger at once.
const BATCH_ROWS: usize = 2_000;

/// What to undo.
#[derive(Clone, Debug)]
pub struct UndoRequest {
    /// The folder of the run to undo.
    pub undone: PathBuf,
    /// The new run's id.
    pub run: String,
    /// The folder of the new run; it is created.
    pub folder: PathBuf,
    /// Where the project keeps its runs, which remember a run that is kept elsewhere.
    pub runs: Option<PathBuf>,
    /// What becomes of records that somebody else has changed since.
    pub on_conflict: OnConflict,
}

/// Plans to take back what a run did; nothing is written to the target.
///
/// # Errors
/// When the run still has rows whose outcome is not known, it did nothing, or the target is another one; also when
/// the target or a ledger cannot be read.
pub async fn plan_undo(
    target: &Target,
    request: &UndoRequest,
    observer: Observer<'_>,
) -> Result<Ledger, Error> {
    let undone = Ledger::open(&request.undone.join(LEDGER))?;
    let earlier = undone.header()?;
    check_target(target, &earlier)?;
    let counts = undone.counts()?;
    let in_doubt = counts.of_state(State::Sending) + counts.of_state(State::InDoubt);
    if in_doubt > 0 {
        return Err(Error::RunOpen { run: earlier.run, rows: in_doubt });
    }
    if counts.of_state(State::Done) == 0 {
        return Err(Error::NothingToUndo(earlier.run));
    }
    let found = target.read_back(&undone, &[State::Done], &[], observer).await?;
    let header = header(earlier, request);
    let lines = free_lines(target, &header, counts.of_action(Action::Delete), observer).await?;
    create_directory(&request.folder)?;
    let ledger = Ledger::create(&request.folder.join(LEDGER), &header)?;
    let inverse = Inverse {
        entity: table(header.entity),
        kind: header.entity,
        local_currency: header.local_currency.clone(),
        on_conflict: request.on_conflict,
        lines,
    };
    let ledger = tokio::task::block_in_place(|| plan_rows(ledger, header, &undone, &found, inverse))?;
    if let Some(runs) = &request.runs {
        remember_run(runs, &request.folder)?;
    }
    Ok(ledger)
}

/// The new run is the old one's in everything but what it does.
fn header(earlier: RunHeader, request: &UndoRequest) -> RunHeader {
    RunHeader {
        run: request.run.clone(),
        created: now(),
        tool_version: tool_version(),
        on_conflict: request.on_conflict.as_str().to_owned(),
        undoes: Some(earlier.run),
        retries: None,
        after: None,
        approved: false,
        approved_part: None,
        sliced: false,
        journal_before: None,
        phase: Phase::Planning,
        counters: Counters::default(),
        ..earlier
    }
}

/// Lines for the payments that come back.
async fn free_lines(
    target: &Target,
    header: &RunHeader,
    rows: u64,
    observer: Observer<'_>,
) -> Result<Lines, Error> {
    let mut taken = Vec::new();
    if let (EntityKind::Payments, Some(journal), true) = (header.entity, &header.journal_id, rows > 0) {
        let mut index = TargetIndex::new().map_err(PlanningError::from)?;
        target.fetch_payments(journal, &BTreeSet::new(), &mut index, observer).await?;
        taken = index.lines().map_err(PlanningError::from)?;
    }
    Ok(Lines::reserve(taken, rows.max(1))?)
}

fn plan_rows(
    mut ledger: Ledger,
    mut header: RunHeader,
    undone: &Ledger,
    found: &ReadBack,
    mut inverse: Inverse,
) -> Result<Ledger, Error> {
    header.sources.iter_mut().for_each(|source| source.rows = 0);
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    undone.for_each_row(Filter::States(&[State::Done]), |row| {
        let key = row.planned.key.clone();
        let there = found.find(&row).map_err(PlanningError::from)?;
        let planned = inverse.of(row, there).map_err(|source| PlanningError::Record { key, source })?;
        if let Some(source) = header.sources.get_mut(planned.source as usize) {
            source.rows += 1;
        }
        batch.push(planned);
        if batch.len() == BATCH_ROWS {
            ledger.append_rows(&batch)?;
            batch.clear();
        }
        Ok::<(), Error>(())
    })?;
    ledger.append_rows(&batch)?;
    ledger.finish_planning(&header)?;
    Ok(ledger)
}

/// How one row is turned round.
struct Inverse {
    entity: &'static Entity,
    kind: EntityKind,
    local_currency: String,
    on_conflict: OnConflict,
    lines: Lines,
}

impl Inverse {
    /// The row that takes back what `row` did, given the record as it is now.
    fn of(&mut self, row: RowResult, there: Option<Existing>) -> serde_json::Result<PlannedRow> {
        let new_etag = row.new_etag.clone();
        let done = row.planned;
        let planned = PlannedRow {
            action: Action::Unchanged,
            payload: String::new(),
            changes: Vec::new(),
            before: String::new(),
            remote_id: None,
            etag: None,
            line_number: None,
            violations: Vec::new(),
            ..done.clone()
        };
        match (done.action, there) {
            (Action::Create, Some(there)) => self.delete(planned, &done, there, new_etag.as_deref()),
            (Action::Create, None) => Ok(self.gone(planned)),
            (Action::Update, Some(there)) => self.put_back(planned, &done, there),
            (Action::Delete, None) => self.create_again(planned, &done),
            (Action::Delete, Some(_)) => Ok(planned),
            _ => Ok(Self::conflict(planned, self.key_field(), "gone", "the record as the run left it")),
        }
    }

    /// A record that is not there any more: a customer was deleted, a payment was posted or removed.
    fn gone(&self, planned: PlannedRow) -> PlannedRow {
        let key = planned.key.clone();
        match self.kind {
            EntityKind::Customers => {
                because(planned, Action::Unchanged, Rule::AlreadyGone, [self.key_field(), &key, ""])
            }
            EntityKind::Payments => because(
                planned,
                Action::Conflict,
                Rule::LeftJournal,
                [self.key_field(), &key, "a payment in its journal"],
            ),
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
        let changed = moved(self.entity, &done.payload, &there.body)?;
        let is_touched = !changed.is_empty() || left.is_some_and(|etag| etag != there.etag);
        if is_touched && self.on_conflict != OnConflict::Ours {
            let fields = names(&changed);
            let field = changed.first().map_or(self.key_field(), |change| change.field.as_str()).to_owned();
            let found = if fields.is_empty() {
                "changed since".to_owned()
            } else {
                format!("changed since: {fields}")
            };
            return Ok(self.leave(planned, &field, &found, "the record as the run made it"));
        }
        let before = fields::only(&there.body, |name| self.is_writable(name))?;
        Ok(PlannedRow {
            action: Action::Delete,
            // What goes away is no amount that arrives.
            amount: None,
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
    ) -> serde_json::Result<PlannedRow> {
        let wanted = self.writable_again(&done.before)?;
        let back = differences(self.entity, &wanted, &there.body)?;
        // Only a value that is neither the run's nor the old one is somebody else's.
        let mut foreign = moved(self.entity, &done.payload, &there.body)?;
        foreign.retain(|change| back.iter().any(|other| other.field == change.field));
        if !foreign.is_empty() && self.on_conflict == OnConflict::Reject {
            let found = format!("changed since: {}", names(&foreign));
            return Ok(Self::conflict(planned, &foreign[0].field, &found, "the values that the run wrote"));
        }
        let stays = |name: &str| {
            self.on_conflict == OnConflict::Theirs && foreign.iter().any(|change| change.field == name)
        };
        let changes: Vec<_> = back.into_iter().filter(|change| !stays(&change.field)).collect();
        let is_changed = |name: &str| changes.iter().any(|change| change.field == name);
        let action = if changes.is_empty() { Action::Unchanged } else { Action::Update };
        Ok(PlannedRow {
            action,
            payload: if changes.is_empty() { String::new() } else { fields::only(&wanted, is_changed)? },
            before: fields::only(&there.body, is_changed)?,
            remote_id: Some(there.id),
            etag: Some(there.etag),
            changes,
            ..planned
        })
    }

    /// Makes again what the run deleted, on a line of its own when it is a payment.
    fn create_again(&mut self, planned: PlannedRow, done: &PlannedRow) -> serde_json::Result<PlannedRow> {
        let whole = self.writable_again(&done.before)?;
        let members = Fields::parse(&whole)?;
        // A record is read with ids beside the codes and numbers they stand for; one of the two is enough.
        let is_said_twice = |name: &str| {
            name.strip_suffix("Id").is_some_and(|base| {
                ["Code", "Number"].iter().any(|end| members.raw(&format!("{base}{end}")).is_some())
            })
        };
        let payload = fields::only(&whole, |name| {
            name != "lineNumber" && !name.starts_with("journal") && !is_said_twice(name)
        })?;
        let line_number = (self.kind == EntityKind::Payments).then(|| self.lines.take());
        Ok(PlannedRow { action: Action::Create, payload, line_number, ..planned })
    }

    /// A record as it was read, in the form in which it can be written.
    ///
    /// Source: reads give the local currency's code, which a write must leave blank; a blank member of an enumeration
    /// is written `_x0020_`.
    fn writable_again(&self, record: &str) -> serde_json::Result<String> {
        let record = blanks(self.entity, record)?;
        let mut members = Vec::new();
        for (name, value) in Fields::parse(&record)?.iter().filter(|(name, _)| self.is_writable(name)) {
            let text = value.trim_matches('"').trim();
            let is_blank_member = text.is_empty()
                && self.entity.field(name).is_some_and(|field| matches!(field.kind, Kind::Enum(_)));
            let is_local = name == "currencyCode" && text == self.local_currency;
            let value = match (is_blank_member, is_local) {
                (true, _) => r#""_x0020_""#,
                (_, true) => r#""""#,
                _ => value,
            };
            members.push(format!("{}:{value}", serde_json::to_string(name)?));
        }
        Ok(format!("{{{}}}", members.join(",")))
    }

    fn leave(&self, planned: PlannedRow, field: &str, found: &str, allowed: &str) -> PlannedRow {
        let action = if self.on_conflict == OnConflict::Theirs { Action::Skip } else { Action::Conflict };
        because(planned, action, Rule::ChangedSince, [field, found, allowed])
    }

    fn conflict(planned: PlannedRow, field: &str, found: &str, allowed: &str) -> PlannedRow {
        because(planned, Action::Conflict, Rule::ChangedSince, [field, found, allowed])
    }

    fn is_writable(&self, name: &str) -> bool {
        self.entity.field(name).is_some_and(|field| field.writable != Writable::No)
    }

    fn key_field(&self) -> &'static str {
        match self.kind {
            EntityKind::Customers => "number",
            EntityKind::Payments => "documentNumber",
        }
    }
}

fn because(planned: PlannedRow, action: Action, rule: Rule, words: [&str; 3]) -> PlannedRow {
    let [field, found, allowed] = words.map(str::to_owned);
    let violations = vec![Violation { rule, field, column: None, found, allowed }];
    PlannedRow { action, violations, ..planned }
}

fn names(changes: &[FieldChange]) -> String {
    changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>().join(", ")
}
