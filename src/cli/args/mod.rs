//! The command line: every verb, its flags and two examples each.

mod look;
mod plan;
mod read;
mod sandbox;
mod send;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use look::{DiffArgs, ExportArgs, Exported, Format, ReconcileArgs};
pub(crate) use plan::{MatchArgs, Mode, OnConflict, OnUnsupported, PlanArgs};
pub(crate) use read::{Blank, Entity, ReadArgs, Sign, ValidateArgs};
pub(crate) use sandbox::{SandboxArgs, SandboxCommand, SeededSystem};
pub(crate) use send::{ApplyArgs, GuardArgs, ImportArgs, ResumeArgs, RetryArgs, UndoArgs};

/// Carries customers and payments between spreadsheets and accounting systems: none lost, none doubled.
#[derive(Debug, Parser)]
#[command(name = "ferry", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "First time? `ferry demo` shows everything in a pretend Business Central.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The profile of ferry.toml to work with
    #[arg(short, long, global = true, env = "FERRY_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The project file, instead of the ferry.toml found upward from here
    #[arg(long, global = true, env = "FERRY_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document on standard output, in every ending
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors only, and the summary only when something is left to do
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Never ask; fail with the flag that would have answered
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Guided tour in the embedded sandbox: plan, apply, rejects, report, export
    #[command(after_help = "Examples:\n  ferry demo\n  ferry demo --dir /tmp/tour")]
    Demo(DemoArgs),
    /// Check files against every rule, offline
    #[command(
        after_help = "Examples:\n  ferry validate samples/customers-dirty.xlsx\n  ferry validate payments.csv --sign as-is --json"
    )]
    Validate(ValidateArgs),
    /// Say what an import would do, row by row, against the live target; nothing is written there
    #[command(
        after_help = "Examples:\n  ferry plan samples/customers.csv -p local\n  ferry plan payments.xlsx -p local --journal MIGR --out runs/payments"
    )]
    Plan(PlanArgs),
    /// Carry out exactly the plan of a run
    #[command(
        after_help = "Examples:\n  ferry apply 261122-091500\n  ferry apply .ferry/runs/261122-091500 --yes"
    )]
    Apply(ApplyArgs),
    /// Validate, plan, confirm and apply in one go
    #[command(
        after_help = "Examples:\n  ferry import samples/customers.csv -p local --yes\n  ferry import samples/payments.xlsx -p local --journal MIGR --dry-run\n  ferry import customers.xlsx dimensions.csv payments.xlsx -p local --journal MIGR --yes"
    )]
    Import(ImportArgs),
    /// Continue an interrupted run; without a name, the latest that is not finished
    #[command(after_help = "Examples:\n  ferry resume\n  ferry resume 261122-091500 -p local")]
    Resume(ResumeArgs),
    /// Try again what a run left out, from its rejects file as you edited it; without a name, the latest that left rows out
    #[command(
        after_help = "Examples:\n  ferry retry --dry-run\n  ferry retry 261122-091500 repaired.csv -p local --yes"
    )]
    Retry(RetryArgs),
    /// Read back what a run wrote, and compare every field and the control totals with the target
    #[command(
        after_help = "Examples:\n  ferry reconcile 261122-091500\n  ferry reconcile .ferry/runs/261122-091500 --json"
    )]
    Reconcile(ReconcileArgs),
    /// Take back what a run did: what it created is deleted, what it changed is put back; shown first
    #[command(
        after_help = "Examples:\n  ferry undo 261122-091500 --dry-run\n  ferry undo 261122-091500 -p local --yes"
    )]
    Undo(UndoArgs),
    /// Pull customers, their financial details, their default dimensions or payments to a file
    #[command(
        after_help = "Examples:\n  ferry export customers -p local --expand financials -o ar.xlsx\n  ferry export customers -p local --filter-odata \"blocked eq ' '\" --select number,displayName -o -\n  ferry export dimensions -p local -o dimensions.csv"
    )]
    Export(ExportArgs),
    /// Compare two sides, each a file or a target, record by record and with their sums
    #[command(
        after_help = "A side is a file, or @PROFILE for the target of a profile; @ alone is the default profile.\nA file whose name starts with @ is written ./@file.\n\nExamples:\n  ferry diff samples/customers.csv @local\n  ferry diff @contoso @books --entity customers --out cut-over"
    )]
    Diff(DiffArgs),
    /// List earlier runs, show one, or write its reports again
    #[command(subcommand)]
    Runs(RunsCommand),
    /// A loopback imitation of Business Central and Bigcapital
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Say what a violation code means and what to do about it
    #[command(after_help = "Examples:\n  ferry explain too-long\n  ferry explain")]
    Explain {
        /// The code, as in results.csv; without one, all of them
        code: Option<String>,
    },
}

/// Where the tour leaves its files.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder for the tour's files; replaced when it is an earlier tour's
    #[arg(long, value_name = "DIR", default_value = "ferry-demo")]
    pub(crate) dir: PathBuf,
}

/// History.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// The runs of this project, newest first
    #[command(after_help = "Examples:\n  ferry runs list\n  ferry runs list --json")]
    List,
    /// What a run did
    #[command(
        after_help = "Examples:\n  ferry runs show 261122-091500\n  ferry runs show .ferry/runs/261122-091500 --json"
    )]
    Show {
        /// The run, by its name or its folder
        run: PathBuf,
    },
    /// Write a run's results, rejects and reports again
    #[command(
        after_help = "Examples:\n  ferry runs report 261122-091500\n  ferry runs report .ferry/runs/261122-091500 --json"
    )]
    Report {
        /// The run, by its name or its folder
        run: PathBuf,
    },
}
