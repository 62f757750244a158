//! Steps on their way into the tables: checked against the state of each row, synced together.
//!
//! Every statement names the states from which its step is legal, as [`next_state`] has them, so that checking and
//! writing a row is one look-up. Rows that follow each other and are about to leave are marked by one statement.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};

use super::sqlite::{add_counters, failed};
use super::{Counters, LedgerError, Step, next_state, rows};
use crate::domain::{Action, Outcome, Receipt, State};

/// Steps that reach the disk together.
pub(super) struct Group<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
}

impl<'a> Group<'a> {
    pub(super) fn new(transaction: Transaction<'a>, path: &'a Path) -> Self {
        Self { transaction, path }
    }

    /// Takes all of `steps`. After a failure the group is half done and must be dropped, which undoes it.
    pub(super) fn record(&mut self, steps: &[(i64, Step)], now: i64) -> Result<(), LedgerError> {
        let failed = |cause| failed(self.path, "record", cause);
        let mut statements = Statements::new(&self.transaction);
        let mut rest = steps;
        while let Some((row, step)) = rest.first() {
            let run = if *step == Step::Send { following(rest) } else { 1 };
            let taken = match step {
                Step::Send => statements.send(*row, run, now),
                step => statements.take(*row, step),
            };
            if taken.map_err(failed)? != run {
                return Err(self.refusal(&rest[..run]));
            }
            rest = &rest[run..];
        }
        Ok(())
    }

    /// Adds to what is counted.
    pub(super) fn add_counters(&mut self, more: Counters) -> Result<(), LedgerError> {
        if more == Counters::default() {
            return Ok(());
        }
        add_counters(&self.transaction, self.path, more)
    }

    /// Syncs the group to disk.
    pub(super) fn commit(self) -> Result<(), LedgerError> {
        let path = self.path;
        self.transaction.commit().map_err(|cause| failed(path, "commit", cause))
    }

    /// Why not all of these steps were taken. Those before the illegal one may have been, so it is looked for anew.
    fn refusal(&self, steps: &[(i64, Step)]) -> LedgerError {
        for (row, step) in steps {
            match state_of(&self.transaction, *row) {
                Err(cause) => return failed(self.path, "read a row's state", cause),
                Ok(None) => return LedgerError::NoSuchRow(*row),
                Ok(Some(state)) if next_state(state, step).is_none() => {
                    return LedgerError::IllegalStep { row: *row, state, step: step.word() };
                }
                Ok(Some(_)) => {}
            }
        }
        LedgerError::Damaged { path: self.path.to_owned(), place: "the progress of a row".to_owned() }
    }
}

/// How many of the steps are sends of rows that follow each other.
fn following(steps: &[(i64, Step)]) -> usize {
    let first = steps.first().map_or(0, |(row, _)| *row);
    (first..).zip(steps).take_while(|(id, (row, step))| row == id && *step == Step::Send).count()
}

fn state_of(connection: &Connection, row: i64) -> rusqlite::Result<Option<State>> {
    let known = connection
        .prepare_cached("SELECT state FROM progress WHERE id = ?1")?
        .query_row([row], |found| rows::state(found, 0))
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    connection
        .prepare_cached("SELECT action FROM rows WHERE id = ?1")?
        .query_row([row], |found| Ok(rows::action(found, 0)?.first_state()))
        .optional()
}

/// Marks rows of the plan, from the first id to the last, as being sent. A row that was being sent already renews its
/// intent, which is no new attempt.
static SEND: LazyLock<String> = LazyLock::new(|| {
    let states = quoted(legal(&Step::Send).map(State::as_str));
    let sendable =
        Action::ALL.into_iter().filter(|action| next_state(action.first_state(), &Step::Send).is_some());
    let actions = quoted(sendable.map(Action::as_str));
    format!(
        "INSERT INTO progress (id, state, attempts, sent_at) \
         SELECT id, 'sending', 1, ?3 FROM rows WHERE id BETWEEN ?1 AND ?2 AND +action IN ({actions}) \
         ON CONFLICT (id) DO UPDATE SET state = 'sending', sent_at = ?3, attempts = attempts + (state <> 'sending') \
         WHERE state IN ({states})"
    )
});

/// Takes a row that was sent to another state. One that was not carried out forgets the id that its record was given:
/// whoever sends it again makes another record.
static SETTLE: LazyLock<String> = LazyLock::new(|| {
    // Whatever can be known of an attempt is legal in the same states.
    let states = quoted(legal(&Step::Outcome(Outcome::NotDone(None))).map(State::as_str));
    format!(
        "UPDATE progress SET state = ?2, code = ?3, message = ?4, \
         remote_id = CASE ?2 WHEN 'planned' THEN NULL ELSE ifnull(?5, remote_id) END, \
         key = ifnull(?6, key), new_etag = ifnull(?7, new_etag), line_number = ifnull(?8, line_number) \
         WHERE id = ?1 AND state IN ({states})"
    )
});

fn legal(step: &Step) -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(move |state| next_state(*state, step).is_some())
}

/// Words of a closed set, so that nothing needs escaping.
fn quoted(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}

/// The statements of one request, each looked up once.
struct Statements<'a> {
    connection: &'a Connection,
    send: Option<CachedStatement<'a>>,
    settle: Option<CachedStatement<'a>>,
}

