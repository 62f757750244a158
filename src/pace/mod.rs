//! How fast one credential may go, counted together with everybody else who uses it.
//!
//! In: how many operations are about to leave. Out: leave to send them, and from when on. A sliding window is the real
//! limit; a bucket on top of it keeps the sending smooth, because everything at once is hard on the people who work in
//! the same system.
//!
//! Promises: no window of the target's length ever holds more than it allows, whatever the bursts, however many
//! processes of one project send with the credential side by side or one after the other, and however they end; what
//! may leave is on disk before it leaves; whoever asks first is served first.
//!
//! # The record
//!
//! `.ferry/pace/NAME.db` in the folder of the project, one file for each credential and target, is an `SQLite`
//! database; its `user_version` is the version of this format, 1. The name is a hash of the address and of what names
//! the credential; nothing secret goes into it. A table `windows` holds for each route of the target that is counted
//! on its own (see [`Api::route`](crate::connector::Api::route)) the state of its window as JSON, in nanoseconds since
//! 1970: what has left, by time; what is promised to a process and may have left; and whose turn is over.
//!
//! Operations are taken from it in chunks, each with one sync: as many as leave within a tenth of a second, and never
//! fewer than leave together. A chunk that has left counts from its last operation on; what did not leave is given
//! back. When a process dies, its chunks count as if they had left as late as they might.
//!
//! The clock is the machine's. One that is set back is taken as standing still. One that is set forward makes what others
//! have sent look older than it is; what the process itself has sent last keeps its age.

mod allowance;
mod bucket;
mod limit;
mod record;
mod window;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use allowance::{Allowance, Grant};
pub use limit::with_margin;
pub use record::Record;

use crate::durable::FileError;

/// Operations that follow each other without a pause when single requests are sent: enough to hide the clock's
/// coarseness, too few to be felt by the people who work in the same system.
pub const SINGLE_BURST: u32 = 5;

/// What a target allows one credential, counted in operations; each member of a batch is one.
///
/// Source: Business Central online allows 6,000 in any 5 minutes. Whether a batch counts once is not documented,
/// so the cautious reading is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Operations allowed in any window.
    pub operations: NonZeroU32,
    /// The length of the window.
    pub window: Duration,
}

impl Rate {
    /// The rate that is left when others have their share, in percent. The window is made longer instead of the number
    /// smaller, so that small numbers lose no more than their share.
    #[must_use]
    pub fn with_headroom(self, percent: u8) -> Self {
        let left = 100 - u32::from(percent.min(99));
        Self { window: self.window * 100 / left, ..self }
    }
}

/// Why the record of what a credential uses could not be read or extended.
#[derive(Debug, thiserror::Error)]
pub enum PaceError {
    /// A later version of the program wrote the file.
    #[error("`{path}` has format {found}, this program reads up to {known}")]
    TooNew {
        /// The record.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// `SQLite` refused.
    #[error("cannot {action} `{path}`, the record of what a credential uses")]
    Sqlite {
        /// What was tried.
        action: &'static str,
        /// The record.
        path: PathBuf,
        /// Why it failed.
        source: rusqlite::Error,
    },
    /// The folder of the record could not be made.
    #[error(transparent)]
    File(#[from] FileError),
}
