//! What earlier runs of the project delivered: the only memory of payments that have left their journal.
//!
//! A posted payment can be read no more, so a plan that looked at the journal alone would send it again. The
//! ledgers of earlier runs still know it, and which payments a run has deleted since. Runs that are kept in a folder
//! of their own are known by a file in the project that says where.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::catalogue::DIALECTS;
use crate::domain::text::is_same_folded;
use crate::domain::{Action, EntityKind, State};
use crate::durable::{PendingFile, create_directory};
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader};

use super::error::Error;
use super::event::{Event, Observer};
use super::import::LEDGER;
use super::index::{TargetIndex, fold_code};
use super::planning::PlanningError;

/// How the files begin that say where a run is kept.
const ELSEWHERE: &str = "elsewhere-";

/// Keeps under `runs` where the run in `folder` is, unless it stands there itself.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn remember_run(runs: &Path, folder: &Path) -> Result<(), Error> {
    let folder = whole(folder);
    create_directory(runs)?;
    if folder.parent() == Some(&whole(runs)) {
        return Ok(());
    }
    let place = folder.to_string_lossy();
    let hash = format!("{:x}", Sha256::digest(place.as_bytes()));
    let path = runs.join(format!("{ELSEWHERE}{}", &hash[..16]));
    if path.exists() {
        return Ok(());
    }
    let mut file = PendingFile::create(path)?;
    file.write_all(place.as_bytes()).map_err(|cause| file.error(cause))?;
    Ok(file.publish()?)
}

/// The folders of all runs of a project, newest first.
#[must_use]
pub fn run_folders(runs: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = places(runs)
        .into_iter()
        .filter_map(|folder| match Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.header()) {
            Err(LedgerError::Missing(_)) => None,
            found => Some((found.map(|header| header.created).unwrap_or_default(), folder)),
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Where runs are or were.
fn places(runs: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter_map(|path| if is_elsewhere(&path) { read_place(&path) } else { Some(path) }).collect()
}

fn is_elsewhere(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(ELSEWHERE))
}

fn read_place(path: &Path) -> Option<PathBuf> {
    fs::read_to_string(path).ok().map(|place| PathBuf::from(place.trim()))
}

/// The same folder has one name, however it is written.
fn whole(folder: &Path) -> PathBuf {
    let whole = fs::canonicalize(folder).or_else(|_| std::path::absolute(folder));
    whole.unwrap_or_else(|_| folder.to_owned())
}

/// The runs whose payments must not be sent again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Earlier<'a> {
    /// Where the project keeps its runs, and where it notes the others.
    pub(super) runs: Option<&'a Path>,
    /// One more, which the project may not know.
    pub(super) another: Option<&'a Path>,
    /// The one that asks.
    pub(super) own: Option<&'a Path>,
}

/// Adds to `index` every document that an earlier run delivered to the same company as `header` or has in doubt there,
/// and that no later run deleted.
///
/// A run whose folder is gone is told: nobody can say what it delivered.
///
/// # Errors
/// When a ledger is there and cannot be read: what it delivered could go a second time.
pub(super) fn add_delivered(
    earlier: Earlier<'_>,
    header: &RunHeader,
    index: &mut TargetIndex,
    observer: Observer<'_>,
) -> Result<(), PlanningError> {
    let own = earlier.own.map(whole);
    let mut folders: Vec<_> = earlier.runs.map(places).unwrap_or_default();
    folders.extend(earlier.another.map(Path::to_owned));
    let mut same_target = Vec::new();
    for folder in folders.into_iter().filter(|folder| Some(whole(folder)) != own) {
        let path = folder.join(LEDGER);
        let ledger = match Ledger::open(&path) {
            Ok(ledger) => ledger,
            Err(LedgerError::Missing(_)) if folder.parent() == earlier.runs => continue,
            Err(LedgerError::Missing(_)) => {
                observer(Event::Note(format!(
                    "the run in {} is gone; a payment that it delivered and that was posted since is not recognised",
                    folder.display()
                )));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let found = ledger.header()?;
        let is_same_target = found.entity == EntityKind::Payments
            && found.company_id.eq_ignore_ascii_case(&header.company_id)
            && (found.service_root == header.service_root || header.system == "sandbox");
        if is_same_target {
            // Runs of one second: what takes another back came after it.
            same_target.push((found.created, found.undoes.is_some(), found.run, path));
        }
    }
    same_target.sort();
    same_target.iter().try_for_each(|(_, _, run, path)| add_run(&Ledger::open(path)?, run, index))
}

/// The customers that earlier runs made or met in the same company as `header`, where the target keeps no number of
/// them: the number in the file, upper-cased, and the target's id. The newest run goes before older ones.
///
/// # Errors
/// When a ledger is there and cannot be read.
pub(super) fn remembered_customers(
    runs: Option<&Path>,
    header: &RunHeader,
) -> Result<HashMap<String, String>, PlanningError> {
    let mut known = HashMap::new();
    for folder in runs.map(run_folders).unwrap_or_default() {
        let ledger = Ledger::open(&folder.join(LEDGER))?;
        let found = ledger.header()?;
        let is_same_target = found.entity == EntityKind::Customers
            && found.system == header.system
            && found.company_id.eq_ignore_ascii_case(&header.company_id)
            && found.service_root == header.service_root;
        if !is_same_target {
            continue;
        }
        let columns: Vec<_> = found.sources.iter().map(|source| number_column(&source.headers)).collect();
        ledger.for_each_row(Filter::States(&[State::Done, State::Unchanged]), |row| {
            let column = columns.get(row.planned.source as usize).copied().flatten();
            let number = column.and_then(|column| row.planned.cells.get(column)).map(|cell| fold_code(cell));
            let id = row.remote_id.or(row.planned.remote_id).filter(|id| !id.is_empty());
            if let (Some(number), Some(id), false) = (number, id, row.planned.action == Action::Delete)
                && !number.is_empty()
            {
                known.entry(number).or_insert(id);
            }
            Ok::<(), LedgerError>(())
        })?;
    }
    Ok(known)
}

/// The column of a customer's number among the headings of a file.
pub(super) fn number_column(headers: &[String]) -> Option<usize> {
    let known = DIALECTS[0].customers.field("number")?;
    let names = || std::iter::once(known.name).chain(known.aliases.iter().copied());
    headers.iter().position(|header| names().any(|name| is_same_folded(header, name)))
}

fn add_run(ledger: &Ledger, run: &str, index: &mut TargetIndex) -> Result<(), PlanningError> {
    let (mut delivered, mut doubtful, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    ledger.for_each_row(Filter::States(&[State::Done, State::InDoubt, State::Sending]), |row| {
        let documents = match (row.planned.action, row.state) {
            (Action::Delete, State::Done) => &mut deleted,
            // A payment that may still be there, whatever was to become of it.
            (Action::Delete | Action::Update, State::InDoubt | State::Sending) => return Ok(()),
            (_, State::Done) => &mut delivered,
            _ => &mut doubtful,
        };
        documents.push(row.planned.key);
        Ok::<(), LedgerError>(())
    })?;
    index.remove_delivered(&deleted)?;
    index.add_delivered(&delivered, &format!("delivered by run {run}"))?;
    Ok(index
        .add_delivered(&doubtful, &format!("in doubt in run {run}, which `ferry resume {run}` settles"))?)
}
