//! Rules about one field: what its catalogue entry and the reference tables demand of its value.
//!
//! Each rule is a function; which rules a kind of field has to pass stands in a table.

use std::sync::LazyLock;

use super::email::is_email_list;
use super::record::{RecordRule, Sign, record_rules};
use crate::catalogue::{Entity, Field, Kind, ReferenceBy, Refuses};
use crate::domain::reference::NIL_GUID;
use crate::domain::text::upper;
use crate::domain::{Broken, EntityKind, Record, References, Rule, Value};

/// A broken rule and what would be allowed; the rule's function does not know its field's index.
type Verdict = Option<(Rule, String)>;
type FieldRule = fn(&Field, &Value<'_>, Option<&References>) -> Verdict;

/// What a field's text has to be, and which further rules its value has to pass.
#[derive(Debug)]
struct FieldRules {
    field: usize,
    /// Longest text, in UTF-16 code units; `usize::MAX` when there is no limit.
    limit: usize,
    too_long: Rule,
    shape: Option<FieldRule>,
    rules: &'static [FieldRule],
}

/// The rule about control characters that a kind of text has to pass.
fn shape_of(kind: Kind) -> Option<FieldRule> {
    match kind {
        Kind::Text | Kind::Email => Some(holds_no_control),
        Kind::Code | Kind::CutText | Kind::Phone => Some(is_one_line),
        Kind::Guid
        | Kind::Decimal(_)
        | Kind::Integer
        | Kind::Boolean
        | Kind::Date
        | Kind::DateTime
        | Kind::Enum(_) => None,
    }
}

/// The rules that a value of a kind has to pass, besides its length and shape.
fn rules_of(field: &Field) -> &'static [FieldRule] {
    let by = field.reference.map(|reference| (reference.set, reference.by));
    if let Some(refuses) = field.refuses {
        return match (refuses, field.kind, by) {
            (Refuses::FourBytes, Kind::Email, _) => &[is_narrow, is_email],
            (Refuses::FourBytes, _, Some((_, ReferenceBy::Code))) => &[is_narrow, code_exists],
            (Refuses::FourBytes, ..) => &[is_narrow],
            (Refuses::Numerals, ..) => &[is_narrow, is_no_numeral],
            (Refuses::DigitsOver(_), ..) => &[has_few_digits, fits, is_not_rounded],
            (Refuses::Cents, ..) => &[has_few_digits, fits, has_no_cents],
        };
    }
    match (field.kind, by) {
        (Kind::Code | Kind::CutText, Some(("currencies", ReferenceBy::Code))) => &[currency_exists],
        (Kind::Code | Kind::CutText, Some((_, ReferenceBy::Code))) => &[code_exists],
        (Kind::Guid, Some((_, ReferenceBy::Id))) => &[id_exists],
        (Kind::Email, _) => &[is_email],
        (Kind::Phone, _) => &[has_no_letters],
        (Kind::Decimal(_), _) => &[has_few_digits, is_not_rounded],
        _ => &[],
    }
}

impl FieldRules {
    fn of(index: usize, field: &Field, references: Option<&References>) -> Self {
        let limit = match field.max_length {
            0 => usize::MAX,
            limit => limit.into(),
        };
        let is_judged = |set| references.is_some_and(|references| references.has_set(set));
        let rules = match field.reference {
            Some(reference) if reference.set != "currencies" && !is_judged(reference.set) => &[],
            _ => rules_of(field),
        };
        let too_long = if field.kind == Kind::CutText { Rule::WouldBeCut } else { Rule::TooLong };
        Self { field: index, limit, too_long, shape: shape_of(field.kind), rules }
    }

    fn can_break(&self) -> bool {
        self.limit < usize::MAX || self.shape.is_some() || !self.rules.is_empty()
    }

    /// The first rule that the value breaks.
    ///
    /// Source: lengths in AL count UTF-16 code units, of which a text never has more than bytes.
    #[inline]
    fn check(
        &self,
        field: &Field,
        value: &Value<'_>,
        is_plain: bool,
        references: Option<&References>,
    ) -> Verdict {
        if let Value::Text(text) | Value::Code(text) = value
            && text.len() > self.limit
            && text.encode_utf16().count() > self.limit
        {
            let units = text.encode_utf16().count();
            return Some((self.too_long, format!("{} characters, this has {units}", self.limit)));
        }
        let shape = if is_plain { None } else { self.shape };
        shape.iter().chain(self.rules).find_map(|rule| rule(field, value, references))
    }
}

