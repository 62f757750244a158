//! In which fields a record differs from what was sent, seen through the server's own eyes.
//!
//! Source: codes are trimmed and upper-cased, text is trimmed, amounts are rounded, the nil GUID and the date
//! 0001-01-01 mean none, a blank enumeration member has several spellings, and the local currency is stored
//! blank and read as its code.

use std::borrow::Cow;

use super::fields::{Fields, decode};
use crate::catalogue::{Entity, Kind};
use crate::domain::{FieldChange, Money};

/// The fields of `sent` that `found` holds with another value: `from` is the found value, `to` the sent one.
///
/// Only fields that were sent are compared, in their order. Both are JSON objects; amounts are compared digit by
/// digit and never as floats.
///
/// # Errors
/// When one of the two is no JSON object.
pub fn differences(entity: &Entity, sent: &str, found: &str) -> Result<Vec<FieldChange>, serde_json::Error> {
    let (sent, found) = (Fields::parse(sent)?, Fields::parse(found)?);
    let mut changes = Vec::new();
    for (name, wanted) in sent.iter().filter(|(name, _)| !name.contains('@')) {
        let there = found.raw(name).unwrap_or("null");
        if wanted == there {
            continue;
        }
        let field = entity.field(name);
        let kind = field.map_or(Kind::Text, |field| field.kind);
        let max_length = field.map_or(0, |field| usize::from(field.max_length));
        let (wanted, there) = (decode(wanted), decode(there));
        if are_same(kind, max_length, &wanted, &there) || is_local_currency(name, &wanted, &found) {
            continue;
        }
        changes.push(FieldChange {
            field: name.to_owned(),
            from: shown(kind, &there).to_owned(),
            to: shown(kind, &wanted).to_owned(),
        });
    }
    Ok(changes)
}

/// A customer in local currency has no currency id, while its code reads as the local one.
fn is_local_currency(name: &str, wanted: &str, found: &Fields<'_>) -> bool {
    name == "currencyCode" && wanted.trim().is_empty() && {
        let id = found.text("currencyId");
        found.raw("currencyId").is_some() && is_blank(Kind::Guid, &id)
    }
}

fn are_same(kind: Kind, max_length: usize, wanted: &str, there: &str) -> bool {
    let (wanted, there) = (wanted.trim(), there.trim());
    if wanted == there {
        return true;
    }
    match (is_blank(kind, wanted), is_blank(kind, there)) {
        (true, true) => return true,
        (false, false) => {}
        _ => return is_zero(kind, wanted) && is_zero(kind, there),
    }
    match kind {
        Kind::Code => upper(wanted) == upper(there),
        Kind::CutText => upper(cut(wanted, max_length)) == upper(there),
        Kind::Guid | Kind::Enum(_) | Kind::Boolean => wanted.eq_ignore_ascii_case(there),
        Kind::Decimal(scale) => match (wanted.parse::<Money>(), there.parse::<Money>()) {
            (Ok(wanted), Ok(there)) => wanted.round(scale.into()) == there.round(scale.into()),
            _ => false,
        },
        Kind::Integer => {
            matches!((wanted.parse::<i64>(), there.parse::<i64>()), (Ok(left), Ok(right)) if left == right)
        }
        Kind::Text | Kind::Email | Kind::Phone | Kind::Date | Kind::DateTime => false,
    }
}

/// A number that is not there reads as zero.
fn is_zero(kind: Kind, text: &str) -> bool {
    matches!(kind, Kind::Decimal(_) | Kind::Integer)
        && (text.is_empty() || text.parse::<Money>().is_ok_and(Money::is_zero))
}

fn is_blank(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Guid => text.bytes().all(|byte| matches!(byte, b'0' | b'-')),
        Kind::Enum(_) => text.is_empty() || text.eq_ignore_ascii_case("_x0020_"),
        Kind::Date | Kind::DateTime => text.is_empty() || text.starts_with("0001-01-01"),
        _ => text.is_empty(),
    }
}

