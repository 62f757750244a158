//! Rows to records: binds the columns of a file to the fields of the catalogue once, then turns the cells of
//! every row into typed values.
//!
//! In: the headers, perhaps a [`MappingFile`], and rows. Out: a filled [`Record`](crate::domain::Record) for
//! each row, and the rules its cells broke.
//!
//! Promises: a field is fed by one column or by none, never by a guess between two; a column that feeds nothing
//! is listed with the reason; a cell that cannot be read is reported and never sent.

mod binding;
mod cell;
mod file;
mod header;

pub use crate::domain::reference::References;
pub(crate) use binding::can_be_blank;
pub use binding::{Binding, Unmapped, UnmappedReason, Unsupported};
pub use cell::read_amount;
pub use file::{Blanks, FieldMapping, MappingFile};
pub use header::guess_entity;

/// Why the columns of a file could not be bound to fields.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Two columns could feed the field.
    #[error("columns `{first}` and `{second}` could both be `{field}`; rename one, or use a mapping file")]
    Ambiguous {
        /// The catalogue's name of the field.
        field: &'static str,
        /// The header of the first column.
        first: String,
        /// The header of the second column.
        second: String,
    },
    /// A heading is most likely meant to be the column that says what to do with a row.
    #[error(
        "column `{column}` is almost `ferry_action`; name it so, or list it under `[ignore]` in a mapping file"
    )]
    AlmostAction {
        /// The heading as written.
        column: String,
    },
    /// No column feeds any field.
    #[error("no header of the file is a field of {entity}")]
    NothingBound {
        /// The kind of record.
        entity: &'static str,
    },
    /// The mapping file is not TOML of the expected form.
    #[error("cannot read mapping file `{file}`")]
    Syntax {
        /// The mapping file.
        file: String,
        /// What is wrong, with the line.
        source: Box<toml::de::Error>,
    },
    /// The mapping file is for another kind of record.
    #[error("mapping file `{file}` is for {found}, not for {wanted}")]
    OtherEntity {
        /// The mapping file.
        file: String,
        /// The kind it is for.
        found: &'static str,
        /// The kind that was asked for.
        wanted: &'static str,
    },
    /// The mapping file names a field that does not exist or cannot be written.
    #[error("mapping file `{file}` names a field `{field}` that {entity} do not have{hint}")]
    UnknownField {
        /// The mapping file.
        file: String,
        /// The name as written.
        field: String,
        /// The kind of record.
        entity: &'static str,
        /// The field that may be meant.
        hint: String,
    },
    /// The mapping file names a column that the file does not have.
    #[error("mapping file `{file}` takes `{field}` from a column `{column}` that does not exist{hint}")]
    UnknownColumn {
        /// The mapping file.
        file: String,
        /// The field.
        field: String,
        /// The heading as written.
        column: String,
        /// The column that may be meant.
        hint: String,
    },
    /// The mapping file clears a field that cannot be blank.
    #[error("mapping file `{file}` clears `{field}`, which cannot be blank in the target; remove `blank`")]
    NeverBlank {
        /// The mapping file.
        file: String,
        /// The field.
        field: String,
    },
    /// The mapping file gives a field both a column and a constant.
    #[error("mapping file `{file}` gives `{field}` both `from` and `const`; keep one")]
    FromAndConst {
        /// The mapping file.
        file: String,
        /// The field.
        field: String,
    },
}
