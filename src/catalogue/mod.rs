//! What each system's records look like, as data: one file per dialect, one line per field.
//!
//! The tables drive header matching, validation, payloads, the target's `$select`, export columns and the
//! documentation. Adding a field is one line.

pub mod bigcapital;
mod business_central;
pub mod business_central_beta;
pub mod business_central_v1;
pub mod business_central_v2;

use crate::domain::EntityKind;

/// One version of a system's API: the tables of its records.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The system: `business-central`.
    pub system: &'static str,
    /// The version: `v2.0`.
    pub name: &'static str,
    /// How people call the two together: `Business Central v2.0`.
    pub title: &'static str,
    /// Customers.
    pub customers: &'static Entity,
    /// Payments of customers.
    pub payments: &'static Entity,
    /// What each customer owes.
    pub financial_details: &'static Entity,
    /// Payment journals, where payments wait in some.
    pub journals: Option<&'static Entity>,
    /// The dimension values that documents of a customer start with, where there are any.
    pub default_dimensions: Option<&'static Entity>,
    /// Whether the members of enumerations go over the wire as people read them, `Same Code` and one space for the
    /// blank one, instead of by their escaped names.
    pub plain_members: bool,
    /// Whether a field for e-mail addresses holds one, where others hold several parted by semicolons.
    pub has_one_email: bool,
    /// Whether the `balance` of a customer's own record is in the customer's currency; the balances of financial
    /// details are in the company's everywhere.
    pub has_own_balances: bool,
}

/// Every dialect there is; the first is the one that speaks the neutral names.
pub const DIALECTS: &[&Dialect] = &[
    &business_central_v2::DIALECT,
    &business_central_v1::DIALECT,
    &business_central_beta::DIALECT,
    &bigcapital::DIALECT,
];

impl Dialect {
    /// The dialect of this system with this name, in any letter case; the sandbox speaks those of all systems.
    #[must_use]
    pub fn named(system: &str, name: &str) -> Option<&'static Self> {
        let is_of =
            |known: &Self| [known.system, "sandbox"].iter().any(|one| one.eq_ignore_ascii_case(system));
        let is_it = |known: &&&'static Self| is_of(known) && known.name.eq_ignore_ascii_case(name);
        DIALECTS.iter().find(is_it).copied()
    }

    /// The table of this kind of record; one without fields when the dialect does not [have](Self::has) it.
    #[must_use]
    pub fn entity(&self, kind: EntityKind) -> &'static Entity {
        match kind {
            EntityKind::Customers => self.customers,
            EntityKind::Dimensions => self.default_dimensions.unwrap_or(&NO_RECORDS),
            EntityKind::Payments => self.payments,
        }
    }

    /// Whether the dialect has this kind of record.
    #[must_use]
    pub fn has(&self, kind: EntityKind) -> bool {
        !self.entity(kind).fields.is_empty()
    }

    /// Every kind of record with the table that tells a file of it by its headings: the dialect's own, or else that of
    /// the first dialect, so that a file of what is not there is known for what it is.
    #[must_use]
    pub fn candidates(&self) -> [(EntityKind, &'static Entity); 3] {
        EntityKind::ALL.map(|kind| (kind, if self.has(kind) { self } else { DIALECTS[0] }.entity(kind)))
    }
}

/// The table of what a dialect does not have.
static NO_RECORDS: Entity = Entity { set: "", fields: &[], navigations: &[] };

/// Everything known about the records of one kind in one dialect.
#[derive(Clone, Copy, Debug)]
pub struct Entity {
    /// The entity set, as it stands in the path: `customers`.
    pub set: &'static str,
    /// The fields, in the order payloads and exports carry them.
    pub fields: &'static [Field],
    /// What `$expand` may follow from here.
    pub navigations: &'static [Navigation],
}

/// One field of a record.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct Field {
    /// The neutral name, which is the one in files, plans and messages: `displayName`.
    pub name: &'static str,
    /// Where the dialect keeps it, a path with slashes: `address/city`, or `address/street#2` for what follows the
    /// first line break of the text there; empty when it is under its neutral name.
    pub wire: &'static str,
    /// Other headings that people give the column; spelling is folded, so one form of each is enough.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// Longest text, in UTF-16 code units; 0 when the kind sets the length.
    ///
    /// Source: the AL table's field length, which counts UTF-16 units.
    pub max_length: u16,
    /// Whether a new record must have it.
    pub required: bool,
    /// When it may be sent.
    pub writable: Writable,
    /// The table its value has to be found in.
    pub reference: Option<Reference>,
    /// What the system does not take although a field of this kind could hold it.
    pub refuses: Option<Refuses>,
    /// Whether every change has to carry the field again, changed or not.
    pub goes_along: bool,
    /// The field that decides about this one, which holds the id of what that one names: sent with it, and never
    /// compared beside it. Empty when there is none.
    pub follows: &'static str,
    /// Whether lists of records show the field; of one that they do not, nothing can be said before a record is read
    /// alone.
    pub is_listed: bool,
    /// Whether it holds one value where others hold several, parted by semicolons.
    pub holds_one: bool,
    /// The field whose column feeds this one too when no column is its own; empty for none.
    pub or_from: &'static str,
    /// What a new record has here when nothing is sent, in neutral form; empty for nothing.
    pub preset: &'static str,
    /// The fields that the server may overwrite when this one changes, unless they are sent along.
    pub overwrites: &'static [&'static str],
    /// The fields that the server empties when this one changes, unless they are sent along.
    pub clears: &'static [&'static str],
}

