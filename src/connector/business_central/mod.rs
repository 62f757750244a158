//! Business Central: one API in several dialects, of which v2.0 speaks the neutral form.

mod api;
mod dimensions;
mod lens;
mod lookup;
mod metadata;
mod reply;
mod write;

use std::sync::Arc;
use std::time::Duration;

pub use api::BusinessCentral;
use lens::Lens;
pub use reply::{has_own_words, interpret, read_batch};

use super::{Connector, Found, FoundPage, Habits, Identity, Lookup, Operation, ReadPause, Request, Verdict};
use crate::catalogue::{Dialect, Entity};
use crate::domain::{Action, EntityKind};

/// Operations that one `$batch` may carry.
///
/// Source: operational limits of Business Central online.
pub const BATCH_MAX: usize = 100;

/// How Business Central behaves.
///
/// Source: creating customers in parallel has caused deadlocks in the server; lines of one journal must not be written in parallel.
const HABITS: Habits = Habits {
    batch: BATCH_MAX,
    customer_writers: usize::MAX,
    payment_writers: 1,
    is_yes_certain: true,
    has_etags: true,
    has_journals: true,
    has_unique_payment_numbers: false,
    says_currency: false,
    is_looked_up_alone: false,
    needs_completion: false,
};

/// The routes of one company for one kind of record.
#[derive(Clone, Debug)]
pub struct Routes {
    dialect: &'static Dialect,
    kind: EntityKind,
    lens: Arc<Lens>,
    /// Whether the service shows its general ledger entries with their numbers.
    has_entries: bool,
    /// `companies(ID)/customers`, also for what stands below a customer, or
    /// `companies(ID)/customerPaymentJournals(ID)/customerPayments`.
    set_path: String,
}

impl Connector for Routes {
    fn kind(&self) -> EntityKind {
        self.kind
    }

    fn entity(&self) -> &'static Entity {
        self.dialect.entity(self.kind)
    }

    fn habits(&self) -> Habits {
        HABITS
    }

    fn single(&self, operation: &Operation<'_>) -> Request {
        self.write_one(operation)
    }

    fn batch(&self, operations: &[Operation<'_>]) -> Request {
        self.write_batch(operations)
    }

    fn interpret(&self, action: Action, status: u16, pause: Option<Duration>, body: &[u8]) -> Verdict {
        reply::interpret_of(self.kind, action, (status, pause), body)
    }

    fn read_batch(&self, rows: &[(i64, Action)], body: &[u8], pause: ReadPause<'_>) -> Vec<Verdict> {
        reply::read_batch_of(self.kind, rows, body, pause)
    }

    fn has_own_words(&self, body: &[u8]) -> bool {
        has_own_words(body)
    }

    fn identity(&self, operation: &Operation<'_>) -> Identity {
        self.identify(operation)
    }

    fn lookups(&self, operations: &[Operation<'_>]) -> Vec<Lookup> {
        self.look_up(operations)
    }

    fn read_found(&self, _asked: &str, body: &[u8]) -> Option<FoundPage> {
        self.read_records(body)
    }

    fn next_page(&self, link: String) -> Request {
        lookup::on_primary(link)
    }

    fn is_strangers(&self, payload: &str, found: &Found) -> bool {
        self.differs_in_every_name(payload, found)
    }

    fn highest_line(&self) -> Option<Request> {
        Some(self.read("$select=id,lineNumber&$orderby=lineNumber%20desc&$top=1"))
    }

    fn last_ledger_entry(&self) -> Option<Request> {
        self.has_entries.then(|| self.last_entry())
    }

    fn payments_posted_since(&self, entry: i64) -> Option<Request> {
        self.has_entries.then(|| self.payments_above(entry))
    }
}

#[cfg(test)]
fn customers(company: &str) -> Arc<dyn Connector> {
    use super::Api as _;
    BusinessCentral::new(&crate::catalogue::business_central_v2::DIALECT).customers(company)
}

#[cfg(test)]
fn payments(company: &str, journal: &str) -> Arc<dyn Connector> {
    use super::Api as _;
    BusinessCentral::new(&crate::catalogue::business_central_v2::DIALECT).payments(company, journal)
}
