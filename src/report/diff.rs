//! What a comparison says: which records differ, in what, and what both sides add up to.
//!
//! In: every record of both sides once, as one of a pair or alone. Out, in a folder: `diff.csv` (key, field, a, b,
//! kind; one line for each field that differs and for each record without a counterpart) and `diff.json`; and a
//! summary for the terminal.
//!
//! Promises: lines are streamed; both files appear whole, `diff.json` last.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use super::facts::ExitFacts;
use super::json::{SCHEMA_VERSION, pretty};
use super::terminal::{Paint, Style};
use super::text::{amount, clipped, counted, grouped, neutral, wrapped};
use super::totals::Total;
use super::{ReportError, csv_error};
use crate::domain::{EntityKind, FieldChange};
use crate::durable::{PendingFile, create_directory, publish_all};

const NAME: &str = "diff.csv";
const JSON_NAME: &str = "diff.json";
const HEADER: [&str; 5] = ["key", "field", "a", "b", "kind"];
/// Differences shown on the terminal and in the JSON document.
const SAMPLES: usize = 10;
/// Longest value that is shown on the terminal.
const VALUE_CHARS: usize = 60;

/// How two sides can differ in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiffKind {
    /// A field has another value.
    Different,
    /// Only the first side has the record.
    OnlyInA,
    /// Only the second side has the record.
    OnlyInB,
    /// Several records could be its counterpart, or nothing tells which one is.
    Ambiguous,
    /// A row of a file breaks rules, so it could not be compared.
    Unreadable,
}

impl DiffKind {
    const ALL: [Self; 5] = [Self::Different, Self::OnlyInA, Self::OnlyInB, Self::Ambiguous, Self::Unreadable];

    /// The word for it in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::OnlyInA => "only-in-a",
            Self::OnlyInB => "only-in-b",
            Self::Ambiguous => "ambiguous",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffSide {
    /// What the user knows it by: a file, or a profile and its company.
    pub name: String,
    /// How many records it has, rows that could not be compared included.
    pub records: u64,
}

/// The sums of both sides, by what is added up and by currency; an empty currency is the local one.
pub type DiffTotals = BTreeMap<(&'static str, String), [Total; 2]>;

/// The circumstances of a comparison.
#[derive(Clone, Debug)]
pub struct DiffFacts {
    /// What the records are.
    pub kind: EntityKind,
    /// Both sides; their records are counted while they go by.
    pub sides: [DiffSide; 2],
    /// The fields by which counterparts were found.
    pub matched_by: Vec<&'static str>,
    /// The fields that were compared.
    pub compared: Vec<&'static str>,
    /// The fields that only one of the sides can hold.
    pub only: [Vec<&'static str>; 2],
    /// Counts and sums.
    pub totals: DiffTotals,
}

/// One line of `diff.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key in words a person knows.
    pub key: String,
    /// The field; empty where the whole record has no counterpart.
    pub field: String,
    /// The first side's value, or which record it is.
    pub a: String,
    /// The second side's.
    pub b: String,
    /// How the two differ.
    pub kind: &'static str,
}

/// Writes a comparison while the records go by; nothing is visible before it is published.
#[derive(Debug)]
pub struct DiffWriter {
    facts: DiffFacts,
    lines: csv::Writer<PendingFile>,
    document: PendingFile,
    equal: u64,
    counts: BTreeMap<DiffKind, u64>,
    samples: Vec<Difference>,
}

impl DiffWriter {
    /// A comparison whose files will stand in this folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn create(folder: &Path, facts: DiffFacts) -> Result<Self, ReportError> {
        create_directory(folder)?;
        let mut lines = csv::Writer::from_writer(PendingFile::create(folder.join(NAME))?);
        let document = PendingFile::create(folder.join(JSON_NAME))?;
        let written = lines.write_record(HEADER);
        written.map_err(|cause| csv_error(lines.get_ref().path(), cause))?;
        Ok(Self { facts, lines, document, equal: 0, counts: BTreeMap::new(), samples: Vec::new() })
    }

    /// Adds two records that are each other's counterparts, and the fields in which they differ: `to` is the first
    /// side's value, `from` the second's.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_pair(&mut self, key: &str, changes: &[FieldChange]) -> Result<(), ReportError> {
        self.facts.sides.iter_mut().for_each(|side| side.records += 1);
        if changes.is_empty() {
            self.equal += 1;
            return Ok(());
        }
        *self.counts.entry(DiffKind::Different).or_default() += 1;
        for change in changes {
            self.write(Difference {
                key: key.to_owned(),
                field: change.field.clone(),
                a: change.to.clone(),
                b: change.from.clone(),
                kind: DiffKind::Different.as_str(),
            })?;
        }
        Ok(())
    }

