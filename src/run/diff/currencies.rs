//! In which currency each amount is, and what both sides add up to in each.
//!
//! Promises: amounts of different currencies are never added. A record that does not say its currency has that of its
//! counterpart, or else of the customer or the invoice that it names; where nobody says one, it is in the company's.

use std::collections::HashMap;

use rusqlite::params;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::load::{BALANCE, counted_amount};
use super::store::{Side, Store, money};
use crate::connector::Set;
use crate::domain::text::fold_name;
use crate::domain::{EntityKind, Money};
use crate::export::ExportError;
use crate::report::{DiffTotals, Total};
use crate::run::event::{Event, Observer};
use crate::run::index::{IndexError, null_as_empty};
use crate::run::planning::PlanningError;
use crate::run::target::{Target, TargetError};

/// What a payment names that is in its currency.
#[derive(Clone, Copy, Debug)]
enum By {
    Payer,
    Invoice,
}

/// A customer or an invoice, and its currency.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InCurrency {
    #[serde(default, deserialize_with = "null_as_empty")]
    display_name: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    number: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    currency_code: String,
}

/// Finds out the currencies that records do not say, once counterparts are found; `targets` can tell the rest.
pub(super) async fn find_currencies(
    store: &mut Store,
    targets: &[&Target],
    observer: Observer<'_>,
) -> Result<(), TargetError> {
    store.take_from_counterparts().map_err(PlanningError::from)?;
    for target in targets {
        for (by, set) in [(By::Payer, Set::Customers), (By::Invoice, Set::Reference("salesInvoices"))] {
            if !store.lacks_currencies(by).map_err(PlanningError::from)? {
                continue;
            }
            store.begin_telling().map_err(PlanningError::from)?;
            let select = ["id", by.named(), "currencyCode"];
            let (list, mut rows) = (target.list(set, &select), 0);
            let read = target.each_record_page(&list, |page| {
                rows += page.len() as u64;
                observer(Event::Fetched(set.as_str(), rows));
                Ok(store.add_told(by, &page).map_err(PlanningError::from)?)
            });
            match read.await {
                // A service without such a table tells nothing.
                Err(TargetError::Fetch(ExportError::NotFound { .. } | ExportError::Refused { .. })) => {
                    let table = set.as_str();
                    observer(Event::Note(format!("@{} does not show its {table}", target.profile)));
                }
                outcome => outcome?,
            }
            store.take_from_told(by).map_err(PlanningError::from)?;
        }
    }
    Ok(())
}

