//! What can be listed in a company of Business Central, and who writes to it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::lens::Lens;
use super::lookup::encode;
use super::metadata::Metadata;
use super::{HABITS, Routes, dimensions};
use crate::catalogue::Dialect;
use crate::connector::{Api, Connector, Described, Habits, List, Method, Request, Set};
use crate::domain::EntityKind;

/// The names of the financial detail, in the order they are tried.
///
/// Source: `customerFinancialDetail` in v2.0; `customerFinancialDetails` in v1.0 and on some servers between.
const DETAIL_NAMES: [&str; 2] = ["customerFinancialDetail", "customerFinancialDetails"];

/// The names of the set of payment journals, in the order they are tried.
///
/// Source: the API's source has the first; its documentation and some servers have the second.
pub(super) const JOURNALS: [&str; 2] = ["customerPaymentJournals", "customerPaymentsJournals"];

/// One dialect of the API.
#[derive(Clone, Debug)]
pub struct BusinessCentral {
    pub(super) dialect: &'static Dialect,
    pub(super) names: Names,
    customers: Arc<Lens>,
    financial_details: Arc<Lens>,
    payments: Arc<Lens>,
    dimensions: Arc<Lens>,
}

/// What services name differently.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The set of payment journals: the likeliest name first, which is the one that is written to.
    pub(super) journals: Vec<&'static str>,
    /// What leads from a customer to its financial detail; without it, the amounts stand on the customer.
    pub(super) details: Vec<&'static str>,
    /// Whether the general ledger shows its entries by number.
    pub(super) has_entries: bool,
}

impl Names {
    /// As the reference has them.
    fn of(dialect: &Dialect) -> Self {
        let first = |name: &str| dialect.customers.navigations.iter().any(|known| known.name == name);
        let (mut details, others): (Vec<_>, Vec<_>) = DETAIL_NAMES.into_iter().partition(|name| first(name));
        if !details.is_empty() {
            details.extend(others);
        }
        // Entries without a number of their own are those of the older dialects.
        Self { journals: JOURNALS.to_vec(), details, has_entries: !dialect.plain_members }
    }
}

impl BusinessCentral {
    /// The API in this dialect, as the reference describes it.
    #[must_use]
    pub fn new(dialect: &'static Dialect) -> Self {
        Self::with(dialect, Names::of(dialect))
    }

    pub(super) fn with(dialect: &'static Dialect, names: Names) -> Self {
        let lens = |entity| Arc::new(Lens::new(dialect, entity));
        Self {
            dialect,
            names,
            customers: lens(dialect.customers),
            financial_details: lens(dialect.financial_details),
            payments: lens(dialect.payments),
            dimensions: lens(dialect.entity(EntityKind::Dimensions)),
        }
    }

    /// How the records of a set differ from the neutral form; `None` when they do not.
    fn lens(&self, set: Set<'_>) -> Option<&Arc<Lens>> {
        match set {
            Set::Customers => Some(&self.customers),
            Set::FinancialDetails => Some(&self.financial_details),
            Set::Payments(_) => Some(&self.payments),
            Set::Companies
            | Set::Journals
            | Set::DefaultDimensions
            | Set::DimensionValues(_)
            | Set::Reference(_)
            | Set::LedgerEntries => None,
        }
    }
}

impl Api for BusinessCentral {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn habits(&self) -> Habits {
        HABITS
    }

    fn description(&self) -> Option<&'static str> {
        Some("$metadata")
    }

    fn described(&self, description: &[u8]) -> Option<Described> {
        Some(self.as_in(&Metadata::read(description)?))
    }

    fn list(&self, list: &List<'_>) -> Vec<String> {
        if list.set == Set::DefaultDimensions {
            let of_customer: Vec<_> = dimensions::OF_CUSTOMER.split(',').collect();
            let list = List { select: &of_customer, ..*list };
            return vec![self.address(&list, self.dialect.customers.set, Some(dimensions::SET))];
        }
        let details = match list.details {
            [] => vec![None],
            _ if self.names.details.is_empty() => vec![None],
            names => {
                let names = names.join(",");
                let expand = |detail: &&str| Some(format!("{detail}($select={names})"));
                self.names.details.iter().map(expand).collect()
            }
        };
        let mut addresses = Vec::new();
        for set in self.sets(list.set) {
            for expand in &details {
                addresses.push(self.address(list, &set, expand.as_deref()));
            }
        }
        addresses
    }

    fn neutral_page(&self, set: Set<'_>, _address: &str, page: Bytes) -> serde_json::Result<Bytes> {
        if set == Set::DefaultDimensions {
            return dimensions::page(&self.dimensions, &page);
        }
        match self.lens(set) {
            Some(lens) => lens.page(page),
            None => Ok(page),
        }
    }

    fn new_journal(&self, company: &str, body: String) -> Request {
        let path = format!("companies({company})/{}", self.names.journals[0]);
        Request { method: Method::Post, path, headers: Vec::new(), body: Some(body) }
    }

    fn customers(&self, company: &str) -> Arc<dyn Connector> {
        let set_path = format!("companies({company})/{}", self.dialect.customers.set);
        self.routes(EntityKind::Customers, set_path)
    }

    fn dimensions(&self, company: &str) -> Option<Arc<dyn Connector>> {
        self.dialect.default_dimensions?;
        let set_path = format!("companies({company})/{}", self.dialect.customers.set);
        Some(self.routes(EntityKind::Dimensions, set_path))
    }

    fn payments(&self, company: &str, journal: &str) -> Arc<dyn Connector> {
        let set = self.dialect.payments.set;
        let set_path = format!("companies({company})/{}({journal})/{set}", self.names.journals[0]);
        self.routes(EntityKind::Payments, set_path)
    }
}

