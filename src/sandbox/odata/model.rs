//! What an entity type is: its properties, its navigations and the order its rows come in.
//!
//! The tables themselves are in [`entities`](super::entities). Promises: property 0 of every entity is its `id`, even
//! where the wire does not show it. A nested object is a group of properties whose names begin with its own and a
//! slash, such as `address/city`: so filters, sorting and the books know only flat properties.

use super::dialect::Dialect;
use super::entities::entities;
use super::value::Value;

/// Which of two imitations the server gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// What third-party guides describe, a superset: balances on customers, blank enums as a space, both spellings
    /// of the financial details.
    #[default]
    Seed,
    /// What the vendor's reference describes, and nothing else.
    Strict,
}

/// One kind of entity, such as a customer.
#[derive(Debug)]
pub(crate) struct EntityType {
    /// The type's name in `$metadata`, such as `customer`.
    pub(crate) name: &'static str,
    /// The set's name in a URL, such as `customers`.
    pub(crate) set: &'static str,
    /// Another name of the set, in [`Behaviour::Seed`] only.
    pub(crate) alias: Option<&'static str>,
    /// The table or view of the books with its rows; empty when it is called like the set.
    pub(super) table: &'static str,
    /// The properties that a key in parentheses consists of.
    pub(crate) key: &'static [&'static str],
    /// The nested objects among the properties.
    pub(crate) complexes: &'static [Complex],
    /// The properties in the order they are written; the first is `id`.
    pub(crate) properties: &'static [Property],
    /// Where `$expand` can go from here.
    pub(crate) navigations: &'static [Navigation],
    /// The properties rows are sorted by when nothing else is asked; `id` breaks ties.
    pub(crate) order: &'static [&'static str],
}

/// One property of an entity.
#[derive(Debug)]
pub(crate) struct Property {
    /// The name on the wire.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Kind,
    /// The longest text it takes, in characters.
    pub(crate) max_length: Option<u16>,
    /// Whether longer text is cut without a word instead of refused.
    pub(crate) is_cut: bool,
    /// Which requests may set it.
    pub(crate) writable: Writable,
    /// Where it is on the wire.
    pub(crate) shown: Shown,
}

/// In which behaviour a property is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// In both.
    Always,
    /// In [`Behaviour::Seed`] only.
    Seed,
    /// In none: only the books know it.
    Never,
}

/// A nested object; its members are properties called `name/member`.
#[derive(Debug)]
pub(crate) struct Complex {
    /// The name on the wire, such as `address`.
    pub(crate) name: &'static str,
    /// Its type's name in `$metadata`.
    pub(crate) type_name: &'static str,
    /// The members a request must send with it. Where there are none, an object without any content is null.
    pub(crate) required: &'static [&'static str],
}

/// The type of the objects in a list.
#[derive(Debug)]
pub(crate) struct ListedType {
    /// Its name in `$metadata`.
    pub(crate) name: &'static str,
    /// Its members, all text, and whether each must be there.
    pub(crate) members: &'static [(&'static str, bool)],
}

/// The type of a property.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A GUID; nil means none.
    Guid,
    /// Free text.
    Text,
    /// Text that the server trims and upper-cases.
    Code,
    /// An exact decimal.
    Decimal,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A moment in UTC.
    DateTime,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// One of a list of names.
    Enum(&'static EnumType),
    /// One of a list of captions, declared as text.
    Choice(&'static EnumType),
    /// A list of objects, kept as JSON.
    List(&'static ListedType),
}

/// Which requests may set a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writable {
    /// None: it is read-only.
    None,
    /// POST.
    Create,
    /// POST and PATCH.
    Update,
}

/// A closed list of names.
#[derive(Debug)]
pub(crate) struct EnumType {
    /// The type's name in `$metadata`, such as `customerBlocked`.
    pub(crate) name: &'static str,
    /// Ordinal, wire name, and caption of every member, by ordinal.
    pub(crate) members: &'static [(u8, &'static str, &'static str)],
}

/// A way from one entity to others.
#[derive(Debug)]
pub(crate) struct Navigation {
    /// The name in `$expand` and in the answer.
    pub(crate) name: &'static str,
    /// The entity it leads to.
    pub(crate) target: &'static EntityType,
    /// Whether it leads to a list rather than to one entity or null.
    pub(crate) many: bool,
    /// The only behaviour that has it; nothing when both have.
    pub(crate) shown_in: Option<Behaviour>,
}

/// The entity type of API v2.0 whose set is called `name`, whatever its case.
pub(crate) fn entity_by_set(name: &str) -> Option<&'static EntityType> {
    entities(Dialect::V2).iter().copied().find(|entity| entity.set.eq_ignore_ascii_case(name))
}

/// The entity type of `dialect` whose set `behaviour` calls `name`, whatever its case.
pub(crate) fn entity_of(dialect: Dialect, name: &str, behaviour: Behaviour) -> Option<&'static EntityType> {
    let is_called =
        |entity: &&EntityType| entity.names(behaviour).any(|known| known.eq_ignore_ascii_case(name));
    entities(dialect).iter().copied().find(is_called)
}

impl EntityType {
    /// The index of the key property.
    pub(crate) const KEY: usize = 0;

    /// What most entities have in common: they lie in the table called like their set, and their key is their id.
    pub(super) const PLAIN: Self = Self {
        name: "",
        set: "",
        alias: None,
        table: "",
        key: &["id"],
        complexes: &[],
        properties: &[],
        navigations: &[],
        order: &[],
    };

