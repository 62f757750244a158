//! Pages to rows to a file that waits to be published. Blocks: give it a thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::de::Error as _;

use crate::catalogue::Kind;
use crate::domain::Money;
use crate::domain::reference::guid_bits;
use crate::durable::{FileError, PendingFile, publish_all};

use super::columns::Layout;
use super::csv_writer::CsvWriter;
use super::decode::{Cell, DecodeError, Decoder};
use super::jsonl_writer::JsonlWriter;
use super::output::{Format, Measured, Output, Sink};
use super::pages::Page;
use super::xlsx_writer::XlsxWriter;
use super::{ExportError, Manifest, ManifestFile, ManifestTotal, RowWriter};

/// Writes pages as rows of a table.
pub struct Converter {
    entity: &'static str,
    decoder: Decoder,
    writer: Box<dyn RowWriter>,
    /// The index of each money column, its heading, and its sum while it fits.
    sums: Vec<(usize, &'static str, Option<Decimal>)>,
    codes: Vec<CodeColumn>,
    rows: u64,
    top: Option<u64>,
    headings: Vec<&'static str>,
    file: ManifestFile,
    path: PathBuf,
    manifest: Option<PathBuf>,
}

/// A column that holds codes in place of ids.
struct CodeColumn {
    /// Where it stands.
    column: usize,
    /// The column with the ids; its own when they have none.
    ids: usize,
    set: &'static str,
    codes: HashMap<u128, String>,
}

/// A whole table that waits to be published.
pub struct Converted {
    /// Name, size and hash.
    pub file: ManifestFile,
    /// The sums of the money columns.
    pub totals: Vec<ManifestTotal>,
    /// Columns that no record had: the server does not know them or left them out.
    pub missing: Vec<&'static str>,
    /// Where the manifest will stand; `None` when the table went to a stream.
    pub manifest: Option<PathBuf>,
    sink: Sink,
}

impl Converter {
    /// Makes ready to write at most `top` rows of this layout.
    pub fn open(
        layout: &Layout,
        output: Output,
        format: Format,
        top: Option<u64>,
    ) -> Result<Self, ExportError> {
        let entity = layout.entity.as_str();
        let target = output.open(entity, format)?;
        let path = match &target.sink {
            Sink::File(file) => file.path().to_owned(),
            Sink::Stream(_) => PathBuf::from("-"),
        };
        let measured = Measured::new(target.sink);
        let writer = match format {
            Format::Csv => CsvWriter::new(&layout.columns, measured).map(boxed),
            Format::Xlsx => XlsxWriter::new(&layout.columns, entity, measured).map(boxed),
            Format::Jsonl => Ok(boxed(JsonlWriter::new(&layout.columns, measured))),
        };
        let writer = writer.map_err(|cause| FileError::new("write", &path, cause))?;
        let money = layout.columns.iter().enumerate();
        let money = money.filter(|(_, column)| matches!(column.kind, Kind::Decimal(_)));
        Ok(Self {
            entity,
            decoder: Decoder::new(layout),
            writer,
            sums: money.map(|(index, column)| (index, column.name, Some(Decimal::ZERO))).collect(),
            codes: code_columns(layout),
            rows: 0,
            top,
            headings: layout.columns.iter().map(|column| column.name).collect(),
            file: ManifestFile {
                name: target.name,
                format: format.as_str(),
                rows: 0,
                bytes: 0,
                sha256: String::new(),
            },
            path,
            manifest: target.manifest,
        })
    }

    /// Fills the columns of codes with those of this table, which has them by id.
    pub fn set_codes(&mut self, set: &str, codes: &HashMap<u128, String>) {
        for column in self.codes.iter_mut().filter(|column| column.set == set) {
            column.codes.clone_from(codes);
        }
    }

