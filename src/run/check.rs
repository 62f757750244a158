//! The check stage: a source's rows become payloads or rejects, in file order.
//!
//! In: an opened source, the binding of its columns, and what to check. Out: one [`CheckedChunk`] after the
//! other, each with its accepted rows and its rejects.
//!
//! One thread reads; the rayon pool splits, maps, checks and writes payloads; the caller's thread puts the
//! chunks back in order, finds rows that are doubled in the files, and hands them to the sink.
//!
//! Promises: every row comes out once, accepted or rejected, in file order; the number of chunks in memory is
//! fixed, and what is kept of a row that went by is its key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::connector::payload::PayloadWriter;
use crate::domain::text::upper;
use crate::domain::{
    Asked, Broken, EntityKind, Money, Origin, Record, References, Reject, Row, Rule, SourceName, Value,
    Violation,
};
use crate::mapping::Binding;
use crate::report::{REASON_COLUMN, gives_reason};
use crate::source::{Chunk, Rows, Source, SourceError};
use crate::validation::{KeyKind, NaturalKey, Rules, Seen, Sign};

/// What to check rows against.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions<'r> {
    /// What the sign of a payment's amount means.
    pub sign: Sign,
    /// The target's tables; `None` checks offline.
    pub references: Option<&'r References>,
    /// Whether rows only change records that exist: then a required field may be blank.
    pub changes_only: bool,
    /// The fields by which rows find their records; empty for their natural key.
    pub match_on: &'r [&'static str],
}

/// Why a file was not checked to its end.
#[derive(Debug, thiserror::Error)]
pub enum CheckError<E: std::error::Error + 'static> {
    /// The file cannot be read as a table.
    #[error(transparent)]
    Source(SourceError),
    /// The sink refused a chunk.
    #[error(transparent)]
    Sink(E),
}

/// How many rows a file had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckedCounts {
    /// Rows that hold anything, the header apart.
    pub rows: u64,
    /// Rows that broke no rule.
    pub accepted: u64,
    /// Rows that broke one or more.
    pub rejected: u64,
}

/// Some consecutive rows of the file, checked.
#[derive(Debug)]
pub struct CheckedChunk<'c> {
    /// The rows that broke a rule, in file order.
    pub rejects: Vec<Reject>,
    chunk: &'c Chunk,
    findings: &'c Findings,
    rows_before: u64,
    lines_before: u64,
}

/// A row that broke no rule.
#[derive(Clone, Copy, Debug)]
pub struct CheckedRow<'c> {
    /// What the row asks to have done with it; `None` leaves it to the run.
    pub asked: Option<Asked>,
    /// The row's cells, and where it stands.
    pub row: Row<'c>,
    /// What makes the row the same record as another: the number or document number in upper case, or the
    /// name as it stands. `None` when the row has none of these.
    pub key: Option<(KeyKind, &'c str)>,
    /// The JSON object that creates the record.
    pub payload: &'c str,
    /// The amount in the payload: of a payment, or a customer's credit limit (in local currency). A row that
    /// deletes has none: it brings nothing into the books.
    pub amount: Option<Money>,
    /// The currency code the row names, in upper case.
    pub currency: Option<&'c str>,
}

/// Checks every row of the only source, see [`Check::check_file`].
pub fn check_file<E: std::error::Error + 'static>(
    source: Source,
    binding: &Binding,
    options: &CheckOptions<'_>,
    sink: impl FnMut(CheckedChunk<'_>) -> Result<(), E>,
) -> Result<CheckedCounts, CheckError<E>> {
    Check::new(*options).check_file(source, binding, sink)
}

/// The check of files that belong together: a row that doubles a row of an earlier file is a reject too.
#[derive(Debug)]
pub struct Check<'r> {
    options: CheckOptions<'r>,
    keys: Keys,
}

impl<'r> Check<'r> {
    /// No file was checked yet.
    #[must_use]
    pub fn new(options: CheckOptions<'r>) -> Self {
        Self { options, keys: Keys::default() }
    }