/// The value as `FieldChange` shows it: every form of blank is empty.
fn shown(kind: Kind, text: &str) -> &str {
    if is_blank(kind, text.trim()) { "" } else { text }
}

fn upper(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_lowercase) { Cow::Owned(text.to_uppercase()) } else { Cow::Borrowed(text) }
}

/// The first `units` UTF-16 units, which is where the server cuts.
fn cut(text: &str, units: usize) -> &str {
    let mut left = units;
    for (at, character) in text.char_indices() {
        match left.checked_sub(character.len_utf16()) {
            Some(rest) => left = rest,
            None => return text[..at].trim_end(),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};

    fn customer(sent: &str, found: &str) -> Vec<String> {
        let changes = differences(&CUSTOMERS, sent, found).unwrap();
        changes
            .iter()
            .map(|change| format!("{}: `{}` -> `{}`", change.field, change.from, change.to))
            .collect()
    }

    #[test]
    fn what_the_server_makes_of_a_value_is_no_difference() {
        let sent = r#"{"number":" c1 ","displayName":" Ann ","creditLimit":10.5,"blocked":"_x0020_",
            "currencyCode":"","paymentTermsId":"00000000-0000-0000-0000-000000000000","country":"de",
            "taxAreaId":"AB000000-0000-0000-0000-000000000001","taxLiable":true,"city":""}"#;
        let found = r#"{"number":"C1","displayName":"Ann","creditLimit":10.50000,"blocked":" ",
            "currencyCode":"USD","currencyId":"00000000-0000-0000-0000-000000000000","paymentTermsId":null,
            "country":"DE","taxAreaId":"ab000000-0000-0000-0000-000000000001","taxLiable":true,
            "phoneNumber":"not sent"}"#;
        assert_eq!(customer(sent, found), Vec::<String>::new());
    }

    #[test]
    fn a_difference_names_the_field_and_both_values() {
        let sent = r#"{"displayName":"Ann","creditLimit":10.50,"city":"Ulm","blocked":"All"}"#;
        let found = r#"{"displayName":"ann","creditLimit":10.49,"city":"","blocked":"_x0020_"}"#;
        assert_eq!(
            customer(sent, found),
            [
                "displayName: `ann` -> `Ann`",
                "creditLimit: `10.49` -> `10.50`",
                "city: `` -> `Ulm`",
                "blocked: `` -> `All`"
            ]
        );
    }

    #[test]
    fn amounts_keep_every_digit_when_they_are_compared() {
        let sent = r#"{"creditLimit":123456789012345.67}"#;
        assert!(customer(sent, r#"{"creditLimit":123456789012345.67000}"#).is_empty());
        assert_eq!(customer(sent, r#"{"creditLimit":123456789012345.68}"#).len(), 1);
    }

    #[test]
    fn an_amount_is_compared_as_the_server_rounds_it() {
        let same = |sent: &str, found: &str| differences(&CUSTOMER_PAYMENTS, sent, found).unwrap().is_empty();
        assert!(same(r#"{"amount":-10.505}"#, r#"{"amount":-10.51}"#));
        assert!(!same(r#"{"amount":-10.505}"#, r#"{"amount":-10.5}"#));
        assert!(same(r#"{"postingDate":""}"#, r#"{"postingDate":"0001-01-01"}"#));
        assert!(!same(r#"{"postingDate":"2026-01-02"}"#, r#"{"postingDate":"2026-02-01"}"#));
    }

    #[test]
    fn a_foreign_currency_is_not_the_local_one() {
        let found = r#"{"currencyCode":"EUR","currencyId":"ab000000-0000-0000-0000-000000000001"}"#;
        assert_eq!(customer(r#"{"currencyCode":""}"#, found), ["currencyCode: `EUR` -> ``"]);
    }
}
