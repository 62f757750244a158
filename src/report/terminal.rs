//! The report as a few lines of text, for a terminal or a log.
//!
//! Promises: nothing is printed here; colour never carries meaning alone; no control character of a file reaches
//! the text.

use std::fmt::Write;

use super::Report;
use super::fixes::Fix;
use super::summary::Phase;
use super::text::{amount, clipped, counted, grouped, wrapped};
use super::verdict::{Tone, next_steps, verdict};
use crate::domain::{Action, Rule, State};

/// How many repairs are listed; the report page has the others.
const FIXES: usize = 8;

/// What the reader's screen can do.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether escape sequences for colours are welcome.
    pub colour: bool,
    /// How many characters a line may have.
    pub width: usize,
}

/// Signs that stand for an action or a state, so that colour is never needed.
fn sign(action: Action) -> (&'static str, Paint) {
    match action {
        Action::Create => ("+", Paint::Green),
        Action::Update => ("~", Paint::Yellow),
        Action::Delete => ("-", Paint::Red),
        Action::Unchanged | Action::Skip => ("=", Paint::Dim),
        Action::Conflict => ("!", Paint::Red),
        Action::Reject => ("x", Paint::Red),
    }
}

fn state_sign(state: State) -> (&'static str, Paint) {
    match state {
        State::Done => ("+", Paint::Green),
        State::Unchanged | State::Skipped => ("=", Paint::Dim),
        State::Planned | State::Sending => ("…", Paint::Yellow),
        State::InDoubt => ("?", Paint::Yellow),
        State::Refused | State::Rejected => ("x", Paint::Red),
        State::Conflict => ("!", Paint::Red),
    }
}

#[derive(Clone, Copy)]
pub(super) enum Paint {
    Bold,
    Dim,
    Green,
    Red,
    Yellow,
}

