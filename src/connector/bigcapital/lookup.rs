//! Finding a record again: by its id alone, by what names it, or in the whole list when there are many to find.

use super::Routes;
use super::api::paged;
use super::envelope::{Envelope, PAGE_ROWS};
use super::form::neutral;
use crate::connector::fields::Fields;
use crate::connector::{Found, FoundPage, Identity, Lookup, Method, Operation, Request};
use crate::domain::text::{fold_name, upper};
use crate::domain::{Action, EntityKind, Receipt};

/// Up to so many records are read one by one; a whole list is one or two requests, and calls are what is scarce.
const FEW: usize = 4;

/// Of changed records, which were each read one by one already, right before the change.
const FEW_CHANGED: usize = 1;

impl Routes {
    /// How the record of this operation is found again.
    ///
    /// Source: nothing about a customer is unique; a payment's number is, whatever its letter case.
    pub(super) fn identify(&self, operation: &Operation<'_>) -> Identity {
        if let Some(id) = operation.remote_id.filter(|id| !id.is_empty()) {
            return Identity::Id(id.to_owned());
        }
        let text = |name: &str| {
            Fields::parse(operation.payload).map(|sent| sent.text(name).into_owned()).unwrap_or_default()
        };
        match (self.kind, operation.action) {
            (_, Action::Update | Action::Delete) => Identity::Id("none".to_owned()),
            (EntityKind::Payments, _) => Identity::Document(text("documentNumber").trim().to_owned()),
            (EntityKind::Customers | EntityKind::Dimensions, _) => Identity::Name {
                name: fold_name(&text("displayName")),
                email: fold_name(&text("email")),
                currency: upper(&text("currencyCode")).into_owned(),
            },
        }
    }

    /// The reads that find the records of these operations again.
    pub(super) fn look_up(&self, operations: &[Operation<'_>]) -> Vec<Lookup> {
        let one = |operation: &Operation<'_>| {
            let path = match self.identify(operation) {
                Identity::Id(id) => format!("{}/{}", self.entity_set(), only_digits(&id)),
                Identity::Document(number) => self.filtered("payment_receive_no", &number),
                _ => {
                    let sent = Fields::parse(operation.payload);
                    let name =
                        sent.map(|sent| sent.text("displayName").trim().to_owned()).unwrap_or_default();
                    self.filtered("display_name", &name)
                }
            };
            Lookup { request: get(path), rows: vec![operation.row] }
        };
        // Source: the list of payments does not say which invoices they settle, and a change says it again.
        let is_seen_alone = |operation: &&Operation<'_>| {
            self.kind == EntityKind::Payments && operation.action == Action::Update
        };
        let (alone, others): (Vec<&Operation<'_>>, Vec<&Operation<'_>>) =
            operations.iter().partition(is_seen_alone);
        let are_new = others.iter().all(|operation| operation.action == Action::Create);
        if others.len() <= if are_new { FEW } else { FEW_CHANGED } {
            return operations.iter().map(one).collect();
        }
        let rows = others.iter().map(|operation| operation.row).collect();
        let list = Lookup { request: get(paged(self.entity_set())), rows };
        std::iter::once(list).chain(alone.into_iter().map(one)).collect()
    }

    /// The records whose column has this text, and more: the database ignores case, accents and trailing blanks.
    fn filtered(&self, column: &str, text: &str) -> String {
        let roles = serde_json::json!([{ "fieldKey": column, "comparator": "equals", "value": text }]);
        let roles: String = url::form_urlencoded::byte_serialize(roles.to_string().as_bytes()).collect();
        let roles = roles.replace('+', "%20");
        format!("{}?page=1&page_size={PAGE_ROWS}&stringified_filter_roles={roles}", self.entity_set())
    }

    /// The records in a page of the answer.
    pub(super) fn found(&self, asked: &str, body: &[u8]) -> Option<FoundPage> {
        let envelope = Envelope::open(std::str::from_utf8(body).ok()?).ok()?;
        let found = |record: &str| {
            let record = neutral(self.kind, record).ok()?;
            Some(Found { receipt: receipt(&record)?, record })
        };
        let records: Option<Vec<_>> = envelope.records.iter().map(|record| found(record.get())).collect();
        Some((records?, envelope.next(asked)))
    }

    pub(super) fn entity_set(&self) -> &'static str {
        self.dialect.entity(self.kind).set
    }
}

/// The route of a request: its method, and its path with a mark in place of every id.
///
/// Source: both counters count each route handler by itself, whatever the ids and the query are.
pub(super) fn route(method: Method, address: &str) -> String {
    let verb = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Patch => "PATCH",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    };
    let path = address.split('?').next().unwrap_or_default();
    let is_id = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> =
        path.trim_matches('/').split('/').map(|part| if is_id(part) { ":id" } else { part }).collect();
    format!("{verb} {}", parts.join("/"))
}

/// A read.
pub(super) fn get(path: String) -> Request {
    Request { method: Method::Get, path, headers: Vec::new(), body: None }
}

/// An id is a whole number; anything else names no record.
pub(super) fn only_digits(id: &str) -> &str {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) { id } else { "0" }
}

/// What a neutral record says of itself.
pub(super) fn receipt(neutral: &str) -> Option<Receipt> {
    let fields = Fields::parse(neutral).ok()?;
    let key = ["documentNumber", "displayName"].into_iter().find(|name| fields.raw(name).is_some());
    Some(Receipt {
        remote_id: fields.text("id").into_owned(),
        key: key.map(|name| fields.text(name).into_owned()).unwrap_or_default(),
        etag: String::new(),
    })
}
