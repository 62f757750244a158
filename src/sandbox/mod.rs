//! A server on loopback that imitates Business Central's API v2.0, v1.0 and beta over the same books, and beside them
//! Bigcapital's, for demos, trials and tests.
//!
//! In: HTTP requests of any `OData` client. Out: answers as the real server gives them, and a file of books that says
//! what happened: [`read_books`].
//!
//! Promises: it listens on 127.0.0.1 only; what it answered is in the books even if the process is killed right
//! after; with [`Faults`] it misbehaves the same way every time for the same seed and order of requests. It imports
//! nothing of the client, so the two cannot agree on a mistake.
//!
//! The path of a request: `wire` (connection) → `server` (token, limits, faults) → `batch` or `perform` (one
//! operation in one turn at the books) → `route` (path to a place) → `read`, or `customers`, `payments`, `journals`,
//! `dimensions`, `posting`.

mod auth;
mod batch;
mod bigcapital;
mod books;
mod call;
mod customers;
mod dimensions;
mod draft;
mod faults;
mod identity;
mod journals;
mod limits;
mod odata;
mod payments;
mod perform;
mod posting;
mod read;
mod references;
mod route;
mod seed;
mod server;
#[cfg(test)]
mod tests;
mod wire;
mod wish;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

pub use bigcapital::{
    BigcapitalBooks, BigcapitalDuplicates, BigcapitalSums, BigcapitalWelcome, BigcapitalWrites,
};
pub use books::{
    Books, Duplicates, Sums, WriteRequests, read_books, reset, seed_bigcapital_customers, seed_customers,
};
pub use faults::Faults;
pub use limits::Rate;
use odata::{Behaviour, MAX_PAGE_SIZE};
pub use odata::{Dialect, UnknownDialect};

/// How long stopping waits for requests that are being answered.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// How a sandbox is to behave.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Where it listens; 0 for any free port.
    pub port: u16,
    /// The file of its books, made and seeded when it is not there.
    pub books: PathBuf,
    /// Whether it keeps to the vendor's reference; else it gives third-party clients a superset: balances on
    /// customers, blank options as a space, both spellings of the financial details.
    pub strict: bool,
    /// The only version of the API to serve; all of them when nothing.
    pub dialect: Option<Dialect>,
    /// How it misbehaves.
    pub faults: Faults,
    /// How many requests a credential may send; unlimited when nothing.
    pub rate: Option<Rate>,
    /// How many requests of a credential are worked on at once.
    pub in_flight: usize,
    /// How many more may wait.
    pub queue: usize,
    /// How long every request takes at least.
    pub latency: Duration,
    /// How long after its arrival the work of a request may still begin; what is later is not done any more.
    pub time_limit: Duration,
    /// The most records in a page.
    pub page_size: usize,
    /// How long a token lives.
    pub token_life: Duration,
    /// The status of a stale entity tag: 409, or 412 as old servers and proxies say.
    pub stale_status: u16,
    /// How many hours the clock of the imitated Bigcapital is ahead of UTC: its days are instants of local midnight.
    pub utc_offset: i8,
}

impl Default for SandboxOptions {
    /// No faults, no rate, the vendor's limits on concurrency and pages.
    fn default() -> Self {
        Self {
            port: 0,
            books: PathBuf::from("sandbox.books"),
            strict: false,
            dialect: None,
            faults: Faults::default(),
            rate: None,
            in_flight: 5,
            queue: 95,
            latency: Duration::ZERO,
            time_limit: server::TIME_LIMIT,
            page_size: MAX_PAGE_SIZE,
            token_life: Duration::from_hours(1),
            stale_status: 409,
            utc_offset: 0,
        }
    }
}

/// What a client needs to know to talk to a sandbox.
#[derive(Clone, Debug, Serialize)]
pub struct Welcome {
    /// The service root: of API v2.0, or of the only version that is served.
    pub url: String,
    /// The token endpoint.
    pub token_url: String,
    /// The company's name.
    pub company: String,
    /// The company's id.
    pub company_id: String,
    /// The client id; with a dash and anything after it, it is another service principal.
    pub client_id: String,
    /// The secret, which opens nothing but a sandbox.
    pub client_secret: String,
    /// The scope to ask for.
    pub scope: String,
    /// The service root of every version of the API that is served.
    pub urls: BTreeMap<Dialect, String>,
    /// The file of the books.
    pub books: PathBuf,
    /// The imitated Bigcapital in the same process.
    pub bigcapital: BigcapitalWelcome,
}

