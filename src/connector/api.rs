//! What a system has to offer so that ferry can plan for it, write to it, look things up and export from it.
//!
//! A third system is a folder beside `business_central` with these two traits, a table of its fields in
//! [`catalogue`](crate::catalogue), and a line in [`open`](super::open). Its [habits](Habits) say what it does otherwise,
//! and one whose rows mean more than they say brings a [completion](Api::completion) of its own. Everything else (reading
//! files, checking, planning, the ledger, delivery, reports, export) speaks of records in **neutral form** and stays as it
//! is.
//!
//! # The neutral form
//!
//! A record is a flat JSON object. Its members have the names of the catalogue's fields, whatever the dialect calls
//! them; `id` and `@odata.etag` are texts and may be empty. Amounts are numbers with their digits, days are
//! `YYYY-MM-DD`, the blank member of an enumeration is `_x0020_`, absent and null are the same. A page of records is
//! `{"value":[…],"@odata.nextLink":"…"}`, the link left out on the last one. A dialect that already speaks so
//! hands through what it gets.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::Error as _;

use super::{Completion, Found, FoundPage, Identity, Lookup, Operation, Request, Verdict};
use crate::catalogue::{Dialect, Entity};
use crate::domain::{Action, EntityKind};

/// One dialect of a system's API: what can be listed there, and who writes.
pub trait Api: fmt::Debug + Send + Sync {
    /// The catalogue's tables of the dialect.
    fn dialect(&self) -> &'static Dialect;

    /// What the system does otherwise than others; delivery keeps to it.
    fn habits(&self) -> Habits;

    /// The address at which a service says which names it has; `None` where none does.
    fn description(&self) -> Option<&'static str> {
        None
    }

    /// The same API with the names of the service that describes itself so; `None` when that cannot be read.
    fn described(&self, description: &[u8]) -> Option<Described> {
        let _ = description;
        None
    }

    /// The addresses at which the list may be, path and query below the service root: the first that is not refused
    /// counts.
    fn list(&self, list: &List<'_>) -> Vec<String>;

    /// Whether a list can be filtered and ordered; where it cannot, it comes whole, as the system has it.
    fn has_filters(&self) -> bool {
        true
    }

    /// The route on which the target counts the read of this address, see [`Connector::route`].
    fn route(&self, _address: &str) -> String {
        String::new()
    }

    /// A page of that list in neutral form; `address` is where it was found.
    ///
    /// # Errors
    /// When the page is not what the API sends.
    fn neutral_page(&self, set: Set<'_>, address: &str, page: Bytes) -> serde_json::Result<Bytes>;

    /// Whether the list at this address comes in one answer, however long it is: then it is read record by record.
    fn comes_whole(&self, set: Set<'_>, address: &str) -> bool {
        let _ = (set, address);
        false
    }

    /// Shows `visit` every record of such an answer in neutral form, and gives the address of the answer after it.
    ///
    /// # Errors
    /// When the answer is not what the API sends, and where no list comes whole.
    fn each_record(
        &self,
        set: Set<'_>,
        address: &str,
        answer: &mut dyn Read,
        visit: &mut dyn FnMut(&str),
    ) -> serde_json::Result<Option<String>> {
        let _ = (set, address, answer, visit);
        Err(serde_json::Error::custom("no list comes whole here"))
    }

    /// The address of one record, where it shows more than the list does; `None` where lists show everything.
    fn alone(&self, set: Set<'_>, id: &str) -> Option<String> {
        let _ = (set, id);
        None
    }

    /// The request that creates a payment journal; its body is in neutral form. Only asked for where there are
    /// [journals](Habits::has_journals).
    fn new_journal(&self, company: &str, body: String) -> Request;

    /// What rows of this kind are completed with in a company of this currency; `None` where they mean what they say.
    /// A system with one has the [habit](Habits::needs_completion); of default dimensions it is never asked.
    fn completion(&self, kind: EntityKind, local_currency: &str) -> Option<Box<dyn Completion>> {
        let _ = (kind, local_currency);
        None
    }

    /// The tables that a completion reads, so that nothing else has to.
    fn completion_tables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Who writes customers of the company with this id.
    fn customers(&self, company: &str) -> Arc<dyn Connector>;

    /// Who writes default dimensions of customers of the company; `None` where the dialect has none.
    fn dimensions(&self, company: &str) -> Option<Arc<dyn Connector>> {
        let _ = company;
        None
    }

    /// Who writes payments of the company into the journal, both named by their ids; without
    /// [`Habits::has_journals`] the journal is empty.
    fn payments(&self, company: &str, journal: &str) -> Arc<dyn Connector>;
}

/// An API as one service has it.
#[derive(Clone, Debug)]
pub struct Described {
    /// The API with the service's names; its tables hold no field that the service lacks.
    pub api: Arc<dyn Api>,
    /// What the service does otherwise than its dialect, in words.
    pub notes: Vec<String>,
}

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set<'a> {
    /// The companies that the credential may see: `id`, `name`, `displayName`.
    Companies,
    /// Customers.
    Customers,
    /// What each customer owes.
    FinancialDetails,
    /// Payment journals: `id` and `code`.
    Journals,
    /// The payments of the journal with this id; empty where there are no journals.
    Payments(&'a str),
    /// The default dimensions of all customers, each with its customer's number and id.
    DefaultDimensions,
    /// The values of the dimension with this id: `id` and `code`.
    DimensionValues(&'a str),
    /// A table that fields refer to, by the neutral name of its entity set: `paymentTerms`.
    Reference(&'static str),
    /// Entries of the general ledger, where the dialect shows them.
    LedgerEntries,
}

impl Set<'_> {
    /// What it is, without saying which one.
    #[must_use]
    pub fn sort(self) -> Set<'static> {
        match self {
            Self::Companies => Set::Companies,
            Self::Customers => Set::Customers,
            Self::FinancialDetails => Set::FinancialDetails,
            Self::Journals => Set::Journals,
            Self::Payments(_) => Set::Payments(""),
            Self::DefaultDimensions => Set::DefaultDimensions,
            Self::DimensionValues(_) => Set::DimensionValues(""),
            Self::Reference(set) => Set::Reference(set),
            Self::LedgerEntries => Set::LedgerEntries,
        }
    }

    /// The word for it in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Companies => "companies",
            Self::Customers => "customers",
            Self::FinancialDetails => "financial details",
            Self::Journals => "payment journals",
            Self::Payments(_) => "payments",
            Self::DefaultDimensions => "default dimensions",
            Self::DimensionValues(_) => "dimension values",
            Self::Reference(set) => set,
            Self::LedgerEntries => "general ledger entries",
        }
    }
}

