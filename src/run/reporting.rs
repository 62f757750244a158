//! The files and words of a run, from its ledger: after a plan, after a delivery, or again later.

use std::path::Path;

use crate::ledger::{Filter, Ledger, Phase};
use crate::report::{Report, ReportWriter, Summary};

use super::ending::Ending;
use super::error::Error;
use super::facts::facts_of;

/// Writes the results, the rejects and the report of a run again, as it stands.
pub fn report_again(ledger: &Ledger, folder: &Path) -> Result<Report, Error> {
    let header = ledger.header()?;
    let (phase, is_sliced) = (header.phase, header.sliced);
    let is_restored = header.not_restored.is_none_or(|found| found.rows == 0);
    let ended = header.ended.map(|code| Ending::from_code(code.into()));
    report(ledger, folder, "report", |summary| match (phase, summary.needing_attention()) {
        (Phase::Finished, 0) if !is_restored => Ending::LeftOut,
        (Phase::Finished | Phase::Planned, 0) => Ending::Done,
        (Phase::Finished, _) => Ending::LeftOut,
        (Phase::Applying, 0) if is_sliced => Ending::Done,
        (Phase::Applying, _) if is_sliced => Ending::LeftOut,
        (Phase::Planned, _) => Ending::Refused,
        // Killed, nobody could say how it ended.
        (Phase::Planning | Phase::Applying, _) => ended.unwrap_or(Ending::Interrupted),
    })
}

/// Writes the results, the rejects and the report of a run from its ledger; `ending` judges the rows.
pub fn report(
    ledger: &Ledger,
    folder: &Path,
    command: &str,
    ending: impl Fn(&Summary) -> Ending,
) -> Result<Report, Error> {
    let header = ledger.header()?;
    let mut writer = ReportWriter::of_run(folder, facts_of(&header, command, Ending::Done))?;
    ledger.for_each_row(Filter::All, |row| Ok::<(), Error>(writer.add(&row)?))?;
    let ending = ending(writer.summary());
    writer.facts_mut().exit = ending.into();
    Ok(writer.publish()?)
}
