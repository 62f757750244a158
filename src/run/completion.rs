//! What a row means of the target's other records: ids in place of numbers, and what goes without saying.
//!
//! In: a payload as the file says it, and the target's invoices and accounts. Out: the payload with the ids that the
//! target wants to have, or why it cannot be said. Default dimensions need this, and the payments of systems where they
//! settle invoices.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use crate::catalogue::Dialect;
use crate::connector::fields::Fields;
use crate::connector::{Set, is_all_applied, text_of};
use crate::domain::text::{fold_name, upper};
use crate::domain::{Action, EntityKind, Money, References, Rule};
use crate::export::ExportError;
use crate::plan::Decision;

use super::dimensions::with_ids;
use super::event::{Event, Observer};
use super::named::Named;
use super::settled::{self, Part};
use super::target::{Target, TargetError};

/// The kinds of account on which money may come in.
///
/// Source: any other is refused with `DEPOSIT_ACCOUNT_INVALID_TYPE`.
const DEPOSITS: [&str; 3] = ["bank", "cash", "other-current-asset"];

/// All invoices, and those with something left to pay.
const INVOICES: &str = "salesInvoices";
const OPEN_INVOICES: &str = "openInvoices";

/// An invoice that payments may settle.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invoice {
    pub(super) id: String,
    #[serde(default)]
    pub(super) number: String,
    #[serde(default)]
    customer_id: i64,
    #[serde(default)]
    remaining_amount: Option<Money>,
    #[serde(default)]
    is_delivered: bool,
}

/// An account of the general ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    display_name: String,
    #[serde(default, rename = "accountType")]
    kind: String,
}

impl Account {
    fn add_to(&self, object: &mut Object) {
        let code = self.number.trim();
        object.text("depositAccountNumber", if code.is_empty() { &self.display_name } else { &self.number });
        object.raw("depositAccountId", &self.id);
    }
}

/// What payloads of one kind are completed with.
#[derive(Debug, Default)]
pub(super) struct Completion {
    kind: Option<EntityKind>,
    dialect: Option<&'static Dialect>,
    invoices: HashMap<String, Invoice>,
    accounts: Vec<Account>,
    /// The account on which money comes in when a row names none.
    deposit: Option<String>,
    local_currency: String,
}

impl Completion {
    /// Reads what rows of this kind may mean; nothing where the system needs nothing.
    pub(super) async fn fetch(
        target: &Target,
        (kind, named): (EntityKind, &Named),
        references: &mut References,
        observer: Observer<'_>,
    ) -> Result<Self, TargetError> {
        if kind == EntityKind::Dimensions {
            target.fetch_dimension_codes(references, observer).await?;
            return Ok(Self { kind: Some(kind), ..Self::default() });
        }
        if !target.api.habits().needs_completion {
            return Ok(Self::default());
        }
        let mut completion = Self {
            kind: Some(kind),
            dialect: Some(target.tables()),
            deposit: target.api.deposit_account().map(str::to_owned),
            local_currency: references.local_currency().unwrap_or_default().to_owned(),
            ..Self::default()
        };
        if kind == EntityKind::Payments {
            completion.fetch_invoices(target, named, observer).await?;
            references.add_set(INVOICES);
            for invoice in completion.invoices.values() {
                references.insert(INVOICES, &invoice.number, &invoice.id);
            }
            completion.accounts = target.fetch_rows(Set::Reference("accounts"), observer).await?;
            references.add_set("accounts");
            for account in &completion.accounts {
                references.insert("accounts", &account.display_name, &account.id);
                references.insert("accounts", &account.number, &account.id);
            }
        }
        Ok(completion)
    }

