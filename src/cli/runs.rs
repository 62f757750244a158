//! `ferry runs`: history, and reports written again.

use std::path::{Path, PathBuf};

use ledgerferry::ledger::{Ledger, LedgerError, Phase, RunHeader};
use ledgerferry::run::{self, Ending, LEDGER};
use serde::Serialize;

use super::args::RunsCommand;
use super::chain::tell_again;
use super::console::Console;
use super::failure::Failure;
use super::project::Place;

pub(crate) fn runs(console: &Console, place: &Place, command: RunsCommand) -> Result<Ending, Failure> {
    match command {
        RunsCommand::List => Ok(list(console, place)),
        RunsCommand::Show { run } => show(console, &place.chain_folders(&run)?),
        RunsCommand::Report { run } => report(console, &place.chain_folders(&run)?),
    }
}

/// A run in a line.
#[derive(Serialize)]
struct Line {
    run: String,
    created: String,
    entity: &'static str,
    profile: String,
    company: String,
    phase: Phase,
    rows: u64,
    left_to_send: u64,
    /// The run that this one takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// The run whose rows that did not arrive this one tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<String>,
    /// The run that took this one back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<String>,
    folder: PathBuf,
}

#[derive(Serialize)]
struct Lines {
    runs: Vec<Line>,
}

fn read_line(folder: &Path) -> Result<Line, LedgerError> {
    let ledger = Ledger::open(&folder.join(LEDGER))?;
    let header = ledger.header()?;
    let RunHeader { run, created, entity, profile, company_name, phase, undoes, retries, undone_by, .. } =
        header;
    let counts = ledger.counts()?;
    Ok(Line {
        run,
        created,
        entity: entity.as_str(),
        profile,
        company: company_name,
        phase,
        rows: counts.total(),
        left_to_send: counts.open(),
        undoes,
        retries,
        undone_by,
        folder: folder.to_owned(),
    })
}

fn list(console: &Console, place: &Place) -> Ending {
    let mut runs = Vec::new();
    for folder in place.run_folders() {
        match read_line(&folder) {
            Ok(line) => runs.push(line),
            Err(error) => console.note(&format!("{}: {error}", folder.display())),
        }
    }
    if console.json {
        Console::document(&Lines { runs }, Ending::Done);
        return Ending::Done;
    }
    if runs.is_empty() {
        console.result("no runs yet");
        return Ending::Done;
    }
    let widest = runs.iter().map(|line| line.run.len()).max().unwrap_or_default();
    let mut text = format!(
        "{:<widest$} {:<10} {:<16} {:<10} {:>9} {:>9}\n",
        "RUN", "ROWS OF", "PROFILE", "STATE", "ROWS", "TO SEND"
    );
    for line in &runs {
        text.push_str(&one_line(line, widest));
    }
    console.result(&text);
    Ending::Done
}

fn one_line(line: &Line, widest: usize) -> String {
    let phase = match line.phase {
        Phase::Planning => "planning",
        Phase::Planned => "planned",
        Phase::Applying => "applying",
        Phase::Finished => "finished",
    };
    format!(
        "{:<widest$} {:<10} {:<16} {phase:<10} {:>9} {:>9}{}\n",
        line.run,
        line.entity,
        line.profile,
        line.rows,
        line.left_to_send,
        undone_words(line)
    )
}

fn undone_words(line: &Line) -> String {
    match (&line.undone_by, &line.undoes, &line.retries) {
        (Some(run), ..) => format!("  undone by {run}"),
        (None, Some(run), _) => format!("  undoes {run}"),
        (None, None, Some(run)) => format!("  retries {run}"),
        (None, None, None) => String::new(),
    }
}

fn show(console: &Console, folders: &[PathBuf]) -> Result<Ending, Failure> {
    let lines = folders.iter().map(|folder| read_line(folder)).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(ledgerferry::Error::from)?;
    match lines.as_slice() {
        [line] if console.json => Console::document(line, Ending::Done),
        _ if console.json => Console::document(&Lines { runs: lines }, Ending::Done),
        _ => {
            for line in &lines {
                console.result(&format!("{}folder {}\n", one_line(line, 0), line.folder.display()));
            }
        }
    }
    Ok(Ending::Done)
}

fn report(console: &Console, folders: &[PathBuf]) -> Result<Ending, Failure> {
    let mut reports = Vec::new();
    for folder in folders {
        let ledger = Ledger::open(&folder.join(LEDGER)).map_err(ledgerferry::Error::from)?;
        reports.push(run::report_again(&ledger, folder)?);
    }
    Ok(tell_again(console, &mut reports))
}