    /// Adds a record without a counterpart: which side (0 or 1) has it, its key, and what else tells which one it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_single(
        &mut self,
        kind: DiffKind,
        side: usize,
        (key, label): (&str, &str),
    ) -> Result<(), ReportError> {
        self.facts.sides[side].records += 1;
        *self.counts.entry(kind).or_default() += 1;
        let mut labels = [String::new(), String::new()];
        label.clone_into(&mut labels[side]);
        let [a, b] = labels;
        self.write(Difference { key: key.to_owned(), field: String::new(), a, b, kind: kind.as_str() })
    }

    /// Whether both sides agree so far.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.counts.is_empty()
    }

    /// Puts the files in their places; the command ends with `exit`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn publish(mut self, exit: ExitFacts) -> Result<Diff, ReportError> {
        if let Err(cause) = self.lines.flush() {
            return Err(self.lines.get_ref().error(cause).into());
        }
        let path = |file: &PendingFile| file.path().display().to_string();
        let files = DiffFiles { diff: path(self.lines.get_ref()), document: path(&self.document) };
        let is_equal = self.is_equal();
        let Self { facts, lines, mut document, equal, counts, samples } = self;
        let diff = Diff { facts, is_equal, equal, counts, samples, files, exit };
        let written = document.write_all(diff.json().as_bytes());
        written.map_err(|cause| document.error(cause))?;
        if let Ok(lines) = lines.into_inner() {
            publish_all([lines, document])?;
        }
        Ok(diff)
    }

    fn write(&mut self, difference: Difference) -> Result<(), ReportError> {
        let Difference { key, field, a, b, kind } = &difference;
        let [key, field, a, b] = [key, field, a, b].map(|text| neutral(text));
        let written = self.lines.write_record([&*key, &*field, &*a, &*b, kind]);
        written.map_err(|cause| csv_error(self.lines.get_ref().path(), cause))?;
        if self.samples.len() < SAMPLES {
            self.samples.push(difference);
        }
        Ok(())
    }
}

/// A finished comparison.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Its circumstances.
    pub facts: DiffFacts,
    /// Whether both sides agree.
    pub is_equal: bool,
    /// How many pairs agree in every compared field.
    pub equal: u64,
    /// How many records differ how.
    pub counts: BTreeMap<DiffKind, u64>,
    /// The first lines of `diff.csv`.
    pub samples: Vec<Difference>,
    /// Where the files stand.
    pub files: DiffFiles,
    /// How the command ends.
    pub exit: ExitFacts,
}

/// The paths of what a comparison leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffFiles {
    /// `diff.csv`.
    pub diff: String,
    /// `diff.json`.
    pub document: String,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    command: &'static str,
    entity: &'static str,
    a: &'a DiffSide,
    b: &'a DiffSide,
    equal: bool,
    counts: BTreeMap<&'static str, u64>,
    matched_by: &'a [&'static str],
    fields: FieldsDocument<'a>,
    totals: Vec<TotalsDocument<'a>>,
    samples: &'a [Difference],
    files: &'a DiffFiles,
    exit: &'a ExitFacts,
}

#[derive(Serialize)]
struct FieldsDocument<'a> {
    compared: &'a [&'static str],
    only_in_a: &'a [&'static str],
    only_in_b: &'a [&'static str],
}

