//! `ferry validate`, `plan`, `apply`, `import` and `resume`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

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
use super::interrupt;
use super::project::Place;
use super::watch::watcher;

pub(crate) fn validate(console: &Console, place: &Place, read: ReadArgs) -> Result<Ending, Failure> {
    let folder = new_folder(place, read.out.clone());
    let request = read_request(read)?;
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
    let connection = Connection::open(console, place, place.profile(global)?).await?;
    let skip = arguments.matching.skip_rejects;
    let planned = make_plan(console, place, &connection, arguments.read, &arguments.matching).await;
    let report = planned.and_then(|(ledger, folder)| {
        if let Some(on_conflict) = arguments.on_conflict.map(on_conflict) {
            run::note_on_conflict(&ledger, on_conflict)?;
        }
        let judge = |summary: &Summary| planned_ending(summary, skip, arguments.detailed_exitcode);
        Ok(run::report(&ledger, &folder, "plan", judge)?)
    });
    connection.close().await;
    Ok(tell(console, &report?))
}

pub(crate) async fn import(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ImportArgs,
) -> Result<Ending, Failure> {
    let connection = Connection::open(console, place, place.profile(global)?).await?;
    let ended = plan_and_apply(console, place, &connection, arguments).await;
    connection.close().await;
    ended
}

async fn plan_and_apply(
    console: &Console,
    place: &Place,
    connection: &Connection,
    arguments: ImportArgs,
) -> Result<Ending, Failure> {
    let command = if arguments.dry_run { "plan" } else { "import" };
    let skip = arguments.matching.skip_rejects;
    let (ledger, folder) = make_plan(console, place, connection, arguments.read, &arguments.matching).await?;
    let planned = run::report(&ledger, &folder, command, |summary| planned_ending(summary, skip, false))?;
    drop(ledger);
    let refused = planned.summary.needing_attention() > 0 && !skip;
    if arguments.dry_run || refused {
        return Ok(tell(console, &planned));
    }
    let approval = Approval::of(&arguments.guard, connection, arguments.yes);
    if planned.summary.in_state(State::Planned) > 0 && !arguments.yes {
        console.result(&planned.terminal(style(console)));
    }
    approve(console, connection, std::slice::from_ref(&folder), &approval).await?;
    let sending = Sending {
        command: "import",
        guard: &arguments.guard,
        slice: arguments.slice.slice(),
        recheck: false,
    };
    carry_out(console, place, connection, folder, sending).await
}

