//! What an export says of itself, in a file beside the data: `manifest.json`.
//!
//! Schema version 1. A program that reads it can tell whether the data is whole (rows, bytes, SHA-256), what
//! was asked for, and what the columns are.

use serde::{Serialize, Serializer};

use crate::domain::Money;

use super::columns::Layout;

/// The version of the manifest's layout.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Program and version.
    pub tool: &'static str,
    /// What was exported.
    pub entity: &'static str,
    /// The profile's name.
    pub profile: String,
    /// The company's id and name.
    pub company: ManifestCompany,
    /// The service root.
    pub source: String,
    /// When the first page was asked for, in UTC.
    #[serde(serialize_with = "as_text")]
    pub started: jiff::Timestamp,
    /// When the last row was written, in UTC.
    #[serde(serialize_with = "as_text")]
    pub finished: jiff::Timestamp,
    /// The filter, as the user wrote it.
    pub filter: Option<String>,
    /// The columns asked for.
    pub select: Vec<&'static str>,
    /// What was expanded.
    pub expand: Vec<&'static str>,
    /// The order, as the user wrote it.
    pub order_by: Option<String>,
    /// The most rows that were wanted.
    pub top: Option<u64>,
    /// The payment journal asked for.
    pub journal: Option<String>,
    /// Data rows in all files.
    pub rows: u64,
    /// Pages read from the server.
    pub pages: u64,
    /// The files, which stand beside the manifest.
    pub files: Vec<ManifestFile>,
    /// The columns, in the order of the files.
    pub schema: Vec<ManifestColumn>,
    /// The sum of each money column, in the order of the columns. A control sum: currencies are not told apart.
    pub totals: Vec<ManifestTotal>,
}

/// The company that the records belong to.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestCompany {
    /// Its GUID.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One file of data.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestFile {
    /// Its name, without a folder.
    pub name: String,
    /// `csv`, `xlsx` or `jsonl`.
    pub format: &'static str,
    /// Data rows.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
    /// In lower-case hexadecimal digits.
    pub sha256: String,
}

/// One column.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestColumn {
    /// Its heading.
    pub name: &'static str,
    /// `text`, `guid`, `enum`, `decimal`, `integer`, `boolean`, `date` or `datetime`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// The sum of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManifestTotal {
    /// The column's heading.
    pub column: &'static str,
    /// Its sum; null when it grew beyond 28 digits.
    pub sum: Option<Money>,
}

/// The columns of a layout, as a manifest lists them.
#[must_use]
pub fn schema(layout: &Layout) -> Vec<ManifestColumn> {
    layout
        .columns
        .iter()
        .map(|column| ManifestColumn { name: column.name, kind: column.type_name() })
        .collect()
}

fn as_text<S: Serializer>(time: &jiff::Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
