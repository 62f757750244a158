//! Requests and replies, free of any HTTP library's types.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::retry_after::longest_pause;

/// How long a reply may take in all.
///
/// Source: Business Central's gateway gives up after 10 minutes; a client that gives up earlier does not know
/// what became of its write.
pub const PATIENCE: Duration = Duration::from_secs(630);

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or carries a batch.
    Post,
    /// Changes some fields.
    Patch,
    /// Deletes.
    Delete,
}

/// One request to the API, without credentials.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// What to do.
    pub method: Method,
    /// Path and query below the service root, already percent-encoded; or the absolute URL of a next page.
    pub path: String,
    /// Headers beside those the transport sets on every request.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON to send.
    pub body: Option<Bytes>,
    /// The longest time from the first byte sent to the last byte received.
    pub deadline: Duration,
}

impl ApiRequest {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None, deadline: PATIENCE }
    }

    /// A read.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// A request that sends JSON.
    #[must_use]
    pub fn with_body(method: Method, path: impl Into<String>, json: impl Into<Bytes>) -> Self {
        Self { body: Some(json.into()), ..Self::new(method, path) }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The API's whole answer: whatever its status, all of it arrived.
#[derive(Clone, Debug)]
pub struct ApiReply {
    /// The HTTP status.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
    headers: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl ApiReply {
    /// An answer with these headers, received at `now`.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Bytes, now: SystemTime) -> Self {
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let retry_after = longest_pause(pairs, now);
        Self { status, body, headers, retry_after }
    }

    /// The value of a header; its name in any letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// How long the server asked to be left alone, counted from the arrival of the reply.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
