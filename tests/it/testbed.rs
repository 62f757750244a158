//! A folder with a project in it, a sandbox to talk to, and the real `ferry` binary.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

pub(crate) use crate::draw::Draw;
use ledgerferry::ledger::{Ledger, Phase};
use ledgerferry::run::LEDGER;
use ledgerferry::sandbox::{Books, Sandbox, SandboxOptions, read_books};
use ledgerferry::transport::{ApiRequest, Credential, Method, PlainHttp, Transport, TransportOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::task::block_in_place;

use crate::relay::{Cut, Manners, Relay};
use crate::sheets::{Cells, Sheet, calm};

/// How often a test reads again what a sandbox with faults does not answer.
const PATIENCE: usize = 100;

/// One test's world; everything in it vanishes with it.
pub(crate) struct TestBed {
    folder: TempDir,
    runtime: Runtime,
    options: SandboxOptions,
    sandbox: Option<Sandbox>,
}

impl TestBed {
    /// A sandbox without faults.
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A sandbox as `adjust` wants it.
    pub(crate) fn with(adjust: impl FnOnce(&mut SandboxOptions)) -> Self {
        let folder = TempDir::with_prefix("ferry-test-").unwrap();
        let runtime = Runtime::new().unwrap();
        let mut options =
            SandboxOptions { books: folder.path().join("books.db"), ..SandboxOptions::default() };
        adjust(&mut options);
        let sandbox = runtime.block_on(Sandbox::start(options.clone())).unwrap();
        let bed = Self { folder, runtime, options, sandbox: Some(sandbox) };
        bed.write_project("");
        bed
    }

    /// Writes `ferry.toml` with the profile `local`; `limits` are further keys of its limits.
    pub(crate) fn write_project(&self, limits: &str) {
        self.write_project_in("v2.0", limits);
    }

    /// The same, with a profile that speaks this dialect.
    pub(crate) fn write_project_in(&self, dialect: &str, limits: &str) {
        let welcome = self.sandbox.as_ref().unwrap().welcome();
        let url = welcome.urls.iter().find(|(served, _)| served.name() == dialect).unwrap().1;
        let project = format!(
            r#"version = 1
[profiles.local]
system  = "business-central"
dialect = "{dialect}"
url     = "{url}"
company = "{}"
auth    = {{ kind = "client-credentials", token_url = "{}", client_id = "{}", client_secret = "${{env:FERRY_TEST_SECRET}}", scope = "{}" }}
limits  = {{ rate = "100000/s", settle = "300ms", deadline = "5s", retry_budget = "120s"{limits} }}
"#,
            welcome.company, welcome.token_url, welcome.client_id, welcome.scope
        );
        self.write("ferry.toml", project.as_bytes());
    }

    /// Has the profile talk to the sandbox through a relay with these manners, while the relay is kept.
    pub(crate) fn through(&self, manners: impl Manners) -> Relay {
        let welcome = self.sandbox.as_ref().unwrap().welcome();
        let origin = welcome.token_url.parse::<url::Url>().unwrap().origin().ascii_serialization();
        let relay = self.runtime.block_on(Relay::start(&origin, manners, Cut::new()));
        self.write("ferry.toml", self.read("ferry.toml").replace(&origin, relay.origin()).as_bytes());
        relay
    }

    /// Somebody else, who changes the record at `path` below the company whenever asked to.
    pub(crate) fn colleague(&self, path: &str) -> Colleague {
        let path = format!("companies({})/{path}", self.sandbox.as_ref().unwrap().welcome().company_id);
        Colleague { transport: self.transport(), path }
    }

    /// The folder everything happens in.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into the folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
            .unwrap();
        path
    }

    /// The text of a file in the folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A command line of the real binary, to be run in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        let secret = self.sandbox.as_ref().map(|sandbox| sandbox.welcome().client_secret.clone());
        command
            .args(arguments)
            .current_dir(self.path())
            .env("FERRY_TEST_SECRET", secret.unwrap_or_default())
            .env_remove("FERRY_PROFILE")
            .env_remove("FERRY_CONFIG")
            .stdin(Stdio::null());
        command
    }

    /// Runs the real binary to its end.
    pub(crate) fn ferry(&self, arguments: &[&str]) -> Ended {
        Ended { output: self.command(arguments).output().unwrap(), line: arguments.join(" ") }
    }

    /// Starts the real binary and leaves it running, silent.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// What the sandbox's books hold now.
    pub(crate) fn books(&self) -> Books {
        read_books(&self.path().join("books.db")).unwrap()
    }

    /// The records in the books that came from such files, asked of a server of the same books that makes no mistakes.
    pub(crate) fn in_the_books(&self, sheet: Sheet) -> Vec<Cells> {
        self.runtime.block_on(async {
            let calm = calm(&self.options).await;
            let found = sheet.in_the_books(&calm, self.options.utc_offset).await;
            calm.stop().await;
            found
        })
    }

    /// Whether the delivery of the run in the folder `run` has begun.
    pub(crate) fn has_begun(&self) -> bool {
        let header = Ledger::open(&self.path().join("run").join(LEDGER)).unwrap().header().unwrap();
        !matches!(header.phase, Phase::Planning | Phase::Planned)
    }
}

impl TestBed {
    /// Sends one request to the sandbox, as another client would; `path` is below the company.
    pub(crate) fn ask(&self, method: Method, path: &str) -> (u16, Value) {
        self.send(ApiRequest::new(method, path))
    }

