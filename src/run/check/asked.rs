//! The rules that hold for a row, by what it asks to have done with it.

use super::CheckOptions;
use crate::domain::Asked;
use crate::mapping::Binding;
use crate::validation::Rules;

/// The rules for what rows ask to have done with them.
pub(super) struct AskedRules<'f> {
    by_mode: Rules<'f>,
    new_record: Rules<'f>,
    change: Rules<'f>,
}

impl<'f> AskedRules<'f> {
    pub(super) fn new(binding: &'f Binding, options: &'f CheckOptions<'f>) -> Self {
        let rules = || {
            let (kind, fields) = (binding.kind(), binding.fields());
            Rules::new(kind, binding.entity(), fields, options.references).with_sign(kind, options.sign)
        };
        Self {
            by_mode: if options.changes_only { rules().for_changes_only() } else { rules() },
            new_record: rules(),
            change: rules().for_changes_only(),
        }
    }

    #[inline]
    pub(super) fn of(&self, asked: Option<Asked>) -> &Rules<'f> {
        match asked {
            None => &self.by_mode,
            Some(Asked::Create) => &self.new_record,
            Some(Asked::Update | Asked::Delete | Asked::Skip) => &self.change,
        }
    }
}
