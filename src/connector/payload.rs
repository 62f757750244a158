//! Records to request bodies, written by hand straight into a buffer.
//!
//! In: a record of the catalogue's entity. Out: one JSON object with its values in catalogue order, as the
//! target wants to see them: codes in upper case, ids in lower case, amounts as numbers with their digits,
//! absent values left out.

use std::io::Write;

use crate::catalogue::{Entity, Field, Kind, Writable};
use crate::domain::text::{is_plain as is_plain_text, upper_char};
use crate::domain::{Money, Record, Value};

/// Writes records of one entity as JSON objects.
#[derive(Debug)]
pub struct PayloadWriter {
    fields: Vec<Prefix>,
    keeps_codes: bool,
}

/// What stands before a value: a comma, the name, a colon, and the quote that opens a text.
#[derive(Debug)]
struct Prefix {
    field: usize,
    is_id: bool,
    /// Padded, because a copy of fixed length is much faster than one of the name's length.
    bytes: [u8; PREFIX_BYTES],
    length: usize,
}

const PREFIX_BYTES: usize = 32;

impl PayloadWriter {
    /// A writer of all fields of the entity that do not belong to the server.
    ///
    /// # Panics
    /// When a name of the catalogue is longer than 27 bytes.
    #[must_use]
    pub fn new(entity: &Entity) -> Self {
        let written = entity.fields.iter().enumerate().filter(|(_, field)| field.writable != Writable::No);
        let prefix = |(index, field): (usize, &Field)| {
            let text = format!(",\"{}\":\"", field.name);
            let mut bytes = [0; PREFIX_BYTES];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            Prefix { field: index, is_id: field.kind == Kind::Guid, bytes, length: text.len() }
        };
        Self { fields: written.map(prefix).collect(), keeps_codes: false }
    }

    /// The same writer, leaving codes that stand where ids belong as they are: for records that are compared and not
    /// sent.
    #[must_use]
    pub fn keeping_codes(self) -> Self {
        Self { keeps_codes: true, ..self }
    }

    /// Appends the JSON object that creates this record.
    ///
    /// A value to be cleared is null; [`blanks`](super::blanks) says what is sent for it.
    /// A code that could not be turned into an id, because the target's tables were not at hand, is left out.
    /// Texts known to be [plain](crate::domain::text::is_plain) are not searched for what needs escaping.
    pub fn write(&self, record: &Record<'_>, is_plain: bool, out: &mut Vec<u8>) {
        let start = out.len();
        for prefix in &self.fields {
            let value = &record.values()[prefix.field];
            let is_code_for_id = prefix.is_id && matches!(value, Value::Code(_));
            if value.is_absent() || is_code_for_id && !self.keeps_codes {
                continue;
            }
            let name = out.len();
            out.extend_from_slice(&prefix.bytes);
            match value {
                Value::Text(text) => {
                    out.truncate(name + prefix.length);
                    write_rest(text, is_plain, out);
                }
                Value::Code(code) => {
                    out.truncate(name + prefix.length);
                    write_code(code, is_plain, out);
                }
                Value::Guid(id) => {
                    out.truncate(name + prefix.length);
                    write_id(id, out);
                }
                Value::Member(wire) => {
                    out.truncate(name + prefix.length);
                    write_rest(wire, true, out);
                }
                bare => {
                    out.truncate(name + prefix.length - 1);
                    write_bare(*bare, out);
                }
            }
        }
        match out.get_mut(start) {
            Some(comma) => *comma = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
    }
}

/// The text of an id in lower case and its closing quote.
fn write_id(id: &str, out: &mut Vec<u8>) {
    match <&[u8; 36]>::try_from(id.as_bytes()) {
        Ok(id) => out.extend_from_slice(&id.map(|byte| byte.to_ascii_lowercase())),
        Err(_) => out.extend_from_slice(id.to_ascii_lowercase().as_bytes()),
    }
    out.push(b'"');
}

/// A value that is no text.
fn write_bare(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Decimal(money) => write_decimal(money, out),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Date(date) => write!(out, "\"{date}\"").expect("a vector takes every byte"),
        Value::Integer(number) => write!(out, "{number}").expect("a vector takes every byte"),
        Value::Absent
        | Value::Cleared
        | Value::Text(_)
        | Value::Code(_)
        | Value::Guid(_)
        | Value::Member(_) => {
            out.extend_from_slice(b"null");
        }
    }
}

/// The text of a code in upper case and its closing quote.
fn write_code(code: &str, is_plain: bool, out: &mut Vec<u8>) {
    let is_plain = is_plain || is_plain_text(code.as_bytes());
    if is_plain && code.len() <= SHORT_CODE {
        let mut short = [0; SHORT_CODE];
        short[..code.len()].copy_from_slice(code.as_bytes());
        if short.is_ascii() {
            out.extend_from_slice(&short.map(|byte| byte.to_ascii_uppercase()));
            out.truncate(out.len() - SHORT_CODE + code.len());
            out.push(b'"');
            return;
        }
    }
    let upper: String = code.chars().map(upper_char).collect();
    write_rest(&upper, is_plain, out);
}

/// Codes of up to so many bytes are upper-cased all bytes at once; most are.
const SHORT_CODE: usize = 32;

/// A text and its closing quote.
fn write_rest(text: &str, is_plain: bool, out: &mut Vec<u8>) {
    if is_plain || is_plain_text(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            write_byte(byte, out);
        }
    }
    out.push(b'"');
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
        PayloadWriter::new(&CUSTOMERS).write(&record, false, &mut out);
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
        write_bare(Value::Date(jiff::civil::date(2025, 6, 3)), &mut out);
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
            let mut out = b"\"".to_vec();
            write_rest(&text, false, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        /// Codes are upper-cased like the keys of rows are.
        #[test]
        fn codes_are_upper_cased(code in "[a-zA-Z0-9ßéÖ\"\\\\]{0,12}") {
            let mut out = b"\"".to_vec();
            write_code(&code, false, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), crate::domain::text::upper(&code));
        }
    }
}
