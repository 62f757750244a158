//! A record of Bigcapital in neutral form.
//!
//! Names lose their underscores, `business` becomes `Company`, 1 and 0 become true and false, the instant of a server's
//! midnight becomes a day, the noise of binary numbers is rounded away, and money received turns negative.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::de::Error as _;

use crate::catalogue::bigcapital::{CUSTOMERS, PAYMENTS};
use crate::catalogue::{Entity, Field, Kind};
use crate::connector::fields::{Fields, decode};
use crate::domain::{EntityKind, Money};

/// The types of customers, as Bigcapital and the neutral form call them.
const TYPES: [(&str, &str); 2] = [("business", "Company"), ("individual", "Person")];

type Names = HashMap<String, &'static Field>;

static CUSTOMER_NAMES: LazyLock<Names> = LazyLock::new(|| names_of(&CUSTOMERS));
static PAYMENT_NAMES: LazyLock<Names> = LazyLock::new(|| names_of(&PAYMENTS));

fn names_of(entity: &'static Entity) -> Names {
    entity.fields.iter().map(|field| (name_in_answers(field.path()), field)).collect()
}

/// The name that a property of requests has in answers.
///
/// Source: answers are in `snake_case`, digits stay with their word: `billing_address1`.
pub(super) fn name_in_answers(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The record of this kind in neutral form.
///
/// # Errors
/// When it is no JSON object.
pub(super) fn neutral(kind: EntityKind, record: &str) -> serde_json::Result<String> {
    let fields = Fields::parse(record)?;
    let mut neutral = Neutral::new(&fields.text("id"));
    let names = match kind {
        EntityKind::Customers | EntityKind::Dimensions => &*CUSTOMER_NAMES,
        EntityKind::Payments => &*PAYMENT_NAMES,
    };
    for (name, raw) in fields.iter() {
        match (name, names.get(name)) {
            ("id", _) => {}
            // That there is nothing is known, too.
            (_, Some(field)) if raw == "null" => neutral.raw(field.name, raw),
            _ if raw == "null" => {}
            ("contact_type", _) => neutral.text("type", type_in_neutral(&decode(raw))),
            // A twin of `contact_type` that not every answer has.
            ("customer_type", _) => {}
            ("deposit_account", _) => neutral.account(raw)?,
            ("customer", _) => neutral.text("customerName", &Fields::parse(raw)?.text("display_name")),
            ("entries", _) => neutral.applied(raw)?,
            ("amount" | "local_amount", Some(field)) => neutral.raw(field.name, &negated(raw)?),
            (_, Some(field)) => neutral.raw(field.name, &value(field.kind, raw)?),
            _ => {}
        }
    }
    Ok(neutral.end())
}

/// A JSON object being written.
pub(super) struct Neutral(String);

impl Neutral {
    /// One that begins with the id, which is a text whatever it was.
    pub(super) fn new(id: &str) -> Self {
        let mut neutral = Self("{".to_owned());
        neutral.text("id", id);
        neutral
    }

    /// One without members.
    pub(super) fn empty() -> Self {
        Self("{".to_owned())
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        let raw = serde_json::Value::from(text).to_string();
        self.raw(name, &raw);
    }

    pub(super) fn raw(&mut self, name: &str, raw: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(raw);
    }

    /// The account on which money came in: its code, or its name where it has none.
    fn account(&mut self, account: &str) -> serde_json::Result<()> {
        let account = Fields::parse(account)?;
        let (code, name) = (account.text("code"), account.text("name"));
        self.text("depositAccountNumber", if code.trim().is_empty() { &name } else { &code });
        Ok(())
    }

    /// The invoice that a payment settles; of several each with its part, as a file names them.
    fn applied(&mut self, entries: &str) -> serde_json::Result<()> {
        let entries: Vec<&serde_json::value::RawValue> = serde_json::from_str(entries)?;
        let (mut ids, mut numbers, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        let mut applied = Money::ZERO;
        for entry in &entries {
            let entry = Fields::parse(entry.get())?;
            applied = applied + amount(entry.raw("payment_amount").unwrap_or("0"), 3)?;
            ids.push(entry.text("invoice_id").into_owned());
            parts.push(rounded(entry.raw("payment_amount").unwrap_or("0"), 3)?);
            if let Some(invoice) = entry.raw("invoice").filter(|raw| *raw != "null") {
                numbers.push(Fields::parse(invoice)?.text("invoice_no").into_owned());
            }
        }
        let has_numbers = numbers.len() == ids.len();
        match (ids.as_slice(), numbers.as_slice()) {
            ([id], numbers) if !id.is_empty() => {
                self.raw("appliesToInvoiceId", id);
                if let [number] = numbers {
                    self.text("appliesToInvoiceNumber", number);
                }
            }
            _ => {
                self.text("appliesToInvoiceId", &in_parts(&ids, &parts));
                if has_numbers {
                    self.text("appliesToInvoiceNumber", &in_parts(&numbers, &parts));
                }
            }
        }
        self.raw("appliedAmount", &negated(&applied.to_string())?);
        Ok(())
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Several invoices and what each of them takes: `INV-1=50; INV-2=20`.
fn in_parts(invoices: &[String], parts: &[String]) -> String {
    let pairs = invoices.iter().zip(parts).map(|(invoice, part)| format!("{invoice}={part}"));
    pairs.collect::<Vec<_>>().join("; ")
}

fn type_in_neutral(text: &str) -> &str {
    TYPES.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(text)).map_or(text, |(_, neutral)| neutral)
}

/// The type of a customer as Bigcapital has it.
pub(super) fn type_on_the_wire(text: &str) -> &str {
    TYPES.iter().find(|(_, neutral)| neutral.eq_ignore_ascii_case(text)).map_or(text, |(theirs, _)| theirs)
}

fn value(kind: Kind, raw: &str) -> serde_json::Result<Cow<'_, str>> {
    Ok(match kind {
        Kind::Boolean if raw == "1" => "true".into(),
        Kind::Boolean if raw == "0" => "false".into(),
        Kind::Decimal(scale) => rounded(raw, scale)?.into(),
        Kind::Date => day(&decode(raw)).map_or(Cow::Borrowed(raw), |day| format!("\"{day}\"").into()),
        _ => Cow::Borrowed(raw),
    })
}

/// The number as the database holds it.
///
/// Source: three decimals of money and nine of rates are kept; sums that were computed carry binary noise.
///
/// # Errors
/// When it is no number.
pub(super) fn rounded(raw: &str, scale: u8) -> serde_json::Result<String> {
    Ok(amount(raw, scale)?.decimal().normalize().to_string())
}

fn negated(raw: &str) -> serde_json::Result<String> {
    let money = amount(raw, 3)?;
    Ok(if money.is_zero() { "0".to_owned() } else { (-money).decimal().normalize().to_string() })
}

fn amount(raw: &str, scale: u8) -> serde_json::Result<Money> {
    let text = decode(raw);
    match Money::nearest(&text) {
        Ok(money) => Ok(money.round(scale.into())),
        Err(_) => Err(serde_json::Error::custom(format!("`{text}` is no amount"))),
    }
}

/// The day whose midnight, wherever the server is, an instant is.
///
/// Source: the instant of the server's local midnight is sent. People live from ten hours behind UTC to almost fourteen
/// ahead of it; eleven hours behind and thirteen ahead are the same instants, and most people are ahead.
fn day(text: &str) -> Option<Date> {
    let Ok(instant) = text.parse::<Timestamp>() else { return text.parse().ok() };
    let nearest = instant.checked_add(839.minutes()).ok()?;
    Some(nearest.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_found_from_the_midnight_of_any_server() {
        // Dubai, New York, London, Auckland in summer, the Chatham Islands, Honolulu.
        for text in [
            "2026-01-10T20:00:00.000Z",
            "2026-01-11T05:00:00.000Z",
            "2026-01-11T00:00:00.000Z",
            "2026-01-10T11:00:00.000Z",
            "2026-01-10T10:15:00.000Z",
            "2026-01-11T10:00:00.000Z",
            "2026-01-11",
        ] {
            assert_eq!(day(text).unwrap().to_string(), "2026-01-11", "{text}");
        }
        assert_eq!(day("soon"), None);
    }

    #[test]
    fn binary_noise_is_rounded_away_and_received_money_is_negative() {
        for (raw, number) in [
            ("238.16000000000003", "238.16"),
            ("\"100.005\"", "100.005"),
            ("1.4210854715202004e-14", "0"),
            ("-2.7755575615628914e-17", "0"),
            ("9.9e1", "99"),
        ] {
            assert_eq!(rounded(raw, 3).unwrap(), number, "{raw}");
        }
        for (raw, number) in
            [("50", "-50"), ("99.990", "-99.99"), ("0", "0"), ("1.5e-14", "0"), ("1e2", "-100")]
        {
            assert_eq!(negated(raw).unwrap(), number, "{raw}");
        }
        assert!(rounded("\"a lot\"", 3).unwrap_err().to_string().contains("`a lot` is no amount"));
    }

    #[test]
    fn a_payment_for_several_invoices_names_each_with_its_part() {
        let record = r#"{"id":1,"amount":5,"entries":[{"invoice_id":1,"payment_amount":3.000},{"invoice_id":2,"payment_amount":2}]}"#;
        assert_eq!(
            neutral(EntityKind::Payments, record).unwrap(),
            r#"{"id":"1","amount":-5,"appliesToInvoiceId":"1=3; 2=2","appliedAmount":-5}"#
        );
    }
}
