//! The sandbox, its books and its misdeeds.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
