//! The program: the only place that knows the command line, the terminal, the environment and exit codes.

mod args;
mod chain;
mod connect;
mod console;
mod demo;
mod diff;
mod explain;
mod export;
mod failure;
mod guard;
mod import;
mod interrupt;
mod project;
mod reconcile;
mod retry;
mod runs;
mod sandbox;
mod sending;
mod undo;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use ledgerferry::durable::FileError;
use ledgerferry::run::Ending;

use args::{Cli, Command, Global};
use console::Console;
use failure::Failure;
use project::Place;

/// Runs the command line and says how it ended.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // There is nobody to tell when the stream is closed.
            let _ = error.print();
            if !asked_for && std::env::args_os().any(|argument| argument == "--json") {
                Console::document(&failure::document(&error.to_string(), &[], None), Ending::Usage);
            }
            return exit(if asked_for { Ending::Done } else { Ending::Usage });
        }
    };
    let console = Console::new(&cli.global);
    // A panic is a fault of this program, and has an ending of its own like everything else.
    let ended = catch_unwind(AssertUnwindSafe(|| run(&console, cli)));
    let ended = ended.unwrap_or_else(|_| Err(Failure::internal()));
    exit(ended.unwrap_or_else(|failure| {
        console.finish_progress();
        failure.tell(&console);
        failure.ending
    }))
}

fn exit(ending: Ending) -> ExitCode {
    ExitCode::from(ending.code())
}

fn run(console: &Console, cli: Cli) -> Result<Ending, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| FileError::new("start threads for", ".", error))?;
    runtime.block_on(dispatch(console, &cli.global, cli.command))
}

async fn dispatch(console: &Console, global: &Global, command: Command) -> Result<Ending, Failure> {
    let place = || Place::find(global);
    match command {
        Command::Demo(arguments) => demo::demo(console, arguments).await,
        Command::Validate(arguments) => import::validate(console, global, &place()?, arguments.read),
        Command::Plan(arguments) => import::plan(console, global, &place()?, arguments).await,
        Command::Apply(arguments) => import::apply(console, global, &place()?, arguments).await,
        Command::Import(arguments) => import::import(console, global, &place()?, arguments).await,
        Command::Resume(arguments) => import::resume(console, global, &place()?, arguments).await,
        Command::Retry(arguments) => retry::retry(console, global, &place()?, arguments).await,
        Command::Reconcile(arguments) => reconcile::reconcile(console, global, &place()?, arguments).await,
        Command::Undo(arguments) => undo::undo(console, global, &place()?, arguments).await,
        Command::Export(arguments) => export::export(console, global, &place()?, arguments).await,
        Command::Diff(arguments) => diff::diff(console, global, &place()?, arguments).await,
        Command::Runs(command) => runs::runs(console, &place()?, command),
        Command::Sandbox(command) => sandbox::sandbox(console, command).await,
        Command::Explain { code } => explain::explain(console, code.as_deref()),
    }
}
