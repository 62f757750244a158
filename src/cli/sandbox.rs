//! `ferry sandbox`: the loopback imitation of Business Central and Bigcapital.

use std::path::Path;

use ledgerferry::profile::parse_duration;
use ledgerferry::sandbox::{self, Sandbox, SandboxOptions};

use super::args::{SandboxArgs, SandboxCommand, SeededSystem};
use super::console::Console;
use super::failure::Failure;
use ledgerferry::run::Ending;

pub(crate) async fn sandbox(console: &Console, command: SandboxCommand) -> Result<Ending, Failure> {
    match command {
        SandboxCommand::Start(arguments) => start(arguments).await,
        SandboxCommand::Books { file } => books(console, &file),
        SandboxCommand::Reset { file } => {
            sandbox::reset(&file)?;
            books(console, &file)
        }
        SandboxCommand::Seed { file, customers, system } => {
            match system {
                SeededSystem::BusinessCentral => sandbox::seed_customers(&file, customers)?,
                SeededSystem::Bigcapital => sandbox::seed_bigcapital_customers(&file, customers)?,
            };
            books(console, &file)
        }
    }
}

/// Serves until Ctrl-C. The one line it prints is JSON whether or not `--json` is given: it is for programs.
async fn start(arguments: SandboxArgs) -> Result<Ending, Failure> {
    let sandbox = Sandbox::start(options(arguments)?).await?;
    let welcome = serde_json::to_string(sandbox.welcome()).expect("the welcome has string keys");
    super::console::write_out(&welcome);
    let end = super::interrupt::wait().await;
    sandbox.stop().await;
    Ok(end)
}

fn options(arguments: SandboxArgs) -> Result<SandboxOptions, Failure> {
    let rate = arguments.rate.map(|rate| rate.parse()).transpose()?;
    let latency = parse_duration(&arguments.latency)
        .ok_or_else(|| Failure::usage(format!("`{}` is not a duration such as `20ms`", arguments.latency)))?;
    Ok(SandboxOptions {
        port: arguments.port,
        books: arguments.books,
        strict: arguments.strict,
        dialect: arguments.dialect,
        faults: arguments.faults.parse()?,
        rate,
        latency,
        utc_offset: arguments.utc_offset,
        ..SandboxOptions::default()
    })
}

fn books(console: &Console, file: &Path) -> Result<Ending, Failure> {
    let books = sandbox::read_books(file)?;
    if console.json {
        Console::document(&books, Ending::Done);
    } else {
        console.verdict(&serde_json::to_string_pretty(&books).expect("books have string keys"));
    }
    Ok(Ending::Done)
}
