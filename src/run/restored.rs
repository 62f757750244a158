//! What an undo has put back, read again from the target: it may have made something else of it.
//!
//! In: the ledger of an undo that has come to its end, and the target. Out: `not-restored.csv` in its folder, which has
//! one line for each field that is not as it was to be, and the same in short in the run's header. Nothing is written
//! to the target.
//!
//! Source: a postal code found in the post code table overwrites city, state and country, whatever was sent with it.

use std::borrow::Cow;
use std::path::Path;

use csv::Writer;

use crate::catalogue::Entity;
use crate::connector::differences;
use crate::domain::{Action, FieldChange, NotRestored, PlannedRow, RowResult, State};
use crate::durable::{FileError, PendingFile};
use crate::ledger::{Filter, Ledger, RunHeader};
use crate::plan::Existing;

use super::chain::place_of;
use super::error::Error;
use super::event::{Event, Observer};
use super::import::LEDGER;
use super::planning::PlanningError;
use super::readback::own_of;
use super::reading::tables_of;
use super::target::Target;

/// The file that names every field that did not come back.
const FILE: &str = "not-restored.csv";

/// Rows that a report names.
const SHOWN: usize = 10;

/// Reads back what the undo in `folder` has written, and keeps in it what is not as it was to be.
///
/// # Errors
/// When the target or the ledger cannot be read, or the file or the ledger cannot be written.
pub(super) async fn look_at_restored(
    target: &Target,
    folder: &Path,
    observer: Observer<'_>,
) -> Result<(), Error> {
    let ledger = Ledger::open_for_delivery(&folder.join(LEDGER))?;
    let header = ledger.header()?;
    let mut found = NotRestored::default();
    let mut lines = Vec::new();
    if ledger.counts()?.of_state(State::Done) > 0 {
        observer(Event::Note("reading back what was taken back".to_owned()));
        let read = target.read_back(&ledger, &[State::Done], &[], observer).await?;
        ledger.for_each_row(Filter::States(&[State::Done]), |row| {
            let there = read.find(&row).map_err(PlanningError::from)?;
            let missed = missed(tables_of(&header).entity(header.entity), &row, there.as_ref())?;
            if !missed.is_empty() {
                note(&header, (&row, &missed), &mut found);
                lines.extend(missed.into_iter().map(|change| (row.planned.source, line(&row, change))));
            }
            Ok::<(), Error>(())
        })?;
    }
    write_file(folder, &header, &lines)?;
    Ok(ledger.update_header(&RunHeader { not_restored: Some(found), ..header })?)
}

/// In which fields the record of a row that was carried out is not as the row wanted it.
fn missed(
    entity: &Entity,
    row: &RowResult,
    there: Option<&Existing>,
) -> Result<Vec<FieldChange>, PlanningError> {
    let whole = |from: &str, to: &str| {
        vec![FieldChange { field: "the record".to_owned(), from: from.to_owned(), to: to.to_owned() }]
    };
    match (row.planned.action, there) {
        (Action::Delete, None) => Ok(Vec::new()),
        (Action::Delete, Some(_)) => Ok(whole("still there", "gone")),
        (_, None) => Ok(whole("gone", "there")),
        // Here nothing is forgiven: what the target looks up for a postal code is not what was there before.
        (_, Some(there)) => put_back(entity, &row.planned)
            .and_then(|payload| differences(entity, &payload, &there.body))
            .map_err(|source| PlanningError::Record { key: row.planned.key.clone(), source }),
    }
}

/// What the row was to put back: of an address that goes back whole all of it, otherwise not what only went along.
fn put_back<'r>(entity: &Entity, row: &'r PlannedRow) -> serde_json::Result<Cow<'r, str>> {
    let mut changes = row.changes.clone();
    for field in row.changes.iter().filter_map(|change| entity.field(&change.field)) {
        changes.extend(field.overwrites.iter().chain(field.clears).map(|name| FieldChange {
            field: (*name).to_owned(),
            from: String::new(),
            to: String::new(),
        }));
    }
    own_of(entity, row.action, (&row.payload, &changes))
}

fn note(header: &RunHeader, (row, missed): (&RowResult, &[FieldChange]), found: &mut NotRestored) {
    found.rows += 1;
    if found.shown.len() < SHOWN {
        let fields = missed
            .iter()
            .map(|change| format!("{} is `{}` and should be `{}`", change.field, change.from, change.to));
        let fields: Vec<_> = fields.collect();
        found.shown.push(format!("{} {}", place_of(header, row, &row.planned.key), fields.join(", ")));
    }
}

/// Line, key, field, wanted and found.
fn line(row: &RowResult, change: FieldChange) -> [String; 5] {
    [row.planned.origin.line.to_string(), row.planned.key.clone(), change.field, change.to, change.from]
}

fn write_file(folder: &Path, header: &RunHeader, lines: &[(u32, [String; 5])]) -> Result<(), Error> {
    let path = folder.join(FILE);
    if lines.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::new("remove", &path, error).into())
            }
            _ => Ok(()),
        };
    }
    let failed = |cause: csv::Error| FileError::new("write", &path, std::io::Error::other(cause));
    let mut writer = Writer::from_writer(PendingFile::create(path.clone())?);
    writer.write_record(["file", "sheet", "row", "key", "field", "wanted", "found"]).map_err(failed)?;
    for (source, cells) in lines {
        let name = header.sources.get(*source as usize).map(|source| &source.name);
        let file = name.map(|name| name.file.as_str()).unwrap_or_default();
        let sheet = name.and_then(|name| name.sheet.as_deref()).unwrap_or_default();
        let record = [file, sheet].into_iter().chain(cells.iter().map(String::as_str));
        writer.write_record(record).map_err(failed)?;
    }
    let pending = writer
        .into_inner()
        .map_err(|error| FileError::new("write", &path, std::io::Error::other(error.error().to_string())))?;
    Ok(pending.publish()?)
}
