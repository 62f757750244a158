//! Payments: which customer, which invoices and which account a row means, and whether they take it.

use super::invoices::{FIELD, name};
use super::{Accounts, Invoices, violation};
use crate::connector::bigcapital::form::Neutral;
use crate::connector::completion::Settling;
use crate::connector::fields::Fields;
use crate::connector::{is_all_applied, text_of};
use crate::domain::{Action, Money, References, Rule, Violation};

/// What is written anew.
const PLANNED: [&str; 6] = [
    "customerNumber",
    "customerId",
    "appliesToInvoiceId",
    "appliesToInvoiceNumber",
    "depositAccountNumber",
    "depositAccountId",
];

/// What payments are completed with.
#[derive(Debug, Default)]
pub(in crate::connector::bigcapital) struct NewPayments {
    pub(super) invoices: Invoices,
    pub(super) accounts: Accounts,
    /// The account on which money comes in when a row names none.
    pub(super) deposit: Option<String>,
}

impl NewPayments {
    /// The row with the ids of what it names.
    pub(super) fn complete(&self, payload: &str, references: &References) -> Result<String, Violation> {
        let Ok(sent) = Fields::parse(payload) else { return Ok(payload.to_owned()) };
        let mut object = Neutral::empty();
        for (name, raw) in sent.iter().filter(|(name, _)| !PLANNED.contains(name)) {
            object.raw(name, raw);
        }
        let parts = self.invoices.parts(&sent)?;
        let invoice = parts.first().map(|part| part.invoice);
        let named = sent.text("customerNumber");
        let customer = match (named.trim(), invoice) {
            ("", None) => None,
            ("", Some(invoice)) => Some(invoice.customer_id),
            (name, _) => Some(customer_named(name, references)?),
        };
        if let Some(customer) = customer {
            object.raw("customerId", &customer.to_string());
        }
        if let Some(other) = parts.iter().find(|part| Some(part.invoice.customer_id) != customer) {
            let found = format!("{named}, {}", other.invoice.number);
            let allowed = "the customer of the invoice";
            return Err(violation(Rule::InvoiceOfAnother, "customerNumber", found, allowed));
        }
        name(&parts, &sent, &mut object);
        if let Some(account) = self.accounts.named(&sent.text("depositAccountNumber"))? {
            account.add_to(&mut object);
        }
        Ok(object.end())
    }

    /// A new payment gets what goes without saying, and only an invoice that takes it. A payment that is there already
    /// is its own customer's.
    pub(super) fn settle(&mut self, row: Settling<'_>) -> Result<Option<String>, Violation> {
        if row.action != Action::Create {
            return existing(row).map(|()| None);
        }
        let payload = self.with_deposit(row.payload)?;
        self.against_what_is_due(payload.as_deref().unwrap_or(row.payload))?;
        Ok(payload)
    }

    /// A new payment with the account of the profile when its row names none. One that is there already stays on the
    /// account it is on.
    fn with_deposit(&self, payload: &str) -> Result<Option<String>, Violation> {
        if !text_of(payload, "depositAccountId").is_empty() {
            return Ok(None);
        }
        let account = self.accounts.named(self.deposit.as_deref().unwrap_or_default())?;
        let (Some(account), Ok(sent)) = (account, Fields::parse(payload)) else { return Ok(None) };
        let mut object = Neutral::empty();
        sent.iter().for_each(|(name, raw)| object.raw(name, raw));
        account.add_to(&mut object);
        Ok(Some(object.end()))
    }

    fn against_what_is_due(&mut self, payload: &str) -> Result<(), Violation> {
        for (id, field, allowed) in [
            ("appliesToInvoiceId", FIELD, "an invoice"),
            ("depositAccountId", "depositAccountNumber", "an account that takes deposits"),
        ] {
            if text_of(payload, id).is_empty() {
                return Err(violation(Rule::PaymentIncomplete, field, "", allowed));
            }
        }
        let Ok(sent) = Fields::parse(payload) else { return Ok(()) };
        let Ok(received) = sent.text("amount").parse::<Money>().map(|amount| -amount) else { return Ok(()) };
        let parts = self.invoices.parts(&sent)?;
        let taken =
            parts.iter().map(|part| (part.invoice.number.clone(), part.amount.unwrap_or(received))).collect();
        self.invoices.pay(taken)
    }
}

/// What a payment that is there already does not bear.
fn existing(row: Settling<'_>) -> Result<(), Violation> {
    let Some(existing) = row.existing else { return Ok(()) };
    // Source: the customer of a payment cannot be changed, and its number is nobody else's.
    let (wanted, there) = (text_of(row.row, "customerId"), text_of(existing, "customerId"));
    if !(wanted.is_empty() || there.is_empty() || wanted == there) {
        let payer = text_of(existing, "customerName");
        let allowed = format!("a number that no payment has; this one is a payment of `{payer}`");
        let number = text_of(existing, "documentNumber");
        return Err(violation(Rule::PaymentOfAnother, "documentNumber", number, allowed));
    }
    // A change replaces all that a payment applies to invoices, and loses what it holds beside.
    if row.action != Action::Update || (is_all_applied(existing) && is_all_applied(row.payload)) {
        return Ok(());
    }
    let (amount, applied) = (text_of(existing, "amount"), text_of(existing, "appliedAmount"));
    let found = format!("amount {amount}, applied to invoices {applied}");
    Err(violation(Rule::PaymentSplit, "amount", found, "a payment whose amount one row can say"))
}

