//! `ferry validate`, `plan`, `apply`, `import` and `resume`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ledgerferry::catalogue::{DIALECTS, Dialect};
use ledgerferry::delivery::{DeliveryOptions, OnConflict, Rate, Slice};
use ledgerferry::domain::{EntityKind, State};
use ledgerferry::ledger::{Ledger, LedgerError, Phase, RunHeader};
use ledgerferry::mapping::Blanks;
use ledgerferry::plan::Mode;
use ledgerferry::profile::Limits;
use ledgerferry::report::{Report, Style, Summary};
use ledgerferry::run::{self, ApplyRequest, Ending, LEDGER, PlanRequest, ReadRequest};
use ledgerferry::source::{SheetChoice, SourceOptions};
use ledgerferry::validation;

use super::args::{
    self, ApplyArgs, Global, GuardArgs, ImportArgs, MatchArgs, PlanArgs, ReadArgs, ResumeArgs,
};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::guard::{Approval, approve};
use super::interrupt::{self, StopSign};
use super::project::Place;
use super::watch::watcher;

pub(crate) fn validate(console: &Console, place: &Place, read: ReadArgs) -> Result<Ending, Failure> {
    let folder = new_folder(place, read.out.clone());
    let request = read_request(read, DIALECTS[0], &watcher(console))?;
    let report = run::validate(&request, &folder, &watcher(console));
    console.finish_progress();
    let report = report?;
    Ok(tell(console, &report))
}

pub(crate) async fn plan(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: PlanArgs,
) -> Result<Ending, Failure> {
    let stop = interrupt::stop_sign();
    let opening = Connection::open(console, place, place.profile(global)?);
    let connection = interrupt::unless_stopped(&stop, opening).await?;
    let asked =
        Asked { read: arguments.read, matching: &arguments.matching, command: "plan", retried: None, stop };
    let planned = make_plans(console, place, &connection, asked).await;
    connection.close().await;
    let folders = planned?;
    if let Some(on_conflict) = arguments.on_conflict.map(on_conflict) {
        for folder in &folders {
            run::note_on_conflict(folder, on_conflict)?;
        }
    }
    let (skip, detailed) = (arguments.matching.skip_rejects, arguments.detailed_exitcode);
    let reports = told(&folders, "plan", |summary| planned_ending(summary, skip, detailed))?;
    Ok(tell_all(console, &reports))
}

pub(crate) async fn import(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ImportArgs,
) -> Result<Ending, Failure> {
    let stop = interrupt::stop_sign();
    let opening = Connection::open(console, place, place.profile(global)?);
    let connection = interrupt::unless_stopped(&stop, opening).await?;
    let ended = plan_and_apply(console, place, &connection, (arguments, None, stop)).await;
    connection.close().await;
    ended
}

/// Plans, asks and carries out; of a retry, `retried` is the folder of the run that is tried again.
pub(crate) async fn plan_and_apply(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (arguments, retried, stop): (ImportArgs, Option<PathBuf>, StopSign),
) -> Result<Ending, Failure> {
    let verb = if retried.is_some() { "retry" } else { "import" };
    let command = if arguments.dry_run { "plan" } else { verb };
    let skip = arguments.matching.skip_rejects;
    let asked = Asked { read: arguments.read, matching: &arguments.matching, command, retried, stop };
    let folders = make_plans(console, place, connection, asked).await?;
    let planned = told(&folders, command, |summary| planned_ending(summary, skip, false))?;
    if arguments.dry_run || (is_left_out(&planned) && !skip) {
        return Ok(tell_all(console, &planned));
    }
    if !arguments.yes {
        let waiting = planned.iter().filter(|report| report.summary.in_state(State::Planned) > 0);
        waiting.for_each(|report| console.result(&report.terminal(style(console))));
    }
    let approval = Approval::of(&arguments.guard, connection, arguments.yes);
    approve(console, connection, &folders, &approval).await?;
    let sending =
        Sending { command: verb, guard: &arguments.guard, slice: arguments.slice.slice(), recheck: false };
    carry_out_all(console, place, connection, (&folders, sending)).await
}

