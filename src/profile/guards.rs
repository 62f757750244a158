//! The guards of a profile: how much one plan may do, and how many rows may go wrong.

use serde::Deserialize;

use crate::delivery::ErrorLimit;

/// How much a plan may do before a person has to say more; `None` sets no limit, but for deletes.
///
/// The limits on what is written are judged from the plan, before anything is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Rows that the target may refuse before the run stops.
    pub max_errors: Option<ErrorLimit>,
    /// Records that a plan may create.
    pub max_creates: Option<u64>,
    /// Records that a plan may change.
    pub max_updates: Option<u64>,
    /// Fields that the updates of a plan may blank.
    pub max_clears: Option<u64>,
    /// Records that a plan may delete; `None` allows none, because what is deleted is gone.
    pub max_deletes: Option<u64>,
}

impl Guards {
    /// These guards, and where they say nothing, the `others`.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        Self {
            max_errors: self.max_errors.or(others.max_errors),
            max_creates: self.max_creates.or(others.max_creates),
            max_updates: self.max_updates.or(others.max_updates),
            max_clears: self.max_clears.or(others.max_clears),
            max_deletes: self.max_deletes.or(others.max_deletes),
        }
    }

    /// The same guards for a plan that is made of deletes by its nature, such as the undoing of an import: where
    /// nothing is said about deletes, they have no limit.
    #[must_use]
    pub fn with_deletes_expected(self) -> Self {
        Self { max_deletes: self.max_deletes.or(Some(u64::MAX)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flag_says_wins_over_the_profile() {
        let flags = Guards { max_creates: Some(5), ..Guards::default() };
        let profile = Guards { max_creates: Some(1), max_updates: Some(2), ..Guards::default() };
        let both = flags.or(&profile);
        assert_eq!((both.max_creates, both.max_updates, both.max_deletes), (Some(5), Some(2), None));
    }

    #[test]
    fn limits_are_read_as_the_flags_are_typed() {
        let guards: Guards = toml::from_str("max_errors = \"10%\"\nmax_deletes = 3").unwrap();
        assert_eq!(guards.max_errors, Some(ErrorLimit::Percent(10)));
        assert_eq!(guards.max_deletes, Some(3));
        let guards: Guards = toml::from_str("max_errors = 50").unwrap();
        assert_eq!(guards.max_errors, Some(ErrorLimit::Rows(50)));
        assert!(toml::from_str::<Guards>("max_errors = \"101%\"").is_err());
        assert!(toml::from_str::<Guards>("max_create = 1").is_err());
    }
}
