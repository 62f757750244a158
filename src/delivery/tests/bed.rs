//! A run's folder, a sandbox, and a plan to deliver into it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use crate::catalogue::DIALECTS;
use crate::connector::{self, Connector};
use crate::delivery::{DeliveryEnd, DeliveryError, DeliveryEvent, DeliveryOptions, ErrorLimit, deliver};
use crate::domain::{Action, EntityKind, Money, Origin, PlannedRow, RowResult, State};
use crate::ledger::{Counters, Filter, JournalBefore, Ledger, LedgerError, LedgerWriter, RunHeader};
// The architecture lets no stage name the sandbox; tests may.
use crate::pace::Rate;
#[cfg(test)]
use crate::sandbox::{Books, Faults, Sandbox, SandboxOptions, read_books};
use crate::transport::{ApiRequest, CountedBy, Credential, Method, PlainHttp, Transport, TransportOptions};

/// Every kind of misdeed at once, often enough that each batch meets some.
pub(super) const ALL_FAULTS: &str =
    "lost=0.08,reset=0.05,429=0.04,503=0.03,504=0.04,slow=0.02,torn=0.05,etag=0.03,stall=0.01";

pub(super) struct Bed {
    folder: tempfile::TempDir,
    books: PathBuf,
    kind: EntityKind,
    pub(super) journal_id: String,
    /// What the run's header says of the journal and the ledger before the first payment.
    pub(super) journal_before: Option<JournalBefore>,
    pub(super) options: DeliveryOptions,
    pub(super) events: Arc<Mutex<Vec<DeliveryEvent>>>,
}

impl Bed {
    /// Fresh books with one empty journal, and options whose waits a test can bear.
    pub(super) async fn new(kind: EntityKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = DeliveryOptions {
            batch: 20,
            settle: Duration::from_secs(1),
            retry_budget: Duration::from_mins(1),
            backoff: Duration::from_millis(20),
            deadline: Duration::from_secs(2),
            max_attempts: 50,
            max_errors: ErrorLimit::Rows(1_000_000),
            seed: 11,
            ..DeliveryOptions::for_kind(kind)
        };
        let mut bed = Self {
            books: folder.path().join("sandbox.books"),
            folder,
            kind,
            journal_id: String::new(),
            journal_before: None,
            options,
            events: Arc::default(),
        };
        let sandbox = bed.sandbox("").await;
        let company = &sandbox.welcome().company_id;
        let reply = post(
            &transport(&sandbox),
            &format!("companies({company})/customerPaymentJournals"),
            r#"{"code":"FERRY"}"#,
        )
        .await;
        bed.journal_id = text_of(&reply, "id");
        let entries = records(&sandbox, "generalLedgerEntries?$orderby=entryNumber%20desc&$top=1").await;
        let last_entry = entries[0]["entryNumber"].as_i64();
        bed.journal_before = Some(JournalBefore { witness: None, last_entry });
        sandbox.stop().await;
        bed
    }

    pub(super) async fn sandbox(&self, faults: &str) -> Sandbox {
        self.sandbox_with(SandboxOptions { faults: faults_of(faults), ..SandboxOptions::default() }).await
    }

    pub(super) async fn sandbox_with(&self, options: SandboxOptions) -> Sandbox {
        Sandbox::start(SandboxOptions { books: self.books.clone(), ..options }).await.unwrap()
    }

    pub(super) fn connector(&self, sandbox: &Sandbox) -> Arc<dyn Connector> {
        let company = &sandbox.welcome().company_id;
        if self.kind == EntityKind::Payments {
            connector::open(DIALECTS[0]).payments(company, &self.journal_id)
        } else {
            connector::open(DIALECTS[0]).customers(company)
        }
    }

    pub(super) fn ledger_path(&self) -> PathBuf {
        self.folder.path().join("run.ferry")
    }

    /// Writes a plan of these rows, in place of an earlier one.
    pub(super) fn plan(&self, rows: &[PlannedRow]) {
        for name in ["run.ferry", "run.ferry-wal", "run.ferry-shm"] {
            drop(std::fs::remove_file(self.folder.path().join(name)));
        }
        let journal_before = self.journal_before.clone();
        let header = RunHeader { journal_before, ..header(self.kind) };
        let mut ledger = Ledger::create(&self.ledger_path(), &header).unwrap();
        ledger.append_rows(rows).unwrap();
        ledger.finish_planning(&header).unwrap();
    }

    /// Delivers the plan into `sandbox`.
    pub(super) async fn deliver(&self, sandbox: &Sandbox) -> DeliveryEnd {
        let (_keep, stop) = watch::channel(false);
        self.deliver_until(&transport(sandbox), sandbox, stop).await
    }

    pub(super) async fn deliver_until(
        &self,
        transport: &Arc<Transport>,
        sandbox: &Sandbox,
        stop: watch::Receiver<bool>,
    ) -> DeliveryEnd {
        self.try_to_deliver(transport, sandbox, stop).await.unwrap()
    }

    pub(super) async fn try_to_deliver(
        &self,
        transport: &Arc<Transport>,
        sandbox: &Sandbox,
        stop: watch::Receiver<bool>,
    ) -> Result<DeliveryEnd, DeliveryError> {
        self.deliver_by(transport, self.connector(sandbox), stop).await
    }

