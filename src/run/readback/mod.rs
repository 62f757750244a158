//! Records of the target read back, for whoever compares them with what a run wrote.
//!
//! In: the rows of a run. Out: the target's records, found again by id, number or line. Everything is read in bulk
//! and from the primary database, because a replica may lag behind what was written a moment ago. What was read is
//! kept on disk, so that memory stays flat.

mod records;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::catalogue::{Entity, Kind, Writable};
use crate::connector::{Operation, Set};
use crate::domain::{Action, EntityKind, RowResult, State};
use crate::export::ExportError;
use crate::ledger::{Filter, Ledger, LedgerError, RunHeader};
use crate::transport::TransportError;

use super::error::Error;
use super::event::{Event, Observer};
use super::import::ONE_BY_ONE;
use super::index::IndexError;
use super::planning::PlanningError;
use super::target::{Target, TargetError};
pub(super) use records::ReadBack;
use row::{known_number, number_of};
pub(super) use row::{moved, own_of};

/// Up to so many customers are asked for one by one, forty to a request; for more, all of them are read.
const ASKED_FOR: usize = 800;

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
