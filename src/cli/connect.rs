//! From a profile to a target that can be talked to; without an address, the sandbox inside this program.

use std::error::Error;
use std::sync::Arc;

use ledgerferry::catalogue::{DIALECTS, Dialect};
use ledgerferry::connector::bigcapital::Bigcapital;
use ledgerferry::connector::{self, Api, Described};
use ledgerferry::profile::{Guards, Limits, Profile, Stage, System};
use ledgerferry::run::{self, PageOptions, Target, describe, resolve_company};
use ledgerferry::sandbox::{Sandbox, SandboxOptions};
use ledgerferry::transport::{CountedBy, Credential, PlainHttp, Transport, TransportOptions};
use secrecy::SecretString;
use url::Url;

use super::console::Console;
use super::failure::Failure;
use super::project::Place;

/// A target, what it allows, and the sandbox when it is one of ours.
pub(crate) struct Connection {
    pub(crate) target: Target,
    pub(crate) limits: Limits,
    pub(crate) stage: Stage,
    pub(crate) guards: Guards,
    sandbox: Option<Sandbox>,
}

impl Connection {
    /// Signs in, finds the company, and starts the embedded sandbox first when the profile is one.
    pub(crate) async fn open(console: &Console, place: &Place, profile: Profile) -> Result<Self, Failure> {
        let mut profile = profile;
        let mut sandbox = None;
        if profile.system == System::Sandbox {
            let started = start_sandbox(console, place).await?;
            let welcome = started.welcome();
            let root = welcome.urls.iter().find(|(served, _)| served.name() == profile.dialect);
            let root = root.map_or(&welcome.url, |(_, root)| root);
            profile.url = Some(parse_own_address(&format!("{}/", root.trim_end_matches('/'))));
            profile.company.get_or_insert_with(|| welcome.company.clone());
            profile.credentials = vec![Credential::ClientCredentials {
                token_url: parse_own_address(&welcome.token_url),
                client_id: welcome.client_id.clone(),
                client_secret: SecretString::from(welcome.client_secret.clone()),
                scope: welcome.scope.clone(),
            }];
            sandbox = Some(started);
        }
        let Some(service_root) = profile.url else {
            return Err(Failure::usage(format!("profile `{}` has no address", profile.name)));
        };
        let options = TransportOptions {
            service_root,
            credentials: profile.credentials,
            plain_http: PlainHttp::default(),
        };
        let mut transport = Transport::new(options).map_err(ledgerferry::Error::from)?;
        if let Some(rate) = run::pace(&profile.limits).filter(|_| profile.system != System::Sandbox) {
            let by = match profile.system {
                System::Bigcapital => CountedBy::Address,
                System::BusinessCentral | System::Sandbox => CountedBy::Credential,
            };
            if let Err(failure) = transport.keep_pace(&place.pace(), rate, by) {
                console.note(&format!(
                    "Other runs with these credentials are not counted, so that together they may be too fast for the \
                     target: {}",
                    with_causes(&failure)
                ));
            }
        }
        let pages = PageOptions::within(profile.limits.retry_budget);
        let company = profile.company.unwrap_or_default();
        let dialect = Dialect::named(profile.system.as_str(), &profile.dialect).unwrap_or(DIALECTS[0]);
        let api = match profile.system {
            System::Bigcapital => {
                Arc::new(Bigcapital::new(dialect).depositing_to(profile.deposit_account)) as Arc<dyn Api>
            }
            System::BusinessCentral | System::Sandbox => connector::open(dialect),
        };
        let company = resolve_company(&transport, api.as_ref(), &company, pages, &mut |_| ()).await?;
        let Described { api, notes } = describe(&transport, api, pages).await;
        for note in &notes {
            console.note(note);
        }
        let target = Target {
            transport: Arc::new(transport),
            api,
            company,
            profile: profile.name,
            system: profile.system.as_str().to_owned(),
            dialect: profile.dialect,
            stage: if profile.stage == Stage::Production { "production" } else { "test" }.to_owned(),
            pages,
        };
        Ok(Self { target, limits: profile.limits, stage: profile.stage, guards: profile.guards, sandbox })
    }

    /// Stops the embedded sandbox, if there is one.
    pub(crate) async fn close(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

/// An error and its causes, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    words
}

async fn start_sandbox(console: &Console, place: &Place) -> Result<Sandbox, Failure> {
    let books = place.sandbox_books();
    if let Some(folder) = books.parent() {
        ledgerferry::durable::create_directory(folder)?;
    }
    console.note(&format!(
        "No real target: working on the sandbox inside this program, whose books are in {}",
        books.display()
    ));
    Ok(Sandbox::start(SandboxOptions { books, ..SandboxOptions::default() }).await?)
}

fn parse_own_address(address: &str) -> Url {
    Url::parse(address).expect("the sandbox gives well-formed addresses")
}
