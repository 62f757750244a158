//! New customers: one e-mail address, and the type and the currency that Bigcapital wants to have.

use std::borrow::Cow;

use crate::catalogue::Dialect;
use crate::connector::bigcapital::form::Neutral;
use crate::connector::completion::Settling;
use crate::connector::fields::Fields;
use crate::domain::Action;

/// What customers are completed with.
#[derive(Debug)]
pub(in crate::connector::bigcapital) struct NewCustomers {
    pub(in crate::connector::bigcapital) dialect: &'static Dialect,
    /// The organization's own currency; empty when it is not known.
    pub(in crate::connector::bigcapital) local_currency: String,
}

impl NewCustomers {
    /// Of several addresses the first: what becomes of the others was decided before.
    pub(super) fn with_one_email<'p>(&self, payload: &'p str) -> Cow<'p, str> {
        let Ok(sent) = Fields::parse(payload) else { return Cow::Borrowed(payload) };
        let is_list = |name: &str, raw: &str| {
            raw.contains(';') && self.dialect.customers.field(name).is_some_and(|field| field.holds_one)
        };
        if !sent.iter().any(|(name, raw)| is_list(name, raw)) {
            return Cow::Borrowed(payload);
        }
        let mut object = Neutral::empty();
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
    pub(super) fn with_defaults(&self, row: Settling<'_>) -> Option<String> {
        if row.action != Action::Create {
            return None;
        }
        let sent = Fields::parse(row.payload).ok()?;
        let mut object = Neutral::empty();
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
        Some(object.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::bigcapital::DIALECT;

    #[test]
    fn a_new_customer_has_a_type_and_a_currency_and_one_address() {
        let customers = NewCustomers { dialect: &DIALECT, local_currency: "USD".to_owned() };
        let payload =
            customers.with_one_email(r#"{"displayName":"A","email":"a@b.c; d@e.f","currencyCode":""}"#);
        let row = Settling { action: Action::Create, payload: &payload, existing: None, row: &payload };
        assert_eq!(
            customers.with_defaults(row).unwrap(),
            r#"{"displayName":"A","email":"a@b.c","type":"Company","currencyCode":"USD"}"#
        );
        assert_eq!(customers.with_defaults(Settling { action: Action::Update, ..row }), None);
    }
}
