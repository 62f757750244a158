//! Profile text to [`Profile`]: a named target with its address, credentials and limits, every default filled
//! in.
//!
//! In: the text of `ferry.toml` and a way to look up environment variables. Out: what the stages need, each its
//! own part. Nothing is read from disk here. A secret comes from `${env:NAME}` and is held as a
//! [`SecretString`]; no error repeats a value.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::transport::Credential;

/// Everything `ferry.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Format of the file; 1.
    pub version: u32,
    /// The profile used when none is named.
    pub default_profile: Option<String>,
    /// The profiles as written, by name.
    #[serde(default)]
    profiles: BTreeMap<String, ProfileText>,
}

/// A named target: its address, credentials and limits.
#[derive(Debug)]
pub struct Profile {
    /// The name it has in `ferry.toml`.
    pub name: String,
    /// Which system answers there.
    pub system: System,
    /// Which version of the system's API is spoken; `v2.0`.
    pub dialect: String,
    /// The service root, up to and including the API version, with a final slash; `None` for the embedded
    /// sandbox, which is given one when it starts.
    pub url: Option<Url>,
    /// The company's name or GUID; `None` when the target has only one.
    pub company: Option<String>,
    /// Whether the target is the real thing.
    pub stage: Stage,
    /// How to sign in; each entry has its own budget.
    pub credentials: Vec<Credential>,
    /// How fast to go.
    pub limits: Limits,
}

/// The systems ferry speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Microsoft Dynamics 365 Business Central.
    BusinessCentral,
    /// The sandbox embedded in this program, which imitates Business Central.
    Sandbox,
}

impl System {
    /// The word for it in files and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BusinessCentral => "business-central",
            Self::Sandbox => "sandbox",
        }
    }
}

/// Whether a target holds real books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A company to try things in.
    #[default]
    Test,
    /// Real books.
    Production,
}

/// How fast to go, and how long to wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Operations per sliding window and credential.
    pub rate: Rate,
    /// Requests at once per credential; `None` leaves it to the entity.
    pub in_flight: Option<usize>,
    /// Operations in one `$batch`; 1 sends single requests.
    pub batch: usize,
    /// How long after a lost answer an absence is believed: the server's own time limit and its gateway's.
    pub settle: Duration,
    /// How long to go on retrying one row before stopping.
    pub retry_budget: Duration,
    /// How long to wait for one answer.
    pub deadline: Duration,
}

/// So many operations in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Operations in the window.
    pub count: u32,
    /// Length of the sliding window.
    pub window: Duration,
}

impl Default for Limits {
    /// Business Central online: 6,000 requests per sliding 5 minutes, of which 5 % is left for people.
    ///
    /// Source: operational limits of Business Central online; a request may run 8 minutes and its gateway
    /// waits 10.
    fn default() -> Self {
        Self {
            rate: Rate { count: 5_700, window: Duration::from_mins(5) },
            in_flight: None,
            batch: 100,
            settle: Duration::from_mins(10),
            retry_budget: Duration::from_mins(15),
            deadline: Duration::from_secs(630),
        }
    }
}

impl Limits {
    /// Limits for the embedded sandbox, which answers at once or never.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            rate: Rate { count: 1_000_000, window: Duration::from_secs(1) },
            in_flight: None,
            batch: 100,
            settle: Duration::from_secs(1),
            retry_budget: Duration::from_mins(1),
            deadline: Duration::from_secs(20),
        }
    }
}

/// Why `ferry.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, or a key that means nothing here.
    #[error("`{file}` line {line}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The 1-based line.
        line: usize,
        /// The parser's words.
        message: String,
    },
    /// A version this program does not know.
    #[error("`version = {0}` is not known here; this program reads version 1")]
    Version(u32),
    /// No profile of that name.
    #[error("there is no profile `{name}`; known profiles: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A key whose value cannot be used.
    #[error("profile `{profile}`: `{key}` {problem}")]
    Value {
        /// The profile.
        profile: String,
        /// The key.
        key: &'static str,
        /// What is wrong with its value, without repeating it.
        problem: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileText {
    system: System,
    dialect: Option<String>,
    url: Option<String>,
    tenant: Option<String>,
    environment: Option<String>,
    company: Option<String>,
    #[serde(default)]
    stage: Stage,
    auth: Option<OneOrMany>,
    #[serde(default)]
    limits: LimitsText,
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
    in_flight: Option<usize>,
    batch: Option<usize>,
    settle: Option<String>,
    retry_budget: Option<String>,
    deadline: Option<String>,
}

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

const DEFAULT_SCOPE: &str = "https://api.businesscentral.dynamics.com/.default";

impl Project {
    /// Reads the text of a project file; `file` only names it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        // The parser's own display repeats the line, which may hold a secret; its message and place do not.
        let project: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            ProfileError::Syntax { file: file.to_owned(), line, message: error.message().to_owned() }
        })?;
        if project.version == 1 { Ok(project) } else { Err(ProfileError::Version(project.version)) }
    }

    /// The profile `name`, or the default one, with `${env:NAME}` replaced.
    pub fn profile(&self, name: Option<&str>, environment: Environment) -> Result<Profile, ProfileError> {
        let name = name.or(self.default_profile.as_deref()).or_else(|| {
            let mut names = self.profiles.keys();
            names.next().filter(|_| names.next().is_none()).map(String::as_str)
        });
        let known = || self.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        let unknown = |name: &str| ProfileError::Unknown { name: name.to_owned(), known: known() };
        let name = name.ok_or_else(|| unknown("(none named, and `default_profile` is not set)"))?;
        match self.profiles.get(name) {
            Some(text) => Reading { profile: name, environment }.profile(text),
            None if name == "sandbox" => Ok(Profile::sandbox()),
            None => Err(unknown(name)),
        }
    }
}

