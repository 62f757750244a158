//! Both sides into the store: rows of a file through the check, records of a target page by page.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::fields::{Comparison, Meaning, PAYER};
use super::store::{Entry, Side, Store};
use crate::connector::Set;
use crate::connector::fields::Fields;
use crate::domain::text::{fold_name, is_same_folded};
use crate::domain::{Asked, EntityKind, Money, OnUnsupported, Reject, Rule};
use crate::export::{PageReader, fetch_journals};
use crate::mapping::read_amount;
use crate::report::{DiffTotals, Total};
use crate::run::check::{Check, CheckError, CheckOptions, CheckedChunk, CheckedRow};
use crate::run::error::Error;
use crate::run::event::{Event, Observer};
use crate::run::index::{IndexError, TargetIndex, document_key, match_key, name_key, number_key};
use crate::run::planning::PlanningError;
use crate::run::reading::Opened;
use crate::run::target::Target;
use crate::validation::Sign;

/// The heading and the field of what a customer owes.
pub(super) const BALANCE: &str = "balance";

/// By what records are found: fields that the user named, or else the natural key.
#[derive(Clone, Debug)]
pub(super) enum Matching {
    /// The number, or else the name, and of namesakes the e-mail address.
    Number,
    /// The name, and of namesakes the e-mail address: one of the sides has no numbers.
    Name,
    /// Every one of these fields.
    Fields(Vec<&'static str>),
    /// The document and the customer, and of several the invoice.
    Document,
    /// The document, and of several the name of the customer: one of the sides has no numbers.
    DocumentAndName,
    /// The document, and of several the invoice: one of the sides does not say who paid.
    DocumentAlone,
}

impl Matching {
    /// The fields, in the words of a report.
    pub(super) fn fields(&self) -> Vec<&'static str> {
        match self {
            Self::Number => vec!["number", "displayName", "email"],
            Self::Name => vec!["displayName", "email"],
            Self::Fields(names) => names.clone(),
            Self::Document => vec!["documentNumber", "customerNumber", "appliesToInvoiceNumber"],
            Self::DocumentAndName => vec!["documentNumber", PAYER],
            Self::DocumentAlone => vec!["documentNumber", "appliesToInvoiceNumber"],
        }
    }

    /// Key, name and what narrows, of this record; `payer` is the name of a payment's customer.
    fn keys(&self, record: &Fields<'_>, payer: &str) -> [String; 3] {
        let text = |name| record.text(name);
        let filled = |key: String| if key.ends_with([':', '\u{1f}']) { String::new() } else { key };
        let folded = |name| match_key("", &text(name)).trim_start_matches("m-:").to_owned();
        match self {
            Self::Number => {
                [filled(number_key(&text("number"))), filled(name_key(&text("displayName"))), folded("email")]
            }
            Self::Name => [String::new(), filled(name_key(&text("displayName"))), folded("email")],
            Self::Fields(names) => {
                let keys: Vec<_> = names.iter().map(|name| folded(name)).collect();
                let is_blank = keys.iter().all(String::is_empty);
                [if is_blank { String::new() } else { keys.join("\u{1f}") }, String::new(), String::new()]
            }
            Self::Document | Self::DocumentAndName | Self::DocumentAlone => {
                let document = text("documentNumber");
                let customer =
                    if matches!(self, Self::Document) { text("customerNumber") } else { "".into() };
                let is_blank = document.trim().is_empty();
                let key = if is_blank { String::new() } else { document_key(&document, &customer) };
                let narrow = match self {
                    Self::DocumentAndName => fold_name(payer),
                    _ => folded("appliesToInvoiceNumber"),
                };
                [key, String::new(), narrow]
            }
        }
    }
}

/// What the records of one side are loaded with.
pub(super) struct Loading<'a> {
    pub(super) side: Side,
    pub(super) comparison: &'a Comparison,
    pub(super) matching: &'a Matching,
    pub(super) meaning: Meaning<'a>,
    /// The customers that payments name, for their currencies.
    pub(super) payers: Option<&'a TargetIndex>,
    pub(super) store: &'a mut Store,
    pub(super) totals: &'a mut DiffTotals,
    /// Records of whose e-mail addresses only the first is compared.
    pub(super) cut_emails: u64,
}

