//! The one sentence a reader takes away, and what to do next.

use std::fmt;

use serde::Serialize;

use super::facts::RunFacts;
use super::summary::{Phase, Summary};
use super::text::{counted, grouped};
use crate::domain::{Action, State};

/// How good the news is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// A person has something to do.
    Attention,
    /// Something does not add up.
    Bad,
}

/// The news in two or three words, and in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How good the news is.
    pub tone: Tone,
    /// In capitals: `READY`, `NOT READY`, `DONE`.
    pub headline: &'static str,
    /// The sentence, with its full stop.
    pub sentence: String,
    /// What more a reader should know, or nothing.
    pub detail: String,
}

/// What a report says first.
#[must_use]
pub fn verdict(facts: &RunFacts, summary: &Summary) -> Verdict {
    let mut said = of_rows(facts, summary);
    if let Some(found) = &facts.not_restored {
        if said.tone == Tone::Good {
            (said.tone, said.headline) = (Tone::Attention, "DONE, BUT NOT ALL AS BEFORE");
        }
        let more = found.rows - found.shown.len() as u64;
        let more = if more == 0 { String::new() } else { format!("; and {}", counted(more, "more row")) };
        let verb = if found.rows == 1 { "is" } else { "are" };
        let rows = counted(found.rows, "record");
        let told = format!(" {rows} {verb} not as before: {}{more}.", found.shown.join("; "));
        said.detail.push_str(&told);
    }
    if facts.deleted_dimensions > 0 {
        let told = match facts.deleted_dimensions {
            1 => " 1 default dimension goes with its customer when that one is deleted; it stands",
            _ => &format!(
                " {} go with their customers when those are deleted; they stand",
                counted(facts.deleted_dimensions, "default dimension")
            ),
        };
        said.detail.push_str(told);
        said.detail.push_str(" in deleted-dimensions.csv, for `ferry undo` to bring back.");
    }
    if let Some(by) = &facts.undone_by {
        said = Verdict {
            tone: Tone::Attention,
            headline: "UNDONE",
            sentence: format!("It was undone by run {by}; nothing more of it is carried out."),
            detail: String::new(),
        };
    }
    said.detail = said.detail.trim_start().to_owned();
    said
}

/// What the rows of the run come to.
fn of_rows(facts: &RunFacts, summary: &Summary) -> Verdict {
    let there = facts.destination();
    if !summary.covers_every_row_once() {
        return incomplete(summary);
    }
    let (rows, attention) = (summary.rows(), summary.needing_attention());
    if rows == 0 {
        return good("NOTHING TO DO", "The files hold no rows.".to_owned(), String::new());
    }
    match summary.phase() {
        Phase::Outcome if facts.sliced && summary.in_state(State::Planned) > 0 => slice(facts, summary),
        Phase::Outcome => outcome(summary, there),
        _ if attention > 0 => Verdict {
            tone: Tone::Attention,
            headline: "NOT READY",
            sentence: format!(
                "{} of {} {} attention.",
                grouped(attention),
                counted(rows, "row"),
                needs(attention)
            ),
            detail: repairs(summary),
        },
        Phase::Check => good(
            "READY",
            format!("{} passed every rule that can be checked offline.", all(rows)),
            "A plan compares them with the target.".to_owned(),
        ),
        Phase::Plan => planned(summary, there),
    }
}

fn planned(summary: &Summary, there: &str) -> Verdict {
    let planned = [(Action::Create, "created"), (Action::Update, "updated"), (Action::Delete, "deleted")]
        .map(|(action, word)| (summary.with_action(action), word));
    let mut planned = planned.into_iter().filter(|(rows, _)| *rows > 0);
    let Some((rows, word)) = planned.next() else {
        return good("NOTHING TO DO", settled(summary, (there, " already")), String::new());
    };
    let others: Vec<_> = planned.map(|(rows, word)| format!("{} {word}", grouped(rows))).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        [other] => format!(" and {other}"),
        [first, second, ..] => format!(", {first} and {second}"),
    };
    let sentence = format!("{} will be {word}{others}.", counted(rows, "record"));
    good("READY", sentence, "Nothing has been written yet.".to_owned())
}

/// A part of the plan was asked for and is carried out.
fn slice(facts: &RunFacts, summary: &Summary) -> Verdict {
    let waiting = summary.in_state(State::Planned);
    let to_send: u64 = Action::ALL
        .into_iter()
        .filter(|action| action.first_state() == State::Planned)
        .map(|action| summary.with_action(action))
        .sum();
    let attention = summary.needing_attention();
    Verdict {
        tone: if attention == 0 { Tone::Good } else { Tone::Attention },
        headline: "PART DONE",
        sentence: format!(
            "{} of {} sent; the rest waits, and `ferry resume {}` continues.",
            grouped(to_send - waiting),
            counted(to_send, "row"),
            facts.run
        ),
        detail: if attention == 0 { String::new() } else { repairs(summary) },
    }
}

