//! Workbooks.
use std::fs::File;

use super::SheetChoice;
use super::chunk::Chunk;
use super::error::SourceError;

#[derive(Debug)]
pub(super) struct Sheet;
pub(super) struct Opened {
    pub(super) sheet: Sheet,
    pub(super) headers: Vec<String>,
    pub(super) rows_start_line: u64,
}
pub(super) fn open(_file: File, name: &str, _choice: Option<&SheetChoice>) -> Result<Opened, SourceError> {
    Err(SourceError::Empty { file: name.to_owned() })
}
impl Sheet {
    pub(super) fn name(&self) -> &str {
        ""
    }
    pub(super) fn read(
        self,
        _next: impl FnMut() -> Option<Chunk>,
        _ready: impl FnMut(Chunk),
    ) -> Result<(), SourceError> {
        Ok(())
    }
}
