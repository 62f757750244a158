//! When two values are the same although they are spelled differently: systems round, cut and fold what they are given.
//!
//! Promises: it does not matter which side is named first. Two values are the same when one side is a target that would
//! make its value of the other side's one. A file makes nothing of anything.

use crate::catalogue::{Entity, Kind};
use crate::connector::differences;
use crate::connector::fields::{Fields, Object};
use crate::domain::text::upper;
use crate::domain::{FieldChange, Money};

use super::holds::Holds;

/// What the two sides make of values.
#[derive(Debug)]
pub(super) struct Eyes {
    /// The tables of their records.
    pub(super) entities: [&'static Entity; 2],
    /// Whether they are targets.
    are_targets: [bool; 2],
    /// Digits after the point of what customers owe there.
    balance_scales: [u32; 2],
}

impl Eyes {
    /// Those of these two.
    pub(super) fn of(sides: &[Holds; 2]) -> Self {
        Self {
            entities: sides.each_ref().map(|side| side.entity),
            are_targets: sides.each_ref().map(|side| side.is_target),
            balance_scales: sides.each_ref().map(|side| side.balance_scale),
        }
    }

    /// The fields in which two bodies with the same members differ: `from` is the second's value, `to` the first's.
    pub(super) fn differences(&self, a: &str, b: &str) -> serde_json::Result<Vec<FieldChange>> {
        let [of_a, of_b] = self.entities;
        let in_eyes_of_b = || differences(of_b, a, b);
        let in_eyes_of_a = || differences(of_a, b, a).map(turned);
        let is_in = |changes: &[FieldChange], field: &str| changes.iter().any(|change| change.field == field);
        match self.are_targets {
            [false, true] => in_eyes_of_b(),
            [true, false] => in_eyes_of_a(),
            [true, true] => {
                let mut changes = in_eyes_of_b()?;
                if !changes.is_empty() {
                    let seen = in_eyes_of_a()?;
                    changes.retain(|change| is_in(&seen, &change.field));
                }
                Ok(changes)
            }
            // Neither rounds: what one could have made of the other is not what it says.
            [false, false] => {
                let mut changes = in_eyes_of_b()?;
                let seen = in_eyes_of_a()?;
                let more: Vec<_> = seen.into_iter().filter(|seen| !is_in(&changes, &seen.field)).collect();
                changes.extend(more);
                Ok(changes)
            }
        }
    }

    /// The body of a payment in one spelling: bodies that are the same in these eyes have the same one. Two that differ
    /// share it only where a target rounds.
    pub(super) fn spelling(&self, body: &str) -> serde_json::Result<String> {
        let fields = Fields::parse(body)?;
        let mut spelled = Object::with_capacity(body.len());
        for (name, _) in fields.iter() {
            spelled.push_text(name, &self.spelled(name, fields.text(name).trim()));
        }
        Ok(spelled.finish())
    }

    fn spelled(&self, name: &str, text: &str) -> String {
        let kinds = self.entities.iter().filter_map(|entity| entity.field(name)).map(|field| field.kind);
        let mut spelled = text.to_owned();
        let mut least = None;
        for kind in kinds {
            match kind {
                Kind::Code | Kind::CutText => spelled = upper(&spelled).into_owned(),
                Kind::Date | Kind::DateTime if text.starts_with("0001-01-01") => spelled.clear(),
                Kind::Decimal(scale) => least = Some(least.map_or(scale, |least: u8| least.min(scale))),
                _ => {}
            }
        }
        match (least, spelled.parse::<Money>()) {
            (Some(scale), Ok(amount)) => {
                let rounds = self.are_targets.contains(&true);
                let amount = if rounds { amount.round(scale.into()) } else { amount };
                if amount.is_zero() { String::new() } else { amount.decimal().normalize().to_string() }
            }
            _ => spelled,
        }
    }

