//! Sends rows: pace, intent, request, outcome.
//!
//! ```text
//! backlog ──► intend ──► send ──► finish
//!             (disk)   (network)  (disk)
//! ```
//!
//! A worker is three tasks in a row, so that the network never waits for the disk: while rows are on their way, the
//! intents of the next ones and the outcomes of the last ones go to disk. Where a pace holds the sending back, or the
//! target is in trouble, intents are not recorded ahead: what is marked as being sent has to be looked up after a
//! crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answer::{BatchAnswer, Whole, judge_batch, judge_single};
use super::backlog::Job;
use super::doubt::operation;
use super::first_look::look_first;
use super::lane::Lane;
use super::outcome::{Pending, send_again, settle, take_back};
use super::posting::has_witness;
use super::shared::{Shared, unix_now};
use super::{DeliveryError, DeliveryEvent};
use crate::connector::Verdict;
use crate::pace::Grant;

/// Rows whose intents and outcomes share a sync when single requests are sent; all of them are looked up after a
/// crash, 40 to a request. Found with `cargo bench --bench delivery`: five workers then send for longer than two
/// syncs of a busy disk take.
const SINGLE_ROWS: usize = 64;

/// Outcomes of single requests wait no longer for others to share their sync.
const OUTCOMES_WAIT: Duration = Duration::from_millis(250);

/// Parcels whose intents share a sync at most, when the target answers faster than the disk.
const LOAD_PARCELS: usize = 8;

/// Where there are batches, all requests are counted together.
const EVERY_ROUTE: &str = "";

/// A slow disk is forgotten by this part with every quicker write.
const FORGOTTEN: u32 = 8;

/// Outcomes that may be on their way into the ledger before the sending waits.
const PENDING: usize = 16;

/// Rows that leave together.
struct Parcel {
    jobs: Vec<Job>,
    /// Since when their intents are on disk; `None` when they are not.
    intended: Option<Instant>,
}

/// Parcels whose intents went to disk together.
struct Load {
    parcels: Vec<Parcel>,
    /// Told once the outcomes of all are written.
    finished: Option<oneshot::Sender<()>>,
}

/// What is on its way into the ledger, in the order in which it was asked for.
enum Answered {
    Outcomes(Pending),
    EndOfLoad(oneshot::Sender<()>),
}

type Answers = mpsc::Sender<Answered>;

/// One worker of a lane.
struct Worker {
    shared: Arc<Shared>,
    lane: usize,
    /// How long the last parcel was on its way, in microseconds.
    parcel_micros: AtomicU64,
}

/// Starts one worker of this lane: it takes rows from the backlog and sends them until there are none.
pub(super) fn start(tasks: &mut JoinSet<Result<(), DeliveryError>>, shared: &Arc<Shared>, lane: usize) {
    let worker = Arc::new(Worker { shared: shared.clone(), lane, parcel_micros: AtomicU64::new(0) });
    let (loads, ready) = mpsc::channel(1);
    let (answers, answered) = mpsc::channel(PENDING);
    tasks.spawn(intend(worker.clone(), loads));
    tasks.spawn(send_loads(worker, ready, answers));
    tasks.spawn(finish(shared.clone(), answered));
}

/// Takes rows, and records their intents where nothing holds the sending back.
async fn intend(worker: Arc<Worker>, loads: mpsc::Sender<Load>) -> Result<(), DeliveryError> {
    let shared = &worker.shared;
    let (mut parcels, mut slowest) = (1, Duration::ZERO);
    loop {
        let Ok(place) = loads.reserve().await else { return Ok(()) };
        if worker.lane().is_out() {
            return Ok(());
        }
        // Until one payment has arrived, nothing would tell that the journal was posted meanwhile, so the first goes
        // alone.
        if !has_witness(shared).await? {
            // A payment that may have been posted with nobody to tell is settled before the next one leaves.
            shared.backlog.without_doubts().await;
            let Some(jobs) = shared.backlog.take(1).await else { return Ok(()) };
            let (finished, is_finished) = oneshot::channel();
            place.send(Load { parcels: vec![Parcel { jobs, intended: None }], finished: Some(finished) });
            tokio::select! {
                // An error means that the sending has ended.
                _ = is_finished => {}
                () = loads.closed() => {}
            }
            continue;
        }
        let rows = worker.parcel_rows();
        let goes_ahead = !shared.options.is_paced() && shared.is_healthy();
        let most = if goes_ahead { rows * parcels } else { rows };
        let Some(mut jobs) = shared.backlog.take(most).await else { return Ok(()) };
        // It may have got into trouble while the rows were waited for.
        let intended = if goes_ahead && shared.is_healthy() {
            let now = Instant::now();
            record_intents(shared, &jobs).await?;
            slowest = now.elapsed().max(slowest.saturating_sub(slowest / FORGOTTEN));
            parcels = worker.parcels_within(slowest);
            Some(now)
        } else {
            None
        };
        let mut load = Load { parcels: Vec::new(), finished: None };
        while !jobs.is_empty() {
            let rest = jobs.split_off(rows.min(jobs.len()));
            load.parcels.push(Parcel { jobs: std::mem::replace(&mut jobs, rest), intended });
        }
        place.send(load);
    }
}