#[derive(Serialize)]
struct TotalsDocument<'a> {
    amount: &'static str,
    currency: &'a str,
    a: Total,
    b: Total,
    difference: Total,
}

impl Diff {
    /// What `--json` prints, and `diff.json` holds.
    #[must_use]
    pub fn json(&self) -> String {
        let [a, b] = &self.facts.sides;
        let [only_in_a, only_in_b] = &self.facts.only;
        let count = |kind: DiffKind| (kind.as_str(), self.count(kind));
        let totals = self.facts.totals.iter().map(|((amount, currency), [a, b])| TotalsDocument {
            amount,
            currency,
            a: *a,
            b: *b,
            difference: a.minus(*b),
        });
        pretty(&Document {
            schema_version: SCHEMA_VERSION,
            command: "diff",
            entity: self.facts.kind.as_str(),
            a,
            b,
            equal: self.is_equal,
            counts: DiffKind::ALL.into_iter().map(count).chain([("equal", self.equal)]).collect(),
            matched_by: &self.facts.matched_by,
            fields: FieldsDocument { compared: &self.facts.compared, only_in_a, only_in_b },
            totals: totals.collect(),
            samples: &self.samples,
            files: &self.files,
            exit: &self.exit,
        })
    }

    /// How many records differ so.
    #[must_use]
    pub fn count(&self, kind: DiffKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
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
            if self.is_equal { (Paint::Green, "EQUAL") } else { (Paint::Yellow, "DIFFERENT") };
        writeln!(text, "{}: {}", style.paint(paint, headline), self.sentence())?;
        for (letter, side) in ["a", "b"].into_iter().zip(&self.facts.sides) {
            writeln!(text, "  {letter}  {} with {}", side.name, counted(side.records, "record"))?;
        }
        writeln!(
            text,
            "  {}",
            style.paint(Paint::Green, &format!("{:<10} {:>9}", "equal", grouped(self.equal)))
        )?;
        for kind in DiffKind::ALL.into_iter().filter(|kind| self.count(*kind) > 0) {
            let line = format!("{:<10} {:>9}", kind.as_str(), grouped(self.count(kind)));
            writeln!(text, "  {}", style.paint(Paint::Yellow, &line))?;
        }
        for difference in &self.samples {
            writeln!(text, "  {}", in_words(difference))?;
        }
        self.write_totals(text, style)?;
        let matched_by = self.facts.matched_by.join(", ");
        write_list(text, style, ("matched by", &matched_by))?;
        write_list(text, style, ("compared", &self.facts.compared.join(", ")))?;
        for (letter, only) in ["a", "b"].into_iter().zip(&self.facts.only) {
            if !only.is_empty() {
                write_list(text, style, (&format!("not compared, only in {letter}"), &only.join(", ")))?;
            }
        }
        writeln!(text, "differences  {}", self.files.diff)
    }

    fn write_totals(&self, text: &mut String, style: Style) -> std::fmt::Result {
        for ((name, currency), [a, b]) in &self.facts.totals {
            let difference = a.minus(*b);
            let mark = if difference.is_nothing() {
                style.paint(Paint::Green, "✓")
            } else {
                style.paint(Paint::Red, &format!("difference {} ✗", amount(difference.sum)))
            };
            let currency = if currency.is_empty() { "local currency" } else { currency };
            let (one, other) = (amount(a.sum), amount(b.sum));
            let (of, of_other) = (grouped(a.count.unsigned_abs()), grouped(b.count.unsigned_abs()));
            writeln!(text, "Totals  {name} {currency:<5} a {one} ({of})  b {other} ({of_other})  {mark}")?;
        }
        Ok(())
    }

    fn sentence(&self) -> String {
        let kind = self.facts.kind.as_str();
        let off: u64 = self.counts.values().sum();
        if off == 0 {
            return format!("{} equal in every compared field.", counted_of(self.equal, kind));
        }
        format!("{} equal, {} not.", counted_of(self.equal, kind), grouped(off))
    }
}

