//! A plan into the target: everything the plan rests on is checked, then the rows are delivered.
//!
//! Applying sends exactly what the plan holds, and refuses when a source file or a record of the target is not the
//! one that was planned.

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::delivery::{DeliveryEnd, DeliveryOptions, OnConflict, deliver};
use crate::domain::{EntityKind, State};
use crate::ledger::{Ledger, LedgerWriter, Phase, RunHeader};
use crate::report::{Report, Summary};
use crate::source;

use super::chain::{hold_back, predecessors};
use super::deleted_dimensions::keep_dimensions;
use super::dimensions::fill_in_customers;
use super::ending::Ending;
use super::error::Error;
use super::event::{Event, Observer};
use super::import::LEDGER;
use super::journal::note_journal;
use super::reporting::report;
use super::restored::look_at_restored;
use super::staleness::{check_records, leave_out_taken};
use super::target::Target;
use super::undone::{hold_back_payers, mark_undone, refuse_undone};

/// How to apply a plan.
#[derive(Clone, Debug)]
pub struct ApplyRequest {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The verb the user gave, for the report.
    pub command: &'static str,
    /// Pace, patience, thresholds, and which part of the plan to carry out.
    pub delivery: DeliveryOptions,
    /// Whether the target is read again first when nothing of the plan was sent yet, to see that it is as the plan
    /// saw it. A plan that was made a moment ago by the same command needs that no more.
    pub recheck: bool,
    /// Where earlier runs are kept: what one of them has delivered since the plan is not sent again. `None` for a plan
    /// that was made a moment ago.
    pub runs: Option<PathBuf>,
}

impl ApplyRequest {
    /// Applies a plan that was made a moment ago.
    #[must_use]
    pub fn new(folder: PathBuf, command: &'static str, delivery: DeliveryOptions) -> Self {
        Self { folder, command, delivery, recheck: false, runs: None }
    }
}

/// Carries out what the plan of a run still holds: for the first time, or after an interruption.
///
/// `stop` becoming an ending drains what is in flight and ends the run with it.
///
/// # Errors
/// When the plan is no longer good: a source file, the address, the company, or a record of the target is not the one
/// that was planned, or the run that it comes after is not finished. Nothing was sent then. Also when the target or
/// the ledger fails.
pub async fn apply(
    target: &Target,
    request: &ApplyRequest,
    stop: watch::Receiver<Option<Ending>>,
    observer: Observer<'_>,
) -> Result<Report, Error> {
    let path = request.folder.join(LEDGER);
    let mut ledger = Ledger::open_for_delivery(&path)?;
    let Some(header) = prepare(target, &mut ledger, request, (stop.clone(), observer)).await? else {
        let ending = stop.borrow().unwrap_or(Ending::Interrupted);
        return report(&ledger, &request.folder, request.command, |_| ending);
    };
    let end = match send_and_look(target, ledger, &header, request, stop.clone(), observer).await {
        Ok(end) => end,
        Err(error) => {
            keep_ending(&path, error.ending());
            // What was sent before is answered for, whatever the failure; it is what must be told.
            let told = report(&Ledger::open(&path)?, &request.folder, request.command, |_| error.ending());
            return Err(told.err().unwrap_or(error));
        }
    };
    let ledger = Ledger::open(&path)?;
    let is_restored = ledger.header()?.not_restored.is_none_or(|found| found.rows == 0);
    let ending = |summary: &Summary| match end {
        DeliveryEnd::Finished if summary.needing_attention() == 0 && is_restored => Ending::Done,
        DeliveryEnd::Finished => Ending::LeftOut,
        DeliveryEnd::Interrupted => stop.borrow().unwrap_or(Ending::Interrupted),
        DeliveryEnd::TooManyErrors => Ending::TooManyErrors,
        DeliveryEnd::NotAuthenticated => Ending::NotPermitted,
        DeliveryEnd::Unreachable => Ending::Unreachable,
    };
    let told = report(&ledger, &request.folder, request.command, ending)?;
    drop(ledger);
    keep_ending(&path, Ending::from_code(told.facts.exit.code));
    Ok(told)
}

