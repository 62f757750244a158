//! What is read from a target and not written there.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Entity, Sign};

/// What `ferry reconcile` takes.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// The run, by its name or its folder
    pub(crate) run: PathBuf,
}

/// What `ferry export` takes.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What to export
    pub(crate) entity: Exported,
    /// The file, the folder, or - for standard output
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub(crate) out: PathBuf,
    /// The format; otherwise by the file's ending
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// A filter in the language of Business Central, passed on as it is: `balance gt 0`. Bigcapital has none
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter_odata: Option<String>,
    /// The fields to export, in this order
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// What to join to each row: `financials`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) expand: Vec<String>,
    /// The order of the rows in the language of Business Central: `displayName desc`. Bigcapital has none
    #[arg(long, value_name = "FIELD")]
    pub(crate) order_by: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<u64>,
    /// For payments of Business Central: only this journal, by its code
    #[arg(long, value_name = "CODE")]
    pub(crate) journal: Option<String>,
}

/// What `ferry diff` takes.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The first side: a file, or @PROFILE
    #[arg(value_name = "A")]
    pub(crate) first: String,
    /// The second side: a file, or @PROFILE
    #[arg(value_name = "B")]
    pub(crate) second: String,
    /// What the records are; otherwise what a file holds, and customers where both sides are targets
    #[arg(long, value_name = "ENTITY")]
    pub(crate) entity: Option<Entity>,
    /// For payments of Business Central: only this journal, by its code; given twice, the first is A's and the second B's
    #[arg(long, value_name = "CODE")]
    pub(crate) journal: Vec<String>,
    /// Find customers by all of these fields instead of their number, or else their name; case and extra spaces do
    /// not matter
    #[arg(long = "match", value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) match_on: Vec<String>,
    /// A mapping file that says which column of a file is which field
    #[arg(short = 'm', long = "map", value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// The sheet of a workbook, by name or by 1-based position; given twice, the first is A's and the second B's
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Vec<String>,
    /// What parts the cells of a text file
    #[arg(short, long, value_name = "auto|CHAR", default_value = "auto")]
    pub(crate) delimiter: String,
    /// What the sign of a payment's amount in a file means; an export counts money received as
    /// negative, whatever it is of: `as-is`
    #[arg(long, value_name = "RULE", default_value = "receipts-positive")]
    pub(crate) sign: Sign,
    /// The folder for diff.csv and diff.json, instead of .ferry/diffs/MOMENT
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Exported {
    /// Customers.
    Customers,
    /// What each customer owes.
    Financials,
    /// Default dimensions of customers; a filter or an order is over the customers.
    #[value(alias = "default-dimensions")]
    Dimensions,
    /// Payments that wait in a journal; of Bigcapital, which has no journals, all payments.
    Payments,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated text.
    Csv,
    /// An Excel workbook.
    Xlsx,
    /// One JSON object a line.
    Jsonl,
}
