//! What an operation works with: the books in one turn, and the rows in them.
//!
//! Promises: what an operation did is undone when it fails; an id that was given is never given again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::tz::Offset;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::racing::Mishap;
use super::refusal::Refusal;

/// Columns and what they are to hold.
pub(super) type Cells = Vec<(&'static str, Sql)>;

/// One operation's place at the books.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    /// Where the rows are.
    pub(super) connection: &'a Connection,
    /// How far the server's clock is from UTC.
    pub(super) offset: Offset,
    /// Whether answers keep to what was recorded, without what the published description adds.
    pub(super) strict: bool,
    /// What goes wrong because another writer is at work.
    pub(super) mishap: Mishap,
    /// Payment numbers that other writers are storing at this moment, which this one cannot see.
    pub(super) unseen_numbers: &'a [String],
    /// Whether something was posted to the ledger.
    pub(super) has_posted: Cell<bool>,
    /// Ids given in this turn, which stay used even when the work is undone.
    pub(super) given: RefCell<BTreeMap<&'static str, i64>>,
}

impl Desk<'_> {
    /// The next number of a sequence.
    pub(super) fn next(&self, sequence: &'static str) -> Result<i64, Refusal> {
        let sql = "UPDATE big_sequence SET next = next + 1 WHERE name = ?1 RETURNING next - 1";
        let next = self.connection.prepare_cached(sql)?.query_row([sequence], |row| row.get(0))?;
        self.given.borrow_mut().insert(sequence, next);
        Ok(next)
    }

    /// Runs `operation`; what it did is undone when it fails.
    pub(super) fn attempt<T>(&self, operation: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.connection.prepare_cached("SAVEPOINT big_operation")?.execute([])?;
        let outcome = operation();
        if outcome.is_err() {
            self.connection.prepare_cached("ROLLBACK TO big_operation")?.execute([])?;
        }
        self.connection.prepare_cached("RELEASE big_operation")?.execute([])?;
        outcome
    }

    /// Keeps the ids of undone work used.
    pub(super) fn keep_ids(&self) -> Result<(), Refusal> {
        for (sequence, last) in self.given.borrow().iter() {
            let sql = "UPDATE big_sequence SET next = max(next, ?2 + 1) WHERE name = ?1";
            self.connection.prepare_cached(sql)?.execute((sequence, last))?;
        }
        Ok(())
    }

    /// A decision of the organization.
    pub(super) fn setup(&self, name: &str) -> Result<String, Refusal> {
        let sql = "SELECT value FROM big_setup WHERE name = ?1";
        let value = self.connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
        Ok(value.unwrap_or_default())
    }

    /// Adds a row.
    pub(super) fn insert(&self, table: &str, cells: Cells) -> Result<(), Refusal> {
        let names: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
        let places = vec!["?"; cells.len()].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", "));
        let values = params_from_iter(cells.into_iter().map(|(_, value)| value));
        self.connection.prepare_cached(&sql)?.execute(values)?;
        Ok(())
    }

    /// Changes the row with this id.
    pub(super) fn update(&self, table: &str, id: i64, cells: Cells) -> Result<(), Refusal> {
        let names: Vec<_> = cells.iter().map(|(name, _)| format!("{name} = ?")).collect();
        let sql = format!("UPDATE {table} SET {} WHERE id = ?", names.join(", "));
        let values = cells.into_iter().map(|(_, value)| value).chain([Sql::Integer(id)]);
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        Ok(())
    }

    /// Deletes the rows whose `column` holds `id`.
    pub(super) fn delete(&self, table: &str, column: &str, id: i64) -> Result<(), Refusal> {
        let sql = format!("DELETE FROM {table} WHERE {column} = ?1");
        self.connection.prepare_cached(&sql)?.execute([id])?;
        Ok(())
    }

    /// Whether a row with `id` in `column` is there.
    pub(super) fn has(&self, table: &str, column: &str, id: i64) -> Result<bool, Refusal> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?1)");
        Ok(self.connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?)
    }

    /// The row with this id, if it is there.
    pub(super) fn row(&self, table: &str, id: i64) -> Result<Option<Row>, Refusal> {
        Ok(self.rows(&format!("SELECT * FROM {table} WHERE id = ?1"), id)?.pop())
    }

    /// The rows of a statement with one parameter.
    pub(super) fn rows(&self, sql: &str, parameter: impl Into<Sql>) -> Result<Vec<Row>, Refusal> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let names: Rc<[String]> = statement.column_names().into_iter().map(str::to_owned).collect();
        let parameters = if statement.parameter_count() == 0 { vec![] } else { vec![parameter.into()] };
        let rows = statement.query_map(params_from_iter(parameters), |row| {
            let cells = (0..names.len()).map(|place| row.get(place)).collect::<rusqlite::Result<_>>()?;
            Ok(Row { names: Rc::clone(&names), cells })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// One row by the names of its columns.
#[derive(Clone, Debug)]
pub(super) struct Row {
    names: Rc<[String]>,
    cells: Vec<Sql>,
}

impl Row {
    /// What `column` holds; null when there is no such column.
    pub(super) fn cell(&self, column: &str) -> &Sql {
        let place = self.names.iter().position(|name| name == column);
        place.and_then(|place| self.cells.get(place)).unwrap_or(&Sql::Null)
    }

    /// A whole number; zero when there is none.
    pub(super) fn int(&self, column: &str) -> i64 {
        self.maybe_int(column).unwrap_or(0)
    }

    /// A whole number, if there is one.
    pub(super) fn maybe_int(&self, column: &str) -> Option<i64> {
        if let Sql::Integer(number) = self.cell(column) { Some(*number) } else { None }
    }

    /// Text; empty when there is none.
    pub(super) fn text(&self, column: &str) -> &str {
        self.maybe_text(column).unwrap_or_default()
    }

    /// Text, if there is some.
    pub(super) fn maybe_text(&self, column: &str) -> Option<&str> {
        if let Sql::Text(text) = self.cell(column) { Some(text) } else { None }
    }

    /// Text as JSON, null when there is none.
    pub(super) fn json_text(&self, column: &str) -> serde_json::Value {
        self.maybe_text(column).into()
    }

    /// A whole number as JSON, null when there is none.
    pub(super) fn json_int(&self, column: &str) -> serde_json::Value {
        self.maybe_int(column).into()
    }

    /// An exchange rate; one when there is none.
    pub(super) fn rate(&self, column: &str) -> rust_decimal::Decimal {
        self.text(column).parse().unwrap_or(rust_decimal::Decimal::ONE)
    }
}

/// A cell of text or nothing.
pub(super) fn text_cell(value: Option<&serde_json::Value>) -> Sql {
    match value {
        Some(serde_json::Value::String(text)) => Sql::Text(text.clone()),
        Some(serde_json::Value::Number(number)) => Sql::Text(number.to_string()),
        _ => Sql::Null,
    }
}

/// An exchange rate as it is stored, nine decimals; one when none was given.
pub(super) fn rate_cell(value: Option<&serde_json::Value>) -> Sql {
    let rate = value.and_then(super::figures::decimal).unwrap_or(rust_decimal::Decimal::ONE);
    Sql::Text(rate.round_dp(9).normalize().to_string())
}
