//! The four shapes in which the imitated server refuses.
//!
//! Promises: refusals are camelCase although successes are `snake_case`; a failure of the server says nothing
//! about its cause.

use serde_json::{Value, json};

use crate::sandbox::call::Answer;

/// The media type of everything but pages and tables.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// The whole body.
    pub(super) body: Value,
}

impl Refusal {
    /// A broken rule of the books, told by its type alone.
    pub(super) fn domain(kind: &str) -> Self {
        Self::rule(kind, Value::Null)
    }

    /// A broken rule of the books with a sentence.
    pub(super) fn rule(kind: &str, message: impl Into<Value>) -> Self {
        let message: Value = message.into();
        Self {
            status: 400,
            body: json!({ "errors": [{ "statusCode": 400, "type": kind, "message": message }] }),
        }
    }

    /// The same refusal with more about it.
    pub(super) fn with_payload(mut self, payload: Value) -> Self {
        self.body["errors"][0]["payload"] = payload;
        self
    }

    /// Properties that break the rules of their types.
    pub(super) fn validation(problems: &[Value]) -> Self {
        Self { status: 400, body: json!({ "message": problems, "error": "Bad Request", "statusCode": 400 }) }
    }

    /// The record is not there.
    pub(super) fn not_found() -> Self {
        Self { status: 404, body: json!({ "statusCode": 404, "message": "NotFoundError" }) }
    }

    /// The database said no, and nobody translated it.
    pub(super) fn server() -> Self {
        Self { status: 500, body: json!({ "statusCode": 500, "message": "Internal server error" }) }
    }

    /// No credential, or one that opens nothing.
    pub(super) fn unauthorized() -> Self {
        Self { status: 401, body: json!({ "message": "Unauthorized", "statusCode": 401 }) }
    }

    /// A request that is wrong before anything looks at its properties.
    pub(super) fn bad_request(message: &str) -> Self {
        Self { status: 400, body: json!({ "message": message, "error": "Bad Request", "statusCode": 400 }) }
    }

    /// As it goes out.
    pub(super) fn into_answer(self) -> Answer {
        json_answer(self.status, &self.body)
    }
}

/// A JSON body; null is sent as no body at all.
pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Answer { status, headers: Vec::new(), content_type: JSON, body }
}

impl From<rusqlite::Error> for Refusal {
    fn from(_: rusqlite::Error) -> Self {
        Self::server()
    }
}
