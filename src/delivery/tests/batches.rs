//! Batches that a target does not take, finds too large, takes too long over, or fails as a whole; and gateways that
//! speak for it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::bed::{Bed, customer, transport_with};
use crate::delivery::{DeliveryEnd, ErrorLimit};
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
    /// All or nothing, and every tenth customer is to blame.
    Unlucky,
    /// Any number; a gateway turns the answers to the first two writes into a page of its own with this status.
    BehindGateway(StatusCode),
    /// Any number, and takes this long for each operation.
    Slow(Duration),
}

/// What was created under each name, and how large the batches were, in their order.
#[derive(Default)]
struct Seen {
    created: BTreeMap<String, usize>,
    records: Vec<Value>,
    /// Requests that wrote.
    writes: usize,
    batches: Vec<usize>,
}

/// Never taken: the books have a rule against it.
const GUILTY: &str = "Customer 13";

fn refusal() -> Value {
    json!({ "error": { "code": "Application_DialogException", "message": "Thirteen is unlucky." } })
}

fn is_guilty(body: &Value, habit: Habit) -> bool {
    let name = body["displayName"].as_str().unwrap();
    name == GUILTY || (matches!(habit, Habit::Unlucky) && name.ends_with('7'))
}

fn taken() -> Value {
    json!({ "error": { "code": "Internal_EntityWithSameKeyExists", "message": "The record already exists." } })
}

impl Seen {
    fn create(&mut self, body: &Value) -> Value {
        let name = body["displayName"].as_str().unwrap().to_owned();
        *self.created.entry(name.clone()).or_default() += 1;
        let mut record = body.clone();
        record["id"] = name.into();
        self.records.push(record.clone());
        record
    }

    fn single(&mut self, body: &Value, habit: Habit) -> (StatusCode, Value) {
        if is_guilty(body, habit) {
            return (StatusCode::BAD_REQUEST, refusal());
        }
        if self
            .records
            .iter()
            .any(|record| record["number"].is_string() && record["number"] == body["number"])
        {
            return (StatusCode::BAD_REQUEST, taken());
        }
        (StatusCode::CREATED, self.create(body))
    }

    /// The records that a lookup names by number or by name.
    fn found(&self, query: &str) -> Value {
        let query = query.replace("%20", " ").replace("%27", "'");
        let is_named =
            |value: &Value| value.as_str().is_some_and(|text| query.contains(&format!("'{text}'")));
        let named = self.records.iter().filter(|record| {
            is_named(&record["number"]) || (record["number"].is_null() && is_named(&record["displayName"]))
        });
        json!({ "value": named.collect::<Vec<_>>() })
    }