/// What a system does not take: sent all the same, it fails without a word of why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuses {
    /// Characters of four bytes in UTF-8, such as emoji.
    FourBytes,
    /// Characters of four bytes, and texts that read as a number.
    Numerals,
    /// Numbers with more digits before the decimal point.
    DigitsOver(u8),
    /// Amounts with cents, and numbers of more than ten digits.
    Cents,
}

/// What values a field takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A code: trimmed and upper-cased by the server.
    Code,
    /// Text the server would cut to the maximum length instead of refusing it.
    CutText,
    /// E-mail addresses, parted by semicolons.
    Email,
    /// A phone number: no letters.
    Phone,
    /// A GUID without braces.
    Guid,
    /// A decimal number of at most 15 digits before the point and this many after it.
    Decimal(u8),
    /// A whole number of 32 bits.
    Integer,
    /// True or false.
    Boolean,
    /// A calendar day, `YYYY-MM-DD`.
    Date,
    /// An instant in UTC.
    DateTime,
    /// One of these.
    Enum(&'static [Member]),
}

/// One value of an enumeration.
#[derive(Debug, PartialEq)]
pub struct Member {
    /// As it is sent: `_x0020_` for the blank one.
    pub wire: &'static str,
    /// As people write it; several spellings, folded before they are compared.
    pub captions: &'static [&'static str],
}

/// When a field may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// Never: the server owns it.
    No,
    /// With a new record only.
    Create,
    /// With a new record and with a change.
    Always,
    /// As `Always`, but no file fills it: the plan does, from another field.
    Plan,
    /// Files fill it and the target shows it, and it is never sent: another field that [follows](Field::follows) it goes
    /// in its place.
    Named,
}

/// The table a field's value has to be found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The entity set of the table: `paymentTerms`.
    pub set: &'static str,
    /// Whether the field holds the `id` of the other record, or its `code` (for customers: its `number`).
    pub by: ReferenceBy,
}

/// Which property of the other record a reference holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceBy {
    /// Its GUID. Files usually give the code instead, which is looked up.
    Id,
    /// Its code.
    Code,
}

/// A related record or records that `$expand` can bring along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Navigation {
    /// The property name: `customerFinancialDetail`.
    pub name: &'static str,
    /// The entity set it leads to.
    pub set: &'static str,
    /// Whether it leads to several records.
    pub many: bool,
}

impl Entity {
    /// The field whose amounts the control totals add up: those of payments, of customers their credit limits or, where
    /// there are none, their opening balances.
    #[must_use]
    pub fn counted_amount(&self) -> Option<usize> {
        let names = ["amount", "creditLimit", "openingBalance"];
        names.into_iter().find_map(|name| self.index_of(name))
    }