fn customer_named(name: &str, references: &References) -> Result<i64, Violation> {
    const FIELD: &str = "customerNumber";
    match references.id_of("customers", name).map(str::parse::<i64>) {
        Some(Ok(id)) => Ok(id),
        // A name that several customers carry was kept without an id.
        Some(Err(_)) => {
            let allowed =
                "a name that one customer carries; leave the cell empty to take the invoice's customer";
            Err(violation(Rule::Ambiguous, FIELD, name, allowed))
        }
        None => Err(violation(Rule::CustomerUnknown, FIELD, name, "a customer of the target")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::bigcapital::completion::accounts::Account;
    use crate::connector::bigcapital::completion::invoices::Invoice;

    fn payments() -> (NewPayments, References) {
        let mut invoices = Invoices::default();
        for (id, number, customer_id, due, is_delivered) in
            [("1", "MIG-1", 7, "300", true), ("2", "MIG-2", 8, "80", false)]
        {
            let (id, number) = (id.to_owned(), number.to_owned());
            invoices.insert(Invoice {
                id,
                number,
                customer_id,
                remaining_amount: due.parse().ok(),
                is_delivered,
            });
        }
        let account = |id: &str, number: &str, name: &str, kind: &str| Account {
            id: id.to_owned(),
            number: number.to_owned(),
            display_name: name.to_owned(),
            kind: kind.to_owned(),
        };
        let accounts = vec![
            account("1000", "10001", "Bank Account", "bank"),
            account("1026", "40001", "Sales", "income"),
        ];
        let mut references = References::new();
        references.insert("customers", "Ann", "7");
        references.insert("customers", "Twin", "");
        let deposit = Some("bank account".to_owned());
        (NewPayments { invoices, accounts: Accounts(accounts), deposit }, references)
    }

    fn create(payload: &str) -> Settling<'_> {
        Settling { action: Action::Create, payload, existing: None, row: payload }
    }

    fn rule_of(payload: &str) -> Rule {
        let (mut payments, references) = payments();
        let told = payments.complete(payload, &references);
        told.and_then(|payload| payments.settle(create(&payload))).unwrap_err().rule
    }

    #[test]
    fn a_payment_gets_the_ids_of_what_it_names_and_its_invoices_customer() {
        let (payments, references) = payments();
        let payload = r#"{"documentNumber":"P1","amount":-50,"appliesToInvoiceNumber":"mig-1"}"#;
        assert_eq!(
            payments.complete(payload, &references).unwrap(),
            r#"{"documentNumber":"P1","amount":-50,"customerId":7,"appliesToInvoiceNumber":"MIG-1","appliesToInvoiceId":1}"#
        );
    }

    #[test]
    fn what_a_payment_cannot_mean_is_told_before_it_is_sent() {
        let with = |more: &str| format!(r#"{{"amount":-50,"appliesToInvoiceNumber":"MIG-1"{more}}}"#);
        assert_eq!(rule_of(&with(r#","customerNumber":"Twin""#)), Rule::Ambiguous);
        assert_eq!(rule_of(&with(r#","customerNumber":"Nobody""#)), Rule::CustomerUnknown);
        assert_eq!(rule_of(&with(r#","depositAccountNumber":"Sales""#)), Rule::ReferenceUnknown);
        assert_eq!(rule_of(&with(r#","depositAccountNumber":"?""#)), Rule::ReferenceUnknown);
        let other = r#"{"amount":-50,"appliesToInvoiceNumber":"MIG-2","customerNumber":"Ann"}"#;
        assert_eq!(rule_of(other), Rule::InvoiceOfAnother);
        assert_eq!(rule_of(r#"{"amount":-50,"appliesToInvoiceNumber":"MIG-2"}"#), Rule::InvoiceClosed);
        assert_eq!(rule_of(r#"{"amount":-301,"appliesToInvoiceNumber":"MIG-1"}"#), Rule::InvoiceClosed);
        assert_eq!(rule_of(r#"{"amount":-5}"#), Rule::PaymentIncomplete);
    }

    #[test]
    fn rows_together_do_not_pay_more_than_is_due() {
        let (mut payments, references) = payments();
        let mut outcomes = Vec::new();
        for amount in [-200, -200, -100] {
            let payload = format!(r#"{{"amount":{amount},"appliesToInvoiceNumber":"MIG-1"}}"#);
            let payload = payments.complete(&payload, &references).unwrap();
            outcomes.push(payments.settle(create(&payload)).is_ok());
        }
        assert_eq!(outcomes, [true, false, true]);
    }
}
