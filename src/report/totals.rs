//! Control totals: how many rows and how much money, per currency, at each step from the file to the books.
//!
//! In: each row's amount, action and state. Out: sums that have to agree, and `totals.json`.
//!
//! Promises: sums are exact decimals; one that would lose a digit is never called reconciled.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::facts::RunFacts;
use super::summary::{Phase, Summary};
use crate::domain::{Action, Money, RowResult, State};

/// Currencies that get totals of their own; a column of rubbish must not fill the memory.
const CURRENCIES: usize = 500;
/// Where the amounts of all further currencies go.
const OTHER: &str = "(other)";

/// Rows and their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Rows with an amount; below zero only in a difference.
    pub count: i64,
    /// What they add up to.
    pub sum: Money,
    /// Whether the sum grew past the digits that can be held exactly, and so means nothing.
    #[serde(skip_serializing_if = "is_false")]
    pub inexact: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Total {
    /// These rows, adding up to `sum`.
    #[must_use]
    pub fn new(count: i64, sum: Money) -> Self {
        Self { count, sum, inexact: false }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (before, more) = (self.sum.decimal(), other.sum.decimal());
        let sum = before.checked_add(more);
        // A sum with fewer decimals than its parts was rounded to fit.
        let decimals = before.normalize().scale().max(more.normalize().scale());
        let exact = sum.is_some_and(|sum| sum.scale() >= decimals);
        Self {
            count: self.count + other.count,
            sum: sum.map_or(self.sum, Money::from),
            inexact: self.inexact || other.inexact || !exact,
        }
    }

    /// These without the others.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { count: -other.count, sum: -other.sum, inexact: other.inexact })
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self.count == 0 && self.sum.is_zero() && !self.inexact
    }
}

/// The totals of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// Every row of the files.
    pub file: Total,
    /// What should stand in the books when all goes well: creates, updates and what is there already.
    pub planned: Total,
    /// What the target confirmed, or already held.
    pub acknowledged: Total,
    /// Rejects, conflicts, refusals and rows skipped at the user's word.
    pub left_out: Total,
    /// Neither: waiting to be sent, or in doubt.
    pub open: Total,
    /// What a reconciliation found in the target; `None` when nobody has looked.
    pub read_back: Option<Total>,
}

impl CurrencyTotals {
    fn add(&mut self, amount: Money, action: Action, state: State) {
        let row = Total::new(1, amount);
        self.file = self.file.plus(row);
        if matches!(action, Action::Create | Action::Update | Action::Delete | Action::Unchanged) {
            self.planned = self.planned.plus(row);
        }
        let part = match state {
            State::Done | State::Unchanged => &mut self.acknowledged,
            State::Planned | State::Sending | State::InDoubt => &mut self.open,
            State::Refused | State::Conflict | State::Rejected | State::Skipped => &mut self.left_out,
        };
        *part = part.plus(row);
    }

    /// What the file holds and the other side does not account for: the other side is the plan before anything
    /// was sent, and the target's confirmations afterwards. Nothing, when all is well.
    #[must_use]
    pub fn difference(&self, phase: Phase) -> Total {
        let arrived = if phase == Phase::Outcome { self.acknowledged } else { self.planned };
        self.file.minus(arrived).minus(self.left_out)
    }

    /// Whether every row and every cent of the file is accounted for.
    #[must_use]
    pub fn is_reconciled(&self, phase: Phase) -> bool {
        self.difference(phase).is_nothing()
    }
}

/// The totals of all currencies, by currency code; the empty code is the local currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    by_currency: BTreeMap<String, CurrencyTotals>,
}

impl Totals {
    /// Adds a row, if it has an amount.
    pub fn add(&mut self, row: &RowResult) {
        if let Some(amount) = row.planned.amount {
            self.of(&row.planned.currency).add(amount, row.planned.action, row.state);
        }
    }

    /// Adds a row with an amount that a reconciliation found in the target.
    pub fn read_back(&mut self, currency: &str, amount: Money) {
        let found = &mut self.of(currency).read_back;
        *found = Some(found.unwrap_or_default().plus(Total::new(1, amount)));
    }

    /// Says that the target was looked at: a currency of which nothing was found has nothing there.
    pub fn has_been_read_back(&mut self) {
        for totals in self.by_currency.values_mut() {
            totals.read_back.get_or_insert_default();
        }
    }

    /// Adds rows that a check without a plan accepted.
    pub fn accept(&mut self, currency: &str, accepted: Total) {
        let totals = self.of(currency);
        totals.file = totals.file.plus(accepted);
        totals.planned = totals.planned.plus(accepted);
        totals.open = totals.open.plus(accepted);
    }

    /// Adds rows that a check without a plan rejected.
    pub fn reject(&mut self, currency: &str, rejected: Total) {
        let totals = self.of(currency);
        totals.file = totals.file.plus(rejected);
        totals.left_out = totals.left_out.plus(rejected);
    }

