//! The file's format: its tables, its version, and how an older one is brought up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::failed;
use crate::ledger::LedgerError;

/// "FERY", so that `file` and a reader can tell the database from any other.
const APPLICATION_ID: i64 = 0x4645_5259;

/// The version of the format described in the module's documentation.
pub(super) const FORMAT_VERSION: i64 = 2;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    row INTEGER NOT NULL,
    line INTEGER NOT NULL,
    key TEXT NOT NULL,
    action TEXT NOT NULL,
    payload TEXT NOT NULL,
    changes TEXT NOT NULL,
    target_id TEXT,
    etag TEXT,
    line_number INTEGER,
    violations TEXT NOT NULL,
    cells TEXT NOT NULL,
    amount TEXT,
    currency TEXT NOT NULL,
    before TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE progress (
    id INTEGER PRIMARY KEY REFERENCES rows (id),
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    line_number INTEGER,
    remote_id TEXT,
    key TEXT,
    new_etag TEXT,
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT ''
) STRICT;
";

const RESULTS: &str = "
CREATE VIEW results AS SELECT
    rows.id, source, row, line,
    CASE WHEN rows.key = '' THEN ifnull(progress.key, '') ELSE rows.key END AS key,
    action, payload, changes, target_id, etag,
    ifnull(progress.line_number, rows.line_number) AS line_number,
    violations, cells, amount, currency,
    ifnull(progress.state, CASE action
        WHEN 'unchanged' THEN 'unchanged' WHEN 'conflict' THEN 'conflict' WHEN 'reject' THEN 'rejected'
        WHEN 'skip' THEN 'skipped'
        ELSE 'planned' END) AS state,
    ifnull(attempts, 0) AS attempts, sent_at,
    ifnull(remote_id, target_id) AS remote_id, new_etag,
    ifnull(code, '') AS code, ifnull(message, '') AS message, before
FROM rows LEFT JOIN progress ON progress.id = rows.id;
";

/// Brings a file of format 1 up to date: it kept no picture of the records that updates change.
const FROM_FORMAT_1: &str = "
ALTER TABLE rows ADD COLUMN before TEXT NOT NULL DEFAULT '';
DROP VIEW results;
";

/// Makes the tables of an empty file.
pub(super) fn set_up(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute_batch(RESULTS)?;
    transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
    transaction.commit()
}

/// Says that the file is a ledger, once it has its tables and its header. What was left before that holds no plan.
pub(super) fn mark(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Whether the file was to become a ledger, and its process ended before it was one.
fn is_unfinished(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name NOT IN ('meta', 'rows', 'progress', 'results'))",
        [],
        |found| found.get(0),
    )
}

/// Refuses a file that is no ledger or of a later format, and brings one of an earlier format up to date.
pub(super) fn check(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match number("application_id") {
        Ok(APPLICATION_ID) => {}
        Ok(0) if is_unfinished(connection).map_err(|cause| failed(path, "read the tables", cause))? => {
            return Err(LedgerError::Missing(path.to_owned()));
        }
        Ok(_) => return Err(LedgerError::NotALedger(path.to_owned())),
        Err(cause) => return Err(failed(path, "read the version", cause)),
    }
    match number("user_version").map_err(|cause| failed(path, "read the version", cause))? {
        found if found > FORMAT_VERSION => {
            Err(LedgerError::TooNew { path: path.to_owned(), found, known: FORMAT_VERSION })
        }
        FORMAT_VERSION => Ok(()),
        _ => upgrade(connection).map_err(|cause| failed(path, "bring the format up to date", cause)),
    }
}

/// Whoever opens an old file first brings it up to date; a second one that was waiting finds it done.
fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found < FORMAT_VERSION {
        transaction.execute_batch(FROM_FORMAT_1)?;
        transaction.execute_batch(RESULTS)?;
        transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
    }
    transaction.commit()
}
