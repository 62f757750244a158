//! `report.json`, which is also what `--json` prints: everything the report says, for programs.
//!
//! Promises: amounts are JSON numbers with every digit; keys are only ever added within a schema version.
//! `exit` says how the command ended that carried the run out, so that a report that is written again later says the
//! same; such a document has `process_exit` too, which is how the telling command itself ended.

use std::collections::BTreeMap;

use serde::Serialize;

use super::changes::Change;
use super::facts::{ExitFacts, RunFacts, SourceFacts};
use super::fixes::Fix;
use super::summary::{Phase, Summary};
use super::totals::TotalsLine;
use super::verdict::verdict;
use super::{Report, ReportFiles};
use crate::domain::{Action, Forecast, NotRestored, State, UnsupportedColumn};

/// The version of `report.json` and `totals.json`; raised when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the document")]
struct Document<'a> {
    schema_version: u32,
    run: &'a str,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_restored: Option<&'a NotRestored>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_dimensions: Option<u64>,
    created: &'a str,
    tool_version: &'a str,
    entity: &'a str,
    profile: &'a str,
    system: &'a str,
    dialect: &'a str,
    company: &'a str,
    local_currency: &'a str,
    finished: bool,
    sliced: bool,
    verdict: VerdictDocument<'a>,
    counts: BTreeMap<&'static str, u64>,
    actions: BTreeMap<&'static str, u64>,
    attempts: u64,
    every_row_once: bool,
    totals: Vec<TotalsLine<'a>>,
    reconciled: bool,
    fixes: Vec<&'a Fix>,
    changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<Forecast>,
    sources: Vec<SourceDocument<'a>>,
    columns: Vec<ColumnDocument<'a>>,
    unmapped: &'a [String],
    unsupported: &'a [UnsupportedColumn],
    notes: &'a [String],
    files: &'a ReportFiles,
    exit: &'a ExitFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_exit: Option<&'a ExitFacts>,
}

#[derive(Serialize)]
struct VerdictDocument<'a> {
    headline: &'a str,
    sentence: &'a str,
}

#[derive(Serialize)]
struct SourceDocument<'a> {
    file: &'a str,
    sheet: Option<&'a str>,
    sha256: &'a str,
    bytes: u64,
    rows: u64,
    left_out: u64,
}

#[derive(Serialize)]
struct ColumnDocument<'a> {
    column: &'a str,
    field: &'a str,
}

/// The text of `report.json`: one document, the same in every ending.
#[must_use]
pub fn report_json(report: &Report) -> String {
    let Report { facts, summary, files } = report;
    let verdict = verdict(facts, summary);
    let phase = summary.phase();
    pretty(&Document {
        schema_version: SCHEMA_VERSION,
        run: &facts.run,
        command: &facts.command,
        retries: facts.retries.as_deref(),
        undoes: facts.undoes.as_deref(),
        undone_by: facts.undone_by.as_deref(),
        not_restored: facts.not_restored.as_ref(),
        deleted_dimensions: Some(facts.deleted_dimensions).filter(|number| *number > 0),
        created: &facts.created,
        tool_version: &facts.tool_version,
        entity: facts.entity.as_str(),
        profile: &facts.profile,
        system: &facts.system,
        dialect: &facts.dialect,
        company: &facts.company,
        local_currency: &facts.local_currency,
        finished: facts.finished,
        sliced: facts.sliced,
        verdict: VerdictDocument { headline: verdict.headline, sentence: &verdict.sentence },
        counts: counts(summary),
        actions: actions(summary),
        attempts: summary.attempts(),
        every_row_once: summary.covers_every_row_once(),
        totals: summary.totals().lines(phase),
        reconciled: summary.totals().is_reconciled(phase),
        fixes: summary.fixes().by_rows(),
        changes: summary.changes().all(),
        forecast: facts.forecast,
        sources: summary.sources().iter().map(|tally| source(&tally.facts, tally.left_out)).collect(),
        columns: columns(facts),
        unmapped: &facts.unmapped,
        unsupported: &facts.unsupported,
        notes: &facts.notes,
        files,
        exit: &facts.exit,
        process_exit: facts.process_exit.as_ref(),
    })
}

/// Rows in all, and by state; a check without a target knows only accepted and rejected ones.
fn counts(summary: &Summary) -> BTreeMap<&'static str, u64> {
    let rows = ("rows", summary.rows());
    if summary.phase() == Phase::Check {
        let accepted = ("accepted", summary.in_state(State::Planned));
        return BTreeMap::from([rows, accepted, ("rejected", summary.in_state(State::Rejected))]);
    }
    let states = State::ALL.into_iter().map(|state| (state.as_str(), summary.in_state(state)));
    states.chain([rows]).collect()
}

fn actions(summary: &Summary) -> BTreeMap<&'static str, u64> {
    if summary.phase() == Phase::Check {
        return BTreeMap::new();
    }
    Action::ALL.into_iter().map(|action| (action.as_str(), summary.with_action(action))).collect()
}

fn source(facts: &SourceFacts, left_out: u64) -> SourceDocument<'_> {
    SourceDocument {
        file: &facts.name.file,
        sheet: facts.name.sheet.as_deref(),
        sha256: &facts.sha256,
        bytes: facts.bytes,
        rows: facts.rows,
        left_out,
    }
}

fn columns(facts: &RunFacts) -> Vec<ColumnDocument<'_>> {
    facts.columns.iter().map(|(column, field)| ColumnDocument { column, field }).collect()
}

/// The document with line breaks and one at its end.
pub(super) fn pretty(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("text keys and numbers always serialise");
    text.push('\n');
    text
}
