//! JSON batches: up to a hundred operations in one request, one after the other.
//!
//! Source: the batch page of the web service documentation, and what live servers were seen to do: without a
//! preference a batch ends at its first failure; a snapshot that fails is undone and still reports what it undid as
//! done; beyond the limit the answer is 500.

use std::collections::HashMap;
use std::str::FromStr;

use axum::body::Bytes;
use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Service;
use super::books::Turn;
use super::call::{Answer, Call, Headers};
use super::faults::Draw;
use super::odata::ODataError;
use super::perform::perform;

/// The most operations in a batch.
const MAX_OPERATIONS: usize = 100;

/// A batch that was read.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    operations: Vec<(Option<Box<RawValue>>, Call)>,
}

#[derive(Deserialize)]
struct Envelope {
    requests: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    id: Option<Box<RawValue>>,
    method: String,
    url: String,
    #[serde(default)]
    headers: HashMap<String, String>,
    body: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Responses<'a> {
    responses: Vec<Response<'a>>,
}

#[derive(Serialize)]
struct Response<'a> {
    id: Option<&'a RawValue>,
    status: u16,
    headers: HashMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

impl Batch {
    /// Reads the body of a batch; `root` is the service's address, which inner addresses may start with.
    pub(super) fn parse(body: &[u8], root: &str) -> Result<Self, ODataError> {
        let unreadable = |cause: &dyn std::fmt::Display| {
            ODataError::bad_request(format!("The batch cannot be read: {cause}."))
        };
        let envelope: Envelope = serde_json::from_slice(body).map_err(|cause| unreadable(&cause))?;
        if envelope.requests.len() > MAX_OPERATIONS {
            let message =
                format!("The number of operations in the batch exceeds the maximum of {MAX_OPERATIONS}.");
            return Err(ODataError::new(500, "Unknown", message));
        }
        let operations = envelope.requests.into_iter().map(|operation| {
            let method =
                Method::from_str(&operation.method.to_uppercase()).map_err(|cause| unreadable(&cause))?;
            let url = operation.url.strip_prefix(root).unwrap_or(&operation.url).trim_start_matches('/');
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let headers = operation.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let body =
                operation.body.map_or_else(Bytes::new, |body| Bytes::copy_from_slice(body.get().as_bytes()));
            let call = Call {
                method,
                path: path.to_owned(),
                query: query.to_owned(),
                headers: Headers::of(headers),
                body,
            };
            Ok((operation.id, call))
        });
        Ok(Self { operations: operations.collect::<Result<_, ODataError>>()? })
    }

    /// How many operations it has.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// How many of its operations could change the books.
    pub(super) fn writes(&self) -> usize {
        self.operations.iter().filter(|(_, call)| call.is_write()).count()
    }

    /// Carries out the first `limit` operations and answers.
    pub(super) fn perform(
        &self,
        service: &Service,
        turn: &Turn<'_>,
        (headers, draw, limit): (&Headers, Draw, usize),
    ) -> Answer {
        let answers = if headers.isolation.as_deref() == Some("snapshot") {
            self.perform_snapshot(service, turn, draw)
        } else {
            let goes_on = headers.continues_on_error();
            self.perform_each(service, turn, draw, |done, is_ok| done < limit && (is_ok || goes_on))
        };
        self.answer(answers)
    }

    /// Carries out operations one by one, as long as `goes_on` with how many are done and whether the last one was
    /// accepted.
    fn perform_each(
        &self,
        service: &Service,
        turn: &Turn<'_>,
        draw: Draw,
        goes_on: impl Fn(usize, bool) -> bool,
    ) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::with_capacity(self.len());
        for (index, (_, call)) in self.operations.iter().enumerate() {
            if !goes_on(index, answers.last().is_none_or(is_success)) {
                break;
            }
            answers.push(perform_inner(service, turn, call, draw.is_overtaken(index)));
        }
        answers
    }

    /// All or nothing. What a failure undoes is still reported as done; a failure at the start is reported alone.
    fn perform_snapshot(&self, service: &Service, turn: &Turn<'_>, draw: Draw) -> Vec<Answer> {
        let mut answers = Vec::new();
        let outcome = turn.attempt(|| {
            answers = self.perform_each(service, turn, draw, |_, _| true);
            if answers.iter().all(is_success) { Ok(()) } else { Err(ODataError::bad_request("undone")) }
        });
        if outcome.is_err() {
            if answers.first().is_some_and(|first| !is_success(first)) {
                answers.truncate(1);
            }
            // Counting was undone with the rest.
            if let Err(error) = turn.count("refused", self.writes()) {
                return vec![Answer::refusal(&error.into())];
            }
        }
        answers
    }

    fn answer(&self, answers: Vec<Answer>) -> Answer {
        let responses = self.operations.iter().zip(answers).map(|((id, _), answer)| {
            let mut headers: HashMap<_, _> = answer.headers.into_iter().collect();
            if !answer.body.is_empty() {
                headers.insert("content-type", answer.content_type.to_owned());
            }
            let body = String::from_utf8(answer.body).ok().filter(|body| !body.is_empty());
            let body = body.map(|body| {
                RawValue::from_string(body.clone()).unwrap_or_else(|_| {
                    serde_json::value::to_raw_value(&body).expect("text can be written as JSON")
                })
            });
            Response { id: id.as_deref(), status: answer.status, headers, body }
        });
        let body = serde_json::to_vec(&Responses { responses: responses.collect() });
        Answer::json(200, body.expect("answers can be written as JSON"))
    }
}

fn perform_inner(service: &Service, turn: &Turn<'_>, call: &Call, is_overtaken: bool) -> Answer {
    if call.is_batch() {
        return Answer::refusal(&ODataError::bad_request("A batch cannot hold a batch."));
    }
    perform(service, turn, call, is_overtaken)
}

fn is_success(answer: &Answer) -> bool {
    answer.status < 400
}
