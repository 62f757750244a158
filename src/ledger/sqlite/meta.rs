//! What is kept once for the whole run: its header, and what was counted.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::failed;
use crate::ledger::{Counters, LedgerError, RunHeader};

pub(super) fn read_header(connection: &Connection, path: &Path) -> Result<RunHeader, LedgerError> {
    let text: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'header'", [], |row| row.get(0))
        .optional()
        .map_err(|cause| failed(path, "read the header", cause))?;
    let header: Option<RunHeader> = text.and_then(|text| serde_json::from_str(&text).ok());
    let header = header.ok_or_else(|| damaged_header(path))?;
    let counters = read_counters(connection, path)?.unwrap_or(header.counters);
    Ok(RunHeader { counters, ..header })
}

/// What was counted since counting has a place of its own; `None` before.
fn read_counters(connection: &Connection, path: &Path) -> Result<Option<Counters>, LedgerError> {
    let read = || {
        let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = 'counters'")?;
        statement.query_row([], |row| row.get::<_, String>(0)).optional()
    };
    let text = read().map_err(|cause| failed(path, "read the counters", cause))?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(in crate::ledger) fn add_counters(
    connection: &Connection,
    path: &Path,
    more: Counters,
) -> Result<(), LedgerError> {
    let counters = match read_counters(connection, path)? {
        Some(counters) => counters,
        None => read_header(connection, path)?.counters,
    };
    let text = serde_json::to_string(&(counters + more)).map_err(|_| damaged_header(path))?;
    let write = || {
        connection
            .prepare_cached(
                "INSERT INTO meta VALUES ('counters', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
            )?
            .execute([text])
    };
    write().map(drop).map_err(|cause| failed(path, "write the counters", cause))
}

pub(super) fn write_header(
    connection: &Connection,
    path: &Path,
    header: &RunHeader,
) -> Result<(), LedgerError> {
    let text = serde_json::to_string(header).map_err(|_| damaged_header(path))?;
    connection
        .execute("INSERT INTO meta VALUES ('header', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", [text])
        .map_err(|cause| failed(path, "write the header", cause))?;
    Ok(())
}

fn damaged_header(path: &Path) -> LedgerError {
    LedgerError::Damaged { path: path.to_owned(), place: "the header".to_owned() }
}