pub(crate) async fn apply(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ApplyArgs,
) -> Result<Ending, Failure> {
    let folders = place.chain_folders(&arguments.run)?;
    for folder in &folders {
        run::check_not_undone(folder)?;
    }
    let judge = |summary: &Summary| planned_ending(summary, arguments.skip_rejects, false);
    let planned = told(&folders, "apply", judge)?;
    let unfinished = planned.iter().filter(|report| !report.facts.finished).cloned().collect::<Vec<_>>();
    if is_left_out(&unfinished) && !arguments.skip_rejects {
        return Ok(tell_all(console, &planned));
    }
    let Some(first) = planned.first() else { return Ok(Ending::Done) };
    let connection =
        Connection::open(console, place, place.profile_of(global, &first.facts.profile)?).await?;
    let approval = Approval::of(&arguments.guard, &connection, arguments.yes);
    let sending = Sending {
        command: "apply",
        guard: &arguments.guard,
        slice: arguments.slice.slice(),
        recheck: !arguments.allow_stale,
    };
    let ended = match approve(console, &connection, &folders, &approval).await {
        Ok(()) => carry_out_all(console, place, &connection, (&folders, sending)).await,
        Err(failure) => Err(failure),
    };
    connection.close().await;
    ended
}

pub(crate) async fn resume(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ResumeArgs,
) -> Result<Ending, Failure> {
    let folders = match &arguments.run {
        Some(run) => place.chain_folders(run)?,
        None => vec![latest_unfinished(place)?],
    };
    let (folders, header) = to_resume(folders)?;
    let folder = folders[0].clone();
    for folder in &folders {
        run::check_not_undone(folder)?;
    }
    if header.phase == Phase::Planned && !header.approved {
        let words =
            format!("run `{}` was planned and never applied, so there is nothing to continue", header.run);
        return Err(Failure::refused(words)
            .with_hint(format!("`ferry apply {}` asks first and carries it out", folder.display())));
    }
    let connection = Connection::open(console, place, place.profile_of(global, &header.profile)?).await?;
    let sending =
        Sending { command: "resume", guard: &arguments.guard, slice: arguments.slice.slice(), recheck: true };
    // Whoever has agreed to a part has not agreed to the rest.
    let mut is_approved = true;
    for folder in &folders {
        is_approved &= run::is_approved(folder, &sending.slice)?;
    }
    let approved = if is_approved {
        Ok(())
    } else {
        let approval = Approval::of(&arguments.guard, &connection, true);
        approve(console, &connection, &folders, &approval).await
    };
    let ended = match approved {
        Ok(()) => carry_out_all(console, place, &connection, (&folders, sending)).await,
        Err(failure) => Err(failure),
    };
    connection.close().await;
    ended
}

/// The runs that a resume carries out, in order: the first of these that is not finished, and those after it that were
/// approved with it; and the header of the first. Of runs that are all finished, the last.
fn to_resume(folders: Vec<PathBuf>) -> Result<(Vec<PathBuf>, RunHeader), Failure> {
    let mut headers = Vec::new();
    for folder in folders {
        let header = read_header(&folder).map_err(ledgerferry::Error::from)?;
        headers.push((folder, header));
    }
    let open = headers.iter().position(|(_, header)| header.phase != Phase::Finished);
    let mut rest = headers.split_off(open.unwrap_or(headers.len() - 1));
    let (folder, header) = rest.remove(0);
    let mut folders = vec![folder.clone()];
    folders.extend(rest.into_iter().filter(|(_, header)| header.approved).map(|(folder, _)| folder));
    if folders.len() == 1 {
        folders.extend(follower(&folder));
    }
    Ok((folders, header))
}

/// The run that was approved together with the one in `folder` and comes after it.
fn follower(folder: &Path) -> Option<PathBuf> {
    let name = folder.file_name()?.to_str()?;
    let next =
        name.strip_suffix("customers").map(|start| folder.with_file_name(format!("{start}payments")))?;
    let header = read_header(&next).ok()?;
    (header.after.as_deref() == Some(name) && header.approved && header.phase != Phase::Finished)
        .then_some(next)
}

