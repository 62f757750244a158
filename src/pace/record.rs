//! Windows on disk, shared by all processes of a project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};

use super::PaceError;
use super::limit::nanos;
use super::window::Window;
use crate::durable::create_directory;

/// The version of the format described in the module's documentation.
const FORMAT_VERSION: i64 = 1;

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS windows (route TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/// How long to wait for another process, which holds the record for one sync at a time.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often an opening is tried that met another one; `SQLite` does not always wait by itself then.
const OPENINGS: u32 = 100;
const BETWEEN_OPENINGS: Duration = Duration::from_millis(20);

/// What everybody in the project has used of one credential's allowance. Every call that changes it is on disk when it
/// returns.
#[derive(Debug)]
pub struct Record {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl Record {
    /// The record of this name in `folder`; both are made when they are not there.
    ///
    /// # Errors
    /// When it cannot be made, read or written: no process could count on it.
    pub fn open(folder: &Path, name: &str) -> Result<Self, PaceError> {
        create_directory(folder)?;
        let path = folder.join(format!("{name}.db"));
        for _ in 1..OPENINGS {
            match open(&path) {
                Err(PaceError::Sqlite { source, .. }) if is_busy(&source) => thread::sleep(BETWEEN_OPENINGS),
                opened => return opened.map(|connection| Self { connection: Mutex::new(connection), path }),
            }
        }
        open(&path).map(|connection| Self { connection: Mutex::new(connection), path })
    }

    /// Changes the window of a route, at a moment in nanoseconds since 1970. Blocks until it is on disk.
    pub(super) fn change<T>(
        &self,
        route: &str,
        change: impl FnOnce(&mut Window, u64) -> T,
    ) -> Result<T, PaceError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        change_in(&mut connection, route, change).map_err(|source| failed(&self.path, "write", source))
    }
}

fn change_in<T>(
    connection: &mut Connection,
    route: &str,
    change: impl FnOnce(&mut Window, u64) -> T,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The time is read when nobody else can change the record any more, so that it never goes back.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut window = read(&transaction, route)?;
    let changed = change(&mut window, nanos(now));
    write(&transaction, route, &window)?;
    transaction.commit()?;
    Ok(changed)
}

fn open(path: &Path) -> Result<Connection, PaceError> {
    let connection = Connection::open(path).map_err(|source| failed(path, "open", source))?;
    let prepare = || {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
    let found = prepare().map_err(|source| failed(path, "open", source))?;
    if found > FORMAT_VERSION {
        return Err(PaceError::TooNew { path: path.to_owned(), found, known: FORMAT_VERSION });
    }
    // Also shows whether the record can be written at all.
    let create = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT_VERSION}; COMMIT;");
    connection.execute_batch(&create).map_err(|source| failed(path, "write", source))?;
    Ok(connection)
}

/// A state that cannot be read says nothing, which is as if nothing had been used.
fn read(transaction: &Transaction<'_>, route: &str) -> rusqlite::Result<Window> {
    let mut statement = transaction.prepare_cached("SELECT state FROM windows WHERE route = ?1")?;
    let state: Option<String> = statement.query_row([route], |row| row.get(0)).optional()?;
    Ok(state.and_then(|state| serde_json::from_str(&state).ok()).unwrap_or_default())
}

fn write(transaction: &Transaction<'_>, route: &str, window: &Window) -> rusqlite::Result<()> {
    let state = serde_json::to_string(window)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut statement = transaction
        .prepare_cached("INSERT INTO windows VALUES (?1, ?2) ON CONFLICT (route) DO UPDATE SET state = ?2")?;
    statement.execute([route, &state]).map(drop)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn failed(path: &Path, action: &'static str, source: rusqlite::Error) -> PaceError {
    PaceError::Sqlite { action, path: path.to_owned(), source }
}

/// Windows of one process alone, which nobody else shares.
#[derive(Debug, Default)]
pub(super) struct Own(BTreeMap<String, Window>);

impl Own {
    pub(super) fn window(&mut self, route: &str) -> &mut Window {
        if !self.0.contains_key(route) {
            self.0.insert(route.to_owned(), Window::default());
        }
        self.0.get_mut(route).expect("it was just put there")
    }
}
