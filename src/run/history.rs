//! What earlier runs of the project delivered: the only memory of payments that have left their journal.
//!
//! A posted payment can be read no more, so a plan that looked at the journal alone would send it again. The
//! ledgers of earlier runs still know it, and which payments a run has deleted since.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::domain::{Action, EntityKind, State};
use crate::durable::{FileError, create_directory};
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader};

use super::import::LEDGER;
use super::index::TargetIndex;
use super::planning::PlanningError;

/// The file among a project's runs that lists, line by line, the folders of those that are kept elsewhere.
const ELSEWHERE: &str = "elsewhere.txt";

/// The folders of a project's runs: those under `runs`, those remembered there, and `another` one.
pub(super) fn run_folders(runs: Option<&Path>, another: Option<&Path>) -> Vec<PathBuf> {
    let kept = runs.and_then(|runs| fs::read_dir(runs).ok()).into_iter().flatten().flatten();
    let elsewhere = runs.and_then(|runs| fs::read_to_string(runs.join(ELSEWHERE)).ok()).unwrap_or_default();
    kept.map(|entry| entry.path())
        .chain(elsewhere.lines().map(PathBuf::from))
        .chain(another.map(Path::to_owned))
        .collect()
}

/// Remembers under `runs` that a run of the project is kept in `folder`, unless that is where runs are kept. It is on
/// disk when this returns.
///
/// # Errors
/// When the list cannot be written.
pub(super) fn remember(runs: &Path, folder: &Path) -> Result<(), FileError> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (folder, list) = (absolute(folder), runs.join(ELSEWHERE));
    let line = folder.to_string_lossy();
    let known = fs::read_to_string(&list).unwrap_or_default();
    if folder.parent() == Some(&absolute(runs)) || known.lines().any(|known| known == line) {
        return Ok(());
    }
    create_directory(runs)?;
    let opened = OpenOptions::new().create(true).append(true).open(&list);
    let written = opened.and_then(|mut file| {
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(|cause| FileError::new("write", list, cause))
}

/// Adds to `index` every document that a run in one of `folders` delivered to the same company as `header`, and that no
/// later run deleted.
///
/// A ledger that cannot be read is passed over: it may be another version's, and says nothing of the present.
pub(super) fn add_delivered(
    folders: &[PathBuf],
    header: &RunHeader,
    index: &mut TargetIndex,
) -> Result<(), PlanningError> {
    let mut same_target = Vec::new();
    for folder in folders {
        let path = folder.join(LEDGER);
        let Ok(ledger) = Ledger::open(&path) else { continue };
        let Ok(earlier) = ledger.header() else { continue };
        let is_same_target = earlier.entity == EntityKind::Payments
            && earlier.company_id.eq_ignore_ascii_case(&header.company_id)
            && (earlier.service_root == header.service_root || header.system == "sandbox");
        if is_same_target {
            // Of one second, what takes back comes after what was done.
            same_target.push((earlier.created, earlier.undoes.is_some(), earlier.run, path));
        }
    }
    same_target.sort();
    same_target.iter().try_for_each(|(_, _, run, path)| add_run(&Ledger::open(path)?, run, index))
}

fn add_run(ledger: &Ledger, run: &str, index: &mut TargetIndex) -> Result<(), PlanningError> {
    let (mut delivered, mut deleted) = (Vec::new(), Vec::new());
    ledger.for_each_row(Filter::States(&[State::Done]), |row| {
        let documents = if row.planned.action == Action::Delete { &mut deleted } else { &mut delivered };
        documents.push(row.planned.key);
        Ok::<(), LedgerError>(())
    })?;
    index.remove_delivered(&deleted)?;
    Ok(index.add_delivered(&delivered, run)?)
}
