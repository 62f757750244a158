//! What earlier runs of the project delivered: the only memory of payments that have left their journal.
//!
//! A posted payment can be read no more, so a plan that looked at the journal alone would send it again. The
//! ledgers of earlier runs still know it, and which payments a run has deleted since.

use std::fs;
use std::path::Path;

use crate::domain::{Action, EntityKind, State};
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader};

use super::import::LEDGER;
use super::index::TargetIndex;
use super::planning::PlanningError;

/// Adds to `index` every document that a run under `runs` delivered to the same company as `header`, and that no
/// later run deleted.
///
/// A ledger that cannot be read is passed over: it may be another version's, and says nothing of the present.
pub(super) fn add_delivered(
    runs: &Path,
    header: &RunHeader,
    index: &mut TargetIndex,
) -> Result<(), PlanningError> {
    let mut same_target = Vec::new();
    let folders = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders {
        let path = folder.join(LEDGER);
        let Ok(ledger) = Ledger::open(&path) else { continue };
        let Ok(earlier) = ledger.header() else { continue };
        let is_same_target = earlier.entity == EntityKind::Payments
            && earlier.company_id.eq_ignore_ascii_case(&header.company_id)
            && (earlier.service_root == header.service_root || header.system == "sandbox");
        if is_same_target {
            same_target.push((earlier.created, earlier.run, path));
        }
    }
    same_target.sort();
    same_target.iter().try_for_each(|(_, run, path)| add_run(&Ledger::open(path)?, run, index))
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
