//! Settles rows in doubt: looks them up, has them judged, and sends back what was not carried out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::in_words;
use super::backlog::Job;
use super::doubt::{Cause, Doubt, Judgement, judge, operation};
use super::lane::Lane;
use super::lines::reserve_lines;
use super::outcome::Tally;
use super::shared::{Settlement, Shared};
use super::{DeliveryEnd, DeliveryError};
use crate::connector::Operation;
use crate::connector::business_central::{Found, Identity, read_found, read_highest_line};
use crate::domain::{Action, EntityKind, Outcome, Refusal};
use crate::ledger::{Ledger, LedgerError, Step};
use crate::transport::{ApiReply, TransportError};

/// Rows taken for lookups at a time: two or three requests.
const LOOKUP_ROWS: usize = 100;

/// How long the other writer of a taken key gets to show his record, before the second look.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// What the answer to a lookup is good for.
enum Answer {
    /// Every record that matches.
    Found(Vec<Found>),
    /// Too long, or more than one page: ask for fewer rows.
    TooMuch,
    /// Ask again after this pause.
    Later(Duration),
    /// The target will never answer this.
    Never(String),
}

/// Takes doubts from the backlog and looks them up until there are none.
pub(super) async fn settle(shared: Arc<Shared>) -> Result<(), DeliveryError> {
    // A lookup may go with any credential; the first one always exists.
    let lane = &shared.lanes[0];
    while let Some(doubts) = shared.backlog.take_doubts(LOOKUP_ROWS).await {
        let mut groups = vec![doubts];
        while let Some(mut group) = groups.pop() {
            let operations: Vec<_> = group.iter().map(|doubt| operation(&doubt.row)).collect();
            for lookup in shared.target.connector.lookups(&operations) {
                let mut asked: Vec<_> =
                    group.extract_if(.., |doubt| lookup.rows.contains(&doubt.row.id)).collect();
                let slot = shared.slot(lane).await;
                if shared.admit(lane, 1, 1).await.is_none() {
                    shared.backlog.put(asked.len(), Vec::new(), Vec::new());
                    continue;
                }
                let reply = shared.exchange(lane, lookup.request).await;
                drop(slot);
                match read_answer(&shared, lane, reply) {
                    Answer::TooMuch if asked.len() > 1 => {
                        let half = asked.split_off(asked.len() / 2);
                        groups.extend([asked, half]);
                    }
                    answer => record(&shared, asked, answer).await?,
                }
            }
        }
    }
    Ok(())
}

fn read_answer(shared: &Shared, lane: &Lane, reply: Result<ApiReply, TransportError>) -> Answer {
    let reply = match reply {
        Ok(reply) => reply,
        Err(failure) if failure.is_passing() => {
            return Answer::Later(shared.failed(lane, None, &in_words(&failure)));
        }
        Err(failure @ (TransportError::NotAuthenticated { .. } | TransportError::NotPermitted { .. })) => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, &in_words(&failure));
            return Answer::Later(Duration::ZERO);
        }
        Err(failure) => {
            shared.fail(failure);
            return Answer::Later(Duration::ZERO);
        }
    };
    match reply.status {
        200 => match read_found(&reply.body) {
            Some(found) => {
                shared.answered();
                Answer::Found(found)
            }
            None => Answer::TooMuch,
        },
        413 | 414 => Answer::TooMuch,
        408 | 429 | 500..=599 => {
            let words = format!("the target answered a lookup with {}", reply.status);
            Answer::Later(shared.failed(lane, reply.retry_after(), &words))
        }
        status => Answer::Never(format!("the target answered the lookup with {status}")),
    }
}

async fn record(shared: &Shared, asked: Vec<Doubt>, answer: Answer) -> Result<(), DeliveryError> {
    let mut settlement = Settlement { handed: asked.len(), ..Settlement::default() };
    let mut tally = Tally::default();
    match answer {
        Answer::Found(found) => {
            let now = Instant::now();
            let mut presence = None;
            for doubt in asked {
                let judgement = judge_among(shared, &doubt, &found, now);
                let judgement = double_check(shared, &doubt, judgement, &mut presence).await?;
                carry_out(shared, doubt, judgement, (&mut settlement, &mut tally)).await?;
            }
        }
        Answer::Later(pause) => {
            let again = Instant::now() + pause;
            settlement.doubts.extend(asked.into_iter().map(|doubt| (again, doubt)));
        }
        Answer::TooMuch => {
            leave(asked, "the target's answer to the lookup cannot be read", (&mut settlement, &mut tally));
        }
        Answer::Never(words) => leave(asked, &words, (&mut settlement, &mut tally)),
    }
    shared.settle_up(settlement)?.await?;
    tally.tell(shared);
    Ok(())
}

