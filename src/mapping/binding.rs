//! Fills records through a binding: which column, constant or default feeds each field, and how its cells are read.

use super::MappingError;
use super::cell::{Reading, blank_member};
use super::file::{Blanks, FieldMapping, MappingFile};
use super::header::bind;
use crate::catalogue::{Entity, Field, Kind};
use crate::domain::text::trim;
use crate::domain::{
    ACTION_COLUMN, ACTION_WORDS, Asked, Broken, EntityKind, Record, References, Row, Rule, Value,
};

/// Which column, constant or default feeds each field of an entity.
#[derive(Debug)]
pub struct Binding {
    pub(super) kind: EntityKind,
    pub(super) entity: &'static Entity,
    pub(super) feeds: Vec<Feed>,
    pub(super) unmapped: Vec<Unmapped>,
    pub(super) action: Option<u32>,
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

/// A column whose values, or whose further values, the target has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// 0-based column.
    pub column: u32,
    /// The field it feeds, or would feed elsewhere.
    pub field: &'static str,
    /// Whether the first value of a cell has a place: only the others, after a semicolon, have none.
    pub has_place_for_one: bool,
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
    /// The target has no such field; others have, under this neutral name.
    Unsupported(&'static str),
    /// The run decides on the field, whatever the file says.
    Decided(&'static str),
    /// Another column feeds the field, by its exact name or by the mapping file.
    Taken(&'static str),
    /// The mapping file says so.
    Ignored,
    /// The column is our own: `ferry_action`, or one that was added to a rejects file.
    Own,
}

/// What feeds one field.
#[derive(Debug)]
pub(super) struct Feed {
    field: usize,
    takes_codes: bool,
    /// The field that takes a customer's number where the column gives the name.
    number_field: Option<usize>,
    pub(super) column: Option<u32>,
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
        let mut binding = bind(headers, (kind, entity), mapping)?;
        for feed in &mut binding.feeds {
            let field = &entity.fields[feed.field];
            let is_payer = field.kind == Kind::Guid && field.name == "customerId";
            feed.number_field = entity.index_of("customerNumber").filter(|_| is_payer && feed.takes_codes);
        }
        Ok(binding)
    }

    /// Whether a column may tell the customers of payments by their names.
    #[must_use]
    pub fn takes_customer_names(&self) -> bool {
        self.feeds.iter().any(|feed| feed.number_field.is_some())
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

    /// The columns whose values the target has no place for, left to right, then those of whose cells it takes one
    /// value of several.
    pub fn unsupported(&self) -> impl Iterator<Item = Unsupported> + '_ {
        let unplaced = self.unmapped.iter().filter_map(|unmapped| match unmapped.reason {
            UnmappedReason::Unsupported(field) => {
                Some(Unsupported { column: unmapped.column, field, has_place_for_one: false })
            }
            _ => None,
        });
        let fed = self.feeds.iter().filter_map(|feed| Some((&self.entity.fields[feed.field], feed.column?)));
        unplaced.chain(fed.filter(|(field, _)| field.holds_one).map(|(field, column)| Unsupported {
            column,
            field: field.name,
            has_place_for_one: true,
        }))
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

    /// The place of the value in the so-manyeth [unsupported](Self::unsupported) column, for a broken rule.
    #[must_use]
    pub fn unsupported_place(&self, index: usize) -> usize {
        self.entity.fields.len() + 1 + index
    }

    /// The name of a broken rule's place: a field's, that of the action's column, or of a field that others have.
    #[must_use]
    pub fn name_of(&self, place: usize) -> &'static str {
        match place.checked_sub(self.entity.fields.len()) {
            None => self.entity.fields[place].name,
            Some(0) => ACTION_COLUMN,
            Some(beyond) => self.unsupported().nth(beyond - 1).map_or("", |unsupported| unsupported.field),
        }
    }

    /// The 0-based column that feeds a field, holds the action, or holds what the target has no place for; `None` when
    /// none does.
    #[must_use]
    pub fn column_of(&self, field: usize) -> Option<u32> {
        match field.checked_sub(self.entity.fields.len()) {
            Some(0) => return self.action,
            Some(beyond) => return self.unsupported().nth(beyond - 1).map(|unsupported| unsupported.column),
            None => {}
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
            let Feed { takes_codes, number_field, .. } = *feed;
            let reading = Reading { field, takes_codes, references, number_field };
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

/// What feeds a field from its column, if it has one (and whether the column has its exact name), and from the
/// mapping file; `None` when nothing does.
pub(super) fn feed(
    index: usize,
    field: &Field,
    column: Option<(u32, bool)>,
    fed: Option<&FieldMapping>,
) -> Option<Feed> {
    if column.is_none() && fed.is_none() {
        return None;
    }
    Some(Feed {
        field: index,
        takes_codes: field.kind == Kind::Guid && !matches!(column, Some((_, true))),
        number_field: None,
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
pub(crate) fn can_be_blank(field: &Field) -> bool {
    let set = field.reference.map_or("", |reference| reference.set);
    field.is_changeable()
        && !field.required
        && field.name != "number"
        && !matches!(set, "customers" | "taxAreas" | "salesInvoices")
        && match field.kind {
            Kind::Text | Kind::Code | Kind::CutText | Kind::Email | Kind::Phone | Kind::Guid => true,
            Kind::Enum(_) => blank_member(field).is_some(),
            Kind::Decimal(_) | Kind::Integer | Kind::Boolean | Kind::Date | Kind::DateTime => false,
        }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::business_central_v2::CUSTOMERS;
    use crate::domain::{Origin, Span};

    pub(in crate::mapping) fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    pub(in crate::mapping) fn bind(names: &[&str], mapping: Option<&str>) -> Result<Binding, MappingError> {
        let mapping = mapping.map(|text| MappingFile::parse(text, "m.toml").unwrap());
        Binding::bind(&headers(names), EntityKind::Customers, &CUSTOMERS, mapping.as_ref())
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
