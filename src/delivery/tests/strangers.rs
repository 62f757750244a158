//! Servers and proxies with other habits than the sandbox's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use tokio::sync::watch;

use super::bed::{Bed, customer, payment};
use super::stub::{Asked, Said, said, stub};
use crate::delivery::{DeliveryEnd, DeliveryEvent};
use crate::domain::{EntityKind, State};
use crate::transport::Transport;

const PAGE: &str = "<html><body>Something is wrong</body></html>";

fn count(asked: &Asked, method: &Method) -> usize {
    asked.lock().unwrap().iter().filter(|(known, ..)| known == method).count()
}

async fn deliver(bed: &Bed, transport: &Arc<Transport>) -> DeliveryEnd {
    let sandbox = bed.sandbox("").await;
    let (_keep, stop) = watch::channel(false);
    let end = bed.deliver_until(transport, &sandbox, stop).await;
    sandbox.stop().await;
    end
}

/// Customers created one by one on a server that answers `first` to the first write, and then as it should.
async fn after_one(first: Said, kept: bool) -> (Bed, Asked) {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.batch = 1;
    bed.plan(&[customer(1)]);
    let writes = Arc::new(AtomicUsize::new(0));
    let (transport, asked) = stub(move |_, method, _, _| {
        let record = r#"{"id":"g","number":"T00001","displayName":"Customer 1","email":"c1@example.com","creditLimit":1.25}"#;
        match *method {
            Method::POST if writes.fetch_add(1, Ordering::SeqCst) == 0 => first.clone(),
            Method::POST => said(201, record),
            _ if kept => said(200, &format!(r#"{{"value":[{record}]}}"#)),
            _ => said(200, r#"{"value":[]}"#),
        }
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    (bed, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_says_nothing_of_the_row_is_followed_by_a_lookup() {
    for status in [200, 201, 500, 502, 503, 504, 408, 409, 418] {
        let (bed, asked) = after_one(said(status, PAGE), true).await;
        assert_eq!(bed.states(), [(State::Done, 1)], "{status}");
        assert_eq!((count(&asked, &Method::POST), count(&asked, &Method::GET)), (1, 1), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_proxy_that_passed_nothing_on_is_no_refusal_of_the_row() {
    for status in [400, 404, 413, 431] {
        let (bed, asked) = after_one(said(status, PAGE), false).await;
        assert_eq!(bed.states(), [(State::Done, 1)], "{status}");
        assert_eq!(count(&asked, &Method::POST), 2, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_forbids_ends_the_run_and_leaves_the_row_in_doubt() {
    for (status, batch) in [(401, 1), (403, 1), (407, 1), (403, 20), (407, 20)] {
        let mut bed = Bed::new(EntityKind::Customers).await;
        bed.options.batch = batch;
        bed.plan(&[customer(1), customer(2)]);
        let (transport, asked) = stub(move |_, _, _, _| said(status, PAGE)).await;
        assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::NotAuthenticated, "{status}");
        let in_doubt = bed.results().iter().filter(|row| row.state == State::InDoubt).count();
        assert_eq!(in_doubt, if batch == 1 { 1 } else { 2 }, "{status}");
        assert_eq!(count(&asked, &Method::POST), 1, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_a_write_leaves_the_row_in_doubt_and_is_not_followed() {
    for batch in [1, 20] {
        let mut bed = Bed::new(EntityKind::Customers).await;
        bed.options.batch = batch;
        bed.plan(&[customer(1)]);
        let (elsewhere, followed) = stub(|_, _, _, _| said(201, r#"{"id":"g"}"#)).await;
        let target = elsewhere.service_root().to_string();
        let (transport, _) =
            stub(move |_, _, _, _| (303, vec![("location", target.clone())], String::new())).await;
        let sandbox = bed.sandbox("").await;
        let (_keep, stop) = watch::channel(false);
        let failure = bed.try_to_deliver(&transport, &sandbox, stop).await.unwrap_err();
        assert!(failure.to_string().contains("redirects to"), "{failure}");
        assert_eq!(bed.states(), [(State::InDoubt, 1)]);
        assert!(followed.lock().unwrap().is_empty());
        // The next process, at the right address, looks before it sends.
        assert_eq!(bed.deliver(&sandbox).await, DeliveryEnd::Finished);
        assert_eq!(bed.states(), [(State::Done, 1)]);
        sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_answers_in_any_order_with_numbers_as_ids_and_not_of_all_is_believed_in_part() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&[customer(1), customer(2), customer(3)]);
    let batches = Arc::new(AtomicUsize::new(0));
    let (transport, asked) = stub(move |_, method, path, _| {
        let created = |row: u8| format!(r#"{{"id":{row},"status":201,"body":{{"id":"g{row}"}}}}"#);
        match (method, path.ends_with("$batch")) {
            (&Method::POST, true) if batches.fetch_add(1, Ordering::SeqCst) == 0 => {
                said(200, &format!(r#"{{"responses":[{},{}]}}"#, created(3), created(1)))
            }
            (&Method::POST, true) => said(200, &format!(r#"{{"responses":[{}]}}"#, created(2))),
            _ => said(200, r#"{"value":[]}"#),
        }
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 3)]);
    let batches: Vec<_> = asked
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, path, _)| path.ends_with("$batch"))
        .map(|(.., body)| body.clone())
        .collect();
    assert_eq!(batches.len(), 2);
    assert!(
        batches[1].contains("T00002") && !batches[1].contains("T00001") && !batches[1].contains("T00003")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_names_a_date_pauses_the_run_and_says_so() {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&[customer(1), customer(2)]);
    let batches = Arc::new(AtomicUsize::new(0));
    let (transport, _) = stub(move |_, _, _, _| {
        if batches.fetch_add(1, Ordering::SeqCst) > 0 {
            return said(200, r#"{"responses":[{"id":"2","status":201,"body":{"id":"g2"}}]}"#);
        }
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
        let later = jiff::fmt::rfc2822::to_string(&later.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        let throttled = format!(r#"{{"id":"2","status":429,"headers":{{"Retry-After":"{later}"}}}}"#);
        said(200, &format!(r#"{{"responses":[{{"id":"1","status":201,"body":{{"id":"g1"}}}},{throttled}]}}"#))
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 2)]);
    let waited = bed
        .events
        .lock()
        .unwrap()
        .iter()
        .any(|event| matches!(event, DeliveryEvent::Waiting(pause) if pause.as_millis() > 500));
    assert!(waited, "{:?}", bed.events.lock().unwrap());
    assert_eq!(bed.counters().throttled, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_goes_through_all_pages_by_absolute_links() {
    let mut bed = Bed::new(EntityKind::Payments).await;
    bed.options.batch = 1;
    bed.plan(&[payment(1)]);
    let (transport, asked) = stub(|base, method, path, _| {
        let ours = r#"{"id":"g","lineNumber":20000,"customerNumber":"10000","postingDate":"2026-01-15","documentNumber":"P1","externalDocumentNumber":"X1","amount":-1.25}"#;
        match (method, path.contains("$skiptoken=1")) {
            (&Method::POST, _) => said(504, PAGE),
            (_, false) => said(200, &format!(r#"{{"value":[],"@odata.nextLink":"{base}companies(c)/x?$skiptoken=1"}}"#)),
            (_, true) => said(200, &format!(r#"{{"value":[{ours}]}}"#)),
        }
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 1)]);
    assert_eq!((count(&asked, &Method::POST), count(&asked, &Method::GET)), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_that_a_proxy_answers_is_asked_again() {
    let mut bed = Bed::new(EntityKind::Customers).await;
    bed.options.batch = 1;
    bed.plan(&[customer(1)]);
    let lookups = Arc::new(AtomicUsize::new(0));
    let (transport, asked) = stub(move |_, method, _, _| match *method {
        Method::POST => said(502, PAGE),
        _ => match lookups.fetch_add(1, Ordering::SeqCst) {
            0 => said(404, PAGE),
            1 => said(200, PAGE),
            2 => (503, vec![("retry-after", "0".to_owned())], String::new()),
            _ => said(
                200,
                r#"{"value":[{"id":"g","number":"T00001","displayName":"Customer 1","email":"c1@example.com","creditLimit":1.250}]}"#,
            ),
        },
    })
    .await;
    assert_eq!(deliver(&bed, &transport).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 1)]);
    assert_eq!((count(&asked, &Method::POST), count(&asked, &Method::GET)), (1, 4));
}
