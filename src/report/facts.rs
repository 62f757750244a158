//! What a report says that the rows themselves do not: who ran what, on which files, against which books.

use serde::Serialize;

use crate::domain::{EntityKind, Forecast, NotRestored, SourceName, UnsupportedColumn};

/// The circumstances of a run. Holds no secret: everything here is shown to whoever reads the report.
#[derive(Clone, Debug, Serialize)]
pub struct RunFacts {
    /// The run's id; empty for a check without a run.
    pub run: String,
    /// The verb the user gave: `import`, `plan`, `validate`.
    pub command: String,
    /// When the run began, as an RFC 3339 instant.
    pub created: String,
    /// The version of this program.
    pub tool_version: String,
    /// What the rows are.
    pub entity: EntityKind,
    /// The name of the target's profile; empty for a check without a target.
    pub profile: String,
    /// The target's kind: `business-central`; empty for a check without a target.
    pub system: String,
    /// The version of the target's API: `v2.0`; empty for a check without a target.
    pub dialect: String,
    /// The company in the target; empty for a check without a target.
    pub company: String,
    /// The currency of amounts without one; empty when it is not known.
    pub local_currency: String,
    /// What was read, in the order of `PlannedRow::source`.
    pub sources: Vec<SourceFacts>,
    /// Column headings and the fields they fill, in the order of the file.
    pub columns: Vec<(String, String)>,
    /// Column headings that fill nothing.
    pub unmapped: Vec<String>,
    /// Columns with values that the target has no place for, and that are left out.
    pub unsupported: Vec<UnsupportedColumn>,
    /// The flags with which a later command reads and writes as this one, as they are typed.
    pub flags: Vec<String>,
    /// The run whose rows that did not arrive this one tries again.
    pub retries: Option<String>,
    /// The run that this one takes back.
    pub undoes: Option<String>,
    /// The run that takes this one back.
    pub undone_by: Option<String>,
    /// Of a run that takes another one back, what did not come back; `None` when all of it did.
    pub not_restored: Option<NotRestored>,
    /// How many default dimensions the target deletes together with customers of the run.
    pub deleted_dimensions: u64,
    /// The name that this run shares with the one it was planned together with.
    pub chain: Option<String>,
    /// Whether the report on the other run of that name is told next, and with it what to do with both.
    pub is_followed: bool,
    /// What carrying out the plan was to take when it was made.
    pub forecast: Option<Forecast>,
    /// What the reader should know was not checked, in sentences.
    pub notes: Vec<String>,
    /// Whether the run has done all it was asked to do; a plan that waits to be applied has not.
    pub finished: bool,
    /// Whether only a part of the plan was to be carried out, and is; the rest waits.
    pub sliced: bool,
    /// How the command ends; when a command only tells of a run again, how that run has ended.
    pub exit: ExitFacts,
    /// How the command itself ends that only tells of a run again.
    pub process_exit: Option<ExitFacts>,
}

/// One file, or one sheet of a workbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceFacts {
    /// The file, and the sheet of a workbook.
    pub name: SourceName,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Data rows that were read.
    pub rows: u64,
    /// The headings of all columns, left to right, as they stand in the file.
    pub headers: Vec<String>,
    /// What parts the cells of a text file; a comma is assumed when nothing is said.
    pub delimiter: Option<char>,
}

/// How a command ends: the process's exit code and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExitFacts {
    /// The exit code.
    pub code: i32,
    /// The code's name: `done`, `rows-left-out`.
    pub name: String,
}

impl RunFacts {
    /// The currency as people should read it: an amount without one is in the target's local currency.
    #[must_use]
    pub fn currency_name<'a>(&'a self, currency: &'a str) -> &'a str {
        match (currency, self.local_currency.as_str()) {
            // A check without a target does not know in which currency each customer pays.
            ("", "") if self.entity == EntityKind::Payments => "all currencies",
            ("", "") => "local currency",
            ("", local) => local,
            (named, _) => named,
        }
    }

    /// Where rows arrive: payments wait in their journal until a person posts it.
    #[must_use]
    pub fn destination(&self) -> &'static str {
        match self.entity {
            EntityKind::Customers | EntityKind::Dimensions => "the books",
            // Source: a payment received is posted as it is made.
            EntityKind::Payments if self.system == "bigcapital" => "the books",
            EntityKind::Payments => "the journal",
        }
    }

    /// What the control totals add up: `payments`, `credit limits` or `opening balances`.
    #[must_use]
    pub fn amount_name(&self) -> &'static str {
        match self.entity {
            // Source: Bigcapital has no credit limits.
            EntityKind::Customers if self.system == "bigcapital" => "opening balances",
            EntityKind::Customers => "credit limits",
            EntityKind::Dimensions => "amounts",
            EntityKind::Payments => "payments",
        }
    }
}
