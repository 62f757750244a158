//! How files are read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ledgerferry::domain::EntityKind;

/// How files are read and mapped.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// CSV or XLSX files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What the rows are; guessed from the headings when that is clear
    #[arg(long, value_name = "ENTITY")]
    pub(crate) entity: Option<Entity>,
    /// A mapping file that says which column is which field
    #[arg(short = 'm', long = "map", value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// A sheet of a workbook, by name or by 1-based position; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Vec<String>,
    /// Read every sheet of a workbook that holds customers, their default dimensions or payments
    #[arg(long, conflicts_with = "sheet")]
    pub(crate) all_sheets: bool,
    /// What parts the cells of a text file
    #[arg(short, long, value_name = "auto|CHAR", default_value = "auto")]
    pub(crate) delimiter: String,
    /// What the sign of a payment's amount means.
    ///
    /// `receipts-positive`: the file counts money received as positive, and a negative amount in it is a reject.
    /// `as-is`: the file counts money received as negative, as Business Central does and every export, whatever it is
    /// of.
    /// Each target gets the sign it wants: Business Central a negative amount, so that positive ones are negated and
    /// negative ones go as they stand; Bigcapital a positive one, so that it is the other way round on the way, and
    /// a positive amount under `as-is` is a reject.
    #[arg(long, value_name = "RULE", default_value = "receipts-positive")]
    pub(crate) sign: Sign,
    /// What a blank cell means for a record that is there.
    ///
    /// `keep`: the record keeps its value. `clear`: the value is made blank. Numbers, dates and yes/no fields have
    /// no blank and keep theirs, as do numbers and names of records. A mapping file can say it for a column:
    /// `blank = "clear"`.
    #[arg(long, value_name = "RULE", default_value = "keep")]
    pub(crate) blank: Blank,
    /// The folder for the run, instead of .ferry/runs/RUN
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Entity {
    /// Customers.
    Customers,
    /// Default dimensions of customers.
    #[value(alias = "default-dimensions")]
    Dimensions,
    /// Customer payments.
    Payments,
}

impl From<Entity> for EntityKind {
    fn from(entity: Entity) -> Self {
        match entity {
            Entity::Customers => Self::Customers,
            Entity::Dimensions => Self::Dimensions,
            Entity::Payments => Self::Payments,
        }
    }
}

/// What a blank cell means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Blank {
    /// The record keeps its value.
    Keep,
    /// The value is made blank.
    Clear,
}

/// What the sign of a payment's amount means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sign {
    /// Money received is positive in the file.
    ReceiptsPositive,
    /// Money received is negative in the file, as in every export.
    AsIs,
}

/// What `ferry validate` takes.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}
