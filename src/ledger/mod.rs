//! The crash-safe memory of a run: the only state that outlives the process.
//!
//! In: the rows of a plan, then intents and outcomes from `delivery`. Out: where the run stands, row by row,
//! for `resume`, results and reports.
//!
//! Promises: a plan row is never changed once written; an intent is on disk before its request leaves the
//! machine; what became of a row outlives the process at once, and a quarter of a second later a power loss too,
//! which leaves the row in doubt until then; a row that is done stays done; a row that was `sending` when the process
//! died opens as in doubt; two processes never write one ledger.
//!
//! # The file
//!
//! `run.ferry` is an `SQLite` database in WAL mode, so `sqlite3 run.ferry` reads it. Its `application_id` is
//! `0x46455259` ("FERY") and its `user_version` is the version of this format, now 2. An
//! older version is brought up to date when it is opened, a newer one is refused. All tables are strict; a table `uses`
//! of earlier versions of this program is passed over.
//!
//! | table | holds |
//! |---|---|
//! | `meta` | key `header`: the run as JSON, see [`RunHeader`]; key `counters`: what delivery has counted, see [`Counters`] |
//! | `rows` | the plan, one row per row of the input; written once |
//! | `progress` | what became of a row that was sent: its state, attempts, the target's id, the error |
//! | `results` | a view of both: every row with the state it is in |
//!
//! The two tables are apart so that recording an outcome writes a few dozen bytes and not the whole row. A row
//! without `progress` is in the first state of its action.
//!
//! Beside it lies `run.lock`, held by the process that writes and naming it.

mod desk;
mod header;
mod lock;
#[cfg(test)]
mod model_tests;
mod rows;
mod sqlite;
mod states;
mod steps;
mod writer;

use std::path::PathBuf;

pub use header::{ApprovedPart, Counters, JournalBefore, Phase, RunHeader, SourceHeader};
pub use lock::RunLock;
pub use rows::{Counts, Filter, OpenRow};
pub use sqlite::Ledger;
pub use states::{Step, next_state};
pub use writer::{LedgerHandle, LedgerWriter, Written};

use crate::domain::State;
use crate::durable::FileError;

/// Why a ledger could not be opened, read or extended.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process works on the run; two must never share a ledger.
    #[error("run `{path}` is in use by {owner}")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Process, machine and start of the owner, as far as it is known.
        owner: String,
    },
    /// The ledger was opened for reading and asked to write.
    #[error("ledger `{0}` was opened without its lock")]
    NotLocked(PathBuf),
    /// There is no such file, or one whose process ended before it held a plan.
    #[error("no ledger at `{0}`")]
    Missing(PathBuf),
    /// The new ledger's file is already there.
    #[error("ledger `{0}` already exists")]
    Exists(PathBuf),
    /// The file is not a ledger of ours.
    #[error("`{0}` is not a ledger")]
    NotALedger(PathBuf),
    /// A later version of the program wrote the file.
    #[error("ledger `{path}` has format {found}, this program reads up to {known}")]
    TooNew {
        /// The ledger.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The plan is complete, so no row can join it.
    #[error("ledger `{0}` holds a complete plan and takes no more rows")]
    AlreadyPlanned(PathBuf),
    /// A value in the file cannot be read back.
    #[error("ledger `{path}` is damaged at {place}")]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// The row and column, in words.
        place: String,
    },
    /// A row was told something that cannot happen in its state.
    #[error("row {row} is `{}` and cannot take `{step}`", state.as_str())]
    IllegalStep {
        /// The row's id.
        row: i64,
        /// Its state.
        state: State,
        /// What it was told.
        step: &'static str,
    },
    /// The ledger has no row with this id.
    #[error("ledger has no row {0}")]
    NoSuchRow(i64),
    /// The writer has stopped after an earlier failure.
    #[error("the ledger's writer has stopped")]
    WriterGone,
    /// `SQLite` refused.
    #[error("cannot {action} in ledger `{path}`")]
    Sqlite {
        /// What was tried.
        action: &'static str,
        /// The ledger.
        path: PathBuf,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// The lock file could not be made.
    #[error(transparent)]
    File(#[from] FileError),
}
