//! The keys of the rows that went by, to find rows that stand in the files twice.

use crate::domain::SourceName;
use crate::validation::Seen;

/// The keys of the rows so far, in this file and the ones before it.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) seen: Seen,
    /// Every file's name, and how many lines the files before it have.
    files: Vec<(SourceName, u64)>,
    /// How many lines were seen, in all files.
    lines: u64,
}

impl Keys {
    pub(super) fn begin_file(&mut self, name: &SourceName) {
        self.files.push((name.clone(), self.lines));
    }

    /// Remembers the key of the row on `line` of the newest file; where the first row with that key stands, when
    /// that is another one.
    pub(super) fn insert(&mut self, hash: u64, line: u64) -> Option<String> {
        let before = self.files.last().map_or(0, |(_, before)| *before);
        self.lines = before + line;
        let first = self.seen.insert(hash, before + line)?;
        if first > before {
            return Some(format!("line {}", first - before));
        }
        let (name, before) = self.files.iter().rev().find(|(_, before)| first > *before)?;
        Some(format!("line {} of `{name}`", first - before))
    }
}
