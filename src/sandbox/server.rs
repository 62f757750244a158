//! The HTTP side: tokens, limits, faults, and handing operations to the books.
//!
//! Promises: nothing that touches the books runs on the async threads; a request that is refused by a limit or by a
//! fault before the work has no effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::Service;
use super::auth::Tokens;
use super::batch::Batch;
use super::bigcapital::{self, Bigcapital};
use super::books::Store;
use super::call::{Answer, Call, Headers};
use super::faults::{Draw, Ending, Faults, STALL};
use super::identity::new_guid;
use super::limits::{Limits, Refused};
use super::odata::{Behaviour, Dialect, Guid, ODataError};
use super::perform::perform;
use super::wire::Line;

/// The path of the service root of each version of the API, and others that lead to the same.
///
/// Source: the beta page's addresses: `/v1.0/api/beta` in 2018, and `/financials` in seed behaviour only.
const ROOT_PATHS: &[(Dialect, &str, bool)] = &[
    (Dialect::V2, "/v2.0/sandbox/api/v2.0", true),
    (Dialect::V1, "/v2.0/sandbox/api/v1.0", true),
    (Dialect::Beta, "/v2.0/sandbox/api/beta", true),
    (Dialect::Beta, "/v1.0/api/beta", true),
    (Dialect::Beta, "/financials", false),
];

/// The paths that lead to `dialect` in `behaviour`; the first is the one to tell.
pub(super) fn root_paths(dialect: Dialect, behaviour: Behaviour) -> impl Iterator<Item = &'static str> {
    let is_served =
        move |root: &&(Dialect, &str, bool)| root.0 == dialect && (root.2 || behaviour == Behaviour::Seed);
    ROOT_PATHS.iter().filter(is_served).map(|root| root.1)
}

/// The path of the token endpoint.
pub(super) const TOKEN_PATH: &str = "/oauth2/v2.0/token";

/// Source: the limit on request bodies.
const MAX_BODY_BYTES: usize = 350 << 20;

/// Source: measured on a live server: longer query strings are answered 414.
const MAX_QUERY_CHARS: usize = 8_099;

/// Source: the limit on waiting in the queue.
const MAX_WAIT: Duration = Duration::from_mins(8);

/// Source: the limit on the run time of one request; later the answer is 408, and its session is cancelled.
pub(super) const TIME_LIMIT: Duration = Duration::from_mins(8);

/// Everything a request needs.
#[derive(Debug)]
pub(super) struct Server {
    /// One for each path that leads to a version of the API.
    pub(super) services: Vec<(&'static str, Arc<Service>)>,
    pub(super) store: Store,
    pub(super) tokens: Tokens,
    pub(super) limits: Limits,
    pub(super) faults: Faults,
    pub(super) latency: Duration,
    pub(super) time_limit: Duration,
    pub(super) requests: AtomicU64,
    pub(super) bigcapital: Bigcapital,
}

/// What a request asks the books to do.
struct Work {
    service: Arc<Service>,
    asked: Asked,
    arrived: Instant,
}

/// One operation or many.
enum Asked {
    One(Call),
    Many(Headers, Batch),
}

impl Work {
    fn operations(&self) -> usize {
        match &self.asked {
            Asked::One(_) => 1,
            Asked::Many(_, batch) => batch.len().max(1),
        }
    }

    fn writes(&self) -> usize {
        match &self.asked {
            Asked::One(call) => usize::from(call.is_write()),
            Asked::Many(_, batch) => batch.writes(),
        }
    }

    /// Carries out the work, of a batch at most the first `limit` operations. Blocks.
    fn perform(&self, server: &Server, draw: Draw, limit: usize) -> Result<Answer, ODataError> {
        let service = &self.service;
        let work = |turn: &super::books::Turn<'_>| {
            if self.arrived.elapsed() > server.time_limit {
                let words = "The request took longer than this server works on one.";
                return Err(ODataError::new(408, "RequestTimeout", words));
            }
            Ok(match &self.asked {
                Asked::One(call) => perform(service, turn, call, draw.is_overtaken(0)),
                Asked::Many(headers, batch) => batch.perform(service, turn, (headers, draw, limit)),
            })
        };
        if self.writes() == 0 { server.store.read(work) } else { server.store.write(work) }
    }
}

