//! One pass over the rows of a run, and everything a report says about them.
//!
//! In: each row once, in the order of the run; or, for a check without a plan, the number of accepted rows and
//! each reject. Out: counts, repairs, changes and control totals.
//!
//! Promises: memory does not grow with the number of rows; whether every row of the files was seen exactly once
//! is checked against what was read, not assumed.

use std::collections::BTreeMap;

use super::changes::Changes;
use super::facts::SourceFacts;
use super::fixes::{Fixes, LeftOut};
use super::totals::{Total, Totals};
use crate::domain::{Action, Reject, RowResult, Rule, State};

/// How far a run has come, as its report tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The rules were checked; no target was asked.
    Check,
    /// It is known what would happen; nothing was sent.
    Plan,
    /// Rows were sent, or there was nothing to send.
    Outcome,
}

/// What a report says about the rows.
#[derive(Clone, Debug)]
pub struct Summary {
    phase: Phase,
    sources: Vec<SourceTally>,
    actions: BTreeMap<Action, u64>,
    states: BTreeMap<State, u64>,
    gone: u64,
    attempts: u64,
    held_back: u64,
    last_id: i64,
    ids_have_gaps: bool,
    fixes: Fixes,
    changes: Changes,
    totals: Totals,
}

/// The rows of one source.
#[derive(Clone, Debug)]
pub struct SourceTally {
    /// The file or sheet, and how many rows were read from it.
    pub facts: SourceFacts,
    /// How many of its rows the run knows.
    pub seen: u64,
    /// How many of them were left out.
    pub left_out: u64,
}

impl Summary {
    /// No row yet, of a run over these sources; `finished` says that the run has sent all it had to.
    #[must_use]
    pub fn of_run(sources: &[SourceFacts], finished: bool) -> Self {
        Self::new(sources, if finished { Phase::Outcome } else { Phase::Plan })
    }

    /// No row yet, of a check of these sources without a target.
    #[must_use]
    pub fn of_check(sources: &[SourceFacts]) -> Self {
        Self::new(sources, Phase::Check)
    }

    fn new(sources: &[SourceFacts], phase: Phase) -> Self {
        let sources =
            sources.iter().map(|facts| SourceTally { facts: facts.clone(), seen: 0, left_out: 0 }).collect();
        Self {
            phase,
            sources,
            actions: BTreeMap::new(),
            states: BTreeMap::new(),
            gone: 0,
            attempts: 0,
            held_back: 0,
            last_id: 0,
            ids_have_gaps: false,
            fixes: Fixes::default(),
            changes: Changes::default(),
            totals: Totals::default(),
        }
    }

    /// Adds a row of a run.
    pub fn add(&mut self, row: &RowResult) {
        self.ids_have_gaps |= row.id != self.last_id + 1;
        self.last_id = row.id;
        self.attempts += u64::from(row.attempts);
        if row.attempts > 0 && self.phase == Phase::Plan {
            self.phase = Phase::Outcome;
        }
        self.count(row.planned.source, row.planned.action, row.state, 1);
        self.totals.add(row);
        match row.planned.action {
            Action::Update => self.changes.add(&row.planned.key, &row.planned.changes),
            Action::Delete => self.changes.add_deleted(&row.planned),
            _ => {}
        }
        self.gone += u64::from(is_gone(row));
        if is_held_back(row) {
            self.held_back += 1;
            if let Some(tally) = self.sources.get_mut(row.planned.source as usize) {
                tally.left_out += 1;
            }
        }
        if row_needs_attention(row) {
            self.add_fixes(row);
        }
    }

    /// Adds rows that a check accepted.
    pub fn accept(&mut self, source: u32, rows: u64) {
        self.count(source, Action::Create, State::Planned, rows);
    }

    /// Adds rows that a check passed over because they say so themselves.
    pub fn skip(&mut self, source: u32, rows: u64) {
        self.count(source, Action::Skip, State::Skipped, rows);
    }

