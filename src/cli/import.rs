//! `ferry validate`, `plan`, `apply`, `import` and `resume`.

use std::path::{Path, PathBuf};

use ledgerferry::catalogue::Dialect;
use ledgerferry::delivery::{OnConflict, Slice};
use ledgerferry::domain::{EntityKind, State};
use ledgerferry::ledger::{Ledger, LedgerError, Phase, RunHeader};
use ledgerferry::mapping::Blanks;
use ledgerferry::report::{Report, Style, Summary};
use ledgerferry::run::{self, Ending, LEDGER, PlanRequest, ReadRequest};
use ledgerferry::source::{SheetChoice, SourceOptions};
use ledgerferry::validation;

use super::args::{self, ApplyArgs, Global, GuardArgs, ImportArgs, PlanArgs, ReadArgs, ResumeArgs};
use super::chain::{is_left_out, make_plans, part_of_chain, plan_requests, planned_ending, tell_all, told};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::guard::{Approval, approve};
use super::interrupt;
use super::project::{Place, chain_of};
use super::sending::{Sending, carry_out_all};
use super::watch::watcher;

pub(crate) fn validate(
    console: &Console,
    global: &Global,
    place: &Place,
    read: ReadArgs,
) -> Result<Ending, Failure> {
    let out = read.out.clone();
    let watcher = watcher(console);
    let parts = run::split_by_entity(&read_request(read, place.dialect(global)?, &watcher)?, &watcher)?;
    let base = new_folder(place, out.clone())?;
    let is_chain = parts.len() > 1;
    let mut reports = Vec::new();
    for part in parts {
        let folder = match run::entity_of(&part)?.filter(|_| is_chain) {
            None => base.clone(),
            Some(entity) => part_of_chain(&base, out.is_some(), entity).1,
        };
        let report = run::validate(&part, &folder, &watcher);
        console.finish_progress();
        reports.push(report?);
    }
    Ok(tell_all(console, &reports))
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
    let planned =
        match plan_requests((console, place, &connection), (arguments.read, &arguments.matching), &stop) {
            Ok(requests) => make_plans(console, &connection, "plan", requests).await,
            Err(failure) => Err(failure),
        };
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
    let requests = plan_requests((console, place, &connection), (arguments.read, &arguments.matching), &stop);
    let ended = match requests {
        Ok(requests) => {
            let wanted = Wanted {
                verb: "import",
                skip_rejects: arguments.matching.skip_rejects,
                guard: &arguments.guard,
                slice: arguments.slice.slice(),
                yes: arguments.yes,
                dry_run: arguments.dry_run,
            };
            plan_and_apply(console, place, &connection, (requests, wanted)).await
        }
        Err(failure) => Err(failure),
    };
    connection.close().await;
    ended
}

/// How plans are made and carried out in one go.
pub(crate) struct Wanted<'a> {
    /// The verb the user gave.
    pub(crate) verb: &'static str,
    /// Whether the good rows go when others are rejected.
    pub(crate) skip_rejects: bool,
    /// The flags that set limits.
    pub(crate) guard: &'a GuardArgs,
    /// Which part of the plans.
    pub(crate) slice: Slice,
    /// Whether nobody is asked.
    pub(crate) yes: bool,
    /// Whether to plan only.
    pub(crate) dry_run: bool,
}

/// Plans, asks and carries out.
pub(crate) async fn plan_and_apply(
    console: &Console,
    place: &Place,
    connection: &Connection,
    (requests, wanted): (Vec<PlanRequest>, Wanted<'_>),
) -> Result<Ending, Failure> {
    let Wanted { verb, skip_rejects: skip, guard, slice, yes, dry_run } = wanted;
    let command = if dry_run { "plan" } else { verb };
    let folders = make_plans(console, connection, command, requests).await?;
    let planned = told(&folders, command, |summary| planned_ending(summary, skip, false))?;
    if dry_run || (is_left_out(&planned) && !skip) {
        return Ok(tell_all(console, &planned));
    }
    if !yes {
        let waiting = planned.iter().filter(|report| report.summary.in_state(State::Planned) > 0);
        waiting.for_each(|report| console.result(&report.terminal(style(console))));
    }
    let approval = Approval::of((guard, &slice), connection, yes);
    approve(console, connection, &folders, &approval).await?;
    let sending = Sending { command: verb, guard, slice, recheck: false };
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
    let sending = Sending {
        command: "apply",
        guard: &arguments.guard,
        slice: arguments.slice.slice(),
        recheck: !arguments.allow_stale,
    };
    let approval = Approval::of((&arguments.guard, &sending.slice), &connection, arguments.yes);
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
        let approval = Approval::of((&arguments.guard, &sending.slice), &connection, true);
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
        folders.extend(followers(&folder)?);
    }
    Ok((folders, header))
}

/// The runs that were approved together with the one in `folder` and come after it.
fn followers(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut followers = Vec::new();
    for part in chain_of(folder).into_iter().skip_while(|part| part != folder).skip(1) {
        let header = read_header(&part).map_err(ledgerferry::Error::from)?;
        if !header.approved || header.phase == Phase::Finished {
            break;
        }
        followers.push(part);
    }
    Ok(followers)
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

pub(crate) fn new_folder(place: &Place, out: Option<PathBuf>) -> Result<PathBuf, Failure> {
    Ok(out.map_or_else(|| run::new_run_folder(&place.runs()), Ok)?)
}

pub(crate) fn read_request(
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
        entity: read.entity.map(EntityKind::from),
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