impl<'a> Statements<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self { connection, send: None, settle: None }
    }

    /// Marks `count` rows from `first` on as being sent; returns how many could be.
    fn send(&mut self, first: i64, count: usize, now: i64) -> rusqlite::Result<usize> {
        let statement = match &mut self.send {
            Some(statement) => statement,
            none => none.insert(self.connection.prepare_cached(&SEND)?),
        };
        let last = first.saturating_add(i64::try_from(count).unwrap_or(i64::MAX) - 1);
        statement.execute(params![first, last, now])
    }

    /// Takes a row one step further; returns 0 when the step is illegal.
    fn take(&mut self, row: i64, step: &Step) -> rusqlite::Result<usize> {
        match step {
            Step::Send => self.send(row, 1, 0),
            Step::NotSent => self.take_attempt_back(row),
            Step::Outcome(Outcome::Accepted(receipt)) => {
                self.settle(row, State::Done, ("", ""), (ids_of(receipt), None))
            }
            Step::Partly { receipt, code, message } => {
                self.settle(row, State::Done, (code, message), (ids_of(receipt), None))
            }
            Step::Outcome(Outcome::Refused(no)) => {
                self.settle(row, State::Refused, (&no.code, &no.message), NOTHING)
            }
            Step::Outcome(Outcome::Conflict(no)) => {
                self.settle(row, State::Conflict, (&no.code, &no.message), NOTHING)
            }
            Step::Outcome(Outcome::NotDone(_)) => self.settle(row, State::Planned, ("", ""), NOTHING),
            Step::Outcome(Outcome::InDoubt(words)) => {
                self.settle(row, State::InDoubt, ("in-doubt", words), NOTHING)
            }
            Step::Unconfirmed(receipt) => {
                let words = ("in-doubt", "accepted, and not read back yet");
                self.settle(row, State::InDoubt, words, (ids_of(receipt), None))
            }
            Step::Move(line) => self.settle(row, State::Planned, ("", ""), ([None; 3], Some(*line))),
            Step::Skip { code, message } => self.write_rare(row, step, (code, message)),
            Step::Crash => {
                self.write_rare(row, step, ("interrupted", "the program ended before the answer came"))
            }
        }
    }

    fn settle(
        &mut self,
        row: i64,
        next: State,
        (code, message): (&str, &str),
        (ids, line): ([Option<&str>; 3], Option<i64>),
    ) -> rusqlite::Result<usize> {
        let statement = match &mut self.settle {
            Some(statement) => statement,
            none => none.insert(self.connection.prepare_cached(&SETTLE)?),
        };
        statement.execute(params![row, next.as_str(), code, message, ids[0], ids[1], ids[2], line])
    }

    /// Takes a row back to where it was before its last intent.
    fn take_attempt_back(&self, row: i64) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached(
                "UPDATE progress SET state = 'planned', code = '', message = '', attempts = max(attempts - 1, 0) \
                 WHERE id = ?1 AND state = 'sending'",
            )?
            .execute([row])
    }

    /// Steps of single rows that need no speed.
    fn write_rare(&self, row: i64, step: &Step, (code, message): (&str, &str)) -> rusqlite::Result<usize> {
        let state = state_of(self.connection, row)?;
        let Some(next) = state.and_then(|state| next_state(state, step)) else { return Ok(0) };
        self.connection
            .prepare_cached(
                "INSERT INTO progress (id, state, attempts, sent_at, code, message) VALUES (?1, ?2, 0, 0, ?3, ?4) \
                 ON CONFLICT (id) DO UPDATE SET state = ?2, code = ?3, message = ?4",
            )?
            .execute(params![row, next.as_str(), code, message])
    }
}

/// What the target said of a record: its id, key and `ETag`, each if it did.
fn ids_of(receipt: &Receipt) -> [Option<&str>; 3] {
    let ids = [&receipt.remote_id, &receipt.key, &receipt.etag];
    ids.map(|text| Some(text.as_str()).filter(|text| !text.is_empty()))
}

/// No ids of the target's, no line.
const NOTHING: ([Option<&str>; 3], Option<i64>) = ([None; 3], None);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;

    #[test]
    fn whatever_is_known_of_an_attempt_is_legal_in_the_same_states() {
        let refusal = Refusal { status: 400, code: String::new(), message: String::new() };
        let known = [
            Step::Outcome(Outcome::Accepted(Receipt::default())),
            Step::Outcome(Outcome::Refused(refusal.clone())),
            Step::Outcome(Outcome::Conflict(refusal)),
            Step::Outcome(Outcome::NotDone(None)),
            Step::Outcome(Outcome::InDoubt(String::new())),
            Step::Partly { receipt: Receipt::default(), code: String::new(), message: String::new() },
            Step::Move(1),
        ];
        for step in known {
            assert_eq!(legal(&step).collect::<Vec<_>>(), [State::Sending, State::InDoubt], "{step:?}");
        }
    }

    #[test]
    fn only_a_row_that_is_being_sent_can_turn_out_not_to_be() {
        assert_eq!(legal(&Step::NotSent).collect::<Vec<_>>(), [State::Sending]);
    }

    #[test]
    fn rows_that_follow_each_other_leave_together() {
        let steps = |rows: &[i64]| rows.iter().map(|row| (*row, Step::Send)).collect::<Vec<_>>();
        assert_eq!(following(&steps(&[4, 5, 6, 8])), 3);
        assert_eq!(following(&steps(&[4, 4, 5])), 1);
        assert_eq!(following(&[(1, Step::Send), (2, Step::Move(1))]), 1);
    }
}
