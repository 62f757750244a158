//! Text to value: what a cell may look like for each kind of field.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::catalogue::{Field, Kind, Member, ReferenceBy};
use crate::domain::reference::{References, is_guid};
use crate::domain::text::is_same_folded;
use crate::domain::{Money, Record, Rule, Value};

/// Why a cell has no value: the rule, and what would be allowed.
pub(super) type Unreadable = (Rule, String);

/// How the cells of one column are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) field: &'static Field,
    /// Whether an id may be given by the code of the record it belongs to.
    pub(super) takes_codes: bool,
    pub(super) references: Option<&'a References>,
    /// The field that takes the number of a record whose id may be given by name.
    pub(super) number_field: Option<usize>,
}

impl<'a> Reading<'a> {
    /// Sets the value of a cell, trimmed and not blank, as field `index` of the record.
    ///
    /// Every arm sets its own value: handing values on first costs as much as reading them.
    #[inline]
    pub(super) fn read(
        &self,
        text: &'a str,
        index: usize,
        record: &mut Record<'a>,
    ) -> Result<(), Unreadable> {
        if text.as_bytes()[0] == b'#' && is_formula_error(text) {
            return Err((Rule::FormulaError, String::new()));
        }
        let text = without_defusing(text);
        match self.field.kind {
            Kind::CutText if self.field.reference.is_some() => record.set(index, Value::Code(text)),
            Kind::Text | Kind::Email | Kind::Phone | Kind::CutText => record.set(index, Value::Text(text)),
            Kind::Code => record.set(index, Value::Code(self.code_meant(text)?)),
            Kind::Decimal(scale) => record.set(index, Value::Decimal(parse_decimal(text, scale)?)),
            Kind::Integer => record.set(index, Value::Integer(parse_integer(text)?)),
            Kind::Boolean => record.set(index, Value::Boolean(parse_boolean(text)?)),
            Kind::Date | Kind::DateTime => record.set(index, Value::Date(parse_date(text)?)),
            Kind::Enum(members) => record.set(index, Value::Member(parse_member(text, members)?)),
            Kind::Guid => match (self.parse_id(text)?, self.number_field) {
                (Value::Code(number), Some(field)) if self.references.is_some() => {
                    record.set(field, Value::Code(number));
                }
                (value, _) => record.set(index, value),
            },
        }
        Ok(())
    }

    /// The code of a table that a cell means: the code itself, or the name of the one record that carries it.
    #[inline]
    fn code_meant(&self, text: &'a str) -> Result<&'a str, Unreadable> {
        match (self.references, self.field.reference) {
            (Some(references), Some(reference)) if references.has_names(reference.set) => {
                code_or_name(references, reference.set, text)
            }
            _ => Ok(text),
        }
    }

    fn parse_id(&self, text: &'a str) -> Result<Value<'a>, Unreadable> {
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        if is_guid(bare) {
            return Ok(Value::Guid(bare));
        }
        let reference = self.field.reference.filter(|reference| reference.by == ReferenceBy::Id);
        let (true, Some(reference)) = (self.takes_codes, reference) else {
            return Err((Rule::NotAGuid, "8-4-4-4-12 hexadecimal digits".to_owned()));
        };
        match self.references {
            Some(references) if references.has_set(reference.set) => {
                match (references.id_of(reference.set, text), references.code_named(reference.set, text)) {
                    (Some(id), _) if !id.is_empty() => Ok(Value::Guid(id)),
                    (_, Some("")) => Err((Rule::Ambiguous, "a name that one record carries".to_owned())),
                    (_, Some(code)) => Ok(Value::Code(code)),
                    _ if self.number_field.is_some() => {
                        Err((Rule::CustomerUnknown, "a customer of the target".to_owned()))
                    }
                    _ => Err((Rule::ReferenceUnknown, suggest(references, reference.set, text))),
                }
            }
            _ => Ok(Value::Code(text)),
        }
    }
}

/// The code that a text names in a table of which the names are known, too.
fn code_or_name<'a>(references: &'a References, set: &str, text: &'a str) -> Result<&'a str, Unreadable> {
    if references.id_of(set, text).is_some() {
        return Ok(text);
    }
    match references.code_named(set, text) {
        Some("") => Err((Rule::ReferenceUnknown, format!("a code of {set}; several have this name"))),
        Some(code) => Ok(code),
        None => Err((Rule::ReferenceUnknown, suggest(references, set, text))),
    }
}

/// What to say is allowed when a table lacks a code.
fn suggest(references: &References, set: &str, code: &str) -> String {
    match references.nearest_code(set, code) {
        Some(nearest) => format!("a code of {set}, such as `{nearest}`"),
        None => format!("a code of {set}"),
    }
}

/// The text without the apostrophe that an export puts before what a spreadsheet would take for a formula, so
/// that an exported file comes back as what was exported.
#[inline]
fn without_defusing(text: &str) -> &str {
    match text.as_bytes() {
        [b'\'', b'=' | b'+' | b'-' | b'@', ..] => &text[1..],
        _ => text,
    }
}

/// The errors that spreadsheets show in place of a value.
fn is_formula_error(text: &str) -> bool {
    const ERRORS: [&str; 11] = [
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#DIV/0!",
        "#NAME?",
        "#NULL!",
        "#NUM!",
        "#SPILL!",
        "#CALC!",
        "#GETTING_DATA",
        "#DATA!",
    ];
    ERRORS.contains(&text)
}

/// The amount in a cell of a column that feeds no field, read as those of fields are; blank is none.
pub fn read_amount(cell: &str) -> Result<Option<Money>, Rule> {
    match without_defusing(cell.trim()) {
        "" => Ok(None),
        text => parse_decimal(text, AMOUNT_SCALE).map(Some).map_err(|(rule, _)| rule),
    }
}

/// Digits after the decimal point of an amount.
const AMOUNT_SCALE: u8 = 2;

/// Numbers of so many digits fit into 64 bits, whatever the digits.
const FAST_DIGITS: usize = 18;

/// The decimal number in a plain text of digits and at most one point.
fn parse_decimal(text: &str, scale: u8) -> Result<Money, Unreadable> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let fraction = digits.get(point + 1..).unwrap_or_default();
    let is_plain = digits[..point].iter().chain(fraction).all(u8::is_ascii_digit);
    if !is_plain || point + fraction.len() == 0 {
        return Err((Rule::NotANumber, "digits with a decimal point, such as 1234.50".to_owned()));
    }
    if digits.len() <= FAST_DIGITS {
        let all = digits[..point].iter().chain(fraction);
        let mantissa = all.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        let signed = if text.starts_with('-') { -mantissa } else { mantissa };
        let scale = u32::try_from(fraction.len()).expect("fewer digits than the whole text");
        return Ok(Money::from(Decimal::new(signed, scale)));
    }
    text.parse().map_err(|_| {
        if point > 28 {
            (Rule::NumberTooLarge, "15 digits before the decimal point".to_owned())
        } else {
            (Rule::TooManyDecimals, format!("{scale} digits after the decimal point"))
        }
    })
}

fn parse_integer(text: &str) -> Result<i64, Unreadable> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err((Rule::NotAWholeNumber, "digits only".to_owned()));
    }
    text.parse::<i32>()
        .map(i64::from)
        .map_err(|_| (Rule::NumberTooLarge, format!("{} to {}", i32::MIN, i32::MAX)))
}

