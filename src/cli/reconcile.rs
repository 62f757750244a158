//! `ferry reconcile`: what a run wrote against what the target holds now.

use std::path::PathBuf;

use ledgerferry::ledger::Ledger;
use ledgerferry::report::Reconciliation;
use ledgerferry::run::{self, Ending, LEDGER};

use serde_json::json;
use serde_json::value::RawValue;

use super::args::{Global, ReconcileArgs};
use super::chain::worst;
use super::connect::Connection;
use super::console::{Console, write_out};
use super::failure::Failure;
use super::import::style;
use super::project::Place;
use super::watch::watcher;

pub(crate) async fn reconcile(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ReconcileArgs,
) -> Result<Ending, Failure> {
    let folders = place.chain_folders(&arguments.run)?;
    let header = Ledger::open(&folders[0].join(LEDGER)).and_then(|ledger| ledger.header());
    let header = header.map_err(ledgerferry::Error::from)?;
    let connection = Connection::open(console, place, place.profile_of(global, &header.profile)?).await?;
    let read = read_all(console, &connection, &folders).await;
    connection.close().await;
    Ok(tell(console, &read?))
}

/// Reads back each of the runs.
async fn read_all(
    console: &Console,
    connection: &Connection,
    folders: &[PathBuf],
) -> Result<Vec<Reconciliation>, Failure> {
    let mut all = Vec::new();
    for folder in folders {
        let reconciled = run::reconcile(&connection.target, folder, &watcher(console)).await;
        console.finish_progress();
        all.push(reconciled?);
    }
    Ok(all)
}

/// Prints them, in one document when that was asked for, and says how the command ends: as the worst of them.
fn tell(console: &Console, all: &[Reconciliation]) -> Ending {
    let ending = worst(all.iter().map(|one| Ending::from_code(one.report.facts.exit.code)));
    if let ([one], true) = (all, console.json) {
        write_out(&one.json());
        return ending;
    }
    if console.json {
        let runs = all.iter().map(|one| serde_json::from_str(&one.json()));
        let runs: Vec<Box<RawValue>> =
            runs.collect::<Result<_, _>>().expect("a reconciliation is a JSON document");
        Console::document(&json!({ "runs": runs }), ending);
        return ending;
    }
    for one in all {
        let text = one.terminal(style(console));
        if one.agrees { console.result(&text) } else { console.verdict(&text) }
    }
    ending
}
