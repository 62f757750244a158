//! The summary of a comparison for a terminal, in plain words.

use std::fmt::Write as _;

use super::{Diff, DiffKind, DiffSide, Difference};
use crate::report::terminal::{Paint, Style};
use crate::report::text::{amount, clipped, counted, grouped, wrapped};

/// Longest value that is shown on the terminal.
const VALUE_CHARS: usize = 60;

impl Diff {
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
        for (only, other) in self.facts.only.iter().zip(self.facts.sides.iter().rev()) {
            if !only.is_empty() {
                write_list(text, style, (&format!("not compared, {}", lacking(other)), &only.join(", ")))?;
            }
        }
        for note in &self.facts.notes {
            write_list(text, style, ("note", note))?;
        }
        writeln!(text, "differences  {}", self.files.diff)?;
        self.next().into_iter().try_for_each(|step| writeln!(text, "Next: {step}"))
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
        let kind = self.facts.kind.noun();
        let off: u64 = self.counts.values().sum();
        if off == 0 {
            return format!("{} equal in every compared field.", counted(self.equal, kind));
        }
        format!("{} equal, {} not.", counted(self.equal, kind), grouped(off))
    }
}

/// Why fields of the other side are not compared with those of this one.
fn lacking(side: &DiffSide) -> String {
    match &side.profile {
        Some(profile) => format!("@{profile} has no place for"),
        None => format!("{} has no column for", side.name),
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

fn in_words(difference: &Difference) -> String {
    let Difference { key, field, a, b, kind } = difference;
    let [key, a, b] = [key, a, b].map(|text| clipped(text, VALUE_CHARS));
    if field.is_empty() {
        return format!("{kind} {key}: {a}{b}");
    }
    format!("{key}  {field}: a `{a}`, b `{b}`")
}