/// Keeps how the run has ended, for whoever asks later.
fn keep_ending(path: &Path, ending: Ending) {
    let kept = Ledger::open_for_delivery(path).and_then(|ledger| {
        ledger.update_header(&RunHeader { ended: Some(ending.code()), ..ledger.header()? })
    });
    // It says no more than the rows do, and must not hide how the run has really ended.
    drop(kept);
}

/// Checks everything the plan of a run rests on that nobody has begun to carry out yet, and writes nothing to the
/// target. Of runs that follow each other, the later ones are looked at before the first is sent.
///
/// # Errors
/// As [`apply`], when the plan is no longer good.
pub async fn check_plan(
    target: &Target,
    request: &ApplyRequest,
    observer: Observer<'_>,
) -> Result<(), Error> {
    let mut ledger = Ledger::open_for_delivery(&request.folder.join(LEDGER))?;
    let header = ledger.header()?;
    if header.phase == Phase::Planning {
        return Err(Error::PlanUnfinished(header.run));
    }
    refuse_undone(&header)?;
    if header.phase != Phase::Planned || ledger.counts()?.open() == 0 {
        return Ok(());
    }
    if header.undoes.is_none() {
        check_sources(&header)?;
    }
    check_target(target, &header)?;
    if request.recheck && on_conflict(request, &header) == OnConflict::Reject {
        check_records(target, &mut ledger, request, observer).await?;
    }
    Ok(())
}

/// What becomes of records that someone else has changed: as the command says, or else the plan.
fn on_conflict(request: &ApplyRequest, header: &RunHeader) -> OnConflict {
    request.delivery.on_conflict.unwrap_or_else(|| OnConflict::from_word(&header.on_conflict))
}

/// Keeps in a plan what becomes of records that someone else changes before it is carried out.
pub fn note_on_conflict(folder: &Path, on_conflict: OnConflict) -> Result<(), Error> {
    let ledger = Ledger::open_for_delivery(&folder.join(LEDGER))?;
    let header = RunHeader { on_conflict: on_conflict.as_str().to_owned(), ..ledger.header()? };
    Ok(ledger.update_header(&header)?)
}

