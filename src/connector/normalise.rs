//! In which fields a record differs from what was sent, seen through the server's own eyes.
//!
//! Source: codes are trimmed and upper-cased, text is trimmed, amounts are rounded, the nil GUID and the date
//! 0001-01-01 mean none, a blank enumeration member has several spellings, and the local currency is stored
//! blank and read as its code.

use std::borrow::Cow;

use super::fields::{Fields, Object, decode, only, without_nulls};
use crate::catalogue::{Entity, Field, Kind, Writable};
use crate::domain::text::upper;
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
        if found.raw(name).is_none() && field.is_some_and(|field| !field.is_listed) {
            continue;
        }
        // The two are one, and a person knows the number.
        let has_both = |number: &str| sent.raw(number).is_some() && found.raw(number).is_some();
        if spelled_out(entity, name).is_some_and(has_both) {
            continue;
        }
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

/// The field whose number the plan has turned into the id `name`; `None` for any other field. Wherever the number goes,
/// its id goes too: the one is for people, the other on the wire.
#[must_use]
pub(super) fn spelled_out(entity: &Entity, name: &str) -> Option<&'static str> {
    let planned = entity.field(name).filter(|field| field.writable == Writable::Plan)?;
    if !planned.follows.is_empty() {
        return Some(planned.follows);
    }
    let stem = planned.name.strip_suffix("Id")?;
    let mut names = entity.fields.iter().map(|field| field.name);
    names.find(|other| other.strip_prefix(stem) == Some("Number"))
}

/// Whether `name` is one of the fields in `changes`, or the id of one.
#[must_use]
pub fn is_among(entity: &Entity, changes: &[FieldChange], name: &str) -> bool {
    let number = spelled_out(entity, name);
    changes.iter().any(|change| change.field == name || number.is_some_and(|number| change.field == number))
}

/// The fields of `found` that a person may fill, that `sent` left out, and that hold something else than a new record
/// gets by itself: `from` is the found value, `to` what was there at first.
///
/// # Errors
/// When one of the two is no JSON object.
pub fn filled_since(entity: &Entity, sent: &str, found: &str) -> Result<Vec<FieldChange>, serde_json::Error> {
    let (sent, found) = (Fields::parse(sent)?, Fields::parse(found)?);
    let unsent = entity.fields.iter().filter(|field| field.is_in_files() && sent.raw(field.name).is_none());
    let filled = unsent.filter_map(|field| {
        let there = found.text(field.name);
        let is_new = are_same(field.kind, usize::from(field.max_length), field.preset, &there);
        (!is_new).then(|| FieldChange {
            field: field.name.to_owned(),
            from: shown(field.kind, &there).to_owned(),
            to: field.preset.to_owned(),
        })
    });
    Ok(filled.collect())
}

/// The payload of a change with every value that is to be cleared in the form that clears it.
///
/// Source: the nil GUID means none, the blank member of an enumeration is `_x0020_`.
///
/// # Errors
/// When it is no JSON object.
pub fn blanks<'a>(entity: &Entity, payload: &'a str) -> serde_json::Result<Cow<'a, str>> {
    without_nulls(payload, |name| {
        Some(match entity.field(name).map(|field| field.kind) {
            Some(Kind::Guid) => r#""00000000-0000-0000-0000-000000000000""#,
            Some(Kind::Enum(_)) => r#""_x0020_""#,
            _ => "\"\"",
        })
    })
}

/// The payload of a change, with the fields that share an object with those it changes as `found` has them: the server
/// replaces such an object whole. Likewise what has to [go with](crate::catalogue::Field::goes_with) a change.
///
/// Source: the type `postalAddressType` of API v1.0, whose absent members are emptied or refused; Bigcapital's edits,
/// which need a type and a name again.
///
/// # Errors
/// When one of the two is no JSON object.
pub fn completed<'a>(entity: &Entity, payload: &'a str, found: &str) -> serde_json::Result<Cow<'a, str>> {
    if entity.fields.iter().all(|field| field.group().is_empty() && !field.goes_along) {
        return Ok(Cow::Borrowed(payload));
    }
    let sent = Fields::parse(payload)?;
    let groups: Vec<&str> = sent.iter().filter_map(|(name, _)| Some(entity.field(name)?.group())).collect();
    let is_missing = |field: &&Field| {
        !field.group().is_empty() && groups.contains(&field.group()) && sent.raw(field.name).is_none()
    };
    let goes_along =
        |field: &&Field| sent.raw(field.name).is_none() && sent.iter().any(|(name, _)| field.goes_with(name));
    let found = Fields::parse(found)?;
    let mut object = Object::with_capacity(payload.len());
    for (name, value) in sent.iter() {
        object.push(name, value);
    }
    for field in entity.fields.iter().filter(goes_along) {
        if let Some(value) = found.raw(field.name).filter(|value| *value != "null") {
            object.push(field.name, value);
        }
    }
    for field in entity.fields.iter().filter(is_missing) {
        let value = found.raw(field.name).filter(|value| *value != "null").unwrap_or("\"\"");
        object.push(field.name, value);
    }
    Ok(Cow::Owned(object.finish()))
}

