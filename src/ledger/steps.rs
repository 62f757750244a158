//! Steps on their way into the tables: checked against the state of each row, synced together.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::sqlite::{failed, read_header, write_header};
use super::{Counters, LedgerError, Step, next_state, rows};
use crate::domain::{Outcome, Receipt, State};

/// Steps that reach the disk together.
pub(super) struct Group<'a> {
    transaction: Transaction<'a>,
    path: &'a Path,
}

impl<'a> Group<'a> {
    pub(super) fn new(transaction: Transaction<'a>, path: &'a Path) -> Self {
        Self { transaction, path }
    }

    /// Takes all of `steps` or, when one is illegal, none of them; the rest of the group stays as it is.
    pub(super) fn record(&mut self, steps: &[(i64, Step)], now: i64) -> Result<(), LedgerError> {
        let path = self.path;
        let savepoint = self.transaction.savepoint().map_err(|cause| failed(path, "record", cause))?;
        for (row, step) in steps {
            let state = state_of(&savepoint, *row)
                .map_err(|cause| failed(path, "read a row's state", cause))?
                .ok_or(LedgerError::NoSuchRow(*row))?;
            let next = next_state(state, step).ok_or(LedgerError::IllegalStep {
                row: *row,
                state,
                step: step.word(),
            })?;
            write_step(&savepoint, *row, (state, next), (step, now))
                .map_err(|cause| failed(path, "record", cause))?;
        }
        savepoint.commit().map_err(|cause| failed(path, "record", cause))
    }

    /// Adds to what the header counts.
    pub(super) fn add_counters(&mut self, more: &Counters) -> Result<(), LedgerError> {
        let mut header = read_header(&self.transaction, self.path)?;
        let counters = &mut header.counters;
        counters.requests += more.requests;
        counters.operations += more.operations;
        counters.throttled += more.throttled;
        counters.settled += more.settled;
        write_header(&self.transaction, self.path, &header)
    }

    /// Syncs the group to disk.
    pub(super) fn commit(self) -> Result<(), LedgerError> {
        let path = self.path;
        self.transaction.commit().map_err(|cause| failed(path, "commit", cause))
    }
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

fn write_step(
    connection: &Connection,
    row: i64,
    (state, next): (State, State),
    (step, now): (&Step, i64),
) -> rusqlite::Result<usize> {
    const UPDATE: &str = "UPDATE progress SET state = ?2, code = ?3, message = ?4, \
         remote_id = ifnull(?5, remote_id), key = ifnull(?6, key), new_etag = ifnull(?7, new_etag), \
         line_number = ifnull(?8, line_number) WHERE id = ?1";
    let update = |code: &str, message: &str, ids: [Option<&str>; 3], line: Option<i64>| {
        let [id, key, etag] = ids;
        connection.prepare_cached(UPDATE)?.execute(params![
            row,
            next.as_str(),
            code,
            message,
            id,
            key,
            etag,
            line
        ])
    };
    match step {
        Step::Send => connection
            .prepare_cached(
                "INSERT INTO progress (id, state, attempts, sent_at) VALUES (?1, ?2, 1, ?3) \
                 ON CONFLICT (id) DO UPDATE SET state = ?2, sent_at = ?3, attempts = attempts + ?4",
            )?
            .execute(params![row, next.as_str(), now, i64::from(state != State::Sending)]),
        Step::Outcome(Outcome::Accepted(receipt)) => {
            update("", "", ids_of(receipt), None)
        }
        Step::Partly { receipt, code, message } => update(code, message, ids_of(receipt), None),
        Step::Outcome(Outcome::Refused(no) | Outcome::Conflict(no)) => {
            update(&no.code, &no.message, [None; 3], None)
        }
        Step::Outcome(Outcome::NotDone(_)) => update("", "", [None; 3], None),
        Step::Outcome(Outcome::InDoubt(words)) => update("in-doubt", words, [None; 3], None),
        Step::Move(line) => update("", "", [None; 3], Some(*line)),
        Step::Skip { code, message } => connection
            .prepare_cached(
                "INSERT INTO progress (id, state, attempts, sent_at, code, message) VALUES (?1, ?2, 0, 0, ?3, ?4) \
                 ON CONFLICT (id) DO UPDATE SET state = ?2, code = ?3, message = ?4",
            )?
            .execute(params![row, next.as_str(), code, message]),
        Step::Crash => update("interrupted", "the program ended before the answer came", [None; 3], None),
    }
}

/// What the target said of a record: its id, key and `ETag`, each if it did.
fn ids_of(receipt: &Receipt) -> [Option<&str>; 3] {
    let ids = [&receipt.remote_id, &receipt.key, &receipt.etag];
    ids.map(|text| Some(text.as_str()).filter(|text| !text.is_empty()))
}
