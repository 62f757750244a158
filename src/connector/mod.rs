//! What a dialect's requests look like and what its replies mean: translation only, tested without sockets.
//!
//! In: operations of a plan, identities to look up, replies. Out: [`Request`]s, [`Verdict`]s, and the fields in
//! which a record differs from what was sent.
//!
//! Promises: no I/O and no clock; nothing counts as carried out that a reply does not say so of; a reply that
//! cannot be understood leaves its rows in doubt.

mod api;
mod applied;
pub mod bigcapital;
pub mod business_central;
mod completion;
pub mod fields;
mod found;
mod normalise;
pub mod payload;

pub use api::{Api, Connector, Described, Habits, List, ReadPause, Set};
pub use applied::is_all_applied;
pub use completion::{Completion, IsNamed, Needed, Settling};
pub use found::{Found, FoundPage, Identity, Lookup, highest_line_of, text_of};
pub use normalise::{blanks, completed, differences, filled_since, is_among, own};

use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::Dialect;

use crate::domain::{Action, Receipt, Refusal};

/// The API that speaks this dialect.
#[must_use]
pub fn open(dialect: &'static Dialect) -> Arc<dyn Api> {
    match dialect.system {
        "bigcapital" => Arc::new(bigcapital::Bigcapital::new(dialect)),
        _ => Arc::new(business_central::BusinessCentral::new(dialect)),
    }
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or carries a batch.
    Post,
    /// Changes some fields.
    Patch,
    /// Replaces a record, or part of it.
    Put,
    /// Deletes.
    Delete,
}

/// One request as the dialect wants it; `delivery` hands it to `transport`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Path and query below the service root, percent-encoded.
    pub path: String,
    /// Headers of this request.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON to send.
    pub body: Option<String>,
}

/// One write, borrowed from its ledger row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// The row's id in the ledger; names the operation inside a batch.
    pub row: i64,
    /// Create, update or delete.
    pub action: Action,
    /// The JSON body as planned.
    pub payload: &'a str,
    /// The target's id of the record to update.
    pub remote_id: Option<&'a str>,
    /// The `ETag` the update insists on.
    pub etag: Option<&'a str>,
    /// The line of a new payment in its journal; put into the body.
    pub line_number: Option<i64>,
}

/// What a reply says of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carried out.
    Accepted(Receipt),
    /// Not carried out, and never will be.
    Refused(Refusal),
    /// Not carried out: the credential may not do this.
    NotPermitted(Refusal),
    /// Not carried out: the identity is in use, maybe by an earlier attempt of our own.
    KeyTaken(Refusal),
    /// Not carried out: the record was changed since its `ETag` was read.
    Stale(Refusal),
    /// Not carried out: the record to change is gone.
    Gone(Refusal),
    /// Not carried out for a passing reason; the pause is the one the target asked for.
    NotDone(Option<Duration>),
    /// Not carried out: the credential sends faster than the target allows; the pause is the one it asked for.
    Throttled(Option<Duration>),
    /// Not carried out, because another operation of its batch was not and the target keeps them together.
    RolledBack,
    /// The server has failed at it and is done with it, and does not say how far it came: a look tells, and a record
    /// that is not there then never will be.
    Failed(Refusal),
    /// Nobody can tell; the words say why.
    InDoubt(String),
}