    /// Whether what a customer owes is the same on both sides.
    pub(super) fn is_same_balance(&self, a: Money, b: Money) -> bool {
        let [is_target_a, is_target_b] = self.are_targets;
        let [scale_a, scale_b] = self.balance_scales;
        a == b || (is_target_a && b.round(scale_a) == a) || (is_target_b && a.round(scale_b) == b)
    }
}

fn turned(mut changes: Vec<FieldChange>) -> Vec<FieldChange> {
    for change in &mut changes {
        std::mem::swap(&mut change.from, &mut change.to);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{bigcapital, business_central_v2};

    const CENTRAL: (&Entity, bool, u32) = (&business_central_v2::CUSTOMER_PAYMENTS, true, 5);
    const BOOKS: (&Entity, bool, u32) = (&bigcapital::PAYMENTS, true, 3);
    const FILE: (&Entity, bool, u32) = (&business_central_v2::CUSTOMER_PAYMENTS, false, 0);

    fn eyes(sides: [(&'static Entity, bool, u32); 2]) -> Eyes {
        Eyes {
            entities: sides.map(|side| side.0),
            are_targets: sides.map(|side| side.1),
            balance_scales: sides.map(|side| side.2),
        }
    }

    /// Whether both amounts are the same; asked both ways.
    #[track_caller]
    fn are_same([a, b]: [(&'static Entity, bool, u32); 2], one: &str, other: &str) -> bool {
        let body = |amount: &str| format!(r#"{{"amount":{amount}}}"#);
        let forth = eyes([a, b]).differences(&body(one), &body(other)).unwrap();
        let back = eyes([b, a]).differences(&body(other), &body(one)).unwrap();
        assert_eq!(forth, turned(back), "{one} and {other}");
        forth.is_empty()
    }

    #[test]
    fn an_amount_is_the_same_when_the_side_that_rounds_would_make_it_so_whichever_is_named_first() {
        for (sides, one, other, is_same) in [
            ([CENTRAL, BOOKS], "-10.51", "-10.505", true),
            ([CENTRAL, BOOKS], "-10.505", "-10.51", false),
            ([FILE, CENTRAL], "-10.505", "-10.51", true),
            ([FILE, CENTRAL], "-10.51", "-10.505", false),
            // A currency of three decimals, and one of none.
            ([FILE, CENTRAL], "-10.5050", "-10.505", true),
            ([FILE, CENTRAL], "-1000", "-1000.00", true),
            ([FILE, CENTRAL], "-1000", "-1000.4", false),
            ([FILE, FILE], "-10.505", "-10.51", false),
            ([FILE, FILE], "-10.51", "-10.505", false),
            ([FILE, FILE], "-10.50", "-10.5", true),
        ] {
            assert_eq!(are_same(sides, one, other), is_same, "{one} and {other}");
        }
    }

    #[test]
    fn payments_that_are_the_same_in_these_eyes_are_spelled_the_same() {
        for (sides, one, other, is_same) in [
            ([FILE, CENTRAL], r#"{"externalDocumentNumber":null}"#, r#"{"externalDocumentNumber":""}"#, true),
            (
                [FILE, CENTRAL],
                r#"{"externalDocumentNumber":" ab1"}"#,
                r#"{"externalDocumentNumber":"AB1"}"#,
                true,
            ),
            (
                [FILE, CENTRAL],
                r#"{"externalDocumentNumber":"1"}"#,
                r#"{"externalDocumentNumber":"2"}"#,
                false,
            ),
            ([FILE, CENTRAL], r#"{"description":"a"}"#, r#"{"description":"A"}"#, false),
            ([FILE, CENTRAL], r#"{"postingDate":null}"#, r#"{"postingDate":"0001-01-01"}"#, true),
            ([FILE, CENTRAL], r#"{"amount":-5}"#, r#"{"amount":-5.00}"#, true),
            ([FILE, CENTRAL], r#"{"amount":null}"#, r#"{"amount":0.00}"#, true),
            ([FILE, CENTRAL], r#"{"amount":-10.505}"#, r#"{"amount":-10.51}"#, true),
            ([CENTRAL, BOOKS], r#"{"amount":-10.51}"#, r#"{"amount":-10.505}"#, true),
            ([FILE, FILE], r#"{"amount":-10.505}"#, r#"{"amount":-10.51}"#, false),
            ([FILE, FILE], r#"{"amount":-10.50}"#, r#"{"amount":-10.5}"#, true),
        ] {
            let eyes = eyes(sides);
            assert_eq!(eyes.differences(one, other).unwrap().is_empty(), is_same, "{one} and {other}");
            let spelled = [one, other].map(|body| eyes.spelling(body).unwrap());
            assert_eq!(spelled[0] == spelled[1], is_same, "{spelled:?}");
        }
    }

    #[test]
    fn what_is_owed_is_the_same_when_the_side_that_rounds_would_make_it_so() {
        let money = |text: &str| text.parse::<Money>().unwrap();
        for (sides, one, other, is_same) in [
            ([CENTRAL, BOOKS], "12.34567", "12.346", true),
            ([CENTRAL, BOOKS], "12.34667", "12.346", false),
            ([FILE, BOOKS], "12.35", "12.346", false),
            ([FILE, BOOKS], "12.34567", "12.346", true),
        ] {
            let [a, b] = sides;
            assert_eq!(eyes([a, b]).is_same_balance(money(one), money(other)), is_same);
            assert_eq!(eyes([b, a]).is_same_balance(money(other), money(one)), is_same);
        }
    }
}