    /// Checks every row of the next source and hands the outcome to `sink`, chunk by chunk. Blocks until it is
    /// done.
    ///
    /// # Errors
    /// When the file cannot be read as a table, after the sink got the rows before; or when the sink returns
    /// an error, which ends the check.
    pub fn check_file<E: std::error::Error + 'static>(
        &mut self,
        source: Source,
        binding: &Binding,
        sink: impl FnMut(CheckedChunk<'_>) -> Result<(), E>,
    ) -> Result<CheckedCounts, CheckError<E>> {
        let checker = Checker::new(binding, source.headers(), &self.options);
        self.keys.begin_file(source.name());
        let lines = source.rows_start_line() - 1;
        let collector = Collector {
            checker: &checker,
            keys: &mut self.keys,
            counts: CheckedCounts::default(),
            text_bytes: source.text_bytes(),
            lines,
            sink,
        };
        run_check(source, &checker, collector)
    }
}

fn run_check<E: std::error::Error + 'static>(
    source: Source,
    checker: &Checker<'_>,
    collector: Collector<'_, impl FnMut(CheckedChunk<'_>) -> Result<(), E>>,
) -> Result<CheckedCounts, CheckError<E>> {
    let (free_sender, free_chunks) = channel();
    let (done_sender, done) = channel();
    for _ in 0..chunks_in_flight() {
        let _ = free_sender.send(Chunk::default()); // its receiver stands above
    }
    std::thread::scope(move |threads| {
        threads.spawn(move || read_and_check(source, checker, &free_chunks, &done_sender));
        collector.collect(&done, &free_sender) // then drops the sender, which stops the reader
    })
}

/// Enough for every worker to find one waiting while one is read, one collected, and one is late.
fn chunks_in_flight() -> usize {
    2 * rayon::current_num_threads() + 2
}

type Done = (usize, Result<Checked, SourceError>);

/// A chunk with what was found in it.
struct Checked {
    chunk: Chunk,
    findings: Findings,
}

/// Reads the source and has its chunks checked on the pool. Ends when the source does, or when no free chunk
/// comes back because the collector has left.
fn read_and_check(source: Source, checker: &Checker<'_>, free: &Receiver<Chunk>, done: &Sender<Done>) {
    rayon::in_place_scope(|pool| {
        let index = RefCell::new(0);
        let ended = source.read(
            || free.recv().ok(),
            |chunk| {
                let (place, done) = (index.replace_with(|index| *index + 1), done.clone());
                pool.spawn(move |_| {
                    // The collector may have left already: then nobody wants the chunk.
                    let _ = done.send((place, checker.check(chunk)));
                });
            },
        );
        if let Err(error) = ended {
            let _ = done.send((index.into_inner(), Err(error)));
        }
    });
}

/// What is needed to check a row, the same for all rows of a file.
struct Checker<'f> {
    binding: &'f Binding,
    options: &'f CheckOptions<'f>,
    rules: AskedRules<'f>,
    key: NaturalKey,
    payload: PayloadWriter,
    amount: Option<usize>,
    is_negated: bool,
    currency: Option<usize>,
    /// The id and the number of a payment's customer.
    customer: Option<(usize, usize)>,
    /// The column in which a rejects file says why the row was left out.
    reason: Option<usize>,
    spare: Mutex<Vec<Findings>>,
}

/// What was found in the rows of one chunk. Filled again for other chunks.
#[derive(Debug, Default)]
struct Findings {
    accepted: Vec<Accepted>,
    payloads: Vec<u8>,
    /// Keys and currencies of accepted rows.
    words: String,
    /// The hash of every row's key; 0 when it has none.
    hashes: Vec<u64>,
    rejects: Vec<Reject>,
}

/// One accepted row: where its payload ends, and its words.
#[derive(Debug)]
struct Accepted {
    row: usize,
    payload_end: usize,
    key_kind: Option<KeyKind>,
    key_end: usize,
    currency_end: usize,
    amount: Option<Money>,
    asked: Option<Asked>,
    is_doubled: bool,
}