fn latest_unfinished(place: &Place) -> Result<PathBuf, Failure> {
    let is_finished = |folder: &Path, after: &str| {
        read_header(&folder.with_file_name(after)).is_ok_and(|header| header.phase == Phase::Finished)
    };
    let unfinished = |folder: &PathBuf| {
        read_header(folder).is_ok_and(|header| match (header.phase, &header.after) {
            _ if header.undone_by.is_some() => false,
            (Phase::Applying, _) => true,
            (Phase::Planned, Some(after)) => header.approved && is_finished(folder, after),
            _ => false,
        })
    };
    let found = place.run_folders().into_iter().find(unfinished);
    found.ok_or_else(|| Failure::usage("there is no interrupted run here".to_owned()))
}

fn read_header(folder: &Path) -> Result<RunHeader, LedgerError> {
    Ledger::open(&folder.join(LEDGER))?.header()
}

/// What is to be planned.
struct Asked<'a> {
    read: ReadArgs,
    matching: &'a MatchArgs,
    command: &'static str,
    retried: Option<PathBuf>,
    stop: StopSign,
}

/// Plans one run for each kind of record that the files hold, customers first; the folders of the runs, in the order
/// in which they are to be carried out.
async fn make_plans(
    console: &Console,
    place: &Place,
    connection: &Connection,
    asked: Asked<'_>,
) -> Result<Vec<PathBuf>, Failure> {
    let Asked { read, matching, command, retried, stop } = asked;
    let out = read.out.clone();
    let watcher = watcher(console);
    let parts =
        run::split_by_entity(&read_request(read, connection.target.api.dialect(), &watcher)?, &watcher)?;
    if parts.len() > 1 && matching.journal.is_none() {
        return Err(ledgerferry::Error::JournalMissing.into());
    }
    let base = new_folder(place, out.clone());
    let is_chain = parts.len() > 1;
    let mut folders: Vec<PathBuf> = Vec::new();
    for read in parts {
        let (run, folder) = match run::entity_of(&read)?.filter(|_| is_chain) {
            None => (folder_name(&base), base.clone()),
            Some(entity) => part_of_chain(&base, out.is_some(), entity),
        };
        let request = PlanRequest {
            read,
            journal: matching.journal.clone(),
            mode: match matching.mode {
                args::Mode::Upsert => Mode::Upsert,
                args::Mode::Create => Mode::Create,
                args::Mode::Update => Mode::Update,
            },
            // In a chain the fields are those of customers; payments name theirs by number.
            match_on: if folders.is_empty() { matching.match_on.clone() } else { Vec::new() },
            run,
            folder: folder.clone(),
            runs: Some(place.runs()),
            after: folders.last().cloned(),
            chain: is_chain.then(|| chain_name(&base, out.is_some())),
            retries: retried.clone(),
            stop: Some(stop.clone()),
        };
        let planned = run::plan(&connection.target, &request, &watcher).await;
        console.finish_progress();
        if let Err(error) = planned {
            // A part alone is no plan of the whole.
            for folder in &folders {
                run::discard_plan(folder);
            }
            return Err(error.into());
        }
        folders.push(folder);
    }
    if is_chain {
        console.note(&format!("{command}: customers first, then the payments that name them"));
    }
    Ok(folders)
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The name that the runs of a chain share: `RUN`, or `DIR` where the user named a folder.
pub(crate) fn chain_name(base: &Path, is_named: bool) -> String {
    if is_named { base.display().to_string() } else { folder_name(base) }
}

/// The name and the folder of a chain's run: `RUN-customers`, or `DIR/customers` where the user named a folder.
fn part_of_chain(base: &Path, is_named: bool, entity: EntityKind) -> (String, PathBuf) {
    if is_named {
        let folder = base.join(entity.as_str());
        return (folder.display().to_string(), folder);
    }
    let run = format!("{}-{}", folder_name(base), entity.as_str());
    let folder = base.with_file_name(&run);
    (run, folder)
}

/// The reports on these runs, as `command` ends.
fn told(
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
fn is_left_out(reports: &[Report]) -> bool {
    reports.iter().any(|report| report.summary.needing_attention() > 0)
}

/// How a plan ends that nobody has applied yet.
fn planned_ending(summary: &Summary, skip_rejects: bool, detailed: bool) -> Ending {
    match (summary.needing_attention(), skip_rejects) {
        (0, _) if detailed && summary.in_state(State::Planned) > 0 => Ending::Changes,
        (0, _) => Ending::Done,
        (_, true) => Ending::LeftOut,
        (_, false) => Ending::Refused,
    }
}

/// How a plan is sent once it is approved.
pub(crate) struct Sending<'a> {
    /// The verb the user gave.
    pub(crate) command: &'static str,
    /// The flags that set limits.
    pub(crate) guard: &'a GuardArgs,
    /// Which part of the plan.
    pub(crate) slice: Slice,
    /// Whether the target is read again first, when nothing was sent yet.
    pub(crate) recheck: bool,
}

/// Sends what the plans in these folders still hold, one after the other, and tells what became of them. One that does
/// not come to its end ends the chain.
pub(crate) async fn carry_out_all(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (folders, sending): (&[PathBuf], Sending<'_>),
) -> Result<Ending, Failure> {
    refuse_empty_slice(folders, &sending.slice)?;
    for folder in folders {
        run::keep_approval(folder, &sending.slice)?;
    }
    for folder in folders.iter().skip(1) {
        let request = apply_request(place, connection, folder, &sending)?;
        let checked = run::check_plan(&connection.target, &request, &watcher(console)).await;
        console.finish_progress();
        checked?;
    }
    let mut reports: Vec<Report> = Vec::new();
    for folder in folders {
        let goes_on = reports.last().is_none_or(|report| report.facts.finished);
        reports.extend(if goes_on {
            match carry_out(console, place, connection, (folder, &sending)).await {
                Ok(report) => vec![report],
                Err(failure) => return Err(after(console, &reports, failure)),
            }
        } else {
            told(std::slice::from_ref(folder), sending.command, |summary| {
                planned_ending(summary, true, false)
            })?
        });
    }
    Ok(tell_all(console, &reports))
}

/// Whoever names lines on which nothing waits has miscounted, and must not be told that all is well.
fn refuse_empty_slice(folders: &[PathBuf], slice: &Slice) -> Result<(), Failure> {
    let (mut meant, mut open) = (0, 0);
    for folder in folders {
        let rows = run::rows_in_slice(folder, slice)?;
        meant += rows.meant;
        open += rows.open;
    }
    if slice.lines.is_empty() || meant > 0 || open == 0 {
        return Ok(());
    }
    let words = "no row that waits stands on the lines of `--rows`, so nothing was written".to_owned();
    Err(Failure::refused(words)
        .with_hint("the column `row` of results.csv counts them; the rows in state `planned` wait"))
}

/// Sends what the plan in `folder` still holds.
async fn carry_out(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (folder, sending): (&Path, &Sending<'_>),
) -> Result<Report, Failure> {
    let request = apply_request(place, connection, folder, sending)?;
    let applied = run::apply(&connection.target, &request, interrupt::stop_sign(), &watcher(console)).await;
    console.finish_progress();
    Ok(applied?)
}

fn apply_request(
    place: &Place,
    connection: &Connection,
    folder: &Path,
    sending: &Sending<'_>,
) -> Result<ApplyRequest, Failure> {
    let entity = read_header(folder).map_err(ledgerferry::Error::from)?.entity;
    let max_errors = sending.guard.guards().or(&connection.guards).max_errors.unwrap_or_default();
    let delivery = DeliveryOptions {
        max_errors,
        slice: sending.slice.clone(),
        on_conflict: sending.guard.on_conflict.map(on_conflict),
        ..delivery_options(&connection.limits, entity)
    };
    Ok(ApplyRequest {
        recheck: sending.recheck,
        runs: (!matches!(sending.command, "import" | "retry")).then(|| place.runs()),
        ..ApplyRequest::new(folder.to_owned(), sending.command, delivery)
    })
}

/// The failure of a run that comes after others: what became of those is told with it.
fn after(console: &Console, reports: &[Report], failure: Failure) -> Failure {
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
fn tell_all(console: &Console, reports: &[Report]) -> Ending {
    if let [report] = reports {
        return tell(console, report);
    }
    let endings = reports.iter().map(|report| Ending::from_code(report.facts.exit.code));
    let ending = endings.max_by_key(|ending| weight(*ending)).unwrap_or(Ending::Done);
    if console.json {
        Console::document(&Runs { runs: documents(reports) }, ending);
    } else {
        for report in reports {
            tell(console, report);
        }
    }
    ending
}

/// The document of several runs.
#[derive(serde::Serialize)]
struct Runs {
    runs: Vec<Box<serde_json::value::RawValue>>,
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

pub(crate) fn on_conflict(word: args::OnConflict) -> OnConflict {
    match word {
        args::OnConflict::Reject => OnConflict::Reject,
        args::OnConflict::Theirs => OnConflict::Theirs,
        args::OnConflict::Ours => OnConflict::Ours,
    }
}

/// Prints a report in the form that was asked for, and says how the command ends.
pub(crate) fn tell(console: &Console, report: &Report) -> Ending {
    let ending = Ending::from_code(report.facts.exit.code);
    if console.json {
        super::console::write_out(&report.json());
    } else if ending == Ending::Done {
        console.result(&report.terminal(style(console)));
    } else {
        console.verdict(&report.terminal(style(console)));
    }
    ending
}

pub(crate) fn style(console: &Console) -> Style {
    Style { colour: console.colour(), width: Console::width() }
}

pub(crate) fn new_folder(place: &Place, out: Option<PathBuf>) -> PathBuf {
    out.unwrap_or_else(|| run::new_run_folder(&place.runs()))
}

fn read_request(
    read: ReadArgs,
    dialect: &'static Dialect,
    watcher: run::Observer<'_>,
) -> Result<ReadRequest, Failure> {
    let delimiter = match read.delimiter.as_str() {
        "auto" => None,
        "tab" | "\\t" => Some(b'\t'),
        text => match text.as_bytes() {
            [byte] if byte.is_ascii() => Some(*byte),
            _ => return Err(Failure::usage(format!("`{text}` is not one character; use `tab` for a tab"))),
        },
    };
    let options = SourceOptions { delimiter, sheet: None };
    let choice = |sheet: &String| match sheet.parse() {
        Ok(number) => SheetChoice::Number(number),
        Err(_) => SheetChoice::Name(sheet.clone()),
    };
    let sheets: Vec<_> = read.sheet.iter().map(choice).collect();
    let files = if read.all_sheets {
        run::all_sheets(&read.files, &options, watcher)?
    } else {
        run::chosen_sheets(&read.files, &sheets)?
    };
    let sheet = if sheets.len() == 1 { sheets.first().cloned() } else { None };
    Ok(ReadRequest {
        dialect,
        files,
        entity: read.entity.map(|entity| match entity {
            args::Entity::Customers => EntityKind::Customers,
            args::Entity::Payments => EntityKind::Payments,
        }),
        mapping: read.mapping,
        options: SourceOptions { sheet, ..options },
        blank: match read.blank {
            args::Blank::Keep => Blanks::Keep,
            args::Blank::Clear => Blanks::Clear,
        },
        sign: match read.sign {
            args::Sign::ReceiptsPositive => validation::Sign::ReceiptsPositive,
            args::Sign::AsIs => validation::Sign::AsIs,
        },
    })
}

/// Pace and patience for records of this kind under a profile's limits.
pub(crate) fn delivery_options(limits: &Limits, entity: EntityKind) -> DeliveryOptions {
    let defaults = DeliveryOptions::for_kind(entity);
    let rate =
        NonZeroU32::new(limits.rate.count).map(|operations| Rate { operations, window: limits.rate.window });
    DeliveryOptions {
        batch: limits.batch,
        in_flight: limits.in_flight.unwrap_or(defaults.in_flight),
        rate,
        settle: limits.settle,
        retry_budget: limits.retry_budget,
        deadline: limits.deadline,
        seed: u64::from(std::process::id()),
        ..defaults
    }
}
