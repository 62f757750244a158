//! What was read back, in reach of the rows: records by id, number, line and document.

use rusqlite::{Connection, OptionalExtension, Params, params};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::row::{known_number, number_of, text_of};
use crate::domain::RowResult;
use crate::plan::Existing;
use crate::run::index::{IndexError, dimension_key, document_key, fold_code};

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
pub(in crate::run) struct ReadBack {
    connection: Connection,
}

impl ReadBack {
    pub(super) fn new() -> Result<Self, IndexError> {
        let connection = Connection::open("")?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection })
    }

    pub(super) fn add_page(&mut self, page: &[&RawValue]) -> Result<(), IndexError> {
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

    pub(super) fn add_posted(&mut self, page: &[&RawValue]) -> Result<(), IndexError> {
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
    pub(in crate::run) fn is_posted(&self, document: &str) -> Result<bool, IndexError> {
        let mut posted = self.connection.prepare_cached("SELECT 1 FROM posted WHERE document = ?1")?;
        Ok(!document.trim().is_empty() && posted.exists([fold_code(document)])?)
    }

    /// The record that this row of a run wrote or found: by the target's id, or else by number or line.
    pub(in crate::run) fn find(&self, row: &RowResult) -> Result<Option<Existing>, IndexError> {
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
    pub(in crate::run) fn find_again(&self, row: &RowResult) -> Result<Option<Existing>, IndexError> {
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
    pub(super) fn with_number(&self, number: &str) -> Result<Option<Existing>, IndexError> {
        self.one("number = ?1 AND number <> ''", [fold_code(number)])
    }

    /// Remembers that the record with this id belongs to a row of the run.
    pub(in crate::run) fn is_ours(&self, id: &str) -> Result<(), IndexError> {
        let mut update = self.connection.prepare_cached("UPDATE records SET is_ours = 1 WHERE id = ?1")?;
        update.execute([id.to_lowercase()])?;
        Ok(())
    }

    /// Payments that belong to no row of the run and have the document and the customer of one that does; where payments
    /// wait in no journals, the document alone.
    pub(in crate::run) fn doubles(&self) -> Result<Vec<Existing>, IndexError> {
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
