//! What is carried out, and what stops it.

use std::path::PathBuf;

use clap::Args;
use ledgerferry::delivery::{ErrorLimit, Lines, Slice};

use super::{MatchArgs, OnConflict, ReadArgs};

/// What `ferry apply` takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The run, by its name or its folder
    pub(crate) run: PathBuf,
    /// Do not ask before writing
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Go on with the good rows when others are rejected
    #[arg(long)]
    pub(crate) skip_rejects: bool,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) slice: SliceArgs,
    /// Go on when records have moved since the plan; rows that no longer fit are left out as conflicts
    #[arg(long)]
    pub(crate) allow_stale: bool,
}

/// What stops a run.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    /// Stop when the target has refused so many rows, or such a share of the rows sent (20 rows at least)
    /// [default: 5%]
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_errors: Option<ErrorLimit>,
    /// Write nothing when the plan creates more records than this
    #[arg(long, value_name = "N")]
    pub(crate) max_creates: Option<u64>,
    /// Write nothing when the plan changes more records than this
    #[arg(long, value_name = "N")]
    pub(crate) max_updates: Option<u64>,
    /// Write nothing when the plan's updates blank more fields than this
    #[arg(long, value_name = "N")]
    pub(crate) max_clears: Option<u64>,
    /// Write nothing when the plan deletes more records than this [default: 0; an undo may delete what its run
    /// created]
    #[arg(long, value_name = "N")]
    pub(crate) max_deletes: Option<u64>,
    /// The company's name, to write to a production profile without being asked
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
    /// What to do when someone else has changed a record since the plan; otherwise as planned, which is to reject
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_conflict: Option<OnConflict>,
}

/// Which part of a plan to carry out now.
#[derive(Debug, Args)]
pub(crate) struct SliceArgs {
    /// Carry out only the first N rows that wait; `ferry resume` continues with the rest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Carry out only the rows on these lines of the file, counted as in the column `row` of results.csv
    #[arg(long, value_name = "A-B,C", value_delimiter = ',')]
    pub(crate) rows: Vec<Lines>,
}

impl SliceArgs {
    /// The part that the flags name; all of the plan when they name none.
    pub(crate) fn slice(&self) -> Slice {
        Slice { limit: self.limit, lines: self.rows.clone() }
    }
}

/// What `ferry import` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) matching: MatchArgs,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) slice: SliceArgs,
    /// Do not ask before writing
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Plan only; the same as `ferry plan`
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// What `ferry resume` takes.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run, by its name or its folder
    pub(crate) run: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) slice: SliceArgs,
}

/// What `ferry retry` takes.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The run, by its name or its folder
    pub(crate) run: Option<PathBuf>,
    /// The repaired rows; otherwise the rejects file of the run, if it was edited, or else the rows as they were
    pub(crate) file: Option<PathBuf>,
    /// The folder for the new run, instead of .ferry/runs/RUN
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) slice: SliceArgs,
    /// Go on with the good rows when others are rejected again; the run then ends with exit code 3
    #[arg(long)]
    pub(crate) skip_rejects: bool,
    /// Do not ask before writing
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Plan only, and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// What `ferry undo` takes.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The run to take back, by its name or its folder
    pub(crate) run: PathBuf,
    /// The folder for the new run, instead of .ferry/runs/RUN
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    /// Do not ask before writing
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be taken back, and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}