    /// Reads the invoices that rows name: those to be paid, and when that is not all of them, all there are.
    async fn fetch_invoices(
        &mut self,
        target: &Target,
        named: &Named,
        observer: Observer<'_>,
    ) -> Result<(), TargetError> {
        for set in [OPEN_INVOICES, INVOICES] {
            if named.count() == Some(self.invoices.len()) {
                return Ok(());
            }
            let (list, mut rows) = (target.list(Set::Reference(set), &[]), 0);
            let read = target.each_record_page(&list, |page| {
                for raw in &page {
                    let invoice: Invoice = serde_json::from_str(raw.get())
                        .map_err(|source| TargetError::Malformed { set, source })?;
                    if named.may_name(&invoice.number) {
                        self.invoices.insert(upper(invoice.number.trim()).into_owned(), invoice);
                    }
                }
                rows += page.len() as u64;
                observer(Event::Fetched(INVOICES, rows));
                Ok(())
            });
            match read.await {
                // What is to be paid stands among all of them, too.
                Err(TargetError::Fetch(ExportError::NotFound { .. } | ExportError::Refused { .. }))
                    if set == OPEN_INVOICES => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// The payload with what its row means; a conflict when that cannot be said.
    pub(super) fn complete<'p>(
        &mut self,
        payload: &'p str,
        references: &References,
    ) -> Result<Cow<'p, str>, Box<Decision>> {
        match self.kind {
            None => Ok(Cow::Borrowed(payload)),
            Some(EntityKind::Customers) => Ok(self.with_one_email(payload)),
            Some(EntityKind::Dimensions) => with_ids(payload, references).map(Cow::Owned),
            Some(EntityKind::Payments) => self.payment(payload, references).map(Cow::Owned),
        }
    }

    /// What was decided on the row with this payload. A new record gets what goes without saying, a payment only of an
    /// invoice that takes it. A payment that is there already is its own customer's.
    pub(super) fn settle(&mut self, decision: Decision, row: &str) -> Decision {
        match (self.kind, decision.action) {
            (Some(EntityKind::Customers), Action::Create) => self.with_defaults(decision),
            (Some(EntityKind::Payments), Action::Create) => {
                let decision = self.with_deposit(decision);
                if decision.action == Action::Create { self.against_what_is_due(decision) } else { decision }
            }
            (Some(EntityKind::Payments), _) => all_applied(of_its_own_customer(decision, row)),
            _ => decision,
        }
    }

    /// Of several addresses the first: what becomes of the others was decided before.
    fn with_one_email<'p>(&self, payload: &'p str) -> Cow<'p, str> {
        let (Some(dialect), Ok(sent)) = (self.dialect, Fields::parse(payload)) else {
            return Cow::Borrowed(payload);
        };
        let is_list = |name: &str, raw: &str| {
            raw.contains(';') && dialect.customers.field(name).is_some_and(|field| field.holds_one)
        };
        if !sent.iter().any(|(name, raw)| is_list(name, raw)) {
            return Cow::Borrowed(payload);
        }
        let mut object = Object::default();
        for (name, raw) in sent.iter() {
            if is_list(name, raw) {
                let all = sent.text(name);
                let first = all.split(';').map(str::trim).find(|address| !address.is_empty());
                object.text(name, first.unwrap_or_default());
            } else {
                object.raw(name, raw);
            }
        }
        Cow::Owned(object.end())
    }

    /// Source: a customer needs a type and a currency, which a sheet for Business Central may leave to its defaults.
    fn with_defaults(&self, decision: Decision) -> Decision {
        let Ok(sent) = Fields::parse(&decision.payload) else { return decision };
        let mut object = Object::default();
        let is_blank = |name: &str| matches!(sent.text(name).trim(), "" | "_x0020_");
        for (name, raw) in sent.iter() {
            if !matches!(name, "type" | "currencyCode") || !is_blank(name) {
                object.raw(name, raw);
            }
        }
        if is_blank("type") {
            object.text("type", "Company");
        }
        if is_blank("currencyCode") {
            object.text("currencyCode", &self.local_currency);
        }
        Decision { payload: object.end(), ..decision }
    }

    fn payment(&self, payload: &str, references: &References) -> Result<String, Box<Decision>> {
        let Ok(sent) = Fields::parse(payload) else { return Ok(payload.to_owned()) };
        let mut object = Object::default();
        let planned = [
            "customerNumber",
            "customerId",
            "appliesToInvoiceId",
            "appliesToInvoiceNumber",
            "depositAccountNumber",
            "depositAccountId",
        ];
        for (name, raw) in sent.iter().filter(|(name, _)| !planned.contains(name)) {
            object.raw(name, raw);
        }
        let parts = self.parts(&sent)?;
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
            return Err(conflict(Rule::InvoiceOfAnother, "customerNumber", found, allowed));
        }
        settled::name(&parts, &sent, &mut object);
        if let Some(account) = self.account(&sent.text("depositAccountNumber"))? {
            account.add_to(&mut object);
        }
        Ok(object.end())
    }

    /// A new payment with the account of the profile when its row names none. One that is there already stays on the
    /// account it is on.
    fn with_deposit(&self, decision: Decision) -> Decision {
        if !text_of(&decision.payload, "depositAccountId").is_empty() {
            return decision;
        }
        let account = match self.account(self.deposit.as_deref().unwrap_or_default()) {
            Ok(Some(account)) => account,
            Ok(None) => return decision,
            Err(conflict) => return *conflict,
        };
        let Ok(sent) = Fields::parse(&decision.payload) else { return decision };
        let mut object = Object::default();
        sent.iter().for_each(|(name, raw)| object.raw(name, raw));
        account.add_to(&mut object);
        Decision { payload: object.end(), ..decision }
    }

    /// The account that somebody names by code or name; `None` when nobody does.
    fn account(&self, named: &str) -> Result<Option<&Account>, Box<Decision>> {
        let wanted = named.trim();
        if wanted.is_empty() {
            return Ok(None);
        }
        let is_it = |account: &&Account| {
            account.number.eq_ignore_ascii_case(wanted)
                || fold_name(&account.display_name) == fold_name(wanted)
        };
        let Some(account) = self.accounts.iter().find(is_it) else {
            let found = wanted.to_owned();
            return Err(conflict(
                Rule::ReferenceUnknown,
                "depositAccountNumber",
                found,
                "a code or name of an account",
            ));
        };
        if DEPOSITS.contains(&account.kind.as_str()) {
            return Ok(Some(account));
        }
        let allowed = "a bank, cash or other current asset account";
        Err(conflict(Rule::ReferenceUnknown, "depositAccountNumber", wanted.to_owned(), allowed))
    }

    /// Source: an entry may not be more than what is due, and only a delivered invoice takes one.
    fn against_what_is_due(&mut self, decision: Decision) -> Decision {
        let member = |name| text_of(&decision.payload, name);
        for (name, allowed) in
            [("appliesToInvoiceId", "an invoice"), ("depositAccountId", "an account that takes deposits")]
        {
            if member(name).is_empty() {
                let field = if name == "depositAccountId" {
                    "depositAccountNumber"
                } else {
                    "appliesToInvoiceNumber"
                };
                return Decision::conflict(Rule::PaymentIncomplete, field, String::new(), allowed);
            }
        }
        let Ok(sent) = Fields::parse(&decision.payload) else { return decision };
        let Ok(received) = sent.text("amount").parse::<Money>().map(|amount| -amount) else {
            return decision;
        };
        let parts = match self.parts(&sent) {
            Ok(parts) => parts,
            Err(conflict) => return *conflict,
        };
        let taken: Vec<_> =
            parts.iter().map(|part| (part.invoice.number.clone(), part.amount.unwrap_or(received))).collect();
        for (number, part) in &taken {
            if let Some(closed) = self.closed(number, *part) {
                return closed;
            }
        }
        for (number, part) in taken {
            let invoice = self.invoices.get_mut(upper(number.trim()).as_ref());
            if let Some(due) = invoice.and_then(|invoice| invoice.remaining_amount.as_mut()) {
                *due = *due - part;
            }
        }
        decision
    }

    /// Why the invoice with this number takes no such part; `None` when it does.
    fn closed(&self, number: &str, part: Money) -> Option<Decision> {
        let invoice = self.invoices.get(upper(number.trim()).as_ref())?;
        let (due, number) = (invoice.remaining_amount?, number.to_owned());
        if !invoice.is_delivered {
            let field = "appliesToInvoiceNumber";
            return Some(Decision::conflict(Rule::InvoiceClosed, field, number, "a delivered invoice"));
        }
        if part <= due {
            return None;
        }
        let allowed = format!("{due} at most, which is what is due on {number}");
        Some(Decision::conflict(Rule::InvoiceClosed, "amount", part.to_string(), &allowed))
    }

    /// The invoices that a payment settles.
    fn parts(&self, sent: &Fields<'_>) -> Result<Vec<Part<'_>>, Box<Decision>> {
        settled::parts(sent, |number| self.invoices.get(upper(number.trim()).as_ref()))
    }
}

