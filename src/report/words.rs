//! What `results.csv` and the rejects file say about one row, in the same words.

use std::fmt::Write;

use super::facts::SourceFacts;
use super::fixes::answer_remedy;
use super::text::clipped;
use crate::domain::{Reject, RowResult, Rule, State, Violation};

/// Longest text that a report says about one row.
const ROW_CHARS: usize = 2000;
/// Longest cell that is repeated.
const FOUND_CHARS: usize = 120;
/// Between what is said of two broken rules.
const JOINT: &str = " | ";

/// One row and what is wrong with it, whether a plan or a check without one says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowWords<'a> {
    /// How the row ended.
    pub state: State,
    /// The rules it breaks.
    pub violations: &'a [Violation],
    /// The line it stands on, 1-based.
    pub line: u64,
    code: &'a str,
    message: &'a str,
}

impl<'a> RowWords<'a> {
    /// About a row of a run.
    #[must_use]
    pub(super) fn of_result(row: &'a RowResult) -> Self {
        Self {
            state: row.state,
            violations: &row.planned.violations,
            line: row.planned.origin.line,
            code: &row.code,
            message: &row.message,
        }
    }

    /// About a row that a check rejected.
    #[must_use]
    pub(super) fn of_reject(reject: &'a Reject) -> Self {
        Self {
            state: State::Rejected,
            violations: &reject.violations,
            line: reject.origin.line,
            code: "",
            message: "",
        }
    }

    /// The codes of the broken rules, or the target's error code; empty when all is well.
    #[must_use]
    pub(super) fn codes(&self) -> String {
        if self.violations.is_empty() {
            return self.code.to_owned();
        }
        joined(self.violations.iter().map(|violation| violation.rule.code().to_owned()))
    }

    /// What happened: each broken rule with the cell's column, or the target's own words; empty when all is well.
    #[must_use]
    pub(super) fn message(&self, source: &SourceFacts) -> String {
        if self.violations.is_empty() {
            return clipped(self.message, ROW_CHARS);
        }
        joined(self.violations.iter().map(|violation| violation_words(violation, source)))
    }

    /// The codes and the message together.
    #[must_use]
    pub(super) fn reason(&self, source: &SourceFacts) -> String {
        if !self.violations.is_empty() {
            let reasons = self.violations.iter().map(|violation| {
                format!("{}: {}", violation.rule.code(), violation_words(violation, source))
            });
            return joined(reasons);
        }
        let parts = [self.code, self.message];
        clipped(
            &parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(": "),
            ROW_CHARS,
        )
    }

    /// What to do about it; empty when all is well.
    #[must_use]
    pub(super) fn remedy(&self) -> String {
        if !self.violations.is_empty() {
            return joined(self.violations.iter().map(|violation| violation.rule.remedy().to_owned()));
        }
        match self.state {
            State::Refused | State::Conflict | State::InDoubt | State::Rejected | State::Skipped => {
                answer_remedy(self.state, self.code).to_owned()
            }
            State::Planned | State::Sending | State::Done | State::Unchanged => String::new(),
        }
    }
}

/// The heading of the violation's column, or the field when no column feeds it.
#[must_use]
pub(super) fn heading<'a>(violation: &'a Violation, source: &'a SourceFacts) -> &'a str {
    let heading = violation.column.and_then(|column| source.headers.get(column as usize));
    heading.map_or(violation.field.as_str(), String::as_str)
}

fn violation_words(violation: &Violation, source: &SourceFacts) -> String {
    let mut words = format!("{}: {}", heading(violation, source), violation.rule.title());
    if !violation.found.is_empty() {
        let _ = write!(words, "; found `{}`", clipped(&violation.found, FOUND_CHARS));
    }
    if !violation.allowed.is_empty() {
        let _ = write!(words, "; allowed: {}", violation.allowed);
    }
    words
}

/// Whether the reason that a rejects file gives for a row is that it breaks this rule with this cell.
#[must_use]
pub fn gives_reason(reason: &str, rule: Rule, found: &str) -> bool {
    let code = format!("{}: ", rule.code());
    let found = format!("; found `{}`", clipped(found, FOUND_CHARS));
    reason
        .match_indices(&code)
        .filter(|(at, _)| *at == 0 || reason[..*at].ends_with(JOINT))
        .any(|(at, _)| reason[at..].contains(&found))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for part in parts {
        if !kept.contains(&part) {
            kept.push(part);
        }
    }
    clipped(&kept.join(JOINT), ROW_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Origin;
    use crate::report::testing::source;

    #[test]
    fn a_reason_that_was_given_is_recognised() {
        let violation = |rule, found: &str| Violation {
            rule,
            field: "number".to_owned(),
            column: Some(0),
            found: found.to_owned(),
            allowed: "once".to_owned(),
        };
        for found in ["C1", "a | b", " C`1 ", &"x".repeat(300)] {
            let reject = Reject {
                origin: Origin { row: 1, line: 2 },
                violations: vec![violation(Rule::NotAnEmail, "@"), violation(Rule::DuplicateNumber, found)],
                cells: Vec::new(),
            };
            let reason = RowWords::of_reject(&reject).reason(&source("a.csv"));
            assert!(gives_reason(&reason, Rule::DuplicateNumber, found), "{reason}");
            assert!(!gives_reason(&reason, Rule::DuplicateNumber, "C2"), "{reason}");
            assert!(!gives_reason(&reason, Rule::DuplicateName, found), "{reason}");
        }
        assert!(!gives_reason("", Rule::DuplicateNumber, ""));
    }
}
