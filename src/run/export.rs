//! An export from its request to its published files.
//!
//! Pages are fetched on the async side and written on a thread of their own, with one page waiting between
//! them: the next page is on its way while the last one is being written.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use tokio::sync::mpsc;

use super::company::Company;
use super::target::Target;
use crate::catalogue::Dialect;
use crate::connector::{Api, List, Set};
use crate::export::{
    Column, Converted, Converter, ExportEntity, ExportError, ExportEvent, Format, Layout, Manifest,
    ManifestCompany, Output, Page, PageOptions, PageReader, Place, Query, SCHEMA_VERSION, advice,
    fetch_journals, schema,
};
use crate::transport::Transport;

/// What to export, and where to.
#[derive(Debug)]
pub struct ExportRequest {
    /// Which records.
    pub entity: ExportEntity,
    /// Which columns; all when empty.
    pub select: Vec<String>,
    /// What to bring along: `financials` for customers.
    pub expand: Vec<String>,
    /// Filter, order and number of rows. Payments are ordered within each journal.
    pub query: Query,
    /// The code of the payment journal to read; all journals when `None`.
    pub journal: Option<String>,
    /// Where to.
    pub output: Output,
    /// How; `None` to tell from the name of the output.
    pub format: Option<Format>,
    /// The profile's name, for the manifest.
    pub profile: String,
    /// How pages are read.
    pub pages: PageOptions,
}

/// What was exported.
#[derive(Clone, Debug)]
pub struct ExportSummary {
    /// What the manifest says, also when the output is a stream and none is written.
    pub manifest: Manifest,
    /// Where the manifest stands.
    pub manifest_path: Option<PathBuf>,
    /// Columns that no record had: the server does not know them or left them out.
    pub missing: Vec<&'static str>,
}

/// A page on its way to the file.
enum Parcel {
    Page(Page, Arc<str>),
    /// All pages were sent. A channel that closes without it means that the export was given up.
    End,
}

/// The end of the channel that pages are sent into, and what is known of the other end.
struct Outlet<'e> {
    sender: mpsc::Sender<Parcel>,
    rows: Arc<AtomicU64>,
    pages: u64,
    on_event: &'e mut (dyn FnMut(ExportEvent) + Send),
}

impl Outlet<'_> {
    /// Sends a page; `false` when nobody takes them any more.
    async fn send(&mut self, page: Page, journal: Arc<str>) -> bool {
        self.pages += 1;
        if self.sender.send(Parcel::Page(page, journal)).await.is_err() {
            return false;
        }
        let (pages, rows) = (self.pages, self.rows.load(Ordering::Relaxed));
        (self.on_event)(ExportEvent::Page { pages, rows });
        true
    }
}

