//! Refusals as the API words them: a status, a code to decide by, and a message for people.

use std::fmt::Write;

use super::value::write_text;

/// Why a request is refused, before or after it touched the books.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub(crate) struct ODataError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The code clients decide by, such as `BadRequest_InvalidToken`.
    pub(crate) code: &'static str,
    /// What is wrong, without the correlation id.
    pub(crate) message: String,
}

impl ODataError {
    /// A refusal with any status and code.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A query or a body that cannot be understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// A query that is well formed and that this API does not offer.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(501, "BadRequest_MethodNotImplemented", message)
    }

    /// The answer's body; the message ends with `correlation_id`, as the real server's does.
    pub(crate) fn to_json(&self, correlation_id: &str) -> Vec<u8> {
        let mut message = self.message.clone();
        write!(message, "  CorrelationId:  {correlation_id}.").expect("writing to a string cannot fail");
        let mut json = br#"{"error":{"code":"#.to_vec();
        write_text(&mut json, self.code);
        json.extend_from_slice(br#","message":"#);
        write_text(&mut json, &message);
        json.extend_from_slice(b"}}");
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_ends_its_message_with_the_correlation_id() {
        let error = ODataError::bad_request("no property `x\"y`");
        let json = error.to_json("a1b2");
        insta::assert_snapshot!(
            String::from_utf8(json).unwrap(),
            @r#"{"error":{"code":"BadRequest","message":"no property `x\"y`  CorrelationId:  a1b2."}}"#
        );
    }
}
