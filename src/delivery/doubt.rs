//! Rows whose last attempt nobody can tell the outcome of.

use tokio::time::Instant;

use crate::connector::Operation;
use crate::domain::Refusal;
use crate::ledger::OpenRow;

/// Why a row has to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Sent, and nobody said what became of it.
    Unanswered(String),
    /// Refused because its identity is in use: maybe by an earlier attempt of our own.
    KeyTaken(Refusal),
    /// Refused because the record has changed.
    Stale(Refusal),
    /// Accepted by a target whose yes is not certain.
    Unconfirmed,
    /// The target has failed at it, and is done with it.
    Failed(Refusal),
}

/// A row that has to be looked up.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) row: OpenRow,
    pub(super) cause: Cause,
    /// From when on an absence can be believed.
    pub(super) believable: Instant,
    /// Answered lookups so far.
    pub(super) looks: u32,
    /// Whether an earlier process left it behind, so that much may have happened since.
    pub(super) is_inherited: bool,
    /// What stays as somebody else set it, in words; empty when the whole row was sent.
    pub(super) kept: String,
}

impl Doubt {
    /// Whether the target works at the row no more: it has said how its last attempt ended, and that is all that is in
    /// doubt.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.cause, Cause::Stale(_) | Cause::Unconfirmed)
    }

    /// Whether the target refused the only request that ever carried the row, so that nothing was carried out.
    pub(super) fn is_first_refused(&self) -> bool {
        self.row.attempts <= 1
            && !self.is_inherited
            && matches!(self.cause, Cause::KeyTaken(_) | Cause::Stale(_))
    }
}

/// The row as the connector wants it.
pub(super) fn operation(row: &OpenRow) -> Operation<'_> {
    Operation {
        row: row.id,
        action: row.action,
        payload: &row.payload,
        remote_id: row.remote_id.as_deref(),
        etag: row.etag.as_deref(),
        line_number: row.line_number,
    }
}
