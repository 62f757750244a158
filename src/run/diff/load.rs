//! Both sides into the store: rows of a file through the check, records of a target page by page.

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::fields::{Comparison, Meaning};
use super::matching::Matching;
use super::store::{Entry, Side, Store};
use crate::connector::Set;
use crate::connector::fields::Fields;
use crate::domain::text::{fold_name, is_same_folded};
use crate::domain::{Asked, EntityKind, Money, OnUnsupported, Reject};
use crate::export::{PageReader, fetch_journals};
use crate::mapping::read_amount;
use crate::report::{DiffTotals, Total};
use crate::run::check::{Check, CheckError, CheckOptions, CheckedChunk, CheckedRow};
use crate::run::error::Error;
use crate::run::event::{Event, Observer};
use crate::run::index::{IndexError, TargetIndex};
use crate::run::planning::PlanningError;
use crate::run::reading::Opened;
use crate::run::target::Target;
use crate::validation::Sign;

/// The heading and the field of what a customer owes.
pub(super) const BALANCE: &str = "balance";

/// What the records of one side are loaded with.
pub(super) struct Loading<'a> {
    pub(super) side: Side,
    pub(super) comparison: &'a Comparison,
    pub(super) matching: &'a Matching,
    pub(super) meaning: Meaning<'a>,
    /// The customers that payments name, for their currencies.
    pub(super) payers: Option<&'a TargetIndex>,
    /// Whether records without a currency are in the company's.
    pub(super) says_currency: bool,
    /// Whether what customers owe is compared in the currency of each of them.
    pub(super) has_own_balances: bool,
    pub(super) store: &'a mut Store,
    pub(super) totals: &'a mut DiffTotals,
    /// Records of whose e-mail addresses only the first is compared.
    pub(super) cut_emails: u64,
}