impl<'f> Checker<'f> {
    fn new(binding: &'f Binding, headers: &[String], options: &'f CheckOptions<'f>) -> Self {
        let (kind, entity) = (binding.kind(), binding.entity());
        Self {
            binding,
            options,
            rules: AskedRules::new(binding, options),
            key: match options.match_on {
                [] => NaturalKey::new(kind, entity),
                _ => NaturalKey::new(kind, entity).without_names(),
            },
            payload: PayloadWriter::new(entity),
            amount: entity.index_of("amount").or_else(|| entity.index_of("creditLimit")),
            is_negated: entity.index_of("amount").is_some() && options.sign == Sign::ReceiptsPositive,
            currency: entity.index_of("currencyCode"),
            customer: entity.index_of("customerId").zip(entity.index_of("customerNumber")),
            reason: headers.iter().position(|header| header.trim() == REASON_COLUMN),
            spare: Mutex::default(),
        }
    }

    /// Splits and checks a chunk. Lines and rows in what comes back count from the start of the chunk.
    fn check(&self, mut chunk: Chunk) -> Result<Checked, SourceError> {
        chunk.split()?;
        let mut findings = self.spare().pop().unwrap_or_default();
        findings.clear();
        self.check_rows(chunk.rows(), &mut findings);
        Ok(Checked { chunk, findings })
    }

    fn check_rows(&self, rows: Rows<'_>, findings: &mut Findings) {
        let entity = self.binding.entity();
        let (mut record, mut broken) = (Record::new(entity.fields.len()), Vec::new());
        for (index, row) in rows.iter().enumerate() {
            record.clear();
            self.binding.fill(&row, self.options.references, &mut record, &mut broken);
            let is_plain = row.is_plain() && !self.binding.has_own_texts();
            let asked = self.binding.asked(&row);
            let asked = asked.map_err(|action| broken.push(action)).unwrap_or_default();
            self.rules.of(asked).check(&record, is_plain, &mut broken);
            let key = self.key.of(&record).filter(|_| asked != Some(Asked::Skip));
            findings.hashes.push(key.map_or(0, |(kind, key)| NaturalKey::hash(kind, key)));
            broken.extend(key.and_then(|(kind, _)| self.was_doubled(&row, kind)));
            self.forgive(asked, key.map(|(kind, _)| kind), &mut broken);
            if broken.is_empty() {
                self.accept((index, is_plain, asked), &mut record, key, findings);
            } else {
                findings.rejects.push(self.reject(&row, &mut broken));
            }
        }
    }

    /// Drops the broken rules that do not matter for what a row asks: one that is left out may hold anything, one
    /// that deletes only has to name its record.
    fn forgive(&self, asked: Option<Asked>, key: Option<KeyKind>, broken: &mut Vec<Broken>) {
        match asked {
            Some(Asked::Skip) => broken.clear(),
            Some(Asked::Delete) => {
                let entity = self.binding.entity();
                let names = match (self.binding.kind(), key) {
                    (EntityKind::Payments, _) => &["documentNumber", "customerId", "customerNumber"][..],
                    (EntityKind::Customers, Some(KeyKind::Number)) => &["number"],
                    (EntityKind::Customers, _) => &["number", "displayName"],
                };
                let match_on = self.options.match_on;
                broken.retain(|broken| {
                    let name = self.binding.name_of(broken.field);
                    names.contains(&name) || match_on.contains(&name)
                });
                if key.is_none() && match_on.is_empty() && broken.is_empty() {
                    let field = entity.index_of(names[0]).expect("records have the fields of their keys");
                    broken.push(Broken::new(field, Rule::Missing, "what names the record to delete"));
                }
            }
            Some(Asked::Create | Asked::Update) | None => {}
        }
    }

    fn accept(
        &self,
        (row, is_plain, asked): (usize, bool, Option<Asked>),
        record: &mut Record<'_>,
        key: Option<(KeyKind, &str)>,
        findings: &mut Findings,
    ) {
        let mut amount = None;
        if let Some(field) = self.amount
            && let Value::Decimal(money) = record.value(field)
        {
            let sent = if self.is_negated { -money } else { money };
            record.set(field, Value::Decimal(sent));
            amount = Some(sent).filter(|_| asked != Some(Asked::Delete));
        }
        if let Some((id, number)) = self.customer
            && !record.value(number).is_absent()
        {
            // Both name the same one; the server lets one of them win, so it gets one.
            record.set(id, Value::Absent);
        }
        self.payload.write(record, is_plain, &mut findings.payloads);
        match key {
            Some((KeyKind::Name, name)) => findings.words.push_str(name),
            Some((KeyKind::Number | KeyKind::Document, number)) => findings.words.push_str(&upper(number)),
            None => {}
        }
        let key_end = findings.words.len();
        if let Some(Value::Code(code)) = self.currency.map(|field| record.value(field)) {
            findings.words.push_str(&upper(code));
        }
        findings.accepted.push(Accepted {
            row,
            payload_end: findings.payloads.len(),
            key_kind: key.map(|(kind, _)| kind),
            key_end,
            currency_end: findings.words.len(),
            amount,
            asked,
            is_doubled: false,
        });
    }