/// Reads what `request` asks for and publishes it, the data first, its manifest last.
///
/// Nothing is published and nothing replaced when this fails or is dropped half-way.
///
/// # Panics
///
/// When the thread that writes the rows does.
pub async fn export(
    target: &Target,
    request: ExportRequest,
    on_event: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<ExportSummary, ExportError> {
    let (transport, api, company) = (target.transport.as_ref(), target.api.as_ref(), &target.company);
    request.query.check()?;
    if !api.has_filters() && (request.query.filter.is_some() || request.query.order_by.is_some()) {
        return Err(ExportError::NoFilters(api.dialect().title));
    }
    let layout = Layout::new(api.dialect(), request.entity, &request.select, &request.expand)?;
    let format = request.output.format(request.format)?;
    let mut manifest = describe(transport, company, &request, &layout);
    let mut writer = Converter::open(&layout, request.output, format, request.query.top)?;
    for (_, _, set) in layout.codes() {
        if let Some(codes) = target.fetch_codes(set).await? {
            writer.set_codes(set, &codes);
        }
    }
    let source = Source {
        reader: PageReader::new(transport, api, request.pages),
        company: &company.id,
        layout: &layout,
        query: &request.query,
        journal: request.journal.as_deref(),
        page_rows: request.pages.page_rows,
        has_journals: api.habits().has_journals,
        dialect: api.dialect(),
        alone: Alone {
            reader: PageReader::new(transport, api, request.pages),
            api,
            columns: unlisted(&layout, api.dialect()),
        },
    };
    let (table, pages) = transfer(source, writer, on_event).await?;
    manifest.finished = jiff::Timestamp::now();
    manifest.rows = table.file.rows;
    manifest.pages = pages;
    manifest.files.push(table.file.clone());
    manifest.totals.clone_from(&table.totals);
    publish(table, manifest).await
}

/// Moves all pages from the source to the table; returns it complete, with the number of pages.
async fn transfer(
    source: Source<'_>,
    writer: Converter,
    on_event: &mut (dyn FnMut(ExportEvent) + Send),
) -> Result<(Converted, u64), ExportError> {
    let (sender, receiver) = mpsc::channel(1);
    let rows = Arc::new(AtomicU64::new(0));
    let shared_rows = rows.clone();
    let writing = tokio::task::spawn_blocking(move || convert(writer, receiver, &shared_rows));
    let mut outlet = Outlet { sender, rows, pages: 0, on_event };
    let fetched = source.fetch(&mut outlet).await;
    let pages = outlet.pages;
    drop(outlet);
    let table = match writing.await {
        Ok(outcome) => outcome,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    };
    fetched?;
    Ok((table?.expect("the end was sent, so the table was completed"), pages))
}

async fn publish(table: Converted, manifest: Manifest) -> Result<ExportSummary, ExportError> {
    let summary = ExportSummary {
        manifest_path: table.manifest.clone(),
        missing: table.missing.clone(),
        manifest: manifest.clone(),
    };
    // Publishing waits for the disk.
    let published = tokio::task::spawn_blocking(move || table.publish(&manifest)).await;
    published.expect("publishing does not panic")?;
    Ok(summary)
}

/// The manifest as far as it is known before the first page.
fn describe(transport: &Transport, company: &Company, request: &ExportRequest, layout: &Layout) -> Manifest {
    let now = jiff::Timestamp::now();
    Manifest {
        schema_version: SCHEMA_VERSION,
        tool: concat!("ledgerferry ", env!("CARGO_PKG_VERSION")),
        entity: request.entity.as_str(),
        profile: request.profile.clone(),
        company: ManifestCompany { id: company.id.clone(), name: company.name.clone() },
        source: transport.service_root().to_string(),
        started: now,
        finished: now,
        filter: request.query.filter.clone(),
        select: layout.columns.iter().map(|column| column.name).collect(),
        expand: if layout.has_details() { vec!["financials"] } else { Vec::new() },
        order_by: request.query.order_by.clone(),
        top: request.query.top,
        journal: request.journal.clone(),
        rows: 0,
        pages: 0,
        files: Vec::new(),
        schema: schema(layout),
        totals: Vec::new(),
    }
}

/// Writes what arrives; `None` when the export was given up before its end.
fn convert(
    mut converter: Converter,
    mut parcels: mpsc::Receiver<Parcel>,
    rows: &AtomicU64,
) -> Result<Option<Converted>, ExportError> {
    loop {
        match parcels.blocking_recv() {
            None => return Ok(None),
            Some(Parcel::End) => return converter.finish().map(Some),
            Some(Parcel::Page(page, journal)) => {
                let wants_more = converter.write_page(&page, &journal)?;
                rows.store(converter.rows(), Ordering::Relaxed);
                if !wants_more {
                    // The closed channel stops the reading; the table is whole as it is.
                    parcels.close();
                    return converter.finish().map(Some);
                }
            }
        }
    }
}

/// The columns that lists leave out.
fn unlisted(layout: &Layout, dialect: &'static Dialect) -> Vec<&'static str> {
    let entity = layout.entity.catalogue(dialect);
    let is_unlisted = |column: &&Column| {
        column.place == Place::Record && entity.field(column.name).is_some_and(|field| !field.is_listed)
    };
    layout.columns.iter().filter(is_unlisted).map(|column| column.name).collect()
}

/// Records that are read one by one, because their list leaves something out.
struct Alone<'a> {
    reader: PageReader<'a>,
    api: &'a dyn Api,
    /// What is wanted of them beyond the list.
    columns: Vec<&'static str>,
}

impl Alone<'_> {
    /// The addresses of the records on this page; `None` when the page itself is enough.
    fn addresses(&self, set: Set<'_>, page: &Page) -> Result<Option<Vec<String>>, ExportError> {
        #[derive(Deserialize)]
        struct Records {
            value: Vec<Record>,
        }
        #[derive(Deserialize)]
        struct Record {
            id: String,
        }
        if self.columns.is_empty() || self.api.alone(set, "").is_none() {
            return Ok(None);
        }
        let records: Records = serde_json::from_slice(&page.body)
            .map_err(|source| ExportError::Malformed { entity: set.as_str(), page: page.number, source })?;
        Ok(records.value.iter().map(|record| self.api.alone(set, &record.id)).collect())
    }
}