impl Server {
    /// The version of the API that `path` leads to, and the rest of the path.
    fn service<'a>(&self, path: &'a str) -> Option<(&Arc<Service>, &'a str)> {
        self.services.iter().find_map(|(root, service)| {
            let rest = path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some((service, rest.trim_start_matches('/')))
        })
    }
}

/// Answers one request.
pub(super) async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    if request.uri().path().starts_with(bigcapital::ROOT_PATH) {
        return bigcapital::serve(&server, &line, request).await;
    }
    respond(answer(&server, &line, request).await.unwrap_or_else(|error| Answer::refusal(&error)))
}

async fn answer(server: &Arc<Server>, line: &Line, request: Request) -> Result<Answer, ODataError> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| {
        ODataError::new(413, "BadRequest", "The request body is larger than this server takes.")
    })?;
    if parts.uri.path() == TOKEN_PATH {
        return Ok(grant(server, &parts.method, &body));
    }
    // A path outside the service is answered without a body.
    let Some((service, path)) = server.service(parts.uri.path()) else { return Ok(Answer::empty(404)) };
    let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    let client = authorization.and_then(|value| server.tokens.client(value, Instant::now()));
    let client = client.ok_or_else(unauthorized)?;
    let query = parts.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY_CHARS {
        return Err(ODataError::new(414, "BadRequest", "The query string is too long."));
    }
    let call = Call {
        method: parts.method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Headers::of(texts(&parts.headers)),
        body,
    };
    let asked = if call.is_batch() && call.method == Method::POST {
        Asked::Many(call.headers, Batch::parse(&call.body, &service.root)?)
    } else {
        Asked::One(call)
    };
    admit(server, line, &client, Work { service: Arc::clone(service), asked, arrived }).await
}

/// Lets the work in when the limits of `client` allow it, and gives it the faults it draws.
async fn admit(server: &Arc<Server>, line: &Line, client: &str, work: Work) -> Result<Answer, ODataError> {
    let place = match server.limits.enter(client, work.operations(), Instant::now()) {
        Ok(place) => place,
        Err(refused) => {
            count(server, "throttled", &work).await?;
            return Ok(throttled(server, refused));
        }
    };
    let Ok(_slot) = timeout(MAX_WAIT, place.slot()).await else {
        return Err(ODataError::new(503, "Application_ServiceUnavailable", "The request waited too long."));
    };
    let draw = server.faults.draw(server.requests.fetch_add(1, Ordering::Relaxed));
    if draw.ending.is_some() {
        count(server, "faulted", &work).await?;
    }
    sleep_unless_zero(server.latency).await;
    if let Some(answer) = refuse(line, draw).await {
        return Ok(answer);
    }
    // A lost connection may have stopped a batch anywhere.
    let operations = work.operations();
    let limit = match draw.ending {
        Some(Ending::Lost) => usize::try_from(draw.below(operations as u64 + 1)).unwrap_or(operations),
        _ => operations,
    };
    let limit = if matches!(work.asked, Asked::One(_)) { 1 } else { limit };
    let answer = on_books(server, move |server| work.perform(server, draw, limit)).await?;
    sleep_unless_zero(draw.delay).await;
    Ok(finish(line, draw, answer))
}

/// The faults that end a request before its work.
async fn refuse(line: &Line, draw: Draw) -> Option<Answer> {
    match draw.ending? {
        Ending::Reset => Some(cut(line)),
        Ending::Stall => {
            sleep(STALL).await;
            Some(cut(line))
        }
        Ending::TooMany(form) => Some(too_many(form)),
        Ending::Unavailable => {
            let error =
                ODataError::new(503, "Internal_TenantUnavailable", "The service is temporarily unavailable.");
            Some(Answer::refusal(&error).with("retry-after", "1"))
        }
        Ending::Gateway { done: false } => Some(gateway()),
        Ending::Gateway { done: true } | Ending::Lost | Ending::Torn => None,
    }
}

