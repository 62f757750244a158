//! The accounts on which money comes in.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::violation;
use crate::connector::bigcapital::form::Neutral;
use crate::domain::text::fold_name;
use crate::domain::{Rule, Violation};

/// The kinds of account on which money may come in.
///
/// Source: any other is refused with `DEPOSIT_ACCOUNT_INVALID_TYPE`.
const DEPOSITS: [&str; 3] = ["bank", "cash", "other-current-asset"];

const FIELD: &str = "depositAccountNumber";

/// An account of the general ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    pub(super) id: String,
    #[serde(default)]
    pub(super) number: String,
    #[serde(default)]
    pub(super) display_name: String,
    #[serde(default, rename = "accountType")]
    pub(super) kind: String,
}

impl Account {
    pub(super) fn add_to(&self, object: &mut Neutral) {
        let code = self.number.trim();
        object.text(FIELD, if code.is_empty() { &self.display_name } else { &self.number });
        object.raw("depositAccountId", &self.id);
    }
}

/// All accounts.
#[derive(Debug, Default)]
pub(in crate::connector::bigcapital) struct Accounts(pub(super) Vec<Account>);

impl Accounts {
    pub(super) fn add(&mut self, records: &[&RawValue]) -> serde_json::Result<()> {
        for raw in records {
            self.0.push(serde_json::from_str(raw.get())?);
        }
        Ok(())
    }

    /// What cells may name, with the id of the account.
    pub(super) fn names<'a>(&'a self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let named = |account: &'a Account, name: &'a str| (name, account.id.as_str());
        let both = move |account: &'a Account| {
            [named(account, &account.display_name), named(account, &account.number)]
        };
        self.0.iter().flat_map(both)
    }

    /// The account that somebody names by code or name; `None` when nobody does.
    pub(super) fn named(&self, name: &str) -> Result<Option<&Account>, Violation> {
        let wanted = name.trim();
        if wanted.is_empty() {
            return Ok(None);
        }
        let is_it = |account: &&Account| {
            account.number.eq_ignore_ascii_case(wanted)
                || fold_name(&account.display_name) == fold_name(wanted)
        };
        let Some(account) = self.0.iter().find(is_it) else {
            return Err(violation(Rule::ReferenceUnknown, FIELD, wanted, "a code or name of an account"));
        };
        if DEPOSITS.contains(&account.kind.as_str()) {
            return Ok(Some(account));
        }
        let allowed = "a bank, cash or other current asset account";
        Err(violation(Rule::ReferenceUnknown, FIELD, wanted, allowed))
    }
}
