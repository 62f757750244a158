//! Default dimensions that a target deletes together with their customers: kept, so that an undo can bring them back.
//!
//! In: the ledger of a run that deletes customers, and the target. Out: `deleted-dimensions.csv` in the run's folder, which
//! `ferry import` reads like any other file of default dimensions, and their number. Nothing is written to the target.
//!
//! Promises: the file is whole on the disk before the first customer is deleted, and says what was there at that moment;
//! of a customer who may be gone already stays what was read before.
//!
//! Source: a default dimension belongs to its customer, and goes when the customer is deleted.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use csv::{Reader, Writer};
use serde_json::value::RawValue;

use super::chain::text_of;
use super::error::Error;
use super::event::{Event, Observer};
use super::import::LEDGER;
use super::index::{IndexError, fold_code};
use super::planning::PlanningError;
use super::target::{Target, TargetError};
use crate::connector::fields::Fields;
use crate::connector::{Operation, Set};
use crate::domain::{Action, EntityKind, State};
use crate::durable::{FileError, PendingFile};
use crate::export::ExportError;
use crate::ledger::{Filter, Ledger, RunHeader};

/// The file, in the folder of the run that deletes the customers.
pub const DELETED_DIMENSIONS: &str = "deleted-dimensions.csv";

/// Those of them that an undo brings back, in the folder of the undo of the customers.
pub(super) const RESTORED_DIMENSIONS: &str = "restored-dimensions.csv";

/// The headings, as an export has them.
const HEADINGS: [&str; 4] = ["customerNumber", "dimensionCode", "dimensionValueCode", "postingValidation"];

/// Up to so many customers are looked up, 40 to a request; of more, all default dimensions are read in pages.
const FEW: usize = 200;

/// One default dimension: its cells under the headings.
type Line = [String; 4];

/// Keeps in `folder` the default dimensions of the customers whom the run with this ledger is still to delete, as they
/// are now. Returns how many are kept for the whole run.
///
/// # Errors
/// When the target or the ledger cannot be read, or the file cannot be written. A target that does not show default
/// dimensions to whoever asks is told of, and holds nothing up.
pub(super) async fn keep_dimensions(
    target: &Target,
    ledger: &Ledger,
    folder: &Path,
    observer: Observer<'_>,
) -> Result<u64, Error> {
    let header = ledger.header()?;
    if header.entity != EntityKind::Customers || !target.tables().has(EntityKind::Dimensions) {
        return Ok(0);
    }
    let going = going(ledger)?;
    if going.is_empty() {
        return Ok(header.deleted_dimensions);
    }
    let Some(found) = read(target, &going, observer).await? else {
        observer(Event::Note(
            "the target does not show the default dimensions of the customers to delete, so an undo cannot bring them back"
                .to_owned(),
        ));
        return Ok(header.deleted_dimensions);
    };
    let taken = taken_out_before(folder, &header)?;
    let numbers: HashSet<&String> = going.values().collect();
    let path = folder.join(DELETED_DIMENSIONS);
    let mut lines = lines_of(&path)?;
    lines.retain(|line| !numbers.contains(&fold_code(&line[0])));
    lines.extend(found.into_iter().filter(|(address, _)| !taken.contains(address)).map(|(_, line)| line));
    lines.sort_unstable();
    write(&path, &lines)?;
    Ok(lines.len() as u64)
}

/// A plan that is whole, with the default dimensions that go with the customers it deletes.
///
/// # Errors
/// As [`keep_dimensions`].
pub(super) async fn with_dimensions(
    target: &Target,
    ledger: Ledger,
    folder: &Path,
    observer: Observer<'_>,
) -> Result<Ledger, Error> {
    let deleted_dimensions = keep_dimensions(target, &ledger, folder, observer).await?;
    if deleted_dimensions > 0 {
        ledger.update_header(&RunHeader { deleted_dimensions, ..ledger.header()? })?;
    }
    Ok(ledger)
}

/// The customers that are still to be deleted: ids and numbers.
fn going(ledger: &Ledger) -> Result<HashMap<String, String>, Error> {
    let mut going = HashMap::new();
    ledger.for_each_row(Filter::States(&[State::Planned]), |row| {
        if let (Action::Delete, Some(id)) = (row.planned.action, &row.planned.remote_id) {
            going.insert(id.to_lowercase(), fold_code(&text_of(&row.planned.before, "number")));
        }
        Ok::<(), Error>(())
    })?;
    Ok(going)
}

/// The default dimensions of these customers with their addresses; `None` when the target does not show them.
async fn read(
    target: &Target,
    going: &HashMap<String, String>,
    observer: Observer<'_>,
) -> Result<Option<Vec<(String, Line)>>, Error> {
    let set = Set::DefaultDimensions;
    let list = target.list(set, &[]);
    let reads = if going.len() > FEW {
        vec![target.api.list(&list)]
    } else {
        look_up(target, going).into_iter().map(|address| vec![address]).collect()
    };
    let mut found = Vec::new();
    for addresses in reads {
        let read = target.each_page(set, &addresses, |page| {
            found.extend(of_page(&page, going).map_err(PlanningError::from)?);
            observer(Event::Fetched(set.as_str(), found.len() as u64));
            Ok(())
        });
        match read.await {
            Err(TargetError::Fetch(ExportError::NotFound { .. } | ExportError::Refused { .. })) => {
                return Ok(None);
            }
            outcome => outcome?,
        }
    }
    Ok(Some(found))
}

