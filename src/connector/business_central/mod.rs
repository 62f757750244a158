//! Business Central API v2.0.

pub mod fields;
mod lookup;
mod normalise;
mod reply;
mod write;

pub use lookup::{Found, Identity, Lookup, highest_line_of, read_found, text_of};
pub use normalise::{blanks, differences};
pub use reply::{ReadPause, has_own_words, interpret, read_batch};

use crate::catalogue::Entity;
use crate::catalogue::business_central_v2::{CUSTOMER_PAYMENTS, CUSTOMERS};
use crate::domain::EntityKind;

/// Operations that one `$batch` may carry.
///
/// Source: operational limits of Business Central online.
pub const BATCH_MAX: usize = 100;

/// The routes of one company for one kind of record.
#[derive(Clone, Debug)]
pub struct Connector {
    kind: EntityKind,
    /// `companies(ID)/customers`, or `companies(ID)/customerPaymentJournals(ID)/customerPayments`.
    set_path: String,
}

impl Connector {
    /// The routes to the customers of the company with this GUID.
    #[must_use]
    pub fn customers(company_id: &str) -> Self {
        Self { kind: EntityKind::Customers, set_path: format!("companies({company_id})/customers") }
    }

    /// The routes to the payments of one journal, both named by their GUIDs.
    #[must_use]
    pub fn payments(company_id: &str, journal_id: &str) -> Self {
        let set_path =
            format!("companies({company_id})/customerPaymentJournals({journal_id})/customerPayments");
        Self { kind: EntityKind::Payments, set_path }
    }

    /// What the records are.
    #[must_use]
    pub fn kind(&self) -> EntityKind {
        self.kind
    }

    /// The catalogue's table of the records.
    #[must_use]
    pub fn entity(&self) -> &'static Entity {
        match self.kind {
            EntityKind::Customers => &CUSTOMERS,
            EntityKind::Payments => &CUSTOMER_PAYMENTS,
        }
    }
}
