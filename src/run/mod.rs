//! Composition: the stages put together into whole commands.
//!
//! In: requests, with everything a command line would say already in types. Out: a
//! [`Report`](crate::report::Report) or an [`Error`], and [`Event`]s on the way. Nothing is
//! printed here.

mod apply;
mod approval;
mod chain;
mod check;
mod codes;
mod company;
mod completion;
mod deleted_dimensions;
mod describe;
mod diff;
mod dimensions;
mod ending;
mod error;
mod event;
mod export;
mod facts;
mod folder;
mod guard;
mod history;
mod import;
mod index;
mod inverse;
mod journal;
mod named;
mod pace;
mod planning;
mod readback;
mod reading;
mod reconcile;
mod reporting;
mod restored;
mod retry;
mod staleness;
mod target;
mod undo;
mod undone;
mod validate;

pub use apply::{ApplyRequest, apply, check_plan, note_on_conflict};
pub use approval::{SliceRows, is_approved, keep_approval, rows_in_slice};
pub use chain::{all_sheets, chosen_sheets, entity_of, split_by_entity};
pub use check::{Check, CheckError, CheckOptions, CheckedChunk, CheckedCounts, CheckedRow, check_file};
pub use company::{Company, CompanyError, resolve_company};
pub use deleted_dimensions::{DELETED_DIMENSIONS, dimensions_to_restore};
pub use describe::describe;
pub use diff::{DiffInput, DiffRequest, diff};
pub use ending::Ending;
pub use error::Error;
pub use event::{Event, Observer};
pub use export::{ExportRequest, ExportSummary, export};
pub use folder::new_run_folder;
pub use guard::{Excess, GuardError, check_guards, note_dropped, undecided};
pub use history::run_folders;
pub use import::{LEDGER, PlanRequest, discard_plan, plan};
pub use index::IndexError;
pub use pace::{delivery_options, pace};
pub use planning::PlanningError;
pub use reading::{Input, ReadRequest, ReadingError};
pub use reconcile::reconcile;
pub use reporting::{report, report_again};
pub use retry::{Leftovers, forget_leftovers, leftovers};
pub use staleness::StaleError;
pub use target::{Target, TargetError};
pub use undo::{UndoRequest, plan_undo};
pub use undone::check_not_undone;
pub use validate::validate;

pub use crate::export::PageOptions;