/// Every rule the records of one file have to pass.
#[derive(Debug)]
pub struct Rules<'r> {
    entity: &'static Entity,
    fields: Vec<FieldRules>,
    required: Vec<usize>,
    across_fields: Vec<RecordRule>,
    references: Option<&'r References>,
}

impl<'r> Rules<'r> {
    /// The rules for an entity of which `fields` are fed. Without `references` nothing is judged by the target's
    /// tables.
    #[must_use]
    pub fn new(
        kind: EntityKind,
        entity: &'static Entity,
        fields: impl IntoIterator<Item = usize>,
        references: Option<&'r References>,
    ) -> Self {
        let fields = fields.into_iter().map(|index| FieldRules::of(index, &entity.fields[index], references));
        let fields = fields.filter(FieldRules::can_break).collect();
        let required = (0..entity.fields.len()).filter(|index| entity.fields[*index].required).collect();
        let across_fields = record_rules(kind, entity, Sign::default());
        Self { entity, fields, required, across_fields, references }
    }

    /// The same rules for payments whose amounts carry this sign.
    #[must_use]
    pub fn with_sign(mut self, kind: EntityKind, sign: Sign) -> Self {
        self.across_fields = record_rules(kind, self.entity, sign);
        self
    }

    /// The same rules for rows that only change what exists: a field that keeps its value may be blank.
    #[must_use]
    pub fn for_changes_only(mut self) -> Self {
        self.required.clear();
        self.across_fields.iter_mut().for_each(RecordRule::for_changes_only);
        self
    }

    /// Adds the rules that a record breaks. Fields that are `broken` already are not reported as missing.
    ///
    /// Control characters are looked for unless the texts are known to be plain, see
    /// [`is_plain`](crate::domain::text::is_plain).
    #[inline]
    pub fn check(&self, record: &Record<'_>, is_plain: bool, broken: &mut Vec<Broken>) {
        for rules in &self.fields {
            let value = &record.values()[rules.field];
            if value.is_blank() {
                continue;
            }
            let field = &self.entity.fields[rules.field];
            if let Some((rule, allowed)) = rules.check(field, value, is_plain, self.references) {
                broken.push(Broken::new(rules.field, rule, allowed));
            }
        }
        for index in &self.required {
            if record.value(*index).is_absent() && !broken.iter().any(|broken| broken.field == *index) {
                broken.push(Broken::new(*index, Rule::Missing, "a value"));
            }
        }
        for rule in &self.across_fields {
            broken.extend(rule.check(record, self.references, broken));
        }
    }
}

fn text_of<'a>(value: &Value<'a>) -> &'a str {
    match value {
        Value::Text(text) | Value::Code(text) | Value::Guid(text) => text,
        _ => "",
    }
}

/// Line breaks and tabs are kept by the server, and files have them in addresses and comments.
fn holds_no_control(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let is_refused = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
    let has_one = text_of(value).bytes().any(is_refused);
    has_one.then(|| (Rule::ControlCharacter, "letters, digits, signs, line breaks and tabs".to_owned()))
}

fn is_one_line(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let has_one = text_of(value).bytes().any(|byte| byte.is_ascii_control());
    has_one.then(|| (Rule::ControlCharacter, "letters, digits and signs on one line".to_owned()))
}

fn is_email(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    (!is_email_list(text_of(value)))
        .then(|| (Rule::NotAnEmail, "name@host.example, several parted by `;`".to_owned()))
}

fn has_no_letters(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let text = text_of(value);
    let has_letters = if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_alphabetic())
    } else {
        text.chars().any(char::is_alphabetic)
    };
    has_letters.then(|| (Rule::PhoneHasLetters, "digits, spaces and signs".to_owned()))
}

/// Source: an AL decimal holds up to 15 digits before the point when it is shown and posted.
fn has_few_digits(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    const LIMIT: u128 = 1_000_000_000_000_000;
    let Value::Decimal(money) = value else { return None };
    let decimal = money.decimal();
    let mantissa = decimal.mantissa().unsigned_abs();
    let is_large = mantissa >= LIMIT && mantissa / 10u128.pow(decimal.scale()) >= LIMIT;
    is_large.then(|| (Rule::NumberTooLarge, "15 digits before the decimal point".to_owned()))
}

/// Source: the columns of the database hold characters of up to three bytes.
fn is_narrow(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let wide = text_of(value).chars().find(|letter| letter.len_utf8() > 3);
    wide.map(|letter| (Rule::FourBytes, format!("anything but characters such as `{letter}`")))
}

