//! What is to be known of both sides before their records are read: what is compared, by what records are found, and
//! what their ids, names and amounts mean.

use super::fields::{Codes, Comparison, Meaning};
use super::holds::Holds;
use super::load::{balance_column, payers};
use super::matching::Matching;
use super::{Opening, name_of};
use crate::catalogue::Kind;
use crate::domain::EntityKind;
use crate::run::codes::CodesByName;
use crate::run::error::Error;
use crate::run::event::{Event, Observer};
use crate::run::index::TargetIndex;
use crate::run::reading::tell_unmapped;
use crate::run::target::{COUNTRIES, Target};

/// What is known of both sides before they are read.
pub(super) struct Known {
    pub(super) comparison: Comparison,
    pub(super) matching: Matching,
    codes: [Codes; 2],
    countries: CodesByName,
    pub(super) currencies: [String; 2],
    pub(super) payers: [Option<TargetIndex>; 2],
    /// Whether what customers owe is compared in the currency of each of them.
    pub(super) has_own_balances: bool,
    notes: Vec<String>,
}

impl Known {
    /// What the records of one side mean.
    pub(super) fn meaning(&self, side: usize) -> Meaning<'_> {
        Meaning {
            codes: &self.codes[side],
            countries: &self.countries,
            local_currency: &self.currencies[side],
        }
    }

    /// What a reader has to know beyond the differences; of so many records only the first of several e-mail addresses
    /// was compared.
    pub(super) fn notes(&self, cut_emails: u64) -> Vec<String> {
        let cut = (cut_emails > 0).then(|| {
            let customers =
                if cut_emails == 1 { "1 customer has" } else { &format!("{cut_emails} customers have") };
            format!(
                "{customers} several e-mail addresses; one side holds one, so the first of each was compared"
            )
        });
        self.notes.iter().cloned().chain(cut).collect()
    }
}

fn holds(opening: &Opening<'_>, kind: EntityKind) -> Holds {
    match opening {
        Opening::Target(target) => Holds::of_target(target.tables(), kind),
        Opening::File(opened, read) => {
            let entity = opened.binding.entity();
            let names = opened.binding.fields().map(|field| entity.fields[field].name);
            Holds {
                beyond: opened.unplaced(),
                has_balances: kind == EntityKind::Customers && balance_column(opened).is_some(),
                ..Holds::of_file(read.dialect, kind, names)
            }
        }
    }
}

/// Finds out what is compared and by what records are found, and reads what is needed to read them.
pub(super) async fn learn(
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
    let mut countries = CodesByName::new();
    if comparison.has_two_kinds_of_country() {
        for target in openings.iter().filter_map(Opening::target) {
            countries.extend(target.fetch_code_names(COUNTRIES).await?);
        }
    }
    let mut notes: Vec<_> = comparison.unseen.iter().map(|name| unseen(name, openings)).collect();
    if let [Some(a), Some(b)] = &currencies
        && a != b
    {
        let left_out = comparison.leave_out_local_amounts();
        if !left_out.is_empty() {
            let names = left_out.join(", ");
            notes.push(format!("not compared, amounts in {a} on one side and in {b} on the other: {names}"));
        }
    }
    let has_own_balances = comparison.has_balances && has_own_balances(openings);
    if comparison.has_balances {
        notes.extend(balances_are_in(openings, has_own_balances, &currencies));
    }
    // A file has no currency of its own, and an amount of it without one is in the other side's.
    let [a, b] = currencies;
    let currencies = [a.clone().or(b.clone()), b.or(a)].map(Option::unwrap_or_default);
    Ok(Known {
        comparison,
        matching,
        codes: known,
        countries,
        currencies,
        payers: all_payers,
        has_own_balances,
        notes,
    })
}

/// Whether what a file says that customers owe is in their own currencies, as the target's own records have it.
fn has_own_balances(openings: &[Opening<'_>; 2]) -> bool {
    let mut targets = openings.iter().filter_map(Opening::target);
    let only_one = targets.next().filter(|_| targets.next().is_none());
    only_one.is_some_and(|target| target.tables().has_own_balances)
}

/// In which currency the balances of a file are read: it says none. Systems export them in either, see
/// [`crate::catalogue::Dialect::has_own_balances`].
fn balances_are_in(
    openings: &[Opening<'_>; 2],
    has_own_balances: bool,
    currencies: &[Option<String>; 2],
) -> Option<String> {
    let file = match openings {
        [Opening::File(..), Opening::File(..)] => {
            return Some("what customers owe is taken to be in the same currency in both files".to_owned());
        }
        [file @ Opening::File(..), Opening::Target(_)] | [Opening::Target(_), file @ Opening::File(..)] => {
            name_of(file)
        }
        [Opening::Target(_), Opening::Target(_)] => return None,
    };
    if has_own_balances {
        return Some(format!(
            "the balances of {file} are read in the currency of each customer; where they are in the company's, as in an \
             export of financials or from Business Central, leave the column out"
        ));
    }
    let company = currencies.iter().flatten().next().map_or("the company's currency", String::as_str);
    Some(format!("the balances of {file} are read in {company}, as the company keeps its books"))
}

/// That a field is in no list of a target, in one line.
fn unseen(name: &str, openings: &[Opening<'_>; 2]) -> String {
    let is_it = |target: &&Target| {
        let kinds = [EntityKind::Customers, EntityKind::Payments];
        let mut fields = kinds.iter().filter_map(|kind| target.tables().entity(*kind).field(name));
        fields.any(|field| !field.is_listed)
    };
    let profile =
        openings.iter().filter_map(Opening::target).find(is_it).map(|target| target.profile.as_str());
    let profile = profile.unwrap_or_default();
    format!("not compared, @{profile} shows it of single records only: {name}")
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
        EntityKind::Dimensions if !match_on.is_empty() => return Err(Error::MatchDimensions),
        EntityKind::Dimensions => return Ok(Matching::Dimension),
        EntityKind::Payments if comparison.has("customerNumber") => return Ok(Matching::Document),
        EntityKind::Payments if comparison.has_payer_names => return Ok(Matching::DocumentAndName),
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
