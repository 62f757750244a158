//! What a run is, apart from its rows.

use serde::{Deserialize, Serialize};

use crate::domain::{EntityKind, Forecast, NotRestored, SourceName, UnsupportedColumn};

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Rows are still being added; a ledger left in this phase is no plan.
    #[default]
    Planning,
    /// The plan is whole and nothing was sent.
    Planned,
    /// Delivery has begun.
    Applying,
    /// Delivery has come to its end.
    Finished,
}

/// One file, or sheet of a workbook, that rows were read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHeader {
    /// The name in messages and results.
    pub name: SourceName,
    /// The path on the machine that planned, absolute.
    pub path: String,
    /// SHA-256 of the file's bytes in lower-case hexadecimal.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Data rows read from it.
    pub rows: u64,
    /// The headings, left to right.
    pub headers: Vec<String>,
    /// What parts the cells of a text file; `None` for a workbook.
    #[serde(default)]
    pub delimiter: Option<char>,
}

/// What delivery has counted so far, over all processes that worked on the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// HTTP requests sent: batches, single writes and lookups.
    pub requests: u64,
    /// Writes sent, each member of a batch counted.
    pub operations: u64,
    /// Answers that asked for a pause.
    pub throttled: u64,
    /// Rows that were in doubt and could be settled.
    pub settled: u64,
}

impl std::ops::Add for Counters {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            requests: self.requests + more.requests,
            operations: self.operations + more.operations,
            throttled: self.throttled + more.throttled,
            settled: self.settled + more.settled,
        }
    }
}

/// A payment journal as it was before the run's first payment: what tells later whether it was posted meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JournalBefore {
    /// The target's id of a payment that was there already; `None` when the journal was empty.
    pub witness: Option<String>,
    /// The number of the last general ledger entry, 0 for none; `None` when it may not be read.
    pub last_entry: Option<i64>,
}

/// The part of a plan that a person has agreed to: rows, whatever becomes of them, so that it means the same later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedPart {
    /// The last row of it, as a 1-based position in the run.
    pub last_row: i64,
    /// The lines of the file that it covers, 1-based, first and last; empty for all.
    pub lines: Vec<(u64, u64)>,
}

impl ApprovedPart {
    /// Whether the row at this position and on this line of its file belongs to it.
    #[must_use]
    pub fn has(&self, row: i64, line: u64) -> bool {
        row <= self.last_row
            && (self.lines.is_empty()
                || self.lines.iter().any(|(first, last)| (*first..=*last).contains(&line)))
    }
}

