//! What can be listed in a company of Business Central, and who writes to it.

use std::sync::Arc;

use bytes::Bytes;

use super::lookup::encode;
use super::{HABITS, Routes};
use crate::catalogue::Dialect;
use crate::connector::{Api, Connector, Habits, List, Method, Request, Set};
use crate::domain::EntityKind;

/// The names of the financial detail, in the order they are tried.
///
/// Source: `customerFinancialDetail` in v2.0; `customerFinancialDetails` in v1.0 and on some servers between.
const DETAIL_NAMES: [&str; 2] = ["customerFinancialDetail", "customerFinancialDetails"];

/// The names of the set of payment journals, in the order they are tried.
///
/// Source: the API's source has the first; its documentation and some servers have the second.
const JOURNALS: [&str; 2] = ["customerPaymentJournals", "customerPaymentsJournals"];

/// One dialect of the API.
#[derive(Clone, Debug)]
pub struct BusinessCentral {
    dialect: &'static Dialect,
    /// The name this service has for the set of payment journals.
    journals: &'static str,
}

impl BusinessCentral {
    /// The API in this dialect, as the reference describes it.
    #[must_use]
    pub fn new(dialect: &'static Dialect) -> Self {
        Self { dialect, journals: JOURNALS[0] }
    }
}

impl Api for BusinessCentral {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn habits(&self) -> Habits {
        HABITS
    }

    fn list(&self, list: &List<'_>) -> Vec<String> {
        let details = match list.details {
            [] => vec![None],
            names => {
                let names = names.join(",");
                DETAIL_NAMES.iter().map(|detail| Some(format!("{detail}($select={names})"))).collect()
            }
        };
        let mut addresses = Vec::new();
        for set in self.sets(list.set) {
            for expand in &details {
                addresses.push(address(list, &set, expand.as_deref()));
            }
        }
        addresses
    }

    fn neutral_page(&self, _set: Set<'_>, page: Bytes) -> serde_json::Result<Bytes> {
        Ok(page)
    }

    fn new_journal(&self, company: &str, body: String) -> Request {
        let path = format!("companies({company})/{}", self.journals);
        Request { method: Method::Post, path, headers: Vec::new(), body: Some(body) }
    }

    fn customers(&self, company: &str) -> Arc<dyn Connector> {
        let set_path = format!("companies({company})/{}", self.dialect.customers.set);
        Arc::new(Routes { dialect: self.dialect, kind: EntityKind::Customers, set_path })
    }

    fn payments(&self, company: &str, journal: &str) -> Arc<dyn Connector> {
        let set_path = format!("companies({company})/{}({journal})/customerPayments", self.journals);
        Arc::new(Routes { dialect: self.dialect, kind: EntityKind::Payments, set_path })
    }
}

impl BusinessCentral {
    /// The names under which the set may be found below its company.
    fn sets(&self, set: Set<'_>) -> Vec<String> {
        let one = |name: &str| vec![name.to_owned()];
        match set {
            Set::Companies => one("companies"),
            Set::Customers => one(self.dialect.customers.set),
            Set::FinancialDetails => one(self.dialect.financial_details.set),
            Set::Journals => JOURNALS.map(str::to_owned).to_vec(),
            Set::Payments(id) => JOURNALS.iter().map(|set| format!("{set}({id})/customerPayments")).collect(),
            Set::Reference(set) => one(set),
            Set::LedgerEntries => one("generalLedgerEntries"),
        }
    }
}

fn address(list: &List<'_>, set: &str, expand: Option<&str>) -> String {
    let base = if list.set == Set::Companies {
        set.to_owned()
    } else {
        format!("companies({})/{set}", list.company)
    };
    let select = Some(list.select.join(",")).filter(|names| !names.is_empty());
    let top = list.top.map(|top| top.to_string());
    let options = [
        ("$select", select.as_deref()),
        ("$expand", expand),
        ("$filter", list.filter),
        ("$orderby", list.order_by),
        ("$top", top.as_deref()),
    ];
    let options = options.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(value?))));
    let query = options.collect::<Vec<_>>().join("&");
    if query.is_empty() { base } else { format!("{base}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::DIALECTS;

    fn only_address(list: &List<'_>) -> String {
        let addresses = BusinessCentral::new(DIALECTS[0]).list(list);
        assert_eq!(addresses.len(), 1);
        addresses.into_iter().next().unwrap()
    }

    #[test]
    fn a_filter_arrives_as_it_was_written() {
        for filter in
            ["blocked eq ' ' and balance gt 0", "displayName eq 'O''Neil & Söhne #1 100% +/?'", "a%20b"]
        {
            let address = only_address(&List::of("c", Set::Customers, &["id"]).filtered(filter));
            let url = url::Url::parse(&format!("http://h/{address}")).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs[1], ("$filter".to_owned(), filter.to_owned()), "{address}");
        }
    }

    #[test]
    fn a_list_says_what_is_wanted_of_it() {
        let list = List {
            order_by: Some("number desc"),
            top: Some(5),
            ..List::of("c", Set::Customers, &["id", "number"])
        };
        assert_eq!(
            only_address(&list),
            "companies(c)/customers?$select=id,number&$orderby=number%20desc&$top=5"
        );
        assert_eq!(only_address(&List::of("", Set::Companies, &[])), "companies");
    }

    #[test]
    fn what_servers_name_differently_is_asked_for_under_every_name() {
        let addresses = |list: &List<'_>| BusinessCentral::new(DIALECTS[0]).list(list);
        let details = List { details: &["balance"], ..List::of("c", Set::Customers, &["id"]) };
        assert_eq!(
            addresses(&details),
            [
                "companies(c)/customers?$select=id&$expand=customerFinancialDetail($select=balance)",
                "companies(c)/customers?$select=id&$expand=customerFinancialDetails($select=balance)"
            ]
        );
        assert_eq!(
            addresses(&List::of("c", Set::Payments("j"), &["id"])),
            [
                "companies(c)/customerPaymentJournals(j)/customerPayments?$select=id",
                "companies(c)/customerPaymentsJournals(j)/customerPayments?$select=id"
            ]
        );
    }
}
