//! Binds the columns of a file to fields, once per file.
//!
//! A header is a field's name or one of its aliases, whatever its case, spaces and punctuation. The name wins
//! over aliases; two columns with equal right to a field are an error. Columns that start with `ferry_` are our
//! own and feed nothing; `ferry_action` says what to do with its row, the others were added to a rejects file. A
//! heading that is almost `ferry_action` is refused, because rows that ask to be left out would be written.

use super::MappingError;
use super::binding::{Binding, Unmapped, UnmappedReason, can_be_blank, feed};
use super::file::{Blanks, MappingFile};
use crate::catalogue::{DIALECTS, Entity, Field, Kind};
use crate::domain::text::{fold, is_same_folded, nearest, trim};
use crate::domain::{ACTION_COLUMN, EntityKind};

/// Our own columns, however they are spelled.
const OWN_COLUMNS: [&str; 5] = [ACTION_COLUMN, "ferry_status", "ferry_reason", "ferry_fix", "ferry_row"];

/// What a payment gets from its run: the journal that was asked for, and a line reserved there. An exported file has
/// those of the journal it came from.
const DECIDED: [&str; 3] = ["journalId", "journalDisplayName", "lineNumber"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    Alias,
    Name,
    Mapping,
}

/// Binds the headers of a file to the fields of an entity, as the mapping file says and else by name.
pub(super) fn bind(
    headers: &[String],
    (kind, entity): (EntityKind, &'static Entity),
    mapping: Option<&MappingFile>,
) -> Result<Binding, MappingError> {
    let mut binder = Binder::new(headers, kind, entity, mapping);
    if let Some(mapping) = mapping {
        binder.check_mapping(mapping)?;
        binder.claim_mapped(mapping)?;
    }
    binder.find_action()?;
    binder.claim_headers();
    binder.finish(mapping)
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
        let known = known.filter(|field| field.is_in_files()).map(|field| field.name);
        known.or_else(|| nearest(name, writable(self.entity).map(|(_, field)| field.name)))
    }

    /// Finds the column in which rows say what to do with them.
    fn find_action(&mut self) -> Result<(), MappingError> {
        let named = |header: &str| is_same_folded(header, ACTION_COLUMN);
        let mut columns = (0..).zip(self.headers).filter(|(_, header)| named(header));
        let Some((column, first)) = columns.next() else { return self.refuse_near_misses() };
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

    /// A heading that is most likely meant to be the action's, and is used for nothing else.
    fn refuse_near_misses(&self) -> Result<(), MappingError> {
        let is_used = |column: u32| self.claims.iter().flatten().any(|(claimed, _)| *claimed == column);
        let near = (0..).zip(self.headers).find(|(column, header)| {
            is_almost_action(header)
                && !is_used(*column)
                && !self.ignored.iter().any(|ignored| is_heading(header, ignored))
        });
        near.map_or(Ok(()), |(_, header)| Err(MappingError::AlmostAction { column: header.clone() }))
    }

    /// Lets every column that the mapping file does not use claim the field its header names.
    fn claim_headers(&mut self) {
        for (column, header) in (0..).zip(self.headers) {
            if self.claims.iter().flatten().any(|(claimed, _)| *claimed == column) {
                continue;
            }
            if self.ignored.iter().any(|ignored| is_heading(header, ignored)) {
                self.reasons[column as usize] = Some(UnmappedReason::Ignored);
            } else if is_own(header) {
                self.reasons[column as usize] = Some(UnmappedReason::Own);
            } else if let Some((field, right)) = fillable_field(self.entity, header) {
                let name = self.entity.fields[field].name;
                if DECIDED.contains(&name) {
                    self.reasons[column as usize] = Some(UnmappedReason::Decided(name));
                } else if self.entity.fields[field].is_in_files() {
                    self.claims[field].push((column, right));
                } else {
                    self.reasons[column as usize] = Some(UnmappedReason::ReadOnly(name));
                }
            } else if let Some(name) = elsewhere(self.kind, header) {
                self.reasons[column as usize] = Some(match self.code_beside(name) {
                    _ if DECIDED.contains(&name) => UnmappedReason::Decided(name),
                    Some(code) => UnmappedReason::Taken(code),
                    None => UnmappedReason::Unsupported(name),
                });
            } else {
                let suggestion = nearest(header, writable(self.entity).map(|(_, field)| field.name));
                self.reasons[column as usize] = Some(UnmappedReason::Unknown { suggestion });
            }
        }
    }

    /// The field by which another column of the file names what this id of another dialect names.
    fn code_beside(&self, id: &str) -> Option<&'static str> {
        let stem = id.strip_suffix("Id")?;
        let is_code = |header: &&String| {
            ["Code", "Number"].iter().any(|end| is_same_folded(header, &format!("{stem}{end}")))
        };
        let header = self.headers.iter().find(is_code)?;
        let own = named_field(self.entity, header).map(|(index, _)| self.entity.fields[index].name);
        own.or_else(|| elsewhere(self.kind, header))
    }

    fn finish(mut self, mapping: Option<&MappingFile>) -> Result<Binding, MappingError> {
        let mut feeds = Vec::new();
        for (index, field) in self.entity.fields.iter().enumerate() {
            let fed = mapping.and_then(|mapping| mapping.fields.get(field.name));
            let own = self.settle(index, field)?;
            let column = match self.entity.index_of(field.or_from).filter(|_| own.is_none() && fed.is_none())
            {
                Some(other) => self.settle(other, &self.entity.fields[other])?,
                None => own,
            };
            let column = column.map(|(column, right)| (column, right == Right::Name));
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

    /// Where one column holds ids and another the codes they stand for, takes the codes: ids belong to the system that
    /// the file came from.
    fn prefer_codes(&mut self, index: usize) {
        let claims = &mut self.claims[index];
        if claims.iter().any(|(_, right)| *right == Right::Alias) {
            for (column, _) in claims.extract_if(.., |(_, right)| *right == Right::Name) {
                let name = self.entity.fields[index].name;
                self.reasons[column as usize] = Some(UnmappedReason::Taken(name));
            }
        }
    }

    /// The one column with the best right to a field, and that right.
    fn settle(&mut self, index: usize, field: &Field) -> Result<Option<(u32, Right)>, MappingError> {
        if field.kind == Kind::Guid {
            self.prefer_codes(index);
        }
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
/// The field that a header names, and with what right.
fn named_field(entity: &'static Entity, header: &str) -> Option<(usize, Right)> {
    let by_name = entity.fields.iter().position(|field| is_same_folded(field.name, header));
    by_name.map(|index| (index, Right::Name)).or_else(|| {
        let is_alias = |field: &Field| field.aliases.iter().any(|alias| is_same_folded(alias, header));
        entity.fields.iter().position(is_alias).map(|index| (index, Right::Alias))
    })
}

/// The field that a header names; where that one belongs to the server, rather another one that it is an alias of: a
/// code that is only shown here is the one by which an id is given.
fn fillable_field(entity: &'static Entity, header: &str) -> Option<(usize, Right)> {
    let named = named_field(entity, header)?;
    if entity.fields[named.0].is_in_files() {
        return Some(named);
    }
    let is_alias = |field: &Field| field.aliases.iter().any(|alias| is_same_folded(alias, header));
    let other = writable(entity).find(|(_, field)| is_alias(field));
    Some(other.map_or(named, |(index, _)| (index, Right::Alias)))
}

/// The neutral name of the field that a header names in another dialect: of the first one, whose names are the neutral
/// ones, also by an alias.
fn elsewhere(kind: EntityKind, header: &str) -> Option<&'static str> {
    let entities = || DIALECTS.iter().map(|dialect| dialect.entity(kind));
    let named = |right: Right| {
        move |entity: &'static Entity| {
            let (index, found) = named_field(entity, header).filter(|(_, found)| *found >= right)?;
            Some(&entity.fields[index]).filter(|field| found >= right && field.is_in_files())
        }
    };
    let field =
        entities().take(1).find_map(named(Right::Alias)).or_else(|| entities().find_map(named(Right::Name)));
    field.map(|field| field.name)
}

/// Whether the column is one of ours, other than the action's.
fn is_own(header: &str) -> bool {
    header.trim().to_ascii_lowercase().starts_with("ferry_")
        || OWN_COLUMNS.iter().any(|own| is_same_folded(header, own))
}

/// Whether a heading is spelled almost like the action's column.
fn is_almost_action(header: &str) -> bool {
    let folded = fold(header);
    folded.starts_with("ferryact") || strsim::levenshtein(&folded, &fold(ACTION_COLUMN)) <= 2
}

/// Headings are compared folded; those without any letter or digit as they stand.
fn is_heading(header: &str, wanted: &str) -> bool {
    is_same_folded(header, wanted) || trim(header) == trim(wanted)
}

fn writable(entity: &'static Entity) -> impl Iterator<Item = (usize, &'static Field)> {
    entity.fields.iter().enumerate().filter(|(_, field)| field.is_in_files())
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
    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};
    use crate::mapping::binding::tests::{bind, headers};

    fn column(binding: &Binding, field: &str) -> Option<u32> {
        binding.column_of(CUSTOMERS.index_of(field).unwrap())
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
    fn the_action_is_found_however_it_is_spelled_and_what_is_almost_it_is_refused() {
        for heading in ["ferry_action", "Ferry Action", "FerryAction ", "FERRY-ACTION"] {
            assert_eq!(bind(&["displayName", heading], None).unwrap().action_column(), Some(1), "{heading}");
        }
        for heading in ["ferry_actions", "Fery Action", "ferry action code"] {
            let refused = bind(&["displayName", heading], None).unwrap_err().to_string();
            assert!(refused.contains(&format!("`{heading}` is almost `ferry_action`")), "{refused}");
            let ignored = format!("[ignore]\ncolumns = ['{heading}']");
            assert_eq!(bind(&["displayName", heading], Some(&ignored)).unwrap().action_column(), None);
        }
        let binding = bind(&["displayName", "Ferry Reason", "Ferry Line", "Action"], None).unwrap();
        assert_eq!(binding.unmapped()[0].reason, UnmappedReason::Own);
        assert!(matches!(binding.unmapped()[1].reason, UnmappedReason::Unknown { .. }));
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
    fn the_kind_of_record_is_guessed_when_headers_tell() {
        let both = [(EntityKind::Customers, &CUSTOMERS), (EntityKind::Payments, &CUSTOMER_PAYMENTS)];
        let guess = |names: &[&str]| guess_entity(&headers(names), &both);
        assert_eq!(guess(&["number", "Name", "City"]), Some(EntityKind::Customers));
        assert_eq!(guess(&["Customer No.", "Date", "Document No.", "Amount"]), Some(EntityKind::Payments));
        assert_eq!(guess(&["foo", "bar"]), None);
    }
}
