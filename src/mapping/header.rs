//! Binds the columns of a file to fields, once per file, and fills records through that binding.
//!
//! A header is a field's name or one of its aliases, whatever its case, spaces and punctuation. The name wins
//! over aliases; two columns with equal right to a field are an error. Columns that start with `ferry_` are our
//! own and feed nothing; `ferry_action` says what to do with its row, the others were added to a rejects file.

use super::MappingError;
use super::cell::{Reading, blank_member};
use super::file::{Blanks, FieldMapping, MappingFile};
use crate::catalogue::{Entity, Field, Kind, Writable};
use crate::domain::text::{fold, is_same_folded, nearest, trim};
use crate::domain::{
    ACTION_COLUMN, ACTION_WORDS, Asked, Broken, EntityKind, Record, References, Row, Rule, Value,
};

/// Which column, constant or default feeds each field of an entity.
#[derive(Debug)]
pub struct Binding {
    kind: EntityKind,
    entity: &'static Entity,
    feeds: Vec<Feed>,
    unmapped: Vec<Unmapped>,
    action: Option<u32>,
}

/// A column that feeds no field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// 0-based column.
    pub column: u32,
    /// Its header, as it stands in the file.
    pub header: String,
    /// Why it feeds nothing.
    pub reason: UnmappedReason,
}

/// Why a column feeds no field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnmappedReason {
    /// The header is no field; this one is spelled most like it.
    Unknown {
        /// The name of a similar field, if there is one.
        suggestion: Option<&'static str>,
    },
    /// The field belongs to the server.
    ReadOnly(&'static str),
    /// Another column feeds the field, by its exact name or by the mapping file.
    Taken(&'static str),
    /// The mapping file says so.
    Ignored,
    /// The column is our own: `ferry_action`, or one that was added to a rejects file.
    Own,
}

/// What feeds one field.
#[derive(Debug)]
struct Feed {
    field: usize,
    takes_codes: bool,
    column: Option<u32>,
    blank_member: Option<&'static str>,
    constant: Option<String>,
    default: Option<String>,
    values: Vec<(String, String)>,
    /// What the mapping file says of blank cells.
    blank: Option<Blanks>,
    /// Whether a blank cell makes the record's value blank.
    clears: bool,
    /// Whether the column's cells are taken as they stand.
    is_direct: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    Alias,
    Name,
    Mapping,
}

impl Binding {
    /// Binds the headers of a file to the fields of an entity, as the mapping file says and else by name.
    ///
    /// # Errors
    /// When two columns have equal right to one field, nothing is bound, or the mapping file does not fit.
    pub fn bind(
        headers: &[String],
        kind: EntityKind,
        entity: &'static Entity,
        mapping: Option<&MappingFile>,
    ) -> Result<Self, MappingError> {
        let mut binder = Binder::new(headers, kind, entity, mapping);
        if let Some(mapping) = mapping {
            binder.check_mapping(mapping)?;
            binder.claim_mapped(mapping)?;
        }
        binder.find_action()?;
        binder.claim_headers();
        binder.finish(mapping)
    }

    /// The same binding, with blank cells meaning this wherever the mapping file says nothing and the field can be
    /// blank.
    #[must_use]
    pub fn with_blanks(mut self, blanks: Blanks) -> Self {
        for feed in self.feeds.iter_mut().filter(|feed| feed.blank.is_none()) {
            feed.clears = blanks == Blanks::Clear && can_be_blank(&self.entity.fields[feed.field]);
        }
        self
    }

    /// The kind of record.
    #[must_use]
    pub fn kind(&self) -> EntityKind {
        self.kind
    }

    /// The catalogue's entity.
    #[must_use]
    pub fn entity(&self) -> &'static Entity {
        self.entity
    }

    /// The columns that feed nothing, left to right; our own `ferry_` columns included.
    #[must_use]
    pub fn unmapped(&self) -> &[Unmapped] {
        &self.unmapped
    }

    /// The fields that are fed, in catalogue order.
    pub fn fields(&self) -> impl Iterator<Item = usize> {
        self.feeds.iter().map(|feed| feed.field)
    }

    /// The 0-based column in which rows say what to do with them; `None` when the file has none.
    #[must_use]
    pub fn action_column(&self) -> Option<u32> {
        self.action
    }

    /// What a row asks to have done with it; `None` leaves it to the run.
    ///
    /// # Errors
    /// When its cell holds another word. The broken rule stands at the place after the entity's last field.
    pub fn asked(&self, row: &Row<'_>) -> Result<Option<Asked>, Broken> {
        let Some(column) = self.action else { return Ok(None) };
        match trim(row.cell(column as usize)) {
            "" => Ok(None),
            word => Asked::from_word(word)
                .map(Some)
                .ok_or_else(|| Broken::new(self.entity.fields.len(), Rule::ActionUnknown, ACTION_WORDS)),
        }
    }

    /// The name of a broken rule's place: a field's, or that of the action's column.
    #[must_use]
    pub fn name_of(&self, place: usize) -> &'static str {
        self.entity.fields.get(place).map_or(ACTION_COLUMN, |field| field.name)
    }

    /// The 0-based column that feeds a field, or that holds the action; `None` when none does.
    #[must_use]
    pub fn column_of(&self, field: usize) -> Option<u32> {
        if field == self.entity.fields.len() {
            return self.action;
        }
        self.feeds.iter().find(|feed| feed.field == field)?.column
    }

    /// Whether records hold texts that are not in the file: constants, defaults and values of a mapping file.
    #[must_use]
    pub fn has_own_texts(&self) -> bool {
        !self.feeds.iter().all(|feed| feed.is_direct)
    }

    /// Fills a record with the values of a row. Cells that cannot be read stay absent and are reported.
    ///
    /// The record must be empty, and have as many fields as the entity.
    #[inline]
    pub fn fill<'a>(
        &'a self,
        row: &Row<'a>,
        references: Option<&'a References>,
        record: &mut Record<'a>,
        broken: &mut Vec<Broken>,
    ) {
        for feed in &self.feeds {
            let text = if feed.is_direct { trim(feed.cell(row)) } else { feed.text(row).unwrap_or_default() };
            if text.is_empty() {
                if let Some(wire) = feed.blank_member.filter(|_| feed.cell(row) == " ") {
                    record.set(feed.field, Value::Member(wire));
                } else if feed.clears && feed.column.is_some() {
                    record.set(feed.field, Value::Cleared);
                }
                continue;
            }
            let field = &self.entity.fields[feed.field];
            let reading = Reading { field, takes_codes: feed.takes_codes, references };
            if let Err((rule, allowed)) = reading.read(text, feed.field, record) {
                broken.push(Broken::new(feed.field, rule, allowed));
            }
        }
    }
}

