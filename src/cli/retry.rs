//! `ferry retry`: an import of what did not arrive, with the flags of the run that left it out.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use ledgerferry::domain::State;
use ledgerferry::ledger::{Ledger, Phase, RunHeader};
use ledgerferry::run::{self, Ending, LEDGER, Leftovers, PlanRequest};
use serde_json::json;

use super::args::{Cli, Command, Global, ImportArgs, RetryArgs};
use super::chain::{chain_name, folder_name, part_of_chain, plan_request};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::import::{Wanted, new_folder, plan_and_apply, read_request};
use super::interrupt::{self, StopSign};
use super::project::{Place, chain_of};
use super::watch::watcher;

pub(crate) async fn retry(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: RetryArgs,
) -> Result<Ending, Failure> {
    let folders = match &arguments.run {
        Some(run) => place.chain_folders(run)?,
        None => latest_with_leftovers(place)?,
    };
    if let (Some(file), [others @ .., last]) = (&arguments.file, folders.as_slice())
        && !others.is_empty()
    {
        let words = format!("`{}` can be the rows of one run only, and several were named", file.display());
        let others: Vec<_> = others.iter().map(|folder| folder.display().to_string()).collect();
        let hint = format!("name one of them: {} or {}", others.join(", "), last.display());
        return Err(Failure::usage(words).with_hint(hint));
    }
    let parts = parts(place, &arguments, &folders)?;
    let ended = import_again(console, global, place, (&arguments, &parts)).await;
    for part in parts.iter().filter(|part| !part.retry.join(LEDGER).is_file()) {
        run::forget_leftovers(&part.retry);
    }
    ended
}

/// One run to try again.
struct Part {
    folder: PathBuf,
    header: RunHeader,
    /// The folder of the new run, and its name.
    retry: PathBuf,
    run: String,
    /// The name that it shares with the other one, when there is one.
    chain: Option<String>,
    leftovers: Leftovers,
}

impl Part {
    /// The run that a person would ask for to have the leftovers planned as the run planned its files.
    fn request(
        &self,
        console: &Console,
        (place, connection): (&Place, &Connection),
        stop: &StopSign,
    ) -> Result<PlanRequest, Failure> {
        let import = as_import(&self.header, &self.leftovers)?;
        let read = read_request(import.read, connection.target.api.dialect(), &watcher(console))?;
        let named = (self.run.clone(), self.retry.clone());
        let request = plan_request(place, (read, &import.matching), named, stop);
        Ok(PlanRequest { retries: Some(self.folder.clone()), chain: self.chain.clone(), ..request })
    }
}

/// What these runs have left out, customers first.
fn parts(place: &Place, arguments: &RetryArgs, folders: &[PathBuf]) -> Result<Vec<Part>, Failure> {
    let base = new_folder(place, arguments.out.clone())?;
    let mut parts: Vec<Part> = Vec::new();
    for folder in folders {
        let header = read_header(folder)?;
        let (run, retry) = match folders {
            [_] => (folder_name(&base), base.clone()),
            _ => part_of_chain(&base, arguments.out.is_some(), header.entity),
        };
        let leftovers = run::leftovers(folder, arguments.file.as_deref(), &retry).inspect_err(|_| {
            let others = parts.iter().map(|part| part.retry.as_path());
            for retry in others.chain([retry.as_path()]) {
                run::forget_leftovers(retry);
            }
        })?;
        let chain = (folders.len() > 1).then(|| chain_name(&base, arguments.out.is_some()));
        parts.push(Part { chain, folder: folder.clone(), header, retry, run, leftovers });
    }
    Ok(parts)
}

async fn import_again(
    console: &Console,
    global: &Global,
    place: &Place,
    (arguments, parts): (&RetryArgs, &[Part]),
) -> Result<Ending, Failure> {
    let with_rows = parts.iter().filter(|part| part.leftovers.rows > 0 || arguments.file.is_some());
    let with_rows: Vec<_> = with_rows.collect();
    let Some(first) = with_rows.first() else { return Ok(nothing_to_retry(console, parts)) };
    for part in &with_rows {
        tell(console, &part.header, &part.leftovers);
    }
    let stop = interrupt::stop_sign();
    let opening = Connection::open(console, place, place.profile_of(global, &first.header.profile)?);
    let connection = interrupt::unless_stopped(&stop, opening).await?;
    let requests = with_rows.iter().map(|part| part.request(console, (place, &connection), &stop));
    let mut requests = match requests.collect::<Result<Vec<_>, _>>() {
        Ok(requests) => requests,
        Err(failure) => {
            connection.close().await;
            return Err(failure);
        }
    };
    if let [alone] = requests.as_mut_slice() {
        alone.chain = None;
    }
    let wanted = Wanted {
        verb: "retry",
        skip_rejects: arguments.skip_rejects,
        guard: &arguments.guard,
        slice: arguments.slice.slice(),
        yes: arguments.yes,
        dry_run: arguments.dry_run,
    };
    let ended = plan_and_apply(console, place, &connection, (requests, wanted)).await;
    connection.close().await;
    ended
}

/// The latest run that left rows out and that no later run has retried, and with it the one that it was planned with.
fn latest_with_leftovers(place: &Place) -> Result<Vec<PathBuf>, Failure> {
    let is_carried_out = |header: &RunHeader| matches!(header.phase, Phase::Applying | Phase::Finished);
    let runs =
        place.run_folders().into_iter().filter_map(|folder| Some((read_header(&folder).ok()?, folder)));
    let runs: Vec<_> = runs.filter(|(header, _)| is_carried_out(header)).collect();
    // Runs of the same second stand in any order, and a name may come again later.
    let is_retried = |header: &RunHeader| {
        runs.iter()
            .any(|(other, _)| other.retries.as_ref() == Some(&header.run) && other.created >= header.created)
    };
    for (header, folder) in &runs {
        if header.undoes.is_none()
            && header.undone_by.is_none()
            && !is_retried(header)
            && has_leftovers(folder)
        {
            let is_open =
                |part: &PathBuf| part == folder || read_header(part).is_ok_and(|header| !is_retried(&header));
            return Ok(chain_of(folder).into_iter().filter(is_open).collect());
        }
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

fn nothing_to_retry(console: &Console, parts: &[Part]) -> Ending {
    let runs: Vec<_> = parts.iter().map(|part| part.header.run.as_str()).collect();
    let runs = runs.join(" and ");
    if console.json {
        Console::document(&json!({ "retries": runs, "rows": 0 }), Ending::Done);
    } else {
        console.result(&format!("NOTHING TO RETRY: run {runs} left no row out."));
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
