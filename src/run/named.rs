//! Which invoices the rows of files name, so that of all those of the target only these are kept.
//!
//! In: files whose columns are bound. Out: a set of hashes, eight bytes for an invoice. Two invoices of one hash do no
//! harm: one more is kept.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::text::upper;
use crate::source::{Chunk, Source, SourceError, SourceOptions};

use super::reading::{Opened, ReadRequest};

/// The field by which payments name what they settle.
const INVOICE: &str = "appliesToInvoiceNumber";

/// The invoices that rows name.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// `None` when they cannot be known from the cells alone.
    hashes: Option<HashSet<u64>>,
    state: RandomState,
}

impl Named {
    /// Reads the cells of files that name invoices.
    ///
    /// # Errors
    /// When a file cannot be read as a table.
    pub(super) fn read(request: &ReadRequest, opened: &[Opened]) -> Result<Self, SourceError> {
        let mut named = Self { hashes: Some(HashSet::new()), ..Self::default() };
        for (input, file) in request.files.iter().zip(opened) {
            if file.binding.has_own_texts() {
                // A mapping file may make another number of a cell.
                return Ok(Self::default());
            }
            let field = file.binding.entity().index_of(INVOICE);
            let Some(column) = field.and_then(|field| file.binding.column_of(field)) else { continue };
            let sheet = input.sheet.clone().or_else(|| request.options.sheet.clone());
            let options = SourceOptions { sheet, ..request.options.clone() };
            named.add(Source::open(&input.path, &options)?, column as usize)?;
        }
        Ok(named)
    }

    fn add(&mut self, source: Source, column: usize) -> Result<(), SourceError> {
        let (spare, mut broken) = (RefCell::new(Chunk::default()), None);
        source.read(
            || Some(spare.take()),
            |mut chunk| {
                match chunk.split() {
                    Ok(()) => chunk.rows().iter().for_each(|row| self.insert(row.cell(column))),
                    Err(error) => broken = broken.take().or(Some(error)),
                }
                spare.replace(chunk);
            },
        )?;
        broken.map_or(Ok(()), Err)
    }

    /// A cell names one invoice, or several with the part of each: `INV-1=50; INV-2=20`.
    fn insert(&mut self, cell: &str) {
        self.insert_one(cell);
        if cell.contains('=') {
            let parts = cell.split(';').filter_map(|part| part.rsplit_once('='));
            parts.for_each(|(number, _)| self.insert_one(number));
        }
    }

    fn insert_one(&mut self, number: &str) {
        let hash = self.hash(number);
        if let Some(hashes) = self.hashes.as_mut().filter(|_| !number.trim().is_empty()) {
            hashes.insert(hash);
        }
    }

    fn hash(&self, number: &str) -> u64 {
        self.state.hash_one(upper(number.trim()))
    }

    /// Whether a row may name the invoice with this number.
    pub(super) fn may_name(&self, number: &str) -> bool {
        self.hashes.as_ref().is_none_or(|hashes| hashes.contains(&self.hash(number)))
    }

    /// How many invoices are named; `None` when that cannot be known.
    pub(super) fn count(&self) -> Option<usize> {
        self.hashes.as_ref().map(HashSet::len)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::catalogue::bigcapital::DIALECT;
    use crate::mapping::Blanks;
    use crate::run::reading::open_files;
    use crate::validation::Sign;

    #[test]
    fn what_the_rows_name_is_known_whatever_its_letter_case() {
        let mut file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
        file.write_all(b"Payment Number,Date,Amount,Invoice\nP-1,2026-01-01,5,inv-1 \nP-2,2026-01-01,5,\nP-3,2026-01-01,5,INV-1\n")
            .unwrap();
        let request = ReadRequest {
            dialect: &DIALECT,
            files: vec![file.path().to_owned().into()],
            entity: None,
            mapping: None,
            options: SourceOptions::default(),
            sign: Sign::default(),
            blank: Blanks::default(),
        };
        let (_, opened) = open_files(&request).unwrap();
        let named = Named::read(&request, &opened).unwrap();
        assert_eq!(named.count(), Some(1));
        assert!(named.may_name("INV-1") && named.may_name("Inv-1") && !named.may_name("INV-2"));
        let mut several = Named { hashes: Some(HashSet::new()), ..Named::default() };
        several.insert("INV-1=50; inv-2 = 20");
        assert!(several.may_name("INV-1") && several.may_name("INV-2") && !several.may_name("INV-3"));
        assert!(!named.may_name("") && Named::default().may_name("INV-2"));
    }
}
