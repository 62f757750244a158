//! What has to be answered before anything is written, for every verb that writes: the guards, judged from the
//! plan, and then a person's word.

use std::path::{Path, PathBuf};

use ledgerferry::delivery::Slice;
use ledgerferry::ledger::Ledger;
use ledgerferry::profile::{Guards, Stage};
use ledgerferry::run::{self, LEDGER, check_guards};

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
    /// Which part of the plan is to be carried out.
    pub(crate) slice: &'a Slice,
    /// Whether `--yes` has answered.
    pub(crate) yes: bool,
}

impl<'a> Approval<'a> {
    /// As the flags say, and where they say nothing, the profile.
    pub(crate) fn of((flags, slice): (&'a GuardArgs, &'a Slice), connection: &Connection, yes: bool) -> Self {
        let confirm = flags.confirm.as_deref();
        Self { guards: flags.guards().or(&connection.guards), confirm, slice, yes }
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
    let mut rows = Asked::default();
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
        rows.add(folder, approval.slice)?;
    }
    if rows.open == 0 {
        return Ok(());
    }
    decide_on_unsupported(console, folders, approval)?;
    let company = &connection.target.company.name;
    let leaving = interrupt::leave_while_asked();
    let answered = ask(console, connection, (company, rows.in_words()), approval, folders);
    leaving.abort();
    answered
}

/// Asks what becomes of values that the target has no place for, of plans on which nobody has decided so far.
fn decide_on_unsupported(
    console: &Console,
    folders: &[PathBuf],
    approval: &Approval<'_>,
) -> Result<(), Failure> {
    for folder in folders {
        let ledger = Ledger::open(&folder.join(LEDGER)).map_err(ledgerferry::Error::from)?;
        let Some(columns) = run::undecided(&ledger)? else { continue };
        let question = format!("The target has no place for {columns}. Leave these values out?");
        let answer = if approval.yes { None } else { console.confirm(&question) };
        if answer != Some(true) {
            return Err(ledgerferry::Error::Undecided(columns).into());
        }
        run::note_dropped(folder)?;
    }
    Ok(())
}

/// The rows that an answer is asked for.
#[derive(Default)]
struct Asked {
    /// Those that are carried out now.
    now: u64,
    /// Those that wait, in all plans.
    open: u64,
}

impl Asked {
    /// Adds the plan in `folder`, of which nothing goes before all of the plan before it is sent.
    fn add(&mut self, folder: &Path, slice: &Slice) -> Result<(), Failure> {
        let rows = run::rows_in_slice(folder, slice)?;
        if self.now == self.open {
            self.now += rows.meant;
        }
        self.open += rows.open;
        Ok(())
    }

    fn in_words(&self) -> String {
        let Self { now, open } = self;
        if now == open { format!("{open} rows") } else { format!("{now} of {open} rows") }
    }
}

fn ask(
    console: &Console,
    connection: &Connection,
    (company, rows): (&str, String),
    approval: &Approval<'_>,
    folders: &[PathBuf],
) -> Result<(), Failure> {
    if connection.stage == Stage::Production {
        return confirm_production(console, company, &rows, approval, folders);
    }
    if approval.yes {
        return Ok(());
    }
    match console.confirm(&format!("Write {rows} to \"{company}\"?")) {
        Some(true) => Ok(()),
        Some(false) => {
            Err(Failure::refused("nothing was written, as you said".to_owned()).with_hint(kept(folders)))
        }
        None => Err(Failure::refused(format!(
            "nobody could be asked whether to write {rows}, so nothing was written"
        ))
        .with_hint(format!("--yes answers without a terminal; {}", kept(folders)))),
    }
}

fn confirm_production(
    console: &Console,
    company: &str,
    rows: &str,
    approval: &Approval<'_>,
    folders: &[PathBuf],
) -> Result<(), Failure> {
    let question = format!("Production company \"{company}\". Type its name to write {rows}: ");
    match approval.confirm.map(str::to_owned).or_else(|| console.ask(&question)) {
        Some(name) if name == *company => Ok(()),
        _ => {
            let words = format!("writing {rows} to the production company `{company}` was not confirmed");
            let hint = format!("--confirm \"{company}\" answers without a terminal; {}", kept(folders));
            Err(Failure::refused(words).with_hint(hint))
        }
    }
}

/// What becomes of plans that are not carried out now.
fn kept(folders: &[PathBuf]) -> String {
    let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let header = folders.first().and_then(|folder| Ledger::open(&folder.join(LEDGER)).ok()?.header().ok());
    // Plans that were made together are carried out together.
    let name = header.and_then(|header| header.chain).filter(|_| folders.len() > 1);
    let name = name.unwrap_or_else(|| names.first().cloned().unwrap_or_default());
    let (plan, verb) = if folders.len() == 1 { ("plan is", "it") } else { ("plans are", "them") };
    format!("the {plan} kept in {}; `ferry apply {name}` carries {verb} out", names.join(" and "))
}
