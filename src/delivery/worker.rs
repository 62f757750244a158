//! Sends rows: pace, intent, request, outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::backlog::Job;
use super::doubt::{Cause, Doubt, operation};
use super::lane::Lane;
use super::settler::has_witness;
use super::shared::{Settlement, Shared, unix_now};
use super::{DeliveryEnd, DeliveryError, DeliveryEvent};
use crate::connector::Verdict;
use crate::connector::business_central::{interpret, read_batch};
use crate::domain::{Action, Outcome, Refusal};
use crate::ledger::Step;
use crate::transport::{ApiReply, TransportError};

/// Rows whose intents and outcomes share a sync when single requests are sent; all of them are looked up after a
/// crash, so they are few.
const SINGLE_ROWS: usize = 16;

/// Takes rows from the backlog and sends them until there are none.
pub(super) async fn work(shared: Arc<Shared>, lane: usize) -> Result<(), DeliveryError> {
    let lane = &shared.lanes[lane];
    loop {
        let is_batch = shared.batches.load(Ordering::Relaxed);
        let limit = match is_batch {
            // Until one payment has arrived, nothing would tell that the journal was posted meanwhile.
            _ if !has_witness(&shared).await? => 1,
            true => shared.options.batch,
            false => SINGLE_ROWS,
        };
        let Some(jobs) = shared.backlog.take(limit).await else { return Ok(()) };
        if is_batch {
            send_batch(&shared, lane, jobs).await?;
        } else {
            send_singles(&shared, lane, jobs).await?;
        }
    }
}

/// One `$batch` for all of the rows.
async fn send_batch(shared: &Shared, lane: &Lane, jobs: Vec<Job>) -> Result<(), DeliveryError> {
    let _slot = shared.slot(lane).await;
    if shared.admit(lane, jobs.len(), jobs.len()).await.is_none() {
        shared.backlog.put(jobs.len(), Vec::new(), Vec::new());
        return Ok(());
    }
    record_intents(shared, &jobs).await?;
    let operations: Vec<_> = jobs.iter().map(|job| operation(&job.row)).collect();
    let request = shared.target.connector.batch(&operations);
    count_sent(shared, jobs.len());
    let answer = shared.exchange(lane, request).await;
    match judge_batch(shared, lane, &jobs, answer) {
        Some(verdicts) => settle(shared, jobs, verdicts).await,
        None => send_singly(shared, jobs).await,
    }
}

/// The target takes no batches: from now on everything goes in single requests, these rows first.
async fn send_singly(shared: &Shared, jobs: Vec<Job>) -> Result<(), DeliveryError> {
    shared.batches.store(false, Ordering::Relaxed);
    let not_done = |job: &Job| (job.row.id, Step::Outcome(Outcome::NotDone(None)));
    let now = Instant::now();
    shared
        .settle_up(Settlement {
            handed: jobs.len(),
            steps: jobs.iter().map(not_done).collect(),
            jobs: jobs.into_iter().map(|job| (now, job)).collect(),
            doubts: Vec::new(),
        })
        .await
}

