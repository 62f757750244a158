//! `ferry export`.

use std::io;
use std::path::Path;

use ledgerferry::export::{self, ExportEntity, ExportEvent, Output, Query};
use ledgerferry::run::{self, Ending, ExportRequest, ExportSummary};

use super::args::{ExportArgs, Exported, Format, Global};
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::project::Place;

pub(crate) async fn export(
    console: &Console,
    global: &Global,
    place: &Place,
    arguments: ExportArgs,
) -> Result<Ending, Failure> {
    let connection = Connection::open(console, place, place.profile(global)?).await?;
    let to_stdout = arguments.out == Path::new("-");
    let request = request(arguments, &connection);
    let target = &connection.target;
    let exported = run::export(target, request, &mut |event| match event {
        ExportEvent::OneByOne { records, columns } => console.note(&format!(
            "the target tells {columns} of one record at a time, so {records} are read one by one; --select without them is quicker"
        )),
        ExportEvent::Page { rows, .. } => console.progress("rows", rows, None),
        ExportEvent::Waiting { pause, reason } => {
            console.note(&format!("waiting {} s: {reason}", pause.as_secs_f32().ceil()));
        }
    })
    .await;
    console.finish_progress();
    connection.close().await;
    match exported {
        Ok(summary) => {
            tell(console, &summary, to_stdout);
            Ok(Ending::Done)
        }
        // Whoever read the stream has what it wanted.
        Err(error) if to_stdout && error.is_broken_pipe() => Ok(Ending::Done),
        Err(error) => Err(ledgerferry::Error::from(error).into()),
    }
}

fn request(arguments: ExportArgs, connection: &Connection) -> ExportRequest {
    let output = if arguments.out == Path::new("-") {
        Output::Stream(Box::new(io::stdout()))
    } else {
        Output::from_path(&arguments.out.to_string_lossy())
    };
    ExportRequest {
        entity: match arguments.entity {
            Exported::Customers => ExportEntity::Customers,
            Exported::Financials => ExportEntity::Financials,
            Exported::Dimensions => ExportEntity::Dimensions,
            Exported::Payments => ExportEntity::Payments,
        },
        select: arguments.select,
        expand: arguments.expand,
        query: Query { filter: arguments.filter_odata, order_by: arguments.order_by, top: arguments.top },
        journal: arguments.journal,
        output,
        format: arguments.format.map(|format| match format {
            Format::Csv => export::Format::Csv,
            Format::Xlsx => export::Format::Xlsx,
            Format::Jsonl => export::Format::Jsonl,
        }),
        profile: connection.target.profile.clone(),
        pages: connection.target.pages,
    }
}

pub(crate) fn tell(console: &Console, summary: &ExportSummary, to_stdout: bool) {
    for column in &summary.missing {
        console.note(&format!("the target does not have `{column}`; the column is empty"));
    }
    if to_stdout {
        return;
    }
    if console.json {
        Console::document(&summary.manifest, Ending::Done);
        return;
    }
    console.result(&in_words(summary));
}

fn in_words(summary: &ExportSummary) -> String {
    let manifest = &summary.manifest;
    let mut lines = vec![format!("{} {} from {}", manifest.rows, manifest.entity, manifest.company.name)];
    for total in &manifest.totals {
        if let Some(sum) = total.sum {
            lines.push(format!("  {:<24}{sum:>20}", total.column));
        }
    }
    for file in &manifest.files {
        lines.push(format!("written  {} ({} bytes, sha256 {}…)", file.name, file.bytes, &file.sha256[..12]));
    }
    lines.extend(summary.manifest_path.iter().map(|path| format!("manifest {}", path.display())));
    lines.join("\n")
}
