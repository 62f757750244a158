//! `undo`: what a run did, turned round, as a plan of its own.
//!
//! ```text
//! rows that are done ─► the target's records as they are now ─► create ↔ delete, update back ─► ledger
//! ```
//!
//! A create becomes a delete, an update puts back the values it replaced, a delete becomes a create of the record as
//! it was. In: the ledger of the run, which is only read, and the target. Out: the ledger of a new run, to be shown,
//! applied, resumed and reported like any other.
//!
//! Promises: only what the run itself wrote is touched; a record that somebody else has changed since is a conflict,
//! unless the user says otherwise; every request insists on the `ETag` that was looked at here. Where there are none,
//! whatever a record holds beside what the run sent is somebody else's.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tokio::sync::watch;

use crate::delivery::OnConflict;
use crate::domain::{Action, EntityKind, State};
use crate::ledger::{Counters, Filter, Ledger, Phase, RunHeader};

use super::apply::check_target;
use super::deleted_dimensions::with_dimensions;
use super::ending::Ending;
use super::error::Error;
use super::event::Observer;
use super::facts::{now, tool_version};
use super::history::remember_run;
use super::import::{LEDGER, begin_plan, discard_plan, file_name, unless_stopped};
use super::index::TargetIndex;
use super::inverse::{Inverse, doubtful};
use super::planning::{Lines, PlanningError};
use super::readback::ReadBack;
use super::target::Target;
use super::undone::check_payments_undone;

/// Rows written to the ledger at once.
const BATCH_ROWS: usize = 2_000;

/// What to undo.
#[derive(Clone, Debug)]
pub struct UndoRequest {
    /// The folder of the run to undo.
    pub undone: PathBuf,
    /// The new run's id.
    pub run: String,
    /// The folder of the new run; it is created.
    pub folder: PathBuf,
    /// Where the project keeps its runs, which remember a run that is kept elsewhere.
    pub runs: Option<PathBuf>,
    /// The folder, beside this run's own, of the undo that is carried out first: payments go before the customers they
    /// name.
    pub after: Option<PathBuf>,
    /// The name that this run shares with the undo that it is planned together with.
    pub chain: Option<String>,
    /// What becomes of records that somebody else has changed since.
    pub on_conflict: OnConflict,
    /// Ends the planning when somebody asks for an end; no plan is kept then.
    pub stop: Option<watch::Receiver<Option<Ending>>>,
}

/// Plans to take back what a run did; nothing is written to the target.
///
/// # Errors
/// When rows of the run may still arrive, it did nothing, payments of its customers stay, or the target is another one; also when the target or a
/// ledger cannot be read, or somebody asks for an end.
pub async fn plan_undo(
    target: &Target,
    request: &UndoRequest,
    observer: Observer<'_>,
) -> Result<Ledger, Error> {
    let undone = Ledger::open(&request.undone.join(LEDGER))?;
    let earlier = undone.header()?;
    check_target(target, &earlier)?;
    check_settled(&undone, &earlier)?;
    if request.after.is_none() {
        check_payments_undone(&request.undone, &earlier)?;
    }
    let earlier_word = earlier.on_conflict.clone();
    let header = header(earlier, request);
    let looked = async {
        let found = target.read_back(&undone, &[State::Done], &[], observer).await?;
        let there = records_there(target, &header, (&undone, &found), observer).await?;
        Ok::<_, Error>((found, there))
    };
    let (found, there) = unless_stopped(request.stop.as_ref(), looked).await?;
    let rows = undone.counts()?.of_action(Action::Delete).max(1);
    let lines = Lines::reserve(there.lines().map_err(PlanningError::from)?, rows)?;
    let ledger = begin_plan(&request.folder, &header)?;
    let inverse = Inverse {
        entity: target.tables().entity(header.entity),
        is_insistent: OnConflict::from_word(&earlier_word) == OnConflict::Ours,
        kind: header.entity,
        has_etags: target.api.habits().has_etags,
        sign: header.sign.clone(),
        local_currency: header.local_currency.clone(),
        on_conflict: request.on_conflict,
        lines,
        there,
    };
    let stop = request.stop.as_ref();
    let planned = tokio::task::block_in_place(|| plan_rows(ledger, header, (&undone, &found), inverse, stop));
    let planned = match planned {
        Ok(ledger) => with_dimensions(target, ledger, &request.folder, observer).await,
        failed => failed,
    };
    if planned.is_err() {
        discard_plan(&request.folder);
    }
    let ledger = planned?;
    if let Some(runs) = &request.runs {
        remember_run(runs, &request.folder)?;
    }
    Ok(ledger)
}

