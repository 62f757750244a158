//! What each system's records look like, as data: one file per dialect, one line per field.
//!
//! The tables drive header matching, validation, payloads, the target's `$select`, export columns and the
//! documentation. Adding a field is one line.

pub mod business_central_v2;

use crate::domain::EntityKind;

/// One version of a system's API: the tables of its records.
#[derive(Debug)]
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
}

/// Every dialect there is; the first is the one that speaks the neutral names.
pub const DIALECTS: &[&Dialect] = &[&business_central_v2::DIALECT];

impl Dialect {
    /// The dialect of this system with this name, in any letter case.
    #[must_use]
    pub fn named(system: &str, name: &str) -> Option<&'static Self> {
        let is_it = |known: &&&'static Self| {
            known.system.eq_ignore_ascii_case(system) && known.name.eq_ignore_ascii_case(name)
        };
        DIALECTS.iter().find(is_it).copied()
    }

    /// The table of this kind of record.
    #[must_use]
    pub fn entity(&self, kind: EntityKind) -> &'static Entity {
        match kind {
            EntityKind::Customers => self.customers,
            EntityKind::Payments => self.payments,
        }
    }
}

/// Everything known about the records of one kind in one dialect.
#[derive(Debug)]
pub struct Entity {
    /// The entity set, as it stands in the path: `customers`.
    pub set: &'static str,
    /// The fields, in the order payloads and exports carry them.
    pub fields: &'static [Field],
    /// What `$expand` may follow from here.
    pub navigations: &'static [Navigation],
}

/// One field of a record.
#[derive(Debug)]
pub struct Field {
    /// The neutral name, which is the one in files, plans and messages: `displayName`.
    pub name: &'static str,
    /// Where the dialect keeps it, a path with slashes: `address/street`; empty when it is under its neutral name.
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
#[derive(Debug, PartialEq, Eq)]
pub struct Navigation {
    /// The property name: `customerFinancialDetail`.
    pub name: &'static str,
    /// The entity set it leads to.
    pub set: &'static str,
    /// Whether it leads to several records.
    pub many: bool,
}

impl Entity {
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
        }
    }

    /// Where the dialect keeps the field, a path with slashes.
    #[must_use]
    pub fn path(&self) -> &'static str {
        if self.wire.is_empty() { self.name } else { self.wire }
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
