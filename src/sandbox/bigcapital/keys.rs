//! Who is asking: sign-in, tokens of a day, and API keys.
//!
//! Promises: a key carries its organization, so an `organization-id` header beside it is ignored; a token needs one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::OptionalExtension;
use serde_json::{Value, json};

use super::ask::Ask;
use super::check::{Kind, check, optional, required};
use super::desk::Desk;
use super::figures::moment;
use super::refusal::{Refusal, json_answer};
use crate::sandbox::call::Answer;
use crate::sandbox::identity::new_token;

/// The key that every sandbox knows. It opens nothing but this server, which listens on loopback only.
pub(super) const API_KEY: &str = "bc_ferry_sandbox";

/// The only user.
pub(super) const EMAIL: &str = "ferry@sandbox.example";

/// Its password, as harmless as the key.
pub(super) const PASSWORD: &str = "loopback-only";

/// Source: a token from sign-in lasts a day.
const TOKEN_LIFE: Duration = Duration::from_hours(24);

/// The credentials of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// The `organization-id` header.
    pub(super) organization: Option<String>,
}

/// The tokens given out and not yet expired.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Instant>>);

impl Tokens {
    fn give(&self) -> String {
        let token = new_token();
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token.clone(), Instant::now() + TOKEN_LIFE);
        token
    }

    fn knows(&self, token: &str) -> bool {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).is_some_and(|expires| *expires > Instant::now())
    }
}

/// Lets a request in, or says why not.
pub(super) fn admit(desk: &Desk<'_>, tokens: &Tokens, credentials: &Credentials) -> Result<(), Refusal> {
    let authorization = credentials.authorization.as_deref().unwrap_or_default();
    // The scheme is case-sensitive.
    let Some(token) = authorization.strip_prefix("Bearer ") else { return Err(Refusal::unauthorized()) };
    if token.starts_with("bc_") {
        let sql = "SELECT 1 FROM big_api_key WHERE key = ?1 AND revoked_at IS NULL";
        let known = desk.connection.prepare_cached(sql)?.query_row([token], |_| Ok(())).optional()?;
        return known.ok_or_else(Refusal::unauthorized);
    }
    if !tokens.knows(token) {
        return Err(Refusal::unauthorized());
    }
    match credentials.organization.as_deref() {
        None => Err(Refusal {
            status: 401,
            body: json!({ "message": "Organization ID is required.", "error": "Unauthorized", "statusCode": 401 }),
        }),
        Some(organization) if organization == desk.setup("organization_id")? => Ok(()),
        Some(_) => Err(Refusal {
            status: 401,
            body: json!({ "message": "Tenant not found.", "errors": [{ "type": "TENANT.NOT.FOUND" }] }),
        }),
    }
}

/// `POST auth/signin`
pub(super) fn sign_in(desk: &Desk<'_>, tokens: &Tokens, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, &[required("email", Kind::Text), required("password", Kind::Text)])?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("email") != EMAIL || text("password") != PASSWORD {
        let message = format!("Invalid email or password for {}", text("email"));
        let body = json!({
            "statusCode": 401, "error": "Unauthorized", "message": message, "code": "INVALID_DETAILS",
        });
        return Err(Refusal { status: 401, body });
    }
    let organization = desk.setup("organization_id")?;
    let body = json!({
        "access_token": tokens.give(), "organization_id": organization, "tenant_id": 2, "user_id": 2,
    });
    Ok(json_answer(201, &body))
}

/// `POST api-keys/generate`
pub(super) fn generate(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, &[optional("name", Kind::Text)])?;
    let id = desk.next("api_key")?;
    let key = format!("bc_{}{}", new_token(), &new_token()[..32]);
    let name = body.get("name").and_then(Value::as_str);
    let sql = "INSERT INTO big_api_key VALUES (?1, ?2, ?3, NULL, ?4)";
    desk.connection.execute(sql, (id, &key, name, Timestamp::now().as_millisecond()))?;
    Ok(json_answer(201, &json!({ "key": key, "id": id })))
}

/// `GET api-keys`: with the full keys, as the real server gives them.
pub(super) fn list(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    let at = |milliseconds: Option<i64>| {
        milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok()).map_or(Value::Null, moment)
    };
    let rows = desk.rows("SELECT * FROM big_api_key ORDER BY id", 0)?;
    let keys = rows.iter().map(|row| {
        let key = row.text("key");
        let revoked = row.maybe_int("revoked_at");
        json!({
            "id": row.int("id"), "key": key, "name": row.json_text("name"), "revoked": revoked.is_some(),
            "token": format!("{}...", &key[..key.len().min(8)]), "user_id": 2, "expires_at": null,
            "revoked_at": at(revoked), "created_at": at(row.maybe_int("made")), "updated_at": null,
        })
    });
    Ok(json_answer(200, &keys.collect()))
}

/// `PUT api-keys/:id/revoke`
pub(super) fn revoke(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let id = ask.id().ok_or_else(Refusal::not_found)?;
    let sql = "UPDATE big_api_key SET revoked_at = ?2 WHERE id = ?1";
    match desk.connection.execute(sql, (id, Timestamp::now().as_millisecond()))? {
        0 => Err(Refusal::not_found()),
        _ => Ok(json_answer(200, &json!({ "id": id, "revoked": true }))),
    }
}
