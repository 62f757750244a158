//! A second look at the target, right before a plan is carried out that was made earlier.
//!
//! A plan rests on what the target held: a create on a key that nobody had, an update and a delete on a record with
//! this `ETag`, or with these values where records have none. In: the plan, and those records as they are now. Out: nothing, or an error that names the rows whose
//! record has moved, all of which stand in `stale.csv` in the run's folder. Nothing is written to the target.
//!
//! A line of the payment journal that somebody else has taken meanwhile is no reason to refuse: delivery reserves
//! another one.
//!
//! Cost: a plan that touches few customers looks them up; any other reads ids and keys of all records in bulk.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::catalogue::Entity;
use crate::connector::{Operation, differences};
use crate::domain::{Action, EntityKind, FieldChange, PlannedRow, RowResult, Rule, State};
use crate::durable::{FileError, PendingFile};
use crate::ledger::{Filter, Ledger, RunHeader, Step};

use super::apply::ApplyRequest;
use super::error::Error;
use super::event::{Event, Observer};
use super::history::{Earlier, add_delivered};
use super::index::{TargetIndex, customer_of, key_of};
use super::journal::find_journal;
use super::planning::PlanningError;
use super::target::Target;

/// The file that names every row whose record has moved.
const FILE: &str = "stale.csv";

/// Rows that a message names.
const SHOWN: usize = 20;

/// Up to so many rows are looked up one by one, 40 to a request; more are cheaper in bulk, where a page of the target
/// holds 20,000 records.
const FEW: u64 = 200;

/// Rows of a plan rest on records that have moved since.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the target has changed since the plan was made, so nothing of it was written; {rows} of its rows {rest} on records that moved: {list}{more}",
    rest = if *rows == 1 { "rests" } else { "rest" },
    list = shown.join("; "),
    more = if *rows > shown.len() as u64 { "; …" } else { "" }
)]
pub struct StaleError {
    /// How many rows there are.
    pub rows: u64,
    /// The first of them, each with its file, its line, its key, and what moved.
    pub shown: Vec<String>,
    /// The file that has all of them.
    pub file: PathBuf,
}

/// Refuses when a record that the plan rests on is not as the plan saw it.
///
/// # Errors
/// [`Error::Stale`] naming the rows; also when the target cannot be read.
pub(super) async fn check_records(
    target: &Target,
    ledger: &mut Ledger,
    request: &ApplyRequest,
    observer: Observer<'_>,
) -> Result<(), Error> {
    let header = ledger.header()?;
    observer(Event::Note("looking whether the target is still as the plan saw it".to_owned()));
    let few = match header.entity {
        EntityKind::Customers | EntityKind::Dimensions => few_records(target, ledger, &header)?,
        EntityKind::Payments => None,
    };
    let index = records_now(target, &header, (few, request), observer).await?;
    index.index_ids().map_err(PlanningError::from)?;
    let has_etags = target.api.habits().has_etags;
    let now = Now { index, entity: target.tables().entity(header.entity), has_etags };
    write_stale(ledger, &header, &now, &request.folder)
}

/// The target as it is now.
struct Now {
    index: TargetIndex,
    entity: &'static Entity,
    /// Whether an `ETag` tells that a record was changed.
    has_etags: bool,
}

/// The records that rows of a run may meet, as they are now: of those that keep no journal
/// the ones that the addresses of `few` find, or else all.
async fn records_now(
    target: &Target,
    header: &RunHeader,
    (few, request): (Option<Vec<String>>, &ApplyRequest),
    observer: Observer<'_>,
) -> Result<TargetIndex, Error> {
    let (match_on, fields) = match_fields(target, header);
    let mut index = TargetIndex::matching(&match_on).map_err(PlanningError::from)?;
    match (header.entity, few) {
        (EntityKind::Payments, _) => fetch_payments(target, header, request, &mut index, observer).await?,
        (kind, Some(addresses)) => target.fetch_found(kind, addresses, &mut index).await?,
        (EntityKind::Customers, None) => target.fetch_customers(&fields, &mut index, observer).await?,
        (EntityKind::Dimensions, None) => target.fetch_default_dimensions(&mut index, observer).await?,
    }
    Ok(index)
}

/// The fields by which the rows of a run find their customers, by name and by place in the target's tables, which lack
/// what the service lacks.
fn match_fields(target: &Target, header: &RunHeader) -> (Vec<&'static str>, BTreeSet<usize>) {
    let table = target.tables().entity(header.entity);
    let places: BTreeSet<usize> = header.match_on.iter().filter_map(|name| table.index_of(name)).collect();
    (places.iter().map(|place| table.fields[*place].name).collect(), places)
}

