//! Pages from the API to files: what is in the books, as a table.
//!
//! In: what to export ([`Layout`], [`Query`]) and pages ([`PageReader`]). Out: one file of rows and a manifest
//! that vouches for it.
//!
//! Promises: the old set stays until the new one is whole; every digit of an amount and every leading zero of
//! an identifier survives; memory does not grow with the number of rows; nothing is left out without a word.

mod columns;
mod convert;
mod csv_writer;
mod decode;
mod error;
mod filter;
mod journals;
mod jsonl_writer;
mod manifest;
mod output;
mod pages;
mod patience;
mod spool;
#[cfg(test)]
pub(crate) mod testing;
mod xlsx_writer;

use std::io;
use std::time::Duration;

pub use self::columns::{Column, DETAIL_NAMES, ExportEntity, Layout, Place};
pub use self::convert::{Converted, Converter};
pub use self::decode::{Cell, DecodeError, Decoder, OnRow};
pub use self::error::ExportError;
pub use self::filter::{Query, advice};
pub use self::journals::fetch_journals;
pub use self::manifest::{
    Manifest, ManifestColumn, ManifestCompany, ManifestFile, ManifestTotal, SCHEMA_VERSION, schema,
};
pub use self::output::{Format, Output};
pub use self::pages::{Page, PageOptions, PageReader};
pub use self::patience::{Jitter, Patience};

use self::output::Sealed;

/// Something that happened during an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportEvent {
    /// The list leaves out a column, so that so many records are read one by one.
    OneByOne {
        /// How many records.
        records: usize,
        /// The columns.
        columns: String,
    },
    /// A page arrived.
    Page {
        /// Pages so far.
        pages: u64,
        /// Rows written so far; some pages behind, because pages are written while others arrive.
        rows: u64,
    },
    /// The server is busy or out of reach; the page is asked for again after this pause.
    Waiting {
        /// How long.
        pause: Duration,
        /// Why, in a few words.
        reason: String,
    },
}

/// Writes rows in one format.
trait RowWriter: Send {
    /// Writes one row; as many cells as there are columns.
    fn write_row(&mut self, row: &[Cell<'_>]) -> io::Result<()>;

    /// Writes what is left and measures the whole.
    fn finish(self: Box<Self>) -> io::Result<Sealed>;
}
