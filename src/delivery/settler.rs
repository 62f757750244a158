//! Settles rows in doubt: looks them up, has them judged, and sends back what was not carried out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::in_words;
use super::backlog::Job;
use super::doubt::{Cause, Doubt, operation};
use super::judgement::{GONE, Judge, Judgement};
use super::lane::Lane;
use super::lines::reserve_lines;
use super::outcome::{Tally, accepted};
use super::place::what_to_look_at;
use super::posting::{Absence, Noted};
use super::shared::{Settlement, Shared, Traffic, unix_now};
use super::{DeliveryEnd, DeliveryError};
use crate::connector::Request;
use crate::connector::{Found, Identity, differences, highest_line_of};
use crate::domain::{Action, Outcome, Receipt, Refusal, State};
use crate::ledger::{Counters, Ledger, LedgerError, OpenRow, Step};
use crate::transport::{ApiReply, TransportError};

/// Rows taken for lookups at a time: two or three requests.
const LOOKUP_ROWS: usize = 100;

/// How long the other writer of a taken key gets to show his record, before the second look.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// How often that pause doubles from look to look: up to half a minute.
const LONGEST_DOUBLINGS: u32 = 6;

/// The pages that one lookup may have.
const PAGES: usize = 50;

/// What the answer to a lookup is good for.
pub(super) enum Answer {
    /// Every record that matches.
    Found(Vec<Found>),
    /// Too long, or more than one page: ask for fewer rows.
    TooMuch,
    /// Ask again after this pause.
    Later(Duration),
    /// The target will never answer this.
    Never(String),
    /// The credential may not read this.
    NotPermitted(String),
}

/// Takes doubts from the backlog and looks them up until there are none.
pub(super) async fn settle(shared: Arc<Shared>) -> Result<(), DeliveryError> {
    while let Some(doubts) = shared.backlog.take_doubts(LOOKUP_ROWS).await {
        let mut groups = vec![doubts];
        while let Some(mut group) = groups.pop() {
            let operations: Vec<_> = group.iter().map(|doubt| operation(&doubt.row)).collect();
            for lookup in shared.target.connector.lookups(&operations) {
                let mut asked: Vec<_> =
                    group.extract_if(.., |doubt| lookup.rows.contains(&doubt.row.id)).collect();
                // What is absent was so when it was asked for; the last page of an answer may come much later.
                let looked = Instant::now();
                match ask(&shared, lookup.request).await {
                    Answer::TooMuch if asked.len() > 1 => {
                        let half = asked.split_off(asked.len() / 2);
                        groups.extend([asked, half]);
                    }
                    answer => record(&shared, asked, (answer, looked)).await?,
                }
            }
        }
    }
    Ok(())
}

/// Asks for every page of a lookup's answer.
pub(super) async fn ask(shared: &Shared, request: Request) -> Answer {
    let lane = shared.lane_for_lookup();
    let mut all = Vec::new();
    let mut request = request;
    for _ in 0..PAGES {
        let slot = shared.slot(lane).await;
        if !may_leave(shared, lane, &request).await {
            return Answer::Later(Duration::ZERO);
        }
        let asked = request.path.clone();
        let reply = shared.exchange(lane, request).await;
        drop(slot);
        match read_answer(shared, lane, &asked, reply) {
            Page::Found(found, next) => {
                all.extend(found);
                match next {
                    Some(link) => request = shared.target.connector.next_page(link),
                    None => return Answer::Found(all),
                }
            }
            Page::Other(answer) => return answer,
        }
    }
    Answer::TooMuch
}

/// Asks for one page, by someone who holds one of the lane's slots.
pub(super) async fn ask_at_once(shared: &Shared, lane: &Lane, request: Request) -> Answer {
    if !may_leave(shared, lane, &request).await {
        return Answer::Later(Duration::ZERO);
    }
    let asked = request.path.clone();
    let reply = shared.exchange(lane, request).await;
    match read_answer(shared, lane, &asked, reply) {
        Page::Found(found, None) => Answer::Found(found),
        Page::Found(_, Some(_)) => Answer::TooMuch,
        Page::Other(answer) => answer,
    }
}

/// Waits until a lookup may leave; false when nothing may be sent any more.
async fn may_leave(shared: &Shared, lane: &Lane, request: &Request) -> bool {
    let route = shared.target.connector.route(request);
    while let Some(grant) = shared.admit(lane, &route, (1, 1)).await {
        if lane.leave(&grant, 1) {
            return true;
        }
    }
    false
}