/// The faults that spoil an answer after its work.
pub(super) fn finish(line: &Line, draw: Draw, answer: Answer) -> Answer {
    match draw.ending {
        Some(Ending::Lost) => cut(line),
        Some(Ending::Gateway { .. }) => gateway(),
        Some(Ending::Torn) if answer.body.is_empty() => cut(line),
        Some(Ending::Torn) => {
            line.tear_body_after(draw.below(answer.body.len() as u64));
            answer
        }
        _ => answer,
    }
}

pub(super) fn cut(line: &Line) -> Answer {
    line.cut();
    Answer::empty(500)
}

/// What a gateway says when it has given up waiting.
pub(super) fn gateway() -> Answer {
    let page = "<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>";
    Answer { status: 504, headers: Vec::new(), content_type: "text/html", body: page.as_bytes().to_vec() }
}

/// A 429 with `Retry-After` in seconds, as a date, not at all, or under a longer name.
fn too_many(form: u64) -> Answer {
    let answer = Answer::refusal(&ODataError::new(
        429,
        "Application_TooManyRequests",
        "Too many requests reached. Actual (6001). Maximum (6000) in 300 seconds.",
    ));
    match form {
        0 => answer.with("retry-after", "1"),
        1 => answer.with("retry-after", http_date(Timestamp::now() + Duration::from_secs(2))),
        2 => answer,
        _ => answer.with("retry-after-auth", "1"),
    }
}

fn http_date(moment: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).unwrap_or_default()
}

fn throttled(server: &Server, refused: Refused) -> Answer {
    let refuse =
        |message: String| Answer::refusal(&ODataError::new(429, "Application_TooManyRequests", message));
    match refused {
        Refused::Queue => refuse("Too many requests are waiting.".to_owned()),
        Refused::Rate(wait) => {
            let most = server.limits.rate().map_or(0, |rate| rate.requests);
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            refuse(format!("Too many requests reached. Maximum ({most})."))
                .with("retry-after", seconds.to_string())
        }
    }
}

fn unauthorized() -> ODataError {
    ODataError::new(
        401,
        "Authentication_InvalidCredentials",
        "The server has rejected the client credentials.",
    )
}

fn grant(server: &Server, method: &Method, form: &Bytes) -> Answer {
    if method != Method::POST {
        return Answer::empty(405);
    }
    let (status, body) = server.tokens.grant(form, Instant::now());
    let mut answer = Answer::json(status, body.to_string().into_bytes());
    answer.content_type = "application/json";
    answer.with("cache-control", "no-store")
}

/// Notes `kind` for the write operations of `work`.
async fn count(server: &Arc<Server>, kind: &'static str, work: &Work) -> Result<(), ODataError> {
    let writes = work.writes();
    if writes == 0 {
        return Ok(());
    }
    on_books(server, move |server| server.store.write(|turn| Ok(turn.count(kind, writes)?))).await
}

/// Runs `work` where it may block.
pub(super) async fn on_books<T: Send + 'static>(
    server: &Arc<Server>,
    work: impl FnOnce(&Server) -> Result<T, ODataError> + Send + 'static,
) -> Result<T, ODataError> {
    let server = Arc::clone(server);
    let outcome = tokio::task::spawn_blocking(move || work(&server)).await;
    outcome.unwrap_or_else(|cause| Err(ODataError::new(500, "Internal_ServerError", cause.to_string())))
}

pub(super) async fn sleep_unless_zero(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}

fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let request_id = Guid(new_guid()).to_string();
    let own = [("request-id", request_id), ("odata-version", "4.0".to_owned())];
    for (name, value) in own.into_iter().chain(answer.headers) {
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
