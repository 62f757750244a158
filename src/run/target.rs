//! What a plan has to know of the target: its reference tables, and the records that rows may meet.
//!
//! Everything is read in bulk, page by page, with only the fields that are needed. Reads that a plan rests on
//! must not come from a lagging replica, so they ask for the primary.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalogue::{Dialect, Entity, Kind};
use crate::connector::{Api, Connector, List, Set};
use crate::domain::country::names_of;
use crate::domain::text::{fold_name, is_same_code};
use crate::domain::{EntityKind, References};
use crate::export::{ExportError, PageOptions, PageReader};
use crate::transport::Transport;

use super::company::Company;
use super::event::{Event, Observer};
use super::index::TargetIndex;
use super::planning::PlanningError;

/// A company of a target that can be talked to.
#[derive(Clone, Debug)]
pub struct Target {
    /// HTTP with the profile's credentials.
    pub transport: Arc<Transport>,
    /// What its system can be asked, and how.
    pub api: Arc<dyn Api>,
    /// The company that is read and written.
    pub company: Company,
    /// The name of the profile.
    pub profile: String,
    /// The system: `business-central`.
    pub system: String,
    /// The dialect of its API: `v2.0`.
    pub dialect: String,
    /// The stage of the profile: `test` or `production`.
    pub stage: String,
    /// How pages are read.
    pub pages: PageOptions,
}