/// The lookups of a plan that touches few records, each of which can be looked up; `None` when reading all of them
/// is cheaper or surer.
fn few_records(target: &Target, ledger: &Ledger, header: &RunHeader) -> Result<Option<Vec<String>>, Error> {
    if ledger.counts()?.of_state(State::Planned) > FEW {
        return Ok(None);
    }
    let mut rows: Vec<RowResult> = Vec::new();
    ledger.for_each_row(Filter::States(&[State::Planned]), |row| {
        rows.push(row);
        Ok::<(), Error>(())
    })?;
    if rows.iter().any(|row| row.planned.action == Action::Create && is_unguarded(header, row)) {
        return Ok(None);
    }
    let operations: Vec<_> = rows
        .iter()
        .map(|row| Operation {
            row: row.id,
            action: row.planned.action,
            payload: &row.planned.payload,
            remote_id: row.planned.remote_id.as_deref(),
            etag: row.planned.etag.as_deref(),
            line_number: None,
        })
        .collect();
    let lookups = target.connector(header.entity, None).lookups(&operations);
    Ok(Some(lookups.into_iter().map(|lookup| lookup.request.path).collect()))
}

/// The payments that wait in the journal, and those that earlier runs have delivered: they may have been posted.
async fn fetch_payments(
    target: &Target,
    header: &RunHeader,
    request: &ApplyRequest,
    index: &mut TargetIndex,
    observer: Observer<'_>,
) -> Result<(), Error> {
    if !target.api.habits().has_journals {
        target.fetch_payments("", &BTreeSet::new(), index, observer).await?;
        return target
            .fetch_payers(false, &mut crate::domain::References::new(), index, observer)
            .await
            .map_err(Error::from);
    }
    let code = header.journal_code.as_deref().unwrap_or_default();
    let journal = match &header.journal_id {
        Some(known) => Some(find_journal(target, code, known).await?),
        None => target.fetch_journal(code).await?,
    };
    if let Some(journal) = journal {
        target.fetch_payments(&journal, &BTreeSet::new(), index, observer).await?;
    }
    // A payment that names its customer by id is found by the customer's number.
    if header.columns.iter().any(|(_, field)| field == "customerId") {
        target.fetch_payers(false, &mut crate::domain::References::new(), index, observer).await?;
    }
    if let Some(runs) = &request.runs {
        let earlier = Earlier { runs: Some(runs), another: None, own: Some(&request.folder) };
        add_delivered(earlier, header, index, observer)?;
    }
    Ok(())
}

/// Leaves out the creates that would make a second record by now: of payments and customers that somebody entered
/// since the plan, and of payments that another run has sent, which may have been posted.
///
/// This holds whatever the user says about records that moved, and also for what is left of a plan that was begun: no
/// key of the target stands in the way of such a record. One with a number is refused by the target itself.
///
/// # Errors
/// When the target or the ledger of an earlier run cannot be read.
pub(super) async fn leave_out_taken(
    target: &Target,
    ledger: &mut Ledger,
    request: &ApplyRequest,
    observer: Observer<'_>,
) -> Result<(), Error> {
    let header = ledger.header()?;
    if !has_unguarded_creates(ledger, &header)? {
        return Ok(());
    }
    observer(Event::Note("looking which of the new records somebody has entered meanwhile".to_owned()));
    let index = records_now(target, &header, (None, request), observer).await?;
    let mut steps = Vec::new();
    ledger.for_each_row(Filter::States(&[State::Planned]), |row| {
        if row.planned.action == Action::Create
            && let Some(taken) = taken(&index, &header, &row)?
        {
            let code = taken.rule.code().to_owned();
            let message = format!("{}; it {}", taken.rule.title(), taken.words);
            steps.push((row.id, Step::Skip { code, message }));
        }
        Ok::<(), Error>(())
    })?;
    Ok(ledger.record(&steps, 0)?)
}

