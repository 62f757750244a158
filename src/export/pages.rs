//! Pages from the API, one after the other.
//!
//! Promises: next links are followed as they are, to the same server only, and never in a circle; reads are
//! repeated while the server is busy or the network torn, within the given patience.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use memchr::{memchr, memrchr};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::connector::{Api, List, Set};
use crate::domain::ErrorWords;
use crate::transport::{ApiReply, ApiRequest, Transport, TransportError};

use super::patience::{Jitter, Patience};
use super::spool::{Download, Spool, SpoolError};
use super::{ExportError, ExportEvent};

/// How pages are read.
#[derive(Clone, Copy, Debug)]
pub struct PageOptions {
    /// How many records the server is asked to put on a page; it may put fewer.
    pub page_rows: u32,
    /// How much trouble a page may meet.
    pub patience: Patience,
    /// Where the random part of the pauses starts.
    pub seed: u64,
}

impl Default for PageOptions {
    /// 5,000 rows are some four megabytes: large enough that the time between two requests does not count, small
    /// enough that a server's time limit and our memory never do.
    fn default() -> Self {
        Self { page_rows: 5_000, patience: Patience::default(), seed: 0 }
    }
}

impl PageOptions {
    /// The defaults, giving a page up after this long.
    #[must_use]
    pub fn within(budget: Duration) -> Self {
        let patience = Patience { budget, ..Patience::default() };
        Self { patience, ..Self::default() }
    }
}

/// One page, as it came.
#[derive(Clone, Debug)]
pub struct Page {
    /// The JSON.
    pub body: Bytes,
    /// The address of the next page, if there is one.
    pub next_link: Option<String>,
    /// 1-based, counted over all that one reader has read.
    pub number: u64,
}

/// Reads the pages of one set of records, then of another if need be.
#[derive(Debug)]
pub struct PageReader<'t> {
    transport: &'t Transport,
    api: &'t dyn Api,
    /// What the pages hold.
    set: Set<'static>,
    options: PageOptions,
    /// Source: the header `Data-Access-Intent` of Business Central.
    intent: &'static str,
    jitter: Jitter,
    next_link: Option<String>,
    /// What is left of an answer that came whole.
    spool: Option<Spool>,
    seen: HashSet<String>,
    pages: u64,
}

/// What surrounds the records of a page.
#[derive(Deserialize)]
struct Frame<Records> {
    #[serde(rename = "value")]
    _records: Records,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

impl<'t> PageReader<'t> {
    /// A reader of what this API lists.
    #[must_use]
    pub fn new(transport: &'t Transport, api: &'t dyn Api, options: PageOptions) -> Self {
        Self {
            transport,
            api,
            set: Set::Companies,
            intent: "ReadOnly",
            jitter: Jitter::new(options.seed),
            options,
            next_link: None,
            spool: None,
            seen: HashSet::new(),
            pages: 0,
        }
    }

    /// The same reader, asking the primary database: what was written a moment ago is there.
    ///
    /// Without this, pages may come from a replica that lags behind, which is what the vendor recommends for
    /// reports.
    #[must_use]
    pub fn on_primary(self) -> Self {
        Self { intent: "ReadWrite", ..self }
    }

    /// Reads the first page of a list.
    ///
    /// When the server refuses every address at which it may be, the error is that of the first.
    pub async fn list(
        &mut self,
        list: &List<'_>,
        on_event: &mut (dyn FnMut(ExportEvent) + Send),
    ) -> Result<Page, ExportError> {
        let addresses = self.api.list(list);
        self.open(list.set, &addresses, on_event).await
    }