/// A run can be taken back when nothing of it is under way. What a finished run has left in doubt holds nothing else up:
/// it is told, and left alone.
fn check_settled(undone: &Ledger, earlier: &RunHeader) -> Result<(), Error> {
    let counts = undone.counts()?;
    let (sending, in_doubt) = (counts.of_state(State::Sending), counts.of_state(State::InDoubt));
    let is_at_its_end = earlier.phase == Phase::Finished || earlier.sliced;
    if sending > 0 || (in_doubt > 0 && !is_at_its_end) {
        return Err(Error::RunOpen { run: earlier.run.clone(), rows: sending + in_doubt });
    }
    if counts.of_state(State::Done) + in_doubt == 0 {
        return Err(Error::NothingToUndo(earlier.run.clone()));
    }
    Ok(())
}

/// The new run is the old one's in everything but what it does.
fn header(earlier: RunHeader, request: &UndoRequest) -> RunHeader {
    RunHeader {
        run: request.run.clone(),
        created: now(),
        tool_version: tool_version(),
        on_conflict: request.on_conflict.as_str().to_owned(),
        undoes: Some(earlier.run),
        undoes_folder: std::path::absolute(&request.undone).ok().map(|folder| folder.display().to_string()),
        not_restored: None,
        deleted_dimensions: 0,
        undone_by: None,
        chain: request.chain.clone(),
        retries: None,
        after: request.after.as_deref().and_then(file_name),
        approved: false,
        approved_part: None,
        sliced: false,
        ended: None,
        forecast: None,
        unsupported: Vec::new(),
        unmapped: Vec::new(),
        journal_before: None,
        phase: Phase::Planning,
        counters: Counters::default(),
        ..earlier
    }
}

/// What the target holds that a record which comes back would double: read only when one comes back, or when a record
/// of the run is not found and may be there under another id.
async fn records_there(
    target: &Target,
    header: &RunHeader,
    (undone, found): (&Ledger, &ReadBack),
    observer: Observer<'_>,
) -> Result<TargetIndex, Error> {
    let mut index = TargetIndex::new().map_err(PlanningError::from)?;
    let mut is_needed = false;
    undone.for_each_row(Filter::States(&[State::Done]), |row| {
        is_needed = is_needed
            || row.planned.action == Action::Delete
            || found.find(&row).map_err(PlanningError::from)?.is_none();
        Ok::<(), Error>(())
    })?;
    match (header.entity, &header.journal_id) {
        _ if !is_needed => {}
        (EntityKind::Customers, _) => {
            target.fetch_customers(&BTreeSet::new(), &mut index, observer).await?;
        }
        (EntityKind::Dimensions, _) => target.fetch_default_dimensions(&mut index, observer).await?,
        (EntityKind::Payments, Some(journal)) => {
            target.fetch_payments(journal, &BTreeSet::new(), &mut index, observer).await?;
        }
        (EntityKind::Payments, None) if !target.api.habits().has_journals => {
            target.fetch_payments("", &BTreeSet::new(), &mut index, observer).await?;
        }
        (EntityKind::Payments, None) => {}
    }
    Ok(index)
}

fn plan_rows(
    mut ledger: Ledger,
    mut header: RunHeader,
    (undone, found): (&Ledger, &ReadBack),
    mut inverse: Inverse,
    stop: Option<&watch::Receiver<Option<Ending>>>,
) -> Result<Ledger, Error> {
    header.sources.iter_mut().for_each(|source| source.rows = 0);
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    undone.for_each_row(Filter::States(&[State::Done, State::InDoubt]), |row| {
        if let Some(ending) = stop.and_then(|stop| *stop.borrow()) {
            return Err(PlanningError::Stopped(ending).into());
        }
        let planned = if row.state == State::InDoubt {
            doubtful(row)
        } else {
            let there = found.find(&row).map_err(PlanningError::from)?;
            inverse.of(row, there)?
        };
        if let Some(source) = header.sources.get_mut(planned.source as usize) {
            source.rows += 1;
        }
        batch.push(planned);
        if batch.len() == BATCH_ROWS {
            ledger.append_rows(&batch)?;
            batch.clear();
        }
        Ok::<(), Error>(())
    })?;
    ledger.append_rows(&batch)?;
    ledger.finish_planning(&header)?;
    Ok(ledger)
}
