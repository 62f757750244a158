//! The payment journal of a run: found by its code, or created; and the same one ever after.
//!
//! Beside it, what the journal and the general ledger looked like before the run's first payment, so that a later
//! look can tell whether the journal was posted meanwhile.

use std::time::Instant;

use serde_json::json;
use tokio::sync::watch;

use crate::connector::{Found, Request, Verdict, text_of};
use crate::delivery::DeliveryOptions;
use crate::domain::{Action, EntityKind};
use crate::export::{Jitter, PageOptions, Patience};
use crate::ledger::{JournalBefore, Phase, RunHeader};
use crate::transport::{ApiReply, ApiRequest, Method, TransportError};

use super::ending::Ending;
use super::error::Error;
use super::target::Target;

/// How often a code that is taken is looked for before the target's word is believed: another program may be just
/// creating the journal.
const LOOKS_FOR_TAKEN: u32 = 5;

/// Notes the journal of the run in its header, and what it held before the run's first payment; false when the run
/// was asked to stop meanwhile. Runs without a journal have nothing to note.
///
/// Nothing is lost by stopping here at once: a code names one journal, so one that was just created is found again.
pub(super) async fn note_journal(
    target: &Target,
    header: &mut RunHeader,
    options: &DeliveryOptions,
    mut stop: watch::Receiver<Option<Ending>>,
) -> Result<bool, Error> {
    let (EntityKind::Payments, Some(code)) = (header.entity, header.journal_code.clone()) else {
        return Ok(true);
    };
    let noted = async {
        let mut journals = Journals::new(target, options);
        let id = match &header.journal_id {
            Some(known) => find_journal(&journals.target, &code, known).await?,
            None => journals.open(&code).await?,
        };
        let before = match &header.journal_before {
            // Only before the first payment is it known that none of them is posted.
            None if header.phase == Phase::Planned => Some(journals.look_at(&code, &id).await?),
            known => known.clone(),
        };
        Ok::<_, Error>((id, before))
    };
    let asked_to_stop = async {
        if stop.wait_for(Option::is_some).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        noted = noted => {
            let (id, before) = noted?;
            (header.journal_id, header.journal_before) = (Some(id), before);
            Ok(true)
        }
        () = asked_to_stop => Ok(false),
    }
}

/// The id of the journal that a run has used or its plan has seen, which is `known`: lines are looked for there, and
/// a new journal under the old code would have none of them.
pub(super) async fn find_journal(target: &Target, code: &str, known: &str) -> Result<String, Error> {
    match target.fetch_journal(code).await? {
        Some(found) if found.eq_ignore_ascii_case(known) => Ok(found),
        _ => Err(Error::OtherJournal(code.to_owned())),
    }
}

/// Talks to a company about its payment journals, with the patience of a delivery.
struct Journals {
    target: Target,
    patience: Patience,
    jitter: Jitter,
    attempts: u32,
    failing_since: Option<Instant>,
}

impl Journals {
    fn new(target: &Target, options: &DeliveryOptions) -> Self {
        let patience = Patience {
            attempts: u32::MAX,
            first_pause: options.backoff,
            budget: options.retry_budget,
            ..target.pages.patience
        };
        let pages = PageOptions { patience, ..target.pages };
        Self {
            target: Target { pages, ..target.clone() },
            patience,
            jitter: Jitter::new(options.seed),
            attempts: 0,
            failing_since: None,
        }
    }

    /// The id of the journal with this code; the journal is created when there is none.
    ///
    /// A code names one journal, so a repeat after a lost answer cannot make a second one: the server refuses the
    /// key, and the journal is found.
    async fn open(&mut self, code: &str) -> Result<String, Error> {
        let body = json!({ "code": code, "displayName": code }).to_string();
        let creation = self.target.api.new_journal(&self.target.company.id, body);
        let request = ApiRequest::with_body(Method::Post, creation.path, creation.body.unwrap_or_default());
        let connector = self.target.connector(EntityKind::Payments, None);
        let mut taken = 0;
        loop {
            if let Some(id) = self.target.fetch_journal(code).await? {
                return Ok(id);
            }
            let reply = match self.send(&request).await {
                Ok(reply) => reply,
                Err(failure) => {
                    self.wait_out(failure).await?;
                    continue;
                }
            };
            let refused = |message| Error::JournalRefused { code: code.to_owned(), message };
            let (pause, words) =
                match connector.interpret(Action::Create, reply.status, reply.retry_after(), &reply.body) {
                    Verdict::Accepted(receipt) if !receipt.remote_id.is_empty() => {
                        return Ok(receipt.remote_id);
                    }
                    Verdict::Accepted(_) => (None, "created without a word of it".to_owned()),
                    Verdict::NotPermitted(refusal) => {
                        return Err(Error::JournalForbidden {
                            code: code.to_owned(),
                            message: refusal.message,
                        });
                    }
                    Verdict::KeyTaken(refusal) if taken < LOOKS_FOR_TAKEN => {
                        taken += 1;
                        (None, refusal.message)
                    }
                    Verdict::KeyTaken(refusal)
                    | Verdict::Refused(refusal)
                    | Verdict::Stale(refusal)
                    | Verdict::Failed(refusal)
                    | Verdict::Gone(refusal) => return Err(refused(refusal.message)),
                    Verdict::RolledBack => (None, "rolled back".to_owned()),
                    Verdict::NotDone(pause) | Verdict::Throttled(pause) => {
                        (pause, format!("the target answered {}", reply.status))
                    }
                    Verdict::InDoubt(words) => (reply.retry_after(), words),
                };
            let unanswered = |message| Error::JournalUnanswered { code: code.to_owned(), message };
            let pause = self.pause(pause).ok_or(unanswered(words))?;
            tokio::time::sleep(pause).await;
        }
    }