    /// The table or view of the books with its rows.
    pub(crate) fn table(&self) -> &'static str {
        if self.table.is_empty() { self.set } else { self.table }
    }

    /// The set's names in `behaviour`, its proper one first.
    pub(crate) fn names(&self, behaviour: Behaviour) -> impl Iterator<Item = &'static str> {
        [self.set].into_iter().chain(self.alias.filter(|_| behaviour == Behaviour::Seed))
    }

    /// The nested object called `name`, if `behaviour` shows any of it.
    pub(crate) fn complex(&self, name: &str, behaviour: Behaviour) -> Option<&'static Complex> {
        let complex = self.complexes.iter().find(|complex| complex.name.eq_ignore_ascii_case(name))?;
        self.parts(complex, behaviour).next().is_some().then_some(complex)
    }

    /// The places of the members of `complex` that `behaviour` shows.
    pub(crate) fn parts(
        &self,
        complex: &'static Complex,
        behaviour: Behaviour,
    ) -> impl Iterator<Item = usize> {
        let properties = self.properties.iter().enumerate();
        let is_part = move |(_, property): &(usize, &Property)| {
            property.is_visible(behaviour) && property.group() == Some(complex.name)
        };
        properties.filter(is_part).map(|(index, _)| index)
    }

    /// The place of the property called `name`, whatever its case, in any behaviour.
    pub(crate) fn property_index(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// The navigation called `name`, whatever its case, if `behaviour` has it.
    pub(crate) fn navigation(&self, name: &str, behaviour: Behaviour) -> Option<&'static Navigation> {
        let found = self.navigations.iter().find(|navigation| navigation.name.eq_ignore_ascii_case(name));
        found.filter(|navigation| navigation.is_visible(behaviour))
    }

    /// The place of the property called `name`, whatever its case, if `behaviour` has it.
    pub(crate) fn visible_index(&self, name: &str, behaviour: Behaviour) -> Option<usize> {
        self.property_index(name).filter(|&index| self.properties[index].is_visible(behaviour))
    }

    /// The places of the properties rows are sorted by when nothing else is asked, the key last.
    pub(crate) fn default_order(&self) -> Vec<usize> {
        let named = self.order.iter().filter_map(|name| self.property_index(name));
        named.chain([Self::KEY]).collect()
    }
}

impl Eq for EntityType {}

impl PartialEq for EntityType {
    /// Every entity type stands in one table only.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Property {
    /// Whether `behaviour` has this property.
    pub(crate) fn is_visible(&self, behaviour: Behaviour) -> bool {
        match self.shown {
            Shown::Always => true,
            Shown::Seed => behaviour == Behaviour::Seed,
            Shown::Never => false,
        }
    }

    /// Whether any request may set it.
    #[cfg(test)]
    pub(crate) fn is_writable(&self) -> bool {
        self.writable != Writable::None
    }

    /// The nested object the property is a member of.
    pub(crate) fn group(&self) -> Option<&'static str> {
        self.name.split_once('/').map(|(group, _)| group)
    }

    /// The name within its object, or the whole name.
    pub(crate) fn member(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(_, member)| member)
    }

    /// What the property holds when nothing was ever written to it.
    pub(crate) fn empty(&self) -> Value {
        Value::empty(self.kind)
    }
}

impl Navigation {
    /// Whether `behaviour` has this navigation.
    pub(crate) fn is_visible(&self, behaviour: Behaviour) -> bool {
        self.shown_in.is_none_or(|only| only == behaviour)
    }
}

impl Kind {
    /// The type's name in `$metadata`.
    pub(crate) fn edm_name(self) -> String {
        let primitive = match self {
            Self::Guid => "Guid",
            Self::Text | Self::Code | Self::Choice(_) => "String",
            Self::Decimal => "Decimal",
            Self::Boolean => "Boolean",
            Self::Date => "Date",
            Self::DateTime => "DateTimeOffset",
            Self::Int32 => "Int32",
            Self::Int64 => "Int64",
            Self::Enum(enumeration) => return format!("Microsoft.NAV.{}", enumeration.name),
            Self::List(listed) => return format!("Collection(Microsoft.NAV.{})", listed.name),
        };
        format!("Edm.{primitive}")
    }
}

/// What a blank member is called on the wire.
const BLANK_WIRE: &str = "_x0020_";

impl EnumType {
    /// Whether one of the members is blank.
    pub(super) fn has_blank(&self) -> bool {
        self.members.iter().any(|&(_, wire, _)| wire == BLANK_WIRE)
    }

    /// The name of the member at `index` as `behaviour` writes it.
    pub(crate) fn wire(&self, index: u8, behaviour: Behaviour) -> &'static str {
        match self.members.get(usize::from(index)) {
            Some(&(_, BLANK_WIRE, caption)) if behaviour == Behaviour::Seed => caption,
            Some(&(_, wire, _)) => wire,
            None => "",
        }
    }

    /// The caption of the member at `index`.
    pub(crate) fn caption(&self, index: u8) -> &'static str {
        self.members.get(usize::from(index)).map_or("", |member| member.2)
    }

    /// The index of the member with this caption; no text at all is the blank one.
    pub(crate) fn captioned(&self, caption: &str) -> Option<u8> {
        let fits = |member: &(u8, &str, &str)| member.2.trim() == caption.trim();
        self.members.iter().position(fits).and_then(|index| u8::try_from(index).ok())
    }

    /// The index of the member called `name`: by wire name, or in [`Behaviour::Seed`] also by caption, with an
    /// empty name for the blank member.
    pub(crate) fn member(&self, name: &str, behaviour: Behaviour) -> Option<u8> {
        let fits = |&(_, wire, caption): &(u8, &str, &str)| {
            wire == name || (behaviour == Behaviour::Seed && caption.trim() == name.trim())
        };
        self.members.iter().position(fits).and_then(|index| u8::try_from(index).ok())
    }
}