    fn of(&mut self, currency: &str) -> &mut CurrencyTotals {
        let full = self.by_currency.len() >= CURRENCIES && !self.by_currency.contains_key(currency);
        self.by_currency.entry(if full { OTHER } else { currency }.to_owned()).or_default()
    }

    /// The currencies and their totals, in the order of their codes, the local currency first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &CurrencyTotals)> {
        self.by_currency.iter().map(|(currency, totals)| (currency.as_str(), totals))
    }

    /// Whether no row had an amount.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_currency.is_empty()
    }

    /// Whether every currency is reconciled.
    #[must_use]
    pub fn is_reconciled(&self, phase: Phase) -> bool {
        self.by_currency.values().all(|totals| totals.is_reconciled(phase))
    }

    /// The totals as the reports write them.
    #[must_use]
    pub fn lines(&self, phase: Phase) -> Vec<TotalsLine<'_>> {
        self.iter().map(|(currency, totals)| TotalsLine { currency, totals, phase }).collect()
    }
}

/// One currency of `report.json` and `totals.json`.
#[derive(Clone, Copy, Debug)]
pub struct TotalsLine<'a> {
    currency: &'a str,
    totals: &'a CurrencyTotals,
    phase: Phase,
}

impl Serialize for TotalsLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("TotalsLine", 9)?;
        line.serialize_field("currency", self.currency)?;
        line.serialize_field("file", &self.totals.file)?;
        line.serialize_field("planned", &self.totals.planned)?;
        line.serialize_field("acknowledged", &self.totals.acknowledged)?;
        line.serialize_field("left_out", &self.totals.left_out)?;
        line.serialize_field("open", &self.totals.open)?;
        line.serialize_field("read_back", &self.totals.read_back)?;
        line.serialize_field("difference", &self.totals.difference(self.phase))?;
        line.serialize_field("reconciled", &self.totals.is_reconciled(self.phase))?;
        line.end()
    }
}

#[derive(Serialize)]
struct TotalsDocument<'a> {
    schema_version: u32,
    run: &'a str,
    entity: &'a str,
    amounts: &'a str,
    local_currency: &'a str,
    rows: u64,
    rows_without_amount: u64,
    every_row_once: bool,
    reconciled: bool,
    totals: Vec<TotalsLine<'a>>,
}

/// The text of `totals.json`.
#[must_use]
pub(super) fn totals_json(facts: &RunFacts, summary: &Summary) -> String {
    let phase = summary.phase();
    let document = TotalsDocument {
        schema_version: super::json::SCHEMA_VERSION,
        run: &facts.run,
        entity: facts.entity.as_str(),
        amounts: facts.amount_name(),
        local_currency: &facts.local_currency,
        rows: summary.rows(),
        rows_without_amount: summary.without_amount(),
        every_row_once: summary.covers_every_row_once(),
        reconciled: summary.totals().is_reconciled(phase),
        totals: summary.totals().lines(phase),
    };
    super::json::pretty(&document)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn a_settled_run_is_reconciled_and_an_open_row_is_its_difference() {
        let mut totals = CurrencyTotals::default();
        totals.add(money("10.50"), Action::Create, State::Done);
        totals.add(money("5"), Action::Reject, State::Rejected);
        assert!(totals.is_reconciled(Phase::Outcome));
        totals.add(money("7.25"), Action::Create, State::InDoubt);
        assert_eq!(totals.difference(Phase::Outcome), Total::new(1, money("7.25")));
        assert!(totals.is_reconciled(Phase::Plan), "the plan itself accounts for the row");
    }

    #[test]
    fn a_sum_that_would_lose_digits_is_never_reconciled() {
        let mut totals = CurrencyTotals::default();
        totals.add(money("79228162514264337593543950335"), Action::Create, State::Done);
        totals.add(money("0.01"), Action::Create, State::Done);
        assert!(totals.file.inexact);
        assert!(!totals.is_reconciled(Phase::Outcome));
    }

    #[test]
    fn a_flood_of_currencies_ends_in_one_line() {
        let mut totals = Totals::default();
        for number in 0..CURRENCIES + 100 {
            totals.accept(&format!("X{number}"), Total::new(1, Money::ZERO));
        }
        assert_eq!(totals.iter().count(), CURRENCIES + 1);
        assert_eq!(totals.by_currency[OTHER].file.count, 100);
    }

    proptest! {
        /// However the rows end, file = acknowledged + left out + open, to the cent.
        #[test]
        fn the_file_is_the_sum_of_its_parts(rows in prop::collection::vec((-1_000_000_000i64..1_000_000_000, 0usize..9), 0..60)) {
            let mut totals = CurrencyTotals::default();
            for (cents, state) in rows {
                let amount = Money::from(rust_decimal::Decimal::new(cents, 2));
                totals.add(amount, Action::Create, State::ALL[state]);
            }
            let parts = totals.acknowledged.plus(totals.left_out).plus(totals.open);
            prop_assert_eq!(totals.file, parts);
            prop_assert_eq!(totals.is_reconciled(Phase::Outcome), totals.open.is_nothing());
        }
    }
}