    /// Changes a record as somebody else would, whatever its `ETag` is.
    pub(crate) fn change(&self, path: &str, body: &str) {
        let request = ApiRequest::with_body(Method::Patch, path, body.to_owned()).header("if-match", "*");
        let (status, said) = self.send(request);
        assert_eq!(status, 200, "{said}");
    }

    /// Creates a record as somebody else would.
    pub(crate) fn create(&self, path: &str, body: &str) {
        let (status, said) = self.send(ApiRequest::with_body(Method::Post, path, body.to_owned()));
        assert_eq!(status, 201, "{said}");
    }

    /// The first record of `set` that `filter` finds; the filter's spaces are encoded here.
    pub(crate) fn record(&self, set: &str, filter: &str) -> Value {
        let (_, found) = self.ask(Method::Get, &format!("{set}?$filter={}", filter.replace(' ', "%20")));
        found["value"][0].clone()
    }

    /// Posts the payment journal with this code.
    pub(crate) fn post_journal(&self, code: &str) {
        let journal = self.record("customerPaymentJournals", &format!("code eq '{code}'"));
        let path = format!("journals({})/Microsoft.NAV.post", journal["id"].as_str().unwrap());
        let (status, said) = self.ask(Method::Post, &path);
        assert_eq!(status, 204, "{said}");
    }

    /// HTTP to the sandbox's v2.0, with a token of its own.
    fn transport(&self) -> Transport {
        let welcome = self.sandbox.as_ref().unwrap().welcome();
        let transport = Transport::new(TransportOptions {
            service_root: format!("{}/", welcome.url).parse().unwrap(),
            credentials: vec![Credential::ClientCredentials {
                token_url: welcome.token_url.parse().unwrap(),
                client_id: welcome.client_id.clone(),
                client_secret: welcome.client_secret.clone().into(),
                scope: welcome.scope.clone(),
            }],
            plain_http: PlainHttp::default(),
        });
        transport.unwrap()
    }

    fn send(&self, request: ApiRequest) -> (u16, Value) {
        let welcome = self.sandbox.as_ref().unwrap().welcome();
        let path = format!("companies({})/{}", welcome.company_id, request.path);
        let request = ApiRequest { path, ..request };
        let transport = self.transport();
        let is_read = request.method == Method::Get;
        for _ in 0..PATIENCE {
            let reply = self.runtime.block_on(transport.send(0, &request));
            match reply.map(|reply| (reply.status, serde_json::from_slice(&reply.body))) {
                Ok((status, Ok(said))) if !(is_read && matches!(status, 429 | 500..)) => {
                    return (status, said);
                }
                Ok((status, _)) if !is_read => return (status, Value::Null),
                Err(error) if !is_read => panic!("{error}"),
                // The sandbox was asked to misbehave towards the program, and does so to all who ask.
                _ => sleep(Duration::from_millis(50)),
            }
        }
        panic!("{} was not answered", request.path);
    }
}

impl TestBed {
    /// Writes `ferry.toml` with the sandbox's Bigcapital as the profile `local`.
    pub(crate) fn write_bigcapital_project(&self) {
        let welcome = &self.sandbox.as_ref().unwrap().welcome().bigcapital;
        let project = format!(
            r#"version = 1
[profiles.local]
system  = "bigcapital"
url     = "{}"
auth    = {{ kind = "api-key", key = "{}" }}
deposit_account = "10001"
limits  = {{ rate = "100000/s", settle = "300ms", deadline = "5s", retry_budget = "120s" }}
"#,
            welcome.url, welcome.api_key
        );
        self.write("ferry.toml", project.as_bytes());
    }

    /// Sends one request to the sandbox's Bigcapital, as another client would.
    pub(crate) fn ask_bigcapital(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let welcome = &self.sandbox.as_ref().unwrap().welcome().bigcapital;
        let transport = Transport::new(TransportOptions {
            service_root: format!("{}/", welcome.url).parse().unwrap(),
            credentials: vec![Credential::Bearer(welcome.api_key.clone().into())],
            plain_http: PlainHttp::default(),
        });
        let request = match body {
            "" => ApiRequest::new(method, path),
            body => ApiRequest::with_body(method, path, body.to_owned())
                .header("content-type", "application/json"),
        };
        let reply = self.runtime.block_on(transport.unwrap().send(0, &request)).unwrap();
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
    }
}

/// Somebody else who works in the books.
pub(crate) struct Colleague {
    transport: Transport,
    path: String,
}

impl Colleague {
    /// Changes the record, whatever its `ETag` is; for threads that belong to a runtime.
    pub(crate) fn change(&self, body: &str) {
        let request =
            ApiRequest::with_body(Method::Patch, self.path.clone(), body.to_owned()).header("if-match", "*");
        let sent = self.transport.send(0, &request);
        let reply = block_in_place(|| Handle::current().block_on(sent)).unwrap();
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    }
}

impl Drop for TestBed {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(async {
                // A connection that hangs by design must not hold the test up.
                let _ = tokio::time::timeout(Duration::from_secs(2), sandbox.stop()).await;
            });
        }
    }
}

/// A run of the binary that has ended.
pub(crate) struct Ended {
    output: Output,
    line: String,
}

impl Ended {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.output.status.code(),
            Some(code),
            "ferry {}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.stdout(),
            self.stderr()
        );
        self
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.output.status.success()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|error| {
            panic!("ferry {}: {error}\n{}{}", self.line, self.stdout(), self.stderr())
        })
    }
}

/// The path of a file under `samples/`.
pub(crate) fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).to_string_lossy().into_owned()
}
