//! What rows mean of Bigcapital's other records: a payment by its invoices, its customer and its account, a new customer
//! by a type and a currency.
//!
//! In: rows in neutral form, and the organization's invoices and accounts. Out: rows with the ids that Bigcapital wants,
//! or why they cannot be said.
//!
//! Promises: no row pays more than is due, also not together with the rows before it; an account or a customer is never
//! guessed.

mod accounts;
mod customers;
mod invoices;
mod payments;

use std::borrow::Cow;
use std::collections::VecDeque;

use serde_json::value::RawValue;

pub(super) use self::accounts::Accounts;
pub(super) use self::customers::NewCustomers;
pub(super) use self::invoices::Invoices;
pub(super) use self::payments::NewPayments;

use crate::connector::completion::{IsNamed, Needed, Settling};
use crate::connector::{Completion, Set};
use crate::domain::{References, Rule, Violation};

/// All invoices, those with something left to pay, and the accounts.
const INVOICES: &str = "salesInvoices";
const OPEN_INVOICES: &str = "openInvoices";
const ACCOUNTS: &str = "accounts";

/// The tables that a completion reads, and no plan beside it.
pub(super) const TABLES: &[&str] = &[INVOICES, ACCOUNTS];

fn violation(rule: Rule, field: &str, found: impl Into<String>, allowed: impl Into<String>) -> Violation {
    Violation { rule, field: field.to_owned(), column: None, found: found.into(), allowed: allowed.into() }
}

/// What payments are completed with.
#[derive(Debug, Default)]
pub(super) struct PaymentCompletion {
    /// The lists that are still to be read.
    lists: VecDeque<Needed>,
    payments: NewPayments,
}

impl PaymentCompletion {
    /// Nothing was read yet; money comes in on this account when a row names none.
    pub(super) fn new(deposit: Option<String>) -> Self {
        let list = |set, is_optional| Needed { set: Set::Reference(set), is_optional };
        Self {
            // What is to be paid stands among all of them, too.
            lists: [list(OPEN_INVOICES, true), list(INVOICES, false), list(ACCOUNTS, false)].into(),
            payments: NewPayments { deposit, ..NewPayments::default() },
        }
    }
}

impl Completion for PaymentCompletion {
    fn needs(&mut self, named: Option<usize>) -> Option<Needed> {
        let has_all = named == Some(self.payments.invoices.len());
        let is_needed = |needed: &Needed| !has_all || needed.set == Set::Reference(ACCOUNTS);
        std::iter::from_fn(|| self.lists.pop_front()).find(is_needed)
    }

    fn add(&mut self, set: Set<'_>, records: &[&RawValue], is_named: IsNamed<'_>) -> serde_json::Result<()> {
        match set {
            Set::Reference(ACCOUNTS) => self.payments.accounts.add(records),
            _ => self.payments.invoices.add(records, is_named),
        }
    }

    fn share(&self, references: &mut References) {
        references.add_set(INVOICES);
        for invoice in self.payments.invoices.iter() {
            references.insert(INVOICES, &invoice.number, &invoice.id);
        }
        references.add_set(ACCOUNTS);
        for (name, id) in self.payments.accounts.names() {
            references.insert(ACCOUNTS, name, id);
        }
    }

    fn complete<'p>(&self, payload: &'p str, references: &References) -> Result<Cow<'p, str>, Violation> {
        self.payments.complete(payload, references).map(Cow::Owned)
    }

    fn settle(&mut self, row: Settling<'_>) -> Result<Option<String>, Violation> {
        self.payments.settle(row)
    }
}

impl Completion for NewCustomers {
    fn needs(&mut self, _named: Option<usize>) -> Option<Needed> {
        None
    }

    fn add(
        &mut self,
        _set: Set<'_>,
        _records: &[&RawValue],
        _is_named: IsNamed<'_>,
    ) -> serde_json::Result<()> {
        Ok(())
    }

    fn share(&self, _references: &mut References) {}

    fn complete<'p>(&self, payload: &'p str, _references: &References) -> Result<Cow<'p, str>, Violation> {
        Ok(self.with_one_email(payload))
    }

    fn settle(&mut self, row: Settling<'_>) -> Result<Option<String>, Violation> {
        Ok(self.with_defaults(row))
    }
}
