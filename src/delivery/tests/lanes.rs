//! Several credentials side by side, and targets that answer some things and not others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::bed::{Bed, customer, transport_with_all};
use super::stub::{said, stub};
use crate::delivery::{DeliveryEnd, DeliveryEvent};
use crate::domain::{EntityKind, State};
use crate::transport::Credential;

/// What came from each credential.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    writes: usize,
    lookups: usize,
}

/// What a write gets: by the credential's token and the number of writes before it.
type Answer = fn(&str, usize) -> StatusCode;

/// A server that takes batches, or not, and never finds anything.
async fn server(answer: Answer) -> (String, Arc<Mutex<BTreeMap<String, Seen>>>) {
    let seen = Arc::<Mutex<BTreeMap<String, Seen>>>::default();
    let noted = seen.clone();
    let handler = move |method: Method, _: Uri, headers: HeaderMap, body: String| {
        let noted = noted.clone();
        async move {
            let token = headers["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
            let mut noted = noted.lock().unwrap();
            if method == Method::GET {
                noted.entry(token).or_default().lookups += 1;
                return json!({ "value": [] }).to_string().into_response();
            }
            let before = noted.values().map(|seen| seen.writes).sum();
            noted.entry(token.clone()).or_default().writes += 1;
            drop(noted);
            answered(answer(&token, before), &body)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/api/v2.0/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handler)).await });
    (root, seen)
}

/// Of a batch, only the first operation is answered.
const PARTLY: StatusCode = StatusCode::PARTIAL_CONTENT;

fn answered(status: StatusCode, body: &str) -> Response {
    match status {
        StatusCode::OK | PARTLY => {
            let body: Value = serde_json::from_str(body).unwrap();
            let part = |part: &Value| json!({ "id": part["id"], "status": 201, "body": { "id": "g" } });
            let parts = body["requests"].as_array().unwrap().iter().map(part);
            let parts: Vec<_> = parts.take(if status == PARTLY { 1 } else { usize::MAX }).collect();
            json!({ "responses": parts }).to_string().into_response()
        }
        StatusCode::TOO_MANY_REQUESTS => (status, [("retry-after", "3600")]).into_response(),
        status => status.into_response(),
    }
}

/// Delivers so many customers with two credentials, `a` and `b`.
async fn deliver(bed: &Bed, root: &str) -> DeliveryEnd {
    let credentials = ["a", "b"].map(|token| Credential::Bearer(SecretString::from(token)));
    let sandbox = bed.sandbox("").await;
    let (_keep, stop) = watch::channel(false);
    let end = bed.deliver_until(&transport_with_all(root, credentials.into()), &sandbox, stop).await;
    sandbox.stop().await;
    end
}

