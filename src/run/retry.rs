//! `retry`: the rows of a run that did not arrive, as files to plan again.
//!
//! In: a run with nothing left to settle, and perhaps a file that a person has repaired. Out: the files to read.
//! Planning them is an import like any other; it knows from the target and from earlier runs what has arrived.
//!
//! Promises: nothing is retried while a row of the run may still arrive; the run's folder stays as it is.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::create_directory;
use crate::ledger::{Filter, Ledger, Phase, RunHeader};
use crate::report::LeftOutWriter;
use crate::source::{Chunk, SheetChoice, Source, SourceError, SourceOptions};

use super::ending::Ending;
use super::error::Error;
use super::facts::facts_of;
use super::import::LEDGER;
use super::reading::ReadingError;

/// The folder inside a retry's own for the rows as the run left them.
const COPIES: &str = "retried";

/// What a retry reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// How many rows of the run did not arrive.
    pub rows: u64,
    /// The files with them, or with what a person has made of them.
    pub files: Vec<PathBuf>,
    /// The sheets to read, when they are workbooks.
    pub sheets: Vec<String>,
    /// Whether any of the files is not as the run wrote it.
    pub is_edited: bool,
}

/// The rows of the run in `folder` that did not arrive, for a retry in the folder `retry`: the file that is `given`, or
/// else each rejects file of the run if somebody has changed it, or else the rows as they were.
///
/// # Errors
/// When rows of the run may still arrive, the run takes another one back, or a file cannot be read or written.
pub fn leftovers(folder: &Path, given: Option<&Path>, retry: &Path) -> Result<Leftovers, Error> {
    let ledger = Ledger::open(&folder.join(LEDGER))?;
    let header = ledger.header()?;
    check_settled(&ledger, &header)?;
    let copies = retry.join(COPIES);
    let (rows, fresh) = write_left_out(&ledger, &header, &copies)?;
    let mut leftovers = Leftovers { rows, files: Vec::new(), sheets: Vec::new(), is_edited: given.is_some() };
    for path in &fresh {
        if path.extension().is_some_and(|extension| extension == "xlsx") {
            leftovers.sheets = sheets_of(path)?;
        }
    }
    match given {
        Some(given) => leftovers.add_given(given, &header),
        None => {
            for path in fresh {
                leftovers.add_own(folder, path);
            }
        }
    }
    // Copies that nobody reads would only be in the way.
    if !leftovers.files.iter().any(|file| file.starts_with(&copies)) {
        forget_leftovers(retry);
    }
    Ok(leftovers)
}

/// Takes away what [`leftovers`] has put into the folder of a retry that came to nothing.
pub fn forget_leftovers(retry: &Path) {
    // What stays behind is in nobody's way: a folder without a ledger is no run.
    let _ = fs::remove_dir_all(retry.join(COPIES));
    let _ = fs::remove_dir(retry);
}

impl Leftovers {
    /// A file that a person names. Of a workbook, the sheets that the run has read, as far as it has them.
    fn add_given(&mut self, given: &Path, header: &RunHeader) {
        self.files = vec![given.to_owned()];
        let known = sheets_of(given).unwrap_or_default();
        let sources = header.sources.iter().filter_map(|source| source.name.sheet.clone());
        self.sheets = sources.filter(|sheet| known.contains(sheet)).collect();
        self.sheets.dedup();
    }

    /// The rejects file of the run's own folder if it says something else than `fresh`, which is what the run wrote.
    fn add_own(&mut self, folder: &Path, fresh: PathBuf) {
        let own = fresh.file_name().map(|name| folder.join(name)).filter(|own| own.is_file());
        match own {
            // A file that cannot be read any more was changed too, and whoever opens it says what is wrong with it.
            Some(own) if digest(&own).ok() != digest(&fresh).ok() => {
                self.is_edited = true;
                self.files.push(own);
            }
            _ => self.files.push(fresh),
        }
    }
}

fn check_settled(ledger: &Ledger, header: &RunHeader) -> Result<(), Error> {
    let open = ledger.counts()?.open();
    if header.undoes.is_some() {
        return Err(Error::RetryOfUndo(header.run.clone()));
    }
    match header.phase {
        Phase::Planning => Err(Error::PlanUnfinished(header.run.clone())),
        Phase::Planned if open > 0 => Err(Error::NotApplied(header.run.clone())),
        _ if open > 0 => Err(Error::RunOpen { run: header.run.clone(), rows: open }),
        _ => Ok(()),
    }
}

fn write_left_out(ledger: &Ledger, header: &RunHeader, copies: &Path) -> Result<(u64, Vec<PathBuf>), Error> {
    create_directory(copies)?;
    let mut writer = LeftOutWriter::new(copies, &facts_of(header, "retry", Ending::Done));
    ledger.for_each_row(Filter::All, |row| Ok::<(), Error>(writer.add(&row)?))?;
    Ok((writer.rows(), writer.publish()?))
}

/// The sheets of a workbook that hold anything; none for a text file.
fn sheets_of(path: &Path) -> Result<Vec<String>, Error> {
    let source = Source::open(path, &SourceOptions::default()).map_err(ReadingError::from)?;
    let first = source.name().sheet.clone();
    Ok(first.into_iter().chain(source.other_sheets().iter().cloned()).collect())
}

/// What all the cells of a file say, headings included, whatever the form of the file.
fn digest(path: &Path) -> Result<Vec<u8>, Error> {
    let mut hasher = Sha256::new();
    let sheets = sheets_of(path)?;
    let mut choices: Vec<_> = sheets.into_iter().map(|sheet| Some(SheetChoice::Name(sheet))).collect();
    if choices.is_empty() {
        choices.push(None);
    }
    for sheet in choices {
        let options = SourceOptions { sheet, ..SourceOptions::default() };
        let source = Source::open(path, &options).map_err(ReadingError::from)?;
        source.headers().iter().for_each(|heading| add_cell(&mut hasher, heading));
        let mut failure = None;
        let read = source.read(
            || Some(Chunk::default()),
            |chunk| {
                if let Err(error) = add_chunk(&mut hasher, chunk) {
                    failure.get_or_insert(error);
                }
            },
        );
        failure.map_or(read, Err)?;
    }
    Ok(hasher.finalize().to_vec())
}

fn add_chunk(hasher: &mut Sha256, mut chunk: Chunk) -> Result<(), SourceError> {
    chunk.split()?;
    for row in chunk.rows().iter() {
        row.cells().for_each(|cell| add_cell(hasher, cell));
        hasher.update([u8::MAX]);
    }
    Ok(())
}

/// A cell with its length, so that no two rows of cells look alike.
fn add_cell(hasher: &mut Sha256, cell: &str) {
    hasher.update((cell.len() as u64).to_le_bytes());
    hasher.update(cell);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(text: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        crate::durable::publish_bytes(&path, text.as_bytes()).unwrap();
        digest(&path).unwrap()
    }

    #[test]
    fn a_file_saved_in_another_form_says_the_same() {
        let first = digest_of("\u{feff}a,b\n1,x y\n2,\"z,\"\n");
        assert_eq!(first, digest_of("a;b\r\n1;\"x y\"\r\n2;z,\r\n"));
        for other in ["a,b\n1,x y\n2,z\n", "a,b\n1,x y\n", "a,b\n1x, y\n2,\"z,\"\n", "a,c\n1,x y\n2,\"z,\"\n"]
        {
            assert_ne!(first, digest_of(other), "{other}");
        }
    }
}
