//! `ferry undo`: what a run did, taken back.

use ledgerferry::delivery::Slice;
use ledgerferry::domain::State;
use ledgerferry::ledger::Ledger;
use ledgerferry::report::Summary;
use ledgerferry::run::{self, Ending, LEDGER, UndoRequest};

use super::args::{Global, UndoArgs};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::guard::{Approval, approve};
use super::import::{Sending, carry_out_all, new_folder, on_conflict, style, tell};
use super::interrupt;
use super::project::Place;
use super::watch::watcher;

pub(crate) async fn undo(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: UndoArgs,
) -> Result<Ending, Failure> {
    let undone = place.run_folder(&arguments.run)?;
    let header = Ledger::open(&undone.join(LEDGER)).and_then(|ledger| ledger.header());
    let profile = header.map_err(ledgerferry::Error::from)?.profile;
    let connection = Connection::open(console, place, place.profile_of(global, &profile)?).await?;
    let folder = new_folder(place, arguments.out.clone());
    let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let on_conflict = arguments.guard.on_conflict.map(on_conflict).unwrap_or_default();
    let request = UndoRequest {
        undone,
        run,
        folder,
        runs: Some(place.runs()),
        after: None,
        chain: None,
        on_conflict,
        stop: Some(interrupt::stop_sign()),
    };
    let ended = plan_and_apply(console, place, &connection, (arguments, request)).await;
    connection.close().await;
    ended
}

/// Shows what would be taken back, asks, and does it. Records that somebody has changed since are left alone and told;
/// they hold nothing else up.
async fn plan_and_apply(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (arguments, request): (UndoArgs, UndoRequest),
) -> Result<Ending, Failure> {
    let planned = run::plan_undo(&connection.target, &request, &watcher(console)).await;
    console.finish_progress();
    let folder = request.folder;
    let judge = |summary: &Summary| match summary.needing_attention() {
        0 => Ending::Done,
        _ => Ending::LeftOut,
    };
    let planned = run::report(&planned?, &folder, "undo", judge)?;
    if arguments.dry_run {
        return Ok(tell(console, &planned));
    }
    let approval = Approval::of(&arguments.guard, connection, arguments.yes);
    if planned.summary.in_state(State::Planned) > 0 && !arguments.yes {
        console.result(&planned.terminal(style(console)));
    }
    let folders = [folder];
    approve(console, connection, &folders, &approval).await?;
    let sending =
        Sending { command: "undo", guard: &arguments.guard, slice: Slice::default(), recheck: false };
    carry_out_all(console, place, connection, (&folders, sending)).await
}
