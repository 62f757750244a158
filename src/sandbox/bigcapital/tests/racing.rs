//! Two writers at once: what the real server loses, this one loses too.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::Bench;

/// Long enough that two requests sent together are at work together.
const LATENCY: Duration = Duration::from_millis(20);

/// Sends all of `bodies` to `path` with so many workers; the statuses and bodies of the answers.
async fn send_all(bench: &Bench, path: &str, bodies: Vec<Value>, workers: usize) -> Vec<(u16, Value)> {
    let mut answers = Vec::new();
    for pair in bodies.chunks(workers) {
        let mut at_work = tokio::task::JoinSet::new();
        for body in pair {
            let request = bench.request(reqwest::Method::POST, path).body(body.to_string());
            at_work.spawn(async move {
                let response = request.send().await.unwrap();
                (response.status().as_u16(), super::bench::read(response).await)
            });
        }
        answers.extend(at_work.join_all().await);
    }
    answers
}

fn customers(count: usize) -> Vec<Value> {
    let customer = |place: usize| {
        json!({
            "customerType": "business", "displayName": format!("Racer {place}"), "currencyCode": "USD",
            "openingBalance": 10, "openingBalanceAt": "2026-01-01",
        })
    };
    (0..count).map(customer).collect()
}

fn payments(count: usize, number: impl Fn(usize) -> String) -> Vec<Value> {
    let payment = |place: usize| {
        json!({
            "customerId": 1, "paymentDate": "2026-02-01", "depositAccountId": 1000,
            "entries": [{ "invoiceId": 1, "paymentAmount": 1 }], "paymentReceiveNo": number(place),
        })
    };
    (0..count).map(payment).collect()
}

async fn racing_bench(strict: bool) -> Bench {
    Bench::with(|options| {
        options.latency = LATENCY;
        options.strict = strict;
    })
    .await
}

#[tokio::test]
async fn of_two_customers_at_once_some_are_answered_201_and_do_not_exist() {
    for strict in [false, true] {
        let bench = racing_bench(strict).await;
        let before = bench.books();
        let answers = send_all(&bench, "customers", customers(20), 2).await;
        assert!(answers.iter().all(|(status, _)| *status == 201));
        let books = bench.books();
        let lost = before.customers + 20 - books.customers;
        assert!((3..=10).contains(&lost), "{lost}");
        assert_eq!(books.write_requests.swallowed, lost);
        let mut missing = 0;
        for (_, body) in &answers {
            let path = format!("customers/{}", body["id"]);
            let (status, _) = bench.send(reqwest::Method::GET, &path, Value::Null).await;
            missing += u64::from(status == 404);
        }
        assert_eq!(missing, lost);
    }
}

#[tokio::test]
async fn the_id_of_a_customer_that_was_lost_is_given_to_nobody_else() {
    let bench = racing_bench(false).await;
    let answers = send_all(&bench, "customers", customers(20), 2).await;
    let mut ids: Vec<i64> = answers.iter().map(|(_, body)| body["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn one_writer_loses_nothing() {
    let bench = Bench::new().await;
    let before = bench.books();
    let answers = send_all(&bench, "customers", customers(10), 1).await;
    assert!(answers.iter().all(|(status, _)| *status == 201));
    let answers = send_all(&bench, "payments-received", payments(10, |place| format!("P-{place}")), 1).await;
    assert!(answers.iter().all(|(status, _)| *status == 201));
    let books = bench.books();
    assert_eq!((books.customers, books.payments), (before.customers + 10, 10));
    assert_eq!((books.write_requests.swallowed, books.write_requests.deadlocked), (0, 0));
    assert_eq!(books.duplicates, before.duplicates);
}

#[tokio::test]
async fn of_two_payments_at_once_some_fail_some_vanish_and_one_number_is_stored_twice() {
    let bench = racing_bench(false).await;
    let answers =
        send_all(&bench, "payments-received", payments(24, |place| format!("P-{}", place / 2)), 2).await;
    let failed = answers.iter().filter(|(status, _)| *status == 500).count() as u64;
    let accepted = answers.iter().filter(|(status, _)| *status == 201).count() as u64;
    let books = bench.books();
    assert!(failed > 0 && books.write_requests.deadlocked == failed);
    assert!(books.payments < accepted, "{} of {accepted}", books.payments);
    assert!(books.duplicates.payments > 0);
    assert_ne!(books.sums.payments["USD"], books.sums.due["USD"] - books.sums.balances["USD"]);
}

#[tokio::test]
async fn customers_without_opening_balances_race_unharmed() {
    let bench = racing_bench(false).await;
    let before = bench.books().customers;
    let mut bodies = customers(12);
    for body in &mut bodies {
        let body = body.as_object_mut().unwrap();
        body.retain(|name, _| !name.starts_with("openingBalance"));
    }
    send_all(&bench, "customers", bodies, 4).await;
    assert_eq!(bench.books().customers, before + 12);
}