impl Feed {
    #[inline]
    fn cell<'a>(&self, row: &Row<'a>) -> &'a str {
        match self.column {
            Some(column) => row.cell(column as usize),
            None => "",
        }
    }

    /// The trimmed text of the field, after the mapping file's constant, values and default.
    #[inline]
    fn text<'a>(&'a self, row: &Row<'a>) -> Option<&'a str> {
        if let Some(constant) = &self.constant {
            return Some(trim(constant));
        }
        let cell = trim(self.cell(row));
        if !self.values.is_empty()
            && let Some((_, value)) = self.values.iter().find(|(from, _)| is_same_text(from, cell))
        {
            return match trim(value) {
                "" if !value.is_empty() => self.blank_member, // `" "` names the blank member
                value => Some(value),
            };
        }
        match &self.default {
            Some(default) if cell.is_empty() => Some(trim(default)),
            _ => Some(cell),
        }
    }
}

fn is_same_text(left: &str, right: &str) -> bool {
    trim(left) == right || trim(left).to_lowercase() == right.to_lowercase()
}

/// Which column has which right to which field, while it is being found out.
struct Binder<'h> {
    headers: &'h [String],
    kind: EntityKind,
    entity: &'static Entity,
    claims: Vec<Vec<(u32, Right)>>,
    reasons: Vec<Option<UnmappedReason>>,
    ignored: Vec<String>,
    action: Option<u32>,
}

