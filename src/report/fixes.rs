//! What a person has to repair, grouped by the repair: fifty rows with one cause are one line.
//!
//! In: rows that were left out. Out: for each cause the number of rows, what to do, and a few located samples.
//!
//! Promises: memory does not grow with the number of rows; the order depends on the rows alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::SourceFacts;
use super::place::Place;
use super::text::clipped;
use crate::domain::{Rule, State, Violation};

/// How many rows of a cause are shown.
pub(super) const SAMPLES: usize = 5;
/// How many different answers of the target are told apart; what comes after shares a group.
const ANSWERS: usize = 200;
/// Longest text of a cell or an answer that a report repeats.
const SAMPLE_CHARS: usize = 300;

/// One cause, and the rows that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// A rule's code, or the target's error code; empty when it gave none.
    pub code: String,
    /// The catalogue's name of the field; empty for an answer of the target.
    pub field: String,
    /// The state of the rows: `rejected`, `refused`, `conflict` or `in-doubt`.
    pub state: State,
    /// What is wrong.
    pub title: String,
    /// What to do about it.
    pub remedy: String,
    /// How many rows have it.
    pub rows: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// One row of a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Where the offending cell, or the row, stands.
    pub place: Place,
    /// The place in short: `Kunden!C1881`.
    pub at: String,
    /// The row's natural key; may be empty.
    pub key: String,
    /// What the cell holds, or what the target answered.
    pub found: String,
    /// What the cell may hold; empty for an answer of the target.
    pub allowed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Rule(State, Rule, String),
    Answer(State, String, String),
}

/// All causes so far.
#[derive(Clone, Debug, Default)]
pub struct Fixes {
    causes: BTreeMap<Cause, Fix>,
    answers: usize,
}

/// A row that was left out: where it stands and under which key.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut<'a> {
    /// The source it comes from.
    pub source: &'a SourceFacts,
    /// Where it stands there.
    pub origin: crate::domain::Origin,
    /// Its natural key; may be empty.
    pub key: &'a str,
    /// How it ended.
    pub state: State,
}

impl Fixes {
    /// Counts a row under a rule it breaks.
    pub fn add_violation(&mut self, row: LeftOut<'_>, violation: &Violation) {
        let cause = Cause::Rule(row.state, violation.rule, violation.field.clone());
        let fix = self.causes.entry(cause).or_insert_with(|| Fix {
            code: violation.rule.code().to_owned(),
            field: violation.field.clone(),
            state: row.state,
            title: violation.rule.title().to_owned(),
            remedy: violation.rule.remedy().to_owned(),
            rows: 0,
            samples: Vec::new(),
        });
        fix.count(|| Sample::new(row, violation.column, &violation.found, &violation.allowed));
    }

    /// Counts a row under the target's answer, or under what else kept it out.
    pub fn add_answer(&mut self, row: LeftOut<'_>, code: &str, message: &str) {
        let mut cause = Cause::Answer(row.state, code.to_owned(), shape(message));
        if !self.causes.contains_key(&cause) {
            self.answers += 1;
            if self.answers > ANSWERS {
                cause = Cause::Answer(
                    row.state,
                    "various".to_owned(),
                    "further answers of the target".to_owned(),
                );
            }
        }
        let Cause::Answer(_, code, title) = cause.clone() else { return };
        let fix = self.causes.entry(cause).or_insert_with(|| Fix {
            remedy: answer_remedy(row.state, &code).to_owned(),
            title: if title.is_empty() { state_title(row.state).to_owned() } else { title },
            code,
            field: String::new(),
            state: row.state,
            rows: 0,
            samples: Vec::new(),
        });
        fix.count(|| Sample::new(row, None, message, ""));
    }

    /// The causes, those with the most rows first.
    #[must_use]
    pub fn by_rows(&self) -> Vec<&Fix> {
        let mut fixes: Vec<_> = self.causes.values().collect();
        fixes.sort_by_key(|fix| std::cmp::Reverse(fix.rows));
        fixes
    }

    /// How many causes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.causes.len()
    }

    /// Whether nothing has to be repaired.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }
}

impl Fix {
    fn count(&mut self, sample: impl FnOnce() -> Sample) {
        self.rows += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push(sample());
        }
    }
}

impl Sample {
    fn new(row: LeftOut<'_>, column: Option<u32>, found: &str, allowed: &str) -> Self {
        let place = Place::new(row.source, row.origin, column);
        Self {
            at: place.to_string(),
            place,
            key: row.key.to_owned(),
            found: clipped(found, SAMPLE_CHARS),
            allowed: allowed.to_owned(),
        }
    }
}

