//! What the target holds, in reach of a plan: an index on disk, so that memory stays flat however many
//! records there are.

mod keys;
#[cfg(test)]
mod tests;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use crate::connector::fields::Fields;
use crate::domain::EntityKind;
use crate::plan::Existing;

use keys::{Members, email_key, is_blank};
pub(super) use keys::{
    customer_of, dimension_key, document_key, fold_code, key_of, match_key, name_key, natural_key,
    null_as_empty, number_key,
};

/// Why the index could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// `SQLite` refused.
    #[error("cannot keep what the target holds in a temporary file")]
    Sqlite(#[from] rusqlite::Error),
    /// A record is not what the API sends. Passing it over could make a second one of it.
    #[error("a record of the target cannot be read")]
    Record(#[source] serde_json::Error),
}

/// The target's records by natural key, in a private temporary database that vanishes with the process.
#[derive(Debug)]
pub struct TargetIndex {
    connection: Connection,
    match_on: Vec<&'static str>,
    /// Whether a payment is found by its document alone, whoever's it is.
    by_document: bool,
}

/// A customer that payments may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payer {
    /// The number, upper-cased.
    pub number: String,
    /// The currency that payments are in.
    pub currency: String,
    /// What the customer is blocked for, as the target says it.
    pub blocked: String,
    /// The name, where it was read.
    pub name: String,
}

