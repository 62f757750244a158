//! Writes: one request for one operation, or a `$batch` of many.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Routes, dimensions};
use crate::connector::fields::Fields;
use crate::connector::{Method, Operation, Request};
use crate::domain::reference::NIL_GUID;
use crate::domain::{Action, EntityKind};

/// What stands around a payload in a batch, roughly: sizes the buffer, nothing more.
const ENVELOPE_BYTES: usize = 256;

/// An `ETag` of no record: the base 64 text of nothing at all.
const NO_ETAG: &str = "W/\"\"";

impl Routes {
    /// The request that carries out one operation.
    pub(super) fn write_one(&self, operation: &Operation<'_>) -> Request {
        let method = method_of(operation);
        let mut headers = Vec::new();
        if method != Method::Delete {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if is_of_a_record(operation) {
            headers.push(("if-match", etag_of(operation).to_owned()));
        }
        let body = (method != Method::Delete).then(|| self.body_of(operation).into_owned());
        Request { method, path: self.write_path(operation), headers, body }
    }

    /// The `$batch` that carries out all of the operations, each on its own, named by its row's id.
    ///
    /// Source: the batch documentation; `odata.continue-on-error` makes the server go on after a refusal.
    pub(super) fn write_batch(&self, operations: &[Operation<'_>]) -> Request {
        let payload_bytes: usize = operations.iter().map(|operation| operation.payload.len()).sum();
        let mut body = String::with_capacity(payload_bytes + operations.len() * ENVELOPE_BYTES);
        body.push_str(r#"{"requests":["#);
        for (index, operation) in operations.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            self.push_part(&mut body, operation);
        }
        body.push_str("]}");
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
            ("prefer", "odata.continue-on-error=true".to_owned()),
        ];
        Request { method: Method::Post, path: "$batch".to_owned(), headers, body: Some(body) }
    }

    fn push_part(&self, body: &mut String, operation: &Operation<'_>) {
        let method = match method_of(operation) {
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            _ => "POST",
        };
        let row = operation.row;
        let url = self.write_path(operation);
        write!(body, r#"{{"id":"{row}","method":"{method}","url":"{url}","headers":{{"#)
            .expect("a string takes everything");
        if operation.action == Action::Delete {
            body.push_str(r#""If-Match":"#);
            push_json_text(body, etag_of(operation));
            body.push_str("}}");
            return;
        }
        body.push_str(r#""Content-Type":"application/json""#);
        if is_of_a_record(operation) {
            body.push_str(r#","If-Match":"#);
            push_json_text(body, etag_of(operation));
        }
        body.push_str(r#"},"body":"#);
        body.push_str(&self.body_of(operation));
        body.push('}');
    }

    /// The planned body as the dialect wants it, with the reserved line of a new payment in it.
    fn body_of<'a>(&self, operation: &Operation<'a>) -> Cow<'a, str> {
        let body = self.lens.send(operation.payload);
        match operation.line_number {
            Some(line) if operation.action == Action::Create => Cow::Owned(with_line(&body, line)),
            _ => body,
        }
    }

    fn write_path(&self, operation: &Operation<'_>) -> String {
        if self.kind == EntityKind::Dimensions {
            return dimensions::path(&self.set_path, operation);
        }
        if is_of_a_record(operation) {
            // Never the whole set: without an id it is a record that nobody has.
            return format!("{}({})", self.set_path, operation.remote_id.unwrap_or(NIL_GUID));
        }
        self.set_path.clone()
    }
}

fn method_of(operation: &Operation<'_>) -> Method {
    match operation.action {
        Action::Update => Method::Patch,
        Action::Delete => Method::Delete,
        _ => Method::Post,
    }
}

/// Whether the operation changes or deletes a record that is there.
fn is_of_a_record(operation: &Operation<'_>) -> bool {
    matches!(operation.action, Action::Update | Action::Delete)
}

/// The `ETag` an update or a delete insists on. One that is not known becomes one that no record has: the target says stale, and
/// the record is read again. `*` would overwrite or delete what nobody has looked at.
fn etag_of<'a>(operation: &Operation<'a>) -> &'a str {
    operation.etag.filter(|etag| !etag.is_empty()).unwrap_or(NO_ETAG)
}

/// The payload with `lineNumber` in front; a line that the payload names itself gives way.
fn with_line(payload: &str, line: i64) -> String {
    let mut body = format!(r#"{{"lineNumber":{line}"#);
    if !payload.contains(r#""lineNumber""#) {
        let rest = payload.trim_start().trim_start_matches('{').trim_start();
        if rest != "}" {
            body.push(',');
        }
        body.push_str(rest);
        return body;
    }
    let Ok(fields) = Fields::parse(payload) else { return payload.to_owned() };
    for (name, value) in fields.iter().filter(|(name, _)| *name != "lineNumber") {
        body.push(',');
        push_json_text(&mut body, name);
        body.push(':');
        body.push_str(value);
    }
    body.push('}');
    body
}

fn push_json_text(body: &mut String, text: &str) {
    body.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::super::{customers, payments};
    use super::*;

    fn create(payload: &str) -> Operation<'_> {
        Operation { row: 7, action: Action::Create, payload, remote_id: None, etag: None, line_number: None }
    }

    fn update(payload: &str) -> Operation<'_> {
        Operation {
            row: 8,
            action: Action::Update,
            payload,
            remote_id: Some("b1"),
            etag: Some("W/\"JzE=\""),
            line_number: None,
        }
    }

    #[test]
    fn a_new_payment_carries_its_reserved_line() {
        let connector = payments("c1", "j1");
        let operation = Operation { line_number: Some(20000), ..create(r#"{"amount":-10.50}"#) };
        let request = connector.single(&operation);
        assert_eq!(request.method, Method::Post);
        assert_eq!(request.path, "companies(c1)/customerPaymentJournals(j1)/customerPayments");
        assert_eq!(request.body.unwrap(), r#"{"lineNumber":20000,"amount":-10.50}"#);
    }

    #[test]
    fn a_line_in_the_payload_gives_way_to_the_reserved_one() {
        assert_eq!(with_line(r#"{"amount":-1.00,"lineNumber":5}"#, 9), r#"{"lineNumber":9,"amount":-1.00}"#);
        assert_eq!(
            with_line(r#"{"comment":"\"lineNumber\""}"#, 9),
            r#"{"lineNumber":9,"comment":"\"lineNumber\""}"#
        );
        assert_eq!(with_line("{}", 9), r#"{"lineNumber":9}"#);
    }

    #[test]
    fn an_update_insists_on_the_etag_it_saw() {
        let request = customers("c1").single(&update(r#"{"city":"Ulm"}"#));
        assert_eq!((request.method, request.path.as_str()), (Method::Patch, "companies(c1)/customers(b1)"));
        assert!(request.headers.contains(&("if-match", "W/\"JzE=\"".to_owned())));
    }

    #[test]
    fn an_update_without_an_etag_overwrites_nothing() {
        for etag in [None, Some("")] {
            let operation = Operation { etag, ..update(r#"{"city":"Ulm"}"#) };
            let request = customers("c1").single(&operation);
            assert!(request.headers.contains(&("if-match", "W/\"\"".to_owned())));
            let batch = customers("c1").batch(&[operation]).body.unwrap();
            assert!(batch.contains(r#""If-Match":"W/\"\"""#), "{batch}");
        }
    }

    #[test]
    fn a_delete_insists_on_the_etag_it_saw_and_carries_nothing() {
        let operation = Operation { action: Action::Delete, ..update("") };
        let request = customers("c1").single(&operation);
        assert_eq!((request.method, request.path.as_str()), (Method::Delete, "companies(c1)/customers(b1)"));
        assert_eq!((request.headers, request.body), (vec![("if-match", "W/\"JzE=\"".to_owned())], None));
        let batch = payments("c1", "j1").batch(&[operation, Operation { etag: None, ..operation }]);
        insta::assert_snapshot!(
            batch.body.unwrap(),
            @r#"{"requests":[{"id":"8","method":"DELETE","url":"companies(c1)/customerPaymentJournals(j1)/customerPayments(b1)","headers":{"If-Match":"W/\"JzE=\""}},{"id":"8","method":"DELETE","url":"companies(c1)/customerPaymentJournals(j1)/customerPayments(b1)","headers":{"If-Match":"W/\"\""}}]}"#
        );
    }

    #[test]
    fn a_batch_names_every_operation_by_its_row() {
        let operations = [create(r#"{"number":"A","creditLimit":1.10}"#), update(r#"{"city":"Ulm"}"#)];
        let request = customers("c1").batch(&operations);
        assert_eq!(request.path, "$batch");
        assert!(request.headers.contains(&("prefer", "odata.continue-on-error=true".to_owned())));
        insta::assert_snapshot!(
            request.body.unwrap(),
            @r#"{"requests":[{"id":"7","method":"POST","url":"companies(c1)/customers","headers":{"Content-Type":"application/json"},"body":{"number":"A","creditLimit":1.10}},{"id":"8","method":"PATCH","url":"companies(c1)/customers(b1)","headers":{"Content-Type":"application/json","If-Match":"W/\"JzE=\""},"body":{"city":"Ulm"}}]}"#
        );
    }
}