/// One request after the other; the rows share their syncs.
async fn send_singles(shared: &Shared, lane: &Lane, jobs: Vec<Job>) -> Result<(), DeliveryError> {
    let mut waiting = jobs.into_iter();
    while waiting.len() > 0 {
        let _slot = shared.slot(lane).await;
        let Some(granted) = shared.admit(lane, 1, waiting.len()).await else {
            shared.backlog.put(waiting.len(), Vec::new(), Vec::new());
            return Ok(());
        };
        let jobs: Vec<_> = waiting.by_ref().take(granted).collect();
        record_intents(shared, &jobs).await?;
        let mut intended = Instant::now();
        let mut verdicts = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            if shared.is_ending() {
                verdicts.push(Verdict::NotDone(None));
                continue;
            }
            if intended.elapsed() > shared.options.intent_lifetime() {
                record_intents(shared, &jobs[index..]).await?;
                intended = Instant::now();
            }
            count_sent(shared, 1);
            let answer = shared.exchange(lane, shared.target.connector.single(&operation(&job.row))).await;
            verdicts.push(judge_single(shared, lane, job, answer));
        }
        settle(shared, jobs, verdicts).await?;
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

fn judge_single(
    shared: &Shared,
    lane: &Lane,
    job: &Job,
    answer: Result<ApiReply, TransportError>,
) -> Verdict {
    let reply = match answer {
        Ok(reply) => reply,
        Err(failure) => return judge_failure(shared, lane, failure),
    };
    let verdict = interpret(job.row.action, reply.status, reply.retry_after(), &reply.body);
    match &verdict {
        Verdict::NotDone(asked) => pause_lane(shared, lane, reply.status, *asked),
        Verdict::InDoubt(words) => drop(shared.failed(lane, reply.retry_after(), words)),
        _ => shared.answered(),
    }
    verdict
}

/// What a batch's answer says of its rows; `None` when the target takes no batches.
fn judge_batch(
    shared: &Shared,
    lane: &Lane,
    jobs: &[Job],
    answer: Result<ApiReply, TransportError>,
) -> Option<Vec<Verdict>> {
    let all = |verdict: Verdict| Some(vec![verdict; jobs.len()]);
    let reply = match answer {
        Ok(reply) => reply,
        Err(failure) => return all(judge_failure(shared, lane, failure)),
    };
    match reply.status {
        200..=299 => {
            let rows: Vec<_> = jobs.iter().map(|job| (job.row.id, job.row.action)).collect();
            let verdicts = read_batch(&rows, &reply.body);
            judge_parts(shared, lane, &verdicts);
            Some(verdicts)
        }
        // The route knows no batches, or not this one: nothing of it was carried out.
        400 | 404 | 405 | 413 | 501 => None,
        429 => {
            pause_lane(shared, lane, 429, reply.retry_after());
            all(Verdict::NotDone(reply.retry_after()))
        }
        status => {
            let words = format!("the target answered the batch with {status}");
            shared.failed(lane, reply.retry_after(), &words);
            all(Verdict::InDoubt(words))
        }
    }
}

/// A batch was useful when it settled a row; parts that were throttled pause the lane like a whole answer.
fn judge_parts(shared: &Shared, lane: &Lane, verdicts: &[Verdict]) {
    let asked = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::NotDone(asked) => Some(asked.unwrap_or_default()),
        _ => None,
    });
    let asked = asked.max();
    let is_useful =
        verdicts.iter().any(|verdict| !matches!(verdict, Verdict::NotDone(_) | Verdict::InDoubt(_)));
    match asked {
        _ if is_useful => {
            shared.answered();
            lane.pause(asked.unwrap_or_default());
        }
        Some(asked) => {
            pause_lane(shared, lane, 429, Some(asked).filter(|asked| !asked.is_zero()));
        }
        None => drop(shared.failed(lane, None, "the batch's answer says nothing of its rows")),
    }
}

fn pause_lane(shared: &Shared, lane: &Lane, status: u16, asked: Option<Duration>) {
    shared.throttled.fetch_add(u64::from(status == 429), Ordering::Relaxed);
    shared.failed(lane, asked, &format!("the target answered {status} again and again"));
}

fn judge_failure(shared: &Shared, lane: &Lane, failure: TransportError) -> Verdict {
    let words = in_words(&failure);
    match failure {
        TransportError::InDoubt { .. } => {
            shared.failed(lane, None, &words);
            Verdict::InDoubt(words)
        }
        TransportError::NotSent { .. } | TransportError::TokenUnavailable { .. } => {
            shared.failed(lane, None, &words);
            Verdict::NotDone(None)
        }
        TransportError::NotAuthenticated { .. } | TransportError::NotPermitted { .. } => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, &words);
            Verdict::NotDone(None)
        }
        other => {
            shared.fail(other);
            Verdict::NotDone(None)
        }
    }
}