/// Checks everything the plan rests on, and marks the run as begun; or as finished, when nothing is left to send.
/// `None` when the run was asked to stop meanwhile.
async fn prepare(
    target: &Target,
    ledger: &mut Ledger,
    request: &ApplyRequest,
    (stop, observer): (watch::Receiver<Option<Ending>>, Observer<'_>),
) -> Result<Option<RunHeader>, Error> {
    let mut header = ledger.header()?;
    let is_new = header.phase == Phase::Planned;
    refuse_undone(&header)?;
    match header.phase {
        Phase::Planning => return Err(Error::PlanUnfinished(header.run)),
        // An undo is made from a ledger, whatever became of the files.
        Phase::Planned if header.undoes.is_none() => check_sources(&header)?,
        Phase::Planned | Phase::Applying | Phase::Finished => {}
    }
    check_target(target, &header)?;
    for (earlier, predecessor) in predecessors(&request.folder, &header)? {
        match (header.undoes.is_some(), earlier.entity, header.entity) {
            (true, _, EntityKind::Customers) => hold_back_payers(&predecessor, ledger)?,
            (false, EntityKind::Customers, _) => hold_back(&predecessor, ledger)?,
            _ => {}
        }
    }
    if header.entity == EntityKind::Dimensions && header.undoes.is_none() {
        fill_in_customers(target, ledger, observer).await?;
    }
    let open = ledger.counts()?.open();
    if open == 0 {
        header.phase = Phase::Finished;
        ledger.update_header(&header)?;
        return Ok(Some(header));
    }
    let on_conflict = on_conflict(request, &header);
    on_conflict.as_str().clone_into(&mut header.on_conflict);
    if request.runs.is_some() {
        // Who has said what becomes of changed records wants no plan refused because of them.
        if is_new && request.recheck && on_conflict == OnConflict::Reject {
            check_records(target, ledger, request, observer).await?;
        } else {
            leave_out_taken(target, ledger, request, observer).await?;
        }
    }
    if !note_journal(target, &mut header, &request.delivery, stop).await? {
        return Ok(None);
    }
    header.deleted_dimensions = keep_dimensions(target, ledger, &request.folder, observer).await?;
    let rows = request.delivery.slice.limit.map_or(open, |limit| limit.min(open));
    let work = (rows, target.transport.credentials());
    observer(Event::Forecast(request.delivery.forecast(header.entity, target.api.habits(), work)));
    observer(Event::ToDeliver(rows));
    if is_new {
        mark_undone(ledger, &header)?;
    }
    (header.phase, header.ended) = (Phase::Applying, None);
    ledger.update_header(&header)?;
    ledger.recover()?;
    Ok(Some(header))
}

/// Delivers what is open; of an undo that has come to its end, also looks at what came back.
async fn send_and_look(
    target: &Target,
    ledger: Ledger,
    header: &RunHeader,
    request: &ApplyRequest,
    stop: watch::Receiver<Option<Ending>>,
    observer: Observer<'_>,
) -> Result<DeliveryEnd, Error> {
    let was_finished = header.phase == Phase::Finished;
    let end = if was_finished {
        drop(ledger);
        DeliveryEnd::Finished
    } else {
        send(target, ledger, header, request, stop, observer).await?
    };
    let is_to_be_looked_at = !was_finished || header.not_restored.is_none();
    if header.undoes.is_some() && end == DeliveryEnd::Finished && is_to_be_looked_at {
        look_at_restored(target, &request.folder, observer).await?;
    }
    Ok(end)
}

/// Delivers what is open, and keeps how far the run has come.
async fn send(
    target: &Target,
    ledger: Ledger,
    header: &RunHeader,
    request: &ApplyRequest,
    stop: watch::Receiver<Option<Ending>>,
    observer: Observer<'_>,
) -> Result<DeliveryEnd, Error> {
    let writer = LedgerWriter::start(ledger);
    let (raise, sign) = watch::channel(false);
    let stopper = tokio::spawn(raise_when_asked(stop, raise));
    let on_event = |event| observer(Event::Delivery(event));
    let transport = target.transport.clone();
    let options = DeliveryOptions {
        on_conflict: Some(OnConflict::from_word(&header.on_conflict)),
        ..request.delivery.clone()
    };
    let delivered = deliver(
        &writer,
        transport,
        target.connector(header.entity, header.journal_id.as_deref()),
        options,
        sign,
        &on_event,
    )
    .await;
    stopper.abort();
    let ledger = writer.close()?;
    let counts = ledger.counts()?;
    // Whatever wanted to stop it: a run with nothing left to settle is at its end.
    let end = if counts.open() == 0 { delivered.map(|_| DeliveryEnd::Finished)? } else { delivered? };
    if end == DeliveryEnd::Finished {
        // What waits was left out of the slice; everything else has come to its end.
        let sliced = !request.delivery.slice.is_whole() && counts.of_state(State::Planned) > 0;
        let phase = if sliced { Phase::Applying } else { Phase::Finished };
        ledger.update_header(&RunHeader { sliced, phase, ..ledger.header()? })?;
    }
    Ok(end)
}

/// Passes on that somebody asked for an end, whatever the ending is called.
async fn raise_when_asked(mut stop: watch::Receiver<Option<Ending>>, raise: watch::Sender<bool>) {
    // An error means that nobody is left who could ask.
    if stop.wait_for(Option::is_some).await.is_ok() {
        raise.send_replace(true);
    }
    // The sign must stay up for as long as somebody looks at it.
    raise.closed().await;
}

/// A plan is only good for the bytes it was made from.
fn check_sources(header: &RunHeader) -> Result<(), Error> {
    for source in &header.sources {
        if source::hash(Path::new(&source.path))? != source.sha256 {
            return Err(Error::SourceChanged(source.path.clone()));
        }
    }
    Ok(())
}

/// A plan is only good for the company it was made for, where it was made for: copies of an environment have
/// companies of the same GUID. The embedded sandbox listens on another port each time.
pub(super) fn check_target(target: &Target, header: &RunHeader) -> Result<(), Error> {
    let found = target.transport.service_root().to_string();
    if header.system != target.system || (header.service_root != found && header.system != "sandbox") {
        return Err(Error::OtherAddress { planned: header.service_root.clone(), found });
    }
    if header.company_id.eq_ignore_ascii_case(&target.company.id) {
        Ok(())
    } else {
        Err(Error::OtherCompany { planned: header.company_name.clone(), found: target.company.name.clone() })
    }
}
