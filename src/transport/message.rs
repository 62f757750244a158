//! Requests and replies, as the rest of the program sees them: free of any HTTP library's types.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::budget::{Budget, smallest_budget};
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
    /// Replaces a record, or part of it.
    Put,
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
    /// Kept as they came: of most answers nobody asks for a header.
    headers: HeaderMap,
    arrived: SystemTime,
}

impl ApiReply {
    pub(super) fn new(status: u16, headers: HeaderMap, body: Bytes, arrived: SystemTime) -> Self {
        Self { status, body, headers, arrived }
    }

    /// The value of a header; its name in any letter case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How long the server asked to be left alone, counted from the arrival of the reply.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if !self.has_name_with("retry-after") {
            return None;
        }
        longest_pause(self.texts().iter().copied(), self.arrived)
    }

    /// How many more requests the server takes for now, when it says so.
    #[must_use]
    pub fn budget(&self) -> Option<Budget> {
        if !self.has_name_with("remaining") {
            return None;
        }
        smallest_budget(self.texts().iter().copied(), self.arrived)
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Most answers carry neither, so the names are looked at first, which are in lower case.
    fn has_name_with(&self, part: &str) -> bool {
        self.headers.keys().any(|name| name.as_str().contains(part))
    }

    fn texts(&self) -> Vec<(&str, &str)> {
        fn text<'a>((name, value): (&'a HeaderName, &'a HeaderValue)) -> Option<(&'a str, &'a str)> {
            Some((name.as_str(), value.to_str().ok()?))
        }
        self.headers.iter().filter_map(text).collect()
    }
}
