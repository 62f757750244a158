//! Runs that belong together: how they are named, planned in order, and told as one.
//!
//! A command on files that hold several kinds of records makes a run of each, customers first. `RUN` is the name that
//! `RUN-customers`, `RUN-dimensions` and `RUN-payments` share.

use std::path::{Path, PathBuf};

use ledgerferry::domain::{EntityKind, OnUnsupported, State};
use ledgerferry::ledger::Ledger;
use ledgerferry::plan::Mode;
use ledgerferry::report::{ExitFacts, Report, Summary};
use ledgerferry::run::{self, Ending, LEDGER, PlanRequest, ReadRequest};

use super::args::{self, MatchArgs, ReadArgs};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::import::{new_folder, read_request, tell};
use super::interrupt::StopSign;
use super::project::Place;
use super::watch::watcher;

/// What to plan for these files: one run for each kind of record that they hold, in the order in which they are to be
/// carried out.
pub(crate) fn plan_requests(
    (console, place, connection): (&Console, &Place, &Connection),
    (read, matching): (ReadArgs, &MatchArgs),
    stop: &StopSign,
) -> Result<Vec<PlanRequest>, Failure> {
    let out = read.out.clone();
    let watcher = watcher(console);
    let dialect = connection.target.api.dialect();
    let parts = run::split_by_entity(&read_request(read, dialect, &watcher)?, &watcher)?;
    let is_chain = parts.len() > 1;
    let has_journals = connection.target.api.habits().has_journals;
    let mut kinds = Vec::new();
    for part in &parts {
        kinds.push(run::entity_of(part)?);
    }
    let has_payments = kinds.contains(&Some(EntityKind::Payments));
    if is_chain && has_payments && matching.journal.is_none() && has_journals {
        return Err(ledgerferry::Error::JournalMissing.into());
    }
    let base = new_folder(place, out.clone())?;
    let mut requests = Vec::new();
    for (read, kind) in parts.into_iter().zip(kinds) {
        let named = match kind.filter(|_| is_chain) {
            None => (folder_name(&base), base.clone()),
            Some(entity) => part_of_chain(&base, out.is_some(), entity),
        };
        let request = plan_request(place, (read, matching), named, stop);
        requests.push(PlanRequest {
            // In a chain the fields are those of customers; payments name theirs by number.
            match_on: match kind {
                Some(kind) if is_chain && kind.is_of_a_customer() => Vec::new(),
                _ => request.match_on,
            },
            chain: is_chain.then(|| chain_name(&base, out.is_some())),
            ..request
        });
    }
    Ok(requests)
}

/// What to plan for one run with this name and folder.
pub(crate) fn plan_request(
    place: &Place,
    (read, matching): (ReadRequest, &MatchArgs),
    (run, folder): (String, PathBuf),
    stop: &StopSign,
) -> PlanRequest {
    PlanRequest {
        read,
        journal: matching.journal.clone(),
        mode: match matching.mode {
            args::Mode::Upsert => Mode::Upsert,
            args::Mode::Create => Mode::Create,
            args::Mode::Update => Mode::Update,
        },
        match_on: matching.match_on.clone(),
        on_unsupported: matching.on_unsupported.map(|decision| match decision {
            args::OnUnsupported::Drop => OnUnsupported::Drop,
            args::OnUnsupported::Reject => OnUnsupported::Reject,
        }),
        run,
        folder,
        runs: Some(place.runs()),
        after: None,
        chain: None,
        retries: None,
        stop: Some(stop.clone()),
        limits: None,
    }
}

/// Plans these runs, each after the one before it; their folders, in this order.
pub(crate) async fn make_plans(
    console: &Console,
    connection: &Connection,
    command: &str,
    requests: Vec<PlanRequest>,
) -> Result<Vec<PathBuf>, Failure> {
    let watcher = watcher(console);
    let mut folders: Vec<PathBuf> = Vec::new();
    for request in requests {
        let limits = Some(connection.limits.clone());
        let request = PlanRequest { after: folders.last().cloned(), limits, ..request };
        let planned = run::plan(&connection.target, &request, &watcher).await;
        console.finish_progress();
        if let Err(error) = planned {
            // A part alone is no plan of the whole.
            for folder in &folders {
                run::discard_plan(folder);
            }
            return Err(error.into());
        }
        folders.push(request.folder);
    }
    if folders.len() > 1 {
        console.note(&format!("{command}: customers first, then the records that name them"));
    }
    Ok(folders)
}

