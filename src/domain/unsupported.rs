//! Values of a file that the target has no place for, and what becomes of them.

use serde::{Deserialize, Serialize};

/// A column whose values the target has no place for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsupportedColumn {
    /// The heading, as it stands in the file.
    pub column: String,
    /// The neutral name of the field that it would fill elsewhere.
    pub field: String,
    /// How many rows have a value there that leaving out would lose; rows that were rejected for it apart.
    pub values: u64,
}

/// What becomes of values that the target has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnsupported {
    /// They are left out, and counted.
    Drop,
    /// Their rows are left out.
    Reject,
}

impl OnUnsupported {
    /// The word for it in flags and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
        }
    }
}
