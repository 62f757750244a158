//! Imports inside this process: a folder, books, and runs that can die at any moment.
//!
//! A run dies as a process does: its requests stop first, then its ledger is copied as it lies on the disk, then
//! what is left of the run is dropped, and only the copy lives on.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledgerferry::connector::bigcapital::Bigcapital;
use ledgerferry::connector::{self, Api};
use ledgerferry::delivery::{DeliveryEvent, DeliveryOptions, ErrorLimit};
use ledgerferry::ledger::Ledger;
use ledgerferry::mapping::Blanks;
use ledgerferry::plan::Mode;
use ledgerferry::report::Report;
use ledgerferry::run::{
    ApplyRequest, Company, Error, Event, LEDGER, PageOptions, PlanRequest, ReadRequest, Target, apply, plan,
};
use ledgerferry::sandbox::{Books, Faults, Sandbox, SandboxOptions, read_books};
use ledgerferry::source::SourceOptions;
use ledgerferry::transport::{Credential, PlainHttp, Transport, TransportOptions};
use ledgerferry::validation::Sign;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::relay::{Cut, Relay};
use crate::sheets::{Cells, DEPOSIT_ACCOUNT, JOURNAL, Sheet, door};

/// How long after its arrival a sandbox still begins with a request. Together with what a relay holds back this is less
/// than a run waits before it believes an absence, however busy the machine is.
const TIME_LIMIT: Duration = Duration::from_millis(500);

/// One test's world: books, and runs against them.
pub(crate) struct Passage {
    folder: TempDir,
    pub(crate) sheet: Sheet,
    pub(crate) mode: Mode,
    /// What the column `ferry_action` says in every row; without it there is no such column.
    pub(crate) action: Option<&'static str>,
    pub(crate) options: DeliveryOptions,
    files: u32,
}

impl Passage {
    /// Fresh books, and options whose waits a test can bear.
    pub(crate) fn new(sheet: Sheet) -> Self {
        let options = DeliveryOptions {
            batch: 6,
            settle: Duration::from_millis(1500),
            retry_budget: Duration::from_mins(2),
            backoff: Duration::from_millis(10),
            deadline: Duration::from_secs(3),
            max_attempts: 1_000,
            max_errors: ErrorLimit::Percent(100),
            seed: 11,
            ..DeliveryOptions::for_kind(sheet.kind)
        };
        Self { folder: TempDir::new().unwrap(), sheet, mode: Mode::Upsert, action: None, options, files: 0 }
    }

    /// A server of these books.
    pub(crate) async fn sandbox(&self, faults: Faults) -> Sandbox {
        self.sandbox_with(SandboxOptions { faults, ..SandboxOptions::default() }).await
    }

    /// A server of these books with other habits.
    pub(crate) async fn sandbox_with(&self, options: SandboxOptions) -> Sandbox {
        let books = self.folder.path().join("books.db");
        Sandbox::start(SandboxOptions { books, time_limit: TIME_LIMIT, ..options }).await.unwrap()
    }

    /// Puts into the books what the rows refer to.
    pub(crate) fn prepare(&self) {
        self.sheet.prepare(&self.folder.path().join("books.db"));
    }

    pub(crate) fn books(&self) -> Books {
        read_books(&self.folder.path().join("books.db")).unwrap()
    }

    /// Plans a file of these rows; the folder of the run.
    pub(crate) async fn plan(&mut self, target: &Target, rows: &[Cells]) -> Result<PathBuf, Error> {
        self.files += 1;
        let folder = self.folder.path().join(format!("run-{}", self.files));
        let request = PlanRequest {
            on_unsupported: None,
            read: ReadRequest {
                dialect: self.sheet.dialect,
                files: vec![self.write(rows).into()],
                entity: Some(self.sheet.kind),
                mapping: None,
                options: SourceOptions::default(),
                sign: Sign::AsIs,
                blank: Blanks::Keep,
            },
            journal: Some(JOURNAL.to_owned()),
            mode: self.mode,
            match_on: Vec::new(),
            run: self.files.to_string(),
            folder: folder.clone(),
            runs: None,
            after: None,
            chain: None,
            retries: None,
            stop: None,
            limits: None,
        };
        plan(target, &request, &|_: Event<'_>| ()).await?;
        Ok(folder)
    }

    fn write(&self, rows: &[Cells]) -> PathBuf {
        let path = self.folder.path().join(format!("{}.csv", self.files));
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(&self.sheet.file(rows, self.action)))
            .unwrap();
        path
    }