/// A change replaces all that a payment applies to invoices, and loses what it holds beside.
fn all_applied(decision: Decision) -> Decision {
    let Some(existing) = decision.existing.as_ref().filter(|_| decision.action == Action::Update) else {
        return decision;
    };
    if is_all_applied(&existing.body) && is_all_applied(&decision.payload) {
        return decision;
    }
    let (amount, applied) = (text_of(&existing.body, "amount"), text_of(&existing.body, "appliedAmount"));
    let found = format!("amount {amount}, applied to invoices {applied}");
    Decision::conflict(Rule::PaymentSplit, "amount", found, "a payment whose amount one row can say")
}

/// Source: the customer of a payment cannot be changed, and its number is nobody else's.
fn of_its_own_customer(decision: Decision, row: &str) -> Decision {
    let Some(existing) = &decision.existing else { return decision };
    let (wanted, there) = (text_of(row, "customerId"), text_of(&existing.body, "customerId"));
    if wanted.is_empty() || there.is_empty() || wanted == there {
        return decision;
    }
    let payer = text_of(&existing.body, "customerName");
    let allowed = format!("a number that no payment has; this one is a payment of `{payer}`");
    Decision::conflict(
        Rule::PaymentOfAnother,
        "documentNumber",
        text_of(&existing.body, "documentNumber"),
        &allowed,
    )
}