/// One page of the answer, or why there is none.
enum Page {
    Found(Vec<Found>, Option<String>),
    Other(Answer),
}

fn read_answer(shared: &Shared, lane: &Lane, asked: &str, reply: Result<ApiReply, TransportError>) -> Page {
    Page::Other(match reply {
        Ok(reply) => match read_reply(shared, lane, asked, &reply) {
            Ok(page) => return page,
            Err(answer) => answer,
        },
        Err(failure) if failure.is_passing() => {
            Answer::Later(shared.failed(lane, Traffic::Lookups, None, &in_words(&failure)))
        }
        Err(failure @ TransportError::NotPermitted { .. }) => Answer::NotPermitted(in_words(&failure)),
        Err(failure @ TransportError::NotAuthenticated { .. }) => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, &in_words(&failure));
            Answer::Later(Duration::ZERO)
        }
        Err(failure) => {
            shared.fail(failure);
            Answer::Later(Duration::ZERO)
        }
    })
}

fn read_reply(shared: &Shared, lane: &Lane, asked: &str, reply: &ApiReply) -> Result<Page, Answer> {
    let words = format!("the target answered a lookup with {}", reply.status);
    let later = || Answer::Later(shared.failed(lane, Traffic::Lookups, reply.retry_after(), &words));
    match reply.status {
        200 => match shared.target.connector.read_found(asked, &reply.body) {
            Some((found, next)) => {
                shared.answered(Traffic::Lookups);
                Ok(Page::Found(found, next))
            }
            // A proxy's page, or a torn answer.
            None => Err(later()),
        },
        status if shared.target.connector.is_absence(status, &reply.body) => {
            shared.answered(Traffic::Lookups);
            Ok(Page::Found(Vec::new(), None))
        }
        413 | 414 => Err(Answer::TooMuch),
        // What is not the target's own word is a proxy's, and says nothing of the record.
        408 | 429 | 500..=599 => Err(later()),
        _ if !shared.target.connector.has_own_words(&reply.body) => Err(later()),
        _ => Err(Answer::Never(words)),
    }
}

async fn record(
    shared: &Shared,
    asked: Vec<Doubt>,
    (answer, looked): (Answer, Instant),
) -> Result<(), DeliveryError> {
    let mut settlement = Settlement { handed: asked.len(), ..Settlement::default() };
    let mut tally = Tally::default();
    match answer {
        Answer::Found(found) => {
            let mut postings = Noted::default();
            for doubt in asked {
                let judgement = judge_among(shared, &doubt, &found, looked);
                let judgement = double_check(shared, &doubt, (judgement, &found), &mut postings).await?;
                carry_out(shared, doubt, judgement, (&mut settlement, &mut tally)).await?;
            }
        }
        Answer::Later(pause) => {
            let again = Instant::now() + pause;
            settlement.doubts.extend(asked.into_iter().map(|doubt| (again, doubt)));
        }
        Answer::TooMuch => {
            leave(
                shared,
                asked,
                "the target's answer to the lookup cannot be read",
                (&mut settlement, &mut tally),
            );
        }
        Answer::Never(words) => leave(shared, asked, &words, (&mut settlement, &mut tally)),
        Answer::NotPermitted(words) => {
            shared.finish_with(DeliveryEnd::NotAuthenticated, &words);
            settlement.doubts.extend(asked.into_iter().map(|doubt| (Instant::now(), doubt)));
        }
    }
    settlement.jobs.iter_mut().for_each(|(_, job)| job.is_counted = true);
    shared.settle_up(settlement)?.await?;
    tally.tell(shared);
    Ok(())
}

fn judge_among(shared: &Shared, doubt: &Doubt, found: &[Found], looked: Instant) -> Judgement {
    let connector = shared.target.connector.as_ref();
    let identity = connector.identity(&operation(&doubt.row));
    let ours: Vec<_> = found.iter().filter(|found| identity.matches(found)).collect();
    let judge = Judge {
        connector,
        on_conflict: shared.options.on_conflict.unwrap_or_default(),
        is_believable: looked >= doubt.believable,
    };
    judge.judge(doubt, &ours)
}

