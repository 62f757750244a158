//! Writes: one request for one operation.

use std::borrow::Cow;

use super::Routes;
use super::form::type_on_the_wire;
use super::lookup::only_digits;
use crate::catalogue::{Entity, Kind};
use crate::connector::fields::{Fields, decode};
use crate::connector::{Connector as _, Method, Operation, Request};
use crate::domain::{Action, EntityKind, Money};

/// What the fields of an opening balance begin with; they have a route of their own once the customer is there.
const OPENING: &str = "openingBalance";

/// What a customer is made as when nobody says.
const DEFAULT_TYPE: &str = "\"business\"";

impl Routes {
    /// The request that carries out one operation.
    pub(super) fn write_one(&self, operation: &Operation<'_>) -> Request {
        let record =
            format!("{}/{}", self.entity_set(), only_digits(operation.remote_id.unwrap_or_default()));
        // A payload is what the plan wrote; one that is no object would be refused, and says nothing.
        let sent = Fields::parse(operation.payload);
        match (self.kind, operation.action, sent) {
            (_, Action::Delete, _) => {
                Request { method: Method::Delete, path: record, headers: Vec::new(), body: None }
            }
            (EntityKind::Customers, Action::Update, Ok(sent)) => self.change_customer(&sent, operation),
            (kind, action, Ok(sent)) => {
                let body = match kind {
                    EntityKind::Customers | EntityKind::Dimensions => self.new_customer(&sent),
                    EntityKind::Payments => self.payment(&sent, action),
                };
                match action {
                    Action::Update => with_body(Method::Put, record, body),
                    _ => with_body(Method::Post, self.entity_set().to_owned(), body),
                }
            }
            (_, _, Err(_)) => with_body(Method::Post, self.entity_set().to_owned(), "{}".to_owned()),
        }
    }

    fn new_customer(&self, sent: &Fields<'_>) -> String {
        let mut body = Body::new(self.entity());
        if sent.text("type").trim().is_empty() {
            body.push("customerType", DEFAULT_TYPE);
        }
        // An opening balance of nothing is none; without its date it would be a bare failure.
        let opens = sent.text(OPENING).parse().is_ok_and(|amount: Money| !amount.is_zero())
            || !sent.text("openingBalanceDate").trim().is_empty();
        let is_sent = |name: &str, raw: &str| !is_blank(raw) && (opens || !name.starts_with(OPENING));
        for (name, raw) in sent.iter().filter(|(name, raw)| is_sent(name, raw)) {
            body.field(name, raw);
        }
        body.end()
    }

    /// The part of a change that goes first: the record, or whether it is active, or its opening balance, each of which
    /// has a route of its own. What is left goes when the record has been read back.
    ///
    /// Source: `PUT` needs type and name again, leaves out what is not sent, clears with null, and ignores currency and
    /// opening balance.
    fn change_customer(&self, sent: &Fields<'_>, operation: &Operation<'_>) -> Request {
        let id = only_digits(operation.remote_id.unwrap_or_default());
        let goes_along = |name: &str| self.entity().field(name).is_some_and(|field| field.goes_along);
        let of_record = |name: &str| !name.starts_with(OPENING) && name != "active" && !goes_along(name);
        let mut body = Body::new(self.entity());
        if sent.iter().any(|(name, _)| of_record(name)) || sent.iter().all(|(name, _)| goes_along(name)) {
            for (name, raw) in sent.iter().filter(|(name, _)| !name.starts_with(OPENING)) {
                body.field(name, if is_blank(raw) { "null" } else { raw });
            }
            return with_body(Method::Put, format!("customers/{id}"), body.end());
        }
        if let Some(active) = sent.raw("active") {
            let verb = if active == "false" { "inactivate" } else { "activate" };
            let path = format!("contacts/{id}/{verb}");
            return Request { method: Method::Patch, path, headers: Vec::new(), body: None };
        }
        for (name, raw) in sent.iter().filter(|(name, _)| name.starts_with(OPENING)) {
            // An opening balance that is cleared is one of nothing.
            let raw = if is_blank(raw) && name == OPENING { "0" } else { raw };
            if !is_blank(raw) {
                body.field(name, raw);
            }
        }
        with_body(Method::Put, format!("customers/{id}/opening-balance"), body.end())
    }

    /// A payment for an invoice, or for several with the part of each. The header amount is left out: it is the sum of the entries then.
    fn payment(&self, sent: &Fields<'_>, action: Action) -> String {
        let mut body = Body::new(self.entity());
        for (name, raw) in sent.iter() {
            let is_entry = matches!(name, "amount" | "appliedAmount" | "appliesToInvoiceId");
            match (is_blank(raw), action) {
                _ if is_entry => {}
                (false, _) => body.field(name, raw),
                (true, Action::Update) => body.field(name, "null"),
                (true, _) => {}
            }
        }
        let invoices = sent.text("appliesToInvoiceId");
        let amount = received(sent.raw("amount").unwrap_or("0"));
        let entries = invoices.split(';').map(str::trim).filter(|invoice| !invoice.is_empty());
        let entries = entries.map(|invoice| {
            let (invoice, amount) = invoice.split_once('=').unwrap_or((invoice, &amount));
            format!(r#"{{"invoiceId":{},"paymentAmount":{amount}}}"#, only_digits(invoice))
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        if !entries.is_empty() {
            body.push("entries", &format!("[{entries}]"));
        }
        body.end()
    }
}

/// Money received, positive and without zeros behind the point.
fn received(raw: &str) -> Cow<'_, str> {
    match decode(raw).parse::<Money>() {
        Ok(amount) => (-amount).decimal().normalize().to_string().into(),
        Err(_) => Cow::Borrowed(raw),
    }
}

/// Every form in which the plan writes what is to be blank.
fn is_blank(raw: &str) -> bool {
    raw == "null" || decode(raw).trim().is_empty() || raw == "\"_x0020_\""
}

fn with_body(method: Method, path: String, body: String) -> Request {
    let headers = vec![("content-type", "application/json".to_owned())];
    Request { method, path, headers, body: Some(body) }
}

/// A body being written, by neutral names.
struct Body {
    entity: &'static Entity,
    text: String,
}

impl Body {
    fn new(entity: &'static Entity) -> Self {
        Self { entity, text: "{".to_owned() }
    }

    /// A field of the catalogue; what has no place on the wire is passed over.
    fn field(&mut self, name: &str, raw: &str) {
        let Some(field) = self.entity.field(name).filter(|field| !is_for_people(field.name)) else { return };
        match field.kind {
            Kind::Enum(_) if raw != "null" => {
                let wire = serde_json::Value::from(type_on_the_wire(&decode(raw))).to_string();
                self.push(field.path(), &wire);
            }
            // Source: names are stored untrimmed.
            Kind::Text | Kind::Email | Kind::Code if raw != "null" => {
                let trimmed = serde_json::Value::from(decode(raw).trim()).to_string();
                self.push(field.path(), &trimmed);
            }
            _ => self.push(field.path(), raw),
        }
    }

    fn push(&mut self, name: &str, raw: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.text.push_str(raw);
    }

    fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// Names of other records, which stand in the payload for whoever reads it; their ids are what is sent.
fn is_for_people(name: &str) -> bool {
    matches!(name, "customerNumber" | "customerName" | "appliesToInvoiceNumber" | "depositAccountNumber")
}
