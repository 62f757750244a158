//! Records against what the target holds: each row becomes a create, an update with the fields that differ,
//! unchanged, or a conflict.
//!
//! In: a row's payload and the records of the target that its natural key finds. Out: a [`Decision`]. Nothing
//! is looked up here, so a plan is the same byte for byte whenever its input is.

use crate::catalogue::{Entity, Writable};
use crate::connector::business_central::{differences, fields};
use crate::domain::{Action, FieldChange, Rule, Violation};

/// Whether a run may create, update, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Create what is missing and update what differs.
    Upsert,
    /// Create only: a record that exists is a conflict.
    Create,
    /// Update only: a record that is missing is a conflict.
    Update,
}

impl Mode {
    /// The word for it in flags and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// One record of the target that a row's natural key found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// The target's id.
    pub id: String,
    /// The record's `ETag`.
    pub etag: String,
    /// The record as the target sent it: a JSON object.
    pub body: String,
}

/// What to do with one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// The body to send; empty when nothing is sent.
    pub payload: String,
    /// What an update changes.
    pub changes: Vec<FieldChange>,
    /// The record to update, or the one that already agrees.
    pub existing: Option<Existing>,
    /// Why the row is in conflict.
    pub violations: Vec<Violation>,
}

impl Decision {
    fn new(action: Action) -> Self {
        Self { action, payload: String::new(), changes: Vec::new(), existing: None, violations: Vec::new() }
    }

    /// A conflict because of `rule`: what was found in `field`, and what is allowed there.
    #[must_use]
    pub fn conflict(rule: Rule, field: &str, found: String, allowed: &str) -> Self {
        let violation =
            Violation { rule, field: field.to_owned(), column: None, found, allowed: allowed.to_owned() };
        Self { violations: vec![violation], ..Self::new(Action::Conflict) }
    }
}

/// How rows of one entity meet the target.
#[derive(Clone, Copy, Debug)]
pub struct Matching {
    /// The catalogue's table.
    pub entity: &'static Entity,
    /// Whether to create, update, or both.
    pub mode: Mode,
}

impl Matching {
    /// Decides on a row with this `key` and `payload`, given every record of the target that its key finds.
    ///
    /// More than one record is a conflict, never a guess.
    ///
    /// # Errors
    /// When the payload or the record is no JSON object.
    pub fn decide(&self, key: &str, payload: &str, mut found: Vec<Existing>) -> serde_json::Result<Decision> {
        if found.len() > 1 {
            let ids: Vec<_> = found.iter().map(|existing| existing.id.as_str()).collect();
            let allowed = format!("one record, not {}: {}", ids.len(), ids.join(", "));
            return Ok(Decision::conflict(Rule::Ambiguous, self.key_field(), key.to_owned(), &allowed));
        }
        Ok(match (found.pop(), self.mode) {
            (None, Mode::Upsert | Mode::Create) => {
                Decision { payload: payload.to_owned(), ..Decision::new(Action::Create) }
            }
            (None, Mode::Update) => {
                Decision::conflict(Rule::DoesNotExist, self.key_field(), key.to_owned(), "an existing record")
            }
            (Some(existing), Mode::Create) => {
                let same = self.differences(payload, &existing)?.is_empty();
                if same {
                    Decision { existing: Some(existing), ..Decision::new(Action::Unchanged) }
                } else {
                    Decision::conflict(Rule::AlreadyExists, self.key_field(), key.to_owned(), "a new record")
                }
            }
            (Some(existing), Mode::Upsert | Mode::Update) => self.compare(payload, existing)?,
        })
    }

    fn compare(&self, payload: &str, existing: Existing) -> serde_json::Result<Decision> {
        let changes = self.differences(payload, &existing)?;
        if changes.is_empty() {
            return Ok(Decision { existing: Some(existing), ..Decision::new(Action::Unchanged) });
        }
        let payload = fields::only(payload, |name| changes.iter().any(|change| change.field == name))?;
        Ok(Decision { payload, changes, existing: Some(existing), ..Decision::new(Action::Update) })
    }

    fn differences(&self, payload: &str, existing: &Existing) -> serde_json::Result<Vec<FieldChange>> {
        let mut changes = differences(self.entity, payload, &existing.body)?;
        changes.retain(|change| {
            self.entity.field(&change.field).is_some_and(|field| field.writable == Writable::Always)
        });
        Ok(changes)
    }

    fn key_field(&self) -> &'static str {
        if self.entity.field("number").is_some() { "number" } else { "documentNumber" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::business_central_v2::CUSTOMERS;

    const ROW: &str = r#"{"number":"C1","displayName":"Trey","creditLimit":100.50}"#;

    fn existing(body: &str) -> Existing {
        Existing { id: "id".to_owned(), etag: "W/\"1\"".to_owned(), body: body.to_owned() }
    }

    fn decide(mode: Mode, found: Vec<Existing>) -> Decision {
        Matching { entity: &CUSTOMERS, mode }.decide("C1", ROW, found).unwrap()
    }

    #[test]
    fn a_record_that_is_missing_is_created_with_all_of_the_row() {
        let decision = decide(Mode::Upsert, Vec::new());
        assert_eq!((decision.action, decision.payload.as_str()), (Action::Create, ROW));
    }

    #[test]
    fn an_update_sends_the_fields_that_differ_and_no_other() {
        let found = existing(r#"{"number":"C1","displayName":"Trey","creditLimit":100}"#);
        let decision = decide(Mode::Upsert, vec![found]);
        assert_eq!(decision.action, Action::Update);
        assert_eq!(decision.payload, r#"{"creditLimit":100.50}"#);
        assert_eq!(decision.changes[0].from, "100");
    }

    #[test]
    fn a_record_that_agrees_under_the_servers_own_eyes_is_unchanged() {
        let found = existing(r#"{"number":"C1","displayName":"Trey","creditLimit":100.5}"#);
        assert_eq!(decide(Mode::Upsert, vec![found]).action, Action::Unchanged);
    }

    #[test]
    fn two_records_are_a_conflict_and_never_a_guess() {
        let decision = decide(Mode::Upsert, vec![existing("{}"), existing("{}")]);
        assert_eq!(decision.action, Action::Conflict);
        assert_eq!(decision.violations[0].rule, Rule::Ambiguous);
    }

    #[test]
    fn a_mode_makes_conflicts_of_what_it_forbids() {
        let other = existing(r#"{"number":"C1","displayName":"Other"}"#);
        assert_eq!(decide(Mode::Create, vec![other]).violations[0].rule, Rule::AlreadyExists);
        assert_eq!(decide(Mode::Update, Vec::new()).violations[0].rule, Rule::DoesNotExist);
    }
}
