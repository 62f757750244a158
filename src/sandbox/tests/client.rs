//! A client that knows nothing but HTTP, and a sandbox in a folder of its own.

use reqwest::{Method, Response};
use serde_json::Value;
use tempfile::TempDir;

use super::super::{Books, Dialect, Sandbox, SandboxOptions, Welcome, read_books};

/// A running sandbox and a client with a token.
pub(super) struct Bench {
    pub(super) sandbox: Sandbox,
    pub(super) http: reqwest::Client,
    pub(super) token: String,
    /// The service root it speaks to.
    pub(super) root: String,
    folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn strict() -> Self {
        Self::with(|options| options.strict = true).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut options = SandboxOptions { books: folder.path().join("books"), ..SandboxOptions::default() };
        change(&mut options);
        let sandbox = Sandbox::start(options).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let token = token(&http, sandbox.welcome(), "").await;
        let root = sandbox.welcome().url.clone();
        Self { sandbox, http, token, root, folder }
    }

    /// The same, speaking another version of the API.
    pub(super) fn in_dialect(self, dialect: Dialect) -> Self {
        Self { root: self.sandbox.welcome().urls[&dialect].clone(), ..self }
    }

    /// The same, with another token.
    pub(super) fn speaking_as(self, token: String) -> Self {
        Self { token, ..self }
    }

    /// What the judge says.
    pub(super) fn books(&self) -> Books {
        read_books(&self.folder.path().join("books")).unwrap()
    }

    /// The path of the company's sets.
    pub(super) fn company(&self) -> String {
        format!("companies({})", self.sandbox.welcome().company_id)
    }

    /// Sends `body` to `path` below the service root, or below the company when it starts with a slash.
    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = match path.strip_prefix('/') {
            Some(path) => format!("{}/{}/{path}", self.root, self.company()),
            None => format!("{}/{path}", self.root),
        };
        self.http.request(method, url).bearer_auth(&self.token)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        let status = response.status();
        let body = body(response).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Status and body of a GET.
    pub(super) async fn ask(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    /// Status and body of a POST.
    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(
            self.request(Method::POST, path)
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    /// Status and body of a PATCH that overwrites whatever is there.
    pub(super) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::PATCH, path).header("if-match", "*").body(body.to_string())).await
    }

    pub(super) async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path)).await
    }

    /// The id of the first entity of `path`.
    pub(super) async fn id(&self, path: &str) -> String {
        self.get(path).await["value"][0]["id"].as_str().unwrap().to_owned()
    }
}

/// A token for the client id with `suffix`.
pub(super) async fn token(http: &reqwest::Client, welcome: &Welcome, suffix: &str) -> String {
    let client_id = format!("{}{suffix}", welcome.client_id);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &client_id),
        ("client_secret", &welcome.client_secret),
        ("scope", &welcome.scope),
    ];
    let response = http.post(&welcome.token_url).form(&form).send().await.unwrap();
    body(response).await["access_token"].as_str().unwrap().to_owned()
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), body(response).await)
}

/// The JSON of the body; null when it is empty.
pub(super) async fn body(response: Response) -> Value {
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(if text.is_empty() { Value::Null } else { Value::String(text) })
}

/// The code of a refusal.
pub(super) fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

/// The message of a refusal without its correlation id.
pub(super) fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_default().split("  CorrelationId:").next().unwrap_or_default()
}