    /// What a row breaks that was left out as a double before, and comes back with the key it had: the row it
    /// doubled is not in the rejects file, and would be overwritten.
    fn was_doubled(&self, row: &Row<'_>, kind: KeyKind) -> Option<Broken> {
        let reason = row.cell(self.reason?);
        let field = self.binding.entity().index_of(kind.field())?;
        let found = row.cell(self.binding.column_of(field)? as usize);
        gives_reason(reason, kind.rule(), found).then(|| {
            let allowed =
                format!("another one, or an empty `{REASON_COLUMN}` cell if this is the row to write");
            Broken::new(field, kind.rule(), allowed)
        })
    }

    fn reject(&self, row: &Row<'_>, broken: &mut Vec<Broken>) -> Reject {
        broken.sort_by_key(|broken| broken.field);
        Reject {
            origin: row.origin,
            violations: broken.drain(..).map(|broken| self.violation(row, broken)).collect(),
            cells: row.cells().map(str::to_owned).collect(),
        }
    }

    fn violation(&self, row: &Row<'_>, broken: Broken) -> Violation {
        let column = self.binding.column_of(broken.field);
        Violation {
            rule: broken.rule,
            field: self.binding.name_of(broken.field).to_owned(),
            column,
            found: column.map_or_else(String::new, |column| row.cell(column as usize).to_owned()),
            allowed: broken.allowed,
        }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Findings>> {
        self.spare.lock().expect("nobody panics while taking or giving back")
    }
}

/// The rules for what rows ask to have done with them.
struct AskedRules<'f> {
    by_mode: Rules<'f>,
    new_record: Rules<'f>,
    change: Rules<'f>,
}

impl<'f> AskedRules<'f> {
    fn new(binding: &'f Binding, options: &'f CheckOptions<'f>) -> Self {
        let rules = || {
            let (kind, fields) = (binding.kind(), binding.fields());
            Rules::new(kind, binding.entity(), fields, options.references).with_sign(kind, options.sign)
        };
        Self {
            by_mode: if options.changes_only { rules().for_changes_only() } else { rules() },
            new_record: rules(),
            change: rules().for_changes_only(),
        }
    }

    #[inline]
    fn of(&self, asked: Option<Asked>) -> &Rules<'f> {
        match asked {
            None => &self.by_mode,
            Some(Asked::Create) => &self.new_record,
            Some(Asked::Update | Asked::Delete | Asked::Skip) => &self.change,
        }
    }
}

impl Findings {
    fn clear(&mut self) {
        self.accepted.clear();
        self.payloads.clear();
        self.words.clear();
        self.hashes.clear();
        self.rejects.clear();
    }
}

/// The keys of the rows so far, in this file and the ones before it.
#[derive(Debug, Default)]
struct Keys {
    seen: Seen,
    /// Every file's name, and how many lines the files before it have.
    files: Vec<(SourceName, u64)>,
    /// How many lines were seen, in all files.
    lines: u64,
}

impl Keys {
    fn begin_file(&mut self, name: &SourceName) {
        self.files.push((name.clone(), self.lines));
    }

