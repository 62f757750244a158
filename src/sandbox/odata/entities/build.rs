//! Short words for the lines of the entity tables.

use super::super::model::{Behaviour, Complex, EntityType, Kind, Navigation, Property, Shown, Writable};

/// A property with everything said.
const fn property(name: &'static str, kind: Kind, max_length: Option<u16>, writable: Writable) -> Property {
    Property { name, kind, max_length, is_cut: false, writable, shown: Shown::Always }
}

/// A property that is no text.
pub(super) const fn plain(name: &'static str, kind: Kind, writable: Writable) -> Property {
    property(name, kind, None, writable)
}

/// Free text.
pub(super) const fn text(name: &'static str, max_length: u16, writable: Writable) -> Property {
    property(name, Kind::Text, Some(max_length), writable)
}

/// Free text whose length the property itself does not bound.
pub(super) const fn unlimited(name: &'static str, writable: Writable) -> Property {
    property(name, Kind::Text, None, writable)
}

/// Text that is trimmed and upper-cased.
pub(super) const fn code(name: &'static str, max_length: u16, writable: Writable) -> Property {
    property(name, Kind::Code, Some(max_length), writable)
}

/// A navigation to one entity or none.
pub(super) const fn one(name: &'static str, target: &'static EntityType) -> Navigation {
    Navigation { name, target, many: false, shown_in: None }
}

/// A navigation to a list.
pub(super) const fn many(name: &'static str, target: &'static EntityType) -> Navigation {
    Navigation { name, target, many: true, shown_in: None }
}

/// A nested object: its name, its type, and the members that must be sent; null when all of it is blank and nothing
/// must be sent.
pub(super) const fn nested(
    name: &'static str,
    type_name: &'static str,
    required: &'static [&'static str],
) -> Complex {
    Complex { name, type_name, required }
}

impl Property {
    /// The same property, cutting what is too long.
    pub(super) const fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }

    /// The same property, in seed behaviour only.
    pub(super) const fn seed_only(mut self) -> Self {
        self.shown = Shown::Seed;
        self
    }

    /// The same property, kept but never on the wire.
    pub(super) const fn hidden(mut self) -> Self {
        self.shown = Shown::Never;
        self
    }
}

impl Navigation {
    /// The same navigation, in seed behaviour only.
    pub(super) const fn seed_only(mut self) -> Self {
        self.shown_in = Some(Behaviour::Seed);
        self
    }

    /// The same navigation, in strict behaviour only.
    pub(super) const fn strict_only(mut self) -> Self {
        self.shown_in = Some(Behaviour::Strict);
        self
    }
}