pub(crate) fn folder_name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name that the runs of a chain share: `RUN`, or `DIR` where the user named a folder.
pub(crate) fn chain_name(base: &Path, is_named: bool) -> String {
    if is_named { base.display().to_string() } else { folder_name(base) }
}

/// The name and the folder of a chain's run: `RUN-customers`, or `DIR/customers` where the user named a folder.
pub(crate) fn part_of_chain(base: &Path, is_named: bool, entity: EntityKind) -> (String, PathBuf) {
    if is_named {
        let folder = base.join(entity.as_str());
        return (folder.display().to_string(), folder);
    }
    let run = format!("{}-{}", folder_name(base), entity.as_str());
    let folder = base.with_file_name(&run);
    (run, folder)
}

/// The reports on these runs, as `command` ends.
pub(crate) fn told(
    folders: &[PathBuf],
    command: &'static str,
    judge: impl Fn(&Summary) -> Ending,
) -> Result<Vec<Report>, Failure> {
    let tell = |folder: &PathBuf| {
        let ledger = Ledger::open(&folder.join(LEDGER)).map_err(ledgerferry::Error::from)?;
        Ok(run::report(&ledger, folder, command, &judge)?)
    };
    folders.iter().map(tell).collect()
}

/// Whether any row of these runs is left out and needs a person.
pub(crate) fn is_left_out(reports: &[Report]) -> bool {
    reports.iter().any(|report| report.summary.needing_attention() > 0)
}

/// How a plan ends that nobody has applied yet.
pub(crate) fn planned_ending(summary: &Summary, skip_rejects: bool, detailed: bool) -> Ending {
    match (summary.needing_attention(), skip_rejects) {
        (0, _) if detailed && summary.in_state(State::Planned) > 0 => Ending::Changes,
        (0, _) => Ending::Done,
        (_, true) => Ending::LeftOut,
        (_, false) => Ending::Refused,
    }
}

/// The failure of a run that comes after others: what became of those is told with it.
pub(crate) fn after(console: &Console, reports: &[Report], failure: Failure) -> Failure {
    if console.json {
        return failure.after(documents(reports));
    }
    for report in reports {
        tell(console, report);
    }
    failure
}

/// Reports as parts of one JSON document.
fn documents(reports: &[Report]) -> Vec<Box<serde_json::value::RawValue>> {
    let documents = reports.iter().map(|report| serde_json::from_str(&report.json()));
    documents.collect::<Result<_, _>>().expect("a report is a JSON document")
}

/// Prints the reports of runs that belong together, in one document when that was asked for, and says how the command
/// ends: as the worst of them.
pub(crate) fn tell_all(console: &Console, reports: &[Report]) -> Ending {
    tell_runs(console, reports, None)
}

/// Prints the reports of runs again; the command itself has done what was asked for, however the runs have ended.
pub(crate) fn tell_again(console: &Console, reports: &mut [Report]) -> Ending {
    let exit = ExitFacts::from(Ending::Done);
    for report in reports.iter_mut() {
        report.facts.process_exit = Some(exit.clone());
    }
    tell_runs(console, reports, Some(exit));
    Ending::Done
}

fn tell_runs(console: &Console, reports: &[Report], process_exit: Option<ExitFacts>) -> Ending {
    if let [report] = reports {
        return tell(console, report);
    }
    let ending = worst(reports.iter().map(|report| Ending::from_code(report.facts.exit.code)));
    if console.json {
        Console::document(&Runs { runs: documents(reports), process_exit }, ending);
        return ending;
    }
    for (place, report) in (1..).zip(reports) {
        let mut part = report.clone();
        // The step that carries on with all of them is told once, at the end.
        part.facts.is_followed = place < reports.len();
        tell(console, &part);
    }
    ending
}

/// The document of several runs.
#[derive(serde::Serialize)]
struct Runs {
    runs: Vec<Box<serde_json::value::RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_exit: Option<ExitFacts>,
}

/// The one of several endings with which the whole ends.
pub(crate) fn worst(endings: impl Iterator<Item = Ending>) -> Ending {
    endings.max_by_key(|ending| weight(*ending)).unwrap_or(Ending::Done)
}

/// How much an ending matters beside another one: a run that could not go on before one with rows left out.
fn weight(ending: Ending) -> u8 {
    match ending {
        Ending::Done => 0,
        Ending::Changes => 1,
        Ending::LeftOut => 2,
        other => other.code().max(3),
    }
}