/// The payload of a change without what only goes along with it, see [`completed`]: of such fields, those that it
/// changes. Only these are the row's own word; of the others its payload holds what was found once.
///
/// # Errors
/// When it is no JSON object.
pub fn own<'a>(
    entity: &Entity,
    payload: &'a str,
    changes: &[FieldChange],
) -> serde_json::Result<Cow<'a, str>> {
    let goes_along = |field: &Field| !field.group().is_empty() || field.goes_along;
    if !entity.fields.iter().any(goes_along) {
        return Ok(Cow::Borrowed(payload));
    }
    let goes_along = |name: &str| entity.field(name).is_some_and(goes_along);
    only(payload, |name| is_among(entity, changes, name) || !goes_along(name)).map(Cow::Owned)
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
        _ => return is_nothing(kind, wanted) && is_nothing(kind, there),
    }
    match kind {
        Kind::Code => upper(wanted) == upper(there),
        Kind::CutText => upper(cut(wanted, max_length)) == upper(there),
        Kind::Guid | Kind::Boolean => wanted.eq_ignore_ascii_case(there),
        // Older versions write a member's name with its spaces and signs.
        Kind::Enum(_) => unescape(wanted).eq_ignore_ascii_case(&unescape(there)),
        Kind::Decimal(scale) => match (wanted.parse::<Money>(), there.parse::<Money>()) {
            // Currencies may have more decimals than the system keeps of others.
            (Ok(wanted), Ok(there)) => wanted == there || wanted.round(scale.into()) == there,
            _ => false,
        },
        Kind::Integer => {
            matches!((wanted.parse::<i64>(), there.parse::<i64>()), (Ok(left), Ok(right)) if left == right)
        }
        // Some servers write a day as its midnight.
        Kind::Date => there.strip_prefix(wanted).is_some_and(|rest| rest.starts_with("T00:00:00")),
        Kind::Text | Kind::Email | Kind::Phone | Kind::DateTime => false,
    }
}

