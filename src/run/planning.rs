//! Files to a plan: every row checked, compared with what the target holds, and kept in the ledger.
//!
//! In: opened files with their columns bound, and the target's records. Out: a ledger whose plan is whole. One
//! row is in memory at a time, apart from the batch that is being written.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::catalogue::Writable;
use crate::connector::{fields, text_of};
use crate::delivery::reserve_lines;
use crate::domain::{Action, Asked, EntityKind, PlannedRow, References, Reject, Rule, SourceName};
use crate::ledger::{Ledger, LedgerError};
use crate::plan::{Candidate, Decision, Existing, Matching, Mode};
use crate::report::{REASON_COLUMN, gives_reason};
use crate::validation::Sign;

use super::check::{CheckedChunk, CheckedRow};
use super::completion::Completion;
use super::error::Error;
use super::index::{IndexError, Payer, TargetIndex, customer_of, fold_code, key_of, natural_key};
use super::reading::{as_in_file, rejected_amount};

/// Rows written to the ledger at once: enough that a commit costs nothing beside the rows.
const BATCH_ROWS: usize = 2_000;

/// Why a plan could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the target holds could not be kept.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A record could not be read alone.
    #[error(transparent)]
    Alone(Box<Error>),
    /// Line numbers are 32-bit integers, and the highest ones are in use.
    #[error("the journal has no line numbers left; use another journal")]
    JournalFull,
    /// Somebody asked for an end while the plan was made.
    #[error("planning was stopped; nothing was written to the target, and no plan is kept")]
    Stopped(super::ending::Ending),
    /// The target's record cannot be compared with a row.
    #[error("the target's record for `{key}` cannot be read")]
    Record {
        /// The row's natural key.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Turns checked rows into planned ones.
pub(super) struct Planner<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) index: &'a TargetIndex,
    pub(super) matching: Matching,
    pub(super) local_currency: Option<&'a str>,
    pub(super) entity: EntityKind,
    /// The files, in the order of the run.
    pub(super) names: Vec<SourceName>,
    /// The lines of new payments, where payments have some.
    pub(super) lines: Option<Lines>,
    pub(super) references: &'a References,
    pub(super) completion: Completion,
    /// Of customers without a number in the target: the ids that earlier runs gave to the numbers of the files.
    pub(super) remembered: &'a HashMap<String, String>,
    /// Reads the record with an id alone, which shows what lists do not; nothing where they show everything.
    pub(super) alone: ReadAlone<'a>,
    pub(super) batch: Vec<PlannedRow>,
}

/// Reads the record with this id.
pub(super) type ReadAlone<'a> = &'a dyn Fn(&str) -> Result<Option<String>, PlanningError>;

/// The line numbers reserved for the new payments of a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    next: i64,
    step: i64,
}

impl Lines {
    /// Numbers for at most `rows` payments, clear of the lines that are `taken`.
    pub(super) fn reserve(taken: Vec<i64>, rows: u64) -> Result<Self, PlanningError> {
        let (next, step) = reserve_lines(taken, rows).ok_or(PlanningError::JournalFull)?;
        Ok(Self { next, step })
    }

    pub(super) fn take(&mut self) -> i64 {
        let line = self.next;
        self.next += self.step;
        line
    }
}

/// What the rows of one file have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origins {
    pub(super) source: u32,
    /// The column of the amount that counts in the control totals.
    pub(super) amount_column: Option<usize>,
    /// The columns of what a person knows a record by, the best first.
    pub(super) key_columns: [Option<usize>; 2],
    /// The column of a customer's number, where the target has none.
    pub(super) number_column: Option<usize>,
    /// The column of a payment's currency, where the target takes it from the customer.
    pub(super) currency_column: Option<usize>,
    /// The column in which a rejects file says why the row was left out.
    pub(super) reason_column: Option<usize>,
    pub(super) sign: Sign,
}

/// What a row meets by the fields that the user named.
enum Matched {
    /// No fields were named: the natural key decides.
    ByKey,
    /// Every record that agrees.
    Records(Vec<Existing>),
    /// It cannot be said.
    Conflict(Decision),
}

