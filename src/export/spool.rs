//! A list that a server sends in one answer, however long it is, in pages of a bounded size.
//!
//! In: the pieces of an answer as they come. Out: pages in neutral form. Both the answer and its records in neutral form
//! wait in private files that vanish with the process.
//!
//! Promises: memory stays flat; nothing of an answer is shown before all of it is there and was read to its end, so that
//! a torn one can be asked for again.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};

use bytes::Bytes;

use super::ExportError;
use crate::connector::{Api, Set};
use crate::durable::FileError;

/// Records on a page: customers and payments are about a kilobyte each.
const PAGE_ROWS: usize = 2_000;

/// An answer on its way to a file.
#[derive(Debug)]
pub(super) struct Download {
    file: BufWriter<File>,
    failure: Option<io::Error>,
}

impl Download {
    /// Nothing has come yet.
    pub(super) fn new() -> Result<Self, ExportError> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile().map_err(unkept)?), failure: None })
    }

    /// Keeps the next piece; a failure is told at the end.
    pub(super) fn take(&mut self, piece: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.file.write_all(piece).err();
        }
    }

    fn finish(self) -> io::Result<BufReader<File>> {
        match self.failure {
            Some(failure) => Err(failure),
            None => read_back(self.file),
        }
    }
}

/// The records of an answer, and where the next answer is.
#[derive(Debug)]
pub(super) struct Spool {
    records: BufReader<File>,
    left: u64,
    /// The address of the next answer, if there is one.
    pub(super) next_link: Option<String>,
}

/// Why an answer is none.
#[derive(Debug)]
pub(super) enum SpoolError {
    /// It is not what the API sends.
    Malformed(serde_json::Error),
    /// It could not be kept.
    Unkept(ExportError),
}

impl Spool {
    /// Reads the whole answer that came from this address.
    pub(super) fn read(
        api: &dyn Api,
        (set, address): (Set<'_>, &str),
        download: Download,
    ) -> Result<Self, SpoolError> {
        let kept = |failure| SpoolError::Unkept(unkept(failure));
        let mut answer = download.finish().map_err(kept)?;
        let mut records = BufWriter::new(tempfile::tempfile().map_err(kept)?);
        let (mut left, mut failure) = (0, None);
        let next_link = api.each_record(set, address, &mut answer, &mut |record| {
            let written = write_record(&mut records, record);
            left += 1;
            failure = failure.take().or(written.err());
        });
        let next_link = next_link.map_err(SpoolError::Malformed)?;
        match failure {
            Some(failure) => Err(kept(failure)),
            None => Ok(Self { records: read_back(records).map_err(kept)?, left, next_link }),
        }
    }

    /// The next page; `None` after the last one.
    pub(super) fn next_page(&mut self) -> Result<Option<Bytes>, ExportError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut page = b"{\"value\":[".to_vec();
        for place in 0..PAGE_ROWS.min(usize::try_from(self.left).unwrap_or(usize::MAX)) {
            if place > 0 {
                page.push(b',');
            }
            self.read_record(&mut page).map_err(unkept)?;
            self.left -= 1;
        }
        page.extend_from_slice(b"]}");
        Ok(Some(page.into()))
    }

    fn read_record(&mut self, page: &mut Vec<u8>) -> io::Result<()> {
        let mut length = [0; 4];
        self.records.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        let read = self.records.by_ref().take(length).read_to_end(page)?;
        if read as u64 == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// A record follows its length.
fn write_record(records: &mut BufWriter<File>, record: &str) -> io::Result<()> {
    let length = u32::try_from(record.len()).map_err(io::Error::other)?;
    records.write_all(&length.to_le_bytes())?;
    records.write_all(record.as_bytes())
}

fn read_back(file: BufWriter<File>) -> io::Result<BufReader<File>> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(BufReader::new(file))
}

fn unkept(failure: io::Error) -> ExportError {
    FileError::new("keep what the target sends below", std::env::temp_dir(), failure).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::bigcapital::DIALECT;
    use crate::connector::open;

    fn spool(answer: &str) -> Result<Spool, SpoolError> {
        let mut download = Download::new().unwrap();
        // In pieces that cut records and characters.
        answer.as_bytes().chunks(7).for_each(|piece| download.take(piece));
        Spool::read(open(&DIALECT).as_ref(), (Set::Customers, "customers?page=1&page_size=1000000"), download)
    }

    #[test]
    fn a_long_list_comes_in_pages_and_every_record_once() {
        let customers: Vec<_> =
            (0..4_500).map(|id| format!(r#"{{"id":{id},"display_name":"Zoë \" {id}"}}"#)).collect();
        let answer = format!(
            r#"{{"customers":[{}],"pagination":{{"total":4500,"page":1,"page_size":1000000}},"filter_meta":{{}}}}"#,
            customers.join(", ")
        );
        let mut spool = spool(&answer).unwrap();
        assert_eq!(spool.next_link.as_deref(), Some("customers?page=1&page_size=1000000&inactive_mode=true"));
        let (mut sizes, mut ids) = (Vec::new(), Vec::new());
        while let Some(page) = spool.next_page().unwrap() {
            let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
            let records = page["value"].as_array().unwrap();
            sizes.push(records.len());
            for record in records {
                ids.push(record["id"].as_str().unwrap().parse::<u32>().unwrap());
                assert!(record["displayName"].as_str().unwrap().starts_with("Zoë \" "), "{record}");
            }
        }
        assert_eq!(sizes, [2_000, 2_000, 500]);
        assert_eq!(ids, (0..4_500).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_list_has_no_page_and_what_is_torn_or_no_list_is_none() {
        let empty = r#"{"customers":[],"pagination":{"total":0,"page":1,"page_size":9}}"#;
        assert!(spool(empty).unwrap().next_page().unwrap().is_none());
        for answer in ["", "{", r#"{"customers":[{"id":1}"#, r#"{"statusCode":404}"#, "<html>", "[1,"] {
            assert!(matches!(spool(answer), Err(SpoolError::Malformed(_))), "{answer}");
        }
    }
}