    /// Carries out a plan, or what is left of it.
    pub(crate) async fn apply(
        &self,
        target: &Target,
        folder: &Path,
        on_event: &(dyn Fn(DeliveryEvent) + Send + Sync),
    ) -> Result<Report, Error> {
        let (_keep, stop) = watch::channel(None);
        let request = ApplyRequest::new(folder.to_owned(), "resume", self.options.clone());
        let observer = |event: Event<'_>| {
            if let Event::Delivery(event) = event {
                on_event(event);
            }
        };
        apply(target, &request, stop, &observer).await
    }

    /// Carries out a plan through `relay` until its end, or until `cut` kills it. Returns the report, or the folder
    /// with what the dead run left behind.
    pub(crate) async fn apply_until_cut(
        &self,
        (sandbox, relay, cut): (&Sandbox, Relay, &Cut),
        folder: &Path,
        on_event: &(dyn Fn(DeliveryEvent) + Send + Sync),
    ) -> Result<Report, PathBuf> {
        let target = self.target(sandbox, relay.origin());
        let copy = folder.with_file_name(format!("{}x", folder.file_name().unwrap().to_string_lossy()));
        // While another reader is there, closing the ledger does not fold its log into it: the copy is of one piece.
        let reader = Ledger::open(&folder.join(LEDGER)).unwrap();
        let ended = tokio::select! {
            biased;
            left = leave_behind(cut, folder, copy) => Err(left),
            report = self.apply(&target, folder, on_event) => Ok(report.unwrap()),
        };
        drop(reader);
        relay.settled(Duration::from_millis(500)).await;
        ended
    }

    /// The sandbox under the address `origin`, with connections and a token of its own, as a new process has them.
    pub(crate) fn target(&self, sandbox: &Sandbox, origin: &str) -> Target {
        let dialect = self.sheet.dialect;
        let (root, mut credential) = door(sandbox, dialect);
        let own = root.parse::<url::Url>().unwrap().origin().ascii_serialization();
        let there = |address: &str| format!("{}/", address.trim_end_matches('/')).replace(&own, origin);
        if let Credential::ClientCredentials { token_url, .. } = &mut credential {
            *token_url = token_url.as_str().replace(&own, origin).parse().unwrap();
        }
        let transport = Transport::new(TransportOptions {
            service_root: there(&root).parse().unwrap(),
            credentials: vec![credential],
            plain_http: PlainHttp::default(),
        });
        let welcome = sandbox.welcome();
        let (id, name) = if self.sheet.is_bigcapital() {
            (&welcome.bigcapital.organization_id, &welcome.bigcapital.organization)
        } else {
            (&welcome.company_id, &welcome.company)
        };
        let api: Arc<dyn Api> = if self.sheet.is_bigcapital() {
            Arc::new(Bigcapital::new(dialect).depositing_to(Some(DEPOSIT_ACCOUNT.to_owned())))
        } else {
            connector::open(dialect)
        };
        Target {
            api,
            transport: Arc::new(transport.unwrap()),
            company: Company { id: id.clone(), name: name.clone(), display_name: String::new() },
            profile: "local".to_owned(),
            // A sandbox may change its address between two lives of a run.
            system: "sandbox".to_owned(),
            dialect: dialect.name.to_owned(),
            stage: "test".to_owned(),
            pages: PageOptions::within(Duration::from_mins(2)),
        }
    }
}

/// Waits for the cut, and copies what the run has on the disk at that moment.
async fn leave_behind(cut: &Cut, folder: &Path, copy: PathBuf) -> PathBuf {
    cut.happened().await;
    std::fs::create_dir(&copy).unwrap();
    for name in [LEDGER.to_owned(), format!("{LEDGER}-wal")] {
        if folder.join(&name).exists() {
            std::fs::copy(folder.join(&name), copy.join(&name)).unwrap();
        }
    }
    copy
}

/// Scheme, host and port of a sandbox.
pub(crate) fn origin_of(sandbox: &Sandbox) -> String {
    let root: url::Url = sandbox.welcome().bigcapital.url.parse().unwrap();
    root.origin().ascii_serialization()
}

/// The rows of `results.csv` by state; each row of the file must stand there exactly once.
#[track_caller]
pub(crate) fn results(folder: &Path) -> BTreeMap<String, usize> {
    let mut reader = csv::Reader::from_path(folder.join("results.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (row, state) = (column("row"), column("status"));
    let (mut counts, mut seen) = (BTreeMap::new(), std::collections::BTreeSet::new());
    for record in reader.records() {
        let record = record.unwrap();
        *counts.entry(record[state].to_owned()).or_insert(0) += 1;
        assert!(seen.insert(record[row].to_owned()), "row {} twice", &record[row]);
    }
    counts
}
