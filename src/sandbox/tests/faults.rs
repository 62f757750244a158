//! Every fault, as a client sees it and as the books saw it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::super::{Faults, SandboxOptions};
use super::client::{Bench, body, code};

async fn bench(faults: Faults) -> Bench {
    Bench::with(|options| options.faults = faults).await
}

async fn create(bench: &Bench) -> Result<reqwest::Response, reqwest::Error> {
    let customer = json!({ "number": "F1", "displayName": "Faulty" }).to_string();
    bench.request(Method::POST, "/customers").body(customer).send().await
}

#[tokio::test]
async fn a_lost_answer_leaves_the_work_done() {
    let bench = bench(Faults { lost: 1.0, ..Faults::default() }).await;
    create(&bench).await.unwrap_err();
    let books = bench.books();
    assert_eq!((books.customers, books.write_requests.carried_out, books.write_requests.faulted), (13, 1, 1));
}

#[tokio::test]
async fn a_reset_comes_before_the_work() {
    let bench = bench(Faults { reset: 1.0, ..Faults::default() }).await;
    create(&bench).await.unwrap_err();
    let books = bench.books();
    assert_eq!((books.customers, books.write_requests.carried_out, books.write_requests.faulted), (12, 0, 1));
}

#[tokio::test]
async fn a_torn_answer_breaks_off_in_its_body_after_the_work() {
    let bench = bench(Faults { torn: 1.0, ..Faults::default() }).await;
    let response = create(&bench).await.unwrap();
    assert_eq!(response.status(), 201);
    let promised: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(promised > 500);
    response.bytes().await.unwrap_err();
    assert_eq!(bench.books().customers, 13);
}

#[tokio::test]
async fn a_gateway_page_says_nothing_about_the_work() {
    let bench = bench(Faults { gateway: 1.0, seed: 3, ..Faults::default() }).await;
    let (mut done, mut not_done) = (false, false);
    for number in 0..12 {
        let before = bench.books().customers;
        let customer = json!({ "number": format!("G{number}"), "displayName": "Faulty" }).to_string();
        let response = bench.request(Method::POST, "/customers").body(customer).send().await.unwrap();
        assert_eq!(response.status(), 504);
        assert!(response.text().await.unwrap().starts_with("<html>"));
        if bench.books().customers > before { done = true } else { not_done = true }
    }
    assert!(done && not_done);
}

#[tokio::test]
async fn refusals_come_with_every_form_of_retry_after() {
    let bench = bench(Faults { too_many: 1.0, ..Faults::default() }).await;
    let mut forms = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let response = create(&bench).await.unwrap();
        let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        forms.insert(match after {
            Some(after) if after.ends_with("GMT") => "date",
            Some(_) => "seconds",
            None if response.headers().contains_key("retry-after-auth") => "suffix",
            None => "absent",
        });
        assert_eq!(response.status(), 429);
    }
    assert_eq!(forms.into_iter().collect::<Vec<_>>(), ["absent", "date", "seconds", "suffix"]);
    assert_eq!(bench.books().customers, 12);
}

#[tokio::test]
async fn an_unavailable_service_says_when_to_come_back() {
    let bench = bench(Faults { unavailable: 1.0, ..Faults::default() }).await;
    let response = create(&bench).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert_eq!(bench.books().customers, 12);
}

#[tokio::test]
async fn a_slow_answer_is_a_good_one() {
    let bench = bench(Faults { slow: 1.0, ..Faults::default() }).await;
    let start = Instant::now();
    assert_eq!(create(&bench).await.unwrap().status(), 201);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn what_comes_to_its_turn_too_late_is_not_done() {
    let late = |options: &mut SandboxOptions| {
        (options.latency, options.time_limit) = (Duration::from_millis(20), Duration::from_millis(10));
    };
    let bench = Bench::with(late).await;
    let before = bench.books();
    assert_eq!(create(&bench).await.unwrap().status(), 408);
    let welcome = bench.sandbox.welcome().bigcapital.clone();
    let body = json!({ "customer_type": "business", "display_name": "Late" }).to_string();
    let request = bench.http.post(format!("{}/customers", welcome.url)).body(body);
    let request = request.header("content-type", "application/json");
    let request = request.bearer_auth(&welcome.api_key).header("organization-id", &welcome.organization_id);
    assert_eq!(request.send().await.unwrap().status(), 504);
    let after = bench.books();
    assert_eq!(
        (after.customers, after.bigcapital.customers),
        (before.customers, before.bigcapital.customers)
    );
}

#[tokio::test]
async fn an_overtaken_patch_is_stale_although_nothing_visible_changed() {
    let bench = bench(Faults { etag: 1.0, ..Faults::default() }).await;
    let before = bench.get("/customers?$filter=number eq '10000'").await["value"][0].clone();
    let path = format!("/customers({})", before["id"].as_str().unwrap());
    let etag = before["@odata.etag"].as_str().unwrap();
    let request = bench.request(Method::PATCH, &path).header("if-match", etag).body(r#"{"city":"Macon"}"#);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 409);
    assert_eq!(code(&body(response).await), "Request_EntityChanged");
    let after = bench.get(&path).await;
    assert_eq!((&after["city"], after["@odata.etag"] == before["@odata.etag"]), (&json!("Atlanta"), false));
}

#[tokio::test]
async fn a_lost_batch_may_stop_anywhere_but_never_twice() {
    let bench = bench(Faults { lost: 1.0, seed: 5, ..Faults::default() }).await;
    let requests: Vec<_> = (0..20)
        .map(|place| {
            json!({ "id": place.to_string(), "method": "POST", "url": "customers",
                "headers": { "company": "CRONUS International" },
                "body": { "number": format!("L{place}"), "displayName": format!("Lost {place}") } })
        })
        .collect();
    let body = json!({ "requests": requests }).to_string();
    let mut counts = vec![bench.books().customers];
    for _ in 0..4 {
        let prefer = ("prefer", "odata.continue-on-error=true");
        bench
            .request(Method::POST, "$batch")
            .header(prefer.0, prefer.1)
            .body(body.clone())
            .send()
            .await
            .unwrap_err();
        counts.push(bench.books().customers);
    }
    assert!(counts.is_sorted() && counts[4] > 12 && counts[4] <= 32, "{counts:?}");
    assert_eq!(bench.books().duplicates.customers, 0);
}

#[tokio::test]
async fn a_stalled_request_is_never_answered_and_nothing_is_done() {
    let bench = bench(Faults { stall: 1.0, ..Faults::default() }).await;
    let customer = json!({ "number": "F1", "displayName": "Faulty" }).to_string();
    let request = bench.request(Method::POST, "/customers").body(customer);
    assert!(request.timeout(Duration::from_millis(200)).send().await.unwrap_err().is_timeout());
    assert_eq!(bench.books().customers, 12);
    bench.sandbox.stop().await;
}