    fn batch(&mut self, parts: &[Value], habit: Habit) -> (StatusCode, Value) {
        self.batches.push(parts.len());
        let fails = parts.iter().any(|part| is_guilty(&part["body"], habit));
        let mut answer = |part: &Value| {
            let (status, body) = match habit {
                Habit::FailedDependency if fails && !is_guilty(&part["body"], habit) => {
                    (StatusCode::FAILED_DEPENDENCY, Value::Null)
                }
                _ => self.single(&part["body"], habit),
            };
            json!({ "id": part["id"], "status": status.as_u16(), "body": body })
        };
        match habit {
            Habit::Never(status) => (status, json!({ "error": { "code": "BadRequest_NotFound" } })),
            Habit::UpTo(most) if parts.len() > most => (StatusCode::PAYLOAD_TOO_LARGE, Value::Null),
            Habit::OneAnswer | Habit::Unlucky if fails => (StatusCode::BAD_REQUEST, refusal()),
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
            if body.is_empty() {
                let found = seen.lock().unwrap().found(uri.query().unwrap_or_default());
                return (StatusCode::OK, found.to_string());
            }
            let body: Value = serde_json::from_slice(&body).unwrap();
            let (status, answer) = match body["requests"].as_array() {
                Some(parts) if uri.path().ends_with("$batch") => seen.lock().unwrap().batch(parts, habit),
                _ => seen.lock().unwrap().single(&body, habit),
            };
            let writes = {
                let mut seen = seen.lock().unwrap();
                seen.writes += 1;
                seen.writes
            };
            if let (Habit::BehindGateway(page), 1 | 2) = (habit, writes) {
                return (page, "<html>Blocked by the gateway</html>".to_owned());
            }
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

/// Sends so many customers to such a server.
async fn send(bed: &mut Bed, habit: Habit, rows: RangeInclusive<u64>) -> (DeliveryEnd, Arc<Mutex<Seen>>) {
    bed.options.max_attempts = 10;
    bed.plan(&rows.map(customer).collect::<Vec<_>>());
    let sandbox = bed.sandbox("").await;
    let (root, seen) = server(habit).await;
    let transport = transport_with(&root, Credential::Bearer(SecretString::from("t")));
    let (_keep, stop) = watch::channel(false);
    (bed.deliver_until(&transport, &sandbox, stop).await, seen)
}

/// Delivers so many customers, each of which arrives once but the guilty one; returns the sizes of the batches.
async fn deliver(bed: Bed, habit: Habit, rows: u64) -> Vec<usize> {
    deliver_all(bed, habit, 1..=rows).await
}

async fn deliver_all(mut bed: Bed, habit: Habit, rows: RangeInclusive<u64>) -> Vec<usize> {
    let (end, seen) = send(&mut bed, habit, rows.clone()).await;
    assert_eq!(end, DeliveryEnd::Finished);
    for (row, number) in bed.results().iter().zip(rows.clone()) {
        let state = if number == 13 { State::Refused } else { State::Done };
        assert_eq!(row.state, state, "row {number}: {}", row.message);
        if number == 13 {
            assert_eq!(row.message, "Thirteen is unlucky.");
        }
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.created.len(), rows.filter(|number| *number != 13).count());
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
async fn batches_are_turned_off_after_some_rows_of_refused_ones_were_taken_alone() {
    let mut bed = bed().await;
    (bed.options.batch, bed.options.in_flight) = (4, 1);
    let batches = deliver_all(bed, Habit::Never(StatusCode::BAD_REQUEST), 21..=100).await;
    // Twenty of four and forty of two, if nobody drew the conclusion.
    assert!(batches.len() < 40, "{batches:?}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_answers_for_the_target_after_it_has_worked_is_not_believed() {
    let mut deliveries = JoinSet::new();
    for status in [400, 404, 405, 409, 413, 422, 424, 501] {
        let habit = Habit::BehindGateway(StatusCode::from_u16(status).unwrap());
        // With rows that have no number of their own, and without; in batches, and one by one.
        for (batch, rows) in [(20, 1..=40), (20, 11..=19), (1, 9..=20)] {
            deliveries.spawn(async move {
                let mut bed = bed().await;
                bed.options.batch = batch;
                deliver_all(bed, habit, rows).await;
            });
        }
    }
    deliveries.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_to_blame_at_the_start_does_not_turn_batches_off() {
    let mut bed = bed().await;
    (bed.options.batch, bed.options.in_flight) = (2, 1);
    let batches = deliver_all(bed, Habit::OneAnswer, 13..=32).await;
    assert_eq!(batches, [2; 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_batch_is_no_attempt_at_its_rows() {
    let mut bed = bed().await;
    send(&mut bed, Habit::OneAnswer, 1..=20).await;
    assert!(bed.results().iter().all(|row| row.attempts == 1), "{:?}", bed.results());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_sent_again_and_again_do_not_make_refused_ones_a_smaller_share() {
    let mut bed = bed().await;
    bed.options.max_errors = ErrorLimit::Percent(5);
    let (end, _) = send(&mut bed, Habit::Unlucky, 1..=300).await;
    assert_eq!(end, DeliveryEnd::TooManyErrors);
}
