//! Rows between their domain types and `SQLite`'s columns.

use rusqlite::types::Type;
use rusqlite::{Row, Statement, params};

use crate::domain::{Action, FieldChange, Origin, PlannedRow, RowResult, State, Violation};

/// Which rows to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    /// Every row of the run.
    All,
    /// Rows in one of these states.
    States(&'a [State]),
    /// Rows the plan gave one of these actions.
    Actions(&'a [Action]),
}

impl Filter<'_> {
    /// The condition on the view `results`. Words come from closed sets, so no quoting is needed.
    pub(super) fn condition(self) -> String {
        fn list<'a>(column: &str, words: impl Iterator<Item = &'a str>) -> String {
            let quoted: Vec<_> = words.map(|word| format!("'{word}'")).collect();
            format!("{column} IN ({})", quoted.join(", "))
        }
        match self {
            Self::All => "TRUE".to_owned(),
            Self::States(states) => list("state", states.iter().map(|state| state.as_str())),
            Self::Actions(actions) => list("action", actions.iter().map(|action| action.as_str())),
        }
    }
}

/// How many rows have which action and are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub(super) Vec<(Action, State, u64)>);

impl Counts {
    /// Action, state, rows; pairs without rows are left out.
    pub fn iter(&self) -> impl Iterator<Item = (Action, State, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Rows in `state`, whatever their action.
    #[must_use]
    pub fn of_state(&self, state: State) -> u64 {
        self.iter().filter(|(_, found, _)| *found == state).map(|(_, _, rows)| rows).sum()
    }

    /// Rows with `action`, whatever became of them.
    #[must_use]
    pub fn of_action(&self, action: Action) -> u64 {
        self.iter().filter(|(found, _, _)| *found == action).map(|(_, _, rows)| rows).sum()
    }

    /// How many rows still wait for an answer: planned, being sent, or in doubt.
    #[must_use]
    pub fn open(&self) -> u64 {
        [State::Planned, State::Sending, State::InDoubt].map(|state| self.of_state(state)).iter().sum()
    }

    /// All rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, _, rows)| rows).sum()
    }
}

/// What delivery needs of a row that is not settled.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRow {
    /// Position in the run, 1-based.
    pub id: i64,
    /// The row's 1-based line in its file.
    pub line: u64,
    /// Create, update or delete.
    pub action: Action,
    /// The natural key in words.
    pub key: String,
    /// The JSON body to send; a payment's line number is put in when it is sent.
    pub payload: String,
    /// What an update changes.
    pub changes: Vec<FieldChange>,
    /// The target's record as the plan saw it, see [`PlannedRow::before`].
    pub before: String,
    /// The target's id of the record to update or delete, or of one that was made and not read back yet.
    pub remote_id: Option<String>,
    /// The `ETag` of the record to update or delete.
    pub etag: Option<String>,
    /// The payment's line in its journal.
    pub line_number: Option<i64>,
    /// How far the row has come.
    pub state: State,
    /// How many times it was sent.
    pub attempts: u32,
    /// When its last intent was recorded, in milliseconds since 1970.
    pub sent_at: Option<i64>,
    /// The target's code for what went wrong last, or our own word.
    pub code: String,
}

pub(super) const INSERT: &str = "INSERT INTO rows (source, row, line, key, action, payload, changes, target_id, \
     etag, line_number, violations, cells, amount, currency, before) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/// Runs [`INSERT`] for one row.
pub(super) fn insert(statement: &mut Statement<'_>, row: &PlannedRow) -> rusqlite::Result<()> {
    statement.execute(params![
        row.source,
        row.origin.row.cast_signed(),
        row.origin.line.cast_signed(),
        row.key,
        row.action.as_str(),
        row.payload,
        json(&row.changes)?,
        row.remote_id,
        row.etag,
        row.line_number,
        json(&row.violations)?,
        json(&row.cells)?,
        row.amount.map(|amount| amount.to_string()),
        row.currency,
        row.before,
    ])?;
    Ok(())
}

