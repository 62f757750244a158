//! `ferry diff`: two sides, each a file or a target.

use std::path::PathBuf;

use ledgerferry::catalogue::{DIALECTS, Dialect};
use ledgerferry::domain::EntityKind;
use ledgerferry::report::Diff;
use ledgerferry::run::{self, DiffInput, DiffRequest, Ending};

use super::args::{Blank, DiffArgs, Global, ReadArgs};
use super::connect::Connection;
use super::console::{Console, write_out};
use super::failure::Failure;
use super::import::{read_request, style};
use super::project::Place;
use super::watch::watcher;

/// What marks the name of a profile.
const TARGET: char = '@';

pub(crate) async fn diff(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: DiffArgs,
) -> Result<Ending, Failure> {
    let first = connection(console, global, place, &arguments.first).await?;
    let second = match connection(console, global, place, &arguments.second).await {
        Ok(second) => second,
        Err(failure) => {
            close([first, None]).await;
            return Err(failure);
        }
    };
    let connections = [first, second];
    let compared = compare(console, place, arguments, &connections).await;
    console.finish_progress();
    close(connections).await;
    Ok(tell(console, &compared?))
}

async fn close(connections: [Option<Connection>; 2]) {
    for connection in connections.into_iter().flatten() {
        connection.close().await;
    }
}

/// The target that a side names; `None` for a file.
async fn connection(
    console: &Console,
    global: &Global,
    place: &Place,
    side: &str,
) -> Result<Option<Connection>, Failure> {
    let Some(name) = side.strip_prefix(TARGET) else { return Ok(None) };
    let profile = place.profile_named(global, name)?;
    Connection::open(console, place, profile).await.map(Some)
}

async fn compare(
    console: &Console,
    place: &Place,
    arguments: DiffArgs,
    connections: &[Option<Connection>; 2],
) -> Result<Diff, Failure> {
    let watcher = watcher(console);
    let dialects = connections.each_ref().map(|one| one.as_ref().map(|one| one.target.api.dialect()));
    let dialect = dialects.into_iter().flatten().next().unwrap_or(DIALECTS[0]);
    let mut sides = Vec::new();
    for (index, connection) in connections.iter().enumerate() {
        sides.push(match connection {
            Some(connection) => DiffInput::Target(&connection.target),
            None => DiffInput::File(Box::new(file(&arguments, index, dialect, &watcher)?)),
        });
    }
    let sides: [DiffInput<'_>; 2] = sides.try_into().expect("a comparison has two sides");
    let request = DiffRequest {
        sides,
        entity: arguments.entity.map(EntityKind::from),
        journals: [0, 1].map(|index| of_side(&arguments.journal, index)),
        match_on: arguments.match_on,
        folder: arguments.out.map_or_else(|| run::new_run_folder(&place.diffs()), Ok)?,
    };
    Ok(run::diff(request, &watcher).await?)
}

/// How a side that is a file is read.
fn file(
    arguments: &DiffArgs,
    index: usize,
    dialect: &'static Dialect,
    watcher: run::Observer<'_>,
) -> Result<run::ReadRequest, Failure> {
    let path = if index == 0 { &arguments.first } else { &arguments.second };
    let path = PathBuf::from(path);
    let is_workbook = path
        .extension()
        .is_some_and(|ending| ["csv", "tsv", "txt"].iter().all(|text| !ending.eq_ignore_ascii_case(text)));
    let read = ReadArgs {
        files: vec![path],
        entity: arguments.entity,
        mapping: arguments.mapping.clone(),
        sheet: of_side(&arguments.sheet, index).into_iter().filter(|_| is_workbook).collect(),
        all_sheets: false,
        delimiter: arguments.delimiter.clone(),
        sign: arguments.sign,
        blank: Blank::Keep,
        out: None,
    };
    read_request(read, dialect, watcher)
}

/// What a flag that may be given once for both sides, or twice, says of one.
fn of_side(words: &[String], index: usize) -> Option<String> {
    words.get(index).or(words.first()).cloned()
}

/// Prints the outcome in the form that was asked for, and says how the command ends.
fn tell(console: &Console, diff: &Diff) -> Ending {
    let ending = Ending::from_code(diff.exit.code);
    if console.json {
        write_out(&diff.json());
    } else if diff.is_equal {
        console.result(&diff.terminal(style(console)));
    } else {
        console.verdict(&diff.terminal(style(console)));
    }
    ending
}
