//! Bigcapital: customers and payments received, one request each, one after the other.
//!
//! In and out as every [connector](super): operations to requests, answers to verdicts and neutral records. `form` turns
//! records between the two languages, `envelope` finds them in an answer, `write` makes requests, `reply` reads answers
//! to writes, `lookup` finds records again, `api` says what can be listed.
//!
//! Promises: nothing is sent that is known to fail without a word; a property that Bigcapital would drop is never sent;
//! what an answer repeats of the request reaches no message.
//!
//! Source: `reference/bigcapital/` (README, `entities.json`, recorded answers).

mod api;
mod completion;
mod envelope;
mod form;
mod lookup;
mod reply;
#[cfg(test)]
mod tests;
mod whole;
mod write;

use std::time::Duration;

pub use api::Bigcapital;
pub use reply::{has_own_words, interpret};

use super::{Connector, Found, FoundPage, Habits, Identity, Lookup, Operation, ReadPause, Request, Verdict};
use crate::catalogue::{Dialect, Entity};
use crate::domain::{Action, EntityKind, Refusal};

/// How Bigcapital behaves.
///
/// Source: postings are made by listeners whose errors are swallowed, so that with two writers half of what was
/// answered with 201 did not exist afterwards; with eight, requests hung for a minute.
const HABITS: Habits = Habits {
    batch: 1,
    customer_writers: 1,
    payment_writers: 1,
    is_yes_certain: false,
    has_etags: false,
    has_journals: false,
    has_unique_payment_numbers: true,
    says_currency: true,
    is_looked_up_alone: true,
    needs_completion: true,
};

/// What a failure to delete a customer means: the server has no words for it.
const NOT_DELETED: &str = "Bigcapital failed to delete the customer and does not say why; one who has invoices, \
                           payments or journal entries cannot be deleted: delete those first, or set `active` to \
                           false instead";

/// The routes for one kind of record.
#[derive(Clone, Debug)]
struct Routes {
    dialect: &'static Dialect,
    kind: EntityKind,
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
        // Never asked for: there are no batches. One operation at least is carried out rightly.
        self.write_one(operations.first().expect("a batch has operations"))
    }

    fn interpret(&self, action: Action, status: u16, pause: Option<Duration>, body: &[u8]) -> Verdict {
        match interpret(action, status, pause, body) {
            // Source: deleting a customer with invoices or payments is a bare 500.
            Verdict::Failed(refusal) if self.kind == EntityKind::Customers && action == Action::Delete => {
                Verdict::Failed(Refusal { message: NOT_DELETED.to_owned(), ..refusal })
            }
            verdict => verdict,
        }
    }

    fn read_batch(&self, rows: &[(i64, Action)], _body: &[u8], _pause: ReadPause<'_>) -> Vec<Verdict> {
        let unknown = || Verdict::InDoubt("the target has no batches".to_owned());
        rows.iter().map(|_| unknown()).collect()
    }

    fn route(&self, request: &Request) -> String {
        lookup::route(request.method, &request.path)
    }

    fn route_of(&self, operation: &Operation<'_>) -> String {
        self.route(&self.single(operation))
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

    fn read_found(&self, asked: &str, body: &[u8]) -> Option<FoundPage> {
        self.found(asked, body)
    }

    fn is_absence(&self, status: u16, body: &[u8]) -> bool {
        reply::is_absence(status, body)
    }

    fn next_page(&self, link: String) -> Request {
        lookup::get(link)
    }

    fn is_strangers(&self, _payload: &str, _found: &Found) -> bool {
        false
    }

    fn highest_line(&self) -> Option<Request> {
        None
    }

    fn last_ledger_entry(&self) -> Option<Request> {
        None
    }

    fn payments_posted_since(&self, _entry: i64) -> Option<Request> {
        None
    }
}
