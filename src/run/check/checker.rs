//! Checks the rows of a chunk, each on its own: mapped, held against the rules, written as a payload.
//!
//! In: a chunk as it was read. Out: what was found in it, with places that count from the start of the chunk.

use std::sync::Mutex;

use super::asked::AskedRules;
use super::findings::{Accepted, Findings};
use super::{CheckOptions, Checked};
use crate::connector::payload::PayloadWriter;
use crate::domain::reference::NIL_GUID;
use crate::domain::text::upper;
use crate::domain::{
    Asked, Broken, EntityKind, Money, OnUnsupported, Record, Reject, Row, Rule, Value, Violation,
};
use crate::mapping::{Binding, Unsupported};
use crate::report::{REASON_COLUMN, gives_reason};
use crate::source::{Chunk, Rows, SourceError};
use crate::validation::{Key, KeyKind, NaturalKey, Sign};

/// What is needed to check a row, the same for all rows of a file.
pub(super) struct Checker<'f> {
    binding: &'f Binding,
    options: &'f CheckOptions<'f>,
    rules: AskedRules<'f>,
    key: NaturalKey,
    payload: PayloadWriter,
    amount: Option<usize>,
    is_negated: bool,
    currency: Option<usize>,
    /// Ids, and the code or number that names the same record.
    named_twice: Vec<(usize, usize)>,
    /// The column in which a rejects file says why the row was left out.
    reason: Option<usize>,
    /// The columns whose values the target has no place for.
    unsupported: Vec<Unsupported>,
    spare: Mutex<Vec<Findings>>,
}

impl<'f> Checker<'f> {
    pub(super) fn new(binding: &'f Binding, headers: &[String], options: &'f CheckOptions<'f>) -> Self {
        let (kind, entity) = (binding.kind(), binding.entity());
        Self {
            binding,
            options,
            rules: AskedRules::new(binding, options),
            key: match options.match_on {
                [] => NaturalKey::new(kind, entity),
                _ => NaturalKey::new(kind, entity).without_names(),
            },
            payload: if options.keeps_codes {
                PayloadWriter::new(entity).keeping_codes()
            } else {
                PayloadWriter::new(entity)
            },
            amount: entity.counted_amount(),
            is_negated: entity.index_of("amount").is_some() && options.sign == Sign::ReceiptsPositive,
            currency: entity.index_of("currencyCode"),
            named_twice: named_twice(binding),
            reason: headers.iter().position(|header| header.trim() == REASON_COLUMN),
            unsupported: binding.unsupported().collect(),
            spare: Mutex::default(),
        }
    }

