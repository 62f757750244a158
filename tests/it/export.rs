//! What is exported is what is in the books, whole or not at all.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri};
use ledgerferry::catalogue::DIALECTS;
use ledgerferry::connector;
use ledgerferry::export::{ExportEntity, ExportError, ExportEvent, Output, PageOptions, Patience, Query};
use ledgerferry::run::{Company, ExportRequest, ExportSummary, Target, export, resolve_company};
use ledgerferry::sandbox::{Faults, Sandbox, SandboxOptions, read_books, seed_customers};
use ledgerferry::transport::{
    ApiRequest, Credential, Method, PlainHttp, Transport, TransportError, TransportOptions,
};
use tempfile::TempDir;
use url::Url;

/// A sandbox and a client of it.
struct Bed {
    folder: TempDir,
    sandbox: Sandbox,
    target: Target,
}

impl Bed {
    async fn new(adjust: impl FnOnce(&mut SandboxOptions)) -> Self {
        let folder = TempDir::with_prefix("ferry-export-").unwrap();
        let mut options = SandboxOptions { books: folder.path().join("books"), ..SandboxOptions::default() };
        adjust(&mut options);
        let sandbox = Sandbox::start(options).await.unwrap();
        let welcome = sandbox.welcome();
        let credential = Credential::ClientCredentials {
            token_url: Url::parse(&welcome.token_url).unwrap(),
            client_id: welcome.client_id.clone(),
            client_secret: welcome.client_secret.clone().into(),
            scope: welcome.scope.clone(),
        };
        let transport = transport(&welcome.url, credential);
        let api = connector::open(DIALECTS[0]);
        let company = resolve_company(&transport, api.as_ref(), &welcome.company, quick(1000), &mut |_| ())
            .await
            .unwrap();
        assert_eq!(company.id, welcome.company_id);
        let target = target(transport, company);
        Self { folder, sandbox, target }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn request(&self, entity: ExportEntity, name: &str) -> ExportRequest {
        request(entity, &self.path(name))
    }

    async fn export(&self, request: ExportRequest) -> Result<ExportSummary, ExportError> {
        export(&self.target, request, &mut |_| ()).await
    }

    async fn post(&self, path: &str, body: &str) {
        let path = format!("companies({})/{path}", self.target.company.id);
        let request = ApiRequest::with_body(Method::Post, path, body.to_owned());
        let reply = self.target.transport.send(0, &request).await.unwrap();
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
    }
}

fn target(transport: Transport, company: Company) -> Target {
    Target {
        transport: Arc::new(transport),
        api: connector::open(DIALECTS[0]),
        company,
        profile: "sandbox".to_owned(),
        system: "sandbox".to_owned(),
        dialect: "v2.0".to_owned(),
        stage: "test".to_owned(),
        pages: quick(1000),
    }
}

fn transport(root: &str, credential: Credential) -> Transport {
    let service_root = Url::parse(root).unwrap();
    Transport::new(TransportOptions {
        service_root,
        credentials: vec![credential],
        plain_http: PlainHttp::default(),
    })
    .unwrap()
}

/// Pages of so many rows, and pauses that no test has to wait for.
fn quick(page_rows: u32) -> PageOptions {
    let patience = Patience {
        attempts: 30,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(5),
        budget: Duration::from_mins(2),
    };
    PageOptions { page_rows, patience, seed: 7 }
}

fn request(entity: ExportEntity, path: &Path) -> ExportRequest {
    ExportRequest {
        entity,
        select: Vec::new(),
        expand: Vec::new(),
        query: Query::default(),
        journal: None,
        output: Output::from_path(path.to_str().unwrap()),
        format: None,
        profile: "test".to_owned(),
        pages: quick(5),
    }
}

fn filter(filter: &str) -> Query {
    Query { filter: Some(filter.to_owned()), ..Query::default() }
}

/// The table in a CSV file: its headings, then its rows.
fn table(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn column(table: &[Vec<String>], name: &str) -> Vec<String> {
    let index = table[0].iter().position(|heading| heading == name).unwrap();
    table[1..].iter().map(|row| row[index].clone()).collect()
}

fn total(summary: &ExportSummary, column: &str) -> String {
    let total = summary.manifest.totals.iter().find(|total| total.column == column).unwrap();
    total.sum.unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_every_customer_of_the_books_once() {
    for strict in [false, true] {
        let bed = Bed::new(|options| options.strict = strict).await;
        let request = ExportRequest {
            expand: vec!["financials".to_owned()],
            ..bed.request(ExportEntity::Customers, "out/")
        };
        let summary = bed.export(request).await.unwrap();
        let books = read_books(&bed.path("books")).unwrap();
        let table = table(&bed.path("out/customers.csv"));
        let mut ids = column(&table, "id");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len() as u64, summary.manifest.rows), (books.customers, books.customers));
        assert!(summary.manifest.pages > 1);
        assert_eq!(total(&summary, "creditLimit").parse(), Ok(books.sums.credit_limits));
        assert_eq!(total(&summary, "balance").parse(), Ok(books.sums.balances));
        assert_eq!(summary.missing, Vec::<&str>::new());
        assert!(column(&table, "blocked").contains(&String::new()), "the blank member is an empty cell");
        bed.sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_vouches_for_the_file() {
    use sha2::{Digest, Sha256};
    let bed = Bed::new(|_| ()).await;
    let request = ExportRequest {
        query: filter("blocked eq ' ' and balance gt 0"),
        select: ["number", "displayName", "balance"].map(str::to_owned).to_vec(),
        ..bed.request(ExportEntity::Customers, "ar.csv")
    };
    let summary = bed.export(request).await.unwrap();
    assert_eq!(summary.manifest_path, Some(bed.path("ar.csv.manifest.json")));
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(bed.path("ar.csv.manifest.json")).unwrap()).unwrap();
    let data = fs::read(bed.path("ar.csv")).unwrap();
    let sha256 = Sha256::digest(&data).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let file = &manifest["files"][0];
    assert_eq!((&file["sha256"], &file["bytes"]), (&sha256.into(), &data.len().into()));
    let table = table(&bed.path("ar.csv"));
    assert_eq!(table[0], ["number", "displayName", "balance"]);
    assert!(
        table.len() > 1 && column(&table, "balance").iter().all(|balance| !balance.starts_with(['-', '0']))
    );
    assert_eq!((&manifest["rows"], &file["rows"]), (&(table.len() - 1).into(), &(table.len() - 1).into()));
    assert_eq!(manifest["filter"], "blocked eq ' ' and balance gt 0");
    assert_eq!(manifest["schema"][2], serde_json::json!({"name": "balance", "type": "decimal"}));
    assert_eq!(manifest["expand"][0], "financials");
    assert_eq!(manifest["company"]["id"], bed.target.company.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_server_refuses_balances_on_customers_and_the_error_says_what_to_do() {
    let bed = Bed::new(|options| options.strict = true).await;
    let refused = bed
        .export(ExportRequest {
            query: filter("balance gt 0"),
            ..bed.request(ExportEntity::Customers, "ar.csv")
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, ExportError::Refused { status: 400, .. }), "{refused:?}");
    assert!(refused.hint().unwrap().contains("ferry export financials"));
    assert!(!bed.path("ar.csv").exists());
    let advised =
        ExportRequest { query: filter("balance gt 0"), ..bed.request(ExportEntity::Financials, "ar.csv") };
    assert!(bed.export(advised).await.unwrap().manifest.rows > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_and_a_number_of_rows_are_kept_across_pages() {
    let bed = Bed::new(|_| ()).await;
    for top in [3, 8] {
        let query = Query { order_by: Some("number desc".to_owned()), top: Some(top), ..Query::default() };
        bed.export(ExportRequest { query, ..bed.request(ExportEntity::Customers, "top.csv") }).await.unwrap();
        let numbers = column(&table(&bed.path("top.csv")), "number");
        assert_eq!(numbers.len() as u64, top);
        assert!(numbers.is_sorted_by(|one, other| one > other), "{numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_read_journal_by_journal() {
    let bed = Bed::new(|_| ()).await;
    for journal in ["MIGR", "OTHER"] {
        bed.post("customerPaymentJournals", &format!(r#"{{"code":"{journal}"}}"#)).await;
    }
    bed.export(bed.request(ExportEntity::Customers, "customers.csv")).await.unwrap();
    let customer = column(&table(&bed.path("customers.csv")), "number").remove(0);
    bed.export(bed.request(ExportEntity::Payments, "before.csv")).await.unwrap();
    let journals = fetch(&bed, "customerPaymentJournals?$select=id,code").await;
    for (code, amount) in [("MIGR", "-10.50"), ("MIGR", "-0.10"), ("OTHER", "-7.00")] {
        let id = journals.iter().find(|journal| journal["code"] == code).unwrap()["id"].as_str().unwrap();
        let body = format!(
            r#"{{"customerNumber":"{customer}","postingDate":"2025-03-01","documentNumber":"P{amount}","amount":{amount}}}"#
        );
        bed.post(&format!("customerPaymentJournals({id})/customerPayments"), &body).await;
    }
    let request =
        ExportRequest { journal: Some("migr".to_owned()), ..bed.request(ExportEntity::Payments, "migr.csv") };
    let summary = bed.export(request).await.unwrap();
    let rows = table(&bed.path("migr.csv"));
    assert_eq!(column(&rows, "journal"), ["MIGR", "MIGR"]);
    assert_eq!(column(&rows, "postingDate"), ["2025-03-01", "2025-03-01"]);
    assert_eq!(total(&summary, "amount").parse::<f64>(), Ok(-10.6));
    let before = table(&bed.path("before.csv")).len();
    bed.export(bed.request(ExportEntity::Payments, "after.csv")).await.unwrap();
    assert_eq!(table(&bed.path("after.csv")).len(), before + 3);

    let unknown =
        ExportRequest { journal: Some("NOPE".to_owned()), ..bed.request(ExportEntity::Payments, "no.csv") };
    let message = bed.export(unknown).await.unwrap_err().to_string();
    assert!(message.contains("`NOPE`") && message.contains("`MIGR`, `OTHER`"), "{message}");
}

async fn fetch(bed: &Bed, path: &str) -> Vec<serde_json::Value> {
    let request = ApiRequest::get(format!("companies({})/{path}", bed.target.company.id));
    let reply = bed.target.transport.send(0, &request).await.unwrap();
    let mut page: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    page["value"].take().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_misbehaves_costs_time_and_nothing_else() {
    let folder = TempDir::with_prefix("ferry-export-").unwrap();
    let books = folder.path().join("books");
    let calm = Bed::new(|options| options.books.clone_from(&books)).await;
    seed_customers(&books, 300).unwrap();
    let wanted = calm.export(calm.request(ExportEntity::Customers, "calm.csv")).await.unwrap();
    assert!(wanted.manifest.rows >= 300);
    let calm_bytes = fs::read(calm.path("calm.csv")).unwrap();
    calm.sandbox.stop().await;
    for seed in 0..3 {
        let faults = Faults {
            lost: 0.1,
            reset: 0.1,
            unavailable: 0.02,
            torn: 0.1,
            gateway: 0.1,
            seed,
            ..Faults::default()
        };
        let rough = Bed::new(|options| {
            options.books.clone_from(&books);
            options.faults = faults;
        })
        .await;
        let mut waits = 0;
        let request = rough.request(ExportEntity::Customers, "rough.csv");
        let mut count = |event| waits += usize::from(matches!(event, ExportEvent::Waiting { .. }));
        let summary = export(&rough.target, request, &mut count).await.unwrap();
        assert!(waits > 3, "seed {seed}: {waits} waits");
        assert_eq!(summary.manifest.files[0].sha256, wanted.manifest.files[0].sha256, "seed {seed}");
        assert_eq!(fs::read(rough.path("rough.csv")).unwrap(), calm_bytes, "seed {seed}");
        rough.sandbox.stop().await;
    }
}

/// A server that answers from this function, given the path and query; keeps what it was asked.
async fn server(
    answer: impl Fn(&str, &str) -> (u16, String) + Clone + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (known_root, kept) = (root.clone(), asked.clone());
    let router = Router::new().fallback(move |uri: Uri| async move {
        kept.lock().unwrap().push(uri.to_string());
        let (status, body) = answer(&known_root, &uri.to_string());
        (StatusCode::from_u16(status).unwrap(), body)
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (root, asked)
}

async fn export_from(root: &str, folder: &Path) -> Result<ExportSummary, ExportError> {
    let company = Company { id: "1".to_owned(), name: "C".to_owned(), display_name: String::new() };
    let select = ["number", "balance"].map(str::to_owned).to_vec();
    let request = ExportRequest { select, ..request(ExportEntity::Customers, &folder.join("a.csv")) };
    export(&target(transport(root, Credential::Bearer("hush".into())), company), request, &mut |_| ()).await
}

/// A folder with an export in it that must survive the next one's failure.
fn folder_with_old_export() -> TempDir {
    let folder = TempDir::with_prefix("ferry-export-").unwrap();
    for name in ["a.csv", "a.csv.manifest.json"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"), folder.path().join(name)).unwrap();
    }
    folder
}

fn assert_untouched(folder: &TempDir) {
    let cargo = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.csv", "a.csv.manifest.json"]);
    for name in names {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), cargo);
    }
}

const RECORD: &str = r#"{"number":"1","customerFinancialDetail":{"balance":1.10}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_next_link_to_another_server_stops_the_export_and_is_never_asked() {
    let (elsewhere, asked) = server(|_, _| (200, r#"{"value":[]}"#.to_owned())).await;
    let page = format!(r#"{{"value":[{RECORD}],"@odata.nextLink":"{elsewhere}/next"}}"#);
    let (root, _) = server(move |_, _| (200, page.clone())).await;
    let folder = folder_with_old_export();
    let failure = export_from(&root, folder.path()).await.unwrap_err();
    assert!(matches!(failure, ExportError::Transport(TransportError::ForeignOrigin { .. })), "{failure:?}");
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
    assert_untouched(&folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_half_way_leaves_the_old_export_as_it_was() {
    let next =
        |root: &str, page: &str| format!(r#"{{"value":[{RECORD}],"@odata.nextLink":"{root}/{page}"}}"#);
    let endless = server(move |root, _| (200, next(root, "same"))).await.0;
    let refusing = server(move |root, uri| match uri {
        "/later" => (400, r#"{"error":{"code":"BadRequest","message":"no"}}"#.to_owned()),
        _ => (200, next(root, "later")),
    })
    .await
    .0;
    let broken = server(move |root, uri| match uri {
        "/later" => (200, r#"{"value":[{"number":{}}]}"#.to_owned()),
        _ => (200, next(root, "later")),
    })
    .await
    .0;
    let busy = server(move |root, uri| match uri {
        "/later" => (503, String::new()),
        _ => (200, next(root, "later")),
    })
    .await
    .0;
    let bare = server(|_, _| (200, r#"{"value":[{"number":"1"}]}"#.to_owned())).await.0;
    for (root, message) in [
        (endless, "page 2 points back to a page that was already read"),
        (refusing, "the server refuses the query for customers (HTTP status 400): BadRequest: no"),
        (broken, "page 2 of customers cannot be read"),
        (busy, "no page after 30 attempts (HTTP status 503)"),
        (bare, "the server left out `customerFinancialDetail` on page 1, although it was asked for"),
    ] {
        let folder = folder_with_old_export();
        assert_eq!(export_from(&root, folder.path()).await.unwrap_err().to_string(), message);
        assert_untouched(&folder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_name_of_the_financial_detail_is_tried_when_the_first_is_refused() {
    let (root, asked) = server(|_, uri| {
        if uri.contains("customerFinancialDetails(") {
            return (
                200,
                r#"{"value":[{"number":"1","customerFinancialDetails":[{"balance":1.10}]}]}"#.to_owned(),
            );
        }
        (400, r#"{"error":{"code":"BadRequest","message":"no such property"}}"#.to_owned())
    })
    .await;
    let folder = TempDir::with_prefix("ferry-export-").unwrap();
    export_from(&root, folder.path()).await.unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("a.csv")).unwrap(), "number,balance\r\n1,1.10\r\n");
    let asked = asked.lock().unwrap();
    assert_eq!(
        *asked,
        [
            "/companies(1)/customers?$select=number&$expand=customerFinancialDetail($select=balance)",
            "/companies(1)/customers?$select=number&$expand=customerFinancialDetails($select=balance)"
        ]
    );
}