/// One list to be read, in neutral words.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The id of the company; empty for [`Set::Companies`].
    pub company: &'a str,
    /// What is listed.
    pub set: Set<'a>,
    /// The fields wanted, by their neutral names; all when empty.
    pub select: &'a [&'a str],
    /// The fields wanted of each customer's financial detail; none when empty.
    pub details: &'a [&'a str],
    /// A filter as `OData` writes it over neutral names, not encoded.
    pub filter: Option<&'a str>,
    /// An order as `OData` writes it over neutral names, not encoded.
    pub order_by: Option<&'a str>,
    /// At most this many records.
    pub top: Option<u64>,
}

impl<'a> List<'a> {
    /// All records of a set of a company, with these fields.
    #[must_use]
    pub fn of(company: &'a str, set: Set<'a>, select: &'a [&'a str]) -> Self {
        Self { company, set, select, details: &[], filter: None, order_by: None, top: None }
    }

    /// The same list, of the records that this filter finds.
    #[must_use]
    pub fn filtered(self, filter: &'a str) -> Self {
        Self { filter: Some(filter), ..self }
    }
}

/// What a system does otherwise than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "habits that have nothing to do with each other")]
pub struct Habits {
    /// Operations in one request; 1 where there are no batches.
    pub batch: usize,
    /// Requests in flight that the system bears while customers and their default dimensions are written.
    pub customer_writers: usize,
    /// Requests in flight that it bears while payments are written.
    pub payment_writers: usize,
    /// Whether a yes is to be believed; where it is not, every write is read back before it counts.
    pub is_yes_certain: bool,
    /// Whether a record carries an `ETag` that a change can insist on; where it does not, a record is read again and
    /// compared right before it is changed.
    pub has_etags: bool,
    /// Whether payments wait in journals, with a line each.
    pub has_journals: bool,
    /// Whether a payment is known by its number alone, and not by its number and its customer.
    pub has_unique_payment_numbers: bool,
    /// Whether the company says its own currency; where it does not, its customers show it.
    pub says_currency: bool,
    /// Whether records are looked up at addresses of their own, which are not found when they are gone.
    pub is_looked_up_alone: bool,
    /// Whether a row has to be [completed](Api::completion): with ids of the invoice that a payment settles and of the
    /// account it comes in on, a type and a currency.
    pub needs_completion: bool,
}

