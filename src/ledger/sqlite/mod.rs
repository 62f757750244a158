//! The ledger as one `SQLite` file, used by one thread at a time.

mod format;
mod meta;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::rows::{self, Counts, Filter, OpenRow};
use super::steps::Group;
use super::{FileError, LedgerError, Phase, RunHeader, RunLock, Step};
use crate::domain::{Action, PlannedRow, RowResult, State};

pub(super) use meta::add_counters;
use meta::{read_header, write_header};

/// A run's ledger. Blocks; keep it off async threads and use [`LedgerWriter`](super::LedgerWriter) there.
///
/// One opened with [`Ledger::open`] reads, also while another process works on the run; writing needs
/// [`Ledger::create`] or [`Ledger::open_for_delivery`], which hold the run's lock.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    lock: Option<RunLock>,
    /// Whether the plan in the making creates records that have no key, see [`Ledger::is_anothers`].
    has_nameless: bool,
    /// Whether what is committed is on disk, see [`Ledger::wait_for_disk`].
    pub(super) waits_for_disk: bool,
}

impl Ledger {
    /// Makes the ledger of a new run, in a folder that exists.
    ///
    /// # Errors
    /// When the file is there already, the run's lock is taken, or the file cannot be written.
    pub fn create(path: &Path, header: &RunHeader) -> Result<Self, LedgerError> {
        let lock = RunLock::acquire(folder_of(path))?;
        if path.exists() {
            match Self::open(path) {
                Err(LedgerError::Missing(_)) => remove(path)?,
                _ => return Err(LedgerError::Exists(path.to_owned())),
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut ledger = Self::connect(path, flags, Some(lock))?;
        format::set_up(&mut ledger.connection).map_err(|cause| ledger.failed("create the tables", cause))?;
        ledger.update_header(header)?;
        format::mark(&ledger.connection).map_err(|cause| ledger.failed("begin", cause))?;
        Ok(ledger)
    }

    /// Opens a run's ledger for reading.
    ///
    /// # Errors
    /// When there is no such file, it is no ledger, or a newer program wrote it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with(path, None)
    }

    /// Opens a run's ledger for writing: takes the run's lock, and puts rows that an earlier process was sending
    /// in doubt.
    ///
    /// # Errors
    /// As for [`Ledger::open`], and when another process works on the run.
    pub fn open_for_delivery(path: &Path) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing(path.to_owned()));
        }
        let mut ledger = Self::open_with(path, Some(RunLock::acquire(folder_of(path))?))?;
        ledger.recover()?;
        Ok(ledger)
    }

    fn open_with(path: &Path, lock: Option<RunLock>) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing(path.to_owned()));
        }
        let mut ledger = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, lock)?;
        format::check(&mut ledger.connection, &ledger.path)?;
        Ok(ledger)
    }

    fn connect(path: &Path, flags: OpenFlags, lock: Option<RunLock>) -> Result<Self, LedgerError> {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|source| LedgerError::Sqlite { action: "open", path: path.to_owned(), source })?;
        let ledger =
            Self { connection, path: path.to_owned(), lock, has_nameless: false, waits_for_disk: true };
        ledger.tune().map_err(|cause| ledger.failed("open", cause))?;
        Ok(ledger)
    }

    fn tune(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(std::time::Duration::from_secs(10))?;
        // FULL: in WAL mode a commit is on disk when it returns, which is what an intent is for.
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        self.connection.pragma_update(None, "cache_size", -16_000)?;
        // Fewer checkpoints, each of which syncs twice: at most 32 MB of log.
        self.connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        // A row of `progress` is made from a row of `rows`, so there is nothing to check.
        self.connection.pragma_update(None, "foreign_keys", false)?;
        self.connection.set_prepared_statement_cache_capacity(32);
        Ok(())
    }

    /// Where the ledger stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run is.
    pub fn header(&self) -> Result<RunHeader, LedgerError> {
        read_header(&self.connection, &self.path)
    }

    /// Replaces the header.
    pub fn update_header(&self, header: &RunHeader) -> Result<(), LedgerError> {
        self.check_lock()?;
        write_header(&self.connection, &self.path, header)
    }

    /// Adds rows to a plan in the making, all or none; their ids follow the last one, from 1.
    pub fn append_rows(&mut self, planned: &[PlannedRow]) -> Result<(), LedgerError> {
        self.check_lock()?;
        if self.header()?.phase != Phase::Planning {
            return Err(LedgerError::AlreadyPlanned(self.path.clone()));
        }
        self.has_nameless |= planned.iter().any(|row| row.action == Action::Create && row.key.is_empty());
        append(&mut self.connection, planned).map_err(|cause| self.failed("append rows", cause))
    }

    /// Closes the plan: no row can be added any more.
    pub fn finish_planning(&mut self, header: &RunHeader) -> Result<(), LedgerError> {
        // Counting by action then reads the index and not the rows.
        self.connection
            .execute_batch("CREATE INDEX IF NOT EXISTS rows_by_action ON rows (action)")
            .map_err(|cause| self.failed("index the rows", cause))?;
        if self.has_nameless {
            // Only records without a key are ever asked for by `is_anothers`; other runs save the indexes.
            self.connection
                .execute_batch(
                    "CREATE INDEX IF NOT EXISTS rows_by_key ON rows (key);
                     CREATE INDEX IF NOT EXISTS progress_by_remote_id ON progress (remote_id)",
                )
                .map_err(|cause| self.failed("index the rows", cause))?;
        }
        self.update_header(&RunHeader { phase: Phase::Planned, ..header.clone() })?;
        // The plan leaves the log now, or its copying would hold up the delivery.
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|cause| self.failed("put the plan in its place", cause))
    }

    /// How many rows have which action and are in which state.
    pub fn counts(&self) -> Result<Counts, LedgerError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT action, state, count(*) FROM results GROUP BY action, state ORDER BY action, state",
            )?;
            let counts = statement.query_map([], |row| {
                Ok((rows::action(row, 0)?, rows::state(row, 1)?, row.get::<_, i64>(2)?.cast_unsigned()))
            })?;
            counts.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map(Counts).map_err(|cause| self.failed("count rows", cause))
    }

    /// Hands every row that `filter` takes to `visit`, in the order of the run, until `visit` fails.
    pub fn for_each_row<E: From<LedgerError>>(
        &self,
        filter: Filter<'_>,
        mut visit: impl FnMut(RowResult) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |cause| self.failed("read rows", cause);
        let columns = rows::RESULT_COLUMNS;
        let query = format!("SELECT {columns} FROM results WHERE {} ORDER BY id", filter.condition());
        let mut statement = self.connection.prepare(&query).map_err(failed)?;
        for row in statement.query_map([], rows::result).map_err(failed)? {
            visit(row.map_err(failed)?)?;
        }
        Ok(())
    }

    /// Up to `limit` rows in `state` whose id is above `after`, by id.
    pub fn open_rows(&self, state: State, after: i64, limit: usize) -> Result<Vec<OpenRow>, LedgerError> {
        let query = open_query(state);
        let read = || {
            let mut statement = self.connection.prepare_cached(&query)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let found = statement.query_map(params![after, state.as_str(), limit], rows::open_row)?;
            found.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|cause| self.failed("read open rows", cause))
    }

    /// The highest line number that any payment of the run has; `None` when none has one.
    pub fn highest_line(&self) -> Result<Option<i64>, LedgerError> {
        self.connection
            .query_row("SELECT max(line_number) FROM results", [], |row| row.get(0))
            .map_err(|cause| self.failed("read the highest line", cause))
    }

    /// Whether a row of the plan deletes the record with this id.
    pub fn deletes(&self, remote_id: &str) -> Result<bool, LedgerError> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM rows WHERE action = 'delete' AND target_id = ?1)",
                [remote_id],
                |found| found.get(0),
            )
            .map_err(|cause| self.failed("look for a record's row", cause))
    }

    /// The target's id of the first row that was carried out and left a record, and when it was sent last, in
    /// milliseconds since 1970; `None` while there is none.
    pub fn first_done(&self) -> Result<Option<(String, i64)>, LedgerError> {
        self.connection
            .query_row(
                "SELECT remote_id, sent_at FROM progress JOIN rows USING (id) \
                 WHERE state = 'done' AND remote_id IS NOT NULL AND action <> 'delete' \
                 ORDER BY sent_at, id LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(|cause| self.failed("read the first row that is done", cause))
    }

    /// When the row's last intent was recorded, in milliseconds since 1970; `None` when it was never sent.
    pub fn sent_at(&self, row: i64) -> Result<Option<i64>, LedgerError> {
        self.connection
            .query_row("SELECT sent_at FROM progress WHERE id = ?1", [row], |found| found.get(0))
            .optional()
            .map_err(|cause| self.failed("read when a row was sent", cause))
    }

    /// Whether a record is still to be created, or may have been.
    pub fn has_open_creates(&self) -> Result<bool, LedgerError> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM results WHERE action = 'create' \
                 AND state IN ('planned', 'sending', 'in-doubt'))",
                [],
                |found| found.get(0),
            )
            .map_err(|cause| self.failed("look for records to create", cause))
    }

    /// Whether the target's record with this id and key belongs to another row of the run than `row`.
    pub fn is_anothers(&self, row: i64, remote_id: &str, key: &str) -> Result<bool, LedgerError> {
        self.connection
            .query_row(IS_ANOTHERS, params![row, remote_id, key], |found| found.get(0))
            .map_err(|cause| self.failed("look for a record's row", cause))
    }

    /// Puts every row that was being sent when a process died in doubt; returns how many there were.
    pub fn recover(&mut self) -> Result<usize, LedgerError> {
        self.check_lock()?;
        self.connection
            .execute(
                "UPDATE progress SET state = ?1, code = 'interrupted', \
                 message = 'the program ended before the answer came' WHERE state = 'sending'",
                [State::InDoubt.as_str()],
            )
            .map_err(|cause| self.failed("recover rows", cause))
    }

    /// Gives rows that were never sent the payload that could not be known when they were planned.
    pub fn complete_payloads(&mut self, payloads: &[(i64, String)]) -> Result<(), LedgerError> {
        self.check_lock()?;
        let mut write = || {
            let transaction = self.connection.transaction()?;
            {
                let mut update = transaction.prepare_cached(
                    "UPDATE rows SET payload = ?2 WHERE id = ?1 \
                     AND NOT EXISTS (SELECT 1 FROM progress WHERE progress.id = ?1)",
                )?;
                for (row, payload) in payloads {
                    update.execute(params![row, payload])?;
                }
            }
            transaction.commit()
        };
        let written = write();
        written.map_err(|cause| self.failed("complete rows", cause))
    }

    /// Takes every step in one transaction, on disk when this returns; one illegal step and none is taken.
    pub fn record(&mut self, steps: &[(i64, Step)], now: i64) -> Result<(), LedgerError> {
        let mut group = self.begin()?;
        group.record(steps, now)?;
        group.commit()
    }

    /// Starts a transaction for several groups of steps.
    pub(super) fn begin(&mut self) -> Result<Group<'_>, LedgerError> {
        self.check_lock()?;
        let path = &self.path;
        match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => Ok(Group::new(transaction, path)),
            Err(source) => Err(LedgerError::Sqlite { action: "begin", path: path.clone(), source }),
        }
    }

    /// Whether a commit from now on is on disk when it returns, with all before it, or only outlives the process.
    pub(super) fn wait_for_disk(&mut self, waits: bool) -> Result<(), LedgerError> {
        if self.waits_for_disk != waits {
            // A log is written either way, so that what reaches the disk of it is whole.
            let level = if waits { "FULL" } else { "NORMAL" };
            let set = self.connection.pragma_update(None, "synchronous", level);
            set.map_err(|cause| self.failed("set when to wait for the disk", cause))?;
            self.waits_for_disk = waits;
        }
        Ok(())
    }

    /// Brings everything that was committed to disk.
    pub(super) fn sync(&mut self) -> Result<(), LedgerError> {
        self.wait_for_disk(true)?;
        // Only a commit that has something to write waits for the disk; the version is written whatever it was.
        let written = self.connection.pragma_update(None, "user_version", format::FORMAT_VERSION);
        written.map_err(|cause| self.failed("bring to disk", cause))
    }

    fn check_lock(&self) -> Result<(), LedgerError> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(LedgerError::NotLocked(self.path.clone())),
        }
    }

    fn failed(&self, action: &'static str, source: rusqlite::Error) -> LedgerError {
        failed(&self.path, action, source)
    }
}

