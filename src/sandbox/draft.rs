//! A record on its way into the books: what it was, what the request sets, what the rules make of it.

use super::odata::{Dialect, EntityType, Guid, ODataError, Record, Value};
use super::wish::Wish;

/// A record being created or changed.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// As it will be stored.
    pub(super) record: Record,
    /// As it is stored; nothing for a new record.
    pub(super) stored: Option<Record>,
    /// The version of the API it is written through.
    pub(super) dialect: Dialect,
    given: Vec<usize>,
}

/// One thing the server checks or derives.
pub(super) type Rule = fn(&super::books::Turn<'_>, &mut Draft) -> Result<(), ODataError>;

impl Draft {
    /// A new record of `entity` with a new id and what is wished.
    pub(super) fn create(entity: &'static EntityType, wish: Wish) -> Self {
        let id = Value::Guid(Guid(super::identity::new_guid()));
        Self::of(Record::new(entity).with("id", id), None, wish)
    }

    /// `stored` with what is wished changed.
    pub(super) fn change(stored: &Record, wish: Wish) -> Self {
        Self::of(stored.clone(), Some(stored.clone()), wish)
    }

    fn of(mut record: Record, stored: Option<Record>, wish: Wish) -> Self {
        let given = wish.values.iter().map(|(index, _)| *index).collect();
        for (index, value) in wish.values {
            record.set_value(index, value);
        }
        Self { record, stored, dialect: wish.dialect, given }
    }

    /// Applies the rules in their order, until one refuses.
    pub(super) fn apply(&mut self, turn: &super::books::Turn<'_>, rules: &[Rule]) -> Result<(), ODataError> {
        rules.iter().try_for_each(|rule| rule(turn, self))
    }

    /// Whether the request sets the property called `name`.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.record.entity().property_index(name).is_some_and(|index| self.given.contains(&index))
    }

    /// The text of the property called `name`.
    pub(super) fn text(&self, name: &str) -> &str {
        text(&self.record, name)
    }

    /// The reference in the property called `name`.
    pub(super) fn guid(&self, name: &str) -> Guid {
        guid(&self.record, name)
    }

    /// Sets the text of the property called `name`.
    pub(super) fn set_text(&mut self, name: &str, text: impl Into<String>) {
        self.record.set(name, Value::text(text));
    }

    /// Sets the reference in the property called `name`.
    pub(super) fn set_guid(&mut self, name: &str, guid: Guid) {
        self.record.set(name, Value::Guid(guid));
    }
}

/// The text of the property of `record` called `name`.
pub(super) fn text<'a>(record: &'a Record, name: &str) -> &'a str {
    record.get(name).as_text().unwrap_or_default()
}

/// The reference in the property of `record` called `name`.
pub(super) fn guid(record: &Record, name: &str) -> Guid {
    record.get(name).as_guid().unwrap_or(Guid::NIL)
}

/// A business rule said no.
pub(super) fn dialog(message: impl Into<String>) -> ODataError {
    ODataError::new(400, "Application_DialogException", message)
}

/// A field does not hold what its table wants.
pub(super) fn field(message: impl Into<String>) -> ODataError {
    ODataError::new(400, "Application_FieldValidationException", message)
}

/// The key is taken.
pub(super) fn same_key(table: &str, key: &str) -> ODataError {
    let message =
        format!("The record in table {table} already exists. Identification fields and values: {key}");
    ODataError::new(400, "Internal_EntityWithSameKeyExists", message)
}

/// A code that its table does not know.
pub(super) fn no_relation(caption: &str, code: &str, related: &str) -> ODataError {
    let message = format!(
        "The field {caption} contains a value ({code}) that cannot be found in the related table ({related})."
    );
    ODataError::new(400, "Internal_InvalidTableRelation", message)
}

/// A record that must be there is not.
pub(super) fn no_record(table: &str, key: &str) -> ODataError {
    let message = format!("The {table} does not exist. Identification fields and values: {key}");
    ODataError::new(404, "Internal_RecordNotFound", message)
}