/// What a lookup alone cannot see.
async fn double_check(
    shared: &Shared,
    doubt: &Doubt,
    (judgement, found): (Judgement, &[Found]),
    postings: &mut Noted,
) -> Result<Judgement, DeliveryError> {
    let connector = &shared.target.connector;
    let is_create = doubt.row.action == Action::Create;
    match judgement {
        Judgement::Accepted(receipt)
            if is_create
                && matches!(
                    connector.identity(&operation(&doubt.row)),
                    Identity::Fields(_) | Identity::Name { .. }
                ) =>
        {
            Ok(match whose(shared, doubt, &receipt, found).await? {
                Whose::Ours => Judgement::Accepted(receipt),
                Whose::Anothers => Judgement::Person(
                    "the only record that looks like the one that was sent is another row's".to_owned(),
                ),
                Whose::MaybeAnothers => Judgement::LookSoon,
            })
        }
        judgement if connector.has_lines() && rests_on_absence(doubt, &judgement) => {
            Ok(match postings.absence_of(shared, doubt).await? {
                Absence::Certain => judgement,
                // Lookups are answered meanwhile, so that nothing else would ever end this.
                Absence::Unknown if doubt.believable.elapsed() > shared.options.retry_budget => {
                    Judgement::Person(
                        "it is not in the journal, and the target does not tell whether it was posted; look for it \
                         among the posted ones"
                            .to_owned(),
                    )
                }
                Absence::Unknown => Judgement::LookAgain,
                Absence::ForAPerson(words) => Judgement::Person(words.to_owned()),
            })
        }
        judgement => Ok(judgement),
    }
}

/// Whose record it is that a row without a name of its own was found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Anothers,
    /// A row that is on its way would be found by it as well.
    MaybeAnothers,
}

async fn whose(
    shared: &Shared,
    doubt: &Doubt,
    receipt: &Receipt,
    found: &[Found],
) -> Result<Whose, DeliveryError> {
    // What has been answered is in the ledger then.
    shared.ledger.ask_soon(Vec::new(), unix_now(), Counters::default())?.await?;
    let (row, id, key) = (doubt.row.id, receipt.remote_id.clone(), receipt.key.clone());
    let ask = move |ledger: Ledger| {
        Ok((ledger.is_anothers(row, &id, &key)?, ledger.open_rows(State::Sending, 0, usize::MAX)?))
    };
    let (is_anothers, on_their_way) = ask_ledger(shared, ask).await?;
    let record = found.iter().find(|found| found.receipt.remote_id == receipt.remote_id);
    let may_have_made_it = |other: &OpenRow| {
        let looks_like = |record: &Found| {
            let changes = differences(shared.target.connector.entity(), &other.payload, &record.record);
            changes.is_ok_and(|changes| changes.is_empty())
        };
        other.id != row && other.action == Action::Create && record.is_some_and(looks_like)
    };
    Ok(match is_anothers {
        true => Whose::Anothers,
        false if on_their_way.iter().any(may_have_made_it) => Whose::MaybeAnothers,
        false => Whose::Ours,
    })
}

/// Whether the judgement is only right when the payment was not posted.
fn rests_on_absence(doubt: &Doubt, judgement: &Judgement) -> bool {
    match (doubt.row.action, judgement) {
        (Action::Create, Judgement::Resend(_) | Judgement::Move) => !doubt.is_first_refused(),
        // A delete is accepted by a lookup only when the payment is gone.
        (Action::Delete, Judgement::Accepted(_)) => true,
        (Action::Update, Judgement::Conflict(refusal)) => refusal.code == GONE && !doubt.is_first_refused(),
        _ => false,
    }
}

