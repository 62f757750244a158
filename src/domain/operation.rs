//! What a run does with each row: planned actions, the states a row goes through, and what is known after an
//! attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::reject::Violation;
use super::row::Origin;

/// What a record is: decides the catalogue entity, the identity and the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// Customers, found again by number.
    Customers,
    /// Default dimensions of customers, found again by customer and dimension.
    Dimensions,
    /// Customer payments, found again by their line in a payment journal.
    Payments,
}

impl EntityKind {
    /// All kinds, in the order in which files that hold several have to be carried out: the target gives a new payment
    /// the dimensions that its customer has.
    pub const ALL: [Self; 3] = [Self::Customers, Self::Dimensions, Self::Payments];

    /// The word for it in flags, files and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Dimensions => "dimensions",
            Self::Payments => "payments",
        }
    }

    /// What one such record is called in sentences.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Customers => "customer",
            Self::Dimensions => "default dimension",
            Self::Payments => "payment",
        }
    }

    /// Whether such a record is of a customer, who has to be there before it.
    #[must_use]
    pub fn is_of_a_customer(self) -> bool {
        self != Self::Customers
    }
}

/// What the plan decided to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The target has no such record: send all of it.
    Create,
    /// The target's record differs: send the fields that differ.
    Update,
    /// The row asks for the target's record to go: delete it.
    Delete,
    /// The target's record already is as the row wants it: send nothing.
    Unchanged,
    /// The row cannot be matched to one record without guessing: send nothing.
    Conflict,
    /// The row breaks a rule: send nothing.
    Reject,
    /// The row is left out at the user's word, or waits for another that did not arrive: send nothing.
    Skip,
}

impl Action {
    /// All actions, in the order reports show them.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Update, Self::Delete, Self::Unchanged, Self::Conflict, Self::Reject, Self::Skip];

    /// The word for it in files and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
            Self::Conflict => "conflict",
            Self::Reject => "reject",
            Self::Skip => "skip",
        }
    }

    /// The state a row starts in when the plan gave it this action.
    #[must_use]
    pub fn first_state(self) -> State {
        match self {
            Self::Create | Self::Update | Self::Delete => State::Planned,
            Self::Unchanged => State::Unchanged,
            Self::Conflict => State::Conflict,
            Self::Reject => State::Rejected,
            Self::Skip => State::Skipped,
        }
    }
}

/// How far a row has come. The ledger keeps it; `planned → sending → done | refused | in-doubt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Waiting for its first or next attempt.
    Planned,
    /// An intent is durable; the request may have left.
    Sending,
    /// The target confirmed it.
    Done,
    /// The target will never take it.
    Refused,
    /// Sent, and neither confirmed nor denied: the target has to be asked.
    InDoubt,
    /// Nothing to do: the target already agreed.
    Unchanged,
    /// Left out: the target's record is not the one the plan saw, or more than one matches.
    Conflict,
    /// Left out: the row breaks a rule.
    Rejected,
    /// Left out at the user's word, or because a row it depends on did not arrive.
    Skipped,
}

impl State {
    /// All states, in the order reports show them.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Unchanged,
        Self::Planned,
        Self::Sending,
        Self::InDoubt,
        Self::Refused,
        Self::Conflict,
        Self::Rejected,
        Self::Skipped,
    ];

    /// The word for it in files and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::InDoubt => "in-doubt",
            Self::Unchanged => "unchanged",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One field the plan will change: its value in the target and the value of the row, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The catalogue's name of the field.
    pub field: String,
    /// The target's value before; empty for blank.
    pub from: String,
    /// The row's value; empty for blank.
    pub to: String,
}

/// One row of a plan, as the ledger keeps it from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRow {
    /// Which of the run's sources the row comes from, 0-based.
    pub source: u32,
    /// Where the row stands in its source.
    pub origin: Origin,
    /// The natural key in words a person knows: a customer's number, a payment's document number; may be empty.
    pub key: String,
    /// What to do with the row.
    pub action: Action,
    /// The JSON body to send; of a row that is unchanged, what was compared; otherwise empty.
    pub payload: String,
    /// What an update changes; empty otherwise.
    pub changes: Vec<FieldChange>,
    /// The target's record as the plan saw it, a JSON object with at least what an update changes and all that a
    /// delete takes away; empty for other actions.
    pub before: String,
    /// The target's id of the record to update or delete.
    pub remote_id: Option<String>,
    /// The `ETag` of the record to update or delete, as the plan saw it.
    pub etag: Option<String>,
    /// The line reserved for a payment in its journal.
    pub line_number: Option<i64>,
    /// The rules the row breaks, or why it is skipped; empty unless rejected, in conflict or skipped.
    pub violations: Vec<Violation>,
    /// The row's cells as they stand in the file.
    pub cells: Vec<String>,
    /// The amount that counts in the control totals: a payment's amount, a customer's credit limit.
    pub amount: Option<Money>,
    /// The currency of `amount`; empty means the local currency of the target.
    pub currency: String,
}

impl PlannedRow {
    /// A row of the first source, known by `key`, with this to send and nothing else known of it.
    #[must_use]
    pub fn new(origin: Origin, key: String, action: Action, payload: String) -> Self {
        Self {
            source: 0,
            origin,
            key,
            action,
            payload,
            changes: Vec::new(),
            before: String::new(),
            remote_id: None,
            etag: None,
            line_number: None,
            violations: Vec::new(),
            cells: Vec::new(),
            amount: None,
            currency: String::new(),
        }
    }
}

/// The target's yes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The id the target gave the record.
    pub remote_id: String,
    /// The record's natural key as the target holds it; empty when the answer did not say.
    pub key: String,
    /// The record's `ETag` after the write; empty when the answer did not say.
    pub etag: String,
}

/// The target's final no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// The target's own error code, such as `Application_DialogException`; empty when it gave none.
    pub code: String,
    /// The target's own words, without its correlation id.
    pub message: String,
}

/// What is known about an operation after one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Confirmed; never send it again.
    Accepted(Receipt),
    /// The target will never take this payload; the row goes back to a person.
    Refused(Refusal),
    /// The record is not the one the plan saw; a person or a new plan decides.
    Conflict(Refusal),
    /// Certainly not carried out; safe to repeat, after this pause if the target named one.
    NotDone(Option<Duration>),
    /// Sent but unanswered: ask the target before sending again. The words say what happened.
    InDoubt(String),
}

/// One row of a run and what became of it: what `results.csv`, the rejects file and the reports are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct RowResult {
    /// Position in the run, 1-based over all its sources.
    pub id: i64,
    /// What the plan decided.
    pub planned: PlannedRow,
    /// How far the row has come.
    pub state: State,
    /// How many times it was sent.
    pub attempts: u32,
    /// The target's id of the record, once it is known.
    pub remote_id: Option<String>,
    /// The record's `ETag` after the row was carried out; `None` when the answer did not say.
    pub new_etag: Option<String>,
    /// A rule's code, the target's error code, or a word such as `stale`; empty when all is well.
    pub code: String,
    /// What happened, in words; empty when all is well.
    pub message: String,
}
