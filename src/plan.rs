//! Records against what the target holds: each row becomes a create, an update with the fields that differ, a
//! delete, unchanged, a conflict, or is left out at the file's word.
//!
//! In: a row's payload, what the row asks, and the records of the target that its natural key finds. Out: a
//! [`Decision`]. Nothing
//! is looked up here, so a plan is the same byte for byte whenever its input is.

use crate::catalogue::{Entity, Field, Writable};
use crate::connector::{blanks, completed, differences, fields};
use crate::domain::{ACTION_COLUMN, Action, Asked, FieldChange, Rule, Violation};

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
    /// The body to send; of a row that is unchanged, what was compared; otherwise empty.
    pub payload: String,
    /// What an update changes.
    pub changes: Vec<FieldChange>,
    /// The record to update or to delete, or the one that already agrees.
    pub existing: Option<Existing>,
    /// What undoing the decision has to restore, as a JSON object: of an update the target's values of the fields
    /// it changes, of a delete every field that can be written; empty otherwise.
    pub before: String,
    /// Why the row is in conflict, is left out, or has nothing to do.
    pub violations: Vec<Violation>,
}

/// A row on its way into a plan.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its natural key, as a person knows it.
    pub key: &'a str,
    /// The JSON object that would create it.
    pub payload: &'a str,
    /// What the row itself asks; `None` leaves it to the mode of the run.
    pub asked: Option<Asked>,
}

/// What a row wants of a record.
#[derive(Clone, Copy)]
enum Aim {
    Upsert,
    Create,
    Update,
    Delete,
}

impl Decision {
    fn new(action: Action) -> Self {
        Self {
            action,
            payload: String::new(),
            changes: Vec::new(),
            existing: None,
            before: String::new(),
            violations: Vec::new(),
        }
    }

    /// The record agrees with the row; what was compared is kept, so that it can be compared again.
    fn unchanged(payload: &str, existing: Existing) -> Self {
        Self { payload: payload.to_owned(), existing: Some(existing), ..Self::new(Action::Unchanged) }
    }

    /// A conflict because of `rule`: what was found in `field`, and what is allowed there.
    #[must_use]
    pub fn conflict(rule: Rule, field: &str, found: String, allowed: &str) -> Self {
        Self::because(Action::Conflict, rule, (field, found, allowed))
    }

    fn because(action: Action, rule: Rule, (field, found, allowed): (&str, String, &str)) -> Self {
        let violation =
            Violation { rule, field: field.to_owned(), column: None, found, allowed: allowed.to_owned() };
        Self { violations: vec![violation], ..Self::new(action) }
    }
}

