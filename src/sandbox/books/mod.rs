//! The sandbox's books: one `SQLite` file that holds everything the imitated company knows.
//!
//! In: reads and writes by the operations. Out: a file that a restarted sandbox continues with, and that
//! [`read_books`] can judge. Promises: a write is in the file when its answer leaves, so killing
//! the process loses no answered write (a power cut may: the file is not synced); writers take turns, readers do not
//! wait for them.

mod audit;
pub(super) mod change;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

pub use audit::{Books, Duplicates, Sums, WriteRequests, read_books};
pub(super) use rows::{Pins, find, matching, records};

use super::SandboxError;
use super::odata::ODataError;

/// What the tables are.
const SCHEMA: &str = include_str!("schema.sql");

/// What the older versions of the API need besides.
const DIALECTS: &str = include_str!("dialects.sql");

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 128;

/// An open file of books.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    versions: AtomicI64,
    setup: Setup,
}

/// What the imitated company decided once.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    /// The company's day: overdue and default dates are counted from it, whatever the calendar says.
    pub(super) work_date: Date,
    /// The local currency.
    pub(super) local_currency: String,
    /// Whether customers may be given their numbers by hand; else the name of the number series.
    pub(super) manual_numbers: bool,
}

/// One turn at the books: everything in it is carried out, or nothing.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    /// Where the rows are.
    pub(super) connection: &'a Connection,
    /// The company's decisions.
    pub(super) setup: &'a Setup,
    versions: &'a AtomicI64,
}

impl Turn<'_> {
    /// A row version that no row ever had.
    pub(super) fn new_version(&self) -> i64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }

    /// Now, in milliseconds since 1970.
    pub(super) fn now() -> i64 {
        Timestamp::now().as_millisecond()
    }

    /// Counts `operations` under `kind` of the write requests.
    pub(super) fn count(&self, kind: &str, operations: usize) -> rusqlite::Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE write_requests SET operations = operations + ?2 WHERE kind = ?1")?;
        statement.execute((kind, i64::try_from(operations).unwrap_or(i64::MAX))).map(|_| ())
    }

    /// Runs `operation`; what it did is undone when it fails.
    pub(super) fn attempt<T>(
        &self,
        operation: impl FnOnce() -> Result<T, ODataError>,
    ) -> Result<T, ODataError> {
        self.connection.prepare_cached("SAVEPOINT operation")?.execute([])?;
        let outcome = operation();
        if outcome.is_err() {
            self.connection.prepare_cached("ROLLBACK TO operation")?.execute([])?;
        }
        self.connection.prepare_cached("RELEASE operation")?.execute([])?;
        outcome
    }
}

impl Store {
    /// Opens the books at `path`, making and seeding them if they are new.
    pub(super) fn open(path: &Path) -> Result<Self, SandboxError> {
        let at = |source| SandboxError::Books { path: path.to_owned(), source };
        let mut writer = open_books(path)?;
        create(&mut writer).map_err(at)?;
        let setup = read_setup(&writer).map_err(at)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            versions: AtomicI64::new(Timestamp::now().as_microsecond()),
            setup,
        })
    }

    /// A turn that only reads. Blocks.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Turn<'_>) -> Result<T, ODataError>,
    ) -> Result<T, ODataError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => connect(&self.path)?,
        };
        let transaction = reader.transaction()?;
        let outcome = work(&self.turn(&transaction));
        drop(transaction);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        outcome
    }

    /// A turn that writes. Blocks until other writers are done.
    ///
    /// The turn is carried out even when `work` ends in a refusal, so that refusals can be counted; operations undo
    /// themselves with [`Turn::attempt`].
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Turn<'_>) -> Result<T, ODataError>,
    ) -> Result<T, ODataError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = work(&self.turn(&transaction));
        transaction.commit()?;
        outcome
    }

    fn turn<'a>(&'a self, connection: &'a Connection) -> Turn<'a> {
        Turn { connection, setup: &self.setup, versions: &self.versions }
    }
}