/// Reads the ledger beside its writer, off the async threads.
pub(super) async fn ask_ledger<T: Send + 'static>(
    shared: &Shared,
    ask: impl FnOnce(Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, DeliveryError> {
    let path = shared.ledger.path().to_owned();
    Ok(tokio::task::spawn_blocking(move || ask(Ledger::open(&path)?)).await??)
}

/// Leaves rows in doubt for a person, with the reason and with what to look at.
fn leave(
    shared: &Shared,
    asked: Vec<Doubt>,
    words: &str,
    (settlement, tally): (&mut Settlement, &mut Tally),
) {
    let journal = shared.journal.get().map_or("", String::as_str);
    for Doubt { row, .. } in asked {
        tally.left += 1;
        let place = what_to_look_at(shared.target.connector.kind(), &row, journal);
        settlement.steps.push((row.id, Step::Outcome(Outcome::InDoubt(format!("{words}; look at {place}")))));
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
            // A yes that only had to be confirmed was no trouble.
            tally.settled += usize::from(doubt.cause != Cause::Unconfirmed);
            tally.accepted += 1;
            settlement.steps.push((id, accepted(receipt, doubt.kept)));
            return Ok(());
        }
        Judgement::AcceptedPart(receipt, kept) => {
            (tally.accepted, tally.settled) = (tally.accepted + 1, tally.settled + 1);
            settlement.steps.push((id, accepted(receipt, kept)));
            return Ok(());
        }
        Judgement::Conflict(refusal) => {
            (tally.conflicts, tally.settled) = (tally.conflicts + 1, tally.settled + 1);
            Outcome::Conflict(refusal)
        }
        Judgement::Refused(refusal) => {
            (tally.refused, tally.settled) = (tally.refused + 1, tally.settled + 1);
            Outcome::Refused(refusal)
        }
        Judgement::Resend(_) | Judgement::ResendPart(_) | Judgement::Move
            if doubt.row.attempts >= shared.options.max_attempts =>
        {
            (tally.refused, tally.settled) = (tally.refused + 1, tally.settled + 1);
            Outcome::Refused(gave_up(&doubt))
        }
        Judgement::Resend(etag) => {
            (tally.retried, tally.settled) = (tally.retried + 1, tally.settled + 1);
            doubt.row.etag = etag.or(doubt.row.etag);
            if doubt.row.action == Action::Create {
                // The record that had this id is not there; the next one has another.
                doubt.row.remote_id = None;
            }
            settlement.jobs.push((now, Job { kept: doubt.kept, ..Job::new(doubt.row) }));
            Outcome::NotDone(None)
        }
        Judgement::ResendPart(part) => {
            (tally.retried, tally.settled) = (tally.retried + 1, tally.settled + 1);
            (doubt.row.payload, doubt.row.changes) = (part.payload, part.changes);
            doubt.row.etag = part.etag.or(doubt.row.etag);
            settlement.jobs.push((now, Job { kept: part.kept, ..Job::new(doubt.row) }));
            Outcome::NotDone(None)
        }
        Judgement::Skip(refusal) => {
            tally.settled += 1;
            let Refusal { code, message, .. } = refusal;
            let steps = [Step::Outcome(Outcome::NotDone(None)), Step::Skip { code, message }];
            settlement.steps.extend(steps.map(|step| (id, step)));
            return Ok(());
        }
        Judgement::Move => {
            let Some(line) = fresh_line(shared).await? else {
                let words = "the payment's line is taken and no other could be found";
                leave(shared, vec![doubt], words, (settlement, tally));
                return Ok(());
            };
            (tally.retried, tally.settled) = (tally.retried + 1, tally.settled + 1);
            settlement.steps.push((id, Step::Move(line)));
            doubt.row.line_number = Some(line);
            settlement.jobs.push((now, Job { kept: doubt.kept, ..Job::new(doubt.row) }));
            return Ok(());
        }
        judgement @ (Judgement::LookAgain | Judgement::LookSoon) => {
            let pause = SECOND_LOOK.min(shared.options.settle) * (1 << doubt.looks.min(LONGEST_DOUBLINGS));
            let is_soon = judgement == Judgement::LookSoon;
            let again = match doubt.cause {
                Cause::KeyTaken(_) | Cause::Failed(_) => now + pause,
                _ if is_soon => now + pause,
                _ => doubt.believable.max(now + pause),
            };
            doubt.looks += 1;
            settlement.doubts.push((again, doubt));
            return Ok(());
        }
        Judgement::Person(words) => {
            leave(shared, vec![doubt], &words, (settlement, tally));
            return Ok(());
        }
    };
    settlement.steps.push((id, Step::Outcome(outcome)));
    Ok(())
}

fn gave_up(doubt: &Doubt) -> Refusal {
    let words = match &doubt.cause {
        Cause::Unanswered(words) => words.clone(),
        Cause::KeyTaken(refusal) | Cause::Stale(refusal) | Cause::Failed(refusal) => refusal.message.clone(),
        Cause::Unconfirmed => "the target accepted it, and the record was not there".to_owned(),
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
    loop {
        let request = shared.target.connector.highest_line()?;
        match ask(shared, request).await {
            Answer::Found(found) => return highest_line_of(&found),
            Answer::Later(_) if !shared.is_ending() => {}
            _ => return None,
        }
    }
}