impl<'h> Binder<'h> {
    fn new(
        headers: &'h [String],
        kind: EntityKind,
        entity: &'static Entity,
        mapping: Option<&MappingFile>,
    ) -> Self {
        Self {
            headers,
            kind,
            entity,
            claims: vec![Vec::new(); entity.fields.len()],
            reasons: vec![None; headers.len()],
            ignored: mapping.map(|mapping| mapping.ignored.clone()).unwrap_or_default(),
            action: None,
        }
    }

    fn check_mapping(&self, mapping: &MappingFile) -> Result<(), MappingError> {
        match mapping.entity {
            Some(found) if found != self.kind => Err(MappingError::OtherEntity {
                file: mapping.name.clone(),
                found: found.as_str(),
                wanted: self.kind.as_str(),
            }),
            _ => Ok(()),
        }
    }

    fn claim_mapped(&mut self, mapping: &MappingFile) -> Result<(), MappingError> {
        for (name, fed) in &mapping.fields {
            let field = self.writable_field(name).ok_or_else(|| MappingError::UnknownField {
                file: mapping.name.clone(),
                field: name.clone(),
                entity: self.kind.as_str(),
                hint: hint(self.meant(name)),
            })?;
            if fed.blank == Some(Blanks::Clear) && !can_be_blank(&self.entity.fields[field]) {
                return Err(MappingError::NeverBlank { file: mapping.name.clone(), field: name.clone() });
            }
            let Some(from) = &fed.from else { continue };
            let mut columns = (0..).zip(self.headers).filter(|(_, header)| is_heading(header, from));
            let (column, first) = columns.next().ok_or_else(|| MappingError::UnknownColumn {
                file: mapping.name.clone(),
                field: name.clone(),
                column: from.clone(),
                hint: hint(nearest(from, self.headers.iter().map(String::as_str))),
            })?;
            if let Some((_, second)) = columns.next() {
                return Err(ambiguous(&self.entity.fields[field], first, second));
            }
            self.claims[field].push((column, Right::Mapping));
            self.reasons[column as usize] = None;
        }
        Ok(())
    }

    fn writable_field(&self, name: &str) -> Option<usize> {
        writable(self.entity).find(|(_, field)| field.name == name).map(|(index, _)| index)
    }

