//! `diff`: two sides, each a file or a target, record by record and field by field.
//!
//! In: two inputs. Out: `diff.csv` and a summary with control totals. Nothing is written to any target.
//!
//! Promises: what is compared are the fields that both sides can hold, in neutral form and in the eyes of both
//! systems; ids never are, since each system has its own; a record that several could be is told and never guessed;
//! memory stays flat.

mod currencies;
mod eyes;
mod fields;
mod holds;
mod known;
mod load;
mod matching;
mod next;
mod pairing;
mod store;

use std::path::{Path, PathBuf};

use tokio::task::block_in_place;

use self::currencies::find_currencies;
use self::known::{Known, learn};
use self::load::Loading;
use self::next::next_steps;
use self::store::{Pair, Side, Store};
use super::ending::Ending;
use super::error::Error;
use super::event::Observer;
use super::planning::PlanningError;
use super::reading::{Opened, ReadRequest, open_files};
use super::target::Target;
use crate::domain::{EntityKind, FieldChange};
use crate::report::{Diff, DiffFacts, DiffKind, DiffSide, DiffTotals, DiffWriter};

/// One side of a comparison.
#[derive(Debug)]
pub enum DiffInput<'t> {
    /// One file or sheet; its dialect is the other side's, where that is a target.
    File(Box<ReadRequest>),
    /// A company of a target.
    Target(&'t Target),
}

/// What to compare.
#[derive(Debug)]
pub struct DiffRequest<'t> {
    /// Both sides.
    pub sides: [DiffInput<'t>; 2],
    /// What the records are; `None` takes what a file holds, and customers where there is none.
    pub entity: Option<EntityKind>,
    /// The code of each side's payment journal; all journals when `None`.
    pub journals: [Option<String>; 2],
    /// The fields by which customers are found; empty for the number, or else the name.
    pub match_on: Vec<String>,
    /// The folder for what is found; it is created.
    pub folder: PathBuf,
}

/// A side that is ready to be read.
enum Opening<'t> {
    File(Box<Opened>, Box<ReadRequest>),
    Target(&'t Target),
}

impl<'t> Opening<'t> {
    fn target(&self) -> Option<&'t Target> {
        match self {
            Self::File(..) => None,
            Self::Target(target) => Some(target),
        }
    }

    /// Whether a record without a currency is in the company's: a file may leave it to whoever knows.
    fn says_currency(&self) -> bool {
        match self {
            Self::Target(_) => true,
            Self::File(opened, _) => {
                let entity = opened.binding.entity();
                opened.binding.kind() == EntityKind::Customers
                    && opened.binding.fields().any(|field| entity.fields[field].name == "currencyCode")
            }
        }
    }
}

/// Compares both sides and publishes the outcome in the folder of the request.
///
/// # Errors
/// When a file cannot be read, a target does not answer, the sides hold different kinds of records, or the outcome
/// cannot be written.
pub async fn diff(request: DiffRequest<'_>, observer: Observer<'_>) -> Result<Diff, Error> {
    let DiffRequest { sides, entity, journals, match_on, folder } = request;
    let [a, b] = sides;
    let (kind, openings) = open_both([a, b], entity)?;
    let known = learn((kind, &openings), &match_on, observer).await?;
    let described = openings.each_ref().map(|opening| DiffSide {
        name: name_of(opening),
        profile: opening.target().map(|target| target.profile.clone()),
        records: 0,
    });
    let next = next_steps(kind, &openings, &journals);
    let mut store = Store::new()?;
    let (mut totals, mut cut_emails) = (DiffTotals::new(), 0);
    let targets: Vec<&Target> = openings.iter().filter_map(Opening::target).collect();
    for (side, opening) in Side::BOTH.into_iter().zip(openings) {
        let here = side.index();
        // A file names the customers of the other side.
        let others = known.payers[1 - here].as_ref().filter(|_| opening.target().is_none());
        let payers = known.payers[here].as_ref().or(others);
        let mut loading = Loading {
            side,
            comparison: &known.comparison,
            matching: &known.matching,
            meaning: known.meaning(here),
            payers: payers.filter(|_| kind == EntityKind::Payments),
            says_currency: opening.says_currency(),
            has_own_balances: known.has_own_balances,
            store: &mut store,
            totals: &mut totals,
            cut_emails: 0,
        };
        match opening {
            Opening::File(opened, read) => block_in_place(|| loading.file(*opened, read.sign, observer))?,
            Opening::Target(target) => loading.target(target, journals[here].as_deref(), observer).await?,
        }
        cut_emails += loading.cut_emails;
    }
    block_in_place(|| store.pair())?;
    find_currencies(&mut store, &targets, observer).await?;
    let facts = DiffFacts {
        kind,
        sides: described,
        matched_by: known.matching.fields(),
        compared: known.comparison.shown(),
        only: known.comparison.only.clone(),
        notes: known.notes(cut_emails),
        totals,
        next,
    };
    block_in_place(|| compare(&store, &known, facts, &folder))
}

