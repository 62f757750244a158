//! A run and the one that takes it back, held together: what is undone is carried out no further, and customers stay
//! for as long as payments of theirs do.
//!
//! In: the ledgers of both. Out: the mark in the run that is undone, refusals, and rows that are left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::domain::{Action, EntityKind, Rule, State, Violation};
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader, Step};

use super::chain::{did_not_arrive, place_of, text_of};
use super::error::Error;
use super::import::LEDGER;
use super::index::{customer_of, fold_code};

/// Refuses to go on with the run in `folder` when another run takes it back.
///
/// # Errors
/// [`Error::Undone`]; also when the ledger cannot be read.
pub fn check_not_undone(folder: &Path) -> Result<(), Error> {
    refuse_undone(&Ledger::open(&folder.join(LEDGER))?.header()?)
}

/// As [`check_not_undone`], for a run that is read already.
pub(super) fn refuse_undone(header: &RunHeader) -> Result<(), Error> {
    match &header.undone_by {
        Some(by) => Err(Error::Undone { run: header.run.clone(), by: by.clone() }),
        None => Ok(()),
    }
}

/// Marks the run that the undo with this header takes back, right before its first row is sent. A run whose folder is
/// gone can be carried out by nobody.
///
/// # Errors
/// When the run has gone on since the undo was planned: what it wrote meanwhile would stay. Also when another process
/// works on it.
pub(super) fn mark_undone(undo: &Ledger, header: &RunHeader) -> Result<(), Error> {
    let Some(folder) = &header.undoes_folder else { return Ok(()) };
    let ledger = match Ledger::open_for_delivery(&Path::new(folder).join(LEDGER)) {
        Err(LedgerError::Missing(_)) => return Ok(()),
        opened => opened?,
    };
    let (counts, doubtful) = (ledger.counts()?, doubtful_rows(undo)?);
    let certain = undo.counts()?.total() - doubtful;
    // A doubt that was settled since has made a record that the undo knows nothing of, or none.
    if (counts.of_state(State::Done), counts.of_state(State::InDoubt)) != (certain, doubtful) {
        return Err(Error::WentOn(folder.clone()));
    }
    let undone_by = Some(header.run.clone());
    Ok(ledger.update_header(&RunHeader { undone_by, ..ledger.header()? })?)
}

/// How many rows of an undo stand for rows that were in doubt when it was planned.
fn doubtful_rows(undo: &Ledger) -> Result<u64, Error> {
    let mut rows = 0;
    undo.for_each_row(Filter::Actions(&[Action::Conflict]), |row| {
        let is_doubtful = |violation: &Violation| violation.rule == Rule::OutcomeUnknown;
        rows += u64::from(row.planned.violations.iter().any(is_doubtful));
        Ok::<(), Error>(())
    })?;
    Ok(rows)
}

/// Refuses to take customers back alone while what was imported for them stays.
///
/// # Errors
/// [`Error::PaymentsFirst`]; also when the ledger of the payments cannot be read.
pub(super) fn check_payments_undone(folder: &Path, header: &RunHeader) -> Result<(), Error> {
    for (place, followers) in followers(folder, header) {
        let (counts, follower) = (followers.counts()?, followers.header()?);
        let written = [State::Done, State::InDoubt, State::Sending].map(|state| counts.of_state(state));
        if written.iter().sum::<u64>() > 0 && follower.undone_by.is_none() {
            let (run, followers) = (header.run.clone(), place.display().to_string());
            return Err(Error::PaymentsFirst { run, kind: follower.entity.noun(), followers });
        }
    }
    Ok(())
}

/// The runs of default dimensions and payments that were planned together with this run of customers, the last that was
/// carried out first.
fn followers(folder: &Path, header: &RunHeader) -> Vec<(PathBuf, Ledger)> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(stem) = name.strip_suffix(EntityKind::Customers.as_str()) else { return Vec::new() };
    if header.entity != EntityKind::Customers || header.undoes.is_some() {
        return Vec::new();
    }
    let (mut found, mut last) = (Vec::new(), name.clone());
    for kind in EntityKind::ALL {
        let part = format!("{stem}{}", kind.as_str());
        let place = folder.with_file_name(&part);
        let Ok(ledger) = Ledger::open(&place.join(LEDGER)) else { continue };
        if ledger.header().is_ok_and(|header| header.after.as_ref() == Some(&last)) {
            found.insert(0, (place, ledger));
            last = part;
        }
    }
    found
}

/// Leaves customers in the target of whom a payment or a default dimension is not taken back by `payments`, an undo that
/// comes before `customers`. Nothing was sent of them, and nothing will be.
pub(super) fn hold_back_payers(payments: &Ledger, customers: &mut Ledger) -> Result<(), Error> {
    let header = payments.header()?;
    let Some(folder) = &header.undoes_folder else { return Ok(()) };
    let mut left = HashMap::new();
    payments.for_each_row(Filter::All, |row| {
        if did_not_arrive(&row) {
            let place = place_of(&header, &row, &row.planned.key);
            let words = format!("{} {place} {}", header.entity.noun(), row.state.as_str());
            left.insert((row.planned.source, row.planned.origin.line), words);
        }
        Ok::<(), LedgerError>(())
    })?;
    let mut payers = HashMap::new();
    // The undo's rows say what becomes of the payments; who pays stands in the run that made them.
    let undone = Ledger::open(&Path::new(folder).join(LEDGER))?;
    undone.for_each_row(Filter::States(&[State::Done, State::InDoubt]), |row| {
        if let Some(words) = left.get(&(row.planned.source, row.planned.origin.line)) {
            let payer = [&row.planned.payload, &row.planned.before].map(|record| customer_of(record));
            payers.extend(payer.map(|payer| (fold_code(&payer), words.clone())));
        }
        Ok::<(), LedgerError>(())
    })?;
    payers.remove("");
    let mut steps = Vec::new();
    customers.for_each_row(Filter::States(&[State::Planned]), |row| {
        let keys =
            [text_of(&row.planned.before, "number"), row.planned.remote_id.clone().unwrap_or_default()];
        let words = keys.iter().find_map(|key| payers.get(&fold_code(key)));
        if let Some(words) = words.filter(|_| row.planned.action == Action::Delete) {
            let code = Rule::PaymentsRemain.code().to_owned();
            steps.push((row.id, Step::Skip { code, message: words.clone() }));
        }
        Ok::<(), LedgerError>(())
    })?;
    Ok(customers.record(&steps, 0)?)
}
