//! Records of the target read back, for whoever compares them with what a run wrote.
//!
//! In: the rows of a run. Out: the target's records, found again by id, number or line. Everything is read in bulk
//! and from the primary database, because a replica may lag behind what was written a moment ago. What was read is
//! kept on disk, so that memory stays flat.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Params, params};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalogue::{Entity, Kind, Writable};
use crate::connector::fields::Fields;
use crate::connector::{Operation, Set, differences, own};
use crate::domain::{Action, EntityKind, FieldChange, PlannedRow, RowResult, State};
use crate::export::ExportError;
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader};
use crate::plan::Existing;
use crate::transport::TransportError;

use super::error::Error;
use super::event::{Event, Observer};
use super::import::ONE_BY_ONE;
use super::index::{IndexError, dimension_key, document_key, fold_code};
use super::planning::PlanningError;
use super::target::{Target, TargetError};

/// Up to so many customers are asked for one by one, forty to a request; for more, all of them are read.
const ASKED_FOR: usize = 800;

const TABLES: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE records (
        id TEXT PRIMARY KEY, remote_id TEXT NOT NULL, etag TEXT NOT NULL, body TEXT NOT NULL,
        number TEXT NOT NULL, document TEXT NOT NULL, line INTEGER, is_ours INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX by_number ON records (number);
    CREATE INDEX by_line ON records (line);
    CREATE INDEX by_document ON records (document);
    CREATE TABLE posted (document TEXT PRIMARY KEY) WITHOUT ROWID;
";

/// The members of a record that it is found by.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    id: String,
    #[serde(rename = "@odata.etag", default)]
    etag: String,
    number: Option<String>,
    document_number: Option<String>,
    customer_number: Option<String>,
    dimension_code: Option<String>,
    line_number: Option<i64>,
}

/// A posted payment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    document_number: Option<String>,
}

/// Records of the target, in a private temporary database that vanishes with the process.
#[derive(Debug)]
pub(super) struct ReadBack {
    connection: Connection,
}

