//! Sends rows: pace, intent, request, outcome.
//!
//! While one parcel of rows is on its way, the outcomes of the last one and the intents of the next one go to disk,
//! so that the disk is never waited for alone. Where a pace holds the sending back, intents are not recorded ahead:
//! what is marked as being sent has to be looked up after a crash.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::answer::{judge_batch, judge_single};
use super::backlog::Job;
use super::doubt::operation;
use super::lane::Lane;
use super::outcome::{Pending, settle, take_back};
use super::posting::has_witness;
use super::shared::{Shared, unix_now};
use super::{DeliveryError, DeliveryEvent};
use crate::connector::Verdict;

/// Rows whose intents and outcomes share a sync when single requests are sent; all of them are looked up after a
/// crash, 40 to a request. Found with `cargo bench --bench delivery`: five workers then send for longer than two
/// syncs of a busy disk take.
const SINGLE_ROWS: usize = 64;

/// Rows that leave together.
struct Parcel {
    jobs: Vec<Job>,
    /// Since when their intents are on disk; `None` when they are not.
    intended: Option<Instant>,
}

/// Takes rows from the backlog and sends them until there are none.
pub(super) async fn work(shared: Arc<Shared>, lane: usize) -> Result<(), DeliveryError> {
    let lane = &shared.lanes[lane];
    let mut next = None;
    let mut pending = None;
    loop {
        let parcel = if let Some(parcel) = next.take() {
            parcel
        } else {
            finish(&shared, pending.take()).await?;
            if !has_witness(&shared).await? {
                // A payment that may have been posted with nobody to tell is settled before the next one leaves.
                shared.backlog.without_doubts().await;
            }
            let rows = parcel_rows(&shared).await?;
            let Some(jobs) = shared.backlog.take(rows).await else { return Ok(()) };
            Parcel { jobs, intended: None }
        };
        let (sent, prepared, finished) =
            tokio::join!(send(&shared, lane, parcel), prepare(&shared), finish(&shared, pending.take()));
        finished?;
        (pending, next) = (sent?, prepared?);
    }
}

/// How many rows may leave together. Until one payment has arrived, nothing would tell that the journal was posted
/// meanwhile, so the first goes alone.
async fn parcel_rows(shared: &Shared) -> Result<usize, DeliveryError> {
    Ok(match shared.batches.load(Ordering::Relaxed) {
        _ if !has_witness(shared).await? => 1,
        true => shared.options.batch,
        false => SINGLE_ROWS,
    })
}

async fn finish(shared: &Shared, pending: Option<Pending>) -> Result<(), DeliveryError> {
    match pending {
        Some(pending) => pending.finish(shared).await,
        None => Ok(()),
    }
}

/// Takes the next rows and records their intents ahead, where nothing holds the sending back.
async fn prepare(shared: &Shared) -> Result<Option<Parcel>, DeliveryError> {
    if shared.options.is_paced() || !shared.is_healthy() || !has_witness(shared).await? {
        return Ok(None);
    }
    let jobs = shared.backlog.try_take(parcel_rows(shared).await?);
    if jobs.is_empty() {
        return Ok(None);
    }
    let intended = Instant::now();
    record_intents(shared, &jobs).await?;
    Ok(Some(Parcel { jobs, intended: Some(intended) }))
}

async fn send(shared: &Shared, lane: &Lane, parcel: Parcel) -> Result<Option<Pending>, DeliveryError> {
    if shared.batches.load(Ordering::Relaxed) {
        send_batch(shared, lane, parcel).await
    } else {
        send_singles(shared, lane, parcel).await
    }
}

/// One `$batch` for all of the rows.
async fn send_batch(
    shared: &Shared,
    lane: &Lane,
    Parcel { jobs, mut intended }: Parcel,
) -> Result<Option<Pending>, DeliveryError> {
    let _slot = shared.slot(lane).await;
    if shared.admit(lane, jobs.len(), jobs.len()).await.is_none() {
        return give_back(shared, jobs, intended);
    }
    renew_intents(shared, &jobs, &mut intended).await?;
    let operations: Vec<_> = jobs.iter().map(|job| operation(&job.row)).collect();
    let request = shared.target.connector.batch(&operations);
    count_sent(shared, jobs.len());
    let answer = shared.exchange(lane, request).await;
    if let Some(verdicts) = judge_batch(shared, lane, &jobs, answer) {
        return settle(shared, jobs, verdicts).map(Some);
    }
    // The target takes no batches: from now on everything goes in single requests, these rows first.
    shared.batches.store(false, Ordering::Relaxed);
    take_back(shared, jobs).map(Some)
}

/// One request after the other; the rows share their syncs.
async fn send_singles(
    shared: &Shared,
    lane: &Lane,
    Parcel { jobs, intended }: Parcel,
) -> Result<Option<Pending>, DeliveryError> {
    let mut waiting = jobs.into_iter();
    let mut pending = None;
    while waiting.len() > 0 {
        let _slot = shared.slot(lane).await;
        let Some(granted) = shared.admit(lane, 1, waiting.len()).await else {
            finish(shared, pending).await?;
            return give_back(shared, waiting.collect(), intended);
        };
        let jobs: Vec<_> = waiting.by_ref().take(granted).collect();
        let verdicts = send_each(shared, lane, &jobs, intended).await?;
        let settled = settle(shared, jobs, verdicts)?;
        finish(shared, pending.replace(settled)).await?;
    }
    Ok(pending)
}

async fn send_each(
    shared: &Shared,
    lane: &Lane,
    jobs: &[Job],
    mut intended: Option<Instant>,
) -> Result<Vec<Verdict>, DeliveryError> {
    let mut verdicts = Vec::with_capacity(jobs.len());
    for (index, job) in jobs.iter().enumerate() {
        let goes_on = index == 0 || shared.wait_out_pause(lane).await;
        renew_intents(shared, &jobs[index..], &mut intended).await?;
        if !goes_on {
            verdicts.push(Verdict::NotDone(None));
            continue;
        }
        count_sent(shared, 1);
        let answer = shared.exchange(lane, shared.target.connector.single(&operation(&job.row))).await;
        verdicts.push(judge_single(shared, lane, job, answer));
    }
    Ok(verdicts)
}

/// Rows that were not sent because the delivery ends.
fn give_back(
    shared: &Shared,
    jobs: Vec<Job>,
    intended: Option<Instant>,
) -> Result<Option<Pending>, DeliveryError> {
    if intended.is_some() {
        return take_back(shared, jobs).map(Some);
    }
    shared.backlog.put(jobs.len(), Vec::new(), Vec::new());
    Ok(None)
}

/// Records intents that are not on disk yet, or have waited too long.
async fn renew_intents(
    shared: &Shared,
    jobs: &[Job],
    intended: &mut Option<Instant>,
) -> Result<(), DeliveryError> {
    if intended.is_none_or(|since| since.elapsed() > shared.options.intent_lifetime()) {
        let now = Instant::now();
        record_intents(shared, jobs).await?;
        *intended = Some(now);
    }
    Ok(())
}

async fn record_intents(shared: &Shared, jobs: &[Job]) -> Result<(), DeliveryError> {
    let rows = jobs.iter().map(|job| job.row.id).collect();
    Ok(shared.ledger.record_intents(rows, unix_now()).await?)
}

fn count_sent(shared: &Shared, operations: usize) {
    shared.operations.fetch_add(operations as u64, Ordering::Relaxed);
    shared.tell(DeliveryEvent::Sent(operations));
}