/// Why what the target holds could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A page could not be fetched.
    #[error(transparent)]
    Fetch(#[from] ExportError),
    /// A page could not be read.
    #[error("a page of {set} is not what the API sends")]
    Malformed {
        /// The entity set.
        set: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The page could not be kept.
    #[error(transparent)]
    Keep(#[from] PlanningError),
}

/// The records of one page, as text.
#[derive(Deserialize)]
struct Records<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

/// A row of a reference table.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferenceRow {
    id: String,
    #[serde(default)]
    display_name: String,
    #[serde(default, alias = "number")]
    code: String,
    #[serde(default)]
    currency_code: String,
}

/// The nil GUID: a customer that carries it as its currency pays in the local one.
const LOCAL: &str = "00000000-0000-0000-0000-000000000000";

/// The names of tables that need more than being read.
const CUSTOMERS: &str = "customers";
const CURRENCIES: &str = "currencies";
/// What people write of countries is often the name.
pub(super) const COUNTRIES: &str = "countriesRegions";

impl Target {
    /// The tables of the dialect.
    pub(super) fn tables(&self) -> &'static Dialect {
        self.api.dialect()
    }

    /// Who writes records of this kind; payments go into the journal with this id.
    pub(super) fn connector(&self, kind: EntityKind, journal: Option<&str>) -> Arc<dyn Connector> {
        match kind {
            EntityKind::Customers => self.api.customers(&self.company.id),
            EntityKind::Dimensions => {
                let writer = self.api.dimensions(&self.company.id);
                writer.expect("runs are planned of what the dialect has")
            }
            EntityKind::Payments => self.api.payments(&self.company.id, journal.unwrap_or_default()),
        }
    }

    /// Reads the reference tables that these fields of `entity` refer to.
    pub async fn fetch_references(
        &self,
        entity: &'static Entity,
        fields: &BTreeSet<usize>,
        observer: Observer<'_>,
    ) -> Result<References, TargetError> {
        let mut references = References::new();
        let mut sets: BTreeSet<&'static str> = fields
            .iter()
            .filter_map(|field| entity.fields[*field].reference)
            .map(|reference| reference.set)
            .collect();
        sets.remove(CUSTOMERS);
        // Read with their values.
        sets.remove("dimensions");
        // Read with what else is to be known of them.
        sets.retain(|set| !self.api.completion_tables().contains(set));
        match self.fetch_local_currency().await? {
            Some(currency) => references.set_local_currency(&currency),
            // Without it, the currencies are not all there is: the local one has no row among them.
            None => {
                sets.remove(CURRENCIES);
            }
        }
        for set in sets {
            self.fetch_reference(set, &mut references, observer).await?;
        }
        Ok(references)
    }

    async fn fetch_reference(
        &self,
        set: &'static str,
        references: &mut References,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        let code = if matches!(set, "accounts" | "salesInvoices") { "number" } else { "code" };
        let is_named = set == COUNTRIES;
        let select = ["id", code, "displayName"];
        let list = self.list(Set::Reference(set), &select[..if is_named { 3 } else { 2 }]);
        let (mut rows, mut countries) = (0, Vec::new());
        let table = self
            .each_record_page(&list, |page| {
                for raw in &page {
                    let row: ReferenceRow = serde_json::from_str(raw.get())
                        .map_err(|source| TargetError::Malformed { set, source })?;
                    references.insert(set, &row.code, &row.id);
                    if is_named {
                        references.insert_name(set, &row.display_name, &row.code);
                        countries.push(row.code);
                    }
                }
                rows += page.len() as u64;
                observer(Event::Fetched(set, rows));
                Ok(())
            })
            .await;
        match table {
            // A service without this table cannot be judged by it.
            Err(TargetError::Fetch(ExportError::NotFound { .. })) => Ok(()),
            Ok(()) => {
                references.add_set(set);
                // What the target calls a country itself comes first.
                for (code, name) in
                    countries.iter().flat_map(|code| names_of(code).map(move |name| (code, name)))
                {
                    if references.code_named(set, name).is_none() {
                        references.insert_name(set, name, code);
                    }
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The company's own currency, as the company says it or its customers show it; `None` when none of them does.
    ///
    /// Source: reads give the local currency's code beside the nil currency id.
    async fn fetch_local_currency(&self) -> Result<Option<String>, TargetError> {
        if self.api.habits().says_currency {
            let companies: Vec<ReferenceRow> = self.fetch_rows(Set::Companies, &|_| ()).await?;
            let own = companies.into_iter().find(|company| company.id == self.company.id);
            return Ok(own.map(|company| company.currency_code).filter(|code| !code.is_empty()));
        }
        let filter = format!("currencyId eq {LOCAL}");
        let list =
            List { top: Some(1), ..self.list(Set::Customers, &["id", "currencyCode"]).filtered(&filter) };
        let mut currency = None;
        self.each_record_page(&list, |page| {
            if let Some(raw) = page.first() {
                let row: ReferenceRow = serde_json::from_str(raw.get())
                    .map_err(|source| TargetError::Malformed { set: "customers", source })?;
                currency = Some(row.currency_code).filter(|code| !code.is_empty());
            }
            Ok(())
        })
        .await?;
        Ok(currency)
    }

    /// All rows of a small table.
    pub(super) async fn fetch_rows<T: serde::de::DeserializeOwned>(
        &self,
        set: Set<'_>,
        observer: Observer<'_>,
    ) -> Result<Vec<T>, TargetError> {
        let mut rows = Vec::new();
        self.each_record_page(&self.list(set, &[]), |page| {
            for raw in &page {
                let row = serde_json::from_str(raw.get());
                rows.push(row.map_err(|source| TargetError::Malformed { set: set.sort().as_str(), source })?);
            }
            observer(Event::Fetched(set.sort().as_str(), rows.len() as u64));
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Reads the customers that rows with these `fields` may meet.
    pub async fn fetch_customers(
        &self,
        fields: &BTreeSet<usize>,
        index: &mut TargetIndex,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        let names = select(self.tables().customers, fields, &["id", "number", "displayName"]);
        let mut rows = 0;
        self.each_record_page(&self.list(Set::Customers, &names), |page| {
            rows += page.len() as u64;
            observer(Event::Fetched("customers", rows));
            Ok(index.add_page(EntityKind::Customers, &page).map_err(PlanningError::from)?)
        })
        .await
    }

    /// Reads the customers, or their default dimensions, that these lookups find.
    pub(super) async fn fetch_found(
        &self,
        kind: EntityKind,
        lookups: Vec<String>,
        index: &mut TargetIndex,
    ) -> Result<(), TargetError> {
        for address in lookups {
            let add = |page: Vec<&RawValue>| Ok(index.add_page(kind, &page).map_err(PlanningError::from)?);
            let set = if kind == EntityKind::Dimensions { Set::DefaultDimensions } else { Set::Customers };
            match self.each_page(set, &[address], add).await {
                // A record asked for by its own address.
                Err(TargetError::Fetch(ExportError::NotFound { .. }))
                    if self.api.habits().is_looked_up_alone => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Reads the numbers of all customers, which payments have to name; and their names, where payments may give those.
    pub async fn fetch_payers(
        &self,
        with_names: bool,
        references: &mut References,
        index: &mut TargetIndex,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        if self.tables().customers.field("number").is_none() {
            return self.fetch_payers_by_name(references, index, observer).await;
        }
        let select = ["id", "number", "currencyCode", "blocked", "displayName"];
        let list = self.list(Set::Customers, &select[..if with_names { 5 } else { 4 }]);
        let mut rows = 0;
        references.add_set(CUSTOMERS);
        self.each_record_page(&list, |page| {
            for raw in &page {
                let row: ReferenceRow = serde_json::from_str(raw.get())
                    .map_err(|source| TargetError::Malformed { set: "customers", source })?;
                references.insert(CUSTOMERS, &row.code, &row.id);
                if with_names {
                    references.insert_name(CUSTOMERS, &row.display_name, &row.code);
                }
            }
            rows += page.len() as u64;
            observer(Event::Fetched("customers", rows));
            Ok(index.add_customers(&page).map_err(PlanningError::from)?)
        })
        .await
    }

    /// Reads the names of all customers, which payments may give where customers have no numbers. A name that several
    /// of them carry is kept without an id.
    async fn fetch_payers_by_name(
        &self,
        references: &mut References,
        index: &mut TargetIndex,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        let mut names: HashMap<String, u64> = HashMap::new();
        let list = self.list(Set::Customers, &["id", "displayName", "currencyCode"]);
        let mut rows = 0;
        references.add_set(CUSTOMERS);
        self.each_record_page(&list, |page| {
            for raw in &page {
                let row: ReferenceRow = serde_json::from_str(raw.get())
                    .map_err(|source| TargetError::Malformed { set: "customers", source })?;
                let carriers = names.entry(fold_name(&row.display_name)).or_default();
                *carriers += 1;
                references.insert(CUSTOMERS, &row.display_name, if *carriers > 1 { "" } else { &row.id });
            }
            rows += page.len() as u64;
            observer(Event::Fetched("customers", rows));
            Ok(index.add_customers(&page).map_err(PlanningError::from)?)
        })
        .await
    }

    /// The id of the payment journal with this code, if there is one.
    pub async fn fetch_journal(&self, code: &str) -> Result<Option<String>, TargetError> {
        let mut found = None;
        self.each_record_page(&self.list(Set::Journals, &["id", "code"]), |page| {
            for raw in &page {
                let row: ReferenceRow = serde_json::from_str(raw.get())
                    .map_err(|source| TargetError::Malformed { set: "customerPaymentJournals", source })?;
                if is_same_code(&row.code, code) {
                    found = Some(row.id);
                }
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Reads the payments of a journal, with the lines they occupy.
    pub async fn fetch_payments(
        &self,
        journal: &str,
        fields: &BTreeSet<usize>,
        index: &mut TargetIndex,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        let always = ["id", "lineNumber", "customerNumber", "documentNumber"];
        let names = select(self.tables().payments, fields, &always);
        if self.api.habits().has_unique_payment_numbers {
            index.find_by_document();
        }
        let mut rows = 0;
        self.each_record_page(&self.list(Set::Payments(journal), &names), |page| {
            rows += page.len() as u64;
            observer(Event::Fetched("customerPayments", rows));
            Ok(index.add_page(EntityKind::Payments, &page).map_err(PlanningError::from)?)
        })
        .await
    }

    /// The record with this id in neutral form, as it is shown alone; `None` where lists show as much of it.
    pub(super) async fn fetch_alone(&self, set: Set<'_>, id: &str) -> Result<Option<String>, TargetError> {
        let Some(address) = self.api.alone(set, id) else { return Ok(None) };
        let mut found = None;
        self.each_page(set, &[address], |page| {
            found = page.first().map(|record| record.get().to_owned());
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// A whole set of the company, with these fields.
    pub(super) fn list<'a>(&'a self, set: Set<'a>, select: &'a [&'a str]) -> List<'a> {
        List::of(&self.company.id, set, select)
    }

    /// Shows `visit` every page of a list.
    pub(super) async fn each_record_page(
        &self,
        list: &List<'_>,
        visit: impl FnMut(Vec<&RawValue>) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        self.each_page(list.set, &self.api.list(list), visit).await
    }

    /// Shows `visit` every page of what is at the first of these addresses that is not refused.
    pub(super) async fn each_page(
        &self,
        set: Set<'_>,
        addresses: &[String],
        mut visit: impl FnMut(Vec<&RawValue>) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        let mut reader = PageReader::new(&self.transport, self.api.as_ref(), self.pages).on_primary();
        let mut page = Some(reader.open(set, addresses, &mut |_| ()).await?);
        while let Some(read) = page {
            let records: Records<'_> = serde_json::from_slice(&read.body)
                .map_err(|source| TargetError::Malformed { set: set.as_str(), source })?;
            visit(records.value)?;
            page = reader.next(&mut |_| ()).await?;
        }
        Ok(())
    }
}

/// The fields a comparison needs: the mapped ones, those that follow them, and those it always does.
fn select(entity: &Entity, fields: &BTreeSet<usize>, always: &[&'static str]) -> Vec<&'static str> {
    let known = |name: &&&'static str| entity.field(name).is_some();
    let mut names: Vec<&str> = always.iter().filter(known).copied().collect();
    for index in fields {
        let field = &entity.fields[*index];
        if !names.contains(&field.name) && field.kind != Kind::DateTime {
            names.push(field.name);
        }
    }
    // What the server writes when they change, or how they are to be read.
    let causes: Vec<_> = names.iter().filter_map(|name| entity.field(name)).collect();
    for cause in causes {
        let twin: &[&'static str] = if cause.name == "currencyCode" { &["currencyId"] } else { &[] };
        for name in cause.overwrites.iter().chain(cause.clears).chain(twin).filter(known) {
            if !names.contains(name) {
                names.push(name);
            }
        }
    }
    names
}