/// A member's name with the characters that `_xHHHH_` stands for.
pub(super) fn unescape(name: &str) -> Cow<'_, str> {
    if !name.contains("_x") {
        return Cow::Borrowed(name);
    }
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("_x") {
        let escaped = rest.get(at + 2..at + 6).filter(|_| rest[at + 6..].starts_with('_'));
        let character = escaped.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        let (end, character) = character.map_or((at + 2, None), |character| (at + 7, Some(character)));
        match character {
            Some(character) => {
                plain.push_str(&rest[..at]);
                plain.push(character);
            }
            None => plain.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// A number that is not there reads as zero, and a truth that is not there as false.
fn is_nothing(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Decimal(_) | Kind::Integer => {
            text.is_empty() || text.parse::<Money>().is_ok_and(Money::is_zero)
        }
        Kind::Boolean => text.is_empty() || text.eq_ignore_ascii_case("false"),
        _ => false,
    }
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
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::business_central_v1::CUSTOMERS as V1_CUSTOMERS;
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
    fn what_was_filled_in_since_is_told_from_what_a_new_record_has_by_itself() {
        let sent = r#"{"displayName":"Ann","city":"Ulm"}"#;
        let filled = |found: &str| -> Vec<String> {
            let changes = filled_since(&crate::catalogue::bigcapital::CUSTOMERS, sent, found).unwrap();
            changes.into_iter().map(|change| change.field).collect()
        };
        let new = r#"{"id":"7","displayName":"Ann","city":"Ulm","type":"Company","note":null,"active":true,
            "balance":12.5,"openingBalance":0,"openingBalanceDate":null,"openingBalanceExchangeRate":1}"#;
        assert!(filled(new).is_empty());
        let worked_in = r#"{"id":"7","displayName":"Bea","city":"Ulm","type":"Company","note":"asked for terms",
            "active":false,"openingBalance":5,"openingBalanceExchangeRate":1,"phoneNumber":"555"}"#;
        assert_eq!(filled(worked_in), ["phoneNumber", "note", "active", "openingBalance"]);
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
    fn what_is_cleared_is_sent_in_the_form_that_clears_it() {
        let payload = r#"{"email":null,"paymentTermsId":null,"blocked":null,"city":"Ulm"}"#;
        assert_eq!(
            blanks(&CUSTOMERS, payload).unwrap(),
            r#"{"email":"","paymentTermsId":"00000000-0000-0000-0000-000000000000","blocked":"_x0020_","city":"Ulm"}"#
        );
        assert_eq!(customer(payload, r#"{"email":"","blocked":" ","city":"Ulm"}"#), Vec::<String>::new());
        assert_eq!(customer(payload, r#"{"email":"a@b.c","city":"Ulm"}"#), ["email: `a@b.c` -> ``"]);
    }

    #[test]
    fn what_shares_an_object_with_a_change_is_sent_along_as_it_was_found() {
        let found = r#"{"id":"a","addressLine1":"Main St","city":"Ulm","state":null,"email":"a@b.c"}"#;
        let nested = |payload: &str| completed(&V1_CUSTOMERS, payload, found).unwrap().into_owned();
        assert_eq!(
            nested(r#"{"city":"Bonn","email":"x@y.z"}"#),
            r#"{"city":"Bonn","email":"x@y.z","addressLine1":"Main St","addressLine2":"","state":"","country":"","postalCode":""}"#
        );
        assert_eq!(nested(r#"{"email":"x@y.z"}"#), r#"{"email":"x@y.z"}"#);
        assert_eq!(completed(&CUSTOMERS, r#"{"city":"Bonn"}"#, found).unwrap(), r#"{"city":"Bonn"}"#);
    }

    #[test]
    fn what_only_goes_along_with_a_change_is_not_the_rows_own() {
        let change = |field: &str| FieldChange { field: field.into(), from: "a".into(), to: "b".into() };
        let payload = r#"{"email":"x@y.z","city":"Bonn","state":"BW","postalCode":"89073"}"#;
        let nested = own(&V1_CUSTOMERS, payload, &[change("city")]).unwrap();
        assert_eq!(nested, r#"{"email":"x@y.z","city":"Bonn"}"#);
        assert_eq!(own(&CUSTOMERS, payload, &[change("city")]).unwrap(), payload);
    }

    #[test]
    fn a_foreign_currency_is_not_the_local_one() {
        let found = r#"{"currencyCode":"EUR","currencyId":"ab000000-0000-0000-0000-000000000001"}"#;
        assert_eq!(customer(r#"{"currencyCode":""}"#, found), ["currencyCode: `EUR` -> ``"]);
    }

    /// A value as it may be sent, in JSON.
    fn any_value(kind: Kind, max_length: u16) -> BoxedStrategy<String> {
        let longest = usize::from(max_length.clamp(1, 40));
        let text = move |pattern: &str| {
            proptest::string::string_regex(&format!("{pattern}{{0,{longest}}}")).unwrap().boxed()
        };
        match kind {
            Kind::Text => text("[ a-zA-Zäß\"\\\\€𝄞]").prop_map(quoted).boxed(),
            Kind::Email | Kind::Phone => text("[a-z0-9@.+; ]").prop_map(quoted).boxed(),
            Kind::Code => text("[ a-zA-Z0-9äß/-]").prop_map(quoted).boxed(),
            Kind::CutText => "[a-zA-Z𝄞 ]{0,15}".prop_map(quoted).boxed(),
            Kind::Guid => {
                "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0{8}-0{4}-0{4}-0{4}-0{12}"
                    .prop_map(quoted)
                    .boxed()
            }
            Kind::Decimal(scale) => (any::<i32>(), 0..=u32::from(scale) + 2)
                .prop_map(|(digits, scale)| rust_decimal::Decimal::new(digits.into(), scale).to_string())
                .boxed(),
            Kind::Integer => any::<i32>().prop_map(|number| number.to_string()).boxed(),
            Kind::Boolean => any::<bool>().prop_map(|truth| truth.to_string()).boxed(),
            Kind::Date | Kind::DateTime => "20[0-9]{2}-0[1-9]-[12][0-9]|0001-01-01".prop_map(quoted).boxed(),
            Kind::Enum(members) => {
                (0..members.len()).prop_map(|member| quoted(members[member].wire.to_owned())).boxed()
            }
        }
    }

    fn quoted(text: String) -> String {
        serde_json::Value::from(text).to_string()
    }

    /// What a server may make of a value, of several spellings the one that `pick` chooses.
    fn stored(kind: Kind, max_length: u16, sent: &str, pick: usize) -> String {
        let text = decode(sent).into_owned();
        let one_of = |spellings: &[String]| spellings[pick % spellings.len()].clone();
        match kind {
            Kind::Text | Kind::Email | Kind::Phone => quoted(text.trim().to_owned()),
            Kind::Code => quoted(upper(text.trim()).into_owned()),
            Kind::CutText => quoted(upper(cut(text.trim(), usize::from(max_length)).trim()).into_owned()),
            Kind::Guid if is_blank(kind, &text) => {
                one_of(&["null".to_owned(), sent.to_owned(), quoted(String::new())])
            }
            Kind::Guid => one_of(&[quoted(text.to_lowercase()), quoted(text.to_uppercase())]),
            Kind::Decimal(scale) => {
                let rounded = text.parse::<Money>().unwrap().round(scale.into()).decimal();
                one_of(&[rounded.to_string(), format!("{rounded:.7}"), rounded.normalize().to_string()])
            }
            Kind::Boolean if text == "false" => one_of(&["false".to_owned(), "null".to_owned()]),
            Kind::Enum(_) if is_blank(kind, &text) => one_of(&[
                r#"" ""#.to_owned(),
                r#""""#.to_owned(),
                r#""_x0020_""#.to_owned(),
                "null".to_owned(),
            ]),
            Kind::Enum(_) => one_of(&[sent.to_owned(), quoted(unescape(&text).into_owned())]),
            Kind::Date if !is_blank(kind, &text) => {
                one_of(&[sent.to_owned(), quoted(format!("{text}T00:00:00Z"))])
            }
            Kind::Date | Kind::DateTime if is_blank(kind, &text) => {
                one_of(&[sent.to_owned(), "null".to_owned()])
            }
            Kind::Integer | Kind::Boolean | Kind::Date | Kind::DateTime => sent.to_owned(),
        }
    }

    fn any_field() -> impl Strategy<Value = (&'static Entity, usize, [String; 2])> {
        let entities = [&CUSTOMERS, &CUSTOMER_PAYMENTS];
        (0..2usize, any::<prop::sample::Index>()).prop_flat_map(move |(entity, index)| {
            let entity = entities[entity];
            let index = index.index(entity.fields.len());
            let field = &entity.fields[index];
            let values = prop::array::uniform2(any_value(field.kind, field.max_length));
            values.prop_map(move |values| (entity, index, values))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever the server makes of a value that was sent, it is no difference; any other value is one.
        #[test]
        fn only_what_the_server_does_itself_is_no_difference(
            (entity, index, [sent, other]) in any_field(), pick: usize,
        ) {
            let field = &entity.fields[index];
            let object = |value: &str| format!(r#"{{"{}":{value}}}"#, field.name);
            let there = stored(field.kind, field.max_length, &sent, pick);
            let changes = differences(entity, &object(&sent), &object(&there)).unwrap();
            prop_assert!(changes.is_empty(), "{sent} became {there}: {changes:?}");
            let canonical = |value: &str| stored(field.kind, field.max_length, value, 0);
            prop_assume!(canonical(&other) != canonical(&sent));
            let blank = |value: &str| is_blank(field.kind, decode(value).trim()) || is_nothing(field.kind, decode(value).trim());
            prop_assume!(!(blank(&other) && blank(&sent)));
            let changed = differences(entity, &object(&sent), &object(&canonical(&other))).unwrap();
            prop_assert_eq!(changed.len(), 1, "{} became {}", sent, other);
        }
    }
}