    /// The index of the field with exactly this name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The field with exactly this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether the server writes the field `other` when `changed` changes, unless it is sent along.
    #[must_use]
    pub fn moves(&self, changed: &str, other: &str) -> bool {
        self.field(changed).is_some_and(|field| field.moves(other))
    }
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            wire: "",
            aliases: &[],
            kind,
            max_length: 0,
            required: false,
            writable: Writable::Always,
            reference: None,
            refuses: None,
            goes_along: false,
            follows: "",
            is_listed: true,
            holds_one: false,
            or_from: "",
            preset: "",
            overwrites: &[],
            clears: &[],
        }
    }

    /// Whether a column of a file may fill it.
    #[must_use]
    pub fn is_in_files(&self) -> bool {
        matches!(self.writable, Writable::Create | Writable::Always | Writable::Named)
    }

    /// Whether a change of a record may change it at a file's word.
    #[must_use]
    pub fn is_changeable(&self) -> bool {
        matches!(self.writable, Writable::Always | Writable::Named)
    }

    /// Whether a change of the field `changed` has to carry this one too.
    ///
    /// Source: Bigcapital's edits need a type and a name again, and an opening balance with its date.
    #[must_use]
    pub fn goes_with(&self, changed: &str) -> bool {
        const OPENING: &str = "openingBalance";
        self.goes_along
            || (!self.follows.is_empty() && self.follows == changed)
            || (self.name.starts_with(OPENING) && changed.starts_with(OPENING))
    }

    /// Whether a change of the field makes the server write the field `other` too, unless it is sent along.
    #[must_use]
    pub fn moves(&self, other: &str) -> bool {
        self.overwrites.contains(&other) || self.clears.contains(&other)
    }

    /// Where the dialect keeps the field, a path with slashes.
    #[must_use]
    pub fn path(&self) -> &'static str {
        if self.wire.is_empty() { self.name } else { self.wire }
    }

    /// The object of the wire's record that holds the field among others; empty when it stands in the record itself.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.wire.split_once('/').map_or("", |(group, _)| group)
    }

    const fn at(self, wire: &'static str) -> Self {
        Self { wire, ..self }
    }

    const fn longest(self, max_length: u16) -> Self {
        Self { max_length, ..self }
    }

    const fn text(name: &'static str, max_length: u16) -> Self {
        Self { max_length, ..Self::new(name, Kind::Text) }
    }

    const fn code(name: &'static str, max_length: u16) -> Self {
        Self { max_length, ..Self::new(name, Kind::Code) }
    }

    const fn id() -> Self {
        Self::new("id", Kind::Guid).read_only()
    }

    const fn modified() -> Self {
        Self::new("lastModifiedDateTime", Kind::DateTime).read_only()
    }

    const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { writable: Writable::No, ..self }
    }

    const fn create_only(self) -> Self {
        Self { writable: Writable::Create, ..self }
    }

    const fn refuses(self, refuses: Refuses) -> Self {
        Self { refuses: Some(refuses), ..self }
    }

    const fn goes_along(self) -> Self {
        Self { goes_along: true, ..self }
    }

    /// Filled by the plan.
    const fn planned(self) -> Self {
        Self { writable: Writable::Plan, ..self }
    }

    /// Filled by the plan with the id of what another field names.
    const fn following(self, leader: &'static str) -> Self {
        Self { writable: Writable::Plan, follows: leader, ..self }
    }

    /// Told by files and by the target, and never sent.
    const fn named(self) -> Self {
        Self { writable: Writable::Named, ..self }
    }

    const fn unlisted(self) -> Self {
        Self { is_listed: false, ..self }
    }

    const fn holds_one(self) -> Self {
        Self { holds_one: true, ..self }
    }

    /// Fed by the column of this field when no column is its own.
    const fn or_from(self, or_from: &'static str) -> Self {
        Self { or_from, ..self }
    }

    /// What a new record has here when nothing is sent.
    const fn preset(self, preset: &'static str) -> Self {
        Self { preset, ..self }
    }

    const fn overwrites(self, overwrites: &'static [&'static str]) -> Self {
        Self { overwrites, ..self }
    }

    const fn clears(self, clears: &'static [&'static str]) -> Self {
        Self { clears, ..self }
    }

    const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn id_of(self, set: &'static str) -> Self {
        Self { reference: Some(Reference { set, by: ReferenceBy::Id }), ..self }
    }

    const fn code_of(self, set: &'static str) -> Self {
        Self { reference: Some(Reference { set, by: ReferenceBy::Code }), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of a dialect, one line a field.
    fn listing(dialect: &Dialect) -> String {
        let mut lines = Vec::new();
        let tables = [dialect.customers, dialect.payments, dialect.financial_details];
        for table in tables.into_iter().chain(dialect.journals).chain(dialect.default_dimensions) {
            lines.push(format!("{}:", table.set));
            for field in table.fields {
                let kind = match field.kind {
                    Kind::Enum(members) => format!("Enum({})", members.len()),
                    kind => format!("{kind:?}"),
                };
                let required = if field.required { " required" } else { "" };
                let path = if field.wire.is_empty() { String::new() } else { format!(" <- {}", field.wire) };
                let (name, length, writable) = (field.name, field.max_length, field.writable);
                lines.push(format!("  {name} {kind} {length} {writable:?}{required}{path}"));
            }
        }
        lines.join("\n")
    }

    #[test]
    fn the_tables_of_v1_0_are_those_of_its_reference() {
        insta::assert_snapshot!(listing(&business_central_v1::DIALECT));
    }

    #[test]
    fn the_tables_of_beta_are_those_of_its_reference() {
        insta::assert_snapshot!(listing(&business_central_beta::DIALECT));
    }

    #[test]
    fn no_table_has_a_name_twice_and_dialects_are_found_by_system_and_name() {
        for dialect in DIALECTS {
            assert_eq!(
                Dialect::named(dialect.system, &dialect.name.to_uppercase()).unwrap().title,
                dialect.title
            );
            assert_eq!(Dialect::named("sandbox", dialect.name).unwrap().title, dialect.title);
            for table in [dialect.customers, dialect.payments, dialect.financial_details] {
                for (place, field) in table.fields.iter().enumerate() {
                    assert_eq!(table.index_of(field.name), Some(place), "{} {}", dialect.title, field.name);
                }
            }
        }
    }
}
