//! Everything that can end a command early: the stages' errors, each with its ending and its next step.

use std::path::PathBuf;

use crate::delivery::DeliveryError;
use crate::durable::FileError;
use crate::export::ExportError;
use crate::ledger::LedgerError;
use crate::report::ReportError;
use crate::source::SourceError;
use crate::transport::TransportError;

use super::company::CompanyError;
use super::ending::Ending;
use super::guard::GuardError;
use super::index::IndexError;
use super::planning::PlanningError;
use super::reading::ReadingError;
use super::staleness::StaleError;
use super::target::TargetError;

/// Why a command could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not a table of customers or payments.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// A file cannot be read to its end.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What the target holds could not be read.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The plan could not be made.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The profile's company could not be found.
    #[error(transparent)]
    Company(#[from] CompanyError),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Delivery could not go on.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The target could not be talked to.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The export could not be made.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file operation was refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The plan does more than the guards allow; nothing was written.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// Values of the file would be left out, and nobody has decided on them.
    #[error("nobody has decided what becomes of values that the target has no place for: {0}")]
    Undecided(String),
    /// `--match` names a field that tells no customers apart.
    #[error("customers cannot be found by `{0}`")]
    MatchField(String),
    /// `--match` names a field that a file does not fill.
    #[error("no column of `{file}` is `{field}`, so its rows cannot be matched by it")]
    MatchColumn {
        /// The field.
        field: &'static str,
        /// The file, and the sheet of a workbook.
        file: String,
    },
    /// `--match` names a field that not both sides of a comparison can hold, or that tells no customers apart.
    #[error("customers cannot be found by `{0}` on both sides")]
    MatchBoth(String),
    /// The two sides of a comparison hold different kinds of records.
    #[error("`{file}` holds {found}, which cannot be compared with {wanted}")]
    OtherKind {
        /// The file.
        file: String,
        /// What it holds.
        found: &'static str,
        /// What it was to be compared with.
        wanted: &'static str,
    },
    /// Payments go into a journal, and none was named.
    #[error("payments need a journal")]
    JournalMissing,
    /// A journal's code is one to ten characters long.
    #[error("`{code}` is no code for a journal, which has from 1 to {longest} characters")]
    JournalCode {
        /// The code asked for.
        code: String,
        /// The most characters it may have.
        longest: usize,
    },
    /// The target would not create the journal.
    #[error("the target refused to create the journal `{code}`: {message}")]
    JournalRefused {
        /// The journal's code.
        code: String,
        /// The target's words.
        message: String,
    },
    /// The credential may not create journals.
    #[error("the credentials may not create the journal `{code}`: {message}")]
    JournalForbidden {
        /// The journal's code.
        code: String,
        /// The target's words.
        message: String,
    },
    /// The target did not say, past the retry budget, whether it has created the journal, or what the journal holds.
    #[error("the target did not answer for the journal `{code}` in time: {message}")]
    JournalUnanswered {
        /// The journal's code.
        code: String,
        /// What happened last.
        message: String,
    },
    /// The run's planning was cut off, so it is no plan.
    #[error("the planning of run `{0}` was interrupted, so there is nothing to carry out")]
    PlanUnfinished(String),
    /// The run waits for another that is not finished.
    #[error("run `{run}` comes after `{after}`, which {state}", after = after.display())]
    ComesAfter {
        /// The run that waits.
        run: String,
        /// The folder of the run it waits for.
        after: PathBuf,
        /// Why that one does not let it go on, in words.
        state: &'static str,
    },
    /// The run was planned and nothing of it was sent.
    #[error("run `{0}` was planned and never applied, so nothing of it is in the target")]
    NotApplied(String),
    /// Rows of the run may still arrive, so nothing can be built on it.
    #[error("{rows} rows of run `{run}` are not settled")]
    RunOpen {
        /// The run.
        run: String,
        /// How many rows wait or are in doubt.
        rows: u64,
    },
    /// The run takes another one back, so its rows are not those of a file.
    #[error("run `{0}` takes another run back, and has no rows of a file to retry")]
    RetryOfUndo(String),
    /// A file is not the one that was planned.
    #[error("`{0}` has changed since it was planned")]
    SourceChanged(String),
    /// Records that the plan rests on have moved; nothing was written.
    #[error(transparent)]
    Stale(#[from] StaleError),
    /// The run was planned for another address: another environment may hold a company of the same name and GUID.
    #[error("the run was planned for `{planned}`, and the profile leads to `{found}`")]
    OtherAddress {
        /// The service root of the plan.
        planned: String,
        /// The service root of the profile.
        found: String,
    },
    /// The run's journal is gone, and another may have its code by now.
    #[error("journal `{0}` is not the one that the run was planned for; it was deleted since")]
    OtherJournal(String),
    /// The run wrote nothing.
    #[error("run `{0}` wrote nothing, so there is nothing to undo")]
    NothingToUndo(String),
    /// The run was taken back, so nothing more of it is carried out.
    #[error("run `{run}` was undone by run `{by}`, so it is not carried out any further")]
    Undone {
        /// The run.
        run: String,
        /// The run that took it back.
        by: String,
    },
    /// Customers are taken back while what was imported for them stays.
    #[error("the {kind}s of run `{followers}` name customers of run `{run}` and are not taken back")]
    PaymentsFirst {
        /// The run of the customers.
        run: String,
        /// What one record of the other run is.
        kind: &'static str,
        /// The run of what was imported for them.
        followers: String,
    },
    /// The run has gone on since its undo was planned.
    #[error("run `{0}` has gone on since this undo of it was planned, so nothing was written")]
    WentOn(String),
    /// `--match` was given for payments, which have an identity of their own.
    #[error("`--match` finds customers; payments are found by their document number and customer")]
    MatchPayments,
    /// A target that is to be compared has no such records.
    #[error("`@{profile}` is {system}, which has no {kind}s to compare")]
    NoneToCompare {
        /// The target's profile.
        profile: String,
        /// What one of the records is.
        kind: &'static str,
        /// The system and its dialect.
        system: &'static str,
    },
    /// `--match` was given for default dimensions, which have an identity of their own.
    #[error("`--match` finds customers; default dimensions are found by their customer and dimension")]
    MatchDimensions,
    /// `--sheet` was given, and none of the files is a workbook.
    #[error("`--sheet` names a sheet of a workbook, and `{0}` has none: it is a text file")]
    SheetOfText(PathBuf),
    /// The run was planned for another company.
    #[error("the run was planned for company `{planned}`, and the profile leads to `{found}`")]
    OtherCompany {
        /// The company of the plan.
        planned: String,
        /// The company of the profile.
        found: String,
    },
}

impl From<IndexError> for Error {
    fn from(error: IndexError) -> Self {
        PlanningError::from(error).into()
    }
}

impl Error {
    /// How a command that meets this ends.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match self {
            Self::Reading(error) => match error {
                ReadingError::Source(_) | ReadingError::File(_) => Ending::LocalFile,
                ReadingError::Mapping { .. }
                | ReadingError::MappingFile(_)
                | ReadingError::EntityUnclear { .. }
                | ReadingError::NoSuchRecords { .. }
                | ReadingError::Mixed { .. } => Ending::Usage,
            },
            Self::Source(_) | Self::File(_) | Self::Report(_) => Ending::LocalFile,
            Self::Target(TargetError::Fetch(error))
            | Self::Company(CompanyError::Pages(error))
            | Self::Export(error) => of_export(error),
            Self::Target(TargetError::Malformed { .. }) | Self::JournalUnanswered { .. } => {
                Ending::Unreachable
            }
            Self::Target(TargetError::Keep(error)) | Self::Planning(error) => of_planning(error),
            Self::Ledger(error) => of_ledger(error),
            Self::Delivery(error) => of_delivery(error),
            Self::Transport(error) => of_transport(error),
            Self::Company(CompanyError::NotOne { .. })
            | Self::JournalMissing
            | Self::JournalCode { .. }
            | Self::MatchField(_)
            | Self::MatchBoth(_)
            | Self::OtherKind { .. }
            | Self::MatchPayments
            | Self::MatchDimensions
            | Self::NoneToCompare { .. }
            | Self::SheetOfText(_)
            | Self::MatchColumn { .. } => Ending::Usage,
            Self::JournalRefused { .. }
            | Self::Guard(_)
            | Self::Undecided(_)
            | Self::NotApplied(_)
            | Self::RetryOfUndo(_)
            | Self::RunOpen { .. }
            | Self::PaymentsFirst { .. }
            | Self::NothingToUndo(_) => Ending::Refused,
            Self::JournalForbidden { .. } => Ending::NotPermitted,
            Self::PlanUnfinished(_)
            | Self::SourceChanged(_)
            | Self::Stale(_)
            | Self::Undone { .. }
            | Self::WentOn(_)
            | Self::ComesAfter { .. }
            | Self::OtherAddress { .. }
            | Self::OtherCompany { .. }
            | Self::OtherJournal(_) => Ending::Conflict,
        }
    }

    /// What to do next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Reading(ReadingError::NoSuchRecords { .. }) => {
                "leave the file out, or say with --entity what its rows are if they are something else"
            }
            Self::Reading(ReadingError::EntityUnclear { .. }) => {
                "put the headings into the first row, choose another --sheet, or say with --map which column is what"
            }
            Self::Reading(ReadingError::Source(SourceError::BrokenWorkbook { .. }))
            | Self::Source(SourceError::BrokenWorkbook { .. }) => {
                "open it in a spreadsheet program and save it again as .xlsx, or fetch it again"
            }
            Self::Source(SourceError::Ragged { .. }) => {
                "a cell that holds the character between cells needs quotes around it; --delimiter says which one that is"
            }
            Self::Source(SourceError::UnterminatedQuote { .. }) => {
                "close the quote; a quote inside a quoted cell is written twice"
            }
            Self::JournalMissing => "name one with --journal CODE; it is created when it does not exist",
            Self::JournalForbidden { .. } => {
                "have someone with the right create it, or give the application that right"
            }
            Self::JournalUnanswered { .. } => "try again later with `ferry resume`",
            Self::SourceChanged(_) => "plan it again; the old plan can be thrown away",
            Self::NotApplied(run) => return Some(format!("`ferry apply {run}` carries it out")),
            Self::RetryOfUndo(_) => "`ferry undo` of the other run looks again at what is left",
            Self::RunOpen { run, .. } => return Some(format!("`ferry resume {run}` settles them first")),
            Self::Undone { by, .. } => {
                return Some(format!(
                    "import its files again, and what is in the target is recognised; `ferry undo {by}` takes the undo back"
                ));
            }
            Self::PaymentsFirst { followers, .. } => {
                return Some(format!(
                    "`ferry undo {followers}` first; the name that the runs share takes all of them back in this order"
                ));
            }
            Self::WentOn(run) => return Some(format!("`ferry undo {run}` plans it anew")),
            Self::NoneToCompare { .. } => {
                "compare with a target that has them, or say with --entity what to compare"
            }
            Self::MatchPayments | Self::MatchDimensions => "leave --match out",
            Self::MatchBoth(_) => {
                "name fields of text or codes that both sides fill, such as displayName or taxRegistrationNumber"
            }
            Self::OtherKind { .. } => {
                "compare what is of one kind, such as customers with customers; --entity says what the records of targets are"
            }
            Self::SheetOfText(_) => "leave --sheet out",
            Self::PlanUnfinished(_) => "remove the folder and plan again",
            Self::OtherJournal(_) => "see what became of its payments, then plan what is left",
            Self::OtherAddress { .. } | Self::OtherCompany { .. } => {
                "use the profile that the run was planned with"
            }
            Self::Guard(error) => return Some(error.hint()),
            Self::Undecided(_) => {
                "plan again with --on-unsupported drop, which leaves the values out, or with --on-unsupported reject, which leaves their rows out"
            }
            Self::ComesAfter { state: "was undone", .. } => {
                "import the files again; what is in the target already is recognised"
            }
            Self::ComesAfter { after, state, .. } => {
                let verb = if state.starts_with("was") { "apply" } else { "resume" };
                return Some(format!("first finish that one: `ferry {verb} {}`", after.display()));
            }
            Self::Stale(StaleError { file, .. }) => {
                return Some(format!(
                    "all of them are in {}; plan the file again, or go on with --allow-stale, which leaves rows out as conflicts when they no longer fit",
                    file.display()
                ));
            }
            Self::Export(error) | Self::Target(TargetError::Fetch(error)) => error.hint()?,
            Self::Planning(PlanningError::Alone(error)) => return error.hint(),
            Self::Ledger(LedgerError::Locked { .. }) => {
                "wait for the other process, or stop it; its lock goes with it"
            }
            Self::Ledger(LedgerError::Exists(_)) => {
                "choose another --out folder; `ferry resume` continues a run"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn of_export(error: &ExportError) -> Ending {
    match error {
        ExportError::UnknownColumn { .. }
        | ExportError::UnknownExpansion { .. }
        | ExportError::UnknownJournal { .. }
        | ExportError::UnknownFormat(_)
        | ExportError::NoSuchRecords { .. }
        | ExportError::NoFilters(_)
        | ExportError::LambdaFilter(_) => Ending::Usage,
        ExportError::Refused { .. } | ExportError::NotFound { .. } | ExportError::DetailMissing { .. } => {
            Ending::Refused
        }
        ExportError::GaveUp { .. } | ExportError::EndlessPages { .. } | ExportError::Malformed { .. } => {
            Ending::Unreachable
        }
        ExportError::Transport(error) => of_transport(error),
        ExportError::File(_) => Ending::LocalFile,
    }
}

fn of_planning(error: &PlanningError) -> Ending {
    match error {
        PlanningError::Ledger(error) => of_ledger(error),
        PlanningError::Index(IndexError::Sqlite(_)) => Ending::LocalFile,
        PlanningError::Stopped(ending) => *ending,
        PlanningError::Alone(error) => error.ending(),
        PlanningError::JournalFull => Ending::Refused,
        PlanningError::Index(IndexError::Record(_)) | PlanningError::Record { .. } => Ending::Unreachable,
    }
}

fn of_ledger(error: &LedgerError) -> Ending {
    match error {
        LedgerError::Locked { .. } => Ending::Conflict,
        LedgerError::Exists(_) | LedgerError::Missing(_) => Ending::Usage,
        LedgerError::IllegalStep { .. }
        | LedgerError::NoSuchRow(_)
        | LedgerError::WriterGone
        | LedgerError::NotLocked(_)
        | LedgerError::AlreadyPlanned(_) => Ending::Internal,
        LedgerError::NotALedger(_)
        | LedgerError::TooNew { .. }
        | LedgerError::Damaged { .. }
        | LedgerError::Sqlite { .. }
        | LedgerError::File(_) => Ending::LocalFile,
    }
}

fn of_delivery(error: &DeliveryError) -> Ending {
    match error {
        DeliveryError::Ledger(error) => of_ledger(error),
        DeliveryError::Pace(_) => Ending::LocalFile,
        DeliveryError::Transport(error) => of_transport(error),
        DeliveryError::Task(_) => Ending::Internal,
    }
}

fn of_transport(error: &TransportError) -> Ending {
    match error {
        TransportError::NotSent { .. }
        | TransportError::TokenUnavailable { .. }
        | TransportError::InDoubt { .. }
        | TransportError::ForeignOrigin { .. }
        | TransportError::Redirected { .. } => Ending::Unreachable,
        TransportError::NotAuthenticated { .. } | TransportError::NotPermitted { .. } => Ending::NotPermitted,
        TransportError::BadAddress { .. } | TransportError::NoCredentials => Ending::Usage,
        TransportError::BadHeader { .. } | TransportError::Client(_) => Ending::Internal,
    }
}