impl Profile {
    /// The profile used when nothing is configured: the sandbox inside this program.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            name: "sandbox".to_owned(),
            system: System::Sandbox,
            dialect: "v2.0".to_owned(),
            url: None,
            company: None,
            stage: Stage::Test,
            credentials: Vec::new(),
            limits: Limits::sandbox(),
        }
    }
}

/// One profile being read: who it is and where its variables come from.
struct Reading<'a> {
    profile: &'a str,
    environment: Environment<'a>,
}

impl Reading<'_> {
    fn profile(&self, text: &ProfileText) -> Result<Profile, ProfileError> {
        let dialect = text.dialect.clone().unwrap_or_else(|| "v2.0".to_owned());
        if dialect != "v2.0" {
            return Err(self.error("dialect", "is not spoken by this version, which speaks `v2.0`"));
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
            dialect,
            url: self.service_root(text)?,
            company: text.company.as_deref().map(|company| self.fill("company", company)).transpose()?,
            stage: text.stage,
            credentials,
            limits: self.limits(text)?,
        })
    }

    fn service_root(&self, text: &ProfileText) -> Result<Option<Url>, ProfileError> {
        let address = match (&text.url, &text.tenant, &text.environment) {
            _ if text.system == System::Sandbox => return Ok(None),
            (Some(url), _, _) => self.fill("url", url)?,
            (None, Some(tenant), Some(environment)) => format!(
                "https://api.businesscentral.dynamics.com/v2.0/{}/{}/api/v2.0",
                self.fill("tenant", tenant)?,
                self.fill("environment", environment)?
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
            AuthText::Bearer { token } => Credential::Bearer(self.secret("auth.token", token)?),
            AuthText::Basic { user, password } => Credential::Basic {
                user: self.fill("auth.user", user)?,
                password: self.secret("auth.password", password)?,
            },
        })
    }

    fn limits(&self, text: &ProfileText) -> Result<Limits, ProfileError> {
        let defaults = if text.system == System::Sandbox { Limits::sandbox() } else { Limits::default() };
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

impl FromStr for Rate {
    type Err = ();

    /// Reads `20/s`, `100/m` and `6000/5m`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (count, window) = text.split_once('/').ok_or(())?;
        let count = count.trim().parse().map_err(|_| ())?;
        let window = window.trim();
        let window = if window.starts_with(|first: char| first.is_ascii_digit()) {
            parse_duration(window)
        } else {
            parse_duration(&format!("1{window}"))
        };
        match window {
            Some(window) if count > 0 && !window.is_zero() => Ok(Self { count, window }),
            _ => Err(()),
        }
    }
}

/// Reads `250ms`, `90s`, `10m` and `2h`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = r#"
version = 1
default_profile = "contoso"

[profiles.contoso]
system  = "business-central"
url     = "https://bc.example/api/v2.0"
company = "CRONUS International"
stage   = "production"
auth    = { kind = "client-credentials", token_url = "https://login.example/token", client_id = "me", client_secret = "${env:BC_SECRET}" }
limits  = { rate = "20/s", in_flight = 5, batch = 50 }
"#;

    fn read(text: &str) -> Result<Profile, ProfileError> {
        let environment = |name: &str| (name == "BC_SECRET").then(|| "hush".to_owned());
        Project::parse("ferry.toml", text)?.profile(None, &environment)
    }

    #[test]
    fn a_profile_is_read_with_its_defaults_filled_in() {
        let profile = read(PROJECT).unwrap();
        assert_eq!(profile.url.unwrap().as_str(), "https://bc.example/api/v2.0/");
        assert_eq!(profile.limits.rate, Rate { count: 20, window: Duration::from_secs(1) });
        assert_eq!(profile.limits.settle, Duration::from_mins(10));
        assert_eq!(profile.stage, Stage::Production);
    }

    #[test]
    fn the_tenant_in_an_address_is_left_as_it_is() {
        let on_premises = PROJECT.replace("/api/v2.0\"", "/api/v2.0?tenant=default\"");
        let url = read(&on_premises).unwrap().url.unwrap();
        assert_eq!(url.as_str(), "https://bc.example/api/v2.0/?tenant=default");
    }

    #[test]
    fn no_secret_shows_in_debug_or_in_an_error() {
        assert!(!format!("{:?}", read(PROJECT).unwrap()).contains("hush"));
        let plain = PROJECT.replace("${env:BC_SECRET}", "hush");
        assert!(!format!("{:?}", Project::parse("ferry.toml", &plain).unwrap()).contains("hush"));
        let broken = plain.replace("\"https://login.example/token\"", "\"nowhere\"");
        assert!(!read(&broken).unwrap_err().to_string().contains("hush"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_named_with_its_key() {
        let error = read(&PROJECT.replace("BC_SECRET", "OTHER")).unwrap_err();
        insta::assert_snapshot!(error, @"profile `contoso`: `auth.client_secret` needs the environment variable `OTHER`, which is not set");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = read(&PROJECT.replace("stage ", "stagee")).unwrap_err();
        insta::assert_snapshot!(error, @"`ferry.toml` line 9: unknown field `stagee`, expected one of `system`, `dialect`, `url`, `tenant`, `environment`, `company`, `stage`, `auth`, `limits`");
    }

    #[test]
    fn rates_and_durations_are_read_as_people_write_them() {
        assert_eq!("6000/5m".parse(), Ok(Rate { count: 6_000, window: Duration::from_mins(5) }));
        assert_eq!("100/m".parse(), Ok(Rate { count: 100, window: Duration::from_mins(1) }));
        assert_eq!("0/s".parse::<Rate>(), Err(()));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("soon"), None);
    }
}