fn judge_among(shared: &Shared, doubt: &Doubt, found: &[Found], now: Instant) -> Judgement {
    let connector = &shared.target.connector;
    let identity = connector.identity(&operation(&doubt.row));
    let ours: Vec<_> = found.iter().filter(|found| identity.matches(found)).collect();
    judge(connector, doubt, &ours, now >= doubt.believable)
}

/// What a lookup alone cannot see.
async fn double_check(
    shared: &Shared,
    doubt: &Doubt,
    judgement: Judgement,
    presence: &mut Option<Presence>,
) -> Result<Judgement, DeliveryError> {
    let connector = &shared.target.connector;
    let is_create = doubt.row.action == Action::Create;
    match judgement {
        Judgement::Accepted(receipt)
            if is_create && matches!(connector.identity(&operation(&doubt.row)), Identity::Fields(_)) =>
        {
            let (row, id, key) = (doubt.row.id, receipt.remote_id.clone(), receipt.key.clone());
            if ask_ledger(shared, move |ledger| ledger.is_anothers(row, &id, &key)).await? {
                let words = "the only record that looks like the one that was sent is another row's";
                return Ok(Judgement::Person(words.to_owned()));
            }
            Ok(Judgement::Accepted(receipt))
        }
        Judgement::Resend(etag) if is_create && connector.kind() == EntityKind::Payments => {
            let known = match presence {
                Some(known) => known,
                None => presence.insert(look_for_witness(shared).await?),
            };
            Ok(match known {
                Presence::There => Judgement::Resend(etag),
                Presence::Gone => Judgement::Person(
                    "the journal was posted or emptied since; look for the payment among the posted ones"
                        .to_owned(),
                ),
                Presence::Unknown => Judgement::LookAgain,
            })
        }
        judgement => Ok(judgement),
    }
}

/// Whether the run's first payment still stands in the journal.
#[derive(Clone, Copy)]
enum Presence {
    There,
    Gone,
    Unknown,
}

/// Posting takes every line out of a journal, so a payment that cannot be found may have been posted meanwhile.
/// The run's first payment tells: while it is there, nothing was posted since.
async fn look_for_witness(shared: &Shared) -> Result<Presence, DeliveryError> {
    let Some(id) = witness(shared).await? else { return Ok(Presence::There) };
    let by_id = Operation {
        row: 0,
        action: Action::Update,
        payload: "{}",
        remote_id: Some(&id),
        etag: None,
        line_number: None,
    };
    let lane = &shared.lanes[0];
    let Some(lookup) = shared.target.connector.lookups(&[by_id]).pop() else { return Ok(Presence::Unknown) };
    let _slot = shared.slot(lane).await;
    if shared.admit(lane, 1, 1).await.is_none() {
        return Ok(Presence::Unknown);
    }
    let reply = shared.exchange(lane, lookup.request).await;
    Ok(match read_answer(shared, lane, reply) {
        Answer::Found(found) if found.is_empty() => Presence::Gone,
        Answer::Found(_) => Presence::There,
        Answer::Never(_) => Presence::Gone,
        Answer::TooMuch | Answer::Later(_) => Presence::Unknown,
    })
}

/// The target's id of the run's first payment; `None` while none has arrived.
async fn witness(shared: &Shared) -> Result<Option<String>, DeliveryError> {
    let mut witness = shared.witness.lock().await;
    if witness.is_none() {
        *witness = ask_ledger(shared, |ledger| ledger.first_done()).await?;
    }
    Ok(witness.clone())
}

/// Whether a posted journal would show by now. Customers are never posted.
pub(super) async fn has_witness(shared: &Shared) -> Result<bool, DeliveryError> {
    Ok(shared.target.connector.kind() == EntityKind::Customers || witness(shared).await?.is_some())
}

