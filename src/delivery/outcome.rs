//! What becomes of rows after an attempt: the ledger is told, and what still needs something goes back.

use std::iter;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::answer::{Word, rolled_back_alone};
use super::backlog::Job;
use super::doubt::{Cause, Doubt};
use super::shared::{Settlement, Shared};
use super::{DeliveryEnd, DeliveryError, DeliveryEvent};
use crate::connector::Verdict;
use crate::domain::{Action, Outcome, Receipt, Refusal};
use crate::ledger::{Step, Written};

/// Outcomes on their way into the ledger.
pub(super) struct Pending {
    written: Written,
    tally: Tally,
}

impl Pending {
    /// Waits until they are there, and reports them.
    pub(super) async fn finish(self, shared: &Shared) -> Result<(), DeliveryError> {
        self.written.await?;
        self.tally.tell(shared);
        Ok(())
    }
}

/// Asks the ledger to record what became of the rows, and passes on those that still need something.
///
/// Until the outcome is written a row counts as being sent, so nothing is lost by not waiting for it here. Rows beyond
/// the verdicts are in doubt.
pub(super) fn settle(
    shared: &Shared,
    jobs: Vec<Job>,
    verdicts: Vec<Verdict>,
) -> Result<Pending, DeliveryError> {
    let mut settlement = Settlement { handed: jobs.len(), ..Settlement::default() };
    let mut tally = Tally::default();
    let batch = jobs.len();
    let unsaid = iter::repeat_with(|| Verdict::InDoubt("the answer says nothing of the row".to_owned()));
    for (mut job, mut verdict) in jobs.into_iter().zip(verdicts.into_iter().chain(unsaid)) {
        if verdict == Verdict::RolledBack {
            if batch == 1 {
                verdict = Verdict::Refused(rolled_back_alone());
            }
            job.together = batch.div_ceil(2);
        }
        let row = job.row.id;
        job.row.attempts += 1;
        let step = settle_one(shared, job, verdict, (&mut settlement, &mut tally));
        settlement.steps.push((row, step));
    }
    Ok(Pending { written: shared.settle_up(settlement)?, tally })
}

/// Gives back rows that were not sent after all, to go at once.
pub(super) fn take_back(shared: &Shared, jobs: Vec<Job>) -> Result<Pending, DeliveryError> {
    give_back(shared, jobs, &Step::NotSent)
}

/// Gives back the rows of a batch that was refused as a whole, to go at once. It was no attempt at them when that is
/// the target's own word; otherwise a record that they meet later may be their own.
pub(super) fn send_again(shared: &Shared, mut jobs: Vec<Job>, word: Word) -> Result<Pending, DeliveryError> {
    if word == Word::Own {
        return give_back(shared, jobs, &Step::NotSent);
    }
    for job in &mut jobs {
        job.row.attempts += 1;
    }
    give_back(shared, jobs, &Step::Outcome(Outcome::NotDone(None)))
}

fn give_back(shared: &Shared, jobs: Vec<Job>, step: &Step) -> Result<Pending, DeliveryError> {
    let now = Instant::now();
    let settlement = Settlement {
        handed: jobs.len(),
        steps: jobs.iter().map(|job| (job.row.id, step.clone())).collect(),
        jobs: jobs.into_iter().map(|job| (now, job)).collect(),
        doubts: Vec::new(),
    };
    Ok(Pending { written: shared.settle_up(settlement)?, tally: Tally::default() })
}

fn settle_one(
    shared: &Shared,
    mut job: Job,
    verdict: Verdict,
    (settlement, tally): (&mut Settlement, &mut Tally),
) -> Step {
    let now = Instant::now();
    let mut doubt = |job: Job, cause: Cause, words: String| {
        tally.in_doubt += 1;
        let believable = now + shared.options.settle;
        settlement.doubts.push((
            now,
            Doubt { row: job.row, cause, believable, looks: 0, is_inherited: false, kept: job.kept },
        ));
        Outcome::InDoubt(words)
    };
    Step::Outcome(match verdict {
        // Where a yes is not certain, the record is looked at before the row counts as done.
        Verdict::Accepted(receipt) if !shared.target.connector.habits().is_yes_certain => {
            if job.row.action == Action::Create {
                job.row.remote_id = Some(receipt.remote_id.clone()).filter(|id| !id.is_empty());
            }
            let (ready, believable) = (shared.read_back_at(now), now + shared.options.settle);
            let Job { row, kept, .. } = job;
            let cause = Cause::Unconfirmed;
            settlement
                .doubts
                .push((ready, Doubt { row, cause, believable, looks: 0, is_inherited: false, kept }));
            return Step::Unconfirmed(receipt);
        }
        Verdict::Accepted(receipt) => {
            tally.accepted += 1;
            return accepted(receipt, job.kept);
        }
        Verdict::Refused(refusal) => {
            tally.refused += 1;
            Outcome::Refused(refusal)
        }
        // Maybe deleted by an earlier attempt of our own, or changed by one and then posted: a lookup has to say.
        Verdict::Gone(refusal) if job.row.attempts > 1 => {
            doubt(job, Cause::Unanswered(refusal.message.clone()), refusal.message)
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
        Verdict::Failed(refusal) => doubt(job, Cause::Failed(refusal.clone()), refusal.message),
        Verdict::Stale(refusal) => doubt(job, Cause::Stale(refusal.clone()), refusal.message),
        Verdict::InDoubt(words) => doubt(job, Cause::Unanswered(words.clone()), words),
        // Nothing is wrong with the row; another one of its batch is refused meanwhile.
        Verdict::RolledBack => {
            tally.retried += 1;
            job.row.attempts -= 1;
            settlement.jobs.push((now, job));
            return Step::NotSent;
        }
        Verdict::NotDone(asked) | Verdict::Throttled(asked) => {
            job.tries += 1;
            // While the target answers nobody, it is not the row's fault; the retry budget ends that.
            if job.tries >= shared.options.max_attempts && shared.gives_answers() && !shared.is_ending() {
                tally.refused += 1;
                let message = format!("the target put the row off {} times, and took others", job.tries);
                return Step::Outcome(Outcome::Refused(Refusal {
                    status: 0,
                    code: "gave-up".to_owned(),
                    message,
                }));
            }
            tally.retried += 1;
            settlement.jobs.push((now + shared.pause_for(job.tries), job));
            Outcome::NotDone(asked)
        }
    })
}

/// The row is done, or done but for what stays as somebody else set it.
pub(super) fn accepted(receipt: Receipt, kept: String) -> Step {
    if kept.is_empty() {
        return Step::Outcome(Outcome::Accepted(receipt));
    }
    Step::Partly { receipt, code: "kept-theirs".to_owned(), message: kept }
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
    /// Reports what is written by now.
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
