//! `validate`: every rule on every row, offline.

use std::path::Path;

use crate::domain::{Asked, Money, Reject};
use crate::report::{Report, ReportError, ReportWriter, RunFacts, Total};

use super::check::{Check, CheckError, CheckOptions, CheckedChunk};
use super::ending::Ending;
use super::error::Error;
use super::event::{Event, Observer};
use super::facts::{now, tool_version, unsupported_note};
use super::import::add_unsupported;
use super::reading::{Opened, ReadRequest, as_in_file, open_files, rejected_amount, tell_unmapped};

/// Checks files against every rule and writes the report and the rejects into `folder`. Blocks.
pub fn validate(request: &ReadRequest, folder: &Path, observer: Observer<'_>) -> Result<Report, Error> {
    let (entity, opened) = open_files(request)?;
    tell_unmapped(&opened, observer);
    let facts = RunFacts {
        run: String::new(),
        command: "validate".to_owned(),
        created: now(),
        tool_version: tool_version(),
        entity,
        profile: String::new(),
        system: String::new(),
        dialect: String::new(),
        company: String::new(),
        local_currency: String::new(),
        sources: opened.iter().map(|file| file.facts.clone()).collect(),
        columns: opened.first().map(Opened::columns).unwrap_or_default(),
        unsupported: Vec::new(),
        unmapped: opened.iter().flat_map(Opened::unmapped).collect(),
        flags: request.flags(),
        retries: None,
        undoes: None,
        undone_by: None,
        not_restored: None,
        deleted_dimensions: 0,
        chain: None,
        is_followed: false,
        process_exit: None,
        forecast: None,
        notes: vec![
            format!("The rules are those of {}.", request.dialect.title),
            "Nothing was asked of the target: whether codes and customers exist there was not checked."
                .to_owned(),
        ],
        sliced: false,
        finished: true,
        exit: Ending::Done.into(),
    };
    let mut writer = ReportWriter::of_check(folder, facts)?;
    let mut checked = 0;
    let mut check = Check::new(CheckOptions { sign: request.sign, ..CheckOptions::default() });
    for (source, file) in (0u32..).zip(opened) {
        let (amount_column, columns) = (file.amount_column(), file.unsupported());
        let counts = check.check_file(file.source, &file.binding, |chunk| {
            add_rejects(&mut writer, source, amount_column, &chunk.rejects)?;
            add_accepted(&mut writer, source, |sent| as_in_file(entity, request.sign, sent), &chunk);
            Ok::<(), ReportError>(())
        });
        let counts = counts.map_err(|error| match error {
            CheckError::Source(error) => Error::from(error),
            CheckError::Sink(error) => error.into(),
        })?;
        checked += counts.rows;
        let facts = writer.facts_mut();
        facts.sources[source as usize].rows = counts.rows;
        add_unsupported(&mut facts.unsupported, columns.into_iter().zip(counts.unsupported));
        observer(Event::Checked(checked));
    }
    let unsupported = &writer.facts_mut().unsupported;
    if let Some(note) = unsupported_note(request.dialect, unsupported) {
        observer(Event::Note(note.clone()));
        writer.facts_mut().notes.push(note);
    }
    let ending = if writer.summary().needing_attention() == 0 { Ending::Done } else { Ending::Refused };
    writer.facts_mut().exit = ending.into();
    Ok(writer.publish()?)
}

fn add_accepted(
    writer: &mut ReportWriter,
    source: u32,
    amount_in_file: impl Fn(Money) -> Money,
    chunk: &CheckedChunk<'_>,
) {
    let (mut count, mut skipped, mut sum) = (0, 0, Money::ZERO);
    let mut amounts = 0;
    for (asked, amount) in chunk.amounts() {
        let amount = amount.map(&amount_in_file);
        if asked == Some(Asked::Skip) {
            skipped += 1;
            if let Some(amount) = amount {
                writer.reject_total("", Total::new(1, amount));
            }
            continue;
        }
        count += 1;
        if let Some(amount) = amount {
            amounts += 1;
            sum = sum + amount;
        }
    }
    writer.accept(source, count);
    writer.skip(source, skipped);
    if amounts > 0 {
        writer.accept_total("", Total::new(amounts, sum));
    }
}

fn add_rejects(
    writer: &mut ReportWriter,
    source: u32,
    amount_column: Option<usize>,
    rejects: &[Reject],
) -> Result<(), ReportError> {
    for reject in rejects {
        if let Some(amount) = rejected_amount(&reject.cells, amount_column) {
            writer.reject_total("", Total::new(1, amount));
        }
        writer.reject(source, reject)?;
    }
    Ok(())
}
