//! What a person has agreed to, kept in the run: a part of a plan that was approved says nothing of the rest.
//!
//! In: the folder of a run and a slice of its plan. Out: the rows of that slice, as a part that stays the same while
//! rows are sent; and later, whether another slice stays inside it.

use std::path::Path;

use crate::delivery::Slice;
use crate::domain::State;
use crate::ledger::{ApprovedPart, Ledger, OpenRow, RunHeader};

use super::error::Error;
use super::import::LEDGER;

/// Rows read from the ledger at once.
const PAGE: usize = 2_000;

/// Keeps in the plan of the run in `folder` that a person has agreed to the rows of `slice`; to all of the plan when
/// that is what the slice is. What was agreed to before and covers the slice stays as it is.
///
/// # Errors
/// When the ledger cannot be read or written.
pub fn keep_approval(folder: &Path, slice: &Slice) -> Result<(), Error> {
    if is_approved(folder, slice)? {
        return Ok(());
    }
    let ledger = Ledger::open_for_delivery(&folder.join(LEDGER))?;
    let approved_part = if slice.is_whole() { None } else { Some(part_of(&ledger, slice)?) };
    Ok(ledger.update_header(&RunHeader { approved: true, approved_part, ..ledger.header()? })?)
}

/// Whether a person has agreed to every row of the run in `folder` that `slice` would send now.
///
/// # Errors
/// When the ledger cannot be read.
pub fn is_approved(folder: &Path, slice: &Slice) -> Result<bool, Error> {
    let ledger = Ledger::open(&folder.join(LEDGER))?;
    let RunHeader { approved, approved_part, .. } = ledger.header()?;
    let Some(part) = approved_part.filter(|_| approved) else { return Ok(approved) };
    let mut is_inside = true;
    for_each_sent(&ledger, slice, |row| is_inside &= part.has(row.id, row.line))?;
    Ok(is_inside)
}

/// Rows of a run that are not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRows {
    /// Those that a slice has to do with: it sends them, or an earlier process left them unanswered.
    pub meant: u64,
    /// All of them.
    pub open: u64,
}

/// How many rows of the run in `folder` `slice` would work on now.
///
/// # Errors
/// When the ledger cannot be read.
pub fn rows_in_slice(folder: &Path, slice: &Slice) -> Result<SliceRows, Error> {
    let ledger = Ledger::open(&folder.join(LEDGER))?;
    let counts = ledger.counts()?;
    let open = counts.open();
    let mut meant = open - counts.of_state(State::Planned);
    for_each_sent(&ledger, slice, |_| meant += 1)?;
    Ok(SliceRows { meant, open })
}

fn part_of(ledger: &Ledger, slice: &Slice) -> Result<ApprovedPart, Error> {
    let mut last_row = 0;
    for_each_sent(ledger, slice, |row| last_row = row.id)?;
    let lines = slice.lines.iter().map(|lines| (*lines.0.start(), *lines.0.end())).collect();
    Ok(ApprovedPart { last_row, lines })
}

/// Goes through the waiting rows that the slice holds, in the order in which they are sent.
fn for_each_sent(ledger: &Ledger, slice: &Slice, mut visit: impl FnMut(&OpenRow)) -> Result<(), Error> {
    let (mut after, mut left) = (0, slice.limit.unwrap_or(u64::MAX));
    while left > 0 {
        let page = ledger.open_rows(State::Planned, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in page.iter().filter(|row| slice.has_line(row.line)) {
            if left == 0 {
                break;
            }
            left -= 1;
            visit(row);
        }
    }
    Ok(())
}
