//! HTTP to the API, and the only user of `reqwest`: [`ApiRequest`] in, [`ApiReply`] or [`TransportError`] out.
//!
//! Promises:
//! - An error says whether the request may have been carried out ([`TransportError::is_in_doubt`]) or certainly
//!   was not.
//! - Credentials go to the origin of the service root (scheme, host, port) and nowhere else. Redirects are not
//!   followed; an address of another origin gets no request at all.
//! - Every wait has a deadline. Nothing is retried here, but for one fresh token after a 401.
//! - Secrets and tokens reach no message and no `Debug` text.
//! - What one credential uses of its allowance is counted in one [record](crate::pace), whoever sends with it.

mod budget;
mod credential;
mod error;
mod message;
mod origin;
mod pacing;
mod retry_after;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue};
use url::Url;

pub use self::budget::Budget;
pub use self::credential::Credential;
pub use self::error::TransportError;
pub use self::message::{ApiReply, ApiRequest, Method, PATIENCE};
pub use self::origin::PlainHttp;
pub use self::pacing::CountedBy;
pub use self::retry_after::{longest_pause, parse_retry_after};

use self::credential::Login;
use self::origin::{check_address, is_loopback, origin_text, resolve};
use self::pacing::Pacing;
use crate::domain::ErrorWords;
use crate::pace::{PaceError, Rate, Record};

/// How long a connection may take to come about.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// How long an unused connection is kept: shorter than the servers in front of the API keep theirs, so that a
/// request rarely meets a connection that is just being closed.
const IDLE_PATIENCE: Duration = Duration::from_secs(20);

/// Everything a transport has to know.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// The address that relative paths stand below.
    pub service_root: Url,
    /// Who to ask as; requests name one by its index.
    pub credentials: Vec<Credential>,
    /// Whether `http` may be used.
    pub plain_http: PlainHttp,
}

/// Connections to one service root, and the credentials for it. Cheap to share by reference.
#[derive(Debug)]
pub struct Transport {
    client: reqwest::Client,
    service_root: Url,
    logins: Vec<Login>,
    /// The last path and its address.
    last: Mutex<Option<(String, Url)>>,
    /// What is known of the allowances; `None` where nobody keeps them.
    pacing: Option<Pacing>,
}

