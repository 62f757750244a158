//! `ferry undo`: what a run did, taken back.

use std::path::PathBuf;

use ledgerferry::delivery::Slice;
use ledgerferry::domain::{EntityKind, State};
use ledgerferry::ledger::{Ledger, RunHeader};
use ledgerferry::mapping::Blanks;
use ledgerferry::plan::Mode;
use ledgerferry::report::Summary;
use ledgerferry::run::{self, Ending, LEDGER, PlanRequest, ReadRequest, UndoRequest};
use ledgerferry::source::SourceOptions;
use ledgerferry::validation::Sign;

use super::args::{Global, UndoArgs};
use super::chain::{chain_name, folder_name, part_of_chain, tell_all, told};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::guard::{Approval, approve};
use super::import::{new_folder, on_conflict, style};
use super::interrupt;
use super::project::Place;
use super::sending::{Sending, carry_out_all};
use super::watch::watcher;

pub(crate) async fn undo(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: UndoArgs,
) -> Result<Ending, Failure> {
    let requests = requests(place, &arguments)?;
    let profile = read_header(&requests[0].undone)?.profile;
    let connection = Connection::open(console, place, place.profile_of(global, &profile)?).await?;
    let ended = plan_and_apply(console, place, &connection, (&arguments, requests)).await;
    connection.close().await;
    ended
}

fn read_header(folder: &std::path::Path) -> Result<RunHeader, Failure> {
    let header = Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.header());
    Ok(header.map_err(ledgerferry::Error::from)?)
}

/// What to take back, the last that was carried out first: payments before the customers they name.
fn requests(place: &Place, arguments: &UndoArgs) -> Result<Vec<UndoRequest>, Failure> {
    let folders = place.chain_folders(&arguments.run)?;
    let base = new_folder(place, arguments.out.clone())?;
    let is_named = arguments.out.is_some();
    let headers = folders.iter().map(|folder| read_header(folder)).collect::<Result<Vec<_>, _>>()?;
    // A run of default dimensions follows that of their customers.
    let brings_back = headers.iter().any(|header| header.deleted_dimensions > 0)
        && headers.iter().all(|header| header.entity != EntityKind::Dimensions);
    let is_chain = folders.len() > 1 || brings_back;
    let stop = interrupt::stop_sign();
    let mut requests = Vec::new();
    for undone in folders.into_iter().rev() {
        let (run, folder) = if is_chain {
            part_of_chain(&base, is_named, read_header(&undone)?.entity)
        } else {
            (folder_name(&base), base.clone())
        };
        requests.push(UndoRequest {
            undone,
            run,
            folder,
            runs: Some(place.runs()),
            after: None,
            chain: is_chain.then(|| chain_name(&base, is_named)),
            on_conflict: arguments.guard.on_conflict.map(on_conflict).unwrap_or_default(),
            stop: Some(stop.clone()),
        });
    }
    Ok(requests)
}

/// Shows what would be taken back, asks, and does it. Records that somebody has changed since are left alone and told;
/// they hold nothing else up.
async fn plan_and_apply(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (arguments, requests): (&UndoArgs, Vec<UndoRequest>),
) -> Result<Ending, Failure> {
    let folders = make_plans(console, place, connection, requests).await?;
    let judge = |summary: &Summary| match summary.needing_attention() {
        0 => Ending::Done,
        _ => Ending::LeftOut,
    };
    let planned = told(&folders, "undo", judge)?;
    if arguments.dry_run {
        return Ok(tell_all(console, &planned));
    }
    let slice = Slice::default();
    let approval = Approval::of((&arguments.guard, &slice), connection, arguments.yes);
    if !arguments.yes {
        let waiting = planned.iter().filter(|report| report.summary.in_state(State::Planned) > 0);
        waiting.for_each(|report| console.result(&report.terminal(style(console))));
    }
    approve(console, connection, &folders, &approval).await?;
    let sending = Sending { command: "undo", guard: &arguments.guard, slice: slice.clone(), recheck: false };
    carry_out_all(console, place, connection, (&folders, sending)).await
}