    /// Remembers the key of the row on `line` of the newest file; where the first row with that key stands, when
    /// that is another one.
    fn insert(&mut self, hash: u64, line: u64) -> Option<String> {
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

/// Puts checked chunks back in order and settles what only the order decides.
struct Collector<'f, S> {
    checker: &'f Checker<'f>,
    keys: &'f mut Keys,
    counts: CheckedCounts,
    text_bytes: Option<u64>,
    lines: u64,
    sink: S,
}

impl<S> Collector<'_, S> {
    /// Takes chunks until all are done, in order, and gives their memory back to the reader.
    fn collect<E: std::error::Error + 'static>(
        mut self,
        done: &Receiver<Done>,
        free: &Sender<Chunk>,
    ) -> Result<CheckedCounts, CheckError<E>>
    where
        S: FnMut(CheckedChunk<'_>) -> Result<(), E>,
    {
        let mut early = BTreeMap::new();
        for next in 0.. {
            let checked = loop {
                if let Some(checked) = early.remove(&next) {
                    break checked;
                }
                let Ok((index, checked)) = done.recv() else { return Ok(self.counts) };
                early.insert(index, checked);
            };
            let checked = checked.map_err(|error| CheckError::Source(error.below(self.lines)))?;
            let Checked { chunk, mut findings } = checked;
            self.settle(&chunk, &mut findings).map_err(CheckError::Sink)?;
            self.checker.spare().push(findings);
            // The reader may have left already: then nobody wants the chunk.
            let _ = free.send(chunk);
        }
        Ok(self.counts)
    }

    /// Makes room for the keys of a text file whose rows are about as long as those of its first chunk.
    fn expect_rows_like(&mut self, first: &Chunk) {
        if let Some(text_bytes) = self.text_bytes
            && first.bytes() > 0
        {
            let rows = text_bytes.saturating_mul(first.len() as u64) / first.bytes() as u64;
            self.keys.seen.expect_rows(rows);
        }
    }

    fn settle<E>(&mut self, chunk: &Chunk, findings: &mut Findings) -> Result<(), E>
    where
        S: FnMut(CheckedChunk<'_>) -> Result<(), E>,
    {
        if self.counts.rows == 0 {
            self.expect_rows_like(chunk);
        }
        self.keys.seen.touch(&findings.hashes);
        for index in 0..findings.hashes.len() {
            if findings.hashes[index] != 0
                && let Some(first) =
                    self.keys.insert(findings.hashes[index], self.lines + chunk.line_of(index) + 1)
            {
                self.checker.reject_doubled(chunk, findings, index, &first);
            }
        }
        let mut rejects = std::mem::take(&mut findings.rejects);
        for reject in &mut rejects {
            reject.origin = below(reject.origin, self.counts.rows, self.lines);
        }
        let (rows_before, lines_before) = (self.counts.rows, self.lines);
        self.counts.rows += chunk.len() as u64;
        self.counts.rejected += rejects.len() as u64;
        self.counts.accepted = self.counts.rows - self.counts.rejected;
        self.lines += chunk.lines();
        (self.sink)(CheckedChunk { rejects, chunk, findings, rows_before, lines_before })
    }
}

impl Checker<'_> {
    /// Makes a row a reject because the row at `first` has its key, or adds that to what it broke before.
    fn reject_doubled(&self, chunk: &Chunk, findings: &mut Findings, index: usize, first: &str) {
        let entity = self.binding.entity();
        let row = chunk.rows().row(index);
        let mut record = Record::new(entity.fields.len());
        self.binding.fill(&row, self.options.references, &mut record, &mut Vec::new());
        let Some((kind, _)) = self.key.of(&record) else { return };
        let Some(field) = entity.index_of(kind.field()) else { return };
        let doubled = Broken::new(field, kind.rule(), format!("once; it is on {first} already"));
        match findings.rejects.binary_search_by_key(&row.origin.row, |reject| reject.origin.row) {
            Ok(at) => {
                let violations = &mut findings.rejects[at].violations;
                // The word of an earlier run is no longer needed: here is the row it spoke of.
                violations.retain(|violation| violation.rule != kind.rule());
                let place = violations.partition_point(|violation| {
                    entity.index_of(&violation.field).is_some_and(|other| other <= field)
                });
                violations.insert(place, self.violation(&row, doubled));
            }
            Err(at) => {
                findings.rejects.insert(at, self.reject(&row, &mut vec![doubled]));
                if let Ok(at) = findings.accepted.binary_search_by_key(&index, |accepted| accepted.row) {
                    findings.accepted[at].is_doubled = true;
                }
            }
        }
    }
}

fn below(origin: Origin, rows: u64, lines: u64) -> Origin {
    Origin { row: origin.row + rows, line: origin.line + lines }
}

