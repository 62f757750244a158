//! Why an export could not be made.

use crate::durable::FileError;
use crate::transport::TransportError;

/// Why an export could not be made. Nothing was published, and what stood there before still does.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The selection names a column that there is not.
    #[error("`{name}` is no column of {entity}; the closest is `{closest}`")]
    UnknownColumn {
        /// As it was asked for.
        name: String,
        /// What was to be exported.
        entity: &'static str,
        /// The most similar column.
        closest: &'static str,
    },
    /// The system has no such records.
    #[error("{system} has no {entity} to export")]
    NoSuchRecords {
        /// What was to be exported.
        entity: &'static str,
        /// The system and its dialect.
        system: &'static str,
    },
    /// Something was to be expanded that is not there.
    #[error("{entity} have no `{name}` to expand")]
    UnknownExpansion {
        /// As it was asked for.
        name: String,
        /// What was to be exported.
        entity: &'static str,
    },
    /// The company has no such payment journal.
    #[error("there is no payment journal `{journal}`; there are: {known}")]
    UnknownJournal {
        /// As it was asked for.
        journal: String,
        /// The codes of the journals there are, or `none`.
        known: String,
    },
    /// Neither the name of the output nor a format tells what to write.
    #[error("`{0}` tells no format: csv, xlsx and jsonl can be written")]
    UnknownFormat(String),
    /// The filter asks for something that the server drops without a word, which would export too much.
    #[error("the filter `{0}` uses `any` or `all`, which Business Central ignores without saying so")]
    LambdaFilter(String),
    /// The system filters and orders nothing, so that everything would be exported.
    #[error("{0} does not filter or order what is exported")]
    NoFilters(&'static str),
    /// The server does not understand or not support the filter, the order or a column.
    #[error("the server refuses the query for {entity} (HTTP status {status}): {message}")]
    Refused {
        /// What was to be exported.
        entity: &'static str,
        /// 400 or 501, or whatever a proxy made of it.
        status: u16,
        /// The server's code and words.
        message: String,
        /// What to do instead, as far as it is known.
        advice: Option<&'static str>,
    },
    /// The company or the set of records is not there.
    #[error("`{path}` is not there: {message}")]
    NotFound {
        /// The path below the service root, without the query.
        path: String,
        /// The server's code and words.
        message: String,
    },
    /// The server could not be reached, or stayed busy, through all attempts.
    #[error("no page after {attempts} attempts ({last})")]
    GaveUp {
        /// How many times it was asked.
        attempts: u32,
        /// The last status, or `no answer`.
        last: String,
        /// What the network said, if it was the network.
        source: Option<TransportError>,
    },
    /// The request cannot be sent, or the credentials are refused.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A next link leads to a page that was already read.
    #[error("page {page} points back to a page that was already read")]
    EndlessPages {
        /// The 1-based page with the link.
        page: u64,
    },
    /// A page is not what an `OData` server sends.
    #[error("page {page} of {entity} cannot be read")]
    Malformed {
        /// What was to be exported.
        entity: &'static str,
        /// 1-based.
        page: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The customers came without the financial detail that was asked for.
    #[error("the server left out `customerFinancialDetail` on page {page}, although it was asked for")]
    DetailMissing {
        /// 1-based.
        page: u64,
    },
    /// The file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ExportError {
    /// A next step, where one is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { advice, .. } => *advice,
            Self::DetailMissing { .. } => {
                Some("`ferry export financials` reads the amounts from their own table")
            }
            Self::NoFilters(_) => Some("export everything, and filter the file"),
            Self::LambdaFilter(_) => Some("filter on the fields of the record itself"),
            Self::GaveUp { .. } => Some("nothing was written; the same command may work later"),
            _ => None,
        }
    }

    /// Whether the reader of a stream went away, as `head` does: nothing is wrong then.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::File(file) if file.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