/// Where the rows of a run are that leaves nothing to do; `when` is put behind those that are in the books.
fn settled(summary: &Summary, (there, when): (&str, &str)) -> String {
    let (gone, skipped) = (summary.gone(), summary.in_state(State::Skipped));
    let here = summary.in_the_books() - gone;
    if here == summary.rows() {
        return format!("{} in {there}{when}.", are(here));
    }
    let verb =
        |rows, one: &str, many: &str| format!("{} {}", grouped(rows), if rows == 1 { one } else { many });
    let mut parts =
        vec![format!("{} {} in {there}{when}", counted(here, "row"), if here == 1 { "is" } else { "are" })];
    if gone > 0 {
        parts.push(format!("{} gone from there as wanted", verb(gone, "is", "are")));
    }
    if skipped > 0 {
        parts.push(format!("{} left out", verb(skipped, "was", "were")));
    }
    format!("{}.", parts.join("; "))
}

fn outcome(summary: &Summary, there: &str) -> Verdict {
    let (rows, attention) = (summary.rows(), summary.needing_attention());
    let (here, open) = (summary.in_the_books(), summary.unsettled());
    if open > 0 {
        let doubt = summary.in_state(State::InDoubt) + summary.in_state(State::Sending);
        let sentence = format!(
            "{} of {} {} in {there}; {} still open{}.",
            grouped(here),
            counted(rows, "row"),
            if here == 1 { "is" } else { "are" },
            if open == 1 { "1 is".to_owned() } else { format!("{} are", grouped(open)) },
            match rows - here - open {
                0 => String::new(),
                left_out => format!(", {} left out", grouped(left_out)),
            }
        );
        let detail = match doubt {
            0 => "Resuming sends the rest; nothing is sent twice.".to_owned(),
            _ => format!(
                "{} in doubt: resuming asks the target about {} before sending anything.",
                if doubt == 1 { "1 row is".to_owned() } else { format!("{} rows are", grouped(doubt)) },
                if doubt == 1 { "it" } else { "them" }
            ),
        };
        return Verdict { tone: Tone::Attention, headline: "NOT FINISHED", sentence, detail };
    }
    if attention > 0 {
        return Verdict {
            tone: Tone::Attention,
            headline: "DONE, WITH ROWS LEFT OUT",
            sentence: format!(
                "{} of {} {} in {there}; {} left out and {} attention.",
                grouped(here),
                counted(rows, "row"),
                if here == 1 { "is" } else { "are" },
                if attention == 1 { "1 was".to_owned() } else { format!("{} were", grouped(attention)) },
                needs(attention)
            ),
            detail: repairs(summary),
        };
    }
    let detail = match summary.in_state(State::Done) {
        0 => "Nothing had to be written.".to_owned(),
        written if written == here => "All of it was written now.".to_owned(),
        written => format!("{} written, {} there already.", grouped(written), grouped(here - written)),
    };
    good("DONE", settled(summary, (there, "")), detail)
}

fn incomplete(summary: &Summary) -> Verdict {
    let read: u64 = summary.sources().iter().map(|tally| tally.facts.rows).sum();
    Verdict {
        tone: Tone::Bad,
        headline: "DOES NOT ADD UP",
        sentence: format!(
            "{} were read, but the run accounts for {}.",
            counted(read, "row"),
            grouped(summary.rows())
        ),
        detail: "Do not rely on this run; please report it as a defect.".to_owned(),
    }
}

fn good(headline: &'static str, sentence: String, detail: String) -> Verdict {
    Verdict { tone: Tone::Good, headline, sentence, detail }
}

fn needs(rows: u64) -> &'static str {
    if rows == 1 { "needs" } else { "need" }
}

fn all(rows: u64) -> String {
    if rows == 1 { "The row".to_owned() } else { format!("All {}", counted(rows, "row")) }
}

fn are(rows: u64) -> String {
    format!("{} {}", all(rows), if rows == 1 { "is" } else { "are" })
}

fn repairs(summary: &Summary) -> String {
    match (summary.fixes().len(), summary.needing_attention()) {
        (1, 1) => "One repair covers it.".to_owned(),
        (1, _) => "One repair covers them all.".to_owned(),
        (fixes, 1) => format!("It needs {fixes} repairs."),
        (fixes, _) => format!("{fixes} different repairs cover them all."),
    }
}