fn parse_boolean(text: &str) -> Result<bool, Unreadable> {
    match text {
        "true" | "1" => return Ok(true),
        "false" | "0" => return Ok(false),
        _ => {}
    }
    if ["true", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        Ok(true)
    } else if ["false", "no"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        Ok(false)
    } else {
        Err((Rule::NotABoolean, "true, false, yes, no, 1, 0".to_owned()))
    }
}

/// A day as `2025-06-30`, also with the midnight that workbooks add to it.
fn parse_date(text: &str) -> Result<Date, Unreadable> {
    let refuse = || (Rule::NotADate, "a day of the calendar as YYYY-MM-DD".to_owned());
    let bytes = text.as_bytes();
    let day = bytes.get(..10).ok_or_else(refuse)?;
    let is_midnight = matches!(
        &bytes[10..],
        b"" | b"T00:00:00" | b" 00:00:00" | b"T00:00:00Z" | b"T00:00:00.000" | b"T00:00" | b" 00:00"
    );
    if day[4] != b'-' || day[7] != b'-' || !is_midnight {
        return Err(refuse());
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let (Some(year @ 1..), Some(month), Some(day)) =
        (number(&day[..4]), number(&day[5..7]), number(&day[8..]))
    else {
        return Err(refuse());
    };
    let small = |number: i16| i8::try_from(number).map_err(|_| refuse());
    Date::new(year, small(month)?, small(day)?).map_err(|_| refuse())
}

fn parse_member(text: &str, members: &'static [Member]) -> Result<&'static str, Unreadable> {
    if let Some(member) = members.iter().find(|member| member.wire == text) {
        return Ok(member.wire);
    }
    members
        .iter()
        .find(|member| {
            text.eq_ignore_ascii_case(member.wire)
                || member.captions.iter().any(|caption| is_same_folded(caption, text))
        })
        .map(|member| member.wire)
        .ok_or_else(|| (Rule::NotOneOf, allowed_members(members)))
}

/// The member that a cell of one space means, if the enumeration has a blank one.
pub(super) fn blank_member(field: &Field) -> Option<&'static str> {
    let Kind::Enum(members) = field.kind else { return None };
    members.iter().find(|member| member.captions.contains(&" ")).map(|member| member.wire)
}

fn allowed_members(members: &[Member]) -> String {
    let names: Vec<&str> = members
        .iter()
        .map(|member| if member.captions.contains(&" ") { "a single space" } else { member.wire })
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};

    fn read<'a>(reading: &Reading<'a>, text: &'a str) -> Result<Value<'a>, Unreadable> {
        let mut record = Record::new(1);
        reading.read(text, 0, &mut record).map(|()| record.value(0))
    }

    fn parse<'a>(field: &str, text: &'a str) -> Result<Value<'a>, Rule> {
        let field = CUSTOMERS.field(field).or_else(|| CUSTOMER_PAYMENTS.field(field)).unwrap();
        let reading = Reading { field, takes_codes: true, references: None, number_field: None };
        read(&reading, text).map_err(|(rule, _)| rule)
    }

    #[test]
    fn decimals_are_plain() {
        assert_eq!(parse("creditLimit", "-1234.50"), Ok(Value::Decimal("-1234.50".parse().unwrap())));
        for text in [
            "1,234.5.6",
            "12..50",
            "twelve",
            "1.2.3",
            "--15.00",
            "5O.00",
            "0x1F",
            "NaN",
            "1,234.50",
            "1E5",
            ".",
            "-",
            "1 000",
            "€5",
        ] {
            assert_eq!(parse("creditLimit", text), Err(Rule::NotANumber), "{text}");
        }
        assert_eq!(parse("creditLimit", &"9".repeat(40)), Err(Rule::NumberTooLarge));
        assert_eq!(parse("creditLimit", &format!("0.{}", "1".repeat(40))), Err(Rule::TooManyDecimals));
    }

    #[test]
    fn booleans_are_words_everybody_understands() {
        for text in ["true", "TRUE", "Yes", "1"] {
            assert_eq!(parse("taxLiable", text), Ok(Value::Boolean(true)), "{text}");
        }
        for text in ["2", "tru", "yess", "J/N", "maybe"] {
            assert_eq!(parse("taxLiable", text), Err(Rule::NotABoolean), "{text}");
        }
    }

    #[test]
    fn dates_are_days_that_exist() {
        assert_eq!(parse("postingDate", "2024-02-29"), Ok(Value::Date(jiff::civil::date(2024, 2, 29))));
        assert_eq!(parse("postingDate", "2024-02-29T00:00:00"), parse("postingDate", "2024-02-29"));
        for text in [
            "2025-02-30",
            "2025-13-01",
            "31/31/2025",
            "yesterday",
            "2025-6-",
            "0000-00-00",
            "2023-02-29",
            "20251340",
            "2024-02-29T12:00:00",
            "2025-1é-01",
        ] {
            assert_eq!(parse("postingDate", text), Err(Rule::NotADate), "{text}");
        }
    }

    #[test]
    fn members_are_known_by_wire_name_and_caption() {
        assert_eq!(parse("type", "company"), Ok(Value::Member("Company")));
        assert_eq!(parse("blocked", "none"), Ok(Value::Member("_x0020_")));
        assert_eq!(parse("blocked", "---"), Err(Rule::NotOneOf));
        for text in ["Organisation", "Compny", "Firm", "N/A", "3x"] {
            assert_eq!(parse("type", text), Err(Rule::NotOneOf), "{text}");
        }
    }

    #[test]
    fn an_id_is_a_guid_or_a_code_that_the_target_knows() {
        const ID: &str = "6F9619FF-8B86-D011-B42D-00CF4FC964FF";
        let field = CUSTOMERS.field("paymentTermsId").unwrap();
        let mut references = References::new();
        references.insert("paymentTerms", "30 DAYS", ID);
        let offline = Reading { field, takes_codes: true, references: None, number_field: None };
        let online = Reading { references: Some(&references), ..offline };
        let exact = Reading { takes_codes: false, ..online };
        let braced = format!("{{{ID}}}");
        assert_eq!(read(&exact, &braced), Ok(Value::Guid(ID)));
        assert_eq!(read(&exact, "30 days").unwrap_err().0, Rule::NotAGuid);
        assert_eq!(read(&online, "30 days"), Ok(Value::Guid(ID)));
        assert_eq!(
            read(&online, "30DAYS."),
            Err((Rule::ReferenceUnknown, "a code of paymentTerms, such as `30 DAYS`".to_owned()))
        );
        assert_eq!(read(&offline, "30 days"), Ok(Value::Code("30 days")));
    }

    #[test]
    fn the_error_of_a_formula_is_no_value() {
        assert_eq!(parse("displayName", "#N/A"), Err(Rule::FormulaError));
        assert_eq!(parse("displayName", "#1 Diner"), Ok(Value::Text("#1 Diner")));
    }

    proptest! {
        /// Every amount that fits is read with its digits.
        #[test]
        fn amounts_keep_their_digits(whole in 0u64..999_999_999_999_999, cents in 0u8..100, minus in any::<bool>()) {
            let text = format!("{}{whole}.{cents:02}", if minus { "-" } else { "" });
            let Ok(Value::Decimal(money)) = parse("creditLimit", &text) else { panic!("{text}") };
            prop_assert_eq!(money, text.parse().unwrap());
        }

        /// No text makes the parsers panic.
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{1,20}") {
            for field in ["creditLimit", "taxLiable", "postingDate", "type", "paymentTermsId", "lineNumber"] {
                let _ = parse(field, &text);
            }
        }

        /// A day is read as it was written.
        #[test]
        fn days_survive(year in 1i16..9999, month in 1i8..13, day in 1i8..29) {
            let date = jiff::civil::date(year, month, day);
            let text = date.to_string();
            prop_assert_eq!(parse("postingDate", &text), Ok(Value::Date(date)));
        }
    }
}
