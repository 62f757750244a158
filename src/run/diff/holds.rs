//! What each of two sides can hold, which decides what is compared.

use std::collections::BTreeSet;

use crate::catalogue::{Dialect, Entity, Field, Kind};
use crate::domain::EntityKind;

/// What one side can hold.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(super) struct Holds {
    /// The catalogue's table of its records.
    pub(super) entity: &'static Entity,
    /// The fields it fills.
    pub(super) names: BTreeSet<&'static str>,
    /// Fields that it fills and that its dialect does not know.
    pub(super) beyond: Vec<&'static str>,
    /// Fields that it holds, and that its lists do not show.
    pub(super) unlisted: Vec<&'static str>,
    /// Whether it says what customers owe.
    pub(super) has_balances: bool,
    /// Whether it holds one e-mail address of several.
    pub(super) has_one_email: bool,
    /// Whether the names of customers can be told who pay.
    pub(super) has_payer_names: bool,
    /// Digits after the point of what customers owe.
    pub(super) balance_scale: u32,
    /// Whether it is a system that makes something of what it is given, and no file.
    pub(super) is_target: bool,
}

impl Holds {
    /// What a target of this dialect shows of its records.
    pub(super) fn of_target(dialect: &'static Dialect, kind: EntityKind) -> Self {
        let entity = dialect.entity(kind);
        let is_shown = |field: &&Field| field.is_listed && field.kind != Kind::DateTime;
        // Of customers without a number payments cannot hold one either.
        let is_held = |field: &&Field| {
            dialect.customers.field("number").is_some()
                || field.reference.is_none_or(|reference| reference.set != "customers")
        };
        let unlisted = entity.fields.iter().filter(|field| !field.is_listed && field.is_in_files());
        Self {
            entity,
            names: entity.fields.iter().filter(is_shown).map(|field| field.name).collect(),
            beyond: Vec::new(),
            unlisted: unlisted.filter(is_held).map(|field| field.name).collect(),
            has_balances: kind == EntityKind::Customers
                && dialect.financial_details.field("balance").is_some(),
            has_one_email: dialect.has_one_email,
            has_payer_names: true,
            balance_scale: dialect.financial_details.field("balance").map_or(0, scale_of),
            is_target: true,
        }
    }

    /// What a file with columns for these fields holds, read for this dialect.
    pub(super) fn of_file(
        dialect: &'static Dialect,
        kind: EntityKind,
        names: impl Iterator<Item = &'static str>,
    ) -> Self {
        let names: BTreeSet<_> = names.collect();
        let says_names = dialect.customers.field("number").is_none() && names.contains("customerNumber");
        Self {
            entity: dialect.entity(kind),
            has_one_email: dialect.has_one_email,
            has_payer_names: says_names,
            names,
            beyond: Vec::new(),
            unlisted: Vec::new(),
            has_balances: false,
            balance_scale: 0,
            is_target: false,
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.entity.field(name).filter(|field| self.names.contains(field.name))
    }
}

fn scale_of(field: &Field) -> u32 {
    if let Kind::Decimal(scale) = field.kind { scale.into() } else { 0 }
}