/// Reads the ledger beside its writer, off the async threads.
async fn ask_ledger<T: Send + 'static>(
    shared: &Shared,
    ask: impl FnOnce(Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, DeliveryError> {
    let path = shared.ledger.path().to_owned();
    Ok(tokio::task::spawn_blocking(move || ask(Ledger::open(&path)?)).await??)
}

/// Leaves rows in doubt for a person, with the reason.
fn leave(asked: Vec<Doubt>, words: &str, (settlement, tally): (&mut Settlement, &mut Tally)) {
    for doubt in asked {
        tally.left += 1;
        settlement.steps.push((doubt.row.id, Step::Outcome(Outcome::InDoubt(words.to_owned()))));
    }
}

async fn carry_out(
    shared: &Shared,
    mut doubt: Doubt,
    judgement: Judgement,
    (settlement, tally): (&mut Settlement, &mut Tally),
) -> Result<(), DeliveryError> {
    let id = doubt.row.id;
    let now = Instant::now();
    let outcome = match judgement {
        Judgement::Accepted(receipt) => {
            (tally.accepted, tally.settled) = (tally.accepted + 1, tally.settled + 1);
            Outcome::Accepted(receipt)
        }
        Judgement::Conflict(refusal) => {
            (tally.conflicts, tally.settled) = (tally.conflicts + 1, tally.settled + 1);
            Outcome::Conflict(refusal)
        }
        Judgement::Refused(refusal) => {
            (tally.refused, tally.settled) = (tally.refused + 1, tally.settled + 1);
            Outcome::Refused(refusal)
        }
        Judgement::Resend(_) | Judgement::Move if doubt.row.attempts >= shared.options.max_attempts => {
            (tally.refused, tally.settled) = (tally.refused + 1, tally.settled + 1);
            Outcome::Refused(gave_up(&doubt))
        }
        Judgement::Resend(etag) => {
            (tally.retried, tally.settled) = (tally.retried + 1, tally.settled + 1);
            doubt.row.etag = etag.or(doubt.row.etag);
            settlement.jobs.push((now, Job { row: doubt.row, tries: 0 }));
            Outcome::NotDone(None)
        }
        Judgement::Move => {
            let Some(line) = fresh_line(shared).await? else {
                leave(
                    vec![doubt],
                    "the payment's line is taken and no other could be found",
                    (settlement, tally),
                );
                return Ok(());
            };
            (tally.retried, tally.settled) = (tally.retried + 1, tally.settled + 1);
            settlement.steps.push((id, Step::Move(line)));
            doubt.row.line_number = Some(line);
            settlement.jobs.push((now, Job { row: doubt.row, tries: 0 }));
            return Ok(());
        }
        Judgement::LookAgain => {
            let again = match doubt.cause {
                Cause::KeyTaken(_) => now + SECOND_LOOK,
                _ => doubt.believable.max(now + SECOND_LOOK.min(shared.options.settle)),
            };
            doubt.looks += 1;
            settlement.doubts.push((again, doubt));
            return Ok(());
        }
        Judgement::Person(words) => {
            leave(vec![doubt], &words, (settlement, tally));
            return Ok(());
        }
    };
    settlement.steps.push((id, Step::Outcome(outcome)));
    Ok(())
}

fn gave_up(doubt: &Doubt) -> Refusal {
    let words = match &doubt.cause {
        Cause::Unanswered(words) => words.clone(),
        Cause::KeyTaken(refusal) | Cause::Stale(refusal) => refusal.message.clone(),
    };
    let message = format!("sent {} times without effect; the last time: {words}", doubt.row.attempts);
    Refusal { status: 0, code: "gave-up".to_owned(), message }
}

/// A line above everything in the journal and everything this run has reserved; `None` when the target does not
/// say, or the journal is full.
async fn fresh_line(shared: &Shared) -> Result<Option<i64>, DeliveryError> {
    let mut next = shared.next_line.lock().await;
    if next.is_none() {
        let Some(there) = highest_in_journal(shared).await else { return Ok(None) };
        let ours = ask_ledger(shared, |ledger| ledger.highest_line()).await?;
        *next = reserve_lines([there, ours.unwrap_or(0)], 1).map(|(first, _)| first);
    }
    let line = *next;
    *next = line.and_then(|line| reserve_lines([line], 1)).map(|(following, _)| following);
    Ok(line)
}

async fn highest_in_journal(shared: &Shared) -> Option<i64> {
    let lane = &shared.lanes[0];
    loop {
        let _slot = shared.slot(lane).await;
        shared.admit(lane, 1, 1).await?;
        match shared.exchange(lane, shared.target.connector.highest_line()).await {
            Ok(reply) if reply.status == 200 => return read_highest_line(&reply.body),
            Ok(reply) if matches!(reply.status, 408 | 429 | 500..=599) => {
                let words = format!("the target answered a lookup with {}", reply.status);
                shared.failed(lane, reply.retry_after(), &words);
            }
            Err(failure) if failure.is_passing() => {
                shared.failed(lane, None, &in_words(&failure));
            }
            _ => return None,
        }
    }
}
