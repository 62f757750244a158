//! `reconcile`: what a run wrote against what the target holds now.
//!
//! Every row that was written, found unchanged or left in doubt is read back from the primary database and compared
//! field by field, seen through the server's own eyes; then the control totals. Nothing is written to the target,
//! and the ledger stays as it is: only `resume` settles a doubt.

use std::path::Path;

use tokio::task::block_in_place;

use crate::connector::fields::Fields;
use crate::domain::{Action, EntityKind, FieldChange, Money, RowResult, Rule, State};
use crate::ledger::{Filter, Ledger, Phase, RunHeader};
use crate::plan::Existing;
use crate::report::{Finding, Reconciliation, ReconciliationWriter};
use crate::validation::Sign;

use super::apply::check_target;
use super::ending::Ending;
use super::error::Error;
use super::event::Observer;
use super::facts::facts_of;
use super::import::LEDGER;
use super::planning::PlanningError;
use super::readback::{ReadBack, moved};
use super::reading::{as_in_file, tables_of};
use super::target::Target;

/// The states of rows whose records are looked for.
const LOOKED_FOR: &[State] = &[State::Done, State::Unchanged, State::InDoubt, State::Sending];

/// Reads back every row of the run in `folder` and says in which the target differs.
///
/// # Errors
/// When the run cannot be read, was never applied, belongs to another target, or the target does not answer.
pub async fn reconcile(
    target: &Target,
    folder: &Path,
    observer: Observer<'_>,
) -> Result<Reconciliation, Error> {
    let ledger = Ledger::open(&folder.join(LEDGER))?;
    let header = ledger.header()?;
    match header.phase {
        Phase::Planning => return Err(Error::PlanUnfinished(header.run)),
        Phase::Planned => return Err(Error::NotApplied(header.run)),
        Phase::Applying | Phase::Finished => {}
    }
    check_target(target, &header)?;
    let mut read = target.read_back(&ledger, LOOKED_FOR, &[], observer).await?;
    if has_left(&ledger, &read)? {
        match header.entity {
            EntityKind::Customers | EntityKind::Dimensions => {
                target.read_again(&ledger, LOOKED_FOR, &mut read).await?;
            }
            EntityKind::Payments => target.read_posted(&header, &mut read, observer).await?,
        }
    }
    block_in_place(|| compare(&ledger, &header, &read, folder))
}

/// Whether any of the records is not there any more.
fn has_left(ledger: &Ledger, read: &ReadBack) -> Result<bool, Error> {
    let mut has_left = false;
    ledger.for_each_row(Filter::States(&[State::Done, State::Unchanged]), |row| {
        has_left = has_left || read.find(&row).map_err(PlanningError::from)?.is_none();
        Ok::<(), Error>(())
    })?;
    Ok(has_left)
}

fn compare(
    ledger: &Ledger,
    header: &RunHeader,
    read: &ReadBack,
    folder: &Path,
) -> Result<Reconciliation, Error> {
    let facts = facts_of(header, "reconcile", Ending::Done);
    let mut writer = ReconciliationWriter::create(folder, facts)?;
    // First all that is found for certain, so that nothing of it is taken for another row's.
    ledger.for_each_row(Filter::States(LOOKED_FOR), |row| {
        if let Some(found) = read.find(&row).map_err(PlanningError::from)? {
            read.is_ours(&found.id).map_err(PlanningError::from)?;
        }
        Ok::<(), Error>(())
    })?;
    ledger.for_each_row(Filter::All, |row| {
        let (mut found, mut again) = (None, None);
        if LOOKED_FOR.contains(&row.state) {
            found = read.find(&row).map_err(PlanningError::from)?;
            if found.is_none() && row.planned.action != Action::Delete && !was_gone(&row) {
                again = read.find_again(&row).map_err(PlanningError::from)?;
            }
        }
        let mut finding = match &again {
            Some(there) => {
                read.is_ours(&there.id).map_err(PlanningError::from)?;
                found_again(header, &row, there)?
            }
            None => finding(header, &row, found.as_ref())?,
        };
        let found = found.or(again);
        if finding == Finding::PostedOrRemoved
            && read.is_posted(&row.planned.key).map_err(PlanningError::from)?
        {
            finding = Finding::Posted;
        }
        let amount = found.as_ref().and_then(|found| amount(header, &row, found));
        Ok::<(), Error>(writer.add(&row, &finding, amount)?)
    })?;
    for double in read.doubles().map_err(PlanningError::from)? {
        let fields = Fields::parse(&double.body);
        let text = |name| fields.as_ref().map(|fields| fields.text(name).into_owned()).unwrap_or_default();
        let line = text("lineNumber");
        let line = if line.is_empty() { line } else { format!("line {line}, ") };
        let found = format!("{line}amount {}, id {}", text("amount"), double.id);
        writer.add_extra(&text("documentNumber"), found)?;
    }
    let ending = if writer.agrees() { Ending::Done } else { Ending::LeftOut };
    Ok(writer.publish(ending.into())?)
}

