//! How a delivery ends when it cannot go on.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use super::bed::{
    Bed, counted, customer, open_for_delivery, payment, post, records, text_of, transport, transport_with,
};
use crate::delivery::{DeliveryEnd, DeliveryEvent, ErrorLimit, Rate};
use crate::domain::{Action, EntityKind, Outcome, PlannedRow, Receipt, State};
use crate::ledger::Step;
#[cfg(test)]
use crate::sandbox::{Rate as SandboxRate, SandboxOptions};
use crate::transport::{ApiRequest, Credential, Method};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_only_throttles_ends_the_run_and_leaves_it_resumable() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.retry_budget = Duration::from_millis(1_500);
    bed.plan(&(1..=40).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("429=1").await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Unreachable);
    sandbox.stop().await;
    assert_eq!(bed.states(), [(State::Planned, 40)]);
    let sandbox = bed.sandbox("").await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 40)]);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_not_there_ends_the_run() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.retry_budget = Duration::from_millis(300);
    bed.plan(&[customer(1)]);
    let sandbox = bed.sandbox("").await;
    let nobody = transport_with("http://127.0.0.1:9/api/v2.0/", Credential::Bearer(SecretString::from("t")));
    let (_keep, stop) = watch::channel(false);
    assert_eq!(bed.deliver_until(&nobody, &sandbox, stop).await, DeliveryEnd::Unreachable);
    assert_eq!(bed.states(), [(State::Planned, 1)]);
    let said = bed.events.lock().unwrap().iter().any(
        |event| matches!(event, DeliveryEvent::Stopping(words) if words.starts_with("cannot reach `http://127.0.0.1:9`")),
    );
    assert!(said, "{:?}", bed.events.lock().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_end_the_run_with_every_row_still_planned() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&(1..=5).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let stranger = transport_with(&sandbox.welcome().url, Credential::Bearer(SecretString::from("wrong")));
    let (_keep, stop) = watch::channel(false);
    assert_eq!(bed.deliver_until(&stranger, &sandbox, stop).await, DeliveryEnd::NotAuthenticated);
    assert_eq!(bed.states(), [(State::Planned, 5)]);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_refusals_stop_the_run_and_the_good_rows_stay() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.batch = 10;
    bed.options.in_flight = 2;
    bed.options.max_errors = ErrorLimit::Rows(3);
    let bad = |number| PlannedRow { payload: r#"{"displayName":""}"#.to_owned(), ..customer(number) };
    let rows: Vec<_> =
        (1..=200).map(|number| if number % 4 == 0 { bad(number) } else { customer(number) }).collect();
    bed.plan(&rows);
    let sandbox = bed.sandbox("").await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::TooManyErrors);
    sandbox.stop().await;
    let refused = bed.results().into_iter().filter(|row| row.state == State::Refused).collect::<Vec<_>>();
    assert!(refused.len() >= 3 && refused.iter().all(|row| row.planned.origin.row % 4 == 0));
    assert!(refused.iter().all(|row| row.message.contains("displayName")), "{refused:?}");
    assert!(bed.results().iter().any(|row| row.state == State::Planned));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_drains_what_is_in_flight() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.options.batch = 5;
    bed.plan(&(1..=200).map(payment).collect::<Vec<_>>());
    let slow = SandboxOptions { latency: Duration::from_millis(50), ..SandboxOptions::default() };
    let sandbox = bed.sandbox_with(slow).await;
    let (stop, stopped) = watch::channel(false);
    let transport = transport(&sandbox);
    let delivery = bed.deliver_until(&transport, &sandbox, stopped);
    let presses_ctrl_c = async {
        while !bed.events.lock().unwrap().iter().any(|event| matches!(event, DeliveryEvent::Accepted(_))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.send(true).unwrap();
    };
    let (end, ()) = tokio::join!(delivery, presses_ctrl_c);
    assert_eq!(end, DeliveryEnd::Interrupted);
    let results = bed.results();
    let done = results.iter().filter(|row| row.state == State::Done).count();
    assert!(results.iter().all(|row| matches!(row.state, State::Done | State::Planned)));
    assert!(done > 0 && done < 200);
    assert_eq!(bed.books().payments, done as u64);
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    assert_eq!((bed.books().payments, bed.books().duplicates.payments), (200, 0));
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pace_keeps_clear_of_the_targets_limit() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    let window = Duration::from_secs(4);
    bed.options.batch = 10;
    bed.options.rate = Some(Rate { operations: NonZeroU32::new(100).unwrap(), window });
    bed.plan(&(1..=150).map(customer).collect::<Vec<_>>());
    let rate = Some(SandboxRate { requests: 100, window });
    let sandbox = bed.sandbox_with(SandboxOptions { rate, ..SandboxOptions::default() }).await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    sandbox.stop().await;
    assert_eq!(bed.states(), [(State::Done, 150)]);
    assert_eq!((bed.books().write_requests.throttled, bed.counters().throttled), (0, 0));
    assert_eq!((bed.counters().operations, bed.counters().requests), (150, 15));
}

const STRICT: Rate = Rate { operations: NonZeroU32::new(60).unwrap(), window: Duration::from_secs(4) };

/// A bed with so many customers to create under a strict limit, and a sandbox that keeps to it. The customers have
/// numbers of their own, so that no lookup adds to what the sandbox counts as writes.
async fn under_a_strict_limit(customers: std::ops::Range<u64>) -> Bed {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.batch = 10;
    bed.options.rate = Some(STRICT);
    bed.plan(&customers.filter(|number| number % 10 != 0).map(customer).collect::<Vec<_>>());
    bed
}

async fn strict_sandbox(bed: &Bed) -> crate::sandbox::Sandbox {
    let requests = STRICT.operations.get() as usize;
    let rate = Some(SandboxRate { requests, window: STRICT.window });
    bed.sandbox_with(SandboxOptions { rate, ..SandboxOptions::default() }).await
}

/// Each process that dies has sent some of the allowance, and the next one knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pace_outlives_the_process() {
    let books = Bed::new(EntityKind::Customers).await;
    let bed = under_a_strict_limit(1..121).await;
    let sandbox = strict_sandbox(&books).await;
    for _ in 0..6 {
        let (_keep, stop) = watch::channel(false);
        let before = books.books().customers;
        let dies = async {
            while books.books().customers < before + 10 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        // Every process opens the record anew.
        let transport = counted(&books, &sandbox, STRICT);
        tokio::select! {
            end = bed.deliver_until(&transport, &sandbox, stop) => assert_eq!(end, DeliveryEnd::Finished),
            () = dies => {}
        }
    }
    let (_keep, stop) = watch::channel(false);
    let transport = counted(&books, &sandbox, STRICT);
    assert_eq!(bed.deliver_until(&transport, &sandbox, stop).await, DeliveryEnd::Finished);
    sandbox.stop().await;
    assert_eq!(bed.states(), [(State::Done, 108)]);
    assert_eq!((books.books().write_requests.throttled, bed.counters().throttled), (0, 0));
}

/// Three runs at once and another one after them, none of which exceeds alone what the credential is allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_with_one_credential_keep_to_its_pace_together() {
    let books = Bed::new(EntityKind::Customers).await;
    let sandbox = strict_sandbox(&books).await;
    let deliver = async |customers| {
        let bed = under_a_strict_limit(customers).await;
        let (_keep, stop) = watch::channel(false);
        let transport = counted(&books, &sandbox, STRICT);
        assert_eq!(bed.deliver_until(&transport, &sandbox, stop).await, DeliveryEnd::Finished);
        bed.counters().throttled
    };
    let throttled = tokio::join!(deliver(1..51), deliver(51..101), deliver(101..151));
    assert_eq!(throttled, (0, 0, 0));
    assert_eq!(deliver(151..201).await, 0);
    sandbox.stop().await;
    assert_eq!((books.books().write_requests.throttled, books.books().duplicates.customers), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_of_a_record_that_is_gone_is_a_conflict() {
    let bed = Bed::new(EntityKind::Customers).await;
    let gone = PlannedRow {
        action: Action::Update,
        remote_id: Some("aaaaaaaa-0000-0000-0000-000000000000".to_owned()),
        etag: Some("W/\"x\"".to_owned()),
        ..customer(1)
    };
    bed.plan(&[gone]);
    let sandbox = bed.sandbox("").await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let result = &bed.results()[0];
    assert_eq!((result.state, result.code.as_str()), (State::Conflict, "gone"));
    sandbox.stop().await;
}

/// A server that creates customers and knows no batches; counts what it is asked.
async fn server_without_batches() -> (String, Arc<AtomicUsize>) {
    use axum::http::StatusCode;
    let created = Arc::new(AtomicUsize::new(0));
    let counted = created.clone();
    let answer = move |method: axum::http::Method, uri: axum::http::Uri| {
        let counted = counted.clone();
        async move {
            if method != axum::http::Method::POST || uri.path().ends_with("$batch") {
                return (StatusCode::NOT_FOUND, r#"{"error":{"code":"BadRequest_NotFound"}}"#.to_owned());
            }
            let number = counted.fetch_add(1, Ordering::Relaxed);
            (StatusCode::CREATED, format!(r#"{{"id":"{number}"}}"#))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/api/v2.0/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    (root, created)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_without_batches_gets_single_requests() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&(1..=50).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let (root, created) = server_without_batches().await;
    let transport = transport_with(&root, Credential::Bearer(SecretString::from("t")));
    let (_keep, stop) = watch::channel(false);
    assert_eq!(bed.deliver_until(&transport, &sandbox, stop).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 50)]);
    assert_eq!(created.load(Ordering::Relaxed), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_payment_goes_alone_so_that_it_can_tell_of_a_posted_journal() {
    let bed = Bed::new(EntityKind::Payments).await;
    bed.plan(&(1..=41).map(payment).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let sent: Vec<_> = bed.events.lock().unwrap().iter().filter_map(rows_sent).collect();
    assert_eq!(sent, [1, 20, 20]);
    sandbox.stop().await;
}

fn rows_sent(event: &DeliveryEvent) -> Option<usize> {
    match event {
        DeliveryEvent::Sent(rows) => Some(*rows),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_in_doubt_is_not_sent_again_after_its_journal_was_posted() {
    let bed = Bed::new(EntityKind::Payments).await;
    let rows: Vec<_> = (1..=2).map(payment).collect();
    bed.plan(&rows);
    let sandbox = bed.sandbox("").await;
    let transport = transport(&sandbox);
    let path = bed.connector(&sandbox).highest_line().unwrap().path.split('?').next().unwrap().to_owned();
    let mut ledger = open_for_delivery(&bed.ledger_path()).await;
    for (row, planned) in (1..).zip(&rows) {
        let body = planned.payload.replacen('{', &format!(r#"{{"lineNumber":{},"#, row * 10_000 + 10_000), 1);
        let answer = post(&transport, &path, &body).await;
        let receipt = Receipt { remote_id: text_of(&answer, "id"), ..Receipt::default() };
        let outcome = if row == 1 { Outcome::Accepted(receipt) } else { Outcome::InDoubt("lost".to_owned()) };
        ledger.record(&[(row, Step::Send), (row, Step::Outcome(outcome))], row).unwrap();
    }
    drop(ledger);
    for line in records(&sandbox, path.split_once('/').unwrap().1).await {
        let own = format!("{path}({})", line["id"].as_str().unwrap());
        transport.send(0, &ApiRequest::new(Method::Delete, own)).await.unwrap();
    }
    assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
    let in_doubt = &bed.results()[1];
    assert_eq!((in_doubt.state, bed.books().payments), (State::InDoubt, 0));
    assert!(in_doubt.message.starts_with("the journal was posted or emptied"), "{}", in_doubt.message);
    sandbox.stop().await;
}
