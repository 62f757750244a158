//! What an entity type is: its properties, its navigations and the order its rows come in.
//!
//! The tables themselves are in [`entities`](super::entities). Promises: property 0 of every entity is its key `id`.

use super::entities::ENTITIES;
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
    /// The properties in the order they are written; the first is the key `id`.
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
    /// Present in [`Behaviour::Seed`] only.
    pub(crate) seed_only: bool,
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
    /// The set it leads to.
    pub(crate) target_set: &'static str,
    /// Whether it leads to a list rather than to one entity or null.
    pub(crate) many: bool,
    /// Present in [`Behaviour::Seed`] only.
    pub(crate) seed_only: bool,
}

/// The entity type whose set is called `name`, whatever its case.
pub(crate) fn entity_by_set(name: &str) -> Option<&'static EntityType> {
    ENTITIES.iter().copied().find(|entity| entity.set.eq_ignore_ascii_case(name))
}

impl EntityType {
    /// The index of the key property.
    pub(crate) const KEY: usize = 0;

    /// The place of the property called `name`, whatever its case, in any behaviour.
    pub(crate) fn property_index(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// The navigation called `name`, whatever its case, if `behaviour` has it.
    pub(crate) fn navigation(&self, name: &str, behaviour: Behaviour) -> Option<&'static Navigation> {
        let found = self.navigations.iter().find(|navigation| navigation.name.eq_ignore_ascii_case(name));
        found.filter(|navigation| behaviour == Behaviour::Seed || !navigation.seed_only)
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
    /// Entity types are told apart by their set.
    fn eq(&self, other: &Self) -> bool {
        self.set == other.set
    }
}

impl Property {
    /// Whether `behaviour` has this property.
    pub(crate) fn is_visible(&self, behaviour: Behaviour) -> bool {
        behaviour == Behaviour::Seed || !self.seed_only
    }

    /// What the property holds when nothing was ever written to it.
    pub(crate) fn empty(&self) -> Value {
        Value::empty(self.kind)
    }
}

impl Navigation {
    /// The entity type it leads to.
    pub(crate) fn target(&self) -> &'static EntityType {
        entity_by_set(self.target_set).expect("a test checks that every navigation leads to an entity set")
    }
}

impl Kind {
    /// The type's name in `$metadata`.
    pub(crate) fn edm_name(self) -> String {
        let primitive = match self {
            Self::Guid => "Guid",
            Self::Text | Self::Code => "String",
            Self::Decimal => "Decimal",
            Self::Boolean => "Boolean",
            Self::Date => "Date",
            Self::DateTime => "DateTimeOffset",
            Self::Int32 => "Int32",
            Self::Int64 => "Int64",
            Self::Enum(enumeration) => return format!("Microsoft.NAV.{}", enumeration.name),
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

    /// The index of the member called `name`: by wire name, or in [`Behaviour::Seed`] also by caption, with an
    /// empty name for the blank member.
    pub(crate) fn member(&self, name: &str, behaviour: Behaviour) -> Option<u8> {
        let fits = |&(_, wire, caption): &(u8, &str, &str)| {
            wire == name || (behaviour == Behaviour::Seed && caption.trim() == name.trim())
        };
        self.members.iter().position(fits).and_then(|index| u8::try_from(index).ok())
    }
}
