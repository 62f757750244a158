//! `ferry retry`: an import of what did not arrive, with the flags of the run that left it out.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use ledgerferry::domain::State;
use ledgerferry::ledger::{Ledger, Phase, RunHeader};
use ledgerferry::run::{self, Ending, LEDGER, Leftovers};
use serde_json::json;

use super::args::{Cli, Command, Global, ImportArgs, RetryArgs};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::import::{new_folder, plan_and_apply};
use super::interrupt;
use super::project::Place;

pub(crate) async fn retry(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: RetryArgs,
) -> Result<Ending, Failure> {
    let folder = match &arguments.run {
        Some(run) => one_run(place, run)?,
        None => latest_with_leftovers(place)?,
    };
    let header = read_header(&folder)?;
    let retry = new_folder(place, arguments.out.clone());
    let leftovers = run::leftovers(&folder, arguments.file.as_deref(), &retry);
    let leftovers = leftovers.inspect_err(|_| run::forget_leftovers(&retry))?;
    if leftovers.rows == 0 && arguments.file.is_none() {
        return Ok(nothing_to_retry(console, &header));
    }
    tell(console, &header, &leftovers);
    let ended = import_again(console, global, place, (arguments, &folder, &header, &retry, leftovers)).await;
    if !retry.join(LEDGER).is_file() {
        run::forget_leftovers(&retry);
    }
    ended
}

async fn import_again(
    console: &Console,
    global: &Global,
    place: &Place,
    (arguments, folder, header, retry, leftovers): (RetryArgs, &Path, &RunHeader, &Path, Leftovers),
) -> Result<Ending, Failure> {
    let mut import = as_import(header, &leftovers)?;
    import.read.out = Some(retry.to_owned());
    import.matching.skip_rejects = arguments.skip_rejects;
    import.guard = arguments.guard;
    import.slice = arguments.slice;
    (import.yes, import.dry_run) = (arguments.yes, arguments.dry_run);
    let stop = interrupt::stop_sign();
    let opening = Connection::open(console, place, place.profile_of(global, &header.profile)?);
    let connection = interrupt::unless_stopped(&stop, opening).await?;
    let ended = plan_and_apply(console, place, &connection, (import, Some(folder.to_owned()), stop)).await;
    connection.close().await;
    ended
}

/// One run; of two that were imported together, the customers have to come first.
fn one_run(place: &Place, run: &Path) -> Result<PathBuf, Failure> {
    match place.chain_folders(run)?.as_slice() {
        [folder] => Ok(folder.clone()),
        folders => {
            let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
            Err(Failure::usage(format!(
                "`{}` is {} runs, which are retried one by one",
                run.display(),
                names.len()
            ))
            .with_hint(format!(
                "`ferry retry {}` first, then `ferry retry {}`",
                names[0],
                names[1..].join(" ")
            )))
        }
    }
}

/// The latest run that left rows out and that no later run has retried.
fn latest_with_leftovers(place: &Place) -> Result<PathBuf, Failure> {
    let mut retried = Vec::new();
    for folder in place.run_folders() {
        let Ok(header) = read_header(&folder) else { continue };
        let is_carried_out = matches!(header.phase, Phase::Applying | Phase::Finished);
        if is_carried_out
            && header.undoes.is_none()
            && header.undone_by.is_none()
            && !retried.contains(&header.run)
            && has_leftovers(&folder)
        {
            return Ok(folder);
        }
        retried.extend(header.retries.filter(|_| is_carried_out));
    }
    Err(Failure::usage("there is no run here that left rows out".to_owned())
        .with_hint("`ferry retry RUN` names one; `ferry runs list` shows them"))
}

fn has_leftovers(folder: &Path) -> bool {
    let left_out = [State::Rejected, State::Refused, State::Conflict, State::Skipped];
    let counts = Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.counts());
    counts.is_ok_and(|counts| left_out.iter().any(|state| counts.of_state(*state) > 0))
}

fn read_header(folder: &Path) -> Result<RunHeader, Failure> {
    let header = Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.header());
    Ok(header.map_err(ledgerferry::Error::from)?)
}

fn nothing_to_retry(console: &Console, header: &RunHeader) -> Ending {
    if console.json {
        Console::document(&json!({ "retries": header.run, "rows": 0 }), Ending::Done);
    } else {
        console.result(&format!("NOTHING TO RETRY: run {} left no row out.", header.run));
    }
    Ending::Done
}

fn tell(console: &Console, header: &RunHeader, leftovers: &Leftovers) {
    let (run, rows) = (&header.run, leftovers.rows);
    let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    if leftovers.is_edited {
        let files: Vec<_> = leftovers.files.iter().map(|file| file.display().to_string()).collect();
        console.note(&format!("run {run} left {rows} out; retrying what is in {}", files.join(", ")));
    } else {
        console.note(&format!(
            "run {run} left {rows} out, and nobody has edited its rejects file since: they are the same again, and end \
             the same unless something has changed in the target"
        ));
    }
}

/// The import that a person would type to have the leftovers read as the run read its files.
fn as_import(header: &RunHeader, leftovers: &Leftovers) -> Result<ImportArgs, Failure> {
    let mut line = vec!["ferry".to_owned(), "import".to_owned()];
    for flag in &header.flags {
        let (name, value) = flag.split_once(' ').unwrap_or((flag, ""));
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        match name {
            // The rejects file has sheets of its own, the profile is known, and its delimiter speaks for itself.
            "--sheet" | "-p" | "--delimiter" => {}
            "--map" => line.push(format!("--map={}", mapping_path(header, value))),
            name => line.push(format!("{name}={value}")),
        }
    }
    if !header.flags.iter().any(|flag| flag.starts_with("--entity")) {
        line.push(format!("--entity={}", header.entity.as_str()));
    }
    line.extend(leftovers.sheets.iter().map(|sheet| format!("--sheet={sheet}")));
    line.push("--".to_owned());
    line.extend(leftovers.files.iter().map(|file| file.to_string_lossy().into_owned()));
    match Cli::try_parse_from(&line).map(|cli| cli.command) {
        Ok(Command::Import(arguments)) => Ok(arguments),
        _ => Err(Failure::usage(format!("the flags of run `{}` cannot be understood any more", header.run))
            .with_hint(format!(
                "import the rejects file by hand; the run's flags were {}",
                header.flags.join(" ")
            ))),
    }
}

/// Where the mapping file is: as it was named, seen from here or from where the run was planned.
fn mapping_path(header: &RunHeader, named: &str) -> String {
    let there = header.sources.first().and_then(|source| {
        let start = source.path.strip_suffix(&source.name.file)?;
        Some(Path::new(start).join(named))
    });
    match there.filter(|there| fs::metadata(named).is_err() && there.is_file()) {
        Some(there) => there.to_string_lossy().into_owned(),
        None => named.to_owned(),
    }
}