/// A list with its name, in as many lines as it needs.
fn write_list(text: &mut String, style: Style, (name, list): (&str, &str)) -> std::fmt::Result {
    let lines = wrapped(&format!("{name}: {list}"), style.width.saturating_sub(2));
    for (index, line) in lines.iter().enumerate() {
        writeln!(text, "{}{line}", if index == 0 { "" } else { "  " })?;
    }
    Ok(())
}

fn counted_of(number: u64, kind: &str) -> String {
    let one = kind.trim_end_matches('s');
    counted(number, one)
}

fn in_words(difference: &Difference) -> String {
    let Difference { key, field, a, b, kind } = difference;
    let [key, a, b] = [key, a, b].map(|text| clipped(text, VALUE_CHARS));
    if field.is_empty() {
        return format!("{kind} {key}: {a}{b}");
    }
    format!("{key}  {field}: a `{a}`, b `{b}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Money;

    fn written() -> (tempfile::TempDir, Diff) {
        let folder = tempfile::tempdir().unwrap();
        let total = |count, sum: i64| Total::new(count, Money::from(sum));
        let side = |name: &str| DiffSide { name: name.to_owned(), records: 0 };
        let facts = DiffFacts {
            kind: EntityKind::Customers,
            sides: [side("a.csv"), side("@books (CRONUS)")],
            matched_by: vec!["number"],
            compared: vec!["number", "city"],
            only: [vec!["note"], Vec::new()],
            totals: [(("balance", "EUR".to_owned()), [total(2, 30), total(1, 20)])].into(),
        };
        let mut writer = DiffWriter::create(folder.path(), facts).unwrap();
        let change = FieldChange { field: "city".to_owned(), from: "=Bonn".to_owned(), to: "Ulm".to_owned() };
        writer.add_pair("1", &[]).unwrap();
        writer.add_pair("2", &[change]).unwrap();
        writer.add_single(DiffKind::OnlyInB, 1, ("3", "Trey")).unwrap();
        writer.add_single(DiffKind::Unreadable, 0, ("line 9", "email: not-an-email")).unwrap();
        let diff = writer.publish(ExitFacts::default()).unwrap();
        (folder, diff)
    }

    #[test]
    fn every_difference_has_a_line_and_no_cell_is_a_formula() {
        let (folder, diff) = written();
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        insta::assert_snapshot!(text, @"
        key,field,a,b,kind
        2,city,Ulm,'=Bonn,different
        3,,,Trey,only-in-b
        line 9,,email: not-an-email,,unreadable
        ");
        assert_eq!(diff.facts.sides.each_ref().map(|side| side.records), [3, 3]);
        assert_eq!(std::fs::read_to_string(folder.path().join(JSON_NAME)).unwrap(), diff.json());
    }

    #[test]
    fn the_document_holds_sums_and_their_difference() {
        let (_folder, diff) = written();
        let document: serde_json::Value = serde_json::from_str(&diff.json()).unwrap();
        assert_eq!(document["totals"][0]["difference"]["sum"], 10);
        assert_eq!(document["counts"]["only-in-b"], 1);
        assert_eq!(document["counts"]["ambiguous"], 0);
        assert_eq!(document["fields"]["only_in_a"][0], "note");
    }

    #[test]
    fn the_summary_says_what_differs_and_what_was_not_compared() {
        let (folder, diff) = written();
        let text = diff.terminal(Style { colour: false, width: 80 });
        let text = text.replace(&folder.path().display().to_string(), "DIR");
        insta::assert_snapshot!(text, @"
        DIFFERENT: 1 customer equal, 3 not.
          a  a.csv with 3 records
          b  @books (CRONUS) with 3 records
          equal              1
          different          1
          only-in-b          1
          unreadable         1
          2  city: a `Ulm`, b `=Bonn`
          only-in-b 3: Trey
          unreadable line 9: email: not-an-email
        Totals  balance EUR   a 30.00 (2)  b 20.00 (1)  difference 10.00 ✗
        matched by: number
        compared: number, city
        not compared, only in a: note
        differences  DIR/diff.csv
        ");
    }
}
