//! What has to be answered before anything is written, for every verb that writes: the guards, judged from the
//! plan, and then a person's word.

use std::path::PathBuf;

use ledgerferry::domain::State;
use ledgerferry::ledger::Ledger;
use ledgerferry::profile::{Guards, Stage};
use ledgerferry::run::{LEDGER, check_guards};

use super::args::GuardArgs;
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::interrupt;

impl GuardArgs {
    /// The limits that the flags set.
    pub(crate) fn guards(&self) -> Guards {
        Guards {
            max_errors: self.max_errors,
            max_creates: self.max_creates,
            max_updates: self.max_updates,
            max_clears: self.max_clears,
            max_deletes: self.max_deletes,
        }
    }
}

/// How a plan is approved.
pub(crate) struct Approval<'a> {
    /// What a plan may do without another word: the flags', and where they say nothing, the profile's.
    pub(crate) guards: Guards,
    /// The company's name, as `--confirm` gives it.
    pub(crate) confirm: Option<&'a str>,
    /// Whether `--yes` has answered.
    pub(crate) yes: bool,
}

impl<'a> Approval<'a> {
    /// As the flags say, and where they say nothing, the profile.
    pub(crate) fn of(flags: &'a GuardArgs, connection: &Connection, yes: bool) -> Self {
        Self { guards: flags.guards().or(&connection.guards), confirm: flags.confirm.as_deref(), yes }
    }
}

/// Lets the plans in these run folders be carried out, or says why not; nothing is written to the target.
///
/// Every plan is held against the guards first. Then one question is asked for all of them: a production company's
/// name, or a yes elsewhere. Plans without anything to send need no answer.
///
/// # Errors
/// When a plan is over a guard, a person says no, or nobody can be asked; each ends with exit code 4.
pub(crate) async fn approve(
    console: &Console,
    connection: &Connection,
    folders: &[PathBuf],
    approval: &Approval<'_>,
) -> Result<(), Failure> {
    let mut rows = 0;
    for folder in folders {
        let ledger = Ledger::open(&folder.join(LEDGER)).map_err(ledgerferry::Error::from)?;
        let header = ledger.header().map_err(ledgerferry::Error::from)?;
        // To delete what a run created is what its undoing is for.
        let guards = match header.undoes {
            Some(_) => approval.guards.clone().with_deletes_expected(),
            None => approval.guards.clone(),
        };
        check_guards(&ledger, &guards).map_err(|error| {
            let hint = error.hint().unwrap_or_default();
            Failure::from(error).with_hint(format!("{hint}; {}", kept(folders)))
        })?;
        rows += ledger.counts().map_err(ledgerferry::Error::from)?.of_state(State::Planned);
    }
    if rows == 0 {
        return Ok(());
    }
    let company = &connection.target.company.name;
    let leaving = interrupt::leave_while_asked();
    let answered = ask(console, connection, (company, rows), approval, folders);
    leaving.abort();
    answered
}

fn ask(
    console: &Console,
    connection: &Connection,
    (company, rows): (&str, u64),
    approval: &Approval<'_>,
    folders: &[PathBuf],
) -> Result<(), Failure> {
    if connection.stage == Stage::Production {
        return confirm_production(console, company, rows, approval, folders);
    }
    if approval.yes {
        return Ok(());
    }
    match console.confirm(&format!("Write {rows} rows to \"{company}\"?")) {
        Some(true) => Ok(()),
        Some(false) => {
            Err(Failure::refused("nothing was written, as you said".to_owned()).with_hint(kept(folders)))
        }
        None => Err(Failure::refused("nobody could be asked, so nothing was written".to_owned())
            .with_hint(format!("--yes answers without a terminal; {}", kept(folders)))),
    }
}

fn confirm_production(
    console: &Console,
    company: &str,
    rows: u64,
    approval: &Approval<'_>,
    folders: &[PathBuf],
) -> Result<(), Failure> {
    let question = format!("Production company \"{company}\". Type its name to write {rows} rows: ");
    match approval.confirm.map(str::to_owned).or_else(|| console.ask(&question)) {
        Some(name) if name == *company => Ok(()),
        _ => {
            let words = format!("writing to the production company `{company}` was not confirmed");
            let hint = format!("--confirm \"{company}\" answers without a terminal; {}", kept(folders));
            Err(Failure::refused(words).with_hint(hint))
        }
    }
}

/// What becomes of plans that are not carried out now.
fn kept(folders: &[PathBuf]) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let commands: Vec<_> = folders.iter().map(|folder| format!("`ferry apply {folder}`")).collect();
    match folders.as_slice() {
        [folder] => format!("the plan is kept in {folder}; {} carries it out", commands[0]),
        _ => format!(
            "the plans are kept in {}; carry them out with {}",
            folders.join(" and "),
            commands.join(" and then ")
        ),
    }
}