/// Something to do next: a command, and what to do before it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What a person does first; may be empty.
    pub first: String,
    /// The command.
    pub command: String,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first.as_str() {
            "" => formatter.write_str(&self.command),
            first => write!(formatter, "{first}, then: {}", self.command),
        }
    }
}

/// What to do next; empty when nothing is left to do. `rejects` are the paths of the rejects files.
#[must_use]
pub fn next_steps(facts: &RunFacts, summary: &Summary, rejects: &[String]) -> Vec<Step> {
    let mut steps = steps(facts, summary, rejects);
    let goes_on = |step: &Step| {
        ["apply", "resume"].iter().any(|verb| step.command.starts_with(&format!("ferry {verb} ")))
    };
    steps.retain(|step| !(facts.is_followed && goes_on(step)));
    steps
}

fn steps(facts: &RunFacts, summary: &Summary, rejects: &[String]) -> Vec<Step> {
    let flags = if facts.flags.is_empty() { String::new() } else { format!(" {}", facts.flags.join(" ")) };
    let command = |command: String| Step { first: String::new(), command };
    let repair = |verb: &str| {
        let step = |file| Step {
            first: format!("repair the rows in {file}"),
            command: format!("ferry {verb} {file}{flags}"),
        };
        rejects.iter().map(step).collect::<Vec<_>>()
    };
    let name = facts.chain.as_ref().unwrap_or(&facts.run);
    let changes: u64 = [Action::Create, Action::Update, Action::Delete]
        .into_iter()
        .map(|action| summary.with_action(action))
        .sum();
    match summary.phase() {
        Phase::Check if rejects.is_empty() && summary.rows() > 0 => {
            let plan =
                facts.sources.iter().map(|source| command(format!("ferry plan {}{flags}", source.name.file)));
            plan.take(1).collect()
        }
        Phase::Check => repair("validate"),
        // What is undone is not carried out any further, and its rows are imported anew.
        Phase::Outcome if facts.undone_by.is_some() => Vec::new(),
        // Until every row is settled, importing rejects could send one of them a second time.
        Phase::Outcome if summary.unsettled() > 0 => vec![command(format!("ferry resume {name}"))],
        Phase::Outcome if facts.finished && !rejects.is_empty() => vec![Step {
            first: format!("repair the rows in {}", rejects.join(" and ")),
            command: format!("ferry retry {name}"),
        }],
        Phase::Plan if changes > 0 => {
            let skip = if rejects.is_empty() { "" } else { " --skip-rejects" };
            let apply = command(format!("ferry apply {name}{skip}"));
            repair("import").into_iter().chain([apply]).collect()
        }
        Phase::Plan | Phase::Outcome => repair("import"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::facts::SourceFacts;
    use crate::report::testing::{facts, result, source};

    fn said(finished: bool, rows: &[(Action, State)]) -> String {
        let read = u64::try_from(rows.len()).unwrap();
        let mut summary = Summary::of_run(&[SourceFacts { rows: read, ..source("customers.csv") }], finished);
        for (id, (action, state)) in (1..).zip(rows) {
            summary.add(&result(id, *action, *state));
        }
        let verdict = verdict(&facts(Vec::new()), &summary);
        format!("{}: {} {}", verdict.headline, verdict.sentence, verdict.detail)
    }

    #[test]
    fn the_verdict_fits_what_happened() {
        use Action::{Create, Reject, Unchanged, Update};
        use State::{Done, InDoubt, Planned, Rejected};
        let told = [
            said(false, &[(Create, Planned), (Update, Planned), (Unchanged, State::Unchanged)]),
            said(false, &[(Create, Planned)]),
            said(false, &[(Unchanged, State::Unchanged), (Unchanged, State::Unchanged)]),
            said(false, &[(Create, Planned), (Reject, Rejected)]),
            said(true, &[(Create, Done), (Unchanged, State::Unchanged)]),
            said(true, &[(Unchanged, State::Unchanged)]),
            said(true, &[(Create, Done), (Reject, Rejected)]),
            said(false, &[(Create, Done), (Create, InDoubt), (Create, Planned)]),
            said(true, &[]),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn rows_that_vanish_are_the_first_thing_said() {
        let mut summary = Summary::of_run(&[source("customers.csv")], true);
        summary.add(&result(1, Action::Create, State::Done));
        assert_eq!(verdict(&facts(Vec::new()), &summary).tone, Tone::Bad);
    }
}
