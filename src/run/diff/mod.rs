//! `diff`: two sides, each a file or a target, record by record and field by field.
//!
//! In: two inputs. Out: `diff.csv` and a summary with control totals. Nothing is written to any target.
//!
//! Promises: what is compared are the fields that both sides can hold, in neutral form and in the eyes of both
//! systems; ids never are, since each system has its own; a record that several could be is told and never guessed;
//! memory stays flat.

mod fields;
mod load;
mod store;

use std::path::{Path, PathBuf};

use tokio::task::block_in_place;

use self::fields::{Codes, Comparison, Holds};
use self::load::{Loading, Matching, add_balances, balance_column, payers};
use self::store::{Pair, Side, Store};
use super::ending::Ending;
use super::error::Error;
use super::event::{Event, Observer};
use super::index::TargetIndex;
use super::planning::PlanningError;
use super::reading::{Opened, ReadRequest, open_files, tell_unmapped};
use super::target::Target;
use crate::catalogue::Kind;
use crate::domain::{EntityKind, FieldChange};
use crate::report::{Diff, DiffFacts, DiffKind, DiffSide, DiffTotals, DiffWriter};
use crate::validation::Sign;

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
    File(Box<Opened>, Sign),
    Target(&'t Target),
}

/// What is known of both sides before they are read.
struct Known {
    comparison: Comparison,
    matching: Matching,
    codes: [Codes; 2],
    currencies: [String; 2],
    payers: [Option<TargetIndex>; 2],
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
    let names = openings.each_ref().map(name_of);
    let mut store = Store::new()?;
    let mut totals = DiffTotals::new();
    for (side, opening) in Side::BOTH.into_iter().zip(openings) {
        let here = side.index();
        let payers = known.payers[here].as_ref().or(known.payers[1 - here].as_ref());
        let mut loading = Loading {
            side,
            comparison: &known.comparison,
            matching: &known.matching,
            codes: &known.codes[here],
            local_currency: &known.currencies[here],
            payers: payers.filter(|_| kind == EntityKind::Payments),
            store: &mut store,
            totals: &mut totals,
        };
        match opening {
            Opening::File(opened, sign) => block_in_place(|| loading.file(*opened, sign, observer))?,
            Opening::Target(target) => loading.target(target, journals[here].as_deref(), observer).await?,
        }
    }
    let facts = DiffFacts {
        kind,
        sides: names.map(|name| DiffSide { name, records: 0 }),
        matched_by: known.matching.fields(),
        compared: known.comparison.shown(),
        only: known.comparison.only.clone(),
        totals,
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
            Ok(Opening::File(Box::new(opened), read.sign))
        }
    };
    let [a, b] = sides;
    let openings = [open(a)?, open(b)?];
    Ok((kind.unwrap_or(EntityKind::Customers), openings))
}

fn name_of(opening: &Opening<'_>) -> String {
    match opening {
        Opening::File(opened, _) => opened.facts.name.to_string(),
        Opening::Target(target) => format!("@{} ({})", target.profile, target.company.name),
    }
}

fn holds(opening: &Opening<'_>, kind: EntityKind) -> Holds {
    match opening {
        Opening::Target(target) => {
            let details = target.tables().financial_details;
            let has_balances = kind == EntityKind::Customers && details.field(load::BALANCE).is_some();
            Holds::of_target(target.tables().entity(kind), has_balances)
        }
        Opening::File(opened, _) => {
            let entity = opened.binding.entity();
            Holds {
                entity,
                names: opened.binding.fields().map(|field| entity.fields[field].name).collect(),
                beyond: opened.unsupported().into_iter().map(|(_, field)| field).collect(),
                has_balances: kind == EntityKind::Customers && balance_column(opened).is_some(),
            }
        }
    }
}

/// Finds out what is compared and by what records are found, and reads what is needed to read them.
async fn learn(
    (kind, openings): (EntityKind, &[Opening<'_>; 2]),
    match_on: &[String],
    observer: Observer<'_>,
) -> Result<Known, Error> {
    let holdings = openings.each_ref().map(|opening| holds(opening, kind));
    let mut comparison = Comparison::new(kind, &holdings);
    let matching = matching(&comparison, match_on)?;
    let mut known = [Codes::new(), Codes::new()];
    let mut currencies = [None, None];
    let mut all_payers = [None, None];
    for (here, opening) in openings.iter().enumerate() {
        let target = match opening {
            Opening::File(opened, _) => {
                tell_unmapped(std::slice::from_ref(opened.as_ref()), observer);
                continue;
            }
            Opening::Target(target) => target,
        };
        for set in comparison.sets() {
            if let Some(table) = target.fetch_codes(set).await? {
                known[here].insert(set, table);
            } else {
                observer(Event::Note(format!("{} does not show its {set}", name_of(opening))));
                comparison.leave_out(set);
            }
        }
        let entity = target.tables().entity(kind);
        let references = target.fetch_references(entity, &[].into(), observer).await?;
        currencies[here] = references.local_currency().map(str::to_owned);
        if kind == EntityKind::Payments {
            all_payers[here] = payers(target, observer).await?;
        }
    }
    share(openings, &mut known);
    // A file has no currency of its own, and an amount of it without one is in the other side's.
    let [a, b] = currencies;
    let currencies = [a.clone().or(b.clone()), b.or(a)].map(Option::unwrap_or_default);
    Ok(Known { comparison, matching, codes: known, currencies, payers: all_payers })
}

/// Lets a file's ids be read with the tables of the target it is compared with.
fn share(openings: &[Opening<'_>; 2], codes: &mut [Codes; 2]) {
    match openings {
        [Opening::File(..), Opening::Target(_)] => {
            let [file, target] = codes;
            file.clone_from(target);
        }
        [Opening::Target(_), Opening::File(..)] => {
            let [target, file] = codes;
            file.clone_from(target);
        }
        _ => {}
    }
}

/// By what records are found.
fn matching(comparison: &Comparison, match_on: &[String]) -> Result<Matching, Error> {
    match comparison.kind {
        EntityKind::Payments if !match_on.is_empty() => return Err(Error::MatchPayments),
        EntityKind::Payments if comparison.has("customerNumber") => return Ok(Matching::Document),
        EntityKind::Payments => return Ok(Matching::DocumentAlone),
        EntityKind::Customers if match_on.is_empty() && comparison.has("number") => {
            return Ok(Matching::Number);
        }
        EntityKind::Customers if match_on.is_empty() => return Ok(Matching::Name),
        EntityKind::Customers => {}
    }
    let mut names = Vec::new();
    for wanted in match_on {
        let can_match = |kind| matches!(kind, Kind::Text | Kind::Code | Kind::Email | Kind::Phone);
        let name = comparison.names().find(|name| name.eq_ignore_ascii_case(wanted.trim()));
        let name = name.filter(|name| comparison.kind_of(name).is_some_and(can_match));
        names.push(name.ok_or_else(|| Error::MatchBoth(wanted.clone()))?);
    }
    Ok(Matching::Fields(names))
}

/// Compares what was read, and publishes the outcome.
fn compare(store: &Store, known: &Known, facts: DiffFacts, folder: &Path) -> Result<Diff, Error> {
    store.pair()?;
    let mut facts = facts;
    if known.comparison.has_balances {
        add_balances(store, &known.currencies, &mut facts.totals)?;
    }
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
        && one != other
    {
        let field = load::BALANCE.to_owned();
        changes.push(FieldChange { field, from: other.to_string(), to: one.to_string() });
    }
    Ok(changes)
}
