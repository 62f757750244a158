//! The files of a command: opened, their columns bound to fields, and what is to be said of both.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::catalogue::{DIALECTS, Dialect, Writable};
use crate::domain::text::is_same_folded;
use crate::domain::{EntityKind, Money};
use crate::durable::FileError;
use crate::ledger::RunHeader;
use crate::mapping::{Binding, Blanks, MappingError, MappingFile, UnmappedReason, Unsupported, guess_entity};
use crate::report::{REASON_COLUMN, SourceFacts};
use crate::source::{SheetChoice, Source, SourceError, SourceOptions};
use crate::validation::Sign;

use super::event::{Event, Observer};
use super::history::number_column;

/// Which files to read, and how.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The dialect whose records the rows are to become.
    pub dialect: &'static Dialect,
    /// CSV files and sheets of workbooks; a run takes one kind of record, see [`split_by_entity`].
    ///
    /// [`split_by_entity`]: super::split_by_entity
    pub files: Vec<Input>,
    /// What the rows are; `None` guesses from the headings.
    pub entity: Option<EntityKind>,
    /// A mapping file.
    pub mapping: Option<PathBuf>,
    /// How to read a file when its content should not decide.
    pub options: SourceOptions,
    /// What the sign of a payment's amount means.
    pub sign: Sign,
    /// What blank cells mean, unless the mapping file says so for a column.
    pub blank: Blanks,
}

/// A file to read, and which sheet of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// The sheet of a workbook; `None` leaves it to the options of the request.
    pub sheet: Option<SheetChoice>,
}

impl From<PathBuf> for Input {
    fn from(path: PathBuf) -> Self {
        Self { path, sheet: None }
    }
}

/// Why files cannot be read as customers or payments.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// A file is not a table.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The columns do not bind.
    #[error("the columns of `{file}` cannot be bound")]
    Mapping {
        /// The file whose columns were to be bound.
        file: String,
        /// Why they do not.
        source: MappingError,
    },
    /// The mapping file cannot be used.
    #[error(transparent)]
    MappingFile(#[from] MappingError),
    /// The mapping file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The headings do not tell what the rows are.
    #[error(
        "the first row of `{file}` has no headings that tell customers from payments; it holds {headings}"
    )]
    EntityUnclear {
        /// The file, and the sheet of a workbook.
        file: String,
        /// The first of the headings, in backticks and parted by commas.
        headings: String,
    },
    /// The target has no such records.
    #[error("`{file}` holds {kind}s, and {system} has none")]
    NoSuchRecords {
        /// The file, and the sheet of a workbook.
        file: String,
        /// What one of its rows is.
        kind: &'static str,
        /// The system and its dialect.
        system: &'static str,
    },
    /// One file holds customers and another payments.
    #[error("`{file}` holds {found}, the files before it {wanted}; import them one after the other")]
    Mixed {
        /// The file.
        file: String,
        /// What it holds.
        found: &'static str,
        /// What the others hold.
        wanted: &'static str,
    },
}

impl ReadRequest {
    /// The flags that a later command needs to read rows as this one does, as they are typed.
    pub(super) fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if let Some(entity) = self.entity {
            flags.push(format!("--entity {}", entity.as_str()));
        }
        if let Some(mapping) = &self.mapping {
            flags.push(format!("--map {}", typed(&mapping.to_string_lossy())));
        }
        match self.options.delimiter {
            Some(b'\t') => flags.push("--delimiter tab".to_owned()),
            Some(delimiter) => flags.push(format!("--delimiter \"{}\"", char::from(delimiter))),
            None => {}
        }
        match &self.options.sheet {
            Some(SheetChoice::Name(name)) => flags.push(format!("--sheet {}", typed(name))),
            Some(SheetChoice::Number(number)) => flags.push(format!("--sheet {number}")),
            None => {}
        }
        if self.blank != Blanks::Keep {
            flags.push(format!("--blank {}", self.blank.as_str()));
        }
        if self.sign == Sign::AsIs {
            flags.push("--sign as-is".to_owned());
        }
        flags
    }
}

