//! What a report says of a run that its rows do not, from the run's ledger.

use jiff::Timestamp;

use crate::catalogue::Dialect;
use crate::domain::UnsupportedColumn;
use crate::ledger::{Phase, RunHeader, SourceHeader};
use crate::report::{RunFacts, SourceFacts};

use super::ending::Ending;
use super::reading::tables_of;

/// The present instant as RFC 3339, to the second.
pub(super) fn now() -> String {
    let now = Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

/// The version of this program.
pub(super) fn tool_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The circumstances of the run with this header, as `command` ends.
pub(super) fn facts_of(header: &RunHeader, command: &str, ending: Ending) -> RunFacts {
    RunFacts {
        run: header.run.clone(),
        command: command.to_owned(),
        created: header.created.clone(),
        tool_version: tool_version(),
        entity: header.entity,
        profile: header.profile.clone(),
        system: header.system.clone(),
        dialect: header.dialect.clone(),
        company: header.company_name.clone(),
        local_currency: header.local_currency.clone(),
        sources: header.sources.iter().map(source_facts).collect(),
        columns: header.columns.clone(),
        unmapped: header.unmapped.clone(),
        unsupported: header.unsupported.clone(),
        flags: header.flags.clone(),
        retries: header.retries.clone(),
        undoes: header.undoes.clone(),
        undone_by: header.undone_by.clone(),
        not_restored: header.not_restored.clone().filter(|found| found.rows > 0),
        deleted_dimensions: header.deleted_dimensions,
        chain: header.chain.clone(),
        is_followed: false,
        process_exit: None,
        forecast: header.forecast,
        notes: notes(header),
        sliced: header.sliced && header.phase == Phase::Applying,
        finished: header.phase == Phase::Finished,
        exit: ending.into(),
    }
}

fn source_facts(source: &SourceHeader) -> SourceFacts {
    SourceFacts {
        name: source.name.clone(),
        sha256: source.sha256.clone(),
        bytes: source.bytes,
        rows: source.rows,
        headers: source.headers.clone(),
        delimiter: source.delimiter,
    }
}

fn notes(header: &RunHeader) -> Vec<String> {
    let mut notes = vec![
        "The target's own posting rules (posting groups, allowed dates, dimensions) are checked when the target posts, not here."
            .to_owned(),
    ];
    notes.extend(unsupported_note(tables_of(header), &header.unsupported));
    if !header.match_on.is_empty() {
        let fields: Vec<_> = header.match_on.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!("Rows find their customers by {}, not by number.", fields.join(" and ")));
    }
    if let (Phase::Planned, Some(forecast)) =
        (header.phase, header.forecast.filter(|known| known.requests > 0))
    {
        notes.push(format!("Carrying the plan out takes {}.", forecast.words()));
    }
    if let Some(journal) = &header.journal_code {
        notes.push(format!(
            "Payments wait in journal {journal} until someone posts it; creating them posts nothing."
        ));
    }
    notes.extend(sign_note(header));
    notes
}

/// What becomes of the signs of payments, where the system's is another one than the file's or the neutral one.
fn sign_note(header: &RunHeader) -> Option<String> {
    let tables = tables_of(header);
    let is_negated = tables.journals.is_some();
    let note = match (header.sign.as_str(), is_negated) {
        ("receipts-positive", true) => {
            "Amounts are as in the file; they are sent negated, because Business Central posts receipts as negative amounts."
                .to_owned()
        }
        ("receipts-positive", false) => format!(
            "Amounts are as in the file and are sent as they are: {} holds money received as positive amounts.",
            tables.title
        ),
        ("as-is", false) => format!(
            "Amounts are as in the file, where money received is negative; {} gets them as positive amounts.",
            tables.title
        ),
        _ => return None,
    };
    Some(note)
}

/// The columns with values that the target has no place for, with how many; `None` when there are none.
pub(super) fn unsupported_list(unsupported: &[UnsupportedColumn]) -> Option<String> {
    let columns: Vec<_> = unsupported
        .iter()
        .map(|unsupported| match unsupported.values {
            1 => format!("`{}` (1 value)", unsupported.column),
            values => format!("`{}` ({values} values)", unsupported.column),
        })
        .collect();
    (!columns.is_empty()).then(|| columns.join(", "))
}

/// The same in a sentence.
pub(super) fn unsupported_note(dialect: &Dialect, unsupported: &[UnsupportedColumn]) -> Option<String> {
    let list = unsupported_list(unsupported)?;
    Some(format!("{} has no place for these columns, which are left out: {list}.", dialect.title))
}