/// The query of [`Ledger::is_anothers`].
const IS_ANOTHERS: &str = "SELECT EXISTS (SELECT 1 FROM progress WHERE remote_id = ?2 AND id <> ?1) \
     OR EXISTS (SELECT 1 FROM rows WHERE key = ?3 AND key <> '' AND id <> ?1)";

/// The query of [`Ledger::open_rows`]: it ends where the page ends, however many rows are left.
fn open_query(state: State) -> String {
    let columns = rows::OPEN_COLUMNS;
    match state {
        // Only rows that are to be sent are ever planned, so nothing is said of actions: their index would have all the
        // rest of the plan read and sorted for every page, where the order of the rows comes for nothing.
        State::Planned => {
            format!("SELECT {columns} FROM results WHERE id > ?1 AND state = ?2 ORDER BY id LIMIT ?3")
        }
        // Only rows that were sent can be in any other open state: the small table finds them.
        _ => format!(
            "SELECT {columns} FROM results WHERE id IN (SELECT id FROM progress WHERE id > ?1 AND state = ?2 \
             ORDER BY id LIMIT ?3) ORDER BY id"
        ),
    }
}

fn append(connection: &mut Connection, planned: &[PlannedRow]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare_cached(rows::INSERT)?;
    for row in planned {
        rows::insert(&mut statement, row)?;
    }
    drop(statement);
    transaction.commit()
}

pub(super) fn failed(path: &Path, action: &'static str, source: rusqlite::Error) -> LedgerError {
    match source {
        rusqlite::Error::FromSqlConversionFailure(column, ..) => {
            LedgerError::Damaged { path: path.to_owned(), place: format!("column {column} of a row") }
        }
        source if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            LedgerError::NotALedger(path.to_owned())
        }
        source => LedgerError::Sqlite { action, path: path.to_owned(), source },
    }
}

/// Takes away what a process left that had no ledger yet.
fn remove(path: &Path) -> Result<(), LedgerError> {
    fs::remove_file(path).map_err(|cause| FileError::new("remove", path, cause))?;
    for ending in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        // There is one only where the process was killed.
        drop(fs::remove_file(&beside));
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