    /// Only systems with journals come here, and those count all requests together.
    async fn send(&self, request: &ApiRequest) -> Result<ApiReply, TransportError> {
        self.target.transport.take_turn(0, "", &mut |_| ()).await;
        self.target.transport.send(0, request).await
    }

    /// What the journal holds, and where the general ledger ends.
    async fn look_at(&mut self, code: &str, journal: &str) -> Result<JournalBefore, Error> {
        let connector = self.target.connector(EntityKind::Payments, Some(journal));
        let lines = self.read(code, connector.highest_line()).await?;
        let entries = self.read(code, connector.last_ledger_entry()).await?;
        let number_of = |entry: &Found| text_of(&entry.record, "entryNumber").parse().ok();
        Ok(JournalBefore {
            witness: lines.and_then(|lines| lines.into_iter().next()).map(|line| line.receipt.remote_id),
            // A ledger without entries has nothing above 0.
            last_entry: entries.and_then(|entries| entries.first().map_or(Some(0), number_of)),
        })
    }

    /// The records that a read finds; `None` when the target itself refuses it. Whatever else comes is asked again
    /// until the budget ends: an unknown journal is not an empty one.
    async fn read(&mut self, code: &str, request: Option<Request>) -> Result<Option<Vec<Found>>, Error> {
        let Some(request) = request else { return Ok(None) };
        let connector = self.target.connector(EntityKind::Payments, None);
        let mut read = ApiRequest::get(request.path);
        read.headers = request.headers;
        loop {
            let reply = match self.send(&read).await {
                Ok(reply) => reply,
                Err(TransportError::NotPermitted { .. }) => return Ok(None),
                Err(failure) => {
                    self.wait_out(failure).await?;
                    continue;
                }
            };
            let found = connector.read_found("", &reply.body).filter(|_| reply.status == 200);
            if let Some((found, _)) = found {
                return Ok(Some(found));
            }
            // A page of a proxy, or an answer that broke off, is no word of the target's.
            if matches!(reply.status, 400..=407 | 409..=428 | 430..=499 | 501)
                && connector.has_own_words(&reply.body)
            {
                return Ok(None);
            }
            let pause = self.pause(reply.retry_after()).ok_or_else(|| Error::JournalUnanswered {
                code: code.to_owned(),
                message: format!("a read was answered with {}", reply.status),
            })?;
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits after a failure that may pass, as long as the budget lasts.
    async fn wait_out(&mut self, failure: TransportError) -> Result<(), Error> {
        match self.pause(None).filter(|_| failure.is_passing()) {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            None => Err(failure.into()),
        }
    }

    fn pause(&mut self, asked: Option<std::time::Duration>) -> Option<std::time::Duration> {
        self.attempts += 1;
        let waited = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        self.patience.pause(self.attempts.min(20), waited, asked, self.jitter.draw())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use axum::http::{Method, StatusCode, Uri};
    use secrecy::SecretString;
    use url::Url;

    use super::*;
    use crate::run::company::Company;
    use crate::transport::{Credential, PlainHttp, Transport, TransportOptions};

    /// A company whose server answers to the creation of a journal, and to reads of the ledger, by `answer`.
    async fn company(
        answer: impl Fn(&Method, &str) -> (u16, String) + Clone + Send + Sync + 'static,
    ) -> Target {
        let handler = move |method: Method, uri: Uri| {
            let (status, body) = answer(&method, uri.path());
            async move { (StatusCode::from_u16(status).unwrap(), body) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}/api/v2.0/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handler)).await });
        let options = TransportOptions {
            service_root: Url::parse(&root).unwrap(),
            credentials: vec![Credential::Bearer(SecretString::from("t"))],
            plain_http: PlainHttp::default(),
        };
        Target {
            transport: Arc::new(Transport::new(options).unwrap()),
            api: crate::connector::open(crate::catalogue::DIALECTS[0]),
            company: Company { id: "c".to_owned(), name: "C".to_owned(), display_name: String::new() },
            profile: String::new(),
            system: String::new(),
            dialect: String::new(),
            stage: String::new(),
            pages: PageOptions::default(),
        }
    }

