//! Rows per second from a server on loopback to a file, beside a bare download into a bare CSV writer.
//!
//! `cargo bench --bench export`. The budget: `export_to_csv` takes at most 1.25 times as long as
//! `bare_download_and_csv_writer`, although it also follows links, checks, adds up, hashes and syncs to disk.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may as well panic")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::Uri;
use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use ledgerferry::catalogue::DIALECTS;
use ledgerferry::connector;
use ledgerferry::export::{ExportEntity, Output, PageOptions, Query};
use ledgerferry::run::{Company, ExportRequest, Target, export};
use ledgerferry::transport::{Credential, PlainHttp, Transport, TransportOptions};
use serde::Deserialize;
use tokio::runtime::Runtime;
use url::Url;

const ROWS: usize = 200_000;
const PAGE_ROWS: usize = 1_000;

/// The columns of the file, in the order of the records.
const COLUMNS: [&str; 22] = [
    "id",
    "number",
    "displayName",
    "type",
    "addressLine1",
    "addressLine2",
    "city",
    "state",
    "country",
    "postalCode",
    "phoneNumber",
    "email",
    "website",
    "salespersonCode",
    "taxRegistrationNumber",
    "currencyCode",
    "paymentTermsId",
    "paymentMethodId",
    "blocked",
    "lastModifiedDateTime",
    "creditLimit",
    "taxLiable",
];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Where the pages are served, each from memory.
static ROOT: LazyLock<String> = LazyLock::new(|| RUNTIME.block_on(serve()));

fn main() {
    divan::main();
}

fn guid(number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{number:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xffff,
        (mixed >> 8) & 0xfff,
        mixed & 0xfff
    )
}

fn write_record(text: &mut String, number: usize) {
    let (cents, digit) = (number % 100, number % 10);
    write!(
        text,
        r#"{{"@odata.etag":"W/\"JzE5OzEwNDU{number:010}MTswMDsn\"","id":"{}","number":"C{number:08}","displayName":"Western Catering {number} \"Genève\" & Söhne","type":"Company","addressLine1":"{number} King's Ave, Building {digit}","addressLine2":"","city":"Genève","state":"GE","country":"CH","postalCode":"27{cents:02}","phoneNumber":"+41 187 419 16{cents:02}","email":"info.{number}@westerncatering.contoso.example","website":"https://www.contoso.example/{number}","salespersonCode":"JO","taxRegistrationNumber":"CHE{number:09}","currencyCode":"CHF","paymentTermsId":"{}","paymentMethodId":"{}","blocked":"_x0020_","lastModifiedDateTime":"2025-03-01T08:00:00.12Z","creditLimit":{number}.{cents:02},"taxLiable":true}}"#,
        guid(number),
        guid(number % 7),
        guid(number % 5),
    )
    .unwrap();
}

