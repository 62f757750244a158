//! What a person has to look at when a machine cannot tell what became of a row.

use crate::connector::text_of;
use crate::domain::{Action, EntityKind};
use crate::ledger::OpenRow;

/// The record of a row in words: what it is, its key, and for a payment its journal, line and amount as sent.
pub(super) fn what_to_look_at(kind: EntityKind, row: &OpenRow, journal: &str) -> String {
    let text = |name: &str| text_of(&row.payload, name);
    let named = |what: &str, value: String| (!value.is_empty()).then(|| format!("{what} `{value}`"));
    let key = match (kind, row.key.is_empty()) {
        (EntityKind::Customers, true) => named("named", text("displayName")),
        (EntityKind::Dimensions, true) => named("in", text("dimensionCode")),
        (EntityKind::Payments, true) => named("number", text("documentNumber")),
        (_, false) => Some(format!("`{}`", row.key)),
    };
    let mut words = vec![Some(kind.noun().to_owned()), key];
    if kind == EntityKind::Payments {
        words.extend([
            named("of customer", text("customerNumber")).or_else(|| named("of customer", text("customerId"))),
            named("over", text("amount")),
            named("in journal", journal.to_owned()),
            row.line_number.map(|line| format!("line {line}")),
        ]);
    }
    if row.action != Action::Create {
        words.push(named("with the id", row.remote_id.clone().unwrap_or_default()));
    }
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
