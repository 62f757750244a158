//! The command line: every verb, its flags and two examples each.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ledgerferry::delivery::{ErrorLimit, Lines, Slice};
use ledgerferry::domain::EntityKind;

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

/// What `ferry reconcile` takes.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// The run, by its name or its folder
    pub(crate) run: PathBuf,
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

/// The sandbox's verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Start the server and print one JSON line with its addresses and credentials when it listens
    #[command(
        after_help = "Examples:\n  ferry sandbox start --port 7048 --books books.db\n  ferry sandbox start --faults lost=0.02,reset=0.01,429=0.05,seed=7 --rate 6000/5m"
    )]
    Start(SandboxArgs),
    /// Print what the books hold: counts, duplicates and sums
    #[command(
        after_help = "Examples:\n  ferry sandbox books books.db\n  ferry sandbox books .ferry/sandbox.db --json"
    )]
    Books {
        /// The books of a sandbox
        file: PathBuf,
    },
    /// Empty the books and seed them again
    #[command(
        after_help = "Examples:\n  ferry sandbox reset books.db\n  ferry sandbox reset .ferry/sandbox.db"
    )]
    Reset {
        /// The books of a sandbox
        file: PathBuf,
    },
    /// Add generated customers to the books
    #[command(
        after_help = "Examples:\n  ferry sandbox seed books.db --customers 5000\n  ferry sandbox seed books.db --customers 200 --system bigcapital"
    )]
    Seed {
        /// The books of a sandbox
        file: PathBuf,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        customers: usize,
        /// Which of the imitated systems gets them; in Bigcapital each has an open invoice INV-S0000001 and so on
        #[arg(long, value_enum, value_name = "SYSTEM", default_value_t = SeededSystem::BusinessCentral)]
        system: SeededSystem,
    },
}

/// The system that a sandbox adds customers to.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SeededSystem {
    /// Business Central
    BusinessCentral,
    /// Bigcapital
    Bigcapital,
}

/// How the sandbox behaves.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Where the books are kept
    #[arg(long, value_name = "FILE", default_value = "sandbox.db")]
    pub(crate) books: PathBuf,
    /// Serve the reference's behaviour only, without the older spellings
    #[arg(long)]
    pub(crate) strict: bool,
    /// Serve only this version of Business Central's API: v2.0, v1.0 or beta; all of them without it
    #[arg(long, value_name = "VERSION")]
    pub(crate) dialect: Option<ledgerferry::sandbox::Dialect>,
    /// Misbehave: lost=, reset=, 429=, 503=, 504=, slow=, torn=, etag=, stall= as shares of requests, and seed=
    #[arg(long, value_name = "LIST", default_value = "")]
    pub(crate) faults: String,
    /// Refuse more requests than this in a sliding window; Bigcapital counts each route by itself
    #[arg(long, value_name = "N/5m")]
    pub(crate) rate: Option<String>,
    /// How long every answer takes
    #[arg(long, value_name = "20ms", default_value = "0ms")]
    pub(crate) latency: String,
    /// How many hours the imitated Bigcapital's clock is ahead of UTC; its days are instants of local midnight
    #[arg(long, value_name = "HOURS", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) utc_offset: i8,
}