fn page(root: &str, index: usize) -> Bytes {
    let mut text = format!(r#"{{"@odata.context":"{root}/$metadata#customers","value":["#);
    for number in index * PAGE_ROWS..(index + 1) * PAGE_ROWS {
        if number > index * PAGE_ROWS {
            text.push(',');
        }
        write_record(&mut text, number);
    }
    text.push(']');
    if (index + 1) * PAGE_ROWS < ROWS {
        write!(text, r#","@odata.nextLink":"{root}/customers?$skiptoken={}""#, index + 1).unwrap();
    }
    text.push('}');
    text.into()
}

async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let pages: Arc<Vec<_>> = Arc::new((0..ROWS / PAGE_ROWS).map(|index| page(&root, index)).collect());
    let router = Router::new().fallback(move |uri: Uri| async move {
        let token = uri.query().and_then(|query| query.strip_prefix("$skiptoken="));
        pages[token.map_or(0, |token| token.parse().unwrap())].clone()
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    root
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn run_export(name: &str) {
    let transport = Transport::new(TransportOptions {
        service_root: Url::parse(&ROOT).unwrap(),
        credentials: vec![Credential::Bearer("none".into())],
        plain_http: PlainHttp::default(),
    })
    .unwrap();
    let company = Company { id: "1".to_owned(), name: "bench".to_owned(), display_name: String::new() };
    let request = ExportRequest {
        entity: ExportEntity::Customers,
        select: COLUMNS.map(str::to_owned).to_vec(),
        expand: Vec::new(),
        query: Query::default(),
        journal: None,
        output: Output::File(scratch(name)),
        format: None,
        profile: "bench".to_owned(),
        pages: PageOptions::default(),
    };
    let target = Target {
        transport: Arc::new(transport),
        api: connector::open(DIALECTS[0]),
        company,
        profile: "bench".to_owned(),
        system: "business-central".to_owned(),
        dialect: "v2.0".to_owned(),
        stage: "test".to_owned(),
        pages: PageOptions::default(),
    };
    let summary = RUNTIME.block_on(export(&target, request, &mut |_| ())).unwrap();
    assert_eq!(summary.manifest.rows, ROWS as u64);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn export_to_csv(bencher: Bencher) {
    LazyLock::force(&ROOT);
    bencher.counter(ItemsCount::new(ROWS)).bench(|| run_export("export.csv"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn export_to_jsonl(bencher: Bencher) {
    LazyLock::force(&ROOT);
    bencher.counter(ItemsCount::new(ROWS)).bench(|| run_export("export.jsonl"));
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn export_to_xlsx(bencher: Bencher) {
    LazyLock::force(&ROOT);
    bencher.counter(ItemsCount::new(ROWS)).bench(|| run_export("export.xlsx"));
}

/// The fields of a record, as a program that knows nothing else would name them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareRecord<'p> {
    #[serde(borrow)]
    id: Cow<'p, str>,
    #[serde(borrow)]
    number: Cow<'p, str>,
    #[serde(borrow)]
    display_name: Cow<'p, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'p, str>,
    #[serde(borrow)]
    address_line1: Cow<'p, str>,
    #[serde(borrow)]
    address_line2: Cow<'p, str>,
    #[serde(borrow)]
    city: Cow<'p, str>,
    #[serde(borrow)]
    state: Cow<'p, str>,
    #[serde(borrow)]
    country: Cow<'p, str>,
    #[serde(borrow)]
    postal_code: Cow<'p, str>,
    #[serde(borrow)]
    phone_number: Cow<'p, str>,
    #[serde(borrow)]
    email: Cow<'p, str>,
    #[serde(borrow)]
    website: Cow<'p, str>,
    #[serde(borrow)]
    salesperson_code: Cow<'p, str>,
    #[serde(borrow)]
    tax_registration_number: Cow<'p, str>,
    #[serde(borrow)]
    currency_code: Cow<'p, str>,
    #[serde(borrow)]
    payment_terms_id: Cow<'p, str>,
    #[serde(borrow)]
    payment_method_id: Cow<'p, str>,
    #[serde(borrow)]
    blocked: Cow<'p, str>,
    #[serde(borrow)]
    last_modified_date_time: Cow<'p, str>,
    credit_limit: Option<f64>,
    tax_liable: Option<bool>,
}

#[derive(Deserialize)]
struct BarePage<'p> {
    #[serde(borrow)]
    value: Vec<BareRecord<'p>>,
}

impl BareRecord<'_> {
    fn texts(&self) -> [&str; 20] {
        [
            &self.id,
            &self.number,
            &self.display_name,
            &self.kind,
            &self.address_line1,
            &self.address_line2,
            &self.city,
            &self.state,
            &self.country,
            &self.postal_code,
            &self.phone_number,
            &self.email,
            &self.website,
            &self.salesperson_code,
            &self.tax_registration_number,
            &self.currency_code,
            &self.payment_terms_id,
            &self.payment_method_id,
            &self.blocked,
            &self.last_modified_date_time,
        ]
    }
}

/// What stands before the address of the next page.
const KEY: &[u8] = b"\"@odata.nextLink\":\"";

/// Sends every page; the next link is cut from its tail.
async fn download(root: &str, pages: tokio::sync::mpsc::Sender<Bytes>) {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let mut next = Some(format!("{root}/customers"));
    while let Some(address) = next {
        let body =
            client.get(address).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
        next = memchr::memmem::rfind(&body, KEY).map(|at| {
            let link = &body[at + KEY.len()..];
            String::from_utf8(link[..memchr::memchr(b'"', link).unwrap()].to_vec()).unwrap()
        });
        pages.send(body).await.unwrap();
    }
}

fn write_bare_csv(mut pages: tokio::sync::mpsc::Receiver<Bytes>) -> usize {
    let mut writer =
        csv::WriterBuilder::new().buffer_capacity(1 << 20).from_path(scratch("bare.csv")).unwrap();
    writer.write_record(COLUMNS).unwrap();
    let mut rows = 0;
    while let Some(body) = pages.blocking_recv() {
        let page: BarePage<'_> = serde_json::from_slice(&body).unwrap();
        for record in &page.value {
            for text in record.texts() {
                writer.write_field(text).unwrap();
            }
            writer
                .write_field(record.credit_limit.map(|limit| limit.to_string()).unwrap_or_default())
                .unwrap();
            writer.write_field(if record.tax_liable == Some(true) { "true" } else { "false" }).unwrap();
            writer.write_record(None::<&[u8]>).unwrap();
        }
        rows += page.value.len();
    }
    writer.flush().unwrap();
    rows
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn bare_download_and_csv_writer(bencher: Bencher) {
    ledgerferry::transport::install_crypto();
    LazyLock::force(&ROOT);
    bencher.counter(ItemsCount::new(ROWS)).bench(|| {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let writer = std::thread::spawn(|| write_bare_csv(receiver));
        RUNTIME.block_on(download(&ROOT, sender));
        assert_eq!(writer.join().unwrap(), ROWS);
    });
}