    /// Adds the amounts of rows that a check accepted.
    pub fn accept_total(&mut self, currency: &str, total: Total) {
        self.totals.accept(currency, total);
    }

    /// Adds the amounts of rows that a check rejected.
    pub fn reject_total(&mut self, currency: &str, total: Total) {
        self.totals.reject(currency, total);
    }

    /// Adds a row that a check rejected; its natural key may be empty.
    pub fn reject(&mut self, source: u32, reject: &Reject, key: &str) {
        self.count(source, Action::Reject, State::Rejected, 1);
        let Some(tally) = self.sources.get(source as usize) else { return };
        let row = LeftOut { source: &tally.facts, origin: reject.origin, key, state: State::Rejected };
        for violation in &reject.violations {
            self.fixes.add_violation(row, violation);
        }
    }

    /// Takes what became known while the rows went by: how many rows the sources hold, and whether the run is
    /// finished.
    pub fn complete(&mut self, sources: &[SourceFacts], finished: bool) {
        for (tally, facts) in self.sources.iter_mut().zip(sources) {
            tally.facts.rows = facts.rows;
        }
        if finished && self.phase == Phase::Plan {
            self.phase = Phase::Outcome;
        }
    }

    fn count(&mut self, source: u32, action: Action, state: State, rows: u64) {
        *self.actions.entry(action).or_default() += rows;
        *self.states.entry(state).or_default() += rows;
        if let Some(tally) = self.sources.get_mut(source as usize) {
            tally.seen += rows;
            tally.left_out += if needs_attention(state) { rows } else { 0 };
        }
    }

    fn add_fixes(&mut self, row: &RowResult) {
        let Some(tally) = self.sources.get(row.planned.source as usize) else { return };
        let left_out = LeftOut {
            source: &tally.facts,
            origin: row.planned.origin,
            key: &row.planned.key,
            state: row.state,
        };
        if row.planned.violations.is_empty() {
            self.fixes.add_answer(left_out, &row.code, &row.message);
        }
        for violation in &row.planned.violations {
            self.fixes.add_violation(left_out, violation);
        }
    }

    /// How far the run has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many rows the run knows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.states.values().sum()
    }

    /// How many rows the plan gave this action.
    #[must_use]
    pub fn with_action(&self, action: Action) -> u64 {
        self.actions.get(&action).copied().unwrap_or(0)
    }

    /// How many rows are in this state.
    #[must_use]
    pub fn in_state(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }

    /// How many times rows were sent.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Rows that a person has to look at: rejected, refused, in conflict, in doubt, or held back because another row
    /// did not arrive.
    #[must_use]
    pub fn needing_attention(&self) -> u64 {
        let by_state = self.states.iter().filter(|(state, _)| needs_attention(**state));
        by_state.map(|(_, rows)| rows).sum::<u64>() + self.held_back
    }

    /// Rows that are not settled: not sent yet, on the way, or in doubt.
    #[must_use]
    pub fn unsettled(&self) -> u64 {
        [State::Planned, State::Sending, State::InDoubt].map(|state| self.in_state(state)).into_iter().sum()
    }

    /// Rows whose record is not in the books any more, as the file wants it; they count as in the books too.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.gone
    }

    /// Rows that the books agree with: their record is there as the file wants it, or gone.
    #[must_use]
    pub fn in_the_books(&self) -> u64 {
        self.in_state(State::Done) + self.in_state(State::Unchanged)
    }

    /// Whether the run knows every row that was read from every source, once, without gap or repetition.
    #[must_use]
    pub fn covers_every_row_once(&self) -> bool {
        let ids_fit = self.phase == Phase::Check
            || (!self.ids_have_gaps && u64::try_from(self.last_id).is_ok_and(|last| last == self.rows()));
        let sources: u64 = self.sources.iter().map(|tally| tally.seen).sum();
        ids_fit
            && sources == self.rows()
            && self.sources.iter().all(|tally| tally.seen == tally.facts.rows)
            && self.actions.values().sum::<u64>() == self.rows()
    }

    /// How many rows have no amount that could be read, and so are in no sum.
    #[must_use]
    pub fn without_amount(&self) -> u64 {
        let with_amount: i64 = self.totals.iter().map(|(_, totals)| totals.file.count).sum();
        self.rows().saturating_sub(u64::try_from(with_amount).unwrap_or(0))
    }

    /// The rows of each source.
    #[must_use]
    pub fn sources(&self) -> &[SourceTally] {
        &self.sources
    }

    /// What has to be repaired.
    #[must_use]
    pub fn fixes(&self) -> &Fixes {
        &self.fixes
    }

    /// What updates change.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The control totals, for a reconciliation to add what it found.
    pub fn totals_mut(&mut self) -> &mut Totals {
        &mut self.totals
    }

    /// The control totals.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }
}