/// Empty lists, which most rows have, are kept as empty text.
fn json<T: serde::Serialize>(list: &[T]) -> rusqlite::Result<String> {
    if list.is_empty() {
        return Ok(String::new());
    }
    serde_json::to_string(list).map_err(|cause| rusqlite::Error::ToSqlConversionFailure(cause.into()))
}

/// The columns of [`result`].
pub(super) const RESULT_COLUMNS: &str = "id, source, row, line, key, action, payload, changes, target_id, etag, \
     line_number, violations, cells, amount, currency, state, attempts, remote_id, code, message, before, \
     new_etag";

/// Reads a row of [`RESULT_COLUMNS`].
pub(super) fn result(row: &Row<'_>) -> rusqlite::Result<RowResult> {
    let violations: Vec<Violation> = list(row, 11)?;
    let (mut code, mut message): (String, String) = (row.get(18)?, row.get(19)?);
    if let (true, Some(first)) = (code.is_empty() && message.is_empty(), violations.first()) {
        first.rule.code().clone_into(&mut code);
        first.rule.title().clone_into(&mut message);
    }
    let planned = PlannedRow {
        source: row.get(1)?,
        origin: Origin {
            row: row.get::<_, i64>(2)?.cast_unsigned(),
            line: row.get::<_, i64>(3)?.cast_unsigned(),
        },
        key: row.get(4)?,
        action: action(row, 5)?,
        payload: row.get(6)?,
        changes: list(row, 7)?,
        before: row.get(20)?,
        remote_id: row.get(8)?,
        etag: row.get(9)?,
        line_number: row.get(10)?,
        violations,
        cells: list(row, 12)?,
        amount: row
            .get::<_, Option<String>>(13)?
            .map(|text| text.parse().map_err(|cause| damaged(13, cause)))
            .transpose()?,
        currency: row.get(14)?,
    };
    Ok(RowResult {
        id: row.get(0)?,
        planned,
        state: state(row, 15)?,
        attempts: row.get(16)?,
        remote_id: row.get(17)?,
        new_etag: row.get::<_, Option<String>>(21)?.filter(|etag| !etag.is_empty()),
        code,
        message,
    })
}

/// The columns of [`open_row`].
pub(super) const OPEN_COLUMNS: &str = "id, action, key, payload, changes, remote_id, etag, line_number, state, \
     attempts, sent_at, code, line, before";

/// Reads a row of [`OPEN_COLUMNS`].
pub(super) fn open_row(row: &Row<'_>) -> rusqlite::Result<OpenRow> {
    Ok(OpenRow {
        id: row.get(0)?,
        action: action(row, 1)?,
        key: row.get(2)?,
        payload: row.get(3)?,
        changes: list(row, 4)?,
        remote_id: row.get(5)?,
        etag: row.get(6)?,
        line_number: row.get(7)?,
        state: state(row, 8)?,
        attempts: row.get(9)?,
        sent_at: row.get(10)?,
        code: row.get(11)?,
        line: row.get::<_, i64>(12)?.cast_unsigned(),
        before: row.get(13)?,
    })
}

fn list<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<T>> {
    match row.get_ref(column)?.as_str()? {
        "" => Ok(Vec::new()),
        text => serde_json::from_str(text).map_err(|cause| damaged(column, cause)),
    }
}

pub(super) fn action(row: &Row<'_>, column: usize) -> rusqlite::Result<Action> {
    let word = row.get_ref(column)?.as_str()?;
    let found = Action::ALL.into_iter().find(|action| action.as_str() == word);
    found.ok_or_else(|| damaged(column, UnknownWord))
}

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    State::from_word(row.get_ref(column)?.as_str()?).ok_or_else(|| damaged(column, UnknownWord))
}

fn damaged(column: usize, cause: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, cause.into())
}

#[derive(Debug, thiserror::Error)]
#[error("unknown word")]
struct UnknownWord;
