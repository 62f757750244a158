//! A server, the rows that go to it, and the two clients that send them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use ledgerferry::catalogue::DIALECTS;
use ledgerferry::connector;
use ledgerferry::connector::Operation;
use ledgerferry::delivery::{DeliveryEnd, DeliveryOptions, deliver};
use ledgerferry::domain::{Action, EntityKind, Origin, PlannedRow};
use ledgerferry::ledger::{Ledger, LedgerWriter, RunHeader};
use ledgerferry::transport::{
    ApiRequest, Credential, Method, PlainHttp, Transport, TransportOptions, install_crypto,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use url::Url;

use super::server::{Running, Server};
use super::{Cost, measure};

/// What is sent, how, and to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) server: Server,
    pub(crate) kind: EntityKind,
    pub(crate) batch: usize,
    pub(crate) rows: usize,
}

impl Workload {
    /// Every one there is. The idle server gets more rows, because a row takes less time there.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let servers = [Server::Idle, Server::Sandbox].into_iter();
        servers.flat_map(|server| {
            [EntityKind::Customers, EntityKind::Payments].into_iter().flat_map(move |kind| {
                [1, 100].into_iter().map(move |batch| {
                    let rows = match (server, batch) {
                        (Server::Idle, 1) => 40_000,
                        (Server::Idle, _) => 100_000,
                        (Server::Sandbox, 1) => 10_000,
                        (Server::Sandbox, _) => 20_000,
                    };
                    Self { server, kind, batch, rows }
                })
            })
        })
    }

    pub(crate) fn name(&self) -> String {
        let kind = if self.kind == EntityKind::Customers { "customers" } else { "payments" };
        let sent = if self.batch == 1 { "single" } else { "batch" };
        format!("{} {kind} {sent}", self.server.word())
    }

    /// As many as Business Central works on at once; a journal has one writer.
    fn in_flight(&self) -> usize {
        if self.kind == EntityKind::Customers { 5 } else { 1 }
    }
}

/// A server and what both clients need to talk to it.
pub(crate) struct Bed {
    workload: Workload,
    runtime: Runtime,
    server: Running,
    _folder: TempDir,
}

impl Bed {
    pub(crate) fn new(workload: Workload) -> Self {
        install_crypto();
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let books = folder.path().join("books.db");
        let server = match workload.server {
            Server::Idle => Running::start(&["idle"]),
            Server::Sandbox => Running::start(&["sandbox", books.to_str().expect("the path is text")]),
        };
        Self { workload, runtime: Runtime::new().expect("a runtime starts"), server, _folder: folder }
    }

    /// Sends the round's rows with nothing around the library, the bodies ready beforehand.
    pub(crate) fn bare(&self, round: usize) -> Cost {
        let connector = self.connector(&format!("B{round}"));
        let rows = rows(&format!("B{round}"), self.workload);
        let requests = bodies(&connector, &rows, self.workload.batch);
        let token = self.runtime.block_on(token(&self.server));
        measure(|| self.runtime.block_on(self.send_bare(&requests, &token)))
    }

    /// Delivers the round's rows from a plan on disk.
    pub(crate) fn delivered(&self, round: usize) -> Cost {
        let connector = self.connector(&format!("D{round}"));
        let (_folder, writer) = plan(&rows(&format!("D{round}"), self.workload), self.workload.kind);
        let transport = self.transport();
        let options = DeliveryOptions {
            batch: self.workload.batch,
            in_flight: self.workload.in_flight(),
            deadline: Duration::from_secs(30),
            ..DeliveryOptions::for_kind(self.workload.kind)
        };
        let cost = measure(|| {
            let end = self.runtime.block_on(send_delivered(&writer, transport, &connector, options));
            assert_eq!(end, DeliveryEnd::Finished);
        });
        let ledger = writer.close().expect("the writer is alive");
        let done = ledger.counts().expect("it can be read").of_state(ledgerferry::domain::State::Done);
        assert_eq!(done, self.workload.rows as u64, "every row is done");
        cost
    }

    async fn send_bare(&self, requests: &[(String, Bytes)], token: &str) {
        let client =
            reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client starts");
        let root = format!("{}/", self.server.text("url"));
        let mut tasks = tokio::task::JoinSet::new();
        for chunk in requests.chunks(requests.len().div_ceil(self.workload.in_flight())) {
            let (client, root, chunk, token) =
                (client.clone(), root.clone(), chunk.to_vec(), token.to_owned());
            tasks.spawn(async move {
                for (path, body) in chunk {
                    let request = client
                        .post(format!("{root}{path}"))
                        .header("content-type", "application/json")
                        .header("authorization", &token);
                    let reply = request.body(body).send().await.expect("the server answers");
                    assert!(reply.status().is_success(), "{}", reply.status());
                    std::hint::black_box(reply.bytes().await.expect("the server answers"));
                }
            });
        }
        tasks.join_all().await;
    }

    fn transport(&self) -> Arc<Transport> {
        transport(&self.server, self.workload.server)
    }