/// What was found of a row whose own record is not there, given the one that has its number, or its document and
/// customer.
fn found_again(header: &RunHeader, row: &RowResult, there: &Existing) -> Result<Finding, PlanningError> {
    let entity = tables_of(header).entity(header.entity);
    let readable = |source| PlanningError::Record { key: row.planned.key.clone(), source };
    let mut changes = moved(entity, &row.planned, &there.body).map_err(readable)?;
    if let Some(id) = &row.remote_id {
        let (field, from, to) = ("id".to_owned(), there.id.clone(), id.clone());
        changes.insert(0, FieldChange { field, from, to });
    } else if let Some(line) = row.planned.line_number {
        let from = Fields::parse(&there.body).map_err(readable)?.text("lineNumber").into_owned();
        changes.insert(0, FieldChange { field: "lineNumber".to_owned(), from, to: line.to_string() });
    }
    Ok(match header.entity {
        _ if matches!(row.state, State::InDoubt | State::Sending) => Finding::DoubtDifferent(changes),
        EntityKind::Customers | EntityKind::Dimensions => Finding::ByNumber(changes),
        EntityKind::Payments => Finding::ByDocument(changes),
    })
}

/// What was found of a row, given the record that is its own.
fn finding(header: &RunHeader, row: &RowResult, found: Option<&Existing>) -> Result<Finding, PlanningError> {
    let (kind, entity) = (header.entity, tables_of(header).entity(header.entity));
    let is_doubtful = matches!(row.state, State::InDoubt | State::Sending);
    let changes = match found {
        Some(found) if row.planned.action != Action::Delete => moved(entity, &row.planned, &found.body)
            .map_err(|source| PlanningError::Record { key: row.planned.key.clone(), source })?,
        _ => Vec::new(),
    };
    Ok(match (row.state, row.planned.action, found) {
        (State::Planned, ..) => Finding::Open,
        (State::Refused | State::Conflict | State::Rejected | State::Skipped, ..) => Finding::LeftOut,
        // Of a delete in doubt, the record that is still there is the absence of the deed.
        (_, Action::Delete, Some(_)) if is_doubtful => Finding::DoubtAbsent,
        (_, Action::Delete, None) if is_doubtful => Finding::DoubtFound,
        (_, Action::Delete, Some(_)) => Finding::StillThere,
        (_, Action::Delete, None) => Finding::Same,
        (_, _, Some(_)) if is_doubtful && changes.is_empty() => Finding::DoubtFound,
        (_, _, Some(_)) if is_doubtful => Finding::DoubtDifferent(changes),
        // Whoever has neither an id nor a number is not found by reading.
        (_, Action::Create, None) if is_doubtful && kind == EntityKind::Customers && !has_number(row) => {
            Finding::Undecided
        }
        (_, _, None) if is_doubtful => Finding::DoubtAbsent,
        (_, _, Some(_)) if changes.is_empty() => Finding::Same,
        (_, _, Some(_)) => Finding::Different(changes),
        // What was to be deleted was gone already, and still is.
        (State::Unchanged, _, None) if was_gone(row) => Finding::Same,
        (_, _, None) if kind == EntityKind::Payments => Finding::PostedOrRemoved,
        (_, _, None) => Finding::Missing,
    })
}

fn has_number(row: &RowResult) -> bool {
    Fields::parse(&row.planned.payload).is_ok_and(|fields| !fields.text("number").trim().is_empty())
}

fn was_gone(row: &RowResult) -> bool {
    row.planned.violations.iter().any(|violation| violation.rule == Rule::AlreadyGone)
}

/// What the target has for the amount that counts in the control totals, with the sign of the file.
fn amount(header: &RunHeader, row: &RowResult, found: &Existing) -> Option<Money> {
    row.planned.amount?;
    let entity = tables_of(header).entity(header.entity);
    let name = entity.counted_amount().map_or("", |field| entity.fields[field].name);
    let is_as_is = header.entity != EntityKind::Payments || header.sign == Sign::AsIs.as_str();
    let sign = if is_as_is { Sign::AsIs } else { Sign::ReceiptsPositive };
    let found = Fields::parse(&found.body).ok()?.text(name).parse().unwrap_or(Money::ZERO);
    Some(as_in_file(header.entity, sign, found))
}
