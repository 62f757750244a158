//! What a target says of an error, in its own words.

use serde::Deserialize;

/// The longest message that is kept of an answer.
const MESSAGE_CHARS: usize = 1000;

/// The code and the message of an answer that is no success; each is empty when the target gave none.
///
/// Source: the JSON format of `OData`, error responses; the server ends its messages with `CorrelationId: …`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorWords {
    /// The target's own error code, such as `Application_DialogException`.
    pub code: String,
    /// The target's message, without its correlation id.
    pub message: String,
}

#[derive(Deserialize)]
struct Envelope {
    error: Written,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    code: Option<String>,
    message: Option<String>,
}

impl ErrorWords {
    /// Reads the body of an answer. One that is no error envelope, as a proxy's page is none, has no words.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Ok(Envelope { error }) = serde_json::from_slice(body) else { return Self::default() };
        let message = error.message.unwrap_or_default();
        let end = message.find("CorrelationId:").unwrap_or(message.len());
        let message = message[..end].trim_end().chars().take(MESSAGE_CHARS).collect();
        Self { code: error.code.unwrap_or_default(), message }
    }

    /// Code and message in one line; `None` when there is neither.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let words = [&self.code, &self.message].map(String::as_str);
        let words: Vec<_> = words.into_iter().filter(|words| !words.is_empty()).collect();
        Some(words.join(": ")).filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_their_correlation_id_and_a_strangers_page_has_none() {
        let body = br#"{"error":{"code":"BadRequest","message":"No property x.  CorrelationId:  1-2-3."}}"#;
        assert_eq!(ErrorWords::read(body).line().as_deref(), Some("BadRequest: No property x."));
        let only_code = ErrorWords::read(br#"{"error":{"code":"BadRequest","message":null}}"#);
        assert_eq!(only_code.line().as_deref(), Some("BadRequest"));
        for stranger in ["<html>", "", r#"{"message":"no"}"#, r#"{"error":"hush"}"#, r#"{"error":{}}"#] {
            assert_eq!(ErrorWords::read(stranger.as_bytes()).line(), None, "{stranger}");
        }
    }
}
