//! One operation at the books, and what a race makes of it.
//!
//! Promises: every write is counted, whatever becomes of it; what a race swallows is answered as if it had worked.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Instant;

use rusqlite::Connection;

use super::ask::Ask;
use super::desk::Desk;
use super::figures::server_offset;
use super::keys::{self, Credentials};
use super::racing::Mishap;
use super::refusal::Refusal;
use super::routes::{Route, Target, Work};
use crate::sandbox::call::Answer;
use crate::sandbox::server::{Server, gateway};

/// What one request asks the books to do.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) route: Route,
    pub(super) credentials: Credentials,
    /// The request, or why it could not be read, which is told only to those with a credential.
    pub(super) ask: Result<Ask, Refusal>,
    pub(super) arrived: Instant,
}

/// Carries the job out in a turn of its own. Blocks.
pub(super) fn perform(server: &Server, job: &Job, mishap: Mishap, unseen_numbers: &[String]) -> Answer {
    let work = |turn: &crate::sandbox::books::Turn<'_>| {
        if job.arrived.elapsed() > server.time_limit {
            // Whoever stands before it has given up, and with it what the server was about to do.
            return Ok(gateway());
        }
        let desk = Desk { mishap, unseen_numbers, ..server.bigcapital.desk(turn.connection) };
        Ok(decide(server, &desk, job))
    };
    let outcome = if job.route.is_read() { server.store.read(work) } else { server.store.write(work) };
    outcome.unwrap_or_else(|_| Refusal::server().into_answer())
}

fn decide(server: &Server, desk: &Desk<'_>, job: &Job) -> Answer {
    let outcome = admitted(server, desk, job);
    if job.route.is_write() {
        let kind = if outcome.is_ok() { "carried_out" } else { "refused" };
        // A count that cannot be kept must not change the answer.
        let _ = note(desk.connection, kind);
    }
    outcome.unwrap_or_else(Refusal::into_answer)
}

fn admitted(server: &Server, desk: &Desk<'_>, job: &Job) -> Result<Answer, Refusal> {
    let tokens = &server.bigcapital.tokens;
    if matches!(job.route.target, Target::SignIn) {
        return keys::sign_in(desk, tokens, job.ask.as_ref().map_err(Refusal::clone)?);
    }
    keys::admit(desk, tokens, &job.credentials)?;
    let ask = job.ask.as_ref().map_err(Refusal::clone)?;
    match job.route.target {
        Target::Write(work) => change(desk, ask, work),
        Target::Read(work) | Target::WriteEach(work) => work(desk, ask),
        Target::SignIn => Err(Refusal::unauthorized()),
    }
}

/// Carries out a change; it is undone when it fails, or when a race has it.
fn change(desk: &Desk<'_>, ask: &Ask, work: Work) -> Result<Answer, Refusal> {
    desk.connection.prepare_cached("SAVEPOINT big_change")?.execute([])?;
    let outcome = work(desk, ask);
    let mishap = if desk.has_posted.get() && outcome.is_ok() { desk.mishap } else { Mishap::None };
    if outcome.is_err() || matches!(mishap, Mishap::Swallowed | Mishap::Deadlock) {
        desk.connection.prepare_cached("ROLLBACK TO big_change")?.execute([])?;
    }
    desk.connection.prepare_cached("RELEASE big_change")?.execute([])?;
    match mishap {
        Mishap::None => outcome,
        Mishap::Swallowed | Mishap::Unposted => {
            desk.keep_ids()?;
            note(desk.connection, "swallowed")?;
            outcome
        }
        Mishap::Deadlock => {
            desk.keep_ids()?;
            note(desk.connection, "deadlocked")?;
            Err(Refusal::server())
        }
    }
}

/// Counts one write request under `kind`.
pub(super) fn note(connection: &Connection, kind: &str) -> rusqlite::Result<()> {
    let sql = "UPDATE big_write_requests SET operations = operations + 1 WHERE kind = ?1";
    connection.prepare_cached(sql)?.execute([kind]).map(|_| ())
}

impl<'a> Desk<'a> {
    /// A desk at which nobody else works, with the server's clock `hours` from UTC.
    pub(super) fn new(connection: &'a Connection, hours: i8, strict: bool) -> Self {
        Self {
            connection,
            offset: server_offset(hours),
            strict,
            mishap: Mishap::None,
            unseen_numbers: &[],
            has_posted: Cell::new(false),
            given: RefCell::new(BTreeMap::new()),
        }
    }
}
