//! What can be listed in an organization, and who writes to it.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::Error as _;

use super::completion::{NewCustomers, PaymentCompletion, TABLES};
use super::envelope::{Envelope, PAGE_ROWS, next};
use super::form::{Neutral, neutral, rounded};
use super::lookup::{only_digits, route};
use super::whole::each_record;
use super::{HABITS, Routes};
use crate::catalogue::Dialect;
use crate::connector::fields::Fields;
use crate::connector::{Api, Completion, Connector, Habits, List, Method, Request, Set};
use crate::domain::EntityKind;

/// The API of one organization: a key belongs to one.
#[derive(Clone, Debug)]
pub struct Bigcapital {
    dialect: &'static Dialect,
    deposit_account: Option<String>,
}

impl Bigcapital {
    /// The API in this dialect.
    #[must_use]
    pub fn new(dialect: &'static Dialect) -> Self {
        Self { dialect, deposit_account: None }
    }

    /// The same, with the account on which payments come in when a row names none.
    #[must_use]
    pub fn depositing_to(self, deposit_account: Option<String>) -> Self {
        Self { deposit_account, ..self }
    }
}

/// Invoices on a page, each with its lines and its customer: some kilobytes.
const INVOICE_ROWS: u64 = 2_000;

impl Api for Bigcapital {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn habits(&self) -> Habits {
        HABITS
    }

    fn has_filters(&self) -> bool {
        false
    }

    /// A list comes whole: Bigcapital has no filter over neutral names and no choice of fields.
    fn list(&self, list: &List<'_>) -> Vec<String> {
        let address = match list.set {
            Set::Companies => "organization/current".to_owned(),
            Set::Customers => paged("customers"),
            Set::FinancialDetails => "reports/customer-balance-summary".to_owned(),
            Set::Payments(_) => paged("payments-received"),
            Set::Reference("currencies") => "currencies".to_owned(),
            Set::Reference("accounts") => "accounts?structure=flat".to_owned(),
            Set::Reference("openInvoices") => "sale-invoices/receivable".to_owned(),
            // Numbers are unique, so that pages in their order do not overlap.
            Set::Reference("salesInvoices") => {
                let sorted = format!(
                    "sale-invoices?page=1&page_size={INVOICE_ROWS}&column_sort_by=invoice_no&sort_order=asc"
                );
                return vec![sorted, paged("sale-invoices")];
            }
            // There is no such table, which the answer says.
            Set::Journals
            | Set::LedgerEntries
            | Set::DefaultDimensions
            | Set::DimensionValues(_)
            | Set::Reference(_) => list.set.as_str().replace(' ', "-").to_lowercase(),
        };
        vec![address]
    }

    fn route(&self, address: &str) -> String {
        route(Method::Get, address)
    }

    fn neutral_page(&self, set: Set<'_>, address: &str, page: Bytes) -> serde_json::Result<Bytes> {
        let body = std::str::from_utf8(&page).map_err(serde_json::Error::custom)?;
        let envelope = Envelope::open(body)?;
        let mut neutral = "{\"value\":[".to_owned();
        for (place, record) in envelope.records.iter().enumerate() {
            if place > 0 {
                neutral.push(',');
            }
            neutral.push_str(&record_of(set, record.get())?);
        }
        neutral.push(']');
        if let Some(next) = envelope.next(address) {
            neutral.push_str(",\"@odata.nextLink\":");
            neutral.push_str(&serde_json::Value::from(next).to_string());
        }
        neutral.push('}');
        Ok(neutral.into())
    }

    fn comes_whole(&self, set: Set<'_>, address: &str) -> bool {
        let is_long = matches!(
            set,
            Set::Customers
                | Set::FinancialDetails
                | Set::Payments(_)
                | Set::Reference("salesInvoices" | "openInvoices")
        );
        let path = address.split('?').next().unwrap_or_default();
        // A record alone is no list.
        is_long && !path.split('/').any(|part| part.starts_with(|letter: char| letter.is_ascii_digit()))
    }

    fn each_record(
        &self,
        set: Set<'_>,
        address: &str,
        answer: &mut dyn Read,
        visit: &mut dyn FnMut(&str),
    ) -> serde_json::Result<Option<String>> {
        let mut has_records = false;
        let total = each_record(answer, &mut |record| {
            has_records = true;
            visit(&record_of(set, record)?);
            Ok(())
        });
        Ok(next(address, total?, has_records))
    }

