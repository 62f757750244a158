//! The allowances of a transport's credentials: where each is counted, and the turns of single requests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use url::Url;

use super::origin::origin_text;
use crate::pace::{Allowance, PaceError, Rate, Record, SINGLE_BURST};

/// A shorter wait is nothing to speak of.
const NOTICED: Duration = Duration::from_secs(1);

/// Bytes of the hash that names a record.
const NAME_BYTES: usize = 12;

/// Whose requests a target counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedBy {
    /// Those of one user or application.
    ///
    /// Source: Business Central's limits hold for each user or service principal.
    Credential,
    /// Those from one address, whoever sends them.
    ///
    /// Source: Bigcapital counts by client address and route.
    Address,
}

/// Records and turns, one for each credential.
#[derive(Debug)]
pub(super) struct Pacing {
    records: Vec<Arc<Record>>,
    allowances: Vec<Allowance>,
}

impl Pacing {
    /// Opens the records with these names, one for each credential; those of the same name are one.
    pub(super) fn open(folder: &Path, rate: Rate, names: &[String]) -> Result<Self, PaceError> {
        let mut records: Vec<Arc<Record>> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let known = names[..index].iter().position(|known| known == name);
            let record = match known {
                Some(known) => records[known].clone(),
                None => Arc::new(Record::open(folder, name)?),
            };
            records.push(record);
        }
        let allowance = |record: &Arc<Record>| Allowance::new(Some(rate), SINGLE_BURST, Some(record.clone()));
        let allowances = records.iter().map(allowance).collect();
        Ok(Self { records, allowances })
    }

    pub(super) fn record(&self, credential: usize) -> Arc<Record> {
        self.records[credential].clone()
    }

    pub(super) async fn take_turn(
        &self,
        credential: usize,
        route: &str,
        waiting: &mut (dyn FnMut(Duration) + Send),
    ) {
        loop {
            // A read does no harm that the target could not turn away: a record that cannot be written does not keep
            // anybody from reading. Deliveries are stopped by it.
            let Ok((grant, wait)) = self.allowances[credential].book(route, 1, 1).await else { return };
            if wait >= NOTICED {
                waiting(wait);
            }
            tokio::time::sleep(wait).await;
            if self.allowances[credential].leave(&grant, 1) {
                return;
            }
        }
    }
}

/// The name of the record for `whom` at this address. A tenant that the address names in its query has users of its own.
pub(super) fn name(service_root: &Url, whom: &str) -> String {
    let tenant = service_root.query().unwrap_or_default();
    let place = [&origin_text(service_root), tenant, whom].join("\n");
    let hash = Sha256::digest(place.to_lowercase());
    let number = hash.iter().take(NAME_BYTES).fold(0, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:0width$x}", width = 2 * NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::super::Credential;
    use super::super::credential::Login;
    use super::*;

    fn name_of(credential: Credential, root: &str) -> String {
        Login::new(credential).unwrap().pacing_name(0, &Url::parse(root).unwrap())
    }

    fn application(id: &str, secret: &str) -> Credential {
        Credential::ClientCredentials {
            token_url: Url::parse("https://login.example/tenant/token").unwrap(),
            client_id: id.to_owned(),
            client_secret: secret.into(),
            scope: String::new(),
        }
    }

    #[test]
    fn one_application_has_one_record_in_every_company_and_dialect_and_another_has_its_own() {
        let (v1, v2) = ("https://bc.example/v2.0/t/e/api/v1.0/", "https://bc.example/v2.0/t/e/api/v2.0/");
        let name = name_of(application("id", "one"), v2);
        assert_eq!(name, name_of(application("id", "another"), v1));
        assert_ne!(name, name_of(application("other", "one"), v2));
        assert_ne!(name, name_of(application("id", "one"), "https://else.example/api/v2.0/"));
        assert_eq!(name.len(), 2 * NAME_BYTES);
    }

    #[test]
    fn a_token_names_nobody_so_its_place_does() {
        let token = |secret: &str| Credential::Bearer(secret.into());
        let root = "https://bc.example/v2.0/t/e/api/v2.0/";
        assert_eq!(name_of(token("monday"), root), name_of(token("tuesday"), root));
        assert_ne!(
            name_of(token("monday"), root),
            name_of(token("monday"), "https://bc.example/v2.0/u/e/api/v2.0/")
        );
        let user = |user: &str| Credential::Basic { user: user.to_owned(), password: "x".into() };
        assert_ne!(name_of(user("ANNA"), root), name_of(user("BERT"), root));
        assert_eq!(name_of(user("anna"), root), name_of(user("ANNA"), root));
    }
}