/// Source: what reads as a number, in any notation of the server's language, becomes one and is refused.
fn is_no_numeral(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let text = text_of(value).trim();
    let is_based = ["0x", "0o", "0b"].iter().any(|base| {
        let digits = text.get(..2).filter(|start| start.eq_ignore_ascii_case(base)).map(|_| &text[2..]);
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    let is_number = text.parse::<f64>().is_ok_and(|_| text.bytes().any(|byte| byte.is_ascii_digit()))
        || text.trim_start_matches(['+', '-']) == "Infinity";
    (is_based || is_number).then(|| (Rule::OnlyDigits, format!("a letter in front, such as `P{text}`")))
}

/// Source: an amount is a `decimal(13,3)`, a rate a `decimal(13,9)`.
fn fits(field: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let Value::Decimal(money) = value else { return None };
    let most = match field.refuses {
        Some(Refuses::DigitsOver(most)) => most,
        _ => 10,
    };
    let is_large = money.decimal().trunc().mantissa().unsigned_abs() >= 10u128.pow(most.into());
    is_large.then(|| (Rule::NumberTooLarge, format!("{most} digits before the decimal point")))
}

/// Source: the amount of a payment's entry is a whole number, although the database keeps three decimals.
fn has_no_cents(_: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let Value::Decimal(money) = value else { return None };
    (money.scale() > 0).then(|| (Rule::Cents, "a whole number".to_owned()))
}

fn is_not_rounded(field: &Field, value: &Value<'_>, _: Option<&References>) -> Verdict {
    let (Value::Decimal(money), Kind::Decimal(scale)) = (*value, field.kind) else { return None };
    let is_rounded = money.decimal().scale() > u32::from(scale) && money.scale() > u32::from(scale);
    is_rounded.then(|| (Rule::TooManyDecimals, format!("{scale} digits after the decimal point")))
}

/// With the target's tables: one of its currencies or its own. Without: a currency of ISO 4217.
fn currency_exists(field: &Field, value: &Value<'_>, references: Option<&References>) -> Verdict {
    let code = text_of(value);
    match references.filter(|references| references.has_set("currencies")) {
        None => (!is_iso_currency(code))
            .then(|| (Rule::CurrencyUnknown, "a currency of ISO 4217, such as EUR".to_owned())),
        Some(references) if references.local_currency().is_some_and(|local| upper(code) == local) => None,
        Some(_) => code_exists(field, value, references).map(|(_, allowed)| (Rule::CurrencyUnknown, allowed)),
    }
}

fn code_exists(field: &Field, value: &Value<'_>, references: Option<&References>) -> Verdict {
    let (references, set) = (references?, field.reference?.set);
    let code = text_of(value);
    let is_known = |code: &str| references.id_of(set, code).is_some();
    // Several of them, each with its part of the amount: `INV-1=50; INV-2=20`.
    let is_known_part = |part: &str| part.rsplit_once('=').is_some_and(|(code, _)| is_known(code));
    let is_list = field.kind == Kind::Text && code.contains('=') && code.split(';').all(is_known_part);
    if !references.has_set(set) || is_known(code) || is_list {
        return None;
    }
    let allowed = match references.nearest_code(set, code) {
        Some(nearest) => format!("a code of {set}, such as `{nearest}`"),
        None => format!("a code of {set}"),
    };
    Some((unknown(set), allowed))
}

/// Source: the nil GUID means "none".
fn id_exists(field: &Field, value: &Value<'_>, references: Option<&References>) -> Verdict {
    let (references, set) = (references?, field.reference?.set);
    let Value::Guid(id) = value else { return None };
    let is_judged = references.has_set(set) && *id != NIL_GUID;
    (is_judged && !references.has_id(set, id)).then(|| (unknown(set), format!("an id of {set}")))
}

fn unknown(set: &str) -> Rule {
    if set == "customers" { Rule::CustomerUnknown } else { Rule::ReferenceUnknown }
}

/// Whether ISO 4217 has this code, in any case.
fn is_iso_currency(code: &str) -> bool {
    const LETTERS: usize = 26;
    static KNOWN: LazyLock<Vec<bool>> = LazyLock::new(|| {
        let code = |index: usize| {
            let letter = |place: usize| char::from(b'A' + u8::try_from(index / place % LETTERS).unwrap_or(0));
            String::from_iter([letter(LETTERS * LETTERS), letter(LETTERS), letter(1)])
        };
        (0..LETTERS.pow(3)).map(|index| iso_currency::Currency::from_code(&code(index)).is_some()).collect()
    });
    let Ok(letters) = <[u8; 3]>::try_from(code.as_bytes()) else { return false };
    letters.iter().all(u8::is_ascii_alphabetic)
        && KNOWN[letters
            .iter()
            .fold(0, |index, letter| index * LETTERS + usize::from(letter.to_ascii_uppercase() - b'A'))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::bigcapital;
    use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};

    const ID: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";

    /// The rules broken by a customer called A with one more value.
    fn check(field: &str, value: Value<'_>, references: Option<&References>) -> Vec<Rule> {
        let rules = Rules::new(EntityKind::Customers, &CUSTOMERS, 0..CUSTOMERS.fields.len(), references);
        let (mut record, mut broken) = (Record::new(CUSTOMERS.fields.len()), Vec::new());
        record.set(CUSTOMERS.index_of("displayName").unwrap(), Value::Text("A"));
        record.set(CUSTOMERS.index_of(field).unwrap(), value);
        rules.check(&record, false, &mut broken);
        broken.into_iter().map(|broken| broken.rule).collect()
    }

    fn text(field: &str, text: &str) -> Vec<Rule> {
        check(field, Value::Text(text), None)
    }

    #[test]
    fn lengths_count_utf16_units() {
        assert_eq!(text("city", &"é".repeat(30)), []);
        assert_eq!(text("city", &"é".repeat(31)), [Rule::TooLong]);
        assert_eq!(text("city", &"𝄞".repeat(15)), []);
        assert_eq!(text("city", &"𝄞".repeat(16)), [Rule::TooLong]);
        assert_eq!(check("currencyCode", Value::Code("EUROEUROEURO"), None), [Rule::WouldBeCut]);
    }

    #[test]
    fn line_breaks_are_text_and_other_controls_are_not() {
        assert_eq!(text("addressLine2", "Dock\nGate\t4"), []);
        assert_eq!(text("addressLine2", "Dock\u{1}"), [Rule::ControlCharacter]);
        assert_eq!(check("number", Value::Code("C\n1"), None), [Rule::ControlCharacter]);
    }

    #[test]
    fn a_phone_number_has_no_letters_of_any_script() {
        assert_eq!(text("phoneNumber", "+41 (0)44 / 123-45"), []);
        assert_eq!(text("phoneNumber", "123 x 4"), [Rule::PhoneHasLetters]);
        assert_eq!(text("phoneNumber", "123 доб"), [Rule::PhoneHasLetters]);
    }

    #[test]
    fn decimals_hold_fifteen_digits_and_five_places() {
        let check = |text: &str| check("creditLimit", Value::Decimal(text.parse().unwrap()), None);
        assert_eq!(check("999999999999999.99999"), []);
        assert_eq!(check("1000000000000000"), [Rule::NumberTooLarge]);
        assert_eq!(check("1.123456"), [Rule::TooManyDecimals]);
        assert_eq!(check("1.1234500"), []);
    }

    /// The fields and rules that one value of a Bigcapital record breaks, of those about that field.
    fn check_big(kind: EntityKind, field: &str, value: Value<'_>) -> Vec<Rule> {
        let entity = bigcapital::DIALECT.entity(kind);
        let rules = Rules::new(kind, entity, 0..entity.fields.len(), None);
        let (mut record, mut broken) = (Record::new(entity.fields.len()), Vec::new());
        let index = entity.index_of(field).unwrap();
        record.set(index, value);
        rules.check(&record, false, &mut broken);
        broken.into_iter().filter(|broken| broken.field == index).map(|broken| broken.rule).collect()
    }

    #[test]
    fn texts_for_bigcapital_have_255_characters_of_three_bytes() {
        let check = |field, text: &str| check_big(EntityKind::Customers, field, Value::Text(text));
        for field in ["displayName", "city", "billingPhoneNumber", "website"] {
            assert_eq!(check(field, &"鐵".repeat(255)), [], "{field}");
            assert_eq!(check(field, &"x".repeat(256)), [Rule::TooLong], "{field}");
            assert_eq!(check(field, "Ann 😀"), [Rule::FourBytes], "{field}");
        }
        assert_eq!(check("note", &"鐵".repeat(21_845)), []);
        assert_eq!(check("note", &"x".repeat(21_846)), [Rule::TooLong]);
        assert_eq!(check("email", "a😀@b.example"), [Rule::FourBytes]);
        assert_eq!(
            check_big(EntityKind::Customers, "currencyCode", Value::Code("EURO")),
            [Rule::TooLong],
            "a longer code is a bare 500"
        );
    }

    #[test]
    fn a_payment_number_for_bigcapital_reads_as_no_number() {
        let check = |text| check_big(EntityKind::Payments, "documentNumber", Value::Text(text));
        for text in ["10045", "1e5", "-7", "+1.5", ".5", "5.", "0x1F", "0b1", "Infinity", " 12 "] {
            assert_eq!(check(text), [Rule::OnlyDigits], "{text}");
        }
        for text in ["P10045", "10-045", "1e", "0x", "0xG", "1,5", "infinite", "RE 5"] {
            assert_eq!(check(text), [], "{text}");
        }
        assert_eq!(check("P 😀"), [Rule::FourBytes]);
    }

    #[test]
    fn a_payment_for_bigcapital_has_no_cents_and_an_opening_balance_three() {
        let money = |text: &str| Value::Decimal(text.parse().unwrap());
        let amount = |text| check_big(EntityKind::Payments, "amount", money(text));
        assert_eq!(amount("57.50"), [Rule::Cents]);
        assert_eq!(amount("57.00"), []);
        assert_eq!(amount("9999999999"), []);
        assert_eq!(amount("10000000000"), [Rule::NumberTooLarge]);
        let opening = |text| check_big(EntityKind::Customers, "openingBalance", money(text));
        assert_eq!(opening("-57.505"), []);
        assert_eq!(opening("57.5055"), [Rule::TooManyDecimals]);
        assert_eq!(opening("10000000000"), [Rule::NumberTooLarge]);
    }

    #[test]
    fn a_name_is_required_of_a_new_record_only() {
        let rules = Rules::new(EntityKind::Customers, &CUSTOMERS, 0..5, None);
        let (record, mut broken) = (Record::new(CUSTOMERS.fields.len()), Vec::new());
        rules.check(&record, false, &mut broken);
        assert_eq!(broken[0].rule, Rule::Missing);
        broken.clear();
        rules.for_changes_only().check(&record, false, &mut broken);
        assert_eq!(broken, []);
    }

    #[test]
    fn offline_a_currency_is_one_of_iso_4217() {
        for code in ["USD", "eur", "JPY"] {
            assert_eq!(check("currencyCode", Value::Code(code), None), [], "{code}");
        }
        for code in ["XQZ", "ZZZ", "QQQ", "EUX", "U$D", "EURO", "É"] {
            assert_eq!(check("currencyCode", Value::Code(code), None), [Rule::CurrencyUnknown], "{code}");
        }
    }

    #[test]
    fn with_the_target_a_currency_is_one_of_its_own() {
        let mut references = References::new();
        references.insert("currencies", "EUR", ID);
        references.set_local_currency("USD");
        let check = |code| check("currencyCode", Value::Code(code), Some(&references));
        assert_eq!((check("eur"), check("usd"), check("GBP")), (vec![], vec![], vec![Rule::CurrencyUnknown]));
    }

    #[test]
    fn references_are_judged_by_the_tables_that_were_read() {
        let mut references = References::new();
        references.insert("countriesRegions", "DE", ID);
        references.add_set("paymentTerms");
        let check = |field, value| check(field, value, Some(&references));
        assert_eq!(check("country", Value::Code("de")), []);
        assert_eq!(check("country", Value::Code("XX")), [Rule::ReferenceUnknown]);
        assert_eq!(check("salespersonCode", Value::Code("JO")), []);
        assert_eq!(check("paymentTermsId", Value::Guid(ID)), [Rule::ReferenceUnknown]);
        assert_eq!(check("paymentTermsId", Value::Guid(NIL_GUID)), []);
    }

    #[test]
    fn a_payment_is_for_a_customer_that_exists() {
        let mut references = References::new();
        references.insert("customers", "C1", ID);
        let rules = Rules::new(
            EntityKind::Payments,
            &CUSTOMER_PAYMENTS,
            0..CUSTOMER_PAYMENTS.fields.len(),
            Some(&references),
        );
        let field = CUSTOMER_PAYMENTS.index_of("customerNumber").unwrap();
        let mut record = Record::new(CUSTOMER_PAYMENTS.fields.len());
        let mut check = |number| {
            let mut broken = Vec::new();
            record.set(field, Value::Code(number));
            rules.check(&record, false, &mut broken);
            broken.iter().any(|broken| broken.rule == Rule::CustomerUnknown)
        };
        assert!(!check("c1"));
        assert!(check("X55153479"));
    }
}