async fn send_loads(
    worker: Arc<Worker>,
    mut ready: mpsc::Receiver<Load>,
    answers: Answers,
) -> Result<(), DeliveryError> {
    while let Some(load) = ready.recv().await {
        for parcel in load.parcels {
            let start = Instant::now();
            worker.send(parcel, &answers).await?;
            let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
            worker.parcel_micros.store(micros, Ordering::Relaxed);
        }
        if let Some(finished) = load.finished {
            pass_on(&answers, Answered::EndOfLoad(finished)).await;
        }
    }
    Ok(())
}

/// Waits until outcomes are written, and reports them.
async fn finish(shared: Arc<Shared>, mut answered: mpsc::Receiver<Answered>) -> Result<(), DeliveryError> {
    while let Some(answered) = answered.recv().await {
        match answered {
            Answered::Outcomes(pending) => pending.finish(&shared).await?,
            // Whoever has stopped waiting needs no answer.
            Answered::EndOfLoad(finished) => drop(finished.send(())),
        }
    }
    Ok(())
}

/// The ledger has been asked already; nobody reports it when the receiver has failed and the delivery ends.
async fn pass_on(answers: &Answers, answered: Answered) {
    drop(answers.send(answered).await);
}

impl Worker {
    fn lane(&self) -> &Lane {
        &self.shared.lanes[self.lane]
    }

    /// How many rows may leave together.
    fn parcel_rows(&self) -> usize {
        if self.shared.batches.load(Ordering::Relaxed) { self.lane().batch() } else { SINGLE_ROWS }
    }

    /// How many parcels leave while the disk takes so long.
    fn parcels_within(&self, disk: Duration) -> usize {
        let parcel = u128::from(self.parcel_micros.load(Ordering::Relaxed)).max(1);
        let parcels = usize::try_from(disk.as_micros() / parcel).unwrap_or(LOAD_PARCELS);
        (parcels + 1).min(LOAD_PARCELS)
    }

    async fn send(
        &self,
        Parcel { mut jobs, intended }: Parcel,
        answers: &Answers,
    ) -> Result<(), DeliveryError> {
        while !jobs.is_empty() {
            let goes_alone = matches!(&*jobs, [job] if job.together == 1);
            if goes_alone || !self.shared.batches.load(Ordering::Relaxed) {
                return self.send_singles(Parcel { jobs, intended }, answers).await;
            }
            // Batches may have become smaller since the rows were taken.
            let rest = jobs.split_off(self.lane().batch().min(jobs.len()));
            self.send_batch(Parcel { jobs, intended }, answers).await?;
            jobs = rest;
        }
        Ok(())
    }

    /// One `$batch` for all of the rows.
    async fn send_batch(
        &self,
        Parcel { mut jobs, mut intended }: Parcel,
        answers: &Answers,
    ) -> Result<(), DeliveryError> {
        let (shared, lane) = (&self.shared, self.lane());
        let slot = shared.slot(lane).await;
        if !self.may_leave(&jobs, (EVERY_ROUTE, jobs.len()), &mut intended).await? {
            return self.give_back(jobs, intended, answers).await;
        }
        shared.count_operations(jobs.len());
        shared.count_rows(&mut jobs);
        let operations: Vec<_> = jobs.iter().map(|job| operation(&job.row)).collect();
        let request = shared.target.connector.batch(&operations);
        shared.tell(DeliveryEvent::Sent(jobs.len()));
        let start = Instant::now();
        let answer = shared.exchange(lane, request).await;
        drop(slot);
        lane.learn(jobs.len(), start.elapsed(), &answer);
        let pending = match judge_batch(shared, lane, &jobs, answer) {
            BatchAnswer::Parts(verdicts) => settle(shared, jobs, verdicts)?,
            BatchAnswer::Whole(Whole::TooLarge, word) if jobs.len() > 1 => send_again(shared, jobs, word)?,
            BatchAnswer::Whole(Whole::NoneDone | Whole::TooLarge, word) => {
                send_again(shared, halved(jobs), word)?
            }
            // From now on everything goes in single requests, these rows first.
            BatchAnswer::Whole(Whole::NoBatches, word) => {
                shared.batches.store(false, Ordering::Relaxed);
                send_again(shared, jobs, word)?
            }
        };
        pass_on(answers, Answered::Outcomes(pending)).await;
        Ok(())
    }