/// Why a sandbox could not be started, or its books not be used.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port is taken, or may not be listened on.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The books cannot be opened, read or written.
    #[error("cannot use the books in `{path}`")]
    Books {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// A database of another program, or a run's ledger.
    #[error("`{0}` holds something else than the books of a sandbox")]
    NotBooks(PathBuf),
    /// A part of a fault specification.
    #[error("`{0}` is no fault: expected a kind and a probability, as in `lost=0.02`")]
    Fault(String),
    /// A rate.
    #[error("`{0}` is no rate: expected requests and a window, as in `6000/5m` or `20/s`")]
    Rate(String),
}

/// What operations need to know of the server they run in.
#[derive(Debug)]
struct Service {
    /// The service root, without a slash at its end.
    root: String,
    dialect: Dialect,
    behaviour: Behaviour,
    page_size: usize,
    stale_status: u16,
}

/// A sandbox that is listening. Dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    welcome: Welcome,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Opens the books and starts to listen.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let at_port = |source| SandboxError::Listen { port: options.port, source };
        let path = options.books.clone();
        let opening = spawn_blocking(move || books::Store::open(&path)).await;
        let store = opening.unwrap_or_else(|cause| std::panic::resume_unwind(cause.into_panic()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(at_port)?;
        let address = listener.local_addr().map_err(at_port)?;
        let behaviour = if options.strict { Behaviour::Strict } else { Behaviour::Seed };
        let services = services(&options, behaviour, &format!("http://{address}"));
        // The first path of a version is the one to tell.
        let mut urls = BTreeMap::new();
        for (_, service) in &services {
            urls.entry(service.dialect).or_insert_with(|| service.root.clone());
        }
        let welcome = Welcome {
            url: services.first().map(|(_, service)| service.root.clone()).unwrap_or_default(),
            urls,
            token_url: format!("http://{address}{}", server::TOKEN_PATH),
            company: seed::COMPANY.to_owned(),
            company_id: seed::company_id().to_string(),
            client_id: auth::CLIENT_ID.to_owned(),
            client_secret: auth::CLIENT_SECRET.to_owned(),
            scope: auth::SCOPE.to_owned(),
            books: options.books.clone(),
            bigcapital: bigcapital::welcome(address),
        };
        let server = server::Server {
            services,
            store,
            tokens: auth::Tokens::new(options.token_life),
            limits: limits::Limits::new(options.rate, options.in_flight.max(1), options.queue),
            faults: options.faults,
            latency: options.latency,
            time_limit: options.time_limit,
            requests: AtomicU64::new(0),
            bigcapital: bigcapital::Bigcapital::new(options.rate, options.utc_offset, options.strict),
        };
        let app = Router::new().fallback(server::handle).with_state(Arc::new(server));
        let app = app.into_make_service_with_connect_info::<wire::Line>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(wire::Wires(listener), app).with_graceful_shutdown(async {
            // A dropped sender means the same as a sent stop.
            let _ = stopped.await;
        });
        let serving = tokio::spawn(serving.into_future());
        Ok(Self { welcome, stop: Some(stop), serving })
    }

    /// What a client needs to know.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Stops listening, after the requests being answered, which get a second.
    pub async fn stop(mut self) {
        self.stop.take();
        // Whoever is still stalled then loses the connection with the server.
        if timeout(STOP_PATIENCE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

/// A service for every path that leads to a version of the API that is to be served at `origin`.
fn services(
    options: &SandboxOptions,
    behaviour: Behaviour,
    origin: &str,
) -> Vec<(&'static str, Arc<Service>)> {
    let dialects = Dialect::ALL.into_iter().filter(|one| options.dialect.is_none_or(|only| only == *one));
    let paths = dialects.flat_map(|one| server::root_paths(one, behaviour).map(move |path| (one, path)));
    paths
        .map(|(dialect, path)| {
            let service = Service {
                root: format!("{origin}{path}"),
                dialect,
                behaviour,
                page_size: options.page_size.max(1),
                stale_status: options.stale_status,
            };
            (path, Arc::new(service))
        })
        .collect()
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.take();
    }
}
