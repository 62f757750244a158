//! How many requests a system bears at once, whatever the profile allows and however many credentials there are;
//! judged by the sandbox's books.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use super::bed::{Bed, credential, payment, row, transport_with_all};
use crate::catalogue::bigcapital::DIALECT;
use crate::connector::{self, Connector};
use crate::delivery::DeliveryEnd;
use crate::domain::{Action, EntityKind, PlannedRow, State};
#[cfg(test)]
use crate::sandbox::{Books, Sandbox, SandboxOptions};
use crate::transport::{Credential, Transport};

/// Requests in flight and credentials, each enough for two writers at once.
const TEMPTATIONS: [(usize, usize); 2] = [(4, 1), (1, 2)];

/// More rows than one worker takes at a time, so that something is left for another.
const ROWS: usize = 80;

/// A customer whose opening balance is posted, or a payment.
fn posting(kind: EntityKind, number: u64) -> PlannedRow {
    let (key, payload) = match kind {
        EntityKind::Payments => (
            format!("P-{number}"),
            format!(
                r#"{{"documentNumber":"P-{number}","customerId":1,"postingDate":"2026-02-01","amount":-1.00,"appliesToInvoiceId":1,"depositAccountId":1000}}"#
            ),
        ),
        _ => (
            format!("Racer {number}"),
            format!(
                r#"{{"displayName":"Racer {number}","type":"Company","currencyCode":"USD","openingBalance":10,"openingBalanceDate":"2026-01-01"}}"#
            ),
        ),
    };
    PlannedRow { payload, ..row(number, key, Action::Create) }
}

/// A bed that would have so many requests in flight, with these rows in its plan.
async fn bed(kind: EntityKind, in_flight: usize, posting: impl Fn(u64) -> PlannedRow) -> Bed {
    let mut bed = Bed::new(kind).await;
    (bed.options.in_flight, bed.options.batch) = (in_flight, 1);
    bed.plan(&(1..=ROWS as u64).map(posting).collect::<Vec<_>>());
    bed
}

/// Carries out the plan with this credential so many times over; what the books say afterwards.
async fn deliver(
    bed: &Bed,
    sandbox: Sandbox,
    (url, credentials): (String, Vec<Credential>),
    connector: Arc<dyn Connector>,
) -> Books {
    let transport: Arc<Transport> = transport_with_all(&url, credentials);
    let (_keep, stop) = watch::channel(false);
    assert_eq!(bed.deliver_by(&transport, connector, stop).await.unwrap(), DeliveryEnd::Finished);
    sandbox.stop().await;
    assert_eq!(bed.states(), [(State::Done, ROWS)]);
    bed.books()
}

/// The same as often as there are to be credentials.
fn repeated(one: impl Fn() -> Credential, times: usize) -> Vec<Credential> {
    std::iter::repeat_with(one).take(times).collect()
}

/// Of two writers at once the sandbox's Bigcapital swallows what some of them post, as the real one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bigcapital_has_one_writer() {
    for kind in [EntityKind::Customers, EntityKind::Payments] {
        for (in_flight, credentials) in TEMPTATIONS {
            let bed = bed(kind, in_flight, |number| posting(kind, number)).await;
            let latency = Duration::from_millis(4);
            let sandbox = bed.sandbox_with(SandboxOptions { latency, ..SandboxOptions::default() }).await;
            let welcome = sandbox.welcome().bigcapital.clone();
            let key = || Credential::Bearer(SecretString::from(welcome.api_key.clone()));
            let api = connector::open(&DIALECT);
            let connector = match kind {
                EntityKind::Payments => api.payments(&welcome.organization_id, ""),
                _ => api.customers(&welcome.organization_id),
            };
            let to = (format!("{}/", welcome.url), repeated(key, credentials));
            let writes = deliver(&bed, sandbox, to, connector).await.bigcapital.write_requests;
            assert_eq!(
                (writes.swallowed, writes.deadlocked, writes.carried_out),
                (0, 0, ROWS as u64),
                "{kind:?}, {in_flight} in flight, {credentials} credentials"
            );
        }
    }
}

/// A server that takes one request at a time and lets none wait refuses the second of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_has_one_writer() {
    for (in_flight, credentials) in TEMPTATIONS {
        let bed = bed(EntityKind::Payments, in_flight, payment).await;
        let latency = Duration::from_millis(4);
        let one = SandboxOptions { latency, in_flight: 1, queue: 0, ..SandboxOptions::default() };
        let sandbox = bed.sandbox_with(one).await;
        let connector = bed.connector(&sandbox);
        let to = (sandbox.welcome().url.clone(), repeated(|| credential(&sandbox), credentials));
        let books = deliver(&bed, sandbox, to, connector).await;
        let refused = books.write_requests.throttled;
        assert_eq!(
            (refused, books.payments),
            (0, ROWS as u64),
            "{in_flight} in flight, {credentials} credentials"
        );
    }
}