fn customer_named(name: &str, references: &References) -> Result<i64, Box<Decision>> {
    let id = references.id_of("customers", name).map(str::parse::<i64>);
    match id {
        Some(Ok(id)) => Ok(id),
        // A name that several customers carry was kept without an id.
        Some(Err(_)) => {
            let allowed =
                "a name that one customer carries; leave the cell empty to take the invoice's customer";
            Err(conflict(Rule::Ambiguous, "customerNumber", name.to_owned(), allowed))
        }
        None => Err(conflict(
            Rule::CustomerUnknown,
            "customerNumber",
            name.to_owned(),
            "a customer of the target",
        )),
    }
}

pub(super) fn conflict(rule: Rule, field: &str, found: String, allowed: &str) -> Box<Decision> {
    Box::new(Decision::conflict(rule, field, found, allowed))
}

/// A JSON object being written.
#[derive(Default)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn raw(&mut self, name: &str, raw: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&serde_json::Value::from(name).to_string());
        self.0.push(':');
        self.0.push_str(raw);
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &serde_json::Value::from(text).to_string());
    }

    fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::bigcapital::DIALECT;

    fn payments() -> (Completion, References) {
        let invoice = |id: &str, number: &str, customer_id, due: &str, is_delivered| Invoice {
            id: id.to_owned(),
            number: number.to_owned(),
            customer_id,
            remaining_amount: due.parse().ok(),
            is_delivered,
        };
        let account = |id: &str, number: &str, name: &str, kind: &str| Account {
            id: id.to_owned(),
            number: number.to_owned(),
            display_name: name.to_owned(),
            kind: kind.to_owned(),
        };
        let invoices = [invoice("1", "MIG-1", 7, "300", true), invoice("2", "MIG-2", 8, "80", false)];
        let completion = Completion {
            kind: Some(EntityKind::Payments),
            dialect: Some(&DIALECT),
            invoices: invoices.into_iter().map(|invoice| (invoice.number.clone(), invoice)).collect(),
            accounts: vec![
                account("1000", "10001", "Bank Account", "bank"),
                account("1026", "40001", "Sales", "income"),
            ],
            deposit: Some("bank account".to_owned()),
            ..Completion::default()
        };
        let mut references = References::new();
        references.insert("customers", "Ann", "7");
        references.insert("customers", "Twin", "");
        (completion, references)
    }

    fn rule_of(payload: &str) -> Rule {
        let (mut completion, references) = payments();
        match completion.complete(payload, &references) {
            Err(decision) => decision.violations[0].rule,
            Ok(payload) => {
                let payload = payload.into_owned();
                let candidate = crate::plan::Candidate { key: "P", payload: &payload, asked: None };
                let matching =
                    crate::plan::Matching { entity: DIALECT.payments, mode: crate::plan::Mode::Upsert };
                completion.settle(matching.decide(candidate, Vec::new()).unwrap(), &payload).violations[0]
                    .rule
            }
        }
    }

    #[test]
    fn a_payment_gets_the_ids_of_what_it_names_and_its_invoices_customer() {
        let (mut completion, references) = payments();
        let payload = r#"{"documentNumber":"P1","amount":-50,"appliesToInvoiceNumber":"mig-1"}"#;
        assert_eq!(
            completion.complete(payload, &references).unwrap(),
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
        let (mut completion, references) = payments();
        let matching = crate::plan::Matching { entity: DIALECT.payments, mode: crate::plan::Mode::Upsert };
        let mut actions = Vec::new();
        for amount in [-200, -200, -100] {
            let payload = format!(r#"{{"amount":{amount},"appliesToInvoiceNumber":"MIG-1"}}"#);
            let payload = completion.complete(&payload, &references).unwrap().into_owned();
            let candidate = crate::plan::Candidate { key: "P", payload: &payload, asked: None };
            actions.push(completion.settle(matching.decide(candidate, Vec::new()).unwrap(), &payload).action);
        }
        assert_eq!(actions, [Action::Create, Action::Conflict, Action::Create]);
    }

    #[test]
    fn a_new_customer_has_a_type_and_a_currency_and_one_address() {
        let mut completion = Completion {
            kind: Some(EntityKind::Customers),
            dialect: Some(&DIALECT),
            local_currency: "USD".to_owned(),
            ..Completion::default()
        };
        let payload = r#"{"displayName":"A","email":"a@b.c; d@e.f","currencyCode":""}"#;
        let payload = completion.complete(payload, &References::new()).unwrap().into_owned();
        let matching = crate::plan::Matching { entity: DIALECT.customers, mode: crate::plan::Mode::Upsert };
        let candidate = crate::plan::Candidate { key: "A", payload: &payload, asked: None };
        let decision = completion.settle(matching.decide(candidate, Vec::new()).unwrap(), &payload);
        assert_eq!(
            decision.payload,
            r#"{"displayName":"A","email":"a@b.c","type":"Company","currencyCode":"USD"}"#
        );
    }
}
