//! Batches that a target does not take, finds too large, takes too long over, or fails as a whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::bed::{Bed, customer, transport_with};
use crate::delivery::DeliveryEnd;
use crate::domain::{EntityKind, State};
use crate::transport::Credential;

/// How a server takes batches.
#[derive(Clone, Copy)]
enum Habit {
    /// Not at all, and says so with this status.
    Never(StatusCode),
    /// Up to so many operations.
    UpTo(usize),
    /// All or nothing: one answer for the whole batch.
    OneAnswer,
    /// All or nothing: the row to blame has its own answer, all others failed with it.
    FailedDependency,
    /// Any number, and takes this long for each operation.
    Slow(Duration),
}

/// What was created under each name, and how large the batches were, in their order.
#[derive(Default)]
struct Seen {
    created: BTreeMap<String, usize>,
    batches: Vec<usize>,
}

/// Never taken: the books have a rule against it.
const GUILTY: &str = "Customer 13";

fn refusal() -> Value {
    json!({ "error": { "code": "Application_DialogException", "message": "Thirteen is unlucky." } })
}

fn is_guilty(body: &Value) -> bool {
    body["displayName"] == GUILTY
}

impl Seen {
    fn create(&mut self, body: &Value) -> Value {
        let name = body["displayName"].as_str().unwrap().to_owned();
        *self.created.entry(name.clone()).or_default() += 1;
        json!({ "id": name })
    }

    fn single(&mut self, body: &Value) -> (StatusCode, Value) {
        if is_guilty(body) {
            return (StatusCode::BAD_REQUEST, refusal());
        }
        (StatusCode::CREATED, self.create(body))
    }

    fn batch(&mut self, parts: &[Value], habit: Habit) -> (StatusCode, Value) {
        self.batches.push(parts.len());
        let fails = parts.iter().any(|part| is_guilty(&part["body"]));
        let mut answer = |part: &Value| {
            let (status, body) = match habit {
                Habit::FailedDependency if fails && !is_guilty(&part["body"]) => {
                    (StatusCode::FAILED_DEPENDENCY, Value::Null)
                }
                _ => self.single(&part["body"]),
            };
            json!({ "id": part["id"], "status": status.as_u16(), "body": body })
        };
        match habit {
            Habit::Never(status) => (status, json!({ "error": { "code": "BadRequest_NotFound" } })),
            Habit::UpTo(most) if parts.len() > most => (StatusCode::PAYLOAD_TOO_LARGE, Value::Null),
            Habit::OneAnswer if fails => (StatusCode::BAD_REQUEST, refusal()),
            _ => (StatusCode::OK, json!({ "responses": parts.iter().map(&mut answer).collect::<Vec<_>>() })),
        }
    }
}

async fn server(habit: Habit) -> (String, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = seen.clone();
    let answer = move |uri: Uri, body: Bytes| {
        let seen = shared.clone();
        async move {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let (status, answer) = match body["requests"].as_array() {
                Some(parts) if uri.path().ends_with("$batch") => seen.lock().unwrap().batch(parts, habit),
                _ => seen.lock().unwrap().single(&body),
            };
            if let (Habit::Slow(each), Some(parts)) = (habit, answer["responses"].as_array()) {
                tokio::time::sleep(each * u32::try_from(parts.len()).unwrap()).await;
            }
            (status, answer.to_string())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/api/v2.0/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    (root, seen)
}

/// Delivers so many customers, each of which arrives once but the guilty one; returns the sizes of the batches.
async fn deliver(mut bed: Bed, habit: Habit, rows: u64) -> Vec<usize> {
    bed.options.max_attempts = 10;
    bed.plan(&(1..=rows).map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let (root, seen) = server(habit).await;
    let transport = transport_with(&root, Credential::Bearer(SecretString::from("t")));
    let (_keep, stop) = watch::channel(false);
    assert_eq!(bed.deliver_until(&transport, &sandbox, stop).await, DeliveryEnd::Finished);
    for (row, number) in bed.results().iter().zip(1..) {
        let state = if number == 13 { State::Refused } else { State::Done };
        assert_eq!(row.state, state, "row {number}: {}", row.message);
    }
    assert_eq!(bed.results()[12].message, "Thirteen is unlucky.");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.created.len() as u64, rows - 1);
    assert!(seen.created.values().all(|times| *times == 1), "{:?}", seen.created);
    seen.batches.clone()
}

async fn bed() -> Bed {
    Bed::new(EntityKind::Customers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_takes_no_batches_is_asked_a_few_times_at_most() {
    for (status, most) in [(404, 2), (405, 2), (501, 2), (400, 30)] {
        let batches = deliver(bed().await, Habit::Never(StatusCode::from_u16(status).unwrap()), 100).await;
        assert!(batches.len() <= most, "{status}: {batches:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_fails_as_a_whole_is_halved_until_the_row_to_blame_stands_alone() {
    for habit in [Habit::OneAnswer, Habit::FailedDependency] {
        let batches = deliver(bed().await, habit, 100).await;
        assert!(batches.len() <= 20, "{batches:?}");
        assert_eq!(
            batches.iter().filter(|size| **size == 20).count(),
            5,
            "the others stay whole: {batches:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_become_as_small_as_the_target_takes_them() {
    let batches = deliver(bed().await, Habit::UpTo(7), 100).await;
    let too_large = batches.iter().filter(|size| **size > 7).count();
    assert!(too_large <= 6 && batches.iter().filter(|size| **size > 1).count() > 10, "{batches:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_take_too_long_become_smaller() {
    let mut bed = bed().await;
    // An eighth of it is what a batch may take: five operations at this server's speed.
    bed.options.deadline = Duration::from_secs(2);
    let batches = deliver(bed, Habit::Slow(Duration::from_millis(50)), 60).await;
    assert_eq!(batches[0], 20);
    assert!(*batches.last().unwrap() <= 5, "{batches:?}");
}