async fn bed() -> Bed {
    let bed = Bed::new(EntityKind::Customers).await;
    bed.plan(&(1..=200).map(customer).collect::<Vec<_>>());
    bed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_has_to_wait_for_an_hour_is_taken_out_and_the_other_does_the_rest() {
    let bed = bed().await;
    let only_b: Answer = |token, _| if token == "a" { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
    let (root, seen) = server(only_b).await;
    assert_eq!(deliver(&bed, &root).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 200)]);
    let seen = seen.lock().unwrap();
    assert!(seen["a"].writes <= bed.options.in_flight && seen["b"].writes >= 10, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_all_have_to_wait_for_an_hour_end_the_run() {
    for batch in [1, 20] {
        let mut bed = bed().await;
        bed.options.batch = batch;
        let (root, _) = server(|_, _| StatusCode::TOO_MANY_REQUESTS).await;
        assert_eq!(deliver(&bed, &root).await, DeliveryEnd::Unreachable);
        assert_eq!(bed.states(), [(State::Planned, 200)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_go_by_every_credential() {
    let bed = bed().await;
    let part_at_first: Answer = |_, before| if before < 10 { PARTLY } else { StatusCode::OK };
    let (root, seen) = server(part_at_first).await;
    assert_eq!(deliver(&bed, &root).await, DeliveryEnd::Finished);
    assert_eq!(bed.states(), [(State::Done, 200)]);
    let seen = seen.lock().unwrap();
    assert!(seen.values().all(|seen| seen.lookups > 1), "{seen:?}");
}

/// What is read well is never written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_answers_lookups_and_no_writes_ends_the_run() {
    let mut bed = bed().await;
    bed.options.retry_budget = Duration::from_secs(2);
    bed.options.settle = Duration::from_millis(200);
    let (root, seen) = server(|_, _| StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(deliver(&bed, &root).await, DeliveryEnd::Unreachable);
    assert!(seen.lock().unwrap().values().any(|seen| seen.lookups > 2));
    let results = bed.results();
    assert!(results.iter().all(|row| matches!(row.state, State::Planned | State::InDoubt)));
    let words = bed.events.lock().unwrap().iter().find_map(|event| match event {
        DeliveryEvent::Stopping(words) => Some(words.clone()),
        _ => None,
    });
    assert!(words.unwrap().contains("503"));
}

/// Takes one credential's customers, each with this status in its turn; the delivery dies when it has not ended.
async fn one_by_one(
    answers: &'static [(u16, &'static [(&'static str, &'static str)])],
) -> (Bed, Option<DeliveryEnd>) {
    let mut bed = Bed::new(EntityKind::Customers).await;
    (bed.options.batch, bed.options.in_flight) = (1, 1);
    bed.plan(&(1..=5).map(customer).collect::<Vec<_>>());
    let taken = Arc::new(Mutex::new(answers.iter()));
    let (transport, _) = stub(move |_, _, _, _| {
        let (status, body) = (201, r#"{"id":"g"}"#);
        match taken.lock().unwrap().next() {
            Some((status, headers)) => {
                let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                (*status, headers, body.to_owned())
            }
            None => said(status, body),
        }
    })
    .await;
    let sandbox = bed.sandbox("").await;
    let (_keep, stop) = watch::channel(false);
    let delivery = bed.deliver_until(&transport, &sandbox, stop);
    let end = tokio::time::timeout(Duration::from_secs(2), delivery).await.ok();
    sandbox.stop().await;
    (bed, end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_a_pause_does_not_wait_for_its_end() {
    let (bed, end) = one_by_one(&[(201, &[]), (201, &[]), (429, &[("retry-after", "30")])]).await;
    assert_eq!(end, None);
    assert_eq!(bed.states(), [(State::Done, 2), (State::Planned, 1), (State::Sending, 2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_is_renewed_only_after_hours_ends_the_run() {
    const USED_UP: &[(&str, &str)] = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "7200")];
    let (bed, end) = one_by_one(&[(201, &[]), (201, USED_UP)]).await;
    assert_eq!(end, Some(DeliveryEnd::Unreachable));
    assert_eq!(bed.states(), [(State::Done, 2), (State::Planned, 3)]);
    // With nothing left to send it is no reason to stop.
    let (bed, end) = one_by_one(&[(201, &[]), (201, &[]), (201, &[]), (201, &[]), (201, USED_UP)]).await;
    assert_eq!((end, bed.states()), (Some(DeliveryEnd::Finished), vec![(State::Done, 5)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_is_renewed_in_time_is_waited_for_and_told() {
    const USED_UP: &[(&str, &str)] = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")];
    let (bed, end) = one_by_one(&[(201, &[]), (201, USED_UP)]).await;
    assert_eq!(end, None);
    assert_eq!(bed.states(), [(State::Done, 2), (State::Sending, 3)]);
    let events = bed.events.lock().unwrap();
    let waits = events.iter().filter(|event| matches!(event, DeliveryEvent::Waiting(_))).count();
    assert_eq!(waits, 1, "{events:?}");
}
