//! What a payment applies to invoices, and what it leaves on account.
//!
//! Source: the amount of a payment of Bigcapital is not compared with its entries. The amount moves what the customer
//! owes, the entries move the invoices, and a change that leaves the amount out makes it the sum of the entries.

use super::fields::Fields;
use crate::domain::Money;

/// Whether all of a payment's amount is applied to the invoices it names, as far as the record or the payload says. Of one
/// that says nothing of invoices, nothing can be lost.
///
/// A change of a payment that holds money on account would take that money off the customer's balance.
#[must_use]
pub fn is_all_applied(payment: &str) -> bool {
    let Ok(fields) = Fields::parse(payment) else { return false };
    let amount = |name: &str| fields.text(name).parse::<Money>().ok();
    let (Some(whole), invoices) = (amount("amount"), fields.text("appliesToInvoiceId")) else { return true };
    if amount("appliedAmount").is_some_and(|applied| applied != whole) {
        return false;
    }
    match invoices.trim() {
        // One invoice takes all.
        one if one.bytes().all(|byte| byte.is_ascii_digit()) => true,
        several => sum_of_parts(several) == Some(-whole),
    }
}

/// The sum of what several invoices take: `1=50; 2=20`. `None` when the text does not say it of each.
fn sum_of_parts(invoices: &str) -> Option<Money> {
    let parts = invoices.split(';').map(|pair| pair.rsplit_once('=')?.1.trim().parse::<Money>().ok());
    parts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_on_account_is_seen_in_a_record_and_parts_are_added_up() {
        for whole in [
            r#"{"amount":-120,"appliedAmount":-120.0,"appliesToInvoiceId":1}"#,
            r#"{"amount":-120,"appliesToInvoiceId":1}"#,
            r#"{"amount":-120,"appliedAmount":-120,"appliesToInvoiceId":"1=100; 2=20"}"#,
            r#"{"amount":-120}"#,
            r#"{"description":"x"}"#,
        ] {
            assert!(is_all_applied(whole), "{whole}");
        }
        for split in [
            r#"{"amount":-120,"appliedAmount":-100,"appliesToInvoiceId":1}"#,
            r#"{"amount":-120,"appliedAmount":0,"appliesToInvoiceId":1}"#,
            r#"{"amount":-120,"appliesToInvoiceId":"1=100; 2=10"}"#,
            r#"{"amount":-120,"appliedAmount":-120,"appliesToInvoiceId":"1,2"}"#,
        ] {
            assert!(!is_all_applied(split), "{split}");
        }
    }
}