impl Decision {
    /// A record of a customer that is left out because its customer did not arrive; `customer` is its number and what became of it.
    #[must_use]
    pub fn held_back(customer: String) -> Self {
        let conflict =
            Self::conflict(Rule::HeldBack, "customerNumber", customer, "a customer that has arrived");
        Self { action: Action::Skip, ..conflict }
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
    /// Decides on a row, given every record of the target that its key finds.
    ///
    /// What the row asks goes before the mode of the run. More than one record is a conflict, never a guess.
    ///
    /// # Errors
    /// When the payload or the record is no JSON object.
    pub fn decide(&self, candidate: Candidate<'_>, mut found: Vec<Existing>) -> serde_json::Result<Decision> {
        let Candidate { key, payload, .. } = candidate;
        let Some(aim) = self.aim(candidate.asked) else {
            let because = (ACTION_COLUMN, String::new(), "");
            return Ok(Decision::because(Action::Skip, Rule::AskedToSkip, because));
        };
        if found.len() > 1 {
            let ids: Vec<_> = found.iter().map(|existing| existing.id.as_str()).collect();
            let allowed = format!("one record, not {}: {}", ids.len(), ids.join(", "));
            return Ok(Decision::conflict(Rule::Ambiguous, self.key_field(), key.to_owned(), &allowed));
        }
        Ok(match (found.pop(), aim) {
            (None, Aim::Upsert | Aim::Create) => {
                // There is nothing yet that could be cleared.
                let payload = fields::without_nulls(payload, |_| None)?.into_owned();
                Decision { payload, ..Decision::new(Action::Create) }
            }
            (None, Aim::Update) => {
                Decision::conflict(Rule::DoesNotExist, self.key_field(), key.to_owned(), "an existing record")
            }
            (None, Aim::Delete) => {
                let because = (self.key_field(), key.to_owned(), "");
                Decision::because(Action::Unchanged, Rule::AlreadyGone, because)
            }
            (Some(existing), Aim::Delete) => {
                let before = fields::only(&existing.body, |name| self.is_writable(name))?;
                Decision { existing: Some(existing), before, ..Decision::new(Action::Delete) }
            }
            (Some(existing), Aim::Create) => {
                let same = self.differences(payload, &existing)?.is_empty();
                if same {
                    Decision::unchanged(payload, existing)
                } else {
                    Decision::conflict(Rule::AlreadyExists, self.key_field(), key.to_owned(), "a new record")
                }
            }
            (Some(existing), Aim::Upsert | Aim::Update) => self.compare(payload, existing)?,
        })
    }

    /// What a row wants; `None` when it is to be left out.
    fn aim(&self, asked: Option<Asked>) -> Option<Aim> {
        match (asked, self.mode) {
            (Some(Asked::Skip), _) => None,
            (Some(Asked::Delete), _) => Some(Aim::Delete),
            (Some(Asked::Create), _) | (None, Mode::Create) => Some(Aim::Create),
            (Some(Asked::Update), _) | (None, Mode::Update) => Some(Aim::Update),
            (None, Mode::Upsert) => Some(Aim::Upsert),
        }
    }

    fn is_writable(&self, name: &str) -> bool {
        self.entity.field(name).is_some_and(|field| field.writable != Writable::No)
    }

    fn compare(&self, payload: &str, existing: Existing) -> serde_json::Result<Decision> {
        let mut changes = self.differences(payload, &existing)?;
        if changes.is_empty() {
            return Ok(Decision::unchanged(payload, existing));
        }
        let is_changed = |name: &str| changes.iter().any(|change| change.field == name);
        let goes_along = |name: &str| {
            let field = self.entity.field(name);
            changes.iter().any(|change| {
                // What the server fills or clears itself, unless it is sent along, such as the rest of an address.
                field.is_some_and(|field| field.goes_with(&change.field))
                    || self.entity.moves(&change.field, name)
            })
        };
        let is_touched = |name: &str| is_changed(name) || goes_along(name);
        let payload = blanks(self.entity, &fields::only(payload, is_touched)?)?.into_owned();
        let payload = completed(self.entity, &payload, &existing.body)?.into_owned();
        let before = fields::only(&existing.body, is_touched)?;
        let cleared = self.cleared_by_a_move(&payload, &changes, &existing.body)?;
        changes.extend(cleared);
        Ok(Decision { payload, changes, existing: Some(existing), before, ..Decision::new(Action::Update) })
    }

    fn differences(&self, payload: &str, existing: &Existing) -> serde_json::Result<Vec<FieldChange>> {
        let mut changes = differences(self.entity, payload, &existing.body)?;
        changes.retain(|change| self.entity.field(&change.field).is_some_and(Field::is_changeable));
        Ok(changes)
    }

    /// What the server empties because another field changes, such as the country, and the row does not send.
    fn cleared_by_a_move(
        &self,
        payload: &str,
        changes: &[FieldChange],
        found: &str,
    ) -> serde_json::Result<Vec<FieldChange>> {
        let is_move = |change: &&FieldChange| !change.from.is_empty() && !change.to.is_empty();
        let moved = changes.iter().filter(is_move).filter_map(|change| self.entity.field(&change.field));
        let (sent, found) = (fields::Fields::parse(payload)?, fields::Fields::parse(found)?);
        let unsent = moved.flat_map(|field| field.clears).filter(|name| sent.raw(name).is_none());
        let cleared = unsent.map(|name| FieldChange {
            field: (*name).to_owned(),
            from: found.text(name).into_owned(),
            to: String::new(),
        });
        Ok(cleared.filter(|change| !change.from.trim().is_empty()).collect())
    }

    /// The field that a row's key stands in, for messages.
    #[must_use]
    pub fn key_field(&self) -> &'static str {
        let keys = ["number", "documentNumber", "dimensionCode", "displayName"];
        keys.into_iter().find(|name| self.entity.field(name).is_some()).unwrap_or("id")
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
        ask(mode, None, found)
    }