    fn options() -> DeliveryOptions {
        DeliveryOptions {
            retry_budget: Duration::from_millis(300),
            backoff: Duration::from_millis(10),
            ..DeliveryOptions::for_kind(EntityKind::Payments)
        }
    }

    fn none() -> (u16, String) {
        (200, r#"{"value":[]}"#.to_owned())
    }

    fn refused(status: u16, code: &str) -> (u16, String) {
        (status, format!(r#"{{"error":{{"code":"{code}","message":"No journals today."}}}}"#))
    }

    /// How the creation of a journal fails when the server answers it like this.
    async fn failure(status: u16, code: &'static str) -> Error {
        let target =
            company(move |method, _| if *method == Method::POST { refused(status, code) } else { none() })
                .await;
        Journals::new(&target, &options()).open("FERRY").await.unwrap_err()
    }

    #[tokio::test]
    async fn a_journal_that_may_not_be_created_ends_as_not_permitted() {
        for (status, code) in
            [(401, "Unauthorized"), (403, "Forbidden"), (400, "Authorization_RequestDenied")]
        {
            assert_eq!(failure(status, code).await.ending(), Ending::NotPermitted, "{status}");
        }
    }

    #[tokio::test]
    async fn a_refusal_carries_the_targets_words() {
        let error = failure(400, "Application_DialogException").await;
        assert_eq!(error.ending(), Ending::Refused);
        assert_eq!(error.to_string(), "the target refused to create the journal `FERRY`: No journals today.");
    }

    #[tokio::test]
    async fn a_server_that_only_throttles_is_given_up_when_the_retry_budget_is_used() {
        let started = Instant::now();
        let error = failure(503, "Internal_ServerError").await;
        assert_eq!(error.ending(), Ending::Unreachable);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_journal_that_somebody_else_creates_meanwhile_is_found() {
        let reads = Arc::new(AtomicUsize::new(0));
        let target = company(move |method, _| match *method {
            Method::POST => refused(400, "Internal_EntityWithSameKeyExists"),
            _ if reads.fetch_add(1, Ordering::SeqCst) == 0 => none(),
            _ => (200, r#"{"value":[{"id":"j","code":"FERRY"}]}"#.to_owned()),
        })
        .await;
        assert_eq!(Journals::new(&target, &options()).open("FERRY").await.unwrap(), "j");
    }

    #[tokio::test]
    async fn what_the_journal_held_before_is_noted_as_far_as_it_may_be_read() {
        let target = company(|_, path| {
            if path.ends_with("generalLedgerEntries") {
                (200, r#"{"value":[{"id":"e","entryNumber":41}]}"#.to_owned())
            } else {
                (200, r#"{"value":[{"id":"w","lineNumber":30000}]}"#.to_owned())
            }
        })
        .await;
        let before = Journals::new(&target, &options()).look_at("FERRY", "j").await.unwrap();
        assert_eq!(before, JournalBefore { witness: Some("w".to_owned()), last_entry: Some(41) });
        let target =
            company(
                |_, path| {
                    if path.ends_with("generalLedgerEntries") { refused(403, "Forbidden") } else { none() }
                },
            )
            .await;
        let before = Journals::new(&target, &options()).look_at("FERRY", "j").await.unwrap();
        assert_eq!(before, JournalBefore::default());
    }

    #[tokio::test]
    async fn a_journal_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let busy = refused(503, "Internal_ServerError");
        let torn = (200, r#"{"value":[{"id":"#.to_owned());
        let page = (404, "<html>Nothing here</html>".to_owned());
        for answer in [busy, torn, page] {
            for is_entries in [true, false] {
                let answer = answer.clone();
                let target = company(move |_, path| {
                    if path.ends_with("generalLedgerEntries") == is_entries { answer.clone() } else { none() }
                })
                .await;
                let error = Journals::new(&target, &options()).look_at("FERRY", "j").await.unwrap_err();
                assert_eq!(error.ending(), Ending::Unreachable, "{error}");
            }
        }
    }

    #[tokio::test]
    async fn a_stop_is_heard_while_the_journal_is_waited_for() {
        let target =
            company(|method, _| if *method == Method::POST { refused(503, "Busy") } else { none() }).await;
        let options = DeliveryOptions { retry_budget: Duration::from_hours(1), ..options() };
        let mut header =
            RunHeader { entity: EntityKind::Payments, journal_code: Some("FERRY".to_owned()), ..header() };
        let (ask, stop) = watch::channel(None);
        let asks = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            ask.send_replace(Some(Ending::Interrupted));
        };
        let (noted, ()) = tokio::join!(note_journal(&target, &mut header, &options, stop), asks);
        assert!(!noted.unwrap());
        assert_eq!(header.journal_id, None);
    }

    fn header() -> RunHeader {
        serde_json::from_value(json!({
            "run": "r", "created": "", "tool_version": "", "entity": "payments", "profile": "", "system": "",
            "dialect": "", "service_root": "", "company_id": "c", "company_name": "", "mode": "", "sources": [],
            "phase": "planned",
        }))
        .unwrap()
    }
}
