//! Whole imports into a sandbox in the same process, without a rate limit: operations per second.
//!
//! `cargo bench --bench import`

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::counter::ItemsCount;
use ledgerferry::catalogue::DIALECTS;
use ledgerferry::connector;
use ledgerferry::delivery::DeliveryOptions;
use ledgerferry::domain::EntityKind;
use ledgerferry::mapping::Blanks;
use ledgerferry::plan::Mode;
use ledgerferry::run::{
    ApplyRequest, Company, Event, PageOptions, PlanRequest, ReadRequest, Target, apply, plan,
};
use ledgerferry::sandbox::{Sandbox, SandboxOptions};
use ledgerferry::source::SourceOptions;
use ledgerferry::transport::{Credential, PlainHttp, Transport, TransportOptions};
use ledgerferry::validation::Sign;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use url::Url;

const ROWS: u64 = 2_000;

fn main() {
    divan::main();
}

/// A sandbox to import into, and a fresh file for every run.
struct Bed {
    folder: TempDir,
    runtime: Runtime,
    target: Target,
    runs: AtomicU64,
    _sandbox: Sandbox,
}

impl Bed {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let runtime = Runtime::new().expect("threads can be started");
        let options = SandboxOptions { books: folder.path().join("books.db"), ..SandboxOptions::default() };
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("the sandbox listens");
        let welcome = sandbox.welcome();
        let parse = |address: &str| Url::parse(address).expect("the sandbox gives well-formed addresses");
        let credential = Credential::ClientCredentials {
            token_url: parse(&welcome.token_url),
            client_id: welcome.client_id.clone(),
            client_secret: SecretString::from(welcome.client_secret.clone()),
            scope: welcome.scope.clone(),
        };
        let transport = Transport::new(TransportOptions {
            service_root: parse(&format!("{}/", welcome.url)),
            credentials: vec![credential],
            plain_http: PlainHttp::default(),
        });
        let company = Company {
            id: welcome.company_id.clone(),
            name: welcome.company.clone(),
            display_name: String::new(),
        };
        let target = Target {
            api: connector::open(DIALECTS[0]),
            transport: Arc::new(transport.expect("the address can be used")),
            company,
            profile: "bench".to_owned(),
            system: "sandbox".to_owned(),
            dialect: "v2.0".to_owned(),
            stage: "test".to_owned(),
            pages: PageOptions::default(),
        };
        Self { folder, runtime, target, runs: AtomicU64::new(0), _sandbox: sandbox }
    }

    /// A file of rows that no run before had.
    fn request(&self, entity: EntityKind) -> PlanRequest {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let mut text = String::from(match entity {
            EntityKind::Customers => "Number,Display Name,City,Country,Credit Limit\n",
            EntityKind::Dimensions => "Customer Number,Dimension Code,Dimension Value Code\n",
            EntityKind::Payments => "Customer Number,Posting Date,Document Number,Amount\n",
        });
        for row in 0..ROWS {
            let line = match entity {
                EntityKind::Customers => format!("B{run}-{row},Bench {row} Ltd.,Leeds,GB,{row}.50"),
                EntityKind::Dimensions => format!("B{run}-{row},AREA,30"),
                EntityKind::Payments => format!("10000,2026-01-15,B{run}-{row},{row}.75"),
            };
            writeln!(text, "{line}").expect("a string takes all");
        }
        let file = self.folder.path().join(format!("{run}.csv"));
        let written = File::create(&file).and_then(|mut file| file.write_all(text.as_bytes()));
        written.expect("the folder takes files");
        PlanRequest {
            on_unsupported: None,
            read: ReadRequest {
                dialect: DIALECTS[0],
                files: vec![file.into()],
                entity: Some(entity),
                mapping: None,
                options: SourceOptions::default(),
                sign: Sign::ReceiptsPositive,
                blank: Blanks::Keep,
            },
            journal: Some(format!("B{run}")),
            mode: Mode::Upsert,
            match_on: Vec::new(),
            run: run.to_string(),
            folder: self.folder.path().join(format!("run-{run}")),
            runs: None,
            after: None,
            chain: None,
            retries: None,
            stop: None,
            limits: None,
        }
    }

    /// Plans a run and leaves it to be applied.
    fn planned(&self, entity: EntityKind) -> PathBuf {
        let request = self.request(entity);
        let planning = plan(&self.target, &request, &|_: Event<'_>| ());
        drop(self.runtime.block_on(planning).expect("the file is clean"));
        request.folder
    }

    fn apply(&self, folder: PathBuf, entity: EntityKind, batch: usize) {
        let (_keep, stop) = watch::channel(None);
        let delivery = DeliveryOptions { batch, ..DeliveryOptions::for_kind(entity) };
        let request = ApplyRequest::new(folder, "import", delivery);
        let report = self
            .runtime
            .block_on(apply(&self.target, &request, stop, &|_: Event<'_>| ()))
            .expect("the sandbox answers");
        assert_eq!(report.summary.in_the_books(), ROWS);
    }
}

/// From the file to a whole plan, compared with what the target holds.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn plan_customers(bencher: divan::Bencher) {
    let bed = Bed::new();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| bed.planned(EntityKind::Customers));
}

/// From a plan to the books, with durable intents and outcomes, results and report.
#[divan::bench(args = [1, 100], sample_count = 10, sample_size = 1)]
fn apply_customers(bencher: divan::Bencher, batch: usize) {
    let bed = Bed::new();
    bencher
        .counter(ItemsCount::new(ROWS))
        .with_inputs(|| bed.planned(EntityKind::Customers))
        .bench_local_values(|folder| bed.apply(folder, EntityKind::Customers, batch));
}

/// The same for payments, which have one writer.
#[divan::bench(args = [1, 100], sample_count = 10, sample_size = 1)]
fn apply_payments(bencher: divan::Bencher, batch: usize) {
    let bed = Bed::new();
    bencher
        .counter(ItemsCount::new(ROWS))
        .with_inputs(|| bed.planned(EntityKind::Payments))
        .bench_local_values(|folder| bed.apply(folder, EntityKind::Payments, batch));
}