const TABLES: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536;
    CREATE TABLE records (id INTEGER PRIMARY KEY, remote_id TEXT NOT NULL, etag TEXT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE keys (key TEXT NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (key, record)) WITHOUT ROWID;
    CREATE TABLE customers (number TEXT PRIMARY KEY, id TEXT NOT NULL, currency TEXT NOT NULL,
        blocked TEXT NOT NULL, name TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX customers_by_id ON customers (id);
    CREATE TABLE left_out (number TEXT PRIMARY KEY, words TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE lines (line INTEGER PRIMARY KEY);
    CREATE TABLE delivered (document TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE met (record TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
";

impl TargetIndex {
    /// An empty index.
    pub fn new() -> Result<Self, IndexError> {
        let connection = Connection::open("")?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection, match_on: Vec::new(), by_document: false })
    }

    /// An empty index that finds customers by these fields.
    pub fn matching(match_on: &[&'static str]) -> Result<Self, IndexError> {
        Ok(Self { match_on: match_on.to_vec(), ..Self::new()? })
    }

    /// From now on payments are found by their documents alone: where they wait in no journals, no two have one.
    ///
    /// Source: the number of a payment of Bigcapital is checked for uniqueness, whoever's it is.
    pub(super) fn find_by_document(&mut self) {
        self.by_document = true;
    }

    /// The natural key by which a row with this `payload` finds its record here, see [`key_of`].
    pub(super) fn key_of(&self, entity: EntityKind, payload: &str, customer_number: Option<&str>) -> String {
        key_of(entity, payload, if self.by_document { Some("") } else { customer_number })
    }

    /// Whether rows find their customers by fields that the user named.
    pub fn is_matching(&self) -> bool {
        !self.match_on.is_empty()
    }

    /// The keys of the fields that a record or a payload fills, of those by which customers are found.
    pub fn match_keys(&self, record: &str) -> serde_json::Result<Vec<String>> {
        let fields = Fields::parse(record)?;
        let keys = self.match_on.iter().map(|name| match_key(name, &fields.text(name)));
        Ok(keys.filter(|key| !is_blank(key)).collect())
    }

    /// Adds a page of records that rows of `entity` may match.
    pub fn add_page(&mut self, entity: EntityKind, page: &[&RawValue]) -> Result<(), IndexError> {
        let (match_on, by_document) = (self.match_on.clone(), self.by_document);
        let transaction = self.connection.transaction()?;
        {
            let mut record = transaction.prepare_cached(
                "INSERT INTO records (remote_id, etag, body) VALUES (?1, ?2, ?3) RETURNING id",
            )?;
            let mut key = transaction.prepare_cached("INSERT OR IGNORE INTO keys VALUES (?1, ?2)")?;
            let mut line = transaction.prepare_cached("INSERT OR IGNORE INTO lines VALUES (?1)")?;
            for raw in page {
                let members: Members = serde_json::from_str(raw.get()).map_err(IndexError::Record)?;
                let id: i64 =
                    record.query_row(params![members.id, members.etag, raw.get()], |row| row.get(0))?;
                match entity {
                    EntityKind::Customers => {
                        key.execute(params![number_key(&members.number), id])?;
                        if match_on.is_empty() {
                            key.execute(params![name_key(&members.display_name), id])?;
                            if members.number.is_empty() {
                                key.execute(params![email_key(&members.email), id])?;
                            }
                            continue;
                        }
                        let fields = Fields::parse(raw.get()).map_err(IndexError::Record)?;
                        for name in &match_on {
                            key.execute(params![match_key(name, &fields.text(name)), id])?;
                        }
                    }
                    EntityKind::Dimensions => {
                        key.execute(params![
                            dimension_key(&members.dimension_code, &members.customer_number),
                            id
                        ])?;
                    }
                    EntityKind::Payments => {
                        let customer = if by_document { "" } else { members.customer() };
                        let found = document_key(&members.document_number, customer);
                        key.execute(params![found, id])?;
                        if let Some(number) = members.line_number {
                            line.execute([number])?;
                        }
                    }
                }
            }
        }
        Ok(transaction.commit()?)
    }

    /// Adds a page of customers that payments may refer to.
    pub fn add_customers(&mut self, page: &[&RawValue]) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut customer =
                transaction.prepare_cached("INSERT OR REPLACE INTO customers VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for raw in page {
                let members: Members = serde_json::from_str(raw.get()).map_err(IndexError::Record)?;
                let number = if members.number.is_empty() { &members.id } else { &members.number };
                customer.execute(params![
                    fold_code(number),
                    members.id.to_lowercase(),
                    members.currency_code,
                    members.blocked,
                    members.display_name
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Every record with this key. A blank key is nobody's: many records can be without a name or a document.
    pub fn find(&self, key: &str) -> Result<Vec<Existing>, IndexError> {
        if is_blank(key) {
            return Ok(Vec::new());
        }
        let mut records = self.connection.prepare_cached(
            "SELECT remote_id, etag, body FROM keys JOIN records ON records.id = keys.record WHERE key = ?1",
        )?;
        let found = records
            .query_map([key], |row| Ok(Existing { id: row.get(0)?, etag: row.get(1)?, body: row.get(2)? }))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The customers without a number that a row meets: those of its name, of several the one with its e-mail address.
    pub fn find_by_name(&self, payload: &str) -> Result<Vec<Existing>, IndexError> {
        let sent = Fields::parse(payload).map_err(IndexError::Record)?;
        let named = self.find(&name_key(&sent.text("displayName")))?;
        if named.len() < 2 {
            return Ok(named);
        }
        let by_email = self.find_by_email(payload)?;
        let both: Vec<_> =
            named.iter().filter(|named| by_email.iter().any(|other| other.id == named.id)).cloned().collect();
        Ok(if both.len() == 1 { both } else { named })
    }

    /// The customers without a number who have the row's e-mail address.
    pub fn find_by_email(&self, payload: &str) -> Result<Vec<Existing>, IndexError> {
        let sent = Fields::parse(payload).map_err(IndexError::Record)?;
        self.find(&email_key(&sent.text("email")))
    }

    /// The record with this id.
    pub fn find_by_id(&self, id: &str) -> Result<Option<Existing>, IndexError> {
        let mut record = self
            .connection
            .prepare_cached("SELECT remote_id, etag, body FROM records WHERE remote_id = ?1")?;
        let found = record
            .query_row([id], |row| Ok(Existing { id: row.get(0)?, etag: row.get(1)?, body: row.get(2)? }));
        Ok(found.optional()?)
    }

    /// Makes [`Self::etag_of`] quick, once every page is added.
    pub fn index_ids(&self) -> Result<(), IndexError> {
        Ok(self
            .connection
            .execute_batch("CREATE INDEX IF NOT EXISTS records_by_id ON records (remote_id)")?)
    }

    /// The `ETag` of the record with this id; `None` when there is no such record.
    pub fn etag_of(&self, id: &str) -> Result<Option<String>, IndexError> {
        let mut etag = self.connection.prepare_cached("SELECT etag FROM records WHERE remote_id = ?1")?;
        Ok(etag.query_row([id], |row| row.get(0)).optional()?)
    }

    /// Every record that has all of these keys; none when there is no key.
    pub fn find_all(&self, keys: &[String]) -> Result<Vec<Existing>, IndexError> {
        let Some((first, others)) = keys.split_first() else { return Ok(Vec::new()) };
        let mut found = self.find(first)?;
        for key in others {
            let also = self.find(key)?;
            found.retain(|existing| also.iter().any(|other| other.id == existing.id));
        }
        Ok(found)
    }

    /// Adds the documents of payments that an earlier run sent; `how` says in words which one, and what became of them.
    pub fn add_delivered(&mut self, documents: &[String], how: &str) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare("INSERT OR REPLACE INTO delivered VALUES (?1, ?2)")?;
            for document in documents {
                insert.execute([fold_code(document).as_str(), how])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Forgets documents that a later run took out of their journal: they are in no one's books.
    pub fn remove_delivered(&mut self, documents: &[String]) -> Result<(), IndexError> {
        let transaction = self.connection.transaction()?;
        {
            let mut remove = transaction.prepare("DELETE FROM delivered WHERE document = ?1")?;
            for document in documents {
                remove.execute([fold_code(document)])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Remembers that the row at `place` meets the record with this id, unless an earlier row does: then the place
    /// of that one.
    pub fn meet(&self, record: &str, place: &str) -> Result<Option<String>, IndexError> {
        let mut insert = self.connection.prepare_cached("INSERT OR IGNORE INTO met VALUES (?1, ?2)")?;
        if insert.execute([record, place])? == 1 {
            return Ok(None);
        }
        let mut earlier = self.connection.prepare_cached("SELECT place FROM met WHERE record = ?1")?;
        Ok(Some(earlier.query_row([record], |row| row.get(0))?))
    }

    /// How an earlier run sent a payment with this document number, in words.
    pub fn delivered_by(&self, document: &str) -> Result<Option<String>, IndexError> {
        let mut run = self.connection.prepare_cached("SELECT run FROM delivered WHERE document = ?1")?;
        Ok(run.query_row([fold_code(document)], |row| row.get(0)).optional()?)
    }

    /// The customer with this number or id.
    pub fn customer(&self, number_or_id: &str) -> Result<Option<Payer>, IndexError> {
        let mut customer = self.connection.prepare_cached(
            "SELECT number, currency, blocked, name FROM customers WHERE number = ?1 OR id = ?2",
        )?;
        let found = customer
            .query_row(params![fold_code(number_or_id), number_or_id.trim().to_lowercase()], |row| {
                Ok(Payer {
                    number: row.get(0)?,
                    currency: row.get(1)?,
                    blocked: row.get(2)?,
                    name: row.get(3)?,
                })
            })
            .optional()?;
        Ok(found)
    }

    /// The id of the customer with this number.
    pub(super) fn id_of_customer(&self, number: &str) -> Result<Option<String>, IndexError> {
        let mut customer = self.connection.prepare_cached("SELECT id FROM customers WHERE number = ?1")?;
        Ok(customer.query_row([fold_code(number)], |row| row.get(0)).optional()?)
    }

    /// Adds a customer that the same import creates first; a customer of the target stays as it is.
    pub(super) fn add_planned_customer(
        &self,
        number: &str,
        (currency, blocked): (&str, &str),
    ) -> Result<(), IndexError> {
        let number = fold_code(number);
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO customers VALUES (?1, 'planned', ?2, ?3, '')")?
            .execute(params![number, currency, blocked])?;
        // Another row of the file may have been left out under the same number.
        self.connection.prepare_cached("DELETE FROM left_out WHERE number = ?1")?.execute([number])?;
        Ok(())
    }

    /// Gives the customer with this number the currency and the block that the same import gives it first; `None`
    /// leaves what it has.
    pub(super) fn change_customer(
        &self,
        number: &str,
        (currency, blocked): (Option<&str>, Option<&str>),
    ) -> Result<(), IndexError> {
        self.connection
            .prepare_cached(
                "UPDATE customers SET currency = ifnull(?2, currency), blocked = ifnull(?3, blocked) WHERE number = ?1",
            )?
            .execute(params![fold_code(number), currency, blocked])?;
        Ok(())
    }

    /// Adds a customer that the same import leaves out, and what became of it in words.
    pub(super) fn add_left_out(&self, number: &str, words: &str) -> Result<(), IndexError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO left_out VALUES (?1, ?2)")?
            .execute(params![fold_code(number), words])?;
        Ok(())
    }

    /// What became of the customer with this number, when the same import leaves it out.
    pub(super) fn left_out(&self, number: &str) -> Result<Option<String>, IndexError> {
        let mut words = self.connection.prepare_cached("SELECT words FROM left_out WHERE number = ?1")?;
        Ok(words.query_row([fold_code(number)], |row| row.get(0)).optional()?)
    }

    /// Makes what is added next quick to add: one transaction for all of it, until [`Self::commit`].
    pub(super) fn begin(&self) -> Result<(), IndexError> {
        Ok(self.connection.execute_batch("BEGIN")?)
    }

    /// Ends what [`Self::begin`] began.
    pub(super) fn commit(&self) -> Result<(), IndexError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// The numbers of the journal's lines, lowest first.
    pub fn lines(&self) -> Result<Vec<i64>, IndexError> {
        let mut lines = self.connection.prepare("SELECT line FROM lines ORDER BY line")?;
        let numbers = lines.query_map([], |row| row.get(0))?;
        Ok(numbers.collect::<Result<_, _>>()?)
    }
}
