//! A finished reconciliation in words: for a terminal, and as one JSON document.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Deviation, EXTRA, Finding, agrees};
use crate::report::Report;
use crate::report::facts::ExitFacts;
use crate::report::json::{SCHEMA_VERSION, pretty};
use crate::report::summary::Phase;
use crate::report::terminal::{Paint, Style};
use crate::report::text::{amount, clipped, counted, grouped};
use crate::report::totals::TotalsLine;

/// Longest value that is shown of a row that is not as it should be.
const VALUE_CHARS: usize = 60;

/// What a person does about rows of this status; empty when there is nothing to do.
fn advice(status: &str) -> &'static str {
    match status {
        "different" => {
            "somebody or something changed them since; where the file is right, import it again, and only the \
             differences are sent"
        }
        "found-by-number" | "found-by-document" => {
            "the records that the run knew are gone, and others with the same number, or document and customer, are \
             there: somebody made them again; compare their fields"
        }
        "missing" => "they were deleted since; importing the file again creates them",
        "posted" => {
            "they have left the journal, and payments with their document numbers were posted since; the API does \
             not show enough of those to compare them"
        }
        "posted-or-removed" => {
            "they have left the journal, and nobody can tell from outside whether they were posted or removed; look \
             for their document numbers among the customer ledger entries"
        }
        "still-there" => "somebody created them again after the run had deleted them",
        "undecided" => {
            "they may have arrived and have no number to look for; look for their names in the target"
        }
        "in-doubt-found" | "in-doubt-different" | "in-doubt-absent" | "open" => {
            "resume the run, which settles them"
        }
        EXTRA => {
            "they have the document and the customer of a row of the run; remove one of the two in the journal"
        }
        _ => "",
    }
}

/// A finished reconciliation.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The run's report, with what was read back in its totals.
    pub report: Report,
    /// Whether the target agrees with the run about every row.
    pub agrees: bool,
    /// How many rows have which status.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first rows that are not as they should be.
    pub deviations: Vec<Deviation>,
    /// The path of `reconciliation.csv`.
    pub file: String,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    run: &'a str,
    command: &'a str,
    entity: &'a str,
    profile: &'a str,
    company: &'a str,
    agrees: bool,
    counts: &'a BTreeMap<&'static str, u64>,
    totals: Vec<TotalsLine<'a>>,
    deviations: &'a [Deviation],
    files: Files<'a>,
    exit: &'a ExitFacts,
}

#[derive(Serialize)]
struct Files<'a> {
    reconciliation: &'a str,
    report: String,
    totals: String,
}

impl Reconciliation {
    /// What `--json` prints.
    #[must_use]
    pub fn json(&self) -> String {
        let Report { facts, summary, files } = &self.report;
        let path = |name: &str| files.folder.join(name).display().to_string();
        pretty(&Document {
            schema_version: SCHEMA_VERSION,
            run: &facts.run,
            command: &facts.command,
            entity: facts.entity.as_str(),
            profile: &facts.profile,
            company: &facts.company,
            agrees: self.agrees,
            counts: &self.counts,
            totals: summary.totals().lines(Phase::Outcome),
            deviations: &self.deviations,
            files: Files {
                reconciliation: &self.file,
                report: path(files.report),
                totals: path(files.totals),
            },
            exit: &facts.exit,
        })
    }

    /// The summary for a terminal.
    #[must_use]
    pub fn terminal(&self, style: Style) -> String {
        let mut text = String::new();
        // A string takes every text.
        let _ = self.write_terminal(&mut text, style);
        text
    }

    fn write_terminal(&self, text: &mut String, style: Style) -> std::fmt::Result {
        let (paint, headline) =
            if self.agrees { (Paint::Green, "AGREES") } else { (Paint::Yellow, "DOES NOT AGREE") };
        writeln!(text, "{}: {}", style.paint(paint, headline), self.sentence())?;
        let widest = self.counts.keys().map(|status| status.len()).max().unwrap_or(2);
        for (status, rows) in &self.counts {
            let paint = if agrees(status) { Paint::Green } else { Paint::Yellow };
            let counted = format!("{status:<widest$} {:>9}", grouped(*rows));
            writeln!(text, "  {}", style.paint(paint, &counted))?;
        }
        for deviation in &self.deviations {
            writeln!(text, "  {}", deviation_words(deviation))?;
        }
        for status in self.counts.keys().filter(|status| !advice(status).is_empty()) {
            writeln!(text, "→ {status}: {}", advice(status))?;
        }
        self.write_totals(text, style)?;
        writeln!(text, "reconciliation  {}", self.file)?;
        writeln!(
            text,
            "report          {}",
            self.report.files.folder.join(self.report.files.report).display()
        )
    }

    fn write_totals(&self, text: &mut String, style: Style) -> std::fmt::Result {
        for (currency, totals) in self.report.summary.totals().iter() {
            let read = totals.read_back.unwrap_or_default();
            let same = totals.acknowledged.minus(read).is_nothing();
            let mark = if same { style.paint(Paint::Green, "✓") } else { style.paint(Paint::Red, "✗") };
            let left_out = match totals.left_out.count {
                0 => String::new(),
                _ => format!(" + left out {}", amount(totals.left_out.sum)),
            };
            writeln!(
                text,
                "Totals  {:<5} file {} = written {}{left_out}; read back {}  {mark}",
                self.report.facts.currency_name(currency),
                amount(totals.file.sum),
                amount(totals.acknowledged.sum),
                amount(read.sum),
            )?;
        }
        Ok(())
    }

    fn sentence(&self) -> String {
        let run = &self.report.facts.run;
        let off: u64 = self.counts.iter().filter(|(status, _)| !agrees(status)).map(|(_, rows)| *rows).sum();
        let same = self.counts.get(Finding::Same.word()).copied().unwrap_or(0);
        match (off, same) {
            (0, 0) => format!("Run {run} wrote nothing."),
            (0, same) => {
                format!(
                    "{} of run {run} read back, and as the run left {}.",
                    counted(same, "row"),
                    them(same)
                )
            }
            (off, same) => format!(
                "{} of run {run} read back as the run left {}; {} not.",
                counted(same, "row"),
                them(same),
                if off == 1 { "1 was".to_owned() } else { format!("{} were", grouped(off)) },
            ),
        }
    }
}

fn them(rows: u64) -> &'static str {
    if rows == 1 { "it" } else { "them" }
}

fn deviation_words(deviation: &Deviation) -> String {
    let Deviation { status, at, key, field, expected, found } = deviation;
    let short = |value: &str| clipped(value, VALUE_CHARS);
    let mut words = (*status).to_owned();
    for part in [at, key].into_iter().filter(|part| !part.is_empty()) {
        let _ = write!(words, "  {}", short(part));
    }
    if !field.is_empty() {
        let _ = write!(words, "  {field}: sent `{}`, found `{}`", short(expected), short(found));
    } else if !found.is_empty() {
        let _ = write!(words, "  {}", short(found));
    }
    words
}