/// A word as a person types it into a shell.
pub(super) fn typed(word: &str) -> String {
    let is_plain = word.chars().all(|letter| letter.is_alphanumeric() || "-_./:\\".contains(letter));
    if is_plain { word.to_owned() } else { format!("\"{word}\"") }
}

/// A file whose columns are bound. Its hash is left to whoever needs it: it costs a pass over the file.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) source: Source,
    pub(super) binding: Binding,
    pub(super) facts: SourceFacts,
}

/// The catalogue's tables of the dialect that a run speaks.
pub(super) fn tables_of(header: &RunHeader) -> &'static Dialect {
    // A run of a dialect that this program does not know is stopped when its target is opened.
    Dialect::named(&header.system, &header.dialect).unwrap_or(DIALECTS[0])
}

/// Opens every file and binds its columns.
pub(super) fn open_files(request: &ReadRequest) -> Result<(EntityKind, Vec<Opened>), ReadingError> {
    let mapping = request.mapping.as_deref().map(read_mapping).transpose()?;
    let mut kind = request.entity.or(mapping.as_ref().and_then(|mapping| mapping.entity));
    let mut opened = Vec::new();
    for input in &request.files {
        let file = open_file(input, kind, mapping.as_ref(), request)?;
        let found = file.binding.kind();
        if let Some(wanted) = kind.filter(|wanted| *wanted != found) {
            let file = input.path.display().to_string();
            return Err(ReadingError::Mixed { file, found: found.as_str(), wanted: wanted.as_str() });
        }
        kind = Some(found);
        opened.push(file);
    }
    Ok((kind.unwrap_or(EntityKind::Customers), opened))
}

fn open_file(
    Input { path, sheet }: &Input,
    kind: Option<EntityKind>,
    mapping: Option<&MappingFile>,
    request: &ReadRequest,
) -> Result<Opened, ReadingError> {
    let name = path.display().to_string();
    let mut options = request.options.clone();
    options.sheet = sheet.clone().or(options.sheet);
    let source = Source::open(path, &options)?;
    let kind = request
        .entity
        .or(mapping.and_then(|mapping| mapping.entity))
        .or_else(|| guess_entity(source.headers(), &request.dialect.candidates()))
        .or(kind)
        .ok_or_else(|| entity_unclear(&source))?;
    if !request.dialect.has(kind) {
        return Err(ReadingError::NoSuchRecords {
            file: source.name().to_string(),
            kind: kind.noun(),
            system: request.dialect.title,
        });
    }
    let binding = Binding::bind(source.headers(), kind, request.dialect.entity(kind), mapping)
        .map_err(|source| ReadingError::Mapping { file: name, source })?
        .with_blanks(request.blank);
    let facts = SourceFacts {
        name: source.name().clone(),
        sha256: String::new(),
        bytes: fs::metadata(path).map_err(|error| FileError::new("read", path, error))?.len(),
        rows: 0,
        headers: source.headers().to_vec(),
        delimiter: source.delimiter().map(char::from),
    };
    Ok(Opened { path: path.to_owned(), source, binding, facts })
}

fn entity_unclear(source: &Source) -> ReadingError {
    const SHOWN: usize = 6;
    let headings =
        source.headers().iter().map(|heading| heading.trim()).filter(|heading| !heading.is_empty());
    let mut shown: Vec<_> = headings.take(SHOWN + 1).map(|heading| format!("`{heading}`")).collect();
    if shown.len() > SHOWN {
        "…".clone_into(&mut shown[SHOWN]);
    }
    ReadingError::EntityUnclear { file: source.name().to_string(), headings: shown.join(", ") }
}

