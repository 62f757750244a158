//! What answers to writes say of rows and of the target's health.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::DeliveryEnd;
use super::backlog::Job;
use super::doubt::operation;
use super::lane::Lane;
use super::shared::{Shared, Traffic};
use crate::connector::{Identity, Verdict};
use crate::domain::Refusal;
use crate::transport::{ApiReply, TransportError, longest_pause};

/// What the answer to a single request says of its row.
pub(super) fn judge_single(
    shared: &Shared,
    lane: &Lane,
    job: &Job,
    answer: Result<ApiReply, TransportError>,
) -> Verdict {
    let reply = match answer {
        Ok(reply) => reply,
        Err(failure) => return judge_failure(shared, lane, failure),
    };
    let (status, pause) = (reply.status, reply.retry_after());
    let verdict = match shared.target.connector.interpret(job.row.action, status, pause, &reply.body) {
        // Nothing else was sent that it could depend on.
        Verdict::RolledBack => Verdict::Refused(rolled_back_alone()),
        // A gateway reads answers too. Where a record cannot be found again by its key, its word is not enough.
        Verdict::NotDone(_) if !is_known_again(shared, job) && !has_own_words(shared, &reply) => {
            Verdict::InDoubt(format!("a page that is not the target's answered {status}"))
        }
        verdict => verdict,
    };
    match &verdict {
        Verdict::NotDone(asked) | Verdict::Throttled(asked) => pause_lane(shared, lane, reply.status, *asked),
        Verdict::InDoubt(words) if matches!(reply.status, 401 | 403 | 407) => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, words);
        }
        Verdict::InDoubt(words) => drop(shared.failed(lane, Traffic::Writes, reply.retry_after(), words)),
        _ => shared.answered(Traffic::Writes),
    }
    verdict
}

/// Why a row is refused that the target rolls back although it was sent alone.
pub(super) fn rolled_back_alone() -> Refusal {
    let message = "the target rolls the row back, although it was sent alone".to_owned();
    Refusal { status: 424, code: "rolled-back".to_owned(), message }
}

/// Whether the row's record has a name of its own, so that a second request for it would be noticed.
fn is_known_again(shared: &Shared, job: &Job) -> bool {
    let identity = shared.target.connector.identity(&operation(&job.row));
    matches!(identity, Identity::Id(_) | Identity::Number(_) | Identity::Line(_) | Identity::Document(_))
}

fn has_own_words(shared: &Shared, reply: &ApiReply) -> bool {
    shared.target.connector.has_own_words(&reply.body)
}

/// What the answer to a batch says.
pub(super) enum BatchAnswer {
    /// What became of each row, in their order.
    Parts(Vec<Verdict>),
    /// The batch was refused as a whole.
    Whole(Whole, Word),
}

/// Why a batch was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// It cannot be read, or was rolled back for one of its rows.
    NoneDone,
    /// The target takes no batches of this size.
    TooLarge,
    /// The target takes no batches.
    NoBatches,
}

/// Whose word it is that nothing of a batch was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The target's own, so that its rows were not tried.
    Own,
    /// A page's: most likely true, and the rows count as tried.
    Strangers,
}

/// What a batch's answer says of its rows.
pub(super) fn judge_batch(
    shared: &Shared,
    lane: &Lane,
    jobs: &[Job],
    answer: Result<ApiReply, TransportError>,
) -> BatchAnswer {
    let all = |verdict: Verdict| BatchAnswer::Parts(vec![verdict; jobs.len()]);
    let reply = match answer {
        Ok(reply) => reply,
        Err(failure) => return all(judge_failure(shared, lane, failure)),
    };
    match reply.status {
        200..=299 => BatchAnswer::Parts(read_parts(shared, lane, jobs, &reply)),
        status @ (401 | 403 | 407) => {
            let words = format!("a page that is not the target's forbids the batch ({status})");
            shared.finish_with(DeliveryEnd::NotAuthenticated, &words);
            all(Verdict::InDoubt(words))
        }
        429 => {
            pause_lane(shared, lane, 429, reply.retry_after());
            all(Verdict::Throttled(reply.retry_after()))
        }
        status => match refused_as_a_whole(shared, jobs, &reply) {
            // Batches have worked before, so the way to them is gone for a while.
            Some((Whole::NoBatches, _)) if shared.batches_work.load(Ordering::Relaxed) => {
                pause_lane(shared, lane, status, reply.retry_after());
                all(Verdict::NotDone(reply.retry_after()))
            }
            Some((whole, word)) => {
                shared.answered(Traffic::Writes);
                BatchAnswer::Whole(whole, word)
            }
            None => {
                // Whoever it was: until a batch has worked, nothing says that another one would find its way.
                if matches!(status, 404 | 405 | 501) {
                    let works = shared.batches_work.load(Ordering::Relaxed);
                    shared.batches.fetch_and(works, Ordering::Relaxed);
                }
                let words = format!("the target answered the batch with {status}");
                shared.failed(lane, Traffic::Writes, reply.retry_after(), &words);
                all(Verdict::InDoubt(words))
            }
        },
    }
}

