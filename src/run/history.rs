//! What earlier runs of the project delivered: the only memory of payments that have left their journal.
//!
//! A posted payment can be read no more, so a plan that looked at the journal alone would send it again. The
//! ledgers of earlier runs still know it.

use std::fs;
use std::path::Path;

use crate::domain::{EntityKind, State};
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader};

use super::import::LEDGER;
use super::index::{IndexError, TargetIndex};
use super::planning::PlanningError;

/// Adds to `index` every document that a run under `runs` delivered to the same company as `header`.
///
/// A ledger that cannot be read is passed over: it may be another version's, and says nothing of the present.
pub(super) fn add_delivered(
    runs: &Path,
    header: &RunHeader,
    index: &mut TargetIndex,
) -> Result<(), PlanningError> {
    let folders = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders {
        let path = folder.join(LEDGER);
        let Ok(ledger) = Ledger::open(&path) else { continue };
        let Ok(earlier) = ledger.header() else { continue };
        let is_same_target = earlier.entity == EntityKind::Payments
            && earlier.company_id.eq_ignore_ascii_case(&header.company_id)
            && (earlier.service_root == header.service_root || header.system == "sandbox");
        if is_same_target {
            add_run(&ledger, &earlier.run, index)?;
        }
    }
    Ok(())
}

fn add_run(ledger: &Ledger, run: &str, index: &mut TargetIndex) -> Result<(), PlanningError> {
    let mut documents = Vec::new();
    ledger.for_each_row(Filter::States(&[State::Done]), |row| {
        documents.push(row.planned.key);
        Ok::<(), LedgerError>(())
    })?;
    index.add_delivered(&documents, run).map_err(|error: IndexError| error.into())
}