/// Plans to take these runs back, each after the one before it; the folders of the plans.
async fn make_plans(
    console: &Console,
    place: &Place,
    connection: &Connection,
    requests: Vec<UndoRequest>,
) -> Result<Vec<PathBuf>, Failure> {
    let mut folders = Vec::new();
    let planned = plan_each(console, place, connection, (&requests, &mut folders)).await;
    if planned.is_err() {
        // A part alone is no plan of the whole.
        for folder in &folders {
            run::discard_plan(folder);
        }
    }
    planned.map(|()| folders)
}

/// Adds the folders of the plans to `folders`. Of runs that were made together, one that wrote nothing needs no undo.
/// Customers that come back get their default dimensions again, before anything else that follows them.
async fn plan_each(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (requests, folders): (&[UndoRequest], &mut Vec<PathBuf>),
) -> Result<(), Failure> {
    let mut nothing = None;
    for (request, later) in requests.iter().zip((1..).map(|next| &requests[next..])) {
        let request = UndoRequest { after: folders.last().cloned(), ..request.clone() };
        let planned = run::plan_undo(&connection.target, &request, &watcher(console)).await;
        console.finish_progress();
        match planned {
            Ok(_) => folders.push(request.folder.clone()),
            Err(error @ ledgerferry::Error::NothingToUndo(_)) if request.chain.is_some() => {
                console.note(&error.to_string());
                nothing = Some(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        folders.extend(restore_dimensions(console, place, connection, (&request, later)).await?);
    }
    match nothing.filter(|_| folders.is_empty()) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Plans to give customers that `customers` brings back the default dimensions that were deleted with them; the folder of
/// the plan, if there are any. What is there meanwhile is somebody's, and stays. One of the requests that come `later` may
/// need the folder for default dimensions that were taken back by themselves.
async fn restore_dimensions(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (customers, later): (&UndoRequest, &[UndoRequest]),
) -> Result<Option<PathBuf>, Failure> {
    let (undone, undo) = (&customers.undone, &customers.folder);
    let header = read_header(undone)?;
    if header.entity != EntityKind::Customers || header.deleted_dimensions == 0 {
        return Ok(None);
    }
    let Some(file) = run::dimensions_to_restore(undone, undo)? else { return Ok(None) };
    let target = &connection.target;
    let stem = |name: &str| name.strip_suffix(EntityKind::Customers.as_str()).unwrap_or(name).to_owned();
    let folder = undo.with_file_name(stem(&folder_name(undo)) + EntityKind::Dimensions.as_str());
    let is_taken = folder.exists() || later.iter().any(|request| request.folder == folder);
    if customers.chain.is_none() || is_taken {
        let (file, profile) = (file.display(), &target.profile);
        console.note(&format!(
            "the default dimensions of customers that come back are not part of this undo; after it, `ferry import {file} --mode create -p {profile}` brings them back"
        ));
        return Ok(None);
    }
    let request = PlanRequest {
        read: ReadRequest {
            dialect: target.api.dialect(),
            files: vec![file.into()],
            entity: Some(EntityKind::Dimensions),
            mapping: None,
            options: SourceOptions::default(),
            sign: Sign::AsIs,
            blank: Blanks::Keep,
        },
        journal: None,
        mode: Mode::Create,
        match_on: Vec::new(),
        on_unsupported: None,
        run: stem(&customers.run) + EntityKind::Dimensions.as_str(),
        folder: folder.clone(),
        runs: Some(place.runs()),
        after: Some(undo.clone()),
        chain: customers.chain.clone(),
        retries: None,
        limits: Some(connection.limits.clone()),
        stop: customers.stop.clone(),
    };
    let planned = run::plan(target, &request, &watcher(console)).await;
    console.finish_progress();
    planned?;
    Ok(Some(folder))
}
