//! `report.html`: one page for the person who decides, readable from a mail attachment and on paper.
//!
//! In: a finished summary. Out: one self-contained page without script, fonts or addresses to fetch.
//!
//! Promises: every text of a file or of the target is escaped; the page stays small whatever the number of rows,
//! and says what it leaves out.

use std::fmt::Write;

use minijinja::HtmlEscape;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value};
use serde::Serialize;

use super::Report;
use super::changes::{self, Change};
use super::facts::{ExitFacts, RunFacts};
use super::fixes::{self, Sample};
use super::place::file_name;
use super::summary::{Phase, Summary};
use super::text::{amount, counted, grouped};
use super::tiles::{BAR_LEAST, Segment, Tile, bar, tiles};
use super::totals::{CurrencyTotals, Total};
use super::verdict::{Step, Tone, next_steps, verdict};

const TEMPLATE: &str = include_str!("report.html.j2");
/// Repairs shown on the page; `report.json` has all of them.
const FIXES: usize = 40;
/// Repairs whose samples are unfolded.
const OPEN_FIXES: usize = 4;
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    tone: &'static str,
    headline: &'a str,
    sentence: &'a str,
    detail: &'a str,
    phase: &'static str,
    tiles: Vec<Tile>,
    bar: Vec<Segment>,
    fixes: Vec<FixView<'a>>,
    fixes_hidden: usize,
    fix_samples: usize,
    money: Vec<MoneyLine<'a>>,
    money_name: &'a str,
    without_amount: Option<String>,
    arrived: &'static str,
    has_open: bool,
    is_read_back: bool,
    changes: Vec<Change>,
    change_samples: usize,
    changed: String,
    sources: Vec<SourceView<'a>>,
    columns: &'a [(String, String)],
    unmapped: &'a [String],
    notes: &'a [String],
    every_row_once: bool,
    rows: String,
    next: Vec<Step>,
    results: Option<&'a str>,
    rejects: &'a [String],
    facts: FactsView<'a>,
}

#[derive(Serialize)]
struct FixView<'a> {
    code: &'a str,
    field: &'a str,
    column: Option<&'a str>,
    state: &'static str,
    title: &'a str,
    remedy: &'a str,
    rows: String,
    permille: u64,
    open: bool,
    has_keys: bool,
    samples: Vec<SampleView<'a>>,
    more: u64,
}

#[derive(Serialize)]
struct SampleView<'a> {
    at: String,
    key: &'a str,
    found: &'a str,
    allowed: &'a str,
}

#[derive(Serialize)]
struct MoneyLine<'a> {
    currency: &'a str,
    file: Cell,
    arrived: Cell,
    left_out: Cell,
    open: Cell,
    read_back: Option<Cell>,
    difference: Cell,
    reconciled: bool,
}

#[derive(Serialize)]
struct Cell {
    sum: String,
    rows: String,
    is_nothing: bool,
}

#[derive(Serialize)]
struct SourceView<'a> {
    file: String,
    sheet: Option<&'a str>,
    rows: String,
    left_out: String,
    bytes: String,
    sha256: &'a str,
}

#[derive(Serialize)]
struct FactsView<'a> {
    run: &'a str,
    command: &'a str,
    created: String,
    tool_version: &'a str,
    entity: &'a str,
    profile: &'a str,
    system: &'a str,
    dialect: &'a str,
    company: &'a str,
    exit: &'a ExitFacts,
}

/// The text of the page.
pub(super) fn page(report: &Report) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_filter("ticks", |text: &str| Value::from_safe_string(with_code(text)));
    environment.add_template("report.html", TEMPLATE)?;
    environment.get_template("report.html")?.render(view(report))
}