/// The failure and its causes in one line.
pub(super) fn in_words(failure: &TransportError) -> String {
    let mut words = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(deeper) = cause {
        words.push_str(": ");
        words.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    words
}

/// Records what became of the rows and passes on those that still need something.
async fn settle(shared: &Shared, jobs: Vec<Job>, verdicts: Vec<Verdict>) -> Result<(), DeliveryError> {
    let mut settlement = Settlement { handed: jobs.len(), ..Settlement::default() };
    let mut tally = Tally::default();
    for (mut job, verdict) in jobs.into_iter().zip(verdicts) {
        let row = job.row.id;
        job.row.attempts += 1;
        let outcome = settle_one(shared, job, verdict, (&mut settlement, &mut tally));
        settlement.steps.push((row, Step::Outcome(outcome)));
    }
    shared.settle_up(settlement).await?;
    tally.tell(shared);
    Ok(())
}

fn settle_one(
    shared: &Shared,
    mut job: Job,
    verdict: Verdict,
    (settlement, tally): (&mut Settlement, &mut Tally),
) -> Outcome {
    let now = Instant::now();
    let mut doubt = |job: Job, cause: Cause, words: String| {
        tally.in_doubt += 1;
        let believable = now + shared.options.settle;
        settlement.doubts.push((now, Doubt { row: job.row, cause, believable, looks: 0 }));
        Outcome::InDoubt(words)
    };
    match verdict {
        Verdict::Accepted(receipt) => {
            tally.accepted += 1;
            Outcome::Accepted(receipt)
        }
        Verdict::Refused(refusal) => {
            tally.refused += 1;
            Outcome::Refused(refusal)
        }
        Verdict::Gone(refusal) => {
            tally.conflicts += 1;
            Outcome::Conflict(Refusal { code: "gone".to_owned(), ..refusal })
        }
        Verdict::NotPermitted(refusal) => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, &refusal.message);
            Outcome::NotDone(None)
        }
        // An update cannot have taken the key itself: another record has it.
        Verdict::KeyTaken(refusal) if job.row.action == Action::Update => {
            tally.refused += 1;
            Outcome::Refused(refusal)
        }
        Verdict::KeyTaken(refusal) => doubt(job, Cause::KeyTaken(refusal.clone()), refusal.message),
        Verdict::Stale(refusal) => doubt(job, Cause::Stale(refusal.clone()), refusal.message),
        Verdict::InDoubt(words) => doubt(job, Cause::Unanswered(words.clone()), words),
        Verdict::NotDone(asked) => {
            job.tries += 1;
            // While the target answers nobody, it is not the row's fault; the retry budget ends that.
            if job.tries >= shared.options.max_attempts && shared.is_healthy() {
                tally.refused += 1;
                let message = format!("the target put the row off {} times, and took others", job.tries);
                return Outcome::Refused(Refusal { status: 0, code: "gave-up".to_owned(), message });
            }
            tally.retried += 1;
            settlement.jobs.push((now + shared.pause_for(job.tries, asked), job));
            Outcome::NotDone(asked)
        }
    }
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) accepted: usize,
    pub(super) refused: usize,
    pub(super) conflicts: usize,
    pub(super) in_doubt: usize,
    pub(super) retried: usize,
    pub(super) settled: usize,
    pub(super) left: usize,
}

impl Tally {
    /// Reports what is on disk by now.
    pub(super) fn tell(&self, shared: &Shared) {
        let events = [
            (self.accepted, DeliveryEvent::Accepted as fn(usize) -> DeliveryEvent),
            (self.refused, DeliveryEvent::Refused),
            (self.conflicts, DeliveryEvent::Conflicts),
            (self.in_doubt, DeliveryEvent::InDoubt),
            (self.retried, DeliveryEvent::Retried),
            (self.settled, DeliveryEvent::Settled),
            (self.left, DeliveryEvent::LeftInDoubt),
        ];
        for (rows, event) in events.into_iter().filter(|(rows, _)| *rows > 0) {
            shared.tell(event(rows));
        }
        shared.settled.fetch_add(self.settled as u64, Ordering::Relaxed);
        shared.count_errors(self.refused + self.conflicts);
    }
}