    /// Writes the rows of a page; `false` when no more are wanted.
    ///
    /// `journal` is the payment journal that the page belongs to.
    pub fn write_page(&mut self, page: &Page, journal: &str) -> Result<bool, ExportError> {
        let malformed = |source| ExportError::Malformed { entity: self.entity, page: page.number, source };
        let text = simdutf8::basic::from_utf8(&page.body)
            .map_err(|_| malformed(serde_json::Error::custom("it is not UTF-8")))?;
        let Self { decoder, writer, sums, codes, rows, top, .. } = self;
        let has_room = |rows: u64| top.is_none_or(|top| rows < top);
        let mut failure = None;
        let outcome = decoder.decode(text, journal, &mut |row| {
            if !has_room(*rows) {
                return false;
            }
            *rows += 1;
            add_up(sums, row);
            failure = match codes.as_slice() {
                [] => writer.write_row(row),
                codes => writer.write_row(&with_codes(row, codes)),
            }
            .err();
            failure.is_none()
        });
        if let Some(cause) = failure {
            return Err(FileError::new("write", &self.path, cause).into());
        }
        match outcome {
            Ok(next_link) if next_link == page.next_link => Ok(has_room(*rows)),
            Ok(_) => Err(malformed(serde_json::Error::custom("it has more than one next link"))),
            Err(DecodeError::Stopped) => Ok(false),
            Err(DecodeError::DetailMissing) => Err(ExportError::DetailMissing { page: page.number }),
            Err(DecodeError::Malformed(source)) => Err(malformed(source)),
        }
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Completes the table.
    pub fn finish(self) -> Result<Converted, ExportError> {
        let sealed = self.writer.finish().map_err(|cause| FileError::new("write", &self.path, cause))?;
        let mut filled = self.decoder.filled().to_vec();
        for column in &self.codes {
            filled[column.column] = filled[column.ids] && !column.codes.is_empty();
        }
        let missing = self.headings.iter().zip(filled).filter(|(_, filled)| self.rows > 0 && !filled);
        let total = |(_, column, sum): (usize, _, Option<Decimal>)| ManifestTotal {
            column,
            sum: sum.map(Money::from),
        };
        Ok(Converted {
            file: ManifestFile { rows: self.rows, bytes: sealed.bytes, sha256: sealed.sha256, ..self.file },
            missing: missing.map(|(heading, _)| *heading).collect(),
            totals: self.sums.into_iter().map(total).collect(),
            manifest: self.manifest,
            sink: sealed.sink,
        })
    }
}

impl Converted {
    /// Puts the data in its place, then the manifest that vouches for it.
    pub fn publish(self, manifest: &Manifest) -> Result<(), ExportError> {
        let (Sink::File(data), Some(path)) = (self.sink, self.manifest) else {
            return Ok(());
        };
        let mut file = PendingFile::create(&path)?;
        serde_json::to_writer_pretty(&mut file, manifest)
            .map_err(|failure| FileError::new("write", &path, failure.into()))?;
        Ok(publish_all([data, file])?)
    }
}

fn boxed(writer: impl RowWriter + 'static) -> Box<dyn RowWriter> {
    Box::new(writer)
}

fn code_columns(layout: &Layout) -> Vec<CodeColumn> {
    let place_of = |id: &str| layout.columns.iter().position(|column| column.name == id);
    let columns = layout.codes().map(|(column, id, set)| CodeColumn {
        column,
        ids: place_of(id).unwrap_or(column),
        set,
        codes: HashMap::new(),
    });
    columns.collect()
}

/// The row with the codes of its ids; an id that its table does not have has none.
fn with_codes<'p>(row: &[Cell<'p>], columns: &[CodeColumn]) -> Vec<Cell<'p>> {
    let mut cells = row.to_vec();
    for column in columns {
        let code = match &row[column.ids] {
            Cell::Text(id) => guid_bits(id).and_then(|id| column.codes.get(&id)),
            _ => None,
        };
        cells[column.column] = code.map_or(Cell::Blank, |code| Cell::Text(Cow::Owned(code.clone())));
    }
    cells
}

fn add_up(sums: &mut [(usize, &'static str, Option<Decimal>)], row: &[Cell<'_>]) {
    for (column, _, sum) in sums {
        if let Cell::Number(digits) = &row[*column] {
            let amount = digits.parse::<Money>().ok().map(Money::decimal);
            *sum = sum.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::ExportEntity;
    use crate::export::testing::Shared;

    fn page(body: &'static str, next_link: Option<&str>) -> Page {
        Page { body: body.as_bytes().into(), next_link: next_link.map(str::to_owned), number: 1 }
    }

    fn converter(shared: &Shared, top: Option<u64>) -> Converter {
        let select = ["number", "creditLimit", "city"].map(str::to_owned);
        let layout =
            Layout::new(crate::catalogue::DIALECTS[0], ExportEntity::Customers, &select, &[]).unwrap();
        Converter::open(&layout, Output::Stream(Box::new(shared.clone())), Format::Csv, top).unwrap()
    }

    const TWO: &str = r#"{"value":[{"number":"1","creditLimit":0.10},{"number":"2","creditLimit":0.20}]}"#;

    #[test]
    fn money_columns_are_added_up_exactly() {
        let shared = Shared::default();
        let mut writer = converter(&shared, None);
        assert!(writer.write_page(&page(TWO, None), "").unwrap());
        let table = writer.finish().unwrap();
        assert_eq!(table.totals[0].sum.unwrap().to_string(), "0.30");
        assert_eq!(table.missing, ["city"]);
        assert_eq!((table.file.rows, table.file.bytes), (2, shared.bytes().len() as u64));
    }

    #[test]
    fn no_more_rows_are_written_than_wanted() {
        let shared = Shared::default();
        let mut converter = converter(&shared, Some(3));
        assert!(converter.write_page(&page(TWO, None), "").unwrap());
        assert!(!converter.write_page(&page(TWO, None), "").unwrap());
        assert_eq!(converter.finish().unwrap().file.rows, 3);
        assert_eq!(shared.bytes(), b"number,creditLimit,city\r\n1,0.10,\r\n2,0.20,\r\n1,0.10,\r\n");
    }

    #[test]
    fn a_sum_that_outgrows_its_digits_is_left_out_and_not_wrong() {
        let mut sums = [(0, "amount", Some(Decimal::ZERO))];
        let huge = [Cell::Number("79228162514264337593543950335".into())];
        add_up(&mut sums, &huge);
        assert_eq!(sums[0].2, Some(Decimal::MAX));
        add_up(&mut sums, &huge);
        assert_eq!(sums[0].2, None);
    }

    #[test]
    fn a_page_that_is_no_text_or_hides_a_link_is_refused() {
        let shared = Shared::default();
        let torn = Page { body: vec![0xff, 0xfe].into(), next_link: None, number: 7 };
        let refused = converter(&shared, None).write_page(&torn, "").unwrap_err();
        assert_eq!(refused.to_string(), "page 7 of customers cannot be read");
        let hidden = page(r#"{"value":[],"@odata.nextLink":"x"}"#, None);
        assert!(converter(&shared, None).write_page(&hidden, "").is_err());
    }
}
