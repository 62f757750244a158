//! The rows of a run that did not arrive, written once more for a retry, in the layout of the rejects files.

use std::path::{Path, PathBuf};

use super::ReportError;
use super::facts::RunFacts;
use super::rejects::RejectsWriter;
use super::summary::row_needs_attention;
use super::words::RowWords;
use crate::domain::RowResult;
use crate::durable::{PendingFile, publish_all};

/// Writes rows that did not arrive; nothing is visible before it is published.
#[derive(Debug)]
pub struct LeftOutWriter {
    rejects: RejectsWriter,
    rows: u64,
}

impl LeftOutWriter {
    /// Writes into this folder, with the names and the layout that the rejects files of the run have.
    #[must_use]
    pub fn new(folder: &Path, facts: &RunFacts) -> Self {
        Self { rejects: RejectsWriter::new(folder, facts), rows: 0 }
    }

    /// Adds a row of the run, if it is one that goes into the rejects file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, row: &RowResult) -> Result<(), ReportError> {
        if !row_needs_attention(row) {
            return Ok(());
        }
        self.rows += 1;
        self.rejects.add(row.planned.source, &row.planned.cells, &RowWords::of_result(row))
    }

    /// How many rows were written.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Puts the files in their places and says where they are.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn publish(self) -> Result<Vec<PathBuf>, ReportError> {
        let files = self.rejects.finish()?;
        let paths = files.iter().map(PendingFile::path).map(Path::to_owned).collect();
        publish_all(files)?;
        Ok(paths)
    }
}