impl CheckedChunk<'_> {
    /// How many rows the chunk has, accepted and rejected.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.chunk.len()
    }

    /// The rows that broke no rule, each as what it asks and its amount. Cheaper than the rows themselves.
    pub fn amounts(&self) -> impl Iterator<Item = (Option<Asked>, Option<Money>)> + '_ {
        let accepted = self.findings.accepted.iter().filter(|accepted| !accepted.is_doubled);
        accepted.map(|accepted| (accepted.asked, accepted.amount))
    }

    /// The rows that broke no rule, in file order.
    ///
    /// # Panics
    /// Never: payloads are put together from whole texts.
    pub fn accepted(&self) -> impl Iterator<Item = CheckedRow<'_>> {
        let rows = self.chunk.rows();
        let payloads = simdutf8::basic::from_utf8(&self.findings.payloads)
            .expect("payloads are put together from whole texts");
        let (mut payload_start, mut word_start) = (0, 0);
        self.findings.accepted.iter().filter_map(move |accepted| {
            let mut row = rows.row(accepted.row);
            row.origin = below(row.origin, self.rows_before, self.lines_before);
            let payload = take(&mut payload_start, accepted.payload_end);
            let key = &self.findings.words[take(&mut word_start, accepted.key_end)];
            let currency = &self.findings.words[take(&mut word_start, accepted.currency_end)];
            (!accepted.is_doubled).then(|| CheckedRow {
                asked: accepted.asked,
                row,
                key: accepted.key_kind.map(|kind| (kind, key)),
                payload: &payloads[payload],
                amount: accepted.amount,
                currency: Some(currency).filter(|currency| !currency.is_empty()),
            })
        })
    }
}