    /// The field that a mapping file may mean by a name that is none.
    fn meant(&self, name: &str) -> Option<&'static str> {
        let known = named_field(self.entity, name).map(|(index, _)| &self.entity.fields[index]);
        let known = known.filter(|field| field.writable != Writable::No).map(|field| field.name);
        known.or_else(|| nearest(name, writable(self.entity).map(|(_, field)| field.name)))
    }

    /// Finds the column in which rows say what to do with them.
    fn find_action(&mut self) -> Result<(), MappingError> {
        let named = |header: &str| header.trim().eq_ignore_ascii_case(ACTION_COLUMN);
        let mut columns = (0..).zip(self.headers).filter(|(_, header)| named(header));
        let Some((column, first)) = columns.next() else { return Ok(()) };
        if let Some((_, second)) = columns.next() {
            return Err(MappingError::Ambiguous {
                field: ACTION_COLUMN,
                first: first.clone(),
                second: second.clone(),
            });
        }
        self.action = Some(column);
        Ok(())
    }

    /// Lets every column that the mapping file does not use claim the field its header names.
    fn claim_headers(&mut self) {
        for (column, header) in (0..).zip(self.headers) {
            if self.claims.iter().flatten().any(|(claimed, _)| *claimed == column) {
                continue;
            }
            if self.ignored.iter().any(|ignored| is_heading(header, ignored)) {
                self.reasons[column as usize] = Some(UnmappedReason::Ignored);
            } else if header.trim().to_ascii_lowercase().starts_with("ferry_") {
                self.reasons[column as usize] = Some(UnmappedReason::Own);
            } else if let Some((field, right)) = named_field(self.entity, header) {
                if self.entity.fields[field].writable == Writable::No {
                    let name = self.entity.fields[field].name;
                    self.reasons[column as usize] = Some(UnmappedReason::ReadOnly(name));
                } else {
                    self.claims[field].push((column, right));
                }
            } else {
                let suggestion = nearest(header, writable(self.entity).map(|(_, field)| field.name));
                self.reasons[column as usize] = Some(UnmappedReason::Unknown { suggestion });
            }
        }
    }

    fn finish(mut self, mapping: Option<&MappingFile>) -> Result<Binding, MappingError> {
        let mut feeds = Vec::new();
        for (index, field) in self.entity.fields.iter().enumerate() {
            let column = self.settle(index, field)?;
            let fed = mapping.and_then(|mapping| mapping.fields.get(field.name));
            if let Some(feed) = feed(index, field, column, fed) {
                feeds.push(feed);
            }
        }
        if feeds.iter().all(|feed| feed.column.is_none()) {
            return Err(MappingError::NothingBound { entity: self.kind.as_str() });
        }
        let unmapped = (0..)
            .zip(self.headers)
            .zip(self.reasons)
            .filter_map(|((column, header), reason)| {
                Some(Unmapped { column, header: header.clone(), reason: reason? })
            })
            .collect();
        Ok(Binding { kind: self.kind, entity: self.entity, feeds, unmapped, action: self.action })
    }

    /// The one column with the best right to a field, and that right.
    fn settle(&mut self, index: usize, field: &Field) -> Result<Option<(u32, Right)>, MappingError> {
        let claims = &self.claims[index];
        let Some(best) = claims.iter().map(|(_, right)| *right).max() else { return Ok(None) };
        let header = |column: u32| &self.headers[column as usize];
        let mut winners = claims.iter().filter(|(_, right)| *right == best);
        let winner = winners.next().copied();
        if let (Some((first, _)), Some((second, _))) = (winner, winners.next()) {
            return Err(ambiguous(field, header(first), header(*second)));
        }
        for (column, _) in claims.iter().filter(|(_, right)| *right < best) {
            self.reasons[*column as usize] = Some(UnmappedReason::Taken(self.entity.fields[index].name));
        }
        Ok(winner)
    }
}

fn feed(
    index: usize,
    field: &Field,
    column: Option<(u32, Right)>,
    fed: Option<&FieldMapping>,
) -> Option<Feed> {
    if column.is_none() && fed.is_none() {
        return None;
    }
    Some(Feed {
        field: index,
        takes_codes: field.kind == Kind::Guid && !matches!(column, Some((_, Right::Name))),
        column: column.map(|(column, _)| column).filter(|_| fed.is_none_or(|fed| fed.constant.is_none())),
        blank_member: blank_member(field),
        constant: fed.and_then(|fed| fed.constant.clone()),
        default: fed.and_then(|fed| fed.default.clone()),
        values: fed.map(|fed| fed.values.clone().into_iter().collect()).unwrap_or_default(),
        blank: fed.and_then(|fed| fed.blank),
        clears: fed.is_some_and(|fed| fed.blank == Some(Blanks::Clear)),
        is_direct: fed
            .is_none_or(|fed| fed.constant.is_none() && fed.default.is_none() && fed.values.is_empty()),
    })
}

/// Whether a record that has a value in this field can be made to have none.
///
/// Source: numbers, dates and yes/no fields have no blank; what a record is known by and what it must have stays;
/// the nil GUID clears neither a tax area nor an invoice.
fn can_be_blank(field: &Field) -> bool {
    let set = field.reference.map_or("", |reference| reference.set);
    field.writable == Writable::Always
        && !field.required
        && field.name != "number"
        && !matches!(set, "customers" | "taxAreas" | "salesInvoices")
        && match field.kind {
            Kind::Text | Kind::Code | Kind::CutText | Kind::Email | Kind::Phone | Kind::Guid => true,
            Kind::Enum(_) => blank_member(field).is_some(),
            Kind::Decimal(_) | Kind::Integer | Kind::Boolean | Kind::Date | Kind::DateTime => false,
        }
}

