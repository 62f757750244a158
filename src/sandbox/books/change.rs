//! Inserting, changing and deleting rows by column names.
//!
//! Promises: a row written here gets a row version of its own and the time of its change.

use rusqlite::types::Value as Sql;
use rusqlite::{Result, params_from_iter};

use super::{Turn, rows};
use crate::sandbox::odata::{Guid, Record};

/// Columns and what they are to hold.
pub(in crate::sandbox) type Cells = Vec<(&'static str, Sql)>;

/// The values of these properties of `record`, for their columns of the same names.
pub(in crate::sandbox) fn cells(record: &Record, names: &[&'static str]) -> Cells {
    names.iter().map(|&name| (name, rows::parameter(record.get(name)))).collect()
}

/// Adds a row to `table`.
pub(in crate::sandbox) fn insert(turn: &Turn<'_>, table: &str, cells: Cells) -> Result<()> {
    let cells = stamped(turn, cells);
    let names: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
    let places = vec!["?"; cells.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", "));
    let values = params_from_iter(cells.into_iter().map(|(_, value)| value));
    turn.connection.prepare_cached(&sql)?.execute(values).map(|_| ())
}

/// Changes the row of `table` with this id.
pub(in crate::sandbox) fn update(turn: &Turn<'_>, table: &str, id: Guid, cells: Cells) -> Result<()> {
    let cells = stamped(turn, cells);
    let names: Vec<_> = cells.iter().map(|(name, _)| format!("{name} = ?")).collect();
    let sql = format!("UPDATE {table} SET {} WHERE id = ?", names.join(", "));
    let values = cells.into_iter().map(|(_, value)| value).chain([Sql::Blob(id.0.to_vec())]);
    turn.connection.prepare_cached(&sql)?.execute(params_from_iter(values)).map(|_| ())
}

/// Deletes the rows of `table` whose `column` holds this id.
pub(in crate::sandbox) fn delete(turn: &Turn<'_>, table: &str, column: &str, id: Guid) -> Result<()> {
    let sql = format!("DELETE FROM {table} WHERE {column} = ?1");
    turn.connection.prepare_cached(&sql)?.execute([id.0]).map(|_| ())
}

fn stamped(turn: &Turn<'_>, mut cells: Cells) -> Cells {
    cells.push(("lastModifiedDateTime", Sql::Integer(Turn::now())));
    cells.push(("version", Sql::Integer(turn.new_version())));
    cells
}
