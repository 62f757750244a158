//! Operations per second of delivery with its durable ledger, beside a bare `reqwest` client that sends the same
//! bodies to the same server, single and in batches of 100, five requests in flight.
//!
//! `cargo bench --bench delivery`

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use divan::Bencher;
use divan::counter::ItemsCount;
use ledgerferry::connector::Operation;
use ledgerferry::connector::business_central::Connector;
use ledgerferry::delivery::{DeliveryEnd, DeliveryOptions, deliver};
use ledgerferry::domain::{Action, EntityKind, Origin, PlannedRow};
use ledgerferry::ledger::{Ledger, LedgerWriter, RunHeader};
use ledgerferry::transport::{Credential, PlainHttp, Transport, TransportOptions, install_crypto};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use url::Url;

const ROWS: usize = 40_000;
const IN_FLIGHT: usize = 5;
const BATCH: usize = 100;
/// An answer of the size that the target gives.
const RECORD: &str = r#"{"@odata.etag":"W/\"JzE5OzE2NDU0NTQ1NDU0NTQ1NDU0NTQ1MTswMDsn\"","id":"5d115c9c-44e3-ea11-bb43-000d3a2feca1","number":"C00000001","displayName":"Northwind Engineering GmbH","type":"Company","addressLine1":"12 Bahnhofstraße","addressLine2":"","city":"München","state":"","country":"DE","postalCode":"80331","phoneNumber":"+49 89 1234","email":"info@northwind.example","website":"","salespersonCode":"","balanceDue":0,"creditLimit":1200.50,"taxLiable":true,"currencyCode":"EUR","blocked":"_x0020_"}"#;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, BATCH], sample_count = 5, sample_size = 1)]
fn bare(bencher: Bencher, batch: usize) {
    let bed = Bed::new();
    let bodies = bodies(batch);
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| bed.runtime.block_on(send_bare(&bed, &bodies)));
}

#[divan::bench(args = [1, BATCH], sample_count = 5, sample_size = 1)]
fn delivered(bencher: Bencher, batch: usize) {
    let bed = Bed::new();
    let rows: Vec<_> = (1..=ROWS as u64).map(row).collect();
    bencher.counter(ItemsCount::new(ROWS)).with_inputs(|| plan(&rows)).bench_local_values(
        |(folder, writer)| {
            assert_eq!(bed.runtime.block_on(send_delivered(&bed, &writer, batch)), DeliveryEnd::Finished);
            drop(writer.close());
            folder
        },
    );
}

struct Bed {
    runtime: Runtime,
    root: String,
}

impl Bed {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let root = format!("http://{}/v2.0/", listener.local_addr().expect("it listens"));
        runtime.spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { runtime, root }
    }
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    requests: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    id: &'a str,
}

/// Accepts everything at once.
async fn answer(uri: Uri, body: Bytes) -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    if !uri.path().ends_with("$batch") {
        return (StatusCode::CREATED, json, RECORD.to_owned());
    }
    let batch: Batch<'_> = serde_json::from_slice(&body).expect("the client sends a batch");
    let parts: Vec<_> = batch
        .requests
        .iter()
        .map(|part| format!(r#"{{"id":"{}","status":201,"headers":{{}},"body":{RECORD}}}"#, part.id))
        .collect();
    (StatusCode::OK, json, format!(r#"{{"responses":[{}]}}"#, parts.join(",")))
}

fn connector() -> Connector {
    Connector::customers("9a989360-4466-49b8-afc5-2007f15124ed")
}

/// Path and body of every request, as delivery sends them.
fn bodies(batch: usize) -> Vec<(String, Bytes)> {
    let payloads: Vec<_> = (1..=ROWS as u64).map(payload).collect();
    let operations: Vec<_> = (1..).zip(&payloads).map(|(row, payload)| operation(row, payload)).collect();
    let requests = operations.chunks(batch).map(|chunk| match chunk {
        [one] => connector().single(one),
        many => connector().batch(many),
    });
    requests.map(|request| (request.path, request.body.unwrap_or_default().into())).collect()
}

fn operation(row: i64, payload: &str) -> Operation<'_> {
    Operation { row, action: Action::Create, payload, remote_id: None, etag: None, line_number: None }
}

async fn send_bare(bed: &Bed, bodies: &[(String, Bytes)]) {
    install_crypto();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client starts");
    let mut tasks = tokio::task::JoinSet::new();
    for chunk in bodies.chunks(bodies.len().div_ceil(IN_FLIGHT)) {
        let (client, root, chunk) = (client.clone(), bed.root.clone(), chunk.to_vec());
        tasks.spawn(async move {
            for (path, body) in chunk {
                let request = client.post(format!("{root}{path}")).header("content-type", "application/json");
                let reply = request.body(body).send().await.expect("the server answers");
                divan::black_box(reply.bytes().await.expect("the server answers"));
            }
        });
    }
    tasks.join_all().await;
}

async fn send_delivered(bed: &Bed, writer: &LedgerWriter, batch: usize) -> DeliveryEnd {
    let transport = Transport::new(TransportOptions {
        service_root: Url::parse(&bed.root).expect("it is a URL"),
        credentials: vec![Credential::Bearer("token".to_owned().into())],
        plain_http: PlainHttp::default(),
    });
    let transport = Arc::new(transport.expect("the options are complete"));
    let options = DeliveryOptions {
        batch,
        in_flight: IN_FLIGHT,
        deadline: Duration::from_secs(30),
        ..DeliveryOptions::for_kind(EntityKind::Customers)
    };
    let (_keep, stop) = watch::channel(false);
    deliver(writer, transport, &connector(), options, stop, &|_| ()).await.expect("nothing is in the way")
}

fn plan(rows: &[PlannedRow]) -> (TempDir, LedgerWriter) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let header = header();
    let mut ledger = Ledger::create(&folder.path().join("run.ferry"), &header).expect("the folder is empty");
    ledger.append_rows(rows).expect("the ledger takes rows");
    ledger.finish_planning(&header).expect("the ledger takes rows");
    (folder, LedgerWriter::start(ledger))
}

fn payload(number: u64) -> String {
    format!(
        r#"{{"number":"C{number:08}","displayName":"Northwind Engineering GmbH","type":"Company","addressLine1":"{number} Bahnhofstraße","city":"München","country":"DE","postalCode":"80331","phoneNumber":"+49 89 {number}","email":"info.{number}@northwind.example","website":"https://www.northwind.example/{number}","creditLimit":{number}.50,"taxLiable":true}}"#
    )
}

fn row(number: u64) -> PlannedRow {
    PlannedRow {
        source: 0,
        origin: Origin { row: number, line: number + 1 },
        key: format!("C{number:08}"),
        action: Action::Create,
        payload: payload(number),
        changes: Vec::new(),
        before: String::new(),
        remote_id: None,
        etag: None,
        line_number: None,
        violations: Vec::new(),
        cells: (0..20).map(|cell| format!("cell {cell} of {number}")).collect(),
        amount: None,
        currency: String::new(),
    }
}

fn header() -> RunHeader {
    let [run, created, version] = ["bench", "2026-01-01T12:00:00Z", "0"].map(str::to_owned);
    RunHeader::new(run, created, version, EntityKind::Customers)
}