impl Loading<'_> {
    /// A record as the store keeps it. `row` is the line of a row of a file, and the currency it has in a column of its
    /// own.
    fn entry(&mut self, record: &str, row: Option<(u64, &str)>) -> Result<Entry, IndexError> {
        let fields = Fields::parse(record).map_err(IndexError::Record)?;
        let payer = self.payer(&fields)?;
        let [key, name, narrow] = self.matching.keys(&fields, &payer);
        self.add_limit(&fields);
        self.cut_emails += u64::from(self.comparison.is_cut(&fields));
        let text = |name| fields.text(name).trim().to_owned();
        let counted = counted_amount(self.comparison.kind);
        let amount = Some(counted).filter(|name| self.comparison.has(name)).map(&text);
        let currency = self.currency(&fields, row.map_or("", |(_, currency)| currency))?;
        let is_unsaid = currency.is_none() && self.comparison.kind == EntityKind::Payments;
        let asked = |name: &str| if is_unsaid { fold_name(&fields.text(name)) } else { String::new() };
        let (asked_payer, asked_invoice) = (asked("customerNumber"), asked("appliesToInvoiceNumber"));
        let (shown, label) = match (self.comparison.kind, self.matching) {
            // One of the systems does not know the numbers of the other.
            (EntityKind::Customers, Matching::Name) if !text("number").is_empty() => {
                (text("displayName"), text("number"))
            }
            (EntityKind::Customers, _) => (text("number"), text("displayName")),
            (EntityKind::Dimensions, _) => (
                format!("{} {}", text("customerNumber"), text("dimensionCode")).trim().to_owned(),
                text("dimensionValueCode"),
            ),
            (EntityKind::Payments, _) => {
                let who = if payer.is_empty() { text("customerNumber") } else { payer.clone() };
                (text("documentNumber"), format!("{who} {}", text("amount")))
            }
        };
        let label = match row {
            Some((line, _)) => format!("{} (line {line})", label.trim()).trim_start().to_owned(),
            None => label.trim().to_owned(),
        };
        let body = self.comparison.body(&fields, &self.meaning, &payer);
        let further = self.matching.further(&fields);
        let spelling = if further.is_empty() { Ok(String::new()) } else { self.comparison.spelling(&body) };
        Ok(Entry {
            remote: fields.text("id").into_owned(),
            shown: if shown.is_empty() { text("displayName") } else { shown },
            label,
            key,
            name,
            narrow,
            further,
            body,
            spelling: spelling.map_err(IndexError::Record)?,
            amount: amount.and_then(|amount| amount.parse().ok()),
            balance: self.own_balance(&fields),
            currency,
            payer: asked_payer,
            invoice: asked_invoice,
        })
    }

    /// What a customer of a target owes in the own currency, where that is compared.
    fn own_balance(&self, record: &Fields<'_>) -> Option<Money> {
        let is_it = self.has_own_balances && record.raw(BALANCE).is_some();
        is_it.then(|| record.text(BALANCE).parse().unwrap_or(Money::ZERO))
    }

    /// The name of a payment's customer, where payments are compared by it.
    fn payer(&self, record: &Fields<'_>) -> Result<String, IndexError> {
        if !self.comparison.has_payer_names {
            return Ok(String::new());
        }
        let own = record.text("customerName");
        let number = record.text("customerNumber");
        let number = if number.is_empty() { record.text("customerId") } else { number };
        let known = match self.payers {
            Some(payers) if own.is_empty() => payers.customer(&number)?.map(|payer| payer.name),
            _ => None,
        };
        Ok(known.unwrap_or_else(|| if own.is_empty() { number } else { own }.trim().to_owned()))
    }

    /// What customers may owe is in the company's currency.
    fn add_limit(&mut self, record: &Fields<'_>) {
        const LIMIT: &str = "creditLimit";
        let limit = record.text(LIMIT).parse().unwrap_or(Money::ZERO);
        if self.comparison.has(LIMIT) && !limit.is_zero() {
            let total = self.totals.entry((LIMIT, self.meaning.local_currency.to_owned())).or_default();
            total[self.side.index()] = total[self.side.index()].plus(Total::new(1, limit));
        }
    }

    /// The currency that a record says its amounts are in, a payment by its customer; `None` where only others can say
    /// it. `written` is what the row of a file has in a column of its own.
    fn currency(&self, record: &Fields<'_>, written: &str) -> Result<Option<String>, IndexError> {
        let own = record.text("currencyCode");
        let own = if own.trim().is_empty() { written } else { &own }.trim().to_uppercase();
        if !own.is_empty() {
            return Ok(Some(own));
        }
        let local = self.meaning.local_currency;
        if let Some(payers) = self.payers {
            let customer = record.text("customerNumber");
            let customer = if customer.is_empty() { record.text("customerId") } else { customer };
            let payer = payers.customer(&customer)?.map(|payer| payer.currency.trim().to_uppercase());
            return Ok(payer.map(|code| if code.is_empty() { local.to_owned() } else { code }));
        }
        Ok(self.says_currency.then(|| local.to_owned()))
    }

    /// Reads the rows of a file. Blocks.
    pub(super) fn file(&mut self, opened: Opened, sign: Sign, observer: Observer<'_>) -> Result<(), Error> {
        let columns = [balance_column(&opened), opened.currency_column()];
        let name = opened.facts.name.to_string();
        let (mut rows, mut skipped) = (0, 0);
        let mut check = Check::new(CheckOptions {
            sign,
            changes_only: true,
            // What rows mean is told here, and whether two of them are one.
            only_reads: true,
            on_unsupported: Some(OnUnsupported::Drop),
            keeps_codes: true,
            ..CheckOptions::default()
        });
        let read = check.check_file(opened.source, &opened.binding, |chunk| {
            rows += chunk.rows() as u64;
            skipped += self.add_chunk(&chunk, columns)?;
            observer(Event::Checked(rows));
            Ok::<(), IndexError>(())
        });
        if skipped > 0 {
            observer(Event::Note(format!("{name}: rows that ask to be skipped are not compared: {skipped}")));
        }
        match read {
            Ok(_) => Ok(()),
            Err(CheckError::Source(error)) => Err(error.into()),
            Err(CheckError::Sink(error)) => Err(PlanningError::from(error).into()),
        }
    }

    /// Adds the rows of a chunk; how many ask to be skipped.
    fn add_chunk(
        &mut self,
        chunk: &CheckedChunk<'_>,
        columns: [Option<usize>; 2],
    ) -> Result<u64, IndexError> {
        let (mut entries, mut skipped) = (Vec::with_capacity(chunk.rows()), 0);
        for row in chunk.accepted() {
            if row.asked == Some(Asked::Skip) {
                skipped += 1;
                continue;
            }
            entries.push(self.row_entry(&row, columns)?);
        }
        chunk.rejects.iter().try_for_each(|reject| self.add_reject(reject))?;
        self.store.add(self.side, &entries)?;
        Ok(skipped)
    }

    /// `columns` are those of what customers owe and of a payment's currency.
    fn row_entry(&mut self, row: &CheckedRow<'_>, columns: [Option<usize>; 2]) -> Result<Entry, IndexError> {
        let line = row.row.origin.line;
        let [cell, currency] = columns.map(|column| column.map_or("", |column| row.row.cell(column)));
        let balance = match read_amount(cell) {
            Ok(balance) => balance,
            Err(rule) => {
                let why = format!("{BALANCE} `{cell}`: {}", rule.code());
                self.store.add_unreadable(self.side, &format!("line {line}"), &why)?;
                None
            }
        };
        let entry = self.entry(row.payload, Some((line, currency)))?;
        Ok(Entry { balance, ..entry })
    }

    fn add_reject(&self, reject: &Reject) -> Result<(), IndexError> {
        let whys = reject
            .violations
            .iter()
            .map(|violation| format!("{} `{}`: {}", violation.field, violation.found, violation.rule.code()));
        let why = whys.collect::<Vec<_>>().join("; ");
        self.store.add_unreadable(self.side, &format!("line {}", reject.origin.line), &why)
    }

    /// Reads the records of a target.
    pub(super) async fn target(
        &mut self,
        target: &Target,
        journal: Option<&str>,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        let entity = target.tables().entity(self.comparison.kind);
        let also = ["id", "number", "displayName", "email", "documentNumber", "customerNumber", "customerId"];
        let also =
            also.into_iter().chain(["customerName", "amount", "currencyCode", "appliesToInvoiceNumber"]);
        let mut select: Vec<&str> = self.comparison.names().collect();
        for name in also.filter(|name| entity.field(name).is_some()) {
            if !select.contains(&name) {
                select.push(name);
            }
        }
        if self.has_own_balances {
            select.push(BALANCE);
        }
        let mut records = 0;
        for journal in journals(self.comparison.kind, target, journal).await? {
            let set = match self.comparison.kind {
                EntityKind::Customers => Set::Customers,
                EntityKind::Dimensions => Set::DefaultDimensions,
                EntityKind::Payments => Set::Payments(&journal),
            };
            let list = target.list(set, &select);
            let pages = target.each_record_page(&list, |page| {
                records += page.len() as u64;
                observer(Event::Fetched(set.as_str(), records));
                Ok(self.add_page(&page).map_err(PlanningError::from)?)
            });
            pages.await?;
        }
        if self.comparison.has_balances && !self.has_own_balances {
            self.balances(target, observer).await?;
        }
        Ok(())
    }

    fn add_page(&mut self, page: &[&RawValue]) -> Result<(), IndexError> {
        let entries: Vec<_> = page.iter().map(|raw| self.entry(raw.get(), None)).collect::<Result<_, _>>()?;
        self.store.add(self.side, &entries)
    }

    async fn balances(&mut self, target: &Target, observer: Observer<'_>) -> Result<(), Error> {
        self.store.index_remotes().map_err(PlanningError::from)?;
        let (list, mut rows) = (target.list(Set::FinancialDetails, &["id", BALANCE]), 0);
        target
            .each_record_page(&list, |page| {
                rows += page.len() as u64;
                observer(Event::Fetched(Set::FinancialDetails.as_str(), rows));
                let mut balances = Vec::with_capacity(page.len());
                for raw in &page {
                    let unreadable = |source| PlanningError::from(IndexError::Record(source));
                    let record = Fields::parse(raw.get()).map_err(unreadable)?;
                    let said = record.text(BALANCE);
                    let owed = said.parse().map_err(|error| unreadable(serde_json::Error::custom(error)))?;
                    balances.push((record.text("id").into_owned(), owed));
                }
                Ok(self.store.set_balances(self.side, &balances).map_err(PlanningError::from)?)
            })
            .await?;
        // A report of what customers owe may leave out those who owe nothing.
        Ok(self.store.set_other_balances(self.side, Money::ZERO).map_err(PlanningError::from)?)
    }
}