/// The field that a header names, and with what right.
fn named_field(entity: &'static Entity, header: &str) -> Option<(usize, Right)> {
    let by_name = entity.fields.iter().position(|field| is_same_folded(field.name, header));
    by_name.map(|index| (index, Right::Name)).or_else(|| {
        let is_alias = |field: &Field| field.aliases.iter().any(|alias| is_same_folded(alias, header));
        entity.fields.iter().position(is_alias).map(|index| (index, Right::Alias))
    })
}

/// Headings are compared folded; those without any letter or digit as they stand.
fn is_heading(header: &str, wanted: &str) -> bool {
    is_same_folded(header, wanted) || trim(header) == trim(wanted)
}

fn writable(entity: &'static Entity) -> impl Iterator<Item = (usize, &'static Field)> {
    entity.fields.iter().enumerate().filter(|(_, field)| field.writable != Writable::No)
}

fn ambiguous(field: &Field, first: &str, second: &str) -> MappingError {
    MappingError::Ambiguous { field: field.name, first: first.to_owned(), second: second.to_owned() }
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; `{name}` may be meant")).unwrap_or_default()
}

/// The kind of record whose fields the headers name, when that is clear: one kind has all its required fields
/// and the other has not, or one kind has more of its fields named.
#[must_use]
pub fn guess_entity(headers: &[String], candidates: &[(EntityKind, &'static Entity)]) -> Option<EntityKind> {
    let folded: Vec<String> = headers.iter().map(|header| fold(header)).collect();
    let score = |entity: &'static Entity| {
        let names = |field: &Field, header: &str| {
            fold(field.name) == header || field.aliases.iter().any(|alias| fold(alias) == header)
        };
        let has = |field: &Field| folded.iter().any(|header| !header.is_empty() && names(field, header));
        let required = writable(entity).filter(|(_, field)| field.required).all(|(_, field)| has(field));
        (required, writable(entity).filter(|(_, field)| has(field)).count())
    };
    let mut scores: Vec<_> = candidates.iter().map(|(kind, entity)| (score(entity), *kind)).collect();
    scores.sort_unstable();
    match scores[..] {
        [.., ((_, 0), _)] | [] => None,
        [.., (second, _), (best, _)] if second == best => None,
        [.., (_, kind)] => Some(kind),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};
    use crate::domain::{Origin, Span};

    fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn bind(names: &[&str], mapping: Option<&str>) -> Result<Binding, MappingError> {
        let mapping = mapping.map(|text| MappingFile::parse(text, "m.toml").unwrap());
        Binding::bind(&headers(names), EntityKind::Customers, &CUSTOMERS, mapping.as_ref())
    }

    fn column(binding: &Binding, field: &str) -> Option<u32> {
        binding.column_of(CUSTOMERS.index_of(field).unwrap())
    }

    /// The named fields of the record that a row makes.
    fn values(binding: &Binding, cells: &[&str]) -> (Vec<(&'static str, String)>, Vec<Rule>) {
        let text = cells.concat();
        let mut end = 0;
        let spans: Vec<Span> = cells
            .iter()
            .map(|cell| {
                let start = end;
                end += u32::try_from(cell.len()).unwrap();
                Span::raw(start, end)
            })
            .collect();
        let row = Row::new(Origin { row: 1, line: 2 }, &text, "", &spans);
        let (mut record, mut broken) = (Record::new(CUSTOMERS.fields.len()), Vec::new());
        binding.fill(&row, None, &mut record, &mut broken);
        let named = CUSTOMERS.fields.iter().zip(record.values());
        let present = named.filter(|(_, value)| !value.is_absent());
        (
            present.map(|(field, value)| (field.name, format!("{value:?}"))).collect(),
            broken.into_iter().map(|broken| broken.rule).collect(),
        )
    }

    #[test]
    fn headers_bind_by_name_caption_and_alias() {
        let binding =
            bind(&["Customer No.", "NAME", "E-Mail", "address_line_1", "Payment Terms"], None).unwrap();
        for (index, field) in
            ["number", "displayName", "email", "addressLine1", "paymentTermsId"].iter().enumerate()
        {
            assert_eq!(column(&binding, field), Some(u32::try_from(index).unwrap()), "{field}");
        }
    }

    #[test]
    fn the_exact_name_wins_over_an_alias() {
        let binding = bind(&["Customer", "displayName"], None).unwrap();
        assert_eq!(column(&binding, "displayName"), Some(1));
        assert_eq!(binding.unmapped()[0].reason, UnmappedReason::Taken("displayName"));
    }

    #[test]
    fn two_columns_for_one_field_are_named() {
        let error = bind(&["Name", "Company"], None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "columns `Name` and `Company` could both be `displayName`; rename one, or use a mapping file"
        );
    }

    #[test]
    fn columns_that_feed_nothing_are_listed_with_the_reason() {
        let binding =
            bind(&["displayName", "Dispaly Nmae", "balanceDue", "ferry_reason", "Qqq"], None).unwrap();
        let reasons: Vec<_> = binding.unmapped().iter().map(|unmapped| unmapped.reason.clone()).collect();
        assert_eq!(
            reasons,
            [
                UnmappedReason::Unknown { suggestion: Some("displayName") },
                UnmappedReason::ReadOnly("balanceDue"),
                UnmappedReason::Own,
                UnmappedReason::Unknown { suggestion: None },
            ]
        );
    }

    #[test]
    fn the_action_column_is_known_in_any_case_and_feeds_no_field() {
        let binding = bind(&["displayName", " Ferry_Action "], None).unwrap();
        assert_eq!(binding.action_column(), Some(1));
        assert_eq!(binding.unmapped()[0].reason, UnmappedReason::Own);
        let asked = |cell: &str| {
            let spans = [Span::raw(0, 0), Span::raw(0, u32::try_from(cell.len()).unwrap())];
            binding.asked(&Row::new(Origin { row: 1, line: 2 }, cell, "", &spans))
        };
        assert_eq!(asked(" DELETE "), Ok(Some(Asked::Delete)));
        assert_eq!(asked(" "), Ok(None));
        let broken = asked("remove").unwrap_err();
        assert_eq!((broken.rule, binding.name_of(broken.field)), (Rule::ActionUnknown, "ferry_action"));
        assert_eq!(binding.column_of(broken.field), Some(1));
        let twice = bind(&["displayName", "ferry_action", "FERRY_ACTION"], None).unwrap_err().to_string();
        assert!(twice.contains("could both be `ferry_action`"), "{twice}");
    }

    #[test]
    fn the_mapping_file_takes_columns_constants_defaults_and_values() {
        let binding = bind(
            &["Firma", "Name", "Gesperrt", "Währung", "Notiz"],
            Some(
                "[fields]\ndisplayName = { from = 'firma' }\ntype = { const = 'Person' }\n\
                 blocked = { from = 'Gesperrt', values = { J = 'All', N = ' ' } }\n\
                 currencyCode = { from = 'WÄHRUNG', default = 'EUR' }\n[ignore]\ncolumns = ['Notiz']",
            ),
        )
        .unwrap();
        let (first, broken) = values(&binding, &["Müller", "x", "j", "", "y"]);
        assert_eq!(
            first,
            [
                ("displayName", "Text(\"Müller\")".to_owned()),
                ("type", "Member(\"Person\")".to_owned()),
                ("currencyCode", "Code(\"EUR\")".to_owned()),
                ("blocked", "Member(\"All\")".to_owned()),
            ]
        );
        assert!(broken.is_empty());
        let (second, _) = values(&binding, &["Müller", "x", "N", "USD", "y"]);
        assert_eq!(second[3], ("blocked", "Member(\"_x0020_\")".to_owned()));
        assert_eq!(binding.unmapped()[0].reason, UnmappedReason::Taken("displayName"));
        assert_eq!(binding.unmapped()[1].reason, UnmappedReason::Ignored);
    }

    #[test]
    fn a_mapping_file_that_does_not_fit_is_refused() {
        let refused = |text| bind(&["Firma", "Name"], Some(text)).unwrap_err().to_string();
        assert_eq!(
            refused("[fields]\ndisplayNam = { from = 'Firma' }"),
            "mapping file `m.toml` names a field `displayNam` that customers do not have; `displayName` may be meant"
        );
        assert_eq!(
            refused("[fields]\nName = { from = 'Firma' }"),
            "mapping file `m.toml` names a field `Name` that customers do not have; `displayName` may be meant"
        );
        assert_eq!(
            refused("[fields]\ndisplayName = { from = 'Frima' }"),
            "mapping file `m.toml` takes `displayName` from a column `Frima` that does not exist; \
             `Firma` may be meant"
        );
        assert_eq!(
            refused("entity = 'payments'"),
            "mapping file `m.toml` is for payments, not for customers"
        );
    }

    #[test]
    fn one_space_is_the_blank_member_and_nothing_keeps_what_is_there() {
        let binding = bind(&["displayName", "blocked"], None).unwrap();
        assert_eq!(values(&binding, &["A", " "]).0[1], ("blocked", "Member(\"_x0020_\")".to_owned()));
        assert_eq!(values(&binding, &["A", ""]).0.len(), 1);
    }

    #[test]
    fn blank_cells_clear_where_they_are_told_to_and_the_field_can_be_blank() {
        let names = ["number", "displayName", "email", "creditLimit", "blocked", "paymentTermsId", "city"];
        let mapping =
            "[fields]\ncity = { from = 'city', blank = 'keep' }\nemail = { from = 'email', blank = 'clear' }";
        let binding = bind(&names, Some(mapping)).unwrap();
        let cleared = |binding: &Binding| -> Vec<_> {
            let cells = ["", "", " ", "", "", "", ""];
            values(binding, &cells).0.into_iter().map(|(name, value)| format!("{name} {value}")).collect()
        };
        assert_eq!(cleared(&binding), ["email Cleared"]);
        let binding = binding.with_blanks(Blanks::Clear);
        assert_eq!(cleared(&binding), ["email Cleared", "paymentTermsId Cleared", "blocked Cleared"]);
        let refused =
            bind(&names, Some("[fields]\ndisplayName = { blank = 'clear' }")).unwrap_err().to_string();
        assert!(refused.contains("clears `displayName`, which cannot be blank"), "{refused}");
    }

    #[test]
    fn an_id_column_holds_guids_and_a_code_column_codes() {
        let by_id = bind(&["paymentTermsId"], None).unwrap();
        assert_eq!(values(&by_id, &["30 DAYS"]).1, [Rule::NotAGuid]);
        let by_code = bind(&["Payment Terms Code"], None).unwrap();
        assert_eq!(values(&by_code, &["30 DAYS"]).0, [("paymentTermsId", "Code(\"30 DAYS\")".to_owned())]);
    }

    #[test]
    fn the_kind_of_record_is_guessed_when_headers_tell() {
        let both = [(EntityKind::Customers, &CUSTOMERS), (EntityKind::Payments, &CUSTOMER_PAYMENTS)];
        let guess = |names: &[&str]| guess_entity(&headers(names), &both);
        assert_eq!(guess(&["number", "Name", "City"]), Some(EntityKind::Customers));
        assert_eq!(guess(&["Customer No.", "Date", "Document No.", "Amount"]), Some(EntityKind::Payments));
        assert_eq!(guess(&["foo", "bar"]), None);
    }

    proptest! {
        /// The order of the columns does not matter.
        #[test]
        fn column_order_is_irrelevant(order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle()) {
            let names = ["number", "Name", "E-Mail", "credit limit", "blocked"];
            let cells = ["C1", " Müller ", "a@b.example", "10.50", " "];
            let shuffle = |texts: [&'static str; 5]| order.iter().map(|at| texts[*at]).collect::<Vec<_>>();
            let straight = bind(&names, None).unwrap();
            let shuffled = bind(&shuffle(names), None).unwrap();
            prop_assert_eq!(values(&straight, &cells), values(&shuffled, &shuffle(cells)));
        }
    }
}
