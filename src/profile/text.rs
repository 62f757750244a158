//! A profile as it is written, and how its text becomes addresses, secrets and limits.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::guards::Guards;
use super::limits::{Limits, parse_duration};
use super::{Environment, Profile, ProfileError, Stage, System};
use crate::catalogue::{DIALECTS, Dialect};
use crate::transport::Credential;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileText {
    system: System,
    dialect: Option<String>,
    url: Option<String>,
    tenant: Option<String>,
    environment: Option<String>,
    company: Option<String>,
    deposit_account: Option<String>,
    #[serde(default)]
    stage: Stage,
    auth: Option<OneOrMany>,
    #[serde(default)]
    limits: LimitsText,
    #[serde(default)]
    guards: Guards,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(AuthText),
    Many(Vec<AuthText>),
}

// No `Debug` is derived from the fields: they may hold a secret written in plain.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum AuthText {
    ClientCredentials { token_url: String, client_id: String, client_secret: String, scope: Option<String> },
    Bearer { token: String },
    Basic { user: String, password: String },
    ApiKey { key: String },
}

impl std::fmt::Debug for AuthText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AuthText(…)")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsText {
    rate: Option<String>,
    headroom: Option<u8>,
    in_flight: Option<usize>,
    batch: Option<usize>,
    settle: Option<String>,
    retry_budget: Option<String>,
    deadline: Option<String>,
}

/// With less than a tenth of the rate, a run would hardly move.
const MOST_HEADROOM: u8 = 90;

const DEFAULT_SCOPE: &str = "https://api.businesscentral.dynamics.com/.default";

/// One profile being read: who it is and where its variables come from.
pub(super) struct Reading<'a> {
    pub(super) profile: &'a str,
    pub(super) environment: Environment<'a>,
}