impl Habits {
    /// Requests in flight that the system bears while records of this kind are written.
    #[must_use]
    pub fn writers(&self, kind: EntityKind) -> usize {
        match kind {
            EntityKind::Customers | EntityKind::Dimensions => self.customer_writers,
            EntityKind::Payments => self.payment_writers,
        }
    }
}

/// The writes of one kind of record of one company, and how they are found again: translation only.
pub trait Connector: fmt::Debug + Send + Sync {
    /// What the records are.
    fn kind(&self) -> EntityKind;

    /// The catalogue's table of the records.
    fn entity(&self) -> &'static Entity;

    /// What the system does otherwise than others.
    fn habits(&self) -> Habits;

    /// The route on which the target counts this request apart from others; one empty route where it counts all
    /// together.
    fn route(&self, _request: &Request) -> String {
        String::new()
    }

    /// The route of the [request](Connector::single) that carries out this operation.
    fn route_of(&self, _operation: &Operation<'_>) -> String {
        String::new()
    }

    /// Whether the records are payments with a line each in a journal.
    fn has_lines(&self) -> bool {
        self.kind() == EntityKind::Payments && self.habits().has_journals
    }

    /// The request that carries out one operation.
    fn single(&self, operation: &Operation<'_>) -> Request;

    /// One request that carries out all of the operations, each on its own; only asked for where [`Habits::batch`] is
    /// more than 1.
    fn batch(&self, operations: &[Operation<'_>]) -> Request;

    /// What one answer says of one operation; `pause` is what the answer asked for.
    fn interpret(&self, action: Action, status: u16, pause: Option<Duration>, body: &[u8]) -> Verdict;

    /// What the answer to a batch says of each of the operations, in their order. `pause` reads what the headers of a
    /// part ask for. A row that has no part of its own is in doubt.
    fn read_batch(&self, rows: &[(i64, Action)], body: &[u8], pause: ReadPause<'_>) -> Vec<Verdict>;

    /// Whether an answer that is no success is in the target's own words, and no page of a proxy.
    fn has_own_words(&self, body: &[u8]) -> bool;

    /// How the record of this operation is found again.
    fn identity(&self, operation: &Operation<'_>) -> Identity;

    /// The reads that find the records of these operations again, as few as can be, and none that may be stale.
    fn lookups(&self, operations: &[Operation<'_>]) -> Vec<Lookup>;

    /// The records in one page of a lookup's answer, in neutral form; `asked` is the address it answers. `None` when it
    /// cannot be read.
    fn read_found(&self, asked: &str, body: &[u8]) -> Option<FoundPage>;

    /// Whether an answer to a lookup that is no success says that there is no such record.
    fn is_absence(&self, _status: u16, _body: &[u8]) -> bool {
        false
    }

    /// The read of the page that a page names as its next.
    fn next_page(&self, link: String) -> Request;

    /// Whether a payment found at our line is a stranger's: every field that could name it as ours differs.
    fn is_strangers(&self, payload: &str, found: &Found) -> bool;

    /// The read that finds the highest line of the journal; `None` where payments have no lines.
    fn highest_line(&self) -> Option<Request>;

    /// The read that finds the last general ledger entry of the company; `None` where there is no such read.
    fn last_ledger_entry(&self) -> Option<Request>;

    /// The read that finds the general ledger entries of payments above this entry; `None` where there is none.
    fn payments_posted_since(&self, entry: i64) -> Option<Request>;
}

/// Reads the pause that headers ask for.
pub type ReadPause<'a> = &'a dyn Fn(&[(String, String)]) -> Option<Duration>;
