//! Who is asking: client credentials in, bearer tokens out, tokens checked.
//!
//! The sandbox has one well-known client. Any client id that starts with it and a dash (`ferry-sandbox-2`) is
//! another service principal with the same secret and its own limits, so that a profile with several credentials can be tried.
//!
//! Source: OAuth 2.0 client-credentials flow as Business Central documents it for service-to-service access; refused
//! tokens answer 401 `Authentication_InvalidCredentials`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::identity::new_token;

/// The client id that every sandbox knows.
pub(super) const CLIENT_ID: &str = "ferry-sandbox";

/// Its secret. It opens nothing but this server, which listens on loopback only.
pub(super) const CLIENT_SECRET: &str = "loopback-only";

/// The scope a client asks for.
pub(super) const SCOPE: &str = "https://api.businesscentral.dynamics.com/.default";

/// The tokens given out and not yet expired.
#[derive(Debug)]
pub(super) struct Tokens {
    life: Duration,
    live: Mutex<HashMap<String, (String, Instant)>>,
}

impl Tokens {
    /// No tokens yet; each will live for `life`.
    pub(super) fn new(life: Duration) -> Self {
        Self { life, live: Mutex::default() }
    }

    /// Answers a form posted to the token endpoint: status and JSON body.
    pub(super) fn grant(&self, form: &[u8], now: Instant) -> (u16, Value) {
        let fields: HashMap<_, _> = url::form_urlencoded::parse(form).into_owned().collect();
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        if field("grant_type") != "client_credentials" {
            return refusal(400, "unsupported_grant_type", "grant_type must be client_credentials");
        }
        if field("scope").is_empty() {
            return refusal(400, "invalid_request", "the required field scope is missing");
        }
        let client = field("client_id");
        if !is_client(client) || field("client_secret") != CLIENT_SECRET {
            return refusal(401, "invalid_client", "the client id or its secret is wrong");
        }
        let token = new_token();
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, (_, expires)| *expires > now);
        live.insert(token.clone(), (client.to_owned(), now + self.life));
        let seconds = self.life.as_secs();
        (
            200,
            json!({ "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token }),
        )
    }

    /// The client behind an `Authorization` header, unless its token is unknown or expired.
    pub(super) fn client(&self, authorization: &str, now: Instant) -> Option<String> {
        let (scheme, token) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get(token.trim()).filter(|(_, expires)| *expires > now).map(|(client, _)| client.clone())
    }
}

fn is_client(client: &str) -> bool {
    client.strip_prefix(CLIENT_ID).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn refusal(status: u16, error: &str, description: &str) -> (u16, Value) {
    (status, json!({ "error": error, "error_description": description }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(client: &str, secret: &str) -> String {
        format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=x%2F.default")
    }

    #[test]
    fn the_right_secret_gets_a_token_that_works_until_it_expires() {
        let tokens = Tokens::new(Duration::from_mins(1));
        let start = Instant::now();
        let (status, body) = tokens.grant(form("ferry-sandbox-2", CLIENT_SECRET).as_bytes(), start);
        assert_eq!((status, &body["expires_in"]), (200, &json!(60)));
        let header = format!("Bearer {}", body["access_token"].as_str().unwrap());
        assert_eq!(tokens.client(&header, start).as_deref(), Some("ferry-sandbox-2"));
        assert_eq!(tokens.client(&header, start + Duration::from_mins(1)), None);
    }

    #[test]
    fn a_wrong_secret_a_wrong_client_and_a_wrong_grant_get_none() {
        let tokens = Tokens::new(Duration::from_mins(1));
        let now = Instant::now();
        assert_eq!(tokens.grant(form(CLIENT_ID, "guess").as_bytes(), now).0, 401);
        assert_eq!(tokens.grant(form("ferry-sandboxed", CLIENT_SECRET).as_bytes(), now).0, 401);
        assert_eq!(tokens.grant(b"grant_type=password", now).0, 400);
        assert_eq!(tokens.client("Bearer 0000", now), None);
        assert_eq!(tokens.client("Basic eDp5", now), None);
    }
}