    fn ask(mode: Mode, asked: Option<Asked>, found: Vec<Existing>) -> Decision {
        let candidate = Candidate { key: "C1", payload: ROW, asked };
        Matching { entity: &CUSTOMERS, mode }.decide(candidate, found).unwrap()
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
        assert_eq!(decision.before, r#"{"creditLimit":100}"#);
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

    #[test]
    fn what_a_row_asks_goes_before_the_mode() {
        let other = || vec![existing(r#"{"number":"C1","displayName":"Other"}"#)];
        let asked = |asked, found| ask(Mode::Upsert, Some(asked), found);
        assert_eq!(asked(Asked::Create, other()).violations[0].rule, Rule::AlreadyExists);
        assert_eq!(asked(Asked::Update, Vec::new()).violations[0].rule, Rule::DoesNotExist);
        assert_eq!(ask(Mode::Update, Some(Asked::Create), Vec::new()).action, Action::Create);
        assert_eq!(ask(Mode::Create, Some(Asked::Update), other()).action, Action::Update);
        let skipped = asked(Asked::Skip, vec![existing("{}"), existing("{}")]);
        assert_eq!((skipped.action, skipped.violations[0].rule), (Action::Skip, Rule::AskedToSkip));
    }

    #[test]
    fn a_delete_keeps_all_that_is_needed_to_make_the_record_again() {
        let found = existing(
            r#"{"@odata.etag":"W/\"1\"","id":"x","number":"C1","creditLimit":1.50,"balanceDue":3,"blocked":"All"}"#,
        );
        let decision = ask(Mode::Upsert, Some(Asked::Delete), vec![found.clone()]);
        assert_eq!((decision.action, decision.payload.as_str()), (Action::Delete, ""));
        assert_eq!(decision.existing, Some(found));
        assert_eq!(decision.before, r#"{"number":"C1","creditLimit":1.50,"blocked":"All"}"#);
    }

    #[test]
    fn a_record_that_is_gone_needs_no_delete_and_two_are_not_deleted_by_guess() {
        let gone = ask(Mode::Upsert, Some(Asked::Delete), Vec::new());
        assert_eq!((gone.action, gone.violations[0].rule), (Action::Unchanged, Rule::AlreadyGone));
        let two = ask(Mode::Upsert, Some(Asked::Delete), vec![existing("{}"), existing("{}")]);
        assert_eq!(two.violations[0].rule, Rule::Ambiguous);
    }

    #[test]
    fn a_clear_is_an_update_to_blank_and_nothing_for_a_new_record() {
        let candidate = Candidate { key: "C1", payload: r#"{"number":"C1","email":null}"#, asked: None };
        let matching = Matching { entity: &CUSTOMERS, mode: Mode::Upsert };
        let new = matching.decide(candidate, Vec::new()).unwrap();
        assert_eq!(new.payload, r#"{"number":"C1"}"#);
        let found = existing(r#"{"number":"C1","email":"a@b.c"}"#);
        let decision = matching.decide(candidate, vec![found]).unwrap();
        assert_eq!((decision.payload.as_str(), decision.changes[0].to.as_str()), (r#"{"email":""}"#, ""));
        let blank = matching.decide(candidate, vec![existing(r#"{"number":"C1","email":""}"#)]).unwrap();
        assert_eq!(blank.action, Action::Unchanged);
    }

    #[test]
    fn a_change_of_country_sends_the_rows_address_and_shows_what_it_empties() {
        let found = existing(r#"{"city":"Ulm","state":"BW","country":"DE","postalCode":"89073"}"#);
        let payload = r#"{"country":"AT","city":"Ulm"}"#;
        let candidate = Candidate { key: "C1", payload, asked: None };
        let matching = Matching { entity: &CUSTOMERS, mode: Mode::Upsert };
        let decision = matching.decide(candidate, vec![found]).unwrap();
        assert_eq!(decision.payload, payload, "the city would be emptied if it were not sent");
        let changes: Vec<_> =
            decision.changes.iter().map(|change| (&*change.field, &*change.from, &*change.to)).collect();
        assert_eq!(changes, [("country", "DE", "AT"), ("postalCode", "89073", ""), ("state", "BW", "")]);
    }

    #[test]
    fn a_change_of_country_empties_nothing_where_the_server_does_not() {
        let found = existing(r#"{"displayName":"Trey","city":"Ulm","state":"BW","country":"DE"}"#);
        let candidate =
            Candidate { key: "Trey", payload: r#"{"displayName":"Trey","country":"AT"}"#, asked: None };
        let matching = Matching { entity: &crate::catalogue::bigcapital::CUSTOMERS, mode: Mode::Upsert };
        let decision = matching.decide(candidate, vec![found]).unwrap();
        let changes: Vec<_> = decision.changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(changes, ["country"]);
        assert_eq!(decision.before, r#"{"displayName":"Trey","country":"DE"}"#);
    }

    #[test]
    fn a_move_keeps_the_whole_address_as_it_was() {
        let found =
            existing(r#"{"city":"Ulm","state":"","country":"DE","postalCode":"89073","email":"a@b.c"}"#);
        let candidate = Candidate { key: "C1", payload: r#"{"postalCode":"10115"}"#, asked: None };
        let matching = Matching { entity: &CUSTOMERS, mode: Mode::Upsert };
        let decision = matching.decide(candidate, vec![found]).unwrap();
        assert_eq!(decision.before, r#"{"city":"Ulm","state":"","country":"DE","postalCode":"89073"}"#);
    }
}