pub(crate) async fn apply(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ApplyArgs,
) -> Result<Ending, Failure> {
    let folder = place.run_folder(&arguments.run)?;
    let planned = {
        let ledger = Ledger::open(&folder.join(LEDGER)).map_err(ledgerferry::Error::from)?;
        let judge = |summary: &Summary| planned_ending(summary, arguments.skip_rejects, false);
        run::report(&ledger, &folder, "apply", judge)?
    };
    if planned.summary.needing_attention() > 0 && !arguments.skip_rejects && !planned.facts.finished {
        return Ok(tell(console, &planned));
    }
    let profile = place.profile_of(global, &planned.facts.profile)?;
    let connection = Connection::open(console, place, profile).await?;
    let approval = Approval::of(&arguments.guard, &connection, arguments.yes);
    let approved = approve(console, &connection, std::slice::from_ref(&folder), &approval).await;
    let ended = match approved {
        Ok(()) => {
            let sending = Sending {
                command: "apply",
                guard: &arguments.guard,
                slice: arguments.slice.slice(),
                recheck: !arguments.allow_stale,
            };
            carry_out(console, place, &connection, folder, sending).await
        }
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
    let folder = match &arguments.run {
        Some(run) => place.run_folder(run)?,
        None => latest_unfinished(place)?,
    };
    let header = read_header(&folder).map_err(ledgerferry::Error::from)?;
    if header.phase == Phase::Planned {
        let words =
            format!("run `{}` was planned and never applied, so there is nothing to continue", header.run);
        return Err(Failure::refused(words)
            .with_hint(format!("`ferry apply {}` asks first and carries it out", folder.display())));
    }
    let connection = Connection::open(console, place, place.profile_of(global, &header.profile)?).await?;
    let sending =
        Sending { command: "resume", guard: &arguments.guard, slice: arguments.slice.slice(), recheck: true };
    // Somebody has agreed to the first part only.
    let approved = if header.sliced {
        let approval = Approval::of(&arguments.guard, &connection, true);
        approve(console, &connection, std::slice::from_ref(&folder), &approval).await
    } else {
        Ok(())
    };
    let ended = match approved {
        Ok(()) => carry_out(console, place, &connection, folder, sending).await,
        Err(failure) => Err(failure),
    };
    connection.close().await;
    ended
}

fn latest_unfinished(place: &Place) -> Result<PathBuf, Failure> {
    let unfinished =
        |folder: &PathBuf| read_header(folder).is_ok_and(|header| header.phase == Phase::Applying);
    let found = place.run_folders().into_iter().find(unfinished);
    found.ok_or_else(|| Failure::usage("there is no interrupted run here".to_owned()))
}

fn read_header(folder: &Path) -> Result<RunHeader, LedgerError> {
    Ledger::open(&folder.join(LEDGER))?.header()
}

async fn make_plan(
    console: &Console,
    place: &Place,
    connection: &Connection,
    read: ReadArgs,
    matching: &MatchArgs,
) -> Result<(Ledger, PathBuf), Failure> {
    let folder = new_folder(place, read.out.clone());
    let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let request = PlanRequest {
        read: read_request(read)?,
        journal: matching.journal.clone(),
        mode: match matching.mode {
            args::Mode::Upsert => Mode::Upsert,
            args::Mode::Create => Mode::Create,
            args::Mode::Update => Mode::Update,
        },
        match_on: matching.match_on.clone(),
        run,
        folder: folder.clone(),
        runs: Some(place.runs()),
    };
    let planned = run::plan(&connection.target, &request, &watcher(console)).await;
    console.finish_progress();
    Ok((planned?, folder))
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

/// Sends what the plan in `folder` still holds, and tells what became of it.
pub(crate) async fn carry_out(
    console: &Console,
    place: &Place,
    connection: &Connection,
    folder: PathBuf,
    sending: Sending<'_>,
) -> Result<Ending, Failure> {
    let entity = read_header(&folder).map_err(ledgerferry::Error::from)?.entity;
    let max_errors = sending.guard.guards().or(&connection.guards).max_errors.unwrap_or_default();
    let delivery = DeliveryOptions {
        max_errors,
        slice: sending.slice,
        on_conflict: sending.guard.on_conflict.map(on_conflict),
        ..delivery_options(&connection.limits, entity)
    };
    let request = ApplyRequest {
        recheck: sending.recheck,
        runs: Some(place.runs()),
        ..ApplyRequest::new(folder, sending.command, delivery)
    };
    let applied = run::apply(&connection.target, &request, interrupt::stop_sign(), &watcher(console)).await;
    console.finish_progress();
    Ok(tell(console, &applied?))
}

fn on_conflict(word: args::OnConflict) -> OnConflict {
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

fn new_folder(place: &Place, out: Option<PathBuf>) -> PathBuf {
    out.unwrap_or_else(|| run::new_run_folder(&place.runs()))
}

fn read_request(read: ReadArgs) -> Result<ReadRequest, Failure> {
    let delimiter = match read.delimiter.as_str() {
        "auto" => None,
        "tab" | "\\t" => Some(b'\t'),
        text => match text.as_bytes() {
            [byte] if byte.is_ascii() => Some(*byte),
            _ => return Err(Failure::usage(format!("`{text}` is not one character; use `tab` for a tab"))),
        },
    };
    let sheet = read.sheet.map(|sheet| match sheet.parse() {
        Ok(number) => SheetChoice::Number(number),
        Err(_) => SheetChoice::Name(sheet),
    });
    Ok(ReadRequest {
        files: read.files,
        entity: read.entity.map(|entity| match entity {
            args::Entity::Customers => EntityKind::Customers,
            args::Entity::Payments => EntityKind::Payments,
        }),
        mapping: read.mapping,
        options: SourceOptions { delimiter, sheet },
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