impl BusinessCentral {
    fn routes(&self, kind: EntityKind, set_path: String) -> Arc<dyn Connector> {
        let lens = match kind {
            EntityKind::Customers => &self.customers,
            EntityKind::Dimensions => &self.dimensions,
            EntityKind::Payments => &self.payments,
        };
        Arc::new(Routes {
            dialect: self.dialect,
            kind,
            lens: lens.clone(),
            has_entries: self.names.has_entries,
            set_path,
        })
    }

    /// The names under which the set may be found below its company.
    fn sets(&self, set: Set<'_>) -> Vec<String> {
        let one = |name: &str| vec![name.to_owned()];
        let journals = self.names.journals.iter();
        match set {
            Set::Companies => one("companies"),
            Set::Customers | Set::DefaultDimensions => one(self.dialect.customers.set),
            Set::DimensionValues(id) => vec![format!("dimensions({id})/dimensionValues")],
            Set::FinancialDetails => one(self.dialect.financial_details.set),
            Set::Journals => journals.map(|set| (*set).to_owned()).collect(),
            Set::Payments(id) => {
                journals.map(|set| format!("{set}({id})/{}", self.dialect.payments.set)).collect()
            }
            Set::Reference(set) => one(set),
            Set::LedgerEntries => one("generalLedgerEntries"),
        }
    }

    fn address(&self, list: &List<'_>, set: &str, expand: Option<&str>) -> String {
        let base = if list.set == Set::Companies {
            set.to_owned()
        } else {
            format!("companies({})/{set}", list.company)
        };
        // Amounts that stand on the customer are asked for with it.
        let details = if self.names.details.is_empty() { list.details } else { &[] };
        let names = || list.select.iter().chain(details).copied();
        let lens = self.lens(list.set);
        let select = lens.map_or_else(|| names().collect::<Vec<_>>().join(","), |lens| lens.select(names()));
        let told = |text| lens.map_or(Cow::Borrowed(text), |lens| lens.expression(text));
        let top = list.top.map(|top| top.to_string());
        let options = [
            ("$select", Some(select.into()).filter(|names: &Cow<'_, str>| !names.is_empty())),
            ("$expand", expand.map(Cow::Borrowed)),
            ("$filter", list.filter.map(told)),
            ("$orderby", list.order_by.map(told)),
            ("$top", top.map(Cow::Owned)),
        ];
        let options =
            options.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(&value?))));
        let query = options.collect::<Vec<_>>().join("&");
        if query.is_empty() { base } else { format!("{base}?{query}") }
    }
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
    fn names_that_a_dialect_does_not_have_are_told_in_its_own() {
        let api = BusinessCentral::new(Dialect::named("business-central", "beta").unwrap());
        let list = List {
            order_by: Some("city"),
            details: &["balance"],
            ..List::of("c", Set::Customers, &["id", "addressLine1", "city"]).filtered("state eq 'state'")
        };
        assert_eq!(
            api.list(&list),
            [
                "companies(c)/customers?$select=id,address,balance&$filter=address%2Fstate%20eq%20'state'&$orderby=address%2Fcity"
            ]
        );
        assert_eq!(
            api.list(&List::of("c", Set::FinancialDetails, &["id", "balance"])),
            ["companies(c)/customers?$select=id,balance"]
        );
        let v1 = BusinessCentral::new(Dialect::named("business-central", "v1.0").unwrap());
        let details = List { details: &["balance"], ..List::of("c", Set::Customers, &["id"]) };
        assert_eq!(
            v1.list(&details)[0],
            "companies(c)/customers?$select=id&$expand=customerFinancialDetails($select=balance)"
        );
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
