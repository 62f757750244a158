//! Tokens, limits, batches, and books that outlive their server.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{Rate, Sandbox, SandboxOptions, read_books, reset, seed_customers};
use super::client::{Bench, answer, body, code, token};

fn create(id: &str, number: &str) -> Value {
    json!({ "id": id, "method": "POST", "url": "customers", "headers": { "Company": "CRONUS International" },
        "body": { "number": number, "displayName": format!("Customer {number}") } })
}

async fn batch(bench: &Bench, headers: &[(&str, &str)], requests: Vec<Value>) -> (u16, Value) {
    let mut request = bench.request(Method::POST, "$batch").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.body(json!({ "requests": requests }).to_string())).await
}

fn statuses(answer: &Value) -> Vec<(&str, u64)> {
    let responses = answer["responses"].as_array().unwrap();
    responses.iter().map(|one| (one["id"].as_str().unwrap(), one["status"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn a_batch_ends_at_its_first_failure_unless_told_to_go_on() {
    let bench = Bench::new().await;
    let requests = || vec![create("a", "B1"), create("b", "10000"), create("c", "B2")];
    let (status, ended) = batch(&bench, &[], requests()).await;
    assert_eq!((status, statuses(&ended)), (200, vec![("a", 201), ("b", 400)]));
    assert_eq!(code(&ended["responses"][1]["body"]), "Internal_EntityWithSameKeyExists");
    let (_, went_on) = batch(&bench, &[("prefer", "odata.continue-on-error=true")], requests()).await;
    assert_eq!(statuses(&went_on), [("a", 400), ("b", 400), ("c", 201)]);
    assert_eq!(bench.books().customers, 14);
    let writes = bench.books().write_requests;
    assert_eq!((writes.carried_out, writes.refused), (2, 3));
}

#[tokio::test]
async fn a_snapshot_is_all_or_nothing_and_reports_what_it_undid_as_done() {
    let bench = Bench::new().await;
    let snapshot = [("isolation", "snapshot")];
    let (_, undone) = batch(&bench, &snapshot, vec![create("a", "B1"), create("b", "10000")]).await;
    assert_eq!(statuses(&undone), [("a", 201), ("b", 400)]);
    let (_, alone) = batch(&bench, &snapshot, vec![create("a", "10000"), create("b", "B1")]).await;
    assert_eq!(statuses(&alone), [("a", 400)]);
    let books = bench.books();
    assert_eq!((books.customers, books.write_requests.carried_out, books.write_requests.refused), (12, 0, 4));
    let (_, done) = batch(&bench, &snapshot, vec![create("a", "B1"), create("b", "B2")]).await;
    assert_eq!(statuses(&done), [("a", 201), ("b", 201)]);
    assert_eq!(bench.books().customers, 14);
}

#[tokio::test]
async fn a_batch_reads_and_patches_with_inner_addresses_and_headers() {
    let bench = Bench::new().await;
    let company = bench.company();
    let id = bench.id("/customers?$filter=number eq '10000'").await;
    let (_, done) = batch(
        &bench,
        &[],
        vec![
            json!({ "id": "1", "method": "GET", "url": format!("{company}/customers?$filter=number eq '10000'&$select=number") }),
            json!({ "id": "2", "method": "PATCH", "url": format!("{company}/customers({id})"), "headers": { "If-Match": "*" }, "body": { "city": "Macon" } }),
            json!({ "id": "3", "method": "DELETE", "url": format!("{company}/customers({id})") }),
        ],
    )
    .await;
    assert_eq!(statuses(&done), [("1", 200), ("2", 200), ("3", 400)]);
    assert_eq!(done["responses"][0]["body"]["value"][0]["number"], "10000");
    assert_eq!(done["responses"][1]["body"]["city"], "Macon");
}

#[tokio::test]
async fn a_batch_beyond_the_limit_is_answered_500_and_does_nothing() {
    let bench = Bench::new().await;
    let requests = (0..101).map(|place| create(&place.to_string(), &format!("B{place}"))).collect();
    let (status, refused) = batch(&bench, &[], requests).await;
    assert_eq!(status, 500);
    assert!(refused["error"]["message"].as_str().unwrap().contains("100"));
    assert_eq!(bench.books().customers, 12);
}

#[tokio::test]
async fn without_a_live_token_nothing_is_answered() {
    let bench = Bench::with(|options| options.token_life = Duration::ZERO).await;
    let (status, refused) = bench.ask("/customers").await;
    assert_eq!((status, code(&refused)), (401, "Authentication_InvalidCredentials"));
    let outside =
        bench.http.get(bench.sandbox.welcome().token_url.replace("/oauth2/v2.0/token", "/else")).send().await;
    let outside = outside.unwrap();
    assert_eq!((outside.status().as_u16(), body(outside).await), (404, Value::Null));
}

#[tokio::test]
async fn the_rate_counts_operations_per_credential() {
    let rate = Rate { requests: 3, window: Duration::from_mins(10) };
    let bench = Bench::with(|options| options.rate = Some(rate)).await;
    assert_eq!(batch(&bench, &[], vec![create("a", "B1"), create("b", "B2")]).await.0, 200);
    assert_eq!(bench.ask("/customers").await.0, 200);
    let refused = bench.request(Method::POST, "/customers").body("{}").send().await.unwrap();
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!((refused.status().as_u16(), (590..=600).contains(&wait)), (429, true));
    assert_eq!(bench.books().write_requests.throttled, 1);
    let other = token(&bench.http, bench.sandbox.welcome(), "-2").await;
    let bench = bench.speaking_as(other);
    assert_eq!(bench.ask("/customers").await.0, 200);
}

#[tokio::test]
async fn metadata_and_the_service_document_describe_the_sets() {
    let bench = Bench::new().await;
    let (status, metadata) = bench.ask("$metadata").await;
    assert_eq!(status, 200);
    assert!(metadata.as_str().unwrap().contains("EntityType Name=\"customer\""));
    let sets = bench.get("").await;
    assert!(sets["value"].as_array().unwrap().iter().any(|set| set["name"] == "customers"));
}

#[tokio::test]
async fn a_body_can_be_left_out_of_the_answer() {
    let bench = Bench::new().await;
    let request = bench.request(Method::POST, "/customers").header("prefer", "return-no-content");
    let response =
        request.body(json!({ "number": "Q1", "displayName": "Quiet" }).to_string()).send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["preference-applied"], "return-no-content");
    assert!(response.headers().contains_key("request-id"));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(answer(bench.http.get(location).bearer_auth(&bench.token)).await.1["number"], "Q1");
}

#[tokio::test]
async fn books_outlive_their_server_and_can_be_reset_and_filled() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("books");
    for wanted in [12, 12] {
        let options = SandboxOptions { books: books.clone(), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        assert_eq!(read_books(&books).unwrap().customers, wanted);
        sandbox.stop().await;
    }
    assert_eq!(seed_customers(&books, 1000).unwrap(), 1000);
    assert_eq!(seed_customers(&books, 1500).unwrap(), 500);
    let filled = read_books(&books).unwrap();
    assert_eq!((filled.customers, filled.duplicates.customers), (1512, 0));
    reset(&books).unwrap();
    assert_eq!(read_books(&books).unwrap().customers, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_create_the_same_number_at_once_one_succeeds() {
    let bench = Bench::new().await;
    let customer = json!({ "number": "RACE", "displayName": "Race" }).to_string();
    let sends: Vec<_> = (0..20)
        .map(|_| tokio::spawn(answer(bench.request(Method::POST, "/customers").body(customer.clone()))))
        .collect();
    let mut created = 0;
    for send in sends {
        created += usize::from(send.await.unwrap().0 == 201);
    }
    assert_eq!((created, bench.books().customers), (1, 13));
}

#[tokio::test]
async fn more_than_may_wait_is_refused_before_any_work() {
    let bench = Bench::with(|options| {
        (options.in_flight, options.queue, options.latency) = (1, 1, Duration::from_millis(300));
    })
    .await;
    let statuses = create_at_once(&bench, 5).await;
    assert_eq!(statuses.iter().filter(|&&status| status == 201).count(), 2, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|&&status| status == 429).count(), 3, "{statuses:?}");
    assert_eq!((bench.books().customers, bench.books().write_requests.throttled), (14, 3));
}

/// Creates `count` customers at once and gives the statuses.
async fn create_at_once(bench: &Bench, count: usize) -> Vec<u16> {
    let sends: Vec<_> = (0..count)
        .map(|place| {
            let customer = json!({ "number": format!("W{place}"), "displayName": "Waiting" }).to_string();
            tokio::spawn(answer(bench.request(Method::POST, "/customers").body(customer)))
        })
        .collect();
    let mut statuses = Vec::new();
    for send in sends {
        statuses.push(send.await.unwrap().0);
    }
    statuses
}