    /// The same by a connector of the test's own.
    pub(super) async fn deliver_by(
        &self,
        transport: &Arc<Transport>,
        connector: Arc<dyn Connector>,
        stop: watch::Receiver<bool>,
    ) -> Result<DeliveryEnd, DeliveryError> {
        let writer = LedgerWriter::start(open_for_delivery(&self.ledger_path()).await);
        let events = self.events.clone();
        let on_event = move |event| events.lock().unwrap().push(event);
        let end = deliver(&writer, transport.clone(), connector, self.options.clone(), stop, &on_event).await;
        writer.close().unwrap();
        end
    }

    pub(super) fn results(&self) -> Vec<RowResult> {
        let mut rows = Vec::new();
        let ledger = Ledger::open(&self.ledger_path()).unwrap();
        ledger
            .for_each_row(Filter::All, |row| {
                rows.push(row);
                Ok::<_, LedgerError>(())
            })
            .unwrap();
        rows
    }

    pub(super) fn counters(&self) -> Counters {
        Ledger::open(&self.ledger_path()).unwrap().header().unwrap().counters
    }

    pub(super) fn books(&self) -> Books {
        read_books(&self.books).unwrap()
    }

    pub(super) fn states(&self) -> Vec<(State, usize)> {
        let results = self.results();
        State::ALL
            .into_iter()
            .map(|state| (state, results.iter().filter(|row| row.state == state).count()))
            .filter(|(_, rows)| *rows > 0)
            .collect()
    }
}

/// A dropped delivery lets go of its lock a moment later.
pub(super) async fn open_for_delivery(path: &Path) -> Ledger {
    loop {
        match Ledger::open_for_delivery(path) {
            Err(LedgerError::Locked { .. }) => tokio::task::yield_now().await,
            ledger => return ledger.unwrap(),
        }
    }
}

pub(super) fn faults_of(text: &str) -> Faults {
    if text.is_empty() { Faults::default() } else { text.parse().unwrap() }
}

pub(super) fn transport(sandbox: &Sandbox) -> Arc<Transport> {
    transport_with(&sandbox.welcome().url, credential(sandbox))
}

/// The sandbox's only credential.
pub(super) fn credential(sandbox: &Sandbox) -> Credential {
    let welcome = sandbox.welcome();
    Credential::ClientCredentials {
        token_url: Url::parse(&welcome.token_url).unwrap(),
        client_id: welcome.client_id.clone(),
        client_secret: SecretString::from(welcome.client_secret.clone()),
        scope: welcome.scope.clone(),
    }
}

/// The same, counting in records below the bed's folder what the credential uses.
pub(super) fn counted(bed: &Bed, sandbox: &Sandbox, rate: Rate) -> Arc<Transport> {
    let mut transport = Arc::into_inner(transport(sandbox)).unwrap();
    transport.keep_pace(bed.folder.path(), rate, CountedBy::Credential).unwrap();
    Arc::new(transport)
}

pub(super) fn transport_with(root: &str, credential: Credential) -> Arc<Transport> {
    transport_with_all(root, vec![credential])
}

pub(super) fn transport_with_all(root: &str, credentials: Vec<Credential>) -> Arc<Transport> {
    let service_root = Url::parse(root).unwrap();
    let options = TransportOptions { service_root, credentials, plain_http: PlainHttp::default() };
    Arc::new(Transport::new(options).unwrap())
}

/// Posts to a sandbox without faults; the body of its answer.
pub(super) async fn post(transport: &Transport, path: &str, body: &str) -> String {
    let request = ApiRequest::with_body(Method::Post, path, body.to_owned());
    let reply = transport.send(0, &request).await.unwrap();
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, 201, "{body}");
    body
}

/// All records of a set, from a sandbox without faults.
pub(super) async fn records(sandbox: &Sandbox, path: &str) -> Vec<serde_json::Value> {
    let path = format!("companies({})/{path}", sandbox.welcome().company_id);
    let reply = transport(sandbox).send(0, &ApiRequest::get(path)).await.unwrap();
    let mut page: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    match page["value"].take() {
        serde_json::Value::Array(records) => records,
        other => panic!("{other}"),
    }
}

pub(super) fn text_of(json: &str, name: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).unwrap()[name].as_str().unwrap().to_owned()
}

/// A customer to create; every tenth has no number of its own.
pub(super) fn customer(number: u64) -> PlannedRow {
    let key = if number.is_multiple_of(10) { String::new() } else { format!("T{number:05}") };
    let own = if key.is_empty() { String::new() } else { format!(r#""number":"{key}","#) };
    let payload = format!(
        r#"{{{own}"displayName":"Customer {number}","email":"c{number}@example.com","creditLimit":{number}.25}}"#
    );
    PlannedRow { payload, ..row(number, key, Action::Create) }
}

/// A payment to create, by a customer that the sandbox is seeded with.
pub(super) fn payment(number: u64) -> PlannedRow {
    let payload = format!(
        r#"{{"customerNumber":"10000","postingDate":"2026-01-15","documentNumber":"P{number}","externalDocumentNumber":"X{number}","amount":-{number}.25}}"#
    );
    let line = 10_000 + i64::try_from(number).unwrap() * 10_000;
    PlannedRow { payload, line_number: Some(line), ..row(number, format!("P{number}"), Action::Create) }
}

pub(super) fn row(number: u64, key: String, action: Action) -> PlannedRow {
    PlannedRow::new(Origin { row: number, line: number + 1 }, key, action, String::new())
}

pub(super) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn header(entity: EntityKind) -> RunHeader {
    let mode = "upsert".to_owned();
    RunHeader { mode, ..RunHeader::new("test".into(), "2026-01-01T12:00:00Z".into(), "0".into(), entity) }
}
