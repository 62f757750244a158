//! The HTTP side: routes, counters, faults, and handing one operation to the books.
//!
//! Promises: a request refused by a counter or by a fault before the work has no effect; one writer at a time finds
//! the books correct, several do not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::ask::{Ask, read_body, read_query};
use super::carry_out::{Job, perform};
use super::keys::Credentials;
use super::refusal::{Refusal, json_answer};
use super::routes::Route;
use super::throttle::too_many;
use super::{ROOT_PATH, racing};
use crate::sandbox::call::Answer;
use crate::sandbox::faults::{Draw, Ending, STALL};
use crate::sandbox::server::{Server, cut, finish, gateway, on_books, sleep_unless_zero};
use crate::sandbox::wire::Line;

/// Source: the limit on JSON bodies.
const MAX_BODY_BYTES: usize = 102_400;

/// Answers one request to a path below [`ROOT_PATH`].
pub(in crate::sandbox) async fn serve(server: &Arc<Server>, line: &Line, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => answer(server, line, &parts, &body).await,
        Err(_) => json_answer(413, &json!({ "statusCode": 413, "message": "request entity too large" })),
    };
    respond(answer)
}

async fn answer(server: &Arc<Server>, line: &Line, parts: &Parts, body: &[u8]) -> Answer {
    let arrived = Instant::now();
    let path = parts.uri.path().strip_prefix(ROOT_PATH).unwrap_or_default();
    let Some((route, ids)) = Route::find(parts.method.as_str(), path) else {
        let message = format!("Cannot {} /api{path}", parts.method);
        return json_answer(404, &json!({ "message": message, "error": "Not Found", "statusCode": 404 }));
    };
    let told = match server.bigcapital.throttle.enter(&route.counter(), arrived) {
        Ok(told) => told,
        Err(refused) => {
            count(server, "throttled", route).await;
            return refused;
        }
    };
    let job = Job { route, credentials: credentials(parts), ask: read_ask(parts, body, ids), arrived };
    let mut answer = admit(server, line, job).await;
    answer.headers.extend(told);
    answer
}

/// Gives the job the faults it draws, and lets it work beside whoever else is at work.
async fn admit(server: &Arc<Server>, line: &Line, job: Job) -> Answer {
    let draw = server.faults.draw(server.requests.fetch_add(1, Ordering::Relaxed));
    if draw.ending.is_some() {
        count(server, "faulted", job.route).await;
    }
    // What never reaches the server is in nobody's way there.
    if let Some(answer) = refuse(line, draw).await {
        return answer;
    }
    let writer = job.route.is_write().then(|| server.bigcapital.writers.enter(job.payment_number()));
    sleep_unless_zero(server.latency).await;
    let mut mishap = racing::Mishap::None;
    let mut unseen_numbers = Vec::new();
    if let Some(writer) = &writer {
        if writer.rivals >= racing::POOL {
            sleep(STALL).await;
            return Refusal::server().into_answer();
        }
        mishap = writer.mishap(job.route.is_of_payments());
        unseen_numbers.clone_from(&writer.rival_numbers);
    }
    let work = move |server: &Server| Ok(perform(server, &job, mishap, &unseen_numbers));
    let answer = on_books(server, work).await.unwrap_or_else(|_| Refusal::server().into_answer());
    drop(writer);
    sleep_unless_zero(draw.delay).await;
    finish(line, draw, answer)
}

/// The faults that end a request before its work.
async fn refuse(line: &Line, draw: Draw) -> Option<Answer> {
    match draw.ending? {
        Ending::Reset => Some(cut(line)),
        Ending::Stall => {
            sleep(STALL).await;
            Some(cut(line))
        }
        Ending::TooMany(_) => Some(too_many().with("retry-after-auth", "1")),
        Ending::Unavailable => {
            let body = json!({ "statusCode": 503, "message": "Service Unavailable" });
            Some(json_answer(503, &body).with("retry-after", "1"))
        }
        Ending::Gateway { done: false } => Some(gateway()),
        Ending::Gateway { done: true } | Ending::Lost | Ending::Torn => None,
    }
}

/// Notes `kind` when the route is a write.
async fn count(server: &Arc<Server>, kind: &'static str, route: Route) {
    if route.is_write() {
        let work = move |server: &Server| {
            server.store.write(|turn| Ok(super::carry_out::note(turn.connection, kind)?))
        };
        // A count that cannot be kept must not change the answer.
        let _ = on_books(server, work).await;
    }
}

fn header(parts: &Parts, name: &str) -> Option<String> {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn credentials(parts: &Parts) -> Credentials {
    Credentials {
        authorization: header(parts, "authorization"),
        organization: header(parts, "organization-id"),
    }
}

fn read_ask(parts: &Parts, body: &[u8], ids: Vec<String>) -> Result<Ask, Refusal> {
    let content_type = header(parts, "content-type").unwrap_or_default().to_lowercase();
    Ok(Ask {
        ids,
        query: read_query(parts.uri.query().unwrap_or_default()),
        body: read_body(body, &content_type)?,
        accept: header(parts, "accept").unwrap_or_default().to_lowercase(),
    })
}

impl Job {
    /// The number a payment is to be stored under, when it comes with one.
    fn payment_number(&self) -> Option<String> {
        let ask = self.ask.as_ref().ok().filter(|_| self.route.is_of_payments())?;
        ask.body.get("paymentReceiveNo").and_then(Value::as_str).map(str::to_owned)
    }
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if !answer.body.is_empty() {
        headers.insert("content-type", HeaderValue::from_static(answer.content_type));
        *response.body_mut() = Body::from(answer.body);
    }
    response
}