/// What the mapping file of a request says the rows are.
pub(super) fn entity_of_mapping(request: &ReadRequest) -> Result<Option<EntityKind>, ReadingError> {
    Ok(request.mapping.as_deref().map(read_mapping).transpose()?.and_then(|mapping| mapping.entity))
}

fn read_mapping(path: &Path) -> Result<MappingFile, ReadingError> {
    let text = fs::read_to_string(path).map_err(|error| FileError::new("read", path, error))?;
    Ok(MappingFile::parse(&text, &path.display().to_string())?)
}

impl Opened {
    /// The column of the amount that counts in the control totals.
    pub(super) fn amount_column(&self) -> Option<usize> {
        let entity = self.binding.entity();
        let field = entity.counted_amount()?;
        self.binding.column_of(field).map(|column| column as usize)
    }

    /// The columns of the fields that a person knows a record by, the best first.
    pub(super) fn key_columns(&self) -> [Option<usize>; 2] {
        let names = match self.binding.kind() {
            EntityKind::Customers => ["number", "displayName"],
            EntityKind::Dimensions => ["customerNumber", "dimensionCode"],
            EntityKind::Payments => ["documentNumber", "externalDocumentNumber"],
        };
        let column = |name| self.binding.column_of(self.binding.entity().index_of(name)?);
        names.map(|name| column(name).map(|column| column as usize))
    }

    /// The columns whose values the target has no place for: headings, and the fields they would fill elsewhere; of
    /// those that it has one place for, that it is about the others.
    pub(super) fn unsupported(&self) -> Vec<(String, &'static str)> {
        let heading = |column: u32| self.facts.headers.get(column as usize).cloned().unwrap_or_default();
        let named = |unsupported: Unsupported| {
            let others = if unsupported.has_place_for_one { ": all but the first" } else { "" };
            (format!("{}{others}", heading(unsupported.column)), unsupported.field)
        };
        self.binding.unsupported().map(named).collect()
    }