/// Where the default dimensions of these customers are read.
fn look_up(target: &Target, going: &HashMap<String, String>) -> Vec<String> {
    let named = |id| format!(r#"{{"parentId":{}}}"#, serde_json::Value::from(id));
    let payloads: Vec<String> = going.keys().map(|id| named(id.as_str())).collect();
    let operations: Vec<_> = (0..)
        .zip(&payloads)
        .map(|(row, payload)| Operation {
            row,
            action: Action::Create,
            payload,
            remote_id: None,
            etag: None,
            line_number: None,
        })
        .collect();
    let lookups = target.connector(EntityKind::Dimensions, None).lookups(&operations);
    lookups.into_iter().map(|lookup| lookup.request.path).collect()
}

fn of_page(page: &[&RawValue], going: &HashMap<String, String>) -> Result<Vec<(String, Line)>, IndexError> {
    let mut found = Vec::new();
    for raw in page {
        let record = Fields::parse(raw.get()).map_err(IndexError::Record)?;
        // Of all dialects: the customer's id stands first.
        let address = record.text("id").to_lowercase();
        if address.split(['/', ',']).next().is_some_and(|customer| going.contains_key(customer)) {
            let line = HEADINGS.map(|name| record.text(name).replace("_x0020_", " ").trim().to_owned());
            found.push((address, line));
        }
    }
    Ok(found)
}

/// The addresses of default dimensions that a run before this one is still to take out itself.
fn taken_out_before(folder: &Path, header: &RunHeader) -> Result<HashSet<String>, Error> {
    let (mut taken, mut next) = (HashSet::new(), header.after.clone());
    while let Some(after) = next.take() {
        let ledger = Ledger::open(&folder.with_file_name(after).join(LEDGER))?;
        let earlier = ledger.header()?;
        if earlier.entity == EntityKind::Dimensions {
            ledger.for_each_row(Filter::States(&[State::Planned]), |row| {
                let address = row.planned.remote_id.filter(|_| row.planned.action == Action::Delete);
                taken.extend(address.map(|address| address.to_lowercase()));
                Ok::<(), Error>(())
            })?;
        }
        next = earlier.after;
    }
    Ok(taken)
}

/// The default dimensions that were deleted with customers by the run in `undone`, of those customers whom the plan in
/// `undo` creates again: a file to import after it. `None` when there are none.
///
/// # Errors
/// When a file or the ledger of the plan cannot be read or written.
pub fn dimensions_to_restore(undone: &Path, undo: &Path) -> Result<Option<PathBuf>, Error> {
    let mut lines = lines_of(&undone.join(DELETED_DIMENSIONS))?;
    let mut again = HashSet::new();
    Ledger::open(&undo.join(LEDGER))?.for_each_row(Filter::States(&[State::Planned]), |row| {
        if row.planned.action == Action::Create {
            again.insert(fold_code(&text_of(&row.planned.payload, "number")));
        }
        Ok::<(), Error>(())
    })?;
    lines.retain(|line| again.contains(&fold_code(&line[0])));
    if lines.is_empty() {
        return Ok(None);
    }
    let path = undo.join(RESTORED_DIMENSIONS);
    write(&path, &lines)?;
    Ok(Some(path))
}

/// The lines of such a file; none when it is not there.
fn lines_of(path: &Path) -> Result<Vec<Line>, FileError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let failed = |cause: csv::Error| FileError::new("read", path, std::io::Error::other(cause));
    let mut reader = Reader::from_path(path).map_err(failed)?;
    let lines = reader.records().map(|record| {
        let record = record?;
        Ok(std::array::from_fn(|column| record.get(column).unwrap_or_default().to_owned()))
    });
    lines.collect::<Result<_, csv::Error>>().map_err(failed)
}

/// Writes such a file, whole or not at all; no file when there is nothing to write.
fn write(path: &Path, lines: &[Line]) -> Result<(), FileError> {
    if lines.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::new("remove", path, error))
            }
            _ => Ok(()),
        };
    }
    let failed = |cause: csv::Error| FileError::new("write", path, std::io::Error::other(cause));
    let mut writer = Writer::from_writer(PendingFile::create(path)?);
    writer.write_record(HEADINGS).map_err(failed)?;
    lines.iter().try_for_each(|line| writer.write_record(line)).map_err(failed)?;
    let pending = writer
        .into_inner()
        .map_err(|error| FileError::new("write", path, std::io::Error::other(error.error().to_string())))?;
    pending.publish()
}