/// Where the pages come from.
struct Source<'a> {
    reader: PageReader<'a>,
    company: &'a str,
    layout: &'a Layout,
    query: &'a Query,
    journal: Option<&'a str>,
    page_rows: u32,
    has_journals: bool,
    dialect: &'static Dialect,
    alone: Alone<'a>,
}

impl Source<'_> {
    /// Sends all pages, then the end. Stops early, without an error, when nobody takes them any more.
    async fn fetch(mut self, outlet: &mut Outlet<'_>) -> Result<(), ExportError> {
        let has_ended = if self.layout.entity == ExportEntity::Payments {
            self.fetch_payments(outlet).await?
        } else {
            let set = match self.layout.entity {
                ExportEntity::Financials => Set::FinancialDetails,
                ExportEntity::Dimensions => Set::DefaultDimensions,
                _ => Set::Customers,
            };
            self.fetch_set(set, "".into(), outlet).await?
        };
        if has_ended {
            // A failure to send means that the other side has met its own end, which it reports itself.
            let _ = outlet.sender.send(Parcel::End).await;
        }
        Ok(())
    }

    async fn fetch_payments(&mut self, outlet: &mut Outlet<'_>) -> Result<bool, ExportError> {
        if !self.has_journals {
            return self.fetch_set(Set::Payments(""), "".into(), outlet).await;
        }
        let found = fetch_journals(&mut self.reader, self.company, self.journal, outlet.on_event).await?;
        for (id, code) in found {
            if !self.fetch_set(Set::Payments(&id), code.into(), outlet).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends all pages of one set; `false` when nobody takes them any more.
    async fn fetch_set(
        &mut self,
        set: Set<'_>,
        journal: Arc<str>,
        outlet: &mut Outlet<'_>,
    ) -> Result<bool, ExportError> {
        let (select, details) = (self.layout.select(), self.layout.details());
        let list = List {
            details: &details,
            filter: self.query.filter.as_deref(),
            order_by: self.query.order_by.as_deref(),
            // What is listed are customers, of whom each may have several.
            top: self.query.asked_top(self.page_rows).filter(|_| set != Set::DefaultDimensions),
            ..List::of(self.company, set, &select)
        };
        let opened = self.reader.list(&list, outlet.on_event).await;
        let mut next = Some(opened.map_err(|failure| self.advise(failure))?);
        while let Some(page) = next {
            let is_wanted = match self.alone.addresses(set, &page)? {
                Some(addresses) => self.fetch_alone(set, addresses, outlet).await?,
                None => outlet.send(page, journal.clone()).await,
            };
            if !is_wanted {
                return Ok(false);
            }
            next = self.reader.next(outlet.on_event).await?;
        }
        Ok(true)
    }

    /// Sends the records at these addresses; `false` when nobody takes them any more.
    async fn fetch_alone(
        &mut self,
        set: Set<'_>,
        mut addresses: Vec<String>,
        outlet: &mut Outlet<'_>,
    ) -> Result<bool, ExportError> {
        if let Some(top) = self.query.top {
            addresses.truncate(usize::try_from(top).unwrap_or(usize::MAX));
        }
        let columns = self.alone.columns.join(", ");
        (outlet.on_event)(ExportEvent::OneByOne { records: addresses.len(), columns });
        for address in addresses {
            let page = self.alone.reader.open(set, &[address], outlet.on_event).await?;
            if !outlet.send(page, "".into()).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn advise(&self, failure: ExportError) -> ExportError {
        match failure {
            ExportError::Refused { entity, status, message, .. } => ExportError::Refused {
                entity,
                status,
                message,
                advice: advice(self.layout.entity, self.query, self.dialect),
            },
            other => other,
        }
    }
}
