//! Who we are to the API: credentials, and the tokens made from them.
//!
//! Promises: no secret and no token reaches a message or a `Debug` text; one token is fetched at a time,
//! however many requests wait for it.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::TransportError;
use super::origin::origin_text;
use super::pacing;

/// A token's life when the token endpoint does not say.
///
/// Source: RFC 6749 section 5.1 leaves it open; Microsoft's tokens live about an hour, so this errs early.
const ASSUMED_LIFE: Duration = Duration::from_mins(5);

/// The longest life of a token that is believed.
///
/// Source: Microsoft's tokens live one day at most.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// How long the token endpoint may take.
const TOKEN_PATIENCE: Duration = Duration::from_secs(30);

/// The error codes of a token endpoint that may be repeated to the user; they hold nothing secret.
///
/// Source: RFC 6749, section 5.2.
const TOKEN_ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// One way to prove who is asking.
#[derive(Clone, Debug)]
pub enum Credential {
    /// `OAuth2` client credentials: a token is fetched, and fetched again before it expires.
    ClientCredentials {
        /// Where tokens come from.
        token_url: Url,
        /// The application's id.
        client_id: String,
        /// The application's secret.
        client_secret: SecretString,
        /// What the token is for; empty to send none.
        scope: String,
    },
    /// A token that was obtained elsewhere.
    Bearer(SecretString),
    /// A user and a password or web service key, for servers on the user's own premises.
    Basic {
        /// The user.
        user: String,
        /// The password or key.
        password: SecretString,
    },
}

/// One credential at work: its `Authorization` header, ready to be sent.
#[derive(Debug)]
pub(super) struct Login {
    credential: Credential,
    token: Mutex<Option<Token>>,
    /// One fetch at a time; the others wait and use its token.
    fetching: Semaphore,
}

#[derive(Clone, Debug)]
struct Token {
    /// Marked sensitive, so that its `Debug` text is redacted.
    header: HeaderValue,
    refresh_at: Instant,
    expires_at: Instant,
}

/// No `Debug`: it holds a token.
#[derive(Deserialize)]
struct TokenReply {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct TokenFailure {
    error: String,
}

impl Login {
    pub(super) fn new(credential: Credential) -> Result<Self, TransportError> {
        let fixed = match &credential {
            Credential::ClientCredentials { .. } => None,
            Credential::Bearer(token) => {
                Some(sensitive(&format!("Bearer {}", token.expose_secret()), "the token")?)
            }
            Credential::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                Some(sensitive(&format!("Basic {}", base64(pair.as_bytes())), "user and password")?)
            }
        };
        let far = Instant::now() + Duration::from_hours(87_600);
        let token = fixed.map(|header| Token { header, refresh_at: far, expires_at: far });
        Ok(Self { credential, token: Mutex::new(token), fetching: Semaphore::new(1) })
    }

    /// The address tokens come from, if this credential needs any.
    pub(super) fn token_url(&self) -> Option<&Url> {
        match &self.credential {
            Credential::ClientCredentials { token_url, .. } => Some(token_url),
            Credential::Bearer(_) | Credential::Basic { .. } => None,
        }
    }

    /// What the record of this credential's allowance is called. Nothing secret goes into it: an application is named by
    /// its id, a user by his name, and who stands behind a token nobody can tell, so it is named by its place in the
    /// profile and by what the address says before `/api`, which is tenant and environment.
    pub(super) fn pacing_name(&self, index: usize, service_root: &Url) -> String {
        let whom = match &self.credential {
            Credential::ClientCredentials { token_url, client_id, .. } => format!("{token_url}\n{client_id}"),
            Credential::Basic { user, .. } => format!("user\n{user}"),
            Credential::Bearer(_) => {
                let path = service_root.path();
                format!("token\n{}\n{index}", path.split("/api").next().unwrap_or_default())
            }
        };
        pacing::name(service_root, &whom)
    }