impl Store {
    fn take_from_counterparts(&self) -> Result<(), IndexError> {
        Ok(self.connection.execute_batch(
            "UPDATE records SET currency = (SELECT o.currency FROM pairs JOIN records o ON o.id = pairs.b
                 WHERE pairs.a = records.id) WHERE side = 0 AND currency IS NULL;
             UPDATE records SET currency = (SELECT o.currency FROM pairs JOIN records o ON o.id = pairs.a
                 WHERE pairs.b = records.id) WHERE side = 1 AND currency IS NULL;",
        )?)
    }

    fn lacks_currencies(&self, by: By) -> Result<bool, IndexError> {
        let (column, _) = by.columns();
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM records WHERE currency IS NULL AND amount IS NOT NULL AND {column} <> '')"
        );
        Ok(self.connection.query_row(&sql, [], |row| row.get(0))?)
    }

    fn begin_telling(&self) -> Result<(), IndexError> {
        Ok(self.connection.execute_batch(
            "DROP TABLE IF EXISTS told; CREATE TABLE told (named TEXT NOT NULL, currency TEXT NOT NULL);",
        )?)
    }

    fn add_told(&mut self, by: By, page: &[&RawValue]) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO told VALUES (?1, ?2)")?;
            for raw in page {
                let record: InCurrency = serde_json::from_str(raw.get()).map_err(IndexError::Record)?;
                let named = match by {
                    By::Payer => &record.display_name,
                    By::Invoice => &record.number,
                };
                insert.execute(params![fold_name(named), record.currency_code.trim().to_uppercase()])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Where several have the name, all of them have to be in one currency.
    fn take_from_told(&self, by: By) -> Result<(), IndexError> {
        let (column, named) = by.columns();
        Ok(self.connection.execute_batch(&format!(
            "CREATE INDEX told_by_name ON told (named);
             UPDATE records SET currency = (SELECT max(currency) FROM told WHERE named = {named}
                 HAVING min(currency) = max(currency) AND max(currency) <> '')
             WHERE currency IS NULL AND {column} <> '';"
        ))?)
    }

    /// Adds up what records hold of their own, in the currency of each; `local` are the currencies of the two companies,
    /// in which customers owe unless they do in their own.
    pub(super) fn add_up(
        &self,
        kind: EntityKind,
        (local, has_own_balances): (&[String; 2], bool),
        totals: &mut DiffTotals,
    ) -> Result<(), IndexError> {
        let mut sums: HashMap<(bool, String), [Total; 2]> = HashMap::new();
        let mut add = |is_owed: bool, currency: &str, side: usize, amount: Money| {
            let sum = &mut sums.entry((is_owed, currency.to_owned())).or_default()[side];
            if !amount.is_zero() {
                *sum = sum.plus(Total::new(1, amount));
            }
        };
        let query = "SELECT side, amount, balance, currency FROM records
                     WHERE amount IS NOT NULL OR balance IS NOT NULL";
        let mut records = self.connection.prepare(query)?;
        let mut rows = records.query([])?;
        while let Some(row) = rows.next()? {
            let side = Side::of(row.get(0)?).index();
            let said: Option<String> = row.get(3)?;
            let own = said.filter(|code| !code.is_empty()).unwrap_or_else(|| local[side].clone());
            if let Some(amount) = money(row, 1)?.filter(|amount| !amount.is_zero()) {
                add(false, &own, side, amount);
            }
            if let Some(owed) = money(row, 2)? {
                add(true, if has_own_balances { &own } else { &local[side] }, side, owed);
            }
        }
        for ((is_owed, currency), sum) in sums {
            let name = if is_owed { BALANCE } else { counted_amount(kind) };
            totals.insert((name, currency), sum);
        }
        Ok(())
    }
}

impl By {
    /// The field that holds the name. A list is refused for a field that it does not have.
    fn named(self) -> &'static str {
        match self {
            Self::Payer => "displayName",
            Self::Invoice => "number",
        }
    }

    /// The column of what a payment names, and the name as others have it.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Payer => ("payer", "records.payer"),
            // Of several the first: all are of one customer.
            Self::Invoice => (
                "invoice",
                "CASE WHEN instr(records.invoice, '=') > 0
                     THEN rtrim(substr(records.invoice, 1, instr(records.invoice, '=') - 1))
                     ELSE records.invoice END",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::diff::store::Entry;

    #[test]
    fn a_customer_without_a_currency_tells_none_and_ends_nothing() {
        let mut store = Store::new().unwrap();
        let payer =
            |name: &str| Entry { amount: Some(Money::from(5)), payer: fold_name(name), ..Entry::default() };
        store.add(Side::A, &[payer("None Ltd"), payer("Euro AG")]).unwrap();
        store.begin_telling().unwrap();
        let page = [
            r#"{"id":"1","displayName":"None Ltd","currencyCode":null}"#,
            r#"{"id":"2","displayName":null,"currencyCode":"GBP"}"#,
            r#"{"id":"3","displayName":"EURO AG","currencyCode":"eur"}"#,
        ];
        let page = page.map(|record| serde_json::from_str::<&RawValue>(record).unwrap());
        store.add_told(By::Payer, &page).unwrap();
        store.take_from_told(By::Payer).unwrap();
        let (mut totals, local) = (DiffTotals::new(), ["USD", ""].map(str::to_owned));
        store.add_up(EntityKind::Payments, (&local, false), &mut totals).unwrap();
        let currencies: Vec<_> = totals.keys().map(|(_, currency)| currency.as_str()).collect();
        assert_eq!(currencies, ["EUR", "USD"]);
    }
}
