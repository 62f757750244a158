//! The words every stage shares: rows and where they came from, records and money, broken rules, operations
//! and what became of them.
//!
//! Nothing here touches a file, a socket, a clock, a thread or the environment.

pub mod asked;
pub mod country;
pub mod forecast;
pub mod money;
pub mod operation;
pub mod record;
pub mod reference;
pub mod reject;
pub mod restored;
pub mod row;
pub mod rule;
pub mod text;
pub mod unsupported;
pub mod words;

pub use asked::{ACTION_COLUMN, ACTION_WORDS, Asked};
pub use forecast::Forecast;
pub use money::Money;
pub use operation::{
    Action, EntityKind, FieldChange, Outcome, PlannedRow, Receipt, Refusal, RowResult, State,
};
pub use record::{Record, Value};
pub use reference::References;
pub use reject::{Broken, Reject, Violation};
pub use restored::NotRestored;
pub use row::{Origin, Row, SourceName, Span};
pub use rule::Rule;
pub use unsupported::{OnUnsupported, UnsupportedColumn};
pub use words::ErrorWords;