/// Whether a row was to delete its record, and the record is gone.
fn is_gone(row: &RowResult) -> bool {
    match row.state {
        State::Done => row.planned.action == Action::Delete,
        State::Unchanged => {
            row.planned.violations.iter().any(|violation| violation.rule == Rule::AlreadyGone)
        }
        _ => false,
    }
}

/// Whether a row goes into the rejects file: it did not arrive, and not because the file says so.
#[must_use]
pub(super) fn row_needs_attention(row: &RowResult) -> bool {
    needs_attention(row.state) || is_held_back(row)
}

/// Whether a row was left out on the way: a payment because its customer did not arrive or another run sent it, any
/// row because somebody entered its record after the plan.
fn is_held_back(row: &RowResult) -> bool {
    let causes = [Rule::HeldBack, Rule::PaymentsRemain, Rule::AlreadyDelivered, Rule::AlreadyExists];
    let causes = causes.map(Rule::code);
    row.state == State::Skipped && causes.contains(&row.code.as_str())
}

/// Whether rows in this state go into the rejects file.
#[must_use]
pub(super) fn needs_attention(state: State) -> bool {
    matches!(state, State::Rejected | State::Refused | State::Conflict | State::InDoubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{result, source, violation};

    #[test]
    fn every_row_counts_once_by_action_and_by_state() {
        let mut summary = Summary::of_run(&[SourceFacts { rows: 3, ..source("customers.csv") }], true);
        summary.add(&result(1, Action::Create, State::Done));
        summary.add(&result(2, Action::Create, State::Refused));
        assert!(!summary.covers_every_row_once(), "the third row of the file is missing");
        summary.add(&result(3, Action::Unchanged, State::Unchanged));
        assert!(summary.covers_every_row_once());
        assert_eq!(summary.with_action(Action::Create), 2);
        assert_eq!((summary.in_the_books(), summary.needing_attention(), summary.unsettled()), (2, 1, 0));
    }

    #[test]
    fn a_row_that_comes_twice_is_noticed() {
        let mut summary = Summary::of_run(&[SourceFacts { rows: 2, ..source("customers.csv") }], true);
        summary.add(&result(1, Action::Create, State::Done));
        summary.add(&result(1, Action::Create, State::Done));
        assert!(!summary.covers_every_row_once());
    }

    #[test]
    fn a_plan_becomes_an_outcome_with_its_first_attempt() {
        let mut summary = Summary::of_run(&[source("customers.csv")], false);
        summary.add(&result(1, Action::Create, State::Planned));
        assert_eq!(summary.phase(), Phase::Plan);
        summary.add(&RowResult { attempts: 1, ..result(2, Action::Create, State::InDoubt) });
        assert_eq!(summary.phase(), Phase::Outcome);
    }

    #[test]
    fn a_row_with_two_violations_is_one_row_and_two_repairs() {
        let mut row = result(1, Action::Reject, State::Rejected);
        row.planned.violations = vec![violation("email"), violation("city")];
        let mut summary = Summary::of_run(&[source("customers.csv")], false);
        summary.add(&row);
        assert_eq!((summary.needing_attention(), summary.fixes().len()), (1, 2));
    }
}