/// The range from `start` to `end`, after which the next one starts.
fn take(start: &mut usize, end: usize) -> Range<usize> {
    std::mem::replace(start, end)..end
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fmt::Write as _;
    use std::io::Write as _;

    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};
    use crate::source::SourceOptions;

    struct Outcome {
        counts: CheckedCounts,
        /// Line, key and payload.
        accepted: Vec<(u64, String, String)>,
        rejects: Vec<Reject>,
    }

    fn check(
        kind: EntityKind,
        text: &str,
        options: &CheckOptions<'_>,
    ) -> Result<Outcome, CheckError<Infallible>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let entity = match kind {
            EntityKind::Customers => &CUSTOMERS,
            EntityKind::Payments => &CUSTOMER_PAYMENTS,
        };
        let source = Source::open(file.path(), &SourceOptions::default()).map_err(CheckError::Source)?;
        let binding = Binding::bind(source.headers(), kind, entity, None).unwrap();
        let (mut accepted, mut rejects) = (Vec::new(), Vec::new());
        let counts = check_file(source, &binding, options, |chunk| {
            for row in chunk.accepted() {
                let key = row.key.map_or("", |(_, key)| key).to_owned();
                accepted.push((row.row.origin.line, key, row.payload.to_owned()));
            }
            rejects.extend(chunk.rejects);
            Ok(())
        })?;
        Ok(Outcome { counts, accepted, rejects })
    }

    fn customers(text: &str) -> Outcome {
        check(EntityKind::Customers, text, &CheckOptions::default()).unwrap()
    }

    fn rules(outcome: &Outcome) -> Vec<(u64, &str, Rule)> {
        let of_reject = |reject: &'_ Reject| {
            let line = reject.origin.line;
            reject.violations.iter().map(move |violation| (line, violation.rule)).collect::<Vec<_>>()
        };
        let rules = outcome.rejects.iter().flat_map(of_reject);
        let fields = outcome.rejects.iter().flat_map(|reject| &reject.violations);
        rules.zip(fields).map(|((line, rule), violation)| (line, violation.field.as_str(), rule)).collect()
    }

    #[test]
    fn every_row_is_accepted_or_rejected_with_its_place() {
        let outcome = customers(
            "number,displayName,email,creditLimit\nc1,A,a@b.example,10.50\n\nC2,\"B\nB\",@,1,000\nC3,,,x\n"
                .replace("1,000", "\"1,000\"")
                .as_str(),
        );
        assert_eq!(
            outcome.accepted,
            [(
                2,
                "C1".to_owned(),
                r#"{"number":"C1","displayName":"A","email":"a@b.example","creditLimit":10.50}"#.to_owned()
            )]
        );
        assert_eq!(
            rules(&outcome),
            [
                (4, "email", Rule::NotAnEmail),
                (4, "creditLimit", Rule::NotANumber),
                (6, "displayName", Rule::Missing),
                (6, "creditLimit", Rule::NotANumber),
            ]
        );
        assert_eq!(outcome.rejects[0].violations[1].found, "1,000");
        assert_eq!(outcome.rejects[0].violations[1].column, Some(3));
        assert_eq!(outcome.rejects[0].cells, ["C2", "B\nB", "@", "1,000"]);
        assert_eq!(outcome.counts, CheckedCounts { rows: 3, accepted: 1, rejected: 2 });
    }

    #[test]
    fn the_later_of_two_rows_with_one_number_is_rejected() {
        let outcome = customers("number,displayName,email\nC1,A,@\nC2,B,\nc1,C,@\nC2,D,\n,E,\n,e,\nC3,E,\n");
        assert_eq!(
            rules(&outcome),
            [
                (2, "email", Rule::NotAnEmail),
                (4, "number", Rule::DuplicateNumber),
                (4, "email", Rule::NotAnEmail),
                (5, "number", Rule::DuplicateNumber),
                (7, "displayName", Rule::DuplicateName),
            ]
        );
        assert_eq!(outcome.rejects[1].violations[0].allowed, "once; it is on line 2 already");
        let accepted: Vec<_> = outcome.accepted.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
        assert_eq!(accepted, [(3, "C2"), (6, "E"), (8, "C3")]);
    }

    #[test]
    fn a_row_that_doubles_one_of_an_earlier_file_is_rejected() {
        let mut check = Check::new(CheckOptions::default());
        let mut allowed = Vec::new();
        for (name, text) in [
            ("a.csv", "number,displayName\nC1,A\nC2,B\n"),
            ("b.csv", "displayName,number\nC,C3\nD,c2\nE,C3\n"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
            let source = Source::open(&path, &SourceOptions::default()).unwrap();
            let binding = Binding::bind(source.headers(), EntityKind::Customers, &CUSTOMERS, None).unwrap();
            let counts = check.check_file(source, &binding, |chunk| {
                allowed.extend(
                    chunk
                        .rejects
                        .into_iter()
                        .map(|reject| (reject.origin.line, reject.violations[0].allowed.clone())),
                );
                Ok::<(), Infallible>(())
            });
            counts.unwrap();
        }
        assert_eq!(allowed.len(), 2, "{allowed:?}");
        assert!(allowed[0].0 == 3 && allowed[0].1.starts_with("once; it is on line 3 of `"), "{allowed:?}");
        assert!(allowed[0].1.ends_with("a.csv` already"), "{allowed:?}");
        assert_eq!(allowed[1], (4, "once; it is on line 2 already".to_owned()));
    }

    #[test]
    fn a_double_that_comes_back_alone_is_rejected_until_a_person_decides() {
        let reason =
            "duplicate-number: Number: the number stands on an earlier row too; found `C1`; allowed: once";
        let outcome =
            customers(&format!("number,displayName,ferry_reason\nC1,A,{reason}\nC2,B,{reason}\nC1,C,\n"));
        assert_eq!(
            rules(&outcome),
            [(2, "number", Rule::DuplicateNumber), (4, "number", Rule::DuplicateNumber)]
        );
        let words = [
            "another one, or an empty `ferry_reason` cell if this is the row to write",
            "once; it is on line 2 already",
        ];
        for (reject, words) in outcome.rejects.iter().zip(words) {
            assert_eq!(reject.violations[0].allowed, words);
        }
        let decided = customers("number,displayName,ferry_reason\nC1,A,\n");
        assert_eq!(decided.counts.accepted, 1);
    }

    #[test]
    fn receipts_are_sent_negated_and_own_signs_as_they_are() {
        let text = "customerNumber,documentNumber,amount\nC1,P1,10.50\nC1,P2,-3\n";
        let receipts = check(EntityKind::Payments, text, &CheckOptions::default()).unwrap();
        assert_eq!(
            receipts.accepted[0].2,
            r#"{"customerNumber":"C1","documentNumber":"P1","amount":-10.50}"#
        );
        assert_eq!(rules(&receipts), [(3, "amount", Rule::AmountSign)]);
        let as_is = CheckOptions { sign: Sign::AsIs, ..CheckOptions::default() };
        let as_is = check(EntityKind::Payments, text, &as_is).unwrap();
        assert_eq!(as_is.accepted.len(), 2);
        assert!(as_is.accepted[1].2.ends_with(r#""amount":-3}"#));
    }

    #[test]
    fn a_row_that_deletes_or_is_left_out_needs_no_more_than_its_key() {
        let text = "number,displayName,email,ferry_action\nC1,,@,delete\n,,,Delete\nC3,,@,SKIP\nC3,C,,create\n\
                    C4,,,update\nC5,,,create\nC6,F,,remove\n,,,skip\n";
        let outcome = customers(text);
        let accepted: Vec<_> = outcome.accepted.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
        assert_eq!(accepted, [(2, "C1"), (4, ""), (5, "C3"), (6, "C4"), (9, "")]);
        assert_eq!(
            rules(&outcome),
            [
                (3, "number", Rule::Missing),
                (7, "displayName", Rule::Missing),
                (8, "ferry_action", Rule::ActionUnknown)
            ]
        );
        let unknown = &outcome.rejects[2].violations[0];
        assert_eq!((unknown.column, unknown.found.as_str()), (Some(3), "remove"));
        let text =
            "customerNumber,documentNumber,amount,ferry_action\nC1,P1,,delete\nC1,,,delete\n,P3,,delete\n";
        let payments = check(EntityKind::Payments, text, &CheckOptions::default()).unwrap();
        assert_eq!(payments.accepted.len(), 1);
        assert_eq!(
            rules(&payments),
            [(3, "documentNumber", Rule::Missing), (4, "customerNumber", Rule::CustomerMissing)]
        );
    }

    #[test]
    fn many_chunks_come_out_in_file_order() {
        let mut text = "number,displayName\n".to_owned();
        for row in 0..60_000 {
            writeln!(text, "C{row},{}", if row % 1000 == 7 { "" } else { "A company" }).unwrap();
        }
        writeln!(text, "C59,A").unwrap();
        let outcome = customers(&text);
        assert_eq!(outcome.counts, CheckedCounts { rows: 60_001, accepted: 59_940, rejected: 61 });
        assert!(outcome.accepted.iter().is_sorted());
        assert_eq!(outcome.accepted[8].0, 11);
        assert_eq!(outcome.rejects[60].origin, Origin { row: 60_001, line: 60_002 });
        assert_eq!(outcome.rejects[60].violations[0].allowed, "once; it is on line 61 already");
    }

    #[test]
    fn a_broken_file_stops_with_its_line_in_the_file() {
        let mut text = "number,displayName\n".to_owned();
        for row in 0..60_000 {
            writeln!(text, "C{row},A company").unwrap();
        }
        let fails = |end: &str| {
            let text = format!("{text}{end}");
            let error = check(EntityKind::Customers, &text, &CheckOptions::default()).err().unwrap();
            error.to_string()
        };
        let (row, quote) = (text.len(), text.len() + 3);
        assert!(fails("C1\n").ends_with(&format!("has 1 cells at line 60002, byte {row}, but 2 headers")));
        assert!(
            fails("C1,\"A\n")
                .ends_with(&format!("has a quote at line 60002, byte {quote} that is never closed"))
        );
    }

    #[test]
    fn a_sink_that_refuses_ends_the_check() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "number,displayName").unwrap();
        for row in 0..100_000 {
            writeln!(file, "C{row},A company").unwrap();
        }
        let source = Source::open(file.path(), &SourceOptions::default()).unwrap();
        let binding = Binding::bind(source.headers(), EntityKind::Customers, &CUSTOMERS, None).unwrap();
        let refused = check_file(source, &binding, &CheckOptions::default(), |_| Err(std::fmt::Error));
        assert!(matches!(refused, Err(CheckError::Sink(std::fmt::Error))));
    }
}
