//! The servers, each in a process of its own: this bench started once more with `serve`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use ledgerferry::sandbox::{Sandbox, SandboxOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::say;

/// An answer of the size that the target gives.
const RECORD: &str = r#"{"@odata.etag":"W/\"JzE5OzE2NDU0NTQ1NDU0NTQ1NDU0NTQ1MTswMDsn\"","id":"5d115c9c-44e3-ea11-bb43-000d3a2feca1","number":"C00000001","displayName":"Northwind Engineering GmbH","type":"Company","addressLine1":"12 Bahnhofstraße","addressLine2":"","city":"München","state":"","country":"DE","postalCode":"80331","phoneNumber":"+49 89 1234","email":"info@northwind.example","website":"","salespersonCode":"","balanceDue":0,"creditLimit":1200.50,"taxLiable":true,"currencyCode":"EUR","blocked":"_x0020_"}"#;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Accepts everything at once and keeps nothing.
    Idle,
    /// The sandbox with its durable books.
    Sandbox,
}

impl Server {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Sandbox => "sandbox",
        }
    }
}

/// A server that runs until this is dropped.
pub(crate) struct Running {
    child: Child,
    /// What the server said of itself when it began to listen.
    pub(crate) welcome: Value,
}

impl Running {
    /// Starts this program once more as a server.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says one line");
        Self { child, welcome: serde_json::from_str(&line).expect("the line is JSON") }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.welcome[name].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A server that is gone already is just as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Serves until it is killed: `idle`, or `sandbox BOOKS [RATE]`.
pub(crate) fn serve(words: &[String]) {
    let runtime = Runtime::new().expect("threads can be started");
    if words[0] == "idle" {
        return runtime.block_on(serve_idle());
    }
    let rate = words.get(2).map(|rate| rate.parse().expect("it is a rate"));
    let options =
        SandboxOptions { books: PathBuf::from(&words[1]), rate, in_flight: 16, ..SandboxOptions::default() };
    runtime.block_on(async {
        let sandbox = Sandbox::start(options).await.expect("the sandbox listens");
        say(&serde_json::to_string(sandbox.welcome()).expect("it is plain text"));
        std::future::pending::<()>().await;
    });
}

async fn serve_idle() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/v2.0", listener.local_addr().expect("it listens"));
    say(&json!({ "url": url, "company_id": "9a989360-4466-49b8-afc5-2007f15124ed" }).to_string());
    axum::serve(listener, Router::new().fallback(answer)).await.expect("it listens");
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