impl Planner<'_> {
    /// Plans the rows of a chunk, accepted and rejected ones in file order.
    pub(super) fn add_chunk(
        &mut self,
        origins: Origins,
        chunk: &CheckedChunk<'_>,
    ) -> Result<(), PlanningError> {
        let mut rejects = chunk.rejects.iter().peekable();
        for row in chunk.accepted() {
            while let Some(reject) = rejects.next_if(|reject| reject.origin < row.row.origin) {
                self.reject(origins, reject)?;
            }
            self.accept(origins, &row)?;
        }
        rejects.try_for_each(|reject| self.reject(origins, reject))
    }

    fn accept(&mut self, origins: Origins, row: &CheckedRow<'_>) -> Result<(), PlanningError> {
        let (payload, unclear) = match self.completion.complete(row.payload, self.references) {
            Ok(payload) => (payload, None),
            // A row that deletes says by its key alone which record.
            Err(_) if self.entity == EntityKind::Dimensions && row.asked == Some(Asked::Delete) => {
                (Cow::Borrowed(row.payload), None)
            }
            Err(decision) => (Cow::Borrowed(row.payload), Some(*decision)),
        };
        let row = &CheckedRow { payload: &payload, ..*row };
        let payer = self.payer(row.payload)?;
        let number = payer.as_ref().map(|payer| payer.number.as_str());
        let key = self.index.key_of(self.entity, row.payload, number);
        let shown = natural_key(self.entity, row.payload);
        let unreadable = |cause| PlanningError::Record { key: shown.clone(), source: cause };
        let candidate = Candidate { key: &shown, payload: row.payload, asked: row.asked };
        let keys = self.index.match_keys(row.payload).map_err(unreadable)?;
        let decision = match self.matched(candidate, &keys)? {
            Matched::Conflict(decision) => decision,
            Matched::Records(found) => self.matching.decide(candidate, found).map_err(unreadable)?,
            Matched::ByKey => match self.found_by_key((&key, candidate), row, origins)? {
                Ok(found) if unclear.is_none() => self.decide(candidate, found)?,
                Ok(found) => self.matching.decide(candidate, found).map_err(unreadable)?,
                Err(conflict) => *conflict,
            },
        };
        let decision = match unclear {
            Some(unclear) if !matches!(decision.action, Action::Skip) => unclear,
            _ => self.completion.settle(decision, row.payload),
        };
        let decision = self.not_again(&shown, decision)?;
        let decision = self.not_before_its_customer(row.payload, decision)?;
        let decision = payable(payer.as_ref(), decision);
        let written = origins.currency_column.map_or("", |column| row.row.cell(column));
        let decision = in_its_currency(payer.as_ref(), (written, self.local_currency), decision);
        let decision = self.alone((&shown, keys), decision, (origins, row))?;
        let currency = self.currency(payer, row.payload, &decision);
        let mut planned = self.planned(row, decision).map_err(unreadable)?;
        planned.source = origins.source;
        // An amount without a currency is in the local one.
        planned.currency =
            Some(currency).filter(|code| Some(code.as_str()) != self.local_currency).unwrap_or_default();
        planned.amount = row.amount.map(|sent| as_in_file(self.entity, origins.sign, sent));
        planned.key = shown;
        self.push(planned)
    }

    /// Decides on a row by what a list shows of its record, and where that is not all that matters, by the record itself.
    ///
    /// Source: the list of Bigcapital's payments leaves out which invoices they settle.
    fn decide(&self, candidate: Candidate<'_>, found: Vec<Existing>) -> Result<Decision, PlanningError> {
        let unreadable = |source| PlanningError::Record { key: candidate.key.to_owned(), source };
        let decision = self.matching.decide(candidate, found).map_err(unreadable)?;
        let is_payment = self.entity == EntityKind::Payments;
        let Some(existing) = decision.existing.as_ref().filter(|_| is_payment) else { return Ok(decision) };
        let sent = fields::Fields::parse(candidate.payload).map_err(unreadable)?;
        let is_unseen = |name: &str| {
            let field = self.matching.entity.field(name);
            field.is_some_and(|field| !field.is_listed && field.writable != Writable::Create)
        };
        if decision.action == Action::Unchanged && !sent.iter().any(|(name, _)| is_unseen(name)) {
            return Ok(decision);
        }
        match (self.alone)(&existing.id)? {
            None => Ok(decision),
            Some(body) => {
                let found = Existing { body, ..existing.clone() };
                self.matching.decide(candidate, vec![found]).map_err(unreadable)
            }
        }
    }

    /// The records that a row's natural key finds; of customers without numbers, the one that an earlier run made of
    /// the file's own number, or else those of its name. An error is the conflict of a row that hints at a customer of
    /// another name, who would be renamed: only somebody who knows the two can tell.
    fn found_by_key(
        &self,
        (key, candidate): (&str, Candidate<'_>),
        row: &CheckedRow<'_>,
        origins: Origins,
    ) -> Result<Result<Vec<Existing>, Box<Decision>>, PlanningError> {
        let has_numbers = self.matching.entity.field("number").is_some();
        if self.entity.is_of_a_customer() || has_numbers || candidate.asked == Some(Asked::Skip) {
            return Ok(Ok(self.index.find(key)?));
        }
        let named = self.index.find_by_name(row.payload)?;
        let number = origins.number_column.map_or("", |column| row.row.cell(column));
        if let Some(id) = self.remembered.get(&fold_code(number))
            && let Some(existing) = self.index.find_by_id(id)?
        {
            if named.is_empty() || named.iter().any(|named| named.id == existing.id) {
                return Ok(Ok(vec![existing]));
            }
            let found = format!("{} for number {}", candidate.key, number.trim());
            let allowed = format!("the name of customer {id}, or the number of customer {}", named[0].id);
            return Ok(Err(hint(Rule::NumberOfAnother, "displayName", found, &allowed)));
        }
        let by_email = if named.is_empty() { self.index.find_by_email(row.payload)? } else { Vec::new() };
        Ok(match by_email.first() {
            None => Ok(named),
            Some(other) => {
                let (name, email) = (text_of(&other.body, "displayName"), text_of(row.payload, "email"));
                let allowed = format!("the name `{name}`, whose address it is, or another address");
                Err(hint(Rule::AddressOfAnother, "email", email, &allowed))
            }
        })
    }

    /// A new payment that an earlier run delivered has left its journal, most likely because it was posted.
    fn not_again(&self, document: &str, decision: Decision) -> Result<Decision, PlanningError> {
        if self.entity != EntityKind::Payments || decision.action != Action::Create {
            return Ok(decision);
        }
        Ok(match self.index.delivered_by(document)? {
            None => decision,
            Some(how) => {
                let found = format!("{document}, {how}");
                Decision::conflict(Rule::AlreadyDelivered, "documentNumber", found, "a payment sent once")
            }
        })
    }

    /// The records that a row meets by the fields that the user named.
    ///
    /// A row that fills none of them is only certainly new when nothing but a new record is asked for. One whose
    /// number is another customer's would rename a customer or be refused.
    fn matched(&self, candidate: Candidate<'_>, keys: &[String]) -> Result<Matched, PlanningError> {
        if !self.index.is_matching() || candidate.asked == Some(Asked::Skip) {
            return Ok(Matched::ByKey);
        }
        let only_creates = match candidate.asked {
            None => self.matching.mode == Mode::Create,
            Some(asked) => asked == Asked::Create,
        };
        if keys.is_empty() && !only_creates {
            let allowed = "a value in one of the fields";
            let found = candidate.key.to_owned();
            return Ok(Matched::Conflict(Decision::conflict(Rule::NoMatchKey, "--match", found, allowed)));
        }
        let found = self.index.find_all(keys)?;
        let number = key_of(self.entity, candidate.payload, None);
        let holder = if number.starts_with("n:") { self.index.find(&number)? } else { Vec::new() };
        let is_one = found.len() <= 1 && number.starts_with("n:");
        if is_one && found.first().map(|found| &found.id) != holder.first().map(|holder| &holder.id) {
            let allowed = "the number of the customer that matches, or none";
            let found = candidate.key.to_owned();
            return Ok(Matched::Conflict(Decision::conflict(Rule::NumberMismatch, "number", found, allowed)));
        }
        Ok(Matched::Records(found))
    }

    /// One record, one row: of two rows that meet the same customer, nobody knows which one is right. The later one
    /// stays out, also when it comes back alone in a rejects file.
    fn alone(
        &self,
        (key, keys): (&str, Vec<String>),
        decision: Decision,
        (origins, row): (Origins, &CheckedRow<'_>),
    ) -> Result<Decision, PlanningError> {
        let met = match &decision.existing {
            _ if self.entity == EntityKind::Payments => return Ok(decision),
            Some(Existing { id, .. }) => id.clone(),
            // Rows that would make the same record are as bad as rows that change it.
            None if decision.action == Action::Create && !keys.is_empty() => keys.join("\u{1f}"),
            None => return Ok(decision),
        };
        let reason = origins.reason_column.map_or("", |column| row.row.cell(column));
        if gives_reason(reason, Rule::MetTwice, key) {
            let allowed =
                format!("another one, or an empty `{REASON_COLUMN}` cell if this is the row to write");
            return Ok(Decision::conflict(
                Rule::MetTwice,
                self.matching.key_field(),
                key.to_owned(),
                &allowed,
            ));
        }
        let place = match self.names.get(origins.source as usize) {
            Some(name) if self.names.len() > 1 => format!("line {} of `{name}`", row.row.origin.line),
            _ => format!("line {}", row.row.origin.line),
        };
        Ok(match self.index.meet(&met, &place)? {
            None => decision,
            Some(earlier) => {
                let allowed = format!("one row for a record; this one is met by {earlier} already");
                Decision::conflict(Rule::MetTwice, self.matching.key_field(), key.to_owned(), &allowed)
            }
        })
    }

    /// A new record of a customer waits for its customer, and does not go when the customer is left out of the same import.
    fn not_before_its_customer(&self, payload: &str, decision: Decision) -> Result<Decision, PlanningError> {
        if !self.entity.is_of_a_customer() || decision.action != Action::Create {
            return Ok(decision);
        }
        Ok(match self.index.left_out(&customer_of(payload))? {
            None => decision,
            Some(words) => Decision::held_back(words),
        })
    }

    fn reject(&mut self, origins: Origins, reject: &Reject) -> Result<(), PlanningError> {
        let amount = rejected_amount(&reject.cells, origins.amount_column);
        let mut keys = origins.key_columns.iter().filter_map(|column| reject.cells.get((*column)?));
        let key = keys.find(|key| !key.trim().is_empty()).map_or("", |key| key.trim()).to_owned();
        self.push(PlannedRow {
            source: origins.source,
            violations: reject.violations.clone(),
            cells: reject.cells.clone(),
            amount,
            ..PlannedRow::new(reject.origin, key, Action::Reject, String::new())
        })
    }

    /// Writes what is still in memory.
    pub(super) fn flush(&mut self) -> Result<(), PlanningError> {
        if !self.batch.is_empty() {
            self.ledger.append_rows(&self.batch)?;
            self.batch.clear();
        }
        Ok(())
    }

    fn push(&mut self, planned: PlannedRow) -> Result<(), PlanningError> {
        self.batch.push(planned);
        if self.batch.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// The customer that a payment names.
    fn payer(&self, payload: &str) -> Result<Option<Payer>, PlanningError> {
        match self.entity {
            EntityKind::Payments => Ok(self.index.customer(&customer_of(payload))?),
            EntityKind::Customers | EntityKind::Dimensions => Ok(None),
        }
    }

    /// The currency of a row's amount: that of a payment's customer, of an opening balance the customer's own; credit
    /// limits are in the local one.
    fn currency(&self, payer: Option<Payer>, payload: &str, decision: &Decision) -> String {
        if let Some(payer) = payer {
            return payer.currency;
        }
        let entity = self.matching.entity;
        if entity.counted_amount().is_none_or(|field| entity.fields[field].name != "openingBalance") {
            return String::new();
        }
        let found = decision.existing.as_ref().map(|existing| existing.body.as_str());
        let records = found.into_iter().chain([decision.payload.as_str(), payload]);
        let mut codes = records.map(|record| text_of(record, "currencyCode"));
        codes.find(|code| !code.is_empty()).unwrap_or_default().to_uppercase()
    }

    fn planned(&mut self, row: &CheckedRow<'_>, decision: Decision) -> serde_json::Result<PlannedRow> {
        let (line_number, payload) = match (self.entity, decision.action) {
            (EntityKind::Payments, Action::Create) if self.lines.is_some() => {
                // Never a line that the file names: it may be taken, or named twice, and a payment on it lost.
                let payload = fields::only(&decision.payload, |name| name != "lineNumber")?;
                (self.lines.as_mut().map(Lines::take), payload)
            }
            _ => (None, decision.payload),
        };
        let (remote_id, etag) = decision.existing.map(|existing| (existing.id, existing.etag)).unzip();
        Ok(PlannedRow {
            source: 0,
            origin: row.row.origin,
            key: String::new(),
            action: decision.action,
            payload,
            changes: decision.changes,
            remote_id,
            etag,
            line_number,
            before: decision.before,
            violations: decision.violations,
            cells: row.row.cells().map(str::to_owned).collect(),
            amount: None,
            currency: String::new(),
        })
    }
}

fn hint(rule: Rule, field: &str, found: String, allowed: &str) -> Box<Decision> {
    Box::new(Decision::conflict(rule, field, found, allowed))
}

/// A new payment of a customer who is blocked for everything would be refused.
///
/// Source: blocked `All` refuses payments and `Ship` does not; `Invoice` refuses only the first line of an empty
/// journal, which is left to the target.
/// A payment in another currency than its customer's would arrive as so much of that one.
fn in_its_currency(
    payer: Option<&Payer>,
    (written, local): (&str, Option<&str>),
    decision: Decision,
) -> Decision {
    let written = written.trim();
    let Some(payer) = payer.filter(|_| matches!(decision.action, Action::Create | Action::Update)) else {
        return decision;
    };
    let own = Some(payer.currency.trim()).filter(|code| !code.is_empty()).or(local).unwrap_or_default();
    if written.is_empty() || own.is_empty() || written.eq_ignore_ascii_case(own) {
        return decision;
    }
    let allowed = format!("{own}, in which the customer pays");
    Decision::conflict(Rule::OtherCurrency, "currencyCode", written.to_owned(), &allowed)
}

fn payable(payer: Option<&Payer>, decision: Decision) -> Decision {
    match payer {
        Some(payer) if decision.action == Action::Create && payer.blocked.eq_ignore_ascii_case("All") => {
            let found = payer.number.clone();
            Decision::conflict(
                Rule::CustomerBlocked,
                "customerNumber",
                found,
                "a customer who is not blocked",
            )
        }
        _ => decision,
    }
}