    /// Source: the list of payments leaves out which invoices each of them settles.
    fn alone(&self, set: Set<'_>, id: &str) -> Option<String> {
        matches!(set, Set::Payments(_)).then(|| format!("payments-received/{}", only_digits(id)))
    }

    fn new_journal(&self, _company: &str, body: String) -> Request {
        // Never asked for: payments wait in no journal.
        Request {
            method: Method::Post,
            path: "payment-journals".to_owned(),
            headers: Vec::new(),
            body: Some(body),
        }
    }

    fn completion(&self, kind: EntityKind, local_currency: &str) -> Option<Box<dyn Completion>> {
        match kind {
            EntityKind::Customers => {
                let local_currency = local_currency.to_owned();
                Some(Box::new(NewCustomers { dialect: self.dialect, local_currency }))
            }
            EntityKind::Payments => Some(Box::new(PaymentCompletion::new(self.deposit_account.clone()))),
            EntityKind::Dimensions => None,
        }
    }

    fn completion_tables(&self) -> &'static [&'static str] {
        TABLES
    }

    fn customers(&self, _company: &str) -> Arc<dyn Connector> {
        Arc::new(Routes { dialect: self.dialect, kind: EntityKind::Customers })
    }

    fn payments(&self, _company: &str, _journal: &str) -> Arc<dyn Connector> {
        Arc::new(Routes { dialect: self.dialect, kind: EntityKind::Payments })
    }
}

/// The address of a whole list.
pub(super) fn paged(table: &str) -> String {
    format!("{table}?page=1&page_size={PAGE_ROWS}")
}

/// One record of a list in neutral form.
fn record_of(set: Set<'_>, record: &str) -> serde_json::Result<String> {
    match set {
        Set::Customers => return neutral(EntityKind::Customers, record),
        Set::Payments(_) => return neutral(EntityKind::Payments, record),
        _ => {}
    }
    let fields = Fields::parse(record)?;
    let copied: &[(&str, &str)] = match set {
        Set::Companies => return organization(&fields),
        Set::FinancialDetails => return balance(&fields),
        Set::Reference("currencies") => &[("code", "currency_code"), ("displayName", "currency_name")],
        Set::Reference("accounts") => &[
            ("number", "code"),
            ("displayName", "name"),
            ("accountType", "account_type"),
            ("currencyCode", "currency_code"),
        ],
        Set::Reference("salesInvoices" | "openInvoices") => &[
            ("number", "invoice_no"),
            ("customerId", "customer_id"),
            ("currencyCode", "currency_code"),
            ("remainingAmount", "due_amount"),
            ("isDelivered", "is_delivered"),
        ],
        _ => &[],
    };
    let mut neutral = Neutral::new(&fields.text("id"));
    for (name, theirs) in copied {
        if let Some(raw) = fields.raw(theirs).filter(|raw| *raw != "null") {
            match *name {
                "remainingAmount" => neutral.raw(name, &rounded(raw, 3)?),
                _ => neutral.raw(name, raw),
            }
        }
    }
    Ok(neutral.end())
}

fn organization(fields: &Fields<'_>) -> serde_json::Result<String> {
    let metadata = Fields::parse(fields.raw("metadata").unwrap_or("{}"))?;
    let mut company = Neutral::new(&fields.text("organization_id"));
    company.text("name", &metadata.text("name"));
    company.text("displayName", &metadata.text("name"));
    company.text("currencyCode", &metadata.text("base_currency"));
    Ok(company.end())
}

/// A row of the balance summary: what a customer owes, in the base currency.
fn balance(fields: &Fields<'_>) -> serde_json::Result<String> {
    let total = Fields::parse(fields.raw("total").unwrap_or("{}"))?;
    let mut neutral = Neutral::new(&fields.text("id"));
    neutral.text("displayName", &fields.text("customer_name"));
    neutral.raw("balance", &rounded(total.raw("amount").unwrap_or("0"), 3)?);
    neutral.text("currencyCode", &total.text("currency_code"));
    Ok(neutral.end())
}