    /// Splits and checks a chunk. Lines and rows in what comes back count from the start of the chunk.
    pub(super) fn check(&self, mut chunk: Chunk) -> Result<Checked, SourceError> {
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
            self.take_codes(&mut record, &mut broken);
            let is_plain = row.is_plain() && !self.binding.has_own_texts();
            let asked = self.binding.asked(&row);
            let asked = asked.map_err(|action| broken.push(action)).unwrap_or_default();
            let only_reads = self.options.only_reads;
            if !only_reads {
                self.rules.of(asked).check(&record, is_plain, &mut broken);
            }
            self.look_for_unsupported(&row, findings, &mut broken);
            let key = self.key.of(&record).filter(|_| !only_reads && asked != Some(Asked::Skip));
            findings.hashes.push(key.map_or(0, |key| key.hash()));
            broken.extend(key.and_then(|key| self.was_doubled(&row, key.kind)));
            let forgiving = asked.filter(|asked| !only_reads || *asked == Asked::Skip);
            self.forgive(forgiving, key.map(|key| key.kind), &mut broken);
            if broken.is_empty() {
                self.accept((index, is_plain, asked), &mut record, key, findings);
            } else {
                findings.rejects.push(self.reject(&row, &mut broken));
            }
        }
    }

    /// Where both an id and a code name another record, takes the code: the id may be that of another system, and the
    /// server lets one of them win, so it gets one.
    fn take_codes(&self, record: &mut Record<'_>, broken: &mut Vec<Broken>) {
        for (id, code) in &self.named_twice {
            if !record.value(*code).is_blank() {
                record.set(*id, Value::Absent);
                broken.retain(|broken| broken.field != *id);
            }
        }
    }

    /// Counts the values that the target has no place for, or takes them for broken rules where that was asked for.
    fn look_for_unsupported(&self, row: &Row<'_>, findings: &mut Findings, broken: &mut Vec<Broken>) {
        for (index, unsupported) in self.unsupported.iter().enumerate() {
            let cell = row.cell(unsupported.column as usize);
            let (has_place, allowed) = if unsupported.has_place_for_one {
                (values_in(cell) < 2, "one value")
            } else {
                (says_nothing(unsupported.field, cell), "an empty cell")
            };
            if has_place {
                continue;
            }
            if self.options.on_unsupported == Some(OnUnsupported::Reject) {
                let place = self.binding.unsupported_place(index);
                broken.push(Broken::new(place, Rule::Unsupported, allowed));
            } else {
                findings.unsupported.resize(self.unsupported.len(), 0);
                findings.unsupported[index] += 1;
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
                    (EntityKind::Dimensions, _) => &["dimensionCode", "customerNumber"],
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
        key: Option<Key<'_>>,
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
        self.payload.write(record, is_plain, &mut findings.payloads);
        match key {
            Some(Key { kind: KeyKind::Name, text, .. }) => findings.words.push_str(text),
            Some(key) => findings.words.push_str(&upper(key.text)),
            None => {}
        }
        let key_end = findings.words.len();
        if let Some(Value::Code(code)) = self.currency.map(|field| record.value(field)) {
            findings.words.push_str(&upper(code));
        }
        findings.accepted.push(Accepted {
            row,
            payload_end: findings.payloads.len(),
            key_kind: key.map(|key| key.kind),
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

    /// Makes a row a reject because the row at `first` has its key, or adds that to what it broke before.
    pub(super) fn reject_doubled(&self, chunk: &Chunk, findings: &mut Findings, index: usize, first: &str) {
        let entity = self.binding.entity();
        let row = chunk.rows().row(index);
        let mut record = Record::new(entity.fields.len());
        self.binding.fill(&row, self.options.references, &mut record, &mut Vec::new());
        let Some(Key { kind, .. }) = self.key.of(&record) else { return };
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

    pub(super) fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Findings>> {
        self.spare.lock().expect("nobody panics while taking or giving back")
    }
}

/// The fields that name by id what another field names by code or number, of those that the file fills.
fn named_twice(binding: &Binding) -> Vec<(usize, usize)> {
    let entity = binding.entity();
    let code_of = |id: usize| {
        let stem = entity.fields[id].name.strip_suffix("Id")?;
        let codes = ["Code", "Number"].into_iter().filter_map(|end| entity.index_of(&format!("{stem}{end}")));
        let mut fed = codes.filter(|code| binding.fields().any(|field| field == *code));
        fed.next().map(|code| (id, code))
    };
    binding.fields().filter_map(code_of).collect()
}

/// Whether leaving a value out changes nothing: it is blank, zero or no, or a way to say none.
fn says_nothing(name: &str, cell: &str) -> bool {
    let text = cell.trim();
    // What every record is where nobody can say otherwise: active, and a currency against itself.
    let goes_without_saying = match name {
        "active" => text.eq_ignore_ascii_case("true"),
        "exchangeRate" | "openingBalanceExchangeRate" => text.parse() == Ok(Money::from(1)),
        _ => false,
    };
    let is_none = text.len() == NIL_GUID.len() && text == NIL_GUID;
    goes_without_saying
        || text.is_empty()
        || is_none
        || text.eq_ignore_ascii_case("false")
        || text == "_x0020_"
        || text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b','))
}

/// The values in a cell that may hold several.
fn values_in(cell: &str) -> usize {
    if !cell.contains(';') {
        return usize::from(!cell.trim().is_empty());
    }
    cell.split(';').filter(|value| !value.trim().is_empty()).count()
}