/// Why nothing of the batch was carried out; `None` when the answer does not say that, or says it in words that are
/// not the target's: a gateway that reads answers may say it after the target has worked.
///
/// What a gateway says of the way to batches, and of their size, it says before it passes them on. That is believed
/// until a batch has worked, of rows whose records a second request would meet.
fn refused_as_a_whole(shared: &Shared, jobs: &[Job], reply: &ApiReply) -> Option<(Whole, Word)> {
    let whole = match reply.status {
        400 | 409 | 412 | 422 | 424 => Whole::NoneDone,
        404 | 405 | 501 => Whole::NoBatches,
        413 => Whole::TooLarge,
        _ => return None,
    };
    if has_own_words(shared, reply) {
        return Some((whole, Word::Own));
    }
    let is_likely = whole != Whole::NoneDone
        && !shared.batches_work.load(Ordering::Relaxed)
        && jobs.iter().all(|job| is_known_again(shared, job));
    is_likely.then_some((whole, Word::Strangers))
}

fn read_parts(shared: &Shared, lane: &Lane, jobs: &[Job], reply: &ApiReply) -> Vec<Verdict> {
    let rows: Vec<_> = jobs.iter().map(|job| (job.row.id, job.row.action)).collect();
    let now = SystemTime::now();
    let pause = |headers: &[(String, String)]| {
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        longest_pause(pairs, now)
    };
    let verdicts = shared.target.connector.read_batch(&rows, &reply.body, &pause);
    judge_parts(shared, lane, &verdicts);
    verdicts
}

/// A batch was useful when it settled a row; parts that were throttled pause the lane like a whole answer.
fn judge_parts(shared: &Shared, lane: &Lane, verdicts: &[Verdict]) {
    let asked = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::NotDone(asked) | Verdict::Throttled(asked) => Some(asked.unwrap_or_default()),
        _ => None,
    });
    let asked = asked.max();
    let is_throttled = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Throttled(_)));
    let is_useful = verdicts
        .iter()
        .any(|verdict| !matches!(verdict, Verdict::NotDone(_) | Verdict::Throttled(_) | Verdict::InDoubt(_)));
    if is_throttled {
        shared.count_throttled(lane);
    }
    if is_useful {
        shared.answered(Traffic::Writes);
        shared.batches_work.store(true, Ordering::Relaxed);
    }
    let words = match (asked, is_throttled) {
        (None, _) => "the batch's answer says nothing of its rows",
        (_, true) => "the target answered 429 again and again",
        (_, false) => "the target put off every row of a batch again and again",
    };
    let asked = asked.filter(|asked| !asked.is_zero());
    if !is_useful || asked.is_some() {
        shared.failed(lane, Traffic::Writes, asked, words);
    }
}

fn pause_lane(shared: &Shared, lane: &Lane, status: u16, asked: Option<Duration>) {
    shared.failed(lane, Traffic::Writes, asked, &format!("the target answered {status} again and again"));
}

fn judge_failure(shared: &Shared, lane: &Lane, failure: TransportError) -> Verdict {
    let words = in_words(&failure);
    match failure {
        TransportError::InDoubt { .. } => {
            shared.failed(lane, Traffic::Writes, None, &words);
            Verdict::InDoubt(words)
        }
        TransportError::NotSent { .. } | TransportError::TokenUnavailable { .. } => {
            shared.failed(lane, Traffic::Writes, None, &words);
            Verdict::NotDone(None)
        }
        TransportError::NotAuthenticated { .. } | TransportError::NotPermitted { .. } => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, &words);
            Verdict::NotDone(None)
        }
        other => {
            let verdict = if other.is_in_doubt() { Verdict::InDoubt(words) } else { Verdict::NotDone(None) };
            shared.fail(other);
            verdict
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