impl Loading<'_> {
    /// A record as the store keeps it; its amount goes into the totals. `line` is that of a row of a file.
    fn entry(&mut self, record: &str, line: Option<u64>) -> Result<Entry, IndexError> {
        let fields = Fields::parse(record).map_err(IndexError::Record)?;
        let payer = self.payer(&fields)?;
        let [key, name, narrow] = self.matching.keys(&fields, &payer);
        self.add_to_totals(&fields)?;
        self.cut_emails += u64::from(self.comparison.is_cut(&fields));
        let text = |name| fields.text(name).trim().to_owned();
        let (shown, label) = match (self.comparison.kind, self.matching) {
            // One of the systems does not know the numbers of the other.
            (EntityKind::Customers, Matching::Name) if !text("number").is_empty() => {
                (text("displayName"), text("number"))
            }
            (EntityKind::Customers | EntityKind::Dimensions, _) => (text("number"), text("displayName")),
            (EntityKind::Payments, _) => {
                let who = if payer.is_empty() { text("customerNumber") } else { payer.clone() };
                (text("documentNumber"), format!("{who} {}", text("amount")))
            }
        };
        let label = match line {
            Some(line) => format!("{} (line {line})", label.trim()),
            None => label.trim().to_owned(),
        };
        Ok(Entry {
            remote: fields.text("id").into_owned(),
            shown: if shown.is_empty() { text("displayName") } else { shown },
            label,
            key,
            name,
            narrow,
            body: Some(self.comparison.body(&fields, &self.meaning, &payer)),
            balance: None,
        })
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

    fn add_to_totals(&mut self, record: &Fields<'_>) -> Result<(), IndexError> {
        let names: &[&'static str] = match self.comparison.kind {
            EntityKind::Customers | EntityKind::Dimensions => &["creditLimit", "openingBalance"],
            EntityKind::Payments => &["amount"],
        };
        for name in names.iter().filter(|name| self.comparison.has(name)) {
            let amount = record.text(name).parse().unwrap_or(Money::ZERO);
            if !amount.is_zero() {
                let currency = self.currency(name, record)?;
                self.add_amount(name, &currency, amount);
            }
        }
        Ok(())
    }

    /// The currency of a record's amount: that of a payment's customer, the customer's own for an opening balance, the
    /// local one for what customers may owe.
    fn currency(&self, name: &str, record: &Fields<'_>) -> Result<String, IndexError> {
        let own = match name {
            "creditLimit" => String::new(),
            _ => record.text("currencyCode").trim().to_uppercase(),
        };
        let paid = match self.payers {
            Some(payers) if own.is_empty() && name == "amount" => {
                let customer = record.text("customerNumber");
                let customer = if customer.is_empty() { record.text("customerId") } else { customer };
                payers.customer(&customer)?.map(|payer| payer.currency).unwrap_or_default()
            }
            _ => own,
        };
        Ok(if paid.is_empty() { self.meaning.local_currency.to_owned() } else { paid })
    }

    fn add_amount(&mut self, name: &'static str, currency: &str, amount: Money) {
        let totals = self.totals.entry((name, currency.to_owned())).or_default();
        let total = &mut totals[self.side.index()];
        *total = total.plus(Total::new(1, amount));
    }

    /// Reads the rows of a file. Blocks.
    pub(super) fn file(&mut self, opened: Opened, sign: Sign, observer: Observer<'_>) -> Result<(), Error> {
        let balance = balance_column(&opened);
        let name = opened.facts.name.to_string();
        let (mut rows, mut skipped) = (0, 0);
        let mut check = Check::new(CheckOptions {
            sign,
            changes_only: true,
            // Rows of one name are told apart here.
            match_on: &["displayName"],
            on_unsupported: Some(OnUnsupported::Drop),
            keeps_codes: true,
            ..CheckOptions::default()
        });
        let read = check.check_file(opened.source, &opened.binding, |chunk| {
            rows += chunk.rows() as u64;
            skipped += self.add_chunk(&chunk, balance)?;
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
    fn add_chunk(&mut self, chunk: &CheckedChunk<'_>, balance: Option<usize>) -> Result<u64, IndexError> {
        let (mut entries, mut skipped) = (Vec::with_capacity(chunk.rows()), 0);
        for row in chunk.accepted() {
            if row.asked == Some(Asked::Skip) {
                skipped += 1;
                continue;
            }
            entries.push(self.row_entry(&row, balance)?);
        }
        for reject in &chunk.rejects {
            match repeated_key(reject, self.matching) {
                Some(entry) => entries.push(entry),
                None => self.add_reject(reject)?,
            }
        }
        self.store.add(self.side, &entries)?;
        Ok(skipped)
    }

    fn row_entry(&mut self, row: &CheckedRow<'_>, balance: Option<usize>) -> Result<Entry, IndexError> {
        let line = row.row.origin.line;
        let cell = balance.map_or("", |column| row.row.cell(column));
        let balance = match read_amount(cell) {
            Ok(balance) => balance,
            Err(rule) => {
                let why = format!("{BALANCE} `{cell}`: {}", rule.code());
                self.store.add_unreadable(self.side, &format!("line {line}"), &why)?;
                None
            }
        };
        let entry = self.entry(row.payload, Some(line))?;
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
        let mut records = 0;
        for journal in journals(self.comparison.kind, target, journal).await? {
            let set = match self.comparison.kind {
                EntityKind::Customers | EntityKind::Dimensions => Set::Customers,
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
        if self.comparison.has_balances {
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
    if kind == EntityKind::Customers || !target.api.habits().has_journals {
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

/// A row whose only fault is that its key stands in the file before: with it nobody has that key alone.
fn repeated_key(reject: &Reject, matching: &Matching) -> Option<Entry> {
    let [violation] = reject.violations.as_slice() else { return None };
    let key = match (violation.rule, matching) {
        (Rule::DuplicateNumber, Matching::Number) => number_key(&violation.found),
        (Rule::DuplicateDocument, Matching::DocumentAndName | Matching::DocumentAlone) => {
            document_key(&violation.found, "")
        }
        _ => String::new(),
    };
    let is_repeated = matches!(violation.rule, Rule::DuplicateNumber | Rule::DuplicateDocument);
    is_repeated.then(|| Entry {
        shown: violation.found.clone(),
        label: format!("stands in the file twice (line {})", reject.origin.line),
        key,
        ..Entry::default()
    })
}

/// Adds what customers owe to the totals.
pub(super) fn add_balances(
    store: &Store,
    currencies: &[String; 2],
    totals: &mut DiffTotals,
) -> Result<(), IndexError> {
    let mut sums: BTreeMap<usize, Total> = BTreeMap::new();
    store.each_balance(|side, owed| {
        let sum = sums.entry(side.index()).or_default();
        if !owed.is_zero() {
            *sum = sum.plus(Total::new(1, owed));
        }
    })?;
    for (side, sum) in sums {
        totals.entry((BALANCE, currencies[side].clone())).or_default()[side] = sum;
    }
    Ok(())
}