impl Style {
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Green => "32",
            Paint::Red => "31",
            Paint::Yellow => "33",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The report as lines, each ended by a line break.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut text = String::new();
    write_verdict(&mut text, report, style);
    write_counts(&mut text, report, style);
    write_forecast(&mut text, report, style);
    write_fixes(&mut text, report, style);
    write_totals(&mut text, report, style);
    write_files(&mut text, report, style);
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn write_verdict(text: &mut String, report: &Report, style: Style) {
    let said = verdict(&report.facts, &report.summary);
    let paint = match said.tone {
        Tone::Good => Paint::Green,
        Tone::Attention => Paint::Yellow,
        Tone::Bad => Paint::Red,
    };
    let headline = style.paint(paint, said.headline);
    line(text, &format!("{headline}: {} {}", said.sentence, said.detail));
}

fn write_counts(text: &mut String, report: &Report, style: Style) {
    let summary = &report.summary;
    let counts: Vec<(&str, Paint, &str, u64)> = match summary.phase() {
        Phase::Check => vec![
            ("+", Paint::Green, "accepted", summary.in_state(State::Planned)),
            ("x", Paint::Red, "rejected", summary.in_state(State::Rejected)),
            ("=", Paint::Dim, "skipped", summary.in_state(State::Skipped)),
        ]
        .into_iter()
        .filter(|(_, _, word, rows)| *rows > 0 || *word != "skipped")
        .collect(),
        Phase::Plan => Action::ALL
            .map(|action| (sign(action).0, sign(action).1, action.as_str(), summary.with_action(action)))
            .into_iter()
            .filter(|(_, _, word, rows)| *rows > 0 || !matches!(*word, "delete" | "skip"))
            .collect(),
        Phase::Outcome => State::ALL
            .map(|state| (state_sign(state).0, state_sign(state).1, state.as_str(), summary.in_state(state)))
            .into_iter()
            .filter(|(_, _, word, rows)| *rows > 0 || *word == "done")
            .collect(),
    };
    let widest = counts.iter().map(|(_, _, _, rows)| grouped(*rows).len()).max().unwrap_or(1);
    for (sign, paint, word, rows) in counts {
        let paint = if rows == 0 { Paint::Dim } else { paint };
        let counted = format!("{sign} {word:<10}{:>widest$}", grouped(rows));
        let note = if word == "update" { changed_words(report) } else { String::new() };
        line(text, &format!("  {}{note}", style.paint(paint, &counted)));
    }
}

/// What carrying out the plan takes, under a plan.
fn write_forecast(text: &mut String, report: &Report, style: Style) {
    let forecast = report.facts.forecast.filter(|known| known.requests > 0);
    if let (Phase::Plan, Some(forecast)) = (report.summary.phase(), forecast) {
        line(text, &style.paint(Paint::Dim, &format!("  to carry out: {}", forecast.words())));
    }
}

/// `   (5 values: email 3, paymentTermsId 2; 0 cleared)`.
fn changed_words(report: &Report) -> String {
    let changes = report.summary.changes();
    if changes.rows() == 0 {
        return String::new();
    }
    let fields = changes.by_rows();
    let named: Vec<_> =
        fields.iter().take(3).map(|change| format!("{} {}", change.field, grouped(change.rows))).collect();
    let more = if fields.len() > 3 { ", …" } else { "" };
    let cleared: u64 = fields.iter().map(|change| change.cleared).sum();
    format!(
        "   ({}: {}{more}; {} cleared)",
        counted(changes.values(), "value"),
        named.join(", "),
        grouped(cleared)
    )
}

fn write_fixes(text: &mut String, report: &Report, style: Style) {
    let fixes = report.summary.fixes().by_rows();
    if fixes.is_empty() {
        return;
    }
    line(text, &style.paint(Paint::Bold, "What to fix"));
    let widest = fixes.iter().map(|fix| counted(fix.rows, "row").len()).max().unwrap_or(1);
    for fix in fixes.iter().take(FIXES) {
        let title =
            if fix.field.is_empty() { fix.title.clone() } else { format!("{}: {}", fix.field, fix.title) };
        let rows = counted(fix.rows, "row");
        let room = style.width.saturating_sub(widest + 6).max(20);
        let mut titles = wrapped(&title, room).into_iter();
        line(text, &format!("  {rows:>widest$}  {}", titles.next().unwrap_or_default()));
        titles.for_each(|title| line(text, &format!("  {:>widest$}  {title}", "")));
        if !fix.code.is_empty() {
            append(text, &format!("  [{}]", fix.code), (widest + 4, style));
        }
        let remedy = wrapped(&format!("→ {}", remedy_words(fix)), room);
        for detail in [clipped(&sample_words(fix), room)].into_iter().chain(remedy) {
            line(text, &format!("  {:>widest$}  {}", "", style.paint(Paint::Dim, &detail)));
        }
    }
    if fixes.len() > FIXES {
        line(
            text,
            &format!("  and {}; the report lists them", counted((fixes.len() - FIXES) as u64, "more repair")),
        );
    }
}

/// Puts a few words at the end of the last line, or below it, `indent` to the right, when it is full.
fn append(text: &mut String, words: &str, (indent, style): (usize, Style)) {
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    let fits = last.chars().count() + words.chars().count() <= style.width;
    text.truncate(text.trim_end().len());
    let words = if fits { words.to_owned() } else { format!("\n{:indent$}{}", "", words.trim_start()) };
    line(text, &style.paint(Paint::Dim, &words));
}

/// The remedy, with the values themselves where it speaks of them.
fn remedy_words(fix: &Fix) -> String {
    match fix.samples.first() {
        Some(sample) if fix.code == Rule::NotOneOf.code() => format!("{}: {}", fix.remedy, sample.allowed),
        _ => fix.remedy.clone(),
    }
}

fn sample_words(fix: &Fix) -> String {
    let Some(sample) = fix.samples.first() else { return String::new() };
    match sample.found.as_str() {
        "" => format!("{}: blank", sample.at),
        found if fix.field.is_empty() => format!("{}: {found}", sample.at),
        found => format!("{}: `{}`", sample.at, clipped(found, 40)),
    }
}

fn write_totals(text: &mut String, report: &Report, style: Style) {
    let Report { facts, summary, .. } = report;
    for (currency, totals) in summary.totals().iter() {
        let phase = summary.phase();
        let (word, arrived) = match phase {
            Phase::Outcome => ("written", totals.acknowledged.sum),
            Phase::Plan => ("planned", totals.planned.sum),
            Phase::Check => ("accepted", totals.planned.sum),
        };
        let mut sums = format!("file {} = {word} {}", amount(totals.file.sum), amount(arrived));
        if totals.left_out.count > 0 {
            let _ = write!(sums, " + left out {}", amount(totals.left_out.sum));
        }
        let difference = totals.difference(phase);
        let mark = if difference.is_nothing() {
            style.paint(Paint::Green, "✓")
        } else {
            style.paint(Paint::Red, &format!("✗ difference {}", amount(difference.sum)))
        };
        line(text, &format!("Totals  {:<5} {sums}  {mark}", facts.currency_name(currency)));
    }
}

fn write_files(text: &mut String, report: &Report, style: Style) {
    let named = report.files.named();
    let widest = named.iter().map(|(kind, _)| kind.len()).max().unwrap_or(0);
    for (kind, path) in named {
        line(text, &format!("{kind:<widest$}  {path}"));
    }
    for step in next_steps(&report.facts, &report.summary, &report.files.reject_paths()) {
        line(text, &format!("{} {step}", style.paint(Paint::Bold, "Next:")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ReportFiles;
    use crate::report::facts::SourceFacts;
    use crate::report::summary::Summary;
    use crate::report::testing::{facts, result, source};

    fn report(file: &str, finished: bool, rows: &[(Action, State)]) -> Report {
        let read = u64::try_from(rows.len()).unwrap();
        let facts = facts(vec![SourceFacts { rows: read, ..source(file) }]);
        let mut summary = Summary::of_run(&facts.sources, finished);
        for (id, (action, state)) in (1..).zip(rows) {
            summary.add(&result(id, *action, *state));
        }
        let rejects =
            if summary.needing_attention() > 0 { vec!["rejects.csv".to_owned()] } else { Vec::new() };
        let files = ReportFiles::new(".ferry/runs/7kq2".into(), Some("results.csv".to_owned()), rejects);
        Report { facts, summary, files }
    }

    const PLAIN: Style = Style { colour: false, width: 100 };

    #[test]
    fn a_plan_shows_actions_repairs_and_totals() {
        use Action::{Conflict, Create, Reject, Unchanged, Update};
        let rows = [
            (Create, State::Planned),
            (Create, State::Planned),
            (Update, State::Planned),
            (Unchanged, State::Unchanged),
            (Conflict, State::Conflict),
            (Reject, State::Rejected),
        ];
        insta::assert_snapshot!(render(&report("kunden.xlsx", false, &rows), PLAIN));
    }

    #[test]
    fn an_outcome_shows_states_and_an_open_row_as_a_difference() {
        use Action::Create;
        let rows = [
            (Create, State::Done),
            (Create, State::Refused),
            (Create, State::InDoubt),
            (Create, State::Done),
        ];
        insta::assert_snapshot!(render(&report("customers.csv", false, &rows), PLAIN));
    }

    #[test]
    fn a_clean_outcome_is_short() {
        let rows = [(Action::Create, State::Done), (Action::Unchanged, State::Unchanged)];
        insta::assert_snapshot!(render(&report("customers.csv", true, &rows), PLAIN));
    }

    #[test]
    fn values_that_are_allowed_are_listed_where_the_remedy_speaks_of_them() {
        let source = source("customers.csv");
        let mut summary = Summary::of_check(std::slice::from_ref(&source));
        let violation = crate::domain::Violation {
            rule: Rule::NotOneOf,
            field: "type".to_owned(),
            column: Some(2),
            found: "Wholesaler".to_owned(),
            allowed: "Company, Person".to_owned(),
        };
        let origin = crate::domain::Origin { row: 1, line: 2 };
        summary.reject(
            0,
            &crate::domain::Reject { origin, violations: vec![violation], cells: Vec::new() },
            "1",
        );
        let files = ReportFiles::new("out".into(), None, Vec::new());
        let said = render(&Report { facts: facts(vec![source]), summary, files }, PLAIN);
        assert!(said.contains("→ use one of the allowed values: Company, Person"), "{said}");
    }

    #[test]
    fn what_to_do_is_said_to_its_last_word() {
        let source = source("payments.csv");
        let facts = facts(vec![source.clone()]);
        let mut summary = Summary::of_check(&facts.sources);
        let violation = crate::domain::Violation {
            rule: crate::domain::Rule::AmountSign,
            field: "amount".to_owned(),
            column: Some(2),
            found: "-5".to_owned(),
            allowed: String::new(),
        };
        let origin = crate::domain::Origin { row: 1, line: 2 };
        let reject = crate::domain::Reject { origin, violations: vec![violation], cells: Vec::new() };
        summary.reject(0, &reject, "P1");
        let files = ReportFiles::new("out".into(), None, Vec::new());
        let said = render(&Report { facts, summary, files }, Style { colour: false, width: 60 });
        let words: Vec<_> = said.split_whitespace().collect();
        let said_in_one_line = words.join(" ");
        assert!(said_in_one_line.contains(crate::domain::Rule::AmountSign.remedy()), "{said}");
        assert!(said_in_one_line.contains("cannot be posted as a payment [amount-sign]"), "{said}");
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let rows = [(Action::Create, State::Done), (Action::Reject, State::Rejected)];
        let report = report("customers.csv", true, &rows);
        let coloured = render(&report, Style { colour: true, width: 100 });
        assert!(coloured.contains("\u{1b}[32m"));
        let mut stripped = coloured;
        for code in ["0", "1", "2", "31", "32", "33"] {
            stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(stripped, render(&report, PLAIN));
    }
}