fn open_both(
    sides: [DiffInput<'_>; 2],
    entity: Option<EntityKind>,
) -> Result<(EntityKind, [Opening<'_>; 2]), Error> {
    let mut kind = entity;
    let mut open = |side| match side {
        DiffInput::Target(target) => Ok(Opening::Target(target)),
        DiffInput::File(read) => {
            let (found, mut files) = open_files(&read)?;
            let opened = files.pop().expect("a side that is a file has one");
            match kind {
                Some(wanted) if wanted != found => {
                    return Err(Error::OtherKind {
                        file: opened.facts.name.to_string(),
                        found: found.as_str(),
                        wanted: wanted.as_str(),
                    });
                }
                _ => kind = Some(found),
            }
            Ok(Opening::File(Box::new(opened), read))
        }
    };
    let [a, b] = sides;
    let openings = [open(a)?, open(b)?];
    let kind = kind.unwrap_or(EntityKind::Customers);
    match openings.iter().filter_map(Opening::target).find(|target| !target.tables().has(kind)) {
        None => Ok((kind, openings)),
        Some(without) => Err(Error::NoneToCompare {
            profile: without.profile.clone(),
            kind: kind.noun(),
            system: without.tables().title,
        }),
    }
}

fn name_of(opening: &Opening<'_>) -> String {
    match opening {
        Opening::File(opened, _) => opened.facts.name.to_string(),
        Opening::Target(target) => format!("@{} ({})", target.profile, target.company.name),
    }
}

/// Compares what was read, and publishes the outcome.
fn compare(store: &Store, known: &Known, facts: DiffFacts, folder: &Path) -> Result<Diff, Error> {
    let mut facts = facts;
    let owed_in = (&known.currencies, known.has_own_balances);
    store.add_up(known.comparison.kind, owed_in, &mut facts.totals)?;
    let mut writer = DiffWriter::create(folder, facts)?;
    store.each_pair(|pair| {
        let changes = changes(known, &pair)?;
        Ok::<(), Error>(writer.add_pair(&pair.shown, &changes)?)
    })?;
    store.each_single(|single| {
        let kind = match single.side {
            _ if single.is_ambiguous => DiffKind::Ambiguous,
            Side::A => DiffKind::OnlyInA,
            Side::B => DiffKind::OnlyInB,
        };
        Ok::<(), Error>(writer.add_single(kind, single.side.index(), (&single.shown, &single.label))?)
    })?;
    store.each_unreadable(|side, shown, why| {
        Ok::<(), Error>(writer.add_single(DiffKind::Unreadable, side.index(), (shown, why))?)
    })?;
    let ending = if writer.is_equal() { Ending::Done } else { Ending::LeftOut };
    Ok(writer.publish(ending.into())?)
}

/// In what two records differ; `from` is the second's value, `to` the first's.
fn changes(known: &Known, pair: &Pair) -> Result<Vec<FieldChange>, Error> {
    let [a, b] = &pair.bodies;
    let unreadable = |source| PlanningError::Record { key: pair.shown.clone(), source };
    let mut changes = known.comparison.differences(a, b).map_err(unreadable)?;
    if let [Some(one), Some(other)] = pair.balances
        && !known.comparison.is_same_balance(one, other)
    {
        let field = load::BALANCE.to_owned();
        changes.push(FieldChange { field, from: other.to_string(), to: one.to_string() });
    }
    Ok(changes)
}