    /// The header to send; fetches a token when there is none or the one at hand is past 80 % of its life.
    ///
    /// `refused` is a header the API has just answered with 401: it is not handed out again. `None` when there
    /// is no other.
    pub(super) async fn header(
        &self,
        client: &reqwest::Client,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, TransportError> {
        if let Some(token) = self.usable(refused).filter(|token| Instant::now() < token.refresh_at) {
            return Ok(Some(token.header));
        }
        let Credential::ClientCredentials { token_url, .. } = &self.credential else {
            return Ok(None);
        };
        let _only_fetch = self.fetching.acquire().await.expect("the semaphore is never closed");
        if let Some(token) = self.usable(refused).filter(|token| Instant::now() < token.refresh_at) {
            return Ok(Some(token.header));
        }
        match self.fetch(client, token_url).await {
            Ok(token) => {
                let header = token.header.clone();
                *self.token.lock().expect("no thread panics while it holds a token") = Some(token);
                Ok(Some(header))
            }
            Err(failure) if failure.is_passing() => match self.usable(refused) {
                Some(token) => Ok(Some(token.header)),
                None => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    /// The token at hand, unless it has expired or is the refused one.
    fn usable(&self, refused: Option<&HeaderValue>) -> Option<Token> {
        let token = self.token.lock().expect("no thread panics while it holds a token").clone()?;
        (Instant::now() < token.expires_at && refused != Some(&token.header)).then_some(token)
    }

    async fn fetch(&self, client: &reqwest::Client, token_url: &Url) -> Result<Token, TransportError> {
        let asked_at = Instant::now();
        let request = client.post(token_url.clone()).timeout(TOKEN_PATIENCE).form(&self.form());
        // A token request changes nothing that matters, so whatever happens to it, the API's request never left.
        let lost = |failure: reqwest::Error| TransportError::NotSent {
            origin: origin_text(token_url),
            source: Box::new(failure.without_url()),
        };
        let reply = request.send().await.map_err(lost)?;
        let status = reply.status().as_u16();
        let body = reply.bytes().await.map_err(lost)?;
        if !(200..300).contains(&status) {
            return Err(token_refusal(token_url, status, &body));
        }
        let refused = |detail: &str| TransportError::NotAuthenticated {
            origin: origin_text(token_url),
            detail: detail.to_owned(),
        };
        let reply: TokenReply =
            serde_json::from_slice(&body).map_err(|_| refused("its answer holds no access token"))?;
        let life = reply.expires_in.map_or(ASSUMED_LIFE, Duration::from_secs).min(LONGEST_LIFE);
        let header = sensitive(&format!("Bearer {}", reply.access_token), "the token")?;
        Ok(Token { header, refresh_at: asked_at + life.mul_f64(0.8), expires_at: asked_at + life })
    }

    fn form(&self) -> Vec<(&'static str, &str)> {
        let Credential::ClientCredentials { client_id, client_secret, scope, .. } = &self.credential else {
            return Vec::new();
        };
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("client_secret", client_secret.expose_secret()),
        ];
        if !scope.is_empty() {
            form.push(("scope", scope));
        }
        form
    }
}

/// What a failed token request means. The answer's words stay out of it: they may quote what was sent.
fn token_refusal(token_url: &Url, status: u16, body: &[u8]) -> TransportError {
    let origin = origin_text(token_url);
    match status {
        300..=399 => TransportError::Redirected { origin, to: "?".to_owned(), status },
        408 | 429 | 500.. => TransportError::TokenUnavailable { origin, status },
        _ => {
            let code = serde_json::from_slice::<TokenFailure>(body).ok().map(|failure| failure.error);
            let known = TOKEN_ERRORS.into_iter().find(|known| code.as_deref() == Some(known));
            let detail = known.map_or_else(|| format!("HTTP status {status}"), str::to_owned);
            TransportError::NotAuthenticated { origin, detail }
        }
    }
}

fn sensitive(text: &str, what: &str) -> Result<HeaderValue, TransportError> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| TransportError::BadHeader { what: what.to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Source: RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= group.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_the_standard_has_it() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn secrets_stay_out_of_debug_texts() {
        let credentials = [
            Credential::Bearer("hush-1".into()),
            Credential::Basic { user: "ANNA".into(), password: "hush-2".into() },
            Credential::ClientCredentials {
                token_url: Url::parse("https://login.example/token").unwrap(),
                client_id: "id".into(),
                client_secret: "hush-3".into(),
                scope: String::new(),
            },
        ];
        for credential in credentials {
            let texts = format!("{credential:?} {:?}", Login::new(credential.clone()).unwrap());
            assert!(!texts.contains("hush") && !texts.contains(&base64(b"ANNA:hush-2")), "{texts}");
        }
    }

    #[test]
    fn words_of_the_token_endpoint_never_reach_a_message() {
        let url = Url::parse("https://login.example/t/token?x=hush").unwrap();
        let body = br#"{"error":"invalid_client","error_description":"secret hush is wrong"}"#;
        let message = token_refusal(&url, 401, body).to_string();
        assert_eq!(message, "`https://login.example` does not accept the credentials (invalid_client)");
        let message = token_refusal(&url, 400, br#"{"error":"hush"}"#).to_string();
        assert_eq!(message, "`https://login.example` does not accept the credentials (HTTP status 400)");
    }
}
