//! From a verb and a path to the operation behind them.
//!
//! Promises: the pattern that is found names the counter a call is held to; nothing else answers but these routes.

use super::ask::Ask;
use super::desk::Desk;
use super::refusal::Refusal;
use super::{
    accounts, customers, invoices, journals, keys, lists, organization, payment_view, payments, reports,
};
use crate::sandbox::call::Answer;

/// What an operation does.
pub(super) type Work = fn(&Desk<'_>, &Ask) -> Result<Answer, Refusal>;

/// What a route leads to.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Signing in, which needs no credential.
    SignIn,
    /// A question.
    Read(Work),
    /// A change that is undone whole when it fails.
    Write(Work),
    /// A change of several records, each undone alone.
    WriteEach(Work),
}

/// A verb and a path; `:id` stands for any part.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) pattern: &'static str,
    pub(super) target: Target,
}

const fn get(pattern: &'static str, work: Work) -> Route {
    Route { method: "GET", pattern, target: Target::Read(work) }
}

const fn write(method: &'static str, pattern: &'static str, work: Work) -> Route {
    Route { method, pattern, target: Target::Write(work) }
}

const fn write_each(pattern: &'static str, work: Work) -> Route {
    Route { method: "POST", pattern, target: Target::WriteEach(work) }
}

/// Every route, those with fixed parts before those with ids.
const ROUTES: &[Route] = &[
    Route { method: "POST", pattern: "auth/signin", target: Target::SignIn },
    write("POST", "api-keys/generate", keys::generate),
    get("api-keys", keys::list),
    write("PUT", "api-keys/:id/revoke", keys::revoke),
    get("organization/current", organization::current),
    get("settings", organization::settings),
    write("PUT", "transactions-locking/lock", organization::lock),
    write("PUT", "transactions-locking/cancel-lock", organization::unlock),
    get("currencies", accounts::currencies),
    write("POST", "currencies", accounts::add_currency),
    get("accounts", accounts::list),
    get("branches", accounts::branches),
    write("POST", "branches/activate", accounts::switch_branches_on),
    get("items", accounts::items),
    write("POST", "items", accounts::add_item),
    write("POST", "customers/validate-bulk-delete", customers::validate_deletes),
    write_each("customers/bulk-delete", customers::delete_all),
    get("customers", lists::customers),
    write("POST", "customers", customers::create),
    get("customers/:id", customers::get),
    write("PUT", "customers/:id", customers::edit),
    write("DELETE", "customers/:id", customers::delete),
    write("PUT", "customers/:id/opening-balance", customers::set_opening),
    get("contacts/auto-complete", lists::auto_complete),
    write("PATCH", "contacts/:id/activate", customers::activate),
    write("PATCH", "contacts/:id/inactivate", customers::inactivate),
    get("sale-invoices/receivable", lists::receivable),
    get("sale-invoices", lists::invoices),
    write("POST", "sale-invoices", invoices::create),
    get("sale-invoices/:id", invoices::get),
    write("POST", "payments-received/validate-bulk-delete", payments::validate_deletes),
    write_each("payments-received/bulk-delete", payments::delete_all),
    get("payments-received", lists::payments),
    write("POST", "payments-received", payments::create),
    get("payments-received/:id", payment_view::get),
    write("PUT", "payments-received/:id", payments::edit),
    write("DELETE", "payments-received/:id", payments::delete),
    get("manual-journals", lists::journals),
    write("POST", "manual-journals", journals::create),
    get("reports/customer-balance-summary", reports::balances),
    get("reports/transactions-by-customers", reports::transactions),
];

impl Route {
    /// The route of `method` and `path` with the parts that stand for ids.
    pub(super) fn find(method: &str, path: &str) -> Option<(Self, Vec<String>)> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut found = ROUTES.iter().filter(|route| route.method == method);
        found.find_map(|route| Some((*route, route.ids(&parts)?)))
    }

    fn ids(&self, parts: &[&str]) -> Option<Vec<String>> {
        let pattern: Vec<&str> = self.pattern.split('/').collect();
        let mut pairs = pattern.iter().zip(parts);
        let fits = pattern.len() == parts.len()
            && pairs.clone().all(|(pattern, part)| *pattern == ":id" || pattern == part);
        fits.then(|| {
            pairs
                .by_ref()
                .filter(|(pattern, _)| **pattern == ":id")
                .map(|(_, part)| (*part).to_owned())
                .collect()
        })
    }

    /// Whether the operation could change the books' records.
    pub(super) fn is_write(&self) -> bool {
        matches!(self.target, Target::Write(_) | Target::WriteEach(_))
    }

    /// Whether the operation leaves the books alone.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.target, Target::Read(_))
    }

    /// Whether the operation works on payments.
    pub(super) fn is_of_payments(&self) -> bool {
        self.pattern.starts_with("payments-received")
    }

    /// The counter that calls of this route are held to.
    pub(super) fn counter(&self) -> String {
        format!("{} {}", self.method, self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_part_goes_before_an_id() {
        let found = |method, path| Route::find(method, path).map(|(route, ids)| (route.pattern, ids));
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(found("GET", "sale-invoices/receivable"), Some(("sale-invoices/receivable", ids(&[]))));
        assert_eq!(found("GET", "/customers/7/"), Some(("customers/:id", ids(&["7"]))));
        assert_eq!(found("PATCH", "customers/7"), None);
        assert_eq!(found("GET", "customers/7/8"), None);
    }
}