/// What a person should do about an answer of the target.
///
/// Source: the error codes of the API's documents; what is not listed gets the advice of its state.
#[must_use]
pub(super) fn answer_remedy(state: State, code: &str) -> &'static str {
    match (state, code) {
        (State::Refused, "Internal_EntityWithSameKeyExists") => {
            "another record has this number: give the row its own number, or correct the record in the target"
        }
        (State::Refused, "Internal_InvalidTableRelation" | "Internal_RecordNotFound") => {
            "create the missing code in the target, or map the value to one that exists"
        }
        (State::Refused, "Application_StringExceededLength") => "shorten the text",
        (State::Refused, _) => "correct the row as the target's words say, then import the rejects file",
        (State::Conflict, _) => "compare the row with the target's record, then import the rejects file",
        (State::InDoubt, _) => {
            "resume the run: it asks the target what became of the row before sending anything"
        }
        (State::Skipped, "held-back") => Rule::HeldBack.remedy(),
        (State::Skipped, "payments-remain") => Rule::PaymentsRemain.remedy(),
        (State::Skipped, "already-delivered") => Rule::AlreadyDelivered.remedy(),
        (State::Skipped, "already-there") => {
            "nothing: the target has the record as the row wants it, and this run did not create it"
        }
        (State::Skipped, _) => "nothing: the row was left out at your word",
        _ => "correct the row, then import the rejects file",
    }
}

fn state_title(state: State) -> &'static str {
    match state {
        State::Refused => "the target refused the row",
        State::Conflict => "the target's record is not the one the plan saw",
        State::InDoubt => "sent, but the target's answer never came",
        _ => "the row was left out",
    }
}

/// The message with everything that differs from row to row as `…`: words with digits, and quoted values.
///
/// Quoted names of properties, such as `"currencyId"`, stay: they tell causes apart.
fn shape(message: &str) -> String {
    let mut words = Vec::new();
    for (place, part) in message.split(['"', '\'']).enumerate() {
        let is_quoted = place % 2 == 1;
        let is_name = part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_quoted && is_name {
            words.push(format!("`{part}`"));
        } else if is_quoted {
            words.push("…".to_owned());
        } else {
            words.extend(part.split_whitespace().map(wordless));
        }
    }
    words.dedup_by(|next, last| next == "…" && last == "…");
    clipped(&words.join(" "), SAMPLE_CHARS)
}

fn wordless(word: &str) -> String {
    let tail = word.trim_end_matches(|last: char| !last.is_ascii_punctuation()).len();
    match word.bytes().any(|byte| byte.is_ascii_digit()) {
        true if tail == word.len() && word.ends_with(['.', ',', ':', ';']) => {
            format!("…{}", &word[tail - 1..])
        }
        true => "…".to_owned(),
        false => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::source;

    fn row(source: &SourceFacts, line: u64, state: State) -> LeftOut<'_> {
        LeftOut { source, origin: crate::domain::Origin { row: line - 1, line }, key: "71001", state }
    }

    fn violation(rule: Rule, field: &str) -> Violation {
        Violation { rule, field: field.into(), column: Some(2), found: "x".into(), allowed: "y".into() }
    }

    #[test]
    fn rows_with_one_cause_are_one_fix_with_the_first_samples() {
        let source = source("customers.csv");
        let mut fixes = Fixes::default();
        for line in 2..12 {
            fixes.add_violation(row(&source, line, State::Rejected), &violation(Rule::NotAnEmail, "email"));
        }
        fixes.add_violation(row(&source, 12, State::Rejected), &violation(Rule::Missing, "displayName"));
        let found = fixes.by_rows();
        assert_eq!(
            found.iter().map(|fix| (fix.code.as_str(), fix.rows)).collect::<Vec<_>>(),
            [("not-an-email", 10), ("missing", 1)]
        );
        assert_eq!(found[0].samples.len(), SAMPLES);
        assert_eq!(found[0].samples[0].at, "customers.csv:2 Email");
    }

    #[test]
    fn answers_that_differ_only_in_values_are_one_cause() {
        for (message, expected) in [
            ("The email address \"a@b\" is not valid.", "The email address … is not valid."),
            (
                "The \"currencyId\" does not match to a Currency.",
                "The `currencyId` does not match to a Currency.",
            ),
            ("Customer 71001 is blocked with type All.", "Customer … is blocked with type All."),
            ("No.=71001, it says.", "…, it says."),
            ("", ""),
        ] {
            assert_eq!(shape(message), expected);
        }
    }

    #[test]
    fn endless_variety_of_answers_ends_in_one_group() {
        let source = source("customers.csv");
        let mut fixes = Fixes::default();
        for number in 0..1000u32 {
            let word: String =
                number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
            fixes.add_answer(row(&source, 2, State::Refused), "Odd", &format!("cause {word}"));
        }
        assert_eq!(fixes.len(), ANSWERS + 1);
        assert_eq!(fixes.by_rows()[0].rows, 800);
    }
}
