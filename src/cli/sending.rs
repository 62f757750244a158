//! Plans that were approved on their way to the target, one after the other.

use std::path::{Path, PathBuf};

use ledgerferry::delivery::{DeliveryOptions, Slice};
use ledgerferry::ledger::Ledger;
use ledgerferry::report::Report;
use ledgerferry::run::{self, ApplyRequest, Ending, LEDGER};

use super::args::GuardArgs;
use super::chain::{after, planned_ending, tell_all, told};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::import::on_conflict;
use super::interrupt;
use super::project::Place;
use super::watch::watcher;

/// How a plan is sent once it is approved.
pub(crate) struct Sending<'a> {
    /// The verb the user gave.
    pub(crate) command: &'static str,
    /// The flags that set limits.
    pub(crate) guard: &'a GuardArgs,
    /// Which part of the plan.
    pub(crate) slice: Slice,
    /// Whether the target is read again first, when nothing was sent yet.
    pub(crate) recheck: bool,
}

/// Sends what the plans in these folders still hold, one after the other, and tells what became of them. One that does
/// not come to its end ends the chain.
pub(crate) async fn carry_out_all(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (folders, sending): (&[PathBuf], Sending<'_>),
) -> Result<Ending, Failure> {
    refuse_empty_slice(folders, &sending.slice)?;
    for folder in folders {
        run::keep_approval(folder, &sending.slice)?;
    }
    for folder in folders.iter().skip(1) {
        let request = apply_request(place, connection, folder, &sending)?;
        let checked = run::check_plan(&connection.target, &request, &watcher(console)).await;
        console.finish_progress();
        checked?;
    }
    let mut reports: Vec<Report> = Vec::new();
    for folder in folders {
        let goes_on = reports.last().is_none_or(|report| report.facts.finished);
        reports.extend(if goes_on {
            match carry_out(console, place, connection, (folder, &sending)).await {
                Ok(report) => vec![report],
                Err(failure) => return Err(after(console, &reports, failure)),
            }
        } else {
            told(std::slice::from_ref(folder), sending.command, |summary| {
                planned_ending(summary, true, false)
            })?
        });
    }
    Ok(tell_all(console, &reports))
}

/// Whoever names lines on which nothing waits has miscounted, and must not be told that all is well.
fn refuse_empty_slice(folders: &[PathBuf], slice: &Slice) -> Result<(), Failure> {
    let (mut meant, mut open) = (0, 0);
    for folder in folders {
        let rows = run::rows_in_slice(folder, slice)?;
        meant += rows.meant;
        open += rows.open;
    }
    if slice.lines.is_empty() || meant > 0 || open == 0 {
        return Ok(());
    }
    let words = "no row that waits stands on the lines of `--rows`, so nothing was written".to_owned();
    Err(Failure::refused(words)
        .with_hint("the column `row` of results.csv counts them; the rows in state `planned` wait"))
}

/// Sends what the plan in `folder` still holds.
async fn carry_out(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (folder, sending): (&Path, &Sending<'_>),
) -> Result<Report, Failure> {
    let request = apply_request(place, connection, folder, sending)?;
    let applied = run::apply(&connection.target, &request, interrupt::stop_sign(), &watcher(console)).await;
    console.finish_progress();
    Ok(applied?)
}

fn apply_request(
    place: &Place,
    connection: &Connection,
    folder: &Path,
    sending: &Sending<'_>,
) -> Result<ApplyRequest, Failure> {
    let entity = Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.header());
    let entity = entity.map_err(ledgerferry::Error::from)?.entity;
    let max_errors = sending.guard.guards().or(&connection.guards).max_errors.unwrap_or_default();
    let delivery = DeliveryOptions {
        max_errors,
        slice: sending.slice.clone(),
        on_conflict: sending.guard.on_conflict.map(on_conflict),
        ..run::delivery_options(&connection.limits, entity)
    };
    Ok(ApplyRequest {
        recheck: sending.recheck,
        runs: (!matches!(sending.command, "import" | "retry")).then(|| place.runs()),
        ..ApplyRequest::new(folder.to_owned(), sending.command, delivery)
    })
}
