//! Records to request bodies, written by hand straight into a buffer.
//!
//! In: a record of the catalogue's entity. Out: one JSON object with its values in catalogue order, as the
//! target wants to see them: codes in upper case, ids in lower case, amounts as numbers with their digits,
//! absent values left out.

use std::io::Write;

use crate::catalogue::{Entity, Kind, Writable};
use crate::domain::text::upper_char;
use crate::domain::{Money, Record, Value};

/// Appends the JSON object that creates this record.
///
/// Fields that belong to the server are left out, and so is a code that could not be turned into an id because
/// the target's tables were not at hand.
pub fn write_payload(entity: &Entity, record: &Record<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    let start = out.len();
    for (field, value) in entity.fields.iter().zip(record.values()) {
        let is_unresolved = field.kind == Kind::Guid && matches!(value, Value::Code(_));
        if value.is_absent() || field.writable == Writable::No || is_unresolved {
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b"\":");
        write_value(*value, out);
    }
    out.push(b'}');
}

fn write_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Absent => out.extend_from_slice(b"null"),
        Value::Text(text) => {
            write_text(text, out);
        }
        Value::Code(code) => write_code(code, out),
        Value::Guid(id) => {
            let start = out.len();
            write_text(id, out);
            out[start..].make_ascii_lowercase();
        }
        Value::Member(wire) => {
            write_text(wire, out);
        }
        Value::Decimal(money) => write_decimal(money, out),
        Value::Integer(number) => write!(out, "{number}").expect("a vector takes every byte"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Date(date) => write!(out, "\"{date}\"").expect("a vector takes every byte"),
    }
}

fn write_code(code: &str, out: &mut Vec<u8>) {
    if code.is_ascii() {
        let start = out.len();
        if write_text(code, out) {
            out[start..].make_ascii_uppercase();
            return;
        }
        out.truncate(start);
    }
    let upper: String = code.chars().map(upper_char).collect();
    write_text(&upper, out);
}

/// Whether the text went out as it is, without an escape.
fn write_text(text: &str, out: &mut Vec<u8>) -> bool {
    let bytes = text.as_bytes();
    let is_plain = !bytes.iter().fold(false, |found, byte| found | needs_escape(*byte));
    out.push(b'"');
    if is_plain {
        out.extend_from_slice(bytes);
    } else {
        for byte in bytes {
            write_byte(*byte, out);
        }
    }
    out.push(b'"');
    is_plain
}

#[inline]
fn needs_escape(byte: u8) -> bool {
    matches!(byte, 0..b' ' | b'"' | b'\\')
}

fn write_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..b' ' => write!(out, "\\u{byte:04x}").expect("a vector takes every byte"),
        _ => out.push(byte),
    }
}

/// Writes what `Money`'s `Display` writes, without the formatter.
fn write_decimal(money: Money, out: &mut Vec<u8>) {
    let decimal = money.decimal();
    let Ok(mut mantissa) = u64::try_from(decimal.mantissa().unsigned_abs()) else {
        write!(out, "{money}").expect("a vector takes every byte");
        return;
    };
    if money.is_negative() {
        out.push(b'-');
    }
    let scale = decimal.scale() as usize;
    let mut digits = [b'0'; 50]; // at most 20 digits, or 28 zeros after the point
    let mut at = digits.len();
    let mut written = 0;
    while mantissa > 0 || written <= scale {
        if written == scale && scale > 0 {
            at -= 1;
            digits[at] = b'.';
        }
        at -= 1;
        digits[at] = b'0' + u8::try_from(mantissa % 10).expect("one digit");
        mantissa /= 10;
        written += 1;
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::business_central_v2::CUSTOMERS;

    fn payload(values: &[(&str, Value<'_>)]) -> String {
        let mut record = Record::new(CUSTOMERS.fields.len());
        for (name, value) in values {
            record.set(CUSTOMERS.index_of(name).unwrap(), *value);
        }
        let mut out = Vec::new();
        write_payload(&CUSTOMERS, &record, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_go_out_as_the_target_wants_them() {
        let body = payload(&[
            ("blocked", Value::Member("_x0020_")),
            ("paymentTermsId", Value::Guid("6F9619FF-8B86-D011-B42D-00CF4FC964FF")),
            ("number", Value::Code("c-1é\"")),
            ("displayName", Value::Text("Müller \"&\" Co\\\n\u{1}")),
            ("creditLimit", Value::Decimal("-0010.50".parse().unwrap())),
            ("taxLiable", Value::Boolean(true)),
            ("balanceDue", Value::Decimal(Money::from(1))),
            ("shipmentMethodId", Value::Code("EXW")),
        ]);
        assert_eq!(
            body,
            r#"{"number":"C-1É\"","displayName":"Müller \"&\" Co\\\n\u0001","creditLimit":-10.50,"taxLiable":true,"paymentTermsId":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","blocked":"_x0020_"}"#
        );
        assert_eq!(payload(&[]), "{}");
    }

    #[test]
    fn days_are_written_in_full() {
        let mut out = Vec::new();
        write_value(Value::Date(jiff::civil::date(2025, 6, 3)), &mut out);
        assert_eq!(out, b"\"2025-06-03\"");
    }

    proptest! {
        /// Whatever the amount, it is written as money is written everywhere.
        #[test]
        fn amounts_are_written_with_their_digits(mantissa in any::<i64>(), scale in 0u32..28) {
            for mantissa in [i128::from(mantissa), i128::from(mantissa % 1000), i128::from(mantissa) * 1_000_000] {
                let money = Money::from(rust_decimal::Decimal::from_i128_with_scale(mantissa, scale));
                let mut out = Vec::new();
                write_decimal(money, &mut out);
                prop_assert_eq!(String::from_utf8(out).unwrap(), money.to_string());
            }
        }

        /// Whatever the text, a JSON reader gets it back.
        #[test]
        fn any_text_survives(text in any::<String>()) {
            let mut out = Vec::new();
            write_text(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        /// Codes are upper-cased like the keys of rows are.
        #[test]
        fn codes_are_upper_cased(code in "[a-zA-Z0-9ßéÖ\"\\\\]{0,12}") {
            let mut out = Vec::new();
            write_code(&code, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), crate::domain::text::upper(&code));
        }
    }
}