fn view(report: &Report) -> Value {
    let Report { facts, summary, files } = report;
    let said = verdict(facts, summary);
    let (headline, sentence, detail) = (said.headline, said.sentence, said.detail);
    let tiles = tiles(summary);
    let phase = summary.phase();
    let values = counted(summary.changes().values(), "value");
    let page = Page {
        title: format!("{headline} · {}", title_subject(facts)),
        tone: match said.tone {
            Tone::Good => "good",
            Tone::Attention => "attention",
            Tone::Bad => "bad",
        },
        headline,
        sentence: &sentence,
        detail: &detail,
        phase: match phase {
            Phase::Check => "check",
            Phase::Plan => "plan",
            Phase::Outcome => "outcome",
        },
        bar: bar(&tiles),
        tiles,
        fixes: fix_views(summary),
        fixes_hidden: summary.fixes().len().saturating_sub(FIXES),
        fix_samples: fixes::SAMPLES,
        money: money(facts, summary),
        money_name: facts.amount_name(),
        without_amount: Some(summary.without_amount())
            .filter(|rows| *rows > 0)
            .map(|rows| counted(rows, "row")),
        arrived: match phase {
            Phase::Check => "accepted",
            Phase::Plan => "planned",
            Phase::Outcome => "written",
        },
        is_read_back: summary.totals().iter().any(|(_, totals)| totals.read_back.is_some()),
        has_open: phase == Phase::Outcome && summary.unsettled() > 0,
        changes: summary.changes().all(),
        change_samples: changes::SAMPLES,
        changed: changed(summary, &values),
        sources: sources(summary),
        columns: &facts.columns,
        unmapped: &facts.unmapped,
        notes: &facts.notes,
        every_row_once: summary.covers_every_row_once(),
        rows: counted(summary.rows(), "row"),
        next: next_steps(facts, summary, &files.rejects),
        results: files.results.as_deref(),
        rejects: &files.rejects,
        facts: facts_view(facts),
    };
    Value::from(minijinja::value::Serde(page))
}

/// The text as markup: escaped, and what stands in backticks set as code.
fn with_code(text: &str) -> String {
    let mut markup = String::with_capacity(text.len());
    let parts: Vec<_> = text.split('`').collect();
    for (place, part) in parts.iter().enumerate() {
        let is_code = place % 2 == 1 && place + 1 < parts.len();
        let tick = if place % 2 == 1 && !is_code { "`" } else { "" };
        let escaped = HtmlEscape(part);
        let _ = if is_code {
            write!(markup, "<code>{escaped}</code>")
        } else {
            write!(markup, "{tick}{escaped}")
        };
    }
    markup
}

/// `2026-03-14 16:40 UTC`; text that is no instant stays as it is.
fn readable(instant: &str) -> String {
    let parsed: Result<jiff::Timestamp, _> = instant.parse();
    parsed.map_or_else(|_| instant.to_owned(), |instant| instant.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn title_subject(facts: &RunFacts) -> String {
    let files: Vec<_> = facts.sources.iter().map(|source| file_name(&source.name.file)).collect();
    match files.as_slice() {
        [] => facts.entity.as_str().to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn fix_views(summary: &Summary) -> Vec<FixView<'_>> {
    let attention = summary.needing_attention().max(1);
    let is_one_file = summary.sources().len() == 1;
    let fixes = summary.fixes().by_rows().into_iter().take(FIXES).enumerate();
    fixes
        .map(|(place, fix)| FixView {
            code: &fix.code,
            field: &fix.field,
            column: fix.samples.first().and_then(|sample| sample.place.column.as_deref()),
            state: fix.state.as_str(),
            title: &fix.title,
            remedy: &fix.remedy,
            rows: grouped(fix.rows),
            permille: (fix.rows * 1000 / attention).max(BAR_LEAST),
            open: place < OPEN_FIXES,
            has_keys: fix.samples.iter().any(|sample| !sample.key.is_empty()),
            samples: fix.samples.iter().map(|sample| sample_view(sample, is_one_file)).collect(),
            more: fix.rows - fix.samples.len() as u64,
        })
        .collect()
}

/// A sample; the column is named above it, and the only text file of a run need not be named at every line.
fn sample_view(sample: &Sample, is_one_file: bool) -> SampleView<'_> {
    let at = match sample.place.sheet {
        None if is_one_file => format!("line {}", sample.place.line),
        None => format!("{}:{}", file_name(&sample.place.file), sample.place.line),
        Some(_) => sample.at.clone(),
    };
    SampleView { at, key: &sample.key, found: &sample.found, allowed: &sample.allowed }
}

fn money<'a>(facts: &'a RunFacts, summary: &'a Summary) -> Vec<MoneyLine<'a>> {
    let phase = summary.phase();
    let line = |(currency, totals): (&'a str, &CurrencyTotals)| MoneyLine {
        currency: facts.currency_name(currency),
        file: cell(totals.file),
        arrived: cell(if phase == Phase::Outcome { totals.acknowledged } else { totals.planned }),
        left_out: cell(totals.left_out),
        open: cell(totals.open),
        read_back: totals.read_back.map(cell),
        difference: cell(totals.difference(phase)),
        reconciled: totals.is_reconciled(phase),
    };
    summary.totals().iter().map(line).collect()
}

fn cell(total: Total) -> Cell {
    let rows = counted(total.count.unsigned_abs(), "row");
    Cell {
        sum: if total.inexact { "too many digits".to_owned() } else { amount(total.sum) },
        rows: if total.count < 0 { format!("-{rows}") } else { rows },
        is_nothing: total.is_nothing(),
    }
}

fn sources(summary: &Summary) -> Vec<SourceView<'_>> {
    let tallies = summary.sources().iter();
    tallies
        .map(|tally| SourceView {
            file: file_name(&tally.facts.name.file),
            sheet: tally.facts.name.sheet.as_deref(),
            rows: grouped(tally.facts.rows),
            left_out: grouped(tally.left_out),
            bytes: grouped(tally.facts.bytes),
            sha256: &tally.facts.sha256,
        })
        .collect()
}

fn facts_view(facts: &RunFacts) -> FactsView<'_> {
    FactsView {
        run: &facts.run,
        command: &facts.command,
        created: readable(&facts.created),
        tool_version: &facts.tool_version,
        entity: facts.entity.as_str(),
        profile: &facts.profile,
        system: &facts.system,
        dialect: &facts.dialect,
        company: &facts.company,
        exit: &facts.exit,
    }
}

