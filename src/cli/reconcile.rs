//! `ferry reconcile`: what a run wrote against what the target holds now.

use ledgerferry::ledger::Ledger;
use ledgerferry::run::{self, Ending, LEDGER};

use super::args::{Global, ReconcileArgs};
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
    let folder = place.run_folder(&arguments.run)?;
    let header = Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.header());
    let header = header.map_err(ledgerferry::Error::from)?;
    let connection = Connection::open(console, place, place.profile_of(global, &header.profile)?).await?;
    let reconciled = run::reconcile(&connection.target, &folder, &watcher(console)).await;
    console.finish_progress();
    connection.close().await;
    let reconciled = reconciled?;
    if console.json {
        write_out(&reconciled.json());
    } else if reconciled.agrees {
        console.result(&reconciled.terminal(style(console)));
    } else {
        console.verdict(&reconciled.terminal(style(console)));
    }
    Ok(Ending::from_code(reconciled.report.facts.exit.code))
}