impl Reading<'_> {
    pub(super) fn profile(&self, text: &ProfileText) -> Result<Profile, ProfileError> {
        let dialect = self.dialect(text)?;
        if text.deposit_account.is_some() && text.system != System::Bigcapital {
            return Err(self.error("deposit_account", "is for Bigcapital only"));
        }
        if text.system == System::Sandbox && text.url.is_some() {
            let problem =
                "is not for the embedded sandbox; a sandbox of its own is `system = \"business-central\"`";
            return Err(self.error("url", problem));
        }
        let credentials = match &text.auth {
            None => Vec::new(),
            Some(OneOrMany::One(auth)) => vec![self.credential(auth)?],
            Some(OneOrMany::Many(list)) => {
                list.iter().map(|auth| self.credential(auth)).collect::<Result<_, _>>()?
            }
        };
        if text.system != System::Sandbox && credentials.is_empty() {
            return Err(self.error("auth", "is missing; say how to sign in"));
        }
        Ok(Profile {
            name: self.profile.to_owned(),
            system: text.system,
            dialect: dialect.name.to_owned(),
            url: self.service_root(text, dialect)?,
            deposit_account: match &text.deposit_account {
                Some(account) => Some(self.fill("deposit_account", account)?),
                None => None,
            },
            company: text.company.as_deref().map(|company| self.fill("company", company)).transpose()?,
            stage: text.stage,
            credentials,
            limits: self.limits(text)?,
            guards: text.guards.clone(),
        })
    }

    /// The version of the system's API; the newest one when the profile names none.
    pub(super) fn dialect(&self, text: &ProfileText) -> Result<&'static Dialect, ProfileError> {
        let system = text.system.as_str();
        let spoken: Vec<&str> = DIALECTS
            .iter()
            .map(|dialect| dialect.name)
            .filter(|name| Dialect::named(system, name).is_some())
            .collect();
        let name = text.dialect.as_deref().or(spoken.first().copied()).unwrap_or_default();
        Dialect::named(system, name.trim())
            .ok_or_else(|| self.error("dialect", &format!("must be one of {}", spoken.join(", "))))
    }

    fn service_root(
        &self,
        text: &ProfileText,
        dialect: &'static Dialect,
    ) -> Result<Option<Url>, ProfileError> {
        let address = match (&text.url, &text.tenant, &text.environment) {
            _ if text.system == System::Sandbox => return Ok(None),
            (Some(url), _, _) => self.fill("url", url)?,
            // The first part of the path is the platform's version, which is the same for every dialect.
            (None, Some(tenant), Some(environment)) => format!(
                "https://api.businesscentral.dynamics.com/v2.0/{}/{}/api/{}",
                self.fill("tenant", tenant)?,
                self.fill("environment", environment)?,
                dialect.name
            ),
            _ => return Err(self.error("url", "is missing; give it, or both `tenant` and `environment`")),
        };
        let mut url = Url::parse(&address).map_err(|_| self.error("url", "is not an absolute address"))?;
        let with_slash = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&with_slash);
        if matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none() {
            Ok(Some(url))
        } else {
            Err(self.error("url", "must start with http:// or https:// and carry no user name or password"))
        }
    }

    fn credential(&self, auth: &AuthText) -> Result<Credential, ProfileError> {
        Ok(match auth {
            AuthText::ClientCredentials { token_url, client_id, client_secret, scope } => {
                let token_url = self.fill("auth.token_url", token_url)?;
                Credential::ClientCredentials {
                    token_url: Url::parse(&token_url)
                        .map_err(|_| self.error("auth.token_url", "is not an absolute address"))?,
                    client_id: self.fill("auth.client_id", client_id)?,
                    client_secret: self.secret("auth.client_secret", client_secret)?,
                    scope: match scope {
                        Some(scope) => self.fill("auth.scope", scope)?,
                        None => DEFAULT_SCOPE.to_owned(),
                    },
                }
            }
            // A key is sent as a bearer token is.
            AuthText::ApiKey { key } => Credential::Bearer(self.secret("auth.key", key)?),
            AuthText::Bearer { token } => Credential::Bearer(self.secret("auth.token", token)?),
            AuthText::Basic { user, password } => Credential::Basic {
                user: self.fill("auth.user", user)?,
                password: self.secret("auth.password", password)?,
            },
        })
    }

    fn limits(&self, text: &ProfileText) -> Result<Limits, ProfileError> {
        let defaults = match text.system {
            System::Sandbox => Limits::sandbox(),
            System::Bigcapital => Limits::bigcapital(),
            System::BusinessCentral => Limits::default(),
        };
        let duration = |key, value: &Option<String>, default| match value {
            None => Ok(default),
            Some(value) => parse_duration(value)
                .ok_or_else(|| self.error(key, "is not a duration such as `90s` or `10m`")),
        };
        let limits = &text.limits;
        let batch = limits.batch.unwrap_or(defaults.batch);
        if !(1..=100).contains(&batch) {
            return Err(self.error("limits.batch", "must be from 1 to 100"));
        }
        if limits.headroom.is_some_and(|share| share > MOST_HEADROOM) {
            return Err(self.error("limits.headroom", "must be a share of the rate from 0 to 90, in percent"));
        }
        if limits.in_flight == Some(0) {
            return Err(self.error("limits.in_flight", "must be at least 1"));
        }
        Ok(Limits {
            rate: match &limits.rate {
                None => defaults.rate,
                Some(rate) => rate
                    .parse()
                    .map_err(|()| self.error("limits.rate", "is not a rate such as `20/s` or `6000/5m`"))?,
            },
            // A rate that somebody has chosen is taken as it is.
            headroom: limits.headroom.unwrap_or(if limits.rate.is_some() { 0 } else { defaults.headroom }),
            in_flight: limits.in_flight,
            batch,
            settle: duration("limits.settle", &limits.settle, defaults.settle)?,
            retry_budget: duration("limits.retry_budget", &limits.retry_budget, defaults.retry_budget)?,
            deadline: duration("limits.deadline", &limits.deadline, defaults.deadline)?,
        })
    }

    fn secret(&self, key: &'static str, text: &str) -> Result<SecretString, ProfileError> {
        self.fill(key, text).map(SecretString::from)
    }

    /// `text` with every `${env:NAME}` and `${env:NAME:-default}` replaced.
    fn fill(&self, key: &'static str, text: &str) -> Result<String, ProfileError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            filled.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}').map(|end| start + end) else {
                return Err(self.error(key, "has a `${` without its `}`"));
            };
            let Some(variable) = rest[start + 2..end].strip_prefix("env:") else {
                return Err(self.error(key, "may only refer to `${env:NAME}`"));
            };
            let (name, default) = match variable.split_once(":-") {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (variable, None),
            };
            match (self.environment)(name).or(default) {
                Some(value) => filled.push_str(&value),
                None => {
                    return Err(self
                        .error(key, &format!("needs the environment variable `{name}`, which is not set")));
                }
            }
            rest = &rest[end + 1..];
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn error(&self, key: &'static str, problem: &str) -> ProfileError {
        ProfileError::Value { profile: self.profile.to_owned(), key, problem: problem.to_owned() }
    }
}
