//! What a plan would do, counted, and whether the guards allow it; judged before anything is written.
//!
//! In: a ledger whose plan is whole, and the limits. Out: nothing, or every limit that the plan is over, with the
//! number found and the flag that raises it. Rows that are settled already count no more: they cannot be guarded.

use std::fmt;
use std::path::Path;

use crate::connector::fields::Fields;
use crate::domain::{Action, FieldChange, OnUnsupported, PlannedRow, State};
use crate::ledger::{Filter, Ledger, RunHeader};
use crate::profile::Guards;

use super::error::Error;
use super::facts::unsupported_list;
use super::import::LEDGER;

/// A limit that a plan is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// What the plan does, in words that follow a number: `records would be created`.
    pub what: &'static str,
    /// How many of them there are in the plan.
    pub found: u64,
    /// How many are allowed.
    pub limit: u64,
    /// The flag that allows more.
    pub flag: &'static str,
}

impl fmt::Display for Excess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, found, limit, flag } = self;
        write!(formatter, "{found} {what}, and `{flag}` allows {limit}")
    }
}

/// Every limit that a plan is over; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a guard stopped the run before anything was written: {list}", list = list(.0))]
pub struct GuardError(pub Vec<Excess>);

fn list(excesses: &[Excess]) -> String {
    excesses.iter().map(Excess::to_string).collect::<Vec<_>>().join("; ")
}

impl GuardError {
    /// What a person does who has looked at the plan and means it.
    #[must_use]
    pub fn hint(&self) -> String {
        let flags: Vec<_> = self.0.iter().map(|excess| format!("{} {}", excess.flag, excess.found)).collect();
        format!("look at the plan; if it is what you want, `{}` allows it", flags.join(" "))
    }
}

/// Refuses a plan whose open rows are over one of the limits.
///
/// # Errors
/// [`Error::Guard`] naming each limit, or the ledger's own.
pub fn check_guards(ledger: &Ledger, guards: &Guards) -> Result<(), Error> {
    let counts = ledger.counts()?;
    let open = |wanted: Action| -> u64 {
        let rows = counts.iter().filter(|(action, state, _)| *action == wanted && is_open(*state));
        rows.map(|(_, _, rows)| rows).sum()
    };
    let clears = match guards.max_clears {
        Some(_) if open(Action::Update) > 0 => clears(ledger)?,
        _ => 0,
    };
    let excess = |what, found, limit: Option<u64>, flag| Some(Excess { what, found, limit: limit?, flag });
    let excesses = [
        excess("records would be created", open(Action::Create), guards.max_creates, "--max-creates"),
        excess("records would be changed", open(Action::Update), guards.max_updates, "--max-updates"),
        excess("fields would be blanked or written over unasked", clears, guards.max_clears, "--max-clears"),
        excess(
            "records would be deleted",
            open(Action::Delete),
            guards.max_deletes.or(Some(0)),
            "--max-deletes",
        ),
    ];
    let over: Vec<_> = excesses.into_iter().flatten().filter(|excess| excess.found > excess.limit).collect();
    if over.is_empty() { Ok(()) } else { Err(GuardError(over).into()) }
}

/// The columns, with how many values, that the plan would leave out because the target has no place for them, while
/// nobody has decided so; `None` when there are none.
///
/// # Errors
/// When the ledger cannot be read.
pub fn undecided(ledger: &Ledger) -> Result<Option<String>, Error> {
    let header = ledger.header()?;
    if !header.on_unsupported.is_empty() {
        return Ok(None);
    }
    Ok(unsupported_list(&header.unsupported))
}

/// Notes that a person wants the values left out that the target has no place for.
///
/// # Errors
/// When the run cannot be opened or written.
pub fn note_dropped(folder: &Path) -> Result<(), Error> {
    let ledger = Ledger::open_for_delivery(&folder.join(LEDGER))?;
    let on_unsupported = OnUnsupported::Drop.as_str().to_owned();
    Ok(ledger.update_header(&RunHeader { on_unsupported, ..ledger.header()? })?)
}

fn is_open(state: State) -> bool {
    matches!(state, State::Planned | State::Sending | State::InDoubt)
}

/// The fields with a value that the open updates leave without one, or that the target may write over unasked.
fn clears(ledger: &Ledger) -> Result<u64, Error> {
    let mut clears = 0;
    ledger.for_each_row(Filter::Actions(&[Action::Update]), |row| {
        let blanked = |change: &&FieldChange| !change.from.is_empty() && change.to.is_empty();
        if is_open(row.state) {
            clears += row.planned.changes.iter().filter(blanked).count() as u64;
            clears += overwritten(&row.planned);
        }
        Ok::<(), Error>(())
    })?;
    Ok(clears)
}

/// The fields of an address with a value that a postal code may write over: those that the row does not send.
///
/// Source: a postal code that the server knows overwrites city, country and state.
fn overwritten(row: &PlannedRow) -> u64 {
    let (Ok(sent), Ok(before)) = (Fields::parse(&row.payload), Fields::parse(&row.before)) else { return 0 };
    if sent.text("postalCode").trim().is_empty() {
        return 0;
    }
    let is_counted = |name: &str| row.changes.iter().any(|change| change.field == name);
    let names = ["city", "state", "country"].into_iter();
    let names = names.filter(|name| sent.raw(name).is_none() && !is_counted(name));
    names.filter(|name| !before.text(name).trim().is_empty()).count() as u64
}
