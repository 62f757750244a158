//! What did not come back when a run was taken back.

use serde::{Deserialize, Serialize};

/// Records that an undo has put back or taken out, and that were read back otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRestored {
    /// How many rows have such a record.
    pub rows: u64,
    /// The first of them, each with its file, its line, its key, and the fields that did not come back.
    pub shown: Vec<String>,
}
