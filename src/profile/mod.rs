//! Profile text to [`Profile`]: a named target with its address, credentials and limits, every default filled
//! in.
//!
//! In: the text of `ferry.toml` and a way to look up environment variables. Out: what the stages need, each its
//! own part. Nothing is read from disk here. A secret comes from `${env:NAME}` and is held as a
//! [`SecretString`](secrecy::SecretString); no error repeats a value.

mod guards;
mod limits;
mod text;

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

pub use guards::Guards;
pub use limits::{Limits, Rate, parse_duration};

use crate::catalogue::{DIALECTS, Dialect};
use crate::transport::Credential;
use text::{ProfileText, Reading};

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
    /// Which version of the system's API is spoken: `v2.0`, `v1.0`, `beta`.
    pub dialect: String,
    /// The service root, up to and including the API version, with a final slash; `None` for the embedded
    /// sandbox, which is given one when it starts.
    pub url: Option<Url>,
    /// The company's name or GUID; `None` when the target has only one.
    pub company: Option<String>,
    /// The account on which payments come in when a row names none, by code or name; for Bigcapital.
    pub deposit_account: Option<String>,
    /// Whether the target is the real thing.
    pub stage: Stage,
    /// How to sign in; each entry has its own budget.
    pub credentials: Vec<Credential>,
    /// How fast to go.
    pub limits: Limits,
    /// How much one plan may do.
    pub guards: Guards,
}

/// The systems ferry speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Microsoft Dynamics 365 Business Central.
    BusinessCentral,
    /// Bigcapital.
    Bigcapital,
    /// The sandbox embedded in this program, which imitates Business Central.
    Sandbox,
}

impl System {
    /// The word for it in files and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BusinessCentral => "business-central",
            Self::Bigcapital => "bigcapital",
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

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

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
        match self.named(name)? {
            (name, Some(text)) => Reading { profile: name, environment }.profile(text),
            (_, None) => Ok(Profile::sandbox()),
        }
    }

    /// The dialect of the profile `name`, or of the default one; needs no variable to be set.
    pub fn dialect(&self, name: Option<&str>) -> Result<&'static Dialect, ProfileError> {
        match self.named(name)? {
            (name, Some(text)) => Reading { profile: name, environment: &|_| None }.dialect(text),
            (_, None) => Ok(DIALECTS[0]),
        }
    }

    /// The name and the text of a profile, or of the default one; no text for the embedded sandbox.
    fn named<'p>(
        &'p self,
        name: Option<&'p str>,
    ) -> Result<(&'p str, Option<&'p ProfileText>), ProfileError> {
        let name = name.or(self.default_profile.as_deref()).or_else(|| {
            let mut names = self.profiles.keys();
            names.next().filter(|_| names.next().is_none()).map(String::as_str)
        });
        let known = || self.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        let unknown = |name: &str| ProfileError::Unknown { name: name.to_owned(), known: known() };
        let name = name.ok_or_else(|| unknown("(none named, and `default_profile` is not set)"))?;
        match self.profiles.get(name) {
            None if name != "sandbox" => Err(unknown(name)),
            text => Ok((name, text)),
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
            deposit_account: None,
            stage: Stage::Test,
            credentials: Vec::new(),
            limits: Limits::sandbox(),
            guards: Guards::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
    fn head_room_is_left_unless_a_rate_was_chosen() {
        let headroom = |limits: &str| {
            let text = PROJECT.replace("{ rate = \"20/s\", in_flight = 5, batch = 50 }", limits);
            read(&text).map(|profile| profile.limits.headroom)
        };
        assert_eq!(headroom("{ batch = 50 }").unwrap(), 5);
        assert_eq!(headroom("{ rate = \"20/s\" }").unwrap(), 0);
        assert_eq!(headroom("{ rate = \"20/s\", headroom = 30 }").unwrap(), 30);
        let refused = headroom("{ headroom = 91 }").unwrap_err().to_string();
        assert!(refused.contains("`limits.headroom` must be a share of the rate from 0 to 90"), "{refused}");
    }

    #[test]
    fn the_tenant_in_an_address_is_left_as_it_is() {
        let on_premises = PROJECT.replace("/api/v2.0\"", "/api/v2.0?tenant=default\"");
        let url = read(&on_premises).unwrap().url.unwrap();
        assert_eq!(url.as_str(), "https://bc.example/api/v2.0/?tenant=default");
    }

    #[test]
    fn a_dialect_has_its_own_address_below_a_tenant_and_its_environment() {
        let hosted = |dialect: &str| {
            let place = format!("dialect = \"{dialect}\"\ntenant = \"T\"\nenvironment = \"E\"");
            read(&PROJECT.replace("url     = \"https://bc.example/api/v2.0\"", &place))
        };
        for (written, dialect) in [("v2.0", "v2.0"), ("V1.0", "v1.0"), ("beta", "beta")] {
            let profile = hosted(written).unwrap();
            assert_eq!(profile.dialect, dialect);
            let url = format!("https://api.businesscentral.dynamics.com/v2.0/T/E/api/{dialect}/");
            assert_eq!(profile.url.unwrap().as_str(), url);
        }
        let error = hosted("v3.0").unwrap_err();
        insta::assert_snapshot!(error, @"profile `contoso`: `dialect` must be one of v2.0, v1.0, beta");
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
        insta::assert_snapshot!(error, @"`ferry.toml` line 9: unknown field `stagee`, expected one of `system`, `dialect`, `url`, `tenant`, `environment`, `company`, `deposit_account`, `stage`, `auth`, `limits`, `guards`");
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