/// What a run is: kept as JSON in the ledger, written when planning starts and when the phase changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The run's id, sortable by time.
    pub run: String,
    /// When planning started, in RFC 3339.
    pub created: String,
    /// Version of the program that planned.
    pub tool_version: String,
    /// What the rows are.
    pub entity: EntityKind,
    /// Name of the profile.
    pub profile: String,
    /// The target system: `business-central`.
    pub system: String,
    /// The dialect of its API: `v2.0`.
    pub dialect: String,
    /// The service root the run talks to.
    pub service_root: String,
    /// The company's GUID.
    pub company_id: String,
    /// The company's name.
    pub company_name: String,
    /// The profile's stage, such as `production`; empty when it has none.
    #[serde(default)]
    pub stage: String,
    /// The company's own currency; empty when it is not known.
    #[serde(default)]
    pub local_currency: String,
    /// Code of the payment journal; `None` for customers.
    #[serde(default)]
    pub journal_code: Option<String>,
    /// GUID of the payment journal; `None` for customers.
    #[serde(default)]
    pub journal_id: Option<String>,
    /// The journal before the run's first payment; `None` until the run is applied, and for customers.
    #[serde(default)]
    pub journal_before: Option<JournalBefore>,
    /// The word of `--sign`; empty for customers.
    #[serde(default)]
    pub sign: String,
    /// The word of `--mode`.
    pub mode: String,
    /// The word of `--on-conflict`; empty is `reject`.
    #[serde(default)]
    pub on_conflict: String,
    /// The fields of `--match`, by which rows find their customers; empty for the number, or else the name.
    #[serde(default)]
    pub match_on: Vec<String>,
    /// Where the rows come from; a row's `source` is an index here.
    pub sources: Vec<SourceHeader>,
    /// Headings and the fields they fill, left to right.
    #[serde(default)]
    pub columns: Vec<(String, String)>,
    /// Columns that feed no field.
    #[serde(default)]
    pub unmapped: Vec<String>,
    /// Columns with values that the target has no place for.
    #[serde(default)]
    pub unsupported: Vec<UnsupportedColumn>,
    /// The word of `--on-unsupported`; empty while nobody has decided.
    #[serde(default)]
    pub on_unsupported: String,
    /// The flags with which a later command reads and writes as this run does, as they are typed.
    #[serde(default)]
    pub flags: Vec<String>,
    /// The run whose rows that did not arrive this one tries again; `None` for any other run.
    #[serde(default)]
    pub retries: Option<String>,
    /// The run that this one takes back; `None` for any other run.
    #[serde(default)]
    pub undoes: Option<String>,
    /// The folder of the run that this one takes back, absolute; `None` for any other run.
    #[serde(default)]
    pub undoes_folder: Option<String>,
    /// Of a run that takes another one back, what did not come back; `None` until that was looked at.
    #[serde(default)]
    pub not_restored: Option<NotRestored>,
    /// How many default dimensions the target deletes together with customers of this run.
    #[serde(default)]
    pub deleted_dimensions: u64,
    /// The run that has begun to take this one back, so that nothing more of it is carried out.
    #[serde(default)]
    pub undone_by: Option<String>,
    /// The name that this run shares with the one it was planned together with.
    #[serde(default)]
    pub chain: Option<String>,
    /// The folder, beside this run's own, of the run that must be finished before this one is carried out: payments
    /// wait for the customers they name. `None` for a run that waits for nothing.
    #[serde(default)]
    pub after: Option<String>,
    /// Whether a person has agreed to the plan, so that it may be carried out without another question.
    #[serde(default)]
    pub approved: bool,
    /// The part of the plan that the person has agreed to; `None` for all of it.
    #[serde(default)]
    pub approved_part: Option<ApprovedPart>,
    /// Whether the last delivery was told to carry out only a part of the plan, and has; the rest waits.
    #[serde(default)]
    pub sliced: bool,
    /// The exit code of the last command that carried the run out; `None` while one does, and when it was cut off.
    #[serde(default)]
    pub ended: Option<u8>,
    /// What carrying out the plan was to take when it was made; `None` when nobody said how fast it may go.
    #[serde(default)]
    pub forecast: Option<Forecast>,
    /// How far the run has come.
    pub phase: Phase,
    /// What delivery has counted.
    #[serde(default)]
    pub counters: Counters,
}

impl RunHeader {
    /// A run that is being planned, and of which nothing else is known yet.
    #[must_use]
    pub fn new(run: String, created: String, tool_version: String, entity: EntityKind) -> Self {
        Self {
            run,
            created,
            tool_version,
            entity,
            profile: String::new(),
            system: String::new(),
            dialect: String::new(),
            service_root: String::new(),
            company_id: String::new(),
            company_name: String::new(),
            stage: String::new(),
            local_currency: String::new(),
            journal_code: None,
            journal_id: None,
            journal_before: None,
            sign: String::new(),
            mode: String::new(),
            on_conflict: String::new(),
            match_on: Vec::new(),
            sources: Vec::new(),
            columns: Vec::new(),
            unmapped: Vec::new(),
            unsupported: Vec::new(),
            on_unsupported: String::new(),
            flags: Vec::new(),
            retries: None,
            undoes: None,
            undoes_folder: None,
            not_restored: None,
            deleted_dimensions: 0,
            undone_by: None,
            chain: None,
            after: None,
            approved: false,
            approved_part: None,
            sliced: false,
            ended: None,
            forecast: None,
            phase: Phase::Planning,
            counters: Counters::default(),
        }
    }
}