/// Whether the plan still creates anything of which the target would take a second one.
fn has_unguarded_creates(ledger: &Ledger, header: &RunHeader) -> Result<bool, Error> {
    let mut found = false;
    ledger.for_each_row(Filter::States(&[State::Planned]), |row| {
        found = found || (row.planned.action == Action::Create && is_unguarded(header, &row));
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

fn is_unguarded(header: &RunHeader, row: &RowResult) -> bool {
    match header.entity {
        EntityKind::Payments => true,
        // Source: a customer has one default dimension in each dimension.
        EntityKind::Dimensions => false,
        EntityKind::Customers => {
            !header.match_on.is_empty()
                || !key_of(EntityKind::Customers, &row.planned.payload, None).starts_with("n:")
        }
    }
}

/// Judges every row that waits, and writes those that cannot stand into `stale.csv`; an older one goes away.
fn write_stale(ledger: &Ledger, header: &RunHeader, now: &Now, folder: &Path) -> Result<(), Error> {
    let path = folder.join(FILE);
    let failed = |cause: csv::Error| FileError::new("write", &path, std::io::Error::other(cause));
    let mut writer = csv::Writer::from_writer(PendingFile::create(path.clone())?);
    writer.write_record(["file", "sheet", "row", "key", "action", "what_moved"]).map_err(failed)?;
    let (mut rows, mut shown) = (0, Vec::new());
    ledger.for_each_row(Filter::States(&[State::Planned]), |row| {
        let Some(moved) = now.moved(header, &row)? else { return Ok(()) };
        rows += 1;
        let planned = &row.planned;
        let name = header.sources.get(planned.source as usize).map(|source| &source.name);
        let line = planned.origin.line.to_string();
        if shown.len() < SHOWN {
            let file = name.map(ToString::to_string).unwrap_or_default();
            shown.push(format!("{file} row {line} (`{}`): {moved}", planned.key));
        }
        let file = name.map(|name| name.file.as_str()).unwrap_or_default();
        let sheet = name.and_then(|name| name.sheet.as_deref()).unwrap_or_default();
        let record = [file, sheet, &line, &planned.key, planned.action.as_str(), &moved];
        Ok::<(), Error>(writer.write_record(record).map_err(failed)?)
    })?;
    let pending = writer
        .into_inner()
        .map_err(|error| FileError::new("write", &path, std::io::Error::other(error.error().to_string())))?;
    if rows == 0 {
        drop(pending);
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::new("remove", &path, error).into())
            }
            _ => Ok(()),
        };
    }
    pending.publish()?;
    Err(StaleError { rows, shown, file: path }.into())
}

impl Now {
    /// What has moved under this row, in words; `None` when everything is as the plan saw it.
    fn moved(&self, header: &RunHeader, row: &RowResult) -> Result<Option<String>, PlanningError> {
        let planned = &row.planned;
        if planned.action == Action::Create {
            return Ok(taken(&self.index, header, row)?.map(|taken| taken.words));
        }
        let Some(id) = &planned.remote_id else { return Ok(None) };
        if self.has_etags {
            return Ok(match self.index.etag_of(id)? {
                None => Some("is gone".to_owned()),
                Some(etag) if Some(&etag) != planned.etag.as_ref() => Some("was changed".to_owned()),
                Some(_) => None,
            });
        }
        let Some(there) = self.index.find_by_id(id)? else { return Ok(Some("is gone".to_owned())) };
        let moved = self.changed(planned, &there.body);
        let moved = moved.map_err(|source| PlanningError::Record { key: planned.key.clone(), source })?;
        let words: Vec<_> = moved
            .iter()
            .map(|change| format!("`{}` is now `{}` and was `{}`", change.field, change.from, change.to))
            .collect();
        Ok((!words.is_empty()).then(|| format!("was changed: {}", words.join(", "))))
    }

    /// The values that the plan rests on and the record does not hold any more: those that it replaces, and those that
    /// it sends again as they were.
    fn changed(&self, planned: &PlannedRow, there: &str) -> serde_json::Result<Vec<FieldChange>> {
        let mut moved = differences(self.entity, &planned.before, there)?;
        if planned.action == Action::Update {
            let mut sent = differences(self.entity, &planned.payload, there)?;
            let is_known =
                |field: &str, changes: &[FieldChange]| changes.iter().any(|change| change.field == field);
            sent.retain(|change| {
                !is_known(&change.field, &planned.changes) && !is_known(&change.field, &moved)
            });
            moved.extend(sent);
        }
        Ok(moved)
    }
}

/// Why a create would make a second record.
struct Taken {
    rule: Rule,
    words: String,
}

/// The record that a create would double, in the target or sent by another run; `None` when there is none.
fn taken(index: &TargetIndex, header: &RunHeader, row: &RowResult) -> Result<Option<Taken>, PlanningError> {
    let planned = &row.planned;
    let number = match header.entity {
        EntityKind::Payments => index.customer(&customer_of(&planned.payload))?.map(|payer| payer.number),
        EntityKind::Customers | EntityKind::Dimensions => None,
    };
    let key = index.key_of(header.entity, &planned.payload, number.as_deref());
    let mut found = Vec::new();
    if !index.is_matching() || key.starts_with("n:") {
        found = index.find(&key)?;
    }
    if index.is_matching() {
        let unreadable = |source| PlanningError::Record { key: planned.key.clone(), source };
        found.extend(index.find_all(&index.match_keys(&planned.payload).map_err(unreadable)?)?);
    }
    if let Some(existing) = found.first() {
        let words = format!("exists by now, with id {}", existing.id);
        return Ok(Some(Taken { rule: Rule::AlreadyExists, words }));
    }
    Ok(match header.entity {
        EntityKind::Payments => index
            .delivered_by(&planned.key)?
            .map(|how| Taken { rule: Rule::AlreadyDelivered, words: format!("was {how}") }),
        EntityKind::Customers | EntityKind::Dimensions => None,
    })
}