/// Chooses the cryptography for TLS, once per process; later calls do nothing.
pub fn install_crypto() {
    // An `Err` means that it has been chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Transport {
    /// Checks the addresses and credentials; opens no connection.
    pub fn new(options: TransportOptions) -> Result<Self, TransportError> {
        install_crypto();
        let TransportOptions { service_root, credentials, plain_http } = options;
        check_address(&service_root, plain_http)?;
        let logins: Vec<_> = credentials.into_iter().map(Login::new).collect::<Result<_, _>>()?;
        for token_url in logins.iter().filter_map(Login::token_url) {
            check_address(token_url, plain_http)?;
        }
        if logins.is_empty() {
            return Err(TransportError::NoCredentials);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ledgerferry/", env!("CARGO_PKG_VERSION")))
            .default_headers(pinned_headers())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_PATIENCE)
            .pool_idle_timeout(IDLE_PATIENCE)
            .tcp_nodelay(true);
        if is_loopback(&service_root) {
            // A proxy could not reach this machine's own ports.
            builder = builder.no_proxy();
        }
        let is_plain = |address: &Url| address.scheme() == "http";
        if is_plain(&service_root) && logins.iter().filter_map(Login::token_url).all(is_plain) {
            // Nothing is encrypted there, and reading every authority of the machine takes time.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        let client = builder.build().map_err(|failure| TransportError::Client(failure.into()))?;
        Ok(Self { client, service_root, logins, last: Mutex::default(), pacing: None })
    }

    /// How many credentials there are; requests name one by an index below this.
    #[must_use]
    pub fn credentials(&self) -> usize {
        self.logins.len()
    }

    /// The address that relative paths stand below.
    #[must_use]
    pub fn service_root(&self) -> &Url {
        &self.service_root
    }

    /// Counts from now on what the credentials use in the records below `folder`, one for each that the target counts
    /// by itself, together with all other processes that use the same folder.
    ///
    /// # Errors
    /// When a record cannot be made or written; then nothing is counted.
    pub fn keep_pace(&mut self, folder: &Path, rate: Rate, by: CountedBy) -> Result<(), PaceError> {
        let names: Vec<_> = match by {
            CountedBy::Address => vec![pacing::name(&self.service_root, ""); self.logins.len()],
            CountedBy::Credential => {
                let logins = self.logins.iter().enumerate();
                logins.map(|(index, login)| login.pacing_name(index, &self.service_root)).collect()
            }
        };
        self.pacing = Some(Pacing::open(folder, rate, &names)?);
        Ok(())
    }

    /// Where what this credential uses is counted; `None` where nobody does.
    #[must_use]
    pub fn record(&self, credential: usize) -> Option<Arc<Record>> {
        self.pacing.as_ref().map(|pacing| pacing.record(credential))
    }

    /// Waits until a request beside a delivery may leave as this credential, and counts it; `waiting` is told of every
    /// wait that a person would notice. Does nothing where nobody counts.
    pub async fn take_turn(
        &self,
        credential: usize,
        route: &str,
        waiting: &mut (dyn FnMut(Duration) + Send),
    ) {
        if let Some(pacing) = &self.pacing {
            pacing.take_turn(credential, route, waiting).await;
        }
    }

    /// Sends the request as the credential with this index, and waits for the whole reply, whatever its status.
    ///
    /// After a 401 the token is fetched anew and the request sent once more: a request that was not let in was
    /// not carried out. A write is only taken as not let in when the answer is the target's own or asks for
    /// credentials; any other page that forbids is handed on as a reply, because it may hide that of a write that was
    /// carried out.
    ///
    /// # Panics
    ///
    /// When there is no such credential.
    pub async fn send(&self, credential: usize, request: &ApiRequest) -> Result<ApiReply, TransportError> {
        self.converse(credential, request, None).await
    }

    /// The same for an answer of any size: the body of a success goes to `take` piece by piece, and the reply has none.
    /// When the answer is torn, `take` has got a part of it.
    ///
    /// # Panics
    ///
    /// When there is no such credential.
    pub async fn send_for(
        &self,
        credential: usize,
        request: &ApiRequest,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<ApiReply, TransportError> {
        self.converse(credential, request, Some(take)).await
    }

    async fn converse(
        &self,
        credential: usize,
        request: &ApiRequest,
        mut take: Taker<'_>,
    ) -> Result<ApiReply, TransportError> {
        let url = self.url_of(&request.path)?;
        let login = &self.logins[credential];
        let mut refused = None;
        loop {
            let header = login.header(&self.client, refused.as_ref()).await?;
            let Some(header) = header else { return Err(self.not_authenticated()) };
            let reply = self.exchange(url.clone(), header.clone(), request, &mut take).await?;
            match reply.status {
                401 | 403 if request.method != Method::Get && !was_kept_out(&reply) => return Ok(reply),
                401 if refused.is_none() => refused = Some(header),
                401 => return Err(self.not_authenticated()),
                403 => return Err(self.not_permitted(&reply)),
                300..=399 => return Err(self.redirected(&reply)),
                _ => return Ok(reply),
            }
        }
    }

    /// The address of a path. Most requests of a run go to the same one.
    fn url_of(&self, path: &str) -> Result<Url, TransportError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, url)) = last.as_ref().filter(|(known, _)| known == path) {
            return Ok(url.clone());
        }
        let url = resolve(&self.service_root, path)?;
        *last = Some((path.to_owned(), url.clone()));
        Ok(url)
    }

    async fn exchange(
        &self,
        url: Url,
        authorization: HeaderValue,
        request: &ApiRequest,
        take: &mut Taker<'_>,
    ) -> Result<ApiReply, TransportError> {
        let failed = |failure| TransportError::from_client(origin_text(&self.service_root), failure);
        let outgoing = outgoing(url, authorization, request)?;
        let mut reply = self.client.execute(outgoing).await.map_err(failed)?;
        let status = reply.status().as_u16();
        let headers = std::mem::take(reply.headers_mut());
        let body = match take {
            Some(take) if (200..300).contains(&status) => {
                while let Some(piece) = reply.chunk().await.map_err(failed)? {
                    take(&piece);
                }
                bytes::Bytes::new()
            }
            _ => reply.bytes().await.map_err(failed)?,
        };
        Ok(ApiReply::new(status, headers, body, SystemTime::now()))
    }

    fn not_authenticated(&self) -> TransportError {
        TransportError::NotAuthenticated {
            origin: origin_text(&self.service_root),
            detail: "HTTP status 401".to_owned(),
        }
    }

    fn not_permitted(&self, reply: &ApiReply) -> TransportError {
        let detail = ErrorWords::read(&reply.body).line();
        let detail = detail.unwrap_or_else(|| "HTTP status 403".to_owned());
        TransportError::NotPermitted { origin: origin_text(&self.service_root), detail }
    }

    fn redirected(&self, reply: &ApiReply) -> TransportError {
        let target = reply.header("location").and_then(|location| self.service_root.join(location).ok());
        TransportError::Redirected {
            origin: origin_text(&self.service_root),
            to: target.as_ref().map_or_else(|| "?".to_owned(), origin_text),
            status: reply.status,
        }
    }
}

/// Where the body of a success goes, if not into the reply.
type Taker<'t> = Option<&'t mut (dyn FnMut(&[u8]) + Send)>;

/// Whether an answer that forbids comes from the door: in the target's own words, or with a challenge.
fn was_kept_out(reply: &ApiReply) -> bool {
    reply.header("www-authenticate").is_some() || !ErrorWords::read(&reply.body).code.is_empty()
}

fn outgoing(
    url: Url,
    authorization: HeaderValue,
    request: &ApiRequest,
) -> Result<reqwest::Request, TransportError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut outgoing = reqwest::Request::new(method, url);
    *outgoing.timeout_mut() = Some(request.deadline);
    let headers = outgoing.headers_mut();
    if let Some(body) = &request.body {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        *outgoing.body_mut() = Some(body.clone().into());
    }
    let headers = outgoing.headers_mut();
    for (name, value) in &request.headers {
        let value = HeaderValue::from_str(value)
            .map_err(|_| TransportError::BadHeader { what: format!("the value of `{name}`") })?;
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| TransportError::BadHeader { what: format!("the name `{name}`") })?;
        headers.insert(name, value);
    }
    headers.insert("authorization", authorization);
    Ok(outgoing)
}

/// What every request carries.
///
/// Source: `Accept-Language` decides the language of messages and the formatting of numbers inside them.
fn pinned_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("accept-language", HeaderValue::from_static("en-US"));
    headers
}

#[cfg(test)]
mod tests;