    /// Reads the first page of `set` at the first of these addresses that the server does not refuse.
    ///
    /// When it refuses all of them, the error is that of the first.
    ///
    /// # Panics
    ///
    /// When there is no address at all.
    pub async fn open(
        &mut self,
        set: Set<'_>,
        addresses: &[String],
        on_event: &mut (dyn FnMut(ExportEvent) + Send),
    ) -> Result<Page, ExportError> {
        self.set = set.sort();
        let mut first_refusal = None;
        for address in addresses {
            match self.read(address, on_event).await {
                Err(refusal @ (ExportError::Refused { .. } | ExportError::NotFound { .. })) => {
                    first_refusal.get_or_insert(refusal);
                }
                page_or_failure => return page_or_failure,
            }
        }
        Err(first_refusal.expect("there is at least one address"))
    }

    /// Reads the page after the last one; `None` after the end.
    pub async fn next(
        &mut self,
        on_event: &mut (dyn FnMut(ExportEvent) + Send),
    ) -> Result<Option<Page>, ExportError> {
        if let Some(spool) = &mut self.spool {
            if let Some(body) = spool.next_page()? {
                self.pages += 1;
                return Ok(Some(Page { body, next_link: None, number: self.pages }));
            }
            self.spool = None;
        }
        match self.next_link.take() {
            Some(link) => self.read(&link, on_event).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(
        &mut self,
        address: &str,
        on_event: &mut (dyn FnMut(ExportEvent) + Send),
    ) -> Result<Page, ExportError> {
        self.spool = None;
        let (reply, download) = self.fetch(address, on_event).await?;
        let number = self.pages + 1;
        if !reply.is_success() {
            return Err(self.refusal(address, &reply));
        }
        let malformed = |source| ExportError::Malformed { entity: self.set.as_str(), page: number, source };
        let (body, next_link, spool) = if let Some(download) = download {
            let spool = Spool::read(self.api, (self.set, address), download);
            let mut spool = spool.map_err(|error| match error {
                SpoolError::Malformed(source) => malformed(source),
                SpoolError::Unkept(error) => error,
            })?;
            let body = spool.next_page()?.unwrap_or_else(|| Bytes::from_static(b"{\"value\":[]}"));
            (body, spool.next_link.take(), Some(spool))
        } else {
            let body = self.api.neutral_page(self.set, address, reply.body).map_err(malformed)?;
            let next_link = parse_next_link(&body).map_err(malformed)?;
            (body, next_link, None)
        };
        self.pages = number;
        self.seen.insert(address.to_owned());
        if next_link.as_ref().is_some_and(|link| self.seen.contains(link)) {
            return Err(ExportError::EndlessPages { page: number });
        }
        self.next_link.clone_from(&next_link);
        // Pages of an answer that came whole name no other.
        let next_link = if spool.is_some() { None } else { next_link };
        self.spool = spool;
        Ok(Page { body, next_link, number })
    }

    /// Asks until there is an answer that means something, or patience ends. What comes whole comes apart from it.
    async fn fetch(
        &mut self,
        address: &str,
        on_event: &mut (dyn FnMut(ExportEvent) + Send),
    ) -> Result<(ApiReply, Option<Download>), ExportError> {
        let request = ApiRequest::get(address)
            .header("prefer", format!("odata.maxpagesize={}", self.options.page_rows))
            .header("data-access-intent", self.intent);
        let (mut attempts, mut waited) = (0, Duration::ZERO);
        let (route, is_whole) = (self.api.route(address), self.api.comes_whole(self.set, address));
        loop {
            let mut tell = |pause| {
                let reason = "the credential's allowance is used up".to_owned();
                on_event(ExportEvent::Waiting { pause, reason });
            };
            self.transport.take_turn(0, &route, &mut tell).await;
            let mut download = if is_whole { Some(Download::new()?) } else { None };
            let sent = match &mut download {
                Some(download) => {
                    self.transport.send_for(0, &request, &mut |piece| download.take(piece)).await
                }
                None => self.transport.send(0, &request).await,
            };
            let (asked, failure) = match sent {
                Ok(reply) if is_busy(reply.status) => (reply.retry_after(), Failure::Status(reply.status)),
                Ok(reply) => return Ok((reply, download)),
                Err(failure) if failure.is_passing() => (None, Failure::Network(failure)),
                Err(failure) => return Err(failure.into()),
            };
            attempts += 1;
            let Some(pause) = self.options.patience.pause(attempts, waited, asked, self.jitter.draw()) else {
                return Err(failure.give_up(attempts));
            };
            on_event(ExportEvent::Waiting { pause, reason: failure.to_string() });
            tokio::time::sleep(pause).await;
            waited += pause;
        }
    }

    fn refusal(&self, address: &str, reply: &ApiReply) -> ExportError {
        let message = server_words(&reply.body);
        if reply.status == 404 {
            let path = address.split('?').next().unwrap_or_default().to_owned();
            return ExportError::NotFound { path, message };
        }
        ExportError::Refused { entity: self.set.as_str(), status: reply.status, message, advice: None }
    }
}

/// Why there is no page yet.
#[derive(Debug)]
enum Failure {
    Status(u16),
    Network(TransportError),
}

impl Failure {
    fn give_up(self, attempts: u32) -> ExportError {
        let last = self.to_string();
        let source = match self {
            Self::Status(_) => None,
            Self::Network(failure) => Some(failure),
        };
        ExportError::GaveUp { attempts, last, source }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "HTTP status {status}"),
            Self::Network(_) => formatter.write_str("no answer"),
        }
    }
}

/// Whether a read may be repeated after this status.
///
/// Source: Business Central's status codes; 500 covers a database that cannot be reached for a moment.
fn is_busy(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The address of the next page.
///
/// Parsing only what surrounds the records makes this independent of the page's size; a page where that does
/// not come out as JSON (a bracket inside a text around the records) is parsed as a whole.
fn parse_next_link(body: &[u8]) -> Result<Option<String>, serde_json::Error> {
    if let (Some(open), Some(close)) = (memchr(b'[', body), memrchr(b']', body))
        && open < close
    {
        let around = [&body[..=open], &body[close..]].concat();
        if let Ok(frame) = serde_json::from_slice::<Frame<[IgnoredAny; 0]>>(&around) {
            return Ok(frame.next_link);
        }
    }
    serde_json::from_slice::<Frame<Vec<IgnoredAny>>>(body).map(|frame| frame.next_link)
}

/// The server's code and words; a short text in place of an answer that has none.
fn server_words(body: &[u8]) -> String {
    let line = ErrorWords::read(body).line();
    line.map_or_else(|| "it gives no reason".to_owned(), |line| line.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_wherever_it_stands() {
        for (page, link) in [
            (
                r#"{"@odata.context":"c","value":[{"a":[1]},{}],"@odata.nextLink":"http://h/?$skiptoken='A]'"}"#,
                Some("http://h/?$skiptoken='A]'"),
            ),
            (r#"{"@odata.nextLink":"http://h/\u0041","value":[{"a":"]"}]}"#, Some("http://h/A")),
            (r#"{"@odata.context":"c[1]","value":[],"@odata.nextLink":"x"}"#, Some("x")),
            (r#"{"value":[],"@odata.nextLink":null}"#, None),
            (r#"{"value":[{"@odata.nextLink":"inner"}]}"#, None),
            (r#"{ "value" : [ {"a":"\"@odata.nextLink\":\"x\""} ] }"#, None),
        ] {
            assert_eq!(parse_next_link(page.as_bytes()).unwrap().as_deref(), link, "{page}");
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for page in
            ["", "{}", "[]", "<html>[]</html>", r#"{"value":[{"a":1}"#, r#"{"value":[],"@odata.nextLink":1}"#]
        {
            assert!(parse_next_link(page.as_bytes()).is_err(), "{page}");
        }
    }

    #[test]
    fn the_words_of_the_server_go_on_in_a_sentence() {
        let body = br#"{"error":{"code":"BadRequest","message":"No property x.  CorrelationId:  1-2-3."}}"#;
        assert_eq!(server_words(body), "BadRequest: No property x");
        assert_eq!(server_words(b"<html>"), "it gives no reason");
    }
}
