//! What answers to writes say of rows and of the target's health.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::DeliveryEnd;
use super::backlog::Job;
use super::lane::Lane;
use super::shared::{Shared, Traffic};
use crate::connector::Verdict;
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
        verdict => verdict,
    };
    match &verdict {
        Verdict::NotDone(asked) => pause_lane(shared, lane, reply.status, *asked),
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

/// What the answer to a batch says.
pub(super) enum BatchAnswer {
    /// What became of each row, in their order.
    Parts(Vec<Verdict>),
    /// The target refused the batch as a whole, so that nothing of it was carried out.
    NoneDone,
    /// The target takes no batches of this size; nothing of it was carried out.
    TooLarge,
    /// The target takes no batches.
    NoBatches,
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
        200..=299 => {
            let rows: Vec<_> = jobs.iter().map(|job| (job.row.id, job.row.action)).collect();
            let now = SystemTime::now();
            let pause = |headers: &[(String, String)]| {
                let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                longest_pause(pairs, now)
            };
            let verdicts = shared.target.connector.read_batch(&rows, &reply.body, &pause);
            judge_parts(shared, lane, &verdicts);
            BatchAnswer::Parts(verdicts)
        }
        404 | 405 if shared.batches_work.load(Ordering::Relaxed) => {
            // Batches have worked before, so the way to them is gone for a while.
            pause_lane(shared, lane, reply.status, reply.retry_after());
            all(Verdict::NotDone(reply.retry_after()))
        }
        404 | 405 | 501 => BatchAnswer::NoBatches,
        413 => {
            shared.answered(Traffic::Writes);
            BatchAnswer::TooLarge
        }
        // The batch cannot be read, or was rolled back for one of its rows.
        400 | 422 | 424 => {
            shared.answered(Traffic::Writes);
            BatchAnswer::NoneDone
        }
        409 | 412 if shared.target.connector.has_own_words(&reply.body) => {
            shared.answered(Traffic::Writes);
            BatchAnswer::NoneDone
        }
        status @ (401 | 403 | 407) => {
            let words = format!("a page that is not the target's forbids the batch ({status})");
            shared.finish_with(DeliveryEnd::NotAuthenticated, &words);
            all(Verdict::InDoubt(words))
        }
        429 => {
            pause_lane(shared, lane, 429, reply.retry_after());
            all(Verdict::NotDone(reply.retry_after()))
        }
        status => {
            let words = format!("the target answered the batch with {status}");
            shared.failed(lane, Traffic::Writes, reply.retry_after(), &words);
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
    if asked.is_some() {
        lane.slow_down();
    }
    match asked {
        _ if is_useful => {
            shared.answered(Traffic::Writes);
            shared.batches_work.store(true, Ordering::Relaxed);
            if let Some(asked) = asked.filter(|asked| !asked.is_zero()) {
                pause_lane(shared, lane, 429, Some(asked));
            }
        }
        Some(asked) => {
            pause_lane(shared, lane, 429, Some(asked).filter(|asked| !asked.is_zero()));
        }
        None => {
            shared.failed(lane, Traffic::Writes, None, "the batch's answer says nothing of its rows");
        }
    }
}

fn pause_lane(shared: &Shared, lane: &Lane, status: u16, asked: Option<Duration>) {
    shared.throttled.fetch_add(u64::from(status == 429), Ordering::Relaxed);
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