/// Opens the file, creating it if need be.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// Opens books or an empty file; a database that holds anything else is left alone.
fn open_books(path: &Path) -> Result<Connection, SandboxError> {
    let at = |source| SandboxError::Books { path: path.to_owned(), source };
    if path.exists() {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(at)?;
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(at);
        let tables = count("SELECT count(*) FROM sqlite_master")?;
        if tables > 0 && count("SELECT count(*) FROM sqlite_master WHERE name = 'write_requests'")? == 0 {
            return Err(SandboxError::NotBooks(path.to_owned()));
        }
    }
    connect(path).map_err(at)
}

/// Makes and seeds the tables unless they are there.
fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(SCHEMA)?;
        super::seed::plant(&transaction)?;
    }
    transaction.execute_batch(DIALECTS)?;
    super::seed::plant_contacts(&transaction)?;
    super::bigcapital::create(&transaction)?;
    transaction.commit()
}

fn read_setup(connection: &Connection) -> rusqlite::Result<Setup> {
    let value = |name: &str| {
        let mut statement = connection.prepare("SELECT value FROM setup WHERE name = ?1")?;
        statement.query_row([name], |row| row.get::<_, String>(0)).optional().map(Option::unwrap_or_default)
    };
    Ok(Setup {
        work_date: value("work_date")?.parse().unwrap_or(super::seed::WORK_DATE),
        local_currency: value("local_currency")?,
        manual_numbers: value("manual_numbers")? == "yes",
    })
}

/// Empties the books at `path` and seeds them afresh.
pub fn reset(path: &Path) -> Result<(), SandboxError> {
    let at = |source| SandboxError::Books { path: path.to_owned(), source };
    let mut connection = open_books(path)?;
    clear(&connection).map_err(at)?;
    create(&mut connection).map_err(at)
}

/// Takes every table and view out of the file, so that a server holding it open sees an empty file, not a lost one.
fn clear(connection: &Connection) -> rusqlite::Result<()> {
    let mut names =
        connection.prepare("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')")?;
    let drops: Vec<String> = names
        .query_map([], |row| {
            Ok(format!("DROP {} \"{}\";", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?
        .collect::<Result<_, _>>()?;
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {} COMMIT;", drops.concat()))
}

/// Adds `count` generated customers, numbered from `S0000001` on, most with open invoices, to the books at `path`.
///
/// Returns how many were added. They are the same every time; those already there are left as they are.
pub fn seed_customers(path: &Path, count: usize) -> Result<usize, SandboxError> {
    let at = |source| SandboxError::Books { path: path.to_owned(), source };
    let mut connection = open_books(path)?;
    create(&mut connection).map_err(at)?;
    super::seed::add(&mut connection, count).map_err(at)
}

/// Adds `count` generated customers, each with an open invoice from `INV-S0000001` on, to the imitated Bigcapital in
/// the books at `path`.
///
/// Returns how many were added. They are the same every time; those already there are left as they are.
pub fn seed_bigcapital_customers(path: &Path, count: usize) -> Result<usize, SandboxError> {
    let at = |source| SandboxError::Books { path: path.to_owned(), source };
    let mut connection = open_books(path)?;
    create(&mut connection).map_err(at)?;
    super::bigcapital::add(&mut connection, count).map_err(at)
}

impl From<rusqlite::Error> for ODataError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(500, "Internal_ServerError", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ferry");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE rows (id INTEGER)").unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(reset(&path), Err(SandboxError::NotBooks(_))));
        assert!(matches!(seed_customers(&path, 1), Err(SandboxError::NotBooks(_))));
        assert!(matches!(Store::open(&path), Err(SandboxError::NotBooks(_))));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn books_made_before_the_older_versions_were_served_get_what_these_need() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        let mut old = open_books(&path).unwrap();
        let transaction = old.transaction().unwrap();
        transaction.execute_batch(SCHEMA).unwrap();
        super::super::seed::plant(&transaction).unwrap();
        transaction.commit().unwrap();
        let store = Store::open(&path).unwrap();
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            store.read(|turn| Ok(turn.connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?)).unwrap()
        };
        assert_eq!((count("v1_customers"), count("beta_customers"), count("payment_detail")), (12, 12, 0));
        assert!(count("contact") > 0);
    }

    #[test]
    fn books_are_reset_however_often() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        reset(&path).unwrap();
        seed_customers(&path, 3).unwrap();
        reset(&path).unwrap();
        assert_eq!(read_books(&path).unwrap().customers, 12);
    }
}