/// The ids of the journals whose payments are compared: the one with this code, or all; an empty one where payments
/// wait in none.
async fn journals(kind: EntityKind, target: &Target, wanted: Option<&str>) -> Result<Vec<String>, Error> {
    if kind != EntityKind::Payments || !target.api.habits().has_journals {
        return Ok(vec![String::new()]);
    }
    let mut reader = PageReader::new(&target.transport, target.api.as_ref(), target.pages).on_primary();
    let found = fetch_journals(&mut reader, &target.company.id, wanted, &mut |_| ()).await?;
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

/// The customers of a target, for the currencies that payments are in; `None` where payments say it themselves.
pub(super) async fn payers(target: &Target, observer: Observer<'_>) -> Result<Option<TargetIndex>, Error> {
    let customers = target.tables().customers;
    if target.tables().payments.field("currencyCode").is_some() || customers.field("number").is_none() {
        return Ok(None);
    }
    let mut index = TargetIndex::new().map_err(PlanningError::from)?;
    let select: Vec<&str> = ["id", "number", "displayName", "currencyCode", "blocked"]
        .into_iter()
        .filter(|name| customers.field(name).is_some())
        .collect();
    let (list, mut rows) = (target.list(Set::Customers, &select), 0);
    target
        .each_record_page(&list, |page| {
            rows += page.len() as u64;
            observer(Event::Fetched(Set::Customers.as_str(), rows));
            Ok(index.add_customers(&page).map_err(PlanningError::from)?)
        })
        .await?;
    Ok(Some(index))
}

/// The column that says what customers owe, which no import writes.
pub(super) fn balance_column(opened: &Opened) -> Option<usize> {
    let mut headings = opened.facts.headers.iter();
    headings.position(|heading| is_same_folded(heading, BALANCE))
}

/// The field of a record that is added up beside what customers may owe.
pub(super) fn counted_amount(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Customers | EntityKind::Dimensions => "openingBalance",
        EntityKind::Payments => "amount",
    }
}