/// How much changes, in words.
fn changed(summary: &Summary, values: &str) -> String {
    let changes = summary.changes();
    let updated = format!("{values} in {}", counted(changes.rows(), "record"));
    let deleted = format!("{} deleted", counted(changes.deleted(), "record"));
    match (changes.rows(), changes.deleted()) {
        (_, 0) => updated,
        (0, _) => deleted,
        _ => format!("{updated}, {deleted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, RowResult};
    use crate::report::ReportFiles;
    use crate::report::facts::SourceFacts;
    use crate::report::testing::{facts, result, source};

    fn report(finished: bool, rows: &[RowResult]) -> Report {
        let facts = facts(vec![SourceFacts { rows: rows.len() as u64, ..source("kunden.xlsx") }]);
        let mut summary = Summary::of_run(&facts.sources, finished);
        for row in rows {
            summary.add(row);
        }
        let files = ReportFiles::new(
            "runs/1".into(),
            Some("results.csv".to_owned()),
            vec!["rejects.xlsx".to_owned()],
        );
        Report { facts, summary, files }
    }

    fn some_of_everything() -> Vec<RowResult> {
        let actions = [Action::Create, Action::Update, Action::Unchanged, Action::Conflict, Action::Reject];
        (1..=20)
            .zip(actions.into_iter().cycle())
            .map(|(id, action)| result(id, action, action.first_state()))
            .collect()
    }

    #[test]
    fn cells_and_answers_can_never_become_markup() {
        let mut rows = some_of_everything();
        let evil = "<script>alert(1)</script><img src=//x onerror=y>\"'";
        rows[4].planned.key = evil.to_owned();
        rows[4].planned.violations[0].found = evil.to_owned();
        rows[3].message = evil.to_owned();
        rows[1].planned.changes[0].to = evil.to_owned();
        let mut report = report(false, &rows);
        report.facts.company = evil.to_owned();
        report.facts.columns[0].0 = evil.to_owned();
        report.facts.notes[0] = evil.to_owned();
        let page = page(&report).unwrap();
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.matches("&lt;script").count() >= 7);
    }

    #[test]
    fn backticks_become_code_and_nothing_else_becomes_markup() {
        assert_eq!(with_code("use `<b>` & `DE`"), "use <code>&lt;b&gt;</code> &amp; <code>DE</code>");
        assert_eq!(with_code("it`s <i>"), "it`s &lt;i&gt;");
    }

    #[test]
    fn the_page_needs_nothing_from_anywhere() {
        let page = page(&report(true, &some_of_everything())).unwrap();
        for fetched in ["http:", "https:", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
    }

    #[test]
    fn the_page_says_what_the_rows_say() {
        let page = page(&report(false, &some_of_everything())).unwrap();
        for said in [
            "NOT READY",
            "8 of 20 rows need attention.",
            "Kunden!C6",
            "What will change",
            "✓ none",
            "Internal note",
        ] {
            assert!(page.contains(said), "{said}");
        }
    }
}