    /// The fields that columns would fill elsewhere, for which the target has no place at all.
    pub(super) fn unplaced(&self) -> Vec<&'static str> {
        let unplaced = self.binding.unsupported().filter(|unsupported| !unsupported.has_place_for_one);
        unplaced.map(|unsupported| unsupported.field).collect()
    }

    /// The column of a customer's number, where the target has no field for it.
    pub(super) fn number_column(&self) -> Option<usize> {
        let is_free = |column: &usize| {
            let uses = |field| self.binding.column_of(field).is_some_and(|used| used as usize == *column);
            !self.binding.fields().any(uses)
        };
        number_column(&self.facts.headers).filter(is_free)
    }

    /// The column of a payment's currency, which the target takes from the customer.
    pub(super) fn currency_column(&self) -> Option<usize> {
        let entity = self.binding.entity();
        let is_free = entity.field("currencyCode").is_none_or(|field| !field.is_in_files());
        if self.binding.kind() != EntityKind::Payments || !is_free {
            return None;
        }
        let is_currency =
            |heading: &String| ["currencyCode", "currency"].iter().any(|name| is_same_folded(heading, name));
        self.facts.headers.iter().position(is_currency)
    }

    /// The column in which a rejects file says why a row was left out.
    pub(super) fn reason_column(&self) -> Option<usize> {
        self.facts.headers.iter().position(|header| is_same_folded(header, REASON_COLUMN))
    }

    /// Headings and the fields they fill, left to right.
    pub(super) fn columns(&self) -> Vec<(String, String)> {
        let mut columns: Vec<_> = self
            .binding
            .fields()
            .filter_map(|field| {
                Some((self.binding.column_of(field)?, self.binding.entity().fields[field].name))
            })
            .collect();
        columns.sort_unstable();
        let heading = |column: u32| self.facts.headers.get(column as usize).cloned().unwrap_or_default();
        columns.into_iter().map(|(column, field)| (heading(column), field.to_owned())).collect()
    }

    /// The sheets that are not read, in one line; `None` when all are, or one was chosen.
    fn other_sheets_note(&self) -> Option<String> {
        let others: Vec<_> = self.source.other_sheets().iter().map(|sheet| format!("`{sheet}`")).collect();
        let sheets = if others.len() == 1 { "sheet" } else { "sheets" };
        let note =
            format!("{}: {sheets} not read: {}; --sheet chooses another", self.facts.name, others.join(", "));
        Some(note).filter(|_| !others.is_empty())
    }

    /// The columns that fill nothing, in one line; `None` when all do.
    pub(super) fn unmapped_note(&self) -> Option<String> {
        let unmapped = self.unmapped();
        let columns = if unmapped.len() == 1 { "column" } else { "columns" };
        let list = unmapped.join(", ");
        Some(format!("{}: {columns} not used: {list}", self.facts.name)).filter(|_| !unmapped.is_empty())
    }

    /// Headings that fill nothing, with the reason where there is one to give; our own columns are passed over.
    pub(super) fn unmapped(&self) -> Vec<String> {
        let told = |unmapped: &crate::mapping::Unmapped| match &unmapped.reason {
            // What the target has no place for is told with the number of its values.
            UnmappedReason::Own | UnmappedReason::Unsupported(_) => None,
            UnmappedReason::Unknown { .. } if unmapped.header.trim().is_empty() => {
                Some(format!("number {} (has no heading)", unmapped.column + 1))
            }
            UnmappedReason::Unknown { suggestion: Some(field) } => {
                Some(format!("{} (did you mean `{field}`?)", unmapped.header))
            }
            UnmappedReason::Unknown { suggestion: None } => Some(unmapped.header.clone()),
            UnmappedReason::ReadOnly(field) => {
                Some(format!("{} (`{field}` belongs to the server)", unmapped.header))
            }
            UnmappedReason::Decided(field) => {
                Some(format!("{} (the run decides on `{field}`)", unmapped.header))
            }
            UnmappedReason::Taken(field) => {
                Some(format!("{} (another column fills `{field}`)", unmapped.header))
            }
            UnmappedReason::Ignored => Some(format!("{} (ignored by the mapping file)", unmapped.header)),
        };
        self.binding.unmapped().iter().filter_map(told).collect()
    }
}

/// An amount as the file has it, from the one that is sent.
pub(super) fn as_in_file(kind: EntityKind, sign: Sign, sent: Money) -> Money {
    match (kind, sign) {
        (EntityKind::Payments, Sign::ReceiptsPositive) => -sent,
        (EntityKind::Payments, Sign::AsIs) | (EntityKind::Customers | EntityKind::Dimensions, _) => sent,
    }
}

/// Lists the sheets that are not read and the columns that fill nothing, before anything is done with the others.
pub(super) fn tell_unmapped(opened: &[Opened], observer: Observer<'_>) {
    for file in opened {
        let notes = [file.other_sheets_note(), file.unmapped_note()];
        notes.into_iter().flatten().for_each(|note| observer(Event::Note(note)));
    }
}

/// The amount of a rejected row, where its cell can be read.
pub(super) fn rejected_amount(cells: &[String], column: Option<usize>) -> Option<Money> {
    cells.get(column?)?.trim().parse().ok()
}

/// The fields that any of the files fills.
pub(super) fn fields_of(opened: &[Opened]) -> BTreeSet<usize> {
    opened.iter().flat_map(|file| file.binding.fields()).collect()
}

/// The fields of the target's records that a plan needs: those that the files fill, and where a row may delete its
/// record all that would make it again.
pub(super) fn needed_fields(opened: &[Opened]) -> BTreeSet<usize> {
    let mut fields = fields_of(opened);
    for file in opened.iter().filter(|file| file.binding.action_column().is_some()) {
        let all = file.binding.entity().fields.iter().enumerate();
        fields.extend(all.filter(|(_, field)| field.writable != Writable::No).map(|(index, _)| index));
    }
    fields
}
