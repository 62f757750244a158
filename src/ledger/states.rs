//! The one place that says which step takes a row from which state to which.

use crate::domain::{Outcome, Receipt, State};

/// What the ledger is told about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A request that carries the row is about to leave.
    Send,
    /// The request that was to carry the row never reached the books: it did not leave, or the target refused it in its
    /// own words without looking at the row. It is no attempt.
    NotSent,
    /// What is known after an attempt, or after a lookup.
    Outcome(Outcome),
    /// The target said yes, where a yes is not certain: in doubt until the record is read back, by the id it was given.
    Unconfirmed(Receipt),
    /// The row was carried out but for some fields, whose values stay as somebody else set them.
    Partly {
        /// What the target said.
        receipt: Receipt,
        /// Why, as a stable word.
        code: String,
        /// Which fields, in words.
        message: String,
    },
    /// The row's line number belongs to a stranger: it was not carried out and takes this one instead.
    Move(i64),
    /// The row is left out of the run after all: it was not sent and will not be.
    Skip {
        /// Why, as a stable word.
        code: String,
        /// Why, in words.
        message: String,
    },
    /// The process died while the row was being sent.
    Crash,
}

impl Step {
    /// The step in a word, for messages.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::NotSent => "not sent",
            Self::Outcome(Outcome::Accepted(_)) => "accepted",
            Self::Outcome(Outcome::Refused(_)) => "refused",
            Self::Outcome(Outcome::Conflict(_)) => "conflict",
            Self::Outcome(Outcome::NotDone(_)) => "not done",
            Self::Outcome(Outcome::InDoubt(_)) => "in doubt",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Partly { .. } => "partly",
            Self::Move(_) => "move",
            Self::Skip { .. } => "skip",
            Self::Crash => "crash",
        }
    }
}

/// The state after `step`, or `None` when the step cannot happen in `state`.
///
/// A row in doubt is never sent as it is: a lookup has to say first that it was not carried out. `Done`,
/// `Refused` and all the states of rows that are not sent are final.
#[must_use]
pub fn next_state(state: State, step: &Step) -> Option<State> {
    match (state, step) {
        // Sending again renews an intent whose request had to wait before it could leave.
        (State::Planned | State::Sending, Step::Send) => Some(State::Sending),
        (State::Sending | State::InDoubt, Step::Outcome(outcome)) => Some(match outcome {
            Outcome::Accepted(_) => State::Done,
            Outcome::Refused(_) => State::Refused,
            Outcome::Conflict(_) => State::Conflict,
            Outcome::NotDone(_) => State::Planned,
            Outcome::InDoubt(_) => State::InDoubt,
        }),
        (State::Sending | State::InDoubt, Step::Partly { .. }) => Some(State::Done),
        (State::Sending, Step::NotSent) | (State::Sending | State::InDoubt, Step::Move(_)) => {
            Some(State::Planned)
        }
        (State::Planned, Step::Skip { .. }) => Some(State::Skipped),
        (State::Sending | State::InDoubt, Step::Unconfirmed(_)) | (State::Sending, Step::Crash) => {
            Some(State::InDoubt)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;

    fn steps() -> Vec<Step> {
        let refusal = Refusal { status: 400, code: String::new(), message: String::new() };
        vec![
            Step::Send,
            Step::NotSent,
            Step::Outcome(Outcome::Accepted(Receipt::default())),
            Step::Outcome(Outcome::Refused(refusal.clone())),
            Step::Outcome(Outcome::Conflict(refusal)),
            Step::Outcome(Outcome::NotDone(None)),
            Step::Outcome(Outcome::InDoubt(String::new())),
            Step::Unconfirmed(Receipt::default()),
            Step::Partly { receipt: Receipt::default(), code: String::new(), message: String::new() },
            Step::Move(1),
            Step::Skip { code: String::new(), message: String::new() },
            Step::Crash,
        ]
    }

    #[test]
    fn a_final_state_takes_no_step_at_all() {
        for state in State::ALL {
            let is_open = matches!(state, State::Planned | State::Sending | State::InDoubt);
            let takes_a_step = steps().iter().any(|step| next_state(state, step).is_some());
            assert_eq!(takes_a_step, is_open, "{state:?}");
        }
    }

    #[test]
    fn a_row_in_doubt_is_not_sent_before_it_is_settled() {
        assert_eq!(next_state(State::InDoubt, &Step::Send), None);
        let absent = Step::Outcome(Outcome::NotDone(None));
        assert_eq!(next_state(State::InDoubt, &absent), Some(State::Planned));
    }

    #[test]
    fn only_a_row_that_was_sent_can_have_an_outcome() {
        for step in steps().iter().filter(|step| !matches!(step, Step::Send | Step::Skip { .. })) {
            assert_eq!(next_state(State::Planned, step), None, "{step:?}");
        }
    }
}
