//! Which invoices a payment settles: one, or several with the part of the amount that each of them takes.
//!
//! In: a row's payload and the target's invoices. Out: the invoices, or why they cannot be said.

use super::completion::{Invoice, Object, conflict};
use crate::connector::fields::Fields;
use crate::domain::{Money, Rule};
use crate::plan::Decision;

/// The field that names the invoices.
const INVOICES: &str = "appliesToInvoiceNumber";

/// One invoice that a payment settles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'i> {
    pub(super) invoice: &'i Invoice,
    /// What it takes of the payment; `None` when it takes all.
    pub(super) amount: Option<Money>,
}

/// The invoices that a payload names, in its order: one by its number, several as `INV-1=50; INV-2=20`. None where it
/// names none that there is.
pub(super) fn parts<'i>(
    sent: &Fields<'_>,
    find: impl Fn(&str) -> Option<&'i Invoice>,
) -> Result<Vec<Part<'i>>, Box<Decision>> {
    let text = sent.text(INVOICES);
    if let Some(invoice) = find(&text) {
        return Ok(vec![Part { invoice, amount: None }]);
    }
    let mut parts = Vec::new();
    for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
        let Some((number, amount)) = pair.rsplit_once('=') else { return Ok(Vec::new()) };
        let Some(invoice) = find(number) else { return Ok(Vec::new()) };
        let unreadable = |_| conflict(Rule::NotANumber, INVOICES, pair.trim().to_owned(), "INVOICE=AMOUNT");
        let amount: Money = amount.trim().parse().map_err(unreadable)?;
        if amount.decimal().fract() != rust_decimal::Decimal::ZERO {
            return Err(conflict(Rule::Cents, INVOICES, pair.trim().to_owned(), "a whole amount"));
        }
        parts.push(Part { invoice, amount: Some(amount) });
    }
    let all = parts.iter().filter_map(|part| part.amount).fold(Money::ZERO, |sum, part| sum + part);
    match sent.text("amount").parse::<Money>() {
        Ok(amount) if !parts.is_empty() && -amount != all => {
            let allowed = format!("parts that add up to the payment's {}", -amount);
            Err(conflict(Rule::PaymentIncomplete, INVOICES, text.into_owned(), &allowed))
        }
        _ => Ok(parts),
    }
}

/// Writes which invoices they are, by number and by id, as the target's own records are read.
pub(super) fn name(parts: &[Part<'_>], sent: &Fields<'_>, object: &mut Object) {
    match parts {
        [] => {
            if let Some(raw) = sent.raw(INVOICES) {
                object.raw(INVOICES, raw);
            }
        }
        [Part { invoice, .. }] => {
            object.text(INVOICES, &invoice.number);
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
            object.text(INVOICES, &list(|invoice| &invoice.number));
            object.text("appliesToInvoiceId", &list(|invoice| &invoice.id));
        }
    }
}
