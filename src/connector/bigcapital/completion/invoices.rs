//! The invoices that payments settle: one, or several with the part of the amount that each of them takes.
//!
//! Promises: only invoices that rows name are kept; what rows have paid so far is no more due.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::violation;
use crate::connector::bigcapital::form::Neutral;
use crate::connector::completion::IsNamed;
use crate::connector::fields::Fields;
use crate::domain::text::upper;
use crate::domain::{Money, Rule, Violation};

/// The field that names the invoices.
pub(super) const FIELD: &str = "appliesToInvoiceNumber";

/// An invoice that payments may settle.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invoice {
    pub(super) id: String,
    #[serde(default)]
    pub(super) number: String,
    #[serde(default)]
    pub(super) customer_id: i64,
    #[serde(default)]
    pub(super) remaining_amount: Option<Money>,
    #[serde(default)]
    pub(super) is_delivered: bool,
}

/// One invoice that a payment settles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'i> {
    pub(super) invoice: &'i Invoice,
    /// What it takes of the payment; `None` when it takes all.
    pub(super) amount: Option<Money>,
}

/// The invoices that rows name, by number.
#[derive(Debug, Default)]
pub(in crate::connector::bigcapital) struct Invoices(HashMap<String, Invoice>);

impl Invoices {
    pub(super) fn add(&mut self, records: &[&RawValue], is_named: IsNamed<'_>) -> serde_json::Result<()> {
        for raw in records {
            let invoice: Invoice = serde_json::from_str(raw.get())?;
            if is_named(&invoice.number) {
                self.insert(invoice);
            }
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, invoice: Invoice) {
        self.0.insert(upper(invoice.number.trim()).into_owned(), invoice);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Invoice> {
        self.0.values()
    }

    fn find(&self, number: &str) -> Option<&Invoice> {
        self.0.get(upper(number.trim()).as_ref())
    }

    /// The invoices that a payload names, in its order: one by its number, several as `INV-1=50; INV-2=20`. None where
    /// it names none that there is.
    pub(super) fn parts(&self, sent: &Fields<'_>) -> Result<Vec<Part<'_>>, Violation> {
        let text = sent.text(FIELD);
        if let Some(invoice) = self.find(&text) {
            return Ok(vec![Part { invoice, amount: None }]);
        }
        let mut parts = Vec::new();
        for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
            let Some((number, amount)) = pair.rsplit_once('=') else { return Ok(Vec::new()) };
            let Some(invoice) = self.find(number) else { return Ok(Vec::new()) };
            let unreadable = |_| violation(Rule::NotANumber, FIELD, pair.trim(), "INVOICE=AMOUNT");
            let amount: Money = amount.trim().parse().map_err(unreadable)?;
            if amount.decimal().fract() != rust_decimal::Decimal::ZERO {
                return Err(violation(Rule::Cents, FIELD, pair.trim(), "a whole amount"));
            }
            parts.push(Part { invoice, amount: Some(amount) });
        }
        let all = parts.iter().filter_map(|part| part.amount).fold(Money::ZERO, |sum, part| sum + part);
        match sent.text("amount").parse::<Money>() {
            Ok(amount) if !parts.is_empty() && -amount != all => {
                let allowed = format!("parts that add up to the payment's {}", -amount);
                Err(violation(Rule::PaymentIncomplete, FIELD, text, allowed))
            }
            _ => Ok(parts),
        }
    }

    /// Takes these parts from what is due.
    ///
    /// Source: an entry may not be more than what is due, and only a delivered invoice takes one.
    pub(super) fn pay(&mut self, taken: Vec<(String, Money)>) -> Result<(), Violation> {
        taken.iter().try_for_each(|(number, part)| self.takes(number, *part))?;
        for (number, part) in taken {
            let invoice = self.0.get_mut(upper(number.trim()).as_ref());
            if let Some(due) = invoice.and_then(|invoice| invoice.remaining_amount.as_mut()) {
                *due = *due - part;
            }
        }
        Ok(())
    }

    fn takes(&self, number: &str, part: Money) -> Result<(), Violation> {
        let Some(invoice) = self.find(number) else { return Ok(()) };
        let Some(due) = invoice.remaining_amount else { return Ok(()) };
        if !invoice.is_delivered {
            return Err(violation(Rule::InvoiceClosed, FIELD, number, "a delivered invoice"));
        }
        if part <= due {
            return Ok(());
        }
        let allowed = format!("{due} at most, which is what is due on {number}");
        Err(violation(Rule::InvoiceClosed, "amount", part.to_string(), allowed))
    }
}

/// Writes which invoices they are, by number and by id, as the target's own records are read.
pub(super) fn name(parts: &[Part<'_>], sent: &Fields<'_>, object: &mut Neutral) {
    match parts {
        [] => {
            if let Some(raw) = sent.raw(FIELD) {
                object.raw(FIELD, raw);
            }
        }
        [Part { invoice, .. }] => {
            object.text(FIELD, &invoice.number);
            object.raw("appliesToInvoiceId", &invoice.id);
        }
        several => {
            let list = |name: fn(&Invoice) -> &str| {
                let pairs = several.iter().filter_map(|part| {
                    let amount = part.amount?.decimal().normalize();
                    Some(format!("{}={amount}", name(part.invoice)))
                });
                pairs.collect::<Vec<_>>().join("; ")
            };
            object.text(FIELD, &list(|invoice| &invoice.number));
            object.text("appliesToInvoiceId", &list(|invoice| &invoice.id));
        }
    }
}
