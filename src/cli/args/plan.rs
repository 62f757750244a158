//! How rows meet what the target holds.

use clap::{Args, ValueEnum};

use super::ReadArgs;

/// How rows meet what the target holds.
#[derive(Debug, Args)]
pub(crate) struct MatchArgs {
    /// The payment journal, by its code; created when it does not exist. Bigcapital has none
    #[arg(long, value_name = "CODE")]
    pub(crate) journal: Option<String>,
    /// Whether to create, to update, or both
    #[arg(long, value_name = "MODE", default_value = "upsert")]
    pub(crate) mode: Mode,
    /// Find customers by these fields instead of their number, or in Bigcapital their name, such as email or displayName.
    ///
    /// A customer matches when it agrees with the row in each of these fields that the row fills; case and extra
    /// spaces do not matter. Several matches are a conflict, and so is a row that fills none of the fields, unless
    /// it may only create.
    #[arg(long = "match", value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) match_on: Vec<String>,
    /// What becomes of values that the target has no place for.
    ///
    /// A plan lists their columns. Nothing is written before somebody has decided on them: here, or at the question
    /// that an import asks.
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_unsupported: Option<OnUnsupported>,
    /// Go on with the good rows when others are rejected; the run then ends with exit code 3
    #[arg(long)]
    pub(crate) skip_rejects: bool,
}

/// What becomes of values that the target has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnUnsupported {
    /// The values are left out.
    Drop,
    /// The rows that hold them are left out, as rejects.
    Reject,
}

/// What becomes of a record that someone else has changed since the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// The row is left out as a conflict.
    Reject,
    /// Their values stay; the row's other changes are made.
    Theirs,
    /// The row's values are written over theirs.
    Ours,
}

/// Whether to create, to update, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Create what is missing and update what differs.
    Upsert,
    /// Create only: a record that exists is a conflict.
    Create,
    /// Update only: a record that is missing is a conflict.
    Update,
}

/// What `ferry plan` takes.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) matching: MatchArgs,
    /// What to do when someone else has changed a record since the plan [default: reject]
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_conflict: Option<OnConflict>,
    /// End with exit code 10 when the plan is clean and has changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}
