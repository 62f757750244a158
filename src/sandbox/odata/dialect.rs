//! The versions of the API that are served over the same books.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A version of Business Central's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// API v2.0: flat addresses, typed enums.
    #[default]
    V2,
    /// API v1.0: nested addresses, enums as text, financial details as a list.
    V1,
    /// API beta, withdrawn: as v1.0, with balances on the customer.
    Beta,
}

impl Dialect {
    /// All of them, the newest first.
    pub const ALL: [Self; 3] = [Self::V2, Self::V1, Self::Beta];

    /// The name, as it ends the service root: `v2.0`, `v1.0` or `beta`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2.0",
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == text).ok_or(UnknownDialect)
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A text that names no version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `v2.0`, `v1.0` or `beta`")]
pub struct UnknownDialect;