    /// The routes of the company, and for payments of a fresh journal.
    fn connector(&self, code: &str) -> Arc<dyn connector::Connector> {
        let company = self.server.text("company_id");
        match (self.workload.kind, self.workload.server) {
            (EntityKind::Dimensions, _) => unreachable!("no workload is of them"),
            (EntityKind::Customers, _) => connector::open(DIALECTS[0]).customers(&company),
            (EntityKind::Payments, Server::Idle) => {
                connector::open(DIALECTS[0]).payments(&company, "journal")
            }
            (EntityKind::Payments, Server::Sandbox) => {
                let path = format!("companies({company})/customerPaymentJournals");
                let request = ApiRequest::with_body(Method::Post, path, json!({ "code": code }).to_string());
                let reply = self.runtime.block_on(self.transport().send(0, &request)).expect("it answers");
                let journal: Value = serde_json::from_slice(&reply.body).expect("it is JSON");
                connector::open(DIALECTS[0])
                    .payments(&company, journal["id"].as_str().expect("a journal has an id"))
            }
        }
    }
}

pub(crate) async fn send_delivered(
    writer: &LedgerWriter,
    transport: Arc<Transport>,
    connector: &Arc<dyn connector::Connector>,
    options: DeliveryOptions,
) -> DeliveryEnd {
    let (_keep, stop) = watch::channel(false);
    deliver(writer, transport, connector.clone(), options, stop, &|_| ())
        .await
        .expect("nothing is in the way")
}

pub(crate) fn transport(server: &Running, kind: Server) -> Arc<Transport> {
    let credential = match kind {
        Server::Idle => Credential::Bearer("token".to_owned().into()),
        Server::Sandbox => Credential::ClientCredentials {
            token_url: Url::parse(&server.text("token_url")).expect("it is a URL"),
            client_id: server.text("client_id"),
            client_secret: server.text("client_secret").into(),
            scope: server.text("scope"),
        },
    };
    let transport = Transport::new(TransportOptions {
        service_root: Url::parse(&format!("{}/", server.text("url"))).expect("it is a URL"),
        credentials: vec![credential],
        plain_http: PlainHttp::default(),
    });
    Arc::new(transport.expect("the options are complete"))
}

/// The whole `Authorization` header for the bare client.
async fn token(server: &Running) -> String {
    let url = server.text("token_url");
    if url.is_empty() {
        return "Bearer token".to_owned();
    }
    let [id, secret, scope] = ["client_id", "client_secret", "scope"].map(|name| server.text(name));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("scope", &scope),
    ];
    let client = reqwest::Client::builder().no_proxy().build().expect("a client starts");
    let reply = client.post(url).form(&form).send().await.expect("the sandbox answers");
    let reply: Value = serde_json::from_slice(&reply.bytes().await.expect("it answers")).expect("it is JSON");
    format!("Bearer {}", reply["access_token"].as_str().expect("it gives a token"))
}

/// Path and body of every request, as delivery sends them.
fn bodies(
    connector: &Arc<dyn connector::Connector>,
    rows: &[PlannedRow],
    batch: usize,
) -> Vec<(String, Bytes)> {
    let operations: Vec<_> = (1..).zip(rows).map(|(id, row)| operation(id, row)).collect();
    let requests = operations.chunks(batch).map(|chunk| match chunk {
        [one] => connector.single(one),
        many => connector.batch(many),
    });
    requests.map(|request| (request.path, request.body.unwrap_or_default().into())).collect()
}

fn operation(id: i64, row: &PlannedRow) -> Operation<'_> {
    Operation {
        row: id,
        action: Action::Create,
        payload: &row.payload,
        remote_id: None,
        etag: None,
        line_number: row.line_number,
    }
}

pub(crate) fn plan(rows: &[PlannedRow], kind: EntityKind) -> (TempDir, LedgerWriter) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let header = header(kind);
    let mut ledger = Ledger::create(&folder.path().join("run.ferry"), &header).expect("the folder is empty");
    ledger.append_rows(rows).expect("the ledger takes rows");
    ledger.finish_planning(&header).expect("the ledger takes rows");
    (folder, LedgerWriter::start(ledger))
}

/// Rows that no other `prefix` has.
pub(crate) fn rows(prefix: &str, workload: Workload) -> Vec<PlannedRow> {
    (1..=workload.rows as u64).map(|number| row(prefix, number, workload.kind)).collect()
}

fn row(prefix: &str, number: u64, kind: EntityKind) -> PlannedRow {
    let key = format!("{prefix}-{number:07}");
    let payload = match kind {
        EntityKind::Dimensions => unreachable!("no workload is of them"),
        EntityKind::Customers => format!(
            r#"{{"number":"{key}","displayName":"Northwind Engineering GmbH","type":"Company","addressLine1":"{number} Bahnhofstraße","city":"München","country":"DE","postalCode":"80331","phoneNumber":"+49 89 {number}","email":"info.{number}@northwind.example","website":"https://www.northwind.example/{number}","creditLimit":{number}.50,"taxLiable":true}}"#
        ),
        EntityKind::Payments => format!(
            r#"{{"customerNumber":"10000","postingDate":"2026-01-15","documentNumber":"{key}","externalDocumentNumber":"X{number}","amount":-{number}.25,"description":"Payment by transfer","comment":"imported"}}"#
        ),
    };
    PlannedRow {
        source: 0,
        origin: Origin { row: number, line: number + 1 },
        key,
        action: Action::Create,
        payload,
        changes: Vec::new(),
        before: String::new(),
        remote_id: None,
        etag: None,
        line_number: (kind == EntityKind::Payments).then(|| 10_000 + number.cast_signed()),
        violations: Vec::new(),
        cells: (0..20).map(|cell| format!("cell {cell} of {number}")).collect(),
        amount: None,
        currency: String::new(),
    }
}

fn header(entity: EntityKind) -> RunHeader {
    let [run, created, version] = ["bench", "2026-01-01T12:00:00Z", "0"].map(str::to_owned);
    RunHeader::new(run, created, version, entity)
}