impl ReadBack {
    fn new() -> Result<Self, IndexError> {
        let connection = Connection::open("")?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection })
    }

    fn add_page(&mut self, page: &[&RawValue]) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO records (id, remote_id, etag, body, number, document, line) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for raw in page {
                let members: Members = serde_json::from_str(raw.get()).map_err(IndexError::Record)?;
                let document = members.document_number.unwrap_or_default();
                let customer = members.customer_number.unwrap_or_default();
                let number = match members.dimension_code {
                    Some(dimension) => dimension_key(&dimension, &customer),
                    None => members.number.unwrap_or_default(),
                };
                // A customer has none, and payments without one are not the same payment.
                let is_named = members.line_number.is_some() || !document.trim().is_empty();
                let document = if is_named { document_key(&document, &customer) } else { String::new() };
                insert.execute(params![
                    members.id.to_lowercase(),
                    members.id,
                    members.etag,
                    raw.get(),
                    fold_code(&number),
                    document,
                    members.line_number,
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn add_posted(&mut self, page: &[&RawValue]) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO posted VALUES (?1)")?;
            for raw in page {
                let entry: Entry = serde_json::from_str(raw.get()).map_err(IndexError::Record)?;
                insert.execute([fold_code(&entry.document_number.unwrap_or_default())])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Whether a payment with this document number was posted since the run began, as far as that may be known.
    pub(super) fn is_posted(&self, document: &str) -> Result<bool, IndexError> {
        let mut posted = self.connection.prepare_cached("SELECT 1 FROM posted WHERE document = ?1")?;
        Ok(!document.trim().is_empty() && posted.exists([fold_code(document)])?)
    }

    /// The record that this row of a run wrote or found: by the target's id, or else by number or line.
    pub(super) fn find(&self, row: &RowResult) -> Result<Option<Existing>, IndexError> {
        if let Some(id) = row.remote_id.as_deref().filter(|id| !id.is_empty()) {
            return self.one("id = ?1", [id.to_lowercase()]);
        }
        match (row.planned.line_number, number_of(&row.planned.payload)) {
            (Some(line), _) => self.one("line = ?1", [line]),
            (None, number) if !number.is_empty() => self.with_number(&number),
            _ => Ok(None),
        }
    }

    /// The record that stands where the one of this row should be, which is not found by [`Self::find`]: the customer with
    /// its number, or the only payment with its document and customer that belongs to no row of the run.
    pub(super) fn find_again(&self, row: &RowResult) -> Result<Option<Existing>, IndexError> {
        let number = known_number(row);
        if !number.is_empty() {
            return self.with_number(&number);
        }
        let text = |name| text_of(&row.planned.payload, name);
        let document = text("documentNumber");
        if document.trim().is_empty() {
            return Ok(None);
        }
        let mut found = self.connection.prepare_cached(
            "SELECT remote_id, etag, body FROM records WHERE document = ?1 AND is_ours = 0 LIMIT 2",
        )?;
        let found = found.query_map([document_key(&document, &text("customerNumber"))], existing)?;
        let mut found = found.collect::<Result<Vec<_>, _>>()?;
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// The customer with this number.
    fn with_number(&self, number: &str) -> Result<Option<Existing>, IndexError> {
        self.one("number = ?1 AND number <> ''", [fold_code(number)])
    }

    /// Remembers that the record with this id belongs to a row of the run.
    pub(super) fn is_ours(&self, id: &str) -> Result<(), IndexError> {
        let mut update = self.connection.prepare_cached("UPDATE records SET is_ours = 1 WHERE id = ?1")?;
        update.execute([id.to_lowercase()])?;
        Ok(())
    }

    /// Payments that belong to no row of the run and have the document and the customer of one that does; where payments
    /// wait in no journals, the document alone.
    pub(super) fn doubles(&self) -> Result<Vec<Existing>, IndexError> {
        let mut doubles = self.connection.prepare(
            "SELECT remote_id, etag, body FROM records WHERE is_ours = 0 AND document <> '' \
             AND document IN (SELECT document FROM records WHERE is_ours = 1) ORDER BY line, id",
        )?;
        let doubles = doubles.query_map([], existing)?;
        Ok(doubles.collect::<Result<_, _>>()?)
    }

    fn one(&self, condition: &str, key: impl Params) -> Result<Option<Existing>, IndexError> {
        let query = format!("SELECT remote_id, etag, body FROM records WHERE {condition} LIMIT 1");
        Ok(self.connection.prepare_cached(&query)?.query_row(key, existing).optional()?)
    }
}

fn existing(row: &rusqlite::Row<'_>) -> rusqlite::Result<Existing> {
    Ok(Existing { id: row.get(0)?, etag: row.get(1)?, body: row.get(2)? })
}

/// The customer's number in a payload, or the key of a default dimension; empty when it has none.
fn number_of(payload: &str) -> String {
    match text_of(payload, "dimensionCode") {
        dimension if dimension.is_empty() => text_of(payload, "number"),
        dimension => dimension_key(&dimension, &text_of(payload, "customerNumber")),
    }
}

fn text_of(record: &str, name: &str) -> String {
    Fields::parse(record).map(|fields| fields.text(name).into_owned()).unwrap_or_default()
}

/// The number or key that the record of a row has, as far as the row knows; empty when it does not.
fn known_number(row: &RowResult) -> String {
    let records = [&row.planned.payload, &row.planned.before];
    let mut numbers = records.into_iter().map(|record| number_of(record));
    numbers.find(|number| !number.trim().is_empty()).unwrap_or_default()
}

/// The fields of which a row says something that the target holds with another value. Where a postal code is as the
/// row sent it, the server may have looked up its city, state and country.
///
/// Source: a postal code found in the post code table overwrites the three.
pub(super) fn moved(entity: &Entity, row: &PlannedRow, found: &str) -> serde_json::Result<Vec<FieldChange>> {
    if row.payload.is_empty() {
        return Ok(Vec::new());
    }
    let sent = own_of(entity, row.action, (&row.payload, &row.changes))?;
    let mut changes = differences(entity, &sent, found)?;
    let has_postal_code = !Fields::parse(&sent)?.text("postalCode").trim().is_empty();
    if has_postal_code && changes.iter().all(|change| change.field != "postalCode") {
        changes.retain(|change| !matches!(change.field.as_str(), "city" | "state" | "country"));
    }
    Ok(changes)
}

/// What a row says itself of its record: of an update without what only went along with it.
pub(super) fn own_of<'r>(
    entity: &Entity,
    action: Action,
    (payload, changes): (&'r str, &[FieldChange]),
) -> serde_json::Result<Cow<'r, str>> {
    match action {
        Action::Update => own(entity, payload, changes),
        _ => Ok(Cow::Borrowed(payload)),
    }
}

/// A record of the run to be asked for by itself.
struct Wanted {
    row: i64,
    remote_id: Option<String>,
    payload: String,
}

impl Wanted {
    fn of(row: &RowResult, kind: EntityKind, names: &BTreeSet<&str>, remote_id: Option<String>) -> Self {
        let payload = match kind {
            // Its customer and its dimension stand in one of the two.
            EntityKind::Dimensions => {
                let records = [&row.planned.payload, &row.planned.before];
                records.into_iter().find(|record| !number_of(record).is_empty()).cloned().unwrap_or_default()
            }
            _ => all_null(names, &known_number(row)),
        };
        Self { row: row.id, remote_id, payload }
    }
}

impl Target {
    /// Reads back the records of the rows of a run that are in one of `states`, with all fields that can be
    /// written and those named in `besides`. A journal that is gone holds nothing.
    pub(super) async fn read_back(
        &self,
        ledger: &Ledger,
        states: &[State],
        besides: &[&'static str],
        observer: Observer<'_>,
    ) -> Result<ReadBack, Error> {
        let header = ledger.header()?;
        let names = names(self.tables().entity(header.entity), besides);
        let mut read = ReadBack::new().map_err(PlanningError::from)?;
        let select: Vec<&str> = names.iter().copied().collect();
        let journal = header.journal_id.as_deref().unwrap_or_default();
        let set = match header.entity {
            EntityKind::Customers => Set::Customers,
            EntityKind::Dimensions => Set::DefaultDimensions,
            EntityKind::Payments => Set::Payments(journal),
        };
        let reads = match header.entity {
            EntityKind::Customers | EntityKind::Dimensions => self.reads(ledger, states, (set, &names))?,
            EntityKind::Payments if self.api.habits().has_journals && journal.is_empty() => Vec::new(),
            EntityKind::Payments => vec![self.api.list(&self.list(set, &select))],
        };
        let mut rows = 0;
        for addresses in reads {
            let pages = self.each_page(set, &addresses, |page| {
                rows += page.len() as u64;
                observer(Event::Fetched(set.as_str(), rows));
                Ok(read.add_page(&page).map_err(PlanningError::from)?)
            });
            match pages.await {
                // A journal, or a record asked for by its own address.
                Err(TargetError::Fetch(ExportError::NotFound { .. }))
                    if header.entity == EntityKind::Payments || self.api.habits().is_looked_up_alone => {}
                outcome => outcome?,
            }
        }
        if header.entity == EntityKind::Payments {
            self.read_payments_alone(ledger, states, &mut read, observer).await?;
        }
        Ok(read)
    }

    /// Puts the payments of the rows as they are shown alone in the place of what the list has shown of them.
    async fn read_payments_alone(
        &self,
        ledger: &Ledger,
        states: &[State],
        read: &mut ReadBack,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        let mut ids = Vec::new();
        ledger.for_each_row(Filter::States(states), |row| {
            let found = read.find(&row).map_err(PlanningError::from)?;
            ids.extend(found.map(|found| found.id));
            Ok::<(), Error>(())
        })?;
        for (place, id) in (1..).zip(&ids) {
            let Some(record) = self.fetch_alone(Set::Payments(""), id).await? else { return Ok(()) };
            let record: &RawValue = serde_json::from_str(&record).map_err(IndexError::Record)?;
            read.add_page(&[record])?;
            observer(Event::Fetched(ONE_BY_ONE, place));
        }
        Ok(())
    }

    /// Adds to `read` the records that have the numbers or keys of rows whose own record is gone.
    pub(super) async fn read_again(
        &self,
        ledger: &Ledger,
        states: &[State],
        read: &mut ReadBack,
    ) -> Result<(), Error> {
        let header = ledger.header()?;
        let names = names(self.tables().entity(header.entity), &[]);
        let (mut wanted, mut gone) = (Vec::new(), 0);
        ledger.for_each_row(Filter::States(states), |row| {
            let number = known_number(&row);
            let is_gone = read.find(&row).map_err(PlanningError::from)?.is_none();
            if is_gone && !number.is_empty() {
                gone += 1;
            }
            if is_gone && !number.is_empty() && wanted.len() < ASKED_FOR {
                wanted.push(Wanted::of(&row, header.entity, &names, None));
            }
            Ok::<(), Error>(())
        })?;
        let operations: Vec<_> = wanted.iter().map(operation).collect();
        let lookups = self.connector(header.entity, None).lookups(&operations);
        let set = match header.entity {
            EntityKind::Dimensions => Set::DefaultDimensions,
            _ => Set::Customers,
        };
        let mut reads: Vec<_> = lookups.into_iter().map(|lookup| vec![lookup.request.path]).collect();
        if gone > ASKED_FOR {
            let select: Vec<&str> = names.iter().copied().collect();
            reads = vec![self.api.list(&self.list(set, &select))];
        }
        for addresses in reads {
            let pages = self
                .each_page(set, &addresses, |page| Ok(read.add_page(&page).map_err(PlanningError::from)?));
            pages.await?;
        }
        Ok(())
    }

    /// Adds to `read` the document numbers of the payments that were posted since the run began, when the general
    /// ledger may be read.
    pub(super) async fn read_posted(
        &self,
        header: &RunHeader,
        read: &mut ReadBack,
        observer: Observer<'_>,
    ) -> Result<(), Error> {
        let before = header.journal_before.as_ref().and_then(|before| before.last_entry);
        let (Some(before), Some(journal)) = (before, &header.journal_id) else { return Ok(()) };
        let connector = self.connector(EntityKind::Payments, Some(journal));
        let Some(request) = connector.payments_posted_since(before) else { return Ok(()) };
        let (addresses, mut entries) = ([request.path], 0);
        let pages = self.each_page(Set::LedgerEntries, &addresses, |page| {
            entries += page.len() as u64;
            observer(Event::Fetched("posted payments", entries));
            Ok(read.add_posted(&page).map_err(PlanningError::from)?)
        });
        match pages.await {
            Err(TargetError::Fetch(
                ExportError::NotFound { .. }
                | ExportError::Refused { .. }
                | ExportError::Transport(TransportError::NotPermitted { .. }),
            )) => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    /// Reads that find the customers of a run or their default dimensions, each with the addresses at which it may be
    /// answered.
    fn reads(
        &self,
        ledger: &Ledger,
        states: &[State],
        (set, names): (Set<'_>, &BTreeSet<&str>),
    ) -> Result<Vec<Vec<String>>, LedgerError> {
        let kind = ledger.header()?.entity;
        let counts = ledger.counts()?;
        let rows: u64 = states.iter().map(|state| counts.of_state(*state)).sum();
        if rows > ASKED_FOR as u64 {
            let select: Vec<&str> = names.iter().copied().collect();
            return Ok(vec![self.api.list(&self.list(set, &select))]);
        }
        let mut wanted = Vec::new();
        ledger.for_each_row(Filter::States(states), |row| {
            let number = number_of(&row.planned.payload);
            if row.remote_id.is_some() || !number.is_empty() {
                wanted.push(Wanted::of(&row, kind, names, row.remote_id.clone()));
            }
            Ok::<(), LedgerError>(())
        })?;
        let operations: Vec<_> = wanted.iter().map(operation).collect();
        let lookups = self.connector(kind, None).lookups(&operations);
        Ok(lookups.into_iter().map(|lookup| vec![lookup.request.path]).collect())
    }
}

/// The look-up of a record as the connector wants it: an update is found by its id, a create by its number.
fn operation(wanted: &Wanted) -> Operation<'_> {
    Operation {
        row: wanted.row,
        action: if wanted.remote_id.is_some() { Action::Update } else { Action::Create },
        payload: &wanted.payload,
        remote_id: wanted.remote_id.as_deref(),
        etag: None,
        line_number: None,
    }
}

/// A payload that names the customer by number and has all fields selected.
fn all_null(names: &BTreeSet<&str>, number: &str) -> String {
    let members = names.iter().filter(|name| **name != "number").map(|name| (*name, serde_json::Value::Null));
    let members = members.chain([("number", number.into())]);
    members.collect::<serde_json::Value>().to_string()
}

/// The fields to select.
fn names(entity: &'static Entity, besides: &[&'static str]) -> BTreeSet<&'static str> {
    let written = entity.fields.iter().filter(|field| field.writable != Writable::No);
    let written = written.filter(|field| field.kind != Kind::DateTime).map(|field| field.name);
    // A journal is named by its path, and not every server repeats it in its lines.
    let written = written.filter(|name| !name.starts_with("journal"));
    written.chain(["id"]).chain(besides.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::business_central_v1::CUSTOMERS as V1_CUSTOMERS;
    use crate::catalogue::business_central_v2::CUSTOMERS;
    use crate::domain::Origin;

    fn read(records: &[&str]) -> ReadBack {
        let raw: Vec<Box<RawValue>> =
            records.iter().map(|text| RawValue::from_string((*text).to_owned()).unwrap()).collect();
        let page: Vec<&RawValue> = raw.iter().map(AsRef::as_ref).collect();
        let mut read = ReadBack::new().unwrap();
        read.add_page(&page).unwrap();
        read
    }

    #[test]
    fn a_second_line_with_our_document_and_customer_is_a_double() {
        let line = |id: &str, line: i64, document: &str, customer: &str| {
            format!(
                r#"{{"id":"{id}","lineNumber":{line},"documentNumber":"{document}","customerNumber":"{customer}"}}"#
            )
        };
        let lines = [
            line("A", 1, "D1", "10"),
            line("b", 2, "d1", "10"),
            line("c", 3, "D1", "20"),
            line("d", 4, "X", "1"),
        ];
        let read = read(&lines.each_ref().map(String::as_str));
        read.is_ours("a").unwrap();
        let doubles: Vec<_> = read.doubles().unwrap().into_iter().map(|double| double.id).collect();
        assert_eq!(doubles, ["b"]);
    }

    #[test]
    fn what_the_server_looks_up_for_a_postal_code_has_not_moved() {
        let sent = r#"{"postalCode":"89073","city":"Ulm","displayName":"A"}"#;
        let found = r#"{"postalCode":"89073","city":"ULM DONAU","displayName":"B"}"#;
        let fields: Vec<_> =
            moved(&CUSTOMERS, &row(sent), found).unwrap().into_iter().map(|change| change.field).collect();
        assert_eq!(fields, ["displayName"]);
        assert!(moved(&CUSTOMERS, &row(""), found).unwrap().is_empty());
    }

    #[test]
    fn what_only_went_along_with_an_update_is_not_looked_at() {
        let sent = r#"{"displayName":"A","city":"Ulm","state":"BW","postalCode":"89073"}"#;
        let found = r#"{"displayName":"A","city":"Bonn","state":"NW","postalCode":"89073"}"#;
        let city = FieldChange { field: "city".into(), from: String::new(), to: "Ulm".into() };
        let fields = |changes: Vec<FieldChange>| -> Vec<String> {
            let row = PlannedRow { action: Action::Update, changes, ..row(sent) };
            let moved = moved(&V1_CUSTOMERS, &row, found).unwrap();
            moved.into_iter().map(|change| change.field).collect()
        };
        assert_eq!(fields(vec![city.clone()]), ["city"]);
        assert!(fields(Vec::new()).is_empty());
        // A postal code of the row's own excuses what the server looks up for it.
        let code = FieldChange { field: "postalCode".into(), to: "89073".into(), ..city.clone() };
        assert!(fields(vec![city, code]).is_empty());
    }

    /// A row that creates a record.
    fn row(payload: &str) -> PlannedRow {
        PlannedRow::new(Origin { row: 1, line: 2 }, String::new(), Action::Create, payload.to_owned())
    }

    #[test]
    fn a_number_found_twice_over_is_one_record() {
        let record = r#"{"id":"A","number":"c1","displayName":"X"}"#;
        let read = read(&[record, record]);
        assert_eq!(read.with_number(" C1 ").unwrap().unwrap().id, "A");
        assert!(read.with_number("").unwrap().is_none());
    }
}