    /// One request after the other; the rows share their syncs.
    async fn send_singles(
        &self,
        Parcel { jobs, intended }: Parcel,
        answers: &Answers,
    ) -> Result<(), DeliveryError> {
        let (shared, lane) = (&self.shared, self.lane());
        let mut waiting = jobs.into_iter();
        while waiting.len() > 0 {
            let _slot = shared.slot(lane).await;
            let route = waiting.as_slice().first().map(|job| shared.route_of(job)).unwrap_or_default();
            let alike = waiting.as_slice().iter().take_while(|job| shared.route_of(job) == route).count();
            let Some(grant) = shared.admit(lane, &route, (1, alike)).await else {
                return self.give_back(waiting.collect(), intended, answers).await;
            };
            let (mut jobs, mut intended) =
                (waiting.by_ref().take(grant.operations).collect::<Vec<_>>(), intended);
            while !jobs.is_empty() {
                let verdicts = self.send_each(&jobs, &grant, &mut intended).await?;
                if verdicts.is_empty() {
                    self.give_back(jobs, intended, answers).await?;
                    break;
                }
                let rest = jobs.split_off(verdicts.len());
                shared.count_rows(&mut jobs);
                pass_on(answers, Answered::Outcomes(settle(shared, jobs, verdicts)?)).await;
                jobs = rest;
            }
        }
        Ok(())
    }

    /// Sends rows until all are answered, or the first answers have waited long enough to be recorded, or the lane has to
    /// wait, or nothing may be sent any more: then there are fewer verdicts than rows, or none.
    async fn send_each(
        &self,
        jobs: &[Job],
        grant: &Grant,
        intended: &mut Option<Instant>,
    ) -> Result<Vec<Verdict>, DeliveryError> {
        let (shared, lane) = (&self.shared, self.lane());
        let mut verdicts = Vec::with_capacity(jobs.len());
        let (first, mut sent) = (Instant::now(), 0);
        for (index, job) in jobs.iter().enumerate() {
            let is_first = index == 0;
            if !is_first && (first.elapsed() > OUTCOMES_WAIT || lane.pause_left(&grant.route).is_some()) {
                break;
            }
            if !shared.wait_out_pause(lane, &grant.route).await {
                break;
            }
            let looked = look_first(shared, lane, &job.row).await;
            renew_intents(shared, &jobs[index..], intended).await?;
            let row = match &looked {
                Ok(row) => row,
                Err(verdict) => {
                    verdicts.push(verdict.clone());
                    continue;
                }
            };
            let request = shared.target.connector.single(&operation(row));
            let route = shared.target.connector.route(&request);
            let may_leave = route == grant.route && lane.leave(grant, 1)
                || is_first && self.may_leave(&jobs[index..], (&route, 1), intended).await?;
            if !may_leave {
                break;
            }
            shared.count_operations(1);
            sent += 1;
            let start = Instant::now();
            let answer = shared.exchange(lane, request).await;
            lane.learn(1, start.elapsed(), &answer);
            let verdict = judge_single(shared, lane, job, answer);
            if job.together == 1 && matches!(verdict, Verdict::Accepted(_)) {
                shared.count_taken_alone();
            }
            verdicts.push(verdict);
        }
        shared.tell(DeliveryEvent::Sent(sent));
        Ok(verdicts)
    }

    /// Waits until so many of the rows may leave, and their intents are on disk; false when nothing may be sent any more.
    async fn may_leave(
        &self,
        jobs: &[Job],
        (route, operations): (&str, usize),
        intended: &mut Option<Instant>,
    ) -> Result<bool, DeliveryError> {
        loop {
            let granted = self.shared.admit(self.lane(), route, (operations, operations)).await;
            let Some(grant) = granted else { return Ok(false) };
            renew_intents(&self.shared, jobs, intended).await?;
            if self.lane().leave(&grant, operations) {
                return Ok(true);
            }
        }
    }

    /// Rows that were not sent because the delivery ends, or the lane is out.
    async fn give_back(
        &self,
        jobs: Vec<Job>,
        intended: Option<Instant>,
        answers: &Answers,
    ) -> Result<(), DeliveryError> {
        if intended.is_some() {
            let pending = take_back(&self.shared, jobs)?;
            pass_on(answers, Answered::Outcomes(pending)).await;
        } else {
            let now = Instant::now();
            self.shared.backlog.put(jobs.len(), jobs.into_iter().map(|job| (now, job)).collect(), Vec::new());
        }
        Ok(())
    }
}

/// Rows of a batch that was refused as a whole: one of them may be to blame, so the halves go on their own.
fn halved(mut jobs: Vec<Job>) -> Vec<Job> {
    let half = jobs.len().div_ceil(2);
    for job in &mut jobs {
        job.together = half;
    }
    jobs
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
