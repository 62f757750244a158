//! A client that knows nothing but HTTP, and a sandbox in a folder of its own.

use reqwest::{Method, RequestBuilder};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sandbox::bigcapital::seed;
use crate::sandbox::{BigcapitalBooks, Sandbox, SandboxOptions, read_books, reset};

/// A running sandbox.
pub(super) struct Bench {
    pub(super) sandbox: Sandbox,
    pub(super) http: reqwest::Client,
    folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start(folder, change).await
    }

    /// An organization without customers, as it was when the samples were recorded.
    pub(super) async fn empty(change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        reset(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'big\\_%' ESCAPE '\\'";
        let mut statement = connection.prepare(sql).unwrap();
        let tables: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        for table in tables {
            connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
        }
        seed::found(&connection).unwrap();
        let name = "UPDATE big_setup SET value = 'Etl Lab Ltd' WHERE name = 'organization_name'";
        connection.execute(name, []).unwrap();
        Self::start(folder, change).await
    }

    async fn start(folder: TempDir, change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut options = SandboxOptions { books: folder.path().join("books"), ..SandboxOptions::default() };
        change(&mut options);
        let sandbox = Sandbox::start(options).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, http, folder }
    }

    pub(super) fn books(&self) -> BigcapitalBooks {
        read_books(&self.folder.path().join("books")).unwrap().bigcapital
    }

    /// A request to a path below the API, without a credential.
    pub(super) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.sandbox.welcome().bigcapital.url))
    }

    /// A request with the key.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.sandbox.welcome().bigcapital.api_key)
    }

    /// Status and body of a request with the key.
    pub(super) async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(method, path).header("content-type", "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = request.body(body).send().await.unwrap();
        (response.status().as_u16(), read(response).await)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }

    /// A payment of whole units on the first invoice of the seed, `INV-1001`.
    pub(super) async fn pay(&self, number: &str, amount: i64) -> (u16, Value) {
        let entries = json!([{ "invoiceId": 1, "paymentAmount": amount }]);
        let payment = json!({
            "customerId": 1, "paymentDate": "2026-02-01", "depositAccountId": 1000, "entries": entries,
            "paymentReceiveNo": number,
        });
        self.post("payments-received", payment).await
    }
}

/// The JSON of the body, its text when it is none, null when it is empty.
pub(super) async fn read(response: reqwest::Response) -> Value {
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(if text.is_empty() { Value::Null } else { Value::String(text) })
}

/// The type of a refusal by a rule of the books.
pub(super) fn kind(body: &Value) -> &str {
    body["errors"][0]["type"].as_str().unwrap_or_default()
}
