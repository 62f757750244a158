//! What a row asks for itself in the column `ferry_action`, whatever the run does with the others.

/// The column's heading.
pub const ACTION_COLUMN: &str = "ferry_action";

/// The words a cell of the column may hold, for messages.
pub const ACTION_WORDS: &str = "create, update, delete, skip, or nothing";

/// What one row asks to have done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Make a new record, and only that.
    Create,
    /// Change the record that is there, and only that.
    Update,
    /// Take the record out of the target.
    Delete,
    /// Leave the row out.
    Skip,
}

impl Asked {
    /// The meaning of a trimmed cell that is not blank, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        const WORDS: [(&str, Asked); 4] = [
            ("create", Asked::Create),
            ("update", Asked::Update),
            ("delete", Asked::Delete),
            ("skip", Asked::Skip),
        ];
        WORDS.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|(_, asked)| asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case_and_others_are_not() {
        assert_eq!(Asked::from_word("DELETE"), Some(Asked::Delete));
        assert_eq!(Asked::from_word("Skip"), Some(Asked::Skip));
        for word in ["remove", "del", "create!", "löschen"] {
            assert_eq!(Asked::from_word(word), None, "{word}");
        }
        for word in ACTION_WORDS.split(", ").take(4) {
            assert!(Asked::from_word(word).is_some(), "{word}");
        }
    }
}
