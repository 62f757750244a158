//! What credentials have used of their allowance, so that a process that goes on with a run keeps to it.
//!
//! In: how many operations are about to leave, written together with their intents. Out: what counts still.

use std::path::Path;

use rusqlite::{Connection, params};

use super::LedgerError;
use super::sqlite::failed;

/// Made when a ledger is created or opened for delivery: older ones have none, and need no upgrade for it.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS uses (
    credential INTEGER NOT NULL,
    at INTEGER NOT NULL,
    operations INTEGER NOT NULL,
    PRIMARY KEY (credential, at)
) STRICT, WITHOUT ROWID;
";

/// Uses this close to each other share a row, which counts as the latest of them.
const GRAIN_MILLIS: i64 = 250;

/// Operations that a credential has used, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The index of the credential in its profile.
    pub credential: usize,
    /// When, in milliseconds since 1970; on reading, up to a quarter of a second late.
    pub at: i64,
    /// How many.
    pub operations: u32,
}

/// Adds a use, and forgets those of the same credential from before `keep_from`.
pub(super) fn add(
    connection: &Connection,
    path: &Path,
    used: Use,
    keep_from: i64,
) -> Result<(), LedgerError> {
    let credential = i64::try_from(used.credential).unwrap_or(i64::MAX);
    let at = used.at.div_euclid(GRAIN_MILLIS).saturating_add(1).saturating_mul(GRAIN_MILLIS);
    let write = || -> rusqlite::Result<()> {
        connection
            .prepare_cached("DELETE FROM uses WHERE credential = ?1 AND at < ?2")?
            .execute(params![credential, keep_from])?;
        connection
            .prepare_cached(
                "INSERT INTO uses VALUES (?1, ?2, ?3) \
                 ON CONFLICT (credential, at) DO UPDATE SET operations = min(operations + ?3, 4294967295)",
            )?
            .execute(params![credential, at, used.operations])?;
        Ok(())
    };
    write().map_err(|cause| failed(path, "record what is used", cause))
}

/// All that is kept, by credential and time.
pub(super) fn all(connection: &Connection, path: &Path) -> Result<Vec<Use>, LedgerError> {
    let read = || {
        let mut statement = connection
            .prepare_cached("SELECT credential, at, operations FROM uses ORDER BY credential, at")?;
        let uses = statement.query_map([], |row| {
            let credential = row.get::<_, i64>(0)?;
            let operations = row.get::<_, i64>(2)?;
            Ok(Use {
                credential: usize::try_from(credential).unwrap_or(usize::MAX),
                at: row.get(1)?,
                operations: u32::try_from(operations).unwrap_or(u32::MAX),
            })
        })?;
        uses.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().map_err(|cause| failed(path, "read what is used", cause))
}
